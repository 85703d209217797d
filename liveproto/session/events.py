"""What the machines report: frozen values, drained with ``events()``.

A change of state has the SDK's word (Subscribed), an arrival is a noun and Received, a question to the server's
application ends in Requested and is answered by its ticket.
"""

from __future__ import annotations

from typing import NewType, TypeAlias

import attrs
from msgspec import Raw  # noqa: TC002 - attrs resolves it

from liveproto.errors import RemoteProtocolError  # noqa: TC001 - attrs resolves it
from liveproto.wire.messages import (  # noqa: TC001 - attrs resolves them
    ConnectRequest,
    ConnectResult,
    Error,
    HistoryRequest,
    PresenceRequest,
    PresenceStatsRequest,
    Publication,
    PublishRequest,
    Push,
    RefreshRequest,
    Result,
    RPCRequest,
    SubRefreshRequest,
    SubscribeRequest,
    SubscribeResult,
)

Ticket = NewType("Ticket", int)
"""Names one question to the application; unlike command ids, which a client may repeat, never used twice."""

CommandId = NewType("CommandId", int)
"""The id under which a client's command was sent."""


@attrs.frozen(kw_only=True)
class Batch:
    """One transport message to send."""

    data: bytes
    binary: bool = False


@attrs.frozen(kw_only=True)
class Close:
    """Close the transport with this code and reason; nothing follows on it."""

    code: int
    reason: str


@attrs.frozen(kw_only=True)
class Open:
    """Open a new transport, and tell by ``receive_open`` or ``receive_close`` how that went."""


@attrs.frozen(kw_only=True)
class ProtocolViolated:
    """The peer broke a rule; its later input is dropped (reported once)."""

    error: RemoteProtocolError


@attrs.frozen(kw_only=True)
class Disconnected:
    """At a server: the connection is over, closed by either side or lost. At a client: it does not connect again."""

    code: int
    reason: str
    reconnect: bool
    """Whether the client connects again by itself (GL-CODE-009); false wherever a client reports it."""


@attrs.frozen(kw_only=True)
class ConnectRequested:
    """A client asks to connect: answer with ``accept`` or ``refuse`` (GL-CONN-001)."""

    ticket: Ticket
    request: ConnectRequest


@attrs.frozen(kw_only=True)
class SubscribeRequested:
    """A client asks to subscribe: answer with ``accept`` or ``refuse`` (GL-SUB-001)."""

    ticket: Ticket
    request: SubscribeRequest


@attrs.frozen(kw_only=True)
class PublishRequested:
    """A client asks to publish: answer with ``reply`` or ``refuse`` (GL-PUB-001)."""

    ticket: Ticket
    request: PublishRequest


@attrs.frozen(kw_only=True)
class CommandRequested:
    """A client asks for anything else: answer with ``reply`` or ``refuse``."""

    ticket: Ticket
    request: RPCRequest | PresenceRequest | PresenceStatsRequest | HistoryRequest | RefreshRequest | SubRefreshRequest


@attrs.frozen(kw_only=True)
class Unsubscribed:
    """A subscription ended: at a server the client left it; at a client also if the server revoked or refused it."""

    channel: str
    code: int = 0
    reason: str = ""


@attrs.frozen(kw_only=True)
class SendReceived:
    """A client's one-way message; there is nothing to answer (GL-CMD-002)."""

    data: Raw | None


@attrs.frozen(kw_only=True)
class Connecting:
    """The client is connecting: it was told to, or it lost a connection and comes back (GL-CLIENT-011)."""

    code: int
    reason: str


@attrs.frozen(kw_only=True)
class Connected:
    """The server accepted the connection (GL-CONN-001)."""

    result: ConnectResult


@attrs.frozen(kw_only=True)
class ConnectFailed:
    """An attempt to connect failed; another follows after a wait (GL-CLIENT-003)."""

    code: int
    """Of the error reply, of the close, or local: 1 for no answer in time, 2 for a transport that ended."""
    reason: str


@attrs.frozen(kw_only=True)
class TokenRequested:
    """The server wants a newer token: give it with ``provide_token`` (GL-CLIENT-012, GL-CLIENT-014)."""

    channel: str = ""
    """Whose subscription the token is for; empty for the connection."""


@attrs.frozen(kw_only=True)
class RefreshFailed:
    """A newer token could not be handed over; another is requested after a wait (GL-CLIENT-013)."""

    channel: str
    code: int
    reason: str


@attrs.frozen(kw_only=True)
class Subscribing:
    """A subscription is being made or renewed, now or once there is a connection (GL-CLIENT-011)."""

    channel: str
    code: int
    reason: str


@attrs.frozen(kw_only=True)
class SubscribeFailed:
    """A subscribe was refused for now; another follows after a wait (GL-SUB-028)."""

    channel: str
    code: int
    reason: str


@attrs.frozen(kw_only=True)
class Subscribed:
    """The server accepted a subscription (GL-SUB-001)."""

    channel: str
    result: SubscribeResult


@attrs.frozen(kw_only=True)
class PublicationReceived:
    """A Publication arrived on a channel we subscribe to, perhaps before Subscribed (GL-SUB-025)."""

    channel: str
    publication: Publication


@attrs.frozen(kw_only=True)
class PushReceived:
    """A push of another kind arrived: join, leave, message, subscribe or refresh."""

    push: Push


@attrs.frozen(kw_only=True)
class ReplyReceived:
    """A command of the caller was answered."""

    command_id: CommandId
    result: Result


@attrs.frozen(kw_only=True)
class ErrorReceived:
    """A command of the caller was refused."""

    command_id: CommandId
    error: Error


@attrs.frozen(kw_only=True)
class CommandFailed:
    """A command of the caller was not answered; the server may have carried it out all the same (GL-CLIENT-007)."""

    command_id: CommandId
    code: int
    reason: str


ServerEvent: TypeAlias = (
    ConnectRequested
    | SubscribeRequested
    | PublishRequested
    | CommandRequested
    | Unsubscribed
    | SendReceived
    | ProtocolViolated
    | Disconnected
)
ClientEvent: TypeAlias = (
    Connecting
    | Connected
    | ConnectFailed
    | TokenRequested
    | RefreshFailed
    | Subscribing
    | SubscribeFailed
    | Subscribed
    | Unsubscribed
    | PublicationReceived
    | PushReceived
    | ReplyReceived
    | ErrorReceived
    | CommandFailed
    | ProtocolViolated
    | Disconnected
)
Output: TypeAlias = Batch | Close
ClientOutput: TypeAlias = Open | Batch | Close
