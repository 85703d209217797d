"""The checks ask for no more than SPEC.md: a server that uses every freedom passes them all."""

import json
import multiprocessing
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import attrs
import pytest

from liveproto_conformance.launch import embedded
from liveproto_conformance.mutants.registry import parts_of
from liveproto_conformance.mutants.trial import against, run_checks, served
from liveproto_conformance.target import make_settings
from liveproto_conformance.verdict import Status

CONFIG = """
profile = "core"
fast = true
[limits]
channels = 128
channel_bytes = 255
message_bytes = 65536
"""
FINE = {Status.PASS, Status.NOT_APPLICABLE}


@pytest.fixture(scope="module")
def twin():
    with embedded("--twin", "permissive") as (url, _):
        yield url


@pytest.fixture(scope="module", autouse=True)
def timed():
    """The run that waits for timers, beside the others."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool.submit(run_with_timers)


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_permissive_twin_conforms(twin, seed, tmp_path):
    (tmp_path / "liveproto.toml").write_text(CONFIG)
    run = subprocess.run(
        [sys.executable, "-m", "liveproto_conformance", "check", twin, "--seed", seed, "--report-dir", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counts = json.loads((tmp_path / "report.json").read_text())["counts"]
    assert counts["PASS"] >= 120
    assert {status for status, count in counts.items() if count} <= FINE


def test_the_permissive_twin_keeps_time(timed):
    statuses = timed.result(120)
    assert {check: status for check, status in statuses.items() if status not in FINE} == {}
    assert Counter(statuses.values())[Status.PASS] >= 130


def run_with_timers():
    """Judge the twin in full: the timer lane on its short timers, and as many examples as a full run has."""
    with served(parts_of("permissive")) as urls:
        settings = against(make_settings({"profile": "core"}, {}), urls)
        limits = {**settings.limits, "channels": 128, "channel_bytes": 255}
        outcomes = run_checks(attrs.evolve(settings, limits=limits))
    return {check: outcome.status for check, outcome in outcomes.items()}
