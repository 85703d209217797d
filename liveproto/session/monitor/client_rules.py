"""The rules that a client's messages must keep, and what of them a server has to close the connection for.

Theory. Each line is classified into at most one fault: data in ``FAULTS`` names the rule it breaks, and the rule by
which the server must close, if there is one.

Not here: what a client leaves undone (``waits``).
Sources: SPEC.md, each rule under its id.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.session.monitor.findings import Findings, Side
from liveproto.session.monitor.ledger import Fault, Ledger
from liveproto.session.monitor.raw import (
    NOT_UTF8,
    REQUESTS,
    Json,
    Line,
    as_object,
    canonical,
    count_keys,
    is_whole_number,
    read_line,
    split_lines,
)
from liveproto.wire import json_v2

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_ID: Final = 2**32 - 1
_PLAIN: Final = frozenset(
    {"connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "rpc"}
)
_PLAIN_FIELDS: Final = frozenset({"channel", "data", "method", "name", "version", "flag"})
_UNSURE: Final = re.compile(r"at `\$\.(subscribe\.(flag|delta)|connect\.headers)\b|surrogate")
"""Fields that older servers do not know, and text that some put right."""


class Misuse(enum.Enum):
    """What can be wrong with a line of a client."""

    EMPTY = "a message that is empty"
    WHITE_SPACE = "a message of white space"
    BLANK = "a blank line"
    NOT_JSON = "a line that is not JSON"
    NOT_UTF8 = "a line that is not UTF-8"
    REST = "more behind the value of a line"
    NOT_AN_OBJECT = "a line that is not an object"
    NOT_CONNECT = "another command before connect"
    CONNECT_AGAIN = "a second connect"
    CONNECT_WITHOUT_ID = "a connect without id"
    BAD_ID = "an id that is not a whole number from 1 to 4294967295"
    NO_ID = "a command without id"
    NO_REQUEST = "a command without a known request"
    BAD_FIELD = "a field of the wrong type"
    UNSURE_FIELD = "a field that not every server reads as wrong"
    NO_CHANNEL_SUBSCRIBE = "a subscribe without channel"
    NO_CHANNEL_UNSUBSCRIBE = "an unsubscribe without channel"
    NO_CHANNEL_PUBLISH = "a publish without channel"
    NO_CHANNEL_LOOKUP = "a request without channel"
    PONG_UNASKED = "a pong that no ping asked for"
    PONG_UNWANTED = "a pong though the connect result asked for none"


@attrs.frozen
class Rule:
    """The rule a client breaks with a line, and the one by which the server must close then."""

    broken: str
    closes: str | None


FAULTS: Final[Mapping[Misuse, Rule]] = {
    Misuse.EMPTY: Rule("GL-WIRE-028", "GL-WIRE-010"),
    Misuse.WHITE_SPACE: Rule("GL-WIRE-028", "GL-WIRE-011"),
    Misuse.BLANK: Rule("GL-WIRE-028", "GL-WIRE-012"),
    Misuse.NOT_JSON: Rule("GL-WIRE-028", "GL-WIRE-013"),
    # A server may read it all the same.
    Misuse.NOT_UTF8: Rule("GL-WIRE-028", None),
    Misuse.REST: Rule("GL-WIRE-028", None),
    Misuse.NOT_AN_OBJECT: Rule("GL-WIRE-028", "GL-WIRE-014"),
    Misuse.NOT_CONNECT: Rule("GL-CONN-002", "GL-CONN-002"),
    Misuse.CONNECT_AGAIN: Rule("GL-CONN-004", "GL-CONN-004"),
    Misuse.CONNECT_WITHOUT_ID: Rule("GL-CONN-005", "GL-CONN-005"),
    Misuse.BAD_ID: Rule("GL-WIRE-039", "GL-WIRE-036"),
    # A server may take it for the pong that is due.
    Misuse.NO_ID: Rule("GL-WIRE-039", None),
    Misuse.NO_REQUEST: Rule("GL-WIRE-043", "GL-WIRE-043"),
    Misuse.BAD_FIELD: Rule("GL-WIRE-015", "GL-WIRE-015"),
    Misuse.UNSURE_FIELD: Rule("GL-WIRE-015", None),
    Misuse.NO_CHANNEL_SUBSCRIBE: Rule("GL-SUB-002", "GL-SUB-002"),
    Misuse.NO_CHANNEL_UNSUBSCRIBE: Rule("GL-SUB-012", "GL-SUB-012"),
    Misuse.NO_CHANNEL_PUBLISH: Rule("GL-PUB-003", "GL-PUB-003"),
    Misuse.NO_CHANNEL_LOOKUP: Rule("GL-CMD-005", None),
    Misuse.PONG_UNASKED: Rule("GL-PING-011", "GL-PING-004"),
    Misuse.PONG_UNWANTED: Rule("GL-PING-011", None),
}
_NEEDS_CHANNEL: Final[Mapping[str, Misuse]] = {
    "subscribe": Misuse.NO_CHANNEL_SUBSCRIBE,
    "unsubscribe": Misuse.NO_CHANNEL_UNSUBSCRIBE,
    "publish": Misuse.NO_CHANNEL_PUBLISH,
    "presence": Misuse.NO_CHANNEL_LOOKUP,
    "presence_stats": Misuse.NO_CHANNEL_LOOKUP,
    "history": Misuse.NO_CHANNEL_LOOKUP,
}


class ClientRules:
    """Judges what the client of one connection sends."""

    def __init__(self, ledger: Ledger, findings: Findings) -> None:
        self._ledger = ledger
        self._findings = findings

    def message(self, data: bytes, *, binary: bool, now: float) -> None:
        """Judge a message, and enter its commands into the ledger."""
        if binary:
            self._ledger.deviates()
        for number, raw in enumerate(split_lines(data)):
            self._findings.line = number
            line = read_line(raw)
            value = canonical(line.object or {})
            ambiguous = is_ambiguous(line, value)
            misuse = misuse_of_text(line, data) or misuse_of_value(line, value, self._ledger, ambiguous=ambiguous)
            if misuse is not None:
                self._misused(misuse, line, now)
            for requirement in ("GL-WIRE-028", "GL-WIRE-039", "GL-PING-011"):
                self._findings.triggers[requirement] += misuse is None or FAULTS[misuse].broken != requirement
            if line.object is not None:
                if not is_plain(line):
                    self._ledger.deviates()
                self._enter(value, now, ambiguous=ambiguous)

    def _misused(self, misuse: Misuse, line: Line, now: float) -> None:
        rule = FAULTS[misuse]
        text = f"expected none of it, got {misuse.value}: {line.raw[:80]!r}"
        self._findings.require(rule.broken, Side.CLIENT, holds=False, text=text)
        ledger = self._ledger
        ledger.deviates()
        ledger.misused = True
        if rule.closes is not None and ledger.fault is None and not ledger.refused:
            ledger.fault = Fault(rule.closes, ledger.order + (misuse in _WITH_COMMAND), now)

    def _enter(self, value: dict[str, Json], now: float, *, ambiguous: bool) -> None:
        ledger = self._ledger
        if not value:
            ledger.pings_unanswered = max(0, ledger.pings_unanswered - 1)
            ledger.last_pong_at = now
            return
        id_ = value.get("id")
        self._id_in_use(id_)
        command = ledger.take_command(value, now, ambiguous=ambiguous)
        # Servers that know a pong by its missing id take this for one.
        ledger.may_have_ponged |= ambiguous or not (id_ or "send" in command.kinds)
        ledger.connect_sent |= "connect" in command.kinds

    def _id_in_use(self, id_: Json) -> None:
        if is_whole_number(id_):
            text = f"expected an id that no command waits with, got {id_}"
            self._findings.require("GL-WIRE-039", Side.CLIENT, self._ledger.is_free(id_), text, "/id")


_WITH_COMMAND: Final = frozenset(
    set(Misuse)
    - {Misuse.EMPTY, Misuse.WHITE_SPACE, Misuse.BLANK, Misuse.NOT_JSON, Misuse.NOT_AN_OBJECT}
    - {Misuse.PONG_UNASKED, Misuse.PONG_UNWANTED}
)
"""Misuses by a line that is entered as a command."""


def misuse_of_text(line: Line, message: bytes) -> Misuse | None:
    """Classify a line that cannot be read as one command."""
    if not line.raw.strip():
        return _misuse_of_blank(message)
    if line.fault is not None:
        return Misuse.NOT_UTF8 if line.fault == NOT_UTF8 else Misuse.NOT_JSON
    if line.object is None:
        return Misuse.NOT_AN_OBJECT
    return Misuse.REST if line.rest else None


def _misuse_of_blank(message: bytes) -> Misuse:
    if not message:
        return Misuse.EMPTY
    return Misuse.BLANK if message.strip() else Misuse.WHITE_SPACE


def misuse_of_value(line: Line, value: dict[str, Json], ledger: Ledger, *, ambiguous: bool) -> Misuse | None:
    """Classify a command, whose canonical form is given too, by its fields and by what was sent before."""
    if not value:
        return _misuse_of_pong(ledger)
    if ambiguous:
        return None
    kinds = [kind for kind in REQUESTS & value.keys() if value[kind] is not None]
    if (misuse := _misuse_of_order(kinds, ledger) or _misuse_of_id(value.get("id"), kinds)) is not None:
        return misuse
    if not kinds:
        return Misuse.NO_REQUEST
    if (fault := json_v2.decode_commands(line.raw).fault) is not None:
        return Misuse.UNSURE_FIELD if _UNSURE.search(fault.reason) else Misuse.BAD_FIELD
    # Of several requests it is the server's choice which one counts.
    return None if len(kinds) > 1 or value[kinds[0]].get("channel") else _NEEDS_CHANNEL.get(kinds[0])


def _misuse_of_pong(ledger: Ledger) -> Misuse | None:
    if not ledger.connect_sent:
        return Misuse.NOT_CONNECT
    if ledger.connect_result is not None and not ledger.expects_pongs:
        return Misuse.PONG_UNWANTED
    return None if ledger.pings_unanswered else Misuse.PONG_UNASKED


def _misuse_of_order(kinds: list[str], ledger: Ledger) -> Misuse | None:
    if "connect" in kinds:
        return Misuse.CONNECT_AGAIN if ledger.connect_sent and len(kinds) == 1 else None
    return None if ledger.connect_sent else Misuse.NOT_CONNECT


def _misuse_of_id(id_: Json, kinds: list[str]) -> Misuse | None:
    if id_ is None or (is_whole_number(id_) and id_ == 0):
        if kinds == ["send"]:
            return None
        return Misuse.CONNECT_WITHOUT_ID if kinds == ["connect"] else Misuse.NO_ID
    return None if is_whole_number(id_) and 0 < id_ <= _MAX_ID else Misuse.BAD_ID


def is_ambiguous(line: Line, value: dict[str, Json]) -> bool:
    """Tell whether servers differ in which request, id or channel a command has: some key is repeated (GL-WIRE-046).

    Args:
        line: as it came.
        value: its canonical form.
    """
    return line.repeats_command_key or count_keys(value) < count_keys(line.object or {})


def is_plain(line: Line) -> bool:
    """Tell whether a line is a pong or one command that every server takes as it is meant."""
    value = line.object or {}
    if line.rest or line.repeats_key or not value.keys() <= {"id", *_PLAIN}:
        return False
    requests = {kind: as_object(value[kind]) for kind in value if kind != "id"}
    if "publish" in requests and "data" not in (requests["publish"] or {}):
        return False
    known = all(request is not None and request.keys() <= _PLAIN_FIELDS for request in requests.values())
    return known and len(requests) == bool(value)
