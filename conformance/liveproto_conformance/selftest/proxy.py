"""A proxy before a server that changes what passes on the WebSocket of Grafana Live, in both directions.

Theory. Once the handshake has passed, frames are read and written again: a whole message and a Close frame go through a
rewriter, one for each connection and direction; every other frame, every other request, an end and a reset pass as they
are. A frame may be written late, and is then overtaken by those behind it.

Not here: what is rewritten (``rewriting``), recording (``liveproto_conformance.recorder``).
Sources: RFC 6455 section 5.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.target import LIVE_PATH

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncGenerator, Callable, Iterable

_CHUNK: Final = 65_536
_HEAD_END: Final = b"\r\n\r\n"
_NO_MASK: Final = bytes(4)
_SHORT, _LONG = 126, 127
_EXTENDED: Final = {_SHORT: 2, _LONG: 8}


class Opcode(enum.IntEnum):
    """Kinds of frames that can be rewritten, or written."""

    TEXT = 1
    BINARY = 2
    CLOSE = 8


@attrs.frozen
class Frame:
    """A frame without its mask; ``after_s`` is how late it is written."""

    opcode: int
    payload: bytes
    fin: bool = True
    after_s: float = 0.0


if TYPE_CHECKING:
    Rewriter = Callable[[Frame], Iterable[Frame]]
    """Makes what passes of what came; it may remember what it has seen of its connection and direction."""


def unchanged(frame: Frame) -> Iterable[Frame]:
    """Let a frame pass."""
    return (frame,)


class Proxy:
    """Listens on loopback, before servers there."""

    def __init__(self, to_client: Callable[[], Rewriter], to_server: Callable[[], Rewriter]) -> None:
        self._to_client = to_client
        self._to_server = to_server
        self._listeners: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, upstream: int) -> int:
        """Listen on a free port, before the server on another; return it."""

        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.ensure_future(self._serve(reader, writer, upstream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._listeners.append(listener)
        port: int = listener.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Listen no more, and end what still passes."""
        for listener in self._listeners:
            listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter, upstream: int) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", upstream)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if await _shake_hands(reader, writer, server_reader, server_writer):
                    await asyncio.gather(
                        _pump_frames(reader, server_writer, self._to_server(), masked=True),
                        _pump_frames(server_reader, writer, self._to_client(), masked=False),
                    )
                else:
                    await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
        finally:
            server_writer.close()
            writer.close()


async def _shake_hands(
    reader: StreamReader, writer: StreamWriter, server_reader: StreamReader, server_writer: StreamWriter
) -> bool:
    """Pass the head of a request, and for the WebSocket that of its answer; returns whether frames follow."""
    request = await reader.readuntil(_HEAD_END)
    server_writer.write(request)
    if not request.startswith(f"GET {LIVE_PATH}".encode()):
        return False
    response = await server_reader.readuntil(_HEAD_END)
    writer.write(response)
    return response.startswith(b"HTTP/1.1 101 ")


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass bytes until their source ends."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def _pump_frames(reader: StreamReader, writer: StreamWriter, rewrite: Rewriter, *, masked: bool) -> None:
    """Pass frames until their source ends."""
    loop = asyncio.get_running_loop()
    try:
        async for frame in _frames(reader):
            whole = frame.fin and frame.opcode in list(Opcode)
            for passing in rewrite(frame) if whole else (frame,):
                data = _encode(passing, masked=masked)
                if passing.after_s:
                    loop.call_later(passing.after_s, _write, writer, data)
                else:
                    _write(writer, data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


def _write(writer: StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)


async def _frames(reader: StreamReader) -> AsyncGenerator[Frame]:
    """Read frames until their source ends, in the middle of one too."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length in _EXTENDED:
                length = int.from_bytes(await reader.readexactly(_EXTENDED[length]), "big")
            mask = await reader.readexactly(len(_NO_MASK)) if second & 0x80 else _NO_MASK
            payload = await reader.readexactly(length)
            yield Frame(first & 0x0F, _unmasked(payload, mask), fin=bool(first & 0x80))


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // len(mask) + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def _encode(frame: Frame, *, masked: bool) -> bytes:
    size = len(frame.payload)
    form = next((form for form, count in _EXTENDED.items() if size < 1 << 8 * count), _LONG)
    length = bytes([size]) if size < _SHORT else bytes([form]) + size.to_bytes(_EXTENDED[form], "big")
    head = bytes([frame.fin << 7 | frame.opcode, length[0] | masked << 7]) + length[1:]
    return head + (_NO_MASK if masked else b"") + frame.payload
