"""One direction of a WebSocket, listened in on: the bytes that pass in, what was said out.

Theory. The proxy passes bytes on as they come, so that fragmentation, Close frames, pings and every fault reach the
other side unchanged; a tap reads a copy. It puts messages together within a limit of its own and one that all taps
share: what is larger passes, and is reported as lost.

Not here: sockets (``proxy``), and what a message means. Compression is never negotiated through the proxy.
Sources: RFC 6455 section 5.
"""

from __future__ import annotations

import enum
import json
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
MAX_HELD_BYTES: Final = 64 * 1024 * 1024
"""Of unfinished messages, all connections together."""
_MAX_CONTROL_BYTES: Final = 125
_NO_STATUS: Final = 1005
_FIRST_CONTROL: Final = 8
_CODE_BYTES: Final = 2


class Said(NamedTuple):
    """What one side said: kind and payload of an event."""

    kind: str
    payload: bytes


def close_event(code: int, reason: str = "") -> Said:
    """Make the event of an end."""
    return Said("close", json.dumps([code, reason], ensure_ascii=False, separators=(",", ":")).encode())


class Held:
    """The bytes of unfinished messages that all taps hold together."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self._left = limit

    def take(self, count: int) -> bool:
        """Take room for some bytes; returns whether there was as much."""
        if count > self._left:
            return False
        self._left -= count
        return True

    def give_back(self, count: int) -> None:
        """Give room back."""
        self._left += count


class _Opcode(enum.IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


_KINDS: Final = {_Opcode.TEXT: "text", _Opcode.BINARY: "binary"}


@attrs.define
class _Frame:
    """A frame whose head has come."""

    fin: bool
    opcode: _Opcode
    mask: bytes
    length: int
    taken: int = 0


class _FaultError(Exception):
    """No WebSocket, or more of it than can be held."""


class Tap:
    """Reads one direction; after a Close frame, a fault or ``stop`` it says nothing more."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._head = bytearray()
        self._frame: _Frame | None = None
        self._control = bytearray()
        self._message = bytearray()
        self._kind: str | None = None
        self._over = False

    def feed(self, data: bytes) -> Iterator[Said]:
        """Take the bytes that came next, in pieces of any size; yields what they complete."""
        view = memoryview(data)
        try:
            while view and not self._over:
                view = self._take_head(view) if self._frame is None else self._take_payload(view, self._frame)
                if self._frame is not None and self._frame.taken == self._frame.length:
                    frame, self._frame = self._frame, None
                    yield from self._finish(frame)
        except _FaultError as fault:
            self.stop()
            yield Said("lost", str(fault).encode())

    def stop(self) -> None:
        """Listen no more and forget what was begun. Idempotent."""
        self._over = True
        self._forget()

    def _take_head(self, view: memoryview) -> memoryview:
        missing = _head_length(self._head) - len(self._head)
        self._head += view[:missing]
        if len(self._head) == _head_length(self._head):
            self._frame = _frame_of(bytes(self._head))
            self._head.clear()
            self._admit(self._frame)
        return view[missing:]

    def _admit(self, frame: _Frame) -> None:
        if frame.opcode >= _FIRST_CONTROL:
            return
        if (frame.opcode is _Opcode.CONTINUATION) == (self._kind is None):
            raise _FaultError("no WebSocket: a fragment out of place")
        self._kind = _KINDS.get(frame.opcode, self._kind)
        if len(self._message) + frame.length > MAX_MESSAGE_BYTES:
            raise _FaultError(f"a message of more than {MAX_MESSAGE_BYTES} bytes passed")

    def _take_payload(self, view: memoryview, frame: _Frame) -> memoryview:
        count = min(len(view), frame.length - frame.taken)
        piece = _unmasked(bytes(view[:count]), frame.mask, frame.taken)
        frame.taken += count
        if frame.opcode >= _FIRST_CONTROL:
            self._control += piece
        elif self._held.take(count):
            self._message += piece
        else:
            raise _FaultError(f"more than {MAX_HELD_BYTES} bytes of unfinished messages")
        return view[count:]

    def _finish(self, frame: _Frame) -> Iterator[Said]:
        if frame.opcode >= _FIRST_CONTROL:
            payload = bytes(self._control)
            self._control.clear()
            if frame.opcode is _Opcode.CLOSE:
                self.stop()
                yield _closed(payload)
        elif frame.fin:
            assert self._kind is not None
            kind, message = self._kind, bytes(self._message)
            self._forget()
            yield Said(kind, message)

    def _forget(self) -> None:
        self._held.give_back(len(self._message))
        self._message = bytearray()
        self._kind = None


def _head_length(head: bytearray) -> int:
    """Tell how long the head is that begins so."""
    if len(head) < 2:  # noqa: PLR2004 - the shortest head
        return 2
    length, masked = head[1] & 0x7F, head[1] & 0x80
    return 2 + {126: 2, 127: 8}.get(length, 0) + (4 if masked else 0)


def _frame_of(head: bytes) -> _Frame:
    fin, reserved, number = bool(head[0] & 0x80), head[0] & 0x70, head[0] & 0x0F
    masked, length, rest = head[1] & 0x80, head[1] & 0x7F, head[2:]
    if reserved or number not in list(_Opcode):
        raise _FaultError(f"no WebSocket: a frame that begins with 0x{head[0]:02x}")
    opcode = _Opcode(number)
    if opcode >= _FIRST_CONTROL and (not fin or length > _MAX_CONTROL_BYTES):
        raise _FaultError("no WebSocket: a control frame in fragments or too long")
    if length > _MAX_CONTROL_BYTES:
        form = ">H" if length == 126 else ">Q"  # noqa: PLR2004 - as in _head_length
        (length,) = struct.unpack_from(form, rest)
    return _Frame(fin, opcode, rest[-4:] if masked else b"", length)


def _unmasked(data: bytes, mask: bytes, position: int) -> bytes:
    """Take the mask off bytes that stand at a position of their frame."""
    if not mask or not data:
        return data
    turned = mask[position % 4 :] + mask[: position % 4]
    key = (turned * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(len(data), "little")


def _closed(payload: bytes) -> Said:
    if len(payload) < _CODE_BYTES:
        return close_event(_NO_STATUS)
    return close_event(int.from_bytes(payload[:2], "big"), payload[2:].decode(errors="replace"))
