"""Traces: byte-exact but for secrets, and readable up to where they are damaged, whatever is in them."""

import io
import os
import struct
import time
import tracemalloc

import attrs
import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveproto_conformance.traces.trace import (
    MAX_PAYLOAD_BYTES,
    Event,
    TraceWriter,
    close_of,
    read_trace,
    redact,
    redact_url,
)


@pytest.mark.parametrize(
    ("payload", "redacted"),
    [
        (b'{"id":1,"connect":{"token":"abc.def"}}', b'{"id":1,"connect":{"token":"[redacted]"}}'),
        (b'{"token" : "a","x":1}', b'{"token" : "[redacted]","x":1}'),
        (b'{"token":"a\\"b","x":"y"}', b'{"token":"[redacted]","x":"y"}'),
        (b'{"token":"a\\\\"}', b'{"token":"[redacted]"}'),
        (b'{"token":"cut of', b'{"token":"[redacted]'),
        (b'{"auth_token":"t"}\n{"token":"u"}', b'{"auth_token":"[redacted]"}\n{"token":"[redacted]"}'),
        (b"GET /x?auth_token=abc&y=1 HTTP/1.1", b"GET /x?auth_token=[redacted]&y=1 HTTP/1.1"),
        (b'{"token":""}', b'{"token":"[redacted]"}'),
        (b'{"url":"/ws?auth_token=abc"}', b'{"url":"/ws?auth_token=[redacted]"}'),
        (b'{"data":"{\\"token\\":\\"abc\\",\\"x\\":1}"}', b'{"data":"{\\"token\\":\\"[redacted]\\",\\"x\\":1}"}'),
        (b'{"user":"u","password":"p"}', b'{"user":"u","password":"[redacted]"}'),
        (b"GET /sse?cf_connect=%7B%22token&x=1", b"GET /sse?cf_connect=[redacted]&x=1"),
        (
            b"GET /\nAuthorization: Bearer x y\nCookie: a=b; c=d\nAccept: */*\n",
            b"GET /\nAuthorization: [redacted]\nCookie: [redacted]\nAccept: */*\n",
        ),
        (b"200 OK\nset-cookie: s=1; Path=/\n\n{}", b"200 OK\nset-cookie: [redacted]\n\n{}"),
        (
            b"GET /\nX-Api-Key: k\nX-Auth-Token: t\nX-Other: o",
            b"GET /\nX-Api-Key: [redacted]\nX-Auth-Token: [redacted]\nX-Other: o",
        ),
    ],
)
def test_tokens_are_redacted_and_nothing_else(payload, redacted):
    assert redact(payload) == redacted


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"\x00\xff\xfe",
        b'{"id":1,"subscribe":{"channel":"token"}}',
        b'{"data":{"tokens":"abc","my_token_":"x"}}',
        b'{"token":5}',
        b'{"data":"say \\"token\\""}',
        '{"data":"é\u2028"}'.encode(),
        b'{"id":1,"rpc":{"method":"secrets","data":{"cookie":"oat"}}}',
    ],
)
def test_what_is_no_secret_stays_byte_for_byte(payload):
    assert redact(payload) == payload


def test_a_token_inside_a_batch_leaves_the_rest_byte_for_byte():
    before, after = b' {"id" : 1,"connect":{"data":"\xff","token":"', b'"}}\r\n{"id":2,"send":{"data":"\\u00e9 "}}\n'
    assert redact(before + b"abc.def" + after) == before + b"[redacted]" + after


@pytest.mark.parametrize("piece", [b'"token":"', b"\ntoken", b'"token"', b"&token", b'\\"token\\":\\"', b" token="])
def test_redacting_takes_linear_time(piece):
    started = time.perf_counter()
    redact(piece * (4_000_000 // len(piece)))
    assert time.perf_counter() - started < 5


def test_a_token_in_a_url_is_redacted():
    assert redact_url("ws://h/x?auth_token=abc&a=b") == "ws://h/x?auth_token=[redacted]&a=b"
    assert redact_url(None) is None


EVENTS = [
    (1, ">", "text", b'{"id":1,"connect":{}}', "probe", 0),
    (1, "<", "text", '{"id":1,"connect":{"client":"é"}}'.encode(), "probe", 0),
    (2, ">", "binary", bytes(range(256)), "wire.x", 7),
    (2, "<", "close", b'[3501,"bad request"]', "wire.x", 7),
    (0, ">", "http", b"POST /api/live/publish\n{}", "pub.y", 1),
]


def written(folder):
    path = folder / "trace.cborseq"
    with TraceWriter(path, {"kit": "1", "seed": 0}) as trace:
        for event in EVENTS:
            trace.write(*event)
    return path.read_bytes()


HEADER_BYTES = len(cbor2.dumps({"format": 1, "kit": "1", "seed": 0}))


def fields(event):
    """An event without its time and place."""
    return attrs.astuple(event)[1:-1]


def read(data):
    """Header, events and damage of a trace."""
    trace = read_trace(io.BytesIO(data))
    events = list(trace)
    return trace.header, events, trace.damage


def test_a_trace_is_a_header_and_events_as_they_were(tmp_path):
    header, events, damage = read(written(tmp_path))
    assert header == {"format": 1, "kit": "1", "seed": 0}
    assert [fields(event) for event in events] == EVENTS
    times = [event.time_ns for event in events]
    assert times == sorted(times)
    assert damage is None


def test_a_trace_is_cbor_that_others_read(tmp_path):
    stream = io.BytesIO(written(tmp_path))
    header, *events = (cbor2.load(stream) for _ in range(1 + len(EVENTS)))
    assert header == {"format": 1, "kit": "1", "seed": 0}
    assert [tuple(event[1:]) for event in events] == EVENTS


def test_a_trace_cut_at_any_byte_is_read_up_to_there_and_says_where(tmp_path):
    data = written(tmp_path)
    _, whole, _ = read(data)
    starts = [event.offset for event in whole] + [len(data)]
    for cut in range(HEADER_BYTES, len(data)):
        _, events, damage = read(data[:cut])
        good = sum(start <= cut for start in starts[1:])
        assert events == whole[:good]
        if cut in starts:
            assert damage is None
        else:
            assert (damage.offset, damage.cut) == (starts[good], True)
            assert str(damage) == f"damaged at byte {starts[good]}: the end at byte {cut}"


@pytest.mark.parametrize("cut", range(HEADER_BYTES))
def test_a_trace_cut_in_its_header_has_none(tmp_path, cut):
    header, events, damage = read(written(tmp_path)[:cut])
    assert (header, events) == ({}, [])
    assert (damage.offset, damage.cut) == (0, True)


GOOD = cbor2.dumps({"format": 1}) + cbor2.dumps([1, 1, ">", "text", b"{}", "", 0])
FIELDS = (1, 1, ">", "text", b"{}", "", 0)


def with_field(place, value):
    return cbor2.dumps([*FIELDS[:place], value, *FIELDS[place + 1 :]])


HOSTILE = {
    "bytes of 2**63": b"\x5b" + struct.pack(">Q", 2**63),
    "event of bytes of 2**63": bytes([0x87, 1, 1]) + b"\x61>\x64text\x5b" + struct.pack(">Q", 2**63),
    "payload of 64 MiB that is not there": bytes([0x87, 1, 1])
    + b"\x61>\x64text\x5a"
    + struct.pack(">I", MAX_PAYLOAD_BYTES),
    "payload over the limit": bytes([0x87, 1, 1])
    + b"\x61>\x64text\x5a"
    + struct.pack(">I", MAX_PAYLOAD_BYTES + 1)
    + b"x" * 64,
    "array of 2**63": b"\x9b" + struct.pack(">Q", 2**63),
    "nested arrays": b"\x81" * 100_000,
    "indefinite array": b"\x9f" + cbor2.dumps(1) * 7 + b"\xff",
    "reserved length": b"\x1c",
    "break": b"\xff",
    "tag": b"\xd8\x1c" + cbor2.dumps(list(FIELDS)),
    "map": cbor2.dumps({"a": 1}),
    "null": b"\xf6",
    "six fields": cbor2.dumps(list(FIELDS[:6])),
    "eight fields": cbor2.dumps([*FIELDS, 0]),
    "time as text": with_field(0, "1"),
    "negative time": with_field(0, -1),
    "time over 64 bits": with_field(0, 2**64),
    "time as float": with_field(0, 1.5),
    "direction": with_field(2, "x"),
    "no direction": with_field(2, ""),
    "payload as text": with_field(4, "{}"),
    "kind that is not UTF-8": bytes([0x87, 1, 1]) + b"\x61>\x62\xff\xfe",
    "kind of 1 MB": with_field(3, "x" * 1_000_000),
    "example as list": with_field(6, []),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_event_is_damage_at_its_first_byte(name):
    tracemalloc.start()
    _, events, damage = read(GOOD + HOSTILE[name] + GOOD)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [fields(event) for event in events] == [FIELDS[1:]]
    assert damage.offset == len(GOOD)
    assert peak < 4 * 1024 * 1024


def nested(depth):
    return {"format": 1, "x": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    "header",
    [
        b"GIF89a",
        b'{"format":1}',
        cbor2.dumps([1]),
        cbor2.dumps({}),
        cbor2.dumps({"format": 2}),
        cbor2.dumps({1: 2}),
        cbor2.dumps({"format": 1, "x": b"bytes"}),
        cbor2.dumps({"format": 1, "x": "x" * 70_000}),
        cbor2.dumps({"format": 1, "x": [0] * 70_000}),
        cbor2.dumps(nested(20)),
        b"\xbb" + struct.pack(">Q", 2**63) + cbor2.dumps("a") * 100,
        b"\xa1" + cbor2.dumps("format") + b"\xf9\x00\x00",
        b"\xa1" + cbor2.dumps("format") + b"\x62\xff\xff",
        cbor2.dumps({"format": cbor2.CBORTag(35, "(a+)+$")}),
    ],
    ids=lambda header: repr(header[:24]),
)
def test_without_a_header_there_are_no_events(header):
    read_header, events, damage = read(header + GOOD)
    assert (read_header, events) == ({}, [])
    assert damage.offset == 0


def test_a_header_holds_what_json_holds():
    header = {"format": 1, "a": [1, -5, 2**40, None, True, False, 1.5, "é", {"b": {"c": []}}], "": ""}
    assert read(cbor2.dumps(header))[0] == header


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_make_the_reader_raise(data, headed):
    _, events, damage = read((GOOD if headed else b"") + data)
    assert len(events) >= headed
    assert events or damage is not None
    assert damage is None or 0 <= damage.offset <= len(GOOD) + len(data)


@given(st.data())
def test_a_changed_byte_makes_other_events_or_damage(data):
    trace = bytearray(GOOD + GOOD[len(cbor2.dumps({"format": 1})) :] * 3)
    trace[data.draw(st.integers(0, len(trace) - 1))] = data.draw(st.integers(0, 255))
    assert all(isinstance(event, Event) for event in read(bytes(trace))[1])


def test_reading_goes_on_where_a_trace_is_still_written(tmp_path):
    data = written(tmp_path)
    path = tmp_path / "growing"
    path.write_bytes(data[:HEADER_BYTES])
    seen = []
    with path.open("rb") as file, path.open("ab", buffering=0) as end:
        trace = read_trace(file)
        for byte in data[HEADER_BYTES:]:
            end.write(bytes([byte]))
            seen += trace
    assert [fields(event) for event in seen] == EVENTS
    assert trace.damage is None


def test_what_is_damaged_is_not_read_on():
    trace = read_trace(io.BytesIO(GOOD + b"\xff" + GOOD))
    assert len(list(trace)) == 1
    assert list(trace) == []
    assert trace.damage.offset == len(GOOD)


def test_a_pipe_is_read_as_well():
    reading, writing = os.pipe()
    os.write(writing, GOOD + b"\x87\x01")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        trace = read_trace(pipe)
        assert [len(list(trace)), len(list(trace))] == [1, 0]
    assert (trace.damage.offset, trace.damage.cut) == (len(GOOD), True)


def test_events_are_in_the_file_before_it_is_closed(tmp_path):
    path = tmp_path / "trace.cborseq"
    with TraceWriter(path, {}) as trace:
        trace.write(*EVENTS[0])
        assert len(read(path.read_bytes())[1]) == 1
        assert trace.size == path.stat().st_size


def test_an_existing_file_is_not_touched(tmp_path):
    path = tmp_path / "trace.cborseq"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        TraceWriter(path, {})
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("payload", "close"),
    [
        (b'[3501,"bad request"]', (3501, "bad request")),
        (b'[1006,""]', (1006, "")),
        (b"", (1006, "")),
        (b"[3501]", (1006, "")),
        (b'["3501","x"]', (1006, "")),
        (b"[" * 100_000, (1006, "")),
        (b"\xff", (1006, "")),
    ],
)
def test_a_close_is_read_or_taken_for_a_drop(payload, close):
    assert close_of(payload) == close
