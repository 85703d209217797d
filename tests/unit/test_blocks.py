"""Rows with the same fields, and the way back to the text of a value."""

from collections import Counter

import pytest

from liveproto.frames.blocks import make_block
from liveproto.frames.frame import FieldType
from liveproto.frames.shield import QUOTE_MARK, NotCoveredError, shield
from liveproto.frames.taken import Exit

FLOAT64, STRING, BOOL = FieldType.FLOAT64, FieldType.STRING, FieldType.BOOL
TYPED = (FLOAT64, [1.0, 2.0])


def block():
    sections = ["a=1i,b=.5", 'b="x",a=2i']
    return make_block(range(2), sections, {"a": TYPED, "b": None})


def test_typed_columns_are_given_as_they_are():
    taken = Counter()
    assert block().column("a", None, taken) is TYPED
    assert block().column("a", FLOAT64, taken) is TYPED
    assert block().cells("a") == [(FLOAT64, 1.0), (FLOAT64, 2.0)]
    assert not taken.total()


def test_a_column_of_another_type_is_read_again_from_its_text():
    taken = Counter()
    assert block().column("a", STRING, taken) == (STRING, ["1", "2"])
    assert block().column("a", BOOL, taken) == (BOOL, [None, None])
    assert taken == {Exit.CONFLICT: 2}


def test_a_mixed_column_has_the_type_of_its_first_value():
    taken = Counter()
    mixed = block()
    assert mixed.column("b", None, taken) == (FLOAT64, [0.5, None])
    assert mixed.column("b", STRING, taken) == (STRING, ["0.5", "x"])
    assert mixed.cells("b") == [(FLOAT64, 0.5), (STRING, "x")]
    assert taken == {Exit.CONFLICT: 2}


def test_names_are_unescaped_and_sorted_again():
    text = shield(b"m !b=1,a\\ =.5,a!=2").partition(" ")[2]
    columns = {"!b": (FLOAT64, [1.0]), "a!": (FLOAT64, [2.0]), shield(b"a\\ "): None}
    found = make_block(range(1), [text], columns)
    assert list(found.columns.items()) == [("!b", (FLOAT64, [1.0])), ("a ", None), ("a!", (FLOAT64, [2.0]))]
    assert found.column("a ", None, Counter()) == (FLOAT64, [0.5])
    assert found.column("a!", STRING, Counter()) == (STRING, ["2"])


def test_no_name_and_a_name_twice_are_not_covered():
    with pytest.raises(NotCoveredError):
        make_block(range(1), ["=1"], {"": TYPED})
    # Only a space makes the escaped quote after it a quote, so two texts are one name.
    with pytest.raises(NotCoveredError):
        make_block(range(1), ["x"], {shield(b"a\\ ") + '"': TYPED, shield(b"a\\ ") + QUOTE_MARK: TYPED})
