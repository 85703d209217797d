"""Mutants of SUB: what reaches whom."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto.grafana.scopes import Act, Granted
from liveproto.session import events as ev
from liveproto.wire import json_v2
from liveproto.wire import messages as m
from liveproto.wire.codes import ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import PushesAnything
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.engine import Engine
from liveproto_conformance.reference.server import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto_conformance.reference.engine import Subscriber
    from liveproto_conformance.reference.server import Parts

_LATE_S: Final = 0.02
_NO_LIMIT: Final = 10**6
_TOLD: Final = "sub.subscribers_of_a_dashboard_are_told_of_each_other"


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


class _ToEverybody(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        super().publish(key, make_push)
        served = self._channels.get(key, {})
        everybody = {subscriber for channel in self._channels.values() for subscriber in channel}
        for name in list(served.values())[:1]:
            for subscriber in everybody - served.keys():
                subscriber.deliver(name, json_v2.encode(m.Reply(push=make_push(name))))


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
            engine.kept.update(dict.fromkeys(self._keys, ""))
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
        options["limits"] = attrs.evolve(options["limits"], channels=_NO_LIMIT)
        super().__init__(**options)


@mutant(
    "GL-SUB-020",
    must_fail="sub.a_refused_subscribe_brings_no_publications",
    why="the hub is joined before the limit is looked at, and not left",
)
def a_refused_channel_is_joined(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_JoinsFirst, protocol=_UnlimitedPushes)


class _LastOnly(Engine):
    def join(self, key: Hashable, subscriber: Subscriber, name: str) -> None:
        self._last = key, subscriber, name
        asyncio.get_running_loop().call_soon(self._join_last)

    def _join_last(self) -> None:
        super().join(*self._last)


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


class _GoesUntold(Connection):
    def answer(self, event: ev.ServerEvent) -> None:
        if isinstance(event, ev.Disconnected):
            self._told.clear()
        super().answer(event)


@mutant(
    "GL-SUB-031",
    must_fail=_TOLD,
    why="leaves are published by the unsubscribe handler, and a connection that ends does not pass it",
)
def who_is_gone_has_not_left(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_GoesUntold)


class _TellsTheNewest(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        if make_push("").join is None:
            super().publish(key, make_push)
            return
        subscriber, name = list(self._channels[key].items())[-1]
        subscriber.deliver(name, json_v2.encode(m.Reply(push=make_push(name))))


@mutant("GL-SUB-031", must_fail=_TOLD, why="the join is sent on the connection that joins, as its reply is")
def only_the_newcomer_is_told(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_TellsTheNewest)


class _LeavesAll(Engine):
    def leave(self, key: Hashable, subscriber: Subscriber) -> None:  # noqa: ARG002 - it does not look
        for other in list(self._channels):
            super().leave(other, subscriber)


@mutant(
    "GL-SUB-029",
    must_fail="sub.leaving_one_channel_leaves_the_others",
    why="an unsubscribe removes the connection from the hub, and not the channel from the connection",
)
def leaving_one_channel_leaves_all(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_LeavesAll)
