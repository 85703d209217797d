"""What both sides know of a connection: commands that wait, channels, pings, and how the two ended.

Theory. The rules of one side depend on what the other has said before. The ledger keeps just that, in bounded memory:
what is oldest is forgotten, and then no rule is applied that would need it.

The two directions cross: when a side spoke, it may not have read what stands before that in the record. And servers
may read an odd command in more than one way. So the ledger also keeps what it does not know: where the end of a
subscription may have crossed its beginning, no rule is applied that asks whether there is one.

Sources: SPEC.md areas WIRE, SUB, PUB and PING.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from typing import Final, Generic, TypeVar

import attrs

from liveproto.session.monitor.raw import REQUESTS, Json, as_object, is_whole_number

K = TypeVar("K")
V = TypeVar("V")

_MAX_WAITING: Final = 10_000
_MAX_WAITING_WITH_ONE_ID: Final = 100
_MAX_ANSWERED: Final = 10_000
_MAX_CHANNELS: Final = 10_000
_MAX_PUBLISHED: Final = 1_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NAMESPACED: Final = re.compile(r"(?:default|org-\d+|stacks-\d+)/(?P<rest>.+)", re.DOTALL)
"""How Grafana writes a channel from 12.4 on; it may know it by the id of the organisation as well (GL-CHAN-014)."""


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
    """Its request; several where it has several, of which the server carries out one."""
    id: Json
    channel: str | None
    order: int
    sent_at: float
    alone: bool = False
    """For a subscribe or unsubscribe: no other of its channel was waiting when it was sent."""
    known: bool | None = None
    """For a subscribe or unsubscribe: whether its channel was subscribed when it was sent, if that is certain."""
    has_token: bool = False
    has_filter: bool = False
    publications: int = 0
    """Publications of its channel that had arrived when it was sent."""
    settled: bool = False
    """Whether it was answered, or is forgotten."""
    overdue: bool = False


@attrs.define
class Channel:
    """A channel somebody named on this connection."""

    asked: int = 0
    """Order of the last subscribe that names it; 0 for none. One by the server comes after all commands so far."""
    waiting: int = 0
    """Subscribes and unsubscribes of it that wait for their reply."""
    entangled: int = 0
    """Order of the last subscribe or unsubscribe that was sent while another waited."""
    subscribed: bool = False
    certain: bool = True
    """Whether ``subscribed`` is known: replies and pushes of a subscription that ends may change places."""
    renewable: bool = False
    """Whether the client subscribed by itself, without a token that has to be asked for."""
    filtered: bool = False
    """Whether some publications may be left out."""
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
        self.due: deque[Command] = deque(maxlen=_MAX_WAITING)
        """Commands in the order in which their time is over; also some that are settled."""
        self.forgot_commands = False
        """Whether there may be a command that is not among those that wait."""
        self.answered: Recent[int, Command] = Recent(_MAX_ANSWERED)
        self.sends: Recent[int, Command] = Recent(_MAX_ANSWERED)
        self.channels: Recent[str, Channel] = Recent(_MAX_CHANNELS)
        self.unclear = False
        """Whether it cannot be told which channels the client asked for, and what came of it."""
        self.numbered: Recent[int, str] = Recent(_MAX_CHANNELS)
        """Channels by the number that the server gave them to make pushes shorter."""
        self.by_organisation: Recent[str, str] = Recent(_MAX_CHANNELS)
        """Channels named with the bare id of an organisation, by what follows it."""
        self.published: deque[Published] = deque(maxlen=_MAX_PUBLISHED)
        self.publishes_otherwise = False
        """Whether the client sent what an application may answer with a publication of the client's."""
        self.renewals: deque[tuple[str, float]] = deque(maxlen=_MAX_PUBLISHED)
        """Subscriptions the client was told to renew, and when."""
        self.connect_sent = False
        self.connect_result: dict[str, Json] | None = None
        self.refused = False
        self.terminal_error = False
        """Whether connect was answered with an error after which a client stops."""
        self.fault: Fault | None = None
        self.plain_commands: int | None = None
        """How many commands came before the first line that is no plain, valid command or pong; None without one."""
        self.misused = False
        """Whether the client broke a rule by a line."""
        self.mixed_send = False
        """Whether a send had another request beside it, so that an answer without id may come."""
        self.pings_unanswered = 0
        self.may_have_ponged = False
        """Whether what the client sent since the last ping may count as its pong."""
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

    def named(self, push: dict[str, Json]) -> Json:
        """Return the channel of a push as the client named it, where that is known."""
        name = push.get("channel")
        if name is None:
            number = push.get("id")
            return self.numbered.get(number) if is_whole_number(number) else None
        older = _NAMESPACED.fullmatch(name) if isinstance(name, str) and name not in self.channels else None
        return (self.by_organisation.get(older["rest"]) if older else None) or name

    def deviates(self) -> None:
        """Enter that the client is about to send what is not plain."""
        if self.plain_commands is None:
            self.plain_commands = self.order

    def take_command(self, value: dict[str, Json], now: float, *, ambiguous: bool = False) -> Command:
        """Enter a command that has been sent; return it. An ambiguous one may be any, with any id and channel."""
        self.order += 1
        nothing: dict[str, Json] = {}
        requests = {kind: body for kind in REQUESTS & value.keys() if (body := as_object(value[kind])) is not None}
        id_ = value.get("id")
        alike = not ambiguous and len(requests) <= 1
        request = next(iter(requests.values()), nothing) if alike else nothing
        channel = name if isinstance(name := request.get("channel"), str) else None
        kinds = REQUESTS if ambiguous else frozenset(requests)
        command = Command(kinds, id_, channel, self.order, now)
        self.forgot_commands |= ambiguous
        self.mixed_send |= "send" in kinds and len(kinds) > 1
        self.publishes_otherwise |= bool(kinds & {"rpc", "send"})
        if not alike or (is_whole_number(id_) and id_ in self.waiting) or not _is_text(channel or ""):
            self._lose_track()
        if channel is not None:
            self._enter_channel(command, channel, request)
        self._wait_for_reply(command)
        return command

    def _lose_track(self) -> None:
        self.unclear = True
        self.published.clear()
        self.renewals.clear()

    def _enter_channel(self, command: Command, name: str, request: dict[str, Json]) -> None:
        channel = self.channel(name)
        command.publications = channel.publications
        if "subscribe" in command.kinds:
            command.has_token, command.has_filter = "token" in request, "tf" in request
            channel.asked = command.order
            channel.left = None
            self._enter_prefix(name)
        if command.kinds & {"subscribe", "unsubscribe"}:
            command.alone = channel.waiting == 0
            command.known = channel.subscribed if command.alone and channel.certain else None
            channel.entangled = channel.entangled if command.alone else command.order
            channel.told_to_renew_at = None
            channel.waiting += 1
        if "publish" in command.kinds:
            channel.own_publications -= 1
        self.channels.put(name, channel)

    def _enter_prefix(self, name: str) -> None:
        prefix, _, rest = name.partition("/")
        if prefix.isdecimal():
            self.by_organisation.put(rest, name)

    def _wait_for_reply(self, command: Command) -> None:
        id_ = command.id
        if not is_whole_number(id_) or id_ <= 0:
            return
        if command.kinds == frozenset({"send"}):
            self.sends.put(id_, command)
            return
        self.due.append(command)
        commands = self.waiting.setdefault(id_, deque())
        commands.append(command)
        if len(commands) > _MAX_WAITING_WITH_ONE_ID:
            self._forget(commands.popleft())
        if len(self.waiting) > _MAX_WAITING:
            self._forget(*self.waiting.popitem(last=False)[1])

    def _forget(self, *commands: Command) -> None:
        self.forgot_commands = True
        for command in commands:
            command.settled = True

    def take_reply(self, id_: int, value: dict[str, Json]) -> Command | None:
        """Match a reply with the command it answers, if one waits."""
        commands = self.waiting.get(id_)
        if not commands:
            return None
        command = next((c for c in commands if any(kind in value for kind in c.kinds)), commands[0])
        commands.remove(command)
        if not commands:
            del self.waiting[id_]
        command.settled = True
        self.answered.put(id_, command)
        if command.channel is not None and command.kinds & {"subscribe", "unsubscribe"}:
            channel = self.channel(command.channel)
            channel.waiting = max(0, channel.waiting - 1)
        return command

    def is_free(self, id_: int) -> bool:
        """Tell whether no command waits with an id, but for those the client need not wait for any more."""
        return all(command.overdue for command in self.waiting.get(id_, ()))

    def alone_until_now(self, command: Command) -> bool:
        """Tell whether no other subscribe or unsubscribe of the channel of one was under way together with it."""
        channel = self.channel(f"{command.channel}")
        return command.alone and channel.entangled < command.order and not self.channels.forgot

    def sent_kinds(self, id_: Json) -> frozenset[str]:
        """Return the requests of all commands that wait with an id."""
        if not is_whole_number(id_):
            return frozenset()
        return frozenset(kind for command in self.waiting.get(id_, ()) for kind in command.kinds)

    def owes_answer_before(self, order: int) -> bool:
        """Tell whether a connect or unsubscribe among the first so many commands still waits for its reply."""
        prompt = frozenset({"connect", "unsubscribe"})
        return any(
            c.order <= order and frozenset() < c.kinds <= prompt for commands in self.waiting.values() for c in commands
        )

    def subscribed(self, name: str, *, subscribed: bool, certain: bool) -> None:
        """Enter that a subscription has begun or ended."""
        channel = self.channel(name)
        channel.subscribed = subscribed
        channel.certain = certain
        channel.changed = self.order
        channel.offset = None
        if subscribed:
            channel.left = None

    def subscribed_by_server(self, name: str) -> None:
        """Enter that the server has subscribed the client by itself, which may cross any command."""
        channel = self.channel(name)
        channel.asked = self.order + 1
        channel.renewable = False
        self.subscribed(name, subscribed=True, certain=False)


def _is_text(name: str) -> bool:
    """Tell whether every server knows a name as it was sent: it has no lone surrogates."""
    return _SURROGATE.search(name) is None
