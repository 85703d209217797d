"""The codes a client gives itself, as the SDKs have them."""

import pytest

from liveproto.session import local_codes as local
from liveproto.wire.codes import Disconnect


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (local.CONNECT_CALLED, (0, "connect called")),
        (local.TRANSPORT_CLOSED, (1, "transport closed")),
        (local.NO_PING, (2, "no ping")),
        (local.SUBSCRIBE_TIMEOUT, (3, "subscribe timeout")),
        (local.UNSUBSCRIBE_ERROR, (4, "unsubscribe error")),
        (local.DISCONNECT_CALLED, (0, "disconnect called")),
        (local.UNAUTHORIZED, (1, "unauthorized")),
        (local.BAD_PROTOCOL, (2, "bad protocol")),
        (local.MESSAGE_SIZE_LIMIT, (3, "message size limit exceeded")),
        (local.SUBSCRIBE_CALLED, (0, "subscribe called")),
        (local.UNSUBSCRIBE_CALLED, (0, "unsubscribe called")),
        (local.TIMEOUT, (1, "timeout")),
        (local.CONNECT_INTERRUPTED, (2, "transport closed")),
        (local.CLIENT_DISCONNECTED, (3, "client disconnected")),
        (local.CONNECTION_CLOSED, (11, "connection closed")),
    ],
)
def test_codes(code, expected):
    assert code == Disconnect(*expected)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", local.TRANSPORT_CLOSED),
        (1006, "gone", local.TRANSPORT_CLOSED),
        (1009, "", local.MESSAGE_SIZE_LIMIT),
        (2999, "x", local.TRANSPORT_CLOSED),
        (3000, "x", Disconnect(3000, "x")),
        (3501, "bad request", Disconnect(3501, "bad request")),
        (5000, "", Disconnect(5000, "")),
    ],
)
def test_of_close(code, reason, expected):
    assert local.of_close(code, reason) == expected
