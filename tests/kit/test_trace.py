"""Traces: byte-exact but for secrets, and readable up to where they were cut."""

import io

import cbor2
import pytest

from liveproto_conformance.trace import TraceWriter, redact, redact_url


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
    ],
)
def test_what_is_no_secret_stays_byte_for_byte(payload):
    assert redact(payload) == payload


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


def items(data):
    """The whole items of a CBOR sequence that may be cut."""
    stream, found = io.BytesIO(data), []
    while True:
        try:
            found.append(cbor2.load(stream))
        except cbor2.CBORDecodeEOF:
            return found


def test_a_trace_is_a_header_and_events_as_they_were(tmp_path):
    header, *events = items(written(tmp_path))
    assert header == {"format": 1, "kit": "1", "seed": 0}
    assert [tuple(event[1:]) for event in events] == EVENTS
    times = [event[0] for event in events]
    assert times == sorted(times)
    assert times[0] >= 0


def test_a_trace_cut_anywhere_is_readable_up_to_there(tmp_path):
    data = written(tmp_path)
    whole = items(data)
    lengths = [len(items(data[:cut])) for cut in range(len(data) + 1)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] == len(whole)
    for cut in range(len(data)):
        assert items(data[:cut]) == whole[: lengths[cut]]


def test_events_are_in_the_file_before_it_is_closed(tmp_path):
    path = tmp_path / "trace.cborseq"
    with TraceWriter(path, {}) as trace:
        trace.write(*EVENTS[0])
        assert len(items(path.read_bytes())) == 2
