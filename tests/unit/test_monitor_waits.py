"""The rules of time: what does not come is found when its time is over, and not before."""

import pytest
from watching import (
    ASKED,
    CONNECT,
    GOT,
    LEAVE,
    PAUSE,
    PING,
    PONG,
    PUB,
    QUIET,
    SENT,
    SUBSCRIBE,
    SUBSCRIBED,
    broken,
    close,
    error,
    push,
    subscribe,
    subscribed,
    watched,
)

from liveproto.session.monitor import Side

PUBLISHED = [(SENT, '{"id":4,"publish":{"channel":"a","data":1}}'), (GOT, '{"id":4,"publish":{}}')]
RENEW = push(unsubscribe={"code": 2500, "reason": "insufficient state"})
BEATS = [(PAUSE, 20), PING, PONG, (PAUSE, 25), PING, PONG]


@pytest.mark.parametrize(
    ("rule", "side", "bad", "good"),
    [
        ("GL-WIRE-044", Side.SERVER, [*CONNECT, ASKED, (PAUSE, 5)], [*CONNECT, ASKED, (PAUSE, 4)]),
        ("GL-WIRE-044", Side.SERVER, [*CONNECT, ASKED, (PAUSE, 5)],
         [*CONNECT, ASKED, (PAUSE, 4), close(3001, "shutdown"), (PAUSE, 9)]),
        ("GL-WIRE-044", Side.SERVER, [*CONNECT, ASKED, (PAUSE, 5)],
         [CONNECT[0], ASKED, error(109, "token expired", id_=1), (PAUSE, 5)]),
        ("GL-WIRE-044", Side.SERVER, [*CONNECT, ASKED, (PAUSE, 5)],
         [*CONNECT, (SENT, '{"id":2,"send":{}}'), (PAUSE, 5)]),
        ("GL-WIRE-044", Side.SERVER, [*CONNECT, ASKED, (PAUSE, 5)],
         [*CONNECT, (SENT, '{"id":2,"send":{},"refresh":{"token":"t"}}'), (PAUSE, 5)]),
        ("GL-PUB-006", Side.SERVER, [*CONNECT, *SUBSCRIBED, *PUBLISHED, (PAUSE, 5)],
         [*CONNECT, *SUBSCRIBED, *PUBLISHED, (PAUSE, 4), PUB, (PAUSE, 5)]),
        ("GL-PUB-006", Side.SERVER, [*CONNECT, *SUBSCRIBED, *PUBLISHED, (PAUSE, 5)],
         [*CONNECT, *SUBSCRIBED, *PUBLISHED, LEAVE, (GOT, '{"id":3,"unsubscribe":{}}'), (PAUSE, 5)]),
        ("GL-PUB-006", Side.SERVER, [*CONNECT, *SUBSCRIBED, *PUBLISHED, (PAUSE, 5)],
         [*CONNECT, *PUBLISHED, (PAUSE, 5)]),
        ("GL-PUB-006", Side.SERVER, [*CONNECT, *SUBSCRIBED, *PUBLISHED, (PAUSE, 5)],
         [*CONNECT, *SUBSCRIBED, PUBLISHED[0], error(103, id_=4), (PAUSE, 5)]),
        ("GL-SUB-026", Side.CLIENT, [*CONNECT, *SUBSCRIBED, RENEW, (PAUSE, 5)],
         [*CONNECT, *SUBSCRIBED, RENEW, (PAUSE, 4), *SUBSCRIBED, (PAUSE, 5)]),
        ("GL-SUB-026", Side.CLIENT, [*CONNECT, *SUBSCRIBED, RENEW, (PAUSE, 5)],
         [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2000, "reason": "x"}), (PAUSE, 5)]),
        ("GL-SUB-026", Side.CLIENT, [*CONNECT, *SUBSCRIBED, RENEW, (PAUSE, 5)], [*CONNECT, RENEW, (PAUSE, 5)]),
        ("GL-SUB-026", Side.CLIENT, [*CONNECT, *SUBSCRIBED, RENEW, (PAUSE, 5)],
         [*CONNECT, subscribe(2, token="t"), subscribed(2), RENEW, (PAUSE, 5)]),
        ("GL-SUB-026", Side.CLIENT, [*CONNECT, *SUBSCRIBED, RENEW, (PAUSE, 5)],
         [*CONNECT, push(subscribe={}), RENEW, (PAUSE, 5)]),
        ("GL-PING-002", Side.SERVER, [*CONNECT, (PAUSE, 30)], [*CONNECT, *BEATS, (PAUSE, 29)]),
        ("GL-PING-002", Side.SERVER, [*CONNECT, *BEATS, (PAUSE, 30)], [*QUIET, (PAUSE, 1000)]),
        ("GL-PING-002", Side.SERVER, [*CONNECT, *BEATS, (PAUSE, 1), PING], [*CONNECT, PING, PONG, (PAUSE, 13), PING]),
    ],
)  # fmt: skip
def test_what_is_overdue_is_found_and_what_is_not_is_not(rule, side, bad, good):
    assert rule in broken(bad, side)
    assert broken(good, side) == set()


def test_without_a_time_limit_nothing_is_overdue():
    session = [*CONNECT, *SUBSCRIBED, *PUBLISHED, RENEW, ASKED, PING, PONG, PING, PONG, (SENT, "oops"), (PAUSE, 1000)]
    assert broken(session, Side.CLIENT, reply_timeout_s=None) == {"GL-WIRE-028"}
    assert broken(session, Side.SERVER, reply_timeout_s=None) == set()


def test_a_missing_close_is_found_once():
    session = [*CONNECT, (SENT, "oops"), (PAUSE, 4), (PAUSE, 1), (PAUSE, 5)]
    assert [f.requirement for f in watched(session).findings() if f.side is Side.SERVER] == ["GL-WIRE-013"]


@pytest.mark.parametrize(
    "session",
    [
        [*CONNECT, ASKED, (PAUSE, 5), (GOT, '{"id":2,"rpc":{}}')],
        [*CONNECT, ASKED, (PAUSE, 5), ASKED, *[(GOT, '{"id":2,"rpc":{}}')] * 2],
        [CONNECT[0], (PAUSE, 5), error(109, "token expired", id_=1)],
    ],
)
def test_a_late_answer_is_the_answer(session):
    assert [f.requirement for f in watched(session).findings()] == ["GL-WIRE-044"]


def test_what_is_answered_is_not_due():
    session = [*CONNECT, (SENT, '{"id":3,"rpc":{}}'), ASKED, (GOT, '{"id":2,"rpc":{}}'), (PAUSE, 5)]
    assert [f.text for f in watched(session).findings()] == ["expected a reply to command 3 within 5 s, got none"]


def test_a_ping_of_no_length_has_no_time():
    for ping in ('"x"', "0", "true"):
        connected = (GOT, f'{{"id":1,"connect":{{"client":"u","ping":{ping}}}}}')
        assert "GL-PING-002" not in broken([CONNECT[0], connected, PING, PING, (PAUSE, 1000)], Side.SERVER)


def test_pings_that_were_held_up_come_together():
    connected = (GOT, '{"id":1,"connect":{"client":"u","ping":1,"pong":true}}')
    session = [CONNECT[0], connected, (PAUSE, 1), PING, PONG, (PAUSE, 3), PING, PONG, PING, PONG]
    assert broken(session, Side.SERVER) == set()


def test_a_channel_that_was_forgotten_may_have_been_renewed():
    many = [subscribe(n, f"c{n}") for n in range(3, 10_050)]
    session = [*CONNECT, *SUBSCRIBED, RENEW, *many, SUBSCRIBE]
    assert "GL-SUB-026" not in broken([*session, (PAUSE, 5)], Side.CLIENT)


def test_a_subscribe_renews_a_subscription_for_good():
    assert broken([*CONNECT, *SUBSCRIBED, RENEW, SUBSCRIBE, (PAUSE, 5)], Side.CLIENT) == set()


def test_an_unsubscribe_under_way_needs_no_new_subscribe():
    assert broken([*CONNECT, *SUBSCRIBED, LEAVE, RENEW, (PAUSE, 5)], Side.CLIENT) == set()


def test_the_time_of_a_finding_is_when_the_wait_was_over():
    (finding,) = watched([*CONNECT, (PAUSE, 1), ASKED, (PAUSE, 7)]).findings()
    assert (finding.time_s, finding.text) == (8.0, "expected a reply to command 2 within 5 s, got none")


def test_without_a_time_limit_a_pong_may_be_under_way():
    for sent, found in (([PING, PONG], set()), ([], {"GL-PING-008"})):
        assert (
            broken([*CONNECT, *sent, (PAUSE, 99), close(3012, "no pong")], Side.SERVER, reply_timeout_s=None) == found
        )


def test_a_pong_is_under_way_for_as_long_as_an_answer_may_take():
    for pause, found in ((4.9, set()), (5, {"GL-PING-008"})):
        assert broken([*CONNECT, PING, PONG, (PAUSE, pause), close(3012, "no pong")], Side.SERVER) == found
