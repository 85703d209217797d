"""Sections to columns of text."""

from collections import Counter

import pytest

from liveproto.frames.columns import TextBlock, split_section, text_blocks
from liveproto.frames.shield import NotCoveredError
from liveproto.frames.taken import Exit


def blocks(*sections):
    taken = Counter()
    return text_blocks(sections, taken), {exit_: count for exit_, count in taken.items() if count}


def test_rows_with_the_same_keys_are_one_block():
    sections = ("b=1,a=2", "a=3,b=4")
    found, taken = blocks(*sections)
    assert found == [TextBlock(range(2), sections, [("a", "2,3"), ("b", "1,4")])]
    assert taken == {Exit.SAME_KEYS: 1}


def test_keys_are_sorted_also_where_their_tokens_are_not():
    found, _ = blocks("load1=1,load15=2", "load15=3,load1=4")
    assert found[0].columns == [("load1", "1,4"), ("load15", "2,3")]


def test_rows_of_other_widths_and_single_fields_are_other_blocks():
    sections = ("a=1,b=2", "c=3", "d=4", "b=5,a=6", "c=7")
    found, taken = blocks(*sections)
    assert [(list(block.rows), block.columns) for block in found] == [
        ([0, 3], [("a", "1,6"), ("b", "2,5")]),
        ([1, 4], [("c", "3,7")]),
        ([2], [("d", "4")]),
    ]
    assert taken == {Exit.SAME_WIDTH: 3}


def test_rows_of_one_width_with_other_keys_are_parted_by_them():
    found, taken = blocks("a=1,b=2", "c=3,a=4", "b=5,a=6", "a=7")
    assert [(list(block.rows), block.sections, block.columns) for block in found] == [
        ([0, 2], ["a=1,b=2", "b=5,a=6"], [("a", "1,6"), ("b", "2,5")]),
        ([1], ["c=3,a=4"], [("a", "4"), ("c", "3")]),
        ([3], ["a=7"], [("a", "7")]),
    ]
    assert taken == {Exit.BY_KEYS: 1, Exit.SAME_WIDTH: 1}


def test_shifted_tokens_are_not_taken_for_rows():
    found, taken = blocks("a=1,b=2", "a=1,b=2", "a=1,b", "5,a=1,b=2")
    assert [(list(block.rows), block.columns) for block in found] == [
        ([0, 1, 2], [("a", "1,1,1"), ("b", "2,2,")]),
        ([3], [("5", ""), ("a", "1"), ("b", "2")]),
    ]
    assert taken == {Exit.BY_KEYS: 2}


def test_of_a_repeated_key_the_last_value_counts_and_the_others_must_be_values():
    assert split_section('a=1,b=2,a="x"') == {"a": '"x"', "b": "2"}
    assert split_section("a,b=1=2") == {"a": "", "b": "1=2"}
    with pytest.raises(NotCoveredError):
        split_section("a=x,a=1")
    found, _ = blocks("a=1,a=2", "a=3,a=4")
    assert found[0].columns == [("a", "2,4")]
