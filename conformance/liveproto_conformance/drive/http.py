"""The HTTP side of a target: its version, and publishing routes that are no WebSocket.

Theory. One request a connection, framed by ``h11`` over a plain blocking socket. A request is over in its time,
whatever trickles in: before each wait the socket is given what is left of it. Of a body no more is read than was asked
for.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import attrs
import h11

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Mapping

_HTTP_OK: Final = 200
_CHUNK: Final = 65_536
_MAX_HEAD_BYTES: Final = 64 * 1024
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
        secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if secure else 80)
        self._prefix = parts.path
        authority = parts.netloc.rpartition("@")[2]
        host = authority if authority.isascii() else authority.encode("idna").decode()
        self._headers = {"Host": host, "Accept-Encoding": "identity"}
        self._given = headers
        self._tls = tls if secure else None
        self._timeout_s = timeout_s

    def get(self, path: str, *, max_bytes: int = MAX_BODY_BYTES) -> Answer:
        """GET a path below the root of the target, and no more of the answer than this."""
        return self._send("GET", path, b"", {}, max_bytes)

    def post(self, path: str, body: str | bytes, content_type: str) -> Answer:
        """POST a body to a path below the root of the target."""
        raw = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": content_type, "Content-Length": str(len(raw))}
        return self._send("POST", path, raw, headers, MAX_BODY_BYTES)

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str], max_bytes: int) -> Answer:
        deadline = time.monotonic() + self._timeout_s
        try:
            http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
            request = h11.Request(
                method=method, target=self._prefix + path, headers=_fields(self._headers, self._given, headers)
            )
            sent = [http.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage())]
            with contextlib.closing(self._dial(deadline)) as sock:
                sock.settimeout(_left_s(deadline))
                sock.sendall(b"".join(sent))
                return _answer(_events(http, sock, deadline), max_bytes)
        except TimeoutError:
            return Answer(0, f"no whole answer within {self._timeout_s:g} s")
        except (OSError, h11.ProtocolError) as error:
            return Answer(0, f"{type(error).__name__}: {error}")

    def _dial(self, deadline: float) -> socket.socket:
        # Without the environment's proxies: the target is what the user named.
        sock = socket.create_connection((self._host, self._port), _left_s(deadline))
        if self._tls is None:
            return sock
        sock.settimeout(_left_s(deadline))
        return self._tls.wrap_socket(sock, server_hostname=self._host)


def _fields(*groups: Mapping[str, str]) -> list[tuple[str, str]]:
    """Join headers, of each name the last."""
    return list({name.lower(): (name, value) for group in groups for name, value in group.items()}.values())


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _events(http: h11.Connection, sock: socket.socket, deadline: float) -> Generator[object, None, None]:
    """Yield what is answered, as it comes."""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            sock.settimeout(_left_s(deadline))
            http.receive_data(sock.recv(_CHUNK))
        else:
            yield event


def _answer(events: Generator[object, None, None], max_bytes: int) -> Answer:
    status, body = 0, bytearray()
    for event in events:
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
        if isinstance(event, h11.EndOfMessage) or len(body) > max_bytes:
            break
    return Answer(status, body[:max_bytes].decode(errors="replace"), whole=len(body) <= max_bytes)


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
