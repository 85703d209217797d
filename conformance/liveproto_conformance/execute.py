"""Runs one check to its status: shrinking what Hypothesis generated, and repeating a failure on fresh connections.

A failure that shows three times on fresh connections is a FAIL, one that does not is FLAKY. A command that was not
answered fails the requirement that asks for its reply, and leaves what depends on it not exercised.
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any, Final

import attrs
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky, FlakyFailure

from liveproto_conformance.bench import PARAMETERS, Bench, Stand
from liveproto_conformance.check import CheckMark, Lane, NoReplyError, NotApplicableError, NotExercisedError, text_of
from liveproto_conformance.drive.websocket import ConnectionEndedError, NotWebSocketError
from liveproto_conformance.verdict import MISSED, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto_conformance.requirements import Level

REPEATS: Final = 3
SHRINK_BUDGET_S: Final = 2.0


@attrs.frozen(kw_only=True)
class Outcome:
    """What one check came to."""

    status: Status
    message: str = ""
    examples: int = 0
    duration_s: float = 0.0
    waits_on: str | None = None


@attrs.frozen
class Task:
    """One check to run."""

    id: str
    function: Callable[..., None]
    mark: CheckMark
    level: Level


class _Missed(Exception):  # noqa: N818 - carries an outcome, not an error
    """The fact was not found."""

    def __init__(self, error: AssertionError, values: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error
        self.values = values


class _Flaked(_Missed):
    """The fact was not found, and then found with the same input."""


def execute(bench: Bench, task: Task, passed: Callable[[str], bool]) -> Outcome:
    """Run a check to its outcome; never raises but for an interruption.

    Args:
        bench: the run.
        task: the check.
        passed: tells whether a requirement's own check has passed in this run.
    """
    start = time.monotonic()
    examples = [0]
    try:
        outcome = _run(bench, task, passed, examples)
    except NotApplicableError as error:
        outcome = Outcome(status=Status.NOT_APPLICABLE, message=str(error))
    except NotExercisedError as error:
        outcome = Outcome(status=Status.NOT_EXERCISED, message=str(error), waits_on=error.waits_on)
    except (ConnectionEndedError, NotWebSocketError, OSError) as error:
        outcome = Outcome(status=Status.NOT_EXERCISED, message=f"waits on GL-CONN-001: {error}", waits_on="GL-CONN-001")
    except Exception as error:  # noqa: BLE001 - the kit's own fault must be told from the target's
        outcome = Outcome(status=Status.HARNESS_ERROR, message=f"{type(error).__name__}: {error}")
    return attrs.evolve(outcome, examples=examples[0], duration_s=time.monotonic() - start)


def _run(bench: Bench, task: Task, passed: Callable[[str], bool], examples: list[int]) -> Outcome:
    try:
        _first_run(bench, task, examples)
    except _Flaked as flaked:
        return Outcome(status=Status.FLAKY, message=f"failed, then held with the same input: {_shown(flaked)}")
    except _Missed as missed:
        if task.mark.lane is Lane.PASSIVE:
            return Outcome(status=MISSED[task.level], message=text_of(missed.error))
        return _judge_miss(bench, task, missed, passed)
    return Outcome(status=Status.PASS)


def _judge_miss(bench: Bench, task: Task, missed: _Missed, passed: Callable[[str], bool]) -> Outcome:
    error = missed.error
    if isinstance(error, NoReplyError) and not (
        error.requirement in task.mark.requirements or passed(error.requirement)
    ):
        raise NotExercisedError(text_of(error), error.requirement)
    shown = _shown(missed)
    for attempt in range(1, REPEATS):
        try:
            with Stand(bench, task.id, timers=task.mark.lane is Lane.TIMER, attempt=attempt) as stand:
                again = _try(stand, task, {}, missed.values)
        except (NotExercisedError, NotWebSocketError, OSError) as reason:
            raise NotExercisedError(f"{shown}; then it could not be tried again: {reason}", "GL-CONN-001") from reason
        if again is None:
            return Outcome(status=Status.FLAKY, message=f"failed, then held on a fresh connection: {shown}")
    return Outcome(status=MISSED[task.level], message=shown)


def _shown(missed: _Missed) -> str:
    if not missed.values:
        return text_of(missed.error)
    values = ", ".join(f"{name}={value!r}"[:300] for name, value in missed.values.items())
    return f"{text_of(missed.error)} [minimal input: {values}]"


def _arguments(stand: Stand, task: Task) -> dict[str, Any]:
    names = [name for name in inspect.signature(task.function).parameters if name not in task.mark.strategies]
    return {name: PARAMETERS[name](stand) for name in names}


def _first_run(bench: Bench, task: Task, examples: list[int]) -> None:
    with Stand(bench, task.id, timers=task.mark.lane is Lane.TIMER) as stand:
        if task.mark.strategies:
            _generate(bench, task, stand, examples)
        else:
            examples[0] = 1
            error = _try(stand, task, {}, {})
            if error is not None:
                raise _Missed(error, {}) from error


def _try(stand: Stand, task: Task, arguments: dict[str, Any], values: Mapping[str, Any]) -> AssertionError | None:
    """Run a check's function once and return how it failed; what it was given is kept in ``arguments``.

    A connection that was closed because we answered its ping too late says nothing of the target: the same again then,
    on fresh connections.
    """
    for _ in range(REPEATS):
        if not arguments:
            arguments.update(_arguments(stand, task))
        try:
            task.function(**arguments, **values)
        except AssertionError as error:
            if not stand.answered_too_late:
                return error
        else:
            return None
        stand.reset()
        arguments.clear()
    raise NotExercisedError("this machine is too busy to answer the target's pings in time")


def _generate(bench: Bench, task: Task, stand: Stand, examples: list[int]) -> None:
    """Try examples on shared connections, which a failure renews; shrink a failure within its budget."""
    arguments: dict[str, Any] = {}
    failure: dict[str, Any] = {}

    def try_example(**values: Any) -> None:  # noqa: ANN401 - whatever the strategies make
        if not failure or time.monotonic() <= failure["deadline"]:
            missed = attempt(values)
        else:
            # Out of time the last failure stands, untried, and everything else passes.
            missed = failure["missed"] if values == failure["missed"].values else None
        if missed is not None:
            raise missed.with_traceback(None)

    def attempt(values: dict[str, Any]) -> _Missed | None:
        examples[0] += 1
        stand.example += 1
        error = _try(stand, task, arguments, values)
        if error is None:
            return None
        failure.setdefault("deadline", time.monotonic() + SHRINK_BUDGET_S)
        failure["missed"] = missed = _Missed(error, values)
        # Hypothesis tells failures apart by where they come from.
        missed.__context__ = error
        stand.reset()
        arguments.clear()
        return missed

    bounded = settings(
        max_examples=bench.settings.examples,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=(
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    try:
        bounded(seed(bench.settings.seed)(given(**task.mark.strategies)(try_example)))()
    except (Flaky, FlakyFailure) as error:
        missed: _Missed = failure["missed"]
        raise _Flaked(missed.error, missed.values) from error
