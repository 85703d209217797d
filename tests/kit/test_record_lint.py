"""``liveproto record --lint``: what is wrong is said while it passes, by the judge of ``liveproto lint``."""

import json
import re
import subprocess
import tracemalloc
from contextlib import contextmanager

import pytest
from recorders import CLOSE, TEXT, choosing, echo, receive_frame, recording
from servers import COMMAND, environment, frame, serving, until_gone, upgrade

from liveproto_conformance.recorder import judge as judging
from liveproto_conformance.recorder.judge import Judge
from liveproto_conformance.recorder.recording import Recording, WebSocketRecording
from liveproto_conformance.schema_check import reply_violation
from liveproto_conformance.traces.lint import lint
from liveproto_conformance.traces.trace import TraceWriter

DONE, FINDINGS, NOTHING = 0, 1, 5


@contextmanager
def reference_server(*options):
    """Run ``liveproto serve``; yield its port."""
    arguments = [*COMMAND, "serve", "--port", "0", *options]
    with subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()


CONNECT = '{"id":1,"connect":{}}'
CONNECTED = '{"id":1,"connect":{"client":"u","ping":25,"pong":true}}'
SESSION = (
    CONNECT,
    '{"id":2,"subscribe":{"channel":"1/stream/a/b"}}',
    '{"id":3,"unsubscribe":{"channel":"1/stream/a/b"}}',
)


def answered_with(*answers):
    """A server that has one answer to each message."""

    def handle(sock):
        upgrade(sock)
        for answer in answers:
            receive_frame(sock)
            sock.sendall(frame(TEXT, answer.encode()))
        until_gone(sock)

    return handle


def test_a_fault_of_a_server_is_said_while_the_connection_is_open(tmp_path):
    with reference_server("--mutant", "messages-are-binary") as port, recording(tmp_path, port, "--lint") as recorder:
        client = recorder.dial()
        for number, message in enumerate(SESSION):
            client.send(message)
            assert client.receive(10).binary
            place = f"server, connection 1, message {2 * number + 1}, line 0"
            text = "expected a text message, got a binary one"
            assert recorder.err.get(timeout=10) == f"MUST GL-WIRE-004 {place}: {text}"
        recorded, judged = recorder.stop().splitlines()
        assert recorded.startswith("recorded 1 connection, 6 messages, ")
        assert judged == "judged 6 messages on 1 connection: broken GL-WIRE-004 MUST 3"
        assert recorder.process.returncode == FINDINGS
        assert list(recorder.err.queue) == []
        assert lint(recorder.path).broken == {"GL-WIRE-004": 3}


def test_of_what_is_right_nothing_is_said(tmp_path):
    with reference_server() as port, recording(tmp_path, port, "--lint") as recorder:
        for _ in range(2):
            client = recorder.dial()
            for message in SESSION:
                client.send(message)
                client.receive(10)
            client.close()
        assert recorder.stop().splitlines()[1] == "judged 12 messages on 2 connections: no rule broken"
        assert recorder.process.returncode == DONE
        assert list(recorder.err.queue) == []


def test_a_fault_of_a_client_is_said(tmp_path):
    with serving(answered_with(CONNECTED)) as port, recording(tmp_path, port, "--lint") as recorder:
        client = recorder.dial()
        client.send(CONNECT)
        client.receive(5)
        client.send("{}")
        recorder.wait_for(1, ">", "text")
        assert recorder.err.get(timeout=5).startswith("MUST GL-PING-011 client, connection 1, message 2, line 0: ")
        assert recorder.stop().endswith(": broken GL-PING-011 MUST 1")
        assert recorder.process.returncode == FINDINGS


def test_a_broken_should_is_said_and_exit_0(tmp_path):
    def handle(sock):
        upgrade(sock)
        receive_frame(sock)
        sock.sendall(frame(TEXT, CONNECTED.encode()) + frame(CLOSE, b"\x0d\xadsomething else"))
        until_gone(sock)

    with serving(handle) as port, recording(tmp_path, port, "--lint") as recorder:
        recorder.dial().send(CONNECT)
        assert recorder.err.get(timeout=5).startswith("SHOULD GL-CODE-004 server, connection 1, message 2, line 0: ")
        assert recorder.stop().endswith(": broken GL-CODE-004 SHOULD 1, GL-CODE-016 SHOULD 1")
        assert recorder.process.returncode == DONE


def test_a_rule_that_is_broken_all_the_time_is_said_a_few_times_and_counted(tmp_path):
    answer = "\n".join(['{"id":77,"subscribe":{}}'] * 30)
    with serving(answered_with(CONNECTED, *[answer] * 2)) as port, recording(tmp_path, port, "--lint") as recorder:
        client = recorder.dial()
        for message in SESSION:
            client.send(message)
            client.receive(10)
        summary = recorder.stop()
        lines = list(recorder.err.queue)
        assert sum(line.startswith("MUST GL-WIRE-034 server, connection 1, message 3, ") for line in lines) == 10
        assert lines[10:] == ["GL-WIRE-034 was broken more than 10 times; from here on it is only counted"]
        assert summary.endswith("judged 6 messages on 1 connection: broken GL-WIRE-034 MUST 60")


HOSTILE = "\x1b[2J\x1b]0;title\x07\u202egnp.exe\u200b\x9b31m\r\b\t"


def test_nothing_of_a_stranger_steers_the_terminal_or_reveals_a_token(tmp_path):
    keys = {HOSTILE: HOSTILE, "x" * 5000: 1, "token": "hush"}
    replies = [{"id": HOSTILE}, {"id": 2, "subscribe": HOSTILE}, {"push": keys}, keys]
    answers = [json.dumps(reply, ensure_ascii=False) + HOSTILE for reply in replies]
    with serving(answered_with(CONNECTED, *answers)) as port, recording(tmp_path, port, "--lint") as recorder:
        for answer in answers:
            client = recorder.dial()
            client.send(CONNECT)
            client.receive(10)
            client.send(json.dumps({"id": 2, "connect": {"token": "hush"}}))
            client.receive(10)
            client.send(answer)
            client.drop()
        recorder.stop()
        lines = list(recorder.err.queue)
        assert recorder.process.returncode == FINDINGS
        assert any("title" in line for line in lines)
        for line in lines:
            assert re.match(r"(MUST|SHOULD|MAY) GL-\w+-\d+ (client|server), connection \d+, message \d+, line 0", line)
            assert line.isprintable()
            assert "hush" not in line
            assert len(line) < 5000


@pytest.mark.parametrize(
    ("options", "prefix", "why"),
    [
        (("--max-size", "1"), (), "the trace would exceed 1048576 bytes"),
        ((), ("sh", "-c", 'ulimit -f 1500 && exec "$@"', "sh"), "the trace cannot be written: File too large"),
    ],
    ids=["full", "cannot be written"],
)
def test_judging_goes_on_when_recording_has_ended(tmp_path, options, prefix, why):
    padded = json.dumps({"id": 2, "error": {"code": 108, "message": "x" * 900_000}})
    answers = (CONNECTED, padded, padded, '{"id":77,"subscribe":{}}')
    with (
        serving(answered_with(*answers)) as port,
        recording(tmp_path, port, "--lint", *options, prefix=prefix) as recorder,
    ):
        client = recorder.dial()
        for number in range(1, 5):
            client.send(CONNECT if number == 1 else f'{{"id":{number},"rpc":{{}}}}')
            client.receive(10)
        client.close()
        summary = recorder.stop()
        lines = list(recorder.err.queue)
        ended = next(index for index, line in enumerate(lines) if f"recording ended: {why}" in line)
        assert any(line.startswith("MUST GL-WIRE-034 server, connection 1, message 7,") for line in lines[ended + 1 :])
        assert "judged 8 messages on 1 connection: broken " in summary
        assert len(recorder.events()) < 8
        assert recorder.process.returncode == FINDINGS


def test_traffic_does_not_wait_for_explanations_that_nobody_reads(monkeypatch):
    explained, said = [], []

    def explaining(line):
        explained.append(line)
        return reply_violation(line)

    monkeypatch.setattr(judging, "reply_violation", explaining)
    judge = Judge({"command": "record"}, said.append)
    judge.take(1, ">", "text", CONNECT.encode())
    judge.take(1, "<", "text", CONNECTED.encode())
    for _ in range(5):
        judge.take(1, "<", "text", b"\n".join([b'{"push":{"channel":7}}'] * 100))
    assert "GL-WIRE-031 MUST 500" in judge.summary
    shown = [line for line in said if line.startswith("MUST GL-WIRE-031")]
    assert len(shown) == len(explained) == 10
    assert not any("by its schema" in line for line in shown)


def test_what_cannot_be_judged_is_no_success(tmp_path):
    with serving(choosing("centrifuge-protobuf")) as port, recording(tmp_path, port, "--lint") as recorder:
        client = recorder.dial("/ws", ("centrifuge-protobuf",))
        client.receive(5)
        client.close()
        summary = recorder.stop().splitlines()[1]
        assert summary == "judged 0 messages on 0 connections, 1 connection not to the end: nothing to judge"
        assert recorder.process.returncode == NOTHING


def test_traffic_passes_though_nobody_can_be_told(tmp_path):
    unheard = ("sh", "-c", 'exec "$@" 2>/dev/full', "sh")
    with serving(echo) as port, recording(tmp_path, port, "--lint", prefix=unheard) as recorder:
        client = recorder.dial()
        for _ in range(3):
            client.send("no JSON")
            assert client.receive(10).data == b"no JSON"
        assert "GL-" in recorder.stop()


def test_nothing_of_a_connection_that_is_over_is_kept(tmp_path):
    def one(way):
        connection = WebSocketRecording(recorder, recorder.connection())
        connection.feed("<", frame(TEXT, CONNECTED.encode()))
        if way == "closed":
            connection.feed("<", frame(CLOSE, b"\x03\xe8"))
        elif way == "lost":
            connection.lose("because")
        connection.stop()

    with TraceWriter(tmp_path / "t", {}) as writer:
        said = []
        judge = Judge({"command": "record"}, said.append)
        recorder = Recording(writer, 1024, said.append, judge)
        ways = ("closed", "lost", "just gone")
        for number in range(300):
            one(ways[number % 3])
        tracemalloc.start()
        for number in range(1500):
            one(ways[number % 3])
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert judge.summary.startswith(
        "judged 1,800 messages on 1,800 connections, 600 connections not to the end: broken "
    )
    assert len(said) < 50
    assert kept < 20_000
