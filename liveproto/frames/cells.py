"""What a value of line protocol becomes in a frame: the rules of Grafana's converter for one cell.

Theory. Every number is a float64. An unsigned integer is a number without value, and so is the text ``NaN``. The first
cell of a column decides its type; a later cell of another type is written as text in a text column, null in any other.

Sources: grafana pkg/services/live/telemetry/telegraf/convert.go; Go's fmt verb %v.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from liveproto.errors import LimitExceededError
from liveproto.frames.frame import FieldType
from liveproto.frames.line_protocol import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

TextValue: TypeAlias = int | float | bool | str
"""What a line holds; a string as text."""
Cell: TypeAlias = float | bool | str | None
"""What a column holds."""

_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
_PLAIN_FROM: Final = 1e-4
_PLAIN_BELOW: Final = 1e6


def text_of(data: bytes) -> str:
    """Read UTF-8; each byte that is not part of a character becomes U+FFFD (GL-CONV-002)."""
    return _NOT_UTF8.sub("\ufffd", data.decode(errors="surrogateescape"))


def label_text(tags: Sequence[tuple[str, str]]) -> str:
    """Write tags as a cell of the labels column; nothing is escaped (GL-CONV-010)."""
    return ", ".join([f"{key}={value}" for key, value in tags])


def type_of(kind: Kind, value: TextValue) -> FieldType:
    """Tell the type of the column that a value begins (GL-CONV-003 to -007)."""
    if kind is Kind.BOOL:
        return FieldType.BOOL
    if kind is Kind.STRING and value != "NaN":
        return FieldType.STRING
    return FieldType.FLOAT64


def cell_of(kind: Kind, value: TextValue) -> Cell:
    """Turn a value into the cell of a column of its own type (GL-CONV-003 to -007)."""
    if kind is Kind.INT:
        return float(value)
    return None if kind is Kind.UINT or value == "NaN" else value


def cell_in(column: FieldType, kind: Kind, value: TextValue) -> Cell:
    """Turn a value into a cell of a column whose type is fixed (GL-CONV-014 to -016)."""
    if type_of(kind, value) is column:
        return cell_of(kind, value)
    if column is FieldType.STRING and value != "NaN":
        return go_text(value)
    return None


def go_text(value: TextValue) -> str:
    """Write a value as Go prints it (GL-CONV-015).

    Returns:
        ``true``, ``12``, ``0.5``; a float below 0.0001 or from 1,000,000 on as ``1e-05``, ``1.5e+06``.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if abs(value) == 0.0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return repr(value).removesuffix(".0")
    digits = repr(value).partition("e")[0].replace(".", "").strip("-0")
    return f"{value:.{len(digits) - 1}e}"


def check_cells(cells: int, maximum: int) -> None:
    """Refuse frames that would be far larger than their body.

    Raises:
        LimitExceededError: rows times columns, of all frames, is above the maximum.
    """
    if cells > maximum:
        raise LimitExceededError("cells", cells, maximum)
