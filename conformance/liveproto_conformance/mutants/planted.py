"""Thirty bugs that show only after certain sequences, or with certain values, each with the least input that shows it.

They measure how the kit looks for failures and makes them smaller. Each names the check that must find it, and
``least``: a session none of whose steps can be left out, or the least value. Most are faults of bookkeeping that real
servers had: a subscription counted twice, forgotten too late, or found under another connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from liveproto.wire.codes import ErrorCode
from liveproto_conformance.mutants.memory import Answer, Past, remembering
from liveproto_conformance.mutants.patches import member, reads, writes_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from liveproto_conformance.mutants.patches import JsonObject
    from liveproto_conformance.reference.server import Parts
    from liveproto_conformance.session import Json

Steps = list[tuple[str, dict[str, Any]]]

COMMANDS: Final = "session.commands_are_answered_as_their_channel_stands"
ONE: Final = "session.a_connection_hears_what_it_is_subscribed_to"
TWO: Final = "session.two_connections_share_nothing_but_channels"
LOST: Final = "session.a_lost_connection_takes_its_subscriptions_along"
_BATCH: Final = 16
_LIST: Final = 2


@attrs.frozen(kw_only=True)
class Planted:
    """One bug."""

    id: str
    check: str
    patch: Callable[[Parts], Parts]
    least: Mapping[str, Any]
    """Least input of the check: its steps, or its values by name."""


def size_of(values: Mapping[str, Any]) -> int:
    """Count the commands of an input: those of its steps, what its numbers say, or the values in its lists."""
    steps: Steps | None = values.get("steps")
    if steps is not None:
        return sum(len(given.get("commands", [name])) for name, given in steps)
    return sum(value if isinstance(value, int) else _leaves(value) for value in values.values())


def _leaves(value: object) -> int:
    return sum(map(_leaves, cast("list[object]", value))) if isinstance(value, list) else 1


# -- how a least session is written --------------------------------------------------------------------------------


def _session(*steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"steps": list(steps)}


def _do(step: str, /, **arguments: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - those of the step
    return step, arguments


def _answers(pattern: str, *, answer: Answer, kind: str = "subscribe") -> Callable[[Parts], Parts]:
    """Answer otherwise after these acts."""
    return lambda parts: remembering(
        parts, answers=lambda asked, past: answer if asked == kind and past.did(pattern) else None
    )


def _copies(times: int, when: Callable[[Past], bool]) -> Callable[[Parts], Parts]:
    """Deliver nothing, or twice, when the past is like that."""
    return lambda parts: remembering(parts, copies=lambda past: times if when(past) else 1)


def _overhears(when: Callable[[Past], bool]) -> Callable[[Parts], Parts]:
    """Deliver without subscription when the past is like that."""
    return lambda parts: remembering(parts, overhears=when)


def _is_beside_two(past: Past) -> bool:
    """Tell whether this is the last of three channels a connection has asked for."""
    channels = list(dict.fromkeys(channel for kind, channel in past.own if kind == "subscribe"))
    return channels[2:] == [past.this]


def _is_next_to(past: Past, kind: str, then: str) -> bool:
    """Tell whether one message had these two, the second of this channel, the first of another."""
    pairs = zip(past.in_message(), past.in_message()[1:], strict=False)
    return any(first[0] == kind and second == (then, past.this) != (then, first[1]) for first, second in pairs)


def _keeps_sixteen(text: str) -> str:
    return "\n".join(text.split("\n")[:_BATCH])


def _shortens_lists(line: JsonObject) -> None:
    publication = member(line, "push", "pub")
    data: Json = publication.get("data")
    if isinstance(data, list):
        publication["data"] = data[:_LIST]


PLANTED: Final[Sequence[Planted]] = (
    # -- answers to one connection
    Planted(
        id="leaving-another-channel-frees-a-duplicate",
        check=COMMANDS,
        patch=_answers("subscribe:this unsubscribe:other subscribe:this", answer=True),
        least=_session(
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=1),
            _do("subscribe", channel=0),
        ),
    ),
    Planted(
        id="a-third-subscription-is-taken-for-a-duplicate",
        check=COMMANDS,
        patch=_answers(
            "subscribe:this unsubscribe:this subscribe:this unsubscribe:this subscribe:this",
            answer=ErrorCode.ALREADY_SUBSCRIBED,
        ),
        least=_session(
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=0),
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=0),
            _do("subscribe", channel=0),
        ),
    ),
    Planted(
        id="leaving-twice-is-refused",
        check=COMMANDS,
        patch=_answers(
            "subscribe:this unsubscribe:this unsubscribe:this", answer=ErrorCode.PERMISSION_DENIED, kind="unsubscribe"
        ),
        least=_session(
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=0),
            _do("unsubscribe", channel=0),
        ),
    ),
    Planted(
        id="an-rpc-forgets-what-is-subscribed",
        check=COMMANDS,
        patch=_answers("subscribe:this rpc subscribe:this", answer=True),
        least=_session(
            _do("subscribe", channel=0),
            _do("ask", kind="rpc"),
            _do("subscribe", channel=0),
        ),
    ),
    Planted(
        id="after-two-refusals-nothing-can-be-left",
        check=COMMANDS,
        patch=_answers("refused refused unsubscribe:this", answer=ErrorCode.PERMISSION_DENIED, kind="unsubscribe"),
        # The fence that ends every session is an unsubscribe.
        least=_session(
            _do("refused", which="too long"),
            _do("refused", which="too long"),
        ),
    ),
    Planted(
        id="a-subscribe-behind-an-unsubscribe-is-refused",
        check=COMMANDS,
        patch=lambda parts: remembering(
            parts,
            answers=lambda kind, past: (
                ErrorCode.PERMISSION_DENIED
                if kind == "subscribe" and _is_next_to(past, "unsubscribe", "subscribe")
                else None
            ),
        ),
        least=_session(
            _do("together", commands=["unsubscribe 1", "subscribe 0"]),
        ),
    ),
    # -- what one connection hears
    Planted(
        id="a-channel-that-was-left-stays-silent",
        check=ONE,
        patch=_copies(0, lambda past: past.did("subscribe:this unsubscribe:this subscribe:this")),
        least=_session(
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=0),
            _do("subscribe", channel=0),
        ),
    ),
    Planted(
        id="two-refused-duplicates-double-the-subscription",
        check=ONE,
        patch=_copies(2, lambda past: past.did("subscribe:this subscribe:this subscribe:this")),
        least=_session(
            _do("subscribe", channel=0),
            _do("subscribe", channel=0),
            _do("subscribe", channel=0),
        ),
    ),
    Planted(
        id="the-third-publication-is-lost",
        check=ONE,
        patch=_copies(0, lambda past: past.has_heard(2)),
        least=_session(
            _do("subscribe", channel=0),
            _do("publish", channel=0),
            _do("publish", channel=0),
        ),
    ),
    Planted(
        id="the-fourth-publication-comes-twice",
        check=ONE,
        patch=_copies(2, lambda past: past.has_heard(3)),
        least=_session(
            _do("subscribe", channel=0),
            _do("publish", channel=0),
            _do("publish", channel=0),
            _do("publish", channel=0),
        ),
    ),
    Planted(
        id="leaving-the-first-channel-silences-the-next",
        check=ONE,
        patch=_copies(0, lambda past: past.did("subscribe:other subscribe:this unsubscribe:other")),
        least=_session(
            _do("subscribe", channel=1),
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=1),
        ),
    ),
    Planted(
        id="three-channels-are-one-too-many",
        check=ONE,
        patch=_copies(0, _is_beside_two),
        least=_session(
            _do("subscribe", channel=0),
            _do("subscribe", channel=1),
            _do("subscribe", channel=2),
        ),
    ),
    Planted(
        id="leaving-the-second-time-has-no-effect",
        check=ONE,
        patch=_overhears(lambda past: past.did("subscribe:this unsubscribe:this subscribe:this unsubscribe:this")),
        least=_session(
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=0),
            _do("subscribe", channel=0),
            _do("unsubscribe", channel=0),
        ),
    ),
    Planted(
        id="a-refusal-silences-what-is-subscribed",
        check=ONE,
        patch=_copies(0, lambda past: past.did("subscribe:this refused")),
        least=_session(
            _do("subscribe", channel=0),
            _do("refused", which="too long"),
        ),
    ),
    Planted(
        id="after-two-refusals-nothing-is-joined",
        check=ONE,
        patch=_copies(0, lambda past: past.did("refused refused subscribe:this")),
        least=_session(
            _do("refused", which="too long"),
            _do("refused", which="too long"),
            _do("subscribe", channel=0),
        ),
    ),
    Planted(
        id="a-publisher-joins-its-second-channel",
        check=ONE,
        patch=_overhears(lambda past: past.did("subscribe:other publish:this")),
        least=_session(
            _do("subscribe", channel=1),
            _do("publish_itself", channel=0),
        ),
    ),
    Planted(
        id="a-channel-heard-twice-cannot-be-left",
        check=ONE,
        patch=_overhears(lambda past: past.did("subscribe:this heard:this heard:this unsubscribe:this")),
        least=_session(
            _do("subscribe", channel=0),
            _do("publish", channel=0),
            _do("publish", channel=0),
            _do("unsubscribe", channel=0),
        ),
    ),
    # -- two connections
    Planted(
        id="who-leaves-takes-the-other-along",
        check=TWO,
        patch=_copies(0, lambda past: past.another_did("subscribe:this unsubscribe:this")),
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("subscribe", seat=1, channel=0),
            _do("unsubscribe", seat=1, channel=0),
        ),
    ),
    Planted(
        id="a-publisher-in-company-does-not-hear-itself",
        check=TWO,
        patch=_copies(0, lambda past: past.own[-1] == ("publish", past.this) and past.another_did("subscribe:this")),
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("subscribe", seat=1, channel=0),
            _do("publish_itself", seat=0, channel=0),
        ),
    ),
    Planted(
        id="the-index-of-channels-is-shared",
        check=TWO,
        patch=_copies(
            0,
            lambda past: (
                past.did("subscribe:this")
                and past.did("subscribe:other")
                and past.another_did("subscribe:other unsubscribe:other")
            ),
        ),
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("subscribe", seat=0, channel=1),
            _do("subscribe", seat=1, channel=1),
            _do("unsubscribe", seat=1, channel=1),
        ),
    ),
    Planted(
        id="two-publishers-are-heard-twice",
        check=TWO,
        patch=_copies(2, lambda past: past.did("publish:this") and past.another_did("publish:this")),
        # The last publication of every session is that of another connection.
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("publish_itself", seat=0, channel=0),
        ),
    ),
    # -- connections that were lost
    Planted(
        id="a-new-connection-hears-what-a-lost-one-asked-for",
        check=LOST,
        patch=_overhears(lambda past: past.lost_did("subscribe:this")),
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("lose", seat=0, close_frame=False),
            _do("unsubscribe", seat=0, channel=1),
        ),
    ),
    Planted(
        id="a-lost-connection-occupies-its-channel",
        check=LOST,
        patch=lambda parts: remembering(
            parts,
            answers=lambda kind, past: (
                ErrorCode.ALREADY_SUBSCRIBED if kind == "subscribe" and past.lost_did("subscribe:this") else None
            ),
        ),
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("lose", seat=0, close_frame=False),
            _do("subscribe", seat=0, channel=0),
        ),
    ),
    Planted(
        id="the-second-return-is-silent",
        check=LOST,
        patch=_copies(0, lambda past: past.lost_did("subscribe:this", times=2)),
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("lose", seat=0, close_frame=False),
            _do("subscribe", seat=0, channel=0),
            _do("lose", seat=0, close_frame=False),
            _do("subscribe", seat=0, channel=0),
        ),
    ),
    Planted(
        id="what-a-lost-connection-had-left-comes-twice",
        check=LOST,
        patch=_copies(2, lambda past: past.lost_did("subscribe:this unsubscribe:this")),
        # Before its fault a connection leaves channel 0.
        least=_session(
            _do("subscribe", seat=0, channel=0),
            _do("misuse", seat=0, text="[]"),
            _do("subscribe", seat=0, channel=0),
        ),
    ),
    # -- values
    Planted(
        id="of-five-subscribes-in-a-message-one-is-refused",
        check="sub.subscribes_sent_together_are_all_answered",
        patch=lambda parts: remembering(
            parts,
            answers=lambda kind, past: (
                ErrorCode.LIMIT_EXCEEDED if kind == "subscribe" and past.is_of_message(5) else None
            ),
        ),
        least={"count": 5},
    ),
    Planted(
        id="of-four-duplicates-one-is-accepted",
        check="sub.of_subscribes_sent_together_one_succeeds",
        patch=lambda parts: remembering(
            parts,
            answers=lambda kind, past: True if kind == "subscribe" and past.is_of_message(4) else None,
        ),
        least={"count": 4},
    ),
    Planted(
        id="a-channel-left-three-times-stays-silent",
        check="sub.subscribing_again_receives_again",
        patch=_copies(0, lambda past: past.did("unsubscribe:this unsubscribe:this unsubscribe:this")),
        least={"rounds": 3},
    ),
    Planted(
        id="the-seventeenth-command-of-a-message-is-dropped",
        check="wire.every_command_of_a_batch_is_answered",
        patch=lambda parts: reads(parts, _keeps_sixteen),
        least={"count": 17},
    ),
    Planted(
        id="lists-end-at-their-second-element",
        check="wire.a_payload_arrives_with_the_same_value",
        patch=lambda parts: writes_json(parts, _shortens_lists),
        least={"payloads": [[None, None, None]]},
    ),
)
"""Thirty of them."""
