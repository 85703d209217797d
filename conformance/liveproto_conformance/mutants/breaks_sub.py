"""Mutants of SUB: subscribing and unsubscribing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from msgspec import Raw

from liveproto.session.machine import Machine, Transition
from liveproto.session.server import ServerProtocol
from liveproto.session.states import ChannelInput, ChannelState, ServerInput
from liveproto.wire import messages as m
from liveproto.wire.codes import ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import refuses, with_channel_row, with_limits, writes_json
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.engine import Engine
from liveproto_conformance.reference.server import Connection

if TYPE_CHECKING:
    from collections.abc import Hashable

    from liveproto.grafana.scopes import Act, Granted
    from liveproto_conformance.reference.engine import Subscriber
    from liveproto_conformance.reference.server import Parts

_ABSENT, _SUBSCRIBING, _SUBSCRIBED = ChannelState.ABSENT, ChannelState.SUBSCRIBING, ChannelState.SUBSCRIBED


@mutant(
    "GL-SUB-001",
    must_fail="sub.a_subscribe_is_answered_with_an_object",
    why="an empty result is encoded as nothing",
)
def an_empty_subscribe_result_is_null(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: line.get("subscribe") == {} and line.update(subscribe=None))


@mutant(
    "GL-SUB-002",
    must_fail="sub.a_subscribe_without_channel_is_refused",
    why="a channel that is missing is refused as one that does not exist",
)
def a_subscribe_without_channel_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.SUBSCRIBE_INCOMPLETE, ErrorCode.UNKNOWN_CHANNEL)


@mutant(
    "GL-SUB-003",
    must_fail="sub.a_duplicate_subscribe_is_refused",
    why="subscribing is made idempotent",
)
def a_duplicate_subscribe_succeeds(parts: Parts) -> Parts:
    return with_channel_row(parts, _SUBSCRIBED, ChannelInput.SUBSCRIBE, Transition(_SUBSCRIBING, "ask", "GL-SUB-003"))


@mutant(
    "GL-SUB-004",
    must_fail="sub.a_refused_duplicate_leaves_the_first_receiving",
    why="the cleanup after a refusal removes the subscription of that name",
)
def a_refused_duplicate_ends_the_first(parts: Parts) -> Parts:
    return with_channel_row(
        parts,
        _SUBSCRIBED,
        ChannelInput.SUBSCRIBE,
        Transition(_ABSENT, "refuse", "GL-SUB-004", ErrorCode.ALREADY_SUBSCRIBED),
    )


@mutant(
    "GL-SUB-005",
    must_fail="sub.of_subscribes_sent_together_one_succeeds",
    why="the channel is entered when the application has answered, so that two subscribes meet",
)
def subscribes_race_each_other(parts: Parts) -> Parts:
    return with_channel_row(parts, _SUBSCRIBING, ChannelInput.SUBSCRIBE, Transition(_SUBSCRIBING, "ask", "GL-SUB-005"))


class _EntersFirst(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        input_ = super()._classify(command)
        if input_ is ServerInput.SUBSCRIBE_TOO_LONG and command.subscribe is not None:
            if command.subscribe.channel in self._channels:
                return ServerInput.SUBSCRIBE
            self._channels[command.subscribe.channel] = Machine(self.channel_transitions, _SUBSCRIBED)
        return input_


@mutant(
    "GL-SUB-006",
    must_fail="sub.a_refused_subscribe_leaves_nothing_behind",
    why="the channel is entered before its length is looked at",
)
def a_channel_too_long_stays_entered(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_EntersFirst)


class _Remembers(Connection):
    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - those of the connection
        super().__init__(*arguments)
        self._asked: set[str] = set()

    def _decide(self, channel: str, act: Act) -> Granted | m.Error:
        if channel in self._asked:
            return protocol_error(ErrorCode.ALREADY_SUBSCRIBED)
        decision = super()._decide(channel, act)
        if isinstance(decision, m.Error):
            self._asked.add(channel)
        return decision


@mutant(
    "GL-SUB-006",
    must_fail="sub.a_refused_subscribe_leaves_nothing_behind",
    why="the application enters the channel before it asks whether it may",
)
def a_forbidden_channel_stays_entered(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Remembers)


@mutant(
    "GL-SUB-007",
    "GL-SUB-009",
    must_fail=(
        "sub.an_unsubscribe_is_answered_with_an_object",
        "sub.an_unsubscribe_of_what_is_not_subscribed_succeeds",
    ),
    why="an empty result is encoded as nothing",
)
def an_empty_unsubscribe_result_is_null(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: line.get("unsubscribe") == {} and line.update(unsubscribe=None))


@mutant(
    "GL-SUB-009",
    must_fail="sub.an_unsubscribe_of_what_is_not_subscribed_succeeds",
    why="leaving what one is not in is called a mistake",
)
def an_unsubscribe_of_nothing_is_an_error(parts: Parts) -> Parts:
    return with_channel_row(
        parts, _ABSENT, ChannelInput.UNSUBSCRIBE, Transition(_ABSENT, "refuse", "GL-SUB-009", ErrorCode.BAD_REQUEST)
    )


class _OnceOnly(Engine):
    def __init__(self) -> None:
        super().__init__()
        self._left: set[tuple[Hashable, Subscriber]] = set()

    def join(self, key: Hashable, subscriber: Subscriber, name: str) -> None:
        if (key, subscriber) not in self._left:
            super().join(key, subscriber, name)

    def leave(self, key: Hashable, subscriber: Subscriber) -> None:
        self._left.add((key, subscriber))
        super().leave(key, subscriber)


@mutant(
    "GL-SUB-010",
    must_fail="sub.subscribing_again_receives_again",
    why="a channel that was left is marked, and the mark is never taken away",
)
def a_channel_left_stays_left(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_OnceOnly)


@mutant(
    "GL-SUB-011",
    must_fail="sub.an_unsubscribe_in_flight_is_answered_and_so_is_the_subscribe",
    why="a channel that is being subscribed counts as busy",
)
def an_unsubscribe_in_flight_is_refused(parts: Parts) -> Parts:
    return with_channel_row(
        parts,
        _SUBSCRIBING,
        ChannelInput.UNSUBSCRIBE,
        Transition(_SUBSCRIBING, "refuse", "GL-SUB-011", ErrorCode.PERMISSION_DENIED),
    )


@mutant(
    "GL-SUB-012",
    must_fail="sub.an_unsubscribe_without_channel_is_refused",
    why="the missing channel is refused as one that does not exist",
)
def an_unsubscribe_without_channel_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.UNSUBSCRIBE_INCOMPLETE, ErrorCode.UNKNOWN_CHANNEL)


@mutant(
    "GL-SUB-013",
    must_fail="sub.a_channel_over_the_byte_limit_is_refused",
    why="the limit is compared with the wrong sign of equality",
)
def a_channel_may_be_one_byte_too_long(parts: Parts) -> Parts:
    return with_limits(parts, lambda limits: attrs.evolve(limits, channel_bytes=limits.channel_bytes + 1))


class _CountsCharacters(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        input_ = super()._classify(command)
        channel = "" if command.subscribe is None else command.subscribe.channel
        too_long = input_ is ServerInput.SUBSCRIBE_TOO_LONG and len(channel) > self._limits.channel_bytes
        return ServerInput.SUBSCRIBE if input_ is ServerInput.SUBSCRIBE_TOO_LONG and not too_long else input_


@mutant(
    "GL-SUB-013",
    must_fail="sub.the_length_of_a_channel_is_counted_in_bytes",
    why="the length of a text is that of its characters",
)
def the_length_of_a_channel_is_in_characters(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_CountsCharacters)


@mutant(
    "GL-SUB-014",
    must_fail="sub.a_channel_beyond_the_limit_is_refused_and_the_others_live",
    why="the limit is looked at before the new channel is counted",
)
def one_channel_too_many_is_accepted(parts: Parts) -> Parts:
    return with_limits(parts, lambda limits: attrs.evolve(limits, channels=limits.channels + 1))


class _Positioned(Connection):
    def subscribe_result(self, channel: str) -> m.SubscribeResult:  # noqa: ARG002 - of every channel
        return m.SubscribeResult(positioned=True, recoverable=True, epoch="liveproto", offset=1)


@mutant(
    "GL-SUB-021",
    must_fail="sub.grafana_keeps_no_position",
    why="history and recovery of the library are left on",
)
def channels_have_a_position(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Positioned)


class _WithData(Connection):
    def subscribe_result(self, channel: str) -> m.SubscribeResult:  # noqa: ARG002 - of every channel
        return m.SubscribeResult(data=Raw(b"null"))


@mutant(
    "GL-SUB-022",
    must_fail="sub.grafana_has_nothing_to_say_of_an_empty_stream",
    why="the frame that does not exist yet is sent as null",
)
def an_empty_stream_has_null_data(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_WithData)


class _NoFlags(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        flag = command.subscribe is not None and command.subscribe.flag
        return ServerInput.UNKNOWN if flag else super()._classify(command)


@mutant(
    "GL-SUB-023",
    must_fail="sub.what_clients_offer_does_not_make_a_subscribe_fail",
    why="flags the server has no use for are refused",
)
def subscribe_flags_are_refused(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_NoFlags)


@mutant(
    "GL-SUB-030",
    must_fail="sub.an_unknown_delta_is_refused_or_ignored",
    why="an option that is not known is answered with an error, as if the channel were refused",
)
def an_unknown_delta_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.SUBSCRIBE_DELTA_UNKNOWN, ErrorCode.BAD_REQUEST)
