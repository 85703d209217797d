"""The fuzz targets, shortly: under Hypothesis, and under atheris in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .__main__ import NAMES
from .runner import laws_of
from .script import messages, seeds
from .targets import TARGETS, seeds_of

ROOT = Path(__file__).parents[2]
RUNS, SECONDS = 5_000, 20


def fuzz(*arguments, timeout=120):
    command = [sys.executable, "-m", "tests.fuzz", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture
def atheris():
    """What fuzzes; where CI lacks it, that is an error."""
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the fuzz targets need atheris")
        pytest.skip("the fuzz targets need atheris")


def test_every_target_has_a_name_to_run_it_by():
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize(
    ("data", "made"),
    [
        (b"", [b""]),
        (b"ab", [b"ab"]),
        (b"a\xff\xffb", [b"a", b"", b"b"]),
        (b"\x80\x81\x80", [b"onetwoone"]),
        (b"\x82\xfe\x82\xfe\xff\xfe", [b"one\x82\xff"]),
    ],
)
def test_an_input_is_a_script_of_messages(data, made):
    assert messages(data, [b"one", b"two"]) == made


def test_the_seeds_hold_every_token():
    assert messages(seeds([b"one", b"two"])[2], [b"one", b"two"]) == [b"one", b"two"]


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_a_target_ends_as_documented(name, data):
    target = TARGETS[name]
    tokens = st.integers(0x80, 0x80 + len(target.tokens)).map(lambda byte: bytes([byte]))
    assert target.run(
        data.draw(st.lists(tokens | st.sampled_from([b"\xff", b"\n"]) | st.binary(max_size=4)).map(b"".join))
    )


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_target_end_as_documented(name):
    target = TARGETS[name]
    assert len({target.run(data) for data in seeds_of(target)}) > 1


@pytest.mark.parametrize("name", [name for name in TARGETS if TARGETS[name].laws])
def test_the_laws_of_a_target_can_be_given_bytes(name):
    for law in laws_of(TARGETS[name]):
        law(bytes(range(64)))


@pytest.mark.usefixtures("atheris")
@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing_and_reaches_deep(name):
    done = fuzz(name, "--runs", RUNS, "--seconds", SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout.splitlines()[-1].removeprefix("summary "))
    assert summary["missing"] == 0
    assert summary["inputs"] >= 1_000


@pytest.mark.usefixtures("atheris")
def test_a_fault_is_found_and_replayed(tmp_path):
    """A planted one, in a codec that cannot read a null."""
    planted = tmp_path / "planted.py"
    planted.write_text("""
import sys
from tests.fuzz import runner
from tests.fuzz.__main__ import main
from liveproto.wire import json_v2

def broken(line, levels):
    raise KeyError("planted")

json_v2._without_nulls = broken
main()
""")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(planted), "codec"]
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 120}
    found = subprocess.run([*command, "--runs", "20000"], check=False, **options)
    assert found.returncode == 1
    assert "planted" in found.stderr
    encoded = next(line.split()[-1] for line in found.stdout.splitlines() if line.startswith("CRASH codec: "))
    assert f"replay: python -m tests.fuzz codec --replay {encoded}" in found.stdout
    again = subprocess.run([*command, "--replay", encoded], check=False, **options)
    assert again.returncode == 1
    assert "planted" in again.stderr
    assert fuzz("codec", "--replay", encoded).returncode == 0
