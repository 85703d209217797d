"""The schemas of ``schemas/``: valid, judged alike by two validators, and true of recorded traffic.

``wire_cases.json`` is written by hand; ``tests/peers/test_ajv.py`` holds a second language against the same file.
"""

from __future__ import annotations

import gzip
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from liveproto.wire.messages import REQUEST_FIELDS, RESULT_FIELDS, Push, Record
from liveproto_conformance import target
from liveproto_conformance.requirements import as_json, requirements
from liveproto_conformance.schema_tools import closed, definition, requirements_at
from liveproto_conformance.verdict import Status, Verdict

ROOT = Path(__file__).parents[2]
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted(ROOT.glob("schemas/*.schema.json"))}
WIRE = SCHEMAS["wire.schema.json"]
CASES = json.loads((Path(__file__).parent / "wire_cases.json").read_text())
CAPTURES = ROOT.parent / "shared" / "captures" / "centrifuge-0.28-v2.json.gz"
V1_SCENARIO = "cf_protocol_version=v1 with V1 connect"

DEFINITIONS = {name: definition(WIRE, name) for name in WIRE["$defs"]}
FAST = {name: jsonschema_rs.Draft202012Validator(schema) for name, schema in DEFINITIONS.items()}
SLOW = {name: jsonschema.Draft202012Validator(schema) for name, schema in DEFINITIONS.items()}

STATUSES = [status.value for status in Status]
REPORT: dict[str, Any] = {
    "format": 1,
    "kit": "0.1.0",
    "spec": 1,
    "seed": 0,
    "stimuli_sha256": "0" * 64,
    "target": {"url": "ws://localhost:3000/api/live/ws"},
    "capabilities": {"publish": {"claimed": None, "observed": True}},
    "profiles": ["core", "grafana"],
    "grafana": {"detected": None, "used": "12.4"},
    "verdict": "conformant",
    "counts": dict.fromkeys(STATUSES, 0),
    "wall_s": 4.2,
    "waiting_s": 0,
    "stimuli": 4000,
    "not_scored": ["ping.interval"],
    "expectations": None,
    "transitions": {"reached": 45, "total": 46, "missing": ["serving: send"]},
    "checks": [
        {
            "id": "sub.duplicate",
            "requirements": ["GL-SUB-003", "GL-SUB-004"],
            "level": "MUST",
            "status": "PASS",
            "duration_s": 0.01,
            "examples": 1,
            "message": None,
            "reason": None,
            "repro": None,
            "card": None,
        }
    ],
    "requirements": [
        {
            "id": "GL-SUB-003",
            "level": "MUST",
            "text": "Text.",
            "source": "as-observed: T37",
            "section": "7. SUB: subscriptions",
            "status": "PASS",
        }
    ],
}
REQUIREMENT: dict[str, Any] = {
    "id": "GL-SUB-003",
    "level": "MUST",
    "text": "Text.",
    "text_sha256": "0" * 64,
    "section": "7. SUB: subscriptions",
    "role": "server",
    "profile": "grafana",
    "grafana_since": "12.0",
    "grafana_removed": None,
    "capability": None,
    "observability": "wire",
    "verified_by": [],
    "excluded_reason": None,
    "source": "T37",
    "status": "as-observed",
}
SETTINGS = """
url = "https://grafana.example/sub"
profile = "grafana"
grafana = "12.4"
token_env = "GRAFANA_TOKEN"
publish_via = "push"
channel_template = "tenant/{name}"
timeout = 5
quiet = 0.1
fast = true
[headers]
X-Scope-OrgID = "1"
[capabilities]
publish = false
[limits]
message_bytes = 65536
"""


def judged(name: str, value: Any) -> bool:
    """Both validators' verdict, which is one."""
    fast = FAST[name].is_valid(value)
    assert fast == SLOW[name].is_valid(value), f"validators differ on {value!r}"
    return fast


def cited(name: str, error: jsonschema.ValidationError) -> set[str]:
    """Every requirement on the way to an error or to one of the errors below it."""
    below = [cited(name, context) for context in error.context or ()]
    return set(requirements_at(DEFINITIONS[name], error.absolute_schema_path)).union(*below)


def subschemas(node: Any) -> list[dict[str, Any]]:
    match node:
        case dict():
            return [node, *(found for value in node.values() for found in subschemas(value))]
        case list():
            return [found for value in node for found in subschemas(value)]
    return []


def captured(event: str) -> list[tuple[str, str]]:
    """Scenario and line of everything recorded in V2; a batch's last newline makes no line."""
    if not CAPTURES.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no captures at {CAPTURES}")
        pytest.skip(f"no captures at {CAPTURES}")
    return [
        (scenario["scenario"], line)
        for scenario in json.loads(gzip.decompress(CAPTURES.read_bytes()))
        if scenario["scenario"] != V1_SCENARIO
        for entry in scenario["events"]
        if entry["ev"] == event
        for line in entry["v"].removesuffix("\n").split("\n")
    ]


def no_json(constant: str) -> None:
    raise ValueError(constant)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_and_compiles(name):
    schema = SCHEMAS[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://liveproto.dev/schemas/1/{name}"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_references_stay_inside_the_file(name):
    references = [schema["$ref"] for schema in subschemas(SCHEMAS[name]) if isinstance(schema.get("$ref"), str)]
    targets = {f"#/$defs/{definition_name}" for definition_name in SCHEMAS[name].get("$defs", {})}
    assert set(references) <= targets


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_requirement_named_exists(name):
    named = {id_ for schema in subschemas(SCHEMAS[name]) for id_ in schema.get("x-requirements", ())}
    assert named <= requirements().keys()


def test_each_wire_definition_names_its_requirements():
    assert [name for name, schema in WIRE["$defs"].items() if not schema.get("x-requirements")] == []


def test_definitions_and_fields_are_named_as_the_records():
    records = {record.__name__: record for record in Record.__subclasses__()}
    assert records.keys() <= WIRE["$defs"].keys()
    for name, record in records.items():
        extra = {"id", "connect", "disconnect"} if record is Push else set()
        assert set(WIRE["$defs"][name]["properties"]) == set(record.__struct_fields__) | extra, name
    assert set(REQUEST_FIELDS.values()) <= set(WIRE["$defs"]["Command"]["properties"])
    assert set(RESULT_FIELDS.values()) <= set(WIRE["$defs"]["Reply"]["properties"])


def test_the_writers_schema_is_the_readers_closed():
    assert SCHEMAS["wire-writer.schema.json"] == closed(WIRE)


def test_the_readers_schema_is_open_and_the_writers_closed():
    records = [s for s in subschemas(WIRE) if "object" in s.get("type", ()) and isinstance(s.get("properties"), dict)]
    assert records
    assert all("additionalProperties" not in schema for schema in records)
    writer = jsonschema_rs.Draft202012Validator(definition(SCHEMAS["wire-writer.schema.json"], "Reply"))
    for value in ({"id": 1, "rpc": {}, "x": 1}, {"id": 1, "rpc": {"x": 1}}, {"push": {"channel": "c", "future": {}}}):
        assert judged("Reply", value)
        assert not writer.is_valid(value)


def test_every_captured_reply_is_valid():
    lines = captured("recv-text")
    assert len(lines) == 312
    assert [pair for pair in lines if not judged("Reply", json.loads(pair[1]))] == []


def test_the_captured_commands_that_are_json_are_legal_except_those_listed():
    illegal = CASES["illegal_commands_in_captures"]
    unexpected, legal = [], 0
    for scenario, line in captured("send-text"):
        try:
            value = json.loads(line, parse_constant=no_json)
        except ValueError:
            continue
        legal += judged("Command", value)
        if judged("Command", value) == (line in illegal.get(scenario, ())):
            unexpected.append((scenario, line))
    assert unexpected == []
    assert legal == 289


@pytest.mark.parametrize("case", CASES["invalid"], ids=lambda case: case["id"])
def test_an_invalid_message_is_refused_for_its_requirement(case):
    assert not judged(case["def"], case["value"])
    errors = SLOW[case["def"]].iter_errors(case["value"])
    assert case["requirement"] in set().union(*(cited(case["def"], error) for error in errors))


@pytest.mark.parametrize("case", CASES["valid"], ids=lambda case: case["id"])
def test_a_valid_message_is_accepted(case):
    assert judged(case["def"], case["value"])


def test_the_cases_are_many_and_have_ids_of_their_own():
    ids = [case["id"] for case in CASES["invalid"] + CASES["valid"]]
    assert len(ids) == len(set(ids))
    assert len(CASES["invalid"]) >= 60
    assert {case["requirement"] for case in CASES["invalid"]} <= requirements().keys()


@pytest.mark.parametrize("payload", [10**400, "\ud800", {"\udfff": 1e308}, [[[]]] * 3])
def test_validators_survive_every_payload(payload):
    assert judged("Reply", {"push": {"channel": "c", "pub": {"data": payload}}})


def test_both_validators_lead_to_the_nearest_requirement():
    value = {"id": 1, "error": {"code": 100, "message": "internal server error"}}
    (slow,) = SLOW["Reply"].iter_errors(value)
    (fast,) = FAST["Reply"].iter_errors(value)
    expected = requirements_at(DEFINITIONS["Reply"], slow.absolute_schema_path)
    assert expected[0] == "GL-CODE-002"
    assert "GL-WIRE-045" in expected
    assert requirements_at(DEFINITIONS["Reply"], fast.evaluation_path) == expected


def accepts(name, value):
    schema = SCHEMAS[name]
    fast = jsonschema_rs.Draft202012Validator(schema).is_valid(value)
    assert fast == jsonschema.Draft202012Validator(schema).is_valid(value)
    return fast


def test_the_schemas_know_the_words_of_the_kit():
    settings = SCHEMAS["target.schema.json"]["properties"]
    assert settings.keys() == target._TYPES.keys() | target._TABLES.keys()
    assert list(settings["publish_via"]["enum"]) == list(target.PUBLISH_ROUTES)
    assert list(settings["capabilities"]["properties"]) == list(target.CAPABILITIES)
    assert list(settings["limits"]["properties"]) == list(target.LIMITS)
    words = SCHEMAS["report.schema.json"]
    assert set(words["$defs"]["Status"]["enum"]) == set(STATUSES)
    assert set(words["properties"]["verdict"]["enum"]) == {verdict.value for verdict in Verdict}


def test_a_report_has_exactly_its_keys():
    assert accepts("report.schema.json", REPORT)
    for key in REPORT:
        assert not accepts("report.schema.json", {name: value for name, value in REPORT.items() if name != key}), key
    for key in REPORT["checks"][0]:
        check = {name: value for name, value in REPORT["checks"][0].items() if name != key}
        assert not accepts("report.schema.json", REPORT | {"checks": [check]}), key


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"verdict": "passed"},
        {"counts": {"PASS": 1}},
        {"counts": dict.fromkeys([*STATUSES, "SKIP"], 0)},
        {"profiles": ["ha"]},
        {"profiles": []},
        {"grafana": {"used": "12.4"}},
        {"stimuli_sha256": "abc"},
        {"stimuli": -1},
        {"checks": [REPORT["checks"][0] | {"status": "SKIP"}]},
        {"checks": [REPORT["checks"][0] | {"requirements": []}]},
        {"requirements": [{"id": "T37", "level": "MUST", "status": "PASS"}]},
        {"extra": 1},
    ],
)
def test_a_report_out_of_shape_is_refused(change):
    assert not accepts("report.schema.json", REPORT | change)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "GL-FOO-001"},
        {"level": "must"},
        {"text": ""},
        {"text_sha256": "x"},
        {"profile": "ha"},
        {"grafana_since": 12},
        {"role": "proxy"},
        {"observability": "seen"},
        {"status": "guessed"},
        {"verified_by": None},
        {"extra": 1},
    ],
)
def test_a_requirement_out_of_shape_is_refused(change):
    assert accepts("requirements.schema.json", [REQUIREMENT])
    assert not accepts("requirements.schema.json", [REQUIREMENT | change])


def test_the_requirements_of_the_specification_have_their_schema():
    assert accepts("requirements.schema.json", [as_json(each, []) for each in requirements().values()])


def test_the_generated_requirements_have_their_schema():
    generated = ROOT / "schemas" / "requirements.json"
    assert accepts("requirements.schema.json", json.loads(generated.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        {"urll": "http://localhost"},
        {"url": "localhost:3000"},
        {"profile": "ha"},
        {"publish_via": "mqtt"},
        {"timeout": 0},
        {"headers": {"X": 1}},
        {"headers": ["X: a"]},
        {"start": "server"},
        {"level": "MUST"},
        {"channel_template": "tenant/name"},
        {"capabilities": {"publish": "yes"}},
        {"capabilities": {"publishing": True}},
        {"limits": {"message_bytes": "64k"}},
        {"limits": {"messages": 1}},
        {"tool": {}},
    ],
)
def test_settings_out_of_shape_are_refused(change):
    assert accepts("target.schema.json", {})
    assert accepts("target.schema.json", tomllib.loads(SETTINGS))
    assert not accepts("target.schema.json", tomllib.loads(SETTINGS) | change)
