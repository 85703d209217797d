"""Tries one named mutant: the checks that must notice it as in a fast run, and every other one with little input.

Theory. What fails beside the checks that must is found with one example each, which a run over all mutants can afford.
Timer checks wait for seconds: only mutants that name one meet them. What only a push runs can show to no check that
pushes nothing, so that those are left out; and how lines are read is tried on no mutant that leaves pushes alone, which
takes long and says of its deliveries what other checks that push say too.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.catalogue import Check, catalogue
from liveproto_conformance.mutants.registry import mutants
from liveproto_conformance.mutants.trial import TIMEOUT_S, against, begin, rank, run_lanes, selected, served
from liveproto_conformance.reference.server import GRAFANA, Parts
from liveproto_conformance.run import FOUNDATION
from liveproto_conformance.selftest.outcome import Tried, play, tried
from liveproto_conformance.target import make_settings

if TYPE_CHECKING:
    from liveproto_conformance.execute import Outcome
    from liveproto_conformance.run import Run

_PUSH_PARTS: Final = frozenset({"ingest", "push_socket"})
"""Parts of a server that nothing runs but a push."""
_STREAM_PARTS: Final = _PUSH_PARTS | {"streams"}
_FEW_EXAMPLES: Final = 1


def try_named(id_: str) -> Tried:
    """Serve a mutant and run against it every check that it can show to."""
    mutant = mutants()[id_]
    settings = make_settings({"fast": True, "timeout": TIMEOUT_S, **mutant.settings}, {})
    parts = mutant.patch(Parts())
    named = {*mutant.must_fail, *mutant.traffic}

    with served(parts, settings.grafana or GRAFANA) as urls:
        settings = against(settings, urls)
        run = begin(settings)

        def outcome_of(check: Check) -> Outcome:
            few = settings.max_examples if check.id in named else _FEW_EXAMPLES
            run.bench.settings = attrs.evolve(settings, max_examples=few)
            return play(run, check)

        run_lanes(_checks_for(run, parts, named), outcome_of)
    return tried(id_, run)


def _checks_for(run: Run, parts: Parts, named: set[str]) -> list[Check]:
    """List the named checks, and then the others that may notice, or that these build on."""
    beside = [c for c in selected(run) if c.id not in named and (can_show(parts, c) or rank(c) < len(FOUNDATION))]
    return [check for check in catalogue().values() if check.id in named] + beside


def can_show(parts: Parts, check: Check) -> bool:
    """Tell whether a check runs anything of what was exchanged in a server."""
    plain = Parts()
    exchanged = {
        part.name for part in attrs.fields(Parts) if getattr(parts, part.name) is not getattr(plain, part.name)
    }
    if check.requirements[0].area == "LINE":
        return not exchanged.isdisjoint(_STREAM_PARTS)
    return not exchanged <= _PUSH_PARTS or pushes(check)


def pushes(check: Check) -> bool:
    """Tell whether a check pushes line protocol: it asks for the means to."""
    return "ingest" in inspect.signature(check.function).parameters
