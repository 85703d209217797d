"""What many mutants do to a server: change its tables, its timing, what it reads or what it writes.

Each function returns the parts with one piece exchanged. Nothing here knows which fault it serves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs
from msgspec import UNSET, Raw

from liveproto.session import events as ev
from liveproto.session.machine import Transition
from liveproto.session.monitor.raw import as_object
from liveproto.session.server import EVERYTHING, Limits, ServerProtocol, Timing
from liveproto.session.states import CHANNEL_TRANSITIONS, SERVER_TRANSITIONS, ServerInput, ServerState
from liveproto.wire import messages as m
from liveproto_conformance.reference.server import USER, Connection, Parts
from liveproto_conformance.session import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto.grafana.scopes import Act, Granted
    from liveproto.session.states import ChannelInput, ChannelState
    from liveproto.wire.codes import Disconnect, ErrorCode

JsonObject = dict[str, Any]
BROKEN_LINE: Final = "{broken"
"""What no server can read."""
_NO_RULE: Final = "none: a mutant"

# -- tables --------------------------------------------------------------------------------------------------------


def with_rows(parts: Parts, rows: Mapping[tuple[ServerState, ServerInput], Transition[ServerState]]) -> Parts:
    """Exchange or add rows of the connection's table."""
    table = {**SERVER_TRANSITIONS, **rows}

    class Mutated(ServerProtocol):
        transitions = table

    return attrs.evolve(parts, protocol=Mutated)


def with_channel_row(parts: Parts, state: ChannelState, input_: ChannelInput, row: Transition[ChannelState]) -> Parts:
    """Exchange or add a row of the table that each channel has."""
    table = {**CHANNEL_TRANSITIONS, (state, input_): row}

    class Mutated(ServerProtocol):
        channel_transitions = table

    return attrs.evolve(parts, protocol=Mutated)


def ignores(parts: Parts, *inputs: ServerInput, state: ServerState = ServerState.CONNECTED) -> Parts:
    """Let inputs pass without any effect."""
    return with_rows(parts, {(state, input_): Transition(state, "ignore", _NO_RULE) for input_ in inputs})


def refuses(parts: Parts, input_: ServerInput, code: ErrorCode, *, state: ServerState = ServerState.CONNECTED) -> Parts:
    """Answer an input with an error."""
    return with_rows(parts, {(state, input_): Transition(state, "refuse", _NO_RULE, code)})


def closes(parts: Parts, input_: ServerInput, disconnect: Disconnect) -> Parts:
    """Answer an input of a connected client by closing."""
    row = Transition(ServerState.CLOSED, "close", _NO_RULE, disconnect)
    return with_rows(parts, {(ServerState.CONNECTED, input_): row})


# -- timing and limits ---------------------------------------------------------------------------------------------


def with_timing(parts: Parts, change: Callable[[Timing], Timing]) -> Parts:
    """Run on other delays than the configured ones."""

    class Mutated(ServerProtocol):
        def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of the protocol
            options["timing"] = change(options["timing"])
            super().__init__(**options)

    return attrs.evolve(parts, protocol=Mutated)


def with_limits(parts: Parts, change: Callable[[Limits], Limits]) -> Parts:
    """Keep other limits than the configured ones."""

    class Mutated(ServerProtocol):
        def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of the protocol
            options["limits"] = change(options["limits"])
            super().__init__(**options)

    return attrs.evolve(parts, protocol=Mutated)


# -- what is written -----------------------------------------------------------------------------------------------


def writes(parts: Parts, change: Callable[[bytes], bytes]) -> Parts:
    """Change every line that is sent."""

    class Mutated(ServerProtocol):
        def _send_line(self, line: bytes) -> None:
            super()._send_line(change(line))

    return attrs.evolve(parts, protocol=Mutated)


def writes_json(parts: Parts, change: Callable[[JsonObject], object]) -> Parts:
    """Change every line that is sent, as a JSON object and in place."""

    def changed(line: bytes) -> bytes:
        value: JsonObject = json.loads(line)
        change(value)
        return dumps(value).encode("utf-8", "surrogatepass")

    return writes(parts, changed)


def writes_messages(parts: Parts, change: Callable[[bytes], bytes], *, binary: bool = False) -> Parts:
    """Change every message of lines that is sent."""

    class Mutated(ServerProtocol):
        def data_to_send(self) -> list[ev.Output]:
            return [
                ev.Batch(data=change(output.data), binary=binary) if isinstance(output, ev.Batch) else output
                for output in super().data_to_send()
            ]

    return attrs.evolve(parts, protocol=Mutated)


def closes_with(parts: Parts, change: Callable[[ev.Close], ev.Close]) -> Parts:
    """Change every Close that is sent."""

    class Mutated(ServerProtocol):
        def data_to_send(self) -> list[ev.Output]:
            return [change(output) if isinstance(output, ev.Close) else output for output in super().data_to_send()]

    return attrs.evolve(parts, protocol=Mutated)


def member(line: JsonObject, *path: str) -> JsonObject:
    """Return the object at a path of members, or an empty one to change for nothing."""
    value = line
    for name in path:
        value = as_object(value.get(name)) or {}
    return value


# -- what is read --------------------------------------------------------------------------------------------------


def reads(parts: Parts, change: Callable[[str], str | None]) -> Parts:
    """Change every message that is received; None is not received at all."""

    class Mutated(ServerProtocol):
        def receive_batch(self, data: str | bytes, *, now: float) -> None:
            text = data if isinstance(data, str) else data.decode(errors="replace")
            changed = change(text)
            if changed is not None:
                super().receive_batch(changed, now=now)

    return attrs.evolve(parts, protocol=Mutated)


def reads_lines(parts: Parts, change: Callable[[str], str]) -> Parts:
    """Change every line that is received; the change may make several of one."""
    return reads(parts, lambda text: "\n".join(map(change, text.split("\n"))))


def reads_json(
    parts: Parts, change: Callable[[JsonObject], JsonObject | None], loads: Callable[[str], object] = json.loads
) -> Parts:
    """Change every command that is received, as a JSON object; None makes it unreadable."""

    def changed(line: str) -> str:
        try:
            command = as_object(loads(line))
        except ValueError:
            return line
        if command is None:
            return line
        value = change(command)
        return BROKEN_LINE if value is None else dumps(value)

    return reads_lines(parts, changed)


# -- who decides, and what is served -------------------------------------------------------------------------------


def decides(parts: Parts, change: Callable[[str, Act, Callable[[str], Granted | m.Error]], Granted | m.Error]) -> Parts:
    """Answer for channels otherwise; the change gets the channel, the act, and what the rules say of any channel."""

    def decide(prefixed: str, act: Act, **options: Any) -> Granted | m.Error:  # noqa: ANN401 - those of the rules
        return change(prefixed, act, lambda channel: parts.decide(channel, act, **options))

    return attrs.evolve(parts, decide=decide)


class Capable(Connection):
    """A connection whose application has a handler for every request."""

    def answer(self, event: ev.ServerEvent) -> None:
        """Answer what the reference server has no handler for."""
        if isinstance(event, ev.CommandRequested):
            self.machine.reply(event.ticket, self.result_of(event.request))
        else:
            super().answer(event)

    def result_of(self, request: m.Request) -> m.Result:
        """Make the result of a request."""
        match request:
            case m.PresenceRequest():
                return m.PresenceResult({self.client: m.ClientInfo(user=USER, client=self.client)})
            case m.PresenceStatsRequest():
                return m.PresenceStatsResult(num_clients=1, num_users=1)
            case m.HistoryRequest():
                one = m.Publication(data=Raw(b"{}"), offset=1)
                return m.HistoryResult(publications=[one][: max(request.limit, 0)], epoch="liveproto", offset=1)
            case m.RefreshRequest():
                return m.RefreshResult(client=self.client)
            case m.SubRefreshRequest():
                return m.SubRefreshResult()
            case _:
                return m.RPCResult(data=request.data if isinstance(request, m.RPCRequest) else UNSET)


def capable(parts: Parts, connection: type[Capable] = Capable) -> Parts:
    """Serve every request there is."""
    return attrs.evolve(parts, connection=connection, serves=EVERYTHING)


# -- delivery ------------------------------------------------------------------------------------------------------


class PushesAnything(ServerProtocol):
    """A protocol that sends pushes of channels the client is not subscribed to."""

    def push_line(self, channel: str, line: bytes) -> None:  # noqa: ARG002 - it does not look
        """Send, whatever the channel's state."""
        if self.state is ServerState.CONNECTED:
            self._send_line(line)
