"""Measurements of a few rows, all values at once."""

import pytest

from liveproto.frames.few_rows import few_rows
from liveproto.frames.frame import FieldType
from liveproto.frames.shield import NotCoveredError, shield

FLOAT64, STRING, BOOL = FieldType.FLOAT64, FieldType.STRING, FieldType.BOOL


def seen(found):
    return None if found is None else [(list(b.rows), list(b.columns), list(b.columns.values())) for b in found]


def test_values_of_every_kind_are_read_together():
    first, second = few_rows([['b=1i,a="x y",c=true', 'c=false,b=2.5,a=""'], ["v=-9i"]])
    assert seen(first) == [
        ([0, 1], ["a", "b", "c"], [(STRING, ["x y", ""]), (FLOAT64, [1.0, 2.5]), (BOOL, [True, False])])
    ]
    assert seen(second) == [([0], ["v"], [(FLOAT64, [-9.0])])]


def test_rows_are_parted_by_their_keys():
    (found,) = few_rows([["a=1,b=2", "c=3", "b=4,a=5"]])
    assert seen(found) == [
        ([0, 2], ["a", "b"], [(FLOAT64, [1.0, 5.0]), (FLOAT64, [2.0, 4.0])]),
        ([1], ["c"], [(FLOAT64, [3.0])]),
    ]


def test_of_a_repeated_key_the_last_value_counts():
    (found,) = (few_rows([["a=1,a=t"]]),)
    assert found == [None]
    (found,) = few_rows([["a=1,a=true"]])
    assert seen(found) == [([0], ["a"], [(BOOL, [True])])]


def test_strings_get_back_what_was_hidden():
    section = shield(b'm v="a b,c=d\ne\tf\vg\\"h\xc3\xa9"').partition(" ")[2]
    (found,) = few_rows([[section]])
    assert seen(found) == [([0], ["v"], [(STRING, ['a b,c=d\ne\tf\vg"h\u00e9'])])]


@pytest.mark.parametrize("sections", [["a=1", "a=true"], ["a=1", "b=2", 'a="x"', "b=3"]])
def test_a_key_with_values_of_two_types_is_left(sections):
    good, bad = few_rows([["v=1"], sections])
    assert seen(good) == [([0], ["v"], [(FLOAT64, [1.0])])]
    assert bad is None


@pytest.mark.parametrize(
    "section",
    [
        "a=.5", "a=-0", "a=-0,b=1", "a=-0i", 'a="NaN"', 'a="x\x08"', "a=5u", "a=1.5i", "a=truei", "a=null",
        "a=9223372036854775807i", "a=-9223372036854775808i", "a", "a=", "a=1=2", "a,b=1", "a=x", "a=T", 'a="x\x13"',
        "a=[1]", "a={}", "a=1},{b=2", "a=1}", "a=1]", "a=1e400", "a\x0fb=1",
    ],
)  # fmt: skip
def test_anything_odd_leaves_all_to_the_others(section):
    assert few_rows([["v=1"], [section]]) == [None, None]


def test_no_key_is_not_covered():
    with pytest.raises(NotCoveredError):
        few_rows([["=1"]])
