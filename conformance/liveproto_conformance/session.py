"""A conversation with the target on one connection: commands out, answers, pushes and the close in.

Theory. Everything is judged on the JSON the target really sent, parsed without loss, never on our own records.
Replies are matched by id and may come in any order; pushes are kept by channel; pings are answered when the connect
result asked for it, unless the check wants to misbehave (``answers_pings``).
"""

from __future__ import annotations

import itertools
import json
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from liveproto.session.monitor.raw import as_object, is_whole_number
from liveproto_conformance.check import NoReplyError
from liveproto_conformance.drive.websocket import Closed, Connection, ConnectionEndedError, Ending

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

Json = Any
REPLY_REQUIREMENTS: Final = {
    "connect": "GL-CONN-001",
    "subscribe": "GL-SUB-001",
    "unsubscribe": "GL-SUB-007",
    "publish": "GL-PUB-001",
    "rpc": "GL-CMD-001",
    "presence": "GL-CMD-004",
    "presence_stats": "GL-CMD-004",
    "history": "GL-CMD-004",
    "refresh": "GL-CMD-007",
    "sub_refresh": "GL-CMD-008",
    "ping": "GL-CMD-009",
}
"""The requirement that asks for the reply to each request."""
_PUSH_REQUIREMENTS: Final = {"pub": "GL-SUB-016", "join": "GL-SUB-031", "leave": "GL-SUB-031"}
"""The requirement that asks for each push."""
_SHOWN: Final = 300
_GIVEN_UP: Final = frozenset({Ending.EOF, Ending.RESET})
"""Endings without a Close frame that are the target's own."""
_CHANNEL_KINDS: Final = ("pub", "join", "leave", "unsubscribe", "subscribe")


def dumps(value: Json) -> str:
    """Write JSON on one line, compact, text unescaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def object_at(container: dict[str, Json], key: str, what: str) -> dict[str, Json]:
    """Return the object that a key holds, or fail saying what was expected there."""
    value = as_object(container.get(key))
    assert value is not None, f'expected a "{key}" {what} that is an object, got {dumps(container)}'
    return value


def carries(data: Json, token: int) -> bool:
    """Tell whether a payload, whatever its shape, holds the number that was published."""
    return str(token) in json.dumps(data)


@attrs.frozen
class ErrorAnswer:
    """The ``error`` of a reply."""

    code: int
    message: str
    temporary: bool


@attrs.frozen
class Reply:
    """One answered command, as received."""

    id: int
    raw: dict[str, Json]

    @property
    def error(self) -> ErrorAnswer | None:
        """The error, if it is one."""
        error = as_object(self.raw.get("error"))
        if error is None:
            return None
        return ErrorAnswer(error.get("code", 0), error.get("message", ""), error.get("temporary", False))

    def result(self, kind: str) -> dict[str, Json]:
        """Return the result of this kind, or fail saying what came instead."""
        return object_at(self.raw, kind, "result")

    def refused(self, *codes: int) -> ErrorAnswer:
        """Return the error, or fail saying that one of these codes was expected."""
        error = self.error
        wanted = " or ".join(map(str, codes)) or "any code"
        assert error is not None, f"expected an error with code {wanted}, got {dumps(self.raw)}"
        assert not codes or error.code in codes, f"expected error code {wanted}, got {dumps(self.raw)}"
        return error


@attrs.frozen
class Push:
    """One push, as received."""

    channel: str | None
    kind: str | None
    raw: dict[str, Json]

    @property
    def body(self) -> Json:
        """What the kind holds."""
        return self.raw.get(self.kind) if self.kind else None


class Session:
    """One connection, connected or not."""

    def __init__(self, connection: Connection, wire: Wire, *, timeout_s: float, unused_channel: str) -> None:
        self.connection = connection
        self.timeout_s = timeout_s
        self.unused_channel = unused_channel
        self.connect_result: dict[str, Json] = {}
        self.answers_pings = True
        self.pings: list[float] = []
        self.unmatched: list[dict[str, Json]] = []
        self.lines: list[dict[str, Json]] = []
        self._wire = wire
        self._replies: dict[int, list[Reply]] = defaultdict(list)
        self._pushes: list[Push] = []
        self._ids = itertools.count(1)
        self._requirements: dict[int, str] = {}

    # -- sending ---------------------------------------------------------------------------------------------------

    def send_raw(self, *messages: str | bytes) -> None:
        """Send messages exactly as given, all at once: a stimulus each."""
        try:
            self.connection.send(*messages)
        except ConnectionEndedError:
            self._note(messages)
            # What the target sent before its end is heard first, and then the end.
            while True:
                self._pump(0.0)
        self._note(messages)

    def next_id(self) -> int:
        """Return an id this session did not use."""
        return next(self._ids)

    def command(self, kind: str, body: Json, *, id_: int | None = None) -> dict[str, Json]:
        """Make a command with a fresh id, or the one given."""
        command = {"id": self.next_id() if id_ is None else id_, kind: body}
        self._expect([command])
        return command

    def send(self, *commands: dict[str, Json]) -> None:
        """Send commands as one batch: one stimulus."""
        self._expect(commands)
        self.send_raw("\n".join(map(dumps, commands)))

    def request(self, kind: str, body: Json) -> Reply:
        """Send one command and return its reply.

        Raises:
            NoReplyError: none came in time.
            AssertionError: the connection ended instead.
        """
        command = self.command(kind, body)
        with _reply_due(command["id"]):
            self.send(command)
        return self.reply(command["id"], requirement=REPLY_REQUIREMENTS[kind])

    def pipeline(self, commands: Sequence[dict[str, Json]]) -> list[Reply]:
        """Send commands as a message each, without waiting in between; return their replies in the order sent."""
        self._expect(commands)
        self.send_raw(*map(dumps, commands))
        return self.replies(command["id"] for command in commands)

    # -- what a session does --------------------------------------------------------------------------------------

    def connect(self, body: Json = None) -> Reply:
        """Connect and remember the result."""
        reply = self.request("connect", body or {})
        self.connect_result = reply.result("connect")
        return reply

    @property
    def client(self) -> str:
        """Client id the target gave."""
        client = self.connect_result.get("client")
        return client if isinstance(client, str) else ""

    @property
    def subs(self) -> list[Json]:
        """Channels to which the target itself has subscribed it, some perhaps twice."""
        by_reply = as_object(self.connect_result.get("subs")) or {}
        return [*by_reply, *(push.channel for push in self.pushes(kind="subscribe"))]

    def subscribe(self, channel: str, **options: Json) -> Reply:
        """Subscribe and fail unless it is accepted."""
        reply = self.request("subscribe", {"channel": channel, **options})
        reply.result("subscribe")
        return reply

    def unsubscribe(self, channel: str) -> Reply:
        """Unsubscribe and fail unless it is accepted."""
        reply = self.request("unsubscribe", {"channel": channel})
        reply.result("unsubscribe")
        return reply

    def fence(self) -> None:
        """Read fence: once answered, the target has read every command sent before."""
        self.unsubscribe(self.unused_channel)

    def still_serves(self) -> None:
        """Fail unless the connection lives."""
        assert self.connection.closed is None, f"expected an open connection, got {self.connection.closed}"
        self.fence()

    # -- receiving -------------------------------------------------------------------------------------------------

    def reply(self, id_: int, *, requirement: str | None = None) -> Reply:
        """Wait for the reply with this id; by default its command's kind names the requirement that asks for it."""
        deadline, before = time.monotonic() + self.timeout_s, self.connection.lines
        while not self._replies[id_]:
            try:
                with _reply_due(id_):
                    self._pump(deadline - time.monotonic())
            except TimeoutError:
                self._wire.waited(self.timeout_s)
                raise NoReplyError(
                    f"expected a reply with id {id_} within {self.timeout_s:g} s, got none{self._instead(before)}",
                    requirement or self._requirements.get(id_, "GL-WIRE-044"),
                ) from None
        return self._replies[id_].pop(0)

    def replies(self, ids: Iterable[int]) -> list[Reply]:
        """Wait for the replies with these ids, in any order; return them in the order asked."""
        return [self.reply(id_) for id_ in ids]

    def leftover_replies(self) -> list[Reply]:
        """Return replies that arrived and were not asked for."""
        return [reply for replies in self._replies.values() for reply in replies]

    def publication(self, channel: str) -> Json:
        """Wait for the next publication of a channel and return its payload."""
        return self.push(channel, "pub").body.get("data")

    def push(self, channel: str | None, kind: str) -> Push:
        """Wait for the next push of a channel and kind."""
        deadline, before = time.monotonic() + self.timeout_s, self.connection.lines
        while True:
            for index, push in enumerate(self._pushes):
                if push.channel == channel and push.kind == kind and isinstance(push.body, dict):
                    return self._pushes.pop(index)
            try:
                self._pump(deadline - time.monotonic())
            except TimeoutError:
                self._wire.waited(self.timeout_s)
                others = [dumps(push.raw)[:120] for push in self._pushes[-3:]] or "nothing"
                raise NoReplyError(
                    f"expected a {kind} push of {channel!r} within {self.timeout_s:g} s, got {others}"
                    f"{self._instead(before)}",
                    _PUSH_REQUIREMENTS[kind],
                ) from None
            except ConnectionEndedError as ended:
                raise AssertionError(f"expected a {kind} push of {channel!r}, got {ended.closed}") from None

    def pushes(self, channel: str | None = None, kind: str | None = None) -> list[Push]:
        """Return the pushes received and not taken yet, of a channel and kind where given."""
        # What a target sends as a channel need not be hashable.
        return [p for p in self._pushes if channel in (None, p.channel) and kind in (None, p.kind)]

    def quiet(self, seconds: float) -> None:
        """Read for a while, where no fence applies; the time is reported as waiting."""
        deadline = time.monotonic() + seconds
        self._wire.waited(seconds)
        while True:
            try:
                self._pump(deadline - time.monotonic())
            except TimeoutError:
                return

    def run_until(self, deadline: float) -> Closed | None:
        """Read until a time on the monotonic clock, or the end of the connection, which is returned."""
        while True:
            try:
                self._pump(deadline - time.monotonic())
            except TimeoutError:
                return None
            except ConnectionEndedError as ended:
                return ended.closed

    def closed(self) -> Closed:
        """Wait for the target to end the connection, reading what it sends before."""
        closed = self.run_until(time.monotonic() + self.timeout_s)
        if closed is None:
            self._wire.waited(self.timeout_s)
        assert closed is not None, f"expected the connection to be closed within {self.timeout_s:g} s, it is open"
        return closed

    def closed_with(self, *codes: int) -> Closed:
        """Wait for a Close frame with one of these codes."""
        closed = self.closed()
        wanted = " or ".join(map(str, codes))
        assert closed.ending is Ending.CLOSE_FRAME, f"expected close {wanted}, got {closed}"
        assert closed.code in codes, f"expected close {wanted}, got {closed}"
        return closed

    def given_up_with(self, *codes: int) -> Closed:
        """Wait for a Close frame with one of these codes, or an end without one, and no reply before it.

        So ends a message that is too large: a target need not read all of it, and what it sends may then be lost.
        """
        closed = self.closed()
        if closed.ending not in _GIVEN_UP:
            wanted = " or ".join(map(str, codes))
            right = closed.ending is Ending.CLOSE_FRAME and closed.code in codes
            assert right, f"expected close {wanted}, or an end without a Close frame, got {closed}"
        replies = [reply.raw for reply in self.leftover_replies()]
        assert not replies, f"expected {closed} and no reply, got {replies}"
        return closed

    def pong_unasked(self) -> None:
        """Send a pong that no ping asked for: a stimulus."""
        self.send_raw("{}")

    def pong(self) -> None:
        """Answer a ping; no stimulus, because its time is the target's choice."""
        self.connection.send("{}")
        self._wire.sent(self, "{}", stimulus=False)

    def _note(self, messages: Sequence[str | bytes]) -> None:
        """Tell of messages once they are out: the target works on them meanwhile."""
        for data in messages:
            self._wire.sent(self, data, stimulus=True)

    def _instead(self, before: int) -> str:
        """Say what came where something else was awaited."""
        others = str(self.unmatched[-3:])[:_SHOWN] if self.unmatched else ""
        lines = self.connection.lines - before
        unfinished = self.connection.unfinished
        return "".join(
            (
                f"; other lines: {others}" if others else "",
                f"; {lines} frames or lines came" if lines else "",
                f"; {unfinished}" if unfinished else "",
            )
        )

    def _expect(self, commands: Iterable[dict[str, Json]]) -> None:
        """Remember which requirements ask for the replies."""
        for command in commands:
            kind = next((kind for kind in REPLY_REQUIREMENTS if kind in command), None)
            if kind is not None:
                self._requirements[command.get("id", 0)] = REPLY_REQUIREMENTS[kind]

    def _pump(self, timeout_s: float) -> None:
        try:
            message = self.connection.receive(timeout_s)
        except ConnectionEndedError as ended:
            self._wire.closed(self, ended.closed)
            raise
        lines = self._wire.received(self, message)
        self.lines.extend(lines)
        for line in lines:
            self._take(line)

    def _take(self, line: dict[str, Json]) -> None:
        push, id_ = as_object(line.get("push")), line.get("id")
        if push is not None:
            kind = next((name for name in (*_CHANNEL_KINDS, "message", "refresh") if name in push), None)
            self._pushes.append(Push(push.get("channel"), kind, push))
        elif is_whole_number(id_) and id_:
            self._replies[id_].append(Reply(id_, line))
        elif not line:
            self.pings.append(time.monotonic())
            # To a target that has closed since, nothing can be said; receiving will come to that.
            if self.answers_pings and self.connect_result.get("pong") is True and self.connection.closed is None:
                self.pong()
        else:
            self.unmatched.append(line)


@contextmanager
def _reply_due(id_: int) -> Generator[None, None, None]:
    """Take the end of the connection for what came instead of a reply, whether it shows in writing or reading."""
    try:
        yield
    except ConnectionEndedError as ended:
        raise AssertionError(f"expected a reply with id {id_}, got {ended.closed}") from None


class Wire(Protocol):
    """What a session tells of its traffic; the bench of a run implements it."""

    def sent(self, session: Session, data: str | bytes, *, stimulus: bool) -> None:
        """Take a message that was sent just now."""
        ...

    def received(self, session: Session, message: Any) -> Sequence[dict[str, Json]]:  # noqa: ANN401
        """Take a message that arrived and return the objects on its lines."""
        ...

    def closed(self, session: Session, closed: Closed) -> None:
        """Take the end of a connection."""
        ...

    def waited(self, seconds: float) -> None:
        """Take a time spent waiting for nothing."""
        ...
