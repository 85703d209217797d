"""The permissive twin: the embedded server using every freedom the protocol leaves, where the embedded one is plain.

Theory. A check that fails here asks for more than SPEC.md does. What an application answers is answered late and out of
order; publications travel on their own, in order for each channel; what is written is cut into messages by chance, in
another order of keys and with members nobody knows; what may be read in two ways is read in the other way. All chance
comes from one seed.

Not here: what only Grafana rules out, which is why the twin is judged as ``core``.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
from msgspec import UNSET, Raw, structs

from liveproto.grafana.scopes import Act
from liveproto.session import events as ev
from liveproto.session.machine import Transition
from liveproto.session.server import ServerProtocol
from liveproto.session.states import SERVER_TRANSITIONS, ServerInput, ServerState
from liveproto.wire import messages as m
from liveproto.wire.codes import MESSAGE_SIZE, Disconnect
from liveproto_conformance.mutants.patches import BROKEN_LINE, Capable, capable
from liveproto_conformance.reference.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto_conformance.reference.server import Parts

_SEED: Final = 1
_CONNECTED: Final = ServerState.CONNECTED
_LONGEST_S: Final = 0.02
_BOTH_WAYS: Final = 2
"""What sockets call SHUT_RDWR."""
_UNSUPPORTED: Final = Disconnect(1003, "")
_REQUESTS: Final = tuple(m.REQUEST_FIELDS.values())
_UNKNOWN_MEMBERS: Final = {"x_twin": Raw(b'{"a":[1,null]}'), "Zeit": Raw(b"1e3"), "": Raw(b'""')}
_OPEN_OBJECTS: Final = {
    "": ("push", "error", *m.RESULT_FIELDS.values()),
    "push": ("pub", "join", "leave"),
    "pub": ("info",),
    "join": ("info",),
    "leave": ("info",),
}
"""Members of a line, and of objects in it, that may have members nobody knows."""
_TABLE: Final = {
    **SERVER_TRANSITIONS,
    (_CONNECTED, ServerInput.SUBSCRIBE_DELTA_UNKNOWN): Transition(_CONNECTED, "channel", "GL-SUB-030"),
    (_CONNECTED, ServerInput.PUBLISH_WITHOUT_DATA): Transition(_CONNECTED, "ask", "GL-PUB-004"),
}
_FEED: Final = "twin:feed"
"""A channel to which each client is subscribed by its connect reply."""
_FEED_PUSH: Final = b'{"push":{"channel":"twin:feed","pub":{"data":{"tick":[]}}}}'
_IGNORED_PUSHES: Final = (
    _FEED_PUSH,
    b'{"push":{"message":{"data":{"twin":[]}}}}',
    b'{"push":{"refresh":{"expires":true,"ttl":3600}}}',
    b'{"push":{"channel":"twin","x_future":{"id":1}}}',
)
"""A feed that it did not ask for, and kinds that a client has no use for or does not know."""


def permissive(parts: Parts) -> Parts:
    """Use every freedom."""
    return attrs.evolve(capable(parts, _Connection), protocol=_Protocol, engine=_Engine)


# -- reading and writing -------------------------------------------------------------------------------------------


class _Protocol(ServerProtocol):
    """Reads in the other of two ways, and writes in all."""

    transitions = _TABLE
    chance: random.Random
    """Given by the connection."""

    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        """Refuse what is binary (GL-WIRE-024)."""
        if isinstance(data, bytes):
            self.disconnect(_UNSUPPORTED)
        else:
            super().receive_batch("\n".join(map(_read_otherwise, data.split("\n"))), now=now)

    def push_line(self, channel: str, line: bytes) -> None:
        """Publish also before the subscribe reply (GL-SUB-025)."""
        if self.state is ServerState.CONNECTED and channel in self._channels:
            self._send_line(line)
        else:
            super().push_line(channel, line)

    def data_to_send(self) -> list[ev.Output]:
        """Cut lines into messages by chance, some with a newline at the end (GL-WIRE-008)."""
        output: list[ev.Output] = []
        for given in super().data_to_send():
            if isinstance(given, ev.Close):
                output.append(given)
                continue
            lines = given.data.split(b"\n")
            while lines:
                count = self.chance.choice((1, 2, len(lines)))
                output.append(ev.Batch(data=b"\n".join(lines[:count]) + self.chance.choice((b"", b"\n"))))
                lines = lines[count:]
        return output

    def _start(self, command: m.Command, result: m.ConnectResult) -> None:
        # The feed may come before the reply that subscribes to it (GL-CONN-003).
        for _ in range(self.chance.choice((0, 1, 2))):
            super()._send_line(_FEED_PUSH)
        super()._start(command, result)

    def _classify(self, command: m.Command) -> ServerInput:
        # 108 for every ping command (GL-CMD-009).
        return ServerInput.REQUEST_NOT_AVAILABLE if command.ping and command.id else super()._classify(command)

    def _send_line(self, line: bytes) -> None:
        super()._send_line(_written_otherwise(line, self.chance) if line != b"{}" else line)
        if self.chance.random() < _LONGEST_S and self.state is ServerState.CONNECTED:
            super()._send_line(self.chance.choice(_IGNORED_PUSHES))


_members: Final = msgspec.json.Decoder(dict[str, Raw])


def _written_otherwise(line: bytes, chance: random.Random, name: str = "") -> bytes:
    """Write the members of an object in another order, with unknown ones between; the same in the objects it has."""
    members = {**_members.decode(line), **_UNKNOWN_MEMBERS}
    for inner in _OPEN_OBJECTS.get(name, ()):
        if inner in members:
            members[inner] = Raw(_written_otherwise(bytes(members[inner]), chance, inner))
    names = list(members)
    chance.shuffle(names)
    return msgspec.json.encode({name: members[name] for name in names})


def _read_otherwise(line: str) -> str:
    """Drop what follows a value (GL-WIRE-033), refuse repeated keys (-046), prefer the last of two requests (-019)."""
    text = line.lstrip(" \t\r")
    try:
        command, end = _decoder.raw_decode(text)
    except _RepeatedKeyError:
        return BROKEN_LINE
    except (ValueError, RecursionError):
        return line
    return _last_request(text[:end]) if isinstance(command, dict) else text[:end]


class _RepeatedKeyError(Exception):
    """A key stands twice in one object."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _RepeatedKeyError
    return dict(pairs)


_decoder: Final = json.JSONDecoder(object_pairs_hook=_once_each)


def _last_request(command: str) -> str:
    try:
        members = _members.decode(command)
    except msgspec.DecodeError:
        return command
    requests = [name for name in _REQUESTS if name in members and bytes(members[name]) != b"null"]
    if len(requests) <= 1:
        return command
    return msgspec.json.encode({name: members[name] for name in members if name not in requests[:-1]}).decode()


# -- answering and delivering --------------------------------------------------------------------------------------


class _Connection(Capable):
    """Answers late and in any order, and ends late, without a Close frame where that is as good."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - those of the connection
        super().__init__(*arguments)
        assert isinstance(self.server.engine, _Engine)
        assert isinstance(self.machine, _Protocol)
        self._chance = self.machine.chance = self.server.engine.new_chance()

    def answer(self, event: ev.ServerEvent) -> None:
        """Answer after a while what an application is asked; a channel delivers before (GL-SUB-025)."""
        match event:
            case ev.SubscribeRequested(request=request):
                decision = self._decide(request.channel, Act.SUBSCRIBE)
                if not isinstance(decision, m.Error):
                    key = self._keys[request.channel] = str(decision.channel)
                    self.server.engine.join(key, self, request.channel)
                self._later(event)
            case ev.ConnectRequested() | ev.PublishRequested() | ev.CommandRequested():
                self._later(event)
            case _:
                super().answer(event)

    def connect_result(self) -> m.ConnectResult:
        """Tell what may be told."""
        return structs.replace(
            super().connect_result(),
            version="twin 1.0",
            data=Raw(b'{"motd":"\\u00e9"}'),
            subs={_FEED: m.SubscribeResult()},
            session="s",
            node="n",
            time=1,
        )

    def subscribe_result(self, channel: str) -> m.SubscribeResult:
        """Give data where there would be none."""
        result = super().subscribe_result(channel)
        return structs.replace(result, data=Raw(b"[0]")) if result.data is UNSET else result

    def _later(self, event: ev.ServerEvent) -> None:
        # Mostly short, so that a run does not take longer than its checks need.
        self._loop.call_later(_LONGEST_S * self._chance.random() ** 8, self._answer_now, event)

    def _answer_now(self, event: ev.ServerEvent) -> None:
        if self.machine.state not in {ServerState.CLOSED, ServerState.FAILED}:
            super().answer(event)
            self._turn()

    def _answer_publish(self, event: ev.PublishRequested) -> None:
        """Reply before the publication travels, which tells who sent it."""
        decision = self._decide(event.request.channel, Act.PUBLISH)
        if isinstance(decision, m.Error):
            super()._answer_publish(event)
            return
        data = event.request.data if isinstance(event.request.data, Raw) else Raw(b"null")
        publication = m.Publication(data=data, info=self._info(), tags={"a": "b"}, time=1)
        self.machine.reply(event.ticket, m.PublishResult())
        self.server.engine.publish(str(decision.channel), lambda name: m.Push(channel=name, pub=publication))

    async def _send(self, output: ev.Output) -> None:
        if isinstance(output, ev.Close):
            await asyncio.sleep(_LONGEST_S * self._chance.random() ** 8)
            if output.code == MESSAGE_SIZE.code:
                self._socket.get_extra_info("socket").shutdown(_BOTH_WAYS)
                return
        await super()._send(output)


class _Engine(Engine):
    """Delivers each publication a little later, in the order of publishing."""

    def __init__(self) -> None:
        super().__init__()
        self._chance = random.Random(_SEED)  # noqa: S311 - chance that can be repeated
        self._due = 0.0

    def new_chance(self) -> random.Random:
        """Make the chance of one connection."""
        return random.Random(self._chance.random())  # noqa: S311 - chance that can be repeated

    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        """Send a push after a while, and after those before it."""
        loop = asyncio.get_running_loop()
        self._due = max(loop.time() + _LONGEST_S * self._chance.random() ** 8, self._due + 1e-6)
        loop.call_at(self._due, super().publish, key, make_push)
