"""liveproto: the Grafana Live protocol as pure state machines.

``liveproto.session.server`` is a server's side of one connection, ``.client`` a client across its connections,
``liveproto.wire`` the records they exchange, ``liveproto.channel`` the addresses. No sockets, no clock, no randomness:
bytes and times go in, bytes and events come out. SPEC.md is the normative text; requirement ids such as GL-SUB-003
refer to it.
"""

from liveproto.channel import Channel, parse_channel, split_prefix
from liveproto.errors import (
    InvalidChannelError,
    LimitExceededError,
    LiveprotoError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from liveproto.session.client import ClientProtocol
from liveproto.session.client_options import ClientLimits, ClientTiming
from liveproto.session.server import Limits, ServerProtocol, Timing

__version__ = "0.1.0"

__all__ = [
    "Channel",
    "ClientLimits",
    "ClientProtocol",
    "ClientTiming",
    "InvalidChannelError",
    "LimitExceededError",
    "Limits",
    "LiveprotoError",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "ServerProtocol",
    "Timing",
    "parse_channel",
    "split_prefix",
]
