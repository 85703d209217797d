"""The client's side of a stream of frames: a sliding window, and the moments at which it is worth painting.

Theory. A message with a schema says what columns there are; one without is rows for the schema before it. In a plain
stream the rows are kept as they come. If the first two columns are ``labels`` (a text) and a time, the stream carries
many series in one table: the buffer takes them apart by the text, a set of columns for each, and joins them by time, so
that a time stands once.

Two sources know the past: the channel's cached frame, given to each new subscriber, and whatever keeps history. Either
overlaps with what comes live, so both go through ``seed``. Up to the last time a history knows, the *seam*, a row is
taken once, whoever brings it first; behind the seam live rows are taken as they come.

Painting is the caller's: ``next_repaint`` says when, ``repaint`` gives what. However often rows come, it is not more
often than the interval, and what came in between is in the next picture.

::

    OPENING ── first frame ───> LIVE <── pause, resume ──> PAUSED
       └──────────────── end ─────┴──── end ────> ENDED <────┘

Paused, rows go on to be taken, but nothing is due; ended, one last picture is, if there is something new in it.

Source: @grafana/data 13.2.3 dataframe/StreamingDataFrame; where this differs, SPEC.md says so (GL-STREAM-014 on).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Literal

import attrs
from msgspec.structs import replace

from liveproto.errors import FrameError, LimitExceededError, LocalProtocolError
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.frame_json import read_message
from liveproto.frames.label_text import parse_label_text
from liveproto.frames.stream_window import Window, axis_of, join, take, times_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

NS_PER_S: Final = 1_000_000_000
_LABELS: Final = frozenset({"labels", "Labels"})


class StreamState(enum.Enum):
    """Where a stream is in its life."""

    OPENING = "nothing was seen"
    LIVE = "rows come and are shown"
    PAUSED = "rows come and are not shown"
    ENDED = "nothing comes any more"


@attrs.frozen(kw_only=True)
class StreamOptions:
    """What is kept, and how often it is shown."""

    action: Literal["append", "replace"] = "append"
    """Whether the rows of a message come behind the others or in their place."""
    max_length: int = 1000
    """Rows."""
    max_age_s: float | None = None
    """How much older than the last row the first may be."""
    max_series: int = 1000
    """Different texts in a labels column."""
    repaint_interval_s: float = 0.1
    """The least time between two pictures."""


DEFAULT_OPTIONS: Final = StreamOptions()


class StreamBuffer:
    """One stream as a client keeps it; ``now`` is the caller's clock in seconds."""

    def __init__(self, options: StreamOptions = DEFAULT_OPTIONS) -> None:
        self._options = options
        self._state = StreamState.OPENING
        self._schema: DataFrame | None = None
        self._head = DataFrame()
        self._by_label = False
        self._labels: dict[str, dict[str, str]] = {}
        self._window = Window()
        self._seam_ns: int | None = None
        self._changed_at: float | None = None
        self._painted_at: float | None = None

    def push(self, message: bytes, *, now: float) -> None:
        """Take a message of the stream (GL-STREAM-014 to -024).

        Raises:
            FrameError: it is no frame, a row has no time or no labels, or "push message mismatch": no schema came
                before it, or it has another number of columns; nothing has changed.
            LimitExceededError: it has more series than are allowed; nothing has changed.
            LocalProtocolError: the stream has ended.
        """
        self._expect_open("push")
        read = read_message(message, self._schema)
        rows = self._rows(read.frame)
        if read.has_schema:
            self._adopt(read.frame)
            self._schema = self._head
        if read.frame.rows:
            self._take(rows)
        if read.has_schema or read.frame.rows:
            self._changed(now)

    def seed(self, history: DataFrame, *, now: float) -> None:
        """Take rows of the past, before, between or after live ones, as often as there is a history (GL-STREAM-025).

        Afterwards the rows up to the last time of the history are in the order of time, those behind it in the order in
        which they came. A stream whose action is replace takes a history only while it has no rows.

        Args:
            history: a labels column is taken apart; columns that the stream does not have are left out.
            now: the caller's clock.

        Raises:
            FrameError: the history, or the stream, has no time column, the history alone has a labels column, or a row
                has no time or no labels; nothing has changed.
            LimitExceededError: it has more series than are allowed; nothing has changed.
            LocalProtocolError: the stream has ended.
        """
        self._expect_open("seed")
        head = self._head if self._head.fields else history
        for what, frame in (("history", history), ("stream", head)):
            if axis_of(frame.fields) is None:
                raise FrameError(f"expected a time column in the {what} (GL-STREAM-025)")
        if _is_by_label(history.fields) and not _is_by_label(head.fields):
            raise FrameError("expected a history without a labels column, as the stream has none (GL-STREAM-025)")
        if self._options.action == "replace" and self._window.rows:
            return
        rows = self._rows(history)
        if head is history:
            self._adopt(history)
        self._take_history(rows)
        if head is history or history.rows:
            self._changed(now)

    def pause(self) -> None:
        """Stop showing; rows go on to be taken.

        Raises:
            LocalProtocolError: the stream is not live.
        """
        self._move("pause", StreamState.LIVE, StreamState.PAUSED)

    def resume(self) -> None:
        """Show again.

        Raises:
            LocalProtocolError: the stream is not paused.
        """
        self._move("resume", StreamState.PAUSED, StreamState.LIVE)

    def end(self) -> None:
        """Take nothing any more; idempotent."""
        self._state = StreamState.ENDED

    def next_repaint(self) -> float | None:
        """Say from when on a picture is due; None if there is nothing new to show, or nothing may be shown."""
        if self._changed_at is None or self._state is StreamState.PAUSED:
            return None
        if self._painted_at is None:
            return self._changed_at
        return max(self._changed_at, self._painted_at + self._options.repaint_interval_s)

    def repaint(self, *, now: float) -> DataFrame | None:
        """Give the window if a picture is due (GL-STREAM-026, -027); the caller may keep it, it is a copy."""
        due = self.next_repaint()
        if due is None or now < due:
            return None
        self._changed_at, self._painted_at = None, now
        return self.frame

    @property
    def state(self) -> StreamState:
        """Where the stream is in its life."""
        return self._state

    @property
    def frame(self) -> DataFrame:
        """A copy of the window as it is now; without columns while the stream is opening."""
        return replace(self._head, fields=self._window.fields())

    def _expect_open(self, call: str) -> None:
        if self._state is StreamState.ENDED:
            raise LocalProtocolError(f"{call}: the stream has ended", "GL-STREAM-028")

    def _move(self, call: str, source: StreamState, target: StreamState) -> None:
        if self._state is not source:
            raise LocalProtocolError(f"{call}: expected {source.name}, got {self._state.name}", "GL-STREAM-028")
        self._state = target

    def _changed(self, now: float) -> None:
        if self._changed_at is None:
            self._changed_at = now
        if self._state is StreamState.OPENING:
            self._state = StreamState.LIVE

    def _adopt(self, frame: DataFrame) -> None:
        """Have the columns of a schema; of a labels column, those of every series that is known."""
        was_by_label = self._by_label
        self._head = replace(frame, fields=take(frame.fields, ()))
        self._by_label = _is_by_label(frame.fields)
        if not self._by_label:
            self._window.shape(frame.fields)
            return
        values = {(field.name, field.type): field for field in frame.fields[2:]}
        series = [
            replace(values[field.name, field.type], labels=field.labels, nullable=True)
            for field in self._window.fields()
            if (field.name, field.type) in values
        ]
        self._window.shape([frame.fields[1], *series])
        if not was_by_label:
            rows = self._window.fields()
            self._window.clear()
            self._window.merge(rows, overwrite=True)

    def _rows(self, frame: DataFrame) -> tuple[Field, ...]:
        """Make plain rows of a frame, with a time each where there is a time column."""
        if None in times_of(frame.fields):
            raise FrameError("expected a time in every row, got null (GL-STREAM-016)")
        if not _is_by_label(frame.fields):
            return frame.fields
        if None in frame.fields[0].values:
            raise FrameError("expected labels in every row, got null (GL-STREAM-021)")
        return self._spread(frame.fields)

    def _spread(self, fields: Sequence[Field]) -> tuple[Field, ...]:
        """Make a set of columns for each text of a labels column, joined by time (GL-STREAM-021, -023).

        Only of rows that may stay: a text costs a cell for each time.
        """
        texts, axis = fields[:2]
        times = sorted(set(axis.values))[-self._options.max_length :]
        row_of = {time_ns: row for row, time_ns in enumerate(times)}
        sources_of: dict[str, list[int]] = {}
        for source, (text, time_ns) in enumerate(zip(texts.values, axis.values, strict=True)):
            if time_ns in row_of:
                sources_of.setdefault(text, []).append(source)
        self._expect_series(sources_of)
        spread = [replace(axis, values=times)]
        for text, sources in sources_of.items():
            _, of_text, *columns = take(fields, sources)
            spread += [
                replace(
                    column,
                    values=join(column.values, of_text.values, row_of),
                    labels=self._labels[text],
                    nullable=True,
                )
                for column in columns
            ]
        return tuple(spread)

    def _expect_series(self, texts: Collection[str]) -> None:
        """Know the labels of each text; series without a cell in the window make room for new ones."""
        known = self._labels
        if len(known.keys() | texts) > self._options.max_series:
            alive = () if self._options.action == "replace" else tuple(filter(_has_cells, self._window.fields()))
            shown = {frozenset(field.labels.items()) for field in alive if field.labels is not None}
            known = {text: labels for text, labels in known.items() if frozenset(labels.items()) in shown}
            if (count := len(known.keys() | texts)) > self._options.max_series:
                raise LimitExceededError("max_series", count, self._options.max_series)
            self._window.shape(alive)
        new = [text for text in texts if text not in known]
        self._labels = known | _labels_of(new, known.values()) if new else known

    def _take(self, rows: Sequence[Field]) -> None:
        """Take live rows."""
        window = self._window
        if self._options.action == "replace":
            window.clear()
            self._seam_ns = None
        times = times_of(rows)
        if self._by_label:
            window.widen(rows)
            if window.rows and times[0] <= window.times[-1]:
                window.merge(rows, overwrite=True)
            else:
                window.append(rows)
        elif self._seam_ns is not None and any(time_ns <= self._seam_ns for time_ns in times):
            window.add_unseen(rows, until_ns=self._seam_ns)
        else:
            window.append(rows)
        self._trim()

    def _take_history(self, rows: Sequence[Field]) -> None:
        times = times_of(rows)
        if not times:
            return
        last = max(times)
        self._seam_ns = last if self._seam_ns is None else max(last, self._seam_ns)
        if self._by_label:
            axis, values = axis_of(rows), {(field.name, field.type) for field in self._head.fields[2:]}
            rows = [field for field in rows if field is axis or (field.name, field.type) in values]
            self._window.widen(rows)
            self._window.merge(rows, overwrite=False)
        else:
            self._window.add_unseen(rows, until_ns=self._seam_ns)
        self._trim()

    def _trim(self) -> None:
        age_s = self._options.max_age_s
        self._window.trim(self._options.max_length, None if age_s is None else round(age_s * NS_PER_S))


def _is_by_label(fields: Sequence[Field]) -> bool:
    """Tell whether the first two columns are labels and a time (GL-STREAM-021)."""
    kinds = [field.type for field in fields[:2]]
    return kinds == [FieldType.STRING, FieldType.TIME] and fields[0].name in _LABELS


def _has_cells(field: Field) -> bool:
    return any(cell is not None for cell in field.values)


def _labels_of(texts: Iterable[str], others: Iterable[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Read new texts; one that is read as the labels of another has itself as its label (GL-STREAM-021)."""
    taken = {frozenset(labels.items()) for labels in others}
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        labels, label = parse_label_text(text), text
        while frozenset(labels.items()) in taken:
            labels, label = {"labels": label}, f"labels={label}"
        taken.add(frozenset(labels.items()))
        found[text] = labels
    return found
