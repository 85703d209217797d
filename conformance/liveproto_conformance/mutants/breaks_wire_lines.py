"""Mutants of WIRE: lines that can and cannot be read, and the ids of commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from liveproto.session.monitor.raw import as_object
from liveproto.session.server import ServerProtocol
from liveproto.session.states import ServerInput
from liveproto.wire import json_v2
from liveproto.wire import messages as m
from liveproto.wire.codes import INAPPROPRIATE_PROTOCOL, ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import (
    BROKEN_LINE,
    JsonObject,
    closes,
    closes_with,
    ignores,
    member,
    reads,
    reads_json,
    reads_lines,
    refuses,
    with_limits,
    writes_json,
)
from liveproto_conformance.mutants.registry import mutant
from liveproto_conformance.reference.server import Connection
from liveproto_conformance.session import dumps

if TYPE_CHECKING:
    from liveproto_conformance.reference.server import Parts

_REQUESTS: Final = frozenset(m.REQUEST_FIELDS.values())
_MAX_INT32: Final = 2**31 - 1


@mutant(
    "GL-WIRE-013",
    "GL-WIRE-014",
    "GL-WIRE-015",
    "GL-WIRE-036",
    must_fail=(
        "wire.a_line_that_is_not_json_is_refused",
        "wire.a_line_that_is_no_object_is_refused",
        "wire.a_request_of_a_wrong_type_is_refused",
        "wire.an_illegal_id_is_refused",
    ),
    why="what cannot be read is logged and ignored",
)
def unreadable_messages_are_ignored(parts: Parts) -> Parts:
    return ignores(parts, ServerInput.UNDECODABLE)


@mutant(
    "GL-WIRE-013",
    "GL-WIRE-014",
    "GL-WIRE-033",
    must_fail=(
        "wire.a_line_that_is_not_json_is_refused",
        "wire.a_line_that_is_no_object_is_refused",
        "wire.what_follows_a_value_on_its_line_is_ignored_or_refused",
    ),
    why="what cannot be read is taken for another protocol",
)
def unreadable_messages_close_with_3506(parts: Parts) -> Parts:
    return closes(parts, ServerInput.UNDECODABLE, INAPPROPRIATE_PROTOCOL)


def _bad_lines_last(text: str) -> str:
    return "\n".join(
        sorted(text.split("\n"), key=lambda line: json_v2.decode_commands(line.encode()).fault is not None)
    )


@mutant(
    "GL-WIRE-013",
    "GL-CODE-008",
    must_fail=("wire.commands_after_a_broken_line_have_no_effect", "wire.commands_before_a_broken_line_are_answered"),
    why="all lines are read before the fault of one is looked at",
)
def commands_after_a_broken_line_are_executed(parts: Parts) -> Parts:
    return reads(parts, _bad_lines_last)


def _whole_or_nothing(text: str) -> str:
    broken = json_v2.decode_commands(text.encode("utf-8", "surrogatepass")).fault is not None
    return BROKEN_LINE if broken else text


@mutant(
    "GL-WIRE-012",
    "GL-WIRE-013",
    must_fail=("wire.commands_before_a_broken_line_are_answered", "wire.a_second_trailing_newline_is_refused"),
    why="a batch is read as a whole before its first command is executed",
)
def a_broken_line_spoils_its_batch(parts: Parts) -> Parts:
    return reads(parts, _whole_or_nothing)


def _numbers_are_heartbeats(line: str) -> str:
    return '{"id":1,"unsubscribe":{"channel":"x"}}' if line.strip().isdigit() else line


@mutant(
    "GL-WIRE-014",
    must_fail="wire.a_line_that_is_no_object_is_refused",
    why="a bare number is taken for the heartbeat of an older client",
)
def numbers_are_heartbeats(parts: Parts) -> Parts:
    return reads_lines(parts, _numbers_are_heartbeats)


def _coerced(command: JsonObject) -> JsonObject:
    for kind in _REQUESTS & command.keys() - {"connect"}:
        body = as_object(command[kind])
        if body is not None:
            texts = {key: str(body[key]) for key in ("channel", "token") if body.get(key) is not None}
            command[kind] = {**texts, **{key: body[key] for key in ("data", "method") if key in body}}
        elif command[kind] is not None:
            command[kind] = {"channel": str(command[kind])}
    return command


@mutant(
    "GL-WIRE-015",
    must_fail=(
        "wire.a_request_of_a_wrong_type_is_refused",
        "wire.a_channel_of_a_wrong_type_is_refused",
        "wire.an_optional_field_of_a_wrong_type_is_refused",
    ),
    why="the language makes text of whatever stands where text should",
)
def types_are_coerced(parts: Parts) -> Parts:
    return reads_json(parts, _coerced)


@mutant(
    "GL-WIRE-016",
    must_fail="wire.unknown_keys_are_ignored",
    why="the decoder is told to refuse unknown fields",
)
def unknown_keys_are_refused(parts: Parts) -> Parts:
    return reads_json(parts, lambda command: command if command.keys() <= _REQUESTS | {"id"} else None)


@mutant(
    "GL-WIRE-017",
    must_fail="wire.a_request_that_is_null_counts_as_absent",
    why="whether a request is there is asked by its key and not by its value",
)
def a_null_request_is_an_empty_one(parts: Parts) -> Parts:
    return reads_json(
        parts, lambda command: {key: {} if value is None and key != "id" else value for key, value in command.items()}
    )


def _no_nulls(command: JsonObject) -> JsonObject | None:
    fields = [field for kind in command for field in member(command, kind).items()]
    return None if any(value is None and key != "data" for key, value in fields) else command


@mutant(
    "GL-WIRE-018",
    must_fail="wire.a_field_that_is_null_counts_as_absent",
    why="null is no text, and so of the wrong type",
)
def null_fields_are_refused(parts: Parts) -> Parts:
    return reads_json(parts, _no_nulls)


def _one_request_each(line: str) -> str:
    command = _object(line)
    kinds = _REQUESTS & command.keys()
    return line if len(kinds) < 2 else "\n".join(dumps({"id": command["id"], kind: command[kind]}) for kind in kinds)


def _object(line: str) -> JsonObject:
    try:
        return as_object(json.loads(line)) or {}
    except ValueError:
        return {}


@mutant(
    "GL-WIRE-019",
    must_fail="wire.a_command_with_two_requests_is_answered_once",
    why="each request that is there is handled",
)
def two_requests_are_answered_twice(parts: Parts) -> Parts:
    return reads_lines(parts, _one_request_each)


@mutant(
    "GL-WIRE-020",
    must_fail="wire.white_space_around_commands_is_accepted",
    why="a line is recognised by its first character",
)
def lines_must_begin_with_a_brace(parts: Parts) -> Parts:
    return reads_lines(parts, lambda line: BROKEN_LINE if line[:1].isspace() else line)


@mutant(
    "GL-WIRE-021",
    must_fail="wire.a_payload_outside_the_json_grammar_is_refused",
    why="the parser of the language also reads NaN and Infinity",
)
def nan_and_infinity_are_read(parts: Parts) -> Parts:
    return reads_json(parts, lambda command: command, lambda line: json.loads(line, parse_constant=lambda _: None))


@mutant(
    "GL-WIRE-022",
    must_fail=("wire.a_payload_arrives_with_the_same_value", "wire.numbers_keep_what_their_text_says"),
    why="numbers are read into a double, as in JavaScript",
)
def numbers_are_doubles(parts: Parts) -> Parts:
    return reads_json(
        parts, lambda command: command, lambda line: json.loads(line, parse_int=lambda text: int(float(text)))
    )


@mutant(
    "GL-WIRE-022",
    must_fail=("wire.a_payload_arrives_with_the_same_value", "wire.numbers_keep_what_their_text_says"),
    why="the payload is decoded and encoded again, where 1.0 is 1",
)
def whole_floats_become_integers(parts: Parts) -> Parts:
    def number(text: str) -> float:
        return int(float(text)) if float(text).is_integer() else float(text)

    return reads_json(parts, lambda command: command, lambda line: json.loads(line, parse_float=number))


class _TextOnly(ServerProtocol):
    def receive_batch(self, data: str | bytes, *, now: float) -> None:
        if isinstance(data, str):
            super().receive_batch(data, now=now)


@mutant(
    "GL-WIRE-024",
    must_fail="wire.a_binary_message_is_read_or_refused",
    why="binary messages are neither read nor refused",
)
def binary_messages_are_ignored(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_TextOnly)


@mutant(
    "GL-WIRE-025",
    must_fail="wire.a_message_of_exactly_the_limit_is_accepted",
    why="the limit is compared with the wrong sign of equality",
)
def a_message_of_the_limit_is_too_large(parts: Parts) -> Parts:
    return with_limits(parts, lambda limits: attrs.evolve(limits, message_bytes=(limits.message_bytes or 0) - 1))


@mutant(
    "GL-WIRE-025",
    must_fail="wire.a_message_over_the_limit_is_closed_and_not_answered",
    why="the limit is configured and not enforced",
)
def messages_have_no_limit(parts: Parts) -> Parts:
    return with_limits(parts, lambda limits: attrs.evolve(limits, message_bytes=None))


@mutant(
    "GL-WIRE-025",
    must_fail="wire.a_message_over_the_limit_is_closed_and_not_answered",
    why="a message too large is one more bad request",
)
def a_message_too_large_is_a_bad_request(parts: Parts) -> Parts:
    return closes_with(parts, lambda close: attrs.evolve(close, code=3501) if close.code == 1009 else close)


def _values(text: str) -> str:
    lines: list[str] = []
    while rest := text.strip():
        try:
            value, end = json.JSONDecoder().raw_decode(rest)
        except ValueError:
            return "\n".join([*lines, BROKEN_LINE])
        lines.append(dumps(value))
        text = rest[end:]
    return "\n".join(lines)


@mutant(
    "GL-WIRE-012",
    "GL-WIRE-032",
    must_fail=(
        "wire.a_raw_newline_inside_a_command_ends_it",
        "wire.a_leading_blank_line_is_refused",
        "wire.a_blank_line_inside_a_batch_ends_it",
    ),
    why="a message is read as a stream of values, with any white space between and inside them",
)
def a_message_is_a_stream_of_values(parts: Parts) -> Parts:
    return reads(parts, _values)


# -- ids ---------------------------------------------------------------------------------------------------------------


class _Counting(ServerProtocol):
    _count = 0

    def _send(self, reply: m.Reply) -> None:
        if reply.push is None:
            self._count += 1
            reply = msgspec.structs.replace(reply, id=self._count)
        super()._send(reply)


@mutant(
    "GL-WIRE-034",
    "GL-WIRE-035",
    "GL-WIRE-037",
    must_fail=(
        "wire.an_id_is_echoed_unchanged",
        "wire.ids_may_be_used_again_and_fall",
        "passive.replies_have_ids_of_commands",
    ),
    why="the server counts along instead of echoing, which looks right with one client library",
)
def replies_are_counted(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Counting)


def _as_int32(line: JsonObject) -> None:
    if line.get("id", 0) > _MAX_INT32:
        line["id"] -= 2**32


@mutant(
    "GL-WIRE-034",
    "GL-WIRE-035",
    must_fail=("wire.an_id_is_echoed_unchanged", "passive.replies_have_ids_of_commands"),
    why="ids are kept in a signed integer of 32 bits",
)
def ids_are_signed(parts: Parts) -> Parts:
    return writes_json(parts, _as_int32)


def _readable_id(command: JsonObject) -> JsonObject:
    id_ = command.get("id")
    if isinstance(id_, str | float | bool):
        command["id"] = int(float(id_)) if str(id_).replace(".", "", 1).isdigit() else id_
    return command


@mutant(
    "GL-WIRE-036",
    must_fail="wire.an_illegal_id_is_refused",
    why="the id is read by the function that reads any number",
)
def ids_are_coerced(parts: Parts) -> Parts:
    return reads_json(parts, _readable_id)


class _Growing(ServerProtocol):
    _last = 0

    def _classify(self, command: m.Command) -> ServerInput:
        again = 0 < command.id <= self._last
        self._last = max(self._last, command.id)
        return ServerInput.UNKNOWN if again else super()._classify(command)


@mutant(
    "GL-WIRE-037",
    must_fail=("wire.ids_may_be_used_again_and_fall", "wire.commands_of_one_id_in_a_batch_are_each_answered"),
    why="ids are expected to grow, as those of the usual client do",
)
def ids_must_grow(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Growing)


@mutant(
    "GL-WIRE-038",
    must_fail="wire.a_command_without_id_is_refused",
    why="a command without id is executed as one that wants no answer",
)
def commands_without_id_are_accepted(parts: Parts) -> Parts:
    return ignores(parts, ServerInput.WITHOUT_ID)


@mutant(
    "GL-WIRE-043",
    "GL-WIRE-017",
    "GL-CMD-009",
    "GL-CODE-015",
    must_fail=(
        "wire.a_command_without_known_request_is_refused",
        "wire.a_request_that_is_null_counts_as_absent",
        "cmd.a_ping_command_is_refused",
        "code.a_command_closed_for_its_fault_gets_no_reply",
    ),
    why="a request that is not known is answered with method not found",
)
def an_unknown_request_is_an_error(parts: Parts) -> Parts:
    return refuses(parts, ServerInput.UNKNOWN, ErrorCode.METHOD_NOT_FOUND)


class _Repeating(ServerProtocol):
    def _send(self, reply: m.Reply) -> None:
        super()._send(reply)
        if reply.subscribe is not None:
            super()._send(reply)


@mutant(
    "GL-WIRE-044",
    must_fail=("wire.each_command_is_answered_exactly_once", "passive.no_command_is_answered_twice"),
    why="handler and middleware both write the reply",
)
def a_subscribe_is_answered_twice(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Repeating)


class _Dropping(ServerProtocol):
    _last: m.Error | None = None

    def _send(self, reply: m.Reply) -> None:
        repeated = reply.error == self._last == protocol_error(ErrorCode.ALREADY_SUBSCRIBED)
        self._last = reply.error
        if not repeated:
            super()._send(reply)


@mutant(
    "GL-WIRE-044",
    must_fail="wire.each_command_is_answered_exactly_once",
    why="of equal errors in a row one is enough",
)
def an_error_is_not_repeated(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Dropping)


class _Fragile(Connection):
    def deliver(self, channel: str, line: bytes) -> None:
        self.machine.push_line(channel, line)
        self._wake.set()


@mutant(
    "GL-WIRE-044",
    must_fail="wire.each_command_is_answered_exactly_once",
    why="a publication for a channel that a later command of the batch has left raises, and nobody catches it",
)
def a_late_publication_breaks_the_connection(parts: Parts) -> Parts:
    return attrs.evolve(parts, connection=_Fragile)


def _both_ids(pairs: list[tuple[str, Any]]) -> JsonObject:
    ids = [value for key, value in pairs if key == "id"]
    return {**dict(pairs), **({"ids": ids} if len(ids) > 1 else {})}


def _for_each_id(line: str) -> str:
    try:
        command = json.loads(line, object_pairs_hook=_both_ids)
    except ValueError:
        return line
    ids: list[int] = (as_object(command) or {}).get("ids", [])
    return "\n".join(dumps({**command, "id": id_}) for id_ in ids) if ids else line


@mutant(
    "GL-WIRE-046",
    must_fail="wire.a_repeated_key_is_read_as_one_of_its_values_or_refused",
    why="a streaming decoder starts a command at each id",
)
def a_repeated_id_is_answered_twice(parts: Parts) -> Parts:
    return reads_lines(parts, _for_each_id)
