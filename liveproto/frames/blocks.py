"""Rows of a measurement that have the same fields, with their cells; and the way back to the text of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from liveproto.frames.cells import cell_in, cell_of, type_of
from liveproto.frames.columns import split_section
from liveproto.frames.series import read_key
from liveproto.frames.shield import NotCoveredError, has_escapes
from liveproto.frames.taken import Exit
from liveproto.frames.values import value_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from liveproto.frames.cells import Cell, Value
    from liveproto.frames.frame import FieldType
    from liveproto.frames.line_protocol import Kind
    from liveproto.frames.values import Typed


@attrs.define
class Block:
    """Rows that have the same fields."""

    rows: Sequence[int]
    """Which rows of the measurement, ascending."""
    sections: Sequence[str]
    """Theirs, as text."""
    keys: Sequence[str]
    """The keys as they stand there, in the order of the names."""
    names: Sequence[str]
    """Sorted, each once."""
    columns: Sequence[Typed | None]
    """The cells for each name, if all its values are of one type and were read together."""
    _fields: list[dict[str, str]] | None = None

    def cells(self, place: int) -> list[tuple[FieldType, Cell]]:
        """Read the cells of a name, each with the type of its own value."""
        column = self.columns[place]
        if column:
            return [(column[0], cell) for cell in column[1]]
        return [(type_of(kind, value), cell_of(kind, value)) for kind, value in self._values(place)]

    def column(self, place: int, type_: FieldType | None, taken: Counter[Exit]) -> Typed:
        """Read the cells of a name for a column of a type, or for a column that begins with them."""
        column = self.columns[place]
        if column and type_ in {None, column[0]}:
            return column
        values = self._values(place)
        type_ = type_ or type_of(*values[0])
        taken[Exit.CONFLICT] += any(type_of(kind, value) is not type_ for kind, value in values)
        return type_, [cell_in(type_, kind, value) for kind, value in values]

    def _values(self, place: int) -> list[tuple[Kind, Value]]:
        if self._fields is None:
            self._fields = [split_section(section) for section in self.sections]
        return [value_of(fields[self.keys[place]]) for fields in self._fields]


def make_block(
    rows: Sequence[int], sections: Sequence[str], keys: Sequence[str], columns: Sequence[Typed | None]
) -> Block:
    """Make a block of columns whose keys are sorted as they stand.

    Raises:
        NotCoveredError: a key is none, or two keys are one name.
    """
    if "" in keys:
        raise NotCoveredError
    if not has_escapes("".join(keys)):
        return Block(rows, sections, keys, keys, columns)
    named = sorted([(read_key(key), place) for place, key in enumerate(keys)])
    if len(dict(named)) != len(named):
        raise NotCoveredError
    places = [place for _, place in named]
    names = [name for name, _ in named]
    return Block(rows, sections, [keys[place] for place in places], names, [columns[place] for place in places])
