"""FRAME: the JSON of the frames that a server publishes.

The shape of a message is read as it came; what must stand in it is compared with the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import msgspec

from liveproto_conformance.check import check
from liveproto_conformance.line_tables import Lines, takes
from liveproto_conformance.pushing import WIDE, Ingest, same, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Object = dict[str, Any]

BODIES: Final = (
    ('cpu,host=b,az=a a=1,s="x",ok=t,n=2i,u=3u 1600000000000000000\ncpu b=2 1600000000001000000', ""),
    ('cpu,host=b,az=a a=1,s="x",ok=t,n=2i,u=3u 1600000000000000001\ncpu b=2 1600000000001000000', ""),
    ('cpu,host=b,az=a a=1,s="x",ok=t 1600000000000000000\ncpu a=2 1600000000000000000', WIDE),
    ("cpu a=1 1600000000000000001\ncpu a=2 1600000000000000002", WIDE),
)
"""Lines that make every type and both formats, with null, without tags, with data alone and with nanoseconds."""
MESSAGE_KEYS: Final = ("schema", "data")
SCHEMA_KEYS: Final = ("name", "refId", "meta", "fields")
FIELD_KEYS: Final = ("name", "type", "typeInfo", "labels", "config")
DATA_KEYS: Final = ("values", "entities", "nanos")
TYPES: Final = {
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), "number"),
    **dict.fromkeys(("float32", "float64"), "number"),
    "string": "string",
    "bool": "boolean",
    "time.Time": "time",
    "enum": "enum",
    "json.RawMessage": "other",
}
MILLISECONDS: Final = {
    0: 0,
    -1_000_000: -1,
    -1: -1,
    -1_000_001: -2,
    1_999_999: 1,
    1_600_000_000_123_456_789: 1_600_000_000_123,
    2**63 - 1: 9_223_372_036_854,
    -(2**63): -9_223_372_036_855,
}
"""Timestamps, and what stands in ``values``."""
NANOSECONDS: Final[Lines] = {
    "GL-FRAME-010": (
        b"cpu v=1 1600000000000000001",
        b"cpu,a=b v=1,w=2 -1",
        b"cpu w=1 1600000000000999999",
        b"cpu v=1 @",
    )
}
FLOATS: Final[Lines] = {
    "GL-FRAME-013": tuple(
        b"cpu v=" + number + b" @"
        for number in (
            b"0.1", b"0.30000000000000004", b"123456789.12345679", b"1e21", b"1e22", b"1e-7", b"0.000001", b"5e-324",
            b"2.2250738585072014e-308", b"1.7976931348623157e308", b"-9007199254740991", b"100000000000000000000",
        )
    )
}  # fmt: skip
TEXTS: Final[Lines] = {
    "GL-FRAME-014": (
        b'cpu s="\xff" @',
        b'cpu s="a\x80b\xc3" @',
        b'cpu,a=\xff s="\xed\xa0\x80" @',
        b'cpu s="\xc3\xa9\xf0\x9f\x8e\x88" @',
    )
}


@check("GL-FRAME-001")
def test_a_message_has_schema_and_data_and_no_other_keys(ingest: Ingest) -> None:
    for message in _messages(ingest):
        _in_order("keys of a message", message, MESSAGE_KEYS, "data")


@check("GL-FRAME-002")
def test_a_schema_has_its_keys_in_order(ingest: Ingest) -> None:
    for schema in _schemas(ingest):
        _in_order("keys of a schema", schema, SCHEMA_KEYS, "name", "fields")


@check("GL-FRAME-003")
def test_a_field_has_its_keys_in_order(ingest: Ingest) -> None:
    labels: list[Object] = []
    for field in _fields(ingest):
        _in_order("keys of a field", field, FIELD_KEYS, "name", "type", "typeInfo")
        labels += [field["labels"]] if "labels" in field else []
    expected = [{"az": "a", "host": "b"}] * 3 + [{}] * 2
    assert labels == expected, f"expected labels {shown(expected)} of the values in wide frames, got {shown(labels)}"
    assert all(list(each) == sorted(each) for each in labels), f"expected sorted labels, got {shown(labels)}"


@check("GL-FRAME-005")
def test_a_field_has_one_of_the_types(ingest: Ingest) -> None:
    for field in _fields(ingest):
        frame = field["typeInfo"].get("frame")
        assert frame in TYPES, f"expected a type of frames in typeInfo, got {shown(field)}"
        assert field.get("type") == TYPES[frame], f"expected type {TYPES[frame]} of {frame}, got {shown(field)}"


@check("GL-FRAME-006")
def test_a_field_that_may_hold_null_says_so(ingest: Ingest) -> None:
    for message in _with_schema(_messages(ingest)):
        for field, values in zip(message["schema"]["fields"], message["data"]["values"], strict=False):
            nullable = field["typeInfo"].get("nullable")
            known = nullable is True or "nullable" not in field["typeInfo"]
            assert known, f"expected nullable to be true or absent, got {shown(field)}"
            assert nullable or None not in values, f"expected no null in {shown(field)}, got {shown(values)}"


@check("GL-FRAME-007")
def test_columns_are_as_many_as_fields_and_of_one_length(ingest: Ingest) -> None:
    fields = 0
    for message in _messages(ingest):
        fields = len(message["schema"]["fields"]) if "schema" in message else fields
        lengths = [len(values) for values in message["data"]["values"]]
        assert len(lengths) == fields, f"expected {fields} columns, got {shown(message)}"
        assert len(set(lengths)) == 1, f"expected columns of one length, got {shown(message)}"


@check("GL-FRAME-008")
def test_data_have_their_keys_in_order(ingest: Ingest) -> None:
    for message in _messages(ingest):
        data = message["data"]
        _in_order("keys of data", data, DATA_KEYS, "values")
        assert "entities" not in data, f"expected no entities where every float is finite, got {shown(data)}"


@check("GL-FRAME-009")
def test_a_time_is_rounded_down_to_milliseconds(ingest: Ingest) -> None:
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    for time_ns, expected in MILLISECONDS.items():
        ingest.push(f"{cpu} v=1 {time_ns}", WIDE)
        message = _message(session.publication(ingest.channel(cpu)))
        same(expected, message["data"]["values"][0][0], f"for the time {time_ns}")


@check("GL-FRAME-010")
def test_what_was_rounded_off_stands_in_nanos(ingest: Ingest) -> None:
    for query in ("", WIDE):
        takes(ingest, NANOSECONDS, query)


@check("GL-FRAME-013")
def test_a_float_is_read_back_as_the_same(ingest: Ingest) -> None:
    takes(ingest, FLOATS)


@check("GL-FRAME-014")
def test_text_that_is_not_utf_8_has_replacements(ingest: Ingest) -> None:
    takes(ingest, TEXTS, "")


# -- messages ----------------------------------------------------------------------------------------------------------


class _Field(msgspec.Struct, rename="camel"):
    type_info: dict[str, Any]


class _Schema(msgspec.Struct):
    fields: list[_Field]


class _Data(msgspec.Struct):
    values: Annotated[list[Annotated[list[Any], msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)]


class _Message(msgspec.Struct):
    data: _Data
    schema: _Schema | msgspec.UnsetType = msgspec.UNSET


def _message(value: object) -> Object:
    """Return a message as it came, if it is one at all."""
    try:
        msgspec.convert(value, _Message)
    except msgspec.ValidationError as error:
        raise AssertionError(f"expected a message of a frame, got {shown(value)}: {error}") from None
    return cast("Object", value)


def _messages(ingest: Ingest) -> list[Object]:
    """Push the bodies and return what is published of them."""
    cpu = ingest.fresh()
    session = ingest.subscriber(cpu)
    count = sum(len(ingest.push(body.replace("cpu", cpu), query)) for body, query in BODIES)
    return [_message(session.publication(ingest.channel(cpu))) for _ in range(count)]


def _with_schema(messages: Sequence[Object]) -> Iterator[Object]:
    return (message for message in messages if "schema" in message)


def _schemas(ingest: Ingest) -> list[Object]:
    return [message["schema"] for message in _with_schema(_messages(ingest))]


def _fields(ingest: Ingest) -> list[Object]:
    return [field for schema in _schemas(ingest) for field in schema["fields"]]


def _in_order(what: str, value: Object, allowed: Sequence[str], *needed: str) -> None:
    """Fail unless the keys of an object are of those allowed, in their order, and have the ones that are needed."""
    kept = [key for key in allowed if key in value]
    good = list(value) == kept and set(needed) <= value.keys()
    assert good, f"expected the {what} {', '.join(kept or needed)}, got {shown(value)}"
