"""What both sides know of a connection: commands that wait, channels, pings, and how the two ended.

Theory. The rules of one side depend on what the other has said before. The ledger keeps just that, in bounded memory:
what is oldest is forgotten, and then no rule is applied that would need it.

Sources: SPEC.md areas WIRE, SUB, PUB and PING.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, Generic, TypeVar

import attrs

from liveproto.session.monitor.raw import REQUESTS, Json, is_whole_number

K = TypeVar("K")
V = TypeVar("V")

_MAX_WAITING: Final = 10_000
_MAX_ANSWERED: Final = 10_000
_MAX_CHANNELS: Final = 10_000
_MAX_PUBLISHED: Final = 1_000


class Recent(Generic[K, V]):
    """The latest entries of a mapping, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.forgot = False
        """Whether an entry was dropped: what is missing may have been there."""
        self._limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """Return an entry, or None."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep an entry as the latest."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
            self.forgot = True

    def pop(self, key: K) -> V | None:
        """Take an entry out, if it is there."""
        return self._entries.pop(key, None)


@attrs.define
class Command:
    """A command of the client, as far as rules ask for it."""

    kinds: frozenset[str]
    channel: str | None
    order: int
    sent_at: float
    alone: bool = False
    """For a subscribe: no other subscribe or unsubscribe of its channel was waiting when it was sent."""
    subscribed_before: bool = False
    """For a subscribe: its channel was subscribed when it was sent."""
    publications: int = 0
    """Publications of its channel that had arrived when it was sent."""


@attrs.define
class Channel:
    """A channel somebody named on this connection."""

    asked: int = 0
    """Order of the last subscribe that names it; 0 for none."""
    waiting: int = 0
    """Subscribes and unsubscribes of it that wait for their reply."""
    subscribed: bool = False
    changed: int = 0
    """Order of the last command before the subscription last changed."""
    left: str | None = None
    """Rule by which no publication may come: the subscription ended by that reply."""
    offset: int | None = None
    own_publications: int = 0
    """Publications of this connection's own client that arrived, less its publish commands."""
    publications: int = 0
    told_to_renew_at: float | None = None
    """When the server asked for a new subscribe that has not been sent yet."""


@attrs.define
class Published:
    """A publish of this connection to a channel it was subscribed to, which has to come back."""

    channel: str
    changed: int
    publications: int
    accepted_at: float


@attrs.define
class Fault:
    """A message of the client that the server has to answer with a Close frame."""

    requirement: str
    order: int
    at: float
    reported: bool = False


class Ledger:
    """One connection so far."""

    def __init__(self) -> None:
        self.order = 0
        """Commands so far."""
        self.waiting: OrderedDict[int, deque[Command]] = OrderedDict()
        self.forgot_commands = False
        self.overdue: Recent[int, Command] = Recent(_MAX_ANSWERED)
        self.answered: Recent[int, Command] = Recent(_MAX_ANSWERED)
        self.sends: Recent[int, Command] = Recent(_MAX_ANSWERED)
        self.channels: Recent[str, Channel] = Recent(_MAX_CHANNELS)
        self.published: deque[Published] = deque(maxlen=_MAX_PUBLISHED)
        self.renewals: deque[tuple[Channel, float]] = deque(maxlen=_MAX_PUBLISHED)
        """Subscriptions the client was told to renew, and when."""
        self.connect_sent = False
        self.connect_result: dict[str, Json] | None = None
        self.refused = False
        self.terminal_error = False
        """Whether connect was answered with an error after which a client stops."""
        self.fault: Fault | None = None
        self.misused_after: int | None = None
        """How many commands came before the first misuse."""
        self.extraordinary = False
        """Whether the client sent anything but plain, valid commands and pongs."""
        self.pings_unanswered = 0
        self.last_pong_at: float | None = None
        self.last_ping_at: float | None = None
        """When the last ping came; before the first, when the connect reply did."""
        self.pinged = False
        self.server_closed = False

    @property
    def expects_pongs(self) -> bool:
        """Whether the connect result asked for pongs."""
        return self.connect_result is not None and self.connect_result.get("pong") is True

    def channel(self, name: str) -> Channel:
        """Return a channel, known or not."""
        channel = self.channels.get(name)
        if channel is None:
            channel = Channel()
            self.channels.put(name, channel)
        return channel

    def take_command(self, value: dict[str, Json], now: float) -> Command:
        """Enter a command that has been sent; return it."""
        self.order += 1
        kinds = frozenset(kind for kind in REQUESTS if isinstance(value.get(kind), dict))
        channel = next((name for kind in kinds if isinstance(name := value[kind].get("channel"), str)), None)
        command = Command(kinds, channel, self.order, now)
        if channel is not None:
            self._enter_channel(command, channel)
        self._wait_for_reply(command, value.get("id"))
        return command

    def _enter_channel(self, command: Command, name: str) -> None:
        channel = self.channel(name)
        command.publications = channel.publications
        if "subscribe" in command.kinds:
            command.alone = channel.waiting == 0
            command.subscribed_before = channel.subscribed
            channel.asked = command.order
            channel.left = None
        if command.kinds & {"subscribe", "unsubscribe"}:
            channel.told_to_renew_at = None
            channel.waiting += 1
        if "publish" in command.kinds:
            channel.own_publications -= 1
        self.channels.put(name, channel)

    def _wait_for_reply(self, command: Command, id_: Json) -> None:
        if not is_whole_number(id_):
            return
        if command.kinds == frozenset({"send"}):
            self.sends.put(id_, command)
            return
        self.waiting.setdefault(id_, deque()).append(command)
        if len(self.waiting) > _MAX_WAITING:
            self.waiting.popitem(last=False)
            self.forgot_commands = True

    def take_reply(self, id_: int, value: dict[str, Json]) -> Command | None:
        """Match a reply with the command it answers, if one waits."""
        command = self._waiting_for(id_, value) or self.overdue.pop(id_)
        if command is None:
            return None
        self.answered.put(id_, command)
        if command.channel is not None and command.kinds & {"subscribe", "unsubscribe"}:
            self.channel(command.channel).waiting -= 1
        return command

    def _waiting_for(self, id_: int, value: dict[str, Json]) -> Command | None:
        commands = self.waiting.get(id_)
        if not commands:
            return None
        command = next((c for c in commands if any(kind in value for kind in c.kinds)), commands[0])
        self.stop_waiting(id_, command)
        return command

    def stop_waiting(self, id_: int, command: Command) -> None:
        """Take a command out of those that wait."""
        commands = self.waiting[id_]
        commands.remove(command)
        if not commands:
            del self.waiting[id_]

    def sent_kinds(self, id_: Json) -> frozenset[str]:
        """Return the requests of all commands that wait with an id."""
        if not is_whole_number(id_):
            return frozenset()
        return frozenset(kind for command in self.waiting.get(id_, ()) for kind in command.kinds)

    def owes_answer_before(self, order: int) -> bool:
        """Tell whether a connect or unsubscribe among the first so many commands still waits for its reply."""
        prompt = frozenset({"connect", "unsubscribe"})
        return any(c.order <= order and c.kinds & prompt for commands in self.waiting.values() for c in commands)

    def subscribed(self, name: str, *, subscribed: bool) -> None:
        """Enter that a subscription has begun or ended."""
        channel = self.channel(name)
        channel.subscribed = subscribed
        channel.changed = self.order
        channel.offset = None
