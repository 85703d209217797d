"""Real clients and servers with ``liveproto record`` between them: they notice nothing, and their traffic is clean."""

import json
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest
from scripted import socket_url

KIT = [sys.executable, "-m", "liveproto_conformance"]
CHANNEL = "default/stream/liveproto/x"
MESSAGES = ("text", "binary")


@contextmanager
def recording(upstream, path):
    """Record while the block runs; yields the URL that clients go to."""
    command = [*KIT, "record", "--listen", "127.0.0.1:0", "--upstream", upstream, "-o", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[-1]
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        assert said.startswith("recorded ")
    finally:
        process.kill()
        process.communicate()


def judged(path):
    """What lint says of a trace, both sides."""
    done = subprocess.run([*KIT, "lint", str(path), "--format", "json"], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def shown(path, *options):
    command = [*KIT, "show", str(path), "--format", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(map(json.loads, done.stdout.splitlines()))


def session(client):
    """What people do with a client, a reconnection among it."""
    client.do("connect")
    client.wait("connected")
    client.do("subscribe")
    client.wait("subscribed")
    for number in range(20):
        assert client.do("publish", data={"n": number, "text": "é\u2028" * number})["ok"]
        client.wait("publication")
    client.do("unsubscribe")
    client.do("subscribe")
    client.wait("subscribed")
    client.do("disconnect")
    client.wait("disconnected")
    client.do("connect")
    client.wait("connected")
    client.wait("subscribed")
    client.do("publish", data=None)
    client.wait("publication")
    client.do("disconnect")
    client.wait("disconnected")


@pytest.mark.parametrize("fixture", ["js_command", "python_command"])
@pytest.mark.parametrize("peer", ["go", "embedded"])
def test_a_session_through_the_recorder_is_clean(request, start_client, tmp_path, fixture, peer):
    command, path = request.getfixturevalue(fixture), tmp_path / "t.cborseq"
    if peer == "go":
        with request.getfixturevalue("go_peer")("open", "--ping", "1s", "--pong", "500ms") as upstream:
            record_session(start_client, command, upstream, path)
    else:
        record_session(start_client, command, request.getfixturevalue("embedded_urls")[0], path, "default/plugin/x/y")
    code, report = judged(path)
    assert (report["findings"], report["lost"], report["damage"]) == ([], [], None)
    assert code == 0
    assert report["connections"] == 2
    assert report["messages"] > 40
    assert len([one for one in report["requirements"] if one["occasions"]]) >= 20


def record_session(start_client, command, upstream, path, channel=CHANNEL):
    """Run the session through a recorder; what the client saw is what was recorded."""
    with recording(upstream, path) as url:
        client = start_client(command, socket_url(url), channel)
        session(client)
        client.end()
    for direction, side in (("in", "server"), ("out", "client")):
        recorded = "\n".join(
            event["payload"] for event in shown(path, "--direction", side) if event["kind"] in MESSAGES
        )
        assert parsed(recorded.split("\n")) == parsed(client.lines(direction))


def parsed(lines):
    return [json.loads(line) for line in lines if line]


def test_our_own_listener_through_the_recorder_is_clean(tmp_path, embedded_urls):
    path = tmp_path / "t.cborseq"
    with recording(embedded_urls[1], path) as url:
        command = [*KIT, "listen", url, "default/plugin/x/listened"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listener:
            try:
                assert any("subscribed" in line for line in iter(listener.stderr.readline, ""))
                body = b'{"channel":"plugin/x/listened","data":{"n":1}}'
                with urllib.request.urlopen(f"{url}/api/live/publish", data=body, timeout=10) as answer:
                    assert answer.read() == b"{}"
                assert listener.stdout.readline() == 'default/plugin/x/listened {"n":1}\n'
            finally:
                listener.kill()
    code, report = judged(path)
    assert (code, report["findings"], report["connections"]) == (0, [], 1)
    kinds = [event["kind"] for event in shown(path)]
    assert kinds.count("http") == 2
    assert kinds.count("open") == 1
