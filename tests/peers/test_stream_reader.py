"""A client's window beside Grafana's own, ``StreamingDataFrame``: the same, but for the differences SPEC.md names."""

import json
import math
import random

import pytest
from test_grafana_data import reader  # noqa: F401 - a fixture

from liveproto.errors import FrameError
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.frame_json import encode, encode_data
from liveproto.frames.stream_buffer import StreamBuffer, StreamOptions

MS = 1_000_000
RUNS = 300
LABELS = ["", "host=a", "host=b, core=0", '{job="x", host="c"}']


def field_of(rng, name, rows):
    """A column of a type that a window of Grafana shows as it is."""
    kind, make = rng.choice(
        [
            (FieldType.FLOAT64, lambda: rng.choice([None, rng.uniform(-9, 9), math.inf, -math.inf])),
            (FieldType.STRING, lambda: rng.choice([None, "a", "é"])),
            (FieldType.BOOL, lambda: rng.choice([None, True, False])),
        ]
    )
    return Field(name, kind, [make() for _ in range(rows)], nullable=True)


def time_of(times_ms, name="time"):
    return Field(name, FieldType.TIME, [value * MS for value in times_ms])


def number(*values, name="v", **options):
    return Field(name, FieldType.FLOAT64, list(values), nullable=True, **options)


def texts(*values):
    return Field("labels", FieldType.STRING, list(values))


def plain_stream(rng):
    """Messages of rows in any order; now and then other columns, of which some were there before."""
    frames, names = [], rng.sample("abcd", 2)
    columns = {name: field_of(rng, name, 0).type for name in "abcd"}
    for _ in range(rng.randint(1, 6)):
        names = rng.sample("abcd", rng.randint(1, 4)) if rng.random() < 0.2 else names
        rows = rng.randint(0, 3)
        values = [next_of(rng, name, columns[name], rows) for name in names]
        frames.append(DataFrame("m", (time_of([rng.randint(0, 50) for _ in range(rows)]), *values)))
    return frames


def next_of(rng, name, kind, rows):
    while (field := field_of(rng, name, rows)).type is not kind:
        pass
    return field


def label_stream(rng):
    """Messages of rows by label, whose times never come again."""
    frames, start = [], 0
    names = rng.sample("abcd", rng.randint(1, 3))
    kinds = {name: field_of(rng, name, 0).type for name in names}
    for _ in range(rng.randint(1, 6)):
        cells = [(time, text) for time in range(start, start + 3) for text in LABELS if rng.random() < 0.4]
        rng.shuffle(cells)
        start += 3
        values = [next_of(rng, name, kinds[name], len(cells)) for name in names]
        frames.append(
            DataFrame("m", (texts(*(text for _, text in cells)), time_of([time for time, _ in cells]), *values))
        )
    return frames


def messages_of(frames):
    """As a managed stream sends them: a schema where it is another one."""
    sent, before = [], None
    for frame in frames:
        header = [(field.name, field.type) for field in frame.fields]
        sent.append(b'{"data":%b}' % encode_data(frame) if header == before else encode(frame))
        before = header
    return sent


def theirs(pipe, messages, **options):
    (answer,) = pipe.ask_all([{"op": "stream", "messages": [json.loads(m) for m in messages], "options": options}])
    if "error" in answer:
        return answer["error"]
    return [
        (f["name"], f.get("labels") or {}, [their_cell(value) for value in f["values"]]) for f in answer["ok"]["fields"]
    ]


def their_cell(value):
    if isinstance(value, dict):
        return None if "undefined" in value else float(value["number"])
    return value


def ours(messages, **options):
    buffer = StreamBuffer(StreamOptions(**options))
    for message in messages:
        buffer.push(message, now=0.0)
    fields = buffer.frame.fields
    return [
        (f.name, dict(f.labels or {}), [v // MS for v in f.values] if f.type is FieldType.TIME else list(f.values))
        for f in fields
    ]


def shown(columns):
    """Columns in one order: a label's place is its own."""
    return sorted(columns, key=lambda column: (column[0], sorted(column[1].items())))


def cells_of(columns):
    return [cell for _, _, column in columns for cell in column]


@pytest.mark.parametrize("make", [plain_stream, label_stream])
@pytest.mark.parametrize("length", [1000, 3])
def test_windows_are_the_same(reader, make, length):  # noqa: F811 - the fixture
    rng = random.Random(f"{make.__name__} {length}")
    streams = [messages for messages in (messages_of(make(rng)) for _ in range(RUNS)) if cells_of(ours(messages))]
    assert len(streams) > RUNS / 2
    for messages in streams:
        mine, found = ours(messages, max_length=length), theirs(reader, messages, maxLength=length)
        assert shown(found) == shown(mine), messages


def test_the_same_rows_are_too_old_where_the_limit_is_a_row(reader):  # noqa: F811 - the fixture
    messages = messages_of([frame_of((start, start + 10), number(1.0, 2.0)) for start in range(0, 200, 20)])
    for age in range(0, 200, 10):
        mine = ours(messages, max_age_s=age / 1000)
        assert theirs(reader, messages, maxDelta=age or 1e-9) == mine
        assert len(mine[0][2]) == age // 10 + 1


def frame_of(times_ms, *values):
    return DataFrame("m", (time_of(times_ms), *values))


def labelled(rows, *more):
    columns = texts(*(row[0] for row in rows)), time_of([row[1] for row in rows]), number(*(row[2] for row in rows))
    return DataFrame("m", (*columns, *more))


A, B = {"host": "a"}, {"host": "b"}
DIFFERENCES = {
    "the rows of a first message are limited too": (
        [frame_of((1, 2, 3), number(1.0, 2.0, 3.0))], {"max_length": 2}, {"maxLength": 2},
        [("time", {}, [2, 3]), ("v", {}, [2.0, 3.0])],
        [("time", {}, [1, 2, 3]), ("v", {}, [1.0, 2.0, 3.0])],
    ),
    "no row older than the age stays; there the nearest one does": (
        [frame_of((0, 11), number(1.0, 2.0)), frame_of((20,), number(3.0))], {"max_age_s": 0.019}, {"maxDelta": 19},
        [("time", {}, [11, 20]), ("v", {}, [2.0, 3.0])],
        [("time", {}, [0, 11, 20]), ("v", {}, [1.0, 2.0, 3.0])],
    ),
    "a time stands once in a stream of labels": (
        [labelled([("host=a", 1, 1.0)]), labelled([("host=b", 1, 2.0)])], {}, {},
        [("time", {}, [1]), ("v", A, [1.0]), ("v", B, [2.0])],
        [("time", {}, [1, 1]), ("v", A, [1.0, None]), ("v", B, [None, 2.0])],
    ),
    "an equals sign in a value stays": (
        [labelled([("host=a=b", 1, 1.0)])], {}, {},
        [("time", {}, [1]), ("v", {"host": "a=b"}, [1.0])],
        [("time", {}, [1]), ("v", {"host": "a"}, [1.0])],
    ),
    "a stream of labels without rows has no columns of values": (
        [labelled([])], {}, {}, [("time", {}, [])], [("time", {}, []), ("v", {}, [])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_difference_is_as_the_specification_says(reader, difference):  # noqa: F811 - the fixture
    frames, options, their_options, mine, found = DIFFERENCES[difference]
    messages = messages_of(frames)
    assert (ours(messages, **options), theirs(reader, messages, **their_options)) == (mine, found)


def test_the_same_schema_again_keeps_the_labels(reader):  # noqa: F811 - the fixture
    messages = [encode(labelled([("host=a", time, 1.0), ("host=b", time, 2.0)])) for time in (1, 2)]
    assert [labels for _, labels, _ in ours(messages)] == [{}, A, B]
    assert [labels for _, labels, _ in theirs(reader, messages)] == [{}, {}, {}]


def test_a_new_column_in_a_stream_of_labels_keeps_the_rows(reader):  # noqa: F811 - the fixture
    two = [("host=a", 1, 1.0), ("host=b", 1, 2.0)]
    messages = messages_of([labelled(two), labelled(two, number(3.0, 4.0, name="w"))])
    assert shown(ours(messages)) == shown(
        [("time", {}, [1]), ("v", A, [1.0]), ("w", A, [3.0]), ("v", B, [2.0]), ("w", B, [4.0])]
    )
    assert theirs(reader, messages) == "push message mismatch.  Expected: 3, received: 5 (labels=true)"


def test_data_without_a_schema_is_guessed_there(reader):  # noqa: F811 - the fixture
    messages = [b'{"data":{"values":[[1700000000000],[1.5]]}}']
    assert theirs(reader, messages) == [("Time", {}, [1700000000000]), ("Field 1", {}, [1.5])]
    with pytest.raises(FrameError, match="push message mismatch"):
        ours(messages)


def test_another_number_of_columns_is_a_mismatch_in_both(reader):  # noqa: F811 - the fixture
    messages = [encode(frame_of((1,), number(1.0))), b'{"data":{"values":[[2]]}}']
    assert theirs(reader, messages).startswith("push message mismatch.  Expected: 2, received: 1")
    with pytest.raises(FrameError, match="push message mismatch: expected 2 columns, got 1"):
        ours(messages)
