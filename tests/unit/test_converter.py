"""The converter: what it makes of a body, whichever way it goes."""

import sys
import time
import timeit
import tracemalloc
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from liveproto.errors import LimitExceededError, LineProtocolError
from liveproto.frames.converter import Converter, convert, convert_exactly
from liveproto.frames.taken import Exit

sys.path.insert(0, str(Path(__file__).parents[1]))
import telegraf

NOW_NS = 1_750_000_000_123_456_789
FORMATS = ("labels_column", "wide")


def outcome(function, body, frame_format):
    try:
        return repr(function(body, frame_format, now_ns=NOW_NS))
    except LineProtocolError as error:
        return str(error)


def columns(frame):
    return {field.name: field.values for field in frame.fields}


def test_a_body_becomes_a_table_of_each_measurement():
    body = b"cpu,host=a,core=0 usage=1.5,temp=40i 1600000000000000000\ncpu,host=b usage=2 1600000001000000000"
    (frame,) = convert(body, now_ns=NOW_NS)
    assert frame.name == "cpu"
    assert columns(frame) == {
        "labels": ["core=0, host=a", "host=b"],
        "time": [1600000000000000000, 1600000001000000000],
        "temp": [40.0, None],
        "usage": [1.5, 2.0],
    }


def test_or_a_frame_of_each_measurement_and_time():
    body = b"cpu,host=a,core=0 usage=1.5,temp=40i 1600000000000000000\ncpu,host=b usage=2 1600000001000000000"
    first, second = convert(body, "wide", now_ns=NOW_NS)
    assert [(field.name, field.values, field.labels) for field in first.fields] == [
        ("time", [1600000000000000000], None),
        ("temp", [40.0], {"core": "0", "host": "a"}),
        ("usage", [1.5], {"core": "0", "host": "a"}),
    ]
    assert [field.name for field in second.fields] == ["time", "usage"]


@pytest.mark.parametrize("frame_format", FORMATS)
@pytest.mark.parametrize("body", [b"", b"\n \r\n", b"# only\n#comments"])
def test_a_body_without_lines_has_no_frames(frame_format, body):
    assert convert(body, frame_format, now_ns=NOW_NS) == []


@pytest.mark.parametrize("frame_format", FORMATS)
def test_a_line_without_time_has_the_time_given(frame_format):
    (frame,) = convert(b"m v=1", frame_format, now_ns=NOW_NS)
    assert columns(frame)["time"] == [NOW_NS]


@pytest.mark.parametrize("frame_format", FORMATS)
def test_one_bad_line_refuses_the_body_and_says_where(frame_format):
    taken = Counter()
    with pytest.raises(LineProtocolError) as caught:
        Converter(frame_format).convert(b"m v=1 1\nm v=1,w=x 2\nm v=3 3", now_ns=NOW_NS, taken=taken)
    assert (caught.value.line, caught.value.column) == (2, 9)
    assert taken[Exit.EXACT] == 1


@pytest.mark.parametrize("frame_format", FORMATS)
def test_what_the_fast_route_does_not_cover_is_converted_all_the_same(frame_format):
    taken = Counter()
    converter = Converter(frame_format)
    (frame,) = converter.convert(b'm,t=\xff\tv="\x01" 1', now_ns=NOW_NS, taken=taken)
    assert frame.fields[-1].values == ["\x01"]
    assert taken[Exit.EXACT] == 1
    converter.convert(telegraf.body(300), now_ns=NOW_NS, taken=taken)
    assert taken[Exit.EXACT] == 1


@pytest.mark.parametrize("frame_format", FORMATS)
@pytest.mark.parametrize("body", [b' # k="x\nm s=" q="\n # "\n', b' # k="\nbroken" \nm v=1 1', b' #="\n m="'])
def test_quotes_of_an_indented_comment_are_not_those_of_strings(frame_format, body):
    assert outcome(convert, body, frame_format) == outcome(convert_exactly, body, frame_format)


@pytest.mark.parametrize("frame_format", FORMATS)
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("count", [1, 20, 200, 2500])
def test_telegraf_takes_the_fast_route_to_the_frames_of_the_exact_one(frame_format, shuffled, count):
    body = telegraf.body(count, shuffled=shuffled)
    converter = Converter(frame_format, series_limit=100)
    exact = convert_exactly(body, frame_format, now_ns=NOW_NS)
    for _ in range(2):
        taken = Counter()
        assert converter.convert(body, now_ns=NOW_NS, taken=taken) == exact
        assert taken[Exit.EXACT] == taken[Exit.ONE_BY_ONE] == 0


def test_no_body_changes_what_the_next_becomes():
    converter = Converter()
    first = converter.convert(b'm,a=b v="x" 1', now_ns=NOW_NS)
    converter.convert(b"m,a=b v=1,w=2 1\nn v=1", now_ns=NOW_NS)
    assert converter.convert(b'm,a=b v="x" 1', now_ns=NOW_NS) == first


def test_frames_far_larger_than_their_body_are_refused():
    body = b"".join([b"m k%d=1 1\n" % row for row in range(5000)])
    for refuse in (Converter().convert, convert_exactly):
        with pytest.raises(LimitExceededError, match="cells: got 25000000, expected at most 10000000"):
            refuse(body, now_ns=NOW_NS)
    assert len(Converter(cell_limit=25_000_000).convert(body[:1000], now_ns=NOW_NS)) == 1
    assert len(convert(body, "wide", now_ns=NOW_NS)[0].fields) == 5001


def test_labels_far_larger_than_their_body_are_refused():
    body = b"m," + b",".join([b"t%d=1" % key for key in range(100)]) + b" "
    body += b",".join([b"k%d=1" % key for key in range(1000)]) + b"\n"
    limited = Converter("wide", label_limit=688_000)
    assert limited.convert(body, now_ns=NOW_NS)
    with pytest.raises(LimitExceededError, match="label_characters: got 1376000, expected at most 688000"):
        limited.convert(body * 2, now_ns=NOW_NS)
    with pytest.raises(LimitExceededError, match="label_characters: got 137600000, expected at most 100000000"):
        convert_exactly(body * 200, "wide", now_ns=NOW_NS)


HOSTILE = {
    "quotes": lambda n: b'm v="' + b'"' * n,
    "strings": lambda n: b"m " + b",".join([b'a="x"'] * (n // 6)),
    "backslashes": lambda n: b"m," + b"\\" * n,
    "escapes": lambda n: b"m,a=" + b"\\ " * (n // 2) + b" v=1",
    "newlines": lambda n: b"\n" * n,
    "comments": lambda n: b"#\n" * (n // 2),
    "comments in a string": lambda n: b'm v="' + b"\n#" * (n // 2) + b'" 1',
    "commas": lambda n: b"m " + b"," * n,
    "equals signs": lambda n: b"m " + b"=" * n,
    "spaces": lambda n: b"m v=1" + b" " * n,
    "one wide line": lambda n: b"m " + b",".join([b"k%d=1" % key for key in range(n // 8)]),
    "one key": lambda n: b"m " + b",".join([b"k=1"] * (n // 4)),
    "odd values in a wide line": lambda n: b"m " + b",".join([b"k%d=.5" % key for key in range(n // 9)]),
    "digits": lambda n: b"m v=" + b"1" * n,
    "digits of an integer": lambda n: b"m v=" + b"1" * n + b"i",
    "digits of a time": lambda n: b"m v=1 " + b"1" * n,
    "measurements": lambda n: b"".join([b"m%d v=1\n" % line for line in range(n // 8)]),
    "series": lambda n: b"".join([b"m,t=%d v=1\n" % line for line in range(n // 10)]),
    "odd values": lambda n: b"m v=.5\n" * (n // 7),
    "types": lambda n: b'm v=1\nm v="x"\n' * (n // 14),
    "a tag that never ends": lambda n: b"m,t=" + b"x" * n,
    "open string behind every newline": lambda n: b'm v="x\n' * (n // 7),
    "shapes": lambda n: b"".join([b"m " + shape(line) + b" 1\n" for line in range(n // 50)]),
    "tag quotes": lambda n: b'm,t=" v=1 1\n' * (n // 12),
}


def shape(number):
    return b",".join([b"k%d=1" % bit for bit in range(12) if number + 1 >> bit & 1])


def seconds(function, body):
    def convert():
        with suppress(LineProtocolError, LimitExceededError):
            function(body, now_ns=NOW_NS)

    # Without the collector, which would go through what other tests have left.
    return timeit.timeit(convert, timer=time.process_time, number=1)


@pytest.mark.parametrize("frame_format", FORMATS)
@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(frame_format, name):
    # Half of what would be quadratic; large bodies meet slower memory.
    small, large = HOSTILE[name](10_000), HOSTILE[name](160_000)
    base = min(seconds(Converter(frame_format).convert, small) for _ in range(3))
    spent = min(seconds(Converter(frame_format).convert, large) for _ in range(3))
    assert spent < 16 * 8 * max(base, 0.001)


@pytest.mark.parametrize(
    ("frame_format", "count"), [("labels_column", 500), ("labels_column", 10_000), ("wide", 2_000)]
)
def test_memory_is_at_most_twelve_times_the_body(frame_format, count):
    body = telegraf.body(count)
    tracemalloc.start()
    frames = Converter(frame_format).convert(body, now_ns=NOW_NS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames
    assert peak < 12 * len(body)
