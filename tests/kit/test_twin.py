"""The permissive twin as a server of its own; that it passes every check is for the self-test to show."""

import json
import subprocess
import sys

import pytest

from liveproto_conformance.launch import embedded
from liveproto_conformance.mutants.registry import parts_of

CONFIG = """
profile = "core"
fast = true
req = "GL-SUB"
[limits]
channels = 128
channel_bytes = 255
"""


def test_a_run_finds_the_permissive_twin_conformant(tmp_path):
    (tmp_path / "liveproto.toml").write_text(CONFIG)
    with embedded("--twin", "permissive") as (url, _):
        run = subprocess.run(
            [sys.executable, "-m", "liveproto_conformance", "check", url, "--report-dir", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["PASS"] >= 25


def test_there_is_no_other_twin():
    with pytest.raises(ValueError, match="no mutant 'strict'"):
        parts_of("strict")
