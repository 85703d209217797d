"""Rows with the same fields, and the way back to the text of a value."""

from collections import Counter

import pytest

from liveproto.frames.blocks import make_block
from liveproto.frames.frame import FieldType
from liveproto.frames.shield import NotCoveredError, shield
from liveproto.frames.taken import Exit

FLOAT64, STRING, BOOL = FieldType.FLOAT64, FieldType.STRING, FieldType.BOOL
TYPED = (FLOAT64, [1.0, 2.0])


def block():
    sections = ["a=1i,b=.5", 'b="x",a=2i']
    return make_block(range(2), sections, ["a", "b"], [TYPED, None])


def test_typed_columns_are_given_as_they_are():
    taken = Counter()
    assert block().column(0, None, taken) is TYPED
    assert block().column(0, FLOAT64, taken) is TYPED
    assert block().cells(0) == [(FLOAT64, 1.0), (FLOAT64, 2.0)]
    assert not taken.total()


def test_a_column_of_another_type_is_read_again_from_its_text():
    taken = Counter()
    assert block().column(0, STRING, taken) == (STRING, ["1", "2"])
    assert block().column(0, BOOL, taken) == (BOOL, [None, None])
    assert taken == {Exit.CONFLICT: 2}


def test_a_mixed_column_has_the_type_of_its_first_value():
    taken = Counter()
    mixed = block()
    assert mixed.column(1, None, taken) == (FLOAT64, [0.5, None])
    assert mixed.column(1, STRING, taken) == (STRING, ["0.5", "x"])
    assert mixed.cells(1) == [(FLOAT64, 0.5), (STRING, "x")]
    assert taken == {Exit.CONFLICT: 2}


def test_names_are_unescaped_and_sorted_again():
    sections = [shield(b"a\\ b=1,a!b=.5")]
    keys = sorted(token.partition("=")[0] for token in sections[0].split(","))
    assert keys == [shield(b"a\\ b"), "a!b"]
    first, second = (FLOAT64, [1.0]), None
    found = make_block(range(1), sections, keys, [first, second])
    assert (found.names, found.keys, found.columns) == (["a b", "a!b"], keys, [first, second])
    backwards = make_block(
        range(1),
        [shield(b"z\\ =1,\xff=2".replace(b"\xff", b"a\\ "))],
        [shield(b"z\\ "), shield(b"a\\ ")],
        [first, None],
    )
    assert (backwards.names, backwards.columns) == (["a ", "z "], [None, first])
    assert backwards.column(0, None, Counter()) == (FLOAT64, [2.0])


def test_no_name_and_a_name_twice_are_not_covered():
    with pytest.raises(NotCoveredError):
        make_block(range(1), ["=1"], [""], [TYPED])
    keys = [shield(b"a\\ "), shield(b"a\\ ")]
    with pytest.raises(NotCoveredError):
        make_block(range(1), ["x"], keys, [TYPED, TYPED])
