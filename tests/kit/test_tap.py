"""Listening in on one direction of a WebSocket: the same is heard however the bytes are cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from liveproto_conformance.recorder import tap as taps
from liveproto_conformance.recorder.tap import Held, Said, Tap


def sent(opcode, data=b"", *, fin=True, mask=False):
    return Frame(opcode, data, fin).serialize(mask=mask)


def heard(*pieces, held=None):
    tap = Tap(held or Held())
    return [said for piece in pieces for said in tap.feed(piece)]


@st.composite
def conversations(draw):
    """Frames of one direction, and what they say."""
    mask = draw(st.booleans())
    wire, said = b"", []
    for kind, data, parts in draw(
        st.lists(st.tuples(st.sampled_from(["text", "binary"]), st.binary(max_size=300), st.integers(1, 4)), max_size=5)
    ):
        size = len(data) // parts + 1
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        for number, piece in enumerate(pieces):
            opcode = Opcode.CONT if number else Opcode.TEXT if kind == "text" else Opcode.BINARY
            wire += sent(opcode, piece, fin=number == len(pieces) - 1, mask=mask)
            wire += sent(Opcode.PING, b"still there?", mask=mask) + sent(Opcode.PONG, mask=mask)
        said.append(Said(kind, data))
    return wire, said


@given(conversations(), st.lists(st.integers(0, 2000)))
def test_messages_are_heard_however_the_bytes_are_cut(conversation, cuts):
    wire, said = conversation
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    assert heard(*(wire[start:end] for start, end in pairwise(edges))) == said


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
def test_every_form_of_length(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert heard(sent(Opcode.BINARY, data[:size], mask=True)) == [Said("binary", data[:size])]


@pytest.mark.parametrize(
    ("payload", "close"),
    [
        (b"", [1005, ""]),
        (b"\x03", [1005, ""]),
        (b"\x0d\xadbad request", [3501, "bad request"]),
        ("\x03é".encode(), [0x03C3, "\ufffd"]),
    ],
)
def test_a_close_frame_is_the_last_that_is_heard(payload, close):
    said = heard(sent(Opcode.CLOSE, payload) + sent(Opcode.TEXT, b"late"))
    assert [(kind, json.loads(text)) for kind, text in said] == [("close", close)]


@pytest.mark.parametrize(
    "wire",
    [
        b"\xc1\x00",
        b"\x83\x00",
        b"\x09\x00",
        b"\x89\x7e\x00\x80",
        sent(Opcode.CONT, b"x"),
        sent(Opcode.TEXT, b"x", fin=False) + sent(Opcode.TEXT, b"y"),
    ],
    ids=[
        "compressed",
        "reserved opcode",
        "ping in fragments",
        "long ping",
        "continues nothing",
        "begins inside another",
    ],
)
def test_what_is_no_websocket_is_lost(wire):
    said = heard(sent(Opcode.TEXT, b"before") + wire + sent(Opcode.TEXT, b"after"))
    assert said[0] == Said("text", b"before")
    assert [kind for kind, _ in said] == ["text", "lost"]
    assert said[1].payload.startswith(b"no WebSocket: ")


def test_a_message_over_the_limit_is_lost_before_it_comes(monkeypatch):
    monkeypatch.setattr(taps, "MAX_MESSAGE_BYTES", 10)
    assert heard(sent(Opcode.TEXT, b"x" * 10)) == [Said("text", b"x" * 10)]
    fragments = sent(Opcode.TEXT, b"x" * 9, fin=False) + sent(Opcode.CONT, b"xx")
    for wire in (sent(Opcode.TEXT, b"x" * 11)[:2], fragments):
        assert heard(wire) == [Said("lost", b"a message of more than 10 bytes passed")]


def test_unfinished_messages_share_their_room():
    held = Held(20)
    first, second = Tap(held), Tap(held)
    assert list(first.feed(sent(Opcode.TEXT, b"x" * 15, fin=False))) == []
    assert [said.kind for said in second.feed(sent(Opcode.TEXT, b"y" * 6))] == ["lost"]
    assert list(first.feed(sent(Opcode.CONT, b""))) == [Said("text", b"x" * 15)]
    assert heard(sent(Opcode.TEXT, b"z" * 20), held=held) == [Said("text", b"z" * 20)]
    third = Tap(held)
    list(third.feed(sent(Opcode.TEXT, b"x" * 20, fin=False)))
    third.stop()
    assert heard(sent(Opcode.TEXT, b"z" * 20), held=held) == [Said("text", b"z" * 20)]
