"""``liveproto record --lint``: what passes, judged while it passes.

Theory. The judge is that of ``liveproto lint``, fed as things happen, and each finding is said at once: a rule that is
broken with every message is said a few times and then only counted. Nothing of a connection is kept after its end.
Traffic waits for the judge, so what takes long, to explain how a line breaks its schema, is done for those few alone.

Not here: judging itself (``traces.lint``), and whether there is a trace still (``recording``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from liveproto.session.monitor import Side
from liveproto_conformance.report.lint_report import finding_line, summary_line
from liveproto_conformance.resources import load_schema
from liveproto_conformance.schema_check import WIRE, reply_violation
from liveproto_conformance.schema_tools import definition
from liveproto_conformance.traces.lint import Judged, Reader
from liveproto_conformance.traces.trace import Event, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto_conformance.traces.lint import Spotted
    from liveproto_conformance.verdict import Exit

MAX_SAID: Final = 10
"""Findings of one requirement that are said; all are counted."""


class Judge:
    """Judges both sides of every connection, and says what it finds."""

    def __init__(self, header: Mapping[str, object], say: Callable[[str], None]) -> None:
        self._judged = Judged(sides=frozenset(Side), header=header)
        self._reader = Reader(self._judged, self._found, timed=True, violation=self._violation)
        self._reply = jsonschema_rs.Draft202012Validator(definition(load_schema(WIRE), "Reply"))
        self._explained = 0
        self._say = say
        self._start_ns = time.monotonic_ns()

    def take(self, connection: int, direction: str, kind: str, payload: bytes) -> None:
        """Take what happened now."""
        self._reader.take(
            Event(
                time_ns=self._elapsed_ns(),
                connection=connection,
                direction=direction,
                kind=kind,
                # A finding may quote what it is about.
                payload=redact(payload),
                check="",
                example=0,
                offset=0,
            )
        )

    def forget(self, connection: int) -> None:
        """Take the end of a connection. Idempotent."""
        self._reader.forget(connection, self._elapsed_ns() / 1e9)

    @property
    def exit(self) -> Exit:
        """What the process returns for what passed."""
        return self._judged.exit

    @property
    def summary(self) -> str:
        """How much was judged, and what of it was broken, in one line."""
        return summary_line(self._judged)

    def _found(self, spotted: Spotted) -> None:
        requirement = spotted.finding.requirement
        count = self._judged.broken[requirement]
        if count <= MAX_SAID:
            self._say(finding_line(spotted))
        elif count == MAX_SAID + 1:
            self._say(f"{requirement} was broken more than {MAX_SAID} times; from here on it is only counted")

    def _violation(self, line: Any) -> tuple[str, str] | None:  # noqa: ANN401 - a JSON value
        if self._reply.is_valid(line):
            return None
        self._explained += 1
        return reply_violation(line) if self._explained <= MAX_SAID else ("", "expected a reply by its schema")

    def _elapsed_ns(self) -> int:
        return time.monotonic_ns() - self._start_ns
