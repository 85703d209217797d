"""liveproto-expected.toml: what is read of it, what is said of one that is broken, and what an update makes of it."""

import json
import tomllib
from datetime import date
from pathlib import Path

import pytest
from test_report import FACTS, fail, give, must_checks

from liveproto_conformance.bench import Bench
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.expectations.baseline import draft, unexpected, update
from liveproto_conformance.expectations.entry import EXPECTED_FILE, Expectation, Expectations
from liveproto_conformance.expectations.read import expectations_of, read
from liveproto_conformance.judge_target import _report_directory
from liveproto_conformance.run import Run
from liveproto_conformance.target import Settings, UsageError
from liveproto_conformance.verdict import Status

TODAY = date(2026, 6, 1)
MUST, GENERATED = "sub.a_refused_duplicate_leaves_the_first_receiving", "wire.unknown_keys_are_ignored"
SHOULD = next(check.id for check in catalogue().values() if check.level == "SHOULD")
ENTRY = f'[[expect]]\ncheck = "{GENERATED}"\nstatus = "FAIL"\nreason = "known"\n'


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path(EXPECTED_FILE)


def written(file, text):
    file.write_text(text)
    return read(file, TODAY)


def run_with(file, **settings):
    """A run that has not begun, with the entries of a file."""
    bench = Bench(Settings(url="ws://h/api/live/ws", seed=9, **settings), "lpnonce")
    bench.facts = FACTS
    entries = read(file, TODAY) if file.exists() else ()
    return Run(bench, expectations=Expectations(file, entries))


def saved(file, check_id=GENERATED, values=None):
    """Save a failure of a check where an update saves it; return its path for an entry."""
    run = run_with(file)
    fail(run, catalogue()[check_id], "expected a, got b", {"members": [[{}, {}]]} if values is None else values)
    update(run)
    file.unlink()
    return f"liveproto-expected/{check_id}.json"


# -- reading -----------------------------------------------------------------------------------------------------------


def test_an_entry_has_all_that_its_file_says(file):
    repro = saved(file)
    text = (
        f'# Known\n\n[[expect]]\nreq = "GL-SUB-003"\nstatus = "fail"\nreason = " why "\nissue = "https://t/1"\n'
        f'expires = 2026-06-01\n\n{ENTRY}repro = "{repro}"\nexpires = 2026-05-31\n'
    )
    rule, check = written(file, text)
    assert rule == Expectation(
        req="GL-SUB-003", status=Status.FAIL, reason=" why ", issue="https://t/1", expires=TODAY, line=3
    )
    assert check == Expectation(
        check=GENERATED, status=Status.FAIL, reason="known", expires=date(2026, 5, 31), expired=True,
        repro=repro, values={"members": [[{}, {}]]}, line=10,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "x"', "line 1: unknown key 'title'; expected tables [[expect]] and nothing else"),
        ("expect = 5", "line 1: expect: expected tables, each after [[expect]]"),
        ('[expect]\ncheck = "a"', "line 1: expect: expected tables, each after [[expect]]"),
        ('\nexpect = [{check = "a"}]', "line 2: expect: expected tables, each after [[expect]]"),
        ("[[expect]]", "line 1: expected one of check and req, got neither"),
        (f'{ENTRY}req = "GL-SUB-003"', "line 1: expected one of check and req, got check and req"),
        (f'{ENTRY}reson = "x"', "line 5: unknown key 'reson'; did you mean 'reason'?"),
        (f"{ENTRY}\n[[expect]]\ncheck = 1", "line 7: check: expected str, got 1"),
        (
            ENTRY.replace("ignored", "ignord"),
            "line 2: check: there is no 'wire.unknown_keys_are_ignord'; did you mean 'wire.unknown_keys_are_ignored'?",
        ),
        ('[[expect]]\nreq = "GL-SUBS-003"', "line 2: req: there is no 'GL-SUBS-003'; did you mean 'GL-SUB-003'?"),
        ('[[expect]]\nreq = "GL-CLIENT-001"', "line 2: req: no check looks at GL-CLIENT-001"),
        (
            ENTRY.replace("FAIL", "FIAL"),
            "line 3: status of a MUST: expected FAIL or FLAKY or NOT_EXERCISED, got 'FIAL'; did you mean 'FAIL'?",
        ),
        (
            ENTRY.replace("FAIL", "WARN"),
            "line 3: status of a MUST: expected FAIL or FLAKY or NOT_EXERCISED, got 'WARN'",
        ),
        (
            ENTRY.replace(GENERATED, SHOULD),
            "line 3: status of a SHOULD: expected WARN or FLAKY or NOT_EXERCISED, got 'FAIL'",
        ),
        (
            f'[[expect]]\ncheck = "{GENERATED}"\nreason = "x"',
            "line 1: status is missing: expected FAIL or FLAKY or NOT_EXERCISED, which a MUST may come to",
        ),
        (ENTRY.replace('reason = "known"', ""), "line 1: reason: expected why this failure is accepted, got none"),
        (ENTRY.replace('"known"', '" \\t"'), "line 4: reason: expected why this failure is accepted, got a blank one"),
        (
            ENTRY.replace("FAIL", "FLAKY"),
            "line 1: expires is missing: a FLAKY check may pass, so only a date can end this, as in 2027-01-31",
        ),
        (
            f'{ENTRY}expires = "2027-01-31"',
            "line 5: expires: expected a date as in 2027-01-31, without quotes, got '2027-01-31'",
        ),
        (
            f"{ENTRY}expires = 2027-01-31T00:00:00",
            (
                "line 5: expires: expected a date as in 2027-01-31, without quotes, "
                "got datetime.datetime(2027, 1, 31, 0, 0)"
            ),
        ),
        (f"{ENTRY}expires = true", "line 5: expires: expected a date as in 2027-01-31, without quotes, got True"),
        (f"{ENTRY}\n# again\n{ENTRY}", f"line 8: check: {GENERATED} has an entry in line 1 already"),
        (f'{ENTRY}repro = "none.json"', "line 5: repro: none.json: No such file or directory"),
        (
            '[[expect]]\nreq = "GL-SUB-003"\nstatus = "FAIL"\nreason = "x"\nrepro = "a.json"',
            "line 5: repro: expected only where one check fails: it is the input of that failure",
        ),
        (
            f'{ENTRY}repro = "a.json"'.replace("FAIL", "NOT_EXERCISED"),
            "line 5: repro: expected only where one check fails: it is the input of that failure",
        ),
        ("[[expect]]\ncheck = \n", "Invalid value (at line 2, column 9)"),
    ],
)
def test_a_broken_file_is_named_with_line_key_and_what_would_do(file, text, message):
    with pytest.raises(UsageError) as caught:
        written(file, text)
    assert str(caught.value) == f"{EXPECTED_FILE}: {message}"


def test_stored_input_must_be_that_of_the_check_and_whole(file):
    repro = saved(file)
    with pytest.raises(UsageError) as caught:
        written(file, f'{ENTRY}repro = "{repro}"'.replace(f'check = "{GENERATED}"', f'check = "{MUST}"'))
    assert str(caught.value) == f"{EXPECTED_FILE}: line 5: repro: expected a failure of {MUST}, got one of {GENERATED}"
    Path(repro).write_text('{"format": 1,\n "chek": 1}')
    with pytest.raises(UsageError) as caught:
        written(file, f'{ENTRY}repro = "{repro}"')
    assert str(caught.value) == f"{EXPECTED_FILE}: line 5: repro: {repro}: unknown key 'chek'; did you mean 'check'?"


def test_the_file_of_the_folder_is_read_where_it_is_there_and_one_that_is_named_must_be(file, tmp_path):
    assert expectations_of(Settings(), Path(), TODAY) == Expectations(file, ())
    file.write_text(ENTRY)
    assert [entry.check for entry in expectations_of(Settings(), Path(), TODAY).entries] == [GENERATED]
    assert expectations_of(Settings(), tmp_path, TODAY).file == tmp_path / EXPECTED_FILE
    for name, words in (("none.toml", "No such file"), ("none", "expected a file that"), (".", "expected a file")):
        with pytest.raises(UsageError, match=words):
            expectations_of(Settings(expected=name), Path(), TODAY)
    assert expectations_of(Settings(expected="new.toml", baseline_update=True), Path(), TODAY).entries == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == [EXPECTED_FILE]


@pytest.mark.usefixtures("file")
def test_an_update_that_could_not_be_written_is_said_before():
    Path("known").write_text("")
    for name, blamed in (("/dev/null/x.toml", "/dev/null/x.toml"), ("no/x.toml", "no/x.toml"), ("known.toml", "known")):
        with pytest.raises(UsageError, match=f"--baseline-update: {blamed}: "):
            expectations_of(Settings(expected=name, baseline_update=True), Path(), TODAY)


# -- writing -----------------------------------------------------------------------------------------------------------


def plain(count):
    """Checks of one requirement of the target that make their own input."""
    return [
        check
        for check in must_checks()
        if len(check.requirements) == 1 and check.requirements[0].applies_to(FACTS.version) and not check.generated
    ][:count]


def test_an_entry_that_is_drafted_is_refused_until_it_says_why(file):
    (one,) = plain(1)
    run = run_with(file)
    fail(run, one, "expected a, got b")
    text = draft(*unexpected(run))
    assert text == f'[[expect]]\ncheck = "{one.id}"\nstatus = "FAIL"\nreason = ""'
    with pytest.raises(UsageError, match="line 4: reason: expected why this failure is accepted, got a blank one"):
        written(file, text)
    (entry,) = written(file, text.replace('""', '"mended in 2.0"'))
    assert (entry.check, entry.reason) == (one.id, "mended in 2.0")


def test_a_flaky_failure_is_drafted_with_a_date_to_fill(file):
    (one,) = plain(1)
    run = run_with(file)
    give(run, one, Status.FLAKY, "failed, then held")
    text = draft(*unexpected(run))
    assert tomllib.loads(text) == {"expect": [{"check": one.id, "status": "FLAKY", "reason": "", "expires": ""}]}
    with pytest.raises(UsageError, match="line 5: expires: expected a date"):
        written(file, text.replace('reason = ""', 'reason = "x"'))


def test_what_fails_the_run_is_unexpected(file):
    for strict, statuses in ((False, ["FAIL", "FLAKY"]), (True, ["FAIL", "FLAKY", "WARN"])):
        run = run_with(file, strict=strict)
        for status, check in zip(Status, plain(len(Status)), strict=True):
            give(run, check, status)
        assert [result.outcome.status for result in unexpected(run)] == statuses


def test_an_update_adds_what_failed_with_its_input_and_keeps_the_rest_as_it_is(file):
    known, one, two = plain(3)
    text = f'# Ours. See https://t\n\n# why\n[[expect]] # x\ncheck   = "{known.id}"\nreason="""a\nb"""\nstatus = "FAIL"'
    file.write_bytes(text.encode())
    run = run_with(file)
    give(run, known, Status.XFAIL)
    fail(run, one, "expected a, got \x1b[2J\nb")
    give(run, two, Status.FLAKY, "failed, then held")
    change = update(run)
    assert (change.added, change.changed, change.removed) == ((one.id, two.id), (), ())
    assert file.read_text() == (
        f"{text}\n\n# expected a, got \\x1b[2J\\x0ab\n"
        f'[[expect]]\ncheck = "{one.id}"\nstatus = "FAIL"\nreason = ""\nrepro = "liveproto-expected/{one.id}.json"\n\n'
        f'# failed, then held\n[[expect]]\ncheck = "{two.id}"\nstatus = "FLAKY"\nreason = ""\nexpires = ""\n'
    )
    document = json.loads(Path(f"liveproto-expected/{one.id}.json").read_text())
    assert (document["check"], document["seed"]) == (one.id, 7)


def test_an_update_takes_out_what_passed_with_its_comment_and_its_input(file):
    first, one, last = plain(3)
    repro = saved(file, one.id, {})
    blocks = [
        f'# about {check.id}\n[[expect]]\ncheck = "{check.id}"\nstatus = "FAIL"\nreason = "known"\n'
        for check in (first, one, last)
    ]
    blocks[1] += f'repro = "{repro}"\n'
    file.write_text("# Ours\n\n" + "\n".join(blocks))
    run = run_with(file)
    for check, status in ((first, Status.XFAIL), (one, Status.XPASS)):
        give(run, check, status)
    assert update(run).removed == (one.id,)
    assert file.read_text() == "# Ours\n\n" + "\n".join([blocks[0], blocks[2]])
    assert not Path(repro).exists()


def test_an_update_leaves_the_input_that_a_user_keeps_elsewhere(file):
    (one,) = plain(1)
    Path(saved(file, one.id, {})).rename("mine.json")
    written(file, f'[[expect]]\ncheck = "{one.id}"\nstatus = "FAIL"\nreason = "known"\nrepro = "mine.json"\n')
    run = run_with(file)
    give(run, one, Status.XPASS)
    assert update(run).removed == (one.id,)
    assert Path("mine.json").exists()
    assert read(file, TODAY) == ()


def test_an_update_of_another_status_keeps_the_reason(file):
    (one,) = plain(1)
    written(file, f'[[expect]]\ncheck = "{one.id}"\nstatus = "NOT_EXERCISED"\nreason = "a\\"b\\u007f"\nissue = "t/1"\n')
    run = run_with(file)
    fail(run, one, "expected a, got b")
    assert update(run).changed == (one.id,)
    (entry,) = read(file, TODAY)
    assert (entry.status, entry.reason, entry.issue, entry.values) == (Status.FAIL, 'a"b\x7f', "t/1", {})


def test_an_entry_that_has_expired_is_a_decision_of_people(file):
    one, two = plain(2)
    text = "\n".join(
        f'[[expect]]\ncheck = "{check.id}"\nstatus = "FAIL"\nreason = "known"\nexpires = 2026-01-01\n'
        for check in (one, two)
    )
    written(file, text)
    run = run_with(file)
    give(run, one, Status.FAIL, "why")
    give(run, two, Status.PASS)
    assert update(run).added == update(run).changed == update(run).removed == ()
    assert file.read_text() == text


def test_where_nothing_changed_no_file_is_written(file):
    run = run_with(file)
    give(run, must_checks()[0], Status.PASS)
    update(run)
    assert not file.exists()


# -- the report directory ----------------------------------------------------------------------------------------------


def test_stored_input_is_not_looked_for_in_what_the_run_empties(file):
    repro = saved(file)
    Path("report/repro").mkdir(parents=True)
    Path(repro).rename("report/repro/x.json")
    entries = written(file, f'{ENTRY}repro = "report/repro/x.json"')
    with pytest.raises(UsageError) as caught:
        _report_directory(Settings(report_dir="report"), Expectations(file, entries))
    assert str(caught.value) == (
        f"{EXPECTED_FILE}: line 1: repro: report/repro/x.json is in --report-dir, which a run empties; "
        "keep a copy elsewhere"
    )
    assert Path("report/repro/x.json").exists()


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("directory", "blamed"),
    [
        ("a-file", "a-file/repro: Not a directory"),
        ("a-file/below", "a-file/below/repro: Not a directory"),
        ("/proc/none", "/proc/none: No such file or directory"),
        ("with-file", "with-file/repro: File exists"),
        ("with-folder", "with-folder/report.json: Is a directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_said_before_the_run(directory, blamed):
    Path("a-file").write_text("mine")
    for made in ("with-file", "with-folder/report.json"):
        Path(made).mkdir(parents=True)
    Path("with-file/repro").write_text("mine")
    with pytest.raises(UsageError) as caught:
        _report_directory(Settings(report_dir=directory), Expectations())
    assert str(caught.value) == f"--report-dir: {blamed}"
    assert Path("a-file").read_text() == Path("with-file/repro").read_text() == "mine"
