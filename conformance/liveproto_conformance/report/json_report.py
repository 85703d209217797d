"""report.json: the whole run as one document, whose schema is schemas/report.schema.json."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from liveproto_conformance.expectations.entry import Standing
from liveproto_conformance.failures.card import as_json, rule_as_json
from liveproto_conformance.requirements import requirements
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from liveproto_conformance.expectations.entry import Expectation
    from liveproto_conformance.run import Run

FORMAT: Final = 1
SPEC: Final = 1


def make_report(run: Run) -> dict[str, Any]:
    """Make the document of a run, finished or interrupted."""
    bench = run.bench
    facts = bench.known
    verdict, _ = run.verdict()
    counts = Counter(result.outcome.status for result in run.results.values())
    rules = requirements()
    reached = bench.coverage.reached(timers=not bench.settings.fast)
    return {
        "format": FORMAT,
        "kit": version("liveproto"),
        "spec": SPEC,
        "seed": bench.settings.seed,
        "stimuli_sha256": bench.stimuli_sha256(),
        "target": {
            "url": facts.url,
            "channel_template": facts.channel_template,
            "channel_evidence": facts.channel_evidence,
            "publish_via": facts.publish_via,
            "publish_evidence": facts.publish_evidence if facts.publish_via is None else None,
            "ws_publish_evidence": facts.ws_publish_evidence,
        },
        "capabilities": dict(bench.settings.capabilities),
        "profiles": [profile.value for profile in facts.profiles],
        "grafana": {"detected": facts.detected, "used": str(facts.version) if facts.version else None},
        "verdict": verdict.value,
        "counts": {status.value: counts[status] for status in Status},
        "wall_s": round(run.wall_s, 3),
        "waiting_s": round(bench.waiting_s, 3),
        "stimuli": bench.stimuli_count(),
        "stimuli_generated": run.generated_stimuli(),
        "not_scored": sorted(run.not_scored),
        "expectations": expectations_as_json(run),
        "transitions": {"reached": reached.count, "total": reached.total, "missing": list(reached.missing)},
        "checks": [
            {
                "id": result.check.id,
                "requirements": [requirement.id for requirement in result.check.requirements],
                "level": result.check.level.value,
                "status": result.outcome.status.value,
                "duration_s": round(result.outcome.duration_s, 4),
                "examples": result.outcome.examples,
                "message": result.outcome.message,
                "reason": result.reason or None,
                "repro": result.repro,
                "card": None if result.card is None else as_json(result.card),
            }
            for result in run.results.values()
        ],
        "requirements": [
            {**rule_as_json(rules[id_]), "section": rules[id_].section, "status": status.value}
            for id_, status in run.requirement_statuses().items()
        ],
    }


def expectations_as_json(run: Run) -> dict[str, Any] | None:
    """Make the JSON of what was expected, by how it stands after the run; None where nothing was."""
    standings = run.standings()
    by_standing = {kind.value: [_entry_as_json(e) for e, found in standings if found is kind] for kind in Standing}
    return {"file": str(run.expectations.file), **by_standing} if standings else None


def _entry_as_json(entry: Expectation) -> dict[str, Any]:
    return {
        "id": entry.name,
        "line": entry.line,
        "status": entry.status.value,
        "reason": entry.reason,
        "issue": entry.issue,
        "expires": None if entry.expires is None else entry.expires.isoformat(),
        "repro": entry.repro,
    }


def json_of(document: Mapping[str, Any]) -> str:
    """Write the document of a run, as many lines of text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
