"""The card of a failure on a terminal: labels to the left, and what a stranger has sent made harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from liveproto_conformance.failures.card import as_json, rule_as_json
from liveproto_conformance.report.words import around, lines_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions

    from liveproto_conformance.failures.card import Card
    from liveproto_conformance.report.words import Document
    from liveproto_conformance.requirements import Requirement
    from liveproto_conformance.verdict import Status

_LABEL: Final = 10
_NARROWEST: Final = 20
_STYLES: Final = {"expected": "green", "observed": "red"}


def head(status: Status, style: str, check_id: str) -> Text:
    """Render the first line of a card."""
    return Text.assemble((status.value, style), " ", (check_id, "bold"))


def rules(requirements: Sequence[Requirement]) -> Group:
    """Render requirements with their sources."""
    lines: list[RenderableType] = []
    for rule in map(rule_as_json, requirements):
        lines.append(indented(Text.assemble((f"{rule['id']} {rule['level']}  ", "bold"), rule["text"]), 2))
        lines.append(indented(Text(rule["source"], style="dim"), 4))
    return Group(*lines)


def indented(text: RenderableType, columns: int) -> Padding:
    """Move to the right."""
    return Padding(text, (0, 0, 0, columns), expand=False)


def render(card: Card, style: str, *, traffic: bool) -> Group:
    """Render a card, with or without the traffic around the failure."""
    told = as_json(card)
    parts: list[RenderableType] = [head(card.status, style, card.check), rules(card.rules)]
    parts.extend(_row(label, text) for label, text in rows_of(told))
    if traffic:
        parts.extend(_traffic(told))
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


def _row(label: str, text: str) -> RenderableType:
    head = Text(f"  {label:<{_LABEL}}", style="dim")
    if label == "again":
        # The terminal wraps it, so that it is copied as one line.
        return Text.assemble(head, text, no_wrap=True, overflow="ignore")
    return _Row(head, Text(text, style=_STYLES.get(label, "")))


def _traffic(card: Document) -> Iterator[_Row]:
    """Render the messages around the one it is about, which is marked and whole."""
    for exchange, marked in around(card):
        name = f"{exchange['connection']}#{exchange['message']}" if exchange["connection"] else "HTTP"
        label = f"  {'▶' if marked else ' '} {exchange['time_s']:7.3f} s {name:>7} {exchange['direction']} "
        text = Text("\n".join(lines_of(exchange)), style="" if marked else "dim")
        yield _Row(Text(label, style="dim"), text, cut=not marked)
