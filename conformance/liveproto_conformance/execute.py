"""Runs one check to its status: looking for failures where its input is generated, and repeating a failure.

A failure that shows three times on fresh connections is a FAIL, one that does not is FLAKY. A command that was not
answered fails the requirement that asks for its reply, and leaves what depends on it not exercised.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.check import Lane, NoReplyError, NotApplicableError, NotExercisedError, text_of
from liveproto_conformance.drive.websocket import ConnectionEndedError, NotWebSocketError
from liveproto_conformance.failures.failure import Failure, MissedError, failure_of, in_words
from liveproto_conformance.search import SHRINK_BUDGET_S, Search
from liveproto_conformance.trial import REPEATS, Task, attempt
from liveproto_conformance.verdict import MISSED, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto_conformance.search import Accept

_UNTRIED: Final = (NotExercisedError, NotApplicableError, ConnectionEndedError, NotWebSocketError, OSError)
_SHOWN: Final = 300
_MESSAGE: Final = 2_000
CHECK_BUDGET_S: Final = 60.0
EXAMPLE_BUDGET_S: Final = 1.0
"""What one execution of a check may take, with so much for each generated example."""


def _fit(text: str) -> str:
    """Bound what a target may have put into a message."""
    return text[:_MESSAGE]


@attrs.frozen(kw_only=True)
class Outcome:
    """What one check came to."""

    status: Status
    message: str = attrs.field(default="", converter=_fit)
    examples: int = 0
    duration_s: float = 0.0
    waits_on: str | None = None
    failure: Failure | None = None
    """Where it failed: how, and where."""


def execute(bench: Bench, task: Task, passed: Callable[[str], bool], *, shrink: bool = True) -> Outcome:
    """Run a check to its outcome; never raises but for an interruption.

    Args:
        bench: the run.
        task: the check.
        passed: tells whether a requirement's own check has passed in this run.
        shrink: whether a failure with generated input is made smaller; else its first input is kept.
    """
    examples = [0]
    accept = _accepting(task, passed)
    outcome = _timed(lambda: _run(bench, task, accept, examples, SHRINK_BUDGET_S if shrink else 0))
    return attrs.evolve(outcome, examples=examples[0])


def execute_again(
    bench: Bench, task: Task, values: Mapping[str, Any], passed: Callable[[str], bool] = lambda _: True
) -> Outcome:
    """Run a check with input that it failed with before, three fresh times; raises as little as ``execute``.

    Args:
        bench: the run.
        task: the check.
        values: the input.
        passed: as for ``execute``; by default a reply that does not come counts against the check itself.
    """
    accept = _accepting(task, passed)
    return _timed(lambda: _run_again(bench, task, values, accept))


def _timed(run: Callable[[], Outcome]) -> Outcome:
    start = time.monotonic()
    try:
        outcome = run()
    except NotApplicableError as error:
        outcome = Outcome(status=Status.NOT_APPLICABLE, message=str(error))
    except NotExercisedError as error:
        outcome = Outcome(status=Status.NOT_EXERCISED, message=str(error), waits_on=error.waits_on)
    except (ConnectionEndedError, NotWebSocketError, OSError) as error:
        outcome = Outcome(status=Status.NOT_EXERCISED, message=f"waits on GL-CONN-001: {error}", waits_on="GL-CONN-001")
    except Exception as error:  # noqa: BLE001 - the kit's own fault must be told from the target's
        outcome = Outcome(status=Status.HARNESS_ERROR, message=f"{type(error).__name__}: {error}")
    return attrs.evolve(outcome, duration_s=time.monotonic() - start)


def _accepting(task: Task, passed: Callable[[str], bool]) -> Accept:
    """Make what ends a check as not exercised where a reply did not come that another asks for, and has not seen."""

    def accept(error: AssertionError) -> None:
        if isinstance(error, NoReplyError) and not (
            error.requirement in task.mark.requirements or passed(error.requirement)
        ):
            raise NotExercisedError(text_of(error), error.requirement)

    return accept


def _run(bench: Bench, task: Task, accept: Accept, examples: list[int], shrink_budget_s: float) -> Outcome:
    found = _first_run(bench, task, accept, examples, shrink_budget_s)
    if not found:
        return Outcome(status=Status.PASS)
    if task.mark.lane is Lane.PASSIVE:
        return _outcome(MISSED[task.level], found[0])
    return _judge(bench, task, found)


def _first_run(
    bench: Bench, task: Task, accept: Accept, examples: list[int], shrink_budget_s: float
) -> list[MissedError]:
    """Run a check and return its failures: with the least input, and with the first one where that is another."""
    with _stand(bench, task) as stand:
        if task.mark.generated:
            search = Search(stand, task, accept, shrink_budget_s)
            try:
                search.run()
            finally:
                examples[0] = search.examples
            return search.found
        examples[0] = 1
        missed = _attempt(stand, task, {})
        if missed is None:
            return []
        accept(missed.error)
        return [missed]


def _judge(bench: Bench, task: Task, found: list[MissedError]) -> Outcome:
    """Repeat the failures until one of them lasts; else the check is flaky."""
    for missed in found:
        last = _lasting(bench, task, missed)
        if last is not None:
            return _outcome(MISSED[task.level], last)
    return _outcome(Status.FLAKY, found[0], "failed, then held on a fresh connection: ")


def _lasting(bench: Bench, task: Task, missed: MissedError) -> MissedError | None:
    """Repeat a failure on fresh connections; return the last one, None if once it held."""
    last: MissedError | None = missed
    for number in range(1, REPEATS):
        try:
            last = _fresh(bench, task, missed.values, number)
        except _UNTRIED as reason:
            message = f"{_outcome(Status.FAIL, missed).message}; then it could not be tried again: {reason}"
            waits_on = reason.waits_on if isinstance(reason, NotExercisedError) else "GL-CONN-001"
            raise NotExercisedError(message, waits_on) from reason
        if last is None:
            return None
    return last


def _run_again(bench: Bench, task: Task, values: Mapping[str, Any], accept: Accept) -> Outcome:
    missed = [_fresh(bench, task, values, number) for number in range(REPEATS)]
    failed = [each for each in missed if each is not None]
    if not failed:
        return Outcome(status=Status.PASS)
    accept(failed[-1].error)
    if len(failed) < REPEATS:
        return _outcome(Status.FLAKY, failed[-1], f"failed {len(failed)} times in {REPEATS}: ")
    return _outcome(MISSED[task.level], failed[-1])


def _fresh(bench: Bench, task: Task, values: Mapping[str, Any], number: int) -> MissedError | None:
    with _stand(bench, task, number) as stand:
        return _attempt(stand, task, values)


def _stand(bench: Bench, task: Task, number: int = 0) -> Stand:
    timers = task.mark.lane is Lane.TIMER
    budget_s = math.inf if timers else CHECK_BUDGET_S + EXAMPLE_BUDGET_S * bench.settings.examples
    ends = min(bench.ends, time.monotonic() + budget_s)
    return Stand(bench, task.id, timers=timers, attempt=number, ends=ends)


def _attempt(stand: Stand, task: Task, values: Mapping[str, Any]) -> MissedError | None:
    error = attempt(stand, task, {}, values)
    return None if error is None else MissedError(error, values, stand.traffic.kept())


def _outcome(status: Status, missed: MissedError, prefix: str = "") -> Outcome:
    failure = failure_of(missed)
    least = ", ".join(words[:_SHOWN] for words in in_words(missed.values))
    message = prefix + failure.text + (f" [minimal input: {least}]" if least else "")
    return Outcome(status=status, message=message, failure=failure)
