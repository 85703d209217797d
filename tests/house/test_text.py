"""SPEC.md, requirements.json, schemas, checks and tables agree with each other."""

import json
import re
from pathlib import Path

import pytest

from liveproto.session import states
from liveproto_conformance.catalogue import catalogue, verified_by
from liveproto_conformance.generate import generated_files
from liveproto_conformance.requirements import Level, requirements

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "SPEC.md").read_text()
ID = re.compile(r"GL-[A-Z0-9]+-\d{3}")

SERVER_FACTS = [f"T{number:02}" for number in (
    1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 23, 24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 48, 49, 50, 52, 54, 55, 56, 57, 58, 60, 63, 64, 66, 67, 71, 78, 79,
    80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99,
)]  # fmt: skip
"""Rows of the Centrifuge facts for a server, or for both sides, that concern version 2."""

GRAFANA_FACTS = [f"G{number:03}" for number in range(14, 54)]


def test_generated_files_are_up_to_date():
    stale = [str(path.relative_to(ROOT)) for path, text in generated_files(ROOT).items() if path.read_text() != text]
    assert stale == [], "run python -m liveproto_conformance.generate"


@pytest.mark.parametrize("fact", [*SERVER_FACTS, *GRAFANA_FACTS])
def test_every_fact_is_a_requirement_or_says_why_not(fact):
    cited = any(re.search(rf"\b{fact}\b", requirement.source) for requirement in requirements().values())
    excused = re.search(rf"^\* {fact}: .{{15,}}$", SPEC, re.MULTILINE)
    assert cited != bool(excused)


def test_ids_are_grouped_and_numbered_without_gaps():
    by_area = {}
    for id_ in requirements():
        by_area.setdefault(id_.split("-")[1], []).append(int(id_[-3:]))
    protocol = ["CHAN", "WIRE", "CONN", "CMD", "SUB", "PUB", "PING", "CODE", "CLIENT"]
    assert list(by_area) == [*protocol, "LINE", "CONV", "FRAME", "STREAM", "INGEST"]
    for area, numbers in by_area.items():
        assert numbers == list(range(1, len(numbers) + 1)), area


def test_every_must_seen_on_the_wire_has_a_check_or_a_reason():
    unchecked = [r.id for r in requirements().values() if r.level is Level.MUST and r.needs_check]
    assert [id_ for id_ in unchecked if not verified_by(id_)] == []


def test_at_most_fifteen_percent_of_the_musts_of_a_server_lack_a_check():
    musts = [r.id for r in requirements().values() if r.level is Level.MUST and r.role != "client"]
    assert len([id_ for id_ in musts if not verified_by(id_)]) <= 0.15 * len(musts)


def test_no_requirement_is_both_checked_and_excused():
    assert [r.id for r in requirements().values() if r.excluded_reason and verified_by(r.id)] == []


@pytest.mark.parametrize("check", catalogue().values(), ids=lambda check: check.id)
def test_a_check_has_one_level_and_one_profile(check):
    assert len({requirement.level for requirement in check.requirements}) == 1
    assert len({requirement.profile for requirement in check.requirements}) == 1
    assert all(requirement.role in {"server", "both"} for requirement in check.requirements)


def test_there_are_enough_checks_in_core():
    core = [check for check in catalogue().values() if check.requirements[0].profile == "core"]
    assert len(core) >= 60
    assert len({check.function.__code__.co_code + check.id.encode() for check in core}) == len(core)


def test_every_id_in_the_code_exists():
    folders = [ROOT / "liveproto", ROOT / "conformance" / "liveproto_conformance", ROOT / "schemas"]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in {".py", ".json", ".md"}]
    files += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    unknown = {(path.name, id_) for path in files for id_ in ID.findall(path.read_text()) if id_ not in requirements()}
    assert unknown == set()


def test_every_transition_and_violation_names_a_requirement():
    tables = (
        states.SERVER_TRANSITIONS,
        states.CHANNEL_TRANSITIONS,
        states.CLIENT_TRANSITIONS,
        states.SUBSCRIPTION_TRANSITIONS,
    )
    cited = {transition.requirement for table in tables for transition in table.values()}
    cited |= set(states.VIOLATIONS.values()) | set(states.CLIENT_VIOLATIONS.values())
    assert cited <= set(requirements())


def test_every_passive_check_reads_a_rule_of_the_monitor():
    source = (ROOT / "liveproto/session/monitor/server_rules.py").read_text()
    passive = [check for check in catalogue().values() if check.lane.name == "PASSIVE"]
    assert passive
    for check in passive:
        assert f'"{check.requirements[0].id}"' in source, check.id


def test_schemas_cite_existing_requirements():
    cited = set()
    for path in (ROOT / "schemas").glob("*.schema.json"):
        cited |= set(ID.findall(json.dumps(json.loads(path.read_text()))))
    assert cited
    assert cited <= set(requirements())


def test_the_ci_script_runs_the_test_command_of_the_readme():
    commands = re.findall(r"```sh\n(python3 -m venv.*?)\n```", (ROOT / "README.md").read_text())
    assert len(commands) == 2
    assert commands[0].endswith("liveproto check")
    assert commands[1] in (ROOT / ".ci/run").read_text()
