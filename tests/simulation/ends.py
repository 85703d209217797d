"""The two ends of a wire: a machine, its driver, and a monitor beside it that sees just what this end sees.

Above the client's machine a caller wants channels and does not give up; above the server's an application answers.
Whatever either is told is held against what may be.
"""

import itertools
from collections import defaultdict

from msgspec import Raw

from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.session.client_options import ClientTiming
from liveproto.session.monitor import Monitor, Side
from liveproto.session.server import ServerProtocol, Timing
from liveproto.session.states import ClientState, ServerState, SubscriptionState
from liveproto.wire import messages as m

CLIENT_TIMING = ClientTiming(command_timeout_s=3.0, max_ping_delay_s=2.0, min_delay_s=0.5, max_delay_s=4.0)
SERVER_TIMING = Timing(ping_interval_s=4.0, pong_timeout_s=2.0, stale_delay_s=3.0, subscribe_wait_s=2.0)
REPLY_TIMEOUT_S = 5.0
"""Longer than any answer of the application takes."""
PATIENCE_S = 1.0
"""How long a caller waits before it asks again for what was refused for good."""


class End:
    """What both ends do: call the machine, hand on what it sends, wake it when it wants."""

    side: Side

    def __init__(self, world):
        self.world = world
        self.machine = None
        self.wire = None
        self.monitor = None
        self.wakes_at = None

    def wake(self, due):
        if due == self.wakes_at:
            self.wakes_at = None
            self.machine.handle_timeout(now=self.world.now)
            self.settle()

    def watch_timeout(self):
        due = self.machine.next_timeout()
        if due != self.wakes_at:
            self.wakes_at = due
            if due is not None:
                self.world.at(max(due, self.world.now), self.wake, due)

    def heard(self, side, data):
        text = data.decode()
        self.world.say(self, ">" if side is self.side else "<", text)
        self.monitor.receive_message(side, text, now=self.world.now)

    def leave_wire(self):
        """Judge the connection: the monitor at this end must have nothing against this end."""
        self.monitor.finish(now=self.world.now)
        blamed = [finding for finding in self.monitor.findings() if finding.side is self.side]
        assert blamed == [], f"{self}: {blamed}"
        self.wire = None


class ClientEnd(End):
    """A client for the whole of a run, across its wires."""

    side = Side.CLIENT

    def __init__(self, world, number):
        super().__init__(world)
        self.number = number
        fractions = iter(world.random.random, None)
        self.machine = ClientProtocol(fractions=fractions, timing=CLIENT_TIMING)
        self.wanted = set()
        self.wants_connection = False
        self.must_stop = None
        self.unanswered = set()
        self.received = defaultdict(list)

    def __str__(self):
        return f"client {self.number}"

    @property
    def settled(self):
        """Whether the client has what its caller wants, on a wire that works."""
        states = self.machine.subscriptions
        return (
            (self.machine.state is ClientState.CONNECTED) is self.wants_connection
            and states.keys() == self.wanted
            and (not self.wants_connection or self.settled_on_its_wire(states))
        )

    def settled_on_its_wire(self, states):
        subscribed = all(state is SubscriptionState.SUBSCRIBED for state in states.values())
        agreed = self.wire.alive and (not self.wire.lossless or self.wire.server_end.accepted == self.wanted)
        return subscribed and agreed

    # -- the caller

    def connect(self):
        self.wants_connection = True
        if self.machine.state is ClientState.DISCONNECTED:
            self.must_stop = None
            self.machine.connect(m.ConnectRequest(token="t"), now=self.world.now)
            self.settle()

    def disconnect(self):
        self.wants_connection = False
        self.machine.disconnect()
        self.settle()

    def subscribe(self, channel):
        self.wanted.add(channel)
        if channel not in self.machine.subscriptions:
            self.machine.subscribe(m.SubscribeRequest(channel=channel), now=self.world.now)
            self.settle()

    def unsubscribe(self, channel):
        self.wanted.discard(channel)
        if channel in self.machine.subscriptions:
            self.machine.unsubscribe(channel, now=self.world.now)
            self.settle()

    def rejoin(self, channel):
        """Leave and come back at once, before any answer."""
        self.unsubscribe(channel)
        self.subscribe(channel)

    def publish(self, channel):
        self.command(m.PublishRequest(channel=channel, data=Raw(b"0")))

    def rpc(self, _):
        self.command(m.RPCRequest(method="x"))

    def command(self, request):
        if self.machine.state is not ClientState.DISCONNECTED:
            self.unanswered.add(self.machine.request(request, now=self.world.now))
            self.settle()

    def ask_again(self, channel):
        if channel in self.wanted:
            self.subscribe(channel)

    def come_back(self):
        if self.wants_connection:
            self.connect()

    # -- the driver

    def receive(self, data):
        self.heard(Side.SERVER, data)
        self.machine.receive_batch(data, now=self.world.now)
        self.settle()

    def ended(self, code, reason):
        wire = self.wire
        self.monitor.receive_close(Side.SERVER, code, reason, now=self.world.now)
        self.must_stop = self.monitor.client_must_stop and self.monitor
        self.leave_wire()
        assert wire is not None
        self.world.say(self, "ended", code, reason)
        self.machine.receive_close(code, reason, now=self.world.now)
        self.settle()

    def opened(self, wire):
        """The transport asked for is there, unless it has been given up."""
        if self.wire is wire:
            self.monitor = Monitor(reply_timeout_s=REPLY_TIMEOUT_S, previous=self.must_stop)
            self.received.clear()
            self.machine.receive_open(now=self.world.now)
            self.settle()

    def refused(self, wire):
        if self.wire is wire:
            self.wire = None
            self.machine.receive_close(1006, "", now=self.world.now)
            self.settle()

    def settle(self):
        while outputs := self.machine.data_to_send():
            for output in outputs:
                self.perform(output)
        for event in self.machine.events():
            self.told(event)
        self.watch_timeout()

    def perform(self, output):
        match output:
            case ev.Open():
                self.monitor = None
                self.wire = self.world.dial(self)
            case ev.Batch(data=data):
                self.heard(Side.CLIENT, data)
                self.wire.send(self.wire.to_server, data)
            case ev.Close(code=code, reason=reason):
                self.hang_up(code, reason)

    def hang_up(self, code, reason):
        wire = self.wire
        if self.monitor is None:
            self.wire = None
            return
        self.monitor.receive_close(Side.CLIENT, code, reason, now=self.world.now)
        self.must_stop = self.monitor.client_must_stop and self.monitor
        self.leave_wire()
        wire.to_client.open = False
        wire.close(wire.to_server, code, reason)

    def told(self, event):
        self.world.say(self, event)
        match event:
            case ev.PublicationReceived(channel=channel, publication=publication):
                self.publication(channel, int(bytes(publication.data)))
            case ev.ReplyReceived() | ev.ErrorReceived() | ev.CommandFailed():
                self.unanswered.remove(event.command_id)
            case ev.Unsubscribed(channel=channel):
                self.world.after(PATIENCE_S, self.ask_again, channel)
            case ev.Disconnected():
                self.world.after(PATIENCE_S, self.come_back)
            case ev.TokenRequested(channel=channel):
                self.world.after(self.world.random.uniform(0.0, 0.5), self.give_token, channel)

    def give_token(self, channel):
        self.machine.provide_token("t", channel=channel, now=self.world.now)
        self.settle()

    def publication(self, channel, number):
        received = self.received[channel]
        if received and "duplicate" not in self.wire.to_client.met and "duplicate" not in self.wire.to_server.met:
            assert number > received[-1], f"{self}: publication {number} of {channel} after {received[-1]}"
        received.append(number)
        del received[:-8]


class ServerEnd(End):
    """A server's side of one wire, with its part of the application."""

    side = Side.SERVER

    def __init__(self, world, wire):
        super().__init__(world)
        self.wire = wire
        self.number = wire.number
        self.machine = ServerProtocol(now=world.now, timing=SERVER_TIMING, first_ping_fraction=world.random.random())
        self.monitor = Monitor(reply_timeout_s=REPLY_TIMEOUT_S)
        self.accepted = set()

    def __str__(self):
        return f"server {self.number}"

    # -- the application

    def answer(self, event):
        if self.wire is None:
            return
        error = None if self.world.calm else self.world.refusal(event)
        if error is not None:
            self.machine.refuse(event.ticket, error, now=self.world.now)
        else:
            self.accept(event)
        self.settle()

    def accept(self, event):
        match event:
            case ev.ConnectRequested():
                result = m.ConnectResult(client=f"{self.number}", **self.world.expiry())
                self.machine.accept(event.ticket, result, now=self.world.now)
            case ev.SubscribeRequested(request=request):
                # Noted before: an unsubscribe that waits for this answer is carried out inside the call.
                self.accepted.add(request.channel)
                self.machine.accept(event.ticket, m.SubscribeResult(**self.world.expiry()), now=self.world.now)
            case ev.PublishRequested(request=request):
                self.world.publish(request.channel)
                self.machine.reply(event.ticket, m.PublishResult())
            case ev.CommandRequested(request=m.RPCRequest()):
                self.machine.reply(event.ticket, m.RPCResult())
            case ev.CommandRequested(request=m.RefreshRequest()):
                self.machine.reply(event.ticket, m.RefreshResult(**self.world.expiry()))
            case ev.CommandRequested():
                self.machine.reply(event.ticket, m.SubRefreshResult(**self.world.expiry()))

    def push(self, push):
        if push.channel in self.accepted:
            self.machine.push(push)
            self.settle()

    def revoke(self, channel, code):
        if channel in self.accepted:
            self.accepted.discard(channel)
            self.machine.unsubscribe(channel, code, "revoked")
            self.settle()

    def disconnect(self, disconnect):
        self.machine.disconnect(disconnect)
        self.settle()

    # -- the driver

    def receive(self, data):
        self.heard(Side.CLIENT, data)
        self.machine.receive_batch(data, now=self.world.now)
        self.settle()

    def ended(self, code, reason):
        if self.wire is not None:
            self.monitor.receive_close(Side.CLIENT, code, reason, now=self.world.now)
            self.machine.receive_close(code, reason, now=self.world.now)
            self.settle()
            self.gone()

    def settle(self):
        for event in self.machine.events():
            self.told(event)
        for output in self.machine.data_to_send():
            if isinstance(output, ev.Batch):
                self.heard(Side.SERVER, output.data)
                self.wire.send(self.wire.to_client, output.data)
            else:
                self.monitor.receive_close(Side.SERVER, output.code, output.reason, now=self.world.now)
                self.wire.to_server.open = False
                self.wire.close(self.wire.to_client, output.code, output.reason)
                self.gone()
        self.watch_timeout()

    def told(self, event):
        self.world.say(self, event)
        match event:
            case ev.Unsubscribed(channel=channel):
                self.accepted.discard(channel)
            case ev.Disconnected():
                self.accepted.clear()
            case ev.ProtocolViolated() | ev.SendReceived():
                pass
            case _:
                self.world.after(self.world.random.uniform(0.0, 0.3), self.answer, event)

    def gone(self):
        assert self.machine.state in {ServerState.CLOSED, ServerState.FAILED}
        self.leave_wire()
        self.world.servers.remove(self)


def kept(machine):
    """How many things a machine holds, in all its containers but the tables it is made with."""
    parts = [machine, *(getattr(machine, name) for name in ("_commands", "_subscriptions") if hasattr(machine, name))]
    values = itertools.chain.from_iterable(vars(part).items() for part in parts)
    return {name: len(value) for name, value in values if hasattr(value, "__len__") and name not in TABLES and value}


TABLES = {"_actions", "_channel_actions", "_own_replies", "_result"}
