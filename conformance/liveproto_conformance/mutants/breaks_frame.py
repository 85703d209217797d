"""Mutants of FRAME: servers that write frames otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
from msgspec.structs import replace

from liveproto.frames.frame import FieldType
from liveproto.grafana.managed_stream import ManagedStream, ManagedStreams
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.session import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from liveproto.frames.frame import DataFrame, Field
    from liveproto_conformance.reference.server import Parts

Object = dict[str, Any]


def _streams(parts: Parts, stream: type[ManagedStream]) -> Parts:
    class Mutated(ManagedStreams):
        make_stream = stream

    return attrs.evolve(parts, streams=Mutated)


def _writes(parts: Parts, change: Callable[[Object], object]) -> Parts:
    """Change every message that is published, in place or to what is returned."""

    class Mutated(ManagedStream):
        def push(self, frame: DataFrame, *, now_s: float) -> bytes:
            message = json.loads(super().push(frame, now_s=now_s))
            return dumps(change(message) or message).encode()

    return _streams(parts, Mutated)


def _columns(parts: Parts, change: Callable[[Field], Field]) -> Parts:
    """Change every column before it is written."""

    class Mutated(ManagedStream):
        def push(self, frame: DataFrame, *, now_s: float) -> bytes:
            return super().push(replace(frame, fields=tuple(map(change, frame.fields))), now_s=now_s)

    return _streams(parts, Mutated)


def _each_field(message: Object) -> Iterable[Object]:
    fields: list[Object] = message["schema"]["fields"] if "schema" in message else []
    return fields


@mutant(
    "GL-FRAME-001",
    must_fail="frame.a_message_has_schema_and_data_and_no_other_keys",
    why="objects are written with sorted keys, and data comes before schema",
)
def data_come_before_their_schema(parts: Parts) -> Parts:
    return _writes(parts, lambda message: dict(sorted(message.items())))


@mutant(
    "GL-FRAME-002",
    must_fail="frame.a_schema_has_its_keys_in_order",
    why="a schema has every key, and null or nothing where there is nothing to say",
)
def a_schema_has_every_key(parts: Parts) -> Parts:
    def change(message: Object) -> None:
        if "schema" in message:
            message["schema"] = {"refId": "", "meta": None, **message["schema"]}

    return _writes(parts, change)


@mutant(
    "GL-FRAME-003",
    must_fail="frame.a_field_has_its_keys_in_order",
    why="labels without any in them are left out as other empty things are",
)
def empty_labels_are_left_out(parts: Parts) -> Parts:
    return _columns(parts, lambda field: replace(field, labels=field.labels or None))


@mutant(
    "GL-FRAME-005",
    must_fail="frame.a_field_has_one_of_the_types",
    why="the browser finds the type of a column by itself",
)
def fields_have_no_type_for_browsers(parts: Parts) -> Parts:
    return _writes(parts, lambda message: [field.pop("type") for field in _each_field(message)] and None)


@mutant(
    "GL-FRAME-006",
    must_fail="frame.a_field_that_may_hold_null_says_so",
    why="a column with null in it is the same as any other to JSON",
)
def columns_do_not_tell_that_they_may_hold_null(parts: Parts) -> Parts:
    return _columns(parts, lambda field: replace(field, nullable=False))


@mutant(
    "GL-FRAME-007",
    must_fail="frame.columns_are_as_many_as_fields_and_of_one_length",
    why="null at the end of a column says nothing that its end does not",
)
def columns_end_with_their_last_value(parts: Parts) -> Parts:
    def change(message: Object) -> None:
        for values in message["data"]["values"]:
            while len(values) > 1 and values[-1] is None:
                values.pop()

    return _writes(parts, change)


@mutant(
    "GL-FRAME-008",
    must_fail="frame.data_have_their_keys_in_order",
    why="data have every key, and null for each column where there is nothing to say",
)
def data_have_every_key(parts: Parts) -> Parts:
    return _writes(parts, lambda message: message["data"].setdefault("entities", []) and None)


def _with_times(field: Field, change: Callable[[int], int]) -> Field:
    return replace(field, values=list(map(change, field.values))) if field.type is FieldType.TIME else field


@mutant(
    "GL-FRAME-009",
    must_fail="frame.a_time_is_rounded_down_to_milliseconds",
    why="a division of integers rounds towards zero, in most languages",
)
def times_are_rounded_towards_zero(parts: Parts) -> Parts:
    return _columns(
        parts, lambda field: _with_times(field, lambda ns: ns if ns >= 0 else -(-ns // 1_000_000) * 1_000_000)
    )


@mutant(
    "GL-FRAME-010",
    must_fail="frame.what_was_rounded_off_stands_in_nanos",
    why="nobody looks at less than a millisecond",
)
def times_have_no_nanoseconds(parts: Parts) -> Parts:
    return _columns(parts, lambda field: _with_times(field, lambda ns: ns // 1_000_000 * 1_000_000))


@mutant(
    "GL-FRAME-013",
    must_fail="frame.a_float_is_read_back_as_the_same",
    why="six digits are enough for everybody, and are written faster",
)
def floats_are_written_with_six_digits(parts: Parts) -> Parts:
    def rounded(field: Field) -> Field:
        values = [float(f"{each:.6g}") if isinstance(each, float) else each for each in field.values]
        return replace(field, values=values)

    return _columns(parts, rounded)


@mutant(
    "GL-FRAME-014",
    must_fail="frame.text_that_is_not_utf_8_has_replacements",
    why="what cannot be read as text is left out of it",
)
def what_is_not_utf_8_is_left_out(parts: Parts) -> Parts:
    def readable(each: object) -> object:
        return each.replace("\ufffd", "") if isinstance(each, str) else each

    return _columns(parts, lambda field: replace(field, values=list(map(readable, field.values))))
