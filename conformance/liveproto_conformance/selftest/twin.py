"""Judges the permissive twin: with one seed in full, on short timers, and with others as in a fast run."""

from __future__ import annotations

from typing import Final

import attrs

from liveproto_conformance.mutants.registry import parts_of
from liveproto_conformance.mutants.trial import against, run_checks, served
from liveproto_conformance.selftest.outcome import Tried, told_of
from liveproto_conformance.target import make_settings

SEEDS: Final = (0, 1, 2)
_WHOLE: Final = 0
_LIMITS: Final = {"channels": 128, "channel_bytes": 255}


def try_twin(seed: int) -> Tried:
    """Serve the twin and run every check that it must pass."""
    settings = make_settings({"profile": "core", "seed": seed, "fast": seed != _WHOLE}, {})
    with served(parts_of("permissive")) as urls:
        settings = against(settings, urls)
        outcomes = run_checks(attrs.evolve(settings, limits={**settings.limits, **_LIMITS}))
    return Tried(id=f"permissive/{seed}", told={check: told_of(outcome) for check, outcome in outcomes.items()})
