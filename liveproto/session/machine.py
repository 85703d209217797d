"""The one interpreter of the transition tables.

Theory. A table maps (state, input) to a ``Transition``. An absent cell is a violation: the state does not move and
``step`` returns None, so the caller reports the fault. Guards are not conditions inside a table: a pure classifier
turns them into distinct inputs before.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from liveproto.wire.codes import Disconnect, ErrorCode

S = TypeVar("S", bound=enum.Enum)
I = TypeVar("I", bound=enum.Enum)  # noqa: E741 - S and I are the names of the theory above


@attrs.frozen
class Transition(Generic[S]):
    """What one input does in one state."""

    target: S
    action: str
    """Name of what the machine does besides moving: a key of its actions."""
    requirement: str
    """Id of the rule in SPEC.md that asks for it."""
    answer: ErrorCode | Disconnect | None = None
    """The code the action sends, where it sends a fixed one."""


class Machine(Generic[S, I]):
    """A state and the table that moves it."""

    def __init__(self, table: Mapping[tuple[S, I], Transition[S]], initial: S) -> None:
        self._table = table
        self.state = initial

    def step(self, input_: I) -> Transition[S] | None:
        """Move on ``input_`` and return the transition taken; on an absent cell stay and return None."""
        transition = self._table.get((self.state, input_))
        if transition is not None:
            self.state = transition.target
        return transition
