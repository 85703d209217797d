"""A sequence diagram of the messages around a failure, as SVG.

Theory. A lifeline for each connection stands at the left, that of the target at the right, and time runs down. Columns
are percentages and rows are pixels, so that the drawing is as wide as what it stands in and its text never shrinks.
What a message says is HTML inside the SVG, because only that can end in an ellipsis where the width ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.html.markup import Markup, join, tag
from liveproto_conformance.report.words import around, has_waited, lines_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from liveproto_conformance.report.words import Document

_HEAD: Final = 34
_ROW: Final = 38
_LABEL: Final = 20
_LINE: Final = _LABEL + 5
"""Pixels; the last two from the top of a row."""
_FIRST: Final = 5.0
_TARGET: Final = 95.0
_WIDEST_STEP: Final = 16.0
_CONNECTIONS: Final = 32.0
"""Percent of the width."""
_HTTP: Final = 0
_TEXT: Final = 400
"""Characters of a message; the list below the diagram has the rest."""
_WAYS: Final = str.maketrans({">": "out", "<": "in"})


def diagram_of(card: Document) -> Markup:
    """Draw the messages around a failure, the place of it marked; nothing where there was no traffic."""
    exchanges = list(around(card))
    if not exchanges:
        return Markup()
    columns = _columns(exchange["connection"] for exchange, _ in exchanges)
    rows = list(_rows(card, exchanges, columns))
    height = _HEAD + _ROW * len(rows) + _ROW // 2
    return tag(
        "svg",
        join(_lifelines(columns, height)),
        *(tag("svg", row, y=str(_HEAD + _ROW * index), class_="row") for index, row in enumerate(rows)),
        class_="diagram",
        height=str(height),
        role="img",
        aria_label=f"{len(exchanges)} messages between {', '.join(map(_name, columns))} and the target, in order;"
        " the list below has them as text",
    )


def _rows(card: Document, exchanges: list[tuple[Document, bool]], columns: Mapping[int, float]) -> Iterator[Markup]:
    waited = has_waited(card)
    for exchange, marked in exchanges:
        x = columns[exchange["connection"]]
        yield _message(exchange, x, card["place"] if marked and not waited else None)
        if marked and waited:
            yield _wait(x, f"waited for: {shown(card['expected'] or 'an answer')}")


def _columns(connections: Iterator[int]) -> dict[int, float]:
    """Give every connection its place across the width, in percent."""
    names = sorted(set(connections))
    step = min(_WIDEST_STEP, _CONNECTIONS / max(len(names) - 1, 1))
    return {name: _FIRST + step * index for index, name in enumerate(names)}


def _name(connection: int) -> str:
    return "HTTP" if connection == _HTTP else f"connection {connection}"


def _short(connection: int) -> str:
    return "HTTP" if connection == _HTTP else f"#{connection}"


def _lifelines(columns: Mapping[int, float], height: int) -> Iterator[Markup]:
    for connection, x in columns.items():
        yield _lifeline(x, height, _name(connection), _short(connection))
    yield _lifeline(_TARGET, height, "target", "target")


def _lifeline(x: float, height: int, name: str, short: str) -> Markup:
    at = f"{x:g}%"
    return join(
        [
            tag("line", class_="life", x1=at, x2=at, y1=str(_LABEL), y2=str(height)),
            tag("text", name, class_="name long", x=at, y="13"),
            tag("text", short, class_="name short", x=at, y="13"),
        ]
    )


def _message(exchange: Document, x: float, place: Document | None) -> Markup:
    """Draw a message: what it says, and below that an arrow in its direction."""
    start, end = (x, _TARGET) if exchange["direction"] == ">" else (_TARGET, x)
    # An arrow's head keeps its size in a nested drawing whose own origin is where it points.
    points = "0,0 -9,-4 -9,4" if end > start else "0,0 9,-4 9,4"
    kinds = ["message", exchange["direction"].translate(_WAYS), exchange["kind"], *(["marked"] * (place is not None))]
    return tag(
        "g",
        _band(),
        tag("text", f"{exchange['time_s']:.3f}", class_="clock", x="-10", y=str(_LABEL + 9)),
        _line("arrow", start, end),
        tag("svg", tag("polygon", points=points), class_="head", x=f"{end:g}%", y=str(_LINE)),
        _text(x, *_label(exchange, place)),
        class_=" ".join(kinds),
    )


def _wait(x: float, text: str) -> Markup:
    """Draw what did not come."""
    return tag(
        "g", _band(), _line("arrow", x, _TARGET), _text(x, tag("span", text, class_="says")), class_="wait marked"
    )


def _band() -> Markup:
    return tag("rect", class_="band", x="0", y="-1", width="100%", height=str(_ROW - 4), rx="4")


def _line(name: str, start: float, end: float) -> Markup:
    return tag("line", class_=name, x1=f"{start:g}%", x2=f"{end:g}%", y1=str(_LINE), y2=str(_LINE))


def _text(x: float, *words: Markup) -> Markup:
    box = {"x": f"{x:g}%", "y": "0", "width": f"{_TARGET - x:g}%", "height": str(_LABEL)}
    return tag("foreignObject", tag("div", *words), **box)


def _label(exchange: Document, place: Document | None) -> Iterator[Markup]:
    """Show one line of a message: the one the failure is about, otherwise the first."""
    last = exchange["payload"].count("\n")
    number = min(place["line"] or 0, last) if place is not None else 0
    yield tag("span", lines_of(exchange, number + 1)[number][:_TEXT], class_="says")
    if last:
        yield tag("span", f"{last + 1} lines", class_="more")
