"""A client, across its connections, as a pure state machine.

Theory. The caller says what it wants: to be connected, and to which channels subscribed. The machine asks for a
transport (``Open``), connects, subscribes, and does all of it again after a loss, after waits that grow; it stops only
for the caller or for a terminal code. Replies, pushes, pings, closes and times are classified into inputs that move the
tables of ``states``. Whatever the server may legally add is ignored, whatever breaks the framing ends the client.

The driver owns the transport. It takes ``Open`` by opening one and telling ``receive_open`` or ``receive_close``, and
``Close`` by closing it, or by giving up one that is still being opened; after a Close nothing more is told of it.

Not here: dialling; recovery, deltas, channel compaction, subscriptions that the server makes; the codes 2502 and 3014
mean no more than other codes of their range.
Sources: Client SDK specification; centrifuge-js 5.7.4 and centrifuge-python 0.7.0 as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from liveproto.errors import LocalProtocolError, RemoteProtocolError
from liveproto.session import events as ev
from liveproto.session import local_codes as local
from liveproto.session.backoff import backoff_delay_s
from liveproto.session.client_options import DEFAULT_LIMITS, DEFAULT_TIMING
from liveproto.session.commands import Commands
from liveproto.session.machine import Machine, Transition
from liveproto.session.replies import cause_of, classify, result_of, token_has_expired
from liveproto.session.states import CLIENT_TRANSITIONS, CLIENT_VIOLATIONS, ClientInput, ClientState
from liveproto.session.subscriptions import Subscriptions
from liveproto.wire import codes, json_v2
from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from liveproto.session.client_options import ClientLimits, ClientTiming
    from liveproto.session.states import SubscriptionState

_PONG: Final = b"{}"
_NO_REPLY: Final = m.Reply()
_NO_CAUSE: Final = codes.Disconnect(0, "")
_OWN_REQUESTS: Final = (
    m.ConnectRequest | m.SubscribeRequest | m.UnsubscribeRequest | m.RefreshRequest | m.SubRefreshRequest
)
_LISTENING: Final = frozenset({ClientState.CONNECTING, ClientState.CONNECTED})
_MIN_REFRESH_RETRY_S: Final = 5.0
_MAX_REFRESH_RETRY_S: Final = 10.0


class ClientProtocol:
    """A client, from its making to the end of its use.

    After any call you must drain ``events()`` and ``data_to_send()`` and look at ``next_timeout()``; the state has
    already moved when it returns.
    """

    def __init__(
        self,
        *,
        fractions: Iterator[float],
        timing: ClientTiming = DEFAULT_TIMING,
        limits: ClientLimits = DEFAULT_LIMITS,
        first_command_id: int = 1,
    ) -> None:
        """Make a client that is disconnected.

        Args:
            fractions: endless, each from 0 to below 1: the random parts of its waits, one for each.
            timing: its delays.
            limits: what it may use.
            first_command_id: from 1 to 2^32-1; ids count through its connections.
        """
        self._machine = Machine(CLIENT_TRANSITIONS, ClientState.DISCONNECTED)
        self._timing = timing
        self._fractions = fractions
        self._events: list[ev.ClientEvent] = []
        self._commands = Commands(
            message_bytes=limits.message_bytes,
            waiting=limits.commands,
            timeout_s=timing.command_timeout_s,
            first_id=first_command_id,
        )
        self._subscriptions = Subscriptions(
            commands=self._commands,
            report=self._events.append,
            delay_s=self._delay_s,
            fractions=fractions,
            channels=limits.channels,
        )
        self._output: list[ev.ClientOutput] = []
        self._connect = m.ConnectRequest()
        self._attempt = 0
        self._token_expired = self._token_asked = False
        self._transport = False
        self._result = m.ConnectResult()
        self._now = 0.0
        self._retry_at: float | None = None
        self._open_by: float | None = None
        self._silent_at: float | None = None
        self._token_due_at: float | None = None
        self._actions: dict[str, Callable[[m.Reply, codes.Disconnect], None]] = {
            "start": self._start,
            "open": self._open,
            "ask": self._ask,
            "refresh": self._refresh,
            "greet": self._greet,
            "connected": self._connected,
            "retry": self._retry,
            "reconnect": self._reconnect,
            "stop": self._stop,
            "reply": self._reply,
            "push": self._push,
            "pong": self._pong,
            "ignore": self._ignore,
        }
        self._own_replies: dict[type[m.Request], Callable[[m.Reply, m.Request], None]] = {
            m.SubscribeRequest: self._subscribe_reply,
            m.UnsubscribeRequest: self._unsubscribe_reply,
            m.RefreshRequest: self._refresh_reply,
            m.SubRefreshRequest: self._sub_refresh_reply,
        }

    # -- commands --------------------------------------------------------------------------------------------------

    def connect(self, request: m.ConnectRequest, *, now: float) -> None:
        """Connect, and go on connecting until ``disconnect`` or a terminal code (GL-CLIENT-001).

        Raises:
            LocalProtocolError: connecting or connected already.
            LimitExceededError: the request is larger than a message may be.
        """
        if self.state is not ClientState.DISCONNECTED:
            raise self._misuse("connect", "GL-CLIENT-001")
        self._commands.check_size(request)
        self._now, self._connect, self._token_expired = now, request, False
        self._apply(ClientInput.CONNECT)

    def disconnect(self) -> None:
        """Close the connection and stay disconnected; subscriptions wait for the next connect. Idempotent."""
        self._apply(ClientInput.DISCONNECT)

    def subscribe(self, request: m.SubscribeRequest, *, now: float) -> None:
        """Ask for the publications of a channel, on this connection and all later ones (GL-CLIENT-002).

        Raises:
            LocalProtocolError: no channel, or it has a subscription already.
            LimitExceededError: too many channels or commands, or the request is larger than a message may be.
        """
        self._subscriptions.subscribe(request, now=now)

    def unsubscribe(self, channel: str, *, now: float) -> None:
        """Leave a channel; its publications stop with this call, not with the reply.

        Raises:
            LocalProtocolError: the channel has no subscription.
            LimitExceededError: too many commands are waiting.
        """
        self._subscriptions.unsubscribe(channel, now=now)

    def publish(self, request: m.PublishRequest, *, now: float) -> ev.CommandId:
        """Publish to a channel, subscribed or not; else as ``request``.

        Raises:
            LocalProtocolError: no channel, or no data, too.
        """
        if not request.channel or request.data is msgspec.UNSET:
            message = "expected a channel and data to publish"
            raise LocalProtocolError(message, "GL-PUB-003")
        return self.request(request, now=now)

    def request(
        self,
        request: m.RPCRequest | m.PublishRequest | m.PresenceRequest | m.PresenceStatsRequest | m.HistoryRequest,
        *,
        now: float,
    ) -> ev.CommandId:
        """Send a request, or hold it until the client is connected (GL-CLIENT-009).

        Its end is one ReplyReceived, ErrorReceived or CommandFailed with the id returned.

        Raises:
            LocalProtocolError: disconnected.
            LimitExceededError: too many commands are waiting, or this one is larger than a message may be.
        """
        transition = self._machine.step(ClientInput.COMMAND)
        if transition is None:
            raise self._misuse(m.REQUEST_FIELDS[type(request)], "GL-CLIENT-009")
        return self._commands.call(request, hold=transition.action == "hold", now=now)

    def send(self, request: m.SendRequest) -> None:
        """Send a one-way message; nothing tells whether it arrived.

        Raises:
            LocalProtocolError: not connected.
            LimitExceededError: it is larger than a message may be.
        """
        if self._machine.step(ClientInput.SEND) is None:
            raise self._misuse("send", "GL-CLIENT-009")
        self._commands.write(json_v2.encode(m.Command(send=request)))

    def provide_token(self, token: str, *, channel: str = "", now: float) -> None:
        """Answer a TokenRequested; an empty token says that there is none and the right is lost (GL-CLIENT-012).

        A token nobody asked for is used the next time one is needed.

        Raises:
            LimitExceededError: the request with it is larger than a message may be; the old one is kept.
        """
        if channel:
            self._subscriptions.provide_token(channel, token, now=now)
            return
        request = msgspec.structs.replace(self._connect, token=token)
        self._commands.check_size(request)
        asked, self._token_asked = self._token_asked, False
        self._now, self._connect, self._token_expired = now, request, False
        if asked:
            self._apply(ClientInput.TOKEN if token else ClientInput.TOKEN_EMPTY)

    # -- input -----------------------------------------------------------------------------------------------------

    def receive_open(self, *, now: float) -> None:
        """Take that the transport asked for is open.

        Raises:
            LocalProtocolError: none was asked for, or it was given up.
        """
        if self.state is not ClientState.OPENING:
            raise self._misuse("an open transport", "GL-CLIENT-004")
        self._now = now
        self._apply(ClientInput.OPENED)

    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        """Take one whole transport message, text or binary; never raises for anything a peer can send."""
        if self.state not in _LISTENING:
            return
        self._now = now
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        decoded = json_v2.decode_replies(raw)
        for reply in decoded.records:
            self._apply(classify(reply, self._commands.waits_for(reply.id)), reply)
            if self.state not in _LISTENING:
                return
        if decoded.fault is not None:
            self._violate("GL-WIRE-031", f"line {decoded.fault.line}: {decoded.fault.reason}")
        elif self._result.ping and self.state is ClientState.CONNECTED:
            self._silent_at = now + self._result.ping + self._timing.max_ping_delay_s

    def receive_close(self, code: int, reason: str, *, now: float) -> None:
        """Take the end of the transport, or that it could not be opened; a reset is ``(1006, "")``. Idempotent."""
        if not self._transport:
            return
        self._now, self._transport = now, False
        cause = local.of_close(code, reason)
        if codes.close_is_terminal(code):
            self._apply(ClientInput.TRANSPORT_CLOSED, cause=cause)
        else:
            self._apply(ClientInput.TRANSPORT_LOST, cause=cause)

    def handle_timeout(self, *, now: float) -> None:
        """Do what is due at ``now``."""
        self._now = now
        for command_id, request in self._commands.overdue(now):
            self._overdue(command_id, request)
        for due, input_ in (
            (self._open_by, ClientInput.CONNECT_OVERDUE),
            (self._silent_at, ClientInput.PING_OVERDUE),
            (self._token_due_at, ClientInput.TOKEN_DUE),
            (self._retry_at, ClientInput.RETRY_DUE_EXPIRED if self._token_expired else ClientInput.RETRY_DUE),
        ):
            if due is not None and due <= now:
                self._apply(input_)
        self._subscriptions.handle_timeout(now=now)

    # -- drains ----------------------------------------------------------------------------------------------------

    def events(self) -> list[ev.ClientEvent]:
        """Take what has happened since the last call."""
        events = self._events.copy()
        self._events.clear()
        return events

    def data_to_send(self) -> list[ev.ClientOutput]:
        """Take what is to be done with the transport, in order: each Open begins a new one, each Close ends one."""
        output, self._output = self._output, []
        output += self._commands.batches()
        return output

    def next_timeout(self) -> float | None:
        """Tell when to call ``handle_timeout``, or None for never."""
        due = (
            self._commands.next_timeout(),
            self._subscriptions.next_timeout(),
            self._retry_at,
            self._open_by,
            self._silent_at,
            self._token_due_at,
        )
        return min((at for at in due if at is not None), default=None)

    # -- read-only -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ClientState:
        """Where the client stands."""
        return self._machine.state

    @property
    def subscriptions(self) -> dict[str, SubscriptionState]:
        """Where each channel stands that has a subscription."""
        return self._subscriptions.states

    # -- private: the table -----------------------------------------------------------------------------------------

    def _apply(
        self, input_: ClientInput, reply: m.Reply = _NO_REPLY, cause: codes.Disconnect = _NO_CAUSE
    ) -> Transition[ClientState] | None:
        transition = self._machine.step(input_)
        if transition is not None:
            if isinstance(transition.answer, codes.Disconnect):
                cause = transition.answer
            self._actions[transition.action](reply, cause)
        elif input_ in CLIENT_VIOLATIONS:
            self._violate(CLIENT_VIOLATIONS[input_], f"got {input_.value}")
        return transition

    def _overdue(self, command_id: ev.CommandId, request: m.Request) -> None:
        match request:
            case m.ConnectRequest():
                self._apply(ClientInput.CONNECT_OVERDUE)
            case m.SubscribeRequest(channel=channel):
                if self._subscriptions.awaits(command_id, channel):
                    self._apply(ClientInput.SUBSCRIBE_OVERDUE)
            case m.UnsubscribeRequest():
                self._apply(ClientInput.UNSUBSCRIBE_FAILED)
            case m.RefreshRequest():
                self._refresh_failed(local.TIMEOUT)
            case m.SubRefreshRequest(channel=channel):
                self._subscriptions.refresh_failed(command_id, channel, local.TIMEOUT, now=self._now)
            case _:
                self._fail([(command_id, request)], local.TIMEOUT)

    # -- private: attempts -----------------------------------------------------------------------------------------

    def _start(self, reply: m.Reply, cause: codes.Disconnect) -> None:
        self._attempt = 0
        self._events.append(ev.Connecting(code=cause.code, reason=cause.reason))
        self._open(reply, cause)

    def _open(self, _: m.Reply, __: codes.Disconnect) -> None:
        self._retry_at = None
        self._transport = True
        self._open_by = self._now + self._timing.command_timeout_s
        self._output.append(ev.Open())

    def _greet(self, _: m.Reply, __: codes.Disconnect) -> None:
        self._open_by = None
        self._commands.send(self._connect, now=self._now)
        # Behind connect, before its reply: the server keeps them in order (GL-CONN-016).
        self._subscriptions.connection_open(now=self._now)

    def _connected(self, reply: m.Reply, _: codes.Disconnect) -> None:
        self._commands.answered(reply.id)
        assert reply.connect is not None
        self._result = reply.connect
        self._attempt = 0
        if self._result.expires:
            self._token_due_at = self._now + self._result.ttl
        self._commands.release(now=self._now)
        self._events.append(ev.Connected(result=self._result))

    def _retry(self, reply: m.Reply, cause: codes.Disconnect) -> None:
        self._token_expired = self._token_expired or token_has_expired(reply)
        cause = cause_of(reply, cause)
        self._leave()
        self._wait()
        failure = local.CONNECT_INTERRUPTED if cause is local.TRANSPORT_CLOSED else cause
        self._events.append(ev.ConnectFailed(code=failure.code, reason=failure.reason))

    def _reconnect(self, _: m.Reply, cause: codes.Disconnect) -> None:
        self._leave()
        self._wait()
        self._events.append(ev.Connecting(code=cause.code, reason=cause.reason))

    def _stop(self, reply: m.Reply, cause: codes.Disconnect) -> None:
        cause = cause_of(reply, cause)
        self._leave()
        self._retry_at = None
        self._fail(self._commands.lose_held(), local.CLIENT_DISCONNECTED)
        self._events.append(ev.Disconnected(code=cause.code, reason=cause.reason, reconnect=False))

    def _violate(self, requirement: str, message: str) -> None:
        self._machine.state = ClientState.DISCONNECTED
        self._events.append(ev.ProtocolViolated(error=RemoteProtocolError(message, requirement)))
        self._stop(_NO_REPLY, local.BAD_PROTOCOL)

    def _leave(self) -> None:
        """End the connection, if there is one, and what depends on it."""
        if self._transport:
            # What was queued before the end is still sent.
            self._output += [*self._commands.batches(), ev.Close(code=1000, reason="")]
            self._transport = False
        self._open_by = self._silent_at = self._token_due_at = None
        self._token_asked = False
        self._subscriptions.connection_lost()
        self._fail(self._commands.lose_sent(), local.CONNECTION_CLOSED)

    def _wait(self) -> None:
        self._retry_at = self._now + self._delay_s(self._attempt)
        self._attempt += 1

    def _delay_s(self, attempt: int) -> float:
        timing = self._timing
        fraction = next(self._fractions)
        return backoff_delay_s(attempt, fraction=fraction, min_s=timing.min_delay_s, max_s=timing.max_delay_s)

    # -- private: tokens -------------------------------------------------------------------------------------------

    def _ask(self, _: m.Reply, __: codes.Disconnect) -> None:
        self._token_asked = True
        self._retry_at = self._token_due_at = None
        self._events.append(ev.TokenRequested())

    def _refresh(self, _: m.Reply, __: codes.Disconnect) -> None:
        self._commands.send(m.RefreshRequest(token=self._connect.token), now=self._now)

    def _refresh_failed(self, cause: codes.Disconnect) -> None:
        delay_s = backoff_delay_s(
            0, fraction=next(self._fractions), min_s=_MIN_REFRESH_RETRY_S, max_s=_MAX_REFRESH_RETRY_S
        )
        self._token_due_at = self._now + delay_s
        self._events.append(ev.RefreshFailed(channel="", code=cause.code, reason=cause.reason))

    # -- private: replies and pushes -------------------------------------------------------------------------------

    def _reply(self, reply: m.Reply, _: codes.Disconnect) -> None:
        request = self._commands.answered(reply.id)
        result = result_of(reply, request)
        if result is None and reply.error is None and not isinstance(request, m.SubscribeRequest):
            self._violate("GL-WIRE-045", f"expected the result of command {reply.id}")
        elif (own := self._own_replies.get(type(request))) is not None:
            own(reply, request)
        elif result is None:
            error = reply.error or m.Error()
            self._events.append(ev.ErrorReceived(command_id=ev.CommandId(reply.id), error=error))
        else:
            self._events.append(ev.ReplyReceived(command_id=ev.CommandId(reply.id), result=result))

    def _subscribe_reply(self, reply: m.Reply, request: m.Request) -> None:
        assert isinstance(request, m.SubscribeRequest)
        self._subscriptions.replied(reply.id, request.channel, reply, now=self._now)

    def _unsubscribe_reply(self, reply: m.Reply, _: m.Request) -> None:
        if reply.error is not None:
            self._apply(ClientInput.UNSUBSCRIBE_FAILED)

    def _refresh_reply(self, reply: m.Reply, _: m.Request) -> None:
        error = reply.error
        if error is None:
            if reply.refresh is not None and reply.refresh.expires:
                self._token_due_at = self._now + reply.refresh.ttl
        elif codes.error_is_temporary(error):
            self._refresh_failed(cause_of(reply, _NO_CAUSE))
        else:
            self._apply(ClientInput.REFRESH_REFUSED, reply)

    def _sub_refresh_reply(self, reply: m.Reply, request: m.Request) -> None:
        assert isinstance(request, m.SubRefreshRequest)
        self._subscriptions.refreshed(reply.id, request.channel, reply, now=self._now)

    def _push(self, reply: m.Reply, _: codes.Disconnect) -> None:
        push = reply.push
        assert push is not None
        if push.message is not None or push.subscribe is not None or push.refresh is not None:
            self._events.append(ev.PushReceived(push=push))
        else:
            self._subscriptions.push(push, now=self._now)

    def _pong(self, _: m.Reply, __: codes.Disconnect) -> None:
        if self._result.pong:
            self._commands.write(_PONG)

    def _ignore(self, _: m.Reply, __: codes.Disconnect) -> None:
        """Let pass a reply that nobody waits for (GL-WIRE-030)."""

    # -- private: helpers ------------------------------------------------------------------------------------------

    def _fail(self, commands: list[tuple[ev.CommandId, m.Request]], cause: codes.Disconnect) -> None:
        """Report commands of the caller that get no reply; the client's own are made anew (GL-CLIENT-008)."""
        self._events += [
            ev.CommandFailed(command_id=command_id, code=cause.code, reason=cause.reason)
            for command_id, request in commands
            if not isinstance(request, _OWN_REQUESTS)
        ]

    def _misuse(self, got: str, requirement: str) -> LocalProtocolError:
        return LocalProtocolError(f'expected a client that may take "{got}", got one {self.state.value}', requirement)
