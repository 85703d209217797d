"""The golden vectors: the files are whole and of their schema, and liveproto passes every test of them."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import jsonschema_rs
import pytest
from judge import KINDS, passes

from liveproto_conformance.requirements import Level, requirements

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "schemas" / "vectors"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
SCHEMA = json.loads((ROOT / "schemas" / "vectors.schema.json").read_text())
AREAS = ("LINE", "CONV", "FRAME")
SHOWN = {"STREAM": range(1, 5), "INGEST": (1, *range(3, 11))}
"""Of these areas, what an input and an output can show; the rest needs subscribers, HTTP, WebSockets or the clock."""


def named():
    """Each test with the kind of its file, by its whole name."""
    return {
        f"{name}/{group['id']}/{test['id']}": (file["kind"], test)
        for name, file in FILES.items()
        for group in file["groups"]
        for test in group["tests"]
    }


TESTS = named()


def musts():
    """The rules that vectors must show."""
    by_area = [id_ for id_, rule in requirements().items() if rule.level is Level.MUST and id_.split("-")[1] in AREAS]
    return [*by_area, *(f"GL-{area}-{number:03}" for area, numbers in SHOWN.items() for number in numbers)]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_of_its_schema(name):
    errors = [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(FILES[name])]
    assert errors == []


def test_every_kind_of_the_schema_has_a_file():
    assert {file["kind"] for file in FILES.values()} == set(KINDS) == set(SCHEMA["properties"]["kind"]["enum"])


def test_the_manifest_is_that_of_the_files():
    """``cd schemas/vectors && sha256sum *.json > SHA256SUMS`` writes it."""
    found = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(FOLDER.glob("*.json"))]
    assert (FOLDER / "SHA256SUMS").read_text().splitlines() == found


@pytest.mark.parametrize("name", FILES)
def test_names_are_used_once(name):
    groups = [group["id"] for group in FILES[name]["groups"]]
    assert len(set(groups)) == len(groups)
    for group in FILES[name]["groups"]:
        assert [id_ for id_, count in Counter(test["id"] for test in group["tests"]).items() if count > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_liveproto_passes_a_file(name):
    assert [
        test for test, (kind, vector) in TESTS.items() if test.startswith(f"{name}/") and not passes(kind, vector)
    ] == []


def test_there_are_enough_tests_and_most_were_chosen_by_hand():
    generated = [name for name, (_, test) in TESTS.items() if test.get("generated")]
    assert len(TESTS) >= 1000
    assert len(generated) <= 0.4 * len(TESTS)


def test_cited_requirements_exist():
    assert {id_ for _, test in TESTS.values() for id_ in test["requirements"]} <= set(requirements())


def test_every_must_is_shown_by_a_valid_and_an_invalid_test():
    shown = {
        result: {i for _, test in TESTS.values() if test["result"] == result for i in test["requirements"]}
        for result in ("valid", "invalid")
    }
    assert [(result, id_) for id_ in musts() for result, ids in shown.items() if id_ not in ids] == []


def test_flags_are_explained_where_they_are_used():
    for file in FILES.values():
        used = {flag for group in file["groups"] for test in group["tests"] for flag in test.get("flags", ())}
        assert used == set(file["flags"])


def test_no_integer_is_larger_than_a_double_can_hold():
    """A reader in another language may hold every number as a double."""
    large = []

    def whole(digits):
        if abs(int(digits)) > 2**53:
            large.append(digits)
        return int(digits)

    for path in FOLDER.glob("*.json"):
        json.loads(path.read_text(), parse_int=whole)
    assert large == []


@pytest.mark.parametrize("change", [
    {"result": "valid", "mistake": {"a": 1}},
    {"result": "invalid", "output": {"a": 1}},
    {"result": "acceptable", "output": {"a": 1}},
    {"result": "valid"},
    {"result": "invalid", "requirements": []},
    {"result": "invalid", "id": "Upper"},
    {"result": "invalid", "generated": False},
    {"result": "invalid", "extra": 1},
])  # fmt: skip
def test_the_schema_refuses(change):
    assert is_of_the_schema({"result": "invalid"})
    assert not is_of_the_schema(change)


def is_of_the_schema(change):
    test = {"id": "a", "requirements": ["GL-LINE-001"], "input": {"body": ""}, **change}
    group = {"id": "g", "title": "t", "tests": [test]}
    file = {"format": 1, "kind": "ingest", "title": "t", "flags": {}, "groups": [group]}
    return jsonschema_rs.validator_for(SCHEMA).is_valid(file)
