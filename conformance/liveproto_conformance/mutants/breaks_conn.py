"""Mutants of CONN: connecting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import msgspec
from aiohttp import web

from liveproto.session import events as ev
from liveproto.session.machine import Transition
from liveproto.session.server import ServerProtocol
from liveproto.session.states import ServerInput, ServerState
from liveproto.wire import messages as m
from liveproto.wire.codes import FORCE_DISCONNECT, ErrorCode
from liveproto_conformance.mutants.patches import ignores, member, reads, refuses, with_rows, with_timing, writes_json
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.server import Connection

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from liveproto_conformance.reference.server import Parts

_TO_LOGIN = "/login"


class _Nameless(Connection):
    def connect_result(self) -> m.ConnectResult:
        return m.ConnectResult()


@mutant(
    "GL-CONN-001",
    must_fail="conn.connect_is_answered_with_a_client",
    why="the client id is taken from a session that an anonymous user does not have",
)
def connect_result_has_no_client(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Nameless)


@mutant(
    "GL-CONN-002",
    must_fail=("conn.any_other_first_command_is_refused", "conn.a_connect_after_another_command_comes_too_late"),
    why="connect is treated as one command of many, because the HTTP request was authenticated before",
)
def commands_are_served_before_connect(parts: Parts) -> Parts:
    rows = {
        ServerInput.SUBSCRIBE: Transition(ServerState.OPEN, "channel", "GL-CONN-002"),
        ServerInput.REQUEST: Transition(ServerState.OPEN, "ask", "GL-CONN-002"),
        ServerInput.REQUEST_NOT_AVAILABLE: Transition(
            ServerState.OPEN, "refuse", "GL-CONN-002", ErrorCode.NOT_AVAILABLE
        ),
    }
    return with_rows(parts, {(ServerState.OPEN, input_): row for input_, row in rows.items()})


@mutant(
    "GL-CONN-002",
    must_fail="conn.a_pong_as_first_command_is_refused",
    why="pongs are handled before the state of the connection is looked at",
)
def a_pong_before_connect_is_ignored(parts: Parts) -> Parts:
    return ignores(parts, ServerInput.PONG_UNEXPECTED, state=ServerState.OPEN)


class _Greeting(ServerProtocol):
    def _start(self, command: m.Command, result: m.ConnectResult) -> None:
        self._send(m.Reply(push=m.Push(message=m.Message(data=msgspec.Raw(b'"welcome"')))))
        super()._start(command, result)


@mutant(
    "GL-CONN-003",
    must_fail="passive.the_connect_reply_is_the_first_line",
    why="a hook that runs on connect sends its greeting before the reply",
)
def the_greeting_comes_before_the_connect_reply(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Greeting)


@mutant(
    "GL-CONN-004",
    must_fail=("conn.a_second_connect_is_refused", "conn.a_second_connect_in_the_first_message_is_refused"),
    why="a fault that the client could survive is answered with an error instead of a close",
)
def a_second_connect_is_answered_with_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.CONNECT, ErrorCode.BAD_REQUEST)


@mutant(
    "GL-CONN-005",
    must_fail="conn.a_connect_without_id_is_refused",
    why="the id is only looked at when a reply is matched, which connect seems not to need",
)
def a_connect_without_id_is_accepted(parts: Parts) -> Parts:
    row = Transition(ServerState.CONNECTING, "ask", "GL-CONN-005")
    return with_rows(parts, {(ServerState.OPEN, ServerInput.CONNECT_WITHOUT_ID): row})


@mutant(
    "GL-CONN-006",
    must_fail="conn.the_announcement_of_pings_is_well_formed",
    why="the interval is written as a Go duration, as in the configuration file",
)
def the_ping_interval_is_a_duration_text(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: member(line, "connect").update(ping="25s"))


@mutant(
    "GL-CONN-006",
    must_fail="conn.the_announcement_of_pings_is_well_formed",
    why="without pings the zero is written instead of being left out",
)
def no_pings_are_announced_as_zero(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: member(line, "connect").update(ping=0))


class _ObjectsOnly(ServerProtocol):
    def _classify(self, command: m.Command) -> ServerInput:
        data = msgspec.UNSET if command.connect is None else command.connect.data
        odd = isinstance(data, msgspec.Raw) and not bytes(data).startswith(b"{")
        return ServerInput.UNKNOWN if odd else super()._classify(command)


@mutant(
    "GL-CONN-007",
    must_fail="conn.optional_members_of_connect_change_nothing",
    why="data is decoded into the application's own struct before anybody asks for it",
)
def connect_data_must_be_an_object(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_ObjectsOnly)


class _OfUser(Connection):
    def connect_result(self) -> m.ConnectResult:
        return m.ConnectResult(client="user-1")


@mutant(
    "GL-CONN-008",
    must_fail="conn.each_connection_has_a_client_of_its_own",
    why="the client id is made of the user and not of the connection",
)
def the_client_is_the_user(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_OfUser)


@mutant(
    "GL-CONN-009",
    "GL-CONN-010",
    must_fail=(
        "conn.a_connection_that_never_connects_is_closed_as_stale",
        "conn.the_stale_delay_is_that_of_grafana",
    ),
    why="the timer is started by connect, so a connection that never connects has none",
)
def silent_connections_live_for_ever(parts: Parts) -> Parts:
    return with_timing(parts, lambda timing: attrs.evolve(timing, stale_delay_s=math.inf))


@mutant(
    "GL-CONN-010",
    must_fail="conn.the_stale_delay_is_that_of_grafana",
    why="the delay of another setting, half as long, is used",
)
def silent_connections_are_closed_early(parts: Parts) -> Parts:
    return with_timing(parts, lambda timing: attrs.evolve(timing, stale_delay_s=timing.stale_delay_s / 2))


@web.middleware
async def _login(request: web.Request, handler: Handler) -> web.StreamResponse:
    if "Authorization" not in request.headers:
        raise web.HTTPFound(_TO_LOGIN)
    return await handler(request)


@mutant(
    "GL-CONN-012",
    must_fail="conn.a_connection_without_credentials_is_refused",
    why="the middleware of the pages also guards the WebSocket, and sends to the login page",
    settings={"token": "secret"},
)
def the_anonymous_are_sent_to_login(parts: Parts) -> Parts:
    return attrs.evolve(parts, middlewares=(_login,))


@mutant(
    "GL-CONN-016",
    must_fail="conn.connect_and_commands_in_one_message_are_all_answered",
    why="the first message is read as the connect command alone",
)
def commands_behind_connect_are_lost(parts: Parts) -> Parts:
    return reads(parts, lambda text: text.split("\n")[0] if '"connect"' in text else text)


@mutant(
    "GL-CONN-017",
    must_fail="conn.a_connect_of_protocol_v1_is_refused",
    why="the server still tells clients of V1 in a reply what is wrong",
)
def a_connect_of_v1_is_answered_with_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.UNKNOWN, ErrorCode.METHOD_NOT_FOUND, state=ServerState.OPEN)


@mutant(
    "GL-CONN-018",
    must_fail="conn.grafana_announces_25_seconds_and_expects_pongs",
    why="the default of another library stays",
)
def pings_come_twice_as_often_as_grafanas(parts: Parts) -> Parts:
    return with_timing(parts, lambda timing: attrs.evolve(timing, ping_interval_s=timing.ping_interval_s // 2))


class _Versioned(Connection):
    def connect_result(self) -> m.ConnectResult:
        return m.ConnectResult(client=self.client, version="1.0", node="a")


@mutant(
    "GL-CONN-019",
    must_fail="conn.grafana_leaves_out_what_it_does_not_use",
    why="the connect result is that of a Centrifugo server",
)
def the_connect_result_tells_version_and_node(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Versioned)


class _NeedsToken(Connection):
    def answer(self, event: ev.ServerEvent) -> None:
        if isinstance(event, ev.ConnectRequested) and not event.request.token:
            self.machine.refuse(event.ticket, m.Error(code=101, message="unauthorized"), now=self._now())
        else:
            super().answer(event)


@mutant(
    "GL-CONN-020",
    "GL-CONN-001",
    must_fail=("conn.grafana_needs_no_token", "conn.connect_is_answered_with_a_client"),
    why="a token is asked for as Centrifugo does, although the HTTP request had credentials",
)
def connect_needs_a_token(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_NeedsToken)


class _Contagious(Connection):
    def answer(self, event: ev.ServerEvent) -> None:
        super().answer(event)
        if isinstance(event, ev.ProtocolViolated):
            for connection in list(self.server.connections - {self}):
                connection.disconnect(FORCE_DISCONNECT.code, FORCE_DISCONNECT.reason)


@mutant(
    "GL-CONN-022",
    must_fail="conn.a_fault_closes_only_its_own_connection",
    why="the fault ends the user's session, and with it all connections of the user",
)
def a_fault_closes_every_connection(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Contagious)
