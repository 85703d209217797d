"""Rows of a measurement that have the same fields, with their cells; and the way back to the text of a value."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.frames.cells import cell_in, cell_of, type_of
from liveproto.frames.columns import split_section
from liveproto.frames.series import read_key
from liveproto.frames.shield import NotCoveredError, has_escapes
from liveproto.frames.taken import Exit
from liveproto.frames.values import value_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from liveproto.frames.cells import Cell, TextValue
    from liveproto.frames.frame import FieldType
    from liveproto.frames.line_protocol import Kind
    from liveproto.frames.values import Typed

_NO_KEYS: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.define
class Block:
    """Rows that have the same fields."""

    rows: Sequence[int]
    """Which rows of the measurement, ascending."""
    sections: Sequence[str]
    """Theirs, as text."""
    columns: Mapping[str, Typed | None]
    """The cells for each name, sorted by name; None if its values are of two types, or one of them is odd."""
    keys: Mapping[str, str]
    """How the names stand in the sections, where they hold escapes."""
    _fields: list[dict[str, str]] | None = None

    def cells(self, name: str) -> list[tuple[FieldType, Cell]]:
        """Read the cells of a name, each with the type of its own value."""
        column = self.columns[name]
        if column:
            return [(column[0], cell) for cell in column[1]]
        return [(type_of(kind, value), cell_of(kind, value)) for kind, value in self._values(name)]

    def column(self, name: str, type_: FieldType | None, taken: Counter[Exit]) -> Typed:
        """Read the cells of a name for a column of a type, or for a column that begins with them."""
        column = self.columns[name]
        if column and type_ in {None, column[0]}:
            return column
        values = self._values(name)
        type_ = type_ or type_of(*values[0])
        taken[Exit.CONFLICT] += any(type_of(kind, value) is not type_ for kind, value in values)
        return type_, [cell_in(type_, kind, value) for kind, value in values]

    def _values(self, name: str) -> list[tuple[Kind, TextValue]]:
        if self._fields is None:
            self._fields = [split_section(section) for section in self.sections]
        key = self.keys.get(name, name)
        return [value_of(fields[key]) for fields in self._fields]


def make_block(rows: Sequence[int], sections: Sequence[str], columns: Mapping[str, Typed | None]) -> Block:
    """Make a block of columns under their keys, which are sorted as they stand.

    Raises:
        NotCoveredError: a key is none, or two keys are one name.
    """
    if "" in columns:
        raise NotCoveredError
    if not has_escapes("".join(columns)):
        return Block(rows, sections, columns, _NO_KEYS)
    keys = {read_key(key): key for key in columns}
    if len(keys) != len(columns):
        raise NotCoveredError
    return Block(rows, sections, {name: columns[keys[name]] for name in sorted(keys)}, keys)
