"""Laws of conversion: both routes agree on every body, and the way a body is served changes nothing."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveproto.errors import LimitExceededError, LineProtocolError
from liveproto.frames.converter import Converter, convert_exactly
from liveproto.frames.taken import Exit

sys.path.insert(0, str(Path(__file__).parents[1]))
import telegraf

NOW_NS = 99
SPARE = [b'"', b"\\", b"\\\\", b'\\"', b"\\ ", b"\\,", b"\\=", b",", b"=", b" ", b"\n", b"\r\n", b"\r", b"\t", b"\v"]
SPARE += [
    b"\f",
    b"\x00",
    b"\x01",
    b"\x0f",
    b"#",
    b'\n#x"y\n',
    b'\n #="\n',
    b"\n\n",
    b"i",
    b"u",
    b".5",
    b"-0",
    b"1e400",
    b"nan",
]
SPARE += [
    b"9223372036854775808i",
    b"9223372036854775807i",
    b"007",
    b"01i",
    b'"NaN"',
    b"T",
    b"0x1",
    b"\xc3\xa9",
    b"\xff",
]
SPARE += [b"5u", b'"a b,c=d"', b'"a\nb"', b"e5", b"[", b"]", b"}", b"null", b" 5", b",z=1", b"z=", b'a="b"', b"_", b"+"]

names = st.sampled_from(["m", "cpu", "m\\ n", "m\\,n", "\u00e9", "C:\\m"])
keys = st.sampled_from(["a", "b", "a1", "a\\ b", "a\\=b", "\u4e2d", "c\\d"])
tags = st.dictionaries(keys, st.sampled_from(["x", "y\\ z", "C:\\d", '"q"', "\u00e9"]), max_size=2)
values = st.sampled_from(
    ["1", "2i", "3u", "true", "f", '"s"', '"NaN"', ".5", '"a \\" b"', "1e3", "-0", "0i", '"x\ny"', '"C:\\\\"', "1e7"]
)
times = st.sampled_from([" 5", " 1750000000000000001", " -3", "", "  7 ", " 007"])
ends = st.sampled_from(["\n", "\n", "\r\n", "\n# c\n", "\n\n"])


@st.composite
def lines(draw):
    head = draw(names) + "".join([f",{key}={value}" for key, value in draw(tags).items()])
    fields = draw(st.lists(st.tuples(keys, values), min_size=1, max_size=4))
    return head + " " + ",".join([f"{key}={value}" for key, value in fields]) + draw(times) + draw(ends)


bodies = st.builds(
    lambda few, times_of_each: "".join([line * times_of_each for line in few]).encode(),
    st.lists(lines(), max_size=12),
    st.sampled_from([1, 1, 3, 9]),
)
telegrafs = st.builds(
    lambda count, seed, shuffled: telegraf.body(count, seed=seed, shuffled=shuffled),
    st.sampled_from([1, 7, 20, 60]),
    st.integers(0, 50),
    st.booleans(),
)


@st.composite
def mutated(draw, base):
    body = bytearray(draw(base))
    for at, spare, is_over in draw(
        st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SPARE), st.booleans()), max_size=3)
    ):
        place = int(at * len(body))
        body[place : place + len(spare) * is_over] = spare
    return bytes(body)


def outcome(convert, body, **options):
    try:
        return repr(convert(body, now_ns=NOW_NS, **options))
    except LineProtocolError as error:
        return str(error)
    except LimitExceededError as error:
        return str(error)


@pytest.mark.parametrize("frame_format", ["labels_column", "wide"])
def test_both_routes_agree_and_every_exit_is_taken(frame_format):
    taken, outcomes = Counter(), Counter()
    converter = Converter(frame_format, series_limit=20)

    @settings(max_examples=400)
    @given(body=mutated(bodies) | mutated(telegrafs))
    def agree(body):
        exact = outcome(convert_exactly, body, frame_format=frame_format)
        assert outcome(converter.convert, body, taken=taken) == exact
        outcomes[exact.startswith("[")] += 1

    agree()
    assert min(outcomes[True], outcomes[False]) >= 0.1 * outcomes.total()
    expected = set(Exit) - ({Exit.CONFLICT} if frame_format == "wide" else set())
    assert {exit_ for exit_ in expected if not taken[exit_]} == set()


@given(body=mutated(bodies), limit=st.integers(0, 40))
def test_both_routes_agree_on_the_limit_of_cells(body, limit):
    converter = Converter(cell_limit=limit)
    assert outcome(converter.convert, body) == outcome(convert_exactly, body, cell_limit=limit)


@given(history=st.lists(mutated(bodies), max_size=4), body=mutated(bodies), limit=st.integers(0, 5))
def test_what_a_converter_has_seen_changes_nothing(history, body, limit):
    converter = Converter(series_limit=limit)
    for earlier in history:
        outcome(converter.convert, earlier)
    assert outcome(converter.convert, body) == outcome(Converter().convert, body)


@given(body=mutated(bodies), limit=st.integers(0, 60))
def test_both_routes_agree_on_the_limit_of_labels(body, limit):
    converter = Converter("wide", label_limit=limit)
    assert outcome(converter.convert, body) == outcome(convert_exactly, body, frame_format="wide", label_limit=limit)
