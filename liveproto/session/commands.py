"""A client's commands: their ids, what waits for a reply, and what is to be written.

Theory. A command is sent at once, or held until the connection serves it. All wait equally long, so the order in which
they were made is the order in which they become overdue, and the first of a dictionary is the next. An id is not used
again while its command waits (GL-WIRE-039).

Not here: what a command or its reply means (``liveproto.session.client``).
Source: centrifuge-js 5.7.4 centrifuge.ts, which holds calls in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from liveproto.errors import LimitExceededError
from liveproto.session import events as ev
from liveproto.wire import json_v2
from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_COMMAND_ID: Final = 2**32 - 1
_ID_BYTES: Final = len(str(_MAX_COMMAND_ID))


class Commands:
    """The commands of a client, across its connections."""

    def __init__(self, *, message_bytes: int, waiting: int, timeout_s: float, first_id: int = 1) -> None:
        """Start with none.

        Args:
            message_bytes: the size limit of a message to write.
            waiting: how many may be held or wait for a reply before a caller's next is refused.
            timeout_s: how long a command is held, and how long it waits for its reply.
            first_id: from 1 to 2^32-1; after the last comes 1.
        """
        self._message_bytes = message_bytes
        self._max_waiting = waiting
        self._timeout_s = timeout_s
        self._next_id = first_id
        self._sent: dict[int, tuple[float, m.Request]] = {}
        self._held: dict[int, tuple[float, m.Request]] = {}
        self._lines: list[bytes] = []

    def check_size(self, request: m.Request) -> None:
        """Make sure that a request fits into a message, now and whenever it is sent again.

        Raises:
            LimitExceededError: it does not.
        """
        self._measure(_line_of(_MAX_COMMAND_ID, request), _MAX_COMMAND_ID)

    def check_room(self) -> None:
        """Make sure that a caller's next command is within the limit.

        Raises:
            LimitExceededError: too many are waiting.
        """
        waiting = len(self._sent) + len(self._held)
        if waiting >= self._max_waiting:
            limit = "commands"
            raise LimitExceededError(limit, waiting + 1, self._max_waiting)

    def send(self, request: m.Request, *, now: float) -> int:
        """Write a command of the client's own, whose size was checked before, and return its id."""
        return self._write(self._take_id(), request, now)

    def call(self, request: m.Request, *, hold: bool, now: float) -> ev.CommandId:
        """Send or hold a command of the caller.

        Raises:
            LimitExceededError: it is too large, or too many are waiting; nothing has changed.
        """
        self.check_room()
        command_id = self._take_id()
        line = _line_of(command_id, request)
        self._measure(line, command_id)
        due = now + self._timeout_s
        if hold:
            self._held[command_id] = due, request
        else:
            self._sent[command_id] = due, request
            self._lines.append(line)
        return ev.CommandId(command_id)

    def write(self, line: bytes) -> None:
        """Write a line that has no id and no reply."""
        self._measure(line, _MAX_COMMAND_ID)
        self._lines.append(line)

    def release(self, *, now: float) -> None:
        """Send what was held; its time starts anew."""
        held, self._held = self._held, {}
        for command_id, (_, request) in held.items():
            self._write(command_id, request, now)

    def waits_for(self, command_id: int) -> m.Request | None:
        """Find the request whose reply has this id."""
        waiting = self._sent.get(command_id)
        return None if waiting is None else waiting[1]

    def answered(self, command_id: int) -> m.Request:
        """Take a command that has its reply."""
        return self._sent.pop(command_id)[1]

    def overdue(self, now: float) -> Iterator[tuple[ev.CommandId, m.Request]]:
        """Take the commands whose time is over, one by one: what is done about one may end others."""
        for waiting in (self._sent, self._held):
            while waiting and _first_due(waiting) <= now:
                command_id = next(iter(waiting))
                yield ev.CommandId(command_id), waiting.pop(command_id)[1]

    def next_timeout(self) -> float | None:
        """Tell when the next command becomes overdue, or None for never."""
        return min((_first_due(waiting) for waiting in (self._sent, self._held) if waiting), default=None)

    def lose_sent(self) -> list[tuple[ev.CommandId, m.Request]]:
        """Take all that were sent on a connection that has ended; unwritten lines end with it."""
        self._lines.clear()
        return _emptied(self._sent)

    def lose_held(self) -> list[tuple[ev.CommandId, m.Request]]:
        """Take all that are held."""
        return _emptied(self._held)

    def batches(self) -> list[ev.Batch]:
        """Take what is to be written, in messages within the size limit (GL-CLIENT-015)."""
        lines, self._lines = self._lines, []
        if len(lines) == 1:
            return [ev.Batch(data=lines[0])]
        return [ev.Batch(data=json_v2.join_lines(group)) for group in _grouped(lines, self._message_bytes)]

    # -- private ---------------------------------------------------------------------------------------------------

    def _measure(self, line: bytes, command_id: int) -> None:
        # Judged as with the longest id, so that what is held or renewed fits under whatever id it is sent.
        size = len(line) + _ID_BYTES - len(str(command_id))
        if size > self._message_bytes:
            limit = "message_bytes"
            raise LimitExceededError(limit, size, self._message_bytes)

    def _take_id(self) -> int:
        while self._next_id in self._sent or self._next_id in self._held:
            self._next_id = self._next_id % _MAX_COMMAND_ID + 1
        command_id = self._next_id
        self._next_id = command_id % _MAX_COMMAND_ID + 1
        return command_id

    def _write(self, command_id: int, request: m.Request, now: float) -> int:
        self._sent[command_id] = now + self._timeout_s, request
        self._lines.append(_line_of(command_id, request))
        return command_id


def _line_of(command_id: int, request: m.Request) -> bytes:
    command = msgspec.structs.replace(m.Command(id=command_id), **{m.REQUEST_FIELDS[type(request)]: request})
    return json_v2.encode(command)


def _first_due(waiting: dict[int, tuple[float, m.Request]]) -> float:
    return next(iter(waiting.values()))[0]


def _emptied(waiting: dict[int, tuple[float, m.Request]]) -> list[tuple[ev.CommandId, m.Request]]:
    commands = [(ev.CommandId(command_id), request) for command_id, (_, request) in waiting.items()]
    waiting.clear()
    return commands


def _grouped(lines: list[bytes], limit: int) -> Iterator[list[bytes]]:
    start = size = 0
    for position, line in enumerate(lines):
        grown = size + len(line) + (position > start)
        if grown > limit and position > start:
            yield lines[start:position]
            start, grown = position, len(line)
        size = grown
    if lines:
        yield lines[start:]
