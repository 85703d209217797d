"""summary.md: a run on one page of Markdown, for the summary of a CI job."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.printable import counted
from liveproto_conformance.report.words import (
    LISTED,
    TOLD,
    by_area,
    by_reason,
    headline_of,
    lead_of,
    of_status,
    outdated_of,
    profile_of,
    reason_of,
    rows_of,
    run_of,
    shown,
    title_of,
)
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from liveproto_conformance.report.words import Document

_CARDS: Final = 20
"""Shown; a job's summary has a limit of size, and the report has them all."""
_TICKS: Final = re.compile("`+")


def summary_of(document: Document) -> str:
    """Write the verdict, the counts by area, and what failed with the short form of its card."""
    grafana = document["grafana"]
    lines = [
        f"## liveproto: {headline_of(document).lower()}",
        "",
        lead_of(document),
        "",
        f"* target: {_code(shown(document['target']['url']))}",
        f"* profile: {_code(profile_of(document['profiles'], grafana['used'], grafana['detected']))}",
        f"* run: {run_of(document)}",
        "",
        *_counts(document),
        *_outdated(document),
        *_failures(of_status(document, TOLD)),
        *_reasons(document),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _counts(document: Document) -> Iterator[str]:
    statuses = [status for status in Status if document["counts"][status]]
    if not statuses:
        return
    yield _line(["area", *statuses])
    yield f"|:--|{'--:|' * len(statuses)}"
    for area, checks in by_area(document).items():
        counts = Counter(check["status"] for check in checks)
        yield _line([area, *(str(counts[status] or "") for status in statuses)])
    yield _line(["**all**", *(f"**{document['counts'][status]}**" for status in statuses)])
    yield ""


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _outdated(document: Document) -> Iterator[str]:
    if lines := outdated_of(document["expectations"]):
        yield "### Expectations that are out of date"
        yield ""
        yield from (f"* {_code(line)}" for line in lines)
        yield ""


def _failures(checks: list[Document]) -> Iterator[str]:
    for check in checks[:_CARDS]:
        yield f"### {check['status']}: {title_of(check['id'])}"
        yield ""
        yield from _card(check)
        yield ""
    if len(checks) > _CARDS:
        yield f"… and {len(checks) - _CARDS} more, in the report."
        yield ""


def _card(check: Document) -> Iterator[str]:
    card = check["card"]
    if card is None:
        yield f"{check['level']} {', '.join(check['requirements'])}: {_code(shown(check['message'] or 'no message'))}"
        return
    for rule in card["rules"]:
        yield f"**{rule['id']}** {rule['level']} — {rule['text']} *{rule['source']}*"
        yield ""
    for label, text in rows_of(card):
        yield f"* {label}: {', '.join(map(_code, text.splitlines()))}"


def _reasons(document: Document) -> Iterator[str]:
    for status in LISTED:
        reasons = by_reason((reason_of(check), check["id"]) for check in of_status(document, [status]))
        if reasons:
            yield f"<details><summary>{counted(document['counts'][status], 'check')}: {status}</summary>"
            yield ""
            yield from (f"* {_code(reason)}: {', '.join(map(_code, ids))}" for reason, ids in reasons.items())
            yield ""
            yield "</details>"
            yield ""


def _code(text: str) -> str:
    """Write a text as code, which Markdown does not look into, whatever backticks it has."""
    longest = max(map(len, _TICKS.findall(text)), default=0)
    ticks = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{ticks}{space}{text}{space}{ticks}"
