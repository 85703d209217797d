"""Measurements of a few rows each, all of their values at once.

Theory. For three values the steps for a whole column cost more than they save. Here the sections of all such
measurements are rewritten to JSON objects by a few replacements, and one decoder reads them: what line protocol calls a
float, a boolean or a string JSON does too, and ``12i`` can be written ``12.0``. Anything else, one odd number among it,
and the rows are read as those of large measurements are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from liveproto.frames.blocks import Block, make_block
from liveproto.frames.frame import FieldType
from liveproto.frames.shield import PAIR_MARK, QUOTE_MARK, STRING_MARKS
from liveproto.frames.values import WholeFloat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from liveproto.frames.values import Typed

FEW: Final = 8
"""Measurements of fewer rows are read here."""

_OBJECTS: Final = msgspec.json.Decoder(list[dict[str, WholeFloat | bool | str]])
_ODD_ZEROS: Final = ("=-0,", "=-0\n", "=-0i", "=-0.0\n")
"""Those whose sign JSON takes for that of an integer, or that have none here, or may have been such."""
_JSON_ESCAPES: Final = (
    (QUOTE_MARK, '\\"'),
    *((mark, json.dumps(character)[1:-1]) for character, mark in STRING_MARKS.items()),
)
_TYPES: Final = {float: FieldType.FLOAT64, bool: FieldType.BOOL, str: FieldType.STRING}


def few_rows(measurements: Sequence[Sequence[str]]) -> list[list[Block] | None]:
    """Read the sections of measurements; None for one that must be read otherwise."""
    fields = _fields([section for sections in measurements for section in sections])
    if fields is None:
        return [None] * len(measurements)
    row = iter(fields)
    return [_blocks(sections, [next(row) for _ in sections]) for sections in measurements]


def _fields(sections: Sequence[str]) -> list[dict[str, Any]] | None:
    """Read the fields of each section."""
    text = "\n".join(["", *[section[:-1] + ".0" if section[-1:] == "i" else section for section in sections], ""])
    if _is_odd(text):
        return None
    objects = text.replace("i,", ".0,").replace("=", '":').replace(",", ',"').replace("\n", '},{"')
    for mark, escaped in _JSON_ESCAPES:
        if mark in objects:  # looked for ten times as fast as replaced
            objects = objects.replace(mark, escaped)
    try:
        fields = _OBJECTS.decode("[" + objects[2:-3] + "]")
    except msgspec.DecodeError:
        return None
    return fields if len(fields) == len(sections) else None


def _is_odd(text: str) -> bool:
    """Tell whether it holds what is JSON, but means something else: a zero, a text that is a number, a backslash."""
    if "=-0" in text and any(map(text.__contains__, _ODD_ZEROS)):
        return True
    return '="NaN"' in text or PAIR_MARK in text


def _blocks(sections: Sequence[str], fields: Sequence[dict[str, Any]]) -> list[Block] | None:
    """Make blocks of the rows of a measurement, nearly always one; None if one of them cannot be made."""
    try:
        parts = [_block(range(len(fields)), sections, fields)]
    except KeyError:
        parts = [
            _block(rows, [sections[row] for row in rows], [fields[row] for row in rows]) for rows in _by_keys(fields)
        ]
    blocks = [block for block in parts if block]
    return blocks if len(blocks) == len(parts) else None


def _by_keys(fields: Sequence[dict[str, Any]]) -> Iterable[list[int]]:
    """Part rows by their keys."""
    parts: dict[tuple[str, ...], list[int]] = {}
    for row, found in enumerate(fields):
        parts.setdefault(tuple(sorted(found)), []).append(row)
    return parts.values()


def _block(rows: Sequence[int], sections: Sequence[str], fields: Sequence[dict[str, Any]]) -> Block | None:
    """Make a block of rows with the same keys; None if a key has values of two types.

    Raises:
        KeyError: the rows have other keys than the first one.
    """
    first, *others = fields
    columns: dict[str, Typed] = {key: (_TYPES[type(value)], [value]) for key in sorted(first) for value in [first[key]]}
    for row in others:
        if len(row) != len(first):
            raise KeyError
        for key, (type_, cells) in columns.items():
            value = row[key]
            if _TYPES[type(value)] is not type_:
                return None
            cells.append(value)
    return make_block(rows, sections, columns)
