"""The passive oracle on the traffic of a run: what must hold of all of it, whatever was being checked.

Theory. One ``Watch`` follows one connection through a ``Monitor``, and an ``Oracle`` adds up what they saw: how often
each rule had an occasion, and its first findings. A rule without an occasion was not exercised. Only the target is
judged: the kit misbehaves on purpose. A run reads a connection when it suits it, so no rule of time applies here.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto.session.monitor import Monitor, Side
from liveproto.session.monitor.raw import read_line, split_lines
from liveproto_conformance.drive.websocket import Ending
from liveproto_conformance.failures.failure import Evidence, Place, Traffic
from liveproto_conformance.schema_check import reply_violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from liveproto.session.monitor import Finding
    from liveproto_conformance.drive.websocket import Closed, Message

_MAX_FINDINGS: Final = 5
_SHOWN: Final = 200
_KEPT: Final = 25
"""Messages up to a finding."""

Json = Any


@attrs.frozen
class Seen:
    """What one rule has seen in a run."""

    triggers: int
    findings: tuple[str, ...]
    evidence: Evidence | None = None
    """The first finding."""


class Oracle:
    """The passive rules of a run, over all its connections."""

    def __init__(self) -> None:
        self._triggers: list[Mapping[str, int]] = []
        self._findings: dict[str, list[str]] = defaultdict(list)
        self._evidence: dict[str, Evidence] = {}

    def follow(self, triggers: Mapping[str, int]) -> None:
        """Count the occasions of one more connection, also those to come."""
        self._triggers.append(triggers)

    def found(self, finding: Finding, where: str, shown: bytes, connection: int, traffic: Traffic) -> None:
        """Keep a finding, if it is of the target and among the first of its rule."""
        findings = self._findings[finding.requirement]
        if finding.side is Side.SERVER and len(findings) < _MAX_FINDINGS:
            place = f"message {finding.message}, line {finding.line} {finding.pointer}".rstrip()
            if not findings:
                self._evidence[finding.requirement] = Evidence(
                    text=finding.text,
                    during=where.partition(",")[0],
                    place=Place(
                        connection=connection, message=finding.message, line=finding.line, pointer=finding.pointer
                    ),
                    traffic=traffic.up_to(connection, finding.message, _KEPT),
                )
            findings.append(f"{finding.text}, in {where}, {place}: {shown[:_SHOWN]!r}")

    def seen(self, requirement: str) -> Seen:
        """Return what a rule has seen."""
        triggers = sum(triggers.get(requirement, 0) for triggers in self._triggers)
        return Seen(triggers, tuple(self._findings[requirement]), self._evidence.get(requirement))


class Watch:
    """Follows one connection; ``name`` says in findings which one and for which check, ``traffic`` is kept for them."""

    def __init__(self, oracle: Oracle, name: str, connection: int = 1, traffic: Traffic | None = None) -> None:
        self._oracle = oracle
        self._name = name
        self._connection = connection
        self._traffic = traffic or Traffic()
        self._monitor = Monitor(reply_timeout_s=None, reply_violation=reply_violation)
        oracle.follow(self._monitor.triggers)

    def sent(self, data: str | bytes) -> None:
        """Take a message to the target."""
        self._monitor.receive_message(Side.CLIENT, data, now=time.monotonic())
        self._monitor.findings()

    def received(self, message: Message) -> None:
        """Take a message from the target and judge it."""
        data = message.data if message.binary else message.data.decode(errors="surrogateescape")
        self._monitor.receive_message(Side.SERVER, data, now=time.monotonic())
        self._keep(message.data)

    def closed(self, closed: Closed) -> None:
        """Take the end of the connection by the target."""
        if closed.ending is Ending.CLOSE_FRAME:
            self._monitor.receive_close(Side.SERVER, closed.code, closed.reason, now=time.monotonic())
            self._keep(str(closed).encode())

    def _keep(self, shown: bytes) -> None:
        for finding in self._monitor.findings():
            self._oracle.found(finding, self._name, shown, self._connection, self._traffic)


def objects_of(message: Message) -> list[dict[str, Json]]:
    """Return the objects on the lines of a message, and nothing for its other lines."""
    lines = map(read_line, split_lines(message.data))
    return [line.object for line in lines if line.object is not None and not line.rest]
