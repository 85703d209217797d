"""Mutants of STREAM: what is published of frames, and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec

from liveproto.frames import frame_json
from liveproto.grafana.managed_stream import ManagedStream, ManagedStreams
from liveproto.grafana.scopes import Granted
from liveproto.wire import messages as m
from liveproto_conformance.mutants.patches import decides
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.server import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto.frames.frame import DataFrame
    from liveproto.grafana.scopes import Act
    from liveproto_conformance.reference.server import Parts


def _keeping(parts: Parts, stream: type[ManagedStream]) -> Parts:
    """Serve other managed streams."""

    class Mutated(ManagedStreams):
        make_stream = stream

    return attrs.evolve(parts, streams=Mutated)


def _data_alone(frame: DataFrame) -> bytes:
    return b'{"data":%b}' % frame_json.encode_data(frame)


class _SilentAtFirst(ManagedStream):
    def push(self, frame: DataFrame, *, now_s: float) -> bytes:
        first = self.full is None
        published = super().push(frame, now_s=now_s)
        return _data_alone(frame) if first else published


@mutant(
    "GL-STREAM-001",
    "GL-STREAM-006",
    must_fail=("stream.the_first_frame_of_a_channel_has_its_schema", "stream.a_subscriber_has_a_schema_before_data"),
    why="a schema is published when it changes, and the first one has not changed",
)
def a_first_frame_is_published_as_data_alone(parts: Parts) -> Parts:
    return _keeping(parts, _SilentAtFirst)


class _Whole(ManagedStream):
    def push(self, frame: DataFrame, *, now_s: float) -> bytes:
        super().push(frame, now_s=now_s)
        return frame_json.encode(frame)


@mutant(
    "GL-STREAM-002",
    must_fail="stream.a_frame_of_the_same_schema_is_published_as_data_alone",
    why="each message is to be understood by itself, whatever was sent before",
)
def every_frame_is_published_whole(parts: Parts) -> Parts:
    return _keeping(parts, _Whole)


class _ByKey(ManagedStream):
    """Compares something of a frame where its schema should be."""

    def __init__(self) -> None:
        super().__init__()
        self._key: Hashable = None

    def push(self, frame: DataFrame, *, now_s: float) -> bytes:
        super().push(frame, now_s=now_s)
        before, self._key = self._key, self.key(frame)
        return _data_alone(frame) if before == self._key else frame_json.encode(frame)

    def key(self, frame: DataFrame) -> Hashable:
        """Return what is compared."""
        return tuple(field.name for field in frame.fields)


@mutant(
    "GL-STREAM-003",
    must_fail="stream.a_frame_of_another_schema_is_published_with_it",
    why="a schema is taken for its names of columns",
)
def schemas_are_compared_by_the_names_of_columns(parts: Parts) -> Parts:
    return _keeping(parts, _ByKey)


class _Unordered(_ByKey):
    def key(self, frame: DataFrame) -> Hashable:
        return frozenset((field.name, field.type, str(field.labels)) for field in frame.fields)


@mutant(
    "GL-STREAM-003",
    must_fail="stream.a_frame_of_another_schema_is_published_with_it",
    why="columns are compared as a map from names, which has no order",
)
def schemas_are_compared_without_the_order_of_columns(parts: Parts) -> Parts:
    return _keeping(parts, _Unordered)


class _Knowing(ManagedStream):
    def __init__(self) -> None:
        super().__init__()
        self._known: set[bytes] = set()

    def push(self, frame: DataFrame, *, now_s: float) -> bytes:
        super().push(frame, now_s=now_s)
        known = self.schema in self._known
        self._known.add(self.schema)
        return _data_alone(frame) if known else frame_json.encode(frame)


@mutant(
    "GL-STREAM-003",
    must_fail="stream.a_frame_of_another_schema_is_published_with_it",
    why="every schema that was ever published counts as known to everybody",
)
def a_schema_is_published_once_for_ever(parts: Parts) -> Parts:
    return _keeping(parts, _Knowing)


class _Forgetting(Connection):
    def subscribe_result(self, channel: str) -> m.SubscribeResult:  # noqa: ARG002 - it has nothing to say of any
        return m.SubscribeResult()


@mutant(
    "GL-STREAM-004",
    "GL-STREAM-006",
    "GL-STREAM-007",
    must_fail=(
        "stream.a_late_subscriber_is_given_the_last_frame",
        "stream.a_subscriber_has_a_schema_before_data",
        "stream.who_subscribes_again_is_given_the_last_frame_only",
    ),
    why="a stream is what is published while one listens",
)
def a_late_subscriber_is_given_nothing(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Forgetting)


class _KeepsTheMessage(ManagedStream):
    _message: bytes | None = None

    def push(self, frame: DataFrame, *, now_s: float) -> bytes:
        self._message = super().push(frame, now_s=now_s)
        return self._message

    @property
    def full(self) -> bytes | None:
        return self._message


@mutant(
    "GL-STREAM-004",
    must_fail="stream.a_late_subscriber_is_given_the_last_frame",
    why="what is kept is the last message as it was published, without schema as often as not",
)
def a_late_subscriber_is_given_the_last_message(parts: Parts) -> Parts:
    return _keeping(parts, _KeepsTheMessage)


class _ByStream(ManagedStreams):
    def push(self, channel: str, frame: DataFrame, *, now_s: float) -> bytes:
        return super().push(channel.rpartition("/")[0], frame, now_s=now_s)

    def full(self, channel: str) -> bytes | None:
        return super().full(channel.rpartition("/")[0])


@mutant(
    "GL-STREAM-005",
    must_fail="stream.each_channel_has_a_last_frame_of_its_own",
    why="the last frame is kept for each stream, whatever its paths",
)
def measurements_share_a_last_frame(parts: Parts) -> Parts:
    return attrs.evolve(parts, streams=_ByStream)


class _ByPath(ManagedStreams):
    def push(self, channel: str, frame: DataFrame, *, now_s: float) -> bytes:
        return super().push(channel.rpartition("/")[2], frame, now_s=now_s)

    def full(self, channel: str) -> bytes | None:
        return super().full(channel.rpartition("/")[2])


@mutant(
    "GL-STREAM-005",
    must_fail="stream.each_channel_has_a_last_frame_of_its_own",
    why="the key of the cache is the path alone, which another stream may have too",
)
def streams_share_a_last_frame(parts: Parts) -> Parts:
    return attrs.evolve(parts, streams=_ByPath)


class _Caching(Connection):
    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type] # those of the connection
        self._given: dict[str, m.SubscribeResult] = {}

    def subscribe_result(self, channel: str) -> m.SubscribeResult:
        return self._given.setdefault(channel, super().subscribe_result(channel))


@mutant(
    "GL-STREAM-007",
    must_fail="stream.who_subscribes_again_is_given_the_last_frame_only",
    why="what a connection was given for a channel is kept with the connection",
)
def a_connection_is_given_what_it_was_given_before(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Caching)


def _listing(parts: Parts, change: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> Parts:
    """Change the entries of the list."""

    class Mutated(ManagedStreams):
        def listing(self, *, now_s: float) -> bytes:
            listing = msgspec.json.decode(super().listing(now_s=now_s))
            return msgspec.json.encode({"channels": change(listing["channels"])})

    return attrs.evolve(parts, streams=Mutated)


@mutant(
    "GL-STREAM-008",
    must_fail="stream.the_list_has_each_channel_with_its_schema",
    why="a map is walked in the order it happens to have",
)
def the_list_is_in_no_order(parts: Parts) -> Parts:
    return _listing(parts, lambda entries: entries[::-1])


@mutant(
    "GL-STREAM-008",
    must_fail="stream.the_list_has_each_channel_with_its_schema",
    why="channels are listed under the names they have on the WebSocket",
)
def the_list_has_prefixed_channels(parts: Parts) -> Parts:
    return _listing(parts, lambda entries: [{**entry, "channel": f"1/{entry['channel']}"} for entry in entries])


class _Sampling(ManagedStream):
    def minute_rate(self, *, now_s: float) -> int:
        return min(1, super().minute_rate(now_s=now_s))


@mutant(
    "GL-STREAM-009",
    must_fail="stream.the_minute_rate_counts_frames",
    why="the slot of a second tells that there was a push, not how many",
)
def the_minute_rate_counts_seconds(parts: Parts) -> Parts:
    return _keeping(parts, _Sampling)


@mutant(
    "GL-STREAM-011",
    must_fail="stream.subscribers_of_a_stream_are_not_told_of_each_other",
    why="presence is switched on for every channel, as it is for dashboards",
)
def subscribers_of_streams_are_told_of_each_other(parts: Parts) -> Parts:
    def change(channel: str, _: Act, rules: Callable[[str], Granted | m.Error]) -> Granted | m.Error:
        decision = rules(channel)
        return attrs.evolve(decision, join_leave=True) if isinstance(decision, Granted) else decision

    return decides(parts, change)
