"""The heads of lines, measurement and tags, read once and kept.

Theory. A server is sent the same series for ever, so a head is read when it is first seen, by the exact parser if it
holds escapes, and a bounded cache remembers the answer. The cache is two generations of a dict: what was looked up
since the last change of generation stays, the rest goes, and no step of it costs more than a constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from liveproto.frames.cells import label_text, text_of
from liveproto.frames.line_protocol import parse
from liveproto.frames.shield import NotCoveredError, has_escapes, holds_string, restore

if TYPE_CHECKING:
    from collections.abc import Iterable

Tags: TypeAlias = tuple[tuple[str, str], ...]
Series: TypeAlias = tuple[str, str, Tags]
"""Name of the measurement, the tags as a cell of the labels column, the tags."""

MAX_HEAD: Final = 1024
"""Longer heads are read each time, so that what the cache holds is bounded by its count."""


class SeriesCache:
    """Shielded heads, each with the newline before it, and what they mean; at most ``limit`` of them, or two."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._young: dict[str, Series] = {}
        self._old: dict[str, Series] = {}

    def look_up(self, heads: Iterable[str]) -> list[Series]:
        """Find what heads mean.

        Raises:
            NotCoveredError: one of them is not the head of a line.
        """
        return [self._young.get(head) or self._miss(head) for head in heads]

    def __len__(self) -> int:
        return len(self._young | self._old)

    def _miss(self, head: str) -> Series:
        found = self._old.get(head) or read_head(head)
        if len(head) <= MAX_HEAD:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[head] = found
        return found


def read_head(head: str) -> Series:
    """Read a shielded head, which begins with the newline before it and holds no other.

    Raises:
        NotCoveredError: it is not the head of a line.
    """
    if head[:1] != "\n" or "\n" in head[1:] or holds_string(head):
        raise NotCoveredError
    try:
        name, tags = (_parsed if has_escapes(head) else _split)(head[1:])
    except ValueError as error:
        raise NotCoveredError from error
    return name, label_text(tags), tags


def _split(head: str) -> tuple[str, Tags]:
    """Read a head without escapes, where commas and equals signs are all there is to it."""
    name, *pairs = head.split(",")
    cells = [pair.split("=") for pair in pairs]
    if not name or name[0] == "#" or any("" in cell for cell in cells):
        raise NotCoveredError
    return name, tuple(sorted(dict(cells).items()))


def _parsed(head: str) -> tuple[str, Tags]:
    (metric,) = parse(restore(head) + b" f=0", now_ns=0).metrics
    return text_of(metric.name), tuple([(text_of(key), text_of(value)) for key, value in metric.tags])


def read_key(key: str) -> str:
    """Read a shielded field key that holds escapes.

    Raises:
        NotCoveredError: it is not a key.
    """
    try:
        (metric,) = parse(b"m " + restore(key) + b"=0", now_ns=0).metrics
    except ValueError as error:
        raise NotCoveredError from error
    ((name, _, _),) = metric.fields
    return text_of(name)
