"""Codes that a client gives its own changes of state; a server never sends them.

One number means different things in different lists, as in the SDKs: a list belongs to one kind of event.
Sources: centrifuge-js 5.7.4 codes.ts, centrifuge-python 0.7.0 codes.py; texts as both were seen to report them.
"""

from __future__ import annotations

from typing import Final

from liveproto.wire import codes
from liveproto.wire.codes import Disconnect

# Why the client is connecting.
CONNECT_CALLED: Final = Disconnect(0, "connect called")
TRANSPORT_CLOSED: Final = Disconnect(1, "transport closed")
"""Also why a subscription is subscribing."""
NO_PING: Final = Disconnect(2, "no ping")
SUBSCRIBE_TIMEOUT: Final = Disconnect(3, "subscribe timeout")
UNSUBSCRIBE_ERROR: Final = Disconnect(4, "unsubscribe error")

# Why the client is disconnected.
DISCONNECT_CALLED: Final = Disconnect(0, "disconnect called")
UNAUTHORIZED: Final = Disconnect(1, "unauthorized")
"""Also why a subscription is unsubscribed."""
BAD_PROTOCOL: Final = Disconnect(2, "bad protocol")
MESSAGE_SIZE_LIMIT: Final = Disconnect(3, "message size limit exceeded")

# Why a subscription is subscribing, and unsubscribed.
SUBSCRIBE_CALLED: Final = Disconnect(0, "subscribe called")
UNSUBSCRIBE_CALLED: Final = Disconnect(0, "unsubscribe called")

# Why an attempt or a command failed.
TIMEOUT: Final = Disconnect(1, "timeout")
CONNECT_INTERRUPTED: Final = Disconnect(2, "transport closed")
CLIENT_DISCONNECTED: Final = Disconnect(3, "client disconnected")
CONNECTION_CLOSED: Final = Disconnect(11, "connection closed")


def of_close(code: int, reason: str) -> Disconnect:
    """Name a close as the client reports it: its own code where that is the protocol's, else a local one.

    A code below 3000 says nothing about the protocol, but for 1009 (GL-CLIENT-017).
    """
    if code >= codes.FIRST_PROTOCOL_CLOSE:
        return Disconnect(code, reason)
    return MESSAGE_SIZE_LIMIT if code == codes.MESSAGE_SIZE.code else TRANSPORT_CLOSED
