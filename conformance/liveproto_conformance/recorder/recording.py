"""What a recorder keeps of what passes: events into a trace, until it is full or cannot be written.

Not here: sockets (``proxy``), and judging (``judge``). Whatever becomes of the trace, traffic and judging go on.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from liveproto_conformance.recorder.tap import Held, Tap, close_event
from liveproto_conformance.traces.trace import ABNORMAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from liveproto_conformance.recorder.judge import Judge
    from liveproto_conformance.recorder.tap import Said
    from liveproto_conformance.traces.trace import TraceWriter

_FRAMING_BYTES: Final = 256
"""At most what an event takes beside its payload, and what redacting adds to a small one."""


class Recording:
    """The trace, what was counted, and why it ended early."""

    def __init__(
        self, writer: TraceWriter, max_bytes: int, say: Callable[[str], None], judge: Judge | None = None
    ) -> None:
        self._writer = writer
        self._judge = judge
        self._max_bytes = max_bytes
        self._say = say
        self._numbers = itertools.count(1)
        self.held = Held()
        self.connections = 0
        self.messages = 0
        self.bytes = 0
        self.full = False
        self.failed = False

    def connection(self) -> int:
        """Return a number for a connection of a client."""
        self.connections += 1
        return next(self._numbers)

    def write(self, connection: int, direction: str, kind: str, payload: bytes) -> None:
        """Write an event, unless the recording is over, and have it judged."""
        if not (self.full or self.failed):
            self._keep(connection, direction, kind, payload)
        if self._judge is not None:
            self._judge.take(connection, direction, kind, payload)

    def forget(self, connection: int) -> None:
        """Take the end of a connection of which nothing more will be written. Idempotent."""
        if self._judge is not None:
            self._judge.forget(connection)

    def _keep(self, connection: int, direction: str, kind: str, payload: bytes) -> None:
        if self._writer.size + len(payload) + _FRAMING_BYTES > self._max_bytes:
            self.full = True
            self._say(f"recording ended: the trace would exceed {self._max_bytes} bytes; traffic passes on")
            return
        try:
            self._writer.write(connection, direction, kind, payload)
        except OSError as error:
            self.failed = True
            self._say(f"recording ended: the trace cannot be written: {error.strerror}; traffic passes on")
            return
        self.messages += kind in {"text", "binary", "http"}
        self.bytes += len(payload)


class WebSocketRecording:
    """The two directions of one WebSocket; only the first end of the two is an event."""

    def __init__(self, recording: Recording, connection: int) -> None:
        self._recording = recording
        self._connection = connection
        self._taps = {direction: Tap(recording.held) for direction in "<>"}
        self._closed = False

    def feed(self, direction: str, data: bytes) -> None:
        """Take bytes that pass in a direction."""
        for said in self._taps[direction].feed(data):
            self._take(direction, said)

    def ended(self, direction: str) -> None:
        """Take the end of a direction without a Close frame."""
        self._take(direction, close_event(ABNORMAL))

    def lose(self, why: str) -> None:
        """Give up on the connection."""
        self._recording.write(self._connection, "<", "lost", why.encode())
        self.stop()

    def stop(self) -> None:
        """Forget what was begun. Idempotent."""
        self._closed = True
        for tap in self._taps.values():
            tap.stop()
        self._recording.forget(self._connection)

    def _take(self, direction: str, said: Said) -> None:
        if said.kind == "close" and self._closed:
            return
        self._recording.write(self._connection, direction, said.kind, said.payload)
        if said.kind == "lost":
            self.stop()
        self._closed = self._closed or said.kind == "close"
