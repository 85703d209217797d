"""Statuses of checks and requirements, how they merge, and what the process returns."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.requirements import Level

if TYPE_CHECKING:
    from collections.abc import Iterable


class Status(enum.StrEnum):
    """Of one check or requirement, the weightiest first: statuses merge to the first of them that occurs."""

    FAIL = "FAIL"
    XPASS = "XPASS"
    HARNESS_ERROR = "HARNESS_ERROR"
    FLAKY = "FLAKY"
    NOT_EXERCISED = "NOT_EXERCISED"
    WARN = "WARN"
    PASS = "PASS"  # noqa: S105 - not a password
    XFAIL = "XFAIL"
    INFO = "INFO"
    NOT_APPLICABLE = "NOT_APPLICABLE"


_WEIGHT: Final = {status: weight for weight, status in enumerate(Status)}

MISSED: Final = {Level.MUST: Status.FAIL, Level.SHOULD: Status.WARN, Level.MAY: Status.INFO}
"""What a check that does not find its fact reports, by the level of its requirement."""


def merge(statuses: Iterable[Status]) -> Status:
    """Merge statuses of one requirement or run; of none, nothing was exercised."""
    return min(statuses, key=_WEIGHT.__getitem__, default=Status.NOT_EXERCISED)


class Verdict(enum.StrEnum):
    """Of a whole run."""

    CONFORMANT = "conformant"
    NONCONFORMANT = "nonconformant"
    INCOMPLETE = "incomplete"
    ERROR = "error"


class Exit(enum.IntEnum):
    """What the process returns; the first that applies in the order 4, 5, 2, 1, 3, 0."""

    CONFORMANT = 0
    NONCONFORMANT = 1
    INTERRUPTED = 2
    HARNESS_ERROR = 3
    USAGE = 4
    NOTHING_TESTED = 5


class NothingTestedError(Exception):
    """The target never answered connect: exit 5, with a plain sentence and advice."""


@attrs.frozen
class Judgement:
    """A check's requirement level and its status: what the run is judged by."""

    level: Level
    status: Status


def judge(judgements: list[Judgement], *, strict: bool, allow_incomplete: bool, outdated: bool) -> tuple[Verdict, Exit]:
    """Judge a run that was not interrupted.

    Args:
        judgements: one for each check.
        strict: a WARN counts as a failure.
        allow_incomplete: a MUST that was not exercised does not count.
        outdated: an expectation is stale, has expired or applies to nothing.
    """
    statuses = {judgement.status for judgement in judgements}
    bad = {Status.FAIL, Status.FLAKY, Status.XPASS}
    if outdated or statuses & bad or (strict and Status.WARN in statuses):
        return Verdict.NONCONFORMANT, Exit.NONCONFORMANT
    incomplete = any(j.level is Level.MUST and j.status is Status.NOT_EXERCISED for j in judgements)
    if incomplete and not allow_incomplete:
        return Verdict.INCOMPLETE, Exit.NONCONFORMANT
    if Status.HARNESS_ERROR in statuses:
        return Verdict.ERROR, Exit.HARNESS_ERROR
    return Verdict.CONFORMANT, Exit.CONFORMANT
