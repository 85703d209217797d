"""Starting the target: the embedded server, or a command of the user's."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from liveproto_conformance.launch import embedded, starting, target_of
from liveproto_conformance.target import Settings, make_settings
from liveproto_conformance.verdict import NothingTestedError

HTTP = "-m http.server --bind 127.0.0.1 {port}"


def settings(command, **more):
    return Settings(start=f"{sys.executable} {command}", **more)


def script(folder, text):
    path = folder / "server.py"
    path.write_text(text)
    return f"{path} {{port}}"


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_a_url_is_taken_as_it_is():
    given = Settings(url="http://h")
    with target_of(given) as used:
        assert used is given


def test_the_embedded_server_has_short_timers_beside_and_its_own_limits():
    with target_of(Settings()) as used:
        assert used.url.startswith("http://127.0.0.1:")
        assert used.timer_url.startswith("ws://127.0.0.1:")
        assert (used.timers.pong_s, used.timers.stale_s) == (1.0, 2.0)
        assert used.limits == {"message_bytes": 65_536}
    with target_of(Settings(limits={"message_bytes": 100, "channels": 5})) as used:
        assert used.limits == {"message_bytes": 100, "channels": 5}


def test_an_embedded_server_that_does_not_start():
    with pytest.raises(NothingTestedError, match="did not start"), embedded("--mutant", "no-such"):
        pytest.fail("started")


def children():
    return set(Path("/proc/thread-self/children").read_text().split())


def test_the_embedded_server_starts_before_anybody_waits_for_it():
    before = children()
    with starting(Settings()) as running:
        assert len(children() - before) == 1
        assert running().url.startswith("http://127.0.0.1:")
    assert children() <= before


def test_a_command_is_not_started_before_it_is_asked_for():
    before = children()
    with starting(settings(HTTP)) as running:
        assert children() <= before
        assert running().url.startswith("http://127.0.0.1:")
        assert len(children() - before) == 1
    assert children() <= before


def test_a_command_is_started_on_a_free_port_and_ended(tmp_path):
    command = script(
        tmp_path,
        "import http.server, os, sys\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')\n",
    )
    with target_of(settings(command, ready="http://127.0.0.1:{port}/")) as used:
        assert used.url.startswith("http://127.0.0.1:")
        pid = int((tmp_path / "pid").read_text())
        assert alive(pid)
    assert not alive(pid)


def test_what_a_shell_has_started_is_ended_with_it(tmp_path):
    inner = f"{sys.executable} {HTTP} & echo $! > {tmp_path / 'pid'}; wait"
    with target_of(Settings(start=f"sh -c '{inner}'")):
        pid = int((tmp_path / "pid").read_text())
        assert alive(pid)
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_a_command_that_does_not_end_on_request_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("liveproto_conformance.launch._STOP_TIMEOUT_S", 0.2)
    text = f"import signal, os, sys\nsignal.signal({int(signal.SIGTERM)}, signal.SIG_IGN)\n"
    text += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    text += "import http.server\nhttp.server.test(port=int(sys.argv[1]), bind='127.0.0.1')\n"
    with target_of(settings(script(tmp_path, text))):
        pid = int((tmp_path / "pid").read_text())
    assert not alive(pid)


def test_the_url_may_have_a_path_and_the_port():
    given = make_settings(
        {"start": f"{sys.executable} {HTTP}", "url": "ws://127.0.0.1:{port}/connection/websocket"}, {}
    )
    with target_of(given) as used:
        assert used.url.startswith("ws://127.0.0.1:")
        assert used.url.endswith("/connection/websocket")
        assert "{" not in used.url


def test_a_command_that_ends_at_once_says_what_it_said(tmp_path):
    command = script(tmp_path, "import sys; print('so long'); sys.exit('no database')")
    with pytest.raises(NothingTestedError) as caught, target_of(settings(command)):
        pytest.fail("started")
    message = str(caught.value)
    assert message.startswith("--start: the command ended with 1 before it was ready. It said: ")
    assert "so long" in message
    assert "no database" in message


def test_a_command_that_is_never_ready_is_ended_in_time(tmp_path):
    command = script(
        tmp_path, f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    start = time.monotonic()
    with (
        pytest.raises(NothingTestedError, match=r"not ready within 0.7 s and said nothing"),
        target_of(settings(command, start_timeout=0.7)),
    ):
        pytest.fail("started")
    assert time.monotonic() - start < 5
    assert not alive(int((tmp_path / "pid").read_text()))


def test_ready_is_a_good_answer_not_any_answer():
    never = settings(HTTP, ready="http://127.0.0.1:{port}/no-such-page", start_timeout=1.0)
    with pytest.raises(NothingTestedError, match="not ready"), target_of(never):
        pytest.fail("started")


@pytest.mark.parametrize("command", ["no-such-command-of-ours {port}", "/ {port}"])
def test_a_command_that_cannot_be_run(command):
    with pytest.raises(NothingTestedError, match=r"^--start: "), target_of(Settings(start=command)):
        pytest.fail("started")


def test_a_command_that_says_much_is_not_stopped_by_it(tmp_path):
    text = "import sys, http.server\nprint('x' * 1_000_000, flush=True)\n"
    text += "http.server.test(port=int(sys.argv[1]), bind='127.0.0.1')\n"
    with target_of(settings(script(tmp_path, text))) as used:
        assert used.url


def test_a_fault_inside_is_not_taken_for_one_of_the_command():
    with pytest.raises(FileNotFoundError), target_of(settings(HTTP)):
        raise FileNotFoundError
