"""Passive rules: what all traffic of all checks must keep. They run last and send nothing."""

from __future__ import annotations

from liveproto_conformance.check import Lane, NotApplicableError, NotExercisedError, check
from liveproto_conformance.failures.failure import EvidenceError
from liveproto_conformance.oracle import Oracle


def _holds(oracle: Oracle, requirement: str) -> None:
    seen = oracle.seen(requirement)
    if not seen.triggers:
        raise NotExercisedError("no traffic of this run concerned it")
    if seen.evidence is not None:
        raise EvidenceError("; ".join(seen.findings), seen.evidence)


def _holds_where_it_occurs(oracle: Oracle, requirement: str, occasion: str) -> None:
    """For rules whose occasion is the target's choice."""
    if not oracle.seen(requirement).triggers:
        raise NotApplicableError(f"the target sent no {occasion}")
    _holds(oracle, requirement)


@check("GL-CHAN-012", lane=Lane.PASSIVE)
def test_pushes_name_channels_as_subscribed(oracle: Oracle) -> None:
    _holds(oracle, "GL-CHAN-012")


@check("GL-WIRE-004", lane=Lane.PASSIVE)
def test_messages_are_text(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-004")


@check("GL-WIRE-007", lane=Lane.PASSIVE)
def test_messages_have_no_blank_line(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-007")


@check("GL-WIRE-008", lane=Lane.PASSIVE)
def test_messages_end_with_one_newline_at_most(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-008")


@check("GL-WIRE-009", lane=Lane.PASSIVE)
def test_lines_are_not_broken_inside_values(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-009")


@check("GL-WIRE-026", lane=Lane.PASSIVE)
def test_fields_that_are_never_left_out_are_there(oracle: Oracle) -> None:
    _holds_where_it_occurs(oracle, "GL-WIRE-026", "record that has such fields")


@check("GL-WIRE-031", lane=Lane.PASSIVE)
def test_lines_are_objects_of_the_schema(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-031")


@check("GL-WIRE-034", lane=Lane.PASSIVE)
def test_replies_have_ids_of_commands(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-034")


@check("GL-WIRE-041", lane=Lane.PASSIVE)
def test_pushes_have_no_id(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-041")


@check("GL-WIRE-042", lane=Lane.PASSIVE)
def test_pushes_have_a_channel_and_one_kind(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-042")


@check("GL-WIRE-044", lane=Lane.PASSIVE)
def test_no_command_is_answered_twice(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-044")


@check("GL-WIRE-045", lane=Lane.PASSIVE)
def test_replies_have_the_result_of_their_request(oracle: Oracle) -> None:
    _holds(oracle, "GL-WIRE-045")


@check("GL-CONN-003", lane=Lane.PASSIVE)
def test_the_connect_reply_is_the_first_line(oracle: Oracle) -> None:
    _holds(oracle, "GL-CONN-003")


@check("GL-SUB-008", lane=Lane.PASSIVE)
def test_no_publication_follows_an_unsubscribe_reply(oracle: Oracle) -> None:
    _holds(oracle, "GL-SUB-008")


@check("GL-SUB-015", lane=Lane.PASSIVE)
def test_no_publication_is_of_a_channel_not_subscribed(oracle: Oracle) -> None:
    _holds(oracle, "GL-SUB-015")


@check("GL-PING-001", lane=Lane.PASSIVE)
def test_pings_are_empty_objects(oracle: Oracle) -> None:
    _holds_where_it_occurs(oracle, "GL-PING-001", "ping")


@check("GL-PING-010", lane=Lane.PASSIVE)
def test_pings_come_only_where_announced(oracle: Oracle) -> None:
    _holds_where_it_occurs(oracle, "GL-PING-010", "ping")


@check("GL-CODE-001", lane=Lane.PASSIVE)
def test_errors_are_well_formed(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-001")


@check("GL-CODE-002", lane=Lane.PASSIVE)
def test_the_right_errors_are_temporary(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-002")


@check("GL-CODE-003", lane=Lane.PASSIVE)
def test_close_reasons_are_plain_text(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-003")


@check("GL-CODE-004", lane=Lane.PASSIVE)
def test_close_reasons_are_the_registered_ones(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-004")


@check("GL-CODE-005", lane=Lane.PASSIVE)
def test_disconnects_are_close_frames(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-005")


@check("GL-CODE-006", lane=Lane.PASSIVE)
def test_the_local_close_code_is_never_sent(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-006")


@check("GL-CODE-012", lane=Lane.PASSIVE)
def test_unsubscribe_pushes_have_codes_of_their_range(oracle: Oracle) -> None:
    _holds_where_it_occurs(oracle, "GL-CODE-012", "unsubscribe push")


@check("GL-CODE-016", lane=Lane.PASSIVE)
def test_plain_commands_are_not_called_a_bad_request(oracle: Oracle) -> None:
    _holds(oracle, "GL-CODE-016")
