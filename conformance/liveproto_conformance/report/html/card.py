"""What did not pass, one by one: the rule, what was expected and what came, and the traffic around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.html.diagram import diagram_of
from liveproto_conformance.report.html.markup import Markup, join, tag
from liveproto_conformance.report.printable import counted
from liveproto_conformance.report.words import is_place, lines_of, rows_of, shown, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from liveproto_conformance.report.words import Document

_HEADS: Final[Mapping[str, str]] = {
    "expected": "Expected",
    "observed": "What came",
    "at": "Where",
    "after": "After",
    "input": "Least input that shows it",
    "seed": "Seed",
    "again": "See it again",
}
_LINES: Final = 100
"""Of one message, in the list of them all."""


def badge(status: str) -> Markup:
    """Show a status, as the same mark everywhere."""
    return tag("span", status.replace("_", " ").capitalize(), class_="badge", data_status=status)


def failure(check: Document, rules: Mapping[str, Document]) -> Markup:
    """Show a check that did not pass."""
    card = check["card"]
    broken = [rules[id_] for id_ in check["requirements"] if id_ in rules] if card is None else card["rules"]
    return tag(
        "article",
        tag(
            "header",
            badge(check["status"]),
            tag("h3", title_of(check["id"])),
            tag("code", check["id"], class_="id"),
        ),
        join(map(_rule, broken)),
        *([_message(check)] if card is None else _card(card)),
        class_="failure",
        id=check["id"],
        data_status=check["status"],
    )


def _rule(rule: Document) -> Markup:
    known, _, source = rule["source"].partition(": ")
    return tag(
        "blockquote",
        tag("p", tag("a", rule["id"], href=f"#{rule['id']}"), " ", tag("b", rule["level"]), " ", prose(rule["text"])),
        tag("p", f"Source ({known}): {source}", class_="source"),
    )


def prose(text: str) -> Markup:
    """Make HTML of a rule's text, in which backticks hold code."""
    return join(tag("code", part) if odd % 2 else part for odd, part in enumerate(text.split("`")))


def _message(check: Document) -> Markup:
    return tag("dl", _row("observed", shown(check["message"] or "no message")), class_="card")


def _card(card: Document) -> Iterator[Markup]:
    yield tag("dl", join(_row(label, text) for label, text in rows_of(card)), class_="card")
    if card["traffic"]:
        yield tag("h4", "The messages around it")
        yield tag("div", diagram_of(card), class_="drawing")
        yield tag(
            "details",
            tag("summary", f"{counted(len(card['traffic']), 'message')} as text"),
            tag("ol", *(_exchange(exchange, card) for exchange in card["traffic"]), class_="messages"),
        )


def _row(label: str, text: str) -> Markup:
    button = [tag("button", "Copy", type="button", class_="copy", hidden=True)] if label == "again" else []
    value = tag("pre", tag("code", text)) if label in {"expected", "observed", "input", "again"} else text
    return tag("div", tag("dt", _HEADS[label]), tag("dd", value, *button), data_row=label)


def _exchange(exchange: Document, card: Document) -> Markup:
    who = f"connection {exchange['connection']}" if exchange["connection"] else "HTTP"
    way = f"{who} → target" if exchange["direction"] == ">" else f"target → {who}"
    return tag(
        "li",
        tag("span", f"{exchange['time_s']:.3f} s", class_="number"),
        f" {way}, message {exchange['message']}",
        tag("pre", tag("code", "\n".join(lines_of(exchange, _LINES)))),
        class_="here" if is_place(card, exchange) else False,
    )
