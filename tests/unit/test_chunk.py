"""A chunk of lines, read."""

from collections import Counter

from liveproto.frames.chunk import read_chunk
from liveproto.frames.few_rows import FEW
from liveproto.frames.series import SeriesCache
from liveproto.frames.taken import Exit


def read(*lines):
    taken = Counter()
    chunk = read_chunk("\n".join(lines).encode(), 77, SeriesCache(10), taken)
    return chunk, {exit_: count for exit_, count in taken.items() if count}


def test_lines_are_grouped_by_measurement():
    chunk, taken = read("b,t=1 v=1 1", "a v=2 2", "b v=3 3")
    assert [name for name, _, _ in chunk.series] == ["b", "a", "b"]
    assert list(chunk.groups) == ["b", "a"]
    assert chunk.groups["b"].times_ns == [1, 3]
    assert [label for _, label, _ in chunk.groups["b"].series] == ["t=1", ""]
    assert taken == {Exit.AT_ONCE: 1, Exit.FEW_ROWS: 2}


def test_no_lines_are_no_groups():
    chunk, taken = read("", "# nothing", "  ")
    assert (chunk.series, chunk.groups) == ([], {})
    assert taken == {Exit.BY_LINE: 1}


def test_many_rows_go_by_columns_and_few_with_an_odd_value_too():
    many = [f"m v={row},w=.5 {row}" for row in range(FEW)]
    chunk, taken = read(*many, "n v=.5 1")
    assert [list(block.columns) for block in chunk.groups["m"].blocks] == [["v", "w"]]
    assert [block.columns for block in chunk.groups["n"].blocks] == [{"v": None}]
    assert taken == {Exit.AT_ONCE: 1, Exit.SAME_KEYS: 2, Exit.TYPED: 1, Exit.ONE_BY_ONE: 2}


def test_blocks_come_in_the_order_of_their_first_rows():
    lines = [f"m {'a=1,b=1' if row % 2 else 'c=1,a=.5'} {row}" for row in range(FEW)]
    chunk, _ = read(*lines[:1], "m z=1 5", *lines)
    assert [block.rows[0] for block in chunk.groups["m"].blocks] == [0, 1, 3]
