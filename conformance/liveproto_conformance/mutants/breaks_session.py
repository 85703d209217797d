"""Mutants of whole sessions: bookkeeping that goes wrong after a while, and what is let pass before connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveproto.session.machine import Transition
from liveproto.session.states import ServerInput, ServerState
from liveproto.wire.codes import ErrorCode
from liveproto_conformance.mutants.memory import remembering
from liveproto_conformance.mutants.patches import ignores, refuses, with_rows
from liveproto_conformance.mutants.registry import mutant

if TYPE_CHECKING:
    from liveproto_conformance.reference.server import Parts


@mutant(
    "GL-SUB-003",
    must_fail="session.commands_are_answered_as_their_channel_stands",
    why="leaving a channel clears the set that duplicates are looked up in",
)
def leaving_another_channel_frees_duplicates(parts: Parts) -> Parts:
    return remembering(
        parts,
        answers=lambda kind, past: (
            True if kind == "subscribe" and past.did("subscribe:this unsubscribe:other subscribe:this") else None
        ),
    )


@mutant(
    "GL-SUB-008",
    must_fail="session.a_connection_hears_what_it_is_subscribed_to",
    why="who comes back is counted twice, and leaves once",
)
def leaving_again_has_no_effect(parts: Parts) -> Parts:
    return remembering(
        parts, overhears=lambda past: past.did("subscribe:this unsubscribe:this subscribe:this unsubscribe:this")
    )


@mutant(
    "GL-SUB-016",
    must_fail="session.two_connections_share_nothing_but_channels",
    why="the hub forgets a channel when the first of its subscribers leaves it",
)
def a_channel_ends_with_its_first_leaver(parts: Parts) -> Parts:
    return remembering(parts, copies=lambda past: int(not past.another_did("subscribe:this unsubscribe:this")))


@mutant(
    "GL-SUB-019",
    must_fail="session.a_lost_connection_takes_its_subscriptions_along",
    why="who comes again is taken for the connection that was lost, whose output nobody reads",
)
def a_returning_connection_hears_nothing(parts: Parts) -> Parts:
    return remembering(parts, copies=lambda past: 0 if past.lost_did("subscribe:this unsubscribe:other") else 1)


@mutant(
    "GL-CONN-002",
    must_fail="session.a_first_command_is_refused_whatever_it_lacks",
    why="a command is looked at before the state of its connection is",
)
def an_incomplete_first_command_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.UNSUBSCRIBE_INCOMPLETE, ErrorCode.BAD_REQUEST, state=ServerState.OPEN)


@mutant(
    "GL-CONN-005",
    must_fail="session.a_late_connect_without_id_is_refused",
    why="a connect on a connection that serves is let pass where nothing waits for its reply",
)
def a_late_connect_without_id_is_ignored(parts: Parts) -> Parts:
    return ignores(parts, ServerInput.CONNECT_WITHOUT_ID)


@mutant(
    "GL-WIRE-025",
    must_fail="session.a_message_over_the_limit_is_closed_before_connect",
    why="the limit of a message is set when the client is known",
)
def messages_are_unlimited_before_connect(parts: Parts) -> Parts:
    row = Transition(ServerState.OPEN, "ignore", "none: a mutant")
    return with_rows(parts, {(ServerState.OPEN, ServerInput.OVERSIZE): row})
