"""The embedded server from outside: HTTP, prefixes, joins, limits, how connections end, and what stays behind."""

import json
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest
from servers import COMMAND, Playing, environment, free_port, liveproto

from liveproto.session.server import Limits, Timing
from liveproto_conformance.drive.websocket import ConnectionEndedError, Ending, open_connection
from liveproto_conformance.fixtures import LiveServer
from liveproto_conformance.reference.server import ReferenceServer

CHANNEL = "default/plugin/x/y"
CONNECT = {"id": 1, "connect": {}}


class Client:
    """A connection with JSON in and out."""

    def __init__(self, url, **options):
        self.connection = open_connection(url, headers={}, timeout_s=5, tls=None, **options)
        self.lines = []

    def send(self, *commands):
        self.connection.send("\n".join(map(json.dumps, commands)))

    def receive(self):
        while not self.lines:
            self.lines = [json.loads(line) for line in self.connection.receive(5).data.splitlines()]
        return self.lines.pop(0)

    def ask(self, *commands):
        self.send(*commands)
        return [self.receive() for _ in commands]

    def read_on(self):
        while True:
            self.connection.receive(5)

    def closed(self):
        return self.connection.wait_closed(5)


@contextmanager
def client(url, *, connected=True, **options):
    made = Client(url, **options)
    try:
        if connected:
            made.ask(CONNECT)
        yield made
    finally:
        made.connection.close()


@pytest.fixture(scope="module")
def server():
    with Playing(ReferenceServer()) as server:
        yield server


def eventually(holds):
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert holds()


def test_health_tells_the_version(server):
    answer = httpx.get(server.http_url + "/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "version": "12.4.0"}


def test_the_connect_result(server):
    with client(server.url, connected=False) as one, client(server.url, connected=False) as other:
        (first,), (second,) = one.ask(CONNECT), other.ask(CONNECT)
    assert first["connect"].keys() == {"client", "ping", "pong"}
    assert (first["connect"]["ping"], first["connect"]["pong"]) == (25, True)
    assert first["connect"]["client"] != second["connect"]["client"]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ('{"channel":"plugin/x/y","data":{"a":1}}', 200, {}),
        ('{"channel":"plugin/x/y"}', 200, {}),
        ('{"channel":"stream/x/y","data":1}', 403, {"message": "Forbidden"}),
        ('{"channel":"plugin/x","data":1}', 400, {"message": "invalid channel ID"}),
        ('{"channel":"nope/x/y","data":1}', 500, {"message": "internal server error"}),
        ('{"channel":5,"data":1}', 400, {"message": "bad request data"}),
        ('{"data":1}', 400, {"message": "bad request data"}),
        ("[]", 400, {"message": "bad request data"}),
        ("{", 400, {"message": "bad request data"}),
        ("", 400, {"message": "bad request data"}),
    ],
)
def test_publishing_by_http(server, body, status, answer):
    reply = httpx.post(server.http_url + "/api/live/publish", content=body)
    assert (reply.status_code, reply.json()) == (status, answer)


def test_what_http_publishes_arrives_on_one_line(server):
    with client(server.url) as one:
        one.ask({"id": 2, "subscribe": {"channel": CHANNEL}})
        httpx.post(server.http_url + "/api/live/publish", content='{"channel":"plugin/x/y","data":{\n "a": 1.0\n}}')
        data = one.connection.receive(5).data
        assert b"\n" not in data.removesuffix(b"\n")
        assert json.loads(data) == {"push": {"channel": CHANNEL, "pub": {"data": {"a": 1.0}}}}


def test_each_name_of_a_channel_is_kept_for_those_who_used_it(server):
    names = ["default/plugin/x/y", "1/plugin/x/y"]
    with client(server.url) as one, client(server.url) as two:
        for each, name in zip((one, two), names, strict=True):
            assert each.ask({"id": 2, "subscribe": {"channel": name}}) == [{"id": 2, "subscribe": {}}]
        two.ask({"id": 3, "publish": {"channel": names[0], "data": {"n": 1}}}, {"id": 4, "rpc": {}})
        assert one.receive() == {"push": {"channel": names[0], "pub": {"data": {"n": 1}}}}
        server.publish(names[1], {"n": 2})
        assert one.receive() == {"push": {"channel": names[0], "pub": {"data": {"n": 2}}}}
        assert {"push": {"channel": names[1], "pub": {"data": {"n": 2}}}} in [two.receive(), two.receive()]


def test_one_connection_subscribes_to_a_channel_once_whatever_its_name(server):
    with client(server.url) as one:
        first, second = one.ask(
            {"id": 2, "subscribe": {"channel": "default/plugin/x/y"}},
            {"id": 3, "subscribe": {"channel": "1/plugin/x/y"}},
        )
        assert first == {"id": 2, "subscribe": {}}
        assert second == {"id": 3, "error": {"code": 105, "message": "already subscribed"}}
        server.publish(CHANNEL, 1)
        assert one.receive() == {"push": {"channel": CHANNEL, "pub": {"data": 1}}}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ({"rpc": {"method": "x"}}, {"error": {"code": 108, "message": "not available"}}),
        ({"presence": {"channel": CHANNEL}}, {"error": {"code": 108, "message": "not available"}}),
        ({"history": {"channel": CHANNEL}}, {"error": {"code": 108, "message": "not available"}}),
        ({"publish": {"channel": CHANNEL, "data": {}}}, {"publish": {}}),
        ({"publish": {"channel": "default/stream/x/y", "data": {}}}, {"error": {"code": 403, "message": "Forbidden"}}),
        ({"subscribe": {"channel": "default/stream/x/y"}}, {"subscribe": {}}),
        ({"subscribe": {"channel": "org-2/plugin/x/y"}}, {"error": {"code": 103, "message": "permission denied"}}),
        ({"unsubscribe": {"channel": CHANNEL}}, {"unsubscribe": {}}),
    ],
)
def test_answers(server, command, answer):
    with client(server.url) as one:
        assert one.ask({"id": 2, **command}) == [{"id": 2, **answer}]


def test_subscribers_of_a_dashboard_are_told_of_each_other(server):
    channel = "default/grafana/dashboard/uid/abc"
    with client(server.url) as one:
        one.send({"id": 2, "subscribe": {"channel": channel}})
        first = [one.receive(), one.receive()]
        assert {"id": 2, "subscribe": {}} in first
        with client(server.url) as two:
            two.send({"id": 2, "subscribe": {"channel": channel}})
            joined = one.receive()["push"]
            assert joined["channel"] == channel
            assert joined["join"]["info"]["user"] == "1"
        assert one.receive()["push"]["leave"] == joined["join"]


def test_an_oversize_message_is_closed_with_1009():
    with Playing(ReferenceServer(limits=Limits(message_bytes=1000))) as server:
        with client(server.url) as one:
            fits = json.dumps({"id": 2, "rpc": {"method": "x"}}).ljust(1000)
            one.connection.send(fits)
            assert one.receive()["id"] == 2
            one.connection.send(fits + " ")
            assert one.closed().code == 1009
        with client(server.url) as one:
            one.connection.send("x" * 5_000_000)
            closed = one.closed()
            assert closed.code == 1009 or closed.ending is not Ending.CLOSE_FRAME


def test_silence_before_connect_and_a_missing_pong_are_closed():
    timing = Timing(ping_interval_s=0.3, pong_timeout_s=0.1, stale_delay_s=0.2)
    with Playing(ReferenceServer(timing=timing)) as server:
        with client(server.url, connected=False) as one:
            assert (one.closed().code, one.connection.closed.reason) == (3502, "stale")
        with client(server.url) as one:
            assert one.receive() == {}
            assert (one.closed().code, one.connection.closed.reason) == (3012, "no pong")
        with client(server.url) as one:
            for _ in range(3):
                assert one.receive() == {}
                one.connection.send("{}")
            one.ask({"id": 9, "unsubscribe": {"channel": "a"}})


def test_everybody_is_told_of_the_shutdown_connected_or_not():
    with Playing(ReferenceServer()) as server, client(server.url) as one, client(server.url, connected=False) as two:
        eventually(lambda: len(server._server.connections) == 2)
        server.stop()
        for each in (one, two):
            closed = each.closed()
            assert (closed.code, closed.reason, closed.ending) == (3001, "shutdown", Ending.CLOSE_FRAME)
        with pytest.raises(ConnectionRefusedError):
            Client(server.url)


def test_a_connection_that_is_lost_leaves_nothing_behind(server):
    before = len(server._server.connections)
    with client(server.url) as one:
        one.ask({"id": 2, "subscribe": {"channel": "default/plugin/lost/x"}})
        eventually(lambda: len(server._server.connections) == before + 1)
        one.connection.drop()
        eventually(lambda: len(server._server.connections) == before)
    eventually(lambda: len(server._server.engine) == 0)


def test_ten_thousand_subscribe_and_leave_rounds_leave_the_engine_empty(server):
    rounds, batch = 10_000, 100
    with client(server.url) as one:
        for start in range(0, rounds, batch):
            commands = []
            for number in range(start, start + batch):
                channel = f"default/plugin/rounds/c{number}"
                commands.append({"id": 2 * number + 2, "subscribe": {"channel": channel}})
                commands.append({"id": 2 * number + 3, "unsubscribe": {"channel": channel}})
            replies = one.ask(*commands)
            assert all("error" not in reply for reply in replies)
        assert len(server._server.engine) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/live/ws", 400), ("GET", "/", 404), ("GET", "/api/live/publish", 405), ("POST", "/api/live/ws", 405)],
)
def test_other_requests(server, method, path, status):
    assert httpx.request(method, server.http_url + path).status_code == status


def test_a_subprotocol_we_speak_is_selected_and_another_is_not(server):
    with client(server.url, subprotocols=("x", "centrifuge-json")) as one:
        assert one.connection.subprotocol == "centrifuge-json"
    with client(server.url, subprotocols=("x",)) as one:
        assert one.connection.subprotocol is None


def test_what_clients_sent_is_remembered():
    with LiveServer() as server, client(server.url) as one:
        one.connection.send(b'{"id":5,"unsubscribe":{"channel":"b"}}')
        one.receive()
        assert server.received == [json.dumps(CONNECT), b'{"id":5,"unsubscribe":{"channel":"b"}}']


# -- as a process ------------------------------------------------------------------------------------------------------


@contextmanager
def process(*arguments, cwd, **options):
    started = subprocess.Popen(
        [*COMMAND, "serve", *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "EOF"])
def test_a_served_process_ends_in_order_and_silently(tmp_path, how):
    with process("--port", "0", "--until-eof", cwd=tmp_path) as served:
        http = served.stdout.readline().split()[-1]
        with client(http.replace("http", "ws", 1) + "/api/live/ws", subprotocols=("x-unknown",)) as one:
            if how == "EOF":
                served.stdin.close()
                served.stdin = None
            else:
                served.send_signal(getattr(signal, how))
            assert one.closed().code == 3001
        assert served.wait(10) == 0
        assert served.stderr.read() == ""


def test_a_port_that_is_taken_and_names_that_do_not_exist_are_usage_errors(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = liveproto("serve", "--port", port, cwd=tmp_path)
    assert done.returncode == 4
    assert f"port {port}" in done.stderr
    for arguments, word in [
        (("--mutant", "nope"), "no mutant 'nope'"),
        (("--grafana", "new"), "expected a Grafana version"),
        (("--twin", "x"), "permissive"),
    ]:
        done = liveproto("serve", "--port", free_port(), *arguments, cwd=tmp_path)
        assert done.returncode == 4
        assert word in done.stderr
        assert "Traceback" not in done.stderr


def test_a_client_that_never_reads_ends_with_the_server():
    with LiveServer() as server:
        one = Client(server.url)
        one.ask(CONNECT, {"id": 2, "subscribe": {"channel": CHANNEL}})
        for _ in range(50):
            server.publish(CHANNEL, "x" * 10_000)
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 10
        with pytest.raises(ConnectionEndedError):
            one.read_on()
        one.connection.close()
