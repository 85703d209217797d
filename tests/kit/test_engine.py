"""The engine in memory: who is subscribed to what, and nothing that stays behind."""

import json

import msgspec

from liveproto.wire.messages import Publication, Push
from liveproto_conformance.reference.engine import Engine


class Inbox:
    """A subscriber that keeps what it gets."""

    def __init__(self):
        self.got = []

    def deliver(self, channel, line):
        self.got.append((channel, line))


def publish(engine, key, data=b"1"):
    made = []

    def make(name):
        made.append(name)
        return Push(channel=name, pub=Publication(data=msgspec.Raw(data)))

    engine.publish(key, make)
    return made


def test_a_push_reaches_every_subscriber_of_its_key_and_nobody_else():
    engine, a, b, other = Engine(), Inbox(), Inbox(), Inbox()
    engine.join("k", a, "x")
    engine.join("k", b, "x")
    engine.join("l", other, "x")
    publish(engine, "k", b'{"v":1}')
    ((channel, line),) = a.got
    assert (channel, json.loads(line)) == ("x", {"push": {"channel": "x", "pub": {"data": {"v": 1}}}})
    assert b.got == a.got
    assert other.got == []


def test_each_subscriber_gets_the_name_it_subscribed_under_encoded_once_for_each():
    engine, inboxes = Engine(), [Inbox() for _ in range(4)]
    for index, inbox in enumerate(inboxes):
        engine.join("k", inbox, "alias" if index % 2 else "name")
    assert publish(engine, "k") == ["name", "alias"]
    assert [inbox.got[0][0] for inbox in inboxes] == ["name", "alias", "name", "alias"]
    assert inboxes[0].got[0][1] is inboxes[2].got[0][1]


def test_a_channel_lives_while_somebody_is_subscribed():
    engine, a, b = Engine(), Inbox(), Inbox()
    assert len(engine) == 0
    engine.join("k", a, "x")
    engine.join("k", b, "x")
    engine.leave("k", a)
    assert len(engine) == 1
    engine.leave("k", b)
    assert len(engine) == 0
    publish(engine, "k")
    assert a.got == b.got == []


def test_leaving_what_one_never_joined_changes_nothing():
    engine, a, b = Engine(), Inbox(), Inbox()
    engine.leave("k", a)
    engine.join("k", a, "x")
    engine.leave("k", b)
    engine.leave("l", a)
    publish(engine, "k")
    assert len(a.got) == 1
    assert len(engine) == 1


def test_joining_again_changes_the_name():
    engine, a = Engine(), Inbox()
    engine.join("k", a, "x")
    engine.join("k", a, "y")
    publish(engine, "k")
    assert [channel for channel, _ in a.got] == ["y"]


def test_a_subscriber_may_leave_while_it_is_delivered_to():
    engine, last = Engine(), Inbox()

    class Leaving(Inbox):
        def deliver(self, channel, line):
            super().deliver(channel, line)
            engine.leave("k", self)

    leaving = Leaving()
    engine.join("k", leaving, "x")
    engine.join("k", last, "x")
    publish(engine, "k")
    publish(engine, "k")
    assert (len(leaving.got), len(last.got)) == (1, 2)


def test_ten_thousand_rounds_leave_nothing_behind():
    engine, inboxes = Engine(), [Inbox() for _ in range(10)]
    for number in range(10_000):
        inbox = inboxes[number % 10]
        engine.join(f"k{number % 97}", inbox, "x")
        publish(engine, f"k{number % 97}")
        engine.leave(f"k{number % 97}", inbox)
    assert len(engine) == 0
    assert sum(len(inbox.got) for inbox in inboxes) == 10_000
