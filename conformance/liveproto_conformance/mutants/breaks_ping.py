"""Mutants of PING: keepalive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from liveproto.session.server import ServerProtocol
from liveproto.session.states import ServerInput
from liveproto_conformance.mutants.patches import ignores, reads, with_timing, writes
from liveproto_conformance.mutants.registry import mutant

if TYPE_CHECKING:
    from liveproto_conformance.reference.server import Parts

_SHORT_S = 0.1
_OFTEN = 4


@mutant(
    "GL-PING-001",
    "GL-PING-008",
    must_fail=("passive.pings_are_empty_objects", "ping.a_connection_that_answers_its_pings_lives"),
    why="a ping is named, as in other protocols",
)
def a_ping_has_a_name(parts: Parts) -> Parts:
    return writes(parts, lambda line: b'{"ping":{}}' if line == b"{}" else line)


class _Often(ServerProtocol):
    def _ping(self, _: object, __: object) -> None:
        super()._ping(_, __)
        self._ping_at = self._now + self._timing.ping_interval_s / _OFTEN


@mutant(
    "GL-PING-002",
    must_fail="ping.pings_come_at_the_announced_interval",
    why="the interval that is announced is not the one the timer was started with",
)
def pings_come_more_often_than_announced(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Often)


class _Patient(ServerProtocol):
    def _ping(self, _: object, __: object) -> None:
        super()._ping(_, __)
        self._pong_at = None


@mutant(
    "GL-PING-003",
    "GL-PING-006",
    "GL-PING-009",
    must_fail=(
        "ping.a_ping_left_without_pong_closes_with_3012",
        "ping.other_commands_do_not_replace_a_pong",
        "ping.the_pong_timeout_is_that_of_grafana",
    ),
    why="pongs are asked for and nobody waits for them",
)
def a_missing_pong_is_not_noticed(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Patient)


@mutant(
    "GL-PING-004",
    "GL-PING-005",
    must_fail=("ping.a_pong_nobody_asked_for_is_refused", "ping.a_second_pong_is_refused"),
    why="an empty command is harmless, so it is ignored",
)
def pongs_nobody_asked_for_are_ignored(parts: Parts) -> Parts:
    return ignores(parts, ServerInput.PONG_UNEXPECTED)


class _AnySign(ServerProtocol):
    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        self._pong_at = None
        super().receive_batch(data, now=now)


@mutant(
    "GL-PING-006",
    must_fail="ping.other_commands_do_not_replace_a_pong",
    why="whatever a client sends shows that it lives",
)
def any_command_counts_as_pong(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_AnySign)


@mutant(
    "GL-PING-007",
    must_fail="ping.a_pong_behind_another_command_counts",
    why="a pong is recognised as the message {} before the message is split into lines",
)
def a_pong_in_a_batch_is_dropped(parts: Parts) -> Parts:
    return reads(parts, lambda text: text.replace("\n{}", ""))


class _NeverContent(ServerProtocol):
    def _pong_received(self, _: object, __: object) -> None:
        self._facts.pong_due = False


@mutant(
    "GL-PING-008",
    must_fail="ping.a_connection_that_answers_its_pings_lives",
    why="a pong is noted, and the timer that waits for it is not stopped",
)
def a_pong_does_not_stop_the_timer(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_NeverContent)


@mutant(
    "GL-PING-009",
    must_fail="ping.the_pong_timeout_is_that_of_grafana",
    why="the timeout is taken for one round trip and not for a slow client",
)
def the_pong_timeout_is_short(parts: Parts) -> Parts:
    return with_timing(parts, lambda timing: attrs.evolve(timing, pong_timeout_s=_SHORT_S))


class _Secret(ServerProtocol):
    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of the protocol
        options["timing"] = attrs.evolve(options["timing"], pong_timeout_s=0)
        super().__init__(**options)

    def _send_line(self, line: bytes) -> None:
        interval = b'"ping":%d' % self._timing.ping_interval_s
        super()._send_line(line.replace(b"," + interval, b""))


@mutant(
    "GL-PING-010",
    must_fail="passive.pings_come_only_where_announced",
    why="the announcement is left out where no pongs are expected, as if no pings were sent",
    traffic="conn.a_connection_that_never_connects_is_closed_as_stale",
)
def pings_are_not_announced(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Secret)
