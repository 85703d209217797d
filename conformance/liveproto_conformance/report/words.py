"""A run's document in words: what its readers on a terminal, in a browser and in CI are told alike.

Theory. Every function takes report.json's document, or a part of it, and returns text that is harmless to print: a
target's own words are escaped and cut here, and nowhere else.
Not here: colours, columns and markup (``cards``, ``html``, ``summary``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from liveproto_conformance.failures.failure import KEPT_BYTES
from liveproto_conformance.report.printable import counted, printable
from liveproto_conformance.traces.trace import close_of
from liveproto_conformance.verdict import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Document: TypeAlias = Mapping[str, Any]
"""report.json, or an object in it."""

VERDICTS: Final[Mapping[str, str]] = {
    Verdict.CONFORMANT: "CONFORMANT",
    Verdict.NONCONFORMANT: "NOT CONFORMANT",
    Verdict.INCOMPLETE: "INCOMPLETE: a MUST could not be exercised",
    Verdict.ERROR: "ERROR of the kit: please report it",
}
TOLD: Final = (Status.FAIL, Status.XPASS, Status.HARNESS_ERROR, Status.FLAKY, Status.WARN)
"""What is shown one by one, with its requirement."""
LISTED: Final = (Status.XFAIL, Status.NOT_EXERCISED, Status.NOT_APPLICABLE)
"""What is shown by its reason."""
_RESTS_ON: Final[Mapping[str, tuple[Status, ...]]] = {
    Verdict.CONFORMANT: (Status.PASS,),
    Verdict.NONCONFORMANT: (Status.FAIL, Status.FLAKY),
    Verdict.INCOMPLETE: (Status.NOT_EXERCISED,),
    Verdict.ERROR: (Status.HARNESS_ERROR,),
}
_LEADS: Final[Mapping[str, tuple[str, str]]] = {
    Verdict.CONFORMANT: (
        "{number} of {all} passed, and nothing that is required failed{how}.",
        "None of {all} failed{how}.",
    ),
    Verdict.NONCONFORMANT: (
        "{number} of {all} failed{how}.",
        "None of {all} failed{how}, but a SHOULD was missed, which --strict asks for.",
    ),
    Verdict.INCOMPLETE: (
        "None of {all} failed{how}, but {number} could not be carried out.",
        "None of {all} failed{how}, but the run was ended before the others.",
    ),
    Verdict.ERROR: ("In {number} of {all} the kit itself failed.", "The kit itself failed."),
}
"""What a verdict rests on, where there is any such check and where there is none."""
_OUTDATED_LEAD: Final = "None of {all} failed{how}, but what was expected to is out of date."
_OUTDATED: Final[Mapping[str, str]] = {
    "stale": "{id} holds: take the entry out",
    "expired": "{id} was expected to fail until {expires}: mend the target, or decide again",
    "unmatched": "{id} does not apply to this target: take the entry out",
}
"""What is said of an expectation that fails a run."""
_NOTHING: Final = ("none", "nothing", "it is")
"""How an observation begins that was made by waiting."""
_BEFORE: Final = 12
_AFTER: Final = 3
"""Messages shown before and after the one it is about."""
_LINES: Final = 6
"""Of one message."""
_NEWLINE: Final = "↵"
"""Shown for a line that is blank, or the end of a message after a newline."""
_SHOWN: Final = 1000
"""Characters of a text."""


def shown(text: str) -> str:
    """Escape and cut a text of any origin and length."""
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)")


def title_of(check_id: str) -> str:
    """Make a sentence of a check's name, which states the fact it looks for."""
    name = check_id.partition(".")[2].replace("_", " ")
    return name[:1].upper() + name[1:]


def area_of(check: Document) -> str:
    """Return the area a check is counted in, such as SUB: that of its first requirement."""
    return str(check["requirements"][0]).split("-")[1]


def by_area(document: Document) -> dict[str, list[Document]]:
    """Gather checks by area, in the order of the specification."""
    areas: dict[str, list[Document]] = {rule["id"].split("-")[1]: [] for rule in document["requirements"]}
    for check in document["checks"]:
        areas[area_of(check)].append(check)
    return {area: checks for area, checks in areas.items() if checks}


def of_status(document: Document, statuses: Iterable[Status]) -> list[Document]:
    """Return the checks that came out as one of these, in the order of the statuses."""
    return [check for status in statuses for check in document["checks"] if check["status"] == status]


def by_reason(reasons: Iterable[tuple[str | None, str]]) -> dict[str, list[str]]:
    """Gather the ids of checks that share a reason, given as pairs of message and id."""
    gathered: dict[str, list[str]] = {}
    for message, check_id in reasons:
        gathered.setdefault(shown(message or "no message"), []).append(check_id)
    return gathered


def reason_of(check: Document) -> str | None:
    """Return why a failure is accepted, or else what came."""
    reason: str | None = check["reason"] or check["message"]
    return reason


def profile_of(profiles: Sequence[str], used: str | None, detected: str | None) -> str:
    """Say what was judged against."""
    version = f", Grafana {used}" if used else ""
    return "+".join(profiles) + version + (f" (detected {shown(detected)})" if detected else "")


def run_of(document: Document) -> str:
    """Say how much was done, and how long it took."""
    did = f"{counted(len(document['checks']), 'check')} and {document['stimuli']:,} stimuli"
    took = f"{document['wall_s']:.1f} s, {document['waiting_s']:.1f} s of it waiting"
    return f"{did} in {took}; seed {document['seed']}"


def headline_of(document: Document) -> str:
    """Say the verdict in a word or two."""
    return VERDICTS[document["verdict"]].partition(":")[0].capitalize()


def lead_of(document: Document) -> str:
    """Say in a sentence what the verdict rests on."""
    if not document["checks"]:
        return "No check has run."
    verdict, counts, outdated = document["verdict"], document["counts"], outdated_of(document["expectations"])
    number = sum(counts[status] for status in _RESTS_ON[verdict])
    some, none = _LEADS[verdict]
    if verdict == Verdict.NONCONFORMANT and outdated:
        none = _OUTDATED_LEAD
    return (some if number else none).format(
        number=f"{number:,}",
        all=counted(len(document["checks"]), "check"),
        how=" unexpectedly" if counts[Status.XFAIL] or outdated else "",
    )


def outdated_of(expectations: Document | None) -> list[str]:
    """Say of each expectation that fails a run where it stands, and what to do."""
    known: Document = {} if expectations is None else expectations
    return [
        shown(f"{known['file']}: line {entry['line']}: {words.format(**entry)}")
        for standing, words in _OUTDATED.items()
        for entry in known.get(standing, ())
    ]


def rows_of(card: Document) -> Iterator[tuple[str, str]]:
    """Yield what a card says about its failure, as label and text; an input has a line for each value or step."""
    for label in ("expected", "observed"):
        if card[label] is not None:
            yield label, shown(card[label])
    if card["place"] is not None:
        yield "after" if has_waited(card) else "at", _place_of(card)
    if card["input"]:
        yield "input", "\n".join(map(shown, card["input"]))
    yield "seed", str(card["seed"])
    yield "again", printable(card["command"])


def has_waited(card: Document) -> bool:
    """Tell whether a failure is that something did not come: its place is the message after which it was waited for."""
    return card["observed"] is None or card["observed"].startswith(_NOTHING)


def _place_of(card: Document) -> str:
    place = card["place"]
    line = f", line {place['line']}" if place["line"] else ""
    pointer = f", {shown(place['pointer'])}" if place["pointer"] else ""
    where = f"connection {place['connection']}" if place["connection"] else "HTTP"
    during = f", during {card['during']}" if card["during"] is not None else ""
    return f"{where}, message {place['message']}{line}{pointer}{during}"


def around(card: Document) -> Iterator[tuple[Document, bool]]:
    """Yield the messages around the one a failure is about, which is marked."""
    at = _index(card)
    for index, exchange in enumerate(card["traffic"][: at + 1 + _AFTER]):
        if index >= at - _BEFORE:
            yield exchange, index == at and card["place"] is not None


def is_place(card: Document, exchange: Document) -> bool:
    """Tell whether a message is the one a failure is about."""
    place = card["place"]
    return place is not None and all(exchange[key] == place[key] for key in ("connection", "message"))


def _index(card: Document) -> int:
    places = (index for index, exchange in enumerate(card["traffic"]) if is_place(card, exchange))
    return next(places, len(card["traffic"]) - 1)


def lines_of(exchange: Document, limit: int = _LINES) -> list[str]:
    """Write the payload of a message, a text for each of its lines, of which the first are shown."""
    if exchange["kind"] == "close":
        code, reason = close_of(exchange["payload"].encode(errors="replace"))
        return [f"close {code} {printable(json.dumps(reason, ensure_ascii=False))}"]
    if not exchange["payload"]:
        return ["(empty)"]
    lines = exchange["payload"].split("\n")
    texts = [printable(line[:KEPT_BYTES]) or _NEWLINE for line in lines[:limit]]
    if len(lines) > limit:
        texts.append(f"… {len(lines) - limit} more lines")
    if exchange["size"] > KEPT_BYTES:
        texts[-1] += f"… ({exchange['size']:,} bytes)"
    texts[0] = ("binary " if exchange["kind"] == "binary" else "") + texts[0]
    return texts
