"""The server's side of one connection, as a pure state machine.

Theory. Bytes come in, records are classified into inputs, inputs move the tables of ``states``, transitions name an
action. Questions go to the application as events with a ticket; it answers in any order, and the machine keeps what may
not be reordered: the connect reply is first, and an unsubscribe waits for the subscribe before it. While something
waits, later commands are held and ``paused`` is true: the driver should stop reading then, as centrifuge does.

Not here: who may subscribe or publish, delivery between connections, the transport.
Source: centrifuge 0.35.0 client.go, in the order of its checks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from liveproto.errors import LocalProtocolError, RemoteProtocolError
from liveproto.session import events as ev
from liveproto.session.classify import Facts, classify, request_of
from liveproto.session.machine import Machine, Transition
from liveproto.session.states import (
    CHANNEL_TRANSITIONS,
    SERVER_TRANSITIONS,
    ChannelInput,
    ChannelState,
    ServerInput,
    ServerState,
    violated_requirement,
)
from liveproto.wire import codes, json_v2
from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PING: Final = b"{}"
_NO_COMMAND: Final = m.Command()
_ENDED: Final = frozenset({ServerState.CLOSED, ServerState.FAILED})

EVERYTHING: Final = frozenset(m.REQUEST_FIELDS)
"""All requests: what an application with every handler serves."""


@attrs.frozen(kw_only=True)
class Limits:
    """What one connection may use; the defaults are centrifuge's, the queue Grafana's."""

    message_bytes: int | None = 65_536
    """Of one inbound message; None is unlimited."""
    channel_bytes: int = 255
    channels: int = 128
    queue_bytes: int = 4 * 1024 * 1024
    """Of output not yet taken by ``data_to_send``."""
    held_bytes: int = 1024 * 1024
    """Of input received while ``paused``."""
    lines_per_batch: int = 16


@attrs.frozen(kw_only=True)
class Timing:
    """Delays in seconds; the defaults are Grafana's."""

    ping_interval_s: float = 25.0
    """Whole seconds are announced to the client; 0 sends no pings."""
    pong_timeout_s: float = 10.0
    """Below the interval; 0 expects no pongs."""
    stale_delay_s: float = 15.0
    subscribe_wait_s: float = 5.0
    """How long an unsubscribe waits for the answer to the subscribe before it."""


class ServerProtocol:
    """One connection, from its opening to its close.

    After ``receive_batch``, ``receive_close``, ``handle_timeout`` or any command below you must drain ``events()`` and
    ``data_to_send()``; the state has already moved when they return.
    """

    transitions: Mapping[tuple[ServerState, ServerInput], Transition[ServerState]] = SERVER_TRANSITIONS
    channel_transitions: Mapping[tuple[ChannelState, ChannelInput], Transition[ChannelState]] = CHANNEL_TRANSITIONS

    def __init__(
        self,
        *,
        now: float,
        limits: Limits = Limits(),
        timing: Timing = Timing(),
        serves: frozenset[type[m.Request]] = EVERYTHING,
        first_ping_fraction: float = 0.0,
    ) -> None:
        """Open a connection.

        Args:
            now: seconds on the caller's monotonic clock, as everywhere.
            limits: what the connection may use.
            timing: its delays.
            serves: the requests the application answers; others are refused as not available.
            first_ping_fraction: from 0 to 1, spreads the first ping over the second half of the interval.
        """
        self._limits = limits
        self._timing = timing
        self._first_ping_fraction = first_ping_fraction
        self._machine = Machine(self.transitions, ServerState.OPEN)
        self._channels: dict[str, Machine[ChannelState, ChannelInput]] = {}
        self._facts = Facts(
            serves=serves,
            channel_bytes=limits.channel_bytes,
            max_channels=limits.channels,
            channels=self._channels,
        )
        self._questions: dict[ev.Ticket, m.Command] = {}
        self._next_ticket = 1
        self._held: deque[m.Command | json_v2.Fault] = deque()
        self._held_bytes = 0
        self._waiting: m.Command | None = None
        self._events: list[ev.ServerEvent] = []
        self._lines: list[bytes] = []
        self._queue_bytes = 0
        self._close: ev.Close | None = None
        self._now = now
        self._stale_at: float | None = now + timing.stale_delay_s
        self._ping_at: float | None = None
        self._pong_at: float | None = None
        self._wait_until: float | None = None
        self._actions: dict[str, Callable[[Transition[ServerState], m.Command], None]] = {
            "ask": self._ask,
            "channel": self._subscribe_or_unsubscribe,
            "refuse": self._refuse_now,
            "close": self._close_with_answer,
            "give_up": self._give_up,
            "ignore": self._ignore,
            "drop": self._drop,
            "send_received": self._send_received,
            "pong_received": self._pong_received,
            "ping": self._ping,
        }
        self._channel_actions: dict[str, Callable[[Transition[ChannelState], m.Command], None]] = {
            "ask": self._ask,
            "refuse": self._refuse_now,
            "hold": self._hold,
            "leave": self._leave,
            "confirm": self._confirm,
        }

    # -- input --------------------------------------------------------------------------------------------------

    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        """Take one whole transport message, text or binary; never raises for anything a peer can send."""
        self._now = now
        if self.state in _ENDED:
            return
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        if self._limits.message_bytes is not None and len(raw) > self._limits.message_bytes:
            self._apply(ServerInput.OVERSIZE)
            return
        decoded = json_v2.decode_commands(raw)
        self._held.extend(decoded.records)
        if decoded.fault is not None:
            self._held.append(decoded.fault)
        self._work()
        self._held_bytes = self._held_bytes + len(raw) if self._held else 0
        if self._held_bytes > self._limits.held_bytes:
            self._apply(ServerInput.OVERFLOW)

    def receive_close(self, code: int, reason: str, *, now: float) -> None:
        """Take the end of the transport; a reset is ``(1006, "")``. Idempotent."""
        self._now = now
        if self.state not in _ENDED:
            self._machine.step(ServerInput.TRANSPORT_CLOSED)
            self._end(codes.Disconnect(code, reason))

    def handle_timeout(self, *, now: float) -> None:
        """Do what is due at ``now``."""
        self._now = now
        for due, input_ in (
            (self._stale_at, ServerInput.STALE),
            (self._wait_until, ServerInput.SUBSCRIBE_OVERDUE),
            (self._pong_at, ServerInput.PONG_OVERDUE),
            (self._ping_at, ServerInput.PING_DUE),
        ):
            if due is not None and due <= now and self.state not in _ENDED:
                self._apply(input_)

    # -- the application's answers --------------------------------------------------------------------------------

    def accept(self, ticket: ev.Ticket, result: m.ConnectResult | m.SubscribeResult, *, now: float) -> None:
        """Answer a ConnectRequested or SubscribeRequested with success.

        ``ping`` and ``pong`` of a connect result are filled in from the timing. After the connection has ended this
        does nothing: the answer came too late.

        Raises:
            LocalProtocolError: the ticket is not open, or asks for something else.
        """
        self._now = now
        command = self._take(ticket, m.ConnectRequest if isinstance(result, m.ConnectResult) else m.SubscribeRequest)
        if command is None:
            return
        if isinstance(result, m.ConnectResult):
            self._machine.step(ServerInput.ACCEPT)
            self._start(command, result)
        else:
            channel = _channel_of(command)
            self._channels[channel].step(ChannelInput.ACCEPT)
            if result.expires:
                self._facts.expiring.add(channel)
            self._send_result(command, result)
        self._resume()

    def refuse(self, ticket: ev.Ticket, error: m.Error, *, now: float) -> None:
        """Answer any request with an error.

        Raises:
            LocalProtocolError: the ticket is not open.
        """
        self._now = now
        command = self._take(ticket, None)
        if command is None:
            return
        if command.connect is not None:
            self._machine.step(ServerInput.REFUSE)
        elif command.subscribe is not None:
            self._channels.pop(command.subscribe.channel).step(ChannelInput.REFUSE)
        self._send(m.Reply(id=command.id, error=error))
        self._resume()

    def reply(self, ticket: ev.Ticket, result: m.Result) -> None:
        """Answer a PublishRequested or CommandRequested with success.

        Raises:
            LocalProtocolError: the ticket is not open, or the result is not that of its request.
        """
        field = m.RESULT_FIELDS[type(result)]
        request = next(request for request, name in m.REQUEST_FIELDS.items() if name == field)
        if request in {m.ConnectRequest, m.SubscribeRequest}:
            message = f'expected accept() to answer "{field}"'
            raise LocalProtocolError(message, "GL-WIRE-045")
        command = self._take(ticket, request)
        if command is not None:
            self._send_result(command, result)

    # -- the application's own doing --------------------------------------------------------------------------------

    def push(self, push: m.Push) -> None:
        """Send a push: of a subscribed channel, or without channel (message, refresh).

        Raises:
            LocalProtocolError: not connected, or not subscribed to the channel.
        """
        self.push_line(push.channel, json_v2.encode(m.Reply(push=push)))

    def push_line(self, channel: str, line: bytes) -> None:
        """Send a push that is already encoded, as one fan-out does for many connections; else as ``push``."""
        if self.state in _ENDED:
            return
        if self.state is not ServerState.CONNECTED:
            message = f"expected a connected client, got one that is {self.state.value}"
            raise LocalProtocolError(message, "GL-CONN-003")
        if channel and self._channel(channel).step(ChannelInput.PUSH) is None:
            message = f"expected a subscribed channel, got {channel!r}"
            raise LocalProtocolError(message, "GL-SUB-015")
        self._send_line(line)

    def unsubscribe(self, channel: str, code: int, reason: str) -> None:
        """End a subscription from the server's side and tell the client (GL-CODE-012).

        Raises:
            LocalProtocolError: not connected, or the subscribe is not answered yet.
        """
        if self.state in _ENDED:
            return
        if self.state is not ServerState.CONNECTED or self._channel(channel).step(ChannelInput.REVOKE) is None:
            message = f"expected an answered subscription of {channel!r}"
            raise LocalProtocolError(message, "GL-CODE-012")
        self._forget(channel)
        self._send(m.Reply(push=m.Push(channel=channel, unsubscribe=m.Unsubscribe(code=code, reason=reason))))

    def disconnect(self, disconnect: codes.Disconnect) -> None:
        """Close the connection; what was queued is sent first. Idempotent."""
        if self.state not in _ENDED:
            self._machine.step(ServerInput.DISCONNECT)
            self._finish(disconnect)

    # -- drains ----------------------------------------------------------------------------------------------------

    def events(self) -> list[ev.ServerEvent]:
        """Take what has happened since the last call."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> list[ev.Output]:
        """Take what is to be written, in order; a Close is the last there ever is."""
        lines, self._lines = self._lines, []
        self._queue_bytes = 0
        size = self._limits.lines_per_batch
        output: list[ev.Output] = [
            ev.Batch(data=json_v2.join_lines(lines[start : start + size])) for start in range(0, len(lines), size)
        ]
        if self._close is not None:
            output.append(self._close)
            self._close = None
        return output

    def next_timeout(self) -> float | None:
        """Tell when to call ``handle_timeout``, or None for never."""
        due = [at for at in (self._stale_at, self._wait_until, self._pong_at, self._ping_at) if at is not None]
        return min(due, default=None)

    # -- read-only -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ServerState:
        """Where the connection stands."""
        return self._machine.state

    @property
    def paused(self) -> bool:
        """Whether commands are being held for an answer of the application; a driver stops reading meanwhile."""
        return self.state is ServerState.CONNECTING or self._waiting is not None

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels subscribed or being subscribed."""
        return tuple(self._channels)

    # -- commands --------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while self._held and not self.paused and self.state not in _ENDED:
            item = self._held.popleft()
            if isinstance(item, json_v2.Fault):
                self._apply(ServerInput.UNDECODABLE, got=f"line {item.line}: {item.reason}")
            else:
                self._apply(self._classify(item), item)
        if not self._held:
            self._held_bytes = 0

    def _apply(self, input_: ServerInput, command: m.Command = _NO_COMMAND, got: str = "") -> None:
        transition = self._machine.step(input_)
        if transition is None:
            self._fail(input_, got or f"got {input_.value}")
        else:
            self._actions[transition.action](transition, command)

    def _classify(self, command: m.Command) -> ServerInput:
        return classify(command, self._facts)

    def _subscribe_or_unsubscribe(self, _: Transition[ServerState], command: m.Command) -> None:
        channel = _channel_of(command)
        machine = self._channels.setdefault(channel, self._channel(channel))
        subscribing = command.subscribe is not None
        transition = machine.step(ChannelInput.SUBSCRIBE if subscribing else ChannelInput.UNSUBSCRIBE)
        if machine.state is ChannelState.ABSENT:
            self._forget(channel)
        assert transition is not None
        self._channel_actions[transition.action](transition, command)

    # -- actions ---------------------------------------------------------------------------------------------------

    def _ask(self, _: object, command: m.Command) -> None:
        ticket = ev.Ticket(self._next_ticket)
        self._next_ticket += 1
        self._questions[ticket] = command
        match request_of(command):
            case m.ConnectRequest() as connect:
                self._events.append(ev.ConnectRequested(ticket=ticket, request=connect))
            case m.SubscribeRequest() as subscribe:
                self._events.append(ev.SubscribeRequested(ticket=ticket, request=subscribe))
            case m.PublishRequest() as publish:
                self._events.append(ev.PublishRequested(ticket=ticket, request=publish))
            case request:
                self._events.append(ev.CommandRequested(ticket=ticket, request=request))  # type: ignore[arg-type]

    def _hold(self, _: object, command: m.Command) -> None:
        self._waiting = command
        self._wait_until = self._now + self._timing.subscribe_wait_s

    def _leave(self, _: object, command: m.Command) -> None:
        self._events.append(ev.Unsubscribed(channel=_channel_of(command)))
        self._confirm(_, command)

    def _confirm(self, _: object, command: m.Command) -> None:
        self._send_result(command, m.UnsubscribeResult())

    def _start(self, command: m.Command, result: m.ConnectResult) -> None:
        interval = self._timing.ping_interval_s
        self._stale_at = None
        self._facts.connection_expires = result.expires
        if interval:
            self._ping_at = self._now + interval / 2 + self._first_ping_fraction * interval / 2
        expects_pong = bool(interval and self._timing.pong_timeout_s)
        self._send_result(command, msgspec.structs.replace(result, ping=int(interval), pong=expects_pong))

    def _refuse_now(self, transition: Transition[ServerState] | Transition[ChannelState], command: m.Command) -> None:
        assert isinstance(transition.answer, codes.ErrorCode)
        self._send(m.Reply(id=command.id, error=codes.protocol_error(transition.answer)))

    def _send_received(self, _: object, command: m.Command) -> None:
        assert command.send is not None
        data = command.send.data
        self._events.append(ev.SendReceived(data=data if isinstance(data, msgspec.Raw) else None))

    def _pong_received(self, _: object, __: object) -> None:
        self._facts.pong_due = False
        self._pong_at = None

    def _ping(self, _: object, __: object) -> None:
        self._facts.pong_due = True
        if self._timing.pong_timeout_s:
            self._pong_at = self._now + self._timing.pong_timeout_s
        self._ping_at = self._now + self._timing.ping_interval_s
        self._send_line(_PING)

    def _close_with_answer(self, transition: Transition[ServerState], _: object) -> None:
        assert isinstance(transition.answer, codes.Disconnect)
        self._finish(transition.answer)

    def _give_up(self, transition: Transition[ServerState], command: m.Command) -> None:
        assert self._waiting is not None
        self._confirm(transition, self._waiting)
        self._close_with_answer(transition, command)

    def _ignore(self, _: object, __: object) -> None:
        """Let pass what comes after a refused connect (GL-CONN-011)."""

    def _drop(self, transition: Transition[ServerState], command: m.Command) -> None:
        self._lines.clear()
        self._close_with_answer(transition, command)

    def _fail(self, input_: ServerInput, message: str) -> None:
        requirement = violated_requirement(self.state, input_)
        self._machine.state = ServerState.FAILED
        error = RemoteProtocolError(message, requirement, codes.BAD_REQUEST)
        self._events.append(ev.ProtocolViolated(error=error))
        self._finish(codes.BAD_REQUEST)

    # -- helpers ---------------------------------------------------------------------------------------------------

    def _channel(self, channel: str) -> Machine[ChannelState, ChannelInput]:
        return self._channels.get(channel) or Machine(self.channel_transitions, ChannelState.ABSENT)

    def _forget(self, channel: str) -> None:
        self._channels.pop(channel, None)
        self._facts.expiring.discard(channel)

    def _take(self, ticket: ev.Ticket, request: type[m.Request] | None) -> m.Command | None:
        if self.state in _ENDED:
            return None
        command = self._questions.get(ticket)
        if command is None or (request is not None and not isinstance(request_of(command), request)):
            expected = "an open ticket" if request is None else f'an open ticket of "{m.REQUEST_FIELDS[request]}"'
            message = f"expected {expected}, got {ticket}"
            raise LocalProtocolError(message, "GL-WIRE-044")
        return self._questions.pop(ticket)

    def _resume(self) -> None:
        waiting = self._waiting
        if waiting is not None and self._channel(_channel_of(waiting)).state is not ChannelState.SUBSCRIBING:
            self._waiting = None
            self._wait_until = None
            self._held.appendleft(waiting)
        self._work()

    def _send_result(self, command: m.Command, result: m.Result) -> None:
        reply = m.Reply(id=command.id)
        self._send(msgspec.structs.replace(reply, **{m.RESULT_FIELDS[type(result)]: result}))

    def _send(self, reply: m.Reply) -> None:
        self._send_line(json_v2.encode(reply))

    def _send_line(self, line: bytes) -> None:
        self._lines.append(line)
        self._queue_bytes += len(line)
        if self._queue_bytes > self._limits.queue_bytes and self.state not in _ENDED:
            self._apply(ServerInput.OVERFLOW)

    def _finish(self, disconnect: codes.Disconnect) -> None:
        self._close = ev.Close(code=disconnect.code, reason=disconnect.reason)
        self._end(disconnect)

    def _end(self, disconnect: codes.Disconnect) -> None:
        self._held.clear()
        self._questions.clear()
        self._channels.clear()
        self._waiting = None
        self._stale_at = self._ping_at = self._pong_at = self._wait_until = None
        reconnect = not codes.close_is_terminal(disconnect.code)
        self._events.append(ev.Disconnected(code=disconnect.code, reason=disconnect.reason, reconnect=reconnect))


def _channel_of(command: m.Command) -> str:
    request = command.subscribe or command.unsubscribe
    assert isinstance(request, m.SubscribeRequest | m.UnsubscribeRequest)
    return request.channel
