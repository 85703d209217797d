"""HTML as values: whatever text is put in is escaped, so that nothing a target has sent can be markup."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

_VOID: Final = frozenset({"input"})
"""What has no end tag."""


class Markup(str):
    """Text that is HTML already; any other text is not."""

    __slots__ = ()


def markup(text: str) -> Markup:
    """Make HTML of a text, unless it is that already: what is not seen as itself is shown by its number."""
    return text if isinstance(text, Markup) else Markup(escape("\n".join(map(printable, text.split("\n")))))


def tag(name: str, *children: str, **attributes: str | bool) -> Markup:
    """Make an element.

    Args:
        name: of HTML or SVG.
        children: text or markup.
        attributes: ``_`` stands for a dash and is dropped at the end; True is an attribute without value, False none.
    """
    words = [name, *(word for key, value in attributes.items() for word in _attribute(key, value))]
    start = f"<{' '.join(words)}>"
    return Markup(start if name in _VOID else f"{start}{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Put text and markup one after the other."""
    return Markup("".join(map(markup, parts)))


def _attribute(key: str, value: str | bool) -> list[str]:  # noqa: FBT001 - what an attribute has
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return [name] * value
    return [f'{name}="{markup(value)}"']
