"""Managed streams: expectations from grafana-live.md sections 1.4 and 4.1."""

import json

import pytest
from msgspec.structs import replace

from liveproto.errors import FrameError
from liveproto.frames import frame_json
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.grafana.managed_stream import ManagedStream, ManagedStreams

CPU = "stream/telegraf/cpu"
FIELD = Field("v", FieldType.FLOAT64, [1.0], nullable=True)


def frame(*fields, name="cpu"):
    return DataFrame(name, fields or (FIELD,))


def keys(message):
    return list(json.loads(message))


@pytest.fixture
def stream():
    return ManagedStream()


def test_a_stream_begins_with_nothing(stream):
    assert stream.full is None
    assert stream.schema == b"{}"
    assert stream.minute_rate(now_s=0) == 0


def test_the_first_frame_is_published_whole_and_kept(stream):
    published = stream.push(frame(), now_s=0)
    assert json.loads(published) == {
        "schema": {
            "name": "cpu",
            "fields": [{"name": "v", "type": "number", "typeInfo": {"frame": "float64", "nullable": True}}],
        },
        "data": {"values": [[1]]},
    }
    assert keys(published) == ["schema", "data"]
    assert stream.full == published


def test_the_same_schema_is_published_as_data_alone_and_kept_whole(stream):
    stream.push(frame(), now_s=0)
    published = stream.push(frame(replace(FIELD, values=[2.0, None])), now_s=0)
    assert json.loads(published) == {"data": {"values": [[2, None]]}}
    assert json.loads(stream.full)["data"] == {"values": [[2, None]]}
    assert "schema" in json.loads(stream.full)


@pytest.mark.parametrize(
    "other",
    [
        frame(name="other"),
        frame(replace(FIELD, name="w")),
        frame(replace(FIELD, type=FieldType.INT64, values=[1])),
        frame(replace(FIELD, nullable=False)),
        frame(replace(FIELD, labels={})),
        frame(replace(FIELD, config={"unit": "s"})),
        frame(FIELD, replace(FIELD, name="w")),
        replace(frame(), ref_id="A"),
        replace(frame(), meta={"type": "timeseries-wide"}),
    ],
)
def test_another_schema_is_published_whole_and_so_is_the_first_one_again(stream, other):
    for each in (frame(), other, frame()):
        published = stream.push(each, now_s=0)
        assert keys(published) == ["schema", "data"]
        assert published == stream.full == frame_json.encode(each)


def test_the_order_of_columns_is_part_of_the_schema(stream):
    columns = FIELD, replace(FIELD, name="w")
    stream.push(frame(*columns), now_s=0)
    assert keys(stream.push(frame(*columns[::-1]), now_s=0)) == ["schema", "data"]


def test_a_frame_that_is_none_changes_nothing(stream):
    before = stream.push(frame(), now_s=0)
    with pytest.raises(FrameError):
        stream.push(frame(FIELD, replace(FIELD, values=[])), now_s=0)
    assert stream.full == before
    assert stream.minute_rate(now_s=0) == 1


@pytest.mark.parametrize(("at", "rate"), [(100.0, 3), (101.9, 3), (159.9, 3), (160.0, 1), (161.99, 1), (162.0, 0)])
def test_the_rate_is_of_this_second_and_the_59_before(stream, at, rate):
    for now_s in (100.0, 100.9, 102.5):
        stream.push(frame(), now_s=now_s)
    assert stream.minute_rate(now_s=at) == rate


def test_a_slot_begins_anew_after_a_minute(stream):
    for now_s in (100, 100, 160):
        stream.push(frame(), now_s=now_s)
    assert stream.minute_rate(now_s=160) == 1


def test_channels_are_apart():
    streams = ManagedStreams()
    for channel in (CPU, "stream/telegraf/mem", "stream/other/cpu"):
        assert streams.full(channel) is None
        published = streams.push(channel, frame(), now_s=0)
        assert keys(published) == ["schema", "data"]
        assert streams.full(channel) == published
    assert keys(streams.push(CPU, frame(), now_s=0)) == ["data"]


def test_the_list_is_sorted_and_has_schemas_alone():
    streams = ManagedStreams()
    assert json.loads(streams.listing(now_s=0)) == {"channels": []}
    for channel in ("stream/b/x", "stream/a/y z", "stream/B/x", "stream/b/x"):
        streams.push(channel, frame(name=channel), now_s=10)
    entries = json.loads(streams.listing(now_s=10))["channels"]
    assert [(entry["channel"], entry["minute_rate"]) for entry in entries] == [
        ("stream/B/x", 1),
        ("stream/a/y z", 1),
        ("stream/b/x", 2),
    ]
    for entry in entries:
        assert list(entry) == ["channel", "minute_rate", "data"]
        assert list(entry["data"]) == ["schema"]
        assert entry["data"]["schema"]["name"] == entry["channel"]
    assert {entry["minute_rate"] for entry in json.loads(streams.listing(now_s=70))["channels"]} == {0}


def test_a_refused_first_frame_leaves_no_channel():
    streams = ManagedStreams()
    with pytest.raises(FrameError):
        streams.push(CPU, frame(FIELD, replace(FIELD, values=[])), now_s=0)
    assert json.loads(streams.listing(now_s=0)) == {"channels": []}
