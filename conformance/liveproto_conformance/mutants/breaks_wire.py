"""Mutants of WIRE: the handshake, messages, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from liveproto.wire import messages as m
from liveproto_conformance.mutants.patches import capable, member, reads, writes, writes_json, writes_messages
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from liveproto_conformance.reference.server import Parts

_DIALECT: Final = "centrifuge-json"
_BATCHES: Final = "wire.every_command_of_a_batch_is_answered"


@mutant(
    "GL-WIRE-001",
    "GL-CONN-001",
    must_fail=("wire.a_handshake_without_subprotocol_speaks_json", "conn.connect_is_answered_with_a_client"),
    why="without subprotocol the dialect of old clients is spoken",
)
def without_subprotocol_v1_is_spoken(parts: Parts) -> Parts:
    return writes(parts, lambda line: line.replace(b'"connect":', b'"result":', 1))


class _Anything(tuple[str, ...]):
    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


@mutant(
    "GL-WIRE-002",
    must_fail="wire.an_unknown_subprotocol_is_not_selected",
    why="the first subprotocol that is offered is selected",
)
def the_first_subprotocol_is_selected(parts: Parts) -> Parts:
    return attrs.evolve(parts, subprotocols=_Anything((_DIALECT,)))


@mutant(
    "GL-WIRE-003",
    must_fail="wire.centrifuge_json_is_selected",
    why="subprotocols are not looked at",
)
def no_subprotocol_is_selected(parts: Parts) -> Parts:
    return attrs.evolve(parts, subprotocols=())


@mutant(
    "GL-WIRE-004",
    must_fail="passive.messages_are_text",
    why="bytes are given to a library that makes binary messages of them",
)
def messages_are_binary(parts: Parts) -> Parts:
    return writes_messages(parts, bytes, binary=True)


@mutant(
    "GL-WIRE-005",
    "GL-WIRE-037",
    must_fail=(
        "wire.every_command_of_a_batch_is_answered",
        "wire.commands_of_one_id_in_a_batch_are_each_answered",
    ),
    why="a message is taken for one command",
)
def only_the_first_of_a_batch_is_read(parts: Parts) -> Parts:
    return reads(parts, lambda text: text if '"connect"' in text else text.split("\n")[0])


@mutant(
    "GL-WIRE-005",
    must_fail="wire.a_batch_takes_effect_in_its_order",
    why="unsubscribes are handled at once, other commands are queued",
)
def unsubscribes_jump_the_queue(parts: Parts) -> Parts:
    return reads(parts, lambda text: "\n".join(sorted(text.split("\n"), key=lambda line: '"unsubscribe"' not in line)))


@mutant(
    "GL-WIRE-006",
    must_fail="wire.one_trailing_newline_is_accepted",
    why="the batch is split at newlines and its last, empty part is read as a command",
)
def a_trailing_newline_is_a_blank_line(parts: Parts) -> Parts:
    return reads(parts, lambda text: text + "\n" if text.endswith("\n") else text)


@mutant(
    "GL-WIRE-007",
    must_fail="passive.messages_have_no_blank_line",
    why="each line brings its newline along, and the join adds another",
    traffic=_BATCHES,
)
def replies_have_blank_lines_between(parts: Parts) -> Parts:
    return writes_messages(parts, lambda data: data.replace(b"\n", b"\n\n"))


@mutant(
    "GL-WIRE-008",
    must_fail="passive.messages_end_with_one_newline_at_most",
    why="encoder and writer both end the message",
)
def messages_end_with_two_newlines(parts: Parts) -> Parts:
    return writes_messages(parts, lambda data: data + b"\n\n")


class _AsPublished(Engine):
    def publish(self, key: Hashable, make_push: Callable[[str], m.Push]) -> None:
        for subscriber, name in list(self._channels.get(key, {}).items()):
            subscriber.deliver(name, msgspec.json.encode(m.Reply(push=make_push(name))))


@mutant(
    "GL-WIRE-009",
    must_fail=(
        "wire.a_publisher_that_writes_newlines_does_not_break_lines",
        "passive.lines_are_not_broken_inside_values",
    ),
    why="the payload is copied as the publisher wrote it",
    settings={"publish_via": "http"},
)
def newlines_of_a_publisher_stay(parts: Parts) -> Parts:
    return attrs.evolve(parts, engine=_AsPublished)


@mutant(
    "GL-WIRE-010",
    "GL-WIRE-011",
    must_fail=("wire.an_empty_message_is_refused", "wire.a_message_of_white_space_is_refused"),
    why="a message without content is harmless, so it is ignored",
)
def blank_messages_are_ignored(parts: Parts) -> Parts:
    return reads(parts, lambda text: text if text.strip() else None)


@mutant(
    "GL-WIRE-012",
    must_fail=(
        "wire.a_leading_blank_line_is_refused",
        "wire.a_blank_line_inside_a_batch_ends_it",
        "wire.a_second_trailing_newline_is_refused",
    ),
    why="blank lines are skipped",
)
def blank_lines_are_skipped(parts: Parts) -> Parts:
    return reads(parts, lambda text: "\n".join(line for line in text.split("\n") if line.strip()))


# -- what is written -------------------------------------------------------------------------------------------------


@mutant(
    "GL-WIRE-026",
    must_fail="passive.fields_that_are_never_left_out_are_there",
    why="every zero is left out, as proto3 does with JSON",
)
def zero_counts_are_left_out(parts: Parts) -> Parts:
    return writes_json(capable(parts), lambda line: member(line, "presence_stats").pop("num_users", None))


@mutant(
    "GL-WIRE-031",
    must_fail="passive.lines_are_objects_of_the_schema",
    why="the version is written as a number",
)
def the_version_is_a_number(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: member(line, "connect").update(version=12.4))


@mutant(
    "GL-WIRE-041",
    must_fail="passive.pushes_have_no_id",
    why="the encoder writes the id always, also where it is zero",
)
def pushes_have_an_id_of_zero(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: line.get("push") and line.update(id=0))


@mutant(
    "GL-WIRE-042",
    must_fail="passive.pushes_have_a_channel_and_one_kind",
    why="the encoder writes kinds that are not set as null",
)
def pushes_have_every_kind(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: line.get("push") and member(line, "push").update(join=None, leave=None))


@mutant(
    "GL-WIRE-045",
    must_fail="passive.replies_have_the_result_of_their_request",
    why="the encoder writes an error that is not set as null",
)
def results_have_an_error_of_null(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: "id" in line and line.setdefault("error", None))
