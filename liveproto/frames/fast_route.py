"""Bodies to frames by columns of text: the same frames as the exact route, ten times as fast.

Theory. No Python step is taken for each value. A body is cut into chunks, what escapes and strings hold is hidden, and
then ``split``, ``sort``, ``replace`` and a typed JSON decoder do the work for whole columns. What they cannot tell
apart is not guessed: ``NotCoveredError`` says that the exact route must read the body, and that is also how every
refusal is found. An odd line costs its own steps alone: each module says what it falls back to.

::

    chunks    whole lines, a bounded number at a time
    shield    hide what escapes and strings hold
    rows      cut into head, fields and time
    series    heads, read once and kept
    columns   field sections to columns of text
    values    columns of text to columns of values
    few_rows  both at once for measurements of a few rows
    chunk     these steps, one after the other

Not here: when to take this route (``converter``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import attrs

from liveproto.frames.chunk import read_chunk
from liveproto.frames.chunks import chunks
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.shield import NotCoveredError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Mapping

    from liveproto.frames.chunk import Group
    from liveproto.frames.series import SeriesCache
    from liveproto.frames.taken import Exit
    from liveproto.frames.values import Typed


@attrs.define
class _Table:
    """A frame to be."""

    labels: list[str]
    times_ns: list[int]
    columns: dict[str, Typed]
    """All of one length, in the order of first sight."""

    def add(self, group: Group, taken: Counter[Exit]) -> None:
        """Append the rows of a chunk."""
        start = len(self.labels)
        self.labels += [label for _, label, _ in group.series]
        self.times_ns += group.times_ns
        columns = _columns(group, self.columns, taken)
        if start == 0:
            self.columns = columns
            return
        for name, (type_, cells) in columns.items():
            self.columns.setdefault(name, (type_, [None] * start))[1].extend(cells)
        for name in self.columns.keys() - columns.keys():
            self.columns[name][1].extend([None] * len(group.series))

    def cells_after(self, group: Group) -> int:
        """Count the cells the frame will have once it has these rows."""
        columns: Collection[str] = group.blocks[0].columns
        if self.columns or len(group.blocks) > 1:
            columns = set(self.columns).union(*[block.columns for block in group.blocks])
        return (len(self.labels) + len(group.series)) * len(columns)

    def frame(self, name: str) -> DataFrame:
        """Make the frame."""
        labels = Field("labels", FieldType.STRING, self.labels)
        time = Field("time", FieldType.TIME, self.times_ns)
        values = [Field(name, type_, cells, nullable=True) for name, (type_, cells) in self.columns.items()]
        return DataFrame(name, (labels, time, *values))


def labels_column(
    data: bytes, now_ns: int, cache: SeriesCache, cell_limit: int, taken: Counter[Exit]
) -> list[DataFrame]:
    """Make one frame of each measurement, as ``exact_route.labels_column`` does.

    Raises:
        NotCoveredError: only the exact route can tell.
    """
    tables: dict[str, _Table] = {}
    cells = 0
    for part in chunks(data):
        for name, group in read_chunk(part, now_ns, cache, taken).groups.items():
            table = tables.get(name)
            if table is None:
                table = tables[name] = _Table([], [], {})
            cells += table.cells_after(group) - len(table.labels) * len(table.columns)
            if cells > cell_limit:
                raise NotCoveredError
            table.add(group, taken)
    return [table.frame(name) for name, table in tables.items()]


def wide(data: bytes, now_ns: int, cache: SeriesCache, label_limit: int, taken: Counter[Exit]) -> list[DataFrame]:
    """Make one frame of each measurement and time, as ``exact_route.wide`` does.

    Raises:
        NotCoveredError: only the exact route can tell.
    """
    frames: dict[tuple[str, int], list[Field]] = {}
    characters = 0
    for part in chunks(data):
        chunk = read_chunk(part, now_ns, cache, taken)
        characters += sum(map(_label_characters, chunk.groups.values()))
        if characters > label_limit:
            raise NotCoveredError
        rows = {name: zip(group.times_ns, _fields(group), strict=True) for name, group in chunk.groups.items()}
        for name, _, _ in chunk.series:
            time_ns, fields = next(rows[name])
            time = Field("time", FieldType.TIME, [time_ns])
            frames.setdefault((name, time_ns), [time]).extend(fields)
    return [DataFrame(name, tuple(fields)) for (name, _), fields in frames.items()]


def _columns(group: Group, before: Mapping[str, Typed], taken: Counter[Exit]) -> dict[str, Typed]:
    """Put the blocks of a measurement together; a column has the type it had before."""
    whole = group.blocks[0].columns
    if len(group.blocks) == 1 and not before and all(whole.values()):
        return cast("dict[str, Typed]", dict(whole))
    rows = len(group.series)
    columns: dict[str, Typed] = {}
    for block in group.blocks:
        for name in block.columns:
            known = columns.get(name) or before.get(name)
            type_, cells = block.column(name, known[0] if known else None, taken)
            if len(cells) == rows:
                columns[name] = type_, cells
                continue
            if name not in columns:
                columns[name] = type_, [None] * rows
            _, column = columns[name]
            for row, cell in zip(block.rows, cells, strict=True):
                column[row] = cell
    return columns


def _label_characters(group: Group) -> int:
    """Count what the labels of all fields take, each with the tags of its line."""
    lengths = [len(label) for _, label, _ in group.series]
    return sum([len(block.columns) * sum([lengths[row] for row in block.rows]) for block in group.blocks])


def _fields(group: Group) -> list[list[Field]]:
    """Make the fields of each row, with the tags of its line."""
    labels = [dict(tags) for _, _, tags in group.series]
    rows: list[list[Field]] = [[] for _ in labels]
    for block in group.blocks:
        for name in block.columns:
            for row, (type_, cell) in zip(block.rows, block.cells(name), strict=True):
                rows[row].append(Field(name, type_, [cell], nullable=True, labels=labels[row]))
    return rows
