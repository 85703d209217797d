"""The third parties the kit is held against, each built or installed once: a Go server, two SDKs as scripted clients.

With ``CI=true`` a missing tool is an error; elsewhere it is a skip that says what is missing. Every process is ended by
its own pid.
"""

import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from availability import npm_installed, unavailable
from scripted import EmbeddedProcess, ScriptedClient

from liveproto_conformance.launch import embedded

PEERS = Path(__file__).parents[2] / "conformance" / "peers"
PYTHON_SDK = "0.7.0"
BUILD_TIMEOUT_S = 180
STOP_TIMEOUT_S = 5


@pytest.fixture(scope="session")
def go_executable(tmp_path_factory):
    """The Go peer, built once."""
    if shutil.which("go") is None:
        unavailable("the Go peer needs go")
    executable = tmp_path_factory.mktemp("go") / "centrifuge-go"
    command = ["go", "build", "-o", str(executable), "."]
    built = subprocess.run(
        command, cwd=PEERS / "centrifuge-go", capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )
    if built.returncode:
        unavailable(f"go build failed: {built.stderr[-2000:]}")
    return executable


@pytest.fixture(scope="session")
def go_peer(go_executable):
    """``with go_peer("open", "--ping", "2s") as url``: the Go peer while the block runs."""

    @contextmanager
    def serving(setting, *flags):
        command = [str(go_executable), "--setting", setting, "--port", "0", *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline()
            assert line.startswith("listening "), f"the Go peer did not start: {command}"
            yield f"http://{line.split()[-1]}"
        finally:
            process.terminate()
            try:
                process.communicate(timeout=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    return serving


@pytest.fixture(scope="session")
def embedded_urls():
    """The embedded server, and its listener with pings every 2 s, for as long as the tests run."""
    with embedded() as urls:
        yield urls


@pytest.fixture(scope="session")
def js_command(tmp_path_factory):
    """How to start the scripted client on centrifuge-js, installed from its lock into a copy."""
    copy = npm_installed(PEERS / "centrifuge-js", tmp_path_factory.mktemp("js"))
    return ["node", str(copy / "client.cjs")]


@pytest.fixture(scope="session")
def grafana_data_command(tmp_path_factory):
    """How to start Grafana's own reader of frames, installed from its lock into a copy."""
    copy = npm_installed(PEERS / "grafana-data", tmp_path_factory.mktemp("js"))
    return ["node", str(copy / "reader.cjs")]


@pytest.fixture(scope="session")
def python_command():
    """How to start the scripted client on centrifuge-python, which the extra ``dev`` installs."""
    try:
        found = version("centrifuge-python")
    except PackageNotFoundError:
        found = "none"
    if found != PYTHON_SDK:
        unavailable(f"the Python client needs centrifuge-python=={PYTHON_SDK}, found {found}: pip install -e .[dev]")
    return [sys.executable, str(PEERS / "centrifuge-python" / "client.py")]


@pytest.fixture
def start_client():
    """``start_client(command, url, channel)``: a scripted client that ends with the test."""
    clients = []

    def start(command, url, channel):
        clients.append(ScriptedClient(command, url, channel))
        return clients[-1]

    yield start
    for client in clients:
        client.end()


@pytest.fixture
def start_server():
    """``start_server(port=0)``: an embedded server of the test's own, which it may end and start again."""
    servers = []

    def start(port=0):
        servers.append(EmbeddedProcess(port=port))
        return servers[-1]

    yield start
    for server in servers:
        server.end()
