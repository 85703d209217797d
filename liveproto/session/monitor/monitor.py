"""One connection, watched: messages and closes of both directions in, findings out.

Theory. A ledger keeps what both sides know of each other; the rules of the server, of the client and of time read it.
What is judged is the raw text, never a record that the codec has made of it. A monitor sends nothing and changes
nothing, takes any bytes, and works in bounded memory and linear time, so that it can follow live traffic as well as a
recorded trace.

Not here: the rules themselves, and traffic in Protobuf or protocol V1.
Sources: SPEC.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from liveproto.session.monitor.client_rules import ClientRules
from liveproto.session.monitor.findings import DEFAULT_MAX_FINDINGS, Finding, Findings, Side
from liveproto.session.monitor.ledger import Ledger
from liveproto.session.monitor.server_rules import ServerRules
from liveproto.session.monitor.waits import Waits
from liveproto.wire import codes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto.session.monitor.raw import Json

DEFAULT_REPLY_TIMEOUT_S: Final = 5.0


class Monitor:
    """The passive oracle of one connection, from its opening to its close."""

    def __init__(
        self,
        *,
        reply_timeout_s: float | None = DEFAULT_REPLY_TIMEOUT_S,
        reply_violation: Callable[[Json], tuple[str, str] | None] | None = None,
        previous: Monitor | None = None,
        max_findings: int = DEFAULT_MAX_FINDINGS,
    ) -> None:
        """Watch a connection on which nothing was said yet.

        Args:
            reply_timeout_s: after so long, what had to come counts as missing; None where the times given are not
                those of arrival: then no rule of time is applied.
            reply_violation: says where (JSON Pointer) and how a line of the server breaks its schema, or None; by
                default liveproto's codec decides.
            previous: the connection that the same client had before, where that is known.
            max_findings: how many findings are kept between two calls of ``findings``.
        """
        self._ledger = Ledger()
        self._findings = Findings(max_findings)
        self._waits = None if reply_timeout_s is None else Waits(self._ledger, self._findings, reply_timeout_s)
        self._client = ClientRules(self._ledger, self._findings)
        self._server = ServerRules(self._ledger, self._findings, self._waits, reply_violation)
        self._stopped_by = previous.client_must_stop if previous else None
        self._closed: tuple[Side, int] | None = None

    def receive_message(self, side: Side, data: str | bytes, *, now: float) -> None:
        """Take one whole message that ``side`` has sent, text as ``str`` and binary as ``bytes``; never raises."""
        self._wait_until(now)
        self._findings.next_message(now)
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        binary = isinstance(data, bytes)
        if side is Side.SERVER:
            self._server.message(raw, binary=binary, now=now)
            return
        if self._stopped_by is not None:
            text = "expected no further connection after what ended the one before"
            self._findings.require(self._stopped_by, Side.CLIENT, holds=False, text=text)
            self._stopped_by = None
        self._client.message(raw, binary=binary, now=now)

    def receive_close(self, side: Side, code: int, reason: str, *, now: float) -> None:
        """Take the end of the connection, by a Close frame of ``side``; a reset or EOF is ``(1006, "")``."""
        self._wait_until(now)
        self._findings.next_message(now)
        if self._closed is None:
            self._closed = side, code
            if side is Side.SERVER:
                self._server.close(code, reason)

    def finish(self, *, now: float) -> None:
        """Take the end of the traffic, with or without a close before. Idempotent."""
        self._wait_until(now)

    def findings(self) -> list[Finding]:
        """Take what was found since the last call."""
        return self._findings.drain()

    @property
    def triggers(self) -> Mapping[str, int]:
        """How often each rule had an occasion, by requirement id."""
        return self._findings.triggers

    @property
    def client_must_stop(self) -> str | None:
        """The rule by which the client may not connect again by itself, or None."""
        if self._ledger.terminal_error:
            return "GL-CODE-011"
        terminal = self._closed is not None and self._closed[0] is Side.SERVER and is_terminal(self._closed[1])
        return "GL-CODE-009" if terminal else None

    def _wait_until(self, now: float) -> None:
        if self._waits is not None and self._closed is None:
            self._waits.until(now)


def is_terminal(code: int) -> bool:
    """Tell whether a client stops after a close code; 1009 is left to it (GL-CODE-010)."""
    return code >= codes.FIRST_PROTOCOL_CLOSE and codes.close_is_terminal(code)
