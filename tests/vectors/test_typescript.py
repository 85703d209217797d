"""The golden vectors in another language: the loader beside them, compiled with strict types and run in Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from availability import npm_installed

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "typescript"
FOLDER = ROOT / "schemas" / "vectors"
RUN_TIMEOUT_S = 120
COMPILE = ["npx", "--no-install", "tsc", "--strict", "--target", "es2022", "--module", "commonjs", "--types", "node"]


def ran(command, folder, timeout):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    """The folder with the loader compiled by the TypeScript of the lock."""
    copy = npm_installed(PEER, tmp_path_factory.mktemp("loader"))
    shutil.copy(FOLDER / "loader.ts", copy)
    compiled = ran([*COMPILE, "loader.ts"], copy, RUN_TIMEOUT_S)
    assert compiled.returncode == 0, compiled.stdout
    return copy


def vectors_of(name):
    groups = json.loads((FOLDER / f"{name}.json").read_text())["groups"]
    return [test for group in groups for test in group["tests"]]


def test_the_loader_passes_its_vectors(loader):
    done = ran(["node", "loader.js", FOLDER], loader, RUN_TIMEOUT_S)
    *failures, passed = done.stdout.splitlines()
    assert failures == []
    assert json.loads(passed) == {
        "channel": sum("channel" in test["input"] for test in vectors_of("channel")),
        "batch": len(vectors_of("batch")),
        "frame-read": len(vectors_of("frame-read")),
    }


def test_the_loader_names_a_vector_it_does_not_pass(loader, tmp_path):
    for name in ("batch", "frame-read", "channel"):
        shutil.copy(FOLDER / f"{name}.json", tmp_path)
    file = json.loads((tmp_path / "channel.json").read_text())
    file["groups"][0]["tests"][0]["output"]["scope"] = "another"
    (tmp_path / "channel.json").write_text(json.dumps(file))
    done = ran(["node", "loader.js", tmp_path], loader, RUN_TIMEOUT_S)
    group = file["groups"][0]
    assert done.stdout.startswith(f"channel/{group['id']}/{group['tests'][0]['id']}: ")


def test_the_loader_is_short():
    assert len((FOLDER / "loader.ts").read_text().splitlines()) <= 60
