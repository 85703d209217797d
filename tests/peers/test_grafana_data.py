"""What Grafana's own frontend reads of what liveproto writes: frames, and the publications of managed streams."""

import json

import pytest
from bodies import bodies
from piped import Pipe
from random_frames import random_frames

from liveproto.channel import parse_channel
from liveproto.errors import InvalidChannelError, LineProtocolError
from liveproto.frames import frame_json
from liveproto.frames.converter import Converter
from liveproto.frames.frame import FieldType
from liveproto.grafana.managed_stream import ManagedStream

NOW_NS = 1_700_000_000_000_000_003
FORMATS = ("labels_column", "wide")
NAMED = {
    text: {"number": name}
    for text, name in {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0"}.items()
}
"""Numbers that JSON would lose, as the reader shows them."""
UNDEFINED = {"undefined": True}


@pytest.fixture(scope="module")
def reader(grafana_data_command):
    """``@grafana/data``, answering for the whole module; all its numbers are floats."""
    with Pipe(grafana_data_command, parse_int=float) as pipe:
        yield pipe


def messages_of(frames):
    return [json.loads(frame_json.encode(frame)) for frame in frames]


def converted(seed, frame_format, count):
    """Frames of the first bodies that can be read."""
    converter = Converter(frame_format)
    frames = []
    for body in bodies(seed):
        try:
            frames += converter.convert(body, now_ns=NOW_NS)
        except LineProtocolError:
            continue
        if len(frames) >= count:
            return frames
    raise AssertionError("bodies never end")


def js_value(kind, value):
    """A cell as the frontend has it: a number is a double, a time milliseconds."""
    if value is None:
        return None
    if kind is FieldType.TIME:
        return float(value // 1_000_000)
    if kind is FieldType.JSON:
        return json.loads(bytes(value))
    if kind is FieldType.FLOAT32:
        value = float(f"{value:.6g}")  # all its digits; the frontend has what is written
    if isinstance(value, bool | str):
        return value
    return NAMED.get(str(float(value)), float(value))


def js_columns(frame):
    return [
        (field.name, field.type.kind, dict(field.labels) if field.labels is not None else None,
         [js_value(field.type, value) for value in field.values])
        for field in frame.fields
    ]  # fmt: skip


def read_columns(answer):
    assert "ok" in answer, answer
    return [
        (field.get("name", ""), field["type"], field.get("labels"), field["values"]) for field in answer["ok"]["fields"]
    ]


def read_frames(reader, frames):
    return reader.ask_all([{"op": "frame", "message": message} for message in messages_of(frames)])


@pytest.mark.parametrize("frame_format", FORMATS)
def test_converted_frames_are_read_with_the_same_columns(reader, frame_format):
    frames = converted(3, frame_format, 1500)
    for frame, answer in zip(frames, read_frames(reader, frames), strict=True):
        assert read_columns(answer) == js_columns(frame)
        assert answer["ok"]["name"] == frame.name


def test_frames_of_every_type_are_read_with_the_same_columns(reader):
    frames = random_frames(4, 1000)
    assert {field.type for frame in frames for field in frame.fields} == set(FieldType)
    for frame, answer in zip(frames, read_frames(reader, frames), strict=True):
        assert read_columns(answer) == js_columns(frame)
        assert answer["ok"].get("refId", "") == frame.ref_id


def test_the_rest_of_a_millisecond_is_read_beside_the_time(reader):
    frames = [frame for frame in random_frames(5, 1000) if any(rests(field) for field in frame.fields)]
    assert len(frames) > 50
    for frame, answer in zip(frames, read_frames(reader, frames), strict=True):
        assert [field.get("nanos") for field in answer["ok"]["fields"]] == [rests(field) for field in frame.fields]


def rests(field):
    if field.type is not FieldType.TIME:
        return None
    found = [0 if value is None else value % 1_000_000 for value in field.values]
    return found if any(found) else None


def grouped(frames):
    """The frames of one channel after another, as a server pushes them."""
    by_name = {}
    for frame in frames:
        by_name.setdefault(frame.name, []).append(frame)
    return by_name


def one_schema(frames):
    """The frames that have the schema of the first: the frontend loses its place when that of labelled rows changes."""
    schema = frame_json.encode_schema(frames[0])
    return [frame for frame in frames if frame_json.encode_schema(frame) == schema]


def published(frames):
    stream = ManagedStream()
    return [json.loads(stream.push(frame, now_s=0.0)) for frame in frames]


def window_of(reader, messages, **options):
    (answer,) = reader.ask_all([{"op": "stream", "messages": messages, "options": options}])
    assert "ok" in answer, answer
    return answer["ok"]


def sequences(seed, frame_format):
    """Frames pushed to one channel each, some of them several times."""
    channels = [frames * 2 for frames in grouped(converted(seed, frame_format, 600)).values()]
    return channels if frame_format == "wide" else list(map(one_schema, channels))


@pytest.mark.parametrize("frame_format", FORMATS)
def test_every_message_of_a_managed_stream_is_read(reader, frame_format):
    found = [(frames, published(frames)) for frames in sequences(6, frame_format)]
    assert sum("schema" not in message for _, messages in found for message in messages) > 20
    for frames, messages in found:
        packets = window_of(reader, messages)["packets"]
        assert [packet["length"] > 0 for packet in packets] == [True] * len(frames)


def test_a_late_subscriber_reads_the_wide_columns_of_one_from_the_beginning(reader):
    for frames in sequences(7, "wide"):
        stream = ManagedStream()
        messages = [json.loads(stream.push(frame, now_s=0.0)) for frame in frames]
        early = window_of(reader, messages, action="replace")
        late = window_of(reader, [json.loads(stream.full)], action="replace")
        assert read_columns({"ok": early}) == read_columns({"ok": late}) == js_columns(frames[-1])


def test_labelled_rows_are_read_into_a_column_for_each_label_text(reader):
    """Rows with one label text and one time are left out: what becomes of them is up to the frontend's join."""
    frames = [frame for frame in converted(8, "labels_column", 600) if has_distinct_rows(frame)]
    assert len(frames) > 300
    for frame in frames:
        assert cells(window_of(reader, published([frame]))) == cells_of(frame)


def test_the_frontend_refuses_labelled_rows_whose_schema_changes(reader):
    """A fact of @grafana/data 13.2.3: known labels are not given the new fields."""
    bodies = [b"m,t=a v=1 1\nm,t=b v=2 1\n", b"m,t=a w=1 2\nm,t=b w=2 2\n"]
    frames = [frame for body in bodies for frame in Converter().convert(body, now_ns=NOW_NS)]
    answer = reader.ask({"op": "stream", "messages": published(frames)})
    assert answer["error"].startswith("push message mismatch.")


def has_distinct_rows(frame):
    labels, times, *_ = frame.fields
    rows = list(zip(labels.values, (time_ns // 1_000_000 for time_ns in times.values), strict=True))
    return len(set(rows)) == len(rows)


def cells(window):
    """The cells of a labels_column window that hold something: time, label text by its place, name, value."""
    time, *columns = window["fields"]
    width = len(columns) // len(window["labels"])
    return sorted(
        repr((at, window["labels"][index // width], column["name"], value))
        for index, column in enumerate(columns)
        for at, value in zip(time["values"], column["values"], strict=True)
        if value is not None and value != UNDEFINED
    )


def cells_of(frame):
    labels, times, *columns = frame.fields
    return sorted(
        repr((float(time_ns // 1_000_000), label, column.name, js_value(column.type, value)))
        for column in columns
        for label, time_ns, value in zip(labels.values, times.values, column.values, strict=True)
        if value is not None
    )


def test_data_before_any_schema_is_refused_for_its_columns(reader):
    (answer,) = reader.ask_all([{
        "op": "stream",
        "messages": [{"schema": {"fields": [{"name": "a", "type": "number"}]}}, {"data": {"values": [[1], [2]]}}],
    }])  # fmt: skip
    assert answer["error"].startswith("push message mismatch.")


ADDRESSES = [
    "stream/a/b",
    "stream/a/b/c=d",
    "grafana/dashboard/uid/x",
    "ds/u/p.q",
    "a/b",
    "a",
    "",
    "/a/b",
    "a//b",
    "a/b/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_frontend_takes_a_valid_address_apart_as_we_do(reader, address):
    """The frontend checks less: not the characters, not the length; so only what we accept must be the same."""
    answer = reader.ask({"op": "addr", "id": address})["ok"]
    try:
        channel = parse_channel(address)
    except InvalidChannelError:
        assert not answer["valid"]
    else:
        assert answer["valid"]
        assert answer["id"] == str(channel)
        assert answer["address"] == {"scope": channel.scope, "stream": channel.namespace, "path": channel.path}
