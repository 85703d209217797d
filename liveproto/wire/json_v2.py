"""Protocol V2 in JSON: batches of lines to records and back.

Theory. A transport message is a batch: one JSON object a line, lines joined by a single newline, at most one newline
at the end (GL-WIRE-005 to -008). Decoding stops at the first bad line and keeps what came before it, because those
commands keep their effect (GL-WIRE-013). Both directions are linear in bytes. The common case is
one C-level split and one typed decode a line; only a batch that fails there is read again line by line, to tolerate
what upstream tolerates: ``null`` for an absent field (GL-WIRE-018) and lone surrogate escapes in payloads.

Not here: what a record means, or when it may come (``liveproto.session``).
Sources: centrifugal/protocol decode.go, encode.go, raw.go; behaviour recorded from centrifuge 0.28.1 and 0.35.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import attrs
import msgspec

from liveproto.wire.messages import Command, Record, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

R = TypeVar("R", bound=Record)

_PAYLOADS: Final = frozenset({b'"data"', b'"conn_info"', b'"chan_info"'})
_SURROGATE_OR_ESCAPE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_UNICODE_ESCAPE: Final = re.compile(rb"\\u[0-9a-fA-F]{4}")
_ESCAPE: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PRIVATE_USE: Final = range(0xE000, 0xF900)
_FROM_PRIVATE_USE: Final = re.compile(rb"[\xee\xef][\x80-\xbf]{2}")

# Command, request, one of its members, and what that holds: connect.subs, history.since.
_NULLABLE_LEVELS: Final = 4

_encoder: Final = msgspec.json.Encoder()
_encode: Final = _encoder.encode
_raw_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@attrs.frozen
class Fault:
    """Where and why a batch stopped being readable; ``line`` counts from 1."""

    line: int
    reason: str


class Decoded(msgspec.Struct, Generic[R], frozen=True):
    """The records of a batch up to its end, or up to its first bad line; a Struct, being made for each message."""

    records: list[R]
    fault: Fault | None = None


def decode_commands(data: bytes) -> Decoded[Command]:
    """Read what a client sent in one transport message; never raises."""
    return _decode(data, _commands)


def decode_replies(data: bytes) -> Decoded[Reply]:
    """Read what a server sent in one transport message; never raises."""
    return _decode(data, _replies)


def encode(record: Command | Reply) -> bytes:
    """Write one line, without a newline at its end or inside it, whatever its payloads hold (GL-WIRE-009)."""
    line = _encode(record)
    # In JSON text a raw newline can only be white space between tokens, so dropping it changes no value.
    return line.replace(b"\n", b"") if b"\n" in line else line


def encode_batch(records: Sequence[Command | Reply]) -> bytes:
    """Write one transport message: a newline between lines, none at the end."""
    lines = _encoder.encode_lines(records)
    if lines.count(b"\n") == len(records):
        return lines[:-1]
    return join_lines(map(encode, records))


def join_lines(lines: Iterable[bytes]) -> bytes:
    """Make one transport message of lines that are already encoded."""
    return b"\n".join(lines)


_commands: Final = msgspec.json.Decoder(Command)
_replies: Final = msgspec.json.Decoder(Reply)


def _decode(data: bytes, decoder: msgspec.json.Decoder[R]) -> Decoded[R]:
    lines = data.removesuffix(b"\n").split(b"\n")
    try:
        if not data.isascii():
            data.decode()
        return Decoded(list(map(decoder.decode, lines)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_line_by_line(lines, decoder)


def _decode_line_by_line(lines: list[bytes], decoder: msgspec.json.Decoder[R]) -> Decoded[R]:
    records: list[R] = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_decode_tolerantly(line, decoder))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            reason = f"expected one JSON object, got a blank line: {error}" if not line.strip() else str(error)
            return Decoded(records, Fault(number, reason))
    return Decoded(records)


def _decode_tolerantly(line: bytes, decoder: msgspec.json.Decoder[R]) -> R:
    line.decode()
    try:
        return _decode_with_nulls(line, decoder)
    except msgspec.DecodeError:
        masked, stand_ins = _mask_lone_surrogates(line)
        if not stand_ins:
            raise
        marks = frozenset(chr(int(stand_in[2:].decode(), 16)) for stand_in in stand_ins)
        restored: R = _restored(_decode_with_nulls(masked, decoder), stand_ins, marks)
        return restored


def _decode_with_nulls(line: bytes, decoder: msgspec.json.Decoder[R]) -> R:
    try:
        return decoder.decode(line)
    except msgspec.ValidationError:
        return decoder.decode(_without_nulls(line, _NULLABLE_LEVELS))


def _without_nulls(line: bytes, levels: int) -> bytes:
    """Drop members that are null and no payload: a command's own, and those of what it holds."""
    members: list[bytes] = []
    for key, value in _raw_objects.decode(line).items():
        name, text = _encode(key), bytes(value)
        if name not in _PAYLOADS:
            if text == b"null":
                continue
            if levels > 1 and text.startswith(b"{"):
                text = _without_nulls(text, levels - 1)
        members.append(name + b":" + text)
    return b"{" + b",".join(members) + b"}"


def _mask_lone_surrogates(line: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Replace each lone surrogate escape by an escape of the same length that the line does not use.

    JSON.stringify writes such escapes and centrifuge relays them; the decoder refuses them.
    """
    used = {escape.lower() for escape in _UNICODE_ESCAPE.findall(line)}
    present = set(_FROM_PRIVATE_USE.findall(line))
    unused = (
        escape
        for code in _PRIVATE_USE
        if (escape := rb"\u%04x" % code) not in used and chr(code).encode() not in present
    )
    masks: dict[bytes, bytes] = {}

    def mask(match: re.Match[bytes]) -> bytes:
        lone = match[1]
        if lone is None:
            return match[0]
        if lone not in masks:
            stand_in = next(unused, None)
            if stand_in is None:
                message = "expected text, got more lone surrogates than can be told apart"
                raise msgspec.DecodeError(message)
            masks[lone] = stand_in
        return masks[lone]

    masked = _SURROGATE_OR_ESCAPE.sub(mask, line)
    return masked, {stand_in: lone for lone, stand_in in masks.items()}


def _restored(
    value: Any,  # noqa: ANN401 - any value a record may hold
    stand_ins: dict[bytes, bytes],
    marks: frozenset[str],
) -> Any:  # noqa: ANN401 - the same
    """Put the surrogates back into payloads; a text field that holds one is no text."""
    match value:
        case msgspec.Raw():
            return msgspec.Raw(_ESCAPE.sub(lambda match: stand_ins.get(match[0], match[0]), bytes(value)))
        case msgspec.Struct():
            fields = {name: _restored(getattr(value, name), stand_ins, marks) for name in value.__struct_fields__}
            return type(value)(**fields)
        case list():
            return [_restored(item, stand_ins, marks) for item in cast("Iterable[Any]", value)]
        case dict():
            members = cast("Mapping[str, Any]", value).items()
            return {_restored(key, stand_ins, marks): _restored(item, stand_ins, marks) for key, item in members}
        case str() if not marks.isdisjoint(value):
            message = "expected text, got a lone surrogate outside a payload"
            raise msgspec.DecodeError(message)
        case _:
            return value
