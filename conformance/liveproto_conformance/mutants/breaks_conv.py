"""Mutants of CONV: servers that make other frames of lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
from msgspec.structs import replace

from liveproto.errors import LineErrorKind, LineProtocolError
from liveproto.frames import exact_route
from liveproto.frames.converter import CELL_LIMIT
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.line_protocol import Kind, Metric, parse
from liveproto_conformance.mutants.registry import mutant

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from liveproto.frames.line_protocol import FieldTriple
    from liveproto_conformance.reference.server import Parts

_NAMED: Final = "conv.a_frame_is_named_by_its_measurement"
_CELLS: Final = "conv.values_become_cells_of_their_types"
_ROWS: Final = "conv.lines_become_the_rows_of_a_table"
_TYPES: Final = "conv.a_column_has_the_type_of_its_first_value"
_WIDE: Final = "conv.lines_of_one_time_become_one_wide_row"
_HEAD: Final = 2
"""Columns before the fields of ``labels_column``."""


@attrs.frozen
class _Converter:
    """Makes frames of metrics by functions of its own."""

    layout: Callable[[list[Metric]], Sequence[DataFrame]]

    def convert(self, data: bytes, *, now_ns: int) -> list[DataFrame]:
        """Convert one body."""
        return list(self.layout(list(parse(data, now_ns=now_ns).metrics)))


def _labels_column(metrics: list[Metric]) -> list[DataFrame]:
    return exact_route.labels_column(metrics, CELL_LIMIT)


def _lays_out(parts: Parts, **layouts: Callable[[list[Metric]], Sequence[DataFrame]]) -> Parts:
    """Convert by other functions, named as their frame format."""
    mutated = {name: _Converter(layout) for name, layout in layouts.items()}

    def ingest(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of the rules
        return parts.ingest(*arguments, **{**options, "converters": {**options["converters"], **mutated}})

    return attrs.evolve(parts, ingest=ingest)


def _with_fields(parts: Parts, change: Callable[[list[FieldTriple]], Sequence[FieldTriple]]) -> Parts:
    """Change the fields of each line before they are converted."""

    def changed(metrics: list[Metric]) -> list[Metric]:
        return [attrs.evolve(metric, fields=tuple(change(list(metric.fields)))) for metric in metrics]

    return _lays_out(
        parts,
        labels_column=lambda metrics: _labels_column(changed(metrics)),
        wide=lambda metrics: exact_route.wide(changed(metrics)),
    )


def _with_tables(parts: Parts, change: Callable[[DataFrame, list[Metric]], Sequence[Field]]) -> Parts:
    """Change the columns of each frame of ``labels_column``."""
    return _lays_out(
        parts,
        labels_column=lambda metrics: [
            replace(frame, fields=tuple(change(frame, metrics))) for frame in _labels_column(metrics)
        ],
    )


def _with_wide(parts: Parts, change: Callable[[DataFrame], Sequence[Field]]) -> Parts:
    """Change the columns of each frame of ``wide``."""
    return _lays_out(
        parts,
        wide=lambda metrics: [replace(frame, fields=tuple(change(frame))) for frame in exact_route.wide(metrics)],
    )


@mutant("GL-CONV-001", must_fail=_NAMED, why="a frame has the name of the channel that it is published on")
def a_frame_is_named_by_its_channel(parts: Parts) -> Parts:
    def ingest(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of the rules
        outcome = parts.ingest(*arguments, **options)
        if not isinstance(outcome, tuple):
            return outcome
        return tuple(attrs.evolve(each, frame=replace(each.frame, name=each.channel)) for each in outcome)

    return attrs.evolve(parts, ingest=ingest)


# -- cells -------------------------------------------------------------------------------------------------------------


def _whole(field: Field) -> Field:
    is_whole = field.type is FieldType.FLOAT64 and all(value is None or value == int(value) for value in field.values)
    values = [None if value is None else int(value) for value in field.values] if is_whole else field.values
    return replace(field, type=FieldType.INT64, values=values) if is_whole else field


@mutant("GL-CONV-003", must_fail=_CELLS, why="a column of whole numbers has the type of whole numbers")
def integers_stay_integers(parts: Parts) -> Parts:
    return _with_tables(parts, lambda frame, _: list(map(_whole, frame.fields)))


@mutant("GL-CONV-004", must_fail=_CELLS, why="an unsigned integer is a number as any other is")
def unsigned_integers_are_numbers(parts: Parts) -> Parts:
    def change(fields: list[FieldTriple]) -> list[FieldTriple]:
        return [(key, Kind.INT if kind is Kind.UINT else kind, value) for key, kind, value in fields]

    return _with_fields(parts, change)


@mutant("GL-CONV-005", must_fail=_CELLS, why="zero and one can be drawn, and false and true cannot")
def booleans_are_numbers(parts: Parts) -> Parts:
    def change(fields: list[FieldTriple]) -> list[FieldTriple]:
        return [(key, Kind.INT if kind is Kind.BOOL else kind, value) for key, kind, value in fields]

    return _with_fields(parts, change)


@mutant("GL-CONV-006", must_fail=_CELLS, why="a text cannot be drawn, and so it is left out")
def strings_are_left_out(parts: Parts) -> Parts:
    return _with_fields(parts, lambda fields: [field for field in fields if field[1] is not Kind.STRING])


@mutant("GL-CONV-007", must_fail=_CELLS, why="programs write NaN in many ways, and all of them are meant")
def nan_is_known_in_any_case(parts: Parts) -> Parts:
    def change(fields: list[FieldTriple]) -> list[FieldTriple]:
        return [(key, kind, b"NaN" if value in {b"nan", b"NAN"} else value) for key, kind, value in fields]

    return _with_fields(parts, change)


@mutant("GL-CONV-008", must_fail=_CELLS, why="columns are made as the fields come, and nobody sorts them")
def fields_stay_as_they_are_written(parts: Parts) -> Parts:
    def change(frame: DataFrame, metrics: list[Metric]) -> list[Field]:
        written = list(dict.fromkeys(key.decode() for metric in metrics for key, _, _ in metric.fields))
        return [*frame.fields[:_HEAD], *sorted(frame.fields[_HEAD:], key=lambda field: written.index(field.name))]

    return _with_tables(parts, change)


# -- labels_column -----------------------------------------------------------------------------------------------------


@mutant("GL-CONV-009", must_fail=_ROWS, why="a series has one value at a time, of which the last is the right one")
def equal_series_and_times_are_merged(parts: Parts) -> Parts:
    def merged(metrics: list[Metric]) -> list[DataFrame]:
        return _labels_column(list({(metric.name, metric.tags, metric.time_ns): metric for metric in metrics}.values()))

    return _lays_out(parts, labels_column=merged)


@mutant("GL-CONV-010", must_fail=_ROWS, why="labels are joined as line protocol joins tags, without a space")
def labels_are_joined_by_commas(parts: Parts) -> Parts:
    def change(frame: DataFrame, _: list[Metric]) -> list[Field]:
        labels, *others = frame.fields
        return [replace(labels, values=[text.replace(", ", ",") for text in labels.values]), *others]

    return _with_tables(parts, change)


@mutant("GL-CONV-011", must_fail=_ROWS, why="the time comes first, as in every other table")
def the_time_comes_before_labels(parts: Parts) -> Parts:
    return _with_tables(parts, lambda frame, _: [frame.fields[1], frame.fields[0], *frame.fields[_HEAD:]])


@mutant("GL-CONV-012", must_fail=_ROWS, why="columns are sorted, so that equal bodies have equal schemas")
def columns_are_sorted(parts: Parts) -> Parts:
    def change(frame: DataFrame, _: list[Metric]) -> list[Field]:
        return [*frame.fields[:_HEAD], *sorted(frame.fields[_HEAD:], key=lambda field: field.name)]

    return _with_tables(parts, change)


def _held(field: Field) -> Field:
    values = list(field.values)
    for row, value in enumerate(values[1:], start=1):
        values[row] = values[row - 1] if value is None else value
    return replace(field, values=values)


@mutant("GL-CONV-013", must_fail=_ROWS, why="a value holds until the next one comes")
def missing_values_are_those_before_them(parts: Parts) -> Parts:
    return _with_tables(parts, lambda frame, _: list(map(_held, frame.fields)))


@mutant("GL-CONV-014", must_fail=_TYPES, why="a column keeps the type that the channel has had from its first frame on")
def a_channel_keeps_its_types(parts: Parts) -> Parts:
    known: dict[Hashable, FieldType] = {}

    def change(frame: DataFrame, _: list[Metric]) -> list[Field]:
        return [kept(field, known.setdefault((frame.name, field.name), field.type)) for field in frame.fields]

    def kept(field: Field, type_: FieldType) -> Field:
        return field if field.type is type_ else replace(field, type=type_, values=[None] * len(field.values))

    return _with_tables(parts, change)


@mutant("GL-CONV-015", must_fail=_TYPES, why="the text of a float is the shortest that Python has for it")
def floats_are_printed_as_python_does(parts: Parts) -> Parts:
    def printed(value: object) -> object:
        is_float = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?e[+-]\d+", value)
        return repr(float(str(value))) if is_float else value

    def change(frame: DataFrame, _: list[Metric]) -> list[Field]:
        return [replace(field, values=list(map(printed, field.values))) for field in frame.fields]

    return _with_tables(parts, change)


@mutant("GL-CONV-016", must_fail=_TYPES, why="a value of another type than its column's cannot be stored anywhere")
def another_type_in_a_column_is_refused(parts: Parts) -> Parts:
    def layout(metrics: list[Metric]) -> list[DataFrame]:
        first: dict[Hashable, Kind] = {}
        for metric in metrics:
            for key, kind, _ in metric.fields:
                kinds = {first.setdefault((metric.name, key), kind), kind}
                if len(kinds) > 1 and Kind.BOOL in kinds and Kind.STRING not in kinds:
                    raise LineProtocolError("another type", LineErrorKind.VALUE, 1, 1, b"")
        return _labels_column(metrics)

    return _lays_out(parts, labels_column=layout)


# -- wide --------------------------------------------------------------------------------------------------------------


@mutant("GL-CONV-017", must_fail=_WIDE, why="a frame is made as soon as its line is read")
def each_line_is_a_wide_frame(parts: Parts) -> Parts:
    return _lays_out(parts, wide=lambda metrics: [frame for metric in metrics for frame in exact_route.wide([metric])])


@mutant("GL-CONV-018", must_fail=_WIDE, why="the columns of a frame are sorted by name, whatever line they are of")
def wide_columns_are_sorted(parts: Parts) -> Parts:
    return _with_wide(parts, lambda frame: [frame.fields[0], *sorted(frame.fields[1:], key=lambda field: field.name)])


@mutant("GL-CONV-019", must_fail=_WIDE, why="the measurement is a label too, as it is for Prometheus")
def wide_columns_have_the_measurement_as_a_label(parts: Parts) -> Parts:
    def change(frame: DataFrame) -> list[Field]:
        time, *others = frame.fields
        return [time, *(replace(each, labels={**(each.labels or {}), "__name__": frame.name}) for each in others)]

    return _with_wide(parts, change)


@mutant("GL-CONV-020", must_fail=_WIDE, why="a series is a column, and its last value is the right one")
def wide_columns_of_one_series_are_merged(parts: Parts) -> Parts:
    def change(frame: DataFrame) -> list[Field]:
        return list({(field.name, str(field.labels)): field for field in frame.fields}.values())

    return _with_wide(parts, change)
