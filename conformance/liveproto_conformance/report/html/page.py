"""The page: verdict, counts, what failed, what is known or was not judged, and all rules and checks."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final

from liveproto_conformance.report import html
from liveproto_conformance.report.html.card import failure
from liveproto_conformance.report.html.markup import Markup, join, markup, tag
from liveproto_conformance.report.html.tables import bar, checks_table, counts_table, filters, reasons, rules_table
from liveproto_conformance.report.printable import counted
from liveproto_conformance.report.words import (
    LISTED,
    TOLD,
    headline_of,
    lead_of,
    of_status,
    outdated_of,
    profile_of,
    run_of,
    shown,
)
from liveproto_conformance.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from liveproto_conformance.report.words import Document

_FILES: Final = ("page.html", "style.css", "script.js")
_ICON: Final = {
    Verdict.CONFORMANT: "seagreen",
    Verdict.NONCONFORMANT: "crimson",
    Verdict.INCOMPLETE: "orange",
    Verdict.ERROR: "mediumorchid",
}
"""Colours that are seen on any tab."""


def html_of(document: Document) -> str:
    """Write the report as one HTML file that loads nothing.

    The page's own policy lets no script run but ours, whatever else might be in it.
    """
    frame, style, script = map(_file, _FILES)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Template(frame).substitute(
        title=markup(f"{headline_of(document)}: {shown(document['target']['url'])}"),
        verdict=markup(document["verdict"]),
        icon=_ICON[document["verdict"]],
        digest=digest,
        style=style,
        script=script,
        body=join(_parts(document)),
    )


@cache
def _file(name: str) -> str:
    return files(html).joinpath(name).read_text(encoding="utf-8")


def _parts(document: Document) -> Iterator[Markup]:
    sections = list(_sections(document))
    yield _head(document)
    if sections:
        links = [tag("li", tag("a", title, href=f"#{id_}")) for id_, title, _ in sections]
        yield tag("nav", tag("ul", *links), aria_label="On this page")
    for id_, title, content in sections:
        head = tag("h2", title, id=f"{id_}-title")
        yield tag("section", head, content, id=id_, aria_labelledby=f"{id_}-title")


def _sections(document: Document) -> Iterator[tuple[str, str, Markup]]:
    """Yield what there is to tell: an id, a title and the content."""
    rules = {rule["id"]: rule for rule in document["requirements"]}
    told = of_status(document, TOLD)
    if document["checks"]:
        yield "counts", "Counts", join([bar(document), _scrolling(counts_table(document, rules))])
    if told:
        yield "failures", f"What did not pass ({len(told):,})", join(failure(check, rules) for check in told)
    if outdated := outdated_of(document["expectations"]):
        yield "outdated", "Expectations that are out of date", tag("ul", *(tag("li", line) for line in outdated))
    if unjudged := join(_unjudged(document)):
        yield "unjudged", "What is known or was not judged", unjudged
    if document["checks"]:
        tables = [filters(document), rules_table(document), checks_table(document, told)]
        yield "find", "Rules and checks", join(tables)


def _head(document: Document) -> Markup:
    grafana = document["grafana"]
    facts = {
        "Target": tag("code", shown(document["target"]["url"])),
        "Profile": profile_of(document["profiles"], grafana["used"], grafana["detected"]),
        "Run": run_of(document),
        "Kit": f"liveproto {document['kit']}, edition {document['spec']} of the specification",
    }
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items()]
    return tag(
        "header",
        tag("p", "liveproto · conformance report", class_="kicker"),
        tag("h1", headline_of(document)),
        tag("p", lead_of(document), class_="lead"),
        tag("dl", *rows, class_="facts"),
        class_="verdict",
    )


def _unjudged(document: Document) -> Iterator[Markup]:
    for status in LISTED:
        yield reasons(document, status)
    if left_out := document["not_scored"]:
        head = tag("summary", f"{counted(len(left_out), 'check')} that wait for timers: left out by --fast.")
        yield tag("details", head, tag("p", ", ".join(left_out), class_="ids"), class_="reasons")


def _scrolling(table: Markup) -> Markup:
    """Let what is wider than the screen scroll by itself, by keyboard too."""
    return tag("div", table, class_="scrolling", tabindex="0", role="region", aria_label="Counts by area and level")
