"""Line protocol to data frames, as Grafana's push endpoint converts it.

Theory. Two routes lead to the same frames. The exact one parses metrics and applies the rules to one value at a time;
the fast one works on columns of text and covers nearly every body there is. What it does not cover, malformed bodies
among it, goes the exact way, so an error is always the exact parser's, with line and column. Time is linear in the
body, in the cells of the frames and in the labels of their columns. Of the last two there are limits: lines that share
no field names fill a table with nulls, and each field of a wide frame repeats the tags of its line.

Sources: grafana pkg/services/live/telemetry/telegraf/convert.go; SPEC.md, CONV.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from liveproto.frames import exact_route, fast_route
from liveproto.frames.exact_route import LABEL_LIMIT
from liveproto.frames.line_protocol import parse
from liveproto.frames.series import SeriesCache
from liveproto.frames.shield import NotCoveredError
from liveproto.frames.taken import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liveproto.frames.frame import DataFrame
    from liveproto.frames.line_protocol import Metric

FrameFormat: TypeAlias = Literal["labels_column", "wide"]

SERIES_LIMIT: Final = 50_000
CELL_LIMIT: Final = 10_000_000


class Converter:
    """Convert bodies for as long as a server lives.

    It remembers the series it has seen and nothing else, so no body changes what another becomes. Not for use by two
    threads at once.

    Args:
        frame_format: ``labels_column`` for a frame of each measurement, ``wide`` for one of each measurement and time.
        series_limit: how many heads of lines, measurement and tags, to remember.
        cell_limit: how many cells, rows times columns, the frames of one body may have in ``labels_column``.
        label_limit: how many characters the labels of their columns may have in ``wide``, where each field of a line
            has all its tags, as ``key=value`` with ``, `` between them.
    """

    def __init__(
        self,
        frame_format: FrameFormat = "labels_column",
        *,
        series_limit: int = SERIES_LIMIT,
        cell_limit: int = CELL_LIMIT,
        label_limit: int = LABEL_LIMIT,
    ) -> None:
        self._format: FrameFormat = frame_format
        self._series = SeriesCache(series_limit)
        self._cell_limit = cell_limit
        self._label_limit = label_limit

    def convert(self, data: bytes, *, now_ns: int, taken: Counter[Exit] | None = None) -> list[DataFrame]:
        """Convert one body.

        Args:
            data: lines in Grafana's dialect; without any, there are no frames.
            now_ns: the time of lines without one, nanoseconds since the epoch.
            taken: counts the steps by which it was converted.

        Returns:
            Frames in the order in which they are published; equal names share a channel (GL-CONV-001).

        Raises:
            LineProtocolError: a line cannot be read; then no frame exists.
            LimitExceededError: the frames would have more than ``cell_limit`` cells, or their columns more than
                ``label_limit`` characters of labels (GL-CONV-021).
        """
        taken = Counter() if taken is None else taken
        try:
            return self._fast(data, now_ns, taken)
        except NotCoveredError:
            taken[Exit.EXACT] += 1
            return convert_exactly(
                data, self._format, now_ns=now_ns, cell_limit=self._cell_limit, label_limit=self._label_limit
            )

    def _fast(self, data: bytes, now_ns: int, taken: Counter[Exit]) -> list[DataFrame]:
        if self._format == "wide":
            return fast_route.wide(data, now_ns, self._series, self._label_limit, taken)
        return fast_route.labels_column(data, now_ns, self._series, self._cell_limit, taken)


def convert(data: bytes, frame_format: FrameFormat = "labels_column", *, now_ns: int) -> list[DataFrame]:
    """Convert one body with a converter that is then thrown away; see ``Converter.convert``."""
    return Converter(frame_format).convert(data, now_ns=now_ns)


def convert_exactly(
    data: bytes,
    frame_format: FrameFormat = "labels_column",
    *,
    now_ns: int,
    cell_limit: int = CELL_LIMIT,
    label_limit: int = LABEL_LIMIT,
) -> list[DataFrame]:
    """Convert one body by the exact route alone; see ``Converter.convert``."""
    metrics = parse(data, now_ns=now_ns).metrics
    return convert_metrics(metrics, frame_format, cell_limit=cell_limit, label_limit=label_limit)


def convert_metrics(
    metrics: Sequence[Metric],
    frame_format: FrameFormat = "labels_column",
    *,
    cell_limit: int = CELL_LIMIT,
    label_limit: int = LABEL_LIMIT,
) -> list[DataFrame]:
    """Make frames of lines that are read already, in whatever dialect; see ``Converter.convert``."""
    if frame_format == "wide":
        return exact_route.wide(metrics, label_limit)
    return exact_route.labels_column(metrics, cell_limit)
