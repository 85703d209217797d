"""Transports of the simulation: one wire for each connection, a way in each direction, and what can go wrong.

A way delivers in order, as a stream does; a delay or a stall holds up what is behind it. Faults lie in wait for the
next message, so that each one that counts has met one.
"""

from collections import deque

LATENCY_S = 0.002, 0.05
HOLDING_FAULTS = "delay", "stall"
LOSING_FAULTS = "drop", "duplicate"
ENDING_FAULTS = "half-close", "reset"
FAULTS = HOLDING_FAULTS + LOSING_FAULTS + ENDING_FAULTS
"""What is done to a wire; that messages of different wires overtake each other follows from delays."""


class Way:
    """One direction of a wire."""

    def __init__(self):
        self.free_at = 0.0
        self.open = True
        self.armed = deque()
        self.met = set()
        """Faults that have befallen messages of this way."""


class Wire:
    """One transport between a client and a server."""

    def __init__(self, world, number):
        self.world = world
        self.number = number
        self.to_server, self.to_client = Way(), Way()
        self.client_end = self.server_end = None

    @property
    def lossless(self):
        return not any(fault in way.met for way in (self.to_server, self.to_client) for fault in LOSING_FAULTS)

    @property
    def alive(self):
        return self.to_server.open and self.to_client.open

    def send(self, way, data):
        """Send a message; what has happened to the way decides whether and when it arrives."""
        if not way.open:
            return
        fault = self._next_fault(way)
        copies = {"drop": 0, "duplicate": 2}.get(fault, 1)
        for _ in range(copies):
            self.world.at(self._arrival(way), self._deliver, way, data, self.world.now)

    def close(self, way, code, reason):
        """End a way: the other end is told, behind what was sent before."""
        if way.open:
            self.world.at(self._arrival(way), self._end, way, code, reason)

    def strike(self, fault, way):
        """Let a fault befall the wire, or wait for the next message of a way."""
        if fault == "reset":
            self._reset()
        elif fault == "half-close":
            self.world.exercised[fault] += 1
            self._end(way, 1006, "")
            way.met.add(fault)
        else:
            way.armed.append(fault)

    def _next_fault(self, way):
        if not way.armed or self.world.calm:
            return None
        fault = way.armed.popleft()
        self.world.exercised[fault] += 1
        way.met.add(fault)
        self.world.say("wire", self.number, fault)
        if fault in HOLDING_FAULTS:
            extra = self.world.random.uniform(*((0.1, 1.0) if fault == "delay" else (2.0, 9.0)))
            way.free_at = max(way.free_at, min(self.world.now + extra, self.world.calm_at))
        return fault

    def _arrival(self, way):
        way.free_at = max(way.free_at, self.world.now + self.world.random.uniform(*LATENCY_S))
        return way.free_at

    def _deliver(self, way, data, sent_at):
        if not way.open:
            return
        if sent_at < self.world.last_sent_at and self.world.last_wire is not self:
            self.world.exercised["reorder"] += 1
        self.world.last_sent_at, self.world.last_wire = sent_at, self
        (self.server_end if way is self.to_server else self.client_end).receive(data)

    def _end(self, way, code, reason):
        """The end that this way leads to learns that nothing more comes, and sends nothing more."""
        if not way.open:
            return
        way.open = False
        (self.server_end if way is self.to_server else self.client_end).ended(code, reason)

    def _reset(self):
        self.world.exercised["reset"] += 1
        self._end(self.to_client, 1006, "")
        self._end(self.to_server, 1006, "")
