"""A chunk of lines to the cells of each measurement: the steps that both frame formats share.

Theory. Cut the lines, look their heads up, group them by measurement, part each group into blocks of rows that have the
same keys, and read all values of a kind at once. Large groups and small ones take different ways to their blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from liveproto.frames.blocks import Block, make_block
from liveproto.frames.columns import text_blocks
from liveproto.frames.few_rows import FEW, few_rows
from liveproto.frames.rows import cut_at_once, cut_by_line
from liveproto.frames.shield import shield
from liveproto.frames.taken import Exit
from liveproto.frames.values import typed_columns

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from liveproto.frames.rows import Rows
    from liveproto.frames.series import Series, SeriesCache


@attrs.define
class Group:
    """The lines of one measurement."""

    series: list[Series]
    sections: list[str]
    times_ns: list[int]
    blocks: list[Block]
    """In the order of their first rows."""


@attrs.frozen
class Chunk:
    """Some lines, read."""

    series: list[Series]
    """Of every line."""
    groups: Mapping[str, Group]
    """In the order of their first lines."""


def read_chunk(data: bytes, now_ns: int, cache: SeriesCache, taken: Counter[Exit]) -> Chunk:
    """Read whole lines.

    Raises:
        NotCoveredError: only the exact route can tell what they hold.
    """
    rows = _cut(shield(data), now_ns, taken)
    series = cache.look_up(rows.heads)
    groups = _grouped(series, rows)
    small = [group for group in groups.values() if len(group.sections) < FEW]
    large = [group for group in groups.values() if len(group.sections) >= FEW]
    if small:
        large += _read_small(small, taken)
    if large:
        _read_large(large, taken)
    return Chunk(series, groups)


def _cut(text: str, now_ns: int, taken: Counter[Exit]) -> Rows:
    rows = cut_at_once(text)
    if rows:
        taken[Exit.AT_ONCE] += 1
        return rows
    taken[Exit.BY_LINE] += 1
    return cut_by_line(text, now_ns)


def _grouped(series: Sequence[Series], rows: Rows) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for one, section, time_ns in zip(series, rows.sections, rows.times_ns, strict=True):
        group = groups.get(one[0])
        if group is None:
            group = groups[one[0]] = Group([], [], [], [])
        group.series.append(one)
        group.sections.append(section)
        group.times_ns.append(time_ns)
    return groups


def _read_small(groups: Sequence[Group], taken: Counter[Exit]) -> list[Group]:
    """Read groups of a few rows; return those that must be read as if they were large."""
    left: list[Group] = []
    for group, blocks in zip(groups, few_rows([group.sections for group in groups]), strict=True):
        if blocks is None:
            left.append(group)
        else:
            group.blocks = blocks
    taken[Exit.FEW_ROWS] += len(groups) - len(left)
    return left


def _read_large(groups: Sequence[Group], taken: Counter[Exit]) -> None:
    blocks = [(group, block) for group in groups for block in text_blocks(group.sections, taken)]
    typed = typed_columns([(text, len(block.rows)) for _, block in blocks for _, text in block.columns])
    odd = typed.count(None)
    taken[Exit.TYPED] += len(typed) - odd
    taken[Exit.ONE_BY_ONE] += odd
    column = iter(typed)
    for group, block in blocks:
        columns = {key: next(column) for key, _ in block.columns}
        group.blocks.append(make_block(block.rows, block.sections, columns))
    for group in groups:
        group.blocks.sort(key=lambda block: block.rows[0])
