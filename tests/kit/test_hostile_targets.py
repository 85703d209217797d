"""A target that turns hostile is named, and neither hangs nor exhausts the run that judges it.

Each run has a hard end, its memory is measured, and its reports are read back.
"""

import io
import json
import re
import subprocess
import sys
import time

import cbor2
import jsonschema
import pytest
from hostile import FOREVER_S, MEGABYTE, TURNS, repeating, turning
from servers import COMMAND, TEXT, environment, frame, read_head, respond, serving, until_gone

from liveproto_conformance.bench import Bench
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import CheckMark, Lane
from liveproto_conformance.execute import execute
from liveproto_conformance.fixtures import LiveServer
from liveproto_conformance.requirements import Level
from liveproto_conformance.resources import load_schema
from liveproto_conformance.target import Settings
from liveproto_conformance.trial import Task
from liveproto_conformance.verdict import Status

NONCONFORMANT, NOTHING_TESTED = 1, 5
CALM = 8
"""Connections for the probe, which is no subject here."""
MAX_TIME_S = 3.0
GRACE_S = 9.0
"""Start of the program, the probe, one check that is under way, and the reports."""
MEMORY_MB = 300
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[3:], timeout=float(sys.argv[2]))
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
"""Runs a command from a small process, because a child begins with the memory of the one it was forked from."""


class Judged:
    """What a run left behind."""

    def __init__(self, port, folder, *options, max_time_s=MAX_TIME_S):
        limits = ("--timeout", "0.3", "--max-time", str(max_time_s), "--max-examples", "2", "--report-dir", "out")
        url = f"http://127.0.0.1:{port}"
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "rss", str(FOREVER_S), *COMMAND, "check", url, *limits, *options],
            cwd=folder,
            env=environment(),
            capture_output=True,
            check=False,
        )
        self.seconds = time.monotonic() - start
        self.code, self.said = done.returncode, done.stdout.decode() + done.stderr.decode()
        self.memory_mb = int((folder / "rss").read_text()) / 1024
        report = folder / "out" / "report.json"
        self.report = json.loads(report.read_text()) if report.exists() else None
        self.trace = list(sequence((folder / "out" / "trace.cborseq").read_bytes()))
        sys.stdout.write(f"{self.seconds:.1f} s, {self.memory_mb:.0f} MB, exit {self.code}\n")

    def is_sound(self, *, max_time_s=MAX_TIME_S):
        """What holds of every run, whatever the target did."""
        assert self.seconds < max_time_s + GRACE_S
        assert self.memory_mb < MEMORY_MB
        assert "Traceback" not in self.said
        assert "\x1b" not in self.said
        header, *events = self.trace
        assert header["format"] == 1
        assert all(len(event) == 7 for event in events)

    def has_valid_report(self):
        jsonschema.Draft202012Validator(load_schema("report.schema.json")).validate(self.report)
        assert self.report["counts"]["HARNESS_ERROR"] == 0
        assert len(self.report["checks"]) == sum(self.report["counts"].values())

    def complaints(self):
        """What checks that did not pass say, with their names."""
        bad = {"FAIL", "FLAKY", "NOT_EXERCISED"}
        return [f"{check['id']}: {check['message']}" for check in self.report["checks"] if check["status"] in bad]

    def passed(self):
        return {check["id"] for check in self.report["checks"] if check["status"] == "PASS"}


def sequence(data):
    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        yield cbor2.load(stream)


@pytest.mark.parametrize("name", TURNS)
def test_who_turns_hostile_in_the_middle_is_named(name, tmp_path):
    turn, words = TURNS[name]
    with turning(turn, calm=CALM, after=1) as port:
        run = Judged(port, tmp_path, "--fast", "-k", "test_sub or test_passive")
    run.is_sound()
    run.has_valid_report()
    assert run.code == NONCONFORMANT
    assert any(re.search(words, complaint) for complaint in run.complaints()), run.complaints()


@pytest.mark.parametrize("name", TURNS)
def test_who_is_hostile_from_the_start_is_not_tested(name, tmp_path):
    turn, _ = TURNS[name]
    with turning(turn) as port:
        run = Judged(port, tmp_path)
    run.is_sound()
    assert run.code == NOTHING_TESTED
    assert re.match(r"nothing tested: ws://127\.0\.0\.1:\d+/api/live/ws: connect was never answered", run.said)
    assert run.report is None


def test_a_check_that_saw_only_hostility_does_not_pass(tmp_path):
    with turning(TURNS["a flood of pushes"][0], calm=CALM) as port:
        run = Judged(port, tmp_path, "--fast")
    run.is_sound()
    run.has_valid_report()
    # A check of the main lane needs a connection at least, and only the calm ones had anything to show.
    assert len([id_ for id_ in run.passed() if catalogue()[id_].lane is Lane.MAIN]) <= CALM


def test_a_flood_does_not_keep_the_timer_lane_from_ending(tmp_path):
    with turning(TURNS["a flood of pushes"][0], calm=CALM, after=1) as port:
        run = Judged(port, tmp_path, max_time_s=6)
    run.is_sound(max_time_s=6)
    run.has_valid_report()
    assert run.code == NONCONFORMANT


# -- before there is a WebSocket ---------------------------------------------------------------------------------------


def header_without_end(sock):
    read_head(sock)
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nX-A: ")
    repeating(b"x" * 1000)(sock)


def headers_without_end(sock):
    read_head(sock)
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")
    repeating(b"X-A: b\r\n")(sock)


def trickle(before):
    def handle(sock):
        read_head(sock)
        sock.sendall(before)
        while True:
            sock.sendall(b"x")
            time.sleep(0.01)

    return handle


HANDSHAKES = {
    "header without end": (header_without_end, "not answered"),
    "headers without end": (headers_without_end, "not answered"),
    "slow loris": (trickle(b"HTTP/1.1 101 Switching Protocols\r\nX-A: "), "no answer to the handshake within 0.3 s"),
    "slow body": (trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), "no answer to the handshake"),
    "redirect": (
        respond("302 Found", headers="Location: http://x/login\r\n"),
        "leads to 'http://x/login'. Give the URL",
    ),
    "redirect to itself": (respond("307 Temporary Redirect", headers="Location: /api/live/ws\r\n"), "HTTP 307, which"),
    "frames instead of HTTP": (repeating(frame(TEXT, b"{}")), "expected no more than"),
    "silence": (until_gone, "no answer to the handshake within 0.3 s"),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_hostile_handshake_is_nothing_tested(name, tmp_path):
    handle, words = HANDSHAKES[name]
    with serving(handle) as port:
        run = Judged(port, tmp_path)
    run.is_sound()
    assert run.code == NOTHING_TESTED
    assert words in run.said


# -- beside a good WebSocket -------------------------------------------------------------------------------------------


def ok(body):
    return lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)


ANSWERS = {
    "body without end": lambda sock: (ok(b"")(sock), repeating(b"x" * 65536)(sock)),
    "trickles": trickle(b"HTTP/1.1 200 OK\r\nX-A: "),
    "nested JSON": ok(b"[" * 100_000),
    "an organisation that is none": ok(b'{"id":1e999,"version":{}}'),
    "an organisation of 4,000 digits": ok(b'{"id":' + b"9" * 4_000 + b"}"),
    "a version that is none": ok(b'{"version":"\\ud800' + b"\\u001b[2J" * 50_000 + b'"}'),
    "10 MB of a version": ok(b'{"version":"' + b"9" * 10 * MEGABYTE + b'"}'),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_http_beside_a_good_websocket(name, tmp_path):
    def handle(sock):
        ANSWERS[name](sock)
        until_gone(sock)

    with turning(http=handle) as port:
        run = Judged(port, tmp_path, "--fast", "--profile", "core", "--req", "GL-CONN-001", max_time_s=20)
    run.is_sound()
    run.has_valid_report()
    assert run.code == 0


# -- the time of one check ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget_s", "max_time_s"), [(0.3, 60.0), (60.0, 0.3)])
def test_a_target_that_answers_for_ever_does_not_keep_a_check(monkeypatch, budget_s, max_time_s):
    def never_ends(session):
        while True:
            session.fence()

    monkeypatch.setattr("liveproto_conformance.execute.CHECK_BUDGET_S", budget_s)
    monkeypatch.setattr("liveproto_conformance.execute.EXAMPLE_BUDGET_S", 0.0)
    mark = CheckMark(("GL-CONN-001",), Lane.MAIN, {})
    with LiveServer() as server:
        bench = Bench(Settings(url=server.url, max_time=max_time_s), "nonce")
        outcome = execute(bench, Task("x.never_ends", never_ends, mark, Level.MUST), lambda _: True)
    assert outcome.status is Status.NOT_EXERCISED
    assert re.fullmatch(r"the time of the check is over, \d+ frames or lines came; see --max-time", outcome.message)
    assert outcome.duration_s < 2
