"""Runs checks against one mutant, and keeps what they said of it, as far as the self-test judges that.

Not here: which checks and mutants (``named``, ``wire``), and what it all means (``matrix``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.execute import Outcome, execute
from liveproto_conformance.run import Result
from liveproto_conformance.trial import task_of
from liveproto_conformance.verdict import MISSED, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.run import Run

NOTICED: Final = frozenset({*MISSED.values(), Status.FLAKY})
"""Statuses of a check that found fault with its target."""


@attrs.frozen
class Told:
    """What a check said: its status and text; of a failure without the input."""

    status: Status
    text: str = ""


@attrs.frozen(kw_only=True)
class Tried:
    """A mutant, and what each check said that was run against it."""

    id: str
    told: Mapping[str, Told]

    @property
    def noticed_by(self) -> tuple[str, ...]:
        """The checks that found fault."""
        return tuple(check for check, told in self.told.items() if told.status in NOTICED)


def play(run: Run, check: Check) -> Outcome:
    """Run a check and keep its result in the run; a failure stands as it was first found: nobody reads so many."""

    def passed(requirement: str) -> bool:
        return run.requirement_statuses().get(requirement) is Status.PASS

    outcome = execute(run.bench, task_of(check), passed, shrink=False)
    run.results[check.id] = Result(check, outcome)
    return outcome


def tried(id_: str, run: Run) -> Tried:
    """Keep of a run what the self-test judges."""
    return Tried(id=id_, told={check: told_of(result.outcome) for check, result in run.results.items()})


def told_of(outcome: Outcome) -> Told:
    """Keep of an outcome what the self-test judges."""
    return Told(outcome.status, outcome.message if outcome.failure is None else outcome.failure.text)
