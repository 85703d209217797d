"""The monitor as a run drives it: the target is judged, the kit is not, and time is not."""

from watching import CONNECT

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.drive.websocket import Closed, Ending, Message
from liveproto_conformance.oracle import Oracle, Watch, objects_of


def watched(*messages, name="one"):
    oracle = Oracle()
    watch = Watch(oracle, name)
    watch.sent(CONNECT[0][1])
    watch.received(Message(CONNECT[1][1].encode(), binary=False))
    for data in messages:
        watch.received(Message(data, binary=False))
    return oracle, watch


def test_every_passive_check_has_a_rule_that_ordinary_traffic_triggers_or_says_why():
    passive = {r.id for check in catalogue().values() if check.lane is Lane.PASSIVE for r in check.requirements}
    assert {"GL-WIRE-004", "GL-CONN-003", "GL-SUB-015", "GL-CODE-004", "GL-CODE-016"} <= passive


def test_occasions_are_counted_over_all_connections():
    oracle, _ = watched(b"{}")
    other = Watch(oracle, "two")
    other.sent(CONNECT[0][1])
    other.received(Message(CONNECT[1][1].encode(), binary=False))
    assert oracle.seen("GL-CONN-003").triggers == 2
    assert oracle.seen("GL-PING-001").triggers == 1
    assert oracle.seen("GL-CODE-001").triggers == 0


def test_a_finding_says_on_which_connection_and_where():
    oracle, _ = watched(b'{"push":{"channel":"a","pub":{"data":1}}}', name="sub.check, connection 7")
    (finding,) = oracle.seen("GL-SUB-015").findings
    assert finding == (
        "channel 'a' was not subscribed on this connection,"
        " in sub.check, connection 7, message 2, line 0 /push/channel:"
        """ b'{"push":{"channel":"a","pub":{"data":1}}}'"""
    )


def test_findings_of_a_rule_are_bounded_and_cut():
    oracle, _ = watched(*[b'{"push":{"channel":"a","pub":{"data":"' + b"x" * 1000 + b'"}}}'] * 50)
    seen = oracle.seen("GL-SUB-015")
    assert (seen.triggers, len(seen.findings)) == (50, 5)
    assert len(seen.findings[0]) < 400


def test_the_kit_may_misbehave():
    oracle, watch = watched()
    for data in ("", "[]", '{"id":0,"rpc":{}}', "{}", b"\xff", '{"id":[]}', "[" * 100_000):
        watch.sent(data)
    watch.closed(Closed(3501, "bad request", Ending.CLOSE_FRAME))
    for rule in ("GL-WIRE-028", "GL-WIRE-039", "GL-PING-011", "GL-CODE-016"):
        assert oracle.seen(rule).findings == ()


def test_binary_messages_are_seen_as_such():
    oracle, watch = watched()
    watch.received(Message(b"{}", binary=True))
    (finding,) = oracle.seen("GL-WIRE-004").findings
    assert finding.startswith("expected a text message, got a binary one")


def test_only_close_frames_have_reasons():
    oracle, watch = watched()
    watch.closed(Closed(1006, "", Ending.RESET))
    assert oracle.seen("GL-CODE-003").triggers == 0
    oracle, watch = watched()
    watch.closed(Closed(3900, "", Ending.CLOSE_FRAME))
    assert len(oracle.seen("GL-CODE-003").findings) == 1


def test_bytes_that_are_no_utf8_are_a_finding():
    oracle, _ = watched(b'{"id":1,"x":"\xff"}')
    assert len(oracle.seen("GL-WIRE-031").findings) == 1


def test_the_objects_of_a_message_are_returned():
    assert objects_of(Message(b'{"id":1}\n5\n{\n{}\n', binary=False)) == [{"id": 1}, {}]
