"""Line protocol as influxdata/line-protocol v2 reads it, which Telegraf can use and InfluxDB's documents describe.

Theory. White space is the space. A control character ends a name and is then an error, and all text is UTF-8. A
backslash means itself unless the next byte is one it may escape; so no name can end in one. Numbers go to Go's
``ParseFloat`` when they end in neither ``i`` nor ``u``: underscores between digits and hexadecimal floats are
accepted, against the written grammar, and so here.

Sources: influxdata/line-protocol v2/lineprotocol 08518c8, run, and its corpus; Go strconv.ParseFloat.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from liveproto.frames.line_grammar import (
    Grammar,
    Kind,
    read_bool,
    read_float,
    read_int,
    read_uint,
    unescape_measurement,
)

_KEY_ESCAPE: Final = re.compile(rb"\\([,= ])")
_STRING_ESCAPE: Final = re.compile(rb'\\(["\\nrt])')
_MEANING: Final = MappingProxyType({b'"': b'"', b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"})

_DECIMAL: Final = rb"[0-9]++(?:_[0-9]++)*+"
_HEX: Final = rb"[0-9a-fA-F]++(?:_[0-9a-fA-F]++)*+"
_EXPONENT: Final = rb"[+-]?" + _DECIMAL


def _unescape_key(token: bytes) -> bytes:
    return _KEY_ESCAPE.sub(rb"\1", token)


def _unescape_string(token: bytes) -> bytes:
    return _STRING_ESCAPE.sub(lambda escape: _MEANING[escape[1]], token)


def _read_float(text: bytes) -> float | None:
    return read_float(text.replace(b"_", b""))


def _read_hex_float(text: bytes) -> float | None:
    try:
        return float.fromhex(text.replace(b"_", b"").decode())
    except OverflowError:
        return None


STRICT: Final = Grammar(
    space=re.compile(rb"[ ]*+"),
    line_end=re.compile(rb"[ ]*+(?:\r?\n|\r?\Z)"),
    comment=re.compile(rb"#[^\x00-\x1f\x7f]*+"),
    measurement=re.compile(rb"[^\x00-\x20\x7f,\\]*+(?:\\[ ,]?+[^\x00-\x20\x7f,\\]*+)*+"),
    tag=re.compile(rb"[^\x00-\x20\x7f,=\\]*+(?:\\[ ,=]?+[^\x00-\x20\x7f,=\\]*+)*+"),
    field_key=re.compile(rb"[^\x00-\x20\x7f,=\\]*+(?:\\[ ,=]?+[^\x00-\x20\x7f,=\\]*+)*+"),
    string=re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL),
    scalar=re.compile(
        rb"(?P<int>-?[0-9]++i)"
        rb"|(?P<uint>[0-9]++u)"
        rb"|(?P<hex>-?0[xX](?:_?" + _HEX + rb"(?:\.(?:" + _HEX + rb")?+)?+|\." + _HEX + rb")[pP]" + _EXPONENT + rb")"
        rb"|(?P<float>-?(?:" + _DECIMAL + rb"(?:\.(?:" + _DECIMAL + rb")?+)?+|\." + _DECIMAL + rb")"
        rb"(?:[eE]" + _EXPONENT + rb")?+)"
        rb"|(?P<bool>true|True|TRUE|false|False|FALSE|[tTfF])"
    ),
    scalars=MappingProxyType(
        {
            "int": (Kind.INT, read_int),
            "uint": (Kind.UINT, read_uint),
            "hex": (Kind.FLOAT, _read_hex_float),
            "float": (Kind.FLOAT, _read_float),
            "bool": (Kind.BOOL, read_bool),
        }
    ),
    timestamp=re.compile(rb"-?[0-9]++"),
    unescape_measurement=unescape_measurement,
    unescape_key=_unescape_key,
    unescape_string=_unescape_string,
    keeps_duplicates=True,
    is_utf8=True,
    time_wraps=False,
)
