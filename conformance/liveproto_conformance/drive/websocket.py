"""One WebSocket to the target, seen as it is: whole messages, raw close frames, resets.

Theory. ``websockets``' sans-IO client drives a plain blocking socket, so that a Close frame, an end of file and a reset
stay different things, and a message arrives as the bytes that were sent. No target can exhaust us: every wait has an
end whatever trickles in, what is read of one connection has ``Bounds``, and what the target does not read is given up.

Not here: commands and replies (``liveproto_conformance.session``), judging (``oracle``).
"""

from __future__ import annotations

import contextlib
import enum
import math
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
_SEND_TIMEOUT_S: Final = 5.0
_SHOWN: Final = 200
_REDIRECTS: Final = range(300, 400)


class Ending(enum.Enum):
    """How a connection ended."""

    CLOSE_FRAME = "close frame"
    EOF = "end of file without close frame"
    RESET = "connection reset"
    BROKEN = "broken WebSocket"
    EXCESS = "more than is read"
    UNREAD = "not read by the target"


@attrs.frozen
class Closed:
    """The end of a connection; ``code`` and ``reason`` are those of the Close frame.

    Without one the code is 1006, and the reason empty, or says what the target did that ended it.
    """

    code: int
    reason: str
    ending: Ending

    def __str__(self) -> str:
        if self.ending is Ending.CLOSE_FRAME:
            return f"close {self.code} {self.reason!r}"
        return f"{self.ending.value}: {self.reason}" if self.reason else self.ending.value


@attrs.frozen(kw_only=True)
class Bounds:
    """What is read of one connection; the target that sends more ends it.

    So many bytes and lines may come at once, and so many each second of its life. A frame of any kind counts as a
    line, and so does each newline in it.
    """

    message_bytes: int = 16 * 1024 * 1024
    burst_bytes: float = math.inf
    burst_lines: float = math.inf
    bytes_per_s: float = 2 * 1024 * 1024
    lines_per_s: float = 2_000.0

    def excess(self, size: int, lines: int, age_s: float) -> str:
        """Say which bound was passed by this many bytes and lines in this many seconds; empty for none."""
        if lines > self.burst_lines + self.lines_per_s * age_s:
            return f"{lines} lines, at most {self.burst_lines:g} and {self.lines_per_s:g} a second"
        if size > self.burst_bytes + self.bytes_per_s * age_s:
            return f"{size} bytes, at most {self.burst_bytes:g} and {self.bytes_per_s:g} a second"
        return ""


JUDGED: Final = Bounds(
    message_bytes=2 * 1024 * 1024, burst_bytes=8 * 1024 * 1024, burst_lines=20_000, bytes_per_s=1024 * 1024
)
"""For a connection whose traffic is kept until its check ends: above all that the checks ask a target for, and small
enough for JSON that takes twenty times its size in memory."""


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

    def __init__(self, sock: socket.socket, protocol: ClientProtocol, bounds: Bounds) -> None:
        self._socket = sock
        self._protocol = protocol
        self._bounds = bounds
        self._opened = time.monotonic()
        self._size = 0
        self.lines = 0
        """Frames of any kind that came, and newlines in them."""
        self.pings: list[float] = []
        """When WebSocket pings came, on the monotonic clock."""
        self._writable = True
        self._messages: deque[Message] = deque()
        self._fragments = bytearray()
        self._opcode = Opcode.CONT
        self.subprotocol: str | None = None
        self.closed: Closed | None = None

    def send(self, *messages: str | bytes) -> None:
        """Send messages, in one piece: text as text messages, bytes as binary ones.

        Raises:
            ConnectionEndedError: it can no longer be written.
        """
        if self.closed is not None:
            raise ConnectionEndedError(self.closed)
        for data in messages:
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

    @property
    def unfinished(self) -> str:
        """How much of a message the target sent whose rest is still due, in words; empty if nothing is."""
        size = len(self._protocol.reader.buffer) + len(self._fragments)
        within = size or self._opcode is not Opcode.CONT
        return f"{size} bytes of a message that does not end" if within else ""

    def close(self) -> None:
        """Close from our side, without waiting for the target. Idempotent."""
        if self.closed is None:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
            self._end(Ending.CLOSE_FRAME, code=CloseCode.NORMAL_CLOSURE)
        self._socket.close()

    def drop(self) -> None:
        """End the TCP connection without a Close frame, as a lost client does."""
        self._end(Ending.EOF)
        self._socket.close()

    def abort(self) -> None:
        """Wake whoever reads, from another thread: it finds the end of the connection."""
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which is not made for two threads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _flush(self) -> None:
        parts = self._protocol.data_to_send()
        if parts and self._writable:
            # An empty part stands for the end.
            self._write(b"".join(parts), ends=b"" in parts)

    def _write(self, data: bytes, *, ends: bool) -> None:
        try:
            # Reading leaves a timeout of its own, too short for a large message.
            self._socket.settimeout(_SEND_TIMEOUT_S)
            self._socket.sendall(data)
            if ends:
                self._socket.shutdown(socket.SHUT_WR)
        except TimeoutError:
            # Part of a frame is out, so that nothing can follow; and to wait again would cost as much again.
            self._writable = False
            self._end(Ending.UNREAD, f"it read too little for {_SEND_TIMEOUT_S:g} s")
        except OSError:
            # What the target sent before it went away still counts: reading finds the end.
            self._writable = False

    def _end(self, ending: Ending, reason: str = "", code: int = CloseCode.ABNORMAL_CLOSURE) -> None:
        """Note how the connection ended; the first end stands."""
        self.closed = self.closed or Closed(code, reason, ending)

    def _fill(self, timeout_s: float) -> None:
        if timeout_s <= 0:
            raise TimeoutError
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise
        except ConnectionError:
            self._end(Ending.RESET)
        except OSError as error:
            self._end(Ending.BROKEN, str(error))
        else:
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
            self._end(Ending.BROKEN, str(fault))
        elif not data:
            self._end(Ending.EOF)
        return response

    def _take(self, frame: Frame) -> None:
        data = bytes(frame.data)
        self._size += len(data)
        self.lines += 1 + data.count(b"\n")
        if excess := self._bounds.excess(self._size, self.lines, time.monotonic() - self._opened):
            self._end(Ending.EXCESS, excess)
            self._fragments.clear()
            return
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._take_data(frame.opcode, data, whole=frame.fin)
            case Opcode.CLOSE:
                received = self._protocol.close_rcvd
                code, reason = (received.code, received.reason) if received else (CloseCode.NO_STATUS_RCVD, "")
                self._end(Ending.CLOSE_FRAME, reason, int(code))
            case Opcode.PING:
                # The protocol object answers it.
                self.pings.append(time.monotonic())
            case _:
                """A pong of the WebSocket."""

    def _take_data(self, opcode: Opcode, data: bytes, *, whole: bool) -> None:
        if opcode is not Opcode.CONT:
            self._opcode = opcode
        self._fragments += data
        if whole:
            self._messages.append(Message(bytes(self._fragments), self._opcode is Opcode.BINARY))
            self._fragments.clear()
            self._opcode = Opcode.CONT


def open_connection(  # noqa: PLR0913 - all but the URL by name
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    tls: ssl.SSLContext | None,
    subprotocols: Sequence[str] = (),
    bounds: Bounds = Bounds(),
) -> Connection:
    """Dial, shake hands and return an open connection.

    Args:
        url: ws:// or wss://.
        headers: sent with the upgrade request.
        timeout_s: for the whole handshake.
        tls: context for wss://.
        subprotocols: offered, in order.
        bounds: how much is read.

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
        protocol = ClientProtocol(parse_uri(url), subprotocols=offered or None, max_size=bounds.message_bytes)
        connection = Connection(sock, protocol, bounds)
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
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            # However much trickles in.
            raise TimeoutError
        sock.settimeout(left_s)
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
            to = error.response.headers.get_all("Location") if status in _REDIRECTS else []
            where = f", which leads to {to[0][:_SHOWN]!r}" if to else ""
            return NotWebSocketError(f"the handshake was answered with HTTP {status}{where}", status)
        case InvalidMessage() | None:
            return NotWebSocketError("the handshake was not answered with HTTP")
        case _:
            return NotWebSocketError(f"the handshake was not answered as a WebSocket: {str(error)[:_SHOWN]}")
