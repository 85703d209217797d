"""Findings: which rule was broken, by whom, and where.

Not here: the rules (``client_rules``, ``server_rules``).
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import Final

import attrs

DEFAULT_MAX_FINDINGS: Final = 1_000


class Side(enum.StrEnum):
    """One end of a connection."""

    CLIENT = "client"
    SERVER = "server"


@attrs.frozen(kw_only=True)
class Finding:
    """One rule broken once."""

    requirement: str
    side: Side
    """Who broke it."""
    message: int
    """Index of the message or close on its connection, those of both directions counted together from 0."""
    line: int
    """Index of the line in the message, from 0."""
    pointer: str
    """JSON Pointer into the line; empty for the whole of it."""
    text: str
    """What was expected and what came instead."""
    time_s: float
    """When the message came, or when a wait for something was over."""


class Findings:
    """Collects findings and counts how often each rule had an occasion; keeps a bounded number."""

    def __init__(self, limit: int) -> None:
        self.triggers: Counter[str] = Counter()
        self.message = -1
        self.line = 0
        self.time_s = 0.0
        self._limit = limit
        self._found: list[Finding] = []

    def next_message(self, now: float) -> None:
        """Move to the next message."""
        self.message += 1
        self.line = 0
        self.time_s = now

    def require(self, requirement: str, side: Side, holds: object, text: str, pointer: str = "") -> None:
        """Count an occasion of a rule, and keep a finding here unless it holds."""
        self.triggers[requirement] += 1
        if not holds and len(self._found) < self._limit:
            self._found.append(
                Finding(
                    requirement=requirement,
                    side=side,
                    message=self.message,
                    line=self.line,
                    pointer=pointer,
                    text=text,
                    time_s=self.time_s,
                )
            )

    def drain(self) -> list[Finding]:
        """Take what was found since the last call."""
        found, self._found = self._found, []
        return found
