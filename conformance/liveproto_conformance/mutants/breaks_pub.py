"""Mutants of PUB: publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from msgspec import Raw, structs

from liveproto.grafana.scopes import FORBIDDEN, Act, Granted
from liveproto.session.states import ServerInput
from liveproto.wire import messages as m
from liveproto.wire.codes import PERMISSION_DENIED, ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import decides, member, refuses, writes_json
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.engine import Engine
from liveproto_conformance.reference.server import USER, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto.session import events as ev
    from liveproto_conformance.reference.server import Parts

_LATE_S = 0.3


@mutant(
    "GL-PUB-001",
    must_fail="pub.a_publish_is_answered_with_an_object",
    why="an empty result is encoded as nothing",
)
def an_empty_publish_result_is_null(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: line.get("publish") == {} and line.update(publish=None))


class _Members(Connection):
    def _decide(self, channel: str, act: Act) -> Granted | m.Error:
        foreign = act is Act.PUBLISH and channel not in self._keys
        return protocol_error(ErrorCode.PERMISSION_DENIED) if foreign else super()._decide(channel, act)


@mutant(
    "GL-PUB-002",
    must_fail="pub.a_publisher_need_not_be_subscribed",
    why="only members of a channel may speak there, as in a chat",
)
def only_subscribers_may_publish(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Members)


@mutant(
    "GL-PUB-003",
    must_fail="pub.a_publish_without_channel_is_refused",
    why="the missing channel is refused as one that does not exist",
)
def a_publish_without_channel_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.PUBLISH_INCOMPLETE, ErrorCode.UNKNOWN_CHANNEL)


@mutant(
    "GL-PUB-004",
    must_fail="pub.a_publish_without_data_is_refused_or_like_any_other",
    why="missing data is answered with an error instead of a close",
)
def a_publish_without_data_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.PUBLISH_WITHOUT_DATA, ErrorCode.BAD_REQUEST)


class _Expelling(Connection):
    def _answer_publish(self, event: ev.PublishRequested) -> None:
        if isinstance(self._decide(event.request.channel, Act.PUBLISH), m.Error):
            self.machine.disconnect(PERMISSION_DENIED)
        else:
            super()._answer_publish(event)


@mutant(
    "GL-PUB-005",
    must_fail="pub.a_refused_publish_leaves_the_connection",
    why="who publishes where he may not is thrown out",
)
def a_refused_publish_closes(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Expelling)


class _Deaf(Connection):
    _speaking = False

    def deliver(self, channel: str, line: bytes) -> None:
        if not self._speaking:
            super().deliver(channel, line)

    def _answer_publish(self, event: ev.PublishRequested) -> None:
        self._speaking = True
        super()._answer_publish(event)
        self._speaking = False


@mutant(
    "GL-PUB-006",
    must_fail="pub.a_subscribed_publisher_receives_its_own",
    why="the publisher is left out of the broadcast, as in many chat servers",
)
def a_publisher_does_not_hear_itself(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Deaf)


class _Attributing(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        super().publish(key, lambda name: _with_info(make_push(name)))


def _with_info(push: m.Push) -> m.Push:
    info = m.ClientInfo(user=USER, client=f"user-{USER}")
    return push if push.pub is None else structs.replace(push, pub=structs.replace(push.pub, info=info))


@mutant(
    "GL-PUB-007",
    "GL-PUB-010",
    must_fail=("pub.the_info_of_a_publication_names_its_publisher", "pub.grafana_publications_have_data_and_no_info"),
    why="info is made of the user, whose connections are not told apart",
)
def the_info_of_a_publication_names_the_user(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_Attributing)


def _omit_zero(line: dict[str, object]) -> None:
    publication = member(line, "push", "pub")
    if not publication.get("data", True):
        del publication["data"]


@mutant(
    "GL-PUB-008",
    "GL-WIRE-023",
    must_fail=("pub.a_payload_may_be_any_json_value", "wire.a_payload_of_null_is_relayed_as_null"),
    why="the payload is left out where it is falsy",
)
def falsy_payloads_are_left_out(parts: Parts) -> Parts:
    return writes_json(parts, _omit_zero)


@mutant(
    "GL-PUB-009",
    must_fail="pub.grafana_forbids_publishing_to_streams",
    why="the refusal is the library's own code and not the status of the application",
)
def a_forbidden_publish_is_permission_denied(parts: Parts) -> Parts:
    denied = protocol_error(ErrorCode.PERMISSION_DENIED)
    return decides(parts, lambda channel, _, rules: denied if rules(channel) == FORBIDDEN else rules(channel))


class _PublishesFirst(Connection):
    def _answer_publish(self, event: ev.PublishRequested) -> None:
        decision = self._decide(event.request.channel, Act.SUBSCRIBE)
        if isinstance(decision, Granted):
            assert isinstance(event.request.data, Raw)
            self.server.publish(str(decision.channel), event.request.data)
        self.machine.refuse(event.ticket, FORBIDDEN, now=self._now())


@mutant(
    "GL-PUB-011",
    must_fail="pub.a_refused_publication_reaches_nobody",
    why="the publication goes to the broker beside the question whether it may",
    settings={"publish_via": "http"},
)
def a_refused_publication_is_delivered(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_PublishesFirst)


class _Buffering(Connection):
    def _answer_publish(self, event: ev.PublishRequested) -> None:
        decision = self._decide(event.request.channel, Act.PUBLISH)
        if isinstance(decision, m.Error):
            super()._answer_publish(event)
            return
        push = m.Publication(data=event.request.data)
        self.machine.reply(event.ticket, m.PublishResult())
        self._loop.call_later(_LATE_S, self._flush, str(decision.channel), push)

    def _flush(self, key: str, publication: m.Publication) -> None:
        if not self._closed:
            self.server.engine.publish(key, lambda name: m.Push(channel=name, pub=publication))


@mutant(
    "GL-PUB-012",
    must_fail="pub.a_publication_outlives_its_publisher",
    why="publications wait in a buffer of their connection, which is dropped with it",
)
def a_publication_dies_with_its_publisher(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Buffering)
