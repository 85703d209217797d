"""Tries one wire mutant: a sound server behind a proxy that changes what passes.

Theory. The server behind has a handler for every request, and is judged as any server of the protocol; where only
Grafana's channels or limits show a fault, it is the plain one. A wire mutant breaks much at once, so that its trial
ends when a few checks have noticed.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.mutants.patches import capable
from liveproto_conformance.mutants.trial import TIMEOUT_S, against, begin, run_lanes, selected, served
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.run import FOUNDATION
from liveproto_conformance.selftest.matrix import ENOUGH
from liveproto_conformance.selftest.outcome import NOTICED, Tried, play, tried
from liveproto_conformance.selftest.proxy import Proxy
from liveproto_conformance.selftest.wire_schema import generated
from liveproto_conformance.selftest.wire_table import WireMutant, written_by_hand
from liveproto_conformance.target import make_settings

if TYPE_CHECKING:
    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.run import Run


@cache
def wire_mutants() -> dict[str, WireMutant]:
    """Every wire mutant by id."""
    found = list(chain(written_by_hand(), generated()))
    by_id = {mutant.id: mutant for mutant in found}
    assert len(by_id) == len(found), "two wire mutants have one id"
    return by_id


def try_wire(id_: str) -> Tried:
    """Serve behind a proxy and run checks until enough have noticed."""
    mutant = wire_mutants()[id_]
    profile = "grafana" if mutant.grafana else "core"
    settings = make_settings({"profile": profile, "timeout": TIMEOUT_S, "max_examples": mutant.examples}, {})
    parts = Parts() if mutant.grafana else capable(Parts())
    with served(parts, through=Proxy(mutant.to_client, mutant.to_server)) as urls:
        run = begin(against(settings, urls))
        run_lanes(_checks_for(run, mutant), lambda check: None if _enough(run) else play(run, check))
    return tried(id_, run)


def _checks_for(run: Run, mutant: WireMutant) -> list[Check]:
    """List the checks that may notice; without an answer to connect there is only the root check."""
    if run.bench.facts is None:
        return [c for c in catalogue().values() if c.requirements[0].id == FOUNDATION[0] and c.lane is Lane.MAIN]
    return [check for check in selected(run) if check.lane in {mutant.lane, Lane.PASSIVE}]


def _enough(run: Run) -> bool:
    return sum(result.outcome.status in NOTICED for result in list(run.results.values())) >= ENOUGH
