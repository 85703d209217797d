"""Mutants of CHAN: channel addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
from msgspec import structs

from liveproto.channel import Organisation, PrefixForm, split_prefix
from liveproto.errors import InvalidChannelError
from liveproto.grafana.release import Release
from liveproto.grafana.scopes import INVALID_CHANNEL, NOT_FOUND
from liveproto.wire.codes import ErrorCode, protocol_error
from liveproto_conformance.mutants.patches import decides, member, writes_json
from liveproto_conformance.mutants.registry import mutant

if TYPE_CHECKING:
    from collections.abc import Callable

    from liveproto.grafana.scopes import Act, Granted
    from liveproto.wire import messages as m
    from liveproto_conformance.reference.server import Parts

    Rules = Callable[[str], Granted | m.Error]

_SLASHES: Final = 3
_MAX_BYTES: Final = 160


def _filled(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    return rules(channel + "/x" * max(0, _SLASHES - channel.rstrip("/").count("/")))


@mutant(
    "GL-CHAN-001",
    "GL-CHAN-006",
    must_fail=("chan.a_channel_has_three_parts", "chan.a_grammar_fault_is_answered_with_its_message"),
    why="parts that are missing get a default",
)
def missing_parts_have_a_default(parts: Parts) -> Parts:
    return decides(parts, _filled)


def _identifier(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    names = channel.split("/")[1:3]
    return rules(channel) if all(name[:1].isalpha() for name in names) else INVALID_CHANNEL


@mutant(
    "GL-CHAN-001",
    must_fail="chan.a_channel_of_three_parts_is_accepted",
    why="a namespace must look like an identifier, and begin with a letter",
)
def a_namespace_begins_with_a_letter(parts: Parts) -> Parts:
    return decides(parts, _identifier)


def _with_rules_of(parts: Parts, release: Release) -> Parts:
    def decide(prefixed: str, act: Act, **options: Any) -> Granted | m.Error:  # noqa: ANN401 - those of the rules
        return parts.decide(prefixed, act, **{**options, "release": release})

    return attrs.evolve(parts, decide=decide)


@mutant(
    "GL-CHAN-002",
    must_fail="chan.a_dot_in_the_namespace_is_refused",
    why="the grammar is that of Grafana 12",
    settings={"grafana": "11.6"},
)
def dots_are_accepted_too_early(parts: Parts) -> Parts:
    return _with_rules_of(parts, Release(12, 0))


@mutant(
    "GL-CHAN-003",
    must_fail="chan.a_dot_in_the_namespace_is_accepted",
    why="the grammar is that of Grafana 11",
)
def dots_are_still_refused(parts: Parts) -> Parts:
    return _with_rules_of(parts, Release(11, 6))


def _unicode(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    return rules("".join("x" if letter.isalnum() and not letter.isascii() else letter for letter in channel))


@mutant(
    "GL-CHAN-003",
    "GL-CHAN-004",
    must_fail=(
        "chan.other_characters_in_scope_and_namespace_are_refused",
        "chan.other_characters_in_a_path_are_refused",
    ),
    why=r"the classes are written as \w, which knows the letters of every language",
)
def letters_of_every_language_are_accepted(parts: Parts) -> Parts:
    return decides(parts, _unicode)


def _plain_path(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    path = "/".join(channel.split("/")[3:])
    return INVALID_CHANNEL if set(path) & set("/=") else rules(channel)


@mutant(
    "GL-CHAN-004",
    must_fail="chan.a_path_may_have_slashes_equal_signs_and_dots",
    why="the path has the same class of characters as the namespace",
)
def a_path_is_a_plain_name(parts: Parts) -> Parts:
    return decides(parts, _plain_path)


def _short(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    return INVALID_CHANNEL if len(channel) > _MAX_BYTES else rules(channel)


@mutant(
    "GL-CHAN-005",
    must_fail="chan.a_channel_may_have_160_bytes_beside_its_prefix",
    why="the length is taken with the prefix",
)
def the_prefix_counts_for_the_length(parts: Parts) -> Parts:
    return decides(parts, _short)


def _http(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    answer = rules(channel)
    return structs.replace(INVALID_CHANNEL, message="Bad Request") if answer == INVALID_CHANNEL else answer


@mutant(
    "GL-CHAN-006",
    must_fail="chan.a_grammar_fault_is_answered_with_its_message",
    why="the message is the name of the HTTP status",
)
def a_grammar_fault_is_a_bad_request(parts: Parts) -> Parts:
    return decides(parts, _http)


def _prefixed_with(form: PrefixForm) -> Callable[[str, Act, Rules], Granted | m.Error]:
    prefix = Organisation(1).prefix(form) + "/"

    def decide(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
        return rules(channel) if channel.startswith(prefix) else protocol_error(ErrorCode.INTERNAL)

    return decide


@mutant(
    "GL-CHAN-007",
    must_fail="chan.the_decimal_prefix_is_accepted",
    why="the prefix is that of Grafana 12.4",
    settings={"grafana": "11.6"},
)
def only_namespaces_are_prefixes(parts: Parts) -> Parts:
    return decides(parts, _prefixed_with(PrefixForm.NAMESPACE))


@mutant(
    "GL-CHAN-008",
    must_fail="chan.the_namespace_prefix_is_accepted",
    why="the prefix is that of Grafana 12.3",
)
def only_numbers_are_prefixes(parts: Parts) -> Parts:
    return decides(parts, _prefixed_with(PrefixForm.DECIMAL))


def _prefix_as_grammar(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    try:
        split_prefix(channel)
    except InvalidChannelError:
        return INVALID_CHANNEL
    return rules(channel)


@mutant(
    "GL-CHAN-009",
    must_fail="chan.an_unreadable_prefix_is_a_temporary_error",
    why="the prefix is part of the grammar, and answered like it",
)
def an_unreadable_prefix_breaks_the_grammar(parts: Parts) -> Parts:
    return decides(parts, _prefix_as_grammar)


def _any_organisation(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    foreign = rules(channel) == protocol_error(ErrorCode.PERMISSION_DENIED)
    return rules("default/" + channel.partition("/")[2]) if foreign else rules(channel)


@mutant(
    "GL-CHAN-010",
    must_fail="chan.the_prefix_of_another_organisation_is_denied",
    why="the prefix is taken off and not compared with the user's organisation",
)
def every_organisation_is_ones_own(parts: Parts) -> Parts:
    return decides(parts, _any_organisation)


def _scope_not_found(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    answer = rules(channel)
    known = answer != protocol_error(ErrorCode.INTERNAL)
    return answer if known else NOT_FOUND


@mutant(
    "GL-CHAN-011",
    "GL-CHAN-009",
    must_fail=("chan.an_unknown_scope_is_a_temporary_error", "chan.an_unreadable_prefix_is_a_temporary_error"),
    why="what does not exist is answered as HTTP would",
)
def an_unknown_scope_is_not_found(parts: Parts) -> Parts:
    return decides(parts, _scope_not_found)


@mutant(
    "GL-CHAN-012",
    "GL-SUB-015",
    must_fail=("passive.pushes_name_channels_as_subscribed", "passive.no_publication_is_of_a_channel_not_subscribed"),
    why="the prefix is taken off on the way in and not put back on the way out",
)
def pushes_lack_the_prefix(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: _rename(line, lambda channel: channel.partition("/")[2]))


@mutant(
    "GL-CHAN-012",
    must_fail="passive.pushes_name_channels_as_subscribed",
    why="channels are compared without case, and named in the folded form",
)
def channels_are_folded(parts: Parts) -> Parts:
    return writes_json(parts, lambda line: _rename(line, str.lower))


def _rename(line: dict[str, object], change: Callable[[str], str]) -> None:
    push = member(line, "push")
    if "channel" in push:
        push["channel"] = change(push["channel"])


def _panics(channel: str, _: Act, rules: Rules) -> Granted | m.Error:
    return protocol_error(ErrorCode.INTERNAL) if set(channel) & set("[\\]^`") else rules(channel)


@mutant(
    "GL-CHAN-013",
    must_fail="chan.the_characters_between_z_and_a_are_accepted_or_refused",
    why="the grammar admits them and the store behind it fails",
)
def odd_characters_are_an_internal_error(parts: Parts) -> Parts:
    return decides(parts, _panics)
