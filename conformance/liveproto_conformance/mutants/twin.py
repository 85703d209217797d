"""The permissive twin: the embedded server using every freedom the protocol leaves, where the embedded one is plain.

Theory. A check that fails here asks for more than SPEC.md does. Commands that an application answers are answered late
and out of order; publications travel on their own, in order for each channel; what is written is batched by chance, in
another order of keys and with members nobody knows; what may be read in two ways is read in the other way. All chance
comes from one seed for each connection.

Not here: what only Grafana rules out, which is why the twin is judged as ``core``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import msgspec
from msgspec import Raw, structs

from liveproto.session import events as ev
from liveproto.session.machine import Transition
from liveproto.session.server import ServerProtocol
from liveproto.session.states import SERVER_TRANSITIONS, ServerInput, ServerState
from liveproto.wire import messages as m
from liveproto.wire.codes import MESSAGE_SIZE, Disconnect
from liveproto_conformance.mutants.patches import Capable, capable
from liveproto_conformance.reference.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto_conformance.reference.server import Parts

_SEED: Final = 20_240_601
_LONGEST_S: Final = 0.02
_BROKEN: Final = "{broken"
_UNSUPPORTED: Final = Disconnect(1003, "")
_UNKNOWN_MEMBERS: Final = {"x_twin": Raw(b'{"a":[1,null]}'), "Zeit": Raw(b"1e3"), "": Raw(b'""')}
_NESTED: Final = ("push", "pub", "join", "leave", "info", *m.RESULT_FIELDS.values(), "error")
_IGNORED_PUSHES: Final = (
    b'{"push":{"message":{"data":{"twin":[]}}}}',
    b'{"push":{"refresh":{"expires":true,"ttl":3600}}}',
    b'{"push":{"channel":"twin","x_future":{"id":1}}}',
)
"""Kinds that a client has no use for, or does not know."""

_Members = dict[str, Raw]
_REQUESTS: Final = tuple(m.REQUEST_FIELDS.values())
_connections: Final = itertools.count()


def permissive(parts: Parts) -> Parts:
    """Use every freedom."""
    return attrs.evolve(capable(parts, _Connection), protocol=_Protocol, engine=_Engine)


# -- what is written -----------------------------------------------------------------------------------------------


class _Protocol(ServerProtocol):
    """Reads in the other of two ways, and writes in every way."""

    transitions = {
        **SERVER_TRANSITIONS,
        (ServerState.CONNECTED, ServerInput.SUBSCRIBE_DELTA_UNKNOWN): Transition(
            ServerState.CONNECTED, "channel", "GL-SUB-030"
        ),
        (ServerState.CONNECTED, ServerInput.PUBLISH_WITHOUT_DATA): Transition(
            ServerState.CONNECTED, "ask", "GL-PUB-004"
        ),
    }

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of the protocol
        super().__init__(**options)
        self._chance = random.Random(_SEED + next(_connections))  # noqa: S311 - chance that can be repeated

    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        """Refuse what is binary (GL-WIRE-024)."""
        if isinstance(data, bytes):
            self.disconnect(_UNSUPPORTED)
        else:
            super().receive_batch("\n".join(map(_first_value, data.split("\n"))), now=now)

    def push_line(self, channel: str, line: bytes) -> None:
        """Publish also before the subscribe reply, as a plain channel may (GL-SUB-025)."""
        if self.state is ServerState.CONNECTED and channel in self._channels:
            self._send_line(line)
        else:
            super().push_line(channel, line)

    def data_to_send(self) -> list[ev.Output]:
        """Cut lines into messages by chance; a newline may stand at the end (GL-WIRE-008)."""
        output: list[ev.Output] = []
        for batch in super().data_to_send():
            if isinstance(batch, ev.Close):
                output.append(batch)
                continue
            lines = batch.data.split(b"\n")
            while lines:
                count = self._chance.choice((1, 2, 5, len(lines)))
                output.append(ev.Batch(data=b"\n".join(lines[:count]) + self._chance.choice((b"", b"\n"))))
                lines = lines[count:]
        return output

    def _classify_ping(self, command: m.Command) -> ServerInput:  # noqa: ARG002 - 108 instead of 3501 (GL-CMD-009)
        return ServerInput.REQUEST_NOT_AVAILABLE

    def _send_line(self, line: bytes) -> None:
        super()._send_line(line if line == b"{}" else _rewritten(line, self._chance))
        if self._chance.random() < 0.1 and self.state is ServerState.CONNECTED:  # noqa: PLR2004 - now and then
            super()._send_line(self._chance.choice(_IGNORED_PUSHES))


def _rewritten(line: bytes, chance: random.Random) -> bytes:
    """Write the members of an object, and of those in it, in another order and with unknown ones between."""
    members = list({**_decoder.decode(line), **_UNKNOWN_MEMBERS}.items())
    chance.shuffle(members)
    return msgspec.json.encode(
        {
            name: Raw(_rewritten(bytes(value), chance)) if name in _NESTED and bytes(value)[:1] == b"{" else value
            for name, value in members
        }
    )


_decoder: Final = msgspec.json.Decoder(_Members)

# -- what is read --------------------------------------------------------------------------------------------------


def _first_value(line: str) -> str:
    """Drop what follows the first value (GL-WIRE-033), refuse a repeated key, prefer the last of several requests."""
    text = line.lstrip(" \t\r")
    try:
        value, end = _repeats.raw_decode(text)
    except _RepeatedKeyError:
        return _BROKEN
    except (ValueError, RecursionError):
        return line
    return _last_request(text[:end]) if isinstance(value, dict) else text[:end]


class _RepeatedKeyError(Exception):
    """A key stands twice in one object."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _RepeatedKeyError
    return dict(pairs)


_repeats: Final = json.JSONDecoder(object_pairs_hook=_once_each)


def _last_request(text: str) -> str:
    requests = [name for name in _REQUESTS if f'"{name}"' in text]
    if len(requests) < 2:  # noqa: PLR2004 - several
        return text
    try:
        members = _decoder.decode(text)
    except msgspec.DecodeError:
        return text
    requests = [name for name in _REQUESTS if name in members and bytes(members[name]) != b"null"]
    return msgspec.json.encode({k: v for k, v in members.items() if k not in requests[:-1]}).decode()


# -- who answers when ----------------------------------------------------------------------------------------------


class _Connection(Capable):
    """Answers late and in any order; closes late, and without a Close frame where that is as good."""

    def answer(self, event: ev.ServerEvent) -> None:
        """Answer what an application is asked after a while."""
        match event:
            case ev.ConnectRequested() | ev.SubscribeRequested() | ev.PublishRequested() | ev.CommandRequested():
                self._loop.call_later(_delay_s(), self._answer_late, event)
            case _:
                super().answer(event)

    def connect_result(self) -> m.ConnectResult:
        """Tell everything that may be told."""
        result = super().connect_result()
        return structs.replace(
            result, version="twin 1.0", data=Raw(b'{"motd":"\\u00e9"}'), session="s", node="n", time=1_700_000_000_000
        )

    def subscribe_result(self, channel: str) -> m.SubscribeResult:
        """Give data where there would be none."""
        return structs.replace(super().subscribe_result(channel), data=Raw(b"[0]"))

    def _answer_late(self, event: ev.ServerEvent) -> None:
        if self.machine.state in {ServerState.CLOSED, ServerState.FAILED}:
            return
        if isinstance(event, ev.SubscribeRequested):
            self._answer_subscribe(event)
        elif isinstance(event, ev.PublishRequested):
            self._answer_publish(event)
        else:
            super().answer(event)
        self._turn()

    def _answer_publish(self, event: ev.PublishRequested) -> None:
        request = event.request
        data = request.data if isinstance(request.data, Raw) else Raw(b"null")
        decision = self._decide(request.channel, cast("Any", None))
        del decision, data
        super()._answer_publish(event)

    async def _send(self, output: ev.Output) -> None:
        if isinstance(output, ev.Close):
            await asyncio.sleep(_delay_s())
        if isinstance(output, ev.Close) and output.code == MESSAGE_SIZE.code:
            transport = self._socket.get_extra_info("socket")
            transport.shutdown(socket.SHUT_RDWR)
        else:
            await super()._send(output)


class _Engine(Engine):
    """Delivers each publication a little later, those of one channel in order."""
