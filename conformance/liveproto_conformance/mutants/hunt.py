"""Lets a check look for one planted bug, and says what it found.

Theory. A bug is served in a thread, and its check run on it as in a full run, but only as far as its search: first
failure, least failure. Before, the least input is tried as it is, and without each of its steps, so that it is what it
is called.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.mutants.planted import Planted, size_of
from liveproto_conformance.mutants.trial import TIMEOUT_S, against, served
from liveproto_conformance.probe import probe, root
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.search import SHRINK_BUDGET_S, Search
from liveproto_conformance.target import make_settings
from liveproto_conformance.trial import Task, attempt, task_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_PATIENCE_S: Final = 0.2
"""Where most is expected to hold."""


@attrs.frozen(kw_only=True)
class Found:
    """What came of a hunt."""

    least_fails: bool
    """Whether the least input, as it is written, shows the bug."""
    spare: tuple[int, ...]
    """Its steps without each of which it shows the bug too."""
    size: int | None
    """Of the least input that was found; None where none was."""
    shrinking_s: float
    text: str
    """What the check says of it."""


def hunt(planted: Planted, shrink_budget_s: float = SHRINK_BUDGET_S) -> Found:
    """Serve a planted bug and let its check look for it."""
    task = task_of(catalogue()[planted.check])
    with served(planted.patch(Parts())) as urls:
        bench = Bench(against(make_settings({"timeout": TIMEOUT_S}, {}), urls), "lp" + secrets.token_hex(4))
        root(bench)
        probe(bench)
        shorter = [_fails(bench, task, values, _PATIENCE_S) for values in _without_each_step(planted.least)]
        search, shrinking_s = _search(bench, task, shrink_budget_s)
        return Found(
            least_fails=_fails(bench, task, planted.least, TIMEOUT_S),
            spare=tuple(index for index, fails in enumerate(shorter) if fails),
            size=None if search.least is None else size_of(search.least.values),
            shrinking_s=shrinking_s,
            text=str(search.least or "nothing found"),
        )


def _search(bench: Bench, task: Task, shrink_budget_s: float) -> tuple[Search, float]:
    with Stand(bench, task.id) as stand:
        search = Search(stand, task, _count_all, shrink_budget_s)
        search.run()
        return search, max(time.monotonic() - search.failed_at, 0.0)


def _count_all(_: AssertionError) -> None:
    """Let every failure count."""


def _fails(bench: Bench, task: Task, values: Mapping[str, Any], timeout_s: float) -> bool:
    with Stand(bench, task.id, attempt=bench.name()) as stand:
        stand.timeout_s = timeout_s
        return attempt(stand, task, {}, values) is not None


def _without_each_step(least: Mapping[str, Any]) -> Generator[Mapping[str, Any]]:
    steps = least.get("steps", [])
    for index in range(len(steps)):
        yield {"steps": steps[:index] + steps[index + 1 :]}
