"""Line protocol v1 and the plugin SDK's frame JSON as Grafana runs them, live, beside liveproto's."""

import base64
import gzip
import json
import math
import random
import shutil
import struct
import sys
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest
from availability import unavailable
from bodies import bodies
from go_oracle import GoOracle, Refused, metric_of
from piped import Pipe, build_go
from random_frames import random_frames
from route_agreement import Agreement

from liveproto.errors import FrameError, LineProtocolError
from liveproto.frames import frame_json, line_protocol
from liveproto.frames.frame import DataFrame, Field, FieldType

DATA = Path(__file__).parents[3] / "shared" / "data"
CORPUS, VERDICTS = DATA / "line-protocol-corpus.json.gz", DATA / "line-protocol-v1-verdicts.jsonl.gz"
UNITS = {"1ns": ("ns", 1), "1µs": ("us", 1000), "1ms": ("ms", 10**6), "1s": ("s", 10**9)}
NOW_NS = 1_700_000_000_000_000_003
BODIES = 4000
FLOATS = {FieldType.FLOAT32, FieldType.FLOAT64}


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    """The oracle, built once; the same process answers the whole module."""
    if shutil.which("go") is None:
        unavailable("the Go oracle needs go")
    executable, reason = build_go("line-protocol-go", tmp_path_factory.mktemp("go"))
    if executable is None:
        unavailable(f"go build failed: {reason}")
    with Pipe([executable]) as pipe:
        yield GoOracle(pipe)


@pytest.fixture(scope="module")
def corpus():
    """The cases of the published corpus by their default time and precision."""
    if not CORPUS.exists():
        pytest.skip(f"no corpus at {CORPUS}")
    grouped = defaultdict(list)
    for case in json.loads(gzip.decompress(CORPUS.read_bytes()))["decode"].values():
        grouped[case["input"]["defaultTime"], case["input"]["precision"].replace("μ", "µ")].append(case["input"])
    return grouped


@pytest.fixture(scope="module")
def live_verdicts(go, corpus):
    """What the live parser answers to each case of the corpus, by key."""
    found = {}
    for (now_ns, unit), cases in corpus.items():
        answers = go.parse_all(map(text_of, cases), now_ns, UNITS[unit][1])
        found |= {case["key"]: answer for case, answer in zip(cases, answers, strict=True)}
    return found


def text_of(case):
    """The bytes of a corpus case: text, or base64 where it is no UTF-8."""
    text = case["text"]
    return text.encode() if isinstance(text, str) else base64.b64decode(text["binary"])


def metrics_or_none(body, now_ns, precision="ns"):
    try:
        return line_protocol.parse(body, now_ns=now_ns, precision=precision).metrics
    except LineProtocolError:
        return None


def test_the_recorded_verdicts_are_those_of_the_live_parser(live_verdicts):
    recorded = {
        entry["key"]: entry["grafana"] and tuple(map(metric_of, entry["grafana"]))
        for entry in map(json.loads, gzip.decompress(VERDICTS.read_bytes()).splitlines())
    }
    live = {key: None if isinstance(answer, Refused) else answer for key, answer in live_verdicts.items()}
    assert len(live) == 6615
    assert {key for key, answer in live.items() if (answer or None) != (recorded[key] or None)} == set()


def test_liveproto_reads_the_corpus_as_the_live_parser_does(live_verdicts, corpus):
    different = []
    for (now_ns, unit), cases in corpus.items():
        for case in cases:
            live, read = live_verdicts[case["key"]], metrics_or_none(text_of(case), now_ns, UNITS[unit][0])
            if read != (None if isinstance(live, Refused) else live):
                different.append(text_of(case))
    # v1 repeats the point before a last line that is a lone backslash.
    assert different == [b'\\\x7f\x0b2=""\n\\']


@pytest.mark.parametrize("body", [b"\\", b"m\\", b"m v=1\n\\"])
def test_a_last_line_that_ends_in_a_lone_backslash_breaks_the_live_parser(go, body):
    (answer,) = go.parse_all([body], NOW_NS)
    broken = answer.panic if isinstance(answer, Refused) else len(answer) == 2
    assert broken
    assert metrics_or_none(body, NOW_NS) is None


def test_mutated_bodies_agree_between_both_routes_and_the_live_parser(go):
    agreement = Agreement(go)
    for body in islice(bodies(1), BODIES):
        agreement.add(body)
    agreement.finish()
    sys.stdout.write(agreement.report())
    assert agreement.different == []
    assert min(agreement.shares) >= 0.25
    assert [(layout, exit_) for layout, exit_, times in agreement.counts if times < 20] == []


def comparable(frame, text):
    """The JSON of a frame, keys in their order; all numbers of a float column as floats."""
    message = json.loads(text, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))
    for field, column in zip(frame.fields, message["data"]["values"], strict=True):
        if field.type in FLOATS:
            column[:] = [None if value is None else float(value) for value in column]
    return json.dumps(message)


def test_go_reads_a_generated_frame_and_writes_the_same_values_in_the_same_order(go):
    frames = random_frames(1, 600)
    for frame, text in zip(frames, go.rewrite_all(map(frame_json.encode, frames)), strict=True):
        assert comparable(frame, text) == comparable(frame, frame_json.encode(frame))


def significant(number):
    return len(repr(number).partition("e")[0].replace(".", "").strip("-0"))


def test_a_float32_has_as_many_digits_as_go_gives_it(go):
    """Of two numbers that are as short and as near Go takes the larger one, and Python the even one."""
    bits = random.Random(3)
    drawn = [struct.unpack("<f", bits.randbytes(4))[0] for _ in range(4000)]
    values = [value for value in drawn if math.isfinite(value)] + [2.0**power for power in range(-149, 128)]
    frame = DataFrame("", (Field("v", FieldType.FLOAT32, values),))
    (text,) = go.rewrite_all([frame_json.encode(frame)])
    theirs, ours = (
        json.loads(comparable(frame, each))["data"]["values"][0] for each in (text, frame_json.encode(frame))
    )
    assert [struct.pack("f", value) for value in ours] == [struct.pack("f", value) for value in theirs]
    assert list(map(significant, ours)) == list(map(significant, theirs))
    assert sum(map(float.__ne__, ours, theirs)) < 10


NAMES = [*FieldType, "int", "double", "float", "boolean", "time", "json", "int128", ""]


@pytest.mark.parametrize("stars", ["", "*", "**"])
def test_a_name_of_a_type_is_read_or_refused_as_by_go(go, stars):
    messages = [b'{"schema":{"fields":[{"typeInfo":{"frame":"%b"}}]}}' % (stars + name).encode() for name in NAMES]
    for message, answer in zip(messages, go.rewrite_all(messages), strict=True):
        if isinstance(answer, Refused):
            with pytest.raises(FrameError):
                frame_json.decode(message)
        else:
            assert frame_json.decode(answer) == frame_json.decode(message)


def cells_of(frame):
    """A frame's columns as text, in which a NaN is equal to itself."""
    return repr([[cell_of(field.type, value) for value in field.values] for field in frame.fields])


def cell_of(kind, value):
    if value is None:
        return None
    return struct.pack("f", value) if kind is FieldType.FLOAT32 else bytes(value) if kind is FieldType.JSON else value


def test_what_go_writes_is_read_as_the_frame_it_was(go):
    frames = random_frames(2, 600)
    for frame, text in zip(frames, go.rewrite_all(map(frame_json.encode, frames)), strict=True):
        assert cells_of(frame_json.decode(text)) == cells_of(frame)


def test_a_minus_zero_keeps_its_sign_through_go(go):
    frame = DataFrame("", (Field("v", FieldType.FLOAT64, [-0.0, 0.0]),))
    (text,) = go.rewrite_all([frame_json.encode(frame)])
    assert cells_of(frame_json.decode(text)) == cells_of(frame) == "[[-0.0, 0.0]]"


@pytest.mark.parametrize("message", [
    b'{"data":{"values":[[1]]}}',
    b'{"schema":{"fields":[{"name":"a","type":"number","typeInfo":{"frame":"int65"}}]}}',
    b'{"schema":{"fields":[]},"extra":1}',
    b'{"data":{"values":[[1]]},"schema":{"fields":[{"name":"a","type":"number","typeInfo":{"frame":"int8"}}]}}',
])  # fmt: skip
def test_what_go_refuses_is_refused(go, message):
    (answer,) = go.rewrite_all([message])
    assert isinstance(answer, Refused)
    with pytest.raises(FrameError):
        frame_json.decode(message)
