"""The field sections of a measurement to columns of text.

Theory. Lines of one measurement mostly have the same fields, though Telegraf writes them in a random order. Sorting the
tokens ``key=value`` of every row lines equal keys up, and taking ``,key=`` out of a whole column shows, by how much
shorter it became, that every row has that key. Where a measurement has rows of several shapes they are parted by their
number of fields, and where that is not enough by their keys.

What comes out are blocks of rows that have the same keys. Values are still text; a value that is none is found later.

Not here: the values (``values``), and measurements of a few rows (``few_rows``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from liveproto.frames.taken import Exit
from liveproto.frames.values import value_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence


@attrs.frozen
class TextBlock:
    """Rows that have the same keys."""

    rows: Sequence[int]
    """Which rows of the measurement, ascending."""
    sections: Sequence[str]
    """Theirs."""
    columns: Sequence[tuple[str, str]]
    """Each key, once and sorted, and the values of the rows joined by commas."""


def text_blocks(sections: Sequence[str], taken: Counter[Exit]) -> list[TextBlock]:
    """Part the rows of a measurement into blocks.

    Raises:
        NotCoveredError: a section is no list of fields.
    """
    every = range(len(sections))
    if columns := _aligned(sections):
        taken[Exit.SAME_KEYS] += 1
        return [TextBlock(every, sections, columns)]
    blocks: list[TextBlock] = []
    for rows in _by_width(sections):
        part = [sections[row] for row in rows]
        if columns := _aligned(part):
            taken[Exit.SAME_WIDTH] += 1
            blocks.append(TextBlock(rows, part, columns))
        else:
            taken[Exit.BY_KEYS] += 1
            blocks += _by_keys(rows, part)
    return blocks


def split_section(section: str) -> dict[str, str]:
    """Split a section into keys and values; of a repeated key the last one counts.

    Raises:
        NotCoveredError: a value that does not count is none; the others are for the caller to read.
    """
    tokens = [token.partition("=") for token in section.split(",")]
    fields = {key: value for key, _, value in tokens}
    if len(fields) < len(tokens):
        for _, _, value in tokens:
            value_of(value)
    return fields


def _aligned(sections: Sequence[str]) -> list[tuple[str, str]] | None:
    """Read rows as columns if they all have the same keys, each once."""
    commas = sections[0].count(",")
    if {section.count(",") for section in sections} != {commas}:
        return None
    every = iter(",".join(sections).split(","))
    rows = map(sorted, zip(*[every] * (commas + 1), strict=True))
    columns = sorted([column for column in map(_without_key, zip(*rows, strict=True)) if column])
    return columns if len(dict(columns)) == commas + 1 else None


def _without_key(tokens: Sequence[str]) -> tuple[str, str] | None:
    """Take the key out of the tokens of a column, if they all have it."""
    key = tokens[0].partition("=")[0]
    prefix = f",{key}="
    text = "," + ",".join(tokens)
    values = text.replace(prefix, ",")
    return (key, values[1:]) if len(text) - len(values) == len(tokens) * (len(prefix) - 1) else None


def _by_width(sections: Sequence[str]) -> Iterable[list[int]]:
    """Part rows by how many fields they have; rows of one field by its key."""
    parts: dict[int | str, list[int]] = {}
    for row, section in enumerate(sections):
        parts.setdefault(section.count(",") or section.partition("=")[0], []).append(row)
    return parts.values()


def _by_keys(rows: Sequence[int], sections: Sequence[str]) -> list[TextBlock]:
    parts: dict[tuple[str, ...], list[tuple[int, str, dict[str, str]]]] = {}
    for row, section in zip(rows, sections, strict=True):
        fields = split_section(section)
        parts.setdefault(tuple(sorted(fields)), []).append((row, section, fields))
    blocks: list[TextBlock] = []
    for keys, found in parts.items():
        columns = [(key, ",".join([fields[key] for _, _, fields in found])) for key in keys]
        blocks.append(TextBlock([row for row, _, _ in found], [section for _, section, _ in found], columns))
    return blocks
