"""Mutants by checks: who kills whom, what else failed, and what of it is a fault of the kit.

Theory. Pure: it takes what was tried and returns values. A kill counts where the check came to what its level makes of
a missed fact, and its text names the fault: what was expected, or where it was seen, and no requirement but one that
the mutant breaks. What fails beside is justified where its own requirement is broken too, or by an entry of
``known.toml``.

Not here: trying (``named``, ``wire``, ``null``, ``twin``), and writing it down (``report``).
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.check import Lane
from liveproto_conformance.failures.failure import named_rule
from liveproto_conformance.requirements import Level
from liveproto_conformance.selftest.null import TOO_LONG_S
from liveproto_conformance.verdict import MISSED, Exit, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.mutants.registry import Mutant
    from liveproto_conformance.selftest.known import Known
    from liveproto_conformance.selftest.null import NullServer
    from liveproto_conformance.selftest.outcome import Told, Tried
    from liveproto_conformance.selftest.wire_table import WireMutant

ENOUGH: Final = 3
"""Checks that notice a wire mutant."""
LEAST_SHARE: Final = 0.95
"""Of the wire mutants that must be killed."""
LEAST_PASSES: Final = 120
"""In each run against the twin: one in which little applies shows nothing."""
_CLEAN: Final = frozenset({Status.PASS, Status.NOT_APPLICABLE})
_EXITS: Final = frozenset({Exit.NOTHING_TESTED, Exit.NONCONFORMANT})
"""Of a run against a null server; nonconformant where connect seemed to be answered."""
_SHOWN: Final = 300


@attrs.frozen
class Beside:
    """A check that failed without having to, and why it may."""

    check: str
    status: Status
    reason: str | None
    text: str


@attrs.frozen(kw_only=True)
class Row:
    """One mutant, judged."""

    id: str
    kind: str
    why: str
    breaks: tuple[str, ...] = ()
    must_fail: tuple[str, ...] = ()
    killed_by: tuple[str, ...] = ()
    off_target: tuple[Beside, ...] = ()
    survived: bool = False
    reason: str | None = None
    faults: tuple[str, ...] = ()


def names_the_fault(check: Check, breaks: Iterable[str], text: str) -> bool:
    """Tell whether the text of a failed check names what a mutant breaks.

    It says what was expected, or, of a passive check, on which connection it was seen; and the requirement that it ends
    with, else one of the check's own, is broken.
    """
    shown = "connection" if check.lane is Lane.PASSIVE else "expected"
    named = named_rule(text)
    rules = {requirement.id for requirement in check.requirements} if named is None else {named}
    return shown in text and not rules.isdisjoint(breaks)


def judge_named(mutant: Mutant, tried: Tried, checks: Mapping[str, Check], known: Known) -> Row:
    """Judge a named mutant by what was said of it."""
    faults = {check: _missed_kill(mutant, checks[check], tried.told.get(check)) for check in mutant.must_fail}
    beside = tuple(
        Beside(check, told.status, _reason_beside(mutant, checks[check], known), told.text)
        for check, told in tried.told.items()
        if check in tried.noticed_by and check not in mutant.must_fail
    )
    unexplained = [
        f"{mutant.id}: {each.check} fails too, and nobody has said why: {each.status}: {each.text[:_SHOWN]}"
        for each in beside
        if each.reason is None
    ]
    return Row(
        id=mutant.id,
        kind="named",
        why=mutant.why,
        breaks=mutant.breaks,
        must_fail=mutant.must_fail,
        killed_by=tuple(check for check, fault in faults.items() if fault is None),
        off_target=beside,
        survived=any(faults.values()),
        faults=(*filter(None, faults.values()), *unexplained, *_own_failures(tried)),
    )


def judge_wire(mutant: WireMutant, tried: Tried, checks: Mapping[str, Check], known: Known) -> Row:
    """Judge a wire mutant by what was said of it.

    Where no check found fault, but some could not be tried at all, no run is conformant for them: they have noticed.
    """
    noticed_by = tried.noticed_by or _untried(tried, checks)
    survived, reason = not noticed_by, known.survivors.get(mutant.id)
    faults = [f"{mutant.id}: no check notices, and nobody has said why"] if survived and reason is None else []
    if reason is not None and not survived:
        faults.append(f"{mutant.id}: known as a survivor, it is killed by {', '.join(noticed_by)}")
    return Row(
        id=mutant.id,
        kind="wire",
        why=mutant.why,
        killed_by=noticed_by,
        survived=survived,
        reason=reason if survived else None,
        faults=(*faults, *_own_failures(tried)),
    )


def kills_of(rows: Iterable[Row], checks: Iterable[str]) -> dict[str, list[str]]:
    """List for each check the mutants it kills."""
    kills: dict[str, list[str]] = {check: [] for check in checks}
    for row in rows:
        for check in row.killed_by:
            kills[check].append(row.id)
    return kills


def faults_of_nulls(servers: Iterable[NullServer]) -> Iterator[str]:
    """Say what a run should not have found in a server that does nothing."""
    for server in servers:
        if server.passes:
            yield f"null server {server.id}: expected no PASS, got {server.passes}"
        if server.exit not in _EXITS:
            yield f"null server {server.id}: expected exit 5, or 1, got {server.exit}: {server.said[:_SHOWN]}"
        if server.wall_s > TOO_LONG_S:
            yield f"null server {server.id}: expected an end within {TOO_LONG_S:g} s, it took {server.wall_s:.0f} s"


def faults_of_twin(runs: Iterable[Tried]) -> Iterator[str]:
    """Say what was asked of the permissive twin that the protocol does not ask."""
    for run in runs:
        for check, told in unclean(run):
            yield f"{run.id}: {check} expected PASS, got {told.status}: {told.text[:_SHOWN]}"
        passes = sum(told.status is Status.PASS for told in run.told.values())
        if passes < LEAST_PASSES:
            yield f"{run.id}: expected at least {LEAST_PASSES} PASS, got {passes}"


def unclean(run: Tried) -> Iterator[tuple[str, Told]]:
    """List the checks that found fault with the twin, or could not be tried."""
    return ((check, told) for check, told in run.told.items() if told.status not in _CLEAN)


def faults_of_share(rows: Sequence[Row]) -> Iterator[str]:
    """Say whether too many wire mutants survive, with reasons or without."""
    killed = Counter(row.survived for row in rows if row.kind == "wire")
    if killed[False] < LEAST_SHARE * killed.total():
        yield f"expected {LEAST_SHARE:.0%} of the wire mutants to be killed, got {killed[False]} of {killed.total()}"


def faults_of_kills(kills: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say which checks kill nothing."""
    return (f"{check} kills no mutant" for check, mutants in kills.items() if not mutants)


def faults_of_known(known: Known, rows: Sequence[Row], mutants: Collection[str]) -> Iterator[str]:
    """Say which entries do not say what happens, where all named mutants were tried."""
    for mutant in known.survivors.keys() - set(mutants):
        yield f"known.toml: survivor: there is no mutant {mutant}"
    for entry in known.off_target:
        if entry.by_chance:
            continue
        for name, part in entry.parts():
            if not any(part.covers(row.id, row.breaks, each.check) for row in rows for each in row.off_target):
                yield f"known.toml: off_target: {name} is of no use: {entry.reason}"


def _missed_kill(mutant: Mutant, check: Check, told: Told | None) -> str | None:
    """Say why a check that must notice a mutant does not kill it."""
    if told is None:
        return f"{mutant.id}: {check.id} must fail, it was not run"
    if told.status is not MISSED[check.level]:
        return f"{mutant.id}: {check.id} must fail, it came to {told.status}: {told.text[:_SHOWN]}"
    if not names_the_fault(check, mutant.breaks, told.text):
        return f"{mutant.id}: {check.id} fails without naming the fault: {told.text[:_SHOWN]}"
    return None


def _reason_beside(mutant: Mutant, check: Check, known: Known) -> str | None:
    broken = [requirement.id for requirement in check.requirements if requirement.id in mutant.breaks]
    return f"it checks {broken[0]} too" if broken else known.reason_for(mutant.id, mutant.breaks, check.id)


def _untried(tried: Tried, checks: Mapping[str, Check]) -> tuple[str, ...]:
    """List the first checks of what a server must do that wait on something."""
    waiting = (
        check
        for check, told in tried.told.items()
        if told.status is Status.NOT_EXERCISED and checks[check].level is Level.MUST
    )
    return tuple(islice(waiting, ENOUGH))


def _own_failures(tried: Tried) -> Iterator[str]:
    return (
        f"{tried.id}: {check} failed itself: {told.text[:_SHOWN]}"
        for check, told in tried.told.items()
        if told.status is Status.HARNESS_ERROR
    )
