"""Under pytest, as users have it: checks as items, fixtures for their own tests, and nothing where it is not used."""

import re
import subprocess
import sys

import pytest
from servers import Playing, environment, respond, serving

from liveproto_conformance.options import OPTIONS
from liveproto_conformance.reference.server import ReferenceServer

CHECKS = ("--pyargs", "liveproto_conformance.checks", "-q", "-p", "no:cacheprovider")
PASSED, FAILED, INTERRUPTED, USAGE, NOTHING_TESTED = 0, 1, 2, 4, 5


def run_pytest(*arguments, cwd, timeout=90):
    """Run plain pytest in a folder of a user's."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def server():
    with Playing(ReferenceServer()) as server:
        yield server


# -- the checks --------------------------------------------------------------------------------------------------------


def test_the_checks_pass_on_the_embedded_server(tmp_path):
    done = run_pytest(*CHECKS, "--liveproto-fast", "-W", "error", cwd=tmp_path)
    assert done.returncode == PASSED, done.stdout
    passed, skipped = (int(re.search(rf"(\d+) {word}", done.stdout)[1]) for word in ("passed", "skipped"))
    assert passed >= 120
    assert skipped < 20
    assert "failed" not in done.stdout
    assert "warning" not in done.stdout


def test_checks_of_a_server_by_url_are_chosen_as_on_the_command_line(server, tmp_path):
    options = ("--liveproto-url", server.http_url, "--liveproto-fast", "--liveproto-req", "GL-SUB-00")
    done = run_pytest(*CHECKS, *options, "--liveproto-header", "X-A: b", "-rA", cwd=tmp_path)
    assert done.returncode == PASSED, done.stdout
    assert "deselected" in done.stdout
    assert "test_sub.py" in done.stdout
    assert "test_chan.py" not in done.stdout


def test_what_could_not_be_exercised_fails_the_run(server, tmp_path):
    options = ("--liveproto-url", server.http_url, "--liveproto-fast", "--liveproto-req", "GL-SUB-001")
    incomplete = ("--liveproto-max-connections", "1")
    done = run_pytest(*CHECKS, *options, *incomplete, "--liveproto-channel-template", "nothing-{name}", cwd=tmp_path)
    assert done.returncode == FAILED, done.stdout
    assert "skipped" in done.stdout
    done = run_pytest(
        *(*CHECKS, *options, *incomplete, "--liveproto-channel-template", "nothing-{name}"),
        "--liveproto-allow-incomplete",
        cwd=tmp_path,
    )
    assert done.returncode == PASSED, done.stdout


def test_a_failed_check_shows_the_rule_and_no_stack_of_ours(server, tmp_path):
    (tmp_path / "liveproto.toml").write_text(
        f'url = "{server.http_url}"\nfast = true\n[limits]\nmessage_bytes = 1000\n'
    )
    done = run_pytest(
        *CHECKS, "--rootdir", ".", "--liveproto-req", "GL-WIRE-025", "--liveproto-timeout", "0.5", cwd=tmp_path
    )
    assert done.returncode == FAILED
    assert "GL-WIRE-025 MUST: A message of exactly the size limit is accepted" in done.stdout
    assert "observed: " in done.stdout
    assert "Traceback" not in done.stdout
    assert "execute.py" not in done.stdout


def test_what_is_no_target_ends_the_run_with_a_sentence(tmp_path):
    with serving(respond("404 Not Found")) as port:
        done = run_pytest(*CHECKS, "--liveproto-url", f"http://127.0.0.1:{port}", cwd=tmp_path)
    assert done.returncode == NOTHING_TESTED
    assert "nothing tested: ws://127.0.0.1" in done.stdout + done.stderr
    assert "Is the path right?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--liveproto-profile", "grafan"), "did you mean 'grafana'?"),
        (("--liveproto-header", "X"), "expected 'Name: value'"),
        (("--liveproto-url", "localhost"), "did you mean 'http://localhost'?"),
        (("--liveproto-nothing",), "unrecognized arguments"),
    ],
)
def test_a_usage_error_is_one_of_pytest(tmp_path, options, words):
    done = run_pytest(*CHECKS, *options, cwd=tmp_path)
    assert done.returncode == USAGE
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_every_option_of_the_command_line_is_there(tmp_path):
    text = run_pytest("--help", cwd=tmp_path).stdout
    for option in OPTIONS:
        assert f"--liveproto-{option.name}" in text
    assert "--liveproto-url" in text


# -- the fixtures ------------------------------------------------------------------------------------------------------

TESTS = '''
"""Tests of a client, as a user writes them."""

import asyncio
import contextlib
import json
import socket

import pytest
import websockets
from websockets.sync.client import connect

CHANNEL = "default/plugin/mine/x"


@contextlib.contextmanager
def subscribed(url):
    with connect(url) as client:
        client.send('{"id":1,"connect":{}}')
        assert "client" in json.loads(client.recv(timeout=5))["connect"]
        client.send(json.dumps({"id": 2, "subscribe": {"channel": CHANNEL}}))
        assert json.loads(client.recv(timeout=5)) == {"id": 2, "subscribe": {}}
        yield client


def test_publish(liveproto_server):
    with subscribed(liveproto_server.url) as client:
        liveproto_server.publish(CHANNEL, {"a": [1, None]})
        push = json.loads(client.recv(timeout=5))
        assert push == {"push": {"channel": CHANNEL, "pub": {"data": {"a": [1, None]}}}}
    assert liveproto_server.received[0] == '{"id":1,"connect":{}}'


def test_disconnect(liveproto_server):
    with subscribed(liveproto_server.url) as client:
        liveproto_server.disconnect(3005, "force disconnect")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            client.recv(timeout=5)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (3005, "force disconnect")


def test_stop_and_restart(liveproto_server):
    url = liveproto_server.url
    with subscribed(url) as client:
        liveproto_server.stop()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            client.recv(timeout=5)
    assert closed.value.rcvd.code == 3001
    with pytest.raises(OSError), connect(url):
        pass
    liveproto_server.restart()
    with subscribed(url):
        pass


def test_a_client_that_is_lost(liveproto_server):
    with subscribed(liveproto_server.url) as client:
        client.socket.shutdown(socket.SHUT_RDWR)


def test_a_client_that_stays_connected(liveproto_server, request):
    client = subscribed(liveproto_server.url)
    client.__enter__()
    request.addfinalizer(lambda: client.__exit__(None, None, None))


def test_an_asyncio_client(liveproto_server):
    async def main():
        async with websockets.connect(liveproto_server.url) as client:
            await client.send('{"id":1,"connect":{}}')
            return json.loads(await client.recv())

    assert asyncio.run(main())["id"] == 1


def test_target_and_session(liveproto_target, liveproto_session):
    assert liveproto_target.url.startswith("http://127.0.0.1:")
    assert liveproto_session.client
    liveproto_session.subscribe(CHANNEL)
    liveproto_session.request("publish", {"channel": CHANNEL, "data": 5}).result("publish")
    assert liveproto_session.publication(CHANNEL) == 5
'''


def test_the_fixtures_serve_tests_of_clients_without_a_warning(tmp_path):
    (tmp_path / "test_client.py").write_text(TESTS)
    done = run_pytest("-q", "-W", "error", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == PASSED, done.stdout
    assert "7 passed" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"test_client.py", "__pycache__", ".hypothesis"}


def test_the_target_of_the_fixtures_may_be_ones_own(server, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "def test_mine(liveproto_target, liveproto_session):\n"
        f"    assert liveproto_target.url == {server.http_url!r}\n"
        "    liveproto_session.still_serves()\n"
    )
    done = run_pytest("-q", "--liveproto-url", server.http_url, cwd=tmp_path)
    assert done.returncode == PASSED, done.stdout


# -- where it is not used ----------------------------------------------------------------------------------------------


def test_a_run_without_us_loads_nothing_of_the_kit_but_its_options(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import sys\n"
        "def test_mine():\n"
        "    ours = {name for name in sys.modules if name.startswith('liveproto')}\n"
        "    assert ours == {'liveproto_conformance', 'liveproto_conformance.pytest_plugin',\n"
        "                    'liveproto_conformance.options'}\n"
        "    assert not {'aiohttp', 'cbor2', 'msgspec'} & set(sys.modules)\n"
    )
    done = run_pytest("-q", "-W", "error", "-p", "no:hypothesispytest", "-p", "no:cov", cwd=tmp_path)
    assert done.returncode == PASSED, done.stdout


def test_the_plugin_costs_next_to_nothing_to_load(tmp_path):
    def milliseconds():
        code = "import pytest, liveproto_conformance.pytest_plugin"
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        (line,) = (line for line in done.stderr.splitlines() if line.endswith(" liveproto_conformance.pytest_plugin"))
        return int(line.split("|")[1]) / 1000

    assert min(milliseconds() for _ in range(5)) < 20
