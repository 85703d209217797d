"""Make the structure of a body visible to plain splits: hide what escapes and quoted strings hold.

Theory. Once no space, comma, equals sign or newline stands in an escape or a string, a body is cut by ``str.split``
alone. Hidden characters become control characters, so that ASCII stays ASCII, which Python handles fastest. A body that
holds those itself is not covered, nor is one whose quotes are not where strings may stand: quotes
are data in names and tags, and one of them there turns inside and outside around. Three checks find that. What comes
before a string ends with an equals sign, what comes after one begins with what may follow a value, and no head holds a
hidden structural character (``series``).

Not here: what the pieces mean.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class NotCoveredError(Exception):
    """The fast route has no answer for this body; the exact one has."""


STRING_MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {" ": "\x01", ",": "\x02", "=": "\x03", "\n": "\x04", "\t": "\x05", "\v": "\x06"}
)
"""What stands for a character that is data inside a string."""
QUOTE_MARK: Final = "\x07"
"""An escaped quote."""
PAIR_MARK: Final = "\x08"
"""Two backslashes."""
LONE_MARK: Final = "\x0e"
"""A backslash before a character that needs none."""
ESCAPE_MARKS: Final[Mapping[str, str]] = MappingProxyType({" ": "\x0f", ",": "\x10", "=": "\x11", '"': QUOTE_MARK})
"""What stands for a backslash and the character after it."""
FREE_MARK: Final = "\x12"
"""In no shielded text; a separator for whoever needs one."""

_NEVER_IN_STRING: Final = (*(mark for character, mark in ESCAPE_MARKS.items() if character != '"'), LONE_MARK)
_ESCAPES: Final = (*_NEVER_IN_STRING, QUOTE_MARK, PAIR_MARK)
_MARKS: Final = tuple(mark.encode() for mark in (*STRING_MARKS.values(), *_ESCAPES, FREE_MARK))
_ORIGINALS: Final = {
    **{ord(mark): "\\" + character for character, mark in ESCAPE_MARKS.items()},
    ord(PAIR_MARK): "\\\\",
    ord(LONE_MARK): "\\",
}
_TO_MARKS: Final = bytes.maketrans("".join(STRING_MARKS).encode(), "".join(STRING_MARKS.values()).encode())
_IN_STRING: Final = (
    (QUOTE_MARK, '"'),
    (PAIR_MARK, "\\"),
    *((mark, character) for character, mark in STRING_MARKS.items()),
)
_NEVER_ESCAPED: Final = frozenset("\t\n\v\f\r")
_AFTER_STRING: Final = frozenset({"", ",", " ", "\n", "\r"})


def shield(data: bytes) -> str:
    """Cut nothing, but make a body safe to cut.

    Returns:
        Lines of head, fields and time; spaces, commas, equals signs and newlines are structure, every one of them;
        no tab, no carriage return but before a hidden newline, no comment that begins its line.

    Raises:
        NotCoveredError: it cannot be told without the grammar, or is refused by it.
    """
    if any(map(data.__contains__, _MARKS)):
        raise NotCoveredError
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NotCoveredError from error
    if "\\" in text:
        text = _hide_escapes(text)
    if "#" in text and (text[0] == "#" or "\n#" in text):
        text = _drop_comments(text)
    if '"' in text:
        text = _hide_strings(text)
    else:
        _check_outside(text)
    return _normal_lines(text)


def restore(text: str) -> bytes:
    """Give a shielded head or key its escapes back."""
    return text.translate(_ORIGINALS).encode()


def restore_strings(text: str) -> str:
    """Give the contents of shielded strings back what was hidden in them."""
    for mark, character in _IN_STRING:
        text = text.replace(mark, character)
    return text


def has_escapes(text: str) -> bool:
    """Tell whether a backslash was hidden here."""
    return any(map(text.__contains__, _ESCAPES))


def holds_string(text: str) -> bool:
    """Tell whether something was hidden here because it looked like the inside of a string."""
    return any(map(text.__contains__, STRING_MARKS.values()))


def _hide_escapes(text: str) -> str:
    """Replace every backslash and what it escapes: one character to search, which is what ``split`` is fast at."""
    pieces = iter(text.split("\\"))
    hidden = [next(pieces)]
    for piece in pieces:
        if piece:
            hidden.append(_hidden_escape(piece))
            continue
        follower = next(pieces, None)
        if follower is None:
            raise NotCoveredError
        hidden.append(PAIR_MARK + follower)
    return "".join(hidden)


def _hidden_escape(piece: str) -> str:
    first = piece[0]
    if first in ESCAPE_MARKS:
        return ESCAPE_MARKS[first] + piece[1:]
    if first in _NEVER_ESCAPED:
        raise NotCoveredError
    return LONE_MARK + piece


def _drop_comments(text: str) -> str:
    """Drop lines that begin with ``#``, before their quotes are taken for strings.

    An even number of quotes before a newline means that it ends a line, or the checks of the strings fail.
    """
    text = "\n" + text
    kept: list[str] = []
    start = seen = quotes = 0
    at = text.find("\n#")
    while at >= 0:
        quotes += text.count('"', seen, at)
        seen = at + 1
        if quotes % 2 == 0:
            kept.append(text[start:at])
            end = text.find("\n", at + 1)
            start = seen = len(text) if end < 0 else end
        at = text.find("\n#", seen)
    return "".join([*kept, text[start:]])[1:]


def _hide_strings(text: str) -> str:
    pieces = text.split('"')
    if len(pieces) % 2 == 0:
        raise NotCoveredError
    if {piece[-1:] for piece in pieces[:-1:2]} != {"="} or not {piece[:1] for piece in pieces[2::2]} <= _AFTER_STRING:
        raise NotCoveredError
    if QUOTE_MARK in text or PAIR_MARK in text:
        _check_outside("".join(pieces[::2]))
    inside = '"'.join(pieces[1::2])
    if any(map(inside.__contains__, _NEVER_IN_STRING)):
        raise NotCoveredError
    pieces[1::2] = inside.encode().translate(_TO_MARKS).decode().split('"')
    return '"'.join(pieces)


def _check_outside(text: str) -> None:
    """Refuse escapes that mean something else, or nothing, outside of strings."""
    # In a tag only the first of two backslashes is data and the second may escape what follows; elsewhere both are.
    if QUOTE_MARK in text or (PAIR_MARK in text and any(PAIR_MARK + character in text for character in " ,=")):
        raise NotCoveredError


def _normal_lines(text: str) -> str:
    if "\r" in text:
        text = _without_returns(text)
    if "\t" in text or "\v" in text or "\f" in text:
        raise NotCoveredError
    return text


def _without_returns(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if text.count("\r") != text.count("\r" + STRING_MARKS["\n"]):
        raise NotCoveredError
    return text
