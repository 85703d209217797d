"""Mutants of INGEST: pushing line protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import WSCloseCode, web

from liveproto.channel import parse_channel
from liveproto.errors import InvalidChannelError
from liveproto.grafana.ingest import FRAME_FORMAT_PARAMETER, ChannelFrame, Refusal
from liveproto.grafana.managed_stream import ManagedStreams
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.push_socket import PushSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from liveproto.frames.frame import DataFrame
    from liveproto_conformance.reference.server import Parts

Query = tuple[tuple[str, str], ...]
Outcome = tuple[ChannelFrame, ...] | Refusal
_LATE_S = 0.2


def _ingests(parts: Parts, change: Callable[[Query, bytes, Callable[[Query, bytes], Outcome]], Outcome]) -> Parts:
    """Take bodies otherwise; the change gets parameters, body, and what the rules make of any of them."""

    def ingest(query: Query, body: bytes, **options: Any) -> Outcome:  # noqa: ANN401 - those of the rules
        return change(tuple(query), body, lambda query, body: parts.ingest(query, body, **options))

    return attrs.evolve(parts, ingest=ingest)


def _publishes(parts: Parts, change: Callable[[tuple[ChannelFrame, ...]], Outcome]) -> Parts:
    """Change the frames of every body that is taken."""

    def changed(query: Query, body: bytes, rules: Callable[[Query, bytes], Outcome]) -> Outcome:
        outcome = rules(query, body)
        return outcome if isinstance(outcome, Refusal) else change(outcome)

    return _ingests(parts, changed)


# -- by POST -----------------------------------------------------------------------------------------------------------


@web.middleware
async def _no_content(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    is_push = request.method == "POST" and "/push/" in request.path
    return web.Response(status=204) if is_push and response.status == web.HTTPOk.status_code else response


@mutant(
    "GL-INGEST-001",
    must_fail="ingest.a_body_that_can_be_read_is_answered_200",
    why="an answer without content has a status of its own, as InfluxDB's has",
)
def a_push_is_answered_204(parts: Parts) -> Parts:
    return attrs.evolve(parts, middlewares=(_no_content,))


class _Queueing(ManagedStreams):
    def __init__(self) -> None:
        super().__init__()
        self._at_once = ManagedStreams()

    def push(self, channel: str, frame: DataFrame, *, now_s: float) -> bytes:
        asyncio.get_running_loop().call_later(_LATE_S, lambda: super(_Queueing, self).push(channel, frame, now_s=now_s))
        return self._at_once.push(channel, frame, now_s=now_s)


@mutant(
    "GL-INGEST-002",
    must_fail="ingest.the_frames_are_published_before_the_answer",
    why="the last frame is written to the cache by a worker, and nobody waits for it",
)
def the_last_frame_is_kept_after_the_answer(parts: Parts) -> Parts:
    return attrs.evolve(parts, streams=_Queueing)


@mutant(
    "GL-INGEST-003",
    must_fail="ingest.the_channel_is_named_by_the_path_and_the_measurement",
    why="the stream id is cut out of the request line as it stands there",
)
def the_stream_id_stays_encoded(parts: Parts) -> Parts:
    def ingest(*arguments: Any, stream_id: str, **options: Any) -> Outcome:  # noqa: ANN401 - those of the rules
        return parts.ingest(*arguments, stream_id=stream_id.replace("-a", "%2Da"), **options)

    return attrs.evolve(parts, ingest=ingest)


def _first_part(each: ChannelFrame) -> ChannelFrame:
    return attrs.evolve(each, channel="/".join(each.channel.split("/")[:3]))


@mutant(
    "GL-INGEST-003",
    must_fail="ingest.the_channel_is_named_by_the_path_and_the_measurement",
    why="a channel is built of three parts, and what a slash begins is none of them",
)
def a_measurement_ends_at_a_slash(parts: Parts) -> Parts:
    return _publishes(parts, lambda frames: tuple(map(_first_part, frames)))


@mutant(
    "GL-INGEST-004",
    must_fail="ingest.each_frame_is_published_on_the_channel_of_its_measurement",
    why="the channel is made once for a body, of its first line",
)
def a_body_is_published_on_one_channel(parts: Parts) -> Parts:
    return _publishes(parts, lambda frames: tuple(attrs.evolve(each, channel=frames[0].channel) for each in frames))


@mutant(
    "GL-INGEST-004",
    "GL-STREAM-010",
    must_fail=(
        "ingest.each_frame_is_published_on_the_channel_of_its_measurement",
        "stream.frames_pushed_one_after_the_other_arrive_in_order",
    ),
    why="frames are taken from the end of their list, which is cheaper",
)
def the_frames_of_a_body_are_published_last_first(parts: Parts) -> Parts:
    return _publishes(parts, lambda frames: frames[::-1])


def _with_default(parts: Parts, frame_format: str) -> Parts:
    default = ((FRAME_FORMAT_PARAMETER, frame_format),)
    return _ingests(parts, lambda query, body, rules: rules(query if any(v for _, v in query) else default, body))


@mutant(
    "GL-INGEST-005",
    must_fail="ingest.the_default_frame_format_is_labels_column",
    why="the first releases had wide frames by default",
)
def the_default_frame_format_is_wide(parts: Parts) -> Parts:
    return _with_default(parts, "wide")


def _in_lower_case(query: Query) -> bool:
    return all(value == value.lower() for _, value in query)


@mutant(
    "GL-INGEST-006",
    must_fail="ingest.the_frame_format_is_known_in_any_case",
    why="the value is compared as it was given",
)
def frame_formats_are_case_sensitive(parts: Parts) -> Parts:
    refusal = Refusal(400, "a mutant")
    return _ingests(parts, lambda query, body, rules: rules(query, body) if _in_lower_case(query) else refusal)


@mutant(
    "GL-INGEST-006",
    must_fail="ingest.the_frame_format_is_known_in_any_case",
    why="parameters become a map, in which the last value stays",
)
def the_last_frame_format_counts(parts: Parts) -> Parts:
    return _ingests(parts, lambda query, body, rules: rules(query[::-1], body))


@mutant(
    "GL-INGEST-007",
    must_fail="ingest.another_frame_format_is_refused",
    why="a format that is not known is taken for the default",
)
def other_frame_formats_are_the_default(parts: Parts) -> Parts:
    def change(query: Query, body: bytes, rules: Callable[[Query, bytes], Outcome]) -> Outcome:
        outcome = rules(query, body)
        return rules((), body) if isinstance(outcome, Refusal) and outcome.status == 400 else outcome

    return _ingests(parts, change)


def _readable(body: bytes, rules: Callable[[Query, bytes], Outcome]) -> bytes:
    """Return the lines of a body that can be read by themselves."""
    return b"\n".join(line for line in body.split(b"\n") if not isinstance(rules((), line), Refusal))


@mutant(
    "GL-INGEST-008",
    must_fail="ingest.one_line_that_cannot_be_read_refuses_the_body",
    why="a line that cannot be read is skipped, so that it costs only itself",
)
def lines_that_cannot_be_read_are_skipped(parts: Parts) -> Parts:
    return _ingests(parts, lambda query, body, rules: rules(query, _readable(body, rules)))


@mutant(
    "GL-INGEST-008",
    must_fail="ingest.one_line_that_cannot_be_read_refuses_the_body",
    why="lines go into a buffer as they are read, and what was read before the bad one stays there",
)
def the_good_lines_of_a_refused_body_stay(parts: Parts) -> Parts:
    left: list[bytes] = []

    def change(query: Query, body: bytes, rules: Callable[[Query, bytes], Outcome]) -> Outcome:
        outcome = rules(query, body)
        if isinstance(outcome, Refusal):
            left.append(_readable(body, rules))
            return outcome
        kept = rules(query, b"\n".join(left))
        left.clear()
        return (*(() if isinstance(kept, Refusal) else kept), *outcome)

    return _ingests(parts, change)


@mutant(
    "GL-INGEST-008",
    must_fail="ingest.one_line_that_cannot_be_read_refuses_the_body",
    why="frames go into the cache as lines are read, and only publishing waits for the last one",
)
def the_frames_of_a_refused_body_are_kept(parts: Parts) -> Parts:
    refused: list[ChannelFrame] = []

    class Keeping(ManagedStreams):
        def push(self, channel: str, frame: DataFrame, *, now_s: float) -> bytes:
            while refused:
                kept = refused.pop()
                super().push(kept.channel, kept.frame, now_s=now_s)
            return super().push(channel, frame, now_s=now_s)

    def change(query: Query, body: bytes, rules: Callable[[Query, bytes], Outcome]) -> Outcome:
        outcome = rules(query, body)
        if isinstance(outcome, Refusal):
            good = rules(query, _readable(body, rules))
            refused.extend(() if isinstance(good, Refusal) else good)
        return outcome

    return attrs.evolve(_ingests(parts, change), streams=Keeping)


@mutant(
    "GL-INGEST-007",
    must_fail="ingest.another_frame_format_is_refused",
    why="whatever is wrong with a push is a failure of the server",
)
def another_frame_format_is_answered_500(parts: Parts) -> Parts:
    def change(query: Query, body: bytes, rules: Callable[[Query, bytes], Outcome]) -> Outcome:
        outcome = rules(query, body)
        return attrs.evolve(outcome, status=500) if isinstance(outcome, Refusal) else outcome

    return _ingests(parts, change)


@mutant(
    "GL-INGEST-009",
    must_fail="ingest.a_body_without_points_publishes_nothing",
    why="a body with nothing to publish is taken for a mistake",
)
def a_body_without_points_is_refused(parts: Parts) -> Parts:
    return _publishes(parts, lambda frames: frames or Refusal(400, "a mutant"))


def _names_a_channel(each: ChannelFrame) -> bool:
    try:
        parse_channel(each.channel)
    except InvalidChannelError:
        return False
    return True


@mutant(
    "GL-INGEST-010",
    must_fail="ingest.a_measurement_that_names_no_channel_is_taken",
    why="channels are checked before anything is published",
)
def a_measurement_that_names_no_channel_is_refused(parts: Parts) -> Parts:
    refusal = Refusal(400, "a mutant")
    return _publishes(parts, lambda frames: frames if all(map(_names_a_channel, frames)) else refusal)


@web.middleware
async def _texts_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method == "POST" and "/push/" in request.path and not request.content_type.startswith("text/"):
        raise web.HTTPUnsupportedMediaType
    return await handler(request)


@mutant(
    "GL-INGEST-011",
    must_fail="ingest.the_content_type_is_not_looked_at",
    why="line protocol is text, and nothing else is taken",
)
def a_body_must_be_text(parts: Parts) -> Parts:
    return attrs.evolve(parts, middlewares=(_texts_only,))


# -- by WebSocket ------------------------------------------------------------------------------------------------------


class _LineByLine(PushSocket):
    async def _take(self, body: bytes) -> None:
        for line in body.split(b"\n"):
            await super()._take(line)


@mutant(
    "GL-INGEST-012",
    must_fail="ingest.each_message_of_the_push_websocket_is_a_body",
    why="a socket is read line by line, whatever its messages",
)
def messages_are_taken_line_by_line(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_LineByLine)


class _Acknowledging(PushSocket):
    async def _take(self, body: bytes) -> None:
        await super()._take(body)
        await self._socket.send_str("{}")


@mutant(
    "GL-INGEST-013",
    must_fail="ingest.the_push_websocket_sends_no_message",
    why="who pushes wants to know that it arrived",
)
def messages_are_acknowledged(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Acknowledging)


class _Strict(PushSocket):
    async def _take(self, body: bytes) -> None:
        if self.take(body) is not None:
            await self.close(WSCloseCode.INVALID_TEXT)


@mutant(
    "GL-INGEST-014",
    must_fail="ingest.a_bad_message_leaves_the_push_websocket_open",
    why="an error ends the loop that reads, and so the connection",
)
def a_bad_message_ends_the_push_websocket(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Strict)


class _Small(PushSocket):
    message_bytes = 65_536


@mutant(
    "GL-INGEST-015",
    must_fail="ingest.a_message_above_1_mib_is_closed_with_1009",
    why="the limit of the protocol's WebSocket is that of this one too",
)
def the_push_websocket_takes_64_kib(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Small)


class _Large(PushSocket):
    message_bytes = 4 * 1024 * 1024


@mutant(
    "GL-INGEST-015",
    must_fail="ingest.a_message_above_1_mib_is_closed_with_1009",
    why="the limit is left at the default of the library",
)
def the_push_websocket_takes_4_mib(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Large)


class _Hasty(PushSocket):
    async def _ping(self) -> None:
        self._ping_interval_s /= 2
        await super()._ping()


@mutant(
    "GL-INGEST-016",
    must_fail="ingest.the_push_websocket_is_pinged",
    why="the interval of pings is taken for the time until the pong",
)
def pings_come_twice_as_often(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Hasty)


class _Patient(PushSocket):
    def patience_s(self) -> float:
        return super().patience_s() * 100


@mutant(
    "GL-INGEST-017",
    must_fail="ingest.a_push_websocket_without_pongs_is_ended",
    why="pings are sent and nobody waits for their pongs",
)
def a_push_websocket_lives_without_pongs(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Patient)


class _Deaf(PushSocket):
    _first_due: float | None = None

    def _due(self) -> float | None:
        self._first_due = self._first_due or super()._due()
        return self._first_due


@mutant(
    "GL-INGEST-017",
    must_fail="ingest.a_push_websocket_without_pongs_is_ended",
    why="the deadline for reading is set once, and pongs do not move it",
)
def pongs_do_not_keep_a_push_websocket_alive(parts: Parts) -> Parts:
    return attrs.evolve(parts, push_socket=_Deaf)
