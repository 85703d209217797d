"""Metrics to frames, one value at a time: the rules of Grafana's converter as they read.

Theory. ``labels_column`` makes one frame of each measurement: a row for each line, a column for each field name, in
the order of first sight, and the fields of one line are looked at in the order of their names. ``wide`` makes one frame
of each measurement and time: a column for each value, with the tags of its line as labels.

Every body can take this route and the fast one (``fast_route``), and both make equal frames; this one is kept short.

Sources: grafana pkg/services/live/telemetry/telegraf/convert.go and its test data.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.errors import LimitExceededError
from liveproto.frames.cells import Cell, cell_in, cell_of, check_cells, label_text, text_of, type_of
from liveproto.frames.frame import DataFrame, Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from liveproto.frames.cells import TextValue
    from liveproto.frames.line_protocol import Kind, Metric

LABEL_LIMIT: Final = 100_000_000


@attrs.define
class _Column:
    name: str
    type: FieldType
    cells: list[Cell]

    def pad(self, rows: int) -> None:
        self.cells += [None] * (rows - len(self.cells))


@attrs.define
class _Table:
    labels: list[str] = attrs.field(factory=list[str])
    times_ns: list[int] = attrs.field(factory=list[int])
    columns: dict[bytes, _Column] = attrs.field(factory=dict[bytes, _Column])


def labels_column(metrics: Sequence[Metric], cell_limit: int) -> list[DataFrame]:
    """Make one frame of each measurement (GL-CONV-009 to -016).

    Raises:
        LimitExceededError: the frames have more than ``cell_limit`` cells.
    """
    check_cells(_cells(metrics), cell_limit)
    tables: dict[bytes, _Table] = {}
    for metric in metrics:
        _add(tables.setdefault(metric.name, _Table()), metric)
    return [_frame(name, table) for name, table in tables.items()]


def wide(metrics: Sequence[Metric], label_limit: int = LABEL_LIMIT) -> list[DataFrame]:
    """Make one frame of each measurement and time (GL-CONV-017 to -020).

    Raises:
        LimitExceededError: the labels of all columns have more than ``label_limit`` characters.
    """
    characters = sum([len(metric.fields) * len(label_text(_tags(metric))) for metric in metrics])
    if characters > label_limit:
        raise LimitExceededError("label_characters", characters, label_limit)
    frames: dict[tuple[bytes, int], list[Field]] = {}
    for metric in metrics:
        time = Field("time", FieldType.TIME, [metric.time_ns])
        frames.setdefault((metric.name, metric.time_ns), [time]).extend(_wide_fields(metric))
    return [DataFrame(text_of(name), tuple(fields)) for (name, _), fields in frames.items()]


def _cells(metrics: Sequence[Metric]) -> int:
    """Count the cells of all columns of fields, before there are any."""
    rows = Counter([metric.name for metric in metrics])
    names: dict[bytes, set[bytes]] = {}
    for metric in metrics:
        names.setdefault(metric.name, set()).update([key for key, _, _ in metric.fields])
    return sum([count * len(names[name]) for name, count in rows.items()])


def _add(table: _Table, metric: Metric) -> None:
    row = len(table.labels)
    table.labels.append(label_text(_tags(metric)))
    table.times_ns.append(metric.time_ns)
    for key, kind, value in _fields(metric):
        column = table.columns.get(key)
        if column is None:
            column = table.columns[key] = _Column(text_of(key), type_of(kind, value), [])
        column.pad(row)
        column.cells.append(cell_in(column.type, kind, value))


def _frame(name: bytes, table: _Table) -> DataFrame:
    labels = Field("labels", FieldType.STRING, table.labels)
    time = Field("time", FieldType.TIME, table.times_ns)
    for column in table.columns.values():
        column.pad(len(table.labels))
    values = [Field(column.name, column.type, column.cells, nullable=True) for column in table.columns.values()]
    return DataFrame(text_of(name), (labels, time, *values))


def _wide_fields(metric: Metric) -> Iterator[Field]:
    labels = dict(_tags(metric))
    for key, kind, value in _fields(metric):
        yield Field(text_of(key), type_of(kind, value), [cell_of(kind, value)], nullable=True, labels=labels)


def _tags(metric: Metric) -> list[tuple[str, str]]:
    return [(text_of(key), text_of(value)) for key, value in metric.tags]


def _fields(metric: Metric) -> Iterator[tuple[bytes, Kind, TextValue]]:
    """List the fields of a line in the order of their names (GL-CONV-008)."""
    for key, kind, value in sorted(metric.fields, key=lambda field: field[0]):
        yield key, kind, text_of(value) if isinstance(value, bytes) else value
