"""Traces: what went over the wire, as a CBOR Sequence (RFC 8742) that is valid after a crash.

A header map, then one array for each thing that happened:
``[t_ns, connection, direction, kind, payload, check, example]``. Payloads are whole and byte-exact, but for secrets.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, Self

import cbor2

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FORMAT: Final = 1
TRACE: Final = "trace.cborseq"
_SECRETS: Final = re.compile(
    rb"""((?:"token"|"auth_token")\s*:\s*")(?:[^"\\]|\\.)*|(auth_token=)[^&\s]*""",
)


def redact(payload: bytes) -> bytes:
    """Replace the values of tokens, in JSON and in query strings; everything else stays byte for byte."""
    return _SECRETS.sub(lambda match: (match[1] or match[2]) + b"[redacted]", payload)


def redact_url(url: str | None) -> str | None:
    """Replace a token in the query of a URL."""
    return None if url is None else redact(url.encode()).decode()


class TraceWriter:
    """Appends to one file; each event is written whole."""

    def __init__(self, path: Path, header: dict[str, object]) -> None:
        self._file = path.open("wb")
        self._start_ns = time.monotonic_ns()
        self._write({"format": FORMAT, **header})

    def write(  # noqa: PLR0913, PLR0917 - the fields of an event
        self, connection: int, direction: str, kind: str, payload: bytes, check: str, example: int
    ) -> None:
        """Append one event: direction ``>`` to the target or ``<`` from it, kind text, binary, close or http."""
        elapsed_ns = time.monotonic_ns() - self._start_ns
        self._write([elapsed_ns, connection, direction, kind, redact(payload), check, example])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def _write(self, item: object) -> None:
        self._file.write(cbor2.dumps(item))
        self._file.flush()
