"""Mutants of CODE: errors and closes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.session.server import ServerProtocol
from liveproto.session.states import ServerInput
from liveproto.wire import messages as m
from liveproto.wire.codes import BAD_REQUEST, CONNECTION_CLOSED, TOO_MANY_ERRORS, Disconnect, ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import closes, closes_with, member, writes_json
from liveproto_conformance.mutants.registry import mutant

if TYPE_CHECKING:
    from liveproto_conformance.reference.server import Parts

_NO_COMMAND: Final = m.Command()
_A_FAULT: Final = "wire.a_leading_blank_line_is_refused"


@mutant(
    "GL-CODE-001",
    must_fail="passive.errors_are_well_formed",
    why="the text of an error is left to the client's own table of codes",
)
def errors_have_no_message(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: member(line, "error").pop("message", None))


@mutant(
    "GL-CODE-001",
    must_fail="passive.errors_are_well_formed",
    why="the encoder writes the flag always, also where it is false",
)
def errors_that_are_not_temporary_say_so(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: member(line, "error").setdefault("temporary", False))


@mutant(
    "GL-CODE-002",
    must_fail="passive.the_right_errors_are_temporary",
    why="every error is marked as temporary, so that clients try again",
)
def every_error_is_temporary(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: "error" in line and member(line, "error").update(temporary=True))


@mutant(
    "GL-CODE-003",
    must_fail="passive.close_reasons_are_plain_text",
    why="the reason is the JSON object of protocol V1",
    traffic=_A_FAULT,
)
def close_reasons_are_json(parts: Parts) -> Parts:
    return closes_with(
        parts, lambda close: attrs.evolve(close, reason=json.dumps({"reason": close.reason, "reconnect": False}))
    )


@mutant(
    "GL-CODE-003",
    must_fail="passive.close_reasons_are_plain_text",
    why="only the code is passed to the library that closes",
    traffic=_A_FAULT,
)
def closes_have_no_reason(parts: Parts) -> Parts:
    return closes_with(parts, lambda close: attrs.evolve(close, reason=""))


@mutant(
    "GL-CODE-004",
    must_fail="passive.close_reasons_are_the_registered_ones",
    why="the reasons are written anew, for people",
    traffic=_A_FAULT,
)
def close_reasons_are_sentences(parts: Parts) -> Parts:
    return closes_with(parts, lambda close: attrs.evolve(close, reason="The request could not be understood."))


class _Announcing(ServerProtocol):
    def _finish(self, disconnect: Disconnect) -> None:
        push = {"push": {"disconnect": {"code": disconnect.code, "reason": disconnect.reason}}}
        self._send_line(json.dumps(push).encode())
        super()._finish(disconnect)


@mutant(
    "GL-CODE-005",
    must_fail="passive.disconnects_are_close_frames",
    why="the push that transports without close frames need is sent on all",
    traffic=_A_FAULT,
)
def disconnects_are_pushed_too(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Announcing)


@mutant(
    "GL-CODE-006",
    "GL-WIRE-012",
    must_fail=("passive.the_local_close_code_is_never_sent", "wire.a_leading_blank_line_is_refused"),
    why="the marker of a closed connection goes through the function that writes close frames",
)
def the_local_marker_is_sent(parts: Parts) -> Parts:
    return closes_with(
        parts, lambda close: attrs.evolve(close, code=CONNECTION_CLOSED.code, reason=CONNECTION_CLOSED.reason)
    )


class _Strict(ServerProtocol):
    def _send(self, reply: m.Reply) -> None:
        super()._send(reply)
        if reply.error is not None:
            self.disconnect(TOO_MANY_ERRORS)


@mutant(
    "GL-CODE-007",
    must_fail="code.an_error_reply_leaves_the_connection_open",
    why="a limit of errors, left at zero, closes after the first",
)
def an_error_closes_the_connection(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Strict)


class _Hasty(ServerProtocol):
    def _finish(self, disconnect: Disconnect) -> None:
        self._lines.clear()
        super()._finish(disconnect)


@mutant(
    "GL-CODE-008",
    "GL-WIRE-012",
    "GL-WIRE-013",
    must_fail=(
        "code.answers_before_a_bad_command_are_sent_before_the_close",
        "wire.commands_before_a_broken_line_are_answered",
        "wire.a_blank_line_inside_a_batch_ends_it",
        "wire.a_second_trailing_newline_is_refused",
    ),
    why="closing overtakes the queue of replies",
)
def a_close_drops_the_queue(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Hasty)


class _Telling(ServerProtocol):
    def _leave(self, _: object, command: m.Command) -> None:
        channel = "" if command.unsubscribe is None else command.unsubscribe.channel
        self._send(m.Reply(push=m.Push(channel=channel, unsubscribe=m.Unsubscribe(code=0, reason="client"))))
        super()._leave(_, command)


@mutant(
    "GL-CODE-012",
    must_fail="passive.unsubscribe_pushes_have_codes_of_their_range",
    why="a client is told of its own unsubscribe, with the internal code of that",
)
def an_unsubscribe_is_pushed_back(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Telling)


class _Explaining(ServerProtocol):
    def _apply(self, input_: ServerInput, command: m.Command = _NO_COMMAND, got: str = "") -> None:
        if (self.state, input_) not in self.transitions and command.id:
            self._send(m.Reply(id=command.id, error=protocol_error(ErrorCode.BAD_REQUEST)))
        super()._apply(input_, command, got)


@mutant(
    "GL-CODE-015",
    must_fail="code.a_command_closed_for_its_fault_gets_no_reply",
    why="the fault is answered with an error and closed as well",
)
def a_fault_is_answered_and_closed(parts: Parts) -> Parts:
    return attrs.evolve(parts, protocol=_Explaining)


@mutant(
    "GL-CODE-016",
    must_fail="passive.plain_commands_are_not_called_a_bad_request",
    why="what the application does not serve goes the way of what cannot be read",
    traffic="cmd.presence_and_history_are_answered",
)
def what_is_not_served_is_a_bad_request(parts: Parts) -> Parts:
    return closes(parts, ServerInput.REQUEST_NOT_AVAILABLE, BAD_REQUEST)
