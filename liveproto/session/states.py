"""States, inputs and transition tables of both roles: pure data.

Theory. A server's connection waits for ``connect``, asks the application, and then serves until it is closed (its own
doing, the transport's, or a rule of time) or failed (the peer broke a rule). While it asks, and while an unsubscribe
waits for the subscribe before it, later commands are held, so they never meet those states: the connect reply stays
first and effects keep their order (GL-CONN-003, GL-SUB-011). Each channel of a connection has a small table of its own,
because a subscribe is answered at leisure while other commands go on.

CLOSED and FAILED have no rows: whatever comes later is dropped. A client outlives its connections, so its tables are
those of the SDK specification, with the reasons for connecting told apart.

Every command is first classified into exactly one input (``liveproto.session.server``), so that no cell has a
condition. An absent cell is a violation of the requirement that ``VIOLATIONS`` names, closed with 3501.

Sources: centrifuge 0.35.0 client.go (dispatch and its order); Client SDK specification, centrifuge-js 5.7.4 and
centrifuge-python 0.7.0 for the client.
"""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from liveproto.session import local_codes as local
from liveproto.session.machine import Transition as T  # noqa: N817 - sixty rows read better
from liveproto.wire import codes
from liveproto.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServerState(enum.Enum):
    """Of one connection, seen from the server."""

    OPEN = "waiting for connect"
    CONNECTING = "asking the application"
    CONNECTED = "serving"
    REFUSED = "connect was answered with an error"
    CLOSED = "closed"
    FAILED = "closed for a fault of the peer"


class ServerInput(enum.Enum):
    """Everything that can happen to a server's connection."""

    CONNECT = "connect"
    CONNECT_WITHOUT_ID = "connect without id"
    SUBSCRIBE = "subscribe or unsubscribe"
    SUBSCRIBE_TOO_LONG = "subscribe to a channel over the byte limit"
    SUBSCRIBE_OVER_LIMIT = "subscribe over the limit of channels"
    REQUEST = "a request the application answers"
    REQUEST_NOT_AVAILABLE = "a request the application does not serve"
    WITHOUT_ID = "a request without id"
    SUBSCRIBE_INCOMPLETE = "subscribe without channel"
    SUBSCRIBE_DELTA_UNKNOWN = "subscribe with an unknown delta"
    UNSUBSCRIBE_INCOMPLETE = "unsubscribe without channel"
    PUBLISH_INCOMPLETE = "publish without channel"
    PUBLISH_WITHOUT_DATA = "publish without data"
    LOOKUP_INCOMPLETE = "presence, history or sub_refresh without channel"
    REFRESH_UNEXPECTED = "refresh or sub_refresh of what does not expire, or refresh without token"
    SUB_REFRESH_NOT_SUBSCRIBED = "sub_refresh of a channel not subscribed"
    SUB_REFRESH_WITHOUT_TOKEN = "sub_refresh without token"  # noqa: S105 - a description
    SEND = "send"
    SEND_NOT_AVAILABLE = "send the application does not serve"
    PONG = "pong that was due"
    PONG_UNEXPECTED = "pong that was not due"
    UNKNOWN = "a command with no known request"
    UNDECODABLE = "a line that cannot be read"
    OVERSIZE = "a message over the size limit"
    ACCEPT = "application: connect accepted"
    REFUSE = "application: connect refused"
    DISCONNECT = "application: disconnect"
    PING_DUE = "time: ping due"
    PONG_OVERDUE = "time: pong overdue"
    STALE = "time: no connect"
    SUBSCRIBE_OVERDUE = "time: the subscribe before an unsubscribe is not answered"
    OVERFLOW = "output queue over its limit"
    TRANSPORT_CLOSED = "transport closed"


class ChannelState(enum.Enum):
    """Of one channel on one connection, seen from the server."""

    ABSENT = "not subscribed"
    SUBSCRIBING = "asking the application"
    SUBSCRIBED = "subscribed"


class ChannelInput(enum.Enum):
    """Everything that can happen to a channel on a server's connection."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    ACCEPT = "application: subscribe accepted"
    REFUSE = "application: subscribe refused"
    REVOKE = "application: unsubscribe"
    PUSH = "application: push"


_S, _I = ServerState, ServerInput
_C, _CI = ChannelState, ChannelInput

_OPEN_STATES: Final = (_S.OPEN, _S.CONNECTING, _S.CONNECTED, _S.REFUSED)
_LINES: Final = tuple(_I)[: tuple(_I).index(_I.OVERSIZE)]
"""What a line of a client's message can be."""

SERVER_TRANSITIONS: Final[Mapping[tuple[ServerState, ServerInput], T[ServerState]]] = MappingProxyType(
    {
        (_S.OPEN, _I.CONNECT): T(_S.CONNECTING, "ask", "GL-CONN-001"),
        (_S.CONNECTING, _I.ACCEPT): T(_S.CONNECTED, "start", "GL-CONN-001"),
        # An error reply leaves the connection unusable, not closed: the stale timer ends it.
        (_S.CONNECTING, _I.REFUSE): T(_S.REFUSED, "answer", "GL-CONN-011"),
        # What a client sent behind a connect, not knowing that it would be refused, is no fault.
        **{(_S.REFUSED, line): T(_S.REFUSED, "ignore", "GL-CONN-011") for line in _LINES},
        (_S.CONNECTED, _I.SUBSCRIBE): T(_S.CONNECTED, "channel", "GL-SUB-001"),
        (_S.CONNECTED, _I.SUBSCRIBE_TOO_LONG): T(_S.CONNECTED, "refuse", "GL-SUB-013", ErrorCode.BAD_REQUEST),
        (_S.CONNECTED, _I.SUBSCRIBE_OVER_LIMIT): T(_S.CONNECTED, "refuse", "GL-SUB-014", ErrorCode.LIMIT_EXCEEDED),
        (_S.CONNECTED, _I.REQUEST): T(_S.CONNECTED, "ask", "GL-WIRE-044"),
        (_S.CONNECTED, _I.REQUEST_NOT_AVAILABLE): T(_S.CONNECTED, "refuse", "GL-CODE-007", ErrorCode.NOT_AVAILABLE),
        (_S.CONNECTED, _I.SUB_REFRESH_NOT_SUBSCRIBED): T(
            _S.CONNECTED, "refuse", "GL-CMD-008", ErrorCode.PERMISSION_DENIED
        ),
        (_S.CONNECTED, _I.SUB_REFRESH_WITHOUT_TOKEN): T(_S.CONNECTED, "refuse", "GL-CODE-007", ErrorCode.BAD_REQUEST),
        (_S.CONNECTED, _I.SEND): T(_S.CONNECTED, "send_received", "GL-CMD-002"),
        # Send has no reply, so the close is the only way to tell the client.
        (_S.CONNECTED, _I.SEND_NOT_AVAILABLE): T(_S.CLOSED, "close", "GL-CMD-003", codes.NOT_AVAILABLE),
        (_S.CONNECTED, _I.PONG): T(_S.CONNECTED, "pong_received", "GL-PING-007"),
        (_S.CONNECTED, _I.PING_DUE): T(_S.CONNECTED, "ping", "GL-PING-001"),
        (_S.CONNECTED, _I.PONG_OVERDUE): T(_S.CLOSED, "close", "GL-PING-003", codes.NO_PONG),
        (_S.CONNECTED, _I.SUBSCRIBE_OVERDUE): T(_S.CLOSED, "give_up", "GL-SUB-011", codes.INTERNAL_SERVER_ERROR),
        (_S.OPEN, _I.STALE): T(_S.CLOSED, "close", "GL-CONN-009", codes.STALE),
        (_S.CONNECTING, _I.STALE): T(_S.CLOSED, "close", "GL-CONN-009", codes.STALE),
        (_S.REFUSED, _I.STALE): T(_S.CLOSED, "close", "GL-CONN-009", codes.STALE),
        **{(state, _I.OVERSIZE): T(_S.CLOSED, "close", "GL-WIRE-025", codes.MESSAGE_SIZE) for state in _OPEN_STATES},
        **{(state, _I.OVERFLOW): T(_S.CLOSED, "drop", "GL-CODE-013", codes.SLOW) for state in _OPEN_STATES},
        **{(state, _I.DISCONNECT): T(_S.CLOSED, "disconnect", "GL-CODE-005") for state in _OPEN_STATES},
        **{(state, _I.TRANSPORT_CLOSED): T(_S.CLOSED, "end", "GL-SUB-019") for state in _OPEN_STATES},
    }
)

CHANNEL_TRANSITIONS: Final[Mapping[tuple[ChannelState, ChannelInput], T[ChannelState]]] = MappingProxyType(
    {
        (_C.ABSENT, _CI.SUBSCRIBE): T(_C.SUBSCRIBING, "ask", "GL-SUB-001"),
        (_C.SUBSCRIBING, _CI.SUBSCRIBE): T(_C.SUBSCRIBING, "refuse", "GL-SUB-005", ErrorCode.ALREADY_SUBSCRIBED),
        (_C.SUBSCRIBED, _CI.SUBSCRIBE): T(_C.SUBSCRIBED, "refuse", "GL-SUB-003", ErrorCode.ALREADY_SUBSCRIBED),
        (_C.ABSENT, _CI.UNSUBSCRIBE): T(_C.ABSENT, "confirm", "GL-SUB-009"),
        # Answering now would let the subscribe win afterwards: the unsubscribe, and all after it, wait.
        (_C.SUBSCRIBING, _CI.UNSUBSCRIBE): T(_C.SUBSCRIBING, "hold", "GL-SUB-011"),
        (_C.SUBSCRIBED, _CI.UNSUBSCRIBE): T(_C.ABSENT, "leave", "GL-SUB-007"),
        (_C.SUBSCRIBING, _CI.ACCEPT): T(_C.SUBSCRIBED, "answer", "GL-SUB-001"),
        (_C.SUBSCRIBING, _CI.REFUSE): T(_C.ABSENT, "answer", "GL-SUB-006"),
        # Told even when not subscribed, so that both sides agree in the end.
        (_C.ABSENT, _CI.REVOKE): T(_C.ABSENT, "revoke", "GL-CODE-012"),
        (_C.SUBSCRIBED, _CI.REVOKE): T(_C.ABSENT, "revoke", "GL-CODE-012"),
        (_C.SUBSCRIBED, _CI.PUSH): T(_C.SUBSCRIBED, "push", "GL-SUB-016"),
    }
)

VIOLATIONS: Final[Mapping[ServerInput, str]] = MappingProxyType(
    {
        _I.CONNECT: "GL-CONN-004",
        _I.CONNECT_WITHOUT_ID: "GL-CONN-005",
        _I.WITHOUT_ID: "GL-WIRE-038",
        _I.SUBSCRIBE_INCOMPLETE: "GL-SUB-002",
        _I.SUBSCRIBE_DELTA_UNKNOWN: "GL-SUB-030",
        _I.UNSUBSCRIBE_INCOMPLETE: "GL-SUB-012",
        _I.PUBLISH_INCOMPLETE: "GL-PUB-003",
        _I.PUBLISH_WITHOUT_DATA: "GL-PUB-004",
        _I.LOOKUP_INCOMPLETE: "GL-CMD-005",
        _I.REFRESH_UNEXPECTED: "GL-CMD-007",
        _I.PONG_UNEXPECTED: "GL-PING-004",
        _I.UNKNOWN: "GL-WIRE-043",
        _I.UNDECODABLE: "GL-WIRE-013",
    }
)
"""Rule that a peer's input breaks where the table has no cell for it, on a connection that serves."""


def violated_requirement(state: ServerState, input_: ServerInput) -> str:
    """Name the rule that ``input_`` breaks in ``state``, which has no cell for it."""
    if input_ in {_I.UNDECODABLE, _I.CONNECT_WITHOUT_ID}:
        return VIOLATIONS[input_]
    return "GL-CONN-002" if state is _S.OPEN else VIOLATIONS[input_]


class ClientState(enum.Enum):
    """Of a client, across connections; what the SDKs call connecting is the four states in the middle."""

    DISCONNECTED = "disconnected"
    WAITING = "waiting to connect"
    ASKING = "waiting for a token"
    OPENING = "waiting for a transport"
    CONNECTING = "waiting for the connect reply"
    CONNECTED = "connected"


class ClientInput(enum.Enum):
    """Everything that can happen to a client."""

    CONNECT = "caller: connect"
    DISCONNECT = "caller: disconnect"
    COMMAND = "caller: a command that is answered"
    SEND = "caller: send"
    TOKEN = "caller: the token asked for"  # noqa: S105 - a description
    TOKEN_EMPTY = "caller: there is no token"  # noqa: S105 - a description
    OPENED = "transport open"
    CONNECT_ACCEPTED = "connect reply"
    CONNECT_REFUSED_FOR_NOW = "error reply to connect, temporary or token expired"
    CONNECT_REFUSED = "error reply to connect, final"
    CONNECT_MALFORMED = "connect reply without result or client"
    REPLY = "reply to another command"
    REPLY_UNKNOWN = "reply with an id not in use"
    CHANNEL_PUSH = "push of a channel"
    PUSH = "push of no channel"
    PING = "ping"
    UNDECODABLE = "a line that cannot be read"
    UNSUBSCRIBE_FAILED = "unsubscribe refused or not answered"
    REFRESH_REFUSED = "refresh refused for good"
    TRANSPORT_LOST = "transport closed, to connect again"
    TRANSPORT_CLOSED = "transport closed for good"
    RETRY_DUE = "time: waited long enough"
    RETRY_DUE_EXPIRED = "time: waited long enough, the token has expired"
    CONNECT_OVERDUE = "time: transport not open, or connect not answered"
    SUBSCRIBE_OVERDUE = "time: subscribe not answered"
    PING_OVERDUE = "time: nothing received"
    TOKEN_DUE = "time: the token expires"  # noqa: S105 - a description


class SubscriptionState(enum.Enum):
    """Of one channel, seen from the client; what the SDKs call subscribing is the four states in the middle."""

    UNSUBSCRIBED = "unsubscribed"
    QUEUED = "waiting for a connection"
    RETRYING = "waiting to subscribe again"
    ASKING = "waiting for a token"
    SUBSCRIBING = "waiting for the subscribe reply"
    SUBSCRIBED = "subscribed"


class SubscriptionInput(enum.Enum):
    """Everything that can happen to a client's subscription."""

    SUBSCRIBE = "caller: subscribe"
    UNSUBSCRIBE = "caller: unsubscribe"
    TOKEN = "caller: the token asked for"  # noqa: S105 - a description
    TOKEN_EMPTY = "caller: there is no token"  # noqa: S105 - a description
    READY = "connection open, or waited long enough"
    READY_EXPIRED = "the same, and the token has expired"
    LOST = "connection lost"
    ACCEPTED = "subscribe reply"
    REFUSED_FOR_NOW = "error reply to subscribe, temporary or token expired"
    REFUSED = "error reply to subscribe, final"
    REFUSED_TWICE = "error reply to subscribe, already subscribed"
    REFRESH_REFUSED = "refresh refused for good"
    REVOKED = "unsubscribe push, final"
    RESUBSCRIBE = "unsubscribe push, to be renewed"
    PUSH = "publication, join or leave"
    TOKEN_DUE = "time: the token expires"  # noqa: S105 - a description


_K, _KI = ClientState, ClientInput
_B, _BI = SubscriptionState, SubscriptionInput

_TRYING: Final = (_K.WAITING, _K.ASKING, _K.OPENING, _K.CONNECTING)
_ATTEMPTING: Final = (_K.OPENING, _K.CONNECTING)

CLIENT_TRANSITIONS: Final[Mapping[tuple[ClientState, ClientInput], T[ClientState]]] = MappingProxyType(
    {
        (_K.DISCONNECTED, _KI.CONNECT): T(_K.OPENING, "start", "GL-CLIENT-001", local.CONNECT_CALLED),
        **{
            (state, _KI.DISCONNECT): T(_K.DISCONNECTED, "stop", "GL-CLIENT-001", local.DISCONNECT_CALLED)
            for state in (*_TRYING, _K.CONNECTED)
        },
        **{(state, _KI.COMMAND): T(state, "hold", "GL-CLIENT-009") for state in _TRYING},
        (_K.CONNECTED, _KI.COMMAND): T(_K.CONNECTED, "send", "GL-CLIENT-009"),
        # What is never answered is not held either: nobody could tell whether it went.
        (_K.CONNECTED, _KI.SEND): T(_K.CONNECTED, "send_once", "GL-CLIENT-009"),
        (_K.WAITING, _KI.RETRY_DUE): T(_K.OPENING, "open", "GL-CLIENT-003"),
        (_K.WAITING, _KI.RETRY_DUE_EXPIRED): T(_K.ASKING, "ask", "GL-CLIENT-012"),
        (_K.ASKING, _KI.TOKEN): T(_K.OPENING, "open", "GL-CLIENT-012"),
        (_K.CONNECTED, _KI.TOKEN_DUE): T(_K.CONNECTED, "ask", "GL-CLIENT-013"),
        (_K.CONNECTED, _KI.TOKEN): T(_K.CONNECTED, "refresh", "GL-CLIENT-013"),
        (_K.CONNECTED, _KI.REFRESH_REFUSED): T(_K.DISCONNECTED, "stop", "GL-CLIENT-013"),
        **{
            (state, _KI.TOKEN_EMPTY): T(_K.DISCONNECTED, "stop", "GL-CLIENT-012", local.UNAUTHORIZED)
            for state in (_K.ASKING, _K.CONNECTED)
        },
        (_K.OPENING, _KI.OPENED): T(_K.CONNECTING, "greet", "GL-CLIENT-002"),
        (_K.CONNECTING, _KI.CONNECT_ACCEPTED): T(_K.CONNECTED, "connected", "GL-CONN-001"),
        (_K.CONNECTING, _KI.CONNECT_REFUSED_FOR_NOW): T(_K.WAITING, "retry", "GL-CODE-011"),
        (_K.CONNECTING, _KI.CONNECT_REFUSED): T(_K.DISCONNECTED, "stop", "GL-CODE-011"),
        **{
            (state, _KI.CONNECT_OVERDUE): T(_K.WAITING, "retry", "GL-CLIENT-004", local.TIMEOUT)
            for state in _ATTEMPTING
        },
        **{(state, _KI.TRANSPORT_LOST): T(_K.WAITING, "retry", "GL-CODE-009") for state in _ATTEMPTING},
        (_K.CONNECTED, _KI.TRANSPORT_LOST): T(_K.WAITING, "reconnect", "GL-CODE-009"),
        **{
            (state, _KI.TRANSPORT_CLOSED): T(_K.DISCONNECTED, "stop", "GL-CODE-009")
            for state in (*_ATTEMPTING, _K.CONNECTED)
        },
        (_K.CONNECTING, _KI.CHANNEL_PUSH): T(_K.CONNECTING, "push", "GL-CONN-003"),
        (_K.CONNECTED, _KI.REPLY): T(_K.CONNECTED, "reply", "GL-WIRE-040"),
        **{(_K.CONNECTED, each): T(_K.CONNECTED, "push", "GL-WIRE-030") for each in (_KI.CHANNEL_PUSH, _KI.PUSH)},
        (_K.CONNECTED, _KI.PING): T(_K.CONNECTED, "pong", "GL-PING-011"),
        **{(state, _KI.REPLY_UNKNOWN): T(state, "ignore", "GL-WIRE-030") for state in (_K.CONNECTING, _K.CONNECTED)},
        (_K.CONNECTED, _KI.PING_OVERDUE): T(_K.WAITING, "reconnect", "GL-PING-013", local.NO_PING),
        # The server may have subscribed, or still be: only a new connection makes both sides agree.
        (_K.CONNECTED, _KI.SUBSCRIBE_OVERDUE): T(_K.WAITING, "reconnect", "GL-CLIENT-005", local.SUBSCRIBE_TIMEOUT),
        (_K.CONNECTED, _KI.UNSUBSCRIBE_FAILED): T(_K.WAITING, "reconnect", "GL-CLIENT-006", local.UNSUBSCRIBE_ERROR),
    }
)

CLIENT_VIOLATIONS: Final[Mapping[ClientInput, str]] = MappingProxyType(
    {
        _KI.CONNECT_MALFORMED: "GL-CONN-001",
        _KI.REPLY: "GL-CONN-003",
        _KI.PUSH: "GL-CONN-003",
        _KI.PING: "GL-CONN-003",
        _KI.UNDECODABLE: "GL-WIRE-031",
    }
)
"""Rule that a server's input breaks where the table has no cell for it, on a connection that is open."""

_UNDER_WAY: Final = (_B.RETRYING, _B.ASKING, _B.SUBSCRIBING)

SUBSCRIPTION_TRANSITIONS: Final[Mapping[tuple[SubscriptionState, SubscriptionInput], T[SubscriptionState]]] = (
    MappingProxyType(
        {
            (_B.UNSUBSCRIBED, _BI.SUBSCRIBE): T(_B.QUEUED, "announce", "GL-CLIENT-011", local.SUBSCRIBE_CALLED),
            **{
                (state, _BI.UNSUBSCRIBE): T(_B.UNSUBSCRIBED, "end", "GL-CLIENT-011", local.UNSUBSCRIBE_CALLED)
                for state in (_B.QUEUED, _B.RETRYING, _B.ASKING)
            },
            (_B.SUBSCRIBING, _BI.UNSUBSCRIBE): T(_B.UNSUBSCRIBED, "leave", "GL-SUB-011", local.UNSUBSCRIBE_CALLED),
            (_B.SUBSCRIBED, _BI.UNSUBSCRIBE): T(_B.UNSUBSCRIBED, "leave", "GL-SUB-007", local.UNSUBSCRIBE_CALLED),
            (_B.QUEUED, _BI.READY): T(_B.SUBSCRIBING, "send", "GL-CLIENT-002"),
            (_B.RETRYING, _BI.READY): T(_B.SUBSCRIBING, "send", "GL-SUB-028"),
            **{(state, _BI.READY_EXPIRED): T(_B.ASKING, "ask", "GL-CLIENT-014") for state in (_B.QUEUED, _B.RETRYING)},
            (_B.ASKING, _BI.TOKEN): T(_B.QUEUED, "ignore", "GL-CLIENT-014"),
            (_B.ASKING, _BI.TOKEN_EMPTY): T(_B.UNSUBSCRIBED, "end", "GL-CLIENT-014", local.UNAUTHORIZED),
            (_B.SUBSCRIBED, _BI.TOKEN_DUE): T(_B.SUBSCRIBED, "ask", "GL-CLIENT-014"),
            (_B.SUBSCRIBED, _BI.TOKEN): T(_B.SUBSCRIBED, "refresh", "GL-CLIENT-014"),
            (_B.SUBSCRIBED, _BI.TOKEN_EMPTY): T(_B.UNSUBSCRIBED, "leave", "GL-CLIENT-014", local.UNAUTHORIZED),
            (_B.SUBSCRIBED, _BI.REFRESH_REFUSED): T(_B.UNSUBSCRIBED, "leave", "GL-CLIENT-014"),
            **{
                (state, _BI.LOST): T(_B.QUEUED, "rest", "GL-CLIENT-002")
                for state in (_B.QUEUED, _B.RETRYING, _B.SUBSCRIBING)
            },
            (_B.ASKING, _BI.LOST): T(_B.ASKING, "ignore", "GL-CLIENT-002"),
            (_B.SUBSCRIBED, _BI.LOST): T(_B.QUEUED, "announce", "GL-CLIENT-016", local.TRANSPORT_CLOSED),
            (_B.SUBSCRIBING, _BI.ACCEPTED): T(_B.SUBSCRIBED, "succeed", "GL-SUB-001"),
            (_B.SUBSCRIBING, _BI.REFUSED_FOR_NOW): T(_B.RETRYING, "retry", "GL-SUB-028"),
            (_B.SUBSCRIBING, _BI.REFUSED): T(_B.UNSUBSCRIBED, "end", "GL-SUB-028"),
            **{
                (state, _BI.REVOKED): T(_B.UNSUBSCRIBED, "end", "GL-SUB-026")
                for state in (_B.RETRYING, _B.ASKING, _B.SUBSCRIBED)
            },
            # The server has a subscription that nobody knows of here.
            (_B.SUBSCRIBING, _BI.REFUSED_TWICE): T(_B.UNSUBSCRIBED, "leave", "GL-CLIENT-020"),
            # It may be of an older subscription, and the subscribe under way succeed.
            (_B.SUBSCRIBING, _BI.REVOKED): T(_B.UNSUBSCRIBED, "leave", "GL-CLIENT-020"),
            (_B.SUBSCRIBED, _BI.RESUBSCRIBE): T(_B.QUEUED, "renew", "GL-SUB-026"),
            # It is being made anew already.
            **{(state, _BI.RESUBSCRIBE): T(state, "ignore", "GL-SUB-026") for state in _UNDER_WAY},
            # Plain channels may deliver before the subscribe reply; a channel nobody waits for is ignored.
            (_B.SUBSCRIBING, _BI.PUSH): T(_B.SUBSCRIBING, "deliver", "GL-SUB-025"),
            (_B.SUBSCRIBED, _BI.PUSH): T(_B.SUBSCRIBED, "deliver", "GL-SUB-016"),
        }
    )
)
"""A channel without a subscription has no machine: pushes and replies of it are ignored (GL-WIRE-030)."""
