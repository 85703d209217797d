"""SPEC.md as data: one line read whole, and what is said of a line that cannot be read."""

import pytest

from liveproto.grafana.release import Release
from liveproto_conformance.requirements import Level, Profile, as_json, parse_spec, requirements

LINE = "> **GL-SUB-003** MUST · server · wire · core — A thing is so. *as-observed*: T01, centrifuge 0.35.0"


def test_a_line_is_read_whole():
    (requirement,) = parse_spec(f"# Title\n\n## 7. SUB: subscriptions\n\ntext\n{LINE}\n").values()
    assert requirement.id == "GL-SUB-003"
    assert requirement.area == "SUB"
    assert requirement.level is Level.MUST
    assert requirement.role == "server"
    assert requirement.observability == "wire"
    assert requirement.profile is Profile.CORE
    assert requirement.text == "A thing is so."
    assert requirement.section == "7. SUB: subscriptions"
    assert requirement.status == "as-observed"
    assert requirement.source == "T01, centrifuge 0.35.0"
    assert (requirement.grafana_since, requirement.grafana_removed) == (None, None)
    assert (requirement.capability, requirement.excluded_reason) == (None, None)
    assert requirement.needs_check


def test_bounds_capability_and_a_reason_not_to_check():
    text = """\
> **GL-CHAN-001** MAY · both · timing · grafana>=12.4 — A. *undefined*: x
> **GL-CHAN-002** SHOULD · client · internal · grafana<12.0 — B — with *stress*. *stricter*: y
> **GL-CHAN-003** MUST · server · wire · core · capability:join_leave — C. *as-documented*: z *unchecked*: no way to
"""
    since, before, capable = parse_spec(text).values()
    assert (since.grafana_since, since.grafana_removed) == (Release(12, 4), None)
    assert (before.grafana_since, before.grafana_removed) == (None, Release(12, 0))
    assert before.text == "B — with *stress*."
    assert capable.capability == "join_leave"
    assert capable.source == "z"
    assert capable.excluded_reason == "no way to"
    assert [r.needs_check for r in (since, before, capable)] == [True, False, False]


@pytest.mark.parametrize(
    ("requirement", "version", "applies"),
    [
        ("core", None, True),
        ("core", Release(11, 0), True),
        ("grafana", None, False),
        ("grafana", Release(9, 0), True),
        ("grafana>=12.4", Release(12, 3), False),
        ("grafana>=12.4", Release(12, 4), True),
        ("grafana>=12.4", Release(13, 0), True),
        ("grafana<12.4", Release(12, 3), True),
        ("grafana<12.4", Release(12, 4), False),
        ("grafana<12.4", None, False),
    ],
)
def test_who_is_bound(requirement, version, applies):
    (read,) = parse_spec(LINE.replace("core", requirement)).values()
    assert read.applies_to(version) is applies


@pytest.mark.parametrize(
    "line",
    [
        "> **GL-SUB-003** WILL · server · wire · core — Text. *as-observed*: x",
        "> **GL-SUB-003** MUST · gateway · wire · core — Text. *as-observed*: x",
        "> **GL-SUB-003** MUST · server · smell · core — Text. *as-observed*: x",
        "> **GL-SUB-003** MUST · server · wire · loki — Text. *as-observed*: x",
        "> **GL-SUB-003** MUST · server · wire · core — Text. *perhaps*: x",
        "> **GL-SUB-003** MUST · server · wire · core — Text.",
        "> **GL-SUB-003** MUST · server · wire · core - Text. *as-observed*: x",
        "> **GL-SUB-3** MUST · server · wire · core — Text. *as-observed*: x",
        "> **GL-sub-003** MUST · server · wire · core — Text. *as-observed*: x",
        "> **GL-SUB-003** MUST · server · wire · grafana>=12 — Text. *as-observed*: x",
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(line):
    with pytest.raises(ValueError, match=r"^SPEC\.md:3: not a requirement line: > \*\*GL-"):
        parse_spec(f"# Title\n\n{line}\n")


def test_an_id_that_occurs_twice_is_named_by_its_second_line():
    with pytest.raises(ValueError, match=r"^SPEC\.md:4: GL-SUB-003 occurs twice$"):
        parse_spec(f"{LINE}\n\ntext\n{LINE}\n")


def test_prose_is_not_read():
    assert parse_spec("text about GL-SUB-003\n> a quote\n> **bold** quote\n") == {}


def test_the_spec_that_is_installed_can_be_read():
    assert len(requirements()) > 100
    assert all(requirement.section for requirement in requirements().values())


def test_an_entry_of_requirements_json():
    (requirement,) = parse_spec(f"## 1. X\n{LINE.replace('core', 'grafana>=12.4')}").values()
    assert as_json(requirement, ["sub.a"]) == {
        "id": "GL-SUB-003",
        "level": "MUST",
        "text": "A thing is so.",
        "text_sha256": "703cc820b7e0cdf889ebbe77b0cad2868875270cc05907a2453cedded49aa2a8",
        "section": "1. X",
        "role": "server",
        "profile": "grafana",
        "grafana_since": "12.4",
        "grafana_removed": None,
        "capability": None,
        "observability": "wire",
        "verified_by": ["sub.a"],
        "excluded_reason": None,
        "source": "T01, centrifuge 0.35.0",
        "status": "as-observed",
    }
