"""One line of InfluxDB line protocol, read by a grammar that is data.

::

    measurement[,tag=value...] field=value[,field=value...] [timestamp]

Theory. The dialects of line protocol have one shape and differ in their tokens: which bytes end a name, what a
backslash does, how a number may be written, what counts as white space. ``Grammar`` holds those, the functions here
hold the shape. A newline inside a quoted string does not end the line, so lines are found by reading them, never by
cutting the body first. Patterns are possessive: they never take back a byte, so that time is linear in a line whatever
it holds.

Not here: the dialects (``grafana_grammar``, ``strict_grammar``), bodies of several lines and where in a body an error
is (``line_protocol``).

Sources: influxdata/line-protocol v1 (2021-09-22) and v2 (2022-08), both run; docs.influxdata.com, line protocol.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from liveproto.errors import LineErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TagPair: TypeAlias = tuple[bytes, bytes]
Value: TypeAlias = int | float | bool | bytes


class Kind(enum.StrEnum):
    """What a field holds."""

    INT = "int"
    UINT = "uint"
    FLOAT = "float"
    BOOL = "bool"
    STRING = "string"


FieldTriple: TypeAlias = tuple[bytes, Kind, Value]


@attrs.frozen
class Grammar:
    """The tokens of one dialect; the patterns of names and keys also match nothing, which is then the error."""

    space: re.Pattern[bytes]
    """White space between the parts of a line, none included."""
    line_end: re.Pattern[bytes]
    """White space and the end of the line or of the body."""
    comment: re.Pattern[bytes]
    measurement: re.Pattern[bytes]
    tag: re.Pattern[bytes]
    """A tag key or a tag value."""
    field_key: re.Pattern[bytes]
    string: re.Pattern[bytes]
    """A quoted string from its opening quote up to where the closing one must stand."""
    scalar: re.Pattern[bytes]
    """Any other value; the group that took part names a row of ``scalars``."""
    scalars: Mapping[str, tuple[Kind, Callable[[bytes], Value | None]]]
    """What the groups of ``scalar`` mean, and their readers, which return None for a value out of range."""
    timestamp: re.Pattern[bytes]
    unescape_measurement: Callable[[bytes], bytes]
    unescape_key: Callable[[bytes], bytes]
    unescape_string: Callable[[bytes], bytes]
    keeps_duplicates: bool
    """Whether a repeated tag or field stays, or the last one wins."""
    is_utf8: bool
    """Whether names, keys and values are UTF-8, or any bytes."""
    time_wraps: bool
    """Whether a time out of range after scaling wraps around, or is an error."""


@attrs.frozen
class Point:
    """One line as written; ``time_ns`` is None where it stands without a timestamp."""

    measurement: bytes
    tags: tuple[TagPair, ...]
    fields: tuple[FieldTriple, ...]
    time_ns: int | None


class Fault(Exception):  # noqa: N818  # it never leaves this package; what does is a LineProtocolError
    """The line cannot be read on: at which byte of the body, what was expected, which part of the line is wrong."""

    def __init__(self, at: int, kind: LineErrorKind, expected: str) -> None:
        super().__init__(expected)
        self.at = at
        self.kind = kind
        self.expected = expected


_INT64: Final = 1 << 63
_UINT64: Final = 1 << 64
_MAX_DIGITS: Final = 20
_MEASUREMENT_ESCAPE: Final = re.compile(rb"\\([, ])")
_QUOTE: Final = ord('"')


def read_int(text: bytes) -> int | None:
    """Read ``-12i``; None outside of 64 bits with sign."""
    return read_ticks(text[:-1])


def read_uint(text: bytes) -> int | None:
    """Read ``12u``; None outside of 64 bits."""
    value = _whole(text[:-1])
    return value if value is not None and value < _UINT64 else None


def read_ticks(text: bytes) -> int | None:
    """Read ``-12``; None outside of 64 bits with sign."""
    value = _whole(text)
    return value if value is not None and -_INT64 <= value < _INT64 else None


def read_float(text: bytes) -> float | None:
    """Read a decimal number; None where it rounds to infinity, zero where it is too small."""
    value = float(text)
    return None if value in (float("inf"), float("-inf")) else value


def read_bool(text: bytes) -> bool:
    """Read a word that is one of the words for true and false."""
    return text[:1] in b"tT"


def unescape_measurement(token: bytes) -> bytes:
    """Take the backslashes before commas and spaces away, as both dialects do."""
    return _MEASUREMENT_ESCAPE.sub(rb"\1", token)


def _whole(text: bytes) -> int | None:
    # Zeros may stand before it in any number, and Python reads 4,300 digits at most.
    digits = text.lstrip(b"-0")
    if len(digits) > _MAX_DIGITS:
        return None
    value = int(digits or b"0")
    return -value if text.startswith(b"-") else value


def skip_to_point(grammar: Grammar, data: bytes, at: int) -> int:
    """Go past empty lines, comments and white space: to the first byte of a point, or the end of the body."""
    while at < len(data):
        at = _past(grammar.space, data, at)
        is_comment = data.startswith(b"#", at)
        if is_comment:
            at = _past(grammar.comment, data, at)
        end = grammar.line_end.match(data, at)
        if end is None:
            if is_comment:
                raise Fault(at, LineErrorKind.COMMENT, "a comment without control characters")
            return at
        at = end.end()
    return at


def read_point(grammar: Grammar, data: bytes, at: int, unit_ns: int) -> tuple[Point, int]:
    """Read the point that begins at ``at``.

    Args:
        grammar: the dialect.
        data: the whole body.
        at: as ``skip_to_point`` returned it, before the end.
        unit_ns: the unit of timestamps.

    Returns:
        The point, and where the next line begins.

    Raises:
        Fault: the line cannot be read.
    """
    measurement, at = _token(grammar.measurement, data, at, LineErrorKind.MEASUREMENT, "measurement")
    tags, at = _tags(grammar, data, at)
    at = _gap(grammar, data, at, LineErrorKind.TAG if tags else LineErrorKind.MEASUREMENT)
    fields, at = _fields(grammar, data, at)
    time_ns, at = _time(grammar, data, at, unit_ns)
    return Point(grammar.unescape_measurement(measurement), tags, fields, time_ns), at


def _tags(grammar: Grammar, data: bytes, at: int) -> tuple[tuple[TagPair, ...], int]:
    """Read ``,key=value`` as often as it comes."""
    tags: list[TagPair] = []
    while data.startswith(b",", at):
        key, at = _key(grammar.tag, data, at + 1, LineErrorKind.TAG, "tag key")
        value, at = _token(grammar.tag, data, at, LineErrorKind.TAG, "tag value")
        tags.append((grammar.unescape_key(key), grammar.unescape_key(value)))
    pairs = tags if grammar.keeps_duplicates else dict(tags).items()
    return tuple(sorted(pairs, key=lambda pair: pair[0])), at


def _gap(grammar: Grammar, data: bytes, at: int, kind: LineErrorKind) -> int:
    """Go past the space before the fields; ``kind`` is what stands before it."""
    after = _past(grammar.space, data, at)
    if after > at:
        return after
    if grammar.line_end.match(data, at):
        raise Fault(at, LineErrorKind.FIELD, "a space and a field")
    raise Fault(at, kind, '"," or a space')


def _fields(grammar: Grammar, data: bytes, at: int) -> tuple[tuple[FieldTriple, ...], int]:
    """Read ``key=value`` and ``,key=value`` as often as it comes."""
    fields: list[FieldTriple] = []
    at -= 1
    while not fields or data.startswith(b",", at):
        key, at = _key(grammar.field_key, data, at + 1, LineErrorKind.FIELD, "field key")
        read = _string if data.startswith(b'"', at) else _scalar
        kind, value, at = read(grammar, data, at)
        fields.append((grammar.unescape_key(key), kind, value))
    if grammar.keeps_duplicates:
        return tuple(fields), at
    return tuple({field[0]: field for field in fields}.values()), at


def _scalar(grammar: Grammar, data: bytes, at: int) -> tuple[Kind, Value, int]:
    """Read a number or a boolean."""
    match = grammar.scalar.match(data, at)
    if match is None:
        raise Fault(at, LineErrorKind.VALUE, "a number, a boolean or a string")
    kind, read = grammar.scalars[str(match.lastgroup)]
    value = read(match[0])
    if value is None:
        raise Fault(at, LineErrorKind.RANGE, f"a number in the range of {kind}")
    return kind, value, match.end()


def _string(grammar: Grammar, data: bytes, at: int) -> tuple[Kind, Value, int]:
    """Read a quoted string; what closes it may stand lines further on."""
    end = _past(grammar.string, data, at)
    if end == len(data):
        raise Fault(at, LineErrorKind.VALUE, "a string with its closing quote")
    if data[end] != _QUOTE:
        raise Fault(end, LineErrorKind.VALUE, "a closing quote, or a character or escape that may stand in a string")
    return Kind.STRING, grammar.unescape_string(data[at + 1 : end]), end + 1


def _time(grammar: Grammar, data: bytes, at: int, unit_ns: int) -> tuple[int | None, int]:
    """Read the rest of the line: a timestamp or nothing, and the line's end."""
    end = grammar.line_end.match(data, at)
    if end:
        return None, end.end()
    after = _past(grammar.space, data, at)
    if after == at:
        raise Fault(at, LineErrorKind.VALUE, '",", a space or the end of the line')
    match = grammar.timestamp.match(data, after)
    if match is None:
        raise Fault(after, LineErrorKind.TIMESTAMP, "a timestamp or the end of the line")
    end = grammar.line_end.match(data, match.end())
    if end is None:
        raise Fault(match.end(), LineErrorKind.TIMESTAMP, "the end of the line after the timestamp")
    return _scaled(grammar, match[0], after, unit_ns), end.end()


def _scaled(grammar: Grammar, digits: bytes, at: int, unit_ns: int) -> int:
    """Turn a timestamp into nanoseconds."""
    ticks = read_ticks(digits)
    time_ns = None if ticks is None else ticks * unit_ns
    if time_ns is None or not (grammar.time_wraps or -_INT64 <= time_ns < _INT64):
        raise Fault(at, LineErrorKind.RANGE, "a timestamp in 64 bits")
    return (time_ns + _INT64) % _UINT64 - _INT64


def _key(pattern: re.Pattern[bytes], data: bytes, at: int, kind: LineErrorKind, what: str) -> tuple[bytes, int]:
    """Read a key and the ``=`` after it."""
    key, at = _token(pattern, data, at, kind, what)
    if not data.startswith(b"=", at):
        raise Fault(at, kind, f'"=" after the {what}')
    return key, at + 1


def _token(pattern: re.Pattern[bytes], data: bytes, at: int, kind: LineErrorKind, what: str) -> tuple[bytes, int]:
    """Read a token of at least one byte."""
    end = _past(pattern, data, at)
    if end == at:
        raise Fault(at, kind, f"a {what}")
    return data[at:end], end


def _past(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Go past what a pattern matches, which may be nothing."""
    match = pattern.match(data, at)
    return match.end() if match else at
