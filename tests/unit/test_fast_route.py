"""The batch route makes the frames of the exact one, by way of each of its exits."""

from collections import Counter

import pytest

from liveproto.frames import exact_route, fast_route
from liveproto.frames.chunks import CHUNK_LINES
from liveproto.frames.few_rows import FEW
from liveproto.frames.line_protocol import parse
from liveproto.frames.series import SeriesCache
from liveproto.frames.shield import NotCoveredError
from liveproto.frames.taken import Exit

NOW_NS = 1_750_000_000_000_000_000
LIMIT = 10_000_000

REGULAR = [f"cpu,host=h{row % 3} a={row}.5,b={row}i,c=true {row}" for row in range(20)]
SHUFFLED = [f"cpu {'a=1,b=2i' if row % 2 else 'b=3i,a=4'} {row}" for row in range(20)]
WIDTHS = [f"m {'a=1,b=2' if row % 3 else 'c=3'} {row}" for row in range(20)]
KEYS = [f"m {'a=1,b=2' if row % 3 else 'a=5,c=3'} {row}" for row in range(20)]
CONFLICT = [f"m v={value} 1" for value in ['"a"', "1", "2i", "t", '"NaN"', "5u", "1e7"] * 3]
ACROSS_BLOCKS = [f"m {'v=1,w=2' if row % 2 else 'v=true'} 1" for row in range(20)]
ODD = [f"m v={'.5' if row == 3 else row} 1" for row in range(20)]
NO_TIME = ["m v=1", "# comment", "", "m v=2 5 "]
ESCAPES = ['m,t=a\\ b k\\ 1=1,s="x \\" y, z=1" 1', 'm k\\,2="C:\\\\" 2']

BODIES = {
    "nothing": [""],
    "regular": REGULAR,
    "few": REGULAR[:3],
    "shuffled": SHUFFLED,
    "widths": WIDTHS,
    "keys": KEYS,
    "conflict": CONFLICT,
    "across blocks": ACROSS_BLOCKS,
    "odd": ODD,
    "no time": NO_TIME,
    "escapes": ESCAPES,
    "duplicate": ["m v=1,v=2 1"] * FEW,
    "chunks": [f"m,h={row % 5} a={row},b{row % 4}=1i {row}" for row in range(CHUNK_LINES * 5)],
    "conflict across chunks": [
        f"m v={row if row > CHUNK_LINES * 4 else chr(34) + 'x' + chr(34)} {row}" for row in range(CHUNK_LINES * 5)
    ],
    "columns that end": [f"m {'a' if row < CHUNK_LINES * 2 else 'b'}=1 {row}" for row in range(CHUNK_LINES * 5)],
    "late measurement": [*["m v=1 1"] * CHUNK_LINES * 4, *["late v=1 1"] * CHUNK_LINES],
}


def body(lines):
    return "\n".join(lines).encode()


def wide(data, limit=LIMIT):
    return fast_route.wide(data, NOW_NS, SeriesCache(10), limit, Counter())


def labels_column(data, limit=LIMIT):
    taken = Counter()
    frames = fast_route.labels_column(data, NOW_NS, SeriesCache(10), limit, taken)
    return frames, {exit_ for exit_, count in taken.items() if count}


@pytest.mark.parametrize("name", BODIES)
def test_both_formats_are_those_of_the_exact_route(name):
    data = body(BODIES[name])
    metrics = parse(data, now_ns=NOW_NS).metrics
    assert repr(labels_column(data)[0]) == repr(exact_route.labels_column(metrics, LIMIT))
    assert repr(wide(data)) == repr(exact_route.wide(metrics))


@pytest.mark.parametrize(
    ("name", "exits"),
    [
        ("regular", {Exit.AT_ONCE, Exit.SAME_KEYS, Exit.TYPED}),
        ("shuffled", {Exit.AT_ONCE, Exit.SAME_KEYS, Exit.TYPED}),
        ("few", {Exit.AT_ONCE, Exit.FEW_ROWS}),
        ("widths", {Exit.AT_ONCE, Exit.SAME_WIDTH, Exit.TYPED}),
        ("keys", {Exit.AT_ONCE, Exit.BY_KEYS, Exit.TYPED}),
        ("conflict", {Exit.AT_ONCE, Exit.SAME_KEYS, Exit.ONE_BY_ONE, Exit.CONFLICT}),
        ("across blocks", {Exit.AT_ONCE, Exit.SAME_WIDTH, Exit.TYPED, Exit.CONFLICT}),
        ("odd", {Exit.AT_ONCE, Exit.SAME_KEYS, Exit.ONE_BY_ONE}),
        ("no time", {Exit.BY_LINE, Exit.FEW_ROWS}),
        ("conflict across chunks", {Exit.AT_ONCE, Exit.SAME_KEYS, Exit.TYPED, Exit.CONFLICT, Exit.ONE_BY_ONE}),
    ],
)
def test_the_exits_taken_can_be_told(name, exits):
    assert labels_column(body(BODIES[name]))[1] == exits


def test_columns_of_a_frame_are_its_own_lists():
    frames, _ = labels_column(body(REGULAR))
    values = [field.values for field in frames[0].fields]
    assert len({id(column) for column in values}) == len(values)


@pytest.mark.parametrize("data", [b"m v=1 1\nm v 1", b"m v=1x", b"m", b'm v="a', b"m,t= v=1", b"m\x01 v=1", b"m =1"])
def test_what_it_does_not_cover_it_says(data):
    with pytest.raises(NotCoveredError):
        labels_column(data)
    with pytest.raises(NotCoveredError):
        wide(data)


def test_too_many_cells_are_not_covered():
    data = body([*["m a=1 1", "m b=1 1"] * 2, "n a=1 1"])
    assert len(labels_column(data, 9)[0]) == 2
    with pytest.raises(NotCoveredError):
        labels_column(data, 8)


def test_too_many_labels_are_not_covered():
    data = body(["m,a=1,b=é x=1,y=2 1", "m,a=1 z=1 1", "n,a=1 x=1 1", "n x=1 1"])
    assert len(wide(data, 22)) == 2
    with pytest.raises(NotCoveredError):
        wide(data, 21)
