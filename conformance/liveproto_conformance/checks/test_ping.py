"""PING: keepalive, in the timer lane; only an unasked pong needs no waiting."""

from __future__ import annotations

import time
from typing import Final

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import Lane, NotApplicableError, NotExercisedError, check
from liveproto_conformance.session import Session
from liveproto_conformance.target import Settings

SLACK_S: Final = 1.0
"""What a loaded machine may add to a timer."""
_TRIES: Final = 3


def _interval_s(session: Session) -> int:
    ping = session.connect_result.get("ping")
    if not isinstance(ping, int):
        raise NotApplicableError("the target announces no pings")
    return ping


def _expects_pongs(session: Session) -> int:
    interval_s = _interval_s(session)
    if session.connect_result.get("pong") is not True:
        raise NotApplicableError("the target expects no pongs")
    return interval_s


def _next_ping(session: Session, within_s: float) -> float:
    """Wait for one more ping and return its time."""
    deadline, seen = time.monotonic() + within_s, len(session.pings)
    while len(session.pings) == seen:
        closed = session.run_until(min(deadline, time.monotonic() + 0.05))
        assert closed is None, f"expected a ping within {within_s:g} s, got {closed}"
        assert time.monotonic() < deadline, f"expected a ping within {within_s:g} s, got none"
    return session.pings[-1]


@check("GL-PING-002", lane=Lane.TIMER)
def test_pings_come_at_the_announced_interval(stand: Stand) -> None:
    session = stand.connected()
    start = time.monotonic()
    interval_s = _interval_s(session)
    first = _next_ping(session, interval_s + SLACK_S)
    second = _next_ping(session, interval_s + SLACK_S)
    assert first - start <= interval_s + SLACK_S, (
        f"expected a first ping within {interval_s} s, got {first - start:.2f}"
    )
    gap_s = second - first
    assert abs(gap_s - interval_s) <= SLACK_S, f"expected a gap of {interval_s} s, got {gap_s:.2f} s"


@check("GL-PING-003", lane=Lane.TIMER)
def test_a_ping_left_without_pong_closes_with_3012(stand: Stand) -> None:
    session = stand.connected()
    session.answers_pings = False
    interval_s = _expects_pongs(session)
    _next_ping(session, interval_s + SLACK_S)
    closed = session.run_until(time.monotonic() + interval_s + SLACK_S)
    assert closed is not None, f"expected close 3012 before the next ping, within {interval_s} s"
    assert closed.code == 3012, f"expected close 3012, got {closed}"
    assert len(session.pings) == 1, f"expected the close before the next ping, got {len(session.pings)} pings"


@check("GL-PING-004")
def test_a_pong_nobody_asked_for_is_refused(stand: Stand) -> None:
    for _ in range(_TRIES):
        session = stand.connected()
        session.fence()
        session.answers_pings = False
        session.pong_unasked()
        closed = session.run_until(time.monotonic() + session.timeout_s)
        if session.pings:
            # A ping crossed the pong, which was then an answer.
            continue
        assert closed is not None, "expected close 3501 for a pong nobody asked for"
        session.closed_with(3501)
        stand.connected().fence()
        return
    raise NotExercisedError("pings crossed every try")


@check("GL-PING-005", lane=Lane.TIMER)
def test_a_second_pong_is_refused(stand: Stand) -> None:
    session = stand.connected()
    interval_s = _expects_pongs(session)
    _next_ping(session, interval_s + SLACK_S)
    session.still_serves()
    session.pong_unasked()
    closed = session.run_until(time.monotonic() + interval_s)
    assert closed is not None, "expected close 3501 for a second pong"
    assert closed.code == 3501, f"expected close 3501, got {closed}"


@check("GL-PING-006", lane=Lane.TIMER)
def test_other_commands_do_not_replace_a_pong(stand: Stand) -> None:
    session = stand.connected()
    session.answers_pings = False
    interval_s = _expects_pongs(session)
    _next_ping(session, interval_s + SLACK_S)
    session.still_serves()
    closed = session.run_until(time.monotonic() + interval_s + SLACK_S)
    assert closed is not None, "expected close 3012 although another command was sent"
    assert closed.code == 3012, f"expected close 3012, got {closed}"
    assert len(session.pings) == 1, f"expected the close before the next ping, got {len(session.pings)} pings"


@check("GL-PING-007", lane=Lane.TIMER)
def test_a_pong_behind_another_command_counts(stand: Stand) -> None:
    session = stand.connected()
    session.answers_pings = False
    interval_s = _expects_pongs(session)
    _next_ping(session, interval_s + SLACK_S)
    session.send(session.command("unsubscribe", {"channel": session.unused_channel}), {})
    _next_ping(session, interval_s + SLACK_S)
    session.pong()
    session.still_serves()


@check("GL-PING-008", lane=Lane.TIMER)
def test_a_connection_that_answers_its_pings_lives(stand: Stand) -> None:
    session = stand.connected()
    interval_s = _expects_pongs(session)
    for _ in range(2):
        _next_ping(session, interval_s + SLACK_S)
    session.still_serves()


@check("GL-PING-009", lane=Lane.TIMER)
def test_the_pong_timeout_is_that_of_grafana(stand: Stand, settings: Settings) -> None:
    timeout_s = settings.timers.pong_s
    session = stand.connected()
    session.answers_pings = False
    interval_s = _expects_pongs(session)
    pinged = _next_ping(session, interval_s + SLACK_S)
    closed = session.run_until(pinged + timeout_s + SLACK_S)
    took_s = time.monotonic() - pinged
    assert closed is not None, f"expected close 3012 after {timeout_s:g} s, it is still open"
    assert closed.code == 3012, f"expected close 3012, got {closed}"
    assert took_s >= timeout_s - SLACK_S / 2, f"expected the close after {timeout_s:g} s, got {took_s:.2f} s"
