"""The passive rules: for each, traffic that breaks it is found, and its nearest legal neighbour is not."""

import json

import pytest

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.drive.websocket import Closed, Ending, Message
from liveproto_conformance.oracle import Oracle, Watch

SENT, GOT, BINARY, CLOSED = "sent", "got", "binary", "closed"
CONNECT = [(SENT, '{"id":1,"connect":{}}'), (GOT, '{"id":1,"connect":{"client":"u","ping":25,"pong":true}}')]
QUIET = [(SENT, '{"id":1,"connect":{}}'), (GOT, '{"id":1,"connect":{"client":"u"}}')]
SUBSCRIBE = (SENT, '{"id":2,"subscribe":{"channel":"a"}}')
SUBSCRIBED = [SUBSCRIBE, (GOT, '{"id":2,"subscribe":{}}')]
LEAVE = (SENT, '{"id":3,"unsubscribe":{"channel":"a"}}')
LEFT = [*SUBSCRIBED, LEAVE, (GOT, '{"id":3,"unsubscribe":{}}')]
PUB = (GOT, '{"push":{"channel":"a","pub":{"data":1}}}')
ASKED = (SENT, '{"id":2,"rpc":{}}')


def push(**kinds):
    return (GOT, json.dumps({"push": {"channel": "a", **kinds}}))


def error(code, message="why", **more):
    return (GOT, json.dumps({"id": 2, "error": {"code": code, "message": message, **more}}))


def watched(steps):
    """Watch one connection and return its oracle."""
    oracle = Oracle()
    watch = Watch(oracle, "one")
    for kind, *what in steps:
        match kind:
            case "sent":
                watch.sent(what[0].encode())
            case "closed":
                watch.closed(Closed(*what))
            case _:
                watch.received(Message(what[0].encode(), binary=kind == BINARY))
    return oracle


def findings(oracle):
    return {rule for rule in RULES if oracle.seen(rule).findings}


def close(code, reason, ending=Ending.CLOSE_FRAME):
    return (CLOSED, code, reason, ending)


# requirement: (traffic that breaks it, the nearest traffic that keeps it)
CASES = [
    ("GL-WIRE-004", [*CONNECT, (BINARY, "{}")], [*CONNECT, (GOT, "{}")]),
    ("GL-WIRE-007", [*CONNECT, (GOT, "{}\n\n{}")], [*CONNECT, (GOT, "{}\n{}")]),
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
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"presence":{}}'), (GOT, '{"id":2,"presence":{}}')],
     [*CONNECT, (SENT, '{"id":2,"presence":{}}'), (GOT, '{"id":2,"presence":{"presence":{}}}')]),
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"presence_stats":{}}'),
      (GOT, '{"id":2,"presence_stats":{"num_users":0}}')],
     [*CONNECT, (SENT, '{"id":2,"presence_stats":{}}'),
      (GOT, '{"id":2,"presence_stats":{"num_users":0,"num_clients":0}}')]),
    ("GL-WIRE-026", [*CONNECT, (SENT, '{"id":2,"history":{}}'), (GOT, '{"id":2,"history":{"offset":0,"epoch":""}}')],
     [*CONNECT, (SENT, '{"id":2,"history":{}}'),
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
    ("GL-CONN-003", [(SENT, '{"id":1,"connect":{}}'), SUBSCRIBE, PUB], [(SENT, '{"id":1,"connect":{}}'), CONNECT[1]]),
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
    ("GL-CODE-004", [close(3501, "Bad Request")], [close(3501, "bad request")]),
    ("GL-CODE-005", [*CONNECT, (GOT, '{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}')],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2000, "reason": "x"})]),
    ("GL-CODE-006", [close(3000, "connection closed")], [close(1006, "", Ending.RESET)]),
    ("GL-CODE-012", [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 3000, "reason": "x"})],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2500, "reason": "x"})]),
    ("GL-CODE-012", [*CONNECT, *SUBSCRIBED, push(unsubscribe={"reason": "x"})],
     [*CONNECT, *SUBSCRIBED, push(unsubscribe={"code": 2999, "reason": "x"})]),
]  # fmt: skip
RULES = sorted({case[0] for case in CASES})


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_what_breaks_a_rule_is_found_and_its_neighbour_is_not(rule, bad, good):
    assert rule in findings(watched(bad))
    assert findings(watched(good)) == set()


def test_every_passive_rule_of_the_checks_has_a_case():
    passive = {r.id for check in catalogue().values() if check.lane is Lane.PASSIVE for r in check.requirements}
    assert passive <= set(RULES)


def test_a_rule_that_was_not_triggered_was_not_seen():
    oracle = watched(CONNECT)
    for rule in ("GL-PING-001", "GL-PING-010", "GL-SUB-008", "GL-CODE-001", "GL-CODE-003", "GL-CODE-012"):
        assert oracle.seen(rule).triggers == 0


def test_triggers_are_counted_and_findings_bounded():
    oracle = watched([*CONNECT, *[(BINARY, "{}")] * 50])
    seen = oracle.seen("GL-WIRE-004")
    assert seen.triggers == 51
    assert len(seen.findings) == 5
    assert seen.findings[0] == "one: b'{}'"


def test_a_finding_shows_at_most_200_bytes():
    (finding,) = watched([*CONNECT, (BINARY, "{}" + " " * 1000)]).seen("GL-WIRE-004").findings
    assert len(finding) < 250


def test_connections_are_watched_apart():
    oracle = Oracle()
    first, second = Watch(oracle, "first"), Watch(oracle, "second")
    first.sent(b'{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"a"}}')
    second.sent(b'{"id":1,"connect":{}}')
    for watch in (first, second):
        watch.received(Message(b'{"id":1,"connect":{"client":"u"}}', binary=False))
        watch.received(Message(b'{"push":{"channel":"a","pub":{"data":1}}}', binary=False))
    (finding,) = oracle.seen("GL-SUB-015").findings
    assert finding.startswith("channel 'a' was not subscribed on this connection: second")


def test_what_cannot_be_read_as_commands_is_left_to_the_target():
    watch = Watch(Oracle(), "one")
    for data in (b"", b"\n\n", b"{", b"[]", b"\xff", b"1", b'{"id":[]}', b'{"id":1,"rpc":5}', b"[" * 100_000):
        watch.sent(data)


def test_deeply_nested_text_of_a_target_is_a_finding():
    oracle = watched([*CONNECT, (GOT, "[" * 100_000)])
    assert oracle.seen("GL-WIRE-031").findings


def test_the_objects_of_a_message_are_returned():
    received = Watch(Oracle(), "one").received(Message(b'{"id":1}\n5\n{\n{}\n', binary=False))
    assert received == [{"id": 1}, {}]
