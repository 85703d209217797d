"""Laws of a client's window, against models that keep every row."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.frame_json import encode, encode_data
from liveproto.frames.stream_buffer import StreamBuffer, StreamOptions

MS = 1_000_000

times = st.integers(0, 30)
values = st.floats(-9, 9)
plain_rows = st.lists(st.tuples(times, values), max_size=6)
label_rows = st.lists(
    st.tuples(times, st.none() | values, st.sampled_from(["", "h=a", "h=b", "h=b, i=c", "h=b,i=c"])), max_size=6
)
lengths = st.integers(1, 20)


def frame_of(rows):
    """Rows of time and value, and of a label text where there is one."""
    axis = Field("time", FieldType.TIME, [row[0] * MS for row in rows])
    value = Field("v", FieldType.FLOAT64, [row[1] for row in rows], nullable=True)
    return DataFrame("m", (axis, value))


def labelled(rows):
    axis, value = frame_of(rows).fields
    return DataFrame("m", (Field("labels", FieldType.STRING, [row[2] for row in rows]), axis, value))


def push_all(buffer, frames, now=0.0):
    """As a managed stream sends them: the schema with the first."""
    for number, frame in enumerate(frames):
        buffer.push(b'{"data":%b}' % encode_data(frame) if number else encode(frame), now=now)
    return buffer


def rows(frame):
    return list(
        zip(*[[v // MS for v in f.values] if f.type is FieldType.TIME else f.values for f in frame.fields], strict=True)
    )


def points(frame):
    """What a panel draws: each series' points."""
    axis, *columns = frame.fields or (None,)
    return {
        tuple((field.labels or {}).items()): [
            (time_ns // MS, cell) for time_ns, cell in zip(axis.values, field.values, strict=True) if cell is not None
        ]
        for field in columns
    }


def drawn(frame):
    return {labels: line for labels, line in points(frame).items() if line}


@given(messages=st.lists(plain_rows, min_size=1, max_size=6), max_length=lengths)
def test_a_plain_window_is_the_end_of_all_rows(messages, max_length):
    buffer = push_all(StreamBuffer(StreamOptions(max_length=max_length)), map(frame_of, messages))
    assert rows(buffer.frame) == [row for message in messages for row in message][-max_length:]


@given(messages=st.lists(plain_rows, min_size=1, max_size=6))
def test_a_replaced_window_is_the_last_message_with_rows(messages):
    buffer = push_all(StreamBuffer(StreamOptions(action="replace")), map(frame_of, messages))
    assert rows(buffer.frame) == next((message for message in messages[::-1] if message), [])


@given(messages=st.lists(plain_rows.map(sorted), min_size=1, max_size=6), age=st.integers(0, 20))
def test_no_row_in_order_is_older_than_the_age(messages, age):
    every = sorted(row for message in messages for row in message)
    cuts = [every[at : at + 3] for at in range(0, len(every), 3)] or [[]]
    buffer = push_all(StreamBuffer(StreamOptions(max_age_s=age / 1000)), map(frame_of, cuts))
    assert rows(buffer.frame) == [row for row in every if row[0] >= every[-1][0] - age]


@given(messages=st.lists(label_rows, min_size=1, max_size=6))
def test_series_are_their_last_points_in_order(messages):
    buffer = push_all(StreamBuffer(), map(labelled, messages))
    expected = {}
    for time, value, text in (row for message in messages for row in message):
        if value is not None:
            expected.setdefault(text, {})[time] = value
    assert sorted(drawn(buffer.frame).values()) == sorted(sorted(line.items()) for line in expected.values())


@given(
    table=st.lists(label_rows, max_size=6).map(lambda messages: [row for rows in messages for row in rows]),
    max_length=lengths,
)
def test_a_window_of_series_is_the_end_of_a_longer_one(table, max_length):
    whole = push_all(StreamBuffer(), [labelled(table)])
    end = push_all(StreamBuffer(StreamOptions(max_length=max_length)), [labelled(table)])
    kept = {row[0] for row in rows(whole.frame)[-max_length:]}
    lines = ([point for point in line if point[0] in kept] for line in points(whole.frame).values())
    assert [row[0] for row in rows(end.frame)] == sorted(kept)
    assert sorted(drawn(end.frame).values()) == sorted(filter(None, lines))


distinct = st.lists(times, unique=True, max_size=20).map(sorted)


@given(all_times=distinct, data=st.data(), max_length=lengths, split=st.booleans())
def test_past_and_live_rows_meet_whenever_the_past_comes(all_times, data, max_length, split):
    """History up to one time, live rows from another, in pieces; the history before, between or after them."""
    make, texts = (labelled, ("h=a", "h=b")) if split else (frame_of, ("",))
    every = [(time, float(time), text) for time in all_times for text in texts]
    until, since = data.draw(st.integers(0, len(every))), data.draw(st.integers(0, len(every)))
    past, live = every[:until], every[min(since, until) :]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(live)), max_size=3)))
    pieces = [live[start:end] for start, end in zip([0, *cuts], [*cuts, len(live)], strict=True)]
    when = data.draw(st.integers(0, len(pieces)))
    buffer = StreamBuffer(StreamOptions(max_length=max_length))
    for number, piece in enumerate([*pieces, []]):
        if number == when:
            buffer.seed(make(past), now=0.0)
        buffer.push(encode(make(piece)), now=0.0)
    kept = all_times[-max_length:]
    assert {tuple(pair[0] for pair in line) for line in drawn(buffer.frame).values()} == (
        {tuple(kept)} if kept else set()
    )
    assert [row[0] for row in rows(buffer.frame)] == kept


@given(past=plain_rows, messages=st.lists(plain_rows, max_size=4), replaces=st.booleans())
def test_whatever_the_past_is_no_message_behind_it_is_reordered(past, messages, replaces):
    buffer = StreamBuffer(StreamOptions(action="replace" if replaces else "append"))
    buffer.seed(frame_of(past), now=0.0)
    push_all(buffer, map(frame_of, messages))
    live = [row for message in messages for row in message]
    if replaces and live:
        live, since = next(message for message in messages[::-1] if message), -1
    else:
        since = max((row[0] for row in past), default=-1)
    kept = rows(buffer.frame)
    assert [row for row in kept if row[0] > since] == [row for row in live if row[0] > since]
    early = [row[0] for row in kept if row[0] <= since]
    assert early == sorted({row[0] for row in [*past, *live] if row[0] <= since})


@given(messages=st.lists(label_rows | plain_rows, max_size=5))
def test_in_a_stream_of_labels_times_are_in_order_and_once(messages):
    buffer, has_labels = StreamBuffer(), False
    for message in messages:
        has_labels = bool(message) and len(message[0]) == 3
        buffer.push(encode(labelled(message) if has_labels else frame_of(message)), now=0.0)
    found = [row[0] for row in rows(buffer.frame)]
    assert not has_labels or found == sorted(set(found))


steps = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["push", "push", "push", "paint", "pause", "resume"])), max_size=40
)


@given(steps=steps, interval=st.integers(1, 10))
def test_pictures_keep_their_distance_and_show_everything(steps, interval):
    buffer = StreamBuffer(StreamOptions(repaint_interval_s=interval))
    now, pushed, paused, pictures = 0, 0, False, []
    for wait, act in [*steps, (interval, "resume"), (0, "paint")]:
        now += wait
        if act == "push":
            buffer.push(encode(frame_of([(pushed, 0.0)])), now=now)
            pushed += 1
        elif pushed and act in {"pause", "resume"} and paused == (act == "resume"):
            paused = not paused
            buffer.pause() if paused else buffer.resume()
        elif act == "paint":
            due = buffer.next_repaint()
            picture = buffer.repaint(now=now)
            assert (picture is not None) == (due is not None and due <= now)
            assert picture is None or not paused
            pictures += [(now, picture.rows)] if picture else []
    assert all(later - earlier >= interval for (earlier, _), (later, _) in pairwise(pictures))
    assert [seen for _, seen in pictures] == sorted({seen for _, seen in pictures})
    assert (pictures[-1][1] if pictures else 0) == pushed


@given(messages=st.lists(label_rows | plain_rows, max_size=5))
def test_a_message_in_one_piece_or_by_its_schema_first_is_the_same(messages):
    whole, halves = StreamBuffer(), StreamBuffer()
    for message in messages:
        frame = labelled(message) if message and len(message[0]) == 3 else frame_of(message)
        whole.push(encode(frame), now=0.0)
        halves.push(
            encode(DataFrame(frame.name, tuple(Field(f.name, f.type, [], f.nullable) for f in frame.fields))), now=0.0
        )
        halves.push(b'{"data":%b}' % encode_data(frame), now=0.0)
    assert rows(whole.frame) == rows(halves.frame)
