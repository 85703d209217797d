"""``liveproto lint``: recorded traffic, judged by the passive oracle.

Theory. One monitor follows each connection. A trace of ``liveproto check`` holds a client that misbehaves on purpose
and reads when it wants to: there only the server is judged, and nothing by its time. What a finding points at is looked
up in a second reading, so that the first needs not remember what has passed. That first reading is a ``Reader``, which
a recorder feeds just as well while traffic passes: of a connection that it was told to forget it keeps counts alone.

Not here: the rules (``liveproto.session.monitor``), how the end looks (``report.lint_report``), and live traffic
(``recorder.judge``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto.session.monitor import Finding, Monitor, Side
from liveproto_conformance.requirements import Level, requirements
from liveproto_conformance.schema_check import reply_violation
from liveproto_conformance.traces.trace import CHECK, close_of, read_trace
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from liveproto_conformance.requirements import Requirement
    from liveproto_conformance.traces.trace import Event, TraceDamage

MAX_KEPT: Final = 100
"""Findings of one requirement, and lost connections, that are shown; all are counted."""
MAX_LINE_BYTES: Final = 4096
WATCHED: Final = frozenset({"text", "binary", "close"})
"""Kinds of events that a monitor is given, and counts."""
_ROLES: Final = {Side.CLIENT: frozenset({"client", "both"}), Side.SERVER: frozenset({"server", "both"})}


@attrs.define
class Spotted:
    """A finding, and where it stands."""

    finding: Finding
    connection: int
    check: str
    line: bytes = b""
    """What it points at, as far as it is kept; empty where nothing came."""
    line_bytes: int = 0
    sender: Side | None = None


@attrs.define(kw_only=True)
class Judged:
    """A trace, judged."""

    sides: frozenset[Side]
    header: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    damage: TraceDamage | None = None
    connections: int = 0
    messages: int = 0
    bytes: int = 0
    end_s: float = 0.0
    losses: int = 0
    lost: list[tuple[int, str]] = attrs.field(factory=list[tuple[int, str]])
    occasions: Counter[str] = attrs.field(factory=Counter[str])
    broken: Counter[str] = attrs.field(factory=Counter[str])
    spotted: list[Spotted] = attrs.field(factory=list[Spotted])

    @property
    def exit(self) -> Exit:
        """What the process returns."""
        if not self.header:
            return Exit.USAGE
        if not self.messages:
            return Exit.NOTHING_TESTED
        musts = [id_ for id_ in self.broken if requirements()[id_].level is Level.MUST]
        return Exit.NONCONFORMANT if musts else Exit.CONFORMANT

    def concerns(self, requirement: Requirement) -> bool:
        """Tell whether a requirement is of a side that is judged."""
        return any(requirement.role in _ROLES[side] for side in self.sides)

    def keep(self, spotted: Spotted) -> None:
        """Keep what was just counted, if it is among the first of its requirement."""
        if self.broken[spotted.finding.requirement] <= MAX_KEPT:
            self.spotted.append(spotted)


def lint(path: Path, side: Side | None = None) -> Judged:
    """Judge a trace, up to where it is damaged.

    Args:
        path: a file that can be read twice.
        side: whom to judge; None for both, or for the server alone where the trace is of ``liveproto check``.
    """
    with path.open("rb") as file:
        judged = judge(file, side)
        file.seek(0)
        _look_up(file, judged.spotted)
    return judged


def judge(stream: BinaryIO, side: Side | None = None) -> Judged:
    """Judge a trace without looking up what its findings point at."""
    trace = read_trace(stream)
    by_check = trace.header.get("command") == CHECK
    default = frozenset({Side.SERVER}) if by_check else frozenset(Side)
    judged = Judged(sides=default if side is None else frozenset({side}), header=trace.header)
    reader = Reader(judged, judged.keep, timed=not by_check)
    for event in trace:
        reader.take(event)
    reader.finish()
    judged.damage = trace.damage
    return judged


@attrs.define
class _Watched:
    """A connection that is followed."""

    monitor: Monitor
    check: str


class Reader:
    """Feeds one monitor for each connection, and counts into a ``Judged``."""

    def __init__(
        self,
        judged: Judged,
        found: Callable[[Spotted], None],
        *,
        timed: bool,
        violation: Callable[[Any], tuple[str, str] | None] = reply_violation,
    ) -> None:
        """Judge what is taken from now on.

        Args:
            judged: whose sides are judged; what is counted is counted there.
            found: is given each finding as soon as it is counted.
            timed: the times of events are those of their arrival.
            violation: says where and how a line of a server breaks its schema, or None.
        """
        self._judged = judged
        self._found = found
        self._options: dict[str, Any] = {"reply_violation": violation}
        if not timed:
            self._options["reply_timeout_s"] = None
        self._open: dict[int, _Watched] = {}
        self._over: set[int] = set()

    def take(self, event: Event) -> None:
        """Take what happened next."""
        self._judged.end_s = max(self._judged.end_s, event.time_s)
        if event.kind == "lost":
            self._lose(event)
        elif event.kind in WATCHED and event.connection not in self._over:
            self._watch(event)

    def forget(self, connection: int, now: float) -> None:
        """Take the end of a connection of which no event will come any more. Idempotent."""
        self._end(connection, now)
        self._over.discard(connection)

    def finish(self) -> None:
        """Take the end of the trace."""
        for connection in list(self._open):
            self._end(connection, self._judged.end_s)

    def _lose(self, event: Event) -> None:
        self._judged.losses += 1
        if self._judged.losses <= MAX_KEPT:
            self._judged.lost.append((event.connection, event.payload.decode(errors="replace")))
        self._end(event.connection, event.time_s)

    def _watch(self, event: Event) -> None:
        watched = self._open.get(event.connection)
        if watched is None:
            watched = self._open[event.connection] = _Watched(Monitor(**self._options), event.check)
            self._judged.connections += 1
        watched.check = event.check
        if event.kind == "close":
            watched.monitor.receive_close(event.side, *close_of(event.payload), now=event.time_s)
            self._end(event.connection, event.time_s)
            return
        self._judged.messages += 1
        self._judged.bytes += len(event.payload)
        data = event.payload if event.kind == "binary" else event.payload.decode(errors="replace")
        watched.monitor.receive_message(event.side, data, now=event.time_s)
        self._drain(event.connection, watched)

    def _end(self, connection: int, now: float) -> None:
        self._over.add(connection)
        watched = self._open.pop(connection, None)
        if watched is not None:
            watched.monitor.finish(now=now)
            self._drain(connection, watched)
            self._judged.occasions.update(watched.monitor.triggers)

    def _drain(self, connection: int, watched: _Watched) -> None:
        for finding in watched.monitor.findings():
            if finding.side in self._judged.sides:
                self._judged.broken[finding.requirement] += 1
                self._found(Spotted(finding, connection, watched.check))


def _look_up(stream: BinaryIO, spotted: list[Spotted]) -> None:
    """Give findings the lines they point at."""
    wanted: defaultdict[tuple[int, int], list[Spotted]] = defaultdict(list)
    for one in spotted:
        wanted[one.connection, one.finding.message].append(one)
    connections = {one.connection for one in spotted}
    seen: Counter[int] = Counter()
    for event in read_trace(stream) if wanted else ():
        if event.kind not in WATCHED or event.connection not in connections:
            continue
        for one in wanted.pop((event.connection, seen[event.connection]), ()):
            line = _line(event.payload, one.finding.line)
            one.line, one.line_bytes, one.sender = line[:MAX_LINE_BYTES], len(line), event.side
        seen[event.connection] += 1


def _line(payload: bytes, number: int) -> bytes:
    lines = payload.split(b"\n")
    return lines[number] if number < len(lines) else payload
