"""The client's window of a stream; what @grafana/data 13.2.3 does with the same messages stands in tests/peers."""

import json

import pytest

from liveproto.errors import FrameError, LimitExceededError, LocalProtocolError
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.frame_json import encode, encode_data
from liveproto.frames.stream_buffer import StreamBuffer, StreamOptions, StreamState

MS = 1_000_000


def time_of(*values_ms, name="time"):
    return Field(name, FieldType.TIME, [value * MS for value in values_ms])


def number(*values, name="v", **options):
    return Field(name, FieldType.FLOAT64, list(values), nullable=True, **options)


def texts(*values, name="labels"):
    return Field(name, FieldType.STRING, list(values))


def plain(*pairs, **options):
    return DataFrame(
        "cpu", (time_of(*(pair[0] for pair in pairs)), number(*(float(pair[1]) for pair in pairs))), **options
    )


def labelled(*rows):
    """A frame of (label text, milliseconds, value)."""
    return DataFrame(
        "cpu", (texts(*(r[0] for r in rows)), time_of(*(r[1] for r in rows)), number(*(r[2] for r in rows)))
    )


def data_of(frame):
    return b'{"data":%b}' % encode_data(frame)


def buffer_of(*frames, **options):
    """A buffer that was pushed the frames, whole, at time 0."""
    buffer = StreamBuffer(StreamOptions(**options))
    for frame in frames:
        buffer.push(encode(frame), now=0.0)
    return buffer


def rows(buffer):
    """The window's rows, times in milliseconds."""
    fields = buffer.frame.fields
    axis = next((index for index, field in enumerate(fields) if field.type is FieldType.TIME), None)
    table = [[v // MS for v in f.values] if i == axis else f.values for i, f in enumerate(fields)]
    return list(zip(*table, strict=True))


def series(buffer):
    """Each column of values by its labels and name, as pairs without nulls."""
    axis, *values = buffer.frame.fields
    return {
        (json.dumps(dict(field.labels or {})), field.name): [
            (time_ns // MS, cell) for time_ns, cell in zip(axis.values, field.values, strict=True) if cell is not None
        ]
        for field in values
    }


def same_after_refusal(buffer, call, error):
    before = buffer.frame, buffer.state, buffer.next_repaint()
    with pytest.raises(error) as caught:
        call()
    assert (buffer.frame, buffer.state, buffer.next_repaint()) == before
    return str(caught.value)


def test_rows_come_behind_the_others():
    buffer = buffer_of(plain((1, 10), (2, 20)))
    buffer.push(data_of(plain((3, 30), (2, 25))), now=0.0)
    assert rows(buffer) == [(1, 10), (2, 20), (3, 30), (2, 25)]
    assert buffer.frame.name == "cpu"


def test_or_in_their_place():
    buffer = buffer_of(plain((1, 10), (2, 20)), action="replace", max_length=2)
    buffer.push(data_of(plain((3, 30), (4, 40), (5, 50))), now=0.0)
    assert rows(buffer) == [(4, 40), (5, 50)]


def test_a_message_without_rows_replaces_nothing():
    buffer = buffer_of(plain((1, 10)), action="replace")
    buffer.repaint(now=0.0)
    buffer.push(data_of(plain()), now=1.0)
    assert rows(buffer) == [(1, 10)]
    assert buffer.next_repaint() is None


def test_what_is_older_is_cut():
    assert rows(buffer_of(plain(*((n, n) for n in range(10))), max_length=3)) == [(7, 7), (8, 8), (9, 9)]
    assert rows(buffer_of(plain((1, 1), (5, 5), (8, 8), (11, 11)), max_age_s=0.006)) == [(5, 5), (8, 8), (11, 11)]


def test_data_before_a_schema_is_a_mismatch():
    buffer = StreamBuffer()
    said = same_after_refusal(buffer, lambda: buffer.push(data_of(plain((1, 1))), now=0.0), FrameError)
    assert said == "push message mismatch: expected a schema before data (GL-FRAME-019)"


def test_data_before_a_schema_is_a_mismatch_also_behind_a_history():
    buffer = StreamBuffer()
    buffer.seed(plain((1, 1)), now=0.0)
    assert "push message mismatch" in same_after_refusal(
        buffer, lambda: buffer.push(data_of(plain((2, 2))), now=0.0), FrameError
    )


def test_another_number_of_columns_is_a_mismatch():
    buffer = buffer_of(plain((1, 1)))
    message = b'{"data":{"values":[[2]]}}'
    said = same_after_refusal(buffer, lambda: buffer.push(message, now=0.0), FrameError)
    assert said == "push message mismatch: expected 2 columns, got 1 (GL-FRAME-022)"


def test_a_row_without_a_time_is_refused():
    buffer = buffer_of(DataFrame(fields=(Field("t", FieldType.TIME, [], nullable=True),)))
    said = same_after_refusal(buffer, lambda: buffer.push(b'{"data":{"values":[[null]]}}', now=0.0), FrameError)
    assert said == "expected a time in every row, got null (GL-STREAM-016)"


def test_rows_need_no_time_column():
    buffer = buffer_of(DataFrame(fields=(number(1.0),)), DataFrame(fields=(number(2.0),)), max_age_s=1)
    assert rows(buffer) == [(1.0,), (2.0,)]


def test_a_new_schema_keeps_columns_of_the_same_name_type_and_labels():
    buffer = buffer_of(plain((1, 10)))
    wider = (time_of(2, name="Time"), number(5.0, name="w"), number(20.0, config={"unit": "s"}))
    buffer.push(encode(DataFrame("mem", wider)), now=0.0)
    assert rows(buffer) == [(1, None, 10), (2, 5.0, 20.0)]
    assert [field.name for field in buffer.frame.fields] == ["Time", "w", "v"]
    assert (buffer.frame.name, buffer.frame.fields[2].config) == ("mem", {"unit": "s"})


def test_a_schema_that_brings_the_first_time_leaves_no_row_without_one():
    buffer = buffer_of(DataFrame(fields=(number(1.0),)), max_age_s=1)
    buffer.push(encode(plain((1, 2))), now=0.0)
    buffer.seed(plain((0, 0)), now=0.0)
    assert rows(buffer) == [(0, 0), (1, 2)]
    buffer = buffer_of(DataFrame(fields=(number(1.0),)))
    buffer.push(encode(labelled(("h=a", 1, 1.0))), now=0.0)
    assert rows(buffer) == [(1, None, 1.0)]


def test_a_plain_stream_that_gets_labels_is_joined_by_time():
    buffer = buffer_of(plain((3, 30), (1, 10), (3, 31)))
    buffer.push(encode(labelled(("h=a", 2, 2.0))), now=0.0)
    assert series(buffer) == {("{}", "v"): [(1, 10), (3, 31)], ('{"h": "a"}', "v"): [(2, 2.0)]}
    assert [row[0] for row in rows(buffer)] == [1, 2, 3]


def test_a_window_holds_no_cells_but_its_rows():
    buffer = buffer_of(plain(*((n, n) for n in range(10))), max_length=1)
    assert [len(field.values) for field in buffer._head.fields] == [0, 0]


def test_a_labels_column_is_taken_apart_and_joined_by_time():
    buffer = buffer_of(labelled(("h=a", 2, 1.0), ("h=b", 1, 2.0), ("h=b", 2, 3.0)))
    assert rows(buffer) == [(1, None, 2.0), (2, 1.0, 3.0)]
    assert [(field.name, field.labels) for field in buffer.frame.fields] == [
        ("time", None),
        ("v", {"h": "a"}),
        ("v", {"h": "b"}),
    ]


@pytest.mark.parametrize(
    ("fields", "split"),
    [
        ((texts("a"), time_of(1), number(1.0)), True),
        ((texts("a", name="Labels"), time_of(1)), True),
        ((texts("a", name="label"), time_of(1), number(1.0)), False),
        ((time_of(1), texts("a"), number(1.0)), False),
        ((texts("a"), number(1.0), time_of(1)), False),
        ((texts("a"),), False),
    ],
)
def test_only_labels_before_a_time_are_taken_apart(fields, split):
    frame = buffer_of(DataFrame(fields=fields)).frame
    assert len(frame.fields) == len(fields) - split
    assert (frame.fields[0].type is FieldType.TIME and fields[0].type is FieldType.STRING) == split


def test_a_time_stands_once_in_a_stream_of_labels():
    buffer = buffer_of(labelled(("h=a", 1, 1.0), ("h=a", 3, 3.0)))
    buffer.push(data_of(labelled(("h=b", 2, 20.0), ("h=b", 3, 30.0), ("h=a", 3, 3.5))), now=0.0)
    assert rows(buffer) == [(1, 1.0, None), (2, None, 20.0), (3, 3.5, 30.0)]


def test_the_last_of_equal_rows_counts():
    assert rows(buffer_of(labelled(("h=a", 1, 1.0), ("h=a", 1, 2.0)))) == [(1, 2.0)]


def test_a_null_takes_nothing_away():
    buffer = buffer_of(labelled(("h=a", 1, 1.0)), labelled(("h=a", 1, None)))
    assert rows(buffer) == [(1, 1.0)]


def test_nor_does_one_of_the_same_message():
    lines = (texts("h=a", "h=a"), time_of(1, 1), number(0.5, None, name="load"), number(None, 77.0, name="uptime"))
    assert rows(buffer_of(DataFrame("system", lines))) == [(1, 0.5, 77.0)]


def test_rows_that_will_be_cut_are_not_taken_apart():
    every = [(f"h={n}", n, float(n)) for n in range(10)]
    buffer = buffer_of(labelled(*every), max_length=2, max_series=2)
    assert series(buffer) == {('{"h": "8"}', "v"): [(8, 8.0)], ('{"h": "9"}', "v"): [(9, 9.0)]}


def test_a_row_without_labels_is_refused():
    buffer = buffer_of(DataFrame(fields=(Field("labels", FieldType.STRING, [], nullable=True), time_of(), number())))
    message = b'{"data":{"values":[[null],[1],[1]]}}'
    said = same_after_refusal(buffer, lambda: buffer.push(message, now=0.0), FrameError)
    assert said == "expected labels in every row, got null (GL-STREAM-021)"


def test_texts_that_are_read_as_the_same_labels_are_two_series():
    one, other, third = "alone", "alone=", "labels=alone="
    buffer = buffer_of(labelled((third, 1, 3.0), (one, 1, 1.0), (other, 1, 2.0)))
    buffer.push(data_of(labelled((other, 2, 2.5), (third, 2, 3.5), (one, 2, 1.5))), now=0.0)
    assert series(buffer) == {
        ('{"alone": ""}', "v"): [(1, 1.0), (2, 1.5)],
        ('{"labels": "labels=alone="}', "v"): [(1, 2.0), (2, 2.5)],
        ('{"labels": "alone="}', "v"): [(1, 3.0), (2, 3.5)],
    }


def test_a_new_schema_of_labels_keeps_the_series():
    buffer = buffer_of(labelled(("h=a", 1, 1.0), ("h=b", 1, 2.0)))
    fields = (texts("h=b", "h=c"), time_of(2, 2), number(7.0, 8.0, name="w"), number(3.0, 4.0))
    buffer.push(encode(DataFrame("cpu", fields)), now=0.0)
    assert series(buffer) == {
        ('{"h": "a"}', "v"): [(1, 1.0)],
        ('{"h": "b"}', "v"): [(1, 2.0), (2, 3.0)],
        ('{"h": "b"}', "w"): [(2, 7.0)],
        ('{"h": "c"}', "w"): [(2, 8.0)],
        ('{"h": "c"}', "v"): [(2, 4.0)],
    }


def test_a_schema_that_lacks_a_column_drops_it_from_every_series():
    buffer = buffer_of(labelled(("h=a", 1, 1.0)))
    buffer.push(encode(DataFrame("cpu", (texts("h=a"), time_of(2), number(5.0, name="w")))), now=0.0)
    assert series(buffer) == {('{"h": "a"}', "w"): [(2, 5.0)]}


def test_there_are_at_most_so_many_series():
    buffer = buffer_of(labelled(("h=a", 1, 1.0), ("h=b", 1, 2.0)), max_series=2)
    message = data_of(labelled(("h=c", 2, 3.0)))
    said = same_after_refusal(buffer, lambda: buffer.push(message, now=0.0), LimitExceededError)
    assert said == "max_series: got 3, expected at most 2"


def test_a_series_that_left_the_window_makes_room():
    buffer = buffer_of(labelled(("h=a", 1, 1.0), ("h=b", 2, 2.0)), max_series=2, max_length=1)
    buffer.push(data_of(labelled(("h=c", 3, 3.0))), now=0.0)
    assert series(buffer) == {('{"h": "c"}', "v"): [(3, 3.0)], ('{"h": "b"}', "v"): []}
    buffer.push(data_of(labelled(("h=b", 4, 4.0))), now=0.0)
    assert series(buffer) == {('{"h": "c"}', "v"): [], ('{"h": "b"}', "v"): [(4, 4.0)]}


def test_one_message_may_not_have_more_series_than_that():
    buffer = buffer_of(max_series=1)
    message = encode(labelled(("h=a", 1, 1.0), ("h=b", 1, 2.0)))
    assert "max_series: got 2" in same_after_refusal(buffer, lambda: buffer.push(message, now=0.0), LimitExceededError)


def test_series_that_are_replaced_make_room():
    buffer = buffer_of(labelled(("h=a", 1, 1.0), ("h=b", 1, 2.0)), action="replace", max_series=2)
    buffer.push(data_of(labelled(("h=c", 2, 3.0), ("h=b", 2, 4.0))), now=0.0)
    assert series(buffer) == {('{"h": "c"}', "v"): [(2, 3.0)], ('{"h": "b"}', "v"): [(2, 4.0)]}


HISTORY = [(1, 1), (2, 2), (3, 3)]
LIVE = [(3, 3), (4, 4)]
MEETING = [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_past_rows_before_live_ones():
    buffer = StreamBuffer()
    buffer.seed(plain(*HISTORY), now=0.0)
    buffer.push(encode(plain(*LIVE)), now=0.0)
    assert rows(buffer) == MEETING


def test_past_rows_behind_live_ones():
    buffer = buffer_of(plain(*LIVE))
    buffer.seed(plain(*HISTORY), now=0.0)
    assert rows(buffer) == MEETING


def test_the_cached_frame_again_after_a_reconnect():
    buffer = buffer_of(plain(*MEETING))
    buffer.seed(plain((4, 4), (5, 5), (6, 6)), now=0.0)
    buffer.seed(plain(*HISTORY), now=0.0)
    buffer.push(data_of(plain((6, 6), (5, 5), (7, 7))), now=0.0)
    assert rows(buffer) == [*MEETING, (5, 5), (6, 6), (7, 7)]


def test_a_late_row_finds_its_place_in_the_past():
    buffer = StreamBuffer()
    buffer.seed(plain((1, 1), (3, 3)), now=0.0)
    buffer.push(encode(plain((2, 2), (4, 4))), now=0.0)
    assert rows(buffer) == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_behind_the_seam_live_rows_are_taken_as_they_come():
    buffer = StreamBuffer()
    buffer.seed(plain((1, 1)), now=0.0)
    buffer.push(encode(plain((3, 3), (2, 2), (3, 4))), now=0.0)
    assert rows(buffer) == [(1, 1), (3, 3), (2, 2), (3, 4)]


def test_up_to_the_seam_a_time_is_taken_once_and_behind_it_the_order_stays():
    buffer = StreamBuffer()
    buffer.seed(plain((1, 1), (5, 5), (5, 6)), now=0.0)
    buffer.push(encode(plain((9, 9), (3, 3), (7, 7), (3, 4))), now=0.0)
    assert rows(buffer) == [(1, 1), (3, 3), (5, 5), (9, 9), (7, 7)]


def test_a_replacing_message_stays_as_it_is_whatever_was_known_of_the_past():
    buffer = StreamBuffer(StreamOptions(action="replace"))
    buffer.seed(plain((1, 1), (5, 5)), now=0.0)
    buffer.push(encode(plain((3, 3), (2, 2), (2, 1))), now=0.0)
    assert rows(buffer) == [(3, 3), (2, 2), (2, 1)]


def test_a_past_of_series_does_not_fit_a_plain_stream():
    buffer = buffer_of(plain((2, 2)))
    said = same_after_refusal(buffer, lambda: buffer.seed(labelled(("h=a", 1, 1.0)), now=0.0), FrameError)
    assert said == "expected a history without a labels column, as the stream has none (GL-STREAM-025)"


def test_a_past_that_brings_nothing_is_no_reason_to_paint():
    for history, action in ((plain(), "append"), (plain((0, 0)), "replace")):
        buffer = buffer_of(plain((1, 1)), action=action)
        buffer.repaint(now=0.0)
        buffer.seed(history, now=1.0)
        assert buffer.next_repaint() is None


def test_a_history_may_name_its_time_otherwise_and_have_other_columns():
    buffer = buffer_of(plain((3, 3)))
    buffer.seed(DataFrame("h", (number(9.0, name="more"), time_of(2, name="Time"), number(2.0))), now=0.0)
    assert rows(buffer) == [(2, 2), (3, 3)]
    assert [field.name for field in buffer.frame.fields] == ["time", "v"]
    assert buffer.frame.name == "cpu"


PAST = labelled(("h=a", 1, 1.0), ("h=b", 1, 2.0), ("h=a", 2, 3.0))
NOW = labelled(("h=b", 2, 4.0), ("h=a", 2, 3.0), ("h=c", 3, 5.0))
BOTH = {
    ('{"h": "a"}', "v"): [(1, 1.0), (2, 3.0)],
    ('{"h": "b"}', "v"): [(1, 2.0), (2, 4.0)],
    ('{"h": "c"}', "v"): [(3, 5.0)],
}


def test_series_meet_their_past_one_by_one():
    buffer = StreamBuffer()
    buffer.seed(PAST, now=0.0)
    buffer.push(encode(NOW), now=0.0)
    later = buffer_of(NOW)
    later.seed(PAST, now=0.0)
    assert series(buffer) == series(later) == BOTH


def test_a_history_may_have_a_column_for_each_series():
    wide = (time_of(1, 2, name="Time"), number(1.0, 3.0, labels={"h": "a"}), number(2.0, None, labels={"h": "b"}))
    wide = DataFrame(fields=(*wide, number(0.0, 0.0, name="other", labels={"h": "a"})))
    buffer = StreamBuffer()
    buffer.seed(wide, now=0.0)
    buffer.push(encode(NOW), now=0.0)
    later = buffer_of(NOW)
    later.seed(wide, now=0.0)
    assert series(buffer) == series(later) == BOTH


def test_what_is_live_is_not_replaced_by_the_past():
    buffer = buffer_of(labelled(("h=a", 1, 5.0)))
    buffer.seed(labelled(("h=a", 1, 4.0)), now=0.0)
    assert rows(buffer) == [(1, 5.0)]


def test_a_history_without_rows_moves_no_seam():
    buffer = buffer_of(plain((1, 1)))
    buffer.seed(plain(), now=0.0)
    buffer.push(data_of(plain((1, 2))), now=0.0)
    assert rows(buffer) == [(1, 1), (1, 2)]


def test_a_replaced_window_takes_a_history_only_while_it_is_empty():
    buffer = buffer_of(plain(), action="replace")
    buffer.seed(plain(*HISTORY), now=0.0)
    assert rows(buffer) == HISTORY
    buffer.push(data_of(plain(*LIVE)), now=0.0)
    buffer.seed(plain(*HISTORY), now=0.0)
    assert rows(buffer) == LIVE


def test_past_and_stream_need_a_time_column():
    timeless = DataFrame(fields=(number(1.0),))
    buffer = StreamBuffer()
    said = same_after_refusal(buffer, lambda: buffer.seed(timeless, now=0.0), FrameError)
    assert said == "expected a time column in the history (GL-STREAM-025)"
    buffer = buffer_of(timeless)
    said = same_after_refusal(buffer, lambda: buffer.seed(plain((1, 1)), now=0.0), FrameError)
    assert said == "expected a time column in the stream (GL-STREAM-025)"


def test_a_picture_is_due_at_once_and_then_once_an_interval():
    buffer = buffer_of(repaint_interval_s=1.0)
    painted = []
    for tenth in range(31):
        now = 100.0 + tenth / 10
        buffer.push(encode(plain((tenth, tenth))) if tenth == 0 else data_of(plain((tenth, tenth))), now=now)
        picture = buffer.repaint(now=now)
        if picture is not None:
            painted.append((tenth, picture.rows))
    assert painted == [(0, 1), (10, 11), (20, 21), (30, 31)]


def test_nothing_is_due_without_something_new():
    buffer = buffer_of(repaint_interval_s=1.0)
    assert buffer.next_repaint() is None
    assert buffer.repaint(now=9.0) is None
    buffer.push(encode(plain((1, 1))), now=10.0)
    assert buffer.next_repaint() == 10.0
    assert buffer.repaint(now=9.9) is None
    assert buffer.repaint(now=10.0).rows == 1
    assert buffer.next_repaint() is None
    buffer.push(data_of(plain((2, 2))), now=10.25)
    buffer.push(data_of(plain((3, 3))), now=10.5)
    assert buffer.next_repaint() == 11.0
    assert buffer.repaint(now=11.5).rows == 3


def test_after_a_rest_a_picture_is_due_at_once():
    buffer = buffer_of(plain((1, 1)))
    buffer.repaint(now=0.0)
    buffer.push(data_of(plain((2, 2))), now=50.0)
    assert buffer.next_repaint() == 50.0


def test_a_picture_is_the_callers():
    buffer = buffer_of(plain((1, 1)))
    picture = buffer.repaint(now=0.0)
    buffer.push(data_of(plain((2, 2))), now=0.0)
    assert picture.rows == 1


def test_a_life():
    buffer = StreamBuffer()
    assert buffer.state is StreamState.OPENING
    assert buffer.frame == DataFrame()
    buffer.push(encode(plain((1, 1))), now=0.0)
    assert buffer.state is StreamState.LIVE
    buffer.pause()
    assert buffer.state is StreamState.PAUSED
    buffer.push(data_of(plain((2, 2))), now=1.0)
    assert buffer.state is StreamState.PAUSED
    assert buffer.next_repaint() is None
    assert buffer.repaint(now=5.0) is None
    buffer.resume()
    assert buffer.repaint(now=5.0).rows == 2
    buffer.push(data_of(plain((3, 3))), now=6.0)
    buffer.end()
    buffer.end()
    assert buffer.state is StreamState.ENDED
    assert buffer.repaint(now=6.0).rows == 3
    assert buffer.next_repaint() is None


def test_a_history_opens_a_stream_too():
    buffer = StreamBuffer()
    buffer.seed(plain((1, 1)), now=3.0)
    assert (buffer.state, buffer.next_repaint()) == (StreamState.LIVE, 3.0)


@pytest.mark.parametrize(
    ("state", "call"),
    [
        ("opening", "pause"),
        ("opening", "resume"),
        ("live", "resume"),
        ("paused", "pause"),
        ("ended", "pause"),
        ("ended", "resume"),
        ("ended", "push"),
        ("ended", "seed"),
    ],
)
def test_what_a_state_does_not_allow_changes_nothing(state, call):
    buffer = buffer_of(*[plain((1, 1))] * (state != "opening"))
    {"opening": lambda: None, "live": lambda: None, "paused": buffer.pause, "ended": buffer.end}[state]()
    calls = {
        "pause": buffer.pause,
        "resume": buffer.resume,
        "push": lambda: buffer.push(encode(plain((2, 2))), now=0.0),
        "seed": lambda: buffer.seed(plain((0, 0)), now=0.0),
    }
    said = same_after_refusal(buffer, calls[call], LocalProtocolError)
    assert said.startswith(f"{call}: ")
    assert said.endswith("(GL-STREAM-028)")
