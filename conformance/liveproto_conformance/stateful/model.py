"""What a connection should hear: a small model of its subscriptions, beside which a whole session is judged.

Theory. A ``Listener`` follows one connection line by line. A publication is known by its token; tokens of a channel
grow, because each is published after the one before was answered. What is published while a connection is subscribed
is due there. What was published before may still be on its way, so it may come or not; but of one channel nothing comes
twice, nothing comes late, and nothing comes once the unsubscribe is answered. What last happened to a subscription
decides which rule a silence breaks.

Not here: the target, and how it is spoken to (``liveproto_conformance.stateful.scene``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALREADY: Final = int(ErrorCode.ALREADY_SUBSCRIBED)


@attrs.frozen
class Miss:
    """A rule that was broken, and how."""

    requirement: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.requirement})"


@attrs.define
class Listener:
    """One connection, as it should be."""

    former: frozenset[str] = frozenset()
    """What connections before it, in its place, were subscribed to."""
    asking: Counter[str] = attrs.field(factory=Counter[str])
    """Subscribes that are not answered, by channel."""
    subscribed: set[str] = attrs.field(factory=set[str])
    left: set[str] = attrs.field(factory=set[str])
    """Channels it was subscribed to."""
    heard: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict[str, list[int]](list))
    """Tokens of the publications that came, by channel."""
    silence: dict[str, str] = attrs.field(factory=dict[str, str])
    """The rule that a due publication breaks by not coming, where it is not the general one."""

    def accepted(self, channel: str, *, together: bool = False) -> None:
        """Take the success of a subscribe, which was sent alone or together with others."""
        self.asking[channel] -= 1
        self.silence[channel] = self.entitled(channel, together=together)
        self.subscribed.add(channel)

    def refused(self, channel: str) -> None:
        """Take the error of a subscribe."""
        self.asking[channel] -= 1
        if channel in self.subscribed:
            self.silence[channel] = "GL-SUB-004"

    def unsubscribed(self, channel: str) -> None:
        """Take the success of an unsubscribe."""
        if channel in self.subscribed:
            self.subscribed.discard(channel)
            self.left.add(channel)
        self.silence.update(dict.fromkeys(self.subscribed, "GL-SUB-029"))

    def outlived(self) -> None:
        """Take that another connection was closed for its fault."""
        self.silence.update(dict.fromkeys(self.subscribed, "GL-CONN-022"))

    def entitled(self, channel: str, *, together: bool = False) -> str:
        """Name the rule by which a channel that is not subscribed may be subscribed to, and then receives."""
        if channel in self.left:
            return "GL-SUB-010"
        if channel in self.former:
            return "GL-SUB-019"
        return "GL-SUB-024" if together else "GL-SUB-016"

    def hears(self, channel: str, token: int) -> Miss | None:
        """Take a publication, and say which rule it breaks."""
        heard, came = self.heard[channel], f"got publication {token} of {channel!r}"
        again, late = token in heard, heard[-1:] > [token]
        heard.append(token)
        if channel not in self.subscribed and not self.asking[channel]:
            return Miss(self._uninvited(channel), f"expected nothing of a channel that is not subscribed, {came}")
        if again:
            return Miss("GL-SUB-018", f"expected each publication once, {came} again")
        return Miss("GL-SUB-017", f"expected publications in their order, {came} after {heard[-2]}") if late else None

    def silent(self, channel: str, token: int) -> Miss:
        """Say which rule is broken where a due publication has not come."""
        requirement = self.silence.get(channel, "GL-SUB-016")
        return Miss(requirement, f"expected publication {token} of {channel!r}, which is subscribed, got none")

    def _uninvited(self, channel: str) -> str:
        if channel in self.left:
            return "GL-SUB-008"
        return "GL-SUB-019" if channel in self.former else "GL-SUB-015"


def misjudged(
    subscribes: Sequence[int | None], unsubscribes: Sequence[int | None], *, subscribed: bool, right: str
) -> Miss | None:
    """Say which rule is broken by the answers to the commands for one channel in one batch.

    Args:
        subscribes: the error codes of the answers, None for a success.
        unsubscribes: the same.
        subscribed: whether the channel was, before.
        right: the rule by which it may be subscribed to.
    """
    if any(code is not None for code in unsubscribes):
        requirement = "GL-SUB-007" if subscribed else "GL-SUB-009"
        return Miss(requirement, f"expected every unsubscribe to succeed, got errors {unsubscribes}")
    if unsubscribes:
        # Either may win: only that both are answered is asked for.
        fine, requirement = all(code in (None, _ALREADY) for code in subscribes), "GL-SUB-011"
    else:
        successes = 0 if subscribed else 1
        refusals = len(subscribes) - successes
        fine = subscribes.count(None) == successes and subscribes.count(_ALREADY) == refusals
        requirement = "GL-SUB-003" if subscribed else "GL-SUB-005" if len(subscribes) > 1 else right
    standing = "subscribed" if subscribed else "not subscribed"
    got = f"got errors {subscribes}"
    return None if fine else Miss(requirement, f"expected a channel that is {standing} to be subscribed once, {got}")
