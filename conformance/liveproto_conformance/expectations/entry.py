"""Known failures as values: what each expects, what it makes of an outcome, and how it stands after a run.

Theory. What fails a run can be expected: FAIL, WARN (under ``--strict``), FLAKY and NOT_EXERCISED. INFO and
NOT_APPLICABLE fail nothing, and HARNESS_ERROR is the kit's own fault. Whoever expects FLAKY takes a pass and a lasting
failure as well, because both are what a flaky check comes to; since nothing would ever make such an entry stale, it
needs a date to end with. What a run leaves out, by ``-k`` or for its profile, says nothing about an entry.
Not here: the file (``read``), and how it is written (``baseline``).
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.requirements import Requirement

EXPECTED_FILE: Final = "liveproto-expected.toml"
TAKEN: Final[Mapping[Status, frozenset[Status]]] = {
    Status.FAIL: frozenset({Status.FAIL}),
    Status.WARN: frozenset({Status.WARN}),
    Status.NOT_EXERCISED: frozenset({Status.NOT_EXERCISED}),
    Status.FLAKY: frozenset({Status.FLAKY, Status.FAIL, Status.WARN}),
}
"""The statuses that can be expected, each with what counts as having come so."""
_HOLDS: Final = frozenset({Status.PASS, Status.XPASS})


class Standing(enum.StrEnum):
    """How an entry stands after a run."""

    USED = "used"
    STALE = "stale"
    EXPIRED = "expired"
    UNMATCHED = "unmatched"
    NOT_JUDGED = "not_judged"


OUTDATED: Final = (Standing.STALE, Standing.EXPIRED, Standing.UNMATCHED)
"""What fails a run."""


@attrs.frozen(kw_only=True)
class Expectation:
    """One entry: of a check, or of every check whose only broken requirement is ``req``."""

    check: str | None = None
    req: str | None = None
    status: Status
    reason: str
    issue: str | None = None
    expires: date | None = None
    """The last day it holds."""
    expired: bool = False
    repro: str | None = None
    """Path of a saved failure, relative to the file of the entry."""
    values: Mapping[str, Any] | None = None
    """The input saved there, which the check is given instead of a generated one."""
    line: int
    """Where it begins in its file."""

    @property
    def name(self) -> str:
        """The id of what it is about."""
        return self.check or self.req or ""

    @property
    def told(self) -> str:
        """Its reason, with the issue where there is one."""
        return self.reason if self.issue is None else f"{self.reason} ({self.issue})"

    def concerns(self, check: Check) -> bool:
        """Tell whether a check may fail as this says."""
        return self.check == check.id or any(rule.id == self.req for rule in check.requirements)

    def judged(self, status: Status) -> Status:
        """Return what an outcome of its check is in the light of it."""
        if status in TAKEN[self.status]:
            return Status.XFAIL
        stale = status is Status.PASS and self.check is not None and self.status is not Status.FLAKY
        return Status.XPASS if stale else status

    def standing(self, statuses: Collection[Status], *, whole: bool) -> Standing:
        """Tell how it stands.

        Args:
            statuses: what the checks that it concerns have come to, of those that were run.
            whole: those are all that apply to the target.
        """
        if not statuses:
            return Standing.NOT_JUDGED
        if self.expired:
            return Standing.EXPIRED
        if Status.XFAIL in statuses:
            return Standing.USED
        if set(statuses) == {Status.NOT_APPLICABLE} and whole:
            return Standing.UNMATCHED
        holds = _HOLDS.issuperset({*statuses} - {Status.NOT_APPLICABLE}) and self.status is not Status.FLAKY
        return Standing.STALE if holds and whole else Standing.NOT_JUDGED


@attrs.frozen
class Expectations:
    """The entries of a file, in its order."""

    file: Path = Path(EXPECTED_FILE)
    entries: tuple[Expectation, ...] = ()

    def of(self, check: Check, broken: Iterable[Requirement]) -> Expectation | None:
        """Return the entry of a check that has not expired, or that of the one requirement it breaks."""
        rules = {rule.id for rule in broken}
        live = [entry for entry in self.entries if not entry.expired]
        own = [entry for entry in live if entry.check == check.id]
        return next(iter(own + [entry for entry in live if {entry.req} == rules]), None)
