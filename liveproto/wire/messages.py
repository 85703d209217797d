"""The records of the protocol, named as in the Centrifuge protobuf.

Theory. A record is what stands between two braces on the wire. Fields keep the protobuf's order and spelling; a field
at its default is left out when written, as proto3 JSON does, and a field without a default is always written
(GL-WIRE-026). Payloads (protobuf ``bytes``) are any JSON value inline: they stay ``msgspec.Raw``, byte for byte,
and are ``UNSET`` when absent, so that an explicit ``null`` survives (GL-WIRE-023).

Not here: bytes and batches (``json_v2``), which record may come when (``liveproto.session``).
Source: centrifugal/protocol definitions/client.proto v0.16.0.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

Payload: TypeAlias = Raw | UnsetType
UInt32: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]
UInt64: TypeAlias = Annotated[int, Meta(ge=0)]
Int32: TypeAlias = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64: TypeAlias = int


class Record(Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of every record: immutable, zero values omitted; no record can be part of a cycle."""


class Error(Record, frozen=True):
    code: UInt32 = 0
    message: str = ""
    temporary: bool = False


class ClientInfo(Record, frozen=True):
    user: str
    client: str
    conn_info: Payload = UNSET
    chan_info: Payload = UNSET


class StreamPosition(Record, frozen=True):
    offset: UInt64 = 0
    epoch: str = ""


class Publication(Record, frozen=True):
    data: Payload = UNSET
    info: ClientInfo | None = None
    offset: UInt64 = 0
    tags: dict[str, str] | None = None
    delta: bool = False
    time: Int64 = 0
    """Milliseconds since the epoch."""
    channel: str = ""


class SubscribeRequest(Record, frozen=True):
    channel: str = ""
    token: str = ""
    recover: bool = False
    epoch: str = ""
    offset: UInt64 = 0
    data: Payload = UNSET
    positioned: bool = False
    recoverable: bool = False
    join_leave: bool = False
    delta: str = ""
    flag: Int64 = 0


class SubscribeResult(Record, frozen=True):
    expires: bool = False
    ttl: UInt32 = 0
    recoverable: bool = False
    epoch: str = ""
    publications: list[Publication] = []
    recovered: bool = False
    offset: UInt64 = 0
    positioned: bool = False
    data: Payload = UNSET
    was_recovering: bool = False
    delta: bool = False


class ConnectRequest(Record, frozen=True):
    token: str = ""
    data: Payload = UNSET
    subs: dict[str, SubscribeRequest] = {}
    name: str = ""
    version: str = ""
    headers: dict[str, str] = {}


class ConnectResult(Record, frozen=True):
    client: str = ""
    version: str = ""
    expires: bool = False
    ttl: UInt32 = 0
    data: Payload = UNSET
    subs: dict[str, SubscribeResult] = {}
    ping: UInt32 = 0
    """Seconds between pings; 0 means that none are sent."""
    pong: bool = False
    session: str = ""
    node: str = ""
    time: Int64 = 0
    """Milliseconds since the epoch."""


class UnsubscribeRequest(Record, frozen=True):
    channel: str = ""


class UnsubscribeResult(Record, frozen=True):
    pass


class PublishRequest(Record, frozen=True):
    channel: str = ""
    data: Payload = UNSET


class PublishResult(Record, frozen=True):
    pass


class PresenceRequest(Record, frozen=True):
    channel: str = ""


class PresenceResult(Record, frozen=True):
    presence: dict[str, ClientInfo]


class PresenceStatsRequest(Record, frozen=True):
    channel: str = ""


class PresenceStatsResult(Record, frozen=True):
    num_clients: UInt32
    num_users: UInt32


class HistoryRequest(Record, frozen=True):
    channel: str = ""
    limit: Int32 = 0
    since: StreamPosition | None = None
    reverse: bool = False


class HistoryResult(Record, frozen=True):
    publications: list[Publication]
    epoch: str
    offset: UInt64


class PingRequest(Record, frozen=True):
    pass


class SendRequest(Record, frozen=True):
    data: Payload = UNSET


class RPCRequest(Record, frozen=True):
    data: Payload = UNSET
    method: str = ""


class RPCResult(Record, frozen=True):
    data: Payload = UNSET


class RefreshRequest(Record, frozen=True):
    token: str = ""


class RefreshResult(Record, frozen=True):
    client: str = ""
    version: str = ""
    expires: bool = False
    ttl: UInt32 = 0


class SubRefreshRequest(Record, frozen=True):
    channel: str = ""
    token: str = ""


class SubRefreshResult(Record, frozen=True):
    expires: bool = False
    ttl: UInt32 = 0


class Join(Record, frozen=True):
    info: ClientInfo


class Leave(Record, frozen=True):
    info: ClientInfo


class Unsubscribe(Record, frozen=True):
    code: UInt32 = 0
    reason: str = ""


class Message(Record, frozen=True):
    data: Payload = UNSET


class Subscribe(Record, frozen=True):
    recoverable: bool = False
    epoch: str = ""
    offset: UInt64 = 0
    positioned: bool = False
    data: Payload = UNSET


class Refresh(Record, frozen=True):
    expires: bool = False
    ttl: UInt32 = 0


class Push(Record, frozen=True):
    """What arrives unasked; at most one kind is set. Connect and disconnect pushes exist on other transports only."""

    channel: str = ""
    pub: Publication | None = None
    join: Join | None = None
    leave: Leave | None = None
    unsubscribe: Unsubscribe | None = None
    message: Message | None = None
    subscribe: Subscribe | None = None
    refresh: Refresh | None = None


class Command(Record, frozen=True):
    """What a client sends; at most one request is handled. Without any, and with id 0, it is a pong."""

    id: UInt32 = 0
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: UnsubscribeRequest | None = None
    publish: PublishRequest | None = None
    presence: PresenceRequest | None = None
    presence_stats: PresenceStatsRequest | None = None
    history: HistoryRequest | None = None
    ping: PingRequest | None = None
    send: SendRequest | None = None
    rpc: RPCRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: SubRefreshRequest | None = None


class Reply(Record, frozen=True):
    """What a server sends: an error or one result with the command's id, or a push without. Empty, it is a ping."""

    id: UInt32 = 0
    error: Error | None = None
    push: Push | None = None
    connect: ConnectResult | None = None
    subscribe: SubscribeResult | None = None
    unsubscribe: UnsubscribeResult | None = None
    publish: PublishResult | None = None
    presence: PresenceResult | None = None
    presence_stats: PresenceStatsResult | None = None
    history: HistoryResult | None = None
    rpc: RPCResult | None = None
    refresh: RefreshResult | None = None
    sub_refresh: SubRefreshResult | None = None


Request: TypeAlias = (
    ConnectRequest
    | SubscribeRequest
    | UnsubscribeRequest
    | PublishRequest
    | PresenceRequest
    | PresenceStatsRequest
    | HistoryRequest
    | PingRequest
    | SendRequest
    | RPCRequest
    | RefreshRequest
    | SubRefreshRequest
)
Result: TypeAlias = (
    ConnectResult
    | SubscribeResult
    | UnsubscribeResult
    | PublishResult
    | PresenceResult
    | PresenceStatsResult
    | HistoryResult
    | RPCResult
    | RefreshResult
    | SubRefreshResult
)

REQUEST_FIELDS: dict[type[Request], str] = {
    ConnectRequest: "connect",
    PingRequest: "ping",
    SubscribeRequest: "subscribe",
    UnsubscribeRequest: "unsubscribe",
    PublishRequest: "publish",
    PresenceRequest: "presence",
    PresenceStatsRequest: "presence_stats",
    HistoryRequest: "history",
    RPCRequest: "rpc",
    SendRequest: "send",
    RefreshRequest: "refresh",
    SubRefreshRequest: "sub_refresh",
}
"""Field of Command for each request, in the order in which centrifuge looks for them (GL-WIRE-019)."""

RESULT_FIELDS: dict[type[Result], str] = {
    ConnectResult: "connect",
    SubscribeResult: "subscribe",
    UnsubscribeResult: "unsubscribe",
    PublishResult: "publish",
    PresenceResult: "presence",
    PresenceStatsResult: "presence_stats",
    HistoryResult: "history",
    RPCResult: "rpc",
    RefreshResult: "refresh",
    SubRefreshResult: "sub_refresh",
}
"""Field of Reply for each result."""
