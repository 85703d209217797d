"""Servers that go wrong only after certain acts: what a connection has done so far decides what it gets.

Theory. Each connection keeps its acts: its commands, as they are carried out, and the publications it saw pass. A patch
asks that ``Past`` for a pattern, words such as ``"subscribe:this unsubscribe:other"``: acts that occurred in this
order, with others between them or not. ``this`` is the channel in question, ``other`` any other one. Nothing here knows
which fault it serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from liveproto.session import events as ev
from liveproto.session.classify import request_of
from liveproto.session.server import ServerProtocol
from liveproto.session.states import ServerInput, ServerState
from liveproto.wire import json_v2
from liveproto.wire import messages as m
from liveproto.wire.codes import ErrorCode, protocol_error
from liveproto_conformance.reference.engine import Engine
from liveproto_conformance.reference.server import GRAFANA, ORGANISATION, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from liveproto.session.machine import Transition
    from liveproto_conformance.reference.server import Parts

Acts = list[tuple[str, str]]
"""Kinds of acts with their channels, or with nothing."""
MESSAGE: Final = ("message", "")
"""Stands before the commands of each message."""
Answer: TypeAlias = ErrorCode | Literal[True] | None
"""An error, True for a success that has no effect, or None for what is right."""
_PREFIX: Final = ORGANISATION.prefix(GRAFANA.prefix_form)


def happened(acts: Sequence[tuple[str, str]], pattern: str, this: str) -> bool:
    """Tell whether the acts of a pattern occurred in its order."""
    rest = iter(acts)
    return all(any(_is(act, word, this) for act in rest) for word in pattern.split())


def _is(act: tuple[str, str], word: str, this: str) -> bool:
    kind, _, which = word.partition(":")
    return act[0] == kind and {"this": act[1] == this, "other": act[1] != this, "": True}[which]


@attrs.frozen(kw_only=True)
class Past:
    """What a connection, those beside it and those before it have done until now."""

    this: str
    own: Acts
    others: Sequence[Acts]
    lost: Sequence[Acts]

    def did(self, pattern: str) -> bool:
        """Tell whether this connection did that."""
        return happened(self.own, pattern, self.this)

    def another_did(self, pattern: str) -> bool:
        """Tell whether a connection that is open beside it did that."""
        return any(happened(acts, pattern, self.this) for acts in self.others)

    def lost_did(self, pattern: str, *, times: int = 1) -> bool:
        """Tell whether so many connections that are gone did that."""
        return sum(happened(acts, pattern, self.this) for acts in self.lost) >= times

    def has_heard(self, times: int) -> bool:
        """Tell whether so many publications of this channel went by."""
        return self.own.count(("heard", self.this)) == times

    def is_of_message(self, number: int) -> bool:
        """Tell whether the last command was that of its message, counted from one."""
        return len(self.in_message()) == number

    def in_message(self) -> Acts:
        """Return the commands of the last message."""
        start = max(index for index, act in enumerate(self.own) if act == MESSAGE)
        return self.own[start + 1 :]


def _once(_: Past) -> int:
    return 1


def _never(_: Past) -> bool:
    return False


def _rightly(_: str, __: Past) -> Answer:
    return None


@attrs.frozen
class Habits:
    """What a server makes of the past."""

    copies: Callable[[Past], int] = _once
    """How often a subscriber gets a publication."""
    overhears: Callable[[Past], bool] = _never
    """Whether a connection that is not subscribed gets it."""
    answers: Callable[[str, Past], Answer] = _rightly
    """What a subscribe or unsubscribe is answered."""


class Remembering(ServerProtocol):
    """Keeps its acts, may answer subscribes and unsubscribes otherwise, and pushes whatever it is given."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of the protocol
        super().__init__(**options)
        self.acts: Acts = []
        self.engine: RememberingEngine | None = None

    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        """Note where a message begins."""
        self.acts.append(MESSAGE)
        super().receive_batch(data, now=now)

    def push_line(self, channel: str, line: bytes) -> None:  # noqa: ARG002 - it does not look
        """Send, whatever the channel's state."""
        if self.state is ServerState.CONNECTED:
            self._send_line(line)

    def _classify(self, command: m.Command) -> ServerInput:
        input_ = super()._classify(command)
        request = request_of(command)
        kind = m.REQUEST_FIELDS[type(request)] if request is not None else "fault"
        refused = input_ is not ServerInput.SUBSCRIBE and kind == "subscribe"
        self.acts.append(("refused" if refused else kind, getattr(request, "channel", "")))
        return input_

    def _subscribe_or_unsubscribe(self, _: Transition[ServerState], command: m.Command) -> None:
        kind, channel = self.acts[-1]
        decided = None if self.engine is None else self.engine.habits.answers(kind, self.engine.past(self, channel))
        if decided is None:
            super()._subscribe_or_unsubscribe(_, command)
        elif decided is True:
            self._send_result(command, m.SubscribeResult() if kind == "subscribe" else m.UnsubscribeResult())
        else:
            self._send(m.Reply(id=command.id, error=protocol_error(decided)))


class RememberingConnection(Connection):
    """Lets the engine know of connections that come and go."""

    def answer(self, event: ev.ServerEvent) -> None:
        """Answer, and remember."""
        engine, machine = self.server.engine, self.machine
        assert isinstance(engine, RememberingEngine)
        assert isinstance(machine, Remembering)
        if isinstance(event, ev.ConnectRequested):
            engine.open.append(self)
            machine.engine = engine
        elif isinstance(event, ev.Disconnected) and self in engine.open:
            engine.open.remove(self)
            engine.lost.append(machine.acts)
        super().answer(event)


class RememberingEngine(Engine):
    """Delivers, and lets answer, as the past says."""

    habits: Habits

    def __init__(self) -> None:
        super().__init__()
        self.open: list[RememberingConnection] = []
        self.lost: list[Acts] = []

    def past(self, machine: ServerProtocol, channel: str) -> Past:
        """Tell the past of a connection."""
        acts = [_acts(connection.machine) for connection in self.open]
        own = _acts(machine)
        return Past(this=channel, own=own, others=[other for other in acts if other is not own], lost=self.lost)

    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        """Send a push to those who shall have it."""
        name = f"{_PREFIX}/{key}"
        line = json_v2.encode(m.Reply(push=make_push(name)))
        for connection in list(self.open):
            past = self.past(connection.machine, name)
            subscribed = connection in self._channels.get(key, {})
            times = self.habits.copies(past) if subscribed else int(self.habits.overhears(past))
            past.own.append(("heard", name))
            for _ in range(times):
                connection.deliver(name, line)


def _acts(machine: ServerProtocol) -> Acts:
    assert isinstance(machine, Remembering)
    return machine.acts


def remembering(
    parts: Parts,
    *,
    copies: Callable[[Past], int] = _once,
    overhears: Callable[[Past], bool] = _never,
    answers: Callable[[str, Past], Answer] = _rightly,
) -> Parts:
    """Make a server that remembers, and has these habits."""

    class Deciding(RememberingEngine):
        habits = Habits(copies, overhears, answers)

    return attrs.evolve(parts, protocol=Remembering, connection=RememberingConnection, engine=Deciding)
