"""The client's side of one connection, as a pure state machine.

Theory. The caller's commands are written at once and remembered by id; replies, pushes and pings are classified into
inputs that move the tables of ``states``. Whatever the server may legally add is ignored, whatever breaks the framing
fails the connection. One machine is one connection: after ``Disconnected`` a caller that may ``reconnect`` makes a new
one and passes ``next_command_id`` on, as the SDKs count through.

Not here: dialling, backoff, resubscription after a reconnect.
Sources: centrifuge-js 5.7.4 and centrifuge-python 0.7.0 as recorded, centrifuge client protocol pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from liveproto.errors import LocalProtocolError, RemoteProtocolError
from liveproto.session import events as ev
from liveproto.session.machine import Machine, Transition
from liveproto.session.states import (
    CLIENT_TRANSITIONS,
    CLIENT_VIOLATIONS,
    SUBSCRIPTION_TRANSITIONS,
    ClientInput,
    ClientState,
    SubscriptionInput,
    SubscriptionState,
)
from liveproto.wire import codes, json_v2
from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_MAX_PING_DELAY_S: Final = 10.0
_PONG: Final = b"{}"
_MAX_COMMAND_ID: Final = 2**32 - 1
_ENDED: Final = frozenset({ClientState.CLOSED, ClientState.FAILED})

DISCONNECT_CALLED: Final = codes.Disconnect(0, "disconnect called")
NO_PING: Final = codes.Disconnect(2, "no ping")
BAD_PROTOCOL: Final = codes.Disconnect(2, "bad protocol")


class ClientProtocol:
    """One connection, from its opening to its close.

    After any call you must drain ``events()`` and ``data_to_send()``; the state has already moved when it returns.
    """

    def __init__(self, *, next_command_id: int = 1, max_ping_delay_s: float = DEFAULT_MAX_PING_DELAY_S) -> None:
        """Make a connection whose transport is open and on which nothing was sent.

        Args:
            next_command_id: id of the first command, from 1 to 2^32-1.
            max_ping_delay_s: how late a ping may be before the connection counts as lost.
        """
        self._machine = Machine(CLIENT_TRANSITIONS, ClientState.NEW)
        self._subscriptions: dict[str, Machine[SubscriptionState, SubscriptionInput]] = {}
        self._sent: dict[int, m.Command] = {}
        # The last subscribe of each channel: only its reply counts (GL-WIRE-040), and it is what is renewed.
        self._subscribes: dict[str, m.Command] = {}
        self._next_command_id = next_command_id
        self._max_ping_delay_s = max_ping_delay_s
        self._silence_s: float | None = None
        self._ping_overdue_at: float | None = None
        self._answers_pings = False
        self._events: list[ev.ClientEvent] = []
        self._lines: list[bytes] = []
        self._close: ev.Close | None = None
        self._actions: dict[str, Callable[[m.Reply], None]] = {
            "connected": self._connected,
            "refused": self._refused,
            "reply": self._reply,
            "push": self._push,
            "pong": self._pong,
            "ignore": self._ignore,
        }

    # -- commands --------------------------------------------------------------------------------------------------

    def connect(self, request: m.ConnectRequest) -> ev.CommandId:
        """Ask to connect: the first command, once.

        Raises:
            LocalProtocolError: something was sent before.
        """
        return self._command(ClientInput.CONNECT, request)

    def subscribe(self, request: m.SubscribeRequest) -> ev.CommandId:
        """Ask for the publications of a channel.

        Raises:
            LocalProtocolError: not connecting or connected, no channel, or already subscribed or subscribing.
        """
        return self._subscription_command(SubscriptionInput.SUBSCRIBE, request)

    def unsubscribe(self, channel: str) -> ev.CommandId:
        """Leave a channel; its publications stop with this call, not with the reply.

        Raises:
            LocalProtocolError: not connecting or connected, or not subscribed.
        """
        return self._subscription_command(SubscriptionInput.UNSUBSCRIBE, m.UnsubscribeRequest(channel=channel))

    def publish(self, request: m.PublishRequest) -> ev.CommandId:
        """Publish to a channel, subscribed or not.

        Raises:
            LocalProtocolError: not connecting or connected, or no channel, or no data.
        """
        if not request.channel or request.data is msgspec.UNSET:
            message = "expected a channel and data to publish"
            raise LocalProtocolError(message, "GL-PUB-003")
        return self._command(ClientInput.COMMAND, request)

    def request(
        self, request: m.RPCRequest | m.PresenceRequest | m.PresenceStatsRequest | m.HistoryRequest
    ) -> ev.CommandId:
        """Send any other request.

        Raises:
            LocalProtocolError: not connecting or connected.
        """
        return self._command(ClientInput.COMMAND, request)

    def disconnect(self) -> None:
        """Close the connection. Idempotent."""
        if self._machine.step(ClientInput.DISCONNECT) is not None:
            self._close = ev.Close(code=1000, reason="")
            self._end(DISCONNECT_CALLED, reconnect=False)

    # -- input -----------------------------------------------------------------------------------------------------

    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        """Take one whole transport message, text or binary; never raises for anything a peer can send."""
        if self.state in _ENDED:
            return
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        decoded = json_v2.decode_replies(raw)
        for reply in decoded.records:
            if self.state not in _ENDED:
                self._apply(self._classify(reply), reply)
        if decoded.fault is not None and self.state not in _ENDED:
            message = f"line {decoded.fault.line}: {decoded.fault.reason}"
            self._fail(CLIENT_VIOLATIONS[ClientInput.UNDECODABLE], message)
        if self._silence_s is not None and self.state not in _ENDED:
            self._ping_overdue_at = now + self._silence_s

    def receive_close(self, code: int, reason: str, *, now: float) -> None:  # noqa: ARG002 - one contract for both roles
        """Take the end of the transport; a reset is ``(1006, "")``. Idempotent."""
        if self._machine.step(ClientInput.TRANSPORT_CLOSED) is not None:
            self._end(codes.Disconnect(code, reason), reconnect=not codes.close_is_terminal(code))

    def handle_timeout(self, *, now: float) -> None:
        """Do what is due at ``now``: give up a connection that has gone silent (GL-PING-013)."""
        if self._ping_overdue_at is not None and self._ping_overdue_at <= now:
            self._machine.step(ClientInput.PING_OVERDUE)
            self._close = ev.Close(code=1000, reason="")
            self._end(NO_PING, reconnect=True)

    # -- drains ----------------------------------------------------------------------------------------------------

    def events(self) -> list[ev.ClientEvent]:
        """Take what has happened since the last call."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> list[ev.Output]:
        """Take what is to be written, in order; a Close is the last there ever is."""
        output: list[ev.Output] = [ev.Batch(data=json_v2.join_lines(self._lines))] if self._lines else []
        self._lines = []
        if self._close is not None:
            output.append(self._close)
            self._close = None
        return output

    def next_timeout(self) -> float | None:
        """Tell when to call ``handle_timeout``, or None for never."""
        return self._ping_overdue_at

    # -- read-only -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ClientState:
        """Where the connection stands."""
        return self._machine.state

    @property
    def next_command_id(self) -> int:
        """Id the next command will have."""
        return self._next_command_id

    # -- private ---------------------------------------------------------------------------------------------------

    def _command(self, input_: ClientInput, request: m.Request) -> ev.CommandId:
        field = m.REQUEST_FIELDS[type(request)]
        if self._machine.step(input_) is None:
            message = f'expected a connection that may send "{field}", got one that is {self.state.value!r}'
            raise LocalProtocolError(message, "GL-CONN-002")
        command_id = self._next_command_id
        self._next_command_id = command_id % _MAX_COMMAND_ID + 1
        command = msgspec.structs.replace(m.Command(id=command_id), **{field: request})
        self._sent[command_id] = command
        if isinstance(request, m.SubscribeRequest):
            self._subscribes[request.channel] = command
        self._lines.append(json_v2.encode(command))
        return ev.CommandId(command_id)

    def _subscription_command(
        self, input_: SubscriptionInput, request: m.SubscribeRequest | m.UnsubscribeRequest
    ) -> ev.CommandId:
        subscription = self._subscription(request.channel)
        known = (subscription.state, input_) in SUBSCRIPTION_TRANSITIONS
        if not request.channel or not known:
            message = f"expected {input_.value} of a channel that allows it, got {request.channel!r}"
            raise LocalProtocolError(message, "GL-SUB-002" if not request.channel else "GL-SUB-003")
        command_id = self._command(ClientInput.COMMAND, request)
        subscription.step(input_)
        self._subscriptions[request.channel] = subscription
        return command_id

    def _subscription(self, channel: str) -> Machine[SubscriptionState, SubscriptionInput]:
        return self._subscriptions.get(channel) or Machine(SUBSCRIPTION_TRANSITIONS, SubscriptionState.UNSUBSCRIBED)

    def _classify(self, reply: m.Reply) -> ClientInput:
        if reply.push is not None:
            return ClientInput.PUSH
        if reply.id == 0:
            return ClientInput.PING
        command = self._sent.get(reply.id)
        if command is None:
            return ClientInput.REPLY_UNKNOWN
        if command.connect is None:
            return ClientInput.REPLY
        if reply.error is not None:
            return ClientInput.CONNECT_REFUSED
        accepted = reply.connect is not None and reply.connect.client
        return ClientInput.CONNECT_ACCEPTED if accepted else ClientInput.CONNECT_MALFORMED

    def _apply(self, input_: ClientInput, reply: m.Reply) -> None:
        transition: Transition[ClientState] | None = self._machine.step(input_)
        if transition is None:
            self._fail(CLIENT_VIOLATIONS[input_], f"got {input_.value}")
        else:
            self._actions[transition.action](reply)

    def _connected(self, reply: m.Reply) -> None:
        del self._sent[reply.id]
        result = reply.connect
        assert result is not None
        self._answers_pings = result.pong
        if result.ping:
            self._silence_s = result.ping + self._max_ping_delay_s
        self._events.append(ev.Connected(result=result))

    def _refused(self, reply: m.Reply) -> None:
        error = reply.error
        assert error is not None
        self._close = ev.Close(code=1000, reason="")
        self._end(codes.Disconnect(error.code, error.message), reconnect=codes.error_is_temporary(error))

    def _reply(self, reply: m.Reply) -> None:
        command = self._sent.pop(reply.id)
        if command.subscribe is not None:
            if command is self._subscribes.get(command.subscribe.channel):
                self._subscribe_reply(command.subscribe.channel, reply)
        elif reply.error is not None:
            self._events.append(ev.ErrorReceived(command_id=ev.CommandId(reply.id), error=reply.error))
        elif (result := _result_of(command, reply)) is not None:
            self._events.append(ev.ReplyReceived(command_id=ev.CommandId(reply.id), result=result))
        else:
            self._fail("GL-WIRE-045", f"expected the result of command {reply.id}")

    def _subscribe_reply(self, channel: str, reply: m.Reply) -> None:
        subscription = self._subscription(channel)
        if reply.error is not None:
            transition = subscription.step(SubscriptionInput.REFUSED)
            if transition is not None and transition.action == "refused":
                self._unsubscribed(
                    channel, reply.error.code, reply.error.message, temporary=codes.error_is_temporary(reply.error)
                )
            return
        transition = subscription.step(SubscriptionInput.ACCEPTED)
        if transition is not None and transition.action == "subscribed":
            self._events.append(ev.Subscribed(channel=channel, result=reply.subscribe or m.SubscribeResult()))

    def _push(self, reply: m.Reply) -> None:
        push = reply.push
        assert push is not None
        if push.pub is not None:
            transition = self._subscription(push.channel).step(SubscriptionInput.PUBLICATION)
            if transition is not None and transition.action == "deliver":
                self._events.append(ev.PublicationReceived(channel=push.channel, publication=push.pub))
        elif push.unsubscribe is not None:
            self._unsubscribe_push(push.channel, push.unsubscribe)
        elif push.join is not None or push.leave is not None:
            if self._subscription(push.channel).state is not SubscriptionState.UNSUBSCRIBED:
                self._events.append(ev.PushReceived(push=push))
        elif any((push.message, push.subscribe, push.refresh)):
            self._events.append(ev.PushReceived(push=push))

    def _unsubscribe_push(self, channel: str, unsubscribe: m.Unsubscribe) -> None:
        final = codes.unsubscribe_is_final(unsubscribe.code)
        input_ = SubscriptionInput.REVOKED if final else SubscriptionInput.RESUBSCRIBE
        transition = self._subscription(channel).step(input_)
        action = transition and transition.action
        if action == "revoked":
            self._unsubscribed(channel, unsubscribe.code, unsubscribe.reason, temporary=False)
        elif action == "renew":
            self._events.append(
                ev.Unsubscribed(channel=channel, code=unsubscribe.code, reason=unsubscribe.reason, temporary=True)
            )
            self._command(ClientInput.COMMAND, self._subscribes[channel].subscribe or m.SubscribeRequest())

    def _unsubscribed(self, channel: str, code: int, reason: str, *, temporary: bool) -> None:
        del self._subscriptions[channel]
        del self._subscribes[channel]
        self._events.append(ev.Unsubscribed(channel=channel, code=code, reason=reason, temporary=temporary))

    def _pong(self, _: m.Reply) -> None:
        if self._answers_pings:
            self._lines.append(_PONG)

    def _ignore(self, _: m.Reply) -> None:
        """Let pass a reply that nobody waits for (GL-WIRE-030)."""

    def _fail(self, requirement: str, message: str) -> None:
        self._machine.state = ClientState.FAILED
        error = RemoteProtocolError(message, requirement)
        self._events.append(ev.ProtocolViolated(error=error))
        self._close = ev.Close(code=1000, reason="")
        self._end(BAD_PROTOCOL, reconnect=False)

    def _end(self, disconnect: codes.Disconnect, *, reconnect: bool) -> None:
        self._ping_overdue_at = None
        self._sent.clear()
        self._subscriptions.clear()
        self._subscribes.clear()
        self._events.append(ev.Disconnected(code=disconnect.code, reason=disconnect.reason, reconnect=reconnect))


def _result_of(command: m.Command, reply: m.Reply) -> m.Result | None:
    """Find the result that has the name of the request (GL-WIRE-045)."""
    for name in m.RESULT_FIELDS.values():
        result: m.Result | None = getattr(reply, name)
        if result is not None and getattr(command, name) is not None:
            return result
    return None
