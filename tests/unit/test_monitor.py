"""The monitor as a whole: what goes in, what comes out, and what one connection says of the next."""

import pytest
from watching import ASKED, CONNECT, GOT, LEFT_BY_CLIENT, PAUSE, PUB, SENT, broken, close, error, watched

from liveproto.session.monitor import Finding, Monitor, Side


def test_text_and_binary_are_told_apart():
    monitor = Monitor()
    monitor.receive_message(Side.CLIENT, b'{"id":1,"connect":{}}', now=0.0)
    monitor.receive_message(Side.SERVER, '{"id":1,"connect":{"client":"u"}}', now=0.0)
    assert monitor.findings() == []
    monitor.receive_message(Side.SERVER, b"{}", now=0.0)
    assert "GL-WIRE-004" in {finding.requirement for finding in monitor.findings()}


def test_messages_and_closes_count_together():
    session = [*CONNECT, (SENT, "oops"), close(3501, "wrong")]
    found = watched(session).findings()
    assert [(f.side, f.message) for f in found] == [(Side.CLIENT, 2), (Side.SERVER, 3)]
    assert all(isinstance(f, Finding) for f in found)


def test_a_connection_ends_once():
    session = [*CONNECT, (LEFT_BY_CLIENT,), close(3000, "x"), (PAUSE, 1000)]
    assert watched(session).findings() == []


def test_a_client_may_close_whenever_it_likes():
    assert watched([*CONNECT, ASKED, (LEFT_BY_CLIENT,), (PAUSE, 1000)]).findings() == []


def test_triggers_can_be_read_at_any_time():
    monitor = watched(CONNECT)
    before = monitor.triggers["GL-PING-001"]
    monitor.receive_message(Side.SERVER, "{}", now=0.0)
    assert monitor.triggers["GL-PING-001"] == before + 1


@pytest.mark.parametrize(
    ("session", "rule"),
    [
        ([*CONNECT, close(3501, "bad request")], "GL-CODE-009"),
        ([*CONNECT, close(4500, "x")], "GL-CODE-009"),
        ([CONNECT[0], error(103, "permission denied", id_=1)], "GL-CODE-011"),
        ([*CONNECT, close(3001, "shutdown")], None),
        ([*CONNECT, close(1009, "")], None),
        ([CONNECT[0], error(109, "token expired", id_=1)], None),
        ([CONNECT[0], error(100, "internal", id_=1, temporary=True)], None),
        ([*CONNECT, (LEFT_BY_CLIENT,)], None),
    ],
)
def test_after_what_ends_it_for_good_a_client_does_not_come_back(session, rule):
    before = watched(session)
    assert before.client_must_stop == rule
    after = Monitor(previous=before)
    after.receive_message(Side.CLIENT, CONNECT[0][1], now=0.0)
    after.receive_message(Side.SERVER, CONNECT[1][1], now=0.0)
    after.receive_message(Side.CLIENT, ASKED[1], now=0.0)
    assert [finding.requirement for finding in after.findings()] == [rule] * (rule is not None)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("data", ["", b"", "\ud800", b"\xff", "[" * 100_000, "1" * 5_000, "\n" * 1_000, '{"id":1e999}'])
def test_nothing_a_side_may_send_raises(side, data):
    monitor = watched(CONNECT)
    monitor.receive_message(side, data, now=0.0)
    monitor.receive_close(side, 70_000, "\ud800" * 5, now=0.0)
    monitor.finish(now=0.0)
    assert monitor.findings() is not None


def test_findings_between_two_calls_are_bounded():
    monitor = watched([*CONNECT, *[PUB] * 100], max_findings=7)
    assert len(monitor.findings()) == 7
    assert broken([*CONNECT, (GOT, "{}")], Side.SERVER) == set()
