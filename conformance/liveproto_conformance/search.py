"""Looks for an input that a check fails with, and for the least such input.

Theory. Hypothesis makes the input, single values or whole sessions. A first failure is made smaller, values by
Hypothesis, sessions and lists by ``shrink``. On a live target that must have an end: there is a budget, and waits are
short, because a target that does not answer would use it up at once. The first failure is kept beside the least one, in
case that was only an effect of the short waits.
"""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from hypothesis.strategies import composite, fixed_dictionaries

from liveproto_conformance.failures.failure import STEPS, MissedError
from liveproto_conformance.failures.shrink import cut_down, smallest
from liveproto_conformance.resources import cache_folder
from liveproto_conformance.trial import CONVERSATION, attempt, end

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from hypothesis.strategies import DrawFn

    from liveproto_conformance.bench import Stand
    from liveproto_conformance.stateful.conversation import Conversation, Steps
    from liveproto_conformance.trial import Task

Accept: TypeAlias = "Callable[[AssertionError], None]"

SHRINK_BUDGET_S: Final = 1.8
"""Two seconds, less what the last try may take."""
HYPOTHESIS_SHARE: Final = 0.5
"""Of the budget, to make values simpler before lists are cut down."""
PATIENCE_S: Final = 0.1
"""Time to wait for something while a failure is made smaller."""
MAX_STEPS: Final = 25
"""Of one session."""
SESSIONS_SHARE: Final = 0.5
"""So many sessions for each example of other checks."""


@contextlib.contextmanager
def hypothesis_home() -> Generator[Path, None, None]:
    """Yield where Hypothesis keeps its cache meanwhile: not in the folder of the user, as it does by default."""
    with contextlib.ExitStack() as stack:
        folder = cache_folder() or Path(stack.enter_context(TemporaryDirectory()))
        set_hypothesis_home_dir(folder)
        yield folder


class _Over(BaseException):
    """The search is over, by this or for lack of time."""

    def __init__(self, reason: Exception | None = None) -> None:
        self.reason = reason


@attrs.define
class Search:
    """A search on one stand."""

    stand: Stand
    task: Task
    accept: Accept
    """Raises what the search shall end with where a failure does not count."""
    shrink_budget_s: float = SHRINK_BUDGET_S
    """With none the first failure ends the search."""
    examples: int = 0
    """So many were tried."""
    first: MissedError | None = None
    least: MissedError | None = None
    failed_at: float = math.inf
    """When the first failure was seen, on the monotonic clock."""
    _arguments: dict[str, Any] = attrs.field(factory=dict[str, Any])
    _deadline: float = math.inf

    def run(self) -> None:
        """Look for failures; ``first`` and ``least`` then hold what was found.

        Raises:
            Exception: what a check may raise beside an AssertionError.
        """
        try:
            self._generate()
        except MissedError:
            """Kept already."""
        except _Over as over:
            # What ends the search after a failure will end its repeats too.
            if self.first is None and over.reason is not None:
                raise over.reason from None
        except Flaky:
            # Whether it lasts is for the repeats to say.
            if self.first is None:
                raise
        if self.least is not None:
            self._deadline = self.failed_at + self.shrink_budget_s
            with contextlib.suppress(_Over):
                self._cut_down(self.least.values)

    @property
    def found(self) -> list[MissedError]:
        """The failure with the least input, and the first one where that is another."""
        return [missed for missed in dict.fromkeys((self.least, self.first)) if missed is not None]

    def _generate(self) -> None:
        if self.task.mark.machine is None:
            self._generate_values()
        else:
            self._generate_sessions(self.task.mark.machine)

    def _generate_values(self) -> None:
        @composite
        def values_in_time(draw: DrawFn) -> dict[str, Any]:
            # Hypothesis may also be long in making what it then does not try.
            self._in_time()
            return draw(fixed_dictionaries(dict(self.task.mark.strategies)))

        def try_example(values: dict[str, Any]) -> None:
            self._next()
            error = self._attempt(values)
            if error is not None and self._keep(error, values):
                assert self.least is not None
                missed = self.least.with_traceback(None)
                # Hypothesis tells failures apart by where they come from.
                missed.__context__ = error
                raise missed

        bounded = self._bounded(self.stand.bench.settings.examples)
        bounded(seed(self.stand.bench.settings.seed)(given(values_in_time())(try_example)))()

    def _generate_sessions(self, machine: type[Conversation]) -> None:
        def make() -> Conversation:
            self._next()
            self.stand.reset()
            conversation = machine(self.stand)
            conversation.on_end = lambda: self._ended(conversation)
            conversation.fault = _fault_of(conversation.begin)
            if conversation.fault is not None:
                self._ended(conversation)
            return conversation

        # Its annotation asks for a class; it takes whatever makes a machine, and says so.
        run: Callable[..., None] = run_state_machine_as_test
        examples = max(1, round(self.stand.bench.settings.examples * SESSIONS_SHARE))
        run(seed(self.stand.bench.settings.seed)(make), settings=self._bounded(examples))

    def _next(self) -> None:
        self._in_time()
        self.examples += 1
        self.stand.example += 1

    def _in_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise _Over

    def _attempt(self, values: Mapping[str, Any]) -> AssertionError | None:
        try:
            return attempt(self.stand, self.task, self._arguments, values)
        except Exception as error:
            raise _Over(error) from error

    def _ended(self, conversation: Conversation) -> None:
        """Judge a session that is over, by a fault or after its last step."""
        fault = conversation.fault
        if fault is None:
            fault = _fault_of(lambda: end(self.stand, self.task, conversation))
        values = {STEPS: conversation.steps}
        if fault is not None and self.stand.answered_too_late:
            fault = self._attempt(values)
            if fault is None:
                reject()
        if isinstance(fault, AssertionError):
            self._keep(fault, values)
            raise _Over from fault
        if isinstance(fault, Exception):
            raise _Over(fault) from fault

    def _keep(self, error: AssertionError, values: Mapping[str, Any]) -> bool:
        """Keep a failure and make its connections anew; one of another kind than the first is none."""
        missed = MissedError(error, values, self.stand.traffic.kept())
        self.stand.reset()
        self._arguments.clear()
        if self.first is None:
            fault = _fault_of(lambda: self.accept(error))
            if fault is not None:
                raise _Over(fault)
            self.first = missed
            self.failed_at = time.monotonic()
            self._deadline = self.failed_at + HYPOTHESIS_SHARE * self.shrink_budget_s
            self.stand.timeout_s = min(self.stand.timeout_s, PATIENCE_S)
        elif type(error) is not type(self.first.error):
            # A wait that was too short, perhaps.
            return False
        self.least = missed
        return True

    def _cut_down(self, values: Mapping[str, Any]) -> None:
        """Make a failure smaller than Hypothesis does: sessions by their steps, and lists below their least size."""
        if self.task.mark.machine is not None:
            smallest(self.task.mark.machine, values[STEPS], self._still_fails)
            return
        for name in [name for name, value in values.items() if isinstance(value, list)]:
            self._cut_down_list(name, values[name])

    def _cut_down_list(self, name: str, items: list[Any]) -> None:
        cut_down(items, lambda part: part if part and self._fails_with(name, part) else None)

    def _still_fails(self, steps: Steps) -> Steps | None:
        """Play some steps; return those that were run until it failed, None where it did not."""
        self._next()
        self.stand.reset()
        error = self._attempt({STEPS: steps})
        if error is None:
            return None
        played = self._arguments[CONVERSATION].steps
        return played if self._keep(error, {STEPS: played}) else None

    def _fails_with(self, name: str, value: object) -> bool:
        assert self.least is not None
        self._next()
        values = {**self.least.values, name: value}
        error = self._attempt(values)
        return error is not None and self._keep(error, values)

    def _bounded(self, examples: int) -> settings:
        return settings(
            max_examples=examples,
            stateful_step_count=MAX_STEPS,
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


def _fault_of(action: Callable[[], None]) -> Exception | None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the caller looks at its kind
        return error
    return None
