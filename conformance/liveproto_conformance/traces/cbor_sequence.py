"""The few shapes of CBOR (RFC 8949) that traces are made of, read from bytes nobody vouches for.

Theory. A trace may be cut by a crash, or sent by a stranger. Each value is asked for by its type, so that an event
cannot nest; a length is checked against a limit before anything is read, and data is read in pieces, so that no more is
allocated than the stream holds. Whatever is not as asked is one error with its place.

Not here: tags, indefinite lengths, half floats. The kit writes none, and refuses them.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing import BinaryIO

_PIECE: Final = 1024 * 1024
_LENGTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
"""Additional information -> bytes of the number that follows; below 24 it is the number itself."""
_FIRST_LENGTH: Final = 24
_SIMPLE: Final = {20: False, 21: True, 22: None}
_FLOAT64: Final = 27
MAX_DEPTH: Final = 8


class Major(enum.IntEnum):
    """The type of a value: the three highest bits of its first byte."""

    UNSIGNED = 0
    NEGATIVE = 1
    BYTES = 2
    TEXT = 3
    ARRAY = 4
    MAP = 5
    TAG = 6
    SIMPLE = 7


_MAJORS: Final = tuple(Major)


class DamageError(Exception):
    """A value is not as asked for; ``cut`` where the stream ended inside it."""

    def __init__(self, offset: int, text: str, *, cut: bool = False) -> None:
        super().__init__(f"{text} at byte {offset}")
        self.offset = offset
        self.cut = cut


class CborReader:
    """Reads one value after the other; ``offset`` is where the next one begins."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.offset = 0

    def array(self, length: int) -> None:
        """Take the head of an array that must have this many elements."""
        offset = self.offset
        if (found := self._head_of(Major.ARRAY)) != length:
            raise DamageError(offset, f"expected an array of {length}, got one of {found}")

    def unsigned(self) -> int:
        """Take a number from 0 to 2**64 - 1."""
        return self._head_of(Major.UNSIGNED)

    def data(self, limit: int) -> bytes:
        """Take a byte string of at most ``limit`` bytes."""
        return self._string(Major.BYTES, limit)

    def text(self, limit: int) -> str:
        """Take a text string of at most ``limit`` bytes."""
        offset = self.offset
        return _decoded(self._string(Major.TEXT, limit), offset)

    def record(self, limit: int) -> dict[str, Any]:
        """Take a map from text to anything JSON has, of at most ``limit`` bytes in all."""
        return self._map(self._head_of(Major.MAP), self.offset + limit, MAX_DEPTH)

    def _map(self, count: int, end: int, depth: int) -> dict[str, Any]:
        return {self.text(end - self.offset): self._value(end, depth - 1) for _ in range(count)}

    def _value(self, end: int, depth: int) -> Any:  # noqa: ANN401 - whatever a header holds
        offset = self.offset
        if depth < 0 or offset >= end:
            raise DamageError(offset, "a header that is too deep" if depth < 0 else "a header that is too long")
        major, number = self._head()
        match major:
            case Major.UNSIGNED | Major.SIMPLE:
                return number
            case Major.NEGATIVE:
                return -1 - number
            case Major.TEXT:
                return _decoded(self._bounded(number, end - self.offset, offset), offset)
            case Major.ARRAY:
                return [self._value(end, depth - 1) for _ in range(number)]
            case Major.MAP:
                return self._map(number, end, depth)
            case Major.BYTES | Major.TAG:
                raise DamageError(offset, f"a {major.name.lower()} value in the header")

    def _head_of(self, major: Major) -> int:
        offset = self.offset
        found, number = self._head()
        if found is not major:
            raise DamageError(offset, f"expected {major.name.lower()}, got {found.name.lower()}")
        count: int = number
        return count

    def _head(self) -> tuple[Major, Any]:
        """Take the first byte of a value and the number, or simple value, that belongs to it."""
        offset = self.offset
        first = self._take(1)[0]
        major, info = _MAJORS[first >> 5], first & 0x1F
        if major is Major.SIMPLE:
            return major, self._simple(info, offset)
        if info < _FIRST_LENGTH:
            return major, info
        if info not in _LENGTHS:
            raise DamageError(offset, "a length that is reserved or indefinite")
        return major, int.from_bytes(self._take(_LENGTHS[info]), "big")

    def _simple(self, info: int, offset: int) -> bool | float | None:
        if info == _FLOAT64:
            value: float = struct.unpack(">d", self._take(8))[0]
            return value
        if info not in _SIMPLE:
            raise DamageError(offset, f"simple value {info}")
        return _SIMPLE[info]

    def _string(self, major: Major, limit: int) -> bytes:
        offset = self.offset
        return self._bounded(self._head_of(major), limit, offset)

    def _bounded(self, length: int, limit: int, offset: int) -> bytes:
        if length > limit:
            raise DamageError(offset, f"a length of {length} bytes, more than {limit},")
        return self._take(length)

    def _take(self, count: int) -> bytes:
        data = self._stream.read(min(count, _PIECE))
        self.offset += len(data)
        return data if len(data) == count else self._take_rest(data, count)

    def _take_rest(self, data: bytes, count: int) -> bytes:
        pieces = [data]
        while count := count - len(data):
            data = self._stream.read(min(count, _PIECE))
            if not data:
                raise DamageError(self.offset, "the end", cut=True)
            self.offset += len(data)
            pieces.append(data)
        return b"".join(pieces)


def _decoded(data: bytes, offset: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise DamageError(offset, "text that is not UTF-8") from None
