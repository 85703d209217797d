"""Cut shielded text into rows: head, fields and time of every line.

Theory. Where every line has its three parts, one ``split`` on spaces cuts the whole text, and the parts are every
third piece. That this is so is not looked at line by line: each head is found to begin with a newline (``series``), and
there are as many newlines as heads, so none is left for any other piece. Otherwise lines are cut one at a time, which
also reads those without a time, with more white space, and comments behind white space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import attrs
import msgspec

from liveproto.frames.grafana_grammar import GRAFANA
from liveproto.frames.line_grammar import read_ticks
from liveproto.frames.shield import NotCoveredError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMES: Final = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]])
_PARTS: Final = 3


@attrs.frozen
class Rows:
    """Columns of equal length."""

    heads: list[str]
    """Each with the newline before it."""
    sections: list[str]
    """The fields of a line, uncut."""
    times_ns: list[int]


def cut_at_once(text: str) -> Rows | None:
    """Cut text all of whose lines have three parts; None if they do not look so.

    The heads prove it: they are as many as the newlines, and each must begin with one.
    """
    spaced = text.replace("\n", " \n")
    newlines = len(spaced) - len(text)
    pieces = spaced.split(" ")
    if pieces[-1] == "\n":
        pieces.pop()
    pieces[0] = "\n" + pieces[0]
    lines = len(pieces) // _PARTS
    if len(pieces) % _PARTS or newlines - text.endswith("\n") != lines - 1:
        return None
    times_ns = _typed_times(pieces[2::3])
    return None if times_ns is None else Rows(pieces[::3], pieces[1::3], times_ns)


def cut_by_line(text: str, now_ns: int) -> Rows:
    """Cut text one line at a time; a line without time has ``now_ns``.

    Raises:
        NotCoveredError: a line is neither blank, nor a comment without quotes, nor has two or three parts.
    """
    heads: list[str] = []
    sections: list[str] = []
    times: list[str] = []
    now = str(now_ns)
    for line in text.split("\n"):
        parts = line.split(" ")
        if len(parts) != _PARTS or "" in parts:
            parts = _parts(line, now)
        if parts and parts[0][0] != "#":
            head, section, time = parts
            heads.append("\n" + head)
            sections.append(section)
            times.append(time)
        elif '"' in line:  # the quotes of a comment were taken for those of strings
            raise NotCoveredError
    times_ns = _typed_times(times)
    return Rows(heads, sections, [_time(time) for time in times] if times_ns is None else times_ns)


def _parts(line: str, now: str) -> list[str]:
    """Cut a line into head, fields and time, or nothing where there is nothing to read."""
    match [part for part in line.split(" ") if part]:
        case [head, *_] if head[0] == "#":
            return []
        case [head, section]:
            return [head, section, now]
        case [] | [_, _, _] as parts:
            return parts
        case _:
            raise NotCoveredError


def _typed_times(times: Sequence[str]) -> list[int] | None:
    try:
        times_ns = _TIMES.decode("[" + ",".join(times) + "]")
    except msgspec.DecodeError:
        return None
    return times_ns if len(times_ns) == len(times) else None


def _time(text: str) -> int:
    match = GRAFANA.timestamp.fullmatch(text.encode())
    time_ns = read_ticks(match[0]) if match else None
    if time_ns is None:
        raise NotCoveredError
    return time_ns
