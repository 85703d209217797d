"""What a stranger has sent, made fit for a terminal: no control characters, no change of direction, no flood.

Not here: colours and columns (``lint``, ``show``).
"""

from __future__ import annotations

from typing import Final

_SHORT: Final = 0x100
_BASIC: Final = 0x10000
_CONTINUES: Final = 0x80
"""The two highest bits of a byte inside a character of UTF-8."""
_LONGEST: Final = 4


def printable(text: str) -> str:
    """Escape, as Python would, every character that is not seen as itself: controls, bidi, invisible ones."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def printable_bytes(data: bytes, limit: int, total: int | None = None) -> str:
    """Show the beginning of some bytes, and how many there are (``total``) where that is not all of them."""
    total = len(data) if total is None else total
    if total <= limit:
        return printable(data.decode(errors="backslashreplace"))
    return f"{printable(_beginning(data, limit).decode(errors='backslashreplace'))}… ({total:,} bytes)"


def counted(number: int, noun: str) -> str:
    """Say how many there are of something whose plural ends in s."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _beginning(data: bytes, limit: int) -> bytes:
    """Cut between two characters, if it is text."""
    end = min(limit, len(data))
    while end < len(data) and limit - end < _LONGEST and data[end] & 0xC0 == _CONTINUES:
        end -= 1
    return data[:end]


def _escaped(character: str) -> str:
    number = ord(character)
    if number < _SHORT:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _BASIC else f"\\U{number:08x}"
