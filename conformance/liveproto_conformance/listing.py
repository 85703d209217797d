"""``liveproto list`` and ``explain``: what is checked and what it rests on.

Reads the generated list of checks, because importing the checks themselves takes as long as everything else here.
"""

from __future__ import annotations

import difflib
import json
from typing import Any

from liveproto_conformance.requirements import Requirement, as_json, requirements
from liveproto_conformance.resources import load_schema


def list_checks(format_: str) -> str:
    """List requirements with their checks, as text or JSON."""
    if format_ == "json":
        document = {
            "checks": list(_checks().values()),
            "requirements": [as_json(r, _verified_by(r.id)) for r in requirements().values()],
        }
        return json.dumps(document, indent=2, ensure_ascii=False)
    lines: list[str] = []
    section = ""
    for requirement in requirements().values():
        if requirement.section != section:
            section = requirement.section
            lines += ["", section]
        checks = ", ".join(_verified_by(requirement.id)) or f"({_why_unchecked(requirement)})"
        lines.append(f"  {requirement.id} {requirement.level:<6} {requirement.profile:<7} {checks}")
    lines += ["", f"{len(requirements())} requirements, {len(_checks())} checks"]
    return "\n".join(lines[1:])


def list_mutants() -> str:
    """List the named mutants with what they break."""
    from liveproto_conformance.mutants.registry import mutants  # noqa: PLC0415 - loads the server

    return "\n".join(f"{mutant.id:<44} {', '.join(mutant.breaks)}  {mutant.why}" for mutant in mutants().values())


def explain(id_: str, format_: str) -> str:
    """Explain a requirement or a check.

    Raises:
        KeyError: there is none of that id; the message suggests one.
    """
    if id_ in requirements():
        requirement = requirements()[id_]
        if format_ == "json":
            return json.dumps(as_json(requirement, _verified_by(id_)), indent=2, ensure_ascii=False)
        return _explain_requirement(requirement)
    if id_ in _checks():
        check = _checks()[id_]
        if format_ == "json":
            return json.dumps(check, indent=2, ensure_ascii=False)
        rules = "\n\n".join(_explain_requirement(requirements()[rule]) for rule in check["requirements"])
        return f"{id_} ({check['lane']} lane{', generated' if check['generated'] else ''})\n\n{rules}"
    close = difflib.get_close_matches(id_, [*requirements(), *_checks()], n=1)
    raise KeyError(f"no requirement or check {id_!r}" + (f"; did you mean {close[0]}?" if close else ""))


def _explain_requirement(requirement: Requirement) -> str:
    bounds = "".join(
        (
            f", Grafana {requirement.grafana_since} and later" if requirement.grafana_since else "",
            f", before Grafana {requirement.grafana_removed}" if requirement.grafana_removed else "",
        )
    )
    return "\n".join(
        (
            f"{requirement.id} {requirement.level}",
            f"  {requirement.text}",
            f"  role {requirement.role}, observed on the {requirement.observability}",
            f"  profile {requirement.profile}{bounds}",
            f"  {requirement.status}: {requirement.source}",
            f"  checks: {', '.join(_verified_by(requirement.id)) or _why_unchecked(requirement)}",
        )
    )


def _why_unchecked(requirement: Requirement) -> str:
    if requirement.excluded_reason:
        return f"not checked: {requirement.excluded_reason}"
    return "not checked: a rule for clients" if requirement.role == "client" else "not checked: not seen on the wire"


def _checks() -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in load_schema("checks.json")}


def _verified_by(requirement_id: str) -> list[str]:
    return [id_ for id_, check in _checks().items() if requirement_id in check["requirements"]]
