"""SPEC.md as data: every normative sentence with its id, and requirements.json, which is made of them.

A normative sentence is one block quote line of SPEC.md:

``> **GL-SUB-003** MUST · server · wire · core — Text. *as-observed*: source *unchecked*: reason``

with the level, the role, how it is observed, and its profile: ``core`` or ``grafana``, a version bound
(``grafana>=12.0``) and a capability (``core · capability:publish``) where there is one.
"""

from __future__ import annotations

import enum
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.grafana.release import Release, parse_release
from liveproto_conformance.resources import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(enum.StrEnum):
    """The keyword of a normative sentence."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Profile(enum.StrEnum):
    """A set of requirements a server is judged by."""

    CORE = "core"
    GRAFANA = "grafana"


@attrs.frozen
class Requirement:
    """One normative sentence of SPEC.md."""

    id: str
    level: Level
    text: str
    section: str
    role: str
    observability: str
    profile: Profile
    grafana_since: Release | None
    grafana_removed: Release | None
    capability: str | None
    status: str
    source: str
    excluded_reason: str | None

    @property
    def area(self) -> str:
        """The part of the id between the dashes, such as SUB."""
        return self.id.split("-")[1]

    @property
    def needs_check(self) -> bool:
        """Whether a check must exist: what a server shows on the wire, unless SPEC.md says why not."""
        return self.role in {"server", "both"} and self.observability != "internal" and self.excluded_reason is None

    def applies_to(self, version: Release | None) -> bool:
        """Tell whether a server of this Grafana version is bound by it; core requirements bind every server."""
        if self.profile is Profile.CORE:
            return True
        if version is None:
            return False
        since, removed = self.grafana_since, self.grafana_removed
        return (since is None or version >= since) and (removed is None or version < removed)


_LINE: Final = re.compile(
    r"^> \*\*(?P<id>GL-[A-Z0-9]+-\d{3})\*\* (?P<level>MUST|SHOULD|MAY) · (?P<role>server|client|both)"
    r" · (?P<observability>wire|timing|statistical|internal) · (?P<profile>core|grafana)(?P<bound>[<>]=?\d+\.\d+)?"
    r"(?: · capability:(?P<capability>[a-z_]+))? — (?P<text>.+?)"
    r" \*(?P<status>as-documented|as-observed|stricter|undefined)\*: (?P<source>.+?)"
    r"(?: \*unchecked\*: (?P<excluded>.+))?$"
)
_HEADING: Final = re.compile(r"^## (?P<title>.+)$")


def parse_spec(text: str) -> dict[str, Requirement]:
    """Read every normative sentence of a SPEC.md, in its order.

    Raises:
        ValueError: a line that looks like a requirement cannot be read, or an id occurs twice; with the line number.
    """
    section = ""
    found: dict[str, Requirement] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            section = heading["title"]
        if not line.startswith("> **GL-"):
            continue
        match = _LINE.match(line)
        if match is None:
            msg = f"SPEC.md:{number}: not a requirement line: {line[:80]}"
            raise ValueError(msg)
        if match["id"] in found:
            msg = f"SPEC.md:{number}: {match['id']} occurs twice"
            raise ValueError(msg)
        found[match["id"]] = _requirement(match, section)
    return found


def _requirement(match: re.Match[str], section: str) -> Requirement:
    bound = match["bound"] or ""
    version = parse_release(bound.lstrip("<>=")) if bound else None
    return Requirement(
        id=match["id"],
        level=Level(match["level"]),
        text=match["text"],
        section=section,
        role=match["role"],
        observability=match["observability"],
        profile=Profile(match["profile"]),
        grafana_since=version if bound.startswith(">") else None,
        grafana_removed=version if bound.startswith("<") else None,
        capability=match["capability"],
        status=match["status"],
        source=match["source"],
        excluded_reason=match["excluded"],
    )


@cache
def requirements() -> Mapping[str, Requirement]:
    """Every requirement of the SPEC.md that is installed, by id."""
    return parse_spec(read_text("SPEC.md"))


def as_json(requirement: Requirement, verified_by: list[str]) -> dict[str, object]:
    """Make the entry of requirements.json, with the checks that verify it."""
    since, removed = requirement.grafana_since, requirement.grafana_removed
    return {
        "id": requirement.id,
        "level": requirement.level.value,
        "text": requirement.text,
        "text_sha256": hashlib.sha256(requirement.text.encode()).hexdigest(),
        "section": requirement.section,
        "role": requirement.role,
        "profile": requirement.profile.value,
        "grafana_since": str(since) if since else None,
        "grafana_removed": str(removed) if removed else None,
        "capability": requirement.capability,
        "observability": requirement.observability,
        "verified_by": verified_by,
        "excluded_reason": requirement.excluded_reason,
        "source": requirement.source,
        "status": requirement.status,
    }
