"""Metrics to frames: the rules, one at a time, in the body's own words."""

import pytest

from liveproto.errors import LimitExceededError
from liveproto.frames import exact_route
from liveproto.frames.frame import FieldType
from liveproto.frames.line_protocol import parse

NOW_NS = 1_750_000_000_000_000_000


def labels_column(*lines, cell_limit=1000):
    return exact_route.labels_column(parse("\n".join(lines).encode(), now_ns=NOW_NS).metrics, cell_limit)


def wide(*lines, **limit):
    return exact_route.wide(parse("\n".join(lines).encode(), now_ns=NOW_NS).metrics, **limit)


def columns(frame):
    return {field.name: field.values for field in frame.fields}


def test_a_measurement_is_a_table_of_its_lines_in_their_order():
    first, second = labels_column("b,z=1,a=2 v=1 20", "a v=2 10", "b v=3 10")
    assert (first.name, second.name) == ("b", "a")
    assert columns(first) == {"labels": ["a=2, z=1", ""], "time": [20, 10], "v": [1.0, 3.0]}
    assert [(field.name, field.type, field.nullable, field.labels) for field in first.fields] == [
        ("labels", FieldType.STRING, False, None),
        ("time", FieldType.TIME, False, None),
        ("v", FieldType.FLOAT64, True, None),
    ]


def test_columns_come_in_the_order_of_first_sight_and_are_sorted_within_a_line():
    (frame,) = labels_column("m c=1,b=1 1", "m d=2,a=2,b=2 2", "m a=3 3")
    assert columns(frame) == {
        "labels": ["", "", ""],
        "time": [1, 2, 3],
        "b": [1.0, 2.0, None],
        "c": [1.0, None, None],
        "a": [None, 2.0, 3.0],
        "d": [None, 2.0, None],
    }
    assert list(columns(frame)) == ["labels", "time", "b", "c", "a", "d"]


def test_names_that_differ_in_bytes_alone_are_two_columns():
    metrics = parse(b"m \xff=1,\xfe=2 1", now_ns=NOW_NS).metrics
    (frame,) = exact_route.labels_column(metrics, 1000)
    assert [(field.name, field.values) for field in frame.fields[2:]] == [("\ufffd", [2.0]), ("\ufffd", [1.0])]


@pytest.mark.parametrize(
    ("values", "type_", "cells"),
    [
        (["1i", "2.5", "3i"], FieldType.FLOAT64, [1.0, 2.5, 3.0]),
        (["1", '"a"', "t"], FieldType.FLOAT64, [1.0, None, None]),
        (["5u", "1"], FieldType.FLOAT64, [None, 1.0]),
        (['"NaN"', "1", '"a"'], FieldType.FLOAT64, [None, 1.0, None]),
        (['"a"', "1i", "2u", "1e6", "f", '"NaN"'], FieldType.STRING, ["a", "1", "2", "1e+06", "false", None]),
        (["t", "1", '"true"', "F"], FieldType.BOOL, [True, None, None, False]),
    ],
)
def test_the_first_value_of_a_column_fixes_its_type(values, type_, cells):
    (frame,) = labels_column(*[f"m v={value} {row}" for row, value in enumerate(values)])
    assert (frame.fields[2].type, frame.fields[2].values) == (type_, cells)


def test_wide_makes_a_frame_of_each_measurement_and_time():
    frames = wide("m,b=2,a=1 y=1i,x=t 1", "n v=1 1", 'm x="s" 2', "m,a=9 x=2u 1", "m,b=2,a=1 y=5 1")
    assert [frame.name for frame in frames] == ["m", "n", "m"]
    first = frames[0]
    assert [(f.name, f.type, f.values, f.nullable, f.labels) for f in first.fields] == [
        ("time", FieldType.TIME, [1], False, None),
        ("x", FieldType.BOOL, [True], True, {"a": "1", "b": "2"}),
        ("y", FieldType.FLOAT64, [1.0], True, {"a": "1", "b": "2"}),
        ("x", FieldType.FLOAT64, [None], True, {"a": "9"}),
        ("y", FieldType.FLOAT64, [5.0], True, {"a": "1", "b": "2"}),
    ]
    assert frames[2].fields[1].labels == {}


def test_the_cells_of_all_frames_are_limited():
    lines = ["m a=1 1", "m b=1 1", "n a=1 1"]
    assert len(labels_column(*lines, cell_limit=5)) == 2
    with pytest.raises(LimitExceededError):
        labels_column(*lines, cell_limit=4)


def test_the_labels_of_all_wide_columns_are_limited():
    lines = ["m,a=1,b=é x=1,y=2 1", "n,a=1 x=1 1", "n x=1 1"]
    assert len(wide(*lines, label_limit=19)) == 2
    with pytest.raises(LimitExceededError, match="label_characters: got 19, expected at most 18"):
        wide(*lines, label_limit=18)
