"""Columns of text to columns of values."""

import math

import pytest

from liveproto.frames.frame import FieldType
from liveproto.frames.line_protocol import Kind
from liveproto.frames.shield import NotCoveredError, shield
from liveproto.frames.values import typed_columns, value_of

FLOAT64, STRING, BOOL = FieldType.FLOAT64, FieldType.STRING, FieldType.BOOL


@pytest.mark.parametrize(
    ("text", "rows", "column"),
    [
        ("1,2.5,-3e5", 3, (FLOAT64, [1.0, 2.5, -3e5])),
        ("1i,-2i,0i", 3, (FLOAT64, [1.0, -2.0, 0.0])),
        ("1,2i", 2, (FLOAT64, [1.0, 2.0])),
        ("2i,1", 2, (FLOAT64, [2.0, 1.0])),
        ("9007199254740993i", 1, (FLOAT64, [9007199254740992.0])),
        ("1e300,1", 2, (FLOAT64, [1e300, 1.0])),
        ("-0.0", 1, (FLOAT64, [-0.0])),
        ("true,false", 2, (BOOL, [True, False])),
        ('"a","","c"', 3, (STRING, ["a", "", "c"])),
    ],
)
def test_columns_of_one_type_are_read_together(text, rows, column):
    assert typed_columns([(text, rows)]) == [column]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (".5,1", 2),
        ("1.,1", 2),
        ("007,1", 2),
        ("-0", 1),
        ("1,-0", 2),
        ("-0,1", 2),
        ("-0i", 1),
        ("5u", 1),
        ("1,5u", 2),
        ("1.5i", 1),
        ("1e5i", 1),
        ("9223372036854775807i", 1),
        ("-9223372036854775808i", 1),
        ("1e400", 1),
        ("T,F", 2),
        ("true,1", 2),
        ("1,true", 2),
        ('"a",1', 2),
        ('"NaN"', 1),
        ('"a","NaN"', 2),
        ('"a"="b"', 1),
        ("", 1),
        ("nan", 1),
        ("null", 1),
        ("1],[2", 2),
        ("[1],[2]", 2),
        ("truei", 1),
    ],
)
def test_other_columns_are_left_for_one_value_at_a_time(text, rows):
    assert typed_columns([(text, rows)]) == [None]


def test_a_refused_column_leaves_the_others_typed():
    texts = [("1,2", 2), (".5,1", 2), ("3i,4i", 2), ("x", 1), ("t", 1), ("true", 1), ("5", 1)]
    assert typed_columns(texts) == [
        (FLOAT64, [1.0, 2.0]),
        None,
        (FLOAT64, [3.0, 4.0]),
        None,
        None,
        (BOOL, [True]),
        (FLOAT64, [5.0]),
    ]
    assert typed_columns([]) == []


def test_columns_do_not_lend_each_other_their_values():
    assert typed_columns([("1],[2,3", 2), ("4", 1)]) == [None, (FLOAT64, [4.0])]


def test_strings_get_back_what_was_hidden():
    strings = (b'"a b"', b'"c\\",\\"d\\\\e"', b'"\xc3\xa9,"')
    text = ",".join([shield(b"=" + string)[1:] for string in strings])
    assert typed_columns([(text, 3)]) == [(STRING, ["a b", 'c","d\\e', "\u00e9,"])]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (".5", Kind.FLOAT, 0.5),
        ("1.", Kind.FLOAT, 1.0),
        ("007", Kind.FLOAT, 7.0),
        ("9223372036854775807i", Kind.INT, 2**63 - 1),
        ("18446744073709551615u", Kind.UINT, 2**64 - 1),
        ("T", Kind.BOOL, True),
        ("FALSE", Kind.BOOL, False),
        ('""', Kind.STRING, ""),
        ('"NaN"', Kind.STRING, "NaN"),
    ],
)
def test_a_value_alone_is_read_by_the_grammar(text, kind, value):
    assert value_of(text) == (kind, value)


def test_a_negative_zero_keeps_its_sign():
    assert math.copysign(1, value_of("-0")[1]) == -1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1x",
        "007i",
        "-1u",
        "nan",
        "+1",
        "1_0",
        "0x1",
        "1e400",
        "9223372036854775808i",
        '"',
        '"a',
        '"a"b',
        '"a""b"',
    ],
)
def test_what_is_no_value_is_not_covered(text):
    with pytest.raises(NotCoveredError):
        value_of(text)
