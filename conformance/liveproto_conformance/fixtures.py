"""What the pytest plugin hands out: a run of the checks, and a server that tests of clients can steer."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pytest

from liveproto.channel import split_prefix
from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.expectations.read import expectations_of
from liveproto_conformance.launch import target_of
from liveproto_conformance.options import OPTIONS
from liveproto_conformance.probe import probe, root
from liveproto_conformance.reference.server import ReferenceServer
from liveproto_conformance.run import Run
from liveproto_conformance.session import dumps
from liveproto_conformance.target import CONFIG_FILE, Settings, UsageError, settings_from
from liveproto_conformance.verdict import Exit, NothingTestedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import TracebackType

    from liveproto.grafana.ingest import Refusal
    from liveproto_conformance.session import Json, Session

_TIMEOUT_S = 10.0


def settings_of(config: pytest.Config) -> Settings:
    """Read the ``--liveproto-...`` options, over liveproto.toml of the root folder."""
    values: dict[str, Any] = {"url": config.getoption("--liveproto-url")}
    for option in OPTIONS:
        values[option.name.replace("-", "_")] = config.getoption(f"--liveproto-{option.name}")
    path = Path(config.rootpath) / CONFIG_FILE
    try:
        return settings_from(path if path.is_file() else None, values, os.environ)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def start_run(config: pytest.Config) -> Run:
    """Start the target and probe it; the run ends with the session of pytest."""
    stack = ExitStack()
    config.add_cleanup(stack.close)
    try:
        settings = settings_of(config)
        expectations = expectations_of(settings, config.rootpath, datetime.now().astimezone().date())
        settings = stack.enter_context(target_of(settings))
        bench = Bench(settings, "lp" + secrets.token_hex(4))
        root(bench)
        probe(bench)
    except NothingTestedError as error:
        pytest.exit(f"nothing tested: {error}", returncode=Exit.NOTHING_TESTED)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    return Run(bench, expectations=expectations)


@contextmanager
def connected_session(settings: Settings) -> Generator[Session, None, None]:
    """Connect to a target and yield the session."""
    bench = Bench(settings, "lp" + secrets.token_hex(4))
    with Stand(bench, "liveproto_session") as stand:
        yield stand.connected()


class LiveServer:
    """The embedded server in a thread, steered from a test.

    Channels are named as the client under test names them, with their prefix.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="liveproto-server", daemon=True)
        self._server = ReferenceServer()
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._port = self._do(self._server.listen(0))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT_S)
        self._loop.close()

    @property
    def url(self) -> str:
        """WebSocket URL of the server."""
        return f"ws://127.0.0.1:{self._port}/api/live/ws"

    @property
    def received(self) -> list[str | bytes]:
        """Every message received so far, of all clients, in order."""
        return list(self._server.received)

    def publish(self, channel: str, data: Json) -> None:
        """Publish a JSON value to everybody who is subscribed to a channel."""
        _, key = split_prefix(channel)
        self._do(self._call(lambda: self._server.publish(key, msgspec.Raw(dumps(data).encode()))))

    def push(self, stream: str, lines: str | bytes) -> None:
        """Push line protocol to a stream.

        Raises:
            ValueError: a line cannot be read; nothing is published.
        """
        body = lines.encode() if isinstance(lines, str) else lines
        refusal: Refusal | None = self._do(self._call(lambda: self._server.push(stream, (), body)))
        if refusal is not None:
            raise ValueError(refusal.reason)

    def disconnect(self, code: int, reason: str) -> None:
        """Close every connection."""

        def close_all() -> None:
            for connection in list(self._server.connections):
                connection.disconnect(code, reason)

        self._do(self._call(close_all))

    def stop(self) -> None:
        """Stop: clients are disconnected with 3001. Idempotent."""
        self._do(self._server.stop())

    def restart(self) -> None:
        """Stop, and listen again on the same port."""
        self.stop()
        self._do(self._server.listen(self._port))

    async def _call(self, action: Callable[[], Any]) -> Any:  # noqa: ANN401 - runs in the server's thread
        return action()

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what it returns
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_TIMEOUT_S)
