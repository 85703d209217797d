"""Traces: what went over the wire, as a CBOR Sequence (RFC 8742) that is valid after a crash.

A header map, then one array for each thing that happened:
``[t_ns, connection, direction, kind, payload, check, example]``. Payloads are whole and byte-exact, but for secrets.

==========  ====================================================================================
kind        payload
==========  ====================================================================================
open        a WebSocket was opened: a JSON object with ``url``, ``origin``, ``subprotocols``, ``subprotocol``
text        one whole message
binary      one whole message
close       how the connection was ended by whom the direction names: JSON ``[code, reason]``
http        one request or response
lost        something of this connection is missing from here on; the text says what
==========  ====================================================================================

Not here: what a trace is read for (``lint``, ``show``), and who writes it (``bench``, ``recorder``).
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import cbor2

from liveproto.session.monitor import Side
from liveproto_conformance.traces.cbor_sequence import CborReader, DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

FORMAT: Final = 1
TRACE: Final = "trace.cborseq"
CHECK: Final = "check"
"""``command`` in the header of a trace that was made by a run of checks, which misbehave on purpose."""
ABNORMAL: Final = 1006
"""The code of an end without a Close frame."""
MAX_PAYLOAD_BYTES: Final = 64 * 1024 * 1024
"""A reader takes a larger one for damage."""
_MAX_HEADER_BYTES: Final = 64 * 1024
_MAX_NAME_BYTES: Final = 1024
_EVENT_FIELDS: Final = 7
_DIRECTIONS: Final = frozenset("<>")

_SECRET_KEYS: Final = rb"(?:auth_|access_|refresh_|id_|connect_)?token|password|(?:client_)?secret"
_SECRETS: Final = tuple(
    re.compile(pattern % {b"keys": _SECRET_KEYS}, re.IGNORECASE)
    for pattern in (
        # In JSON.
        rb'("(?:%(keys)s)"\s*:\s*")(?:[^"\\]|\\.)*',
        # In JSON that is a string of JSON.
        rb'(\\"(?:%(keys)s)\\"\s*:\s*\\")(?:[^"\\]|\\(?!"))*',
        # In a query, and in what was cut out of one.
        rb'([?&](?:%(keys)s|jwt|cf_connect)=)[^&\s"#]*',
        rb'(auth_token=)[^&\s"#]*',
        # In a header.
        rb"(\n[\w-]{0,40}(?:authorization|cookie|token|secret|password|api-?key)[\w-]{0,40}:[ \t]*)[^\r\n]*",
    )
)

_SECRET_WORDS: Final = (b"token", b"secret", b"password", b"authorization", b"cookie", b"api", b"jwt", b"cf_connect")


def redact(payload: bytes) -> bytes:
    """Replace the values of secrets, in JSON, queries and HTTP headers; everything else stays byte for byte."""
    lowered = payload.lower()
    if not any(word in lowered for word in _SECRET_WORDS):
        return payload
    for secret in _SECRETS:
        payload = secret.sub(rb"\1[redacted]", payload)
    return payload


def redact_url(url: str | None) -> str | None:
    """Replace a token in the query of a URL."""
    return None if url is None else redact(url.encode()).decode()


class TraceWriter:
    """Appends to one file, which must not exist; each event is written whole, and in the file at once."""

    def __init__(self, path: Path, header: dict[str, object]) -> None:
        self._file = path.open("xb", buffering=0)
        self._start_ns = time.monotonic_ns()
        self.size = 0
        self._write({"format": FORMAT, **header})

    def write(  # noqa: PLR0913, PLR0917 - the fields of an event
        self, connection: int, direction: str, kind: str, payload: bytes, check: str = "", example: int = 0
    ) -> None:
        """Append one event: direction ``>`` to the target or ``<`` from it.

        Raises:
            OSError: it could not be written; the file ends with the event before it.
        """
        elapsed_ns = time.monotonic_ns() - self._start_ns
        self._write([elapsed_ns, connection, direction, kind, redact(payload), check, example])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def _write(self, item: object) -> None:
        data = memoryview(cbor2.dumps(item))
        size = self.size + len(data)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self.size)
            raise
        self.size = size


@attrs.frozen(kw_only=True)
class Event:
    """One thing that happened, and where in the trace it stands."""

    time_ns: int
    """Since the trace began."""
    connection: int
    direction: str
    kind: str
    payload: bytes
    check: str
    example: int
    offset: int

    @property
    def time_s(self) -> float:
        """Seconds since the trace began."""
        return self.time_ns / 1e9

    @property
    def side(self) -> Side:
        """Who did it."""
        return Side.CLIENT if self.direction == ">" else Side.SERVER


@attrs.frozen
class TraceDamage:
    """Where a trace stops being one: whatever ends before ``offset`` is good."""

    offset: int
    text: str
    cut: bool
    """The trace just ends: by a crash, or because it is still being written."""

    def __str__(self) -> str:
        return f"damaged at byte {self.offset}: {self.text}"


class Trace:
    """A trace that is read: iterating yields its events up to the end or the damage, for which nothing is raised.

    After an iteration ``damage`` says why it ended, None at the end of a whole event. Iterating again goes on from
    there, which finds what was written since, where the stream can seek.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._reader = CborReader(stream)
        self.header: Mapping[str, Any] = {}
        self.damage: TraceDamage | None = None
        self._read_header()

    def __iter__(self) -> Iterator[Event]:
        while (event := self._next_event()) is not None:
            yield event

    def _read_header(self) -> None:
        try:
            header = self._reader.record(_MAX_HEADER_BYTES)
        except DamageError as error:
            self.damage = TraceDamage(0, f"no header: {error}", error.cut)
            return
        if header.get("format") != FORMAT:
            self.damage = TraceDamage(0, f"format {header.get('format')!r}, expected {FORMAT}", cut=False)
            return
        self.header = header

    def _next_event(self) -> Event | None:
        if self.damage is not None and not (self.header and self.damage.cut and self._stream.seekable()):
            return None
        start = self._reader.offset
        try:
            event = _event(self._reader)
        except DamageError as error:
            whole = self._reader.offset == start
            self.damage = None if whole and error.cut else TraceDamage(start, str(error), error.cut)
            if self.damage is not None and self.damage.cut and self._stream.seekable():
                self._reader.offset = self._stream.seek(start)
            return None
        self.damage = None
        return event


def read_trace(stream: BinaryIO) -> Trace:
    """Read a trace from its first byte; whatever the stream holds, this and iterating raise nothing but OSError."""
    return Trace(stream)


def _event(reader: CborReader) -> Event:
    start = reader.offset
    reader.array(_EVENT_FIELDS)
    return Event(
        time_ns=reader.unsigned(),
        connection=reader.unsigned(),
        direction=_direction(reader),
        kind=reader.text(_MAX_NAME_BYTES),
        payload=reader.data(MAX_PAYLOAD_BYTES),
        check=reader.text(_MAX_NAME_BYTES),
        example=reader.unsigned(),
        offset=start,
    )


def _direction(reader: CborReader) -> str:
    offset = reader.offset
    direction = reader.text(1)
    if direction not in _DIRECTIONS:
        raise DamageError(offset, f"direction {direction!r}")
    return direction


def close_of(payload: bytes) -> tuple[int, str]:
    """Read code and reason of a close event; what is neither is taken for a connection that was dropped."""
    try:
        code, reason = json.loads(payload)
    except (ValueError, TypeError, RecursionError):
        code, reason = None, None
    return (code, reason) if isinstance(code, int) and isinstance(reason, str) else (ABNORMAL, "")
