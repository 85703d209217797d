"""One run as a pytest plugin: collects checks, runs them on a bench, keeps their outcomes.

The command line passes a ``Run`` to ``pytest.main``; under plain pytest the light ``pytest_plugin`` makes one when it
meets the first check.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from liveproto_conformance.catalogue import Check, catalogue, check_id
from liveproto_conformance.check import Lane
from liveproto_conformance.execute import Outcome, execute, execute_again
from liveproto_conformance.expectations.baseline import drafts, update
from liveproto_conformance.expectations.entry import OUTDATED, Expectations
from liveproto_conformance.failures.card import Card, card_of, check_command, replay_command
from liveproto_conformance.failures.repro import path_of, save
from liveproto_conformance.report.json_report import expectations_as_json
from liveproto_conformance.report.words import outdated_of
from liveproto_conformance.requirements import requirements
from liveproto_conformance.trial import task_of
from liveproto_conformance.verdict import Exit, Judgement, Status, Verdict, judge, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from liveproto_conformance.bench import Bench
    from liveproto_conformance.expectations.baseline import Change
    from liveproto_conformance.expectations.entry import Expectation, Standing
    from liveproto_conformance.requirements import Requirement

FOUNDATION: Final = (
    "GL-CONN-001",
    "GL-SUB-001",
    "GL-SUB-007",
    "GL-CMD-001",
    "GL-CMD-004",
    "GL-PUB-001",
    "GL-SUB-016",
)
"""Requirements that others build on; their checks run first."""
SILENT_CHECKS: Final = 3
"""After so many checks in a row that could not connect, the target counts as gone."""
_ORDER: Final = {Lane.MAIN: 0, Lane.TIMER: 1, Lane.PASSIVE: 2}
_TIMER_THREADS: Final = 12
NOTHING_EXPECTED: Final = Expectations()


@attrs.frozen
class Result:
    """One check with its outcome, and where it failed its card and where that was saved, relative to the report."""

    check: Check
    outcome: Outcome
    card: Card | None = None
    repro: str | None = None
    expectation: Expectation | None = None
    """What made it XFAIL or XPASS."""

    @property
    def rules(self) -> tuple[Requirement, ...]:
        """Its requirements; of a failure that names the one which was broken, that one."""
        return self.check.requirements if self.card is None else self.card.rules

    @property
    def reason(self) -> str:
        """Why its failure is accepted; empty where it is not."""
        return "" if self.expectation is None else self.expectation.told


class CheckFailedError(Exception):
    """Tells pytest that a check did not hold; the message is what the user reads."""


class CheckItem(pytest.Item):
    """One check, as pytest sees it."""

    def __init__(self, *, check: Check, run: Run, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own
        super().__init__(**kwargs)  # pyright: ignore[reportUnknownMemberType] - pytest leaves it open
        self.check = check
        self.run = run

    def runtest(self) -> None:
        """Run the check and tell pytest its outcome."""
        outcome = self.run.outcome_on_short_stack(self.check)
        match outcome.status:
            case Status.FAIL | Status.FLAKY | Status.HARNESS_ERROR | Status.XPASS:
                raise CheckFailedError(describe(self.run.results[self.check.id]))
            case Status.XFAIL:
                pytest.xfail(self.run.results[self.check.id].reason)
            case Status.NOT_EXERCISED | Status.NOT_APPLICABLE:
                pytest.skip(f"{outcome.status}: {outcome.message}")
            case _:
                """Passed, or below a MUST."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401
        """Show what the user needs, not our own stack."""
        if isinstance(excinfo.value, CheckFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Name the check in pytest's own output."""
        code = self.check.function.__code__
        return self.path, code.co_firstlineno, self.check.id


class Run:
    """The checks of one run and what they came to."""

    def __init__(
        self,
        bench: Bench,
        on_result: Callable[[Result], None] | None = None,
        directory: Path | None = None,
        expectations: Expectations = NOTHING_EXPECTED,
    ) -> None:
        self.bench = bench
        self.directory = directory
        """Where failures are saved; None for nowhere."""
        self.expectations = expectations
        self.change: Change | None = None
        """What ``--baseline-update`` has done."""
        self.results: dict[str, Result] = {}
        self.not_scored: list[str] = []
        self.planned = 0
        self.interrupted = False
        self._on_result = on_result
        self._silent = 0
        self._timers: dict[str, Future[Outcome]] = {}
        self._main_lane = ThreadPoolExecutor(1)

    # -- pytest's hooks ----------------------------------------------------------------------------------------------

    def pytest_pycollect_makeitem(
        self, collector: pytest.Module | pytest.Class, name: str, obj: object
    ) -> pytest.Item | None:
        """Turn a function marked as a check into an item."""
        if "liveproto_check" not in getattr(obj, "__dict__", {}):
            return None
        check = catalogue()[check_id(obj)]  # type: ignore[arg-type] # marked, so a function
        item: CheckItem = CheckItem.from_parent(  # pyright: ignore[reportUnknownMemberType] - the same
            collector, name=name, check=check, run=self
        )
        return item

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep what the settings ask for, in an order that lets dependents know."""
        ours = [item for item in items if isinstance(item, CheckItem)]
        kept = [item for item in ours if self.selects(item.check)]
        dropped = [item for item in ours if item not in kept]
        others = [item for item in items if item not in ours]
        kept.sort(key=lambda item: _rank(item.check))
        items[:] = [*others, *kept]
        config.hook.pytest_deselected(items=dropped)
        self.planned = len(kept)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the timer lane beside everything else."""
        lane = [i.check for i in session.items if isinstance(i, CheckItem) and i.check.lane is Lane.TIMER]
        pool = ThreadPoolExecutor(_TIMER_THREADS)
        self._timers = {check.id: pool.submit(self._execute, check) for check in lane}
        try:
            return (yield)
        except KeyboardInterrupt:
            self.interrupted = True
            raise
        finally:
            # Who still runs now is no longer waited for.
            self.bench.abort()
            for each in (pool, self._main_lane):
                each.shutdown(cancel_futures=True)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Keep the baseline, and let an incomplete run fail under plain pytest, where a skip would read as a pass."""
        if self.bench.settings.baseline_update and not self.interrupted:
            self.change = update(self)
        if self.results and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = int(self.verdict()[1])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say under plain pytest which expectations fail the run, and how to accept a failure."""
        change = [] if self.change is None else [f"{self.expectations.file}: {self.change}"]
        for line in (*outdated_of(expectations_as_json(self)), *change, *drafts(self)):
            terminalreporter.write_line(line)

    # -- the run -----------------------------------------------------------------------------------------------------

    def selects(self, check: Check) -> bool:
        """Tell whether a check belongs to this run; remember what --fast leaves out."""
        settings, bound = self.bench.settings, self.binds(check)
        asked = (settings.req is None or any(r.id.startswith(settings.req) for r in check.requirements)) and (
            settings.level is None or check.level is settings.level
        )
        if bound and asked and settings.fast and check.lane is Lane.TIMER:
            self.not_scored.append(check.id)
            return False
        return bound and asked

    def binds(self, check: Check) -> bool:
        """Tell whether a check applies to the target by its profile and version."""
        facts = self.bench.known
        return any(r.profile in facts.profiles and r.applies_to(facts.version) for r in check.requirements)

    def outcome_on_short_stack(self, check: Check) -> Outcome:
        """Run a check as ``outcome_of`` does, out of the depths of pytest.

        There CPython, which maps the memory of frames 16 KiB at a time, would map and unmap it all the while.
        """
        return self._main_lane.submit(self.outcome_of, check).result()

    def outcome_of(self, check: Check) -> Outcome:
        """Run a check, or take what the timer lane has made of it, and keep the result."""
        result = _judged(self._result(check, self._outcome_in_time(check)), self.expectations)
        self.results[check.id] = result
        self._silent = self._silent + 1 if result.outcome.waits_on == "GL-CONN-001" else 0
        if self._on_result is not None:
            self._on_result(result)
        return result.outcome

    def _outcome_in_time(self, check: Check) -> Outcome:
        left_s = self.bench.settings.max_time - self.wall_s
        over = Outcome(status=Status.NOT_EXERCISED, message="the time of the run is over; see --max-time")
        if self._silent >= SILENT_CHECKS and check.lane is Lane.MAIN:
            message = f"waits on GL-CONN-001: {self._silent} checks on end could not connect"
            return Outcome(status=Status.NOT_EXERCISED, message=message, waits_on="GL-CONN-001")
        if check.lane is not Lane.TIMER or check.id not in self._timers:
            return self._execute(check) if left_s > 0 or check.lane is Lane.PASSIVE else over
        try:
            return self._timers[check.id].result(max(left_s, 0))
        except TimeoutError:
            return over

    def requirement_statuses(self) -> dict[str, Status]:
        """Merge the outcomes of checks for each requirement; a failure counts against what its card names."""
        statuses: dict[str, list[Status]] = {}
        for result in list(self.results.values()):  # the timer lane asks while the main one adds
            for requirement in {*result.check.requirements, *result.rules}:
                statuses.setdefault(requirement.id, []).extend([result.outcome.status] * (requirement in result.rules))
        return {id_: merge(statuses[id_]) for id_ in requirements() if id_ in statuses}

    def verdict(self) -> tuple[Verdict, Exit]:
        """Judge the run as far as it came."""
        settings = self.bench.settings
        judgements = [Judgement(r.check.level, r.outcome.status) for r in self.results.values()]
        verdict, code = judge(
            judgements,
            strict=settings.strict,
            allow_incomplete=settings.allow_incomplete,
            outdated=any(standing in OUTDATED for _, standing in self.standings()),
        )
        if self.interrupted:
            return (Verdict.INCOMPLETE if verdict is Verdict.CONFORMANT else verdict), Exit.INTERRUPTED
        if not self.results:
            return Verdict.INCOMPLETE, Exit.NOTHING_TESTED
        return verdict, code

    def standings(self) -> list[tuple[Expectation, Standing]]:
        """Tell how each expectation stands, as far as the run came."""
        return [(entry, self._standing(entry)) for entry in self.expectations.entries]

    def generated_stimuli(self) -> int:
        """Count the stimuli of checks whose input was generated."""
        generated = {check.id for check in catalogue().values() if check.generated}
        return sum(len(stimuli.seen) for id_, stimuli in self.bench.stimuli.items() if id_ in generated)

    @property
    def wall_s(self) -> float:
        """Seconds since the run began, probing included."""
        return time.monotonic() - self.bench.started

    def _result(self, check: Check, outcome: Outcome) -> Result:
        """Make the card of a failure, and save what can be run again by itself."""
        settings = self.bench.settings
        # What passive checks judge is the traffic of others.
        if self.directory is None or check.lane is Lane.PASSIVE:
            during = None if outcome.failure is None else outcome.failure.during
            ids = [check.id, *([during] if during in catalogue() else [])]
            command = check_command(settings, ids, os.environ)
            return Result(check, outcome, card_of(check, outcome, settings.seed, command))
        repro = path_of(check.id)
        command = replay_command(settings, self.directory / repro, os.environ)
        card = card_of(check, outcome, settings.seed, command)
        if card is None:
            return Result(check, outcome)
        save(card, settings, self.directory / repro)
        return Result(check, outcome, card, repro)

    def _execute(self, check: Check) -> Outcome:
        known = self.expectations.of(check, check.requirements)
        if known is not None and known.values is not None:
            return execute_again(self.bench, task_of(check), known.values, self._passed)
        return execute(self.bench, task_of(check), self._passed, shrink=known is None)

    def _passed(self, requirement: str) -> bool:
        return self.requirement_statuses().get(requirement) in {Status.PASS, Status.XPASS}

    def _standing(self, entry: Expectation) -> Standing:
        concerned = [check.id for check in catalogue().values() if entry.concerns(check) and self.binds(check)]
        found = [self.results[id_].outcome.status for id_ in concerned if id_ in self.results]
        return entry.standing(found, whole=len(found) == len(concerned))


def _judged(result: Result, expectations: Expectations) -> Result:
    """See a result in the light of what is expected."""
    entry = expectations.of(result.check, result.rules)
    outcome = result.outcome
    status = outcome.status if entry is None else entry.judged(outcome.status)
    if entry is None or status is outcome.status:
        return result
    message = f"expected {entry.status}: {entry.reason}" if status is Status.XPASS else outcome.message
    return attrs.evolve(result, outcome=attrs.evolve(outcome, status=status, message=message), expectation=entry)


def _rank(check: Check) -> tuple[int, int]:
    ids = [r.id for r in check.requirements]
    foundation = min((FOUNDATION.index(id_) for id_ in ids if id_ in FOUNDATION), default=len(FOUNDATION))
    return _ORDER[check.lane], foundation


def describe(result: Result) -> str:
    """Write what a failed check says: the rule, what was expected and what was observed."""
    rules = "\n".join(f"  {r.id} {r.level}: {r.text}\n      source: {r.source}" for r in result.check.requirements)
    again = f"\n  again: {result.card.command}" if result.card is not None else ""
    return f"{result.outcome.status} {result.check.id}\n{rules}\n  observed: {result.outcome.message}{again}"
