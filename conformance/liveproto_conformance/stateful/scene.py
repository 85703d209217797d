"""A session of one or more connections, played on a target and beside it on the model; each act ends where both agree.

Theory. A connection that an act needs and that is not there is opened first, so no act is in vain. Each act waits for
its replies; what has come is then taken in the order of its lines. A publication is awaited on every connection that is
subscribed to its channel, which is the fence for what came before it; what comes uninvited is found by the next act, or
by ``settle``, which ends a session with one more publication in each channel and a read fence on each connection.

Freedom is respected: replies of a batch come in any order, and where subscribe and unsubscribe of one channel were in
flight together, only their answers are judged, and the channel is left once more, to know where it stands.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from liveproto.session.monitor.raw import as_object
from liveproto_conformance.check import NoReplyError, NotExercisedError
from liveproto_conformance.session import dumps
from liveproto_conformance.stateful.model import Listener, Miss, misjudged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liveproto_conformance.bench import Stand
    from liveproto_conformance.session import Json, Reply, Session

CHANNELS: Final = 3
_FIRST_TOKEN: Final = 1_000_001
_TOKENS_OF_A_SESSION: Final = 1000
_NUMBER: Final = re.compile(r"\d+", re.ASCII)


class BrokenRuleError(AssertionError):
    """A session is not as its model; ``requirement`` is the rule that is broken."""

    def __init__(self, miss: Miss) -> None:
        super().__init__(str(miss))
        self.requirement = miss.requirement


def agree(miss: Miss | None) -> None:
    """Fail where a rule was broken."""
    if miss is not None:
        raise BrokenRuleError(miss)


class Ledger:
    """The publications of a session: every token once, whatever its channel."""

    def __init__(self, first: int) -> None:
        self.refused: set[int] = set()
        self._numbers = itertools.count(first)
        self._made: dict[str, list[int]] = defaultdict(list)

    def new(self, channel: str) -> int:
        """Make a token for a publication."""
        token = next(self._numbers)
        self._made[channel].append(token)
        return token

    def find(self, channel: str, data: Json) -> int | None:
        """Find the token in a payload; none in what somebody else has published."""
        numbers = set(_NUMBER.findall(dumps(data)))
        return next((token for token in self._made[channel] if str(token) in numbers), None)


class Seat:
    """One connection beside its model."""

    def __init__(self, session: Session, listener: Listener, ledger: Ledger) -> None:
        self.session = session
        self.listener = listener
        self._ledger = ledger
        self._asked: dict[int, tuple[str, str]] = {}
        self._followed = 0

    def exchange(self, commands: Sequence[tuple[str, str]]) -> None:
        """Send subscribes and unsubscribes as one batch, and judge the answers."""
        before, together = frozenset(self.listener.subscribed), len(commands) > 1
        batch = [self.session.command(kind, {"channel": name}) for kind, name in commands]
        self._asked = {command["id"]: asked for command, asked in zip(batch, commands, strict=True)}
        self.listener.asking.update(name for kind, name in commands if kind == "subscribe")
        self.session.send(*batch)
        codes: dict[str, dict[str, list[int | None]]] = defaultdict(lambda: {"subscribe": [], "unsubscribe": []})
        for (kind, name), reply in zip(commands, self.session.replies(self._asked), strict=True):
            codes[name][kind].append(_code(reply, kind))
        for name, of_kind in codes.items():
            right = self.listener.entitled(name, together=together)
            agree(misjudged(of_kind["subscribe"], of_kind["unsubscribe"], subscribed=name in before, right=right))
        self.follow()

    def awaits(self, channel: str, token: int) -> None:
        """Wait for a publication that is due."""
        while token not in self.listener.heard[channel]:
            try:
                self.session.push(channel, "pub")
            except NoReplyError:
                miss = self.listener.silent(channel, token)
                raise NoReplyError(str(miss), miss.requirement) from None
            self.follow()
        self.listener.silence.pop(channel, None)

    def follow(self) -> None:
        """Take the lines that have come, in their order."""
        lines = self.session.lines[self._followed :]
        self._followed += len(lines)
        for line in lines:
            if (push := as_object(line.get("push"))) is not None:
                self._hear(push.get("channel"), as_object(push.get("pub")))
            elif isinstance(id_ := line.get("id"), int) and id_ in self._asked:
                self._take_reply(*self._asked[id_], success=as_object(line.get("error")) is None)

    def _hear(self, channel: Json, publication: dict[str, Json] | None) -> None:
        if publication is None or not isinstance(channel, str):
            return
        token = self._ledger.find(channel, publication.get("data"))
        if token is not None:
            if token in self._ledger.refused:
                agree(Miss("GL-PUB-011", f"expected nothing of a refused publish, got publication {token}"))
            agree(self.listener.hears(channel, token))

    def _take_reply(self, kind: str, channel: str, *, success: bool) -> None:
        if kind == "unsubscribe":
            self.listener.unsubscribed(channel)
        elif success:
            self.listener.accepted(channel, together=len(self._asked) > 1)
        else:
            self.listener.refused(channel)


def _code(reply: Reply, kind: str) -> int | None:
    """Return the code of an error, or None for a result that is an object."""
    if reply.error is not None:
        return reply.error.code
    reply.result(kind)
    return None


class Scene:
    """Connections and channels of one session, both named by small numbers."""

    def __init__(self, stand: Stand) -> None:
        self.names = [stand.fresh_channel() for _ in range(CHANNELS)]
        self._stand = stand
        self._seats: dict[int, Seat] = {}
        self._former: dict[int, frozenset[str]] = {}
        self._used: set[str] = set()
        self._ledger = Ledger(_FIRST_TOKEN + stand.example * _TOKENS_OF_A_SESSION)
        self._refusals: dict[str, int | None] = {}

    def needs_publishing(self) -> None:
        """End as not exercised where no way to publish is known."""
        facts = self._stand.bench.known
        if facts.publish_via is None:
            raise NotExercisedError(facts.publish_evidence, "GL-SUB-016")

    # -- subscriptions ---------------------------------------------------------------------------------------------

    def subscribe(self, seat: int, channel: int) -> None:
        """Subscribe; a duplicate must be refused."""
        self.together(seat, [("subscribe", channel)])

    def unsubscribe(self, seat: int, channel: int) -> None:
        """Unsubscribe, whether subscribed or not."""
        self.together(seat, [("unsubscribe", channel)])

    def together(self, seat: int, commands: Sequence[tuple[str, int]]) -> None:
        """Send subscribes and unsubscribes, pairs of kind and channel, as one batch."""
        named = [(kind, self.names[channel]) for kind, channel in commands]
        self._at(seat).exchange(named)
        self._used.update(name for _, name in named)
        for name in dict.fromkeys(name for _, name in named):
            if {("subscribe", name), ("unsubscribe", name)} <= set(named):
                self._at(seat).exchange([("unsubscribe", name)])

    def refused(self, seat: int, channel: str) -> None:
        """Subscribe where the target may refuse it: the same way each time; where it does not, leave again."""
        session = self._at(seat).session
        error = session.request("subscribe", {"channel": channel}).error
        code = None if error is None else error.code
        first = self._refusals.setdefault(channel, code)
        if code != first:
            agree(Miss("GL-SUB-006", f"expected error {first} as before, got {code}"))
        if error is None:
            session.unsubscribe(channel)

    def ask(self, seat: int, kind: str) -> None:
        """Send a request that has to do with no subscription: it is answered, and changes nothing."""
        self._at(seat).session.request(kind, {"channel": self.names[0]} if kind != "rpc" else {"data": {}})

    # -- publishing ------------------------------------------------------------------------------------------------

    def publish(self, channel: int) -> None:
        """Publish by the route of the run."""
        name = self.names[channel]
        token = self._ledger.new(name)
        self._stand.publish_payload(name, {"token": token})
        self._await(name, token)

    def publish_itself(self, seat: int, channel: int) -> None:
        """Let a connection publish; where the target refuses that to clients, nobody hears of it."""
        name = self.names[channel]
        token = self._ledger.new(name)
        reply = self._at(seat).session.request("publish", {"channel": name, "data": {"token": token}})
        if self._stand.bench.known.ws_publish_evidence is None:
            if reply.error is not None:
                agree(Miss("GL-PUB-002", f"expected a publish to be accepted as before, got {dumps(reply.raw)}"))
            reply.result("publish")
            self._await(name, token)
        else:
            self._ledger.refused.add(token)
            reply.refused()

    def _await(self, name: str, token: int) -> None:
        self._used.add(name)
        for seat in self._seats.values():
            if name in seat.listener.subscribed:
                seat.awaits(name, token)

    # -- connections -----------------------------------------------------------------------------------------------

    def lose(self, seat: int, *, close_frame: bool) -> None:
        """End a connection from our side."""
        session = self._at(seat).session
        if not close_frame:
            session.connection.drop()
        self._leave(seat)

    def look_in(self, *, close_frame: bool) -> None:
        """Open a connection and end it without a word."""
        session = self._stand.unconnected()
        if not close_frame:
            session.connection.drop()
        self._stand.hang_up(session)

    def misuse(self, seat: int, text: str) -> None:
        """Send an unsubscribe and what must be closed with 3501: the first is answered, the second is not."""
        session = self._at(seat).session
        command = session.command("unsubscribe", {"channel": self.names[0]})
        session.send_raw(f"{dumps(command)}\n{text}")
        session.reply(command["id"]).result("unsubscribe")
        session.closed_with(3501)
        replies = [reply.raw for reply in session.leftover_replies()]
        if replies:
            agree(Miss("GL-CODE-015", f"expected a close and no reply, got {replies}"))
        self._leave(seat)
        for other in self._seats.values():
            other.listener.outlived()

    def settle(self) -> None:
        """Publish once more in every channel that was used, fence each connection, and find what came uninvited."""
        if self._stand.bench.known.publish_via is not None:
            for channel, name in enumerate(self.names):
                if name in self._used:
                    self.publish(channel)
        for seat in self._seats.values():
            seat.session.still_serves()
            seat.follow()

    def _at(self, seat: int) -> Seat:
        if seat not in self._seats:
            listener = Listener(self._former.get(seat, frozenset()))
            self._seats[seat] = Seat(self._stand.connected(), listener, self._ledger)
        return self._seats[seat]

    def _leave(self, seat: int) -> None:
        left = self._seats.pop(seat)
        self._stand.hang_up(left.session)
        listener = left.listener
        self._former[seat] = frozenset(listener.former | listener.left | listener.subscribed)
