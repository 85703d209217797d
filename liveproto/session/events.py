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
    """Close the transport with this code and reason; nothing follows."""

    code: int
    reason: str


@attrs.frozen(kw_only=True)
class ProtocolViolated:
    """The peer broke a rule; its later input is dropped (reported once)."""

    error: RemoteProtocolError


@attrs.frozen(kw_only=True)
class Disconnected:
    """The connection is over: closed by either side, or lost (reported once)."""

    code: int
    reason: str
    reconnect: bool
    """Whether a client may connect again (GL-CODE-009)."""


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
    """A subscription ended: at a server the client left it, at a client the server revoked or refused it."""

    channel: str
    code: int = 0
    reason: str = ""
    temporary: bool = False
    """Whether subscribing again may succeed (GL-SUB-028)."""


@attrs.frozen(kw_only=True)
class SendReceived:
    """A client's one-way message; there is nothing to answer (GL-CMD-002)."""

    data: Raw | None


@attrs.frozen(kw_only=True)
class Connected:
    """The server accepted the connection (GL-CONN-001)."""

    result: ConnectResult


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
    """A command other than connect and subscribe was answered."""

    command_id: CommandId
    result: Result


@attrs.frozen(kw_only=True)
class ErrorReceived:
    """A command other than connect and subscribe was refused."""

    command_id: CommandId
    error: Error


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
    Connected
    | Subscribed
    | Unsubscribed
    | PublicationReceived
    | PushReceived
    | ReplyReceived
    | ErrorReceived
    | ProtocolViolated
    | Disconnected
)
Output: TypeAlias = Batch | Close
