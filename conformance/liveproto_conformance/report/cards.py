"""The card of a failure on a terminal: labels to the left, and what a stranger has sent made harmless."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from liveproto_conformance.failures.failure import in_words
from liveproto_conformance.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions

    from liveproto_conformance.failures.card import Card
    from liveproto_conformance.failures.failure import Exchange, Failure, Place
    from liveproto_conformance.requirements import Requirement
    from liveproto_conformance.verdict import Status

_LABEL: Final = 10
_NARROWEST: Final = 20
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


def head(status: Status, style: str, check_id: str) -> Text:
    """Render the first line of a card."""
    return Text.assemble((status.value, style), " ", (check_id, "bold"))


def rules(requirements: Sequence[Requirement]) -> Group:
    """Render requirements with their sources."""
    lines: list[RenderableType] = []
    for rule in requirements:
        lines.append(indented(Text.assemble((f"{rule.id} {rule.level}  ", "bold"), rule.text), 2))
        lines.append(indented(Text(f"{rule.status}: {rule.source}", style="dim"), 4))
    return Group(*lines)


def indented(text: RenderableType, columns: int) -> Padding:
    """Move to the right."""
    return Padding(text, (0, 0, 0, columns), expand=False)


def render(card: Card, style: str, *, traffic: bool) -> Group:
    """Render a card, with or without the traffic around the failure."""
    parts: list[RenderableType] = [head(card.status, style, card.check), rules(card.rules)]
    parts.extend(_Row(Text(f"  {label:<{_LABEL}}", style="dim"), text) for label, text in _rows(card))
    # The terminal wraps it, so that it is copied as one line.
    parts.append(
        Text.assemble((f"  {'again':<{_LABEL}}", "dim"), printable(card.command), no_wrap=True, overflow="ignore")
    )
    if traffic:
        parts.extend(_traffic(card.failure))
    return Group(*parts, Text())


@attrs.frozen
class _Row:
    """A label, and beside it a text of one line or several, wrapped or cut to what is left of the width."""

    label: Text
    text: Text
    cut: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Render line by line, without spaces at the end."""
        width = max(options.max_width - self.label.cell_len, _NARROWEST)
        label = self.label
        for line in self.text.split("\n"):
            if self.cut:
                line.truncate(width, overflow="ellipsis")
            for part in [line] if self.cut else line.wrap(console, width, overflow="fold"):
                yield Text.assemble(label, part)
                label = Text(" " * label.cell_len)


def _rows(card: Card) -> Iterator[tuple[str, Text]]:
    failure = card.failure
    if failure.expected is not None:
        yield "expected", Text(_shown(failure.expected), style="green")
    if failure.observed is not None:
        yield "observed", Text(_shown(failure.observed), style="red")
    if failure.place is not None:
        waited = failure.observed is None or failure.observed.startswith(_NOTHING)
        during = f", during {failure.during}" if failure.during is not None else ""
        yield "after" if waited else "at", Text(_place(failure.place) + during)
    if words := [_shown(word) for word in in_words(failure.values)]:
        yield "input", Text("\n".join(words))
    yield "seed", Text(str(card.seed))


def _shown(text: str) -> str:
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)")


def _place(place: Place) -> str:
    line = f", line {place.line}" if place.line else ""
    pointer = f", {printable(place.pointer)}" if place.pointer else ""
    where = f"connection {place.connection}" if place.connection else "HTTP"
    return f"{where}, message {place.message}{line}{pointer}"


def _traffic(failure: Failure) -> Iterator[_Row]:
    """Render the messages around the one it is about, which is marked and whole."""
    at = _index(failure)
    for index, exchange in enumerate(failure.traffic[: at + 1 + _AFTER]):
        if index >= at - _BEFORE:
            marked = index == at and failure.place is not None
            name = f"{exchange.connection}#{exchange.message}" if exchange.connection else "HTTP"
            label = f"  {'▶' if marked else ' '} {exchange.time_s:7.3f} s {name:>7} {exchange.direction} "
            yield _Row(
                Text(label, style="dim"), Text(_payload(exchange), style="" if marked else "dim"), cut=not marked
            )


def _index(failure: Failure) -> int:
    place = failure.place
    for index, exchange in enumerate(failure.traffic):
        if place is not None and (exchange.connection, exchange.message) == (place.connection, place.message):
            return index
    return len(failure.traffic) - 1


def _payload(exchange: Exchange) -> str:
    text = exchange.payload.decode(errors="backslashreplace")
    if exchange.kind == "close":
        code, reason = json.loads(text)
        return f"close {code} {printable(json.dumps(reason, ensure_ascii=False))}"
    if not text:
        return "(empty)"
    lines = text.split("\n")
    shown = [printable(line) or _NEWLINE for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"… {len(lines) - _LINES} more lines")
    if len(exchange.payload) < exchange.size:
        shown[-1] += f"… ({exchange.size:,} bytes)"
    return ("binary " if exchange.kind == "binary" else "") + "\n".join(shown)
