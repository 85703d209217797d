"""What a person sees: nothing wider than the terminal, the verdict last, each reason once."""

import io
import os
import shutil
import subprocess
import time
import tomllib

import attrs
import pytest
from availability import unavailable
from rich.console import Console
from servers import COMMAND, environment
from test_report import FACTS, fail, give, must_checks

from liveproto_conformance.bench import Bench
from liveproto_conformance.expectations.baseline import Change
from liveproto_conformance.expectations.entry import Expectation, Expectations
from liveproto_conformance.report.console import LiveProgress, make_console, print_end
from liveproto_conformance.run import Run
from liveproto_conformance.target import Settings
from liveproto_conformance.verdict import Status

LONG = "expected a reply with id 7 within 5 s, got none; other lines: " + "[{'push': {}}] " * 8


@pytest.fixture
def run():
    bench = Bench(Settings(url="ws://h/api/live/ws"), "lpnonce")
    bench.facts = FACTS
    run = Run(bench)
    run.planned = 164
    return run


def shown(run, width=100, directory=None):
    text = io.StringIO()
    print_end(Console(file=text, width=width, force_terminal=True, no_color=True, highlight=False), run, directory)
    plain = text.getvalue()
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[0m", "\x1b[1;", "\x1b[2;"):
        plain = plain.replace(code, "")
    return plain.splitlines()


@pytest.mark.parametrize("width", [60, 80, 100])
def test_nothing_is_wider_than_the_terminal_and_the_verdict_is_last(run, width):
    for status, check in zip(list(Status) * 3, must_checks(), strict=False):
        give(run, check, status, LONG)
    lines = shown(run, width)
    assert max(len(line) for line in lines if not line.startswith("check = ")) <= width
    assert lines[-1] == "NOT CONFORMANT"


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([Status.PASS], "CONFORMANT"),
        ([Status.PASS, Status.FAIL], "NOT CONFORMANT"),
        ([Status.PASS, Status.NOT_EXERCISED], "INCOMPLETE: a MUST could not be exercised"),
        ([Status.PASS, Status.HARNESS_ERROR], "ERROR of the kit: please report it"),
        ([], "NOTHING TESTED: no check of this profile matches -k, --req and --level"),
    ],
)
def test_verdicts(run, statuses, verdict):
    for status, check in zip(statuses, must_checks(), strict=False):
        give(run, check, status, "why")
    assert shown(run)[-1] == verdict


def test_an_interrupted_run_says_how_far_it_came(run):
    give(run, must_checks()[0], Status.PASS)
    run.interrupted = True
    assert shown(run)[-1] == "INTERRUPTED after 1 of 164 checks: INCOMPLETE: a MUST could not be exercised"


def test_a_card_has_the_rule_its_source_and_the_message_as_it_is(run):
    check = must_checks()[0]
    give(run, check, Status.FAIL, "expected [a], got [/b] [bold]c[/bold]")
    lines = shown(run, 300)
    assert lines[0] == f"FAIL {check.id}"
    assert f"  {check.requirements[0].id} MUST  {check.requirements[0].text}" in lines
    assert "  expected [a], got [/b] [bold]c[/bold]" in lines


EVIL = "\x1b[2J\x07\u202edetrevni\u200b\r\n"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_card_of_a_failure_fits_and_is_harmless(run, width):
    fail(run, must_checks()[0], f"expected a, got {EVIL * 20}", traffic=[(3, "<", f'{{"x":"{EVIL}"}}'.encode() * 50)])
    lines = shown(run, width)
    assert max(len(line) for line in lines if not line.startswith(("  again", "check = "))) <= width
    assert not any(character in "\n".join(lines) for character in "\x1b\x07\u202e\u200b\r")
    assert any("\\x1b[2J\\x07\\u202edetrevni\\u200b\\x0d" in line for line in lines)


def test_a_card_shows_what_was_expected_and_observed_where_and_how_to_see_it_again(run):
    check = must_checks()[0]
    traffic = [
        (3, ">", b'{"id":1,"connect":{}}'),
        (3, "<", b'{"id":1,"connect":{}}'),
        (4, ">", b'{"id":2,"rpc":{}}\n{"id":3,"rpc":{}}'),
        (4, "<", b'{"id":2,"rpc":{}}\n{"id":3,"error":{"code":100}}'),
        (3, "close", b'[3501,"bad request"]'),
        (0, ">", b"POST /api/live/push/x\nm v=1"),
    ]
    fail(run, check, 'expected no error, got {"id":3,"error":{"code":100}}', {"n": 1, "text": "é"}, traffic)
    lines = shown(run, 120)
    first = lines.index("  expected  no error")
    assert lines[first : first + 14] == [
        "  expected  no error",
        '  observed  {"id":3,"error":{"code":100}}',
        "  at        connection 4, message 1, line 1",
        "  input     n=1",
        '            text="é"',
        "  seed      7",
        "  again     liveproto replay x",
        '      0.000 s     3#0 > {"id":1,"connect":{}}',
        '      0.001 s     3#1 < {"id":1,"connect":{}}',
        '      0.002 s     4#0 > {"id":2,"rpc":{}}',
        '                        {"id":3,"rpc":{}}',
        '  ▶   0.003 s     4#1 < {"id":2,"rpc":{}}',
        '                        {"id":3,"error":{"code":100}}',
        '      0.004 s     3#2 < close 3501 "bad request"',
    ]
    assert lines[first + 14 : first + 16] == [
        "      0.005 s    HTTP > POST /api/live/push/x",
        "                        m v=1",
    ]


def test_long_messages_are_cut_and_the_one_it_is_about_is_whole(run):
    long = b'{"id":1,"x":"' + b"y" * 200 + b'"}'
    fail(run, must_checks()[0], "expected a, got b", traffic=[(1, "<", long), (1, "<", long), (1, ">", b"\n" * 10)])
    text = "\n".join(shown(run, 80))
    assert text.count("…") == 2
    assert text.count('"}') == 1
    assert "… 5 more lines" in text


def test_steps_of_a_session_are_a_line_each(run):
    steps = [("subscribe", {"channel": 0}), ("publish", {"channel": 0, "count": 2}), ("leave", {})]
    fail(run, must_checks()[0], "expected a, got none", {"steps": steps})
    lines = shown(run, 80)
    first = lines.index("  input     subscribe channel=0")
    assert lines[first + 1 : first + 3] == ["            publish channel=0 count=2", "            leave"]


def test_where_something_did_not_come_the_place_is_that_after_which(run):
    traffic = [(1, ">", b'{"id":1,"rpc":{}}'), (1, "<", b'{"id":1,"rpc":{}}'), (1, ">", b'{"id":2,"rpc":{}}')]
    fail(run, must_checks()[0], "expected a reply with id 2 within 5 s, got none", traffic=traffic)
    assert "  after     connection 1, message 2" in shown(run, 80)


def test_of_many_failures_the_traffic_of_the_first_ten_is_shown(run):
    for check in must_checks()[:13]:
        fail(run, check, "expected a, got b", traffic=[(1, "<", b"{}")])
    lines = shown(run, 80)
    assert sum("1#0 < {}" in line for line in lines) == 10
    assert sum(line.startswith("  again ") for line in lines) == 13


def test_a_card_on_a_pipe_has_no_spaces_at_the_ends_of_lines(run, capsys):
    fail(run, must_checks()[0], "expected a, got b", {"n": 1}, [(1, "<", b"{}"), (1, ">", b"x" * 300)])
    print_end(make_console(), run)
    card, _, _ = capsys.readouterr().out.partition("\n\n")
    assert "x" * 300 in card
    assert [line for line in card.splitlines() if line != line.rstrip()] == []


def test_a_reason_is_told_once_for_all_its_checks(run):
    first, second, third, passing = must_checks()[:4]
    give(run, first, Status.NOT_APPLICABLE, "the target announces no pings")
    give(run, second, Status.NOT_APPLICABLE, "presence was answered 108")
    give(run, third, Status.NOT_APPLICABLE, "the target announces no pings")
    give(run, passing, Status.PASS)
    assert shown(run, 300)[:5] == [
        "NOT_APPLICABLE",
        "  the target announces no pings",
        f"    {first.id}, {third.id}",
        "  presence was answered 108",
        f"    {second.id}",
    ]


def known_failure(run, check, status, **fields):
    """Let a check come out in the light of an entry of its own."""
    entry = Expectation(check=check.id, status=Status.FAIL, reason="the proxy answers", line=4, **fields)
    run.expectations = Expectations(entries=(*run.expectations.entries, entry))
    give(run, check, status, "why")
    run.results[check.id] = attrs.evolve(run.results[check.id], expectation=entry)


def test_a_known_failure_is_told_by_its_reason_and_named_by_the_verdict(run):
    first, second, third = must_checks()[:3]
    known_failure(run, first, Status.XFAIL, issue="https://t/1")
    known_failure(run, second, Status.XFAIL, issue="https://t/1")
    give(run, third, Status.PASS)
    lines = shown(run, 300)
    assert lines[:3] == ["XFAIL", "  the proxy answers (https://t/1)", f"    {first.id}, {second.id}"]
    assert "expected liveproto-expected.toml: 2 used" in lines
    assert lines[-1] == "CONFORMANT, but for 2 known failures"
    assert not any("[[expect]]" in line or "OUTDATED" in line for line in lines)


def test_an_entry_that_is_out_of_date_is_told_with_what_to_do(run):
    stale = must_checks()[0]
    known_failure(run, stale, Status.XPASS)
    lines = shown(run, 300)
    assert lines[0] == f"XPASS {stale.id}"
    place = lines.index("OUTDATED")
    assert lines[place + 1] == f"  liveproto-expected.toml: line 4: {stale.id} holds: take the entry out"
    assert "expected liveproto-expected.toml: 1 stale" in lines
    assert lines[-1] == "NOT CONFORMANT"


def test_failures_end_with_entries_that_can_be_pasted(run):
    failed = must_checks()[:12]
    for check in failed:
        fail(run, check, "expected a, got b")
    lines = shown(run, 60)
    first = lines.index("[[expect]]")
    last = max(index for index, line in enumerate(lines) if line == 'reason = ""')
    entries = tomllib.loads("\n".join(lines[first : last + 1]))["expect"]
    assert entries == [{"check": check.id, "status": "FAIL", "reason": ""} for check in failed[:10]]
    assert "… and 2 more" in lines[last:]


def test_an_update_is_told_instead_of_entries_to_paste(run):
    fail(run, must_checks()[0], "expected a, got b")
    run.change = Change(added=("sub.a", "sub.b"), changed=(), removed=("sub.c",))
    text = "\n".join(shown(run, 300))
    told = "baseline liveproto-expected.toml: 2 added, 1 taken out; say why in each reason that is blank\n"
    assert told in text
    assert "[[expect]]" not in text
    run.change = Change(added=(), changed=(), removed=())
    assert "baseline liveproto-expected.toml: nothing to change\n" in "\n".join(shown(run, 300))


def test_passes_are_counted_by_area_and_not_listed(run):
    for check in must_checks():
        give(run, check, Status.PASS)
    lines = shown(run)
    assert not any(check.id in line for check in must_checks() for line in lines)
    assert lines[0].split() == ["area", "PASS"]
    assert len(lines) < 30


def test_the_end_names_target_profile_seed_and_report(run, tmp_path):
    give(run, must_checks()[0], Status.PASS)
    run.not_scored.extend(["ping.a", "ping.b"])
    text = "\n".join(shown(run, 300, tmp_path))
    assert "target   ws://h/api/live/ws\n" in text
    assert "profile  core+grafana, Grafana 12.4 (detected 12.4.0)\n" in text
    assert "1 checks and 0 stimuli in " in text
    assert "seed 0\n" in text
    assert "fast     2 checks that wait for timers were left out\n" in text
    assert f"report   {tmp_path}/report.html\n" in text


def test_progress_on_a_pipe_is_silent(run):
    text = io.StringIO()
    console = Console(file=text, width=80)
    with LiveProgress(console) as progress:
        give(run, must_checks()[0], Status.PASS)
        progress.on_result(run, next(iter(run.results.values())))
    assert text.getvalue() == ""


def test_a_pipe_does_not_wrap_lines(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    make_console().print("x " * 100)
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.fixture
def terminal(tmp_path):
    """A terminal of 100 columns and 40 lines on a socket of its own: start a command, and see the screen."""
    if shutil.which("tmux") is None:
        unavailable("the terminal test needs tmux")
    tmux = ["tmux", "-f", os.devnull, "-S", str(tmp_path / "tmux")]

    def screen():
        captured = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True)
        return captured.stdout.rstrip().splitlines()

    def start(command):
        subprocess.run(
            [*tmux, "new-session", "-d", "-x", "100", "-y", "40", command],
            cwd=tmp_path,
            env=environment(TERM="xterm-256color", NO_COLOR=""),
            check=True,
        )
        return screen

    yield start
    subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)


def test_on_a_terminal_progress_moves_and_the_last_screen_ends_with_the_verdict(terminal):
    screen = terminal(f"{' '.join(COMMAND)} check --fast; echo exit $?; sleep 60")
    deadline, seen = time.monotonic() + 60, set()
    while not (lines := screen()) or not lines[-1].startswith("exit"):
        assert time.monotonic() < deadline, lines
        seen.update(lines)
        time.sleep(0.1)
    assert lines[-2:] == ["CONFORMANT", "exit 0"]
    assert not any("Traceback" in line or "aiohttp" in line for line in lines)
    assert any("/155" in line or "━" in line for line in seen)
    assert not any("━" in line for line in lines)
    assert max(map(len, lines)) <= 100
