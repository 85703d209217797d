"""The exception tree and what each exception says."""

import pytest

from liveproto.errors import (
    ChannelRule,
    InvalidChannelError,
    LimitExceededError,
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
