"""HTTP as the proxy passes it on and as it is recorded: pure functions over heads, and a bounded copy of a body.

Theory. One request a connection: heads lose what concerns only one hop and gain ``Connection: close``. ``Host`` names
the upstream, and an ``Origin`` that named the proxy names the upstream too, so that what was the same origin still is.
Compression of WebSockets is not offered on. Everything else passes as it came.

Not here: framing of bodies (``h11``), sockets (``proxy``).
Sources: RFC 9110 section 7.6.1, RFC 6455 section 4.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import attrs
import h11

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BODY_BYTES: Final = 64 * 1024
"""Of a body that are recorded; all of it passes."""
_HOP_BY_HOP: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"upgrade"})
_CLOSE: Final = (b"Connection", b"close")
_UPGRADE: Final = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))

Header = tuple[bytes, bytes]


@attrs.frozen
class Upstream:
    """Where the traffic goes."""

    host: str
    port: int
    tls: bool

    @property
    def authority(self) -> str:
        """Host and port, as a ``Host`` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}"


def header(message: h11.Request | h11.Response | h11.InformationalResponse, name: bytes) -> str:
    """Return the values of a header, joined; empty where there is none."""
    return b", ".join(value for found, value in message.headers if found == name).decode("latin-1")


def asks_for_websocket(request: h11.Request) -> bool:
    """Tell whether a request wants to become a WebSocket."""
    return header(request, b"upgrade").lower() == "websocket"


def is_protobuf(request: h11.Request, response: h11.InformationalResponse) -> bool:
    """Tell whether what was opened speaks Protobuf, whose tokens cannot be told from the rest."""
    query = parse_qs(urlsplit(request.target.decode("latin-1")).query)
    return header(response, b"sec-websocket-protocol") == "centrifuge-protobuf" or "protobuf" in (
        *query.get("format", ()),
        *query.get("cf_protocol", ()),
    )


def to_upstream(request: h11.Request, upstream: Upstream) -> h11.Request:
    """Make the request that is passed on."""
    named_proxy = {f"{scheme}://{header(request, b'host')}".encode() for scheme in ("http", "https")}
    headers = [(b"Host", upstream.authority.encode())]
    for name, value in request.headers.raw_items():
        match name.lower():
            case b"host" | b"sec-websocket-extensions":
                continue
            case b"origin" if value in named_proxy:
                headers.append((name, str(upstream).encode()))
            case _:
                headers.append((name, value))
    return h11.Request(
        method=request.method, target=request.target, headers=_one_hop(headers, upgrade=asks_for_websocket(request))
    )


def to_client(response: h11.Response) -> h11.Response:
    """Make the response that is passed back."""
    return h11.Response(
        status_code=response.status_code, reason=response.reason, headers=_one_hop(response.headers.raw_items())
    )


def plain_response(status: int, text: str) -> tuple[h11.Response, h11.Data]:
    """Make a response of the proxy itself."""
    body = f"liveproto record: {text}\n".encode()
    headers = [(b"Content-Type", b"text/plain; charset=utf-8"), (b"Content-Length", b"%d" % len(body)), _CLOSE]
    return h11.Response(status_code=status, headers=headers), h11.Data(data=body)


def opened(request: h11.Request, response: h11.InformationalResponse) -> bytes:
    """Write down how a WebSocket was opened."""
    offered = header(request, b"sec-websocket-protocol")
    return json.dumps(
        {
            "url": request.target.decode("latin-1"),
            "origin": header(request, b"origin") or None,
            "subprotocols": [name.strip() for name in offered.split(",") if name.strip()],
            "subprotocol": header(response, b"sec-websocket-protocol") or None,
        }
    ).encode()


@attrs.define
class Copy:
    """What is recorded of a message: its head and the beginning of its body."""

    head: bytes
    readable: bool
    body: bytearray = attrs.field(factory=bytearray)
    length: int = 0

    def add(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.length += len(data)
        if self.readable:
            self.body += data[: MAX_BODY_BYTES - len(self.body)]

    def payload(self) -> bytes:
        """Write it down; a last line says what of the body is missing."""
        parts = [self.head]
        if self.body:
            parts.append(bytes(self.body))
        if self.length > len(self.body):
            parts.append(b"[%d of %d bytes of the body]" % (len(self.body), self.length))
        return b"\n".join(parts)


def copy_of(message: h11.Request | h11.Response) -> Copy:
    """Begin to write a message down; a body that is compressed has secrets nobody can find, and is left out."""
    if isinstance(message, h11.Request):
        first = message.method + b" " + message.target
    else:
        first = b"%d %s" % (message.status_code, bytes(message.reason))
    head = b"".join(name + b": " + value + b"\n" for name, value in message.headers.raw_items())
    return Copy(first + b"\n" + head, header(message, b"content-encoding") in {"", "identity"})


def _one_hop(headers: Iterable[Header], *, upgrade: bool = False) -> list[Header]:
    """Leave out what concerns one hop only, what ``Connection`` names included, and say what becomes of this one."""
    headers = list(headers)
    named = {
        token.strip().lower() for name, value in headers if name.lower() == b"connection" for token in value.split(b",")
    }
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP | named]
    return [*kept, *(_UPGRADE if upgrade else (_CLOSE,))]
