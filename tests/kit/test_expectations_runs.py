"""Known failures as users meet them: a faulty server and its file, then the mended one, by command and under pytest."""

import json
import subprocess
import sys

import jsonschema
import pytest
from servers import environment, liveproto

from liveproto_conformance.mutants.registry import parts_of
from liveproto_conformance.mutants.trial import served
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.resources import load_schema

CONFORMANT, NONCONFORMANT, USAGE = 0, 1, 4
CHECK, RULE = "wire.unknown_keys_are_ignored", "GL-WIRE-016"
ONE = ("--fast", "--timeout", "2", "-k", "unknown_keys_are_ignored")
MESSAGE = "expected a reply with id 2, got close 3501 'bad request'"
FILE = "liveproto-expected.toml"


@pytest.fixture(scope="module")
def faulty():
    with served(parts_of("unknown-keys-are-refused")) as (url, _):
        yield url


@pytest.fixture(scope="module")
def mended():
    with served(Parts()) as (url, _):
        yield url


@pytest.fixture(scope="module")
def folder(faulty, tmp_path_factory):
    """A folder with the known failure of the faulty server, as an update writes it and a person completes it."""
    folder = tmp_path_factory.mktemp("known")
    done = liveproto("check", faulty, *ONE, "--baseline-update", cwd=folder)
    assert done.returncode == NONCONFORMANT, done.stdout + done.stderr
    assert f"baseline {FILE}: 1 added; say why in each reason that is blank\n" in done.stdout
    written = (folder / FILE).read_text()
    assert written.startswith(f"# {MESSAGE}")
    assert f'check = "{CHECK}"\nstatus = "FAIL"\nreason = ""\nrepro = "liveproto-expected/{CHECK}.json"\n' in written
    refused = liveproto("check", faulty, *ONE, cwd=folder)
    assert (refused.returncode, refused.stdout) == (USAGE, "")
    assert f"{FILE}: line 5: reason: expected why this failure is accepted, got a blank one" in refused.stderr
    (folder / FILE).write_text(written.replace('reason = ""', 'reason = "the proxy is strict"'))
    return folder


def report_in(folder):
    report = json.loads((folder / "report.json").read_text())
    jsonschema.Draft202012Validator(load_schema("report.schema.json")).validate(report)
    return report


def test_an_expected_failure_is_replayed_and_the_run_conforms(folder, faulty, tmp_path):
    done = liveproto("check", faulty, *ONE, "--report-dir", tmp_path, cwd=folder)
    assert done.returncode == CONFORMANT, done.stdout + done.stderr
    assert done.stdout.splitlines()[:3] == ["XFAIL", "  the proxy is strict", f"    {CHECK}"]
    assert done.stdout.endswith("CONFORMANT, but for 1 known failure\n")
    report = report_in(tmp_path)
    (check,) = [check for check in report["checks"] if check["id"] == CHECK]
    assert (check["status"], check["reason"], check["examples"]) == ("XFAIL", "the proxy is strict", 0)
    assert check["message"].startswith(MESSAGE)
    assert report["expectations"]["used"][0]["repro"] == f"liveproto-expected/{CHECK}.json"
    assert {"id": RULE, "status": "XFAIL"}.items() <= next(r for r in report["requirements"] if r["id"] == RULE).items()


def test_what_is_mended_fails_the_run_until_its_entry_is_taken_out(folder, mended, tmp_path):
    done = liveproto("check", mended, *ONE, cwd=folder)
    assert done.returncode == NONCONFORMANT
    assert done.stdout.startswith(f"XPASS {CHECK}\n")
    assert f"  {FILE}: line 2: {CHECK} holds: take the entry out\n" in done.stdout
    assert done.stdout.endswith("\nNOT CONFORMANT\n")
    (tmp_path / "known.toml").write_text(f'[[expect]]\ncheck = "{CHECK}"\nstatus = "FAIL"\nreason = "x"\n')
    arguments = ("check", mended, *ONE, "--expected", "known.toml")
    assert liveproto(*arguments, "--baseline-update", cwd=tmp_path).returncode == NONCONFORMANT
    assert liveproto(*arguments, cwd=tmp_path).returncode == CONFORMANT
    assert (tmp_path / "known.toml").read_text().strip() == ""


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (f'req = "{RULE}"\n', CONFORMANT),
        (f'check = "{CHECK}"\nexpires = 2026-01-01\n', NONCONFORMANT),
    ],
)
def test_without_stored_input_the_check_is_run_for_a_rule_and_until_a_day(faulty, tmp_path, fields, code):
    (tmp_path / FILE).write_text(f'[[expect]]\n{fields}status = "FAIL"\nreason = "known"\n')
    done = liveproto("check", faulty, *ONE, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("was expected to fail until 2026-01-01" in done.stdout) == (code == NONCONFORMANT)


def test_an_entry_of_nothing_is_refused_before_the_target_is_started(tmp_path):
    (tmp_path / FILE).write_text(f'[[expect]]\ncheck = "{CHECK}x"\nstatus = "FAIL"\nreason = "known"\n')
    done = liveproto("check", "--start", "touch started-{port}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert f"{FILE}: line 2: check: there is no '{CHECK}x'; did you mean '{CHECK}'?" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def run_pytest(*arguments, cwd):
    checks = ("--pyargs", "liveproto_conformance.checks", "-q", "-rxX", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *checks, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_under_pytest_an_expected_failure_is_one_of_pytests_and_a_pass_fails(folder, faulty, mended, tmp_path):
    options = ("--liveproto-fast", "--liveproto-timeout", "2", "-k", "unknown_keys_are_ignored")
    expected = ("--liveproto-expected", str(folder / FILE))
    done = run_pytest("--liveproto-url", faulty, *options, *expected, cwd=tmp_path)
    assert done.returncode == CONFORMANT, done.stdout
    assert "1 xfailed" in done.stdout
    assert "the proxy is strict" in done.stdout
    done = run_pytest("--liveproto-url", mended, *options, *expected, cwd=tmp_path)
    assert done.returncode == NONCONFORMANT, done.stdout
    assert f"XPASS {CHECK}" in done.stdout
    assert f"line 2: {CHECK} holds: take the entry out" in done.stdout
    done = run_pytest("--liveproto-url", faulty, *options, cwd=tmp_path)
    assert done.returncode == NONCONFORMANT, done.stdout
    assert f'[[expect]]\ncheck = "{CHECK}"\nstatus = "FAIL"\nreason = ""\n' in done.stdout
