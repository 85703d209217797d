"""One value of line protocol, one cell of a frame."""

import pytest

from liveproto.errors import LimitExceededError
from liveproto.frames.cells import cell_in, cell_of, check_cells, go_text, label_text, text_of, type_of
from liveproto.frames.frame import FieldType
from liveproto.frames.line_protocol import Kind


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"caf\xc3\xa9", "caf\u00e9"),
        (b"\xff", "\ufffd"),
        (b"a\xe2\x82b", "a\ufffd\ufffdb"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_each_byte_outside_of_utf8_becomes_a_replacement_character(data, text):
    assert text_of(data) == text


@pytest.mark.parametrize(
    ("tags", "text"),
    [([], ""), ([("a", "b")], "a=b"), ([("a", "b,c"), ("d", "e=f")], "a=b,c, d=e=f")],
)
def test_labels_are_joined_and_not_escaped(tags, text):
    assert label_text(tags) == text


@pytest.mark.parametrize(
    ("kind", "value", "type_", "cell"),
    [
        (Kind.INT, 5, FieldType.FLOAT64, 5.0),
        (Kind.INT, 2**53 + 1, FieldType.FLOAT64, 2.0**53),
        (Kind.UINT, 5, FieldType.FLOAT64, None),
        (Kind.FLOAT, 0.5, FieldType.FLOAT64, 0.5),
        (Kind.BOOL, False, FieldType.BOOL, False),
        (Kind.STRING, "on", FieldType.STRING, "on"),
        (Kind.STRING, "", FieldType.STRING, ""),
        (Kind.STRING, "NaN", FieldType.FLOAT64, None),
        (Kind.STRING, "nan", FieldType.STRING, "nan"),
    ],
)
def test_a_value_has_a_type_and_a_cell(kind, value, type_, cell):
    assert type_of(kind, value) is type_
    found = cell_of(kind, value)
    assert (found, type(found)) == (cell, type(cell))
    assert cell_in(type_, kind, value) == cell


@pytest.mark.parametrize(
    ("column", "kind", "value", "cell"),
    [
        (FieldType.STRING, Kind.INT, -7, "-7"),
        (FieldType.STRING, Kind.UINT, 2**64 - 1, "18446744073709551615"),
        (FieldType.STRING, Kind.FLOAT, 0.5, "0.5"),
        (FieldType.STRING, Kind.BOOL, True, "true"),
        (FieldType.STRING, Kind.STRING, "NaN", None),
        (FieldType.FLOAT64, Kind.BOOL, True, None),
        (FieldType.FLOAT64, Kind.STRING, "1", None),
        (FieldType.BOOL, Kind.FLOAT, 1.0, None),
        (FieldType.BOOL, Kind.STRING, "true", None),
        (FieldType.BOOL, Kind.UINT, 1, None),
    ],
)
def test_a_value_of_another_type_is_text_in_a_text_column_and_null_elsewhere(column, kind, value, cell):
    assert cell_in(column, kind, value) == cell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(2**63), "-9223372036854775808"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (100000.0, "100000"),
        (999999.0, "999999"),
        (999999.5, "999999.5"),
        (1e6, "1e+06"),
        (-1234567.0, "-1.234567e+06"),
        (1.23456789e8, "1.23456789e+08"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-0.000012345, "-1.2345e-05"),
        (5e-324, "5e-324"),
        (0.1, "0.1"),
    ],
)
def test_text_is_what_go_prints(value, text):
    assert go_text(value) == text


def test_too_many_cells_are_refused():
    check_cells(10, 10)
    with pytest.raises(LimitExceededError, match="cells: got 11, expected at most 10"):
        check_cells(11, 10)
