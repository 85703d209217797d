"""Recorded sessions as lists of steps, and the steps through a monitor."""

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

from liveproto.session.monitor import Monitor, Side

CAPTURES = Path(__file__).parents[2] / "shared" / "captures" / "centrifuge-0.28-v2.json.gz"
REPLY_TIMEOUT_S = 0.6
"""The slowest answer in the captures took 0.5 s."""


class Step(NamedTuple):
    """One message (text is str, binary is bytes) or close (code and reason)."""

    t: float
    side: Side
    what: Any


def sessions():
    """Yield name and steps of each recorded session."""
    for scenario in json.loads(gzip.decompress(CAPTURES.read_bytes())):
        yield scenario["scenario"], [step for event in scenario["events"] if (step := step_of(**event)) is not None]


def step_of(t, ev, v):
    match ev:
        case "send-text":
            return Step(t, Side.CLIENT, v)
        case "send-bin":
            return Step(t, Side.CLIENT, bytes.fromhex(v))
        case "recv-text":
            return Step(t, Side.SERVER, v)
        case "recv-bin":
            return Step(t, Side.SERVER, bytes.fromhex(v))
        case "close":
            return Step(t, Side.SERVER, (v["code"] or 1006, v["reason"] or ""))
        case _:
            return None


def findings(steps):
    """Return what a monitor finds in a session that nobody closes at its end."""
    monitor = Monitor(reply_timeout_s=REPLY_TIMEOUT_S)
    end = 0.0
    for step in steps:
        end = max(end, step.t)
        if isinstance(step.what, tuple):
            monitor.receive_close(step.side, *step.what, now=end)
        else:
            monitor.receive_message(step.side, step.what, now=end)
    monitor.finish(now=end + REPLY_TIMEOUT_S)
    return monitor.findings()
