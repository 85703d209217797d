"""Who may subscribe and publish where: Grafana's answer to a channel, as a pure function.

Theory. Grafana looks at a channel in a fixed order: prefix, organisation, grammar, scope, and then asks the scope's
handler. Faults before the handler are Centrifuge errors; the handler's own answers are HTTP statuses used as codes.
Plugins and data sources decide for themselves; the ones here accept everything.

Not here: delivery, presence, streams of plugins.
Sources: grafana pkg/services/live/live.go, orgchannel, features/.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from liveproto.channel import Channel, Organisation, parse_channel, split_prefix
from liveproto.errors import InvalidChannelError
from liveproto.grafana.release import Release  # noqa: TC001 - attrs resolves it
from liveproto.wire.codes import ErrorCode, protocol_error
from liveproto.wire.messages import Error

INVALID_CHANNEL: Final = Error(code=400, message="invalid channel ID")
FORBIDDEN: Final = Error(code=403, message="Forbidden")
NOT_FOUND: Final = Error(code=404, message="Not Found")


class Act(enum.Enum):
    """What a client wants to do with a channel."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"


@attrs.frozen
class Granted:
    """The act is allowed."""

    channel: Channel
    join_leave: bool = False
    """Whether subscribers are told of each other."""


def decide(prefixed: str, act: Act, *, organisation: Organisation, release: Release) -> Granted | Error:
    """Answer a client of ``organisation`` that names a channel as it stands on the WebSocket.

    Returns:
        Granted, or the error of the reply (GL-CHAN-006, -009, -010, -011, GL-PUB-009).
    """
    try:
        owner, channel_id = split_prefix(prefixed)
    except InvalidChannelError:
        return protocol_error(ErrorCode.INTERNAL)
    if owner != organisation:
        return protocol_error(ErrorCode.PERMISSION_DENIED)
    return decide_unprefixed(channel_id, act, release=release)


def decide_unprefixed(channel_id: str, act: Act, *, release: Release) -> Granted | Error:
    """Answer for a channel as HTTP names it, without organisation."""
    try:
        channel = parse_channel(channel_id, dots=release.dots)
    except InvalidChannelError:
        return INVALID_CHANNEL
    match channel.scope:
        case "stream":
            return Granted(channel) if act is Act.SUBSCRIBE else FORBIDDEN
        case "plugin" | "ds":
            return Granted(channel)
        case "watch":
            return Granted(channel) if act is Act.SUBSCRIBE else protocol_error(ErrorCode.INTERNAL)
        case "grafana":
            return _decide_feature(channel, act, release)
        case _:
            return protocol_error(ErrorCode.INTERNAL)


def _decide_feature(channel: Channel, act: Act, release: Release) -> Granted | Error:
    match channel.namespace:
        case "dashboard" if not channel.path.startswith("uid/"):
            return NOT_FOUND
        case "dashboard":
            # Only the editing-started event may be published; it comes with the dashboards.
            return Granted(channel, join_leave=True) if act is Act.SUBSCRIBE else protocol_error(ErrorCode.INTERNAL)
        case "broadcast" if release.has_broadcast:
            return Granted(channel, join_leave=True)
        case _:
            return protocol_error(ErrorCode.INTERNAL)
