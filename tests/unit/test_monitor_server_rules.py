"""The rules for servers: for each, traffic that breaks it is found, and its nearest legal neighbour is not."""

import json

import pytest
from watching import (
    ASKED,
    BINARY,
    CONNECT,
    GOT,
    LEAVE,
    LEFT,
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
    unsubscribe,
    unsubscribed,
    watched,
)

from liveproto.session.monitor import Side
from liveproto.session.monitor.server_rules import codec_violation

PUBLISH = (SENT, '{"id":4,"publish":{"channel":"a","data":1}}')
MESSAGE = (GOT, '{"push":{"message":{"data":1}}}')
OWN = push(pub={"data": 1, "info": {"user": "", "client": "u"}})


def fed(*channels):
    return (GOT, json.dumps({"id": 1, "connect": {"client": "u", "subs": {channel: {} for channel in channels}}}))


def numbered(offset):
    return push(pub={"data": 1, "offset": offset})


# requirement: (traffic that breaks it, the nearest traffic that keeps it)
CASES = [
    ("GL-WIRE-004", [*CONNECT, (BINARY, "{}")], [*CONNECT, (GOT, "{}")]),
    ("GL-WIRE-007", [*CONNECT, (GOT, "{}\n\n{}")], [*CONNECT, *SUBSCRIBED, (GOT, "{}\n" + PUB[1])]),
    ("GL-WIRE-007", [*CONNECT, (GOT, "\n{}")], [*CONNECT, (GOT, "{}")]),
    ("GL-WIRE-007", [*CONNECT, (GOT, "")], [*CONNECT, (GOT, "{}\n")]),
    ("GL-WIRE-008", [*CONNECT, (GOT, "{}\n\n")], [*CONNECT, (GOT, "{}\n")]),
    (
        "GL-WIRE-009",
        [*CONNECT, *SUBSCRIBED, (GOT, '{"push":{"channel":"a","pub":{"data":{\n"x":1}}}}')],
        [*CONNECT, *SUBSCRIBED, (GOT, '{"push":{"channel":"a","pub":{"data":{"x":"\\n"}}}}')],
    ),
    ("GL-WIRE-026", [*CONNECT, *SUBSCRIBED, push(pub={"data": 1, "info": {"user": "1"}})],
     [*CONNECT, *SUBSCRIBED, push(pub={"data": 1, "info": {"user": "", "client": "c"}})]),
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"presence":{"channel":"a"}}'), (GOT, '{"id":2,"presence":{}}')],
     [*CONNECT, (SENT, '{"id":2,"presence":{"channel":"a"}}'), (GOT, '{"id":2,"presence":{"presence":{}}}')]),
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"presence_stats":{"channel":"a"}}'),
      (GOT, '{"id":2,"presence_stats":{"num_users":0}}')],
     [*CONNECT, (SENT, '{"id":2,"presence_stats":{"channel":"a"}}'),
      (GOT, '{"id":2,"presence_stats":{"num_users":0,"num_clients":0}}')]),
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"history":{"channel":"a"}}'),
      (GOT, '{"id":2,"history":{"offset":0,"epoch":""}}')],
     [*CONNECT, (SENT, '{"id":2,"history":{"channel":"a"}}'),
      (GOT, '{"id":2,"history":{"publications":[],"offset":0,"epoch":""}}')]),
    ("GL-WIRE-031", [*CONNECT, (GOT, "[]")], [*CONNECT, (GOT, "{}")]),
    ("GL-WIRE-031", [*CONNECT, (GOT, "{")], [*CONNECT, (GOT, "{}")]),
    ("GL-WIRE-031", [*CONNECT, ASKED, (GOT, '{"id":"2","rpc":{}}')], [*CONNECT, ASKED, (GOT, '{"id":2,"rpc":{}}')]),
    ("GL-WIRE-031", [*CONNECT, *SUBSCRIBED, push(pub=[])], [*CONNECT, *SUBSCRIBED, push(pub={"data": [], "new": 1})]),
    ("GL-WIRE-034", [*CONNECT, ASKED, (GOT, '{"id":3,"rpc":{}}')], [*CONNECT, ASKED, (GOT, '{"id":2,"rpc":{}}')]),
    (
        "GL-WIRE-041",
        [*CONNECT, *SUBSCRIBED, (GOT, '{"id":2,"push":{"channel":"a","pub":{"data":1}}}')],
        [*CONNECT, *SUBSCRIBED, PUB],
    ),
    ("GL-WIRE-042", [*CONNECT, *SUBSCRIBED, push(pub={"data": 1}, join={"info": {"user": "", "client": "c"}})],
     [*CONNECT, *SUBSCRIBED, push(pub={"data": 1})]),
    ("GL-WIRE-042", [*CONNECT, *SUBSCRIBED, (GOT, '{"push":{"pub":{"data":1}}}')],
     [*CONNECT, *SUBSCRIBED, (GOT, '{"push":{"message":{"data":1}}}'), PUB]),
    ("GL-WIRE-044", [*CONNECT, ASKED, *[(GOT, '{"id":2,"rpc":{}}')] * 2],
     [*CONNECT, ASKED, ASKED, *[(GOT, '{"id":2,"rpc":{}}')] * 2]),
    ("GL-WIRE-045", [*CONNECT, ASKED, (GOT, '{"id":2,"publish":{}}')], [*CONNECT, ASKED, (GOT, '{"id":2,"rpc":{}}')]),
    ("GL-WIRE-045", [*CONNECT, ASKED, (GOT, '{"id":2}')], [*CONNECT, ASKED, error(104)]),
    ("GL-WIRE-045", [*CONNECT, ASKED, (GOT, '{"id":2,"rpc":{},"error":{"code":104,"message":"m"}}')],
     [*CONNECT, ASKED, (GOT, '{"id":2,"rpc":{},"later":1}')]),
    ("GL-CONN-003", [(SENT, '{"id":1,"connect":{}}'), SUBSCRIBE, (GOT, '{"id":2,"subscribe":{}}')],
     [(SENT, '{"id":1,"connect":{}}'), SUBSCRIBE, CONNECT[1], (GOT, '{"id":2,"subscribe":{}}')]),
    ("GL-CONN-003", [(SENT, '{"id":1,"connect":{}}'), (GOT, "{}")],
     [(SENT, '{"id":1,"connect":{}}'), (GOT, '{"id":1,"error":{"code":109,"message":"token expired"}}')]),
    ("GL-CONN-003", [CONNECT[0], SUBSCRIBE, PUB, CONNECT[1]], [*CONNECT, SUBSCRIBE, PUB]),
    ("GL-CONN-003", [CONNECT[0], PUB, fed("b")], [CONNECT[0], PUB, fed("a"), PUB]),
    ("GL-CONN-003", [CONNECT[0], PUB, (GOT, '{"id":1,"error":{"code":109,"message":"token expired"}}')],
     [CONNECT[0], PUB, PUB, fed("a", "b")]),
    ("GL-CONN-003", [CONNECT[0], PUB, push(subscribe={}), fed("b"), PUB],
     [CONNECT[0], push(subscribe={}), PUB, fed("b"), PUB]),
    ("GL-CONN-003", [CONNECT[0], MESSAGE, fed("a")], [CONNECT[0], fed("a"), MESSAGE]),
    ("GL-SUB-008", [*CONNECT, *LEFT, PUB], [*CONNECT, *SUBSCRIBED, LEAVE, PUB, (GOT, '{"id":3,"unsubscribe":{}}')]),
    ("GL-SUB-008", [*CONNECT, *LEFT, PUB], [*CONNECT, *LEFT, (SENT, '{"id":4,"subscribe":{"channel":"a"}}'), PUB]),
    ("GL-SUB-015", [*CONNECT, PUB], [*CONNECT, SUBSCRIBE, PUB]),
    ("GL-SUB-020", [*CONNECT, SUBSCRIBE, error(103), PUB], [*CONNECT, *SUBSCRIBED, SUBSCRIBE, error(105), PUB]),
    ("GL-CHAN-012", [*CONNECT, *SUBSCRIBED, (GOT, '{"push":{"channel":"A","pub":{"data":1}}}')],
     [*CONNECT, *SUBSCRIBED, PUB]),
    ("GL-PING-001", [*CONNECT, (GOT, '{"x":1}')], [*CONNECT, (GOT, "{}")]),
    ("GL-PING-001", [*CONNECT, (GOT, "{ }")], [*CONNECT, (GOT, "{}")]),
    ("GL-PING-010", [*QUIET, (GOT, "{}")], [*CONNECT, (GOT, "{}")]),
    ("GL-CODE-001", [*CONNECT, ASKED, error(0)], [*CONNECT, ASKED, error(1000)]),
    ("GL-CODE-001", [*CONNECT, ASKED, error(104, "")], [*CONNECT, ASKED, error(104, "method not found")]),
    ("GL-CODE-001", [*CONNECT, ASKED, error(100, temporary=False)], [*CONNECT, ASKED, error(100, temporary=True)]),
    ("GL-CODE-002", [*CONNECT, ASKED, error(100)], [*CONNECT, ASKED, error(100, temporary=True)]),
    ("GL-CODE-002", [*CONNECT, ASKED, error(103, temporary=True)], [*CONNECT, ASKED, error(103)]),
    ("GL-CODE-003", [close(3900, "")], [close(3900, "why")]),
    ("GL-CODE-003", [close(3900, '{"code":3900,"reason":"why"}')], [close(1000, "")]),
    ("GL-CODE-004", [close(3501, "Bad Request")], [*CONNECT, (SENT, "oops"), close(3501, "bad request")]),
    ("GL-CODE-005", [*CONNECT, (GOT, '{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}')],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2000, "reason": "x"})]),
    ("GL-CODE-006", [close(3000, "connection closed")], [close(1006, "")]),
    ("GL-CODE-012", [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 3000, "reason": "x"})],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2500, "reason": "x"})]),
    ("GL-CODE-012", [*CONNECT, *SUBSCRIBED, push(unsubscribe={"reason": "x"})],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2999, "reason": "x"})]),
    ("GL-WIRE-031", [*CONNECT, (GOT, "{} {}")], [*CONNECT, (GOT, "{} ")]),
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"presence":{"channel":"a"}}'),
      (GOT, '{"id":2,"presence":{"presence":{"c":{"client":"c"}}}}')],
     [*CONNECT, (SENT, '{"id":2,"presence":{"channel":"a"}}'),
      (GOT, '{"id":2,"presence":{"presence":{"c":{"client":"c","user":""},"d":1}}}')][:1]),
    ("GL-CONN-001", [CONNECT[0], (GOT, '{"id":1,"connect":{"client":""}}')], CONNECT),
    ("GL-CONN-001", [CONNECT[0], (GOT, '{"id":1}')], CONNECT),
    ("GL-CONN-006", [CONNECT[0], (GOT, '{"id":1,"connect":{"client":"u","ping":0}}')], QUIET),
    ("GL-CONN-006", [CONNECT[0], (GOT, '{"id":1,"connect":{"client":"u","pong":true}}')], QUIET),
    ("GL-CONN-009", [*CONNECT, close(3502, "stale")], [close(3502, "stale")]),
    ("GL-CONN-011", [CONNECT[0], ASKED, error(109, "token expired", id_=1), (GOT, '{"id":2,"rpc":{}}')],
     [CONNECT[0], ASKED, error(109, "token expired", id_=1)]),
    ("GL-CMD-002", [*CONNECT, (SENT, '{"id":2,"send":{}}'), (GOT, '{"id":2,"rpc":{}}')],
     [*CONNECT, (SENT, '{"id":2,"send":{}}')]),
    ("GL-SUB-003", [*CONNECT, *SUBSCRIBED, *SUBSCRIBED], [*CONNECT, *LEFT, *SUBSCRIBED]),
    ("GL-SUB-003", [*CONNECT, *SUBSCRIBED, *SUBSCRIBED],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2500, "reason": "x"}), *SUBSCRIBED]),
    ("GL-SUB-003", [*CONNECT, *SUBSCRIBED, *SUBSCRIBED],
     [*CONNECT, *SUBSCRIBED, LEAVE, (SENT, '{"id":4,"subscribe":{"channel":"a"}}'), (GOT, '{"id":3,"unsubscribe":{}}'),
      error(103, id_=4), *SUBSCRIBED]),
    ("GL-SUB-006", [*CONNECT, SUBSCRIBE, error(105)],
     [*CONNECT, SUBSCRIBE, (SENT, '{"id":3,"subscribe":{"channel":"a"}}'), error(105, id_=3),
      (GOT, '{"id":2,"subscribe":{}}')]),
    ("GL-SUB-006", [*CONNECT, SUBSCRIBE, error(105)], [*CONNECT, push(subscribe={}), SUBSCRIBE, error(105)]),
    ("GL-SUB-006", [*CONNECT, SUBSCRIBE, error(105)],
     [CONNECT[0], (GOT, '{"id":1,"connect":{"client":"u","subs":{"a":{}}}}'), SUBSCRIBE, error(105), PUB]),
    ("GL-SUB-007", [*CONNECT, LEAVE, error(103, id_=3)], [*CONNECT, LEAVE, (GOT, '{"id":3,"unsubscribe":{}}')]),
    ("GL-SUB-017", [*CONNECT, *SUBSCRIBED, numbered(3), numbered(2)],
     [*CONNECT, *SUBSCRIBED, numbered(2), numbered(3)]),
    ("GL-SUB-018", [*CONNECT, *SUBSCRIBED, numbered(2), numbered(2)],
     [*CONNECT, *SUBSCRIBED, numbered(2), LEAVE, (GOT, '{"id":3,"unsubscribe":{}}'), *SUBSCRIBED, numbered(2)]),
    ("GL-SUB-018", [*CONNECT, SUBSCRIBE, (GOT, '{"id":2,"subscribe":{"offset":7}}'), numbered(7)],
     [*CONNECT, SUBSCRIBE, (GOT, '{"id":2,"subscribe":{"offset":7,"publications":[{"offset":6}]}}'), numbered(8)]),
    ("GL-SUB-018", [*CONNECT, *SUBSCRIBED, PUBLISH, OWN, (GOT, '{"id":4,"publish":{}}'), OWN],
     [*CONNECT, *SUBSCRIBED, PUBLISH, OWN, (GOT, '{"id":4,"publish":{}}')]),
    ("GL-SUB-018", [*CONNECT, *SUBSCRIBED, PUBLISH, error(103, id_=4), OWN], [*CONNECT, *SUBSCRIBED, PUBLISH, OWN]),
    ("GL-PING-003", [*CONNECT, PING, PING], [*CONNECT, PING, PONG, (PAUSE, 25), PING]),
    ("GL-PING-008", [*CONNECT, PING, PONG, (PAUSE, 5), close(3012, "no pong")],
     [*CONNECT, PING, PONG, (PAUSE, 4.9), close(3012, "no pong")]),
    ("GL-PING-008", [*CONNECT, close(3012, "no pong")], [*CONNECT, PING, close(3012, "no pong")]),
    ("GL-CODE-008", [*CONNECT, close(3001, "shutdown"), PUB], [*CONNECT, close(3001, "shutdown")]),
    ("GL-CODE-008", [*CONNECT, LEAVE, (SENT, "oops"), close(3501, "bad request")],
     [*CONNECT, ASKED, (SENT, "oops"), close(3501, "bad request")][:3]),
    ("GL-CODE-016", [*CONNECT, ASKED, close(3501, "bad request")], [CONNECT[0], close(3501, "bad request")]),
    ("GL-CODE-016", [*CONNECT, close(3501, "bad request")], [*CONNECT, close(3500, "invalid token")]),
    ("GL-CODE-016", [*CONNECT, close(3501, "bad request")], [close(3501, "bad request")]),
    ("GL-WIRE-026", [*CONNECT, *SUBSCRIBED, push(join={"info": {"user": "1"}})],
     [*CONNECT, *SUBSCRIBED, push(join={"info": {"user": "1", "client": "c"}})]),
]  # fmt: skip


REVOKED = push(unsubscribe={"code": 2000, "reason": "x"})
REFUSED = error(103, "permission denied", id_=1)
LATER = [(PAUSE, 5)]

# What crosses, or is meant in more than one way: a server that is right all the same.
LEGAL = {
    "a fault behind a connect that is refused": [CONNECT[0], (SENT, "oops"), REFUSED, *LATER],
    "a second connect behind one that is refused": [CONNECT[0], (SENT, '{"id":2,"connect":{}}'), REFUSED, *LATER],
    "3501 instead of the connect reply": [CONNECT[0], ASKED, close(3501, "bad request")],
    "3501 after an error reply to connect": [CONNECT[0], LEAVE, (SENT, "oops"), REFUSED, close(3501, "bad request")],
    "3501 for a publish without data": [
        *CONNECT, (SENT, '{"id":2,"publish":{"channel":"a"}}'), LEAVE, (SENT, "oops"), close(3501, "bad request"),
    ],
    "a pong nobody asked for crosses the ping": [*CONNECT, PONG, PING, *LATER, (PAUSE, 20), PING],
    "a command without id is taken for the pong": [*CONNECT, PING, (SENT, '{"rpc":{}}'), (PAUSE, 25), PING],
    "a command with id 0 is taken for the pong": [*CONNECT, PING, (SENT, '{"id":0,"rpc":{}}'), *LATER],
    "a send beside another request is answered without id": [
        *CONNECT, (SENT, '{"send":{},"rpc":{}}'), (GOT, '{"rpc":{}}'),
    ],
    "one of several requests is chosen": [
        *CONNECT, (SENT, '{"id":2,"rpc":{},"subscribe":{},"connect":{}}'), (GOT, '{"id":2,"rpc":{}}'), *LATER,
    ],
    "the channel of one of several requests": [
        *CONNECT, (SENT, '{"id":2,"publish":{"channel":"x"},"subscribe":{"channel":"a"}}'), subscribed(2), PUB,
    ],
    "the first of two ids": [*CONNECT, (SENT, '{"id":2,"id":3,"rpc":{}}'), (GOT, '{"id":2,"rpc":{}}'), *LATER],
    "the first of two ids of connect": [
        (SENT, '{"id":1,"id":2,"connect":{}}'), REFUSED, *LATER,
    ],
    "the first of two requests": [
        *CONNECT, (SENT, '{"id":2,"rpc":{},"rpc":null}'), (GOT, '{"id":2,"rpc":{}}'), *LATER,
    ],
    "the first of two channels": [
        *CONNECT, (SENT, '{"id":2,"subscribe":{"channel":"a","channel":"b"}}'), subscribed(2), PUB,
    ],
    "the second of two commands with one id is refused": [
        *CONNECT, subscribe(2), subscribe(2, "b"), error(103), subscribed(2), PUB,
    ],
    "a lone surrogate in a channel is put right": [
        *CONNECT, subscribe(2, "\ud800"), subscribed(2), (GOT, '{"push":{"channel":"\ufffd","pub":{"data":1}}}'),
    ],
    "deep payloads": [
        *CONNECT, (SENT, '{"id":2,"rpc":{"data":%s}}' % ("[" * 3000 + "]" * 3000)),
        (GOT, '{"id":2,"rpc":{"data":%s}}' % ("[" * 3000 + "]" * 3000)),
    ],
    "no pongs, said in so many words": [CONNECT[0], (GOT, '{"id":1,"connect":{"client":"u","pong":false}}')],
    "a duplicate is refused before the first is answered": [
        *CONNECT, subscribe(2), subscribe(3), error(105, id_=3), subscribed(2), subscribe(4), error(105, id_=4),
    ],
    "unsubscribe is answered before the subscribe": [
        *CONNECT, subscribe(2), unsubscribe(3), unsubscribed(3), PUB, subscribed(2), PUB,
    ],
    "nobody knows which came first, and it was the subscribe": [
        *CONNECT, subscribe(2), unsubscribe(3), unsubscribed(3), subscribed(2), subscribe(4), subscribed(4),
    ],
    "nobody knows which came first, and it was the unsubscribe": [
        *CONNECT, subscribe(2), unsubscribe(3), subscribe(4), unsubscribed(3), error(105, id_=4), subscribed(2),
        subscribe(5), error(105, id_=5),
    ],
    "the server subscribes after an unsubscribe": [*CONNECT, *LEFT, push(subscribe={}), PUB],
    "the server subscribes while an unsubscribe is under way": [
        *CONNECT, *SUBSCRIBED, LEAVE, push(subscribe={}), unsubscribed(3), PUB,
    ],
    "the server ends its own subscription while a subscribe is under way": [
        CONNECT[0], SUBSCRIBE, (GOT, '{"id":1,"connect":{"client":"u","subs":{"a":{}}}}'), REVOKED, error(105),
    ],
    "the push that ends a subscription comes behind the next one": [
        *CONNECT, *SUBSCRIBED, LEAVE, subscribe(4), unsubscribed(3), subscribed(4), REVOKED, subscribe(5),
        error(105, id_=5),
    ],
    "an application publishes for its client": [
        *CONNECT, *SUBSCRIBED, (SENT, '{"id":3,"rpc":{}}'), OWN, (GOT, '{"id":3,"rpc":{}}'),
    ],
    "a stream begins anew": [*CONNECT, *SUBSCRIBED, numbered(9), numbered(1), numbered(2)],
    "a channel has a number": [
        *CONNECT, subscribe(2, flag=1), subscribed(2, id=7), PUBLISH, (GOT, '{"push":{"id":7,"pub":{"data":1}}}'),
        (GOT, '{"id":4,"publish":{}}'), *LATER,
    ],
    "a channel is named by its namespace": [
        *CONNECT, subscribe(2, "1/stream/x"), subscribed(2),
        (GOT, '{"push":{"channel":"default/stream/x","pub":{"data":1}}}'),
    ],
    "what was published is filtered out": [
        *CONNECT, subscribe(2, tf={"key": "x"}), subscribed(2), PUBLISH, (GOT, '{"id":4,"publish":{}}'), *LATER,
    ],
}  # fmt: skip


@pytest.mark.parametrize("session", LEGAL.values(), ids=LEGAL)
def test_what_may_have_crossed_or_can_be_read_in_two_ways_is_not_held_against_the_server(session):
    assert broken(session, Side.SERVER) == set()


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_what_breaks_a_rule_is_found_and_its_neighbour_is_not(rule, bad, good):
    assert rule in broken(bad, Side.SERVER)
    assert broken(good, Side.SERVER) == set()


def test_a_rule_without_an_occasion_is_not_triggered():
    triggers = watched(CONNECT).triggers
    assert not {"GL-PING-001", "GL-PING-010", "GL-SUB-008", "GL-CODE-001", "GL-CODE-003", "GL-CODE-012"} & set(triggers)


def test_the_server_is_not_blamed_for_what_the_client_does_wrong():
    misuse = [(SENT, ""), (SENT, "[]"), (SENT, '{"id":0,"rpc":{}}'), (SENT, "{}"), (SENT, '{"id":9}')]
    for bad in misuse:
        assert broken([*CONNECT, bad, close(3501, "bad request")], Side.SERVER) == set()


def test_a_place_is_a_message_a_line_and_a_pointer():
    (finding,) = watched([*CONNECT, *SUBSCRIBED, (GOT, '{}\n{"push":{"channel":"b","pub":{"data":1,"offset":"x"}}}')],
                         reply_timeout_s=None).findings()[:1]  # fmt: skip
    assert (finding.requirement, finding.side) == ("GL-WIRE-031", Side.SERVER)
    assert (finding.message, finding.line, finding.pointer) == (4, 1, "/push/pub/offset")


def test_the_codec_says_where():
    assert codec_violation(b"{}") is None
    pointer, text = codec_violation(b'{"id":1,"history":{"publications":[{"offset":"x"}]}}')
    assert pointer == "/history/publications/0/offset"
    assert "int" in text
    assert codec_violation(b"{")[0] == ""


def test_a_caller_may_bring_a_schema():
    options = {"reply_violation": lambda value: ("/x", "no x") if "x" in value else None}
    (finding,) = [f for f in watched([*CONNECT, (GOT, '{"id":1,"x":2}')], **options).findings() if f.pointer == "/x"]
    assert (finding.requirement, finding.text) == ("GL-WIRE-031", "no x")


def test_what_a_rule_needs_and_was_forgotten_is_not_judged():
    many = [(SENT, json.dumps({"id": n, "subscribe": {"channel": f"c{n}"}})) for n in range(2, 10_050)]
    assert broken([*CONNECT, SUBSCRIBE, *many, PUB, (GOT, '{"id":2,"subscribe":{}}')], Side.SERVER) == set()


def test_the_latest_subscribe_decides():
    again = (SENT, '{"id":4,"subscribe":{"channel":"a"}}')
    session = [*CONNECT, *SUBSCRIBED, LEAVE, again, (GOT, '{"id":3,"unsubscribe":{}}'), PUB]
    assert broken(session, Side.SERVER) == set()
    assert broken([*CONNECT, *SUBSCRIBED, SUBSCRIBE, error(103), PUB], Side.SERVER) == set()


def test_what_follows_a_misuse_is_not_answered():
    answers = [(SENT, "oops"), ASKED, (GOT, '{"id":2,"rpc":{}}'), ASKED, (GOT, '{"id":2,"rpc":{}}')]
    found = [f.requirement for f in watched([*CONNECT, *answers]).findings() if f.side is Side.SERVER]
    assert found == ["GL-WIRE-013"]


def test_replies_that_say_nothing_change_nothing():
    odd = [
        (SENT, '{"id":2,"presence":{"channel":"a"}}'), (GOT, '{"id":2,"presence":{"presence":{"d":1}}}'),
        SUBSCRIBE, (GOT, '{"id":2}'),
        PUBLISH, (GOT, '{"id":4,"publish":{}}'),
    ]  # fmt: skip
    assert broken([*CONNECT, *odd], Side.SERVER) == {"GL-WIRE-031", "GL-WIRE-045"}


def test_odd_lines_are_read_without_harm():
    for line in ('{"id":[]}', '{"push":1}', '{"push":{"channel":5,"pub":{}}}', '{"id":1,"error":5}', '{"push":{}}',
                 '{"push":{"channel":"a","leave":{}}}', '{"id":true}', "[" * 100_000, "1" * 5_000):  # fmt: skip
        watched([*CONNECT, (GOT, line)]).findings()
