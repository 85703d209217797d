"""Which transitions of a server a run has reached, told from the traffic alone.

Theory. A ``Shadow`` walks the tables of ``liveproto.session.states`` beside one connection. What a client sends is
classified as a server would; where the class depends on what only the target knows (a limit, what it serves), its
answer tells: errors 106 to 108, a close with 3508. A fault counts when its connection is closed for it. Commands for a
channel whose subscribe and unsubscribe are in flight together are left out until the unsubscribe is answered, because
servers may do the two in any order.

A cell is a state and an input, of a connection or of one channel: each row of the tables, and each violation, which is
a missing row. ``BEYOND`` says which cells no client brings about, or none that can be told from the traffic.
"""

from __future__ import annotations

from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from liveproto.session.classify import Facts, classify, request_of
from liveproto.session.machine import Machine
from liveproto.session.server import EVERYTHING
from liveproto.session.states import (
    CHANNEL_TRANSITIONS,
    SERVER_TRANSITIONS,
    ChannelInput,
    ChannelState,
    ServerInput,
    ServerState,
)
from liveproto.wire import codes, json_v2
from liveproto.wire import messages as m
from liveproto.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

Cell: TypeAlias = tuple[ServerState, ServerInput] | tuple[ChannelState, ChannelInput]

_S, _I, _C, _CI = ServerState, ServerInput, ChannelState, ChannelInput
_LINES: Final = tuple(_I)[: tuple(_I).index(_I.OVERSIZE)]
_NO_LIMIT: Final = 2**31
_SHOWN: Final = 5
_PING: Final = m.Reply()

CELLS: Final[tuple[Cell, ...]] = tuple(
    dict.fromkeys(
        [
            *SERVER_TRANSITIONS,
            *((state, line) for state in (_S.OPEN, _S.CONNECTED) for line in _LINES),
            *CHANNEL_TRANSITIONS,
        ]
    )
)
"""Every row of a server's two tables, and every violation."""

_HELD: Final = "a server that asks its application about connect reads nothing meanwhile"
_OPERATOR: Final = "an error reply to connect takes credentials that only the operator has"
_UNTOLD: Final = "the close does not tell what the command would be answered on a connection that serves"

BEYOND: Final[Mapping[Cell, str]] = MappingProxyType(
    {
        **{cell: _HELD for cell in CELLS if cell[0] is _S.CONNECTING and cell[1] is not _I.ACCEPT},
        **{cell: _OPERATOR for cell in CELLS if cell[0] is _S.REFUSED or cell[1] is _I.REFUSE},
        **{cell: "only the application does it" for cell in CELLS if cell[1] in {_I.DISCONNECT, _CI.REVOKE}},
        **{cell: "the application would have to fall silent" for cell in CELLS if cell[1] is _I.SUBSCRIBE_OVERDUE},
        **{cell: "a slow reader belongs to the disruptive checks" for cell in CELLS if cell[1] is _I.OVERFLOW},
        **{cell: "no subscription is known to expire" for cell in CELLS if cell[1] is _I.SUB_REFRESH_WITHOUT_TOKEN},
        (_S.OPEN, _I.SUBSCRIBE_TOO_LONG): _UNTOLD,
        (_S.OPEN, _I.SUBSCRIBE_OVER_LIMIT): "nothing is subscribed before connect",
        (_S.OPEN, _I.REQUEST_NOT_AVAILABLE): _UNTOLD,
        (_S.OPEN, _I.SEND_NOT_AVAILABLE): _UNTOLD,
        (_S.OPEN, _I.PONG): "nobody is pinged before connect",
    }
)
"""Cells that a run need not reach, each with its reason."""

TIMED: Final = frozenset({_I.STALE, _I.PING_DUE, _I.PONG, _I.PONG_OVERDUE})
"""What only the timer lane waits for."""

_LOOKUPS: Final = frozenset({"presence", "presence_stats", "history"})
_SERVED: Final[Mapping[ServerInput, frozenset[str]]] = MappingProxyType(
    {
        _I.SEND: frozenset({"send"}),
        _I.LOOKUP_INCOMPLETE: _LOOKUPS,
        _I.REFRESH_UNEXPECTED: frozenset({"refresh", "sub_refresh"}),
        _I.SUB_REFRESH_NOT_SUBSCRIBED: frozenset({"sub_refresh"}),
    }
)
"""Inputs that only a connection meets whose target serves one of these requests."""
_NOT_SERVED: Final[Mapping[ServerInput, frozenset[str]]] = MappingProxyType(
    {_I.SEND_NOT_AVAILABLE: frozenset({"send"}), _I.REQUEST_NOT_AVAILABLE: _LOOKUPS | {"rpc"}}
)
"""Inputs that only a connection meets whose target does not serve one of these requests."""
_CLOSES: Final[Mapping[int, ServerInput]] = MappingProxyType(
    {
        codes.STALE.code: _I.STALE,
        codes.NO_PONG.code: _I.PONG_OVERDUE,
        codes.NOT_AVAILABLE.code: _I.SEND_NOT_AVAILABLE,
        codes.SLOW.code: _I.OVERFLOW,
    }
)
_LIMITS: Final[Mapping[int | None, ServerInput]] = MappingProxyType(
    {int(ErrorCode.BAD_REQUEST): _I.SUBSCRIBE_TOO_LONG, int(ErrorCode.LIMIT_EXCEEDED): _I.SUBSCRIBE_OVER_LIMIT}
)


@attrs.frozen(kw_only=True)
class Reached:
    """What a run has reached of what it could reach."""

    count: int
    total: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        names, more = self.missing[:_SHOWN], len(self.missing) - _SHOWN
        missing = f"; not {', '.join(names)}{f' and {more} more' if more > 0 else ''}" if names else ""
        return f"{self.count} of {self.total} reached{missing}"


class Coverage:
    """The cells that the connections of a run have reached."""

    def __init__(self) -> None:
        self.cells: set[Cell] = set()
        self.served: set[str] = set()
        """Requests that the target has served."""
        self.not_served: set[str] = set()

    def expected(self, *, timers: bool) -> list[Cell]:
        """List the cells that a run can reach on this target, with its timer lane or without."""
        return [
            cell
            for cell in CELLS
            if cell not in BEYOND
            and (timers or cell[1] not in TIMED)
            and not (cell[0] is _S.CONNECTED and self._cannot_meet(cell[1]))
        ]

    def reached(self, *, timers: bool) -> Reached:
        """Compare what a run has reached with what it could."""
        expected = self.expected(timers=timers)
        missing = tuple(name_of(cell) for cell in expected if cell not in self.cells)
        return Reached(count=len(expected) - len(missing), total=len(expected), missing=missing)

    def _cannot_meet(self, input_: ServerInput | ChannelInput) -> bool:
        served = _SERVED.get(input_) if isinstance(input_, ServerInput) else None
        not_served = _NOT_SERVED.get(input_) if isinstance(input_, ServerInput) else None
        return bool((served and served <= self.not_served) or (not_served and not_served <= self.served))


def name_of(cell: Cell) -> str:
    """Name a cell for people, such as ``serving: send``."""
    state, input_ = cell
    return f"{'channel ' if isinstance(state, ChannelState) else ''}{state.value}: {input_.value}"


@attrs.frozen
class _Sent:
    """A command that is not answered yet, or a line that cannot be read."""

    cell: tuple[ServerState, ServerInput]
    kind: str = ""
    id: int = 0
    channel: str = ""
    channel_cell: Cell | None = None


class Shadow:
    """Follows one connection, seen from the client's side."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._machine = Machine(SERVER_TRANSITIONS, ServerState.OPEN)
        self._facts = Facts(serves=EVERYTHING, channel_bytes=_NO_LIMIT, max_channels=_NO_LIMIT, channels={})
        self._unclear: set[str] = set()
        self._held: deque[m.Command | None] = deque()
        self._sent: list[_Sent] = []
        self._ended = False
        self._before = ServerState.OPEN
        """Where the connection stood before the last message to the target."""

    def sent(self, data: bytes) -> None:
        """Take a message to the target."""
        self._before = self._machine.state
        decoded = json_v2.decode_commands(data)
        self._held.extend(decoded.records)
        if decoded.fault is not None:
            self._held.append(None)
        self._work()

    def received(self, data: bytes) -> None:
        """Take a message from the target."""
        for reply in json_v2.decode_replies(data).records:
            if reply.push is not None:
                self._take_push(reply.push)
            elif reply.id:
                self._take_reply(reply)
            elif reply == _PING:
                self._reach((self._machine.state, _I.PING_DUE))
                self._facts.pong_due = True

    def closed(self, code: int) -> None:
        """Take the end of the connection by the target."""
        state, self._ended = self._machine.state, True
        if code == codes.BAD_REQUEST.code:
            faults = [sent for sent in self._sent if sent.cell not in SERVER_TRANSITIONS]
            for sent in faults[:1]:
                self._reach(sent.cell)
                self._coverage.served.add(sent.kind)
        elif code == codes.MESSAGE_SIZE.code:
            # A target has not read what is too long.
            self._reach((self._before, _I.OVERSIZE))
        elif code in _CLOSES:
            self._reach((state, _CLOSES[code]))
        if code == codes.NOT_AVAILABLE.code:
            self._coverage.not_served.add("send")

    def left(self) -> None:
        """Take the end of the connection by the client, unless the target was first."""
        if not self._ended:
            self._reach((self._machine.state, _I.TRANSPORT_CLOSED))

    def _work(self) -> None:
        while self._held and self._machine.state is not ServerState.CONNECTING:
            self._take_command(self._held.popleft())

    def _take_command(self, command: m.Command | None) -> None:
        state = self._machine.state
        request = None if command is None else request_of(command)
        cell = state, _I.UNDECODABLE if command is None else classify(command, self._facts)
        kind = "" if request is None else m.REQUEST_FIELDS[type(request)]
        channel: str = getattr(request, "channel", "")
        channel_cell = self._step_channel(kind, channel) if cell == (_S.CONNECTED, _I.SUBSCRIBE) else None
        self._sent.append(_Sent(cell, kind, 0 if command is None else command.id, channel, channel_cell))
        if cell == (_S.OPEN, _I.CONNECT) or state is _S.REFUSED or cell[1] is _I.PONG:
            self._reach(cell)
            self._machine.step(cell[1])
        if cell[1] is _I.PONG:
            self._facts.pong_due = False

    def _step_channel(self, kind: str, channel: str) -> Cell | None:
        if channel in self._unclear:
            return None
        input_ = _CI.SUBSCRIBE if kind == "subscribe" else _CI.UNSUBSCRIBE
        machine = self._channel(channel)
        cell = machine.state, input_
        machine.step(input_)
        if cell == (_C.SUBSCRIBING, _CI.UNSUBSCRIBE):
            self._unclear.add(channel)
        return cell

    def _take_reply(self, reply: m.Reply) -> None:
        index = next((index for index, sent in enumerate(self._sent) if sent.id == reply.id), None)
        if index is None:
            return
        for passed in [sent for sent in self._sent[:index] if sent.cell[1] is _I.SEND]:
            # What came after a send was read, so the send did not close.
            self._sent.remove(passed)
            self._reach(passed.cell)
            self._coverage.served.add("send")
        sent = next(sent for sent in self._sent if sent.id == reply.id)
        self._sent.remove(sent)
        code = None if reply.error is None else reply.error.code
        if code == ErrorCode.NOT_AVAILABLE:
            self._coverage.not_served.add(sent.kind)
            self._reach((_S.CONNECTED, _I.REQUEST_NOT_AVAILABLE))
            return
        self._coverage.served.add(sent.kind)
        if sent.kind == "subscribe" and code in _LIMITS:
            self._reach((_S.CONNECTED, _LIMITS[code]))
            self._channel(sent.channel).state = _C.ABSENT
            return
        self._reach(sent.cell)
        self._conclude(sent, code)

    def _conclude(self, sent: _Sent, code: int | None) -> None:
        match sent.kind:
            case "connect":
                answer = _I.ACCEPT if code is None else _I.REFUSE
                self._reach((self._machine.state, answer))
                self._machine.step(answer)
                self._work()
            case "subscribe" | "unsubscribe" if sent.channel_cell is not None:
                self._reach(sent.channel_cell)
                self._move_channel(sent, code)
            case _:
                """Nothing follows."""

    def _move_channel(self, sent: _Sent, code: int | None) -> None:
        machine = self._channel(sent.channel)
        if sent.kind == "unsubscribe" and sent.channel in self._unclear:
            self._unclear.discard(sent.channel)
            machine.state = _C.ABSENT
        elif machine.state is _C.SUBSCRIBING and code != ErrorCode.ALREADY_SUBSCRIBED:
            answer = _CI.ACCEPT if code is None else _CI.REFUSE
            self._reach((machine.state, answer))
            machine.step(answer)

    def _take_push(self, push: m.Push) -> None:
        machine = self._facts.channels.get(push.channel)
        if machine is not None:
            input_ = _CI.PUSH if push.unsubscribe is None else _CI.REVOKE
            self._reach((machine.state, input_))
            machine.step(input_)

    def _channel(self, name: str) -> Machine[ChannelState, ChannelInput]:
        return self._facts.channels.setdefault(name, Machine(CHANNEL_TRANSITIONS, _C.ABSENT))

    def _reach(self, cell: Cell) -> None:
        self._coverage.cells.add(cell)
