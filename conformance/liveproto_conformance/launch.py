"""Starts the target where the run is to start it: the embedded server, or the user's command.

Every process leads a session of its own and is ended with it; the embedded one also ends when its standard input does.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import attrs

from liveproto_conformance.drive.http import HttpClient
from liveproto_conformance.target import Timers, tls_context, websocket_url
from liveproto_conformance.verdict import NothingTestedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

    from liveproto_conformance.target import Settings

_STOP_TIMEOUT_S: Final = 5.0
_SUCCESS: Final = range(200, 300)
_POLL_S: Final = 0.05
_SHOWN_BYTES: Final = 2000
EMBEDDED_MESSAGE_BYTES: Final = 65_536
TIMERS: Final = ("--timer-ping", "2", "--timer-pong", "1", "--timer-stale", "2")


@contextmanager
def target_of(settings: Settings) -> Generator[Settings, None, None]:
    """Yield the settings with the URL of a target that runs: the one given, started, or embedded.

    Raises:
        NothingTestedError: it did not start.
    """
    with starting(settings) as running:
        yield running()


@contextmanager
def starting(settings: Settings) -> Generator[Callable[[], Settings], None, None]:
    """Yield what waits until the target runs and returns what ``target_of`` yields.

    The embedded server starts at once, beside whatever is done until then; a command of the user's not before it is
    asked for.

    Raises:
        NothingTestedError: it did not start; so does what is yielded.
    """
    with contextlib.ExitStack() as stack:
        if settings.start is not None:
            yield lambda: attrs.evolve(settings, url=stack.enter_context(_started(settings)))
        elif settings.url is not None:
            yield lambda: settings
        else:
            played = ("--grafana", str(settings.grafana)) if settings.grafana is not None else ()
            urls = stack.enter_context(_starting_embedded(*played))
            yield lambda: _embedded_target(settings, *urls())


@contextmanager
def embedded(*options: str) -> Generator[tuple[str, str], None, None]:
    """Start the embedded server in a process of its own; yield its URL and that of the listener with short timers."""
    with _starting_embedded(*options) as urls:
        yield urls()


def _embedded_target(settings: Settings, url: str, timer_url: str) -> Settings:
    return attrs.evolve(
        settings,
        url=url,
        timer_url=websocket_url(timer_url),
        timers=Timers(pong_s=1.0, stale_s=2.0),
        limits={"message_bytes": EMBEDDED_MESSAGE_BYTES, **settings.limits},
    )


@contextmanager
def _starting_embedded(*options: str) -> Generator[Callable[[], tuple[str, str]], None, None]:
    command = [sys.executable, "-m", "liveproto_conformance", "serve", "--port", "0", "--until-eof", *TIMERS, *options]
    with _process(command) as process:
        yield lambda: _urls(process)


def _urls(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(2)]
    if not all(lines):
        raise NothingTestedError("the embedded server did not start")
    return lines[0].split()[-1], lines[1].split()[-1]


@contextmanager
def _started(settings: Settings) -> Generator[str, None, None]:
    assert settings.start is not None
    port = _free_port()
    command = [part.replace("{port}", str(port)) for part in shlex.split(settings.start)]
    url = (settings.url or "http://127.0.0.1:{port}").replace("{port}", str(port))
    ready = settings.ready.replace("{port}", str(port)) if settings.ready else None
    tls = tls_context(settings)
    # A pipe that nobody reads would stop a command that says much.
    with tempfile.TemporaryFile() as said, _process(command, subprocess.DEVNULL, said) as process:
        try:
            _wait_ready(process, lambda: _is_ready(ready, port, tls), settings.start_timeout)
        except NothingTestedError as error:
            said.seek(max(0, said.seek(0, os.SEEK_END) - _SHOWN_BYTES))
            last = said.read().decode(errors="replace").strip()
            raise NothingTestedError(f"{error}. It said: {last}" if last else f"{error} and said nothing.") from None
        yield url


def _wait_ready(process: subprocess.Popen[str], is_ready: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NothingTestedError(f"--start: the command ended with {process.returncode} before it was ready")
        if is_ready():
            return
        time.sleep(_POLL_S)
    raise NothingTestedError(f"--start: the command was not ready within {timeout_s:g} s")


def _is_ready(ready: str | None, port: int, tls: ssl.SSLContext) -> bool:
    try:
        if ready is not None:
            scheme, host, path, query, _ = urlsplit(ready)
            client = HttpClient(f"{scheme}://{host}", headers={}, tls=tls, timeout_s=1.0)
            return client.get(urlunsplit(("", "", path or "/", query, ""))).status in _SUCCESS
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except (OSError, ValueError):
        return False


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def _process(
    command: list[str], stdin: int = subprocess.PIPE, output: IO[bytes] | None = None
) -> Generator[subprocess.Popen[str], None, None]:
    try:
        # A new session, so that Ctrl-C reaches us alone and the report can still be written.
        process = subprocess.Popen(  # noqa: S603 - ours, or the user's own command
            command,
            stdin=stdin,
            stdout=output or subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise NothingTestedError(f"--start: {error}.") from error
    try:
        yield process
    finally:
        _signal(process, signal.SIGTERM)
        try:
            process.communicate(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.communicate()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Signal the session that a process leads, and so also what a shell has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
