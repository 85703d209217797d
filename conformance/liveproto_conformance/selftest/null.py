"""Judges one null server, as a user would: with the command, and the report it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from liveproto_conformance.mutants.null_servers import NULL_SERVERS

TOO_LONG_S: Final = 30.0
_TIMEOUT_S: Final = 2 * TOO_LONG_S


@attrs.frozen(kw_only=True)
class NullServer:
    """What a run came to against a server that does nothing of the protocol."""

    id: str
    passes: int
    exit: int
    said: str
    wall_s: float


def try_null(id_: str) -> NullServer:
    """Serve it and run ``liveproto check``."""
    start = time.monotonic()
    with NULL_SERVERS[id_]() as url, TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "liveproto_conformance",
            "check",
            url,
            "--timeout",
            "1",
            "--report-dir",
            folder,
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603 - ours
        return NullServer(
            id=id_,
            passes=_passes(Path(folder, "report.json")),
            exit=run.returncode,
            said=" ".join(run.stderr.split()),
            wall_s=time.monotonic() - start,
        )


def _passes(report: Path) -> int:
    """Count what passed, where a report was written."""
    if not report.exists():
        return 0
    passes: int = json.loads(report.read_text(encoding="utf-8"))["counts"]["PASS"]
    return passes
