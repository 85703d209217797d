"""Frame JSON: data frames as Grafana sends them to browsers.

Theory. A message is ``{"schema": S, "data": D}`` or one half of it. The data are columns: ``values`` holds what JSON
can say, and two arrays beside it the rest. Times are whole milliseconds, rounded down, and ``nanos`` has what was
rounded off; floats that are no numbers are null, and ``entities`` has the rows where they stand.

Writing is the hot path of a server, and most of its frames are wide and a few rows long. So all columns go through the
codec in one call, as they are but for times, float32 and raw JSON. Special floats are written as null, so where the
text holds none nobody looks for them. What is written is trusted to be of its type: a wrong cell makes a message that
no reader takes, not an error here.

Reading is strict: what Go's writer cannot have written is a ``FrameError``. Inside ``meta`` and ``config`` everything
is kept as it is.

Sources: grafana-plugin-sdk-go v0.298.0 data/frame_json.go, frame_meta.go, field_config.go.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn

import attrs
import msgspec
from msgspec.structs import replace

from liveproto.errors import FrameError
from liveproto.frames.cells import text_of
from liveproto.frames.frame import DataFrame, Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

NS_PER_MS: Final = 1_000_000

_META_KEYS: Final = (
    "type", "typeVersion", "path", "pathSeparator", "custom", "stats", "notices", "channel",
    "preferredVisualisationType", "preferredVisualisationPluginId", "executedQueryString", "dataTopic",
    "uniqueRowIdFields",
)  # fmt: skip
_CONFIG_KEYS: Final = (
    "displayName", "displayNameFromDS", "path", "description", "filterable", "writeable", "unit", "decimals", "min",
    "max", "interval", "mappings", "thresholds", "color", "links", "noValue", "type", "custom",
)  # fmt: skip
_SPECIAL: Final = {"NaN": float("nan"), "Inf": float("inf"), "NegInf": float("-inf")}
_ALIASES: Final = {
    "int": FieldType.INT64,
    "double": FieldType.FLOAT64,
    "float": FieldType.FLOAT64,
    "boolean": FieldType.BOOL,
    "time": FieldType.TIME,
    "json": FieldType.JSON,
}
_TYPES: Final[Mapping[str, tuple[FieldType, bool]]] = {
    **{alias: (kind, False) for alias, kind in _ALIASES.items()},
    **{kind.value: (kind, False) for kind in FieldType},
    **{f"*{kind.value}": (kind, True) for kind in FieldType},
}
"""What a type means by its name alone, and whether its column is nullable by that."""
_FLOATS: Final = frozenset({FieldType.FLOAT32, FieldType.FLOAT64})
_NULL: Final = msgspec.Raw(b"null")
_MINUS_ZERO: Final = re.compile(rb"(?<![eE])-0(?=\s*[,\]])")
_MAX_UINT64: Final = 2**64 - 1
_MAX_FLOAT32: Final = 3.4028235677973362e38
"""Below it a number is rounded to a finite float32."""
_LEAST_NORMAL_FLOAT32: Final = 2.0**-126
_GREATEST_POWER_FLOAT32: Final = 2.0**127
_FLOAT32_DIGITS: Final = 6
"""So many digits are always kept by a float32, but by those closest to zero; three more tell any two of them apart."""
_FLOAT32: Final = struct.Struct("<f")
_UNWRITABLE: Final = (TypeError, ValueError, OverflowError, RecursionError)


class _TypeInfo(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    frame: str
    nullable: bool = False


class _SchemaField(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    type_info: _TypeInfo = msgspec.field(name="typeInfo")
    name: str = ""
    type: str | None = None
    labels: dict[str, str] | None = None
    config: dict[str, Any] | None = None


class _WrittenField(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    type: str | None = None
    type_info: msgspec.Raw | None = msgspec.field(default=None, name="typeInfo")
    labels: dict[str, str] | None = None
    config: msgspec.Raw | None = None


class _Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"ref_id": "refId"}):
    fields: list[_SchemaField]
    name: str = ""
    ref_id: str = ""
    meta: dict[str, Any] | None = None


class _WrittenSchema(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename={"ref_id": "refId"}):
    name: str = ""
    ref_id: str = ""
    meta: msgspec.Raw | None = None
    fields: list[_WrittenField]


_Rows = list[Annotated[int, msgspec.Meta(ge=0)]]
_Entities = dict[Literal["NaN", "Inf", "NegInf"], _Rows]
_Nanos = list[Annotated[int, msgspec.Meta(ge=0, lt=NS_PER_MS)]]


def _integers(low: int, high: int) -> Any:  # noqa: ANN401 - a type made of numbers
    return list[Annotated[int, msgspec.Meta(ge=low, le=high)] | None]


_COLUMNS: Final[Mapping[FieldType, Any]] = {
    FieldType.INT8: _integers(-(2**7), 2**7 - 1),
    FieldType.INT16: _integers(-(2**15), 2**15 - 1),
    FieldType.INT32: _integers(-(2**31), 2**31 - 1),
    FieldType.INT64: _integers(-(2**63), 2**63 - 1),
    FieldType.UINT8: _integers(0, 2**8 - 1),
    FieldType.UINT16: _integers(0, 2**16 - 1),
    FieldType.UINT32: _integers(0, 2**32 - 1),
    FieldType.UINT64: list[Annotated[int, msgspec.Meta(ge=0)] | None],
    FieldType.FLOAT32: list[Annotated[float, msgspec.Meta(gt=-_MAX_FLOAT32, lt=_MAX_FLOAT32)] | None],
    FieldType.FLOAT64: list[float | None],
    FieldType.STRING: list[str | None],
    FieldType.BOOL: list[bool | None],
    FieldType.TIME: _integers(-(2**63), 2**63 - 1),
    FieldType.JSON: list[msgspec.Raw],
    FieldType.ENUM: _integers(0, 2**16 - 1),
}
_READ_COLUMN: Final[Mapping[FieldType, Callable[[msgspec.Raw | bytes], list[Any]]]] = {
    kind: msgspec.json.Decoder(column).decode for kind, column in _COLUMNS.items()
}
_READ_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_READ_SCHEMA: Final = msgspec.json.Decoder(_Schema).decode
_READ_COLUMNS: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_READ_ENTITIES: Final = msgspec.json.Decoder(list[_Entities | None]).decode
_READ_NANOS: Final = msgspec.json.Decoder(list[_Nanos | None]).decode

_WRITE: Final = msgspec.json.Encoder().encode
_WRITE_SCHEMA: Final = msgspec.json.Encoder(order="deterministic").encode
_WRITTEN_TYPES: Final = {
    nullable: {kind: (kind.kind, msgspec.Raw(_WRITE(_TypeInfo(kind.value, nullable)))) for kind in FieldType}
    for nullable in (False, True)
}
"""What stands as ``type`` and as ``typeInfo``."""


@attrs.frozen
class Message:
    """A message of a stream, read."""

    frame: DataFrame
    """With the schema the message brought, or the one it was read with."""
    has_schema: bool
    """Whether it brought one."""


def encode(frame: DataFrame) -> bytes:
    """Write a frame whole (GL-FRAME-001).

    Raises:
        FrameError: its columns differ in length, ``meta`` has a key Grafana does not know, or a value cannot be JSON.
    """
    return b"".join([b'{"schema":', encode_schema(frame), b',"data":', *_data_parts(frame), b"}"])


def encode_schema(frame: DataFrame) -> bytes:
    """Write the schema object alone, in the order of GL-FRAME-002 to -006.

    Equal schemas have one text, if objects inside ``meta`` and ``config`` have their keys in one order.

    Raises:
        FrameError: ``meta`` has a key Grafana does not know, or a value cannot be JSON.
    """
    try:
        return _WRITE_SCHEMA(
            _WrittenSchema(
                name=frame.name,
                ref_id=frame.ref_id,
                meta=None if frame.meta is None else _written_meta(frame.meta),
                fields=[
                    _WrittenField(field.name, type_, info)
                    if field.labels is field.config is None
                    else _full_field(field, type_, info)
                    for field in frame.fields
                    for type_, info in [_WRITTEN_TYPES[field.nullable][field.type]]
                ],
            )
        )
    except _UNWRITABLE as error:
        raise FrameError(f"schema of {frame.name!r}: {error}") from error


def encode_data(frame: DataFrame) -> bytes:
    """Write the data object alone (GL-FRAME-007 to -016).

    Raises:
        FrameError: the columns differ in length, or a value cannot be JSON.
    """
    return b"".join(_data_parts(frame))


def decode(data: bytes) -> DataFrame:
    """Read a message that has a schema; without data all columns are empty (GL-FRAME-017 to -027).

    Raises:
        FrameError: it is not the JSON of a frame, or has no schema.
    """
    return read_message(data, None).frame


def decode_data(data: bytes, schema: DataFrame) -> DataFrame:
    """Read a message that has data alone, with the schema of an earlier one.

    Raises:
        FrameError: it is not the JSON of a frame's data, brings a schema, or does not fit the one given.
    """
    message = read_message(data, schema)
    if message.has_schema:
        raise FrameError("expected data alone, got a schema (GL-FRAME-019)")
    return message.frame


def read_message(data: bytes, schema: DataFrame | None) -> Message:
    """Read any message of a stream: whole, schema alone, or data alone.

    Args:
        data: one JSON object.
        schema: what was known before, for a message that brings none.

    Raises:
        FrameError: it is not the JSON of a frame, or has no schema and none was known.
    """
    parts = _keys_in_order(_read(_READ_OBJECT, data, "message"), ("schema", "data"), "message")
    if "schema" in parts:
        frame = _read_schema(parts["schema"])
    elif schema is None:
        raise FrameError("push message mismatch: expected a schema before data (GL-FRAME-019)")
    else:
        frame = schema
    fields = _read_data(parts["data"], frame.fields) if "data" in parts else _emptied(frame.fields)
    return Message(replace(frame, fields=fields), "schema" in parts)


def _data_parts(frame: DataFrame) -> list[bytes]:
    """Write the data object in pieces, so that a large one is put together once."""
    columns = [field.values for field in frame.fields]
    if len({*map(len, columns)}) > 1:
        name, rows = next((field.name, len(field.values)) for field in frame.fields if len(field.values) != frame.rows)
        raise FrameError(f"column {name!r}: expected {frame.rows} rows, got {rows} (GL-FRAME-007)")
    try:
        written, entities, nanos = _written_columns(frame.fields, columns)
    except _UNWRITABLE as error:
        culprit = next(field for field in frame.fields if not _is_writable(field))
        raise FrameError(f"column {culprit.name!r}: {error}") from error
    parts = [b'{"values":', written]
    if any(entities):
        parts += b',"entities":', _WRITE(entities)
    if any(nanos):
        parts += b',"nanos":', _WRITE(nanos)
    return [*parts, b"}"]


def _written_columns(
    fields: Sequence[Field], columns: list[Sequence[Any]]
) -> tuple[bytes, Sequence[dict[str, list[int]] | None], Sequence[list[int] | None]]:
    """Write the values, and list the special floats and the nanoseconds of each column that has any."""
    nanos: list[list[int] | None] = [None] * len(fields)
    for place in [place for place, field in enumerate(fields) if field.type in _PREPARE]:
        columns[place], nanos[place] = _PREPARE[fields[place].type](columns[place])
    written = _WRITE(columns)
    return written, [_special_rows(field) for field in fields] if b"null" in written else (), nanos


def _is_writable(field: Field) -> bool:
    try:
        _written_columns([field], [field.values])
        _special_rows(field)
    except _UNWRITABLE:
        return False
    return True


def _full_field(field: Field, type_: str, info: msgspec.Raw) -> _WrittenField:
    labels = None if field.labels is None else dict(field.labels)
    config = None if field.config is None else _raw(_in_order(field.config, _CONFIG_KEYS))
    return _WrittenField(field.name, type_, info, labels, config)


def _written_meta(meta: Mapping[str, Any]) -> msgspec.Raw:
    if unknown := meta.keys() - set(_META_KEYS):
        raise FrameError(f"unknown key in meta: {min(unknown)!r} (GL-FRAME-004)")
    return _raw(_in_order({"typeVersion": (0, 0), **meta}, _META_KEYS))


def _in_order(mapping: Mapping[str, Any], order: Iterable[str]) -> dict[str, Any]:
    return {key: mapping[key] for key in order if key in mapping} | dict(mapping)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_WRITE(value))


def _special_rows(field: Field) -> dict[str, list[int]] | None:
    """List the rows of a float column whose number JSON does not have."""
    values = field.values
    if field.type not in _FLOATS or _is_finite(sum(filter(None, values))):
        return None
    found = {
        "NaN": [row for row, value in enumerate(values) if value is not None and value != value],  # noqa: PLR0124 - NaN alone does
        "Inf": [row for row, value in enumerate(values) if value == _SPECIAL["Inf"]],
        "NegInf": [row for row, value in enumerate(values) if value == _SPECIAL["NegInf"]],
    }
    return {name: rows for name, rows in found.items() if rows} or None


def _is_finite(value: float) -> bool:
    return value - value == 0


def _times(times_ns: Sequence[int | None]) -> tuple[list[int | None], list[int] | None]:
    """Round down to milliseconds, and list what was rounded off, if anything was."""
    floors = [None if time_ns is None else time_ns // NS_PER_MS for time_ns in times_ns]
    rests = [0 if time_ns is None else time_ns % NS_PER_MS for time_ns in times_ns]
    return floors, rests if any(rests) else None


def _float32s(values: Sequence[float | None]) -> tuple[list[float | None], None]:
    """Round to float32, and to as few digits as are read as that again (GL-FRAME-013)."""
    return [value if value is None or not _is_finite(value) else _shortest_float32(value) for value in values], None


def _shortest_float32(value: float) -> float:
    """Try numbers of more and more digits.

    A power of two is twice as far from its neighbour above as from the one below. So of what is read as it, the number
    of fewest digits may not be the one nearest to it, but is the one nearest to the middle.
    """
    rounded = _float32(value)
    middle = rounded * (1 + 2.0**-26) if abs(rounded) < _GREATEST_POWER_FLOAT32 else rounded
    fewest = _FLOAT32_DIGITS if abs(rounded) >= _LEAST_NORMAL_FLOAT32 else 1
    texts = (f"{near:.{digits}g}" for digits in range(fewest, _FLOAT32_DIGITS + 4) for near in (rounded, middle))
    return next(shorter for shorter in map(float, texts) if _float32(shorter) == rounded)


def _float32(value: float) -> float:
    (rounded,) = _FLOAT32.unpack(_FLOAT32.pack(value))
    return float(rounded)


def _raw_json(values: Sequence[msgspec.Raw | bytes | None]) -> tuple[list[msgspec.Raw], None]:
    """Take white space out, and with it any newline, which would end the message on the wire (GL-WIRE-009).

    Bytes that are not UTF-8 would make a message that nobody can read (GL-FRAME-014).
    """
    return [
        _NULL if value is None else msgspec.Raw(msgspec.json.format(text_of(bytes(value)), indent=-1))
        for value in values
    ], None


_PREPARE: Final[Mapping[FieldType, Callable[[Sequence[Any]], tuple[list[Any], list[int] | None]]]] = {
    FieldType.TIME: _times,
    FieldType.FLOAT32: _float32s,
    FieldType.JSON: _raw_json,
}
"""What is written of columns whose values are not written as they are, and their nanoseconds."""


def _read(read: Callable[[Any], Any], data: object, what: str) -> Any:  # noqa: ANN401 - what a decoder returns
    try:
        return read(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"{what}: {error}") from error


def _keys_in_order(parts: dict[str, msgspec.Raw], expected: tuple[str, ...], where: str) -> dict[str, msgspec.Raw]:
    if unknown := parts.keys() - set(expected):
        raise FrameError(f"unknown key in {where}: {min(unknown)!r} (GL-FRAME-017)")
    if expected[0] in parts and next(iter(parts)) != expected[0]:
        raise FrameError(f"expected {expected[0]!r} first in {where}, got {next(iter(parts))!r} (GL-FRAME-018)")
    return parts


def _read_schema(data: msgspec.Raw) -> DataFrame:
    schema: _Schema = _read(_READ_SCHEMA, data, "schema")
    return DataFrame(schema.name, tuple(map(_read_field, schema.fields)), schema.ref_id, schema.meta)


def _read_field(field: _SchemaField) -> Field:
    name = field.type_info.frame
    if name not in _TYPES:
        raise FrameError(f"field {field.name!r}: unknown type {name!r} (GL-FRAME-020)")
    kind, is_nullable = _TYPES[name]
    if field.type not in {None, kind.kind}:
        raise FrameError(f"field {field.name!r}: expected type {kind.kind!r}, got {field.type!r} (GL-FRAME-021)")
    return Field(field.name, kind, [], is_nullable or field.type_info.nullable, field.labels, field.config)


def _emptied(fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(replace(field, values=[]) for field in fields)


def _read_data(data: msgspec.Raw, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    parts = _keys_in_order(_read(_READ_OBJECT, data, "data"), ("values", "entities", "nanos"), "data")
    if "values" not in parts:
        raise FrameError("expected values in data (GL-FRAME-018)")
    columns: list[msgspec.Raw] = _read(_READ_COLUMNS, parts["values"], "values")
    if not columns:
        return _emptied(fields)
    _same("columns", len(columns), len(fields), "push message mismatch: ")
    entities: list[dict[str, list[int]] | None] = _beside(_READ_ENTITIES, parts, "entities", len(fields))
    nanos: list[list[int] | None] = _beside(_READ_NANOS, parts, "nanos", len(fields))
    read = [_read_column(*column) for column in zip(fields, columns, entities, nanos, strict=True)]
    for field in read:
        _same(f"rows in column {field.name!r}", len(field.values), len(read[0].values))
    return tuple(read)


def _beside(read: Callable[[Any], Any], parts: Mapping[str, msgspec.Raw], key: str, length: int) -> list[Any]:
    if key not in parts:
        return [None] * length
    found: list[Any] = _read(read, parts[key], key)
    _same(f"elements in {key}", len(found), length)
    return found


def _same(what: str, got: int, expected: int, prefix: str = "") -> None:
    if got != expected:
        raise FrameError(f"{prefix}expected {expected} {what}, got {got} (GL-FRAME-022)")


def _read_column(
    field: Field, column: msgspec.Raw, entities: Mapping[str, Sequence[int]] | None, nanos: Sequence[int] | None
) -> Field:
    text = _with_signed_zeros(bytes(column)) if field.type in _FLOATS else column
    values: list[Any] = _read(_READ_COLUMN[field.type], text, f"column {field.name!r}")
    if field.type is FieldType.JSON:
        values = [None if field.nullable and value == _NULL else value.copy() for value in values]
    if field.type is FieldType.UINT64 and any(value > _MAX_UINT64 for value in values if value):
        _refuse(field, "expected at most 64 bits", "GL-FRAME-023")
    if entities is not None:
        _put_special(field, values, entities)
    if not field.nullable and None in values:
        _refuse(field, f"null in row {values.index(None)} of a column that is not nullable", "GL-FRAME-024")
    if field.type is FieldType.TIME:
        values = _with_nanos(field, values, nanos)
    elif nanos is not None:
        _refuse(field, "nanos of a column that is no time", "GL-FRAME-026")
    return replace(field, values=values)


def _with_signed_zeros(column: bytes) -> bytes:
    """Write -0, which is Go's text of a negative zero, as a number that the codec does not take for an integer."""
    return _MINUS_ZERO.sub(b"-0.0", column) if b"-0" in column else column


def _put_special(field: Field, values: list[Any], entities: Mapping[str, Collection[int]]) -> None:
    if field.type not in _FLOATS:
        _refuse(field, "entities of a column that is no float", "GL-FRAME-025")
    for name, rows in entities.items():
        for row in rows:
            if row >= len(values) or values[row] is not None:
                _refuse(field, f"{name} in row {row}, which is no null", "GL-FRAME-025")
            values[row] = _SPECIAL[name]


def _with_nanos(field: Field, values: Sequence[int | None], nanos: Sequence[int] | None) -> list[int | None]:
    if nanos is None:
        return [None if time_ms is None else time_ms * NS_PER_MS for time_ms in values]
    if len(nanos) != len(values):
        _refuse(field, f"expected {len(values)} nanos, got {len(nanos)}", "GL-FRAME-026")
    pairs = zip(values, nanos, strict=True)
    return [None if time_ms is None else time_ms * NS_PER_MS + rest for time_ms, rest in pairs]


def _refuse(field: Field, why: str, requirement: str) -> NoReturn:
    raise FrameError(f"column {field.name!r}: {why} ({requirement})")
