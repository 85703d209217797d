"""Commands to inputs: the order of the questions, and each answer."""

import pytest
from msgspec import Raw

from liveproto.session.classify import Facts, classify, request_of
from liveproto.session.machine import Machine
from liveproto.session.states import CHANNEL_TRANSITIONS, ChannelState
from liveproto.session.states import ServerInput as I
from liveproto.wire import messages as m

EVERYTHING = frozenset(m.REQUEST_FIELDS)
DATA = Raw(b"{}")


def facts(serves=EVERYTHING, **changes):
    """Of a connection with one channel subscribed and one being subscribed, of three it may have."""
    channels = {
        "subscribed": Machine(CHANNEL_TRANSITIONS, ChannelState.SUBSCRIBED),
        "expiring": Machine(CHANNEL_TRANSITIONS, ChannelState.SUBSCRIBED),
        "asking": Machine(CHANNEL_TRANSITIONS, ChannelState.SUBSCRIBING),
    }
    return Facts(
        **{
            "serves": serves,
            "channel_bytes": 12,
            "max_channels": 4,
            "channels": channels,
            "expiring": {"expiring", "asking"},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("command", "input_"),
    [
        (m.Command(id=1, connect=m.ConnectRequest()), I.CONNECT),
        (m.Command(connect=m.ConnectRequest()), I.CONNECT_WITHOUT_ID),
        (m.Command(), I.PONG_UNEXPECTED),
        (m.Command(rpc=m.RPCRequest()), I.WITHOUT_ID),
        (m.Command(ping=m.PingRequest()), I.WITHOUT_ID),
        (m.Command(send=m.SendRequest()), I.SEND),
        (m.Command(id=1, send=m.SendRequest()), I.SEND),
        (m.Command(id=1), I.UNKNOWN),
        (m.Command(id=1, ping=m.PingRequest()), I.UNKNOWN),
        (m.Command(id=1, ping=m.PingRequest(), rpc=m.RPCRequest()), I.REQUEST_NOT_AVAILABLE),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="new")), I.SUBSCRIBE),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="new", delta="fossil")), I.SUBSCRIBE),
        (m.Command(id=1, subscribe=m.SubscribeRequest()), I.SUBSCRIBE_INCOMPLETE),
        (m.Command(id=1, subscribe=m.SubscribeRequest(delta="x")), I.SUBSCRIBE_INCOMPLETE),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="x" * 13, delta="x")), I.SUBSCRIBE_DELTA_UNKNOWN),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="x" * 12)), I.SUBSCRIBE),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="x" * 13)), I.SUBSCRIBE_TOO_LONG),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="é" * 6)), I.SUBSCRIBE),
        (m.Command(id=1, subscribe=m.SubscribeRequest(channel="é" * 7)), I.SUBSCRIBE_TOO_LONG),
        (m.Command(id=1, unsubscribe=m.UnsubscribeRequest(channel="x" * 99)), I.SUBSCRIBE),
        (m.Command(id=1, unsubscribe=m.UnsubscribeRequest()), I.UNSUBSCRIBE_INCOMPLETE),
        (m.Command(id=1, publish=m.PublishRequest(channel="x", data=DATA)), I.REQUEST),
        (m.Command(id=1, publish=m.PublishRequest(channel="x", data=Raw(b"null"))), I.REQUEST),
        (m.Command(id=1, publish=m.PublishRequest(channel="x")), I.PUBLISH_WITHOUT_DATA),
        (m.Command(id=1, publish=m.PublishRequest(data=DATA)), I.PUBLISH_INCOMPLETE),
        (m.Command(id=1, publish=m.PublishRequest()), I.PUBLISH_INCOMPLETE),
        (m.Command(id=1, presence=m.PresenceRequest(channel="x")), I.REQUEST),
        (m.Command(id=1, presence=m.PresenceRequest()), I.LOOKUP_INCOMPLETE),
        (m.Command(id=1, presence_stats=m.PresenceStatsRequest(channel="x")), I.REQUEST),
        (m.Command(id=1, presence_stats=m.PresenceStatsRequest()), I.LOOKUP_INCOMPLETE),
        (m.Command(id=1, history=m.HistoryRequest(channel="x")), I.REQUEST),
        (m.Command(id=1, history=m.HistoryRequest()), I.LOOKUP_INCOMPLETE),
        (m.Command(id=1, rpc=m.RPCRequest()), I.REQUEST),
        (m.Command(id=1, refresh=m.RefreshRequest(token="t")), I.REFRESH_UNEXPECTED),
        (m.Command(id=1, sub_refresh=m.SubRefreshRequest(token="t")), I.LOOKUP_INCOMPLETE),
        (m.Command(id=1, sub_refresh=m.SubRefreshRequest(channel="x", token="t")), I.SUB_REFRESH_NOT_SUBSCRIBED),
        (m.Command(id=1, sub_refresh=m.SubRefreshRequest(channel="asking", token="t")), I.SUB_REFRESH_NOT_SUBSCRIBED),
        (m.Command(id=1, sub_refresh=m.SubRefreshRequest(channel="subscribed", token="t")), I.REFRESH_UNEXPECTED),
        (m.Command(id=1, sub_refresh=m.SubRefreshRequest(channel="expiring")), I.SUB_REFRESH_WITHOUT_TOKEN),
        (m.Command(id=1, sub_refresh=m.SubRefreshRequest(channel="expiring", token="t")), I.REQUEST),
    ],
)
def test_a_command_is_one_input(command, input_):
    assert classify(command, facts()) is input_


def test_a_pong_is_due_when_the_connection_says_so():
    assert classify(m.Command(), facts(pong_due=True)) is I.PONG
    assert classify(m.Command(rpc=m.RPCRequest()), facts(pong_due=True)) is I.WITHOUT_ID


def test_a_refresh_is_expected_of_a_connection_that_expires():
    expiring = facts(connection_expires=True)
    assert classify(m.Command(id=1, refresh=m.RefreshRequest(token="t")), expiring) is I.REQUEST
    assert classify(m.Command(id=1, refresh=m.RefreshRequest()), expiring) is I.REFRESH_UNEXPECTED


def test_the_limit_of_channels_holds_for_new_ones_only():
    full = facts(max_channels=3)
    assert classify(m.Command(id=1, subscribe=m.SubscribeRequest(channel="new")), full) is I.SUBSCRIBE_OVER_LIMIT
    assert classify(m.Command(id=1, subscribe=m.SubscribeRequest(channel="asking")), full) is I.SUBSCRIBE


@pytest.mark.parametrize(
    ("command", "input_"),
    [
        (m.Command(id=1, subscribe=m.SubscribeRequest()), I.REQUEST_NOT_AVAILABLE),
        (m.Command(id=1, presence=m.PresenceRequest()), I.REQUEST_NOT_AVAILABLE),
        (m.Command(id=1, refresh=m.RefreshRequest()), I.REQUEST_NOT_AVAILABLE),
        (m.Command(send=m.SendRequest()), I.SEND_NOT_AVAILABLE),
        (m.Command(id=1, connect=m.ConnectRequest()), I.CONNECT),
        (m.Command(id=1, unsubscribe=m.UnsubscribeRequest()), I.UNSUBSCRIBE_INCOMPLETE),
        (m.Command(id=1, ping=m.PingRequest()), I.UNKNOWN),
    ],
)
def test_what_is_not_served_is_told_before_its_faults(command, input_):
    assert classify(command, facts(serves=frozenset())) is input_


def test_of_several_requests_the_first_in_the_order_of_centrifuge_counts():
    subscribe, rpc = m.SubscribeRequest(channel="x"), m.RPCRequest()
    assert request_of(m.Command(id=1, rpc=rpc, subscribe=subscribe)) is subscribe
    assert request_of(m.Command(id=1, rpc=rpc, send=m.SendRequest())) is rpc
    assert request_of(m.Command(id=1)) is None
