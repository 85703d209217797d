"""``liveproto record``: a recording proxy between any client and any server, until a signal ends it.

Not here: how traffic passes and what is kept of it (``recorder``).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from liveproto_conformance.recorder.http_message import Upstream
from liveproto_conformance.recorder.judge import Judge
from liveproto_conformance.recorder.peer import CHUNK_BYTES
from liveproto_conformance.recorder.proxy import Proxy
from liveproto_conformance.recorder.recording import Recording
from liveproto_conformance.report.json_report import SPEC
from liveproto_conformance.report.printable import counted
from liveproto_conformance.target import UsageError
from liveproto_conformance.traces.trace import TraceWriter
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from pathlib import Path

_TLS_OF_SCHEME: Final = {"http": False, "ws": False, "https": True, "wss": True}
_MEBIBYTE: Final = 1024 * 1024
_MAX_PORT: Final = 65_535


def record(listen: str, upstream: str, path: Path, max_size_mib: int, *, lint: bool = False) -> Exit:
    """Record what passes between clients and an upstream until SIGINT or SIGTERM.

    Args:
        listen: HOST:PORT; port 0 takes a free one.
        upstream: URL without path.
        path: the trace, which must not exist.
        max_size_mib: what the trace may grow to; afterwards traffic passes unrecorded.
        lint: judge what passes, and say on stderr what is wrong with it.

    Raises:
        UsageError: one of them cannot be used.
    """
    host, port = parse_listen(listen)
    target = parse_upstream(upstream)
    header: dict[str, object] = {
        "command": "record",
        "kit": version("liveproto"),
        "spec": SPEC,
        "target": str(target),
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    try:
        writer = TraceWriter(path, header)
    except FileExistsError:
        raise UsageError(f"{path}: exists; a trace is neither overwritten nor appended to") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    judge = Judge(header, _complain) if lint else None
    with writer:
        recording = Recording(writer, max_size_mib * _MEBIBYTE, _complain, judge)
        try:
            asyncio.run(_serve(Proxy(target, recording, _complain), host, port))
        except UsageError:
            path.unlink()
            raise
    counts = (
        counted(recording.connections, "connection"),
        counted(recording.messages, "message"),
        counted(recording.bytes, "byte"),
    )
    _say(f"recorded {', '.join(counts)} in {path}")
    recorded = Exit.HARNESS_ERROR if recording.failed else Exit.CONFORMANT
    if judge is None:
        return recorded
    _say(judge.summary)
    return judge.exit or recorded


def parse_listen(text: str) -> tuple[str, int]:
    """Split ``HOST:PORT``; an IPv6 address stands in brackets.

    Raises:
        UsageError: it is something else.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) <= _MAX_PORT):
        raise UsageError(f"--listen: expected HOST:PORT, got {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def parse_upstream(text: str) -> Upstream:
    """Read the URL of an upstream.

    Raises:
        UsageError: it is none, or says more than where the upstream is.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"--upstream: {text!r}: {error}") from error
    if parts.scheme not in _TLS_OF_SCHEME or not parts.hostname:
        raise UsageError(f"--upstream: expected http(s)://host[:port] or ws(s)://host[:port], got {text!r}")
    if parts.username or parts.path not in {"", "/"} or parts.query:
        raise UsageError("--upstream: paths, queries and credentials come from the client; give scheme, host and port")
    tls = _TLS_OF_SCHEME[parts.scheme]
    return Upstream(parts.hostname, port or (443 if tls else 80), tls)


async def _serve(proxy: Proxy, host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        server = await asyncio.start_server(proxy.accept, host, port, limit=CHUNK_BYTES)
    except OSError as error:
        raise UsageError(f"--listen: {error.strerror}") from error
    bound = server.sockets[0].getsockname()
    shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    _say(f"listening http://{shown}:{bound[1]}")
    await stopped.wait()
    # What is still open ends with the event loop.
    server.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    # Traffic does not end because nobody listens.
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
