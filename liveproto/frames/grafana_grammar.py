r"""Line protocol as Grafana reads it: influxdata/line-protocol v1, as it was observed to answer.

Theory. v1 is a state machine over bytes: it knows neither UTF-8 nor control characters, so all but white space and
structure is part of a name. White space is space, tab, vertical tab and form feed. In a measurement and a field key a
backslash always takes the next byte with it; in tags a second backslash starts afresh. Unescaping comes after cutting
and depends on the token: in a key without comma, equals sign and space, ``\"`` stays as it is.

Not here: v1's fault at the end of input, where a last line that is a measurement ending in a lone backslash repeats
the point before it or crashes; here it is an error.

Sources: influxdata/line-protocol b1ad95c89adf, run; its answers to the corpus of v2.
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

_KEY_ESCAPE: Final = re.compile(rb'\\([,"= ])')
_STRUCTURAL: Final = re.compile(rb"[,= ]")
_STRING_ESCAPE: Final = re.compile(rb'\\(["\\])')


def _unescape_key(token: bytes) -> bytes:
    return _KEY_ESCAPE.sub(rb"\1", token) if _STRUCTURAL.search(token) else token


def _unescape_string(token: bytes) -> bytes:
    return _STRING_ESCAPE.sub(rb"\1", token)


GRAFANA: Final = Grammar(
    space=re.compile(rb"[\t\v\f ]*+"),
    line_end=re.compile(rb"[\t\v\f ]*+(?:\r?\n|\r?\Z)"),
    comment=re.compile(rb"#[^\n]*+"),
    measurement=re.compile(rb"[^\t\n\v\f\r ,\\]*+(?:\\[^\t\n\v\f\r][^\t\n\v\f\r ,\\]*+)*+"),
    tag=re.compile(rb"[^\t\n\v\f\r ,=\\]*+(?:\\++[^\t\n\v\f\r\\][^\t\n\v\f\r ,=\\]*+)*+"),
    field_key=re.compile(rb"[^\t\n\v\f\r ,=\\]*+(?:\\[^\t\n\v\f\r][^\t\n\v\f\r ,=\\]*+)*+"),
    string=re.compile(rb'"[^\f\r"\\]*+(?:(?:\\["\\]|\r\n)[^\f\r"\\]*+)*+'),
    scalar=re.compile(
        rb"(?P<int>-?(?:0|[1-9][0-9]*+)i)"
        rb"|(?P<uint>(?:0|[1-9][0-9]*+)u)"
        rb"|(?P<float>-?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+)"
        rb"|(?P<bool>true|True|TRUE|false|False|FALSE|[tTfF])"
    ),
    scalars=MappingProxyType(
        {
            "int": (Kind.INT, read_int),
            "uint": (Kind.UINT, read_uint),
            "float": (Kind.FLOAT, read_float),
            "bool": (Kind.BOOL, read_bool),
        }
    ),
    timestamp=re.compile(rb"-?[0-9]{1,19}"),
    unescape_measurement=unescape_measurement,
    unescape_key=_unescape_key,
    unescape_string=_unescape_string,
    keeps_duplicates=False,
    is_utf8=False,
    time_wraps=True,
)
