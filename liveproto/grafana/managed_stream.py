"""Managed streams: what is published of a frame that was pushed, and what is kept for those who come later.

Theory. Of each channel the last frame is kept as two texts, its schema and its data. A frame whose schema is the same
text is published as data alone, any other one whole; who subscribes is given the last frame whole. So everybody has
seen the schema before a message that needs it. Nothing is accumulated, and nothing is ever dropped. Pushes are counted
in sixty slots of a second.

Not here: who may push, how lines become frames (``liveproto.grafana.ingest``), delivery.
Sources: grafana pkg/services/live/managedstream/{runner,cache_memory}.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from liveproto.frames import frame_json

if TYPE_CHECKING:
    from liveproto.frames.frame import DataFrame

MINUTE_S: Final = 60


class ManagedStream:
    """One channel: its last frame, and how often it was pushed to."""

    def __init__(self) -> None:
        self._schema: bytes | None = None
        self._data = b""
        self._slots = [(0, 0)] * MINUTE_S

    def push(self, frame: DataFrame, *, now_s: float) -> bytes:
        """Take a frame and return what is published of it (GL-STREAM-001, -002, -003).

        Args:
            frame: is the last one from now on.
            now_s: the time of day in seconds, for the rate.

        Raises:
            FrameError: its columns differ in length, ``meta`` has a key Grafana does not know, or a value cannot be
                JSON; nothing has changed.
        """
        schema, data = frame_json.encode_schema(frame), frame_json.encode_data(frame)
        known = schema == self._schema
        self._schema, self._data = schema, data
        self._count(int(now_s))
        return b'{"data":%b}' % data if known else _whole(schema, data)

    @property
    def full(self) -> bytes | None:
        """The last frame with its schema, which a subscriber is given (GL-STREAM-004); None before the first."""
        return None if self._schema is None else _whole(self._schema, self._data)

    @property
    def schema(self) -> bytes:
        """The last frame without its data (GL-STREAM-008); an empty object before the first."""
        return b"{}" if self._schema is None else b'{"schema":%b}' % self._schema

    def minute_rate(self, *, now_s: float) -> int:
        """Count the pushes of this second and the 59 before it (GL-STREAM-009)."""
        return sum(count for second, count in self._slots if second > int(now_s) - MINUTE_S)

    def _count(self, second: int) -> None:
        counted, count = self._slots[second % MINUTE_S]
        self._slots[second % MINUTE_S] = (second, count + 1 if counted == second else 1)


class ManagedStreams:
    """The managed streams of one organisation, by channel without prefix."""

    make_stream: ClassVar[type[ManagedStream]] = ManagedStream

    def __init__(self) -> None:
        self._streams: dict[str, ManagedStream] = {}

    def push(self, channel: str, frame: DataFrame, *, now_s: float) -> bytes:
        """Take a frame of a channel and return what is published of it; as ``ManagedStream.push``."""
        stream = self._streams.get(channel) or self.make_stream()
        published = stream.push(frame, now_s=now_s)
        self._streams[channel] = stream
        return published

    def full(self, channel: str) -> bytes | None:
        """Return what a subscriber of a channel is given; None where nothing was pushed to it."""
        stream = self._streams.get(channel)
        return None if stream is None else stream.full

    def listing(self, *, now_s: float) -> bytes:
        """Write the body of ``GET /api/live/list`` (GL-STREAM-008)."""
        channels = [
            {"channel": channel, "minute_rate": stream.minute_rate(now_s=now_s), "data": msgspec.Raw(stream.schema)}
            for channel, stream in sorted(self._streams.items())
        ]
        return msgspec.json.encode({"channels": channels})


def _whole(schema: bytes, data: bytes) -> bytes:
    return b'{"schema":%b,"data":%b}' % (schema, data)
