"""What the machines report: frozen values with names for their parts."""

import typing

import attrs
import pytest

from liveproto.errors import RemoteProtocolError
from liveproto.session import events as ev
from liveproto.wire import messages as m

PARTS = {
    ev.Batch: ("data", "binary"),
    ev.Close: ("code", "reason"),
    ev.Open: (),
    ev.ProtocolViolated: ("error",),
    ev.Disconnected: ("code", "reason", "reconnect"),
    ev.ConnectRequested: ("ticket", "request"),
    ev.SubscribeRequested: ("ticket", "request"),
    ev.PublishRequested: ("ticket", "request"),
    ev.CommandRequested: ("ticket", "request"),
    ev.Unsubscribed: ("channel", "code", "reason"),
    ev.SendReceived: ("data",),
    ev.Connecting: ("code", "reason"),
    ev.Connected: ("result",),
    ev.ConnectFailed: ("code", "reason"),
    ev.TokenRequested: ("channel",),
    ev.RefreshFailed: ("channel", "code", "reason"),
    ev.Subscribing: ("channel", "code", "reason"),
    ev.SubscribeFailed: ("channel", "code", "reason"),
    ev.Subscribed: ("channel", "result"),
    ev.PublicationReceived: ("channel", "publication"),
    ev.PushReceived: ("push",),
    ev.ReplyReceived: ("command_id", "result"),
    ev.ErrorReceived: ("command_id", "error"),
    ev.CommandFailed: ("command_id", "code", "reason"),
}


@pytest.mark.parametrize(("event", "parts"), PARTS.items())
def test_parts(event, parts):
    assert tuple(field.name for field in attrs.fields(event)) == parts
    assert all(field.kw_only for field in attrs.fields(event))


@pytest.mark.parametrize("event", PARTS)
def test_events_are_documented(event):
    assert event.__doc__.endswith((".", ")."))


def test_what_a_server_reports():
    assert set(typing.get_args(ev.ServerEvent)) == {
        ev.ConnectRequested,
        ev.SubscribeRequested,
        ev.PublishRequested,
        ev.CommandRequested,
        ev.Unsubscribed,
        ev.SendReceived,
        ev.ProtocolViolated,
        ev.Disconnected,
    }


def test_what_a_client_reports():
    assert set(typing.get_args(ev.ClientEvent)) == {
        ev.Connecting,
        ev.Connected,
        ev.ConnectFailed,
        ev.TokenRequested,
        ev.RefreshFailed,
        ev.Subscribing,
        ev.SubscribeFailed,
        ev.Subscribed,
        ev.Unsubscribed,
        ev.PublicationReceived,
        ev.PushReceived,
        ev.ReplyReceived,
        ev.ErrorReceived,
        ev.CommandFailed,
        ev.ProtocolViolated,
        ev.Disconnected,
    }


def test_what_a_machine_sends():
    assert set(typing.get_args(ev.Output)) == {ev.Batch, ev.Close}
    assert set(typing.get_args(ev.ClientOutput)) == {ev.Open, ev.Batch, ev.Close}


def test_events_are_values():
    one = ev.SubscribeRequested(ticket=ev.Ticket(1), request=m.SubscribeRequest(channel="c"))
    assert one == ev.SubscribeRequested(ticket=ev.Ticket(1), request=m.SubscribeRequest(channel="c"))
    assert one != ev.SubscribeRequested(ticket=ev.Ticket(2), request=m.SubscribeRequest(channel="c"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.ticket = ev.Ticket(3)


def test_defaults():
    assert ev.Batch(data=b"{}").binary is False
    plain = ev.Unsubscribed(channel="c")
    assert (plain.code, plain.reason) == (0, "")
    assert ev.TokenRequested().channel == ""


def test_a_violation_carries_the_error():
    error = RemoteProtocolError("got a push", "GL-CONN-003")
    assert ev.ProtocolViolated(error=error).error is error
