"""Ingest: query and body in, frames of channels or the refusal out; expectations from grafana-live.md section 6."""

import pytest

from liveproto.frames.converter import Converter
from liveproto.grafana.ingest import ChannelFrame, Refusal, ingest, make_converters

TIME = 1_600_000_000_000_000_000
NOW = 1_700_000_000_000_000_000
BODY = b"cpu,host=a value=1 1600000000000000000\nmem used=2i 1600000000000000000\ncpu value=3 1600000001000000000\n"
FORMAT = "gf_live_frame_format"


def taken(body, *query, stream_id="telegraf", converters=None):
    return ingest(query, body, stream_id=stream_id, converters=converters or make_converters(), now_ns=NOW)


def shape(outcome):
    """Channels with the names of columns and the number of rows."""
    return [
        (each.channel, [field.name for field in each.frame.fields], len(each.frame.fields[0].values))
        for each in outcome
    ]


COLUMNS = [
    ("stream/telegraf/cpu", ["labels", "time", "value"], 2),
    ("stream/telegraf/mem", ["labels", "time", "used"], 1),
]
WIDE = [
    ("stream/telegraf/cpu", ["time", "value"], 1),
    ("stream/telegraf/mem", ["time", "used"], 1),
    ("stream/telegraf/cpu", ["time", "value"], 1),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([], COLUMNS),
        ([(FORMAT, "")], COLUMNS),
        ([(FORMAT, "labels_column")], COLUMNS),
        ([(FORMAT, "Labels_COLUMN")], COLUMNS),
        ([(FORMAT, "wide")], WIDE),
        ([(FORMAT, "WIDE")], WIDE),
        ([("x", "1"), (FORMAT, "wide"), (FORMAT, "prometheus")], WIDE),
        ([(FORMAT, ""), (FORMAT, "wide")], COLUMNS),
        ([(FORMAT.upper(), "wide")], COLUMNS),
    ],
)
def test_the_frame_format_is_that_of_the_first_parameter(query, expected):
    assert shape(taken(BODY, *query)) == expected


@pytest.mark.parametrize("name", ["prometheus", "wide ", " wide", "labels-column", "0", "null"])
@pytest.mark.parametrize("body", [BODY, b"", b"cpu"])
def test_another_frame_format_is_refused_with_400_whatever_the_body(name, body):
    outcome = taken(body, (FORMAT, name))
    assert isinstance(outcome, Refusal)
    assert outcome.status == 400
    assert outcome.reason == f"unsupported frame format: expected labels_column or wide, got {name!r}"


@pytest.mark.parametrize("query", [[], [(FORMAT, "wide")]])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_bad_line_refuses_the_body_with_500_and_says_where(query, at):
    lines = BODY.split(b"\n")
    lines.insert(at, b"cpu,host=a value=")
    outcome = taken(b"\n".join(lines), *query)
    assert isinstance(outcome, Refusal)
    assert outcome.status == 500
    assert outcome.reason.startswith(f"line {at + 1}, column 18, ")


@pytest.mark.parametrize("body", [b"", b"\n", b"  \r\n\n", b"# a comment", b"#\n\n# two\n"])
def test_a_body_without_points_has_no_frames(body):
    assert taken(body) == ()


def test_the_channel_is_made_of_the_stream_and_the_measurement_as_they_are():
    outcome = taken(b"a\\ b/c\\,d v=1 1\n\xff v=1 1\n", stream_id="x y/z")
    assert [each.channel for each in outcome] == ["stream/x y/z/a b/c,d", "stream/x y/z/\ufffd"]


def test_a_line_without_time_is_of_now():
    (each,) = taken(b"cpu v=1")
    assert isinstance(each, ChannelFrame)
    assert list(each.frame.fields[1].values) == [NOW]


def test_frames_above_the_limit_of_the_converter_are_refused_with_500():
    outcome = taken(b"cpu a=1,b=2 1", converters={"labels_column": Converter(cell_limit=1)})
    assert isinstance(outcome, Refusal)
    assert outcome.status == 500
    assert "1" in outcome.reason


def test_there_is_a_converter_for_each_format():
    assert list(make_converters()) == ["labels_column", "wide"]
