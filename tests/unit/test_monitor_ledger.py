"""What the monitor remembers of a connection, and that it forgets the oldest."""

import pytest

from liveproto.session.monitor.ledger import Ledger, Recent
from liveproto.session.monitor.raw import REQUESTS


def ledger_of(*commands):
    ledger = Ledger()
    for command in commands:
        ledger.take_command(command, 0.0)
    return ledger


def test_recent_keeps_the_latest():
    recent = Recent(2)
    for key in "abca":
        recent.put(key, key.upper())
    assert "b" not in recent
    assert (recent.get("c"), recent.get("a"), recent.get("b")) == ("C", "A", None)
    assert recent.forgot
    assert (recent.pop("a"), recent.pop("a")) == ("A", None)


def test_a_reply_answers_the_command_with_its_id_and_kind():
    ledger = ledger_of({"id": 1, "rpc": {}}, {"id": 1, "publish": {}}, {"id": 1, "rpc": {}})
    assert ledger.sent_kinds(1) == {"rpc", "publish"}
    assert ledger.take_reply(1, {"publish": {}}).order == 2
    assert [ledger.take_reply(1, {"error": {}}).order for _ in range(2)] == [1, 3]
    assert ledger.take_reply(1, {"rpc": {}}) is None
    assert 1 in ledger.answered
    assert ledger.sent_kinds(None) == ledger.sent_kinds(1) == frozenset()


def test_a_send_and_a_command_without_a_whole_id_wait_for_nothing():
    ledger = ledger_of({"id": 1, "send": {}}, {"id": "2", "rpc": {}}, {"rpc": {}})
    assert not ledger.waiting
    assert 1 in ledger.sends
    assert ledger.order == 3


def test_a_command_without_a_positive_id_is_not_answered():
    assert not ledger_of({"id": 0, "rpc": {}}, {"id": -1, "rpc": {}}).waiting


def test_an_id_is_free_when_nobody_has_to_wait_with_it():
    ledger = ledger_of({"id": 1, "rpc": {}})
    assert not ledger.is_free(1)
    ledger.due[0].overdue = True
    assert ledger.is_free(1)
    assert ledger.take_reply(1, {"rpc": {}}) is ledger.due[0]
    assert ledger.due[0].settled


def test_channels_are_followed():
    ledger = ledger_of({"id": 1, "subscribe": {"channel": "a"}}, {"id": 2, "unsubscribe": {"channel": "a"}})
    channel = ledger.channel("a")
    assert (channel.asked, channel.waiting) == (1, 2)
    assert ledger.owes_answer_before(2)
    assert not ledger.owes_answer_before(1)
    commands = [ledger.take_reply(id_, {}) for id_ in (1, 2)]
    assert channel.waiting == 0
    assert [command.alone for command in commands] == [True, False]
    assert not any(map(ledger.alone_until_now, commands))
    ledger.take_command({"id": 3, "publish": {"channel": "a", "data": 1}}, 0.0)
    assert ledger.channel("a").own_publications == -1
    ledger.take_reply(3, {})
    ledger.subscribed("a", subscribed=True, certain=True)
    assert (channel.subscribed, channel.certain, channel.changed) == (True, True, 3)
    ledger.subscribed_by_server("a")
    assert (channel.certain, channel.asked) == (False, 4)


def test_whether_a_channel_is_subscribed_is_known_where_nothing_can_have_crossed():
    ledger = ledger_of({"id": 1, "subscribe": {"channel": "a"}})
    command = ledger.take_reply(1, {})
    assert (command.known, ledger.alone_until_now(command)) == (False, True)
    ledger.subscribed("a", subscribed=True, certain=True)
    assert ledger.take_command({"id": 2, "unsubscribe": {"channel": "a"}}, 0.0).known is True
    assert ledger.take_command({"id": 3, "subscribe": {"channel": "a"}}, 0.0).known is None
    ledger.take_reply(2, {})
    ledger.take_reply(3, {})
    ledger.subscribed("a", subscribed=False, certain=False)
    assert ledger.take_command({"id": 4, "subscribe": {"channel": "a"}}, 0.0).known is None


@pytest.mark.parametrize(
    "commands",
    [
        [{"id": 1, "subscribe": {"channel": "a"}, "publish": {"channel": "b"}}],
        [{"id": 1, "subscribe": {"channel": "a"}}, {"id": 1, "subscribe": {"channel": "b"}}],
        [{"id": 1, "subscribe": {"channel": "\ud800"}}],
    ],
)
def test_what_can_be_meant_in_two_ways_makes_the_channels_unclear(commands):
    assert ledger_of(*commands).unclear
    assert not ledger_of({"id": 1, "subscribe": {"channel": "a"}}, {"id": 2, "rpc": {}}).unclear


def test_an_ambiguous_command_may_be_any():
    ledger = Ledger()
    ledger.take_command({"id": 1, "rpc": {}}, 0.0, ambiguous=True)
    assert ledger.unclear
    assert ledger.forgot_commands
    assert ledger.sent_kinds(1) == frozenset(REQUESTS)


def test_a_channel_has_its_name_its_number_or_a_newer_name():
    ledger = ledger_of({"id": 1, "subscribe": {"channel": "1/stream/x"}}, {"id": 2, "subscribe": {"channel": "a"}})
    ledger.numbered.put(7, "a")
    names = [{"channel": "a"}, {"id": 7}, {"id": 8}, {"id": "7"}, {}, {"channel": "default/stream/x"}]
    assert [ledger.named(push) for push in names] == ["a", "a", None, None, None, "1/stream/x"]
    assert [ledger.named({"channel": name}) for name in ("default/y", "A", 5)] == ["default/y", "A", 5]


def test_the_first_line_that_is_not_plain_is_remembered():
    ledger = ledger_of({"id": 1, "connect": {}})
    ledger.deviates()
    ledger.take_command({"id": 2, "rpc": {}}, 0.0)
    ledger.deviates()
    assert ledger.plain_commands == 1


def test_pongs_are_expected_where_the_connect_result_says_so():
    ledger = Ledger()
    assert not ledger.expects_pongs
    ledger.connect_result = {"client": "u", "pong": True}
    assert ledger.expects_pongs


def test_memory_is_bounded():
    ledger = Ledger()
    for n in range(1, 30_000):
        ledger.take_command({"id": n, "subscribe": {"channel": f"c{n}"}}, 0.0)
    assert len(ledger.waiting) == 10_000
    assert ledger.forgot_commands
    assert ledger.channels.forgot
    assert len(ledger.due) == 10_000
    assert len(ledger_of(*[{"id": 1, "rpc": {}}] * 1_000).waiting[1]) == 100
