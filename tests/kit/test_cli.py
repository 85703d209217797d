"""``liveproto`` as users start it: in a process, in a folder of theirs, judged by its exit code and its words."""

import io
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager

import cbor2
import jsonschema
import pytest
from aiohttp import web
from servers import (
    COMMAND,
    Playing,
    environment,
    free_port,
    liveproto,
    proxying,
    respond,
    self_signed,
    serving,
    until_gone,
    upgrade,
)

from liveproto.session.server import Timing
from liveproto_conformance.fixtures import LiveServer
from liveproto_conformance.reference.server import Parts, ReferenceServer
from liveproto_conformance.resources import load_schema

CONFORMANT, NONCONFORMANT, INTERRUPTED, USAGE, NOTHING_TESTED = 0, 1, 2, 4, 5
ONE = ("--fast", "--req", "GL-CONN-001")
"""A run of next to nothing."""
REPORTS = jsonschema.Draft202012Validator(load_schema("report.schema.json"))


@pytest.fixture(scope="module")
def server():
    with Playing(ReferenceServer()) as server:
        yield server


def report_in(folder):
    report = json.loads((folder / "report.json").read_text())
    assert [error.message for error in REPORTS.iter_errors(report)] == []
    return report


def trace_in(folder):
    stream, items = io.BytesIO((folder / "trace.cborseq").read_bytes()), []
    while True:
        try:
            items.append(cbor2.load(stream))
        except cbor2.CBORDecodeEOF:
            return items


def last_line(done):
    return done.stdout.rstrip().splitlines()[-1]


# -- exit 4: what is not understood ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "--fats"), "--fast"),
        (("chek",), "No such command"),
        (("check", "--profile", "grafan"), "did you mean 'grafana'?"),
        (("check", "--level", "maybe"), "expected MUST or SHOULD or MAY"),
        (("check", "--grafana", "newest"), "expected a Grafana version such as 12.4, got 'newest'"),
        (("check", "--max-examples", "many"), "'many' is not a valid int"),
        (("check", "--max-examples", "0"), "max_examples: expected at least 1, got 0"),
        (("check", "--timeout", "nan"), "timeout: expected more than 0"),
        (("check", "--publish-via", "mail"), "expected ws or http or push or command, got 'mail'"),
        (("check", "--token-env", "NO_SUCH_VARIABLE"), "the environment has no NO_SUCH_VARIABLE"),
        (("check", "--token", "a", "--basic", "b:c"), "expected one kind of credentials, got token and basic"),
        (("check", "--header", "X"), "expected 'Name: value', got 'X'"),
        (("check", "localhost:3000"), "did you mean 'http://localhost:3000'?"),
        (("check", "--start", "serve"), "expected {port} in the command"),
        (("check", "--ca-file", "/no/such/file", "http://127.0.0.1:1"), "ca_file: /no/such/file"),
        (("check", "--report-dir", "/dev/null/x"), "--report-dir: /dev/null/x"),
        (("check", "--config", "none.toml"), "No such file"),
        (("check", "a", "b"), "unexpected extra argument"),
        (("explain", "GL-SUBS-003"), "no requirement or check 'GL-SUBS-003'; did you mean GL-SUB-003?"),
        (("listen", "http://h"), "Missing argument"),
        (("listen", "h", "c"), "expected http(s)://"),
        (("serve", "--ping", "often"), "not a valid float"),
    ],
)
def test_a_usage_error_is_exit_4_and_says_what_would_do(tmp_path, arguments, words):
    done = liveproto(*arguments, cwd=tmp_path)
    assert done.returncode == USAGE
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_expression_that_cannot_be_read(server, tmp_path):
    done = liveproto("check", server.http_url, "--fast", "-k", "sub and (", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (USAGE, False)
    assert "'sub and (' cannot be read" in done.stderr


def test_an_unknown_key_of_the_configuration_has_a_suggestion(tmp_path):
    (tmp_path / "liveproto.toml").write_text("sede = 4\n")
    done = liveproto("check", cwd=tmp_path)
    assert done.returncode == USAGE
    assert "liveproto.toml: line 1: unknown key 'sede'; did you mean 'seed'?" in done.stderr


def test_profile_grafana_asks_for_a_version_the_target_does_not_tell(tmp_path):
    def handle(sock):
        upgrade(sock)
        sock.recv(1000)
        sock.sendall(b'\x81\x22{"id":1,"connect":{"client":"ab"}}\x0a'[:36])
        until_gone(sock)

    with serving(handle) as port:
        done = liveproto("check", f"ws://127.0.0.1:{port}/x", "--profile", "grafana", "--timeout", "0.5", cwd=tmp_path)
    assert done.returncode == USAGE
    assert "profile grafana: the target does not tell its version; give --grafana" in done.stderr


# -- exit 5: nothing tested --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (None, "cannot be reached: Connection refused. Is it running"),
        (until_gone, "no answer to the handshake within 5 s"),
        (respond("200 OK", b"{}"), "answered with HTTP 200. Is ws://"),
        (respond("401 Unauthorized"), "HTTP 401. Give credentials: --token"),
        (respond("403 Forbidden"), "HTTP 403. The credentials may not use it"),
        (respond("404 Not Found"), "HTTP 404. Is the path right?"),
    ],
)
def test_what_is_no_target_is_exit_5_and_one_sentence_in_time(tmp_path, handle, words):
    start = time.monotonic()
    if handle is None:
        done = liveproto("check", f"http://127.0.0.1:{free_port()}", "--report-dir", "out", cwd=tmp_path)
    else:
        with serving(handle) as port:
            done = liveproto("check", f"http://127.0.0.1:{port}", "--report-dir", "out", cwd=tmp_path)
    assert time.monotonic() - start < 10
    assert done.returncode == NOTHING_TESTED
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("nothing tested: ws://127.0.0.1:")
    assert words in line
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize("choice", [("--req", "GL-NONE"), ("-k", "nothing_is_called_so")])
def test_a_choice_of_no_check_is_exit_5(server, tmp_path, choice):
    done = liveproto("check", server.http_url, "--fast", *choice, cwd=tmp_path)
    assert done.returncode == NOTHING_TESTED
    assert last_line(done).startswith("NOTHING TESTED: no check")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("-c 'raise SystemExit(\"no database\")' {port}", "ended with 1 before it was ready. It said: no database"),
        ("-c 'import time; time.sleep(60)' {port}", "not ready within 1 s"),
    ],
)
def test_a_target_that_does_not_start_is_exit_5(tmp_path, command, words):
    start = time.monotonic()
    command = f"{sys.executable} {command}"
    done = liveproto("check", "--start", command, "--start-timeout", "1", cwd=tmp_path)
    assert time.monotonic() - start < 10
    assert done.returncode == NOTHING_TESTED
    assert words in done.stderr
    assert "Traceback" not in done.stderr


# -- exit 0 and 1 ------------------------------------------------------------------------------------------------------


def test_the_embedded_server_conforms_and_the_report_is_valid(tmp_path):
    done = liveproto("check", "--fast", "--report-dir", "out", cwd=tmp_path)
    assert done.returncode == CONFORMANT, done.stdout
    assert done.stderr == ""
    assert last_line(done) == "CONFORMANT"
    report = report_in(tmp_path / "out")
    assert report["verdict"] == "conformant"
    assert report["grafana"] == {"detected": "12.4.0", "used": "12.4"}
    assert report["counts"]["FAIL"] == 0
    assert report["counts"]["PASS"] == sum(check["status"] == "PASS" for check in report["checks"])
    assert report["not_scored"]
    header, *events = trace_in(tmp_path / "out")
    assert header["target"].startswith("http://127.0.0.1:")
    assert len(events) > report["stimuli"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_what_breaks_a_rule_does_not_conform_and_the_end_says_why(server, tmp_path):
    (tmp_path / "liveproto.toml").write_text("[limits]\nmessage_bytes = 1000\n")
    done = liveproto(
        *("check", server.http_url, "--req", "GL-WIRE-025", "--fast", "--timeout", "0.5", "--report-dir", "."),
        cwd=tmp_path,
    )
    assert done.returncode == NONCONFORMANT
    check = next(check for check in report_in(tmp_path)["checks"] if check["status"] == "FAIL")
    head, rule, source, message, *_ = done.stdout.splitlines()
    assert head == f"FAIL {check['id']}"
    assert rule.startswith("  GL-WIRE-025 MUST  A message of exactly the size limit is accepted")
    assert source.startswith("    as-observed: ")
    assert message == f"  expected  {check['card']['expected']}"
    assert last_line(done) == "NOT CONFORMANT"


def test_a_started_target_with_a_url_that_says_when_it_is_ready(tmp_path):
    command = f"{sys.executable} -m liveproto_conformance serve --port {{port}}"
    done = liveproto("check", "--start", command, "--ready", "http://127.0.0.1:{port}/api/health", *ONE, cwd=tmp_path)
    assert done.returncode == CONFORMANT, done.stdout + done.stderr


def test_what_could_not_be_exercised_is_incomplete_unless_allowed(server, tmp_path):
    arguments = ("check", server.http_url, "--fast", "--req", "GL-SUB-001", "--max-connections", "1")
    done = liveproto(*arguments, "--channel-template", "nothing-{name}", cwd=tmp_path)
    assert done.returncode == NONCONFORMANT
    assert "NOT_EXERCISED" in done.stdout
    assert last_line(done).startswith("INCOMPLETE")
    done = liveproto(*arguments, "--channel-template", "nothing-{name}", "--allow-incomplete", cwd=tmp_path)
    assert done.returncode == CONFORMANT


def test_checks_are_chosen_by_requirement_level_and_expression(server, tmp_path):
    def chosen(*arguments):
        liveproto("check", server.http_url, "--fast", "--report-dir", "out", *arguments, cwd=tmp_path)
        return report_in(tmp_path / "out")["checks"]

    by_requirement = chosen("--req", "GL-SUB-00")
    assert by_requirement
    assert all(any(id_.startswith("GL-SUB-00") for id_ in check["requirements"]) for check in by_requirement)
    assert {check["level"] for check in chosen("--level", "should")} == {"SHOULD"}
    by_name = chosen("-k", "ticket or unsubscribe")
    assert by_name
    assert all("unsubscribe" in check["id"] for check in by_name)


def test_the_configuration_of_the_folder_is_read_and_options_win(server, tmp_path):
    (tmp_path / "liveproto.toml").write_text(
        f'url = "{server.http_url}"\nfast = true\nreq = "GL-CONN-001"\nseed = 5\nreport_dir = "out"\n'
    )
    assert liveproto("check", cwd=tmp_path).returncode == CONFORMANT
    assert report_in(tmp_path / "out")["seed"] == 5
    assert liveproto("check", "--seed", "6", cwd=tmp_path).returncode == CONFORMANT
    assert report_in(tmp_path / "out")["seed"] == 6


def test_a_report_of_an_earlier_run_does_not_stay(server, tmp_path):
    liveproto("check", server.http_url, *ONE, "--report-dir", ".", cwd=tmp_path)
    assert report_in(tmp_path)
    done = liveproto("check", f"http://127.0.0.1:{free_port()}", "--report-dir", ".", cwd=tmp_path)
    assert done.returncode == NOTHING_TESTED
    assert not (tmp_path / "report.json").exists()


# -- seeds -------------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_stimuli_and_verdicts_and_another_does_not(server, tmp_path):
    def told(seed):
        out = tmp_path / "out"
        done = liveproto(
            *("check", server.http_url, "--fast", "--req", "GL-WIRE-03", "--seed", seed, "--report-dir", out),
            cwd=tmp_path,
        )
        assert done.returncode == CONFORMANT, done.stdout
        report = report_in(out)
        return report["stimuli_sha256"], {check["id"]: check["status"] for check in report["checks"]}

    first, again, other = told(0), told(0), told(1)
    assert first == again
    assert other[0] != first[0]
    assert other[1] == first[1]


def test_a_random_seed_is_printed(server, tmp_path):
    seeds = []
    for _ in range(2):
        done = liveproto("check", server.http_url, *ONE, "--random", "--report-dir", ".", cwd=tmp_path)
        (seed,) = re.findall(r"seed (\d+)", done.stdout)
        assert report_in(tmp_path)["seed"] == int(seed)
        seeds.append(seed)
    assert seeds[0] != seeds[1]


# -- time and interruption ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slow_server():
    """Pings as rare as Grafana's."""
    with Playing(ReferenceServer(timing=Timing(ping_interval_s=25, pong_timeout_s=10, stale_delay_s=15))) as server:
        yield server


def test_a_run_ends_with_its_time_also_where_timers_are_waited_for(slow_server, tmp_path):
    start = time.monotonic()
    done = liveproto(
        "check", slow_server.http_url, "--req", "GL-PING", "--max-time", "1.5", "--report-dir", ".", cwd=tmp_path
    )
    assert time.monotonic() - start < 6
    assert done.returncode == NONCONFORMANT
    report = report_in(tmp_path)
    assert report["verdict"] == "incomplete"
    late = [check["message"] for check in report["checks"] if check["status"] == "NOT_EXERCISED"]
    assert "the time of the run is over; see --max-time" in late


@contextmanager
def started(*arguments, cwd):
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupt_when(process, folder, ready):
    """Press Ctrl-C once the trace is so far; return what was printed and the seconds it took."""
    deadline = time.monotonic() + 30
    while not ((folder / "trace.cborseq").exists() and ready(trace_in(folder))):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    return stdout, stderr, time.monotonic() - start


def checks_of(items):
    return {event[5] for event in items[1:]}


@pytest.mark.parametrize(
    ("choice", "ready"),
    [
        # Among checks of the main lane.
        ((), lambda items: len(checks_of(items)) > 12),
        # Inside one that has examples without end.
        (
            ("--req", "GL-WIRE-035", "--max-examples", "1000000"),
            lambda items: len(checks_of(items)) > 1 and len(items) > 3000,
        ),
        # While only the timer lane is left.
        (("--req", "GL-PING"), lambda items: sum(check.startswith("ping.") for check in checks_of(items)) > 5),
    ],
    ids=["main", "generated", "timers"],
)
def test_ctrl_c_is_exit_2_in_time_with_a_valid_report_and_a_readable_trace(slow_server, tmp_path, choice, ready):
    arguments = ("check", slow_server.http_url, "--report-dir", tmp_path, *choice)
    with started(*arguments, cwd=tmp_path) as process:
        stdout, stderr, took_s = interrupt_when(process, tmp_path, ready)
        assert process.returncode == INTERRUPTED, stderr
    assert took_s < 4
    assert "Traceback" not in stderr
    assert stdout.rstrip().splitlines()[-1].startswith("INTERRUPTED after ")
    report = report_in(tmp_path)
    assert report["verdict"] in {"incomplete", "nonconformant"}
    assert trace_in(tmp_path)[0]["format"] == 1


def test_ctrl_c_before_the_first_check_is_exit_2(tmp_path):
    with (
        serving(until_gone) as port,
        started("check", f"http://127.0.0.1:{port}", "--timeout", "30", cwd=tmp_path) as run,
    ):
        time.sleep(1.5)
        run.send_signal(signal.SIGINT)
        _, stderr = run.communicate(timeout=10)
        assert run.returncode == INTERRUPTED
    assert "Traceback" not in stderr


def test_a_server_of_ours_ends_with_us_whatever_ends_us(tmp_path):
    with started("check", "--req", "GL-PING", "--report-dir", tmp_path, cwd=tmp_path) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "trace.cborseq").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        port = int(re.search(r":(\d+)", trace_in(tmp_path)[0]["target"])[1])
        process.kill()
        process.wait()
        while time.monotonic() < deadline:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)):
                    return
            time.sleep(0.05)
    pytest.fail("the embedded server still listens")


# -- credentials, TLS, paths -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded():
    """A server that wants a login, by bearer token, Basic or a header of its own."""

    @web.middleware
    async def login(request, handler):
        known = {"Bearer secret", "Basic dXNlcjpzZWNyZXQ="}
        if request.headers.get("Authorization") in known or request.headers.get("X-Team") == "red":
            return await handler(request)
        raise web.HTTPUnauthorized

    with Playing(ReferenceServer(parts=Parts(middlewares=(login,)))) as server:
        yield server


@pytest.mark.parametrize(
    "credentials",
    [
        ("--token", "secret"),
        ("--token-env", "MY_TOKEN"),
        ("--basic", "user:secret"),
        ("--basic-env", "MY_BASIC"),
        ("--header", "X-Other: 1", "--header", "X-Team: red"),
    ],
)
def test_credentials_are_sent_and_never_written(guarded, tmp_path, credentials):
    done = liveproto(
        *("check", guarded.http_url, *ONE, "--report-dir", ".", *credentials),
        cwd=tmp_path,
        MY_TOKEN="secret",
        MY_BASIC="user:secret",
    )
    assert done.returncode == CONFORMANT, done.stdout + done.stderr
    written = (tmp_path / "report.json").read_bytes() + (tmp_path / "trace.cborseq").read_bytes()
    assert b"secret" not in written
    assert b"dXNlcjpzZWNyZXQ" not in written


def test_credentials_in_the_url_are_sent_and_never_written(guarded, tmp_path):
    url = guarded.http_url.replace("//", "//user:secret@") + "?auth_token=hush"
    done = liveproto("check", url, *ONE, "--report-dir", ".", cwd=tmp_path)
    assert done.returncode == CONFORMANT, done.stdout + done.stderr
    written = (tmp_path / "report.json").read_bytes() + (tmp_path / "trace.cborseq").read_bytes()
    for secret in (b"secret", b"hush"):
        assert secret not in written + done.stdout.encode()


def test_without_credentials_it_asks_for_them(guarded, tmp_path):
    done = liveproto("check", guarded.http_url, cwd=tmp_path)
    assert done.returncode == NOTHING_TESTED
    assert "Give credentials: --token" in done.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_tls_is_verified_with_a_ca_file_or_not_at_all(server, certificate, tmp_path):
    key, ca_file = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca_file, key)
    with proxying(server._port, tls=context) as port:
        for options, code in [
            (("--ca-file", ca_file), CONFORMANT),
            (("--insecure",), CONFORMANT),
            ((), NOTHING_TESTED),
        ]:
            done = liveproto("check", f"https://localhost:{port}", *ONE, *options, cwd=tmp_path)
            assert done.returncode == code, done.stdout + done.stderr
        assert "TLS failed" in done.stderr
        assert "See --ca-file and --insecure." in done.stderr


def test_a_target_below_a_path(server, tmp_path):
    with proxying(server._port, prefix="/grafana") as port:
        done = liveproto("check", f"http://127.0.0.1:{port}/grafana/", "--fast", "--req", "GL-SUB", cwd=tmp_path)
        assert done.returncode == CONFORMANT, done.stdout
        assert "Grafana 12.4 (detected 12.4.0)" in done.stdout
        done = liveproto("check", f"http://127.0.0.1:{port}/", *ONE, cwd=tmp_path)
        assert done.returncode == NOTHING_TESTED


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_help_and_version(tmp_path):
    done = liveproto("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("check", "serve", "list", "explain", "listen"):
        assert command in done.stdout
    assert liveproto("--version", cwd=tmp_path).returncode == 0
    assert "--report-dir" in liveproto("check", "--help", cwd=tmp_path).stdout


BLOCKED = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {"cbor2", "rich"} else real(name, package)
from liveproto_conformance.entry import main
main()
"""


def test_without_the_extra_it_says_in_one_line_what_to_install(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, "check"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == USAGE
    assert done.stderr == 'liveproto: cbor2, rich not installed: pip install "liveproto[kit]"\n'


def test_checks_of_a_listening_server_do_not_disturb_other_clients(tmp_path):
    with LiveServer() as server:
        url = server.url.removesuffix("/api/live/ws").replace("ws", "http", 1)
        done = liveproto("check", url, "--fast", "--req", "GL-SUB-00", cwd=tmp_path)
        assert done.returncode == CONFORMANT, done.stdout
        assert len(server._server.connections) == 0
        assert len(server._server.engine) == 0
