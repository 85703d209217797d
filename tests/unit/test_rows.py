"""Shielded text cut into rows."""

import pytest

from liveproto.frames.rows import Rows, cut_at_once, cut_by_line
from liveproto.frames.shield import NotCoveredError

NOW_NS = 77


@pytest.mark.parametrize("end", ["", "\n"])
def test_regular_lines_are_cut_at_once(end):
    rows = Rows(["\nm,a=b", "\nn"], ["v=1,w=2", "v=3"], [10, -5])
    assert cut_at_once("m,a=b v=1,w=2 10\nn v=3 -5" + end) == rows
    assert cut_by_line("m,a=b v=1,w=2 10\nn v=3 -5" + end, NOW_NS) == rows


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "m v=1",
        "m  v=1 2",
        "m v=1 2\n\nm v=1 2",
        "m v=1 2 3 4 5",
        "m v=1 007",
        "m v=1 9223372036854775808",
        "m v=1 1.5",
        "m v=1 1,2",
        "m v=1 x",
        "m v=1 2\nm v=1",
    ],
)
def test_other_lines_are_not_cut_at_once(text):
    assert cut_at_once(text) is None


def test_a_misplaced_newline_is_left_in_a_head_for_the_series_to_find():
    rows = cut_at_once("m v=1\n5 c=1 d=1 9")
    assert rows is not None
    assert [head.count("\n") for head in rows.heads] == [1, 0]


def test_odd_lines_are_cut_one_by_one():
    text = "m v=1\n\n  \n # no\nm  v=2  007 \nm v=3 -0\nm v=4\n#\n"
    assert cut_by_line(text, NOW_NS) == Rows(["\nm"] * 4, ["v=1", "v=2", "v=3", "v=4"], [77, 7, 0, 77])
    assert cut_by_line("", NOW_NS) == Rows([], [], [])


@pytest.mark.parametrize(
    "text",
    [
        "m",
        ' # k="x',
        "m v=1 2 3",
        "m v=1 x",
        "m v=1 1.5",
        "m v=1 +5",
        "m v=1 9223372036854775808",
        "m v=1 00000000000000000001",
    ],
)
def test_what_is_no_line_is_not_covered(text):
    with pytest.raises(NotCoveredError):
        cut_by_line(text, NOW_NS)
