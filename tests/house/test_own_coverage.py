"""Each module of liveproto is covered in full by its own unit file.

The unit tests run once; what was covered is kept by test file (``contexts``).
"""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    "channel": "liveproto/channel.py",
    "errors": "liveproto/errors.py",
    "codes": "liveproto/wire/codes.py",
    "messages": "liveproto/wire/messages.py",
    "json_v2": "liveproto/wire/json_v2.py",
    "machine": "liveproto/session/machine.py",
    "states": "liveproto/session/states.py",
    "events": "liveproto/session/events.py",
    "classify": "liveproto/session/classify.py",
    "monitor": "liveproto/session/monitor/monitor.py",
    "monitor_client_rules": "liveproto/session/monitor/client_rules.py",
    "monitor_findings": "liveproto/session/monitor/findings.py",
    "monitor_ledger": "liveproto/session/monitor/ledger.py",
    "monitor_raw": "liveproto/session/monitor/raw.py",
    "monitor_server_rules": "liveproto/session/monitor/server_rules.py",
    "monitor_waits": "liveproto/session/monitor/waits.py",
    "server": "liveproto/session/server.py",
    "client": "liveproto/session/client.py",
    "client_options": "liveproto/session/client_options.py",
    "commands": "liveproto/session/commands.py",
    "subscriptions": "liveproto/session/subscriptions.py",
    "replies": "liveproto/session/replies.py",
    "backoff": "liveproto/session/backoff.py",
    "local_codes": "liveproto/session/local_codes.py",
    "line_protocol": "liveproto/frames/line_protocol.py",
    "line_grammar": "liveproto/frames/line_grammar.py",
    "grafana_grammar": "liveproto/frames/grafana_grammar.py",
    "strict_grammar": "liveproto/frames/strict_grammar.py",
    "frame": "liveproto/frames/frame.py",
    "frame_json": "liveproto/frames/frame_json.py",
    "stream_buffer": "liveproto/frames/stream_buffer.py",
    "stream_window": "liveproto/frames/stream_window.py",
    "label_text": "liveproto/frames/label_text.py",
    "blocks": "liveproto/frames/blocks.py",
    "cells": "liveproto/frames/cells.py",
    "chunk": "liveproto/frames/chunk.py",
    "chunks": "liveproto/frames/chunks.py",
    "columns": "liveproto/frames/columns.py",
    "converter": "liveproto/frames/converter.py",
    "exact_route": "liveproto/frames/exact_route.py",
    "fast_route": "liveproto/frames/fast_route.py",
    "few_rows": "liveproto/frames/few_rows.py",
    "rows": "liveproto/frames/rows.py",
    "series": "liveproto/frames/series.py",
    "shield": "liveproto/frames/shield.py",
    "taken": "liveproto/frames/taken.py",
    "values": "liveproto/frames/values.py",
    "ingest": "liveproto/grafana/ingest.py",
    "managed_stream": "liveproto/grafana/managed_stream.py",
    "release": "liveproto/grafana/release.py",
    "scopes": "liveproto/grafana/scopes.py",
}


def test_every_module_is_listed():
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "liveproto").rglob("*.py") if path.name != "__init__.py"}
    assert files == set(MODULES.values())


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What the unit tests cover."""
    data = tmp_path_factory.mktemp("coverage") / "data"
    run = [sys.executable, "-m", "coverage", "run", f"--data-file={data}"]
    tests = ["-m", "pytest", "-q", "-x", "-p", "tests.house.contexts", "tests/unit"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*run, *tests], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    found = coverage.Coverage(data_file=data, config_file=ROOT / "pyproject.toml")
    found.load()
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_covered_by_its_own_file(name, measured, monkeypatch):
    monkeypatch.chdir(ROOT)
    own = f"^{re.escape(f'tests/unit/test_{name}.py')}"
    report = io.StringIO()
    share = measured.report(file=report, include=[MODULES[name]], contexts=["^$", own], show_missing=True)
    assert share == 100, report.getvalue()
