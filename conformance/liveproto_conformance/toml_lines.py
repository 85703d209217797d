"""In which line of a TOML document a key stands, which Python's parser does not tell.

Theory. A statement of TOML begins and ends with a line, and is a document by itself: the least number of lines that can
be read. The first statements of a document are a document too, and it has a key from that statement on which gives it.
So the parser finds both, whatever strings, comments and dotted keys there are.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the statements of a document that can be read, blank lines and comments among them.

    Each with the line it begins in, counted from 1, and its newline at the end.
    """
    begin, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        if _is_whole(statement):
            yield begin, statement
            begin, statement = number + 1, ""


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line, counted from 1, where the statement begins that gives a key of a document.

    Args:
        text: a document that can be read.
        path: keys, and indexes of arrays; all of them exist.
    """
    parts = list(statements(text))

    def has(count: int) -> bool:
        return _has(tomllib.loads("".join(statement for _, statement in parts[:count])), path)

    return parts[bisect_left(range(1, len(parts)), True, key=has)][0]  # noqa: FBT003 - the value looked for


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _has(value: Any, path: Sequence[str | int]) -> bool:  # noqa: ANN401 - what a document holds
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError):
            return False
    return True
