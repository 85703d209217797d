"""The rows a reader of a stream keeps: columns of one length that grow at one end and are cut at the other.

Theory. A column is known by its name, type and labels, and by its number among columns that are alike in these; the
first time column is the axis whatever its name, so that a history that calls it otherwise still meets the stream. Rows
may lack columns that are here: their cells are null, and such a column is nullable from then on. Rows come in three
ways: behind the others as they are, by time only where that time is not here, or cell by cell where it is.

Not here: messages, the limits' values, when to show what (``liveproto.frames.stream_buffer``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from liveproto.frames.frame import Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


_AXIS: Final = ("axis", 0)


def axis_of(fields: Iterable[Field]) -> Field | None:
    """Find the first time column."""
    return next((field for field in fields if field.type is FieldType.TIME), None)


def times_of(fields: Iterable[Field]) -> Sequence[int]:
    """Give the values of the first time column; none without one."""
    axis = axis_of(fields)
    return () if axis is None else axis.values


def take(fields: Iterable[Field], rows: Sequence[int]) -> tuple[Field, ...]:
    """Make columns of some rows of others."""
    return tuple(replace(field, values=[field.values[row] for row in rows]) for field in fields)


def join(cells: Iterable[Any], times_ns: Iterable[int], row_of: Mapping[int, int]) -> list[Any]:
    """Put cells into the rows of their times, in each the last one that is not null."""
    joined: list[Any] = [None] * len(row_of)
    for cell, time_ns in zip(cells, times_ns, strict=True):
        if cell is not None:
            joined[row_of[time_ns]] = cell
    return joined


class Window:
    """Columns and the operations on them; nothing is cut but by ``trim``."""

    def __init__(self) -> None:
        self._fields: list[Field] = []
        self._identities: list[object] = []
        self._columns: list[list[Any]] = []

    def shape(self, fields: Iterable[Field]) -> None:
        """Have exactly these columns: the cells of those that were here stay, all others are null.

        Where an axis is new, no row stays, because none has a time.
        """
        known = dict(zip(self._identities, zip(self._fields, self._columns, strict=True), strict=True))
        rows = self.rows
        self._fields = [replace(field, values=()) for field in fields]
        self._identities = list(_identities(self._fields))
        if _AXIS in self._identities and _AXIS not in known:
            self.clear()
            rows = 0
        self._columns = []
        for index, identity in enumerate(self._identities):
            before, column = known.get(identity, (None, [None] * rows))
            self._columns.append(column)
            if rows > 0 if before is None else before.nullable:
                self._make_nullable(index)

    def widen(self, fields: Iterable[Field]) -> None:
        """Add those columns that are not here."""
        fields = tuple(fields)
        known = set(self._identities)
        new = [field for identity, field in zip(_identities(fields), fields, strict=True) if identity not in known]
        if new:
            self.shape([*self._fields, *new])

    def clear(self) -> None:
        """Take out all rows."""
        for column in self._columns:
            column.clear()

    def append(self, fields: Sequence[Field]) -> None:
        """Put rows behind those that are here; columns that are not here are left out."""
        count = len(fields[0].values)
        given = dict(zip(_identities(fields), fields, strict=True))
        for index, identity in enumerate(self._identities):
            if identity in given:
                self._columns[index].extend(given[identity].values)
            elif count:
                self._columns[index].extend([None] * count)
                self._make_nullable(index)

    def add_unseen(self, fields: Sequence[Field], *, until_ns: int) -> None:
        """Add rows, but up to a time only those whose time is not here.

        Afterwards rows up to that time are in its order and before all others, which stay in the order they came in.
        """
        seen = set(self.times)
        new: list[int] = []
        for row, time_ns in enumerate(times_of(fields)):
            if time_ns > until_ns or time_ns not in seen:
                new.append(row)
                seen.add(time_ns)
        self.append(take(fields, new))
        self._sort([min(time_ns, until_ns + 1) for time_ns in self.times])

    def merge(self, fields: Sequence[Field], *, overwrite: bool) -> None:
        """Put cells into the row of their time; all rows are in order afterwards.

        Args:
            fields: rows; of those of one time the last cell that is not null counts.
            overwrite: whether a cell takes the place of one that is here; null never does.
        """
        times = times_of(fields)
        source_of = {time_ns: source for source, time_ns in enumerate(dict.fromkeys(times))}
        joined = [replace(field, values=join(field.values, times, source_of)) for field in fields]
        row_of = {time_ns: row for row, time_ns in enumerate(self.times)}
        both = [(source, row_of[time_ns]) for time_ns, source in source_of.items() if time_ns in row_of]
        new = [source for time_ns, source in source_of.items() if time_ns not in row_of]
        for field, column in self._here(joined):
            for source, row in both:
                cell = field.values[source]
                if cell is not None and (overwrite or column[row] is None):
                    column[row] = cell
        self.append(take(joined, new))
        self._sort(self.times)

    def trim(self, max_length: int, max_age_ns: int | None) -> None:
        """Cut rows off the front: those above a number, and those older than the last row by more than an age."""
        first = max(0, self.rows - max_length)
        times = self.times
        if max_age_ns is not None and times:
            oldest = times[-1] - max_age_ns
            while first < len(times) and times[first] < oldest:
                first += 1
        for column in self._columns:
            del column[:first]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._columns[0]) if self._columns else 0

    @property
    def times(self) -> Sequence[int]:
        """The axis, in nanoseconds; empty without one."""
        pairs = zip(self._fields, self._columns, strict=True)
        return next((column for field, column in pairs if field.type is FieldType.TIME), ())

    def fields(self) -> tuple[Field, ...]:
        """Copy the columns."""
        pairs = zip(self._fields, self._columns, strict=True)
        return tuple(replace(field, values=column.copy()) for field, column in pairs)

    def _here(self, fields: Sequence[Field]) -> Iterator[tuple[Field, list[Any]]]:
        columns = dict(zip(self._identities, self._columns, strict=True))
        for identity, field in zip(_identities(fields), fields, strict=True):
            if identity in columns:
                yield field, columns[identity]

    def _sort(self, ranks: Sequence[int]) -> None:
        """Bring the rows in the order of their ranks; rows of one rank stay in theirs."""
        order = sorted(range(len(ranks)), key=ranks.__getitem__)
        if order != list(range(len(ranks))):
            for column in self._columns:
                column[:] = [column[row] for row in order]

    def _make_nullable(self, index: int) -> None:
        if not self._fields[index].nullable:
            self._fields[index] = replace(self._fields[index], nullable=True)


def _identities(fields: Iterable[Field]) -> Iterator[object]:
    """Tell columns apart."""
    seen: dict[object, int] = {}
    for field in fields:
        identity = (
            "axis"
            if field.type is FieldType.TIME and "axis" not in seen
            else (field.name, field.type, tuple(sorted((field.labels or {}).items())))
        )
        number = seen.setdefault(identity, 0)
        seen[identity] += 1
        yield identity, number
