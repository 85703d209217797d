"""The schemas in a second language: Ajv in strict mode compiles them all and judges as Python's validators do."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from availability import npm_installed, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "ajv"
SCHEMAS = sorted(ROOT.glob("schemas/*.schema.json"))
CASES = json.loads((ROOT / "tests" / "kit" / "wire_cases.json").read_text())
CAPTURES = ROOT.parent / "shared" / "captures" / "centrifuge-0.28-v2.json.gz"
V1_SCENARIO = "cf_protocol_version=v1 with V1 connect"
WIRE = "https://liveproto.dev/schemas/1/wire.schema.json"
RUN_TIMEOUT_S = 60


@pytest.fixture(scope="session")
def ajv(tmp_path_factory):
    """A copy of the peer with Ajv installed from its lock."""
    return npm_installed(PEER, tmp_path_factory.mktemp("peer"))


def no_json(constant: str) -> None:
    raise ValueError(constant)


def is_json(line: str) -> bool:
    try:
        json.loads(line, parse_constant=no_json)
    except ValueError:
        return False
    return True


def case(name: str, value: str, *, valid: bool) -> str:
    """One line of the peer's input; the value is JSON text, so that 1e400 stays what it is."""
    return f'{{"schema":"{WIRE}","def":"{name}","value":{value},"valid":{json.dumps(valid)}}}\n'


def captured_cases() -> Iterator[str]:
    """Every recorded line that is JSON, as a reply or as a command that is legal unless it is listed."""
    for scenario in json.loads(gzip.decompress(CAPTURES.read_bytes())):
        if scenario["scenario"] == V1_SCENARIO:
            continue
        illegal = CASES["illegal_commands_in_captures"].get(scenario["scenario"], ())
        for event in scenario["events"]:
            name = {"recv-text": "Reply", "send-text": "Command"}.get(event["ev"])
            if name is None:
                continue
            lines = event["v"].removesuffix("\n").split("\n")
            yield from (case(name, line, valid=line not in illegal) for line in lines if is_json(line))


def run(ajv: Path, schemas: list[Path], cases: list[str]) -> tuple[int, list[dict[str, Any]]]:
    finished = subprocess.run(
        ["node", "check.cjs", *schemas],
        cwd=ajv,
        input="".join(cases),
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert finished.stderr == ""
    return finished.returncode, [json.loads(line) for line in finished.stdout.splitlines()]


def test_ajv_compiles_every_schema_in_strict_mode(ajv):
    code, lines = run(ajv, SCHEMAS, [])
    definitions = sum(len(json.loads(path.read_text()).get("$defs", {})) for path in SCHEMAS)
    assert (code, lines) == (0, [{"compiled": len(SCHEMAS) + definitions, "cases": 0, "wrong": 0}])


def test_ajv_judges_the_hand_written_cases(ajv):
    cases = [
        case(each["def"], json.dumps(each["value"]), valid=kind == "valid")
        for kind in ("valid", "invalid")
        for each in CASES[kind]
    ]
    code, lines = run(ajv, SCHEMAS, cases)
    assert lines[:-1] == []
    assert code == 0
    assert lines[-1]["cases"] == len(cases)


def test_ajv_accepts_the_captures(ajv):
    if not CAPTURES.exists():
        unavailable(f"no captures at {CAPTURES}")
    cases = list(captured_cases())
    code, lines = run(ajv, SCHEMAS, cases)
    assert lines[:-1] == []
    assert code == 0
    assert lines[-1]["cases"] == 312 + 289 + 31


def test_a_schema_ajv_cannot_read_strictly_fails_the_run(ajv, tmp_path):
    loose = tmp_path / "loose.schema.json"
    loose.write_text(json.dumps({"$id": "https://liveproto.dev/loose", "typ": "string"}))
    code, lines = run(ajv, [loose], [])
    assert code == 1
    assert 'unknown keyword: "typ"' in lines[0]["error"]


def test_a_wrong_verdict_fails_the_run(ajv):
    code, lines = run(ajv, SCHEMAS, [case("Reply", "{}", valid=False)])
    assert code == 1
    assert lines[-1]["wrong"] == 1
