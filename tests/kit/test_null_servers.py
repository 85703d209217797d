"""A server that does nothing of the protocol earns nothing: no PASS, a plain sentence, and soon."""

import json
import subprocess
import sys
import time

import pytest

from liveproto_conformance.mutants.null_servers import NULL_SERVERS

WORDS = {
    "refuses": "cannot be reached: Connection refused",
    "accepts-and-closes": "the handshake was not answered with HTTP",
    "accepts-and-stays-mute": "no answer to the handshake within 1 s",
    "websocket-mute": "connect was never answered: expected a reply with id 1 within 1 s, got none",
    "websocket-echo": "the connect result has no client: {}",
    "websocket-closes": "close 1000 ''. Is ",
    "http-only": "the handshake was answered with HTTP 200",
    "websocket-random-json": "connect was never answered: expected a reply with id 1 within 1 s, got none",
}


@pytest.mark.parametrize("name", NULL_SERVERS)
def test_null_server_earns_nothing(name, tmp_path):
    start = time.monotonic()
    with NULL_SERVERS[name]() as url:
        run = subprocess.run(
            [sys.executable, "-m", "liveproto_conformance", "check", url, "--timeout", "1", "--report-dir", tmp_path],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    said = " ".join(run.stderr.split())
    assert run.returncode == 5, said
    assert said.startswith("nothing tested: ws://127.0.0.1:")
    assert WORDS[name] in said
    assert "Traceback" not in said
    assert passes(tmp_path / "report.json") == 0
    assert time.monotonic() - start < 30


def passes(report):
    """The count of PASS in a report, where one was written."""
    text = report.read_text() if report.exists() else ""
    return json.loads(text)["counts"]["PASS"] if text else 0
