"""The exception tree and what each exception says."""

import pickle

import pytest

from liveproto.errors import (
    ChannelRule,
    FrameError,
    InvalidChannelError,
    LimitExceededError,
    LineErrorKind,
    LineProtocolError,
    LiveprotoError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from liveproto.wire.codes import BAD_REQUEST


@pytest.mark.parametrize(
    ("error", "parents"),
    [
        (ProtocolError, (LiveprotoError,)),
        (LocalProtocolError, (ProtocolError,)),
        (RemoteProtocolError, (ProtocolError,)),
        (InvalidChannelError, (LiveprotoError, ValueError)),
        (LineProtocolError, (LiveprotoError, ValueError)),
        (FrameError, (LiveprotoError, ValueError)),
        (LimitExceededError, (LiveprotoError,)),
        (LiveprotoError, (Exception,)),
    ],
)
def test_tree(error, parents):
    assert error.__bases__ == parents


def test_local_protocol_error_names_the_requirement():
    error = LocalProtocolError('expected "connect" first, got "subscribe"', "GL-CONN-002")
    assert str(error) == 'expected "connect" first, got "subscribe" (GL-CONN-002)'
    assert error.requirement == "GL-CONN-002"


def test_remote_protocol_error_carries_the_close():
    error = RemoteProtocolError("got a second connect", "GL-CONN-004", BAD_REQUEST)
    assert str(error) == "got a second connect (GL-CONN-004)"
    assert (error.requirement, error.disconnect.code, error.disconnect.reason) == ("GL-CONN-004", 3501, "bad request")


def test_remote_protocol_error_without_a_close():
    assert RemoteProtocolError("got push", "GL-CONN-003").disconnect is None


def test_invalid_channel_error_names_its_rule():
    error = InvalidChannelError("expected at most 160 bytes, got 161", ChannelRule.LENGTH)
    assert str(error) == "expected at most 160 bytes, got 161 (GL-CHAN-005)"
    assert error.reason is ChannelRule.LENGTH


def test_limit_exceeded_error_says_which_limit():
    error = LimitExceededError("queue_bytes", 11, 10)
    assert str(error) == "queue_bytes: got 11, expected at most 10"
    assert (error.limit, error.value, error.maximum) == ("queue_bytes", 11, 10)


def test_channel_rules_have_requirement_ids():
    assert {rule.name: rule.value for rule in ChannelRule} == {
        "PARTS": "GL-CHAN-001",
        "SCOPE_OR_NAMESPACE": "GL-CHAN-002",
        "SCOPE_OR_NAMESPACE_DOTTED": "GL-CHAN-003",
        "PATH": "GL-CHAN-004",
        "LENGTH": "GL-CHAN-005",
        "PREFIX": "GL-CHAN-009",
    }


def line_error(text, column):
    return LineProtocolError('"=" after the tag key', LineErrorKind.TAG, 7, column, text)


def test_line_protocol_error_shows_the_line_and_a_caret():
    error = line_error(b"cpu,host v=1", 9)
    assert str(error) == (
        'line 7, column 9, tag: expected "=" after the tag key\n'
        "    cpu,host v=1\n"
        "            ^"
    )  # fmt: skip
    assert (error.line, error.column, error.kind, error.text) == (7, 9, "tag", b"cpu,host v=1")
    assert error.expected == '"=" after the tag key'


@pytest.mark.parametrize(
    ("text", "column", "shown", "caret"),
    [
        (b"m", 2, "m", 1),
        (b"", 1, "", 0),
        (b"a\tb\x00c\x7f", 5, r"a\tb\x00c\x7f", 8),
        (b"\xff\xfe=", 3, r"\xff\xfe=", 8),
        ("größe v".encode(), 8, "größe v", 5),
        ("é".encode(), 2, r"\xc3\xa9", 4),
        (b"x" * 40 + b"=" + b"y" * 39, 41, "x" * 40 + "=" + "y" * 39, 40),
        (b"x" * 41 + b"=" + b"y" * 40, 42, "…" + "x" * 40 + "=" + "y" * 39 + "…", 41),
    ],
)
def test_the_caret_stands_under_the_column_of_what_is_shown(text, column, shown, caret):
    assert str(line_error(text, column)).splitlines()[1:] == ["    " + shown, "    " + " " * caret + "^"]


def test_line_protocol_error_can_be_pickled():
    error = pickle.loads(pickle.dumps(line_error(b"m,a v=1", 4)))
    assert (error.line, error.column, error.kind) == (7, 4, LineErrorKind.TAG)
