"""badge.json: the verdict in the endpoint format of shields.io."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from liveproto_conformance.report.words import headline_of, profile_of
from liveproto_conformance.verdict import Status, Verdict

if TYPE_CHECKING:
    from liveproto_conformance.report.words import Document

_COLORS: Final = {
    Verdict.CONFORMANT: "brightgreen",
    Verdict.NONCONFORMANT: "red",
    Verdict.INCOMPLETE: "yellow",
    Verdict.ERROR: "lightgrey",
}
_NOT_JUDGED: Final = (Status.NOT_APPLICABLE, Status.INFO)
"""What neither passes nor is missing."""


def badge_of(document: Document) -> str:
    """Write the badge: the profile, the verdict, and how many of the checks that apply have passed."""
    counts = document["counts"]
    applying = len(document["checks"]) - sum(counts[status] for status in _NOT_JUDGED)
    badge = {
        "schemaVersion": 1,
        "label": f"liveproto {profile_of(document['profiles'], document['grafana']['used'], None)}",
        "message": f"{headline_of(document).lower()} {counts[Status.PASS]}/{applying}",
        "color": _COLORS[document["verdict"]],
    }
    return json.dumps(badge, indent=2) + "\n"
