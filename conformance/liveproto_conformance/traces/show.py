"""``liveproto show``: read a trace.

Theory. Filters are of two kinds: most choose which events there are at all, and ``grep`` and ``channel`` which of these
are looked for; context is counted in events that were chosen.

Not here: judging (``lint``).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

import attrs
from rich.text import Text

from liveproto.session.monitor import Side
from liveproto.session.monitor.raw import as_object
from liveproto_conformance.report.console import make_console
from liveproto_conformance.report.printable import printable, printable_bytes
from liveproto_conformance.target import UsageError
from liveproto_conformance.traces.trace import read_trace
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rich.console import Console

    from liveproto_conformance.traces.trace import Event, Trace

_POLL_S: Final = 0.2
_STYLES: Final = {"close": "yellow", "lost": "bold red", "http": "dim", "open": "dim"}
_UNCUT: Final = 2**63
_BYTES_A_COLUMN: Final = 4


class ChannelMatch:
    """Finds what concerns one channel: what names it, and the reply to a command that did."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._asked: defaultdict[int, set[int]] = defaultdict(set)
        """Ids of commands that named it, by connection; until the connection is closed."""

    def __call__(self, event: Event) -> bool:
        """Tell whether an event concerns the channel."""
        asked = self._asked[event.connection]
        found = False
        for value in _objects(event.payload):
            id_ = value.get("id")
            named = self._is_named(value)
            found |= named or (event.side is Side.SERVER and id_ in asked)
            if named and event.side is Side.CLIENT and isinstance(id_, int):
                asked.add(id_)
        if event.kind == "close":
            del self._asked[event.connection]
        return found

    def _is_named(self, value: dict[str, Any]) -> bool:
        parts = [value, *filter(None, map(as_object, value.values()))]
        return any(
            part.get("channel") == self._channel or self._channel in (as_object(part.get("subs")) or ())
            for part in parts
        )


@attrs.frozen(kw_only=True)
class View:
    """What is shown, and how; a filter that is None or empty lets everything through."""

    connections: tuple[int, ...] = ()
    check: str | None = None
    direction: str | None = None
    """Side that sent it."""
    kinds: tuple[str, ...] = ()
    grep: str | None = None
    channel: str | None = None
    context: int = 0
    full: bool = False
    follow: bool = False
    format_: str = "text"

    def chooses(self, event: Event) -> bool:
        """Tell whether an event is there at all."""
        return (
            (not self.connections or event.connection in self.connections)
            and (self.check is None or event.check.startswith(self.check))
            and (self.direction is None or event.side == self.direction)
            and (not self.kinds or event.kind in self.kinds)
        )


def show(path: Path, view: View) -> Exit:
    """Print the events of a trace that match.

    Raises:
        UsageError: it is no trace.
    """
    try:
        with path.open("rb") as file:
            trace = read_trace(file)
            if not trace.header:
                raise UsageError(f"{path} is no trace: {trace.damage}")
            # A signal is how following ends.
            with contextlib.suppress(*([KeyboardInterrupt] if view.follow else [])):
                _print_all(trace, view)
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.CONFORMANT
    if trace.damage is not None:
        make_console(stderr=True).print(f"{path}: {trace.damage}", style="bold red", markup=False)
    return Exit.CONFORMANT


def _print_all(trace: Trace, view: View) -> None:
    printer = _JsonPrinter() if view.format_ == "json" else _TextPrinter(make_console(), full=view.full)
    events = _followed(trace) if view.follow else iter(trace)
    for event in with_context(_matched(events, view), view.context):
        printer.print(event)


def _matched(events: Iterable[Event], view: View) -> Iterator[tuple[Event, bool]]:
    """Yield the events that were chosen, and whether each is looked for."""
    concerns = None if view.channel is None else ChannelMatch(view.channel)
    text = (view.grep or "").encode()
    for event in events:
        # Also what is not shown may be the command that a reply belongs to.
        concerned = concerns is None or concerns(event)
        if view.chooses(event):
            yield event, concerned and text in event.payload


def _followed(trace: Trace) -> Iterator[Event]:
    """Yield what is there and what is written later, until damage that no writing mends."""
    while trace.damage is None or trace.damage.cut:
        yield from trace
        sys.stdout.flush()
        time.sleep(_POLL_S)


def with_context(events: Iterable[tuple[Event, bool]], context: int) -> Iterator[Event | None]:
    """Yield the events that match, with as many around each; None stands where others were left out."""
    before: deque[Event] = deque(maxlen=context)
    after = skipped = 0
    for event, matches in events:
        if matches:
            if skipped > len(before) and context:
                yield None
            yield from before
            yield event
            before.clear()
            after, skipped = context, 0
        elif after:
            yield event
            after -= 1
        else:
            before.append(event)
            skipped += 1


class _JsonPrinter:
    """One JSON object a line, in ASCII."""

    def print(self, event: Event | None) -> None:
        if event is not None:
            sys.stdout.write(json.dumps(_as_json(event)) + "\n")


class _TextPrinter:
    """Columns; colours and a width only on a terminal."""

    def __init__(self, console: Console, *, full: bool) -> None:
        self._console = console
        self._width = None if full or not console.is_terminal else console.width
        self._check = ""

    def print(self, event: Event | None) -> None:
        if event is None:
            self._write(Text("...", style="dim"))
            return
        if event.check != self._check:
            self._check = event.check
            self._write(Text(f"{printable(event.check)} example {event.example}", style="bold"))
        for row in _rows(event, self._width):
            self._write(row)

    def _write(self, row: Text) -> None:
        if not self._console.is_terminal:
            sys.stdout.write(row.plain + "\n")
            return
        if self._width is not None:
            row.truncate(self._width, overflow="ellipsis")
        self._console.print(row, soft_wrap=True)


def _rows(event: Event, width: int | None) -> Iterator[Text]:
    limit = _UNCUT if width is None else width * _BYTES_A_COLUMN
    arrow = "cyan" if event.side is Side.CLIENT else "green"
    head = (
        (f"{event.time_s:>12.6f} {event.connection:>4} ", "dim"),
        (event.direction, arrow),
        (f" {printable(event.kind):<6} ", _STYLES.get(event.kind, "dim")),
    )
    indent = " " * sum(len(text) for text, _ in head)
    for number, line in enumerate(event.payload.split(b"\n")):
        yield Text.assemble(*(head if number == 0 else [indent]), printable_bytes(line, limit))


def _as_json(event: Event) -> dict[str, Any]:
    fields: dict[str, Any] = attrs.asdict(event)
    payload = fields.pop("payload")
    try:
        fields["payload"] = payload.decode()
    except UnicodeDecodeError:
        fields["payload_base64"] = base64.b64encode(payload).decode()
    return fields


def _objects(payload: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects that are lines."""
    for line in payload.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if (object_ := as_object(value)) is not None:
            yield object_
