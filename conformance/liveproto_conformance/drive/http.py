"""The HTTP side of a target: its version, and publishing routes that are no WebSocket.

Theory. A request is over in its time, whatever trickles in: a socket's own timeout begins anew with each byte, so a
timer shuts the socket, of which each request has its own. Of a body no more is read than was asked for.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import attrs

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

_HTTP_OK: Final = 200
MAX_BODY_BYTES: Final = 1024 * 1024
"""What is above is left unread, unless more is asked for."""


@attrs.frozen
class Answer:
    """What an HTTP request came to: status 0 when it got no answer at all."""

    status: int
    body: str
    whole: bool = True
    """Whether there was no more of the body than was read."""

    @property
    def ok(self) -> bool:
        """Whether it was answered 200."""
        return self.status == _HTTP_OK

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.body[:120]}" if self.status else self.body[:120]


class HttpClient:
    """Requests to one target, with its credentials."""

    def __init__(self, base: str, *, headers: Mapping[str, str], tls: ssl.SSLContext, timeout_s: float) -> None:
        parts = urlsplit(base)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._prefix = parts.path
        self._headers = headers
        self._tls = tls
        self._timeout_s = timeout_s

    def get(self, path: str, *, max_bytes: int = MAX_BODY_BYTES) -> Answer:
        """GET a path below the root of the target, and no more of the answer than this."""
        return self._send("GET", path, None, {}, max_bytes)

    def post(self, path: str, body: str | bytes, content_type: str) -> Answer:
        """POST a body to a path below the root of the target."""
        raw = body.encode() if isinstance(body, str) else body
        return self._send("POST", path, raw, {"Content-Type": content_type}, MAX_BODY_BYTES)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int) -> Answer:
        with _Deadline(self._timeout_s) as deadline:
            try:
                with contextlib.closing(self._dial(deadline)) as connection:
                    connection.request(method, self._prefix + path, body, {**self._headers, **headers})
                    answer = _read(connection.getresponse(), max_bytes)
            except (OSError, HTTPException) as error:
                answer = Answer(0, f"{type(error).__name__}: {error}")
        return Answer(0, f"no whole answer within {self._timeout_s:g} s") if deadline.over else answer

    def _dial(self, deadline: _Deadline) -> HTTPConnection:
        # Without the environment's proxies: the target is what the user named.
        make = HTTPSConnection if self._secure else HTTPConnection
        connection = make(self._host, self._port)
        sock = socket.create_connection((connection.host, connection.port), self._timeout_s)
        deadline.watch(sock)
        connection.sock = sock
        if self._secure:
            connection.sock = self._tls.wrap_socket(sock, server_hostname=self._host)
            deadline.watch(connection.sock)
        return connection


class _Deadline:
    """Shuts the socket of one request when its time is over."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._timer.cancel()

    def watch(self, sock: socket.socket) -> None:
        """Take the socket, and that of TLS which replaces it."""
        self._socket = sock

    def _expire(self) -> None:
        self.over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which is not made for two threads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _read(response: HTTPResponse, max_bytes: int) -> Answer:
    body = response.read(max_bytes + 1)
    if response.length and len(body) <= max_bytes:
        raise IncompleteRead(body, response.length)
    return Answer(response.status, body[:max_bytes].decode(errors="replace"), whole=len(body) <= max_bytes)


def grafana_version(client: HttpClient) -> str | None:
    """Ask a target which Grafana it is; None where it does not tell."""
    for path, keys in (("/api/health", ("version",)), ("/api/frontend/settings", ("buildInfo", "version"))):
        answer = client.get(path)
        if not answer.status:
            return None
        if not answer.ok:
            continue
        try:
            value: Any = json.loads(answer.body)
            for key in keys:
                value = value[key]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(value, str) and value:
            return value
    return None
