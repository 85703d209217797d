"""Runs every check against each mutant and prints which others fail beside those that must: ``python -m`` this package.

Names of mutants may be given; without any, all are tried.
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Final

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.mutants.registry import mutants
from liveproto_conformance.mutants.trial import try_in_full
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from liveproto_conformance.execute import Outcome

_WORKERS: Final = 4
_NOTICED: Final = frozenset({Status.FAIL, Status.WARN, Status.FLAKY, Status.HARNESS_ERROR})


def report(id_: str, outcomes: dict[str, Outcome]) -> str:
    """Write a line for a mutant, and one for each check that fails without being named."""
    must_fail = mutants()[id_].must_fail
    survived = [check for check in must_fail if outcomes[check].status not in _NOTICED]
    beside = [check for check in catalogue() if check in outcomes and outcomes[check].status in _NOTICED]
    lines = [f"{'SURVIVED ' + ', '.join(survived) if survived else 'killed'}  {id_}"]
    lines += [f"    {outcomes[check].status} {check}" for check in beside if check not in must_fail]
    return "\n".join(lines)


def main() -> None:
    """Try the mutants that were named, or all."""
    asked = sys.argv[1:] or list(mutants())
    with ProcessPoolExecutor(_WORKERS, multiprocessing.get_context("spawn")) as pool:
        for id_, outcomes in zip(asked, pool.map(try_in_full, asked), strict=True):
            sys.stdout.write(report(id_, outcomes) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
