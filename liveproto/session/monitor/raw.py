"""Reading a message as text and JSON, without the records that the codec makes of it.

Sources: RFC 8259; SPEC.md areas WIRE.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeGuard, cast

import attrs

from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Json = Any
_MAX_DEPTH: Final = 100
"""What is nested deeper is not looked into: how deep a server goes is its own choice, and Python's has a limit."""
_STEPS: Final = {ord(bracket): step for bracket, step in {"[": 1, "{": 1, "]": -1, "}": -1}.items()}
_OTHER_BYTES: Final = bytes(sorted({*range(256)} - _STEPS.keys()))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[^][{}"]+', re.DOTALL)
_TOKEN: Final = re.compile(rb"[][{}]|" + _NO_BRACKETS.pattern, re.DOTALL)
_MAX_DIGITS: Final = 4_000
"""Beyond, Python refuses to make an integer of a text; no field of the protocol is near it."""

NOT_UTF8: Final = "not UTF-8"


@attrs.frozen
class Line:
    """One line of a message."""

    raw: bytes
    """Its bytes, without what is nested too deep."""
    value: Json
    """What its JSON text says; None where there is none. Bytes that are no UTF-8 stand in it as lone surrogates."""
    fault: str | None
    """Why it is not JSON."""
    rest: str
    """What follows the first value."""
    repeats_key: bool
    """Whether some object in it has a key twice."""
    repeats_command_key: bool
    """Whether the value itself or one of its members has."""

    @property
    def object(self) -> dict[str, Json] | None:
        """The value, if it is a JSON object."""
        return as_object(self.value)


def as_object(value: Json) -> dict[str, Json] | None:
    """Return a JSON object, or None for any other value."""
    return cast("dict[str, Json]", value) if isinstance(value, dict) else None


def as_list(value: Json) -> list[Json]:
    """Return a JSON array, or an empty one for any other value."""
    return [*cast("Iterable[Json]", value)] if isinstance(value, list) else []


def is_whole_number(value: Json) -> TypeGuard[int]:
    """Tell whether a JSON value is a number without fraction."""
    return isinstance(value, int) and not isinstance(value, bool)


def split_lines(data: bytes) -> list[bytes]:
    """Split a message at its newlines; one at its end belongs to no line."""
    return data.removesuffix(b"\n").split(b"\n")


def read_line(raw: bytes) -> Line:
    """Read one line: its first JSON value, and what follows."""
    raw = _without_depths(raw)
    text = raw.decode(errors="surrogateescape").strip(" \t\r")
    try:
        value, end = _plain.raw_decode(text)
    except ValueError:
        return _read_odd_line(raw, text)
    fault = None if _is_utf8(raw) else NOT_UTF8
    return Line(raw, value, fault, text[end:].strip(" \t\r"), repeats_key=False, repeats_command_key=False)


def _read_odd_line(raw: bytes, text: str) -> Line:
    """Read a line that is not JSON, or has a key twice."""
    repeating: list[dict[str, Json]] = []

    def make_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) < len(pairs):
            repeating.append(made)
        return made

    decoder = json.JSONDecoder(object_pairs_hook=make_object, parse_constant=_refuse, parse_int=_integer)
    try:
        value, end = decoder.raw_decode(text)
    except ValueError as error:
        return Line(raw, None, f"{error}", "", repeats_key=False, repeats_command_key=False)
    fault = None if _is_utf8(raw) else NOT_UTF8
    rest = text[end:].strip(" \t\r")
    near = {id(member) for member in (value, *(as_object(value) or {}).values())} if repeating else set[int]()
    own = any(id(made) in near for made in repeating)
    return Line(raw, value, fault, rest, repeats_key=bool(repeating), repeats_command_key=own)


def _object_of(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) < len(pairs):
        message = "a key is repeated"
        raise ValueError(message)
    return made


def canonical(value: dict[str, Json]) -> dict[str, Json]:
    """Write the keys of a command as servers do that read them in any case; keys that become one are repeated."""
    command = _in_lower_case(value, _KEYS)
    for kind in _KEYS & command.keys():
        if (request := as_object(command[kind])) is not None:
            command[kind] = _in_lower_case(request, _CHANNEL)
    return command


def count_keys(value: dict[str, Json]) -> int:
    """Count the keys of a command and of its requests."""
    return len(value) + sum(len(as_object(member) or ()) for member in value.values())


def _in_lower_case(value: dict[str, Json], known: frozenset[str]) -> dict[str, Json]:
    return {lowered if (lowered := key.lower()) in known else key: member for key, member in value.items()}


def _without_depths(raw: bytes) -> bytes:
    if raw.count(b"[") + raw.count(b"{") <= _MAX_DEPTH or _is_shallow(raw):
        return raw
    depth = 0
    for bracket in _NO_BRACKETS.sub(b"", raw):
        depth += _STEPS[bracket]
        if depth > _MAX_DEPTH:
            return b"".join(_shallow(raw))
    return raw


def _is_shallow(raw: bytes) -> bool:
    """Tell, without a step for each bracket, that nothing is nested too deep; text with escapes is not looked at."""
    if b"\\" in raw:
        return False
    brackets = b"".join(raw.split(b'"')[::2]).translate(_ONE_KIND, _OTHER_BYTES)
    for _ in range(_MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return not brackets


def _shallow(raw: bytes) -> Iterator[bytes]:
    depth = 0
    for match in _TOKEN.finditer(raw):
        token = match[0]
        step = _STEPS.get(token[0], 0)
        if depth + min(step, 0) < _MAX_DEPTH:
            yield token
        depth += step


def is_json(data: bytes) -> bool:
    """Tell whether bytes are one JSON text."""
    line = read_line(data)
    return line.fault is None and not line.rest


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _refuse(constant: str) -> NoReturn:
    message = f"{constant} is not JSON"
    raise ValueError(message)


_plain: Final = json.JSONDecoder(object_pairs_hook=_object_of, parse_constant=_refuse, parse_int=_integer)
REQUESTS: Final = frozenset(m.REQUEST_FIELDS.values())
"""The names of requests and of their results."""
_KEYS: Final = frozenset({"id", *REQUESTS})
_CHANNEL: Final = frozenset({"channel"})
