"""Mutants of SUB: subscriptions and delivery."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
from msgspec import Raw

from liveproto.errors import LocalProtocolError
from liveproto.grafana.scopes import Act, Granted
from liveproto.session import events as ev
from liveproto.session.machine import Machine
from liveproto.session.server import ServerProtocol
from liveproto.session.states import ChannelInput, ChannelState, ServerInput
from liveproto.wire import messages as m
from liveproto.wire.codes import ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import (
    PushesAnything,
    refuses,
    with_channel_row,
    with_limits,
    writes_json,
)
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.engine import Engine
from liveproto_conformance.reference.server import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto_conformance.reference.engine import Subscriber
    from liveproto_conformance.reference.server import Parts

_ABSENT, _SUBSCRIBING, _SUBSCRIBED = ChannelState.ABSENT, ChannelState.SUBSCRIBING, ChannelState.SUBSCRIBED
_LATE_S = 0.02
_NO_LIMIT = 10**6


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
    return with_channel_row(parts, _SUBSCRIBED, ChannelInput.SUBSCRIBE, _SUBSCRIBING, "ask")


class _Forgiving(Connection):
    def deliver(self, channel: str, line: bytes) -> None:
        try:
            super().deliver(channel, line)
        except LocalProtocolError:
            """The engine still knows a subscription that the machine has given up."""


@mutant(
    "GL-SUB-004",
    must_fail="sub.a_refused_duplicate_leaves_the_first_receiving",
    why="the cleanup after a refusal removes the subscription of that name",
)
def a_refused_duplicate_ends_the_first(parts: Parts) -> Parts:
    forgiving = attrs.evolve(parts, connection=_Forgiving)
    return with_channel_row(forgiving, _SUBSCRIBED, ChannelInput.SUBSCRIBE, _ABSENT, "refuse", 105)


@mutant(
    "GL-SUB-005",
    must_fail="sub.of_subscribes_sent_together_one_succeeds",
    why="the channel is entered when the application has answered, so that two subscribes meet",
)
def subscribes_race_each_other(parts: Parts) -> Parts:
    return with_channel_row(parts, _SUBSCRIBING, ChannelInput.SUBSCRIBE, _SUBSCRIBING, "ask")


class _EntersFirst(ServerProtocol):
    def _classify_subscribe(self, command: m.Command) -> ServerInput:
        input_ = super()._classify_subscribe(command)
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


class _StaysInEngine(Connection):
    def answer(self, event: ev.ServerEvent) -> None:
        if not isinstance(event, ev.Unsubscribed):
            super().answer(event)


@mutant(
    "GL-SUB-008",
    must_fail=(
        "sub.nothing_arrives_after_the_unsubscribe_reply",
        "passive.no_publication_follows_an_unsubscribe_reply",
    ),
    why="the connection forgets the channel, the hub does not",
)
def an_unsubscribed_channel_goes_on(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_StaysInEngine, protocol=PushesAnything)


@mutant(
    "GL-SUB-009",
    must_fail="sub.an_unsubscribe_of_what_is_not_subscribed_succeeds",
    why="leaving what one is not in is called a mistake",
)
def an_unsubscribe_of_nothing_is_an_error(parts: Parts) -> Parts:
    return with_channel_row(parts, _ABSENT, ChannelInput.UNSUBSCRIBE, _ABSENT, "refuse", ErrorCode.BAD_REQUEST)


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
        parts, _SUBSCRIBING, ChannelInput.UNSUBSCRIBE, _SUBSCRIBING, "refuse", ErrorCode.PERMISSION_DENIED
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
    def _classify_subscribe(self, command: m.Command) -> ServerInput:
        input_ = super()._classify_subscribe(command)
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


class _ToEverybody(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        elsewhere = {s: n for k, subscribers in self._channels.items() if k != key for s, n in subscribers.items()}
        name = next(iter(self._channels.get(key, {}).values()), None)
        if name is None:
            return
        for subscriber in elsewhere:
            line = b'{"push":{"channel":"%s","pub":{"data":0}}}' % name.encode()
            subscriber.deliver(name, line)
        super().publish(key, make_push)


@mutant(
    "GL-SUB-015",
    must_fail=(
        "sub.a_connection_gets_only_what_it_subscribed_to",
        "passive.no_publication_is_of_a_channel_not_subscribed",
    ),
    why="clients are expected to filter",
)
def publications_go_to_everybody(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_ToEverybody, protocol=PushesAnything)


class _ToTheFirst(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        for subscriber, name in list(self._channels.get(key, {}).items())[:1]:
            waiting = self._channels.pop(key)
            self.join(key, subscriber, name)
            super().publish(key, make_push)
            self._channels[key] = waiting


@mutant(
    "GL-SUB-016",
    must_fail="sub.a_publication_reaches_every_subscriber",
    why="subscribers of a channel are taken for workers of a queue",
)
def publications_go_to_one_subscriber(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_ToTheFirst)


class _Overtaking(Engine):
    def __init__(self) -> None:
        super().__init__()
        self._slow = False

    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        self._slow = not self._slow
        loop = asyncio.get_running_loop()
        loop.call_later(_LATE_S if self._slow else 0, super().publish, key, make_push)


@mutant(
    "GL-SUB-017",
    must_fail="sub.publications_arrive_once_and_in_order",
    why="publications are handed to a pool of workers",
)
def publications_overtake_each_other(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_Overtaking)


class _Twice(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        super().publish(key, make_push)
        super().publish(key, make_push)


@mutant(
    "GL-SUB-018",
    must_fail=("sub.publications_arrive_once_and_in_order", "sub.a_publication_arrives_once_on_each_connection"),
    why="a publication comes back from the broker to the node that has already delivered it",
)
def publications_arrive_twice(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_Twice)


class _Keeping(Engine):
    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}


class _Inheriting(Connection):
    def answer(self, event: ev.ServerEvent) -> None:
        engine = self.server.engine
        assert isinstance(engine, _Keeping)
        if isinstance(event, ev.Disconnected):
            engine.kept.update({name: str(key) for name, key in self._keys.items()})
        super().answer(event)
        if isinstance(event, ev.ConnectRequested):
            for name, key in engine.kept.items():
                engine.join(key, self, name)


@mutant(
    "GL-SUB-019",
    must_fail="sub.subscriptions_end_with_their_connection",
    why="subscriptions belong to the user, who may come back",
)
def a_new_connection_inherits_subscriptions(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_Keeping, connection=_Inheriting, protocol=PushesAnything)


class _Occupying(Connection):
    def answer(self, event: ev.ServerEvent) -> None:
        engine = self.server.engine
        assert isinstance(engine, _Keeping)
        if isinstance(event, ev.Disconnected):
            engine.kept.update({name: "" for name in self._keys})
        super().answer(event)

    def _decide(self, channel: str, act: Act) -> Granted | m.Error:
        engine = self.server.engine
        assert isinstance(engine, _Keeping)
        taken = act is Act.SUBSCRIBE and channel in engine.kept
        return protocol_error(ErrorCode.ALREADY_SUBSCRIBED) if taken else super()._decide(channel, act)


@mutant(
    "GL-SUB-019",
    must_fail=("sub.a_lost_connection_may_subscribe_again", "sub.subscriptions_end_with_their_connection"),
    why="the subscription of a connection that is gone still counts as the user's",
)
def a_lost_connection_keeps_its_channels(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_Keeping, connection=_Occupying)


class _JoinsFirst(Connection):
    def _answer_subscribe(self, event: ev.SubscribeRequested) -> None:
        decision = self._decide(event.request.channel, Act.SUBSCRIBE)
        if len(self._keys) < self.server.limits.channels or isinstance(decision, m.Error):
            super()._answer_subscribe(event)
            return
        self.server.engine.join(str(decision.channel), self, event.request.channel)
        self.machine.refuse(event.ticket, protocol_error(ErrorCode.LIMIT_EXCEEDED), now=self._now())


class _UnlimitedPushes(PushesAnything):
    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of the protocol
        super().__init__(**{**options, "limits": attrs.evolve(options["limits"], channels=_NO_LIMIT)})


@mutant(
    "GL-SUB-020",
    must_fail="sub.a_refused_subscribe_brings_no_publications",
    why="the hub is joined before the limit is looked at, and not left",
)
def a_refused_channel_is_joined(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_JoinsFirst, protocol=_UnlimitedPushes)


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
    def _classify_subscribe(self, command: m.Command) -> ServerInput:
        flag = command.subscribe is not None and command.subscribe.flag
        return ServerInput.UNKNOWN if flag else super()._classify_subscribe(command)


@mutant(
    "GL-SUB-023",
    must_fail="sub.what_clients_offer_does_not_make_a_subscribe_fail",
    why="flags the server has no use for are refused",
)
def subscribe_flags_are_refused(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_NoFlags)


class _LastOnly(Engine):
    def join(self, key: Hashable, subscriber: Subscriber, name: str) -> None:
        self._last = key, subscriber, name
        asyncio.get_running_loop().call_soon(lambda: super(_LastOnly, self).join(*self._last))


@mutant(
    "GL-SUB-024",
    must_fail="sub.subscribes_sent_together_are_all_answered",
    why="a closure of a loop sees its variable as the last round left it",
)
def of_subscribes_sent_together_the_last_counts(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_LastOnly)


class _JoinsEarly(Connection):
    def _answer_subscribe(self, event: ev.SubscribeRequested) -> None:
        channel = event.request.channel
        self.machine.push(m.Push(channel=channel, join=m.Join(self._info())))
        super()._answer_subscribe(event)


@mutant(
    "GL-SUB-027",
    must_fail="sub.the_joiners_own_join_follows_its_reply",
    why="the join is published before the reply is written",
)
def the_join_overtakes_its_reply(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_JoinsEarly, protocol=PushesAnything)


class _LeavesAll(Engine):
    def leave(self, key: Hashable, subscriber: Subscriber) -> None:
        for other in list(self._channels):
            super().leave(other, subscriber)


@mutant(
    "GL-SUB-029",
    must_fail="sub.leaving_one_channel_leaves_the_others",
    why="an unsubscribe removes the connection from the hub, and not the channel from the connection",
)
def leaving_one_channel_leaves_all(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_LeavesAll)


@mutant(
    "GL-SUB-030",
    must_fail="sub.an_unknown_delta_is_refused_or_ignored",
    why="an option that is not known is answered with an error, as if the channel were refused",
)
def an_unknown_delta_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.SUBSCRIBE_DELTA_UNKNOWN, ErrorCode.BAD_REQUEST)
