"""``liveproto listen``: prints what arrives, and comes back when the server does."""

import json
import queue
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from servers import COMMAND, Playing, environment, free_port, respond, serving

from liveproto.session.server import Timing
from liveproto_conformance.fixtures import LiveServer
from liveproto_conformance.reference.server import ReferenceServer

A, B = "default/plugin/x/a", "default/plugin/x/b"


class Listener:
    """A running ``liveproto listen``, its lines as they come."""

    def __init__(self, process):
        self.process = process
        self.out, self.err = queue.Queue(), queue.Queue()
        self._threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.put(line.rstrip("\n"))

    def says(self, words):
        """Wait for a line of stderr with these words."""
        while words not in (line := self.err.get(timeout=15)):
            assert "Traceback" not in line
        return line

    def prints(self):
        return self.out.get(timeout=15)

    def join(self):
        for thread in self._threads:
            thread.join(5)


@contextmanager
def listening(url, *arguments, cwd):
    process = subprocess.Popen(
        [*COMMAND, "listen", url, *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    listener = Listener(process)
    try:
        yield listener
    finally:
        process.kill()
        process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def server():
    with LiveServer() as server:
        yield server


def test_publications_are_printed_a_line_each(server, tmp_path):
    with listening(server.url, A, B, cwd=tmp_path) as listener:
        listener.says("connected as ")
        listener.says(f"subscribed to {A}")
        listener.says(f"subscribed to {B}")
        server.publish(A, {"n": 1.0, "text": "é\n"})
        server.publish(B, None)
        assert listener.prints() == A + ' {"n":1.0,"text":"é\\n"}'
        assert listener.prints() == f"{B} null"


def test_publications_are_printed_as_json(server, tmp_path):
    with listening(server.url, A, "--json", cwd=tmp_path) as listener:
        listener.says("subscribed")
        server.publish(A, {"n": 2**60})
        assert json.loads(listener.prints()) == {"channel": A, "data": {"n": 2**60}}


def test_it_comes_back_after_a_restart_and_subscribes_again(server, tmp_path):
    with listening(server.url.removesuffix("/api/live/ws").replace("ws", "http", 1), A, cwd=tmp_path) as listener:
        for number in range(2):
            listener.says(f"subscribed to {A}")
            server.publish(A, number)
            assert listener.prints() == f"{A} {number}"
            server.restart()
            listener.says("disconnected: 3001 shutdown")
            listener.says("connecting again in ")
        listener.says("subscribed")


def test_it_waits_for_a_server_that_is_not_there_yet(tmp_path):
    with LiveServer() as server:
        server.stop()
        with listening(server.url, A, cwd=tmp_path) as listener:
            listener.says("cannot connect: ")
            server.restart()
            listener.says("subscribed")
            server.publish(A, 1)
            assert listener.prints() == f"{A} 1"


def test_a_refused_channel_is_said_and_the_others_go_on(server, tmp_path):
    with listening(server.url, "default/nope", A, cwd=tmp_path) as listener:
        said = [listener.err.get(timeout=15) for _ in range(3)]
        assert any("default/nope" in line and "400" in line for line in said), said
        server.publish(A, 1)
        assert listener.prints() == f"{A} 1"


def test_it_ends_where_the_server_says_not_to_come_back(server, tmp_path):
    with listening(server.url, A, cwd=tmp_path) as listener:
        listener.says("subscribed")
        server.disconnect(3503, "force no reconnect")
        listener.says("disconnected: 3503 force no reconnect")
        assert listener.process.wait(10) == 1


@pytest.mark.parametrize("connected", [True, False])
def test_ctrl_c_ends_it_quietly(server, tmp_path, connected):
    url = server.url if connected else f"http://127.0.0.1:{free_port()}"
    with listening(url, A, cwd=tmp_path) as listener:
        listener.says("subscribed" if connected else "connecting again")
        listener.process.send_signal(signal.SIGINT)
        assert listener.process.wait(10) == 2
        listener.join()
        assert not any("Traceback" in line for line in listener.err.queue)


def test_an_http_answer_is_said(tmp_path):
    with (
        serving(respond("401 Unauthorized")) as port,
        listening(f"http://127.0.0.1:{port}", A, cwd=tmp_path) as listener,
    ):
        assert "HTTP 401" in listener.says("cannot connect")


def test_credentials_and_headers_are_sent(tmp_path):
    heads = []

    def handle(sock):
        heads.append(sock.recv(4096).decode())
        sock.close()

    with serving(handle) as port:
        arguments = (A, "--token", "secret", "--header", "X-Team: red")
        with listening(f"http://127.0.0.1:{port}", *arguments, cwd=tmp_path) as listener:
            listener.says("cannot connect")
    assert "Authorization: Bearer secret\r\n" in heads[0]
    assert "X-Team: red\r\n" in heads[0]


def test_pings_are_answered_while_nothing_is_published(tmp_path):
    timing = Timing(ping_interval_s=1, pong_timeout_s=0.5, stale_delay_s=5)
    with Playing(ReferenceServer(timing=timing)) as server, listening(server.url, A, cwd=tmp_path) as listener:
        listener.says("subscribed")
        time.sleep(2.5)
        server.publish(A, 1)
        assert listener.prints() == f"{A} 1"
        assert server.received.count("{}") >= 1
