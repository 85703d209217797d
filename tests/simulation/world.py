"""One run: a virtual clock, a seeded script of what callers, application and network do, and what must be true.

Everything random comes from one ``random.Random(seed)``, and time is a number: a seed is a run. For a while everything
may happen; then faults and refusals stop, and within a bounded time each client has to have what its caller wants.
"""

import heapq
import itertools
import random
import re
from collections import Counter

from ends import CLIENT_TIMING, ClientEnd, ServerEnd, kept
from msgspec import Raw
from wires import FAULTS, LATENCY_S, Wire

from liveproto.wire import codes
from liveproto.wire import messages as m

KINDS = (*FAULTS, "reorder", "refuse to open", "never open")
CHANNELS = "abc"
CALM_AFTER_S = 6.0, 12.0
SETTLED_WITHIN_S = 40.0
"""The longest wait before connecting, the silence that is noticed, a timeout, patience; some of them twice."""
MOST_STEPS = 4_000
MOST_KEPT = 12
"""Channels, a timeout each, and the handful that a connection in use holds."""

ERRORS = (
    codes.protocol_error(codes.ErrorCode.INTERNAL),
    codes.protocol_error(codes.ErrorCode.TOO_MANY_REQUESTS),
    codes.protocol_error(codes.ErrorCode.TOKEN_EXPIRED),
    codes.protocol_error(codes.ErrorCode.PERMISSION_DENIED),
)
DISCONNECTS = (codes.SHUTDOWN, codes.FORCE_RECONNECT, codes.FORCE_DISCONNECT, codes.Disconnect(4000, "application"))
ADDRESS = re.compile(" at 0x[0-9a-f]+")
"""What differs between two runs of a seed, and says nothing."""
CALLS = "subscribe", "unsubscribe", "rejoin", "publish", "rpc"


class World:
    """A server, its clients and the wires between them."""

    def __init__(self, seed, *, verbose=False):
        self.seed = seed
        self.verbose = verbose
        self.random = random.Random(seed)
        self.now = 0.0
        self.exercised = Counter()
        self.steps = 0
        self._agenda = []
        self._order = itertools.count()
        self._published = itertools.count(1)
        self._wires = itertools.count(1)
        self.last_sent_at, self.last_wire = 0.0, None
        self.calm_at = self.random.uniform(*CALM_AFTER_S)
        self.servers = []
        self.clients = [ClientEnd(self, number) for number in range(self.random.randint(1, 2))]
        self._write_script()

    @property
    def calm(self):
        return self.now >= self.calm_at

    # -- the clock

    def at(self, when, call, *arguments):
        heapq.heappush(self._agenda, (when, next(self._order), call, arguments))

    def after(self, delay, call, *arguments):
        self.at(self.now + delay, call, *arguments)

    def run(self):
        """Play the script, wait until all is settled, and look whether all that was promised is true."""
        self._run_while(lambda: not self.calm)
        deadline = self.calm_at + SETTLED_WITHIN_S
        delivered = False
        while not delivered:
            self._run_while(lambda: self.now < deadline and not self._settled())
            assert self._settled(), f"not settled by {self.now:.1f} s: {self._unsettled()}"
            delivered = self._publications_arrive()
        self._commands_have_ended()
        self._nothing_is_left()
        return self.exercised

    def _run_while(self, wanted):
        while self._agenda and wanted():
            self.now, _, call, arguments = heapq.heappop(self._agenda)
            call(*arguments)
            self.steps += 1
            assert self.steps < MOST_STEPS, "it does not come to rest"

    # -- the script

    def _write_script(self):
        for client in self.clients:
            self.at(self.random.uniform(0.0, 1.0), client.connect)
            for channel in self.random.sample(CHANNELS, self.random.randint(1, 3)):
                self.at(self.random.uniform(0.0, 2.0), client.subscribe, channel)
        for _ in range(self.random.randint(3, 9)):
            call, client = self.random.choice(CALLS), self.random.choice(self.clients)
            self.at(self._sometime(), getattr(client, call), self.random.choice(CHANNELS))
        for _ in range(self.random.randint(1, 5)):
            self.at(self._sometime(), self._strike, self.random.choice(FAULTS))
        for _ in range(self.random.randint(2, 6)):
            self.at(self._sometime(), self.publish, self.random.choice(CHANNELS))
        for _ in range(self.random.randint(0, 2)):
            self.at(self._sometime(), self._server_acts)
        if self.random.random() < 0.2:
            client = self.random.choice(self.clients)
            self.at(self._sometime(), client.disconnect)
            self.at(self.calm_at, client.connect)
        self._refuses = self.random.random() < 0.4
        self._expires = self.random.random() < 0.2
        self.at(self.calm_at, lambda: None)

    def _sometime(self):
        return self.random.uniform(0.5, self.calm_at)

    def _strike(self, fault):
        wires = [server.wire for server in self.servers]
        if wires:
            wire = self.random.choice(wires)
            self.say("wire", wire.number, fault, "lies in wait")
            wire.strike(fault, self.random.choice([wire.to_server, wire.to_client]))

    def _server_acts(self):
        if self.servers:
            server = self.random.choice(self.servers)
            if self.random.random() < 0.5:
                server.disconnect(self.random.choice(DISCONNECTS))
            else:
                server.revoke(self.random.choice(CHANNELS), self.random.choice((2000, 2500)))

    def refusal(self, _):
        """Tell with which error the application refuses, or None."""
        return self.random.choice(ERRORS) if self._refuses and self.random.random() < 0.3 else None

    def expiry(self):
        """Tell how long what is granted lasts, as fields of a result."""
        return {"expires": True, "ttl": self.random.randint(1, 5)} if self._expires and not self.calm else {}

    # -- the network

    def dial(self, client):
        """Begin to open a transport: it comes about, is refused, or nothing happens."""
        wire = Wire(self, next(self._wires))
        wire.client_end = client
        fate = 1.0 if self.calm else self.random.random()
        delay = self.random.uniform(*LATENCY_S)
        if fate < 0.02:
            self.exercised["never open"] += 1
        elif fate < 0.07:
            self.exercised["refuse to open"] += 1
            self.after(delay, client.refused, wire)
        else:
            self.after(delay, self._open, wire)
        return wire

    def _open(self, wire):
        if wire.client_end.wire is wire:
            wire.server_end = ServerEnd(self, wire)
            self.servers.append(wire.server_end)
            wire.server_end.settle()
            wire.client_end.opened(wire)

    def publish(self, channel):
        """Publish a number to everybody on a channel and return it."""
        number = next(self._published)
        push = m.Push(channel=channel, pub=m.Publication(data=Raw(b"%d" % number)))
        for server in list(self.servers):
            server.push(push)
        return number

    # -- what must be true

    def _settled(self):
        return all(client.settled for client in self.clients)

    def _unsettled(self):
        return [
            f"{client} is {client.machine.state.name}, {client.machine.subscriptions}, its caller wants {client.wanted}"
            for client in self.clients
            if not client.settled
        ]

    def _publications_arrive(self):
        """Publish to all, and tell whether that can be judged: no wire may have ended of what befell it before.

        Then each publication reaches each subscriber whose wire has lost nothing, once and in order.
        """
        wires = [client.wire for client in self.clients]
        for client in self.clients:
            client.received.clear()
        channels = sorted({channel for client in self.clients for channel in client.wanted})
        expected = {channel: [self.publish(channel), self.publish(channel)] for channel in channels}
        self._run_for(0.5)
        if wires != [client.wire for client in self.clients] or not self._settled():
            return False
        for client in self.clients:
            if client.wire is not None and client.wire.lossless:
                for channel in client.wanted:
                    got = [number for number in client.received[channel] if number in expected[channel]]
                    assert got == expected[channel], f"{client}: {channel} {got}, expected {expected[channel]}"
        return True

    def _commands_have_ended(self):
        until = self.now + CLIENT_TIMING.command_timeout_s
        self._run_while(lambda: self.now <= until and any(client.unanswered for client in self.clients))
        for client in self.clients:
            assert not client.unanswered, f"{client}: commands {client.unanswered} have no end"

    def _nothing_is_left(self):
        for end in (*self.clients, *self.servers):
            held = kept(end.machine)
            assert sum(held.values()) <= MOST_KEPT, f"{end} keeps {held}"
            if end.wire is not None:
                end.leave_wire()

    def _run_for(self, seconds):
        until = self.now + seconds
        self.at(until, lambda: None)
        self._run_while(lambda: self.now < until)

    def say(self, *words):
        if self.verbose:
            text = " ".join(map(str, words))
            print(f"{self.now:8.3f}", ADDRESS.sub("", text))
