"""One WebSocket to the target, seen as it is: whole messages, raw close frames, resets.

Theory. ``websockets``' sans-IO client drives a plain blocking socket, so that a Close frame, an end of file and a reset
stay different things, and a message arrives as the bytes that were sent.

Not here: commands and replies (``liveproto_conformance.session``), judging (``oracle``).
"""

from __future__ import annotations

import contextlib
import enum
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from websockets.typing import Subprotocol

_CHUNK: Final = 65_536
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""A larger message of the target ends the connection: bounded memory."""
_SEND_TIMEOUT_S: Final = 5.0


class Ending(enum.Enum):
    """How a connection ended."""

    CLOSE_FRAME = "close frame"
    EOF = "end of file without close frame"
    RESET = "connection reset"
    BROKEN = "broken WebSocket"


@attrs.frozen
class Closed:
    """The end of a connection; ``code`` and ``reason`` are those of the Close frame.

    Without one the code is 1006, and the reason empty, or says how the target broke the WebSocket protocol.
    """

    code: int
    reason: str
    ending: Ending

    def __str__(self) -> str:
        if self.ending is Ending.CLOSE_FRAME:
            return f"close {self.code} {self.reason!r}"
        return f"{self.ending.value}: {self.reason}" if self.reason else self.ending.value


@attrs.frozen
class Message:
    """One whole message of the target."""

    data: bytes
    binary: bool


class ConnectionEndedError(Exception):
    """The target ended the connection while something was awaited."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(f"the connection ended: {closed}")
        self.closed = closed


class NotWebSocketError(Exception):
    """The target answered the handshake with something else; ``status`` is its HTTP status, where it had one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """An open WebSocket; blocking, with explicit timeouts."""

    def __init__(self, sock: socket.socket, protocol: ClientProtocol) -> None:
        self._socket = sock
        self._protocol = protocol
        self._messages: deque[Message] = deque()
        self._fragments: list[bytes] = []
        self._fragments_binary = False
        self.subprotocol: str | None = None
        self.closed: Closed | None = None

    def send(self, data: str | bytes) -> None:
        """Send one message: text as a text message, bytes as a binary one.

        Raises:
            ConnectionEndedError: it can no longer be written.
        """
        if self.closed is not None:
            raise ConnectionEndedError(self.closed)
        if isinstance(data, str):
            self._protocol.send_text(data.encode())
        else:
            self._protocol.send_binary(data)
        self._flush()

    def receive(self, timeout_s: float) -> Message:
        """Return the next message.

        Raises:
            TimeoutError: none came in time.
            ConnectionEndedError: the target ended the connection, after all its messages were returned.
        """
        deadline = time.monotonic() + timeout_s
        while not self._messages:
            if self.closed is not None:
                raise ConnectionEndedError(self.closed)
            self._fill(deadline - time.monotonic())
        return self._messages.popleft()

    def wait_closed(self, timeout_s: float) -> Closed | None:
        """Return how the target ends the connection, or None if it does not in time; messages are kept."""
        deadline = time.monotonic() + timeout_s
        while self.closed is None:
            try:
                self._fill(deadline - time.monotonic())
            except TimeoutError:
                return None
        return self.closed

    def close(self) -> None:
        """Close from our side, without waiting for the target. Idempotent."""
        if self.closed is None:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
            self.closed = self.closed or Closed(CloseCode.NORMAL_CLOSURE, "", Ending.CLOSE_FRAME)
        self._socket.close()

    def drop(self) -> None:
        """End the TCP connection without a Close frame, as a lost client does."""
        self.closed = self.closed or Closed(CloseCode.ABNORMAL_CLOSURE, "", Ending.EOF)
        self._socket.close()

    def abort(self) -> None:
        """Wake whoever reads, from another thread: it finds the end of the connection."""
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which is not made for two threads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            try:
                # Reading leaves a timeout of its own, too short for a large message.
                self._socket.settimeout(_SEND_TIMEOUT_S)
                if data:
                    self._socket.sendall(data)
                else:
                    self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                # What the target sent before it went away still counts: reading finds the end.
                return

    def _fill(self, timeout_s: float) -> None:
        if timeout_s <= 0:
            raise TimeoutError
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(_CHUNK)
        except ConnectionError:
            self.closed = self.closed or Closed(CloseCode.ABNORMAL_CLOSURE, "", Ending.RESET)
            return
        self.feed(data)

    def feed(self, data: bytes) -> Response | None:
        """Take bytes of the target, none for their end; return the answer to the handshake if it came."""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._flush()
        response: Response | None = None
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Response):
                response = event
        fault = self._protocol.parser_exc
        if fault is not None and data:
            self.closed = self.closed or Closed(CloseCode.ABNORMAL_CLOSURE, str(fault), Ending.BROKEN)
        elif not data:
            self.closed = self.closed or Closed(CloseCode.ABNORMAL_CLOSURE, "", Ending.EOF)
        return response

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                if frame.opcode is not Opcode.CONT:
                    self._fragments_binary = frame.opcode is Opcode.BINARY
                self._fragments.append(bytes(frame.data))
                if frame.fin:
                    self._messages.append(Message(b"".join(self._fragments), self._fragments_binary))
                    self._fragments.clear()
            case Opcode.CLOSE:
                received = self._protocol.close_rcvd
                code, reason = (received.code, received.reason) if received else (CloseCode.NO_STATUS_RCVD, "")
                self.closed = self.closed or Closed(int(code), reason, Ending.CLOSE_FRAME)
            case _:
                """Pings of the WebSocket are answered by the protocol object."""


def open_connection(
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    tls: ssl.SSLContext | None,
    subprotocols: Sequence[str] = (),
) -> Connection:
    """Dial, shake hands and return an open connection.

    Args:
        url: ws:// or wss://.
        headers: sent with the upgrade request.
        timeout_s: for the whole handshake.
        tls: context for wss://.
        subprotocols: offered, in order.

    Raises:
        OSError: nothing listens, or TLS failed; TimeoutError is one of them.
        NotWebSocketError: it answered, but not with a WebSocket.
    """
    deadline = time.monotonic() + timeout_s
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    sock = socket.create_connection((parts.hostname or "", port), timeout=timeout_s)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "wss" and tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=parts.hostname)
        offered: list[Subprotocol] = list(subprotocols)  # type: ignore[arg-type] # a NewType of str
        protocol = ClientProtocol(parse_uri(url), subprotocols=offered or None, max_size=MAX_MESSAGE_BYTES)
        connection = Connection(sock, protocol)
        request = protocol.connect()
        for name, value in headers.items():
            # Assigning adds a second one to a Host or Authorization that is there.
            request.headers.pop(name, None)
            request.headers[name] = value
        protocol.send_request(request)
        sock.sendall(b"".join(protocol.data_to_send()))
        _shake_hands(connection, sock, protocol, deadline)
    except ConnectionError as error:
        # Something took the connection and dropped it: whether that shows as a reset or as an end is chance.
        sock.close()
        raise _handshake_fault(None) from error
    except BaseException:
        sock.close()
        raise
    return connection


def _shake_hands(connection: Connection, sock: socket.socket, protocol: ClientProtocol, deadline: float) -> None:
    response: Response | None = None
    while response is None and protocol.handshake_exc is None:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        data = sock.recv(_CHUNK)
        response = connection.feed(data)
        if not data:
            break
    if response is None or protocol.handshake_exc is not None:
        raise _handshake_fault(protocol.handshake_exc)
    connection.subprotocol = protocol.subprotocol


def _handshake_fault(error: Exception | None) -> NotWebSocketError:
    match error:
        case InvalidStatus():
            status = error.response.status_code
            return NotWebSocketError(f"the handshake was answered with HTTP {status}", status)
        case InvalidMessage() | None:
            return NotWebSocketError("the handshake was not answered with HTTP")
        case _:
            return NotWebSocketError(f"the handshake was not answered as a WebSocket: {error}")
