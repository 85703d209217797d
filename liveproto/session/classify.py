"""Commands to inputs: which row of the server's table a command belongs to.

Theory. Everything a cell would otherwise have to ask (is there a channel, is it too long, is a pong due) is asked
here, once, in the order in which centrifuge looks; the answer is exactly one input, so that the tables need no
conditions. The functions are pure: what a connection knows comes in as ``Facts``.

Source: centrifuge 0.35.0 client.go, dispatchCommand and the handlers' first lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import msgspec

from liveproto.session.machine import Machine  # noqa: TC001 - attrs resolves it
from liveproto.session.states import ChannelInput, ChannelState, ServerInput
from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

Q = TypeVar("Q")

_DELTAS: Final = frozenset({"", "fossil"})
_ALWAYS_SERVED: Final = frozenset({m.ConnectRequest, m.UnsubscribeRequest, m.PingRequest})


@attrs.define(kw_only=True)
class Facts:
    """What a connection knows that decides what a command is; the server keeps it up to date."""

    serves: frozenset[type[m.Request]]
    channel_bytes: int
    max_channels: int
    channels: dict[str, Machine[ChannelState, ChannelInput]]
    expiring: set[str] = attrs.field(factory=set[str])
    """Channels whose subscription the client has to refresh."""
    connection_expires: bool = False
    pong_due: bool = False


def request_of(command: m.Command) -> m.Request | None:
    """Find the one request that counts: the first in centrifuge's order (GL-WIRE-019)."""
    for name in m.REQUEST_FIELDS.values():
        request: m.Request | None = getattr(command, name)
        if request is not None:
            return request
    return None


def classify(command: m.Command, facts: Facts) -> ServerInput:
    """Name the input that a command is."""
    request = request_of(command)
    if command.id == 0 and not isinstance(request, m.SendRequest):
        return _without_id(request, facts)
    if request is None:
        return ServerInput.UNKNOWN
    if type(request) not in facts.serves | _ALWAYS_SERVED:
        sends = isinstance(request, m.SendRequest)
        return ServerInput.SEND_NOT_AVAILABLE if sends else ServerInput.REQUEST_NOT_AVAILABLE
    return _CLASSIFIERS[type(request)](command, facts)


def _without_id(request: m.Request | None, facts: Facts) -> ServerInput:
    if request is not None:
        return ServerInput.CONNECT_WITHOUT_ID if isinstance(request, m.ConnectRequest) else ServerInput.WITHOUT_ID
    return ServerInput.PONG if facts.pong_due else ServerInput.PONG_UNEXPECTED


def _ping(command: m.Command, _: Facts) -> ServerInput:
    # Beside another request it is refused, alone it is unknown: as upstream has it (GL-CMD-009).
    alone = sum(getattr(command, name) is not None for name in m.REQUEST_FIELDS.values()) == 1
    return ServerInput.UNKNOWN if alone else ServerInput.REQUEST_NOT_AVAILABLE


def _subscribe(command: m.Command, facts: Facts) -> ServerInput:
    request = _of(command.subscribe)
    if not request.channel:
        return ServerInput.SUBSCRIBE_INCOMPLETE
    if request.delta not in _DELTAS:
        return ServerInput.SUBSCRIBE_DELTA_UNKNOWN
    if len(request.channel.encode()) > facts.channel_bytes:
        return ServerInput.SUBSCRIBE_TOO_LONG
    if request.channel not in facts.channels and len(facts.channels) >= facts.max_channels:
        return ServerInput.SUBSCRIBE_OVER_LIMIT
    return ServerInput.SUBSCRIBE


def _unsubscribe(command: m.Command, _: Facts) -> ServerInput:
    return ServerInput.SUBSCRIBE if _of(command.unsubscribe).channel else ServerInput.UNSUBSCRIBE_INCOMPLETE


def _publish(command: m.Command, _: Facts) -> ServerInput:
    request = _of(command.publish)
    if not request.channel:
        return ServerInput.PUBLISH_INCOMPLETE
    return ServerInput.PUBLISH_WITHOUT_DATA if request.data is msgspec.UNSET else ServerInput.REQUEST


def _lookup(command: m.Command, _: Facts) -> ServerInput:
    request = request_of(command)
    assert isinstance(request, m.PresenceRequest | m.PresenceStatsRequest | m.HistoryRequest)
    return ServerInput.REQUEST if request.channel else ServerInput.LOOKUP_INCOMPLETE


def _refresh(command: m.Command, facts: Facts) -> ServerInput:
    expected = facts.connection_expires and _of(command.refresh).token
    return ServerInput.REQUEST if expected else ServerInput.REFRESH_UNEXPECTED


def _sub_refresh(command: m.Command, facts: Facts) -> ServerInput:
    request = _of(command.sub_refresh)
    if not request.channel:
        return ServerInput.LOOKUP_INCOMPLETE
    machine = facts.channels.get(request.channel)
    if machine is None or machine.state is not ChannelState.SUBSCRIBED:
        return ServerInput.SUB_REFRESH_NOT_SUBSCRIBED
    if request.channel not in facts.expiring:
        return ServerInput.REFRESH_UNEXPECTED
    return ServerInput.REQUEST if request.token else ServerInput.SUB_REFRESH_WITHOUT_TOKEN


_CLASSIFIERS: Final[dict[type[m.Request], Callable[[m.Command, Facts], ServerInput]]] = {
    m.ConnectRequest: lambda _, __: ServerInput.CONNECT,
    m.PingRequest: _ping,
    m.SubscribeRequest: _subscribe,
    m.UnsubscribeRequest: _unsubscribe,
    m.PublishRequest: _publish,
    m.PresenceRequest: _lookup,
    m.PresenceStatsRequest: _lookup,
    m.HistoryRequest: _lookup,
    m.RPCRequest: lambda _, __: ServerInput.REQUEST,
    m.SendRequest: lambda _, __: ServerInput.SEND,
    m.RefreshRequest: _refresh,
    m.SubRefreshRequest: _sub_refresh,
}


def _of(request: Q | None) -> Q:
    """Narrow the request that ``request_of`` has found."""
    assert request is not None
    return request
