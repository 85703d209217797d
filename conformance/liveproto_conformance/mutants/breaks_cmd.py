"""Mutants of CMD: rpc, send, presence, history, refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from msgspec import Raw

from liveproto.session.server import ServerProtocol
from liveproto.session.states import ServerInput
from liveproto.wire import messages as m
from liveproto.wire.codes import BAD_REQUEST, NOT_AVAILABLE, ErrorCode
from liveproto_conformance.mutants.patches import Capable, capable, closes, refuses
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.server import SERVES, USER

if TYPE_CHECKING:
    from liveproto_conformance.reference.server import Parts


@mutant(
    "GL-CMD-001",
    "GL-CMD-004",
    "GL-CMD-010",
    "GL-CMD-012",
    "GL-CMD-014",
    must_fail=(
        "cmd.an_rpc_is_answered",
        "cmd.presence_and_history_are_answered",
        "cmd.grafana_has_no_presence_and_no_history",
        "cmd.grafana_has_given_up_its_query_method",
        "cmd.grafana_refreshes_nothing",
    ),
    why="a request nobody handles is closed, as send is",
)
def what_is_not_served_closes(parts: Parts) -> Parts:
    return closes(parts, ServerInput.REQUEST_NOT_AVAILABLE, NOT_AVAILABLE)


@mutant(
    "GL-CMD-002",
    "GL-CMD-013",
    must_fail=("cmd.a_send_is_never_answered", "cmd.grafana_closes_on_send"),
    why="send goes the way of every request, where a missing handler is answered with an error",
)
def a_send_is_answered_with_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.SEND_NOT_AVAILABLE, ErrorCode.NOT_AVAILABLE)


@mutant(
    "GL-CMD-003",
    "GL-CMD-013",
    must_fail=("cmd.a_send_nobody_listens_to_closes_with_3508", "cmd.grafana_closes_on_send"),
    why="a missing handler is taken for a fault of the client",
)
def a_send_nobody_listens_to_is_a_bad_request(parts: Parts) -> Parts:
    return closes(parts, ServerInput.SEND_NOT_AVAILABLE, BAD_REQUEST)


class _AnyChannel(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        input_ = super()._classify(command)
        return ServerInput.REQUEST if input_ is ServerInput.LOOKUP_INCOMPLETE else input_


@mutant(
    "GL-CMD-005",
    must_fail="cmd.presence_and_history_without_channel_are_refused",
    why="the channel that is missing is looked up as the empty one",
)
def presence_of_no_channel_is_answered(parts: Parts) -> Parts:
    return attrs.evolve(capable(parts), protocol=_AnyChannel)


class _ByUser(Capable):
    def result_of(self, request: m.Request) -> m.Result:
        if isinstance(request, m.PresenceRequest):
            return m.PresenceResult({USER: m.ClientInfo(user=USER, client=self.client)})
        return super().result_of(request)


@mutant(
    "GL-CMD-006",
    must_fail="cmd.a_presence_result_is_keyed_by_client",
    why="presence is kept by user, who may have several connections",
)
def presence_is_keyed_by_user(parts: Parts) -> Parts:
    return capable(parts, _ByUser)


class _AlwaysRefreshing(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        return ServerInput.REQUEST if command.refresh is not None else super()._classify(command)


@mutant(
    "GL-CMD-007",
    "GL-CMD-014",
    must_fail=("cmd.a_refresh_nobody_expects_is_refused", "cmd.grafana_refreshes_nothing"),
    why="a refresh succeeds without looking whether the connection expires, or at its token",
)
def every_refresh_succeeds(parts: Parts) -> Parts:
    serves = SERVES | {m.RefreshRequest}
    return attrs.evolve(parts, serves=serves, connection=Capable, protocol=_AlwaysRefreshing)


class _AlwaysRenewing(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        return ServerInput.REQUEST if command.sub_refresh is not None else super()._classify(command)


@mutant(
    "GL-CMD-008",
    "GL-CMD-014",
    must_fail=("cmd.a_sub_refresh_of_what_is_not_subscribed_is_refused", "cmd.grafana_refreshes_nothing"),
    why="the token is checked, the subscription it is for is not",
)
def every_sub_refresh_succeeds(parts: Parts) -> Parts:
    serves = SERVES | {m.SubRefreshRequest}
    return attrs.evolve(parts, serves=serves, connection=Capable, protocol=_AlwaysRenewing)


class _Ponging(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        if command.ping is None:
            return super()._classify(command)
        self._send_line(b'{"id":%d,"ping":{}}' % command.id)
        return ServerInput.PING_DUE


@mutant(
    "GL-CMD-009",
    must_fail="cmd.a_ping_command_is_refused",
    why="the ping of protocol V1 is still answered",
)
def the_ping_command_is_answered(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Ponging)


@mutant(
    "GL-CMD-010",
    must_fail="cmd.grafana_has_no_presence_and_no_history",
    why="the features of the library are left on",
)
def presence_and_history_are_served(parts: Parts) -> Parts:
    return attrs.evolve(capable(parts), serves=SERVES | {m.PresenceRequest, m.PresenceStatsRequest, m.HistoryRequest})


@mutant(
    "GL-CMD-011",
    "GL-CMD-012",
    must_fail=("cmd.grafana_knows_no_other_method", "cmd.grafana_has_given_up_its_query_method"),
    why="the handler of rpc looks at the data and not at the method",
)
def an_rpc_is_echoed(parts: Parts) -> Parts:
    return attrs.evolve(capable(parts), serves=SERVES | {m.RPCRequest})


class _Unlimited(Capable):
    def result_of(self, request: m.Request) -> m.Result:
        if isinstance(request, m.HistoryRequest):
            kept = [m.Publication(data=Raw(b"{}"), offset=1)]
            return m.HistoryResult(publications=kept, epoch="liveproto", offset=1)
        return super().result_of(request)


@mutant(
    "GL-CMD-015",
    must_fail="cmd.history_without_limit_is_a_position_only",
    why="a limit of zero is read as no limit",
)
def history_without_limit_is_all_of_it(parts: Parts) -> Parts:
    return capable(parts, _Unlimited)
