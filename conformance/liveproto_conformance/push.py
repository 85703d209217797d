"""``liveproto push``: posts lines to a stream, and says what is wrong with them where they are refused."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from liveproto.grafana.ingest import FRAME_FORMAT_PARAMETER, Refusal, ingest, make_converters
from liveproto_conformance.drive.http import HttpClient
from liveproto_conformance.pushing import PUSH_PATH
from liveproto_conformance.target import http_base, tls_context
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from liveproto_conformance.target import Settings


def push(settings: Settings, stream: str, body: bytes, frame_format: str | None) -> Exit:
    """Post a body; 0 where the server took it, 1 where it refused, 5 where it did not answer."""
    assert settings.url is not None
    http = HttpClient(
        http_base(settings.url), headers=settings.headers, tls=tls_context(settings), timeout_s=settings.timeout
    )
    query = f"?{FRAME_FORMAT_PARAMETER}={frame_format}" if frame_format else ""
    answer = http.post(f"{PUSH_PATH}{quote(stream, safe='')}{query}", body, "text/plain; charset=utf-8")
    if answer.ok:
        return Exit.CONFORMANT
    sys.stderr.write(f"{settings.url}: {answer}\n{_reason(body)}")
    return Exit.NONCONFORMANT if answer.status else Exit.NOTHING_TESTED


def _reason(body: bytes) -> str:
    """Say where a body cannot be read, which Grafana writes into its log only."""
    outcome = ingest((), body, stream_id="", converters=make_converters(), now_ns=time.time_ns())
    return f"{outcome.reason}\n" if isinstance(outcome, Refusal) else ""
