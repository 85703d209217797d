"""The corpus of influxdata/line-protocol: 6,615 bodies, and what version 2 and version 1 (Grafana's) make of them."""

import base64
import collections
import gzip
import json
from pathlib import Path

import pytest

from liveproto.errors import LineProtocolError
from liveproto.frames.line_protocol import Kind, parse

DATA = Path(__file__).parents[3] / "shared" / "data"
CORPUS = DATA / "line-protocol-corpus.json.gz"
GRAFANA = DATA / "line-protocol-v1-verdicts.jsonl.gz"
PRECISIONS = {"1ns": "ns", "1\u00b5s": "us", "1ms": "ms", "1s": "s"}

REPEATS_A_POINT = "2f1a13e0a883ccca6e540eeb29a789e3"
"""Version 1 reads the last line, a lone backslash, as the point before it once more (GL-LINE-040)."""

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="../shared/data is not there")


@pytest.fixture(scope="module")
def cases():
    return json.loads(gzip.decompress(CORPUS.read_bytes()))["decode"]


@pytest.fixture(scope="module")
def grafana_answers():
    lines = gzip.decompress(GRAFANA.read_bytes()).splitlines()
    return {answer["key"]: answer["grafana"] for answer in map(json.loads, lines)}


def body(case):
    text = case["input"]["text"]
    return text.encode() if isinstance(text, str) else base64.b64decode(text["binary"])


def ours(case, dialect):
    """None where the body is refused."""
    given = case["input"]
    try:
        found = parse(
            body(case), now_ns=given["defaultTime"], dialect=dialect, precision=PRECISIONS[given["precision"]]
        ).metrics
    except LineProtocolError:
        return None
    return [(metric.name, list(metric.tags), list(metric.fields), metric.time_ns) for metric in found]


def version_2(case):
    if "error" in case["output"]:
        return None
    return [
        (
            point["name"].encode(),
            [(tag["key"].encode(), tag["value"].encode()) for tag in point.get("tags") or []],
            [version_2_field(field["key"], *field["value"].items()) for field in point["fields"]],
            point["time"],
        )
        for point in case["output"]["result"]
    ]


def version_2_field(key, kind_and_value):
    kind, value = kind_and_value
    read = {"float": float, "string": str.encode}.get(kind, lambda value: value)
    return key.encode(), Kind(kind), read(value)


def version_1(points):
    return points and [
        (
            base64.b64decode(point["name"]),
            [(base64.b64decode(key), base64.b64decode(value)) for key, value in point["tags"]],
            [(base64.b64decode(key), Kind(kind), VERSION_1_VALUE[kind](value)) for key, kind, value in point["fields"]],
            point["time_ns"],
        )
        for point in points
    ]


VERSION_1_VALUE = {"int": int, "uint": int, "float": float.fromhex, "bool": bool, "string": base64.b64decode}


def repeats_a_tag(metrics):
    return any(len(dict(tags)) < len(tags) for _, tags, _, _ in metrics or [])


def test_strict_is_version_2(cases):
    def as_the_corpus_has_it(case):
        # Its runner refuses repeated tags, which the decoder returns (GL-LINE-049).
        answer = ours(case, "strict")
        return None if repeats_a_tag(answer) else answer

    equal = [as_the_corpus_has_it(case) == version_2(case) for case in cases.values()]
    assert (sum(equal), len(equal)) == (6615, 6615)


def test_grafana_is_version_1_but_for_the_repeated_point(cases, grafana_answers):
    assert cases.keys() == grafana_answers.keys()
    # As text, -0.0 is not 0.0.
    differing = {key for key in cases if str(ours(cases[key], "grafana")) != str(version_1(grafana_answers[key]))}
    assert differing == {REPEATS_A_POINT}


def test_the_repeated_point_is_an_error_here(cases, grafana_answers):
    case = cases[REPEATS_A_POINT]
    assert body(case) == b'\\\x7f\x0b2=""\n\\'
    first, second = version_1(grafana_answers[REPEATS_A_POINT])
    assert first == second
    result = parse(body(case), now_ns=case["input"]["defaultTime"], on_error="collect")
    assert [metric.name for metric in result.metrics] == [first[0]]
    assert [(error.line, error.column, error.kind) for error in result.errors] == [(2, 1, "measurement")]


def test_the_dialects_differ_as_often_as_upstream(cases, grafana_answers):
    verdicts = collections.Counter(
        (version_2(case) is not None, grafana_answers[key] is not None) for key, case in cases.items()
    )
    assert verdicts == {(True, True): 377, (True, False): 18, (False, True): 933, (False, False): 5287}
