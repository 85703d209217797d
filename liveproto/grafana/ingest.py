"""Ingest: a pushed body of line protocol becomes the frames of its channels, or is refused as a whole.

Theory. Grafana looks at the frame format first and at the body then, and publishes nothing before all of it is
converted: one bad line refuses every line. A measurement becomes the last part of a channel as it stands, also where no
client could subscribe to such a channel.

Not here: who may push, what is published of a frame (``liveproto.grafana.managed_stream``), HTTP.
Sources: grafana pkg/services/live/pushhttp/push.go, pushurl/values.go, pushws/push_stream.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

from liveproto.errors import LimitExceededError, LineProtocolError
from liveproto.frames.converter import Converter, FrameFormat
from liveproto.frames.frame import DataFrame  # noqa: TC001 - attrs resolves it

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FRAME_FORMAT_PARAMETER: Final = "gf_live_frame_format"
DEFAULT_FRAME_FORMAT: Final = "labels_column"


@attrs.frozen
class ChannelFrame:
    """A frame and the channel that it is pushed to, without prefix."""

    channel: str
    frame: DataFrame


@attrs.frozen
class Refusal:
    """The body is refused with this HTTP status and nothing of it is published; ``reason`` is for people."""

    status: Literal[400, 500]
    reason: str


def make_converters() -> dict[str, Converter]:
    """Make a converter for each frame format; whoever serves keeps them, because they learn what is common."""
    formats: tuple[FrameFormat, ...] = get_args(FrameFormat)
    return {name: Converter(name) for name in formats}


def ingest(
    query: Iterable[tuple[str, str]],
    body: bytes,
    *,
    stream_id: str,
    converters: Mapping[str, Converter],
    now_ns: int,
) -> tuple[ChannelFrame, ...] | Refusal:
    """Turn a pushed body into frames, all of which are to be published, in this order.

    Args:
        query: name and value of each parameter of the URL, decoded, in order.
        body: what was posted, or one message of a push WebSocket.
        stream_id: of the path of the URL, decoded.
        converters: by the name of their frame format.
        now_ns: nanoseconds since the epoch, for lines without time.

    Returns:
        The frames (GL-INGEST-003), none for a body without points (GL-INGEST-009), or 400 for a frame format that does
        not exist (GL-INGEST-007), or 500 for a body that cannot be read (GL-INGEST-008) or converted within limits.
    """
    name = _frame_format(query)
    if name not in converters:
        return Refusal(400, f"unsupported frame format: expected {' or '.join(converters)}, got {name!r}")
    try:
        frames = converters[name].convert(body, now_ns=now_ns)
    except (LineProtocolError, LimitExceededError) as error:
        return Refusal(500, str(error))
    return tuple(ChannelFrame(f"stream/{stream_id}/{frame.name}", frame) for frame in frames)


def _frame_format(query: Iterable[tuple[str, str]]) -> str:
    """Return the format asked for: the first value counts, case does not, none or an empty one is the default."""
    given = next((value for name, value in query if name == FRAME_FORMAT_PARAMETER), "")
    return given.lower() or DEFAULT_FRAME_FORMAT
