"""What a check has found where it failed: what was expected, what came, at which message, after which traffic.

Theory. A check fails with a text, ``expected ..., got ...``, and nothing else: that text is taken apart here, and the
message it speaks of is looked for in the traffic of its execution, of which the last part is kept.
Not here: the rule that was broken, and how it is shown (``card``), saved (``repro``) and run again (``replay``).
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.check import text_of
from liveproto_conformance.traces.trace import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STEPS: Final = "steps"
"""The one value of a check that runs sessions."""
KEPT_EXCHANGES: Final = 200
KEPT_BYTES: Final = 2048
"""Of each payload."""
_BEFORE: Final = 24
_AFTER: Final = 6
_KINDS: Final = frozenset({"text", "binary", "close", "http"})
_COMMAND_ID: Final = re.compile(r"\bid (\d+)")
_RULE: Final = re.compile(r" \((GL-[A-Z]+-\d{3})\)$")
"""How the text of a failure ends that names the rule which was broken."""


@attrs.frozen(kw_only=True)
class Exchange:
    """One message, Close frame or HTTP request or response."""

    time_s: float
    """Since the execution began."""
    connection: int
    """0 is HTTP."""
    message: int
    """Index on its connection, both directions counted together from 0."""
    direction: str
    """``>`` to the target, ``<`` from it."""
    kind: str
    payload: bytes
    """The beginning of it; without secrets in a ``Failure``."""
    size: int


@attrs.frozen(kw_only=True)
class Place:
    """Where in the traffic a failure shows; ``line`` and ``pointer`` where they are known."""

    connection: int
    message: int
    line: int | None = None
    pointer: str | None = None


@attrs.frozen(kw_only=True)
class Failure:
    """What a check has found where it failed."""

    text: str
    expected: str | None
    observed: str | None
    during: str | None
    """The check in whose traffic it was seen, where that is another."""
    place: Place | None
    values: Mapping[str, Any]
    """The least input that shows it; empty where the check makes its own."""
    traffic: tuple[Exchange, ...]


class Traffic:
    """The last part of what went over the wire in one execution of a check."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._exchanges: deque[Exchange] = deque(maxlen=KEPT_EXCHANGES)
        self._messages: Counter[int] = Counter()

    def add(self, connection: int, direction: str, kind: str, payload: bytes) -> None:
        """Take one event as it goes to the trace; what is no message is left out."""
        if kind not in _KINDS:
            return
        exchange = Exchange(
            time_s=time.monotonic() - self._start,
            connection=connection,
            message=self._messages[connection],
            direction=direction,
            kind=kind,
            payload=payload[:KEPT_BYTES],
            size=len(payload),
        )
        self._messages[connection] += 1
        self._exchanges.append(exchange)

    def kept(self) -> Sequence[Exchange]:
        """Return what is kept, the oldest first, with its secrets."""
        return tuple(self._exchanges)

    def up_to(self, connection: int, message: int, limit: int) -> Sequence[Exchange]:
        """Return the last of what is kept up to a message, the oldest first, with its secrets."""
        exchanges = self.kept()
        places = [(exchange.connection, exchange.message) for exchange in exchanges]
        end = places.index((connection, message)) + 1 if (connection, message) in places else len(exchanges)
        return exchanges[max(0, end - limit) : end]


@attrs.frozen(kw_only=True)
class Evidence:
    """A failure that was seen in the traffic of another check."""

    text: str
    during: str
    """What was going on."""
    place: Place
    traffic: Sequence[Exchange]


class EvidenceError(AssertionError):
    """A fact was missed, as this evidence shows; the message may tell of more."""

    def __init__(self, message: str, evidence: Evidence) -> None:
        super().__init__(message)
        self.evidence = evidence


class MissedError(Exception):
    """A check has not found its fact: how, with which input, and the last of the traffic then."""

    def __init__(self, error: AssertionError, values: Mapping[str, Any], traffic: Sequence[Exchange]) -> None:
        super().__init__(str(error))
        self.error = error
        self.values = values
        self.traffic = traffic


def failure_of(missed: MissedError) -> Failure:
    """Tell what a check has found where it failed."""
    error, text = missed.error, text_of(missed.error)
    evidence = error.evidence if isinstance(error, EvidenceError) else None
    expected, observed = split(_RULE.sub("", text) if evidence is None else evidence.text)
    traffic = missed.traffic if evidence is None else evidence.traffic
    exchanges = [attrs.evolve(exchange, payload=redact(exchange.payload)) for exchange in traffic]
    place = _find(expected or "", observed or "", exchanges) if evidence is None else evidence.place
    return Failure(
        text=text,
        expected=expected,
        observed=observed,
        during=None if evidence is None else evidence.during,
        place=place,
        values=missed.values,
        traffic=tuple(_around(exchanges, place)),
    )


def named_rule(text: str) -> str | None:
    """Return the requirement that the text of a failure ends with, None where it names none."""
    named = _RULE.search(text)
    return None if named is None else named[1]


def split(text: str) -> tuple[str | None, str | None]:
    """Take the message of a check apart: what was expected and what was observed, None where it does not say."""
    before, found, rest = text.partition("expected ")
    if not found:
        return None, text
    for mark, kept in ((", got ", ""), (", it ", "it ")):
        expected, marked, observed = rest.partition(mark)
        if marked:
            return before + expected, kept + observed
    return before + rest, None


def _find(expected: str, observed: str, exchanges: Sequence[Exchange]) -> Place | None:
    """Find the message a failure speaks of: the one it quotes, the command that was not answered, or the last one."""
    quoted = observed[:KEPT_BYTES].encode(errors="replace")
    received = [exchange for exchange in exchanges if exchange.direction == "<"]
    if quoted.startswith(b"{"):
        for exchange in reversed(received):
            before, found, _ = exchange.payload.partition(quoted)
            if found:
                return Place(connection=exchange.connection, message=exchange.message, line=before.count(b"\n"))
    if observed.startswith("none") and (id_ := _COMMAND_ID.search(expected)) is not None:
        command = f'"id":{id_[1]},'.encode()
        received = [e for e in exchanges if e.direction == ">" and command in e.payload] or received
    return Place(connection=received[-1].connection, message=received[-1].message) if received else None


def _around(exchanges: Sequence[Exchange], place: Place | None) -> Sequence[Exchange]:
    at = len(exchanges) - 1
    for index, exchange in enumerate(exchanges):
        if place is not None and (exchange.connection, exchange.message) == (place.connection, place.message):
            at = index
    return exchanges[max(0, at - _BEFORE) : at + 1 + _AFTER]


def in_words(values: Mapping[str, Any]) -> list[str]:
    """Write an input, a line for each value, or for each step of a session."""
    steps = values.get(STEPS)
    if steps is None:
        return [f"{name}={_json(value)}" for name, value in values.items()]
    return [" ".join([name, *(f"{key}={_json(value)}" for key, value in given.items())]) for name, given in steps]


def _json(value: Any) -> str:  # noqa: ANN401 - whatever strategies make
    return json.dumps(value, ensure_ascii=False, default=repr)
