"""Whether both routes of the converter, and Grafana's own modules in Go, agree on bodies.

Of each body three things are compared: its metrics with those of the live parser; the frames of the converter, which is
fast where it can be, with those of the exact route, byte for byte in both layouts; and the frames in the labels_column
layout with those of the Go side's own conversion. Where one refuses, all must, and both routes at the same place.
"""

import json
from collections import Counter

import attrs
from go_oracle import Refused

from liveproto.errors import LineProtocolError
from liveproto.frames import frame_json
from liveproto.frames.converter import Converter, convert_exactly
from liveproto.frames.line_protocol import parse
from liveproto.frames.taken import Exit

NOW_NS = 1_700_000_000_000_000_003
BATCH = 500
EXITS = {"labels_column": tuple(Exit), "wide": tuple(exit_ for exit_ in Exit if exit_ is not Exit.CONFLICT)}
"""By layout; in the wide one every value has a column of its own."""
SERIES_LIMIT = 50
"""Small, so that the cache forgets while the bodies go through."""


@attrs.define
class Agreement:
    """Counts and disagreements so far; ``finish`` asks about the last bodies."""

    go: object
    accepted: int = 0
    refused: int = 0
    upstream_faults: int = 0
    different: list[tuple[str, bytes]] = attrs.field(factory=list)
    exits: dict[str, Counter[Exit]] = attrs.field(factory=lambda: {layout: Counter() for layout in EXITS})
    _converters: dict[str, Converter] = attrs.field(
        factory=lambda: {layout: Converter(layout, series_limit=SERIES_LIMIT) for layout in EXITS}
    )
    _waiting: list[bytes] = attrs.field(factory=list)

    def add(self, body):
        self._waiting.append(body)
        if len(self._waiting) == BATCH:
            self.finish()

    def finish(self):
        bodies, self._waiting = self._waiting, []
        answers = zip(bodies, self.go.parse_all(bodies, NOW_NS), self.go.convert_all(bodies, NOW_NS), strict=True)
        for body, metrics, frames in answers:
            self._judge(body, metrics, frames)

    @property
    def shares(self):
        """Which parts of the bodies were accepted and refused."""
        total = self.accepted + self.refused
        return self.accepted / total, self.refused / total

    @property
    def counts(self):
        """Each exit of the fast route with the number of times it was taken."""
        return [(layout, exit_, self.exits[layout][exit_]) for layout, exits in EXITS.items() for exit_ in exits]

    def report(self):
        accepted, refused = self.shares
        return "\n".join([
            f"{self.accepted + self.refused} bodies: {accepted:.1%} accepted, {refused:.1%} refused",
            f"{self.upstream_faults} on which version 1 breaks down, {len(self.different)} on which they differ",
            *(f"{times:>9}  {layout}: {exit_.value}" for layout, exit_, times in self.counts),
        ])  # fmt: skip

    def _judge(self, body, metrics, frames):
        read = refusal_or(lambda: parse(body, now_ns=NOW_NS).metrics)
        if isinstance(read, Refused):
            self.refused += 1
        else:
            self.accepted += 1
        for layout in EXITS:
            self._judge_layout(body, layout, frames)
        if not agree(read, metrics):
            if broke_down(body, read, metrics):
                self.upstream_faults += 1
            else:
                self.different.append(("metrics of Go", body))

    def _judge_layout(self, body, layout, go_frames):
        convert, taken = self._converters[layout].convert, self.exits[layout]
        exact = refusal_or(lambda: texts(convert_exactly(body, layout, now_ns=NOW_NS)))
        if exact != refusal_or(lambda: texts(convert(body, now_ns=NOW_NS, taken=taken))):
            self.different.append((f"both routes, {layout}", body))
        if layout == "labels_column" and not isinstance(exact, Refused) and list(map(values, exact)) != go_frames:
            self.different.append(("frames of Go", body))


def values(text):
    """JSON as a browser has it, where all numbers are doubles."""
    return json.loads(text, parse_int=float)


def texts(frames):
    return list(map(frame_json.encode, frames))


def refusal_or(answer):
    """What a call returns, or its refusal as one of the Go side's, or its breakdown, which agrees with nothing."""
    try:
        return answer()
    except LineProtocolError as error:
        return Refused(error.kind, error.line, error.column)
    except Exception as error:  # noqa: BLE001 - whatever it is, the next body is judged too
        return [f"broke down: {error!r}"]


def agree(ours, theirs):
    """Both are refusals, wherever the error is placed, or both the same metrics."""
    if isinstance(ours, Refused) or isinstance(theirs, Refused):
        return isinstance(ours, Refused) and isinstance(theirs, Refused) and not theirs.panic
    return ours == theirs


def broke_down(body, ours, theirs):
    """Version 1 panicked at, or passed over, a last line that ends in a lone backslash."""
    return isinstance(ours, Refused) and body.endswith(b"\\") and (not isinstance(theirs, Refused) or theirs.panic)
