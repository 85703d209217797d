"""Makes a failing session smaller: leaves out steps, then elements of lists, and then takes simpler arguments.

Theory. What is left is a session none of whose steps, and no two of them together, can be left out. Pairs are what
single steps miss: to subscribe and to unsubscribe, where either alone changes what follows. On a live target each trial
costs, and this takes a quarter of the trials that Hypothesis takes, which knows nothing of steps; what is the simplest
argument is for its strategy to say.
"""

from __future__ import annotations

import contextlib
import itertools
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

from hypothesis import HealthCheck, find, settings
from hypothesis.errors import Flaky, NoSuchExample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from liveproto_conformance.stateful.conversation import Conversation, Steps

    StillFails = Callable[[Steps], Steps | None]
    """Plays a session; returns the steps that were played until it failed, None where it did not."""

T = TypeVar("T")
_TRIES: Final = 8
"""Of one argument, until it fails with another value."""
_UNHEALTHY: Final = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example)
"""A target is slow, and most values do not fail."""


def smallest(machine: type[Conversation], steps: Steps, still_fails: StillFails) -> Steps:
    """Return the smallest session that was found to fail, of one that does."""
    steps = cut_down(steps, still_fails)
    for index, name in [(index, name) for index, (_, given) in enumerate(steps) for name in given]:
        steps = _simplified(machine, steps, index, name, still_fails)
    return steps


def cut_down(items: list[T], still_fails: Callable[[list[T]], list[T] | None]) -> list[T]:
    """Leave out what a failure does not need: halves, quarters ... single items, then pairs, until none can go."""
    size = len(items) // 2
    while size > 1:
        items = _without_pieces(items, size, still_fails)
        size //= 2
    while True:
        fewer = _without_pieces(items, 1, still_fails)
        if len(fewer) == len(items):
            fewer = next(_without_pair(items, still_fails), items)
        if len(fewer) == len(items):
            return items
        items = fewer


def _without_pieces(items: list[T], size: int, still_fails: Callable[[list[T]], list[T] | None]) -> list[T]:
    """Leave out pieces of this size, late ones first, where it still fails."""
    end = len(items)
    while end > 0:
        start = max(0, end - size)
        fewer = still_fails(items[:start] + items[end:])
        items = items if fewer is None else fewer
        end = min(start, len(items))
    return items


def _without_pair(items: list[T], still_fails: Callable[[list[T]], list[T] | None]) -> Iterator[list[T]]:
    for pair in itertools.combinations(range(len(items)), 2):
        fewer = still_fails([item for index, item in enumerate(items) if index not in pair])
        if fewer is not None:
            yield fewer


def _simplified(machine: type[Conversation], steps: Steps, index: int, name: str, still_fails: StillFails) -> Steps:
    """Make one argument of one step simpler: a list by its elements, anything else by its strategy."""
    step, given = steps[index]

    def with_value(value: object) -> Steps:
        return [*steps[:index], (step, {**given, name: value}), *steps[index + 1 :]]

    best: list[object] = [given[name]]

    def fails_with(value: object) -> bool:
        played = still_fails(with_value(value))
        if played is None or len(played) < len(steps):
            return False
        best.append(value)
        return True

    if isinstance(given[name], list):
        return with_value(cut_down(given[name], lambda part: part if part and fails_with(part) else None))
    bounded = settings(max_examples=_TRIES, database=None, deadline=None, suppress_health_check=_UNHEALTHY)
    with contextlib.suppress(NoSuchExample, Flaky):
        # It is flaky where time runs out in between.
        find(machine.strategies(step)[name], fails_with, settings=bounded, random=Random(0))  # noqa: S311 - repeatable
    return with_value(best[-1])
