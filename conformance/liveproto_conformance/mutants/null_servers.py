"""Servers that do nothing of the protocol: whoever judges them must find nothing to praise.

Each listens on loopback for as long as its context lasts, in threads that end with it.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

_SEED: Final = 1
_JOIN_S: Final = 5.0
_VALUES: Final = ("null", "true", "0", "-1.5", '""', "[]", '[{"id":1}]', "{}", '{"id":2}', '{"id":1,"result":{}}')


@contextmanager
def refuses() -> Generator[str]:
    """Refuse every connection: the port is taken and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield _url(taken)


@contextmanager
def accepts_and_closes() -> Generator[str]:
    """Accept every connection and close it at once."""
    with _accepting(lambda connection: connection.close()) as url:
        yield url


@contextmanager
def accepts_and_stays_mute() -> Generator[str]:
    """Accept every connection and say nothing."""
    held: list[socket.socket] = []
    with _accepting(held.append) as url:
        yield url
    for connection in held:
        connection.close()


@contextmanager
def websocket_mute() -> Generator[str]:
    """Shake hands, read everything and say nothing."""
    with _websocket(lambda _, __: None) as url:
        yield url


@contextmanager
def websocket_echo() -> Generator[str]:
    """Send back every message."""
    with _websocket(lambda connection, message: connection.send(message)) as url:
        yield url


@contextmanager
def websocket_closes() -> Generator[str]:
    """Shake hands and close with 1000."""
    with _serving(lambda connection: connection.close()) as url:
        yield url


@contextmanager
def http_only() -> Generator[str]:
    """Answer every request, the handshake too, with 200 and an empty object."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _EmptyObject)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield _url(server.socket)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_JOIN_S)


@contextmanager
def websocket_random_json() -> Generator[str]:
    """Answer every message with valid JSON of any kind."""
    chance = random.Random(_SEED)  # noqa: S311 - chance that can be repeated
    with _websocket(lambda connection, _: connection.send(chance.choice(_VALUES))) as url:
        yield url


NULL_SERVERS: Final[Mapping[str, Callable[[], AbstractContextManager[str]]]] = {
    "refuses": refuses,
    "accepts-and-closes": accepts_and_closes,
    "accepts-and-stays-mute": accepts_and_stays_mute,
    "websocket-mute": websocket_mute,
    "websocket-echo": websocket_echo,
    "websocket-closes": websocket_closes,
    "http-only": http_only,
    "websocket-random-json": websocket_random_json,
}
"""Each yields the URL to judge."""


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


@contextmanager
def _accepting(handle: Callable[[socket.socket], object]) -> Generator[str]:
    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                handle(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield _url(listener)
        # Closing alone does not wake a thread that waits in accept.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(_JOIN_S)


@contextmanager
def _websocket(answer: Callable[[ServerConnection, str | bytes], object]) -> Generator[str]:
    def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                answer(connection, message)

    with _serving(handle) as url:
        yield url


@contextmanager
def _serving(handle: Callable[[ServerConnection], None]) -> Generator[str]:
    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield _url(server.socket)
        server.shutdown()
        thread.join(_JOIN_S)


class _EmptyObject(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, whatever was asked."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 - the name the base class looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""
