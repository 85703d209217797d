"""One side of a proxied exchange: HTTP over a stream.

Not here: what is said (``proxy``).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import h11

from liveproto_conformance.recorder.http_message import plain_response

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

CHUNK_BYTES: Final = 64 * 1024
LINGER_S: Final = 30.0
"""How long an end that the other side does not take part in may last."""
_MAX_HEAD_BYTES: Final = 64 * 1024
_ANSWERABLE: Final = frozenset({h11.IDLE, h11.SEND_RESPONSE})


class Peer:
    """A stream, and how far HTTP on it is."""

    def __init__(self, role: type[h11.CLIENT | h11.SERVER], reader: StreamReader, writer: StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.http = h11.Connection(role, max_incomplete_event_size=_MAX_HEAD_BYTES)

    async def receive(self) -> h11.Event | type[h11.PAUSED]:
        """Return what comes next.

        Raises:
            OSError: the connection was reset.
            h11.RemoteProtocolError: it is not HTTP, or ended in the middle.
        """
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value] # a sentinel that mypy does not narrow
            self.http.receive_data(await self.reader.read(CHUNK_BYTES))

    async def send(self, *events: h11.Event) -> None:
        """Send, and wait until there is room for more."""
        for event in events:
            self.writer.write(self.http.send(event) or b"")
        await self.writer.drain()

    async def answer(self, status: int, text: str) -> None:
        """Answer for ourselves, where nothing was answered yet."""
        if self.http.our_state in _ANSWERABLE:
            with contextlib.suppress(OSError):
                await self.send(*plain_response(status, text), h11.EndOfMessage())

    def send_eof(self) -> None:
        """End our direction, where that is possible; else both."""
        with contextlib.suppress(OSError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            else:
                self.writer.close()

    async def close(self) -> None:
        """Close after what was sent has been read; what still comes is dropped, and waited for only so long."""
        self.send_eof()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(LINGER_S):
                # Closing with bytes unread is a reset, which takes what was sent with it.
                while await self.reader.read(CHUNK_BYTES):
                    """Dropped."""
                self.writer.close()
                await self.writer.wait_closed()

    def abort(self) -> None:
        """Close at once."""
        self.writer.transport.abort()
