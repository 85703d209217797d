"""``liveproto convert``: lines to frames offline, read as Grafana reads them or strictly."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.errors import LimitExceededError, LineProtocolError
from liveproto.frames import frame_json
from liveproto.frames.converter import Converter, convert_metrics
from liveproto.frames.line_protocol import parse
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from liveproto.frames.converter import FrameFormat
    from liveproto.frames.frame import DataFrame
    from liveproto.frames.line_protocol import Dialect, Metric

STREAM: Final = "telegraf"
"""The stream id of the channels: that of Grafana's tutorial, since offline there is none."""


def convert(body: bytes, frame_format: FrameFormat, dialect: Dialect, now_ns: int) -> Exit:
    """Print each frame of a body with its channel, as one JSON object a line; or where the body cannot be read."""
    try:
        frames = _frames(body, frame_format, dialect, now_ns)
    except (LineProtocolError, LimitExceededError) as error:
        sys.stderr.write(f"{error}\n")
        return Exit.NONCONFORMANT
    for frame in frames:
        channel = json.dumps(f"stream/{STREAM}/{frame.name}", ensure_ascii=False)
        sys.stdout.write(f'{{"channel":{channel},"frame":{frame_json.encode(frame).decode()}}}\n')
    return Exit.CONFORMANT


def _frames(body: bytes, frame_format: FrameFormat, dialect: Dialect, now_ns: int) -> list[DataFrame]:
    if dialect == "grafana":
        return Converter(frame_format).convert(body, now_ns=now_ns)
    metrics = parse(body, now_ns=now_ns, dialect=dialect).metrics
    return convert_metrics(list(map(_without_repeats, metrics)), frame_format)


def _without_repeats(metric: Metric) -> Metric:
    """Keep the last of repeated tags and fields, which the strict dialect leaves to its caller."""
    fields = {field[0]: field for field in metric.fields}
    return attrs.evolve(metric, tags=tuple(dict(metric.tags).items()), fields=tuple(fields.values()))
