"""InfluxDB line protocol: a body of lines in, metrics out.

Theory. Two dialects are in use and neither contains the other. ``grafana`` is what Grafana's push endpoint accepts,
version 1 of influxdata/line-protocol; ``strict`` is version 2, which InfluxDB's documents describe. Everything is
bytes, because version 1 lets bytes through that are not UTF-8. One bad line refuses a whole body in Grafana
(``reject``); ``collect`` keeps the lines that can be read and goes on behind the next LF after the place of an error,
which is the opening quote where a string is never closed. Time is linear in the body.

Not here: the tokens (``grafana_grammar``, ``strict_grammar``) and the shape of a line (``line_grammar``); columns and
frames (``converter``).

Sources: those of the grammars.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from liveproto.errors import LineErrorKind, LineProtocolError
from liveproto.frames.grafana_grammar import GRAFANA
from liveproto.frames.line_grammar import Fault, FieldTriple, Kind, Point, TagPair, Value, read_point, skip_to_point
from liveproto.frames.strict_grammar import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from liveproto.frames.line_grammar import Grammar

__all__ = [
    "Dialect",
    "FieldTriple",
    "Kind",
    "LineErrorKind",
    "LineProtocolError",
    "Metric",
    "OnError",
    "ParseResult",
    "Precision",
    "TagPair",
    "Value",
    "parse",
]

Dialect: TypeAlias = Literal["grafana", "strict"]
OnError: TypeAlias = Literal["reject", "collect"]
Precision: TypeAlias = Literal["ns", "us", "ms", "s"]

_GRAMMARS: Final[Mapping[Dialect, Grammar]] = MappingProxyType({"grafana": GRAFANA, "strict": STRICT})
_UNIT_NS: Final[Mapping[Precision, int]] = MappingProxyType({"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000})


@attrs.frozen
class Metric:
    """One line, unescaped."""

    name: bytes
    tags: tuple[TagPair, ...]
    """Sorted by key; ``strict`` keeps a repeated key, in the order written."""
    fields: tuple[FieldTriple, ...]
    """Key, kind and value, at least one, in the order written; ``strict`` keeps a repeated key."""
    time_ns: int
    """Nanoseconds since the epoch, in 64 bits."""


@attrs.frozen
class ParseResult:
    """What a body holds."""

    metrics: tuple[Metric, ...]
    errors: tuple[LineProtocolError, ...]
    """One for each line that could not be read; empty where errors are raised."""


def parse(
    data: bytes,
    *,
    now_ns: int,
    dialect: Dialect = "grafana",
    on_error: OnError = "reject",
    precision: Precision = "ns",
) -> ParseResult:
    """Read a body of line protocol.

    Args:
        data: any bytes; empty and comment lines are no metrics, so an empty body has none.
        now_ns: the time of lines without one, cut to ``precision``.
        dialect: ``grafana`` as Grafana reads it, ``strict`` as influxdata/line-protocol v2 does.
        on_error: ``reject`` raises the first error; ``collect`` returns all, and the lines that are good.
        precision: the unit of timestamps; Grafana knows only nanoseconds.

    Raises:
        LineProtocolError: a line cannot be read, and ``on_error`` is ``reject``.
    """
    unit_ns = _UNIT_NS[precision]
    default_ns = now_ns - now_ns % unit_ns
    metrics: list[Metric] = []
    errors: list[LineProtocolError] = []
    line, counted = 1, 0
    for found in _read(_GRAMMARS[dialect], data, unit_ns):
        if isinstance(found, Point):
            time_ns = default_ns if found.time_ns is None else found.time_ns
            metrics.append(Metric(found.measurement, found.tags, found.fields, time_ns))
            continue
        line += data.count(b"\n", counted, found.at)
        counted = found.at
        error = _located(found, data, line)
        if on_error == "reject":
            raise error
        errors.append(error)
    return ParseResult(tuple(metrics), tuple(errors))


def _read(grammar: Grammar, data: bytes, unit_ns: int) -> Iterator[Point | Fault]:
    """Read points and faults in the order of the body; after a fault, go on after the next LF."""
    at = 0
    while True:
        try:
            start = skip_to_point(grammar, data, at)
            if start == len(data):
                return
            point, at = read_point(grammar, data, start, unit_ns)
        except Fault as fault:
            yield fault
            at = data.find(b"\n", fault.at) + 1 or len(data)
        else:
            yield (_utf8_fault(data, start, at) if grammar.is_utf8 else None) or point


def _utf8_fault(data: bytes, start: int, end: int) -> Fault | None:
    try:
        data[start:end].decode()
    except UnicodeDecodeError as error:
        return Fault(start + error.start, LineErrorKind.UTF8, "UTF-8")
    return None


def _located(fault: Fault, data: bytes, line: int) -> LineProtocolError:
    start = data.rfind(b"\n", 0, fault.at) + 1
    end = data.find(b"\n", fault.at)
    text = data[start:] if end < 0 else data[start:end]
    return LineProtocolError(fault.expected, fault.kind, line, fault.at - start + 1, text)
