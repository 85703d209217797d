"""Columns of text to columns of values.

Theory. A column of numbers is a JSON array but for its brackets, and JSON's numbers are stricter than those of line
protocol: no ``nan``, no ``0x10``, no ``1_000``, and also no ``.5`` and no ``007``. So a typed JSON decoder reads all
columns of a kind in one call and refuses every wrong value with the few odd ones. A column it refuses is read again one
value at a time, by the grammar of line protocol. Integers become floats at once, ``12i`` read as ``12.0``; one that
rounds to the end of 64 bits is refused, because a float can no longer tell on which side it was.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import msgspec

from liveproto.frames.frame import FieldType
from liveproto.frames.grafana_grammar import GRAFANA
from liveproto.frames.line_protocol import Kind
from liveproto.frames.shield import FREE_MARK, NotCoveredError, restore_strings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from liveproto.frames.cells import TextValue

Text: TypeAlias = tuple[str, int]
"""The values of a column, joined by commas, and how many they are."""
Typed: TypeAlias = tuple[FieldType, list[Any]]
"""The type that all values of a column have, and its cells."""

WholeFloat: TypeAlias = Annotated[float, msgspec.Meta(gt=-(2.0**63), lt=2.0**63)]
"""A number that is in 64 bits if it is the rounded one of an integer."""

_FLOATS: Final = msgspec.json.Decoder(list[list[float]])
_INTS: Final = msgspec.json.Decoder(list[list[WholeFloat]])
_BOOLS: Final = msgspec.json.Decoder(list[list[bool]])


_Look: TypeAlias = Literal["floats", "ints", "bools", "strings", "odd"]
"""What the first and the last character say about a column."""

_FIRST: Final[Mapping[str, _Look]] = MappingProxyType(
    {**dict.fromkeys("-0123456789", "floats"), "t": "bools", "f": "bools", '"': "strings"}
)
_DECODERS: Final[Mapping[_Look, tuple[FieldType, Callable[[str], list[list[Any]]]]]] = MappingProxyType(
    {
        "floats": (FieldType.FLOAT64, _FLOATS.decode),
        "ints": (FieldType.FLOAT64, _INTS.decode),
        "bools": (FieldType.BOOL, _BOOLS.decode),
    }
)


def typed_columns(texts: Sequence[Text]) -> list[Typed | None]:
    """Read columns, those of a kind together; None for one that must be read value by value."""
    found: list[Typed | None] = [None] * len(texts)
    alike: dict[_Look, list[tuple[int, str, int]]] = {}
    for place, (text, rows) in enumerate(texts):
        look, plain = _prepared(text, rows)
        alike.setdefault(look, []).append((place, plain, rows))
    for place, text, _ in alike.pop("strings", ()):
        found[place] = FieldType.STRING, _strings(text)
    alike.pop("odd", None)
    for look, columns in alike.items():
        for (place, _, _), column in zip(columns, _decoded(look, columns), strict=True):
            found[place] = column
    return found


def value_of(text: str) -> tuple[Kind, TextValue]:
    """Read one value.

    Raises:
        NotCoveredError: it is none.
    """
    if text[:1] == '"':
        before, *inside, after = text.split('"')
        if before or after or len(inside) != 1:
            raise NotCoveredError
        return Kind.STRING, restore_strings(inside[0])
    match = GRAFANA.scalar.fullmatch(text.encode())
    if match is None:
        raise NotCoveredError
    kind, read = GRAFANA.scalars[str(match.lastgroup)]
    value = read(match[0])
    if value is None or isinstance(value, bytes):
        raise NotCoveredError
    return kind, value


def _prepared(text: str, rows: int) -> tuple[_Look, str]:
    """Say how to read a column, and its text ready for that."""
    look = _FIRST.get(text[:1], "odd")
    if look == "strings":
        is_plain = text.count('"') == 2 * rows == 2 * text.count('","') + 2 and text[-1] == '"' and '"NaN"' not in text
        return (look, text[1:-1]) if is_plain else ("odd", text)
    if look != "floats":
        return look, text
    # JSON's -0 is an integer and loses its sign, which an integer never had.
    if "-0" in text and ("-0," in text or "-0i" in text or text.endswith("-0")):
        return "odd", text
    return ("ints", (text + ",").replace("i,", ".0,")[:-1]) if "i" in text else (look, text)


def _decoded(look: _Look, columns: Sequence[tuple[int, str, int]]) -> list[Typed | None]:
    """Decode columns of a kind in one call, or, if one of them is refused, in a call for each."""
    type_, decode = _DECODERS[look]
    try:
        found = decode("[[" + "],[".join([text for _, text, _ in columns]) + "]]")
    except msgspec.DecodeError:
        found = []
    if [len(column) for column in found] == [rows for _, _, rows in columns]:
        return [(type_, column) for column in found]
    return [None] if len(columns) == 1 else [_decoded(look, [column])[0] for column in columns]


def _strings(inside: str) -> list[str]:
    return restore_strings(inside.replace('","', FREE_MARK)).split(FREE_MARK)
