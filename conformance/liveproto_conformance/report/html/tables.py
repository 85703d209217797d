"""The tables of the page: how many there are of what, every rule, and every check with the time it took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.html.card import badge, prose
from liveproto_conformance.report.html.markup import Markup, join, tag
from liveproto_conformance.report.words import area_of, by_area, by_reason, of_status, reason_of, shown, title_of
from liveproto_conformance.requirements import Level
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from liveproto_conformance.report.words import Document

_MEANINGS: Final[Mapping[str, str]] = {
    Status.PASS: "The rule held.",
    Status.FAIL: "A rule that MUST hold was broken, three times of three.",
    Status.XPASS: "A failure that was expected did not happen: the expectation is out of date.",
    Status.HARNESS_ERROR: "The kit itself failed; this says nothing about the target.",
    Status.FLAKY: "It was broken once, and not each time it was tried again.",
    Status.NOT_EXERCISED: "The check could not be carried out. This is no pass.",
    Status.WARN: "A rule that SHOULD hold was missed.",
    Status.XFAIL: "It failed, as was expected.",
    Status.INFO: "An observation about something that MAY be so.",
    Status.NOT_APPLICABLE: "The rule does not bind this target, for the reason given.",
}


def present(document: Document) -> list[Status]:
    """Return the statuses that occur, the weightiest first."""
    return [status for status in Status if document["counts"][status]]


def bar(document: Document) -> Markup:
    """Show the counts as parts of a whole, and as numbers that lead to what they count."""
    counts = document["counts"]
    statuses = present(document)
    parts = [tag("span", style=f"flex-grow:{counts[status]}", data_status=status) for status in statuses]
    links = [
        tag(
            "li",
            tag(
                "a",
                tag("b", f"{counts[status]:,}"), " ", badge(status),
                href="#find", data_filter=status, title=_MEANINGS[status],
            ),
        )
        for status in statuses
    ]  # fmt: skip
    return join([tag("div", *parts, class_="bar", aria_hidden="true"), tag("ul", *links, class_="counts")])


def counts_table(document: Document, rules: Mapping[str, Document]) -> Markup:
    """Count checks by area and by level."""
    statuses = present(document)
    levels = {level: [check for check in document["checks"] if check["level"] == level] for level in Level}
    names = {id_.split("-")[1]: rule["section"].partition(": ")[2] for id_, rule in rules.items()}
    heads = [tag("th", badge(status), scope="col") for status in statuses]
    return tag(
        "table",
        tag("caption", "Checks by area and by level"),
        tag("thead", tag("tr", tag("th", "Area", scope="col"), *heads, tag("th", "All", scope="col", class_="all"))),
        tag("tbody", *(_count_row(area, names[area], checks, statuses) for area, checks in by_area(document).items())),
        tag("tbody", *(_count_row(level, "", checks, statuses) for level, checks in levels.items() if checks)),
        class_="matrix",
    )


def _count_row(name: str, words: str, checks: list[Document], statuses: Iterable[Status]) -> Markup:
    counts = Counter(check["status"] for check in checks)
    cells = [
        tag("td", f"{counts[status]:,}" if counts[status] else "", data_status=status if counts[status] else False)
        for status in statuses
    ]
    label = tag("th", tag("b", name), " ", tag("span", words, class_="words"), scope="row")
    return tag("tr", label, *cells, tag("td", f"{len(checks):,}", class_="all"))


def reasons(document: Document, status: Status) -> Markup:
    """Show why checks came out like this, each reason once."""
    found = by_reason((reason_of(check), check["id"]) for check in of_status(document, [status]))
    if not found:
        return Markup()
    items = [
        tag("li", tag("p", reason), tag("p", join(_with_commas(_link(id_) for id_ in ids)), class_="ids"))
        for reason, ids in found.items()
    ]
    head = tag("summary", badge(status), f" {document['counts'][status]:,}: ", _MEANINGS[status])
    return tag("details", head, tag("ul", *items), class_="reasons", open=status is Status.NOT_EXERCISED)


def _with_commas(links: Iterable[Markup]) -> Iterator[str]:
    for index, link in enumerate(links):
        yield from (", ", link) if index else (link,)


def _link(id_: str) -> Markup:
    return tag("a", id_, href=f"#{id_}")


def filters(document: Document) -> Markup:
    """Show the fields that rules and checks are looked for by; the script brings them to life."""
    areas = list(dict.fromkeys(rule["id"].split("-")[1] for rule in document["requirements"]))
    statuses = {entry["status"] for part in ("requirements", "checks") for entry in document[part]}
    search = tag("input", type="search", id="search", autocomplete="off", spellcheck="false")
    return tag(
        "div",
        tag("div", tag("label", "Search", for_="search"), search, class_="search"),
        _choice("status", [(s.value, s.replace("_", " ").capitalize()) for s in Status if s in statuses]),
        _choice("level", [(level.value, level.value) for level in Level]),
        _choice("area", [(area, area) for area in areas]),
        tag("button", "Clear", type="button", id="clear"),
        tag("output", id="found", for_="search status level area"),
        id="filters",
        role="search",
        hidden=True,
    )


def _choice(name: str, options: Iterable[tuple[str, str]]) -> Markup:
    choices = [tag("option", words, value=value) for value, words in [("", "any"), *options]]
    return tag("div", tag("label", name.capitalize(), for_=name), tag("select", *choices, id=name))


def rules_table(document: Document) -> Markup:
    """List every rule that was looked at, with the checks of one that has not simply passed."""
    checks: dict[str, list[str]] = {}
    for check in document["checks"]:
        for id_ in check["requirements"] if check["status"] != Status.PASS else ():
            checks.setdefault(id_, []).append(check["id"])
    heads = ["Rule", "Level", "What it says", "Status"]
    rows = [
        _row(
            rule,
            rule["id"].split("-")[1],
            rule["id"],
            _cell("key", tag("code", rule["id"], class_="id")),
            _cell("level", rule["level"]),
            _cell("text", *_says(rule, checks.get(rule["id"], ()))),
            _cell("status", badge(rule["status"])),
        )
        for rule in document["requirements"]
    ]
    return _table("rules", "Rules", heads, rows)


def _says(rule: Document, checks: Iterable[str]) -> Iterator[Markup]:
    yield tag("p", prose(rule["text"]))
    yield tag("p", rule["source"], class_="source")
    if checks:
        yield tag("p", join(_with_commas(map(_link, checks))), class_="ids")


def checks_table(document: Document, told: Iterable[Document]) -> Markup:
    """List every check, the slowest first; one that is told of above is named by that."""
    above = {check["id"] for check in told}
    checks = sorted(document["checks"], key=lambda check: -check["duration_s"])
    slowest_s = max((check["duration_s"] for check in checks), default=0)
    rows = [
        _row(
            check,
            area_of(check),
            "" if check["id"] in above else check["id"],
            _cell("text", *_about(check, above)),
            _cell("key", join(_with_commas(map(_link, check["requirements"])))),
            _cell("level", check["level"]),
            _cell("status", badge(check["status"])),
            _cell("time", *_time(check["duration_s"], slowest_s)),
        )
        for check in checks
    ]
    return _table("checks", "Checks, the slowest first", ["Check", "Rules", "Level", "Status", "Time"], rows)


def _about(check: Document, above: set[str]) -> Iterator[Markup]:
    title = title_of(check["id"])
    yield tag("p", tag("a", title, href=f"#{check['id']}") if check["id"] in above else title)
    yield tag("p", tag("code", check["id"]), class_="source")
    if check["id"] not in above:
        yield from (tag("p", shown(text), class_="why") for text in (check["reason"], check["message"]) if text)


def _time(duration_s: float, slowest_s: float) -> Iterator[Markup]:
    yield tag("span", f"{duration_s:,.3f} s", class_="number")
    share = 100 * duration_s / slowest_s if slowest_s else 0
    yield tag("span", tag("span", style=f"width:{share:.1f}%"), class_="share", aria_hidden="true")


def _row(entry: Document, area: str, id_: str, *cells: Markup) -> Markup:
    """Make a row that the filters know; on a narrow screen it is no table row, but still one for a screen reader."""
    identity = {"id": id_} if id_ else {}
    attributes = {"data_status": entry["status"], "data_level": entry["level"], "data_area": area}
    return tag("tr", *cells, role="row", **identity, **attributes)


def _cell(name: str, *children: str) -> Markup:
    return tag("td", *children, role="cell", class_=name)


def _table(name: str, caption: str, heads: Iterable[str], rows: list[Markup]) -> Markup:
    cells = [tag("th", head, scope="col", role="columnheader") for head in heads]
    return tag(
        "table",
        tag("caption", f"{caption} ", tag("span", f"({len(rows):,})", class_="shown")),
        tag("thead", tag("tr", *cells, role="row"), role="rowgroup"),
        tag("tbody", *rows, role="rowgroup"),
        role="table",
        class_=f"list {name}",
    )
