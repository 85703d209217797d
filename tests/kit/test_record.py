"""``liveproto record`` between real sockets: everything passes as it came, and the trace tells it."""

import contextlib
import json
import queue
import re
import signal
import socket
import ssl
import struct
import threading
import time

import pytest
from recorders import BINARY, CLOSE, MIB, TEXT, choosing, echo, receive_frame, recording, take
from servers import (
    frame,
    free_port,
    liveproto,
    read_head,
    respond,
    self_signed,
    serving,
    until_gone,
    upgrade,
)

from liveproto_conformance.drive.websocket import ConnectionEndedError, Ending

DONE, HARNESS_ERROR, USAGE = 0, 3, 4


# -- WebSockets --------------------------------------------------------------------------------------------------------

MESSAGES = ["{}", "é\n\n ", "", b"\x00\xff\xfe", b"", "x" * 70_000, b"y" * (5 * MIB)]


def raw(message):
    return message.encode() if isinstance(message, str) else message


def test_messages_pass_and_are_recorded_as_they_are(tmp_path):
    with serving(echo) as port, recording(tmp_path, port) as recorder:
        client = recorder.dial()
        for message in MESSAGES:
            client.send(message)
            answer = client.receive(15)
            assert (answer.data, answer.binary) == (raw(message), isinstance(message, bytes))
        client.close()
        recorder.wait_for(1, ">", "close")
        kinds = ["binary" if isinstance(message, bytes) else "text" for message in MESSAGES]
        exchanged = [
            (1, direction, kind, raw(message))
            for kind, message in zip(kinds, MESSAGES, strict=True)
            for direction in "><"
        ]
        opening = {"url": "/api/live/ws", "origin": None, "subprotocols": [], "subprotocol": None}
        events = recorder.events()
        assert json.loads(events[0][3]) == opening
        assert events[1:] == [*exchanged, (1, ">", "close", b'[1000,""]')]
        count, size = 2 * len(MESSAGES), sum(len(event[3]) for event in events)
        assert recorder.stop() == f"recorded 1 connection, {count} messages, {size:,} bytes in {recorder.path}"


def test_a_message_too_large_to_keep_passes_and_is_reported_lost(tmp_path):
    large = b"x" * (17 * MIB)
    with serving(echo) as port, recording(tmp_path, port) as recorder:
        client = recorder.dial()
        for message in (b"before", large, b"after"):
            client.send(message)
            echoed = frame(BINARY, message)
            assert take(client._socket, len(echoed)) == echoed
        assert [event[2] for event in recorder.events()] == ["open", "binary", "binary", "lost"]
        assert recorder.events()[-1][3] == b"a message of more than 16777216 bytes passed"


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def ends(action):
    """A server that opens a WebSocket, sends one message and ends."""

    def handle(sock):
        upgrade(sock)
        sock.sendall(frame(TEXT, b"{}"))
        take(sock, 6)
        action(sock)

    return handle


def closes(payload):
    def action(sock):
        sock.sendall(frame(CLOSE, payload))
        until_gone(sock)

    return ends(action)


ENDINGS = {
    "code and reason": (closes(b"\x0d\xadbad request"), [3501, "bad request"]),
    "code": (closes(b"\x03\xe9"), [1001, ""]),
    "no code": (closes(b""), [1005, ""]),
    "longest reason": (closes(b"\x0b\xb8" + b"r" * 123), [3000, "r" * 123]),
    "end of file": (ends(lambda sock: sock.shutdown(socket.SHUT_RDWR)), [1006, ""]),
    "reset": (ends(reset), [1006, ""]),
    "in the middle of a frame": (ends(lambda sock: (sock.sendall(b"\x81\x7e\x10"), reset(sock))), [1006, ""]),
}


def ending_of(client):
    assert client.receive(10).data == b"{}"
    client.send("")
    with pytest.raises(ConnectionEndedError) as ended:
        client.receive(10)
    closed = ended.value.closed
    return closed.code, closed.reason, closed.ending is Ending.CLOSE_FRAME


@pytest.mark.parametrize("name", ENDINGS)
def test_the_end_by_a_server_is_the_same_as_without_a_proxy(tmp_path, name):
    handle, close = ENDINGS[name]
    with serving(handle) as port, recording(tmp_path, port) as recorder:
        direct = ending_of(recorder.dial_url(f"ws://127.0.0.1:{port}/api/live/ws"))
        client = recorder.dial()
        assert ending_of(client) == direct == (*close, close[0] != 1006)
        client.close()
        assert json.loads(recorder.wait_for(1, "<", "close")) == close
        assert [event[2] for event in recorder.events()].count("close") == 1


@pytest.mark.parametrize(
    ("end", "seen", "close"),
    [
        (lambda client: client.close(), (CLOSE, b"\x03\xe8"), [1000, ""]),
        (lambda client: client.drop(), None, [1006, ""]),
        (lambda client: reset(client._socket), None, [1006, ""]),
    ],
    ids=["close", "end of file", "reset"],
)
def test_the_end_by_a_client_reaches_the_server(tmp_path, end, seen, close):
    found = queue.Queue()

    def handle(sock):
        upgrade(sock)
        try:
            found.put(receive_frame(sock))
        except ConnectionError:
            found.put(None)

    with serving(handle) as port, recording(tmp_path, port) as recorder:
        end(recorder.dial())
        assert found.get(timeout=10) == seen
        assert json.loads(recorder.wait_for(1, ">", "close")) == close


def test_one_direction_may_end_before_the_other(tmp_path):
    def handle(sock):
        upgrade(sock)
        assert take(sock, 6)
        assert sock.recv(1) == b""
        sock.sendall(frame(TEXT, b"still here"))
        sock.shutdown(socket.SHUT_WR)

    with serving(handle) as port, recording(tmp_path, port) as recorder:
        client = recorder.dial()
        client.send("")
        client._socket.shutdown(socket.SHUT_WR)
        assert client.receive(10).data == b"still here"
        with pytest.raises(ConnectionEndedError):
            client.receive(10)
        ended = recorder.wait_for(1, "<", "text")
        assert ended == b"still here"


def test_the_handshake_passes_but_for_host_origin_and_compression(tmp_path):
    heads = queue.Queue()

    def handle(sock):
        head = read_head(sock)
        heads.put(head.split("\r\n"))
        sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: w\r\n\r\nno")
        until_gone(sock)

    with serving(handle) as port, recording(tmp_path, port) as recorder:
        request = (
            f"GET /api/live/ws?auth_token=hush&x=1 HTTP/1.1\r\nHost: 127.0.0.1:{recorder.port}\r\n"
            f"Origin: http://127.0.0.1:{recorder.port}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: centrifuge-json, x\r\n"
            "Cookie: grafana_session=hush\r\nAuthorization: Bearer hush\r\nX-Other: o\r\n\r\n"
        )
        answer = recorder.http(request.encode()).decode()
        head = heads.get(timeout=5)
        recorder.http(request.replace("Origin: http://127.0.0.1", "Origin: http://elsewhere").encode())
        foreign = heads.get(timeout=5)
        written = recorder.path.read_bytes()
        kinds = [event[:3] for event in recorder.events()]
    assert head[0] == "GET /api/live/ws?auth_token=hush&x=1 HTTP/1.1"
    assert set(head[1:]) == {
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: centrifuge-json, x",
        "Cookie: grafana_session=hush",
        "Authorization: Bearer hush",
        "X-Other: o",
        "",
    }
    assert f"Origin: http://elsewhere:{recorder.port}" in foreign
    assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith("\r\n\r\nno")
    assert "X-Why: w\r\n" in answer
    assert kinds == [(1, ">", "http"), (1, "<", "http"), (2, ">", "http"), (2, "<", "http")]
    assert b"hush" not in written
    assert b"X-Other: o" in written


def test_subprotocols_pass_and_are_recorded(tmp_path):
    with serving(choosing("centrifuge-json")) as port, recording(tmp_path, port) as recorder:
        client = recorder.dial("/ws?token=hush", ("x", "centrifuge-json"), Origin="http://o")
        assert client.subprotocol == "centrifuge-json"
        assert client.receive(5).data == b"early"
        assert json.loads(recorder.wait_for(1, ">", "open")) == {
            "url": "/ws?token=[redacted]",
            "origin": "http://o",
            "subprotocols": ["x", "centrifuge-json"],
            "subprotocol": "centrifuge-json",
        }
        assert recorder.wait_for(1, "<", "text") == b"early"


@pytest.mark.parametrize("path", ["/ws", "/ws?format=protobuf", "/ws?cf_protocol=protobuf"])
def test_protobuf_passes_and_is_not_recorded(tmp_path, path):
    chosen = "centrifuge-protobuf" if path == "/ws" else "x"
    with serving(choosing(chosen)) as port, recording(tmp_path, port) as recorder:
        client = recorder.dial(path, (chosen,))
        assert client.receive(5).data == b"early"
        client.send(b"token")
        client.close()
        assert recorder.stop().startswith("recorded 1 connection, 0 messages")
        assert [event[2] for event in recorder.events()] == ["open", "lost"]


# -- HTTP --------------------------------------------------------------------------------------------------------------


def answering(answer, requests):
    """Read one request with its body, and answer it."""

    def handle(sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += take(sock, 1)
        length = re.search(rb"Content-Length: (\d+)", head)
        requests.put((head.decode(), take(sock, int(length[1])) if length else b""))
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        until_gone(sock)

    return handle


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_any_method_passes(tmp_path, method):
    requests = queue.Queue()
    body = b"" if method == "HEAD" else b"pong"
    answer = b"HTTP/1.1 207 Multi Status\r\nContent-Length: 4\r\nX-A: b\r\n\r\n" + body
    with serving(answering(answer, requests)) as port, recording(tmp_path, port) as recorder:
        back = recorder.http(f"{method} /a%20b?q=1 HTTP/1.1\r\nHost: h\r\nX-C: d\r\n\r\n".encode())
        head, _ = requests.get(timeout=5)
        assert head.startswith(f"{method} /a%20b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-C: d\r\n")
        assert back == b"HTTP/1.1 207 Multi Status\r\nContent-Length: 4\r\nX-A: b\r\nConnection: close\r\n\r\n" + body
        recorder.wait_for(1, "<", "http")
        assert recorder.events() == [
            (1, ">", "http", f"{method} /a%20b?q=1\nHost: h\nX-C: d\n".encode()),
            (1, "<", "http", b"207 Multi Status\nContent-Length: 4\nX-A: b\n" + (b"\n" + body if body else b"")),
        ]


@pytest.mark.parametrize("framing", ["length", "chunked", "end of file"])
def test_a_large_body_passes_whole_and_its_beginning_is_recorded(tmp_path, framing):
    body = b"0123456789abcdef" * (MIB // 4)
    head = {
        "length": b"Content-Length: %d\r\n\r\n" % len(body) + body,
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        "end of file": b"\r\n" + body,
    }[framing]
    requests = queue.Queue()
    with serving(answering(b"HTTP/1.1 200 OK\r\n" + head, requests)) as port, recording(tmp_path, port) as recorder:
        sent = b"POST / HTTP/1.0\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        back = recorder.http(sent)
        assert back.partition(b"\r\n\r\n")[2] == body
        assert requests.get(timeout=5)[1] == body
        recorder.wait_for(1, "<", "http")
        for _, _, _, payload in recorder.events():
            kept = payload.partition(b"\n\n")[2]
            assert kept == body[:65_536] + b"\n[65536 of %d bytes of the body]" % len(body)


def test_credentials_are_passed_and_not_recorded(tmp_path):
    requests = queue.Queue()
    answer = b'HTTP/1.1 200 OK\r\nSet-Cookie: s=hush\r\nContent-Length: 18\r\n\r\n{"key":1,"token":"hush"}'
    answer = answer.replace(b"18", b"24")
    with serving(answering(answer, requests)) as port, recording(tmp_path, port) as recorder:
        body = b'{"user":"u","password":"hush"}'
        back = recorder.http(
            b"POST /login?auth_token=hush HTTP/1.1\r\nHost: h\r\nAuthorization: Basic hush\r\nCookie: a=hush\r\n"
            b"X-Api-Key: hush\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert back.count(b"hush") == 2
        head, passed = requests.get(timeout=5)
        assert head.count("hush") == 4
        assert passed == body
        recorder.wait_for(1, "<", "http")
        written = recorder.path.read_bytes()
    assert b"hush" not in written
    assert written.count(b"[redacted]") == 7


def test_a_compressed_body_is_not_recorded(tmp_path):
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhush"
    with serving(answering(answer, queue.Queue())) as port, recording(tmp_path, port) as recorder:
        assert recorder.http(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"\r\n\r\nhush")
        assert recorder.wait_for(1, "<", "http").endswith(b"\n[0 of 4 bytes of the body]")


def test_an_upstream_that_is_away_is_502_and_a_line(tmp_path):
    port = free_port()
    with recording(tmp_path, port) as recorder:
        assert recorder.http(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").startswith(b"HTTP/1.1 502 ")
        assert recorder.err.get(timeout=5).startswith(f"http://127.0.0.1:{port}: cannot connect: ")
        assert recorder.stop() == f"recorded 0 connections, 0 messages, 0 bytes in {recorder.path}"


@pytest.mark.parametrize("answer", [b"", b"\x00\x01 no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-"])
def test_an_upstream_without_an_answer_is_502_and_a_line(tmp_path, answer):
    with serving(answering(answer, queue.Queue())) as port, recording(tmp_path, port) as recorder:
        assert recorder.http(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").startswith(b"HTTP/1.1 502 ")
        assert f"127.0.0.1:{port}" in recorder.err.get(timeout=5)


def test_an_upstream_that_dies_in_its_answer_ends_it(tmp_path):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    with serving(answering(answer, queue.Queue())) as port, recording(tmp_path, port) as recorder:
        assert recorder.http(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"\r\n\r\nhalf")
        assert recorder.wait_for(1, "<", "http").endswith(b"\nhalf")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01 hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 100_000, 431),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ],
    ids=["no HTTP", "no host", "endless head", "CONNECT"],
)
def test_what_is_no_request_is_refused(tmp_path, request_, status):
    with serving(until_gone) as port, recording(tmp_path, port) as recorder:
        assert recorder.http(request_).startswith(b"HTTP/1.1 %d " % status)
        assert recorder.events() == []


def test_a_client_that_leaves_before_the_answer_takes_its_request_along(tmp_path):
    gone = threading.Event()

    def handle(sock):
        read_head(sock)
        until_gone(sock)
        gone.set()

    with serving(handle) as port, recording(tmp_path, port) as recorder:
        with recorder.socket() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            recorder_sees = recorder.wait_for(1, ">", "http")
            assert recorder_sees.startswith(b"GET /slow\n")
        assert gone.wait(10)


def test_a_client_may_wait_for_leave_to_send_its_body(tmp_path):
    def handle(sock):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = take(sock, 4)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + body)
        until_gone(sock)

    with serving(handle) as port, recording(tmp_path, port) as recorder, recorder.socket() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        leave = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert take(sock, len(leave)) == leave
        sock.sendall(b"body")
        back = b"".join(iter(lambda: sock.recv(65_536), b""))
        assert back.startswith(b"HTTP/1.1 200 OK\r\n")
        assert back.endswith(b"body")


def test_an_answer_may_come_before_the_body_was_sent(tmp_path):
    def handle(sock):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        sock.shutdown(socket.SHUT_WR)
        until_gone(sock)

    with serving(handle) as port, recording(tmp_path, port) as recorder:
        with recorder.socket() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 200_000)
            back = b"".join(iter(lambda: sock.recv(65_536), b""))
        assert back.startswith(b"HTTP/1.1 413 ")
        assert back.endswith(b"big")


def test_an_upstream_with_tls(tmp_path):
    key, certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(echo, wrap=lambda sock: context.wrap_socket(sock, server_side=True)) as port:
        with recording(tmp_path, port, upstream="https://localhost") as recorder:
            assert recorder.http(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").startswith(b"HTTP/1.1 502 ")
            assert "certificate" in recorder.err.get(timeout=5)
        recorder.path.unlink()
        with recording(tmp_path, port, upstream="wss://localhost", SSL_CERT_FILE=str(certificate)) as recorder:
            client = recorder.dial()
            client.send("x" * 200_000)
            assert client.receive(10).data == b"x" * 200_000
            client.close()
            recorder.wait_for(1, ">", "close")


# -- left running ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_summary_though_connections_are_open(tmp_path, number):
    with serving(echo) as port, recording(tmp_path, port) as recorder:
        client = recorder.dial()
        client.send("{}")
        client.receive(5)
        line = recorder.stop(number)
        assert re.fullmatch(r"recorded 1 connection, 2 messages, \d+ bytes in .*t\.cborseq", line)
        assert recorder.process.returncode == DONE
        assert list(recorder.err.queue) == []
        assert [event[2] for event in recorder.events()] == ["open", "text", "text"]


def test_a_full_trace_ends_the_recording_and_not_the_traffic(tmp_path):
    with serving(echo) as port, recording(tmp_path, port, "--max-size", "1") as recorder:
        client = recorder.dial()
        for _ in range(4):
            client.send("x" * 300_000)
            assert len(client.receive(5).data) == 300_000
        assert "recording ended: the trace would exceed 1048576 bytes; traffic passes on" in recorder.err.get(timeout=5)
        client.close()
        recorder.stop()
        assert recorder.process.returncode == DONE
        assert recorder.path.stat().st_size <= MIB
        assert [event[2] for event in recorder.events()] == ["open", "text", "text", "text"]
        assert list(recorder.err.queue) == []


def test_a_trace_that_cannot_be_written_any_more_keeps_its_whole_events(tmp_path):
    limited = ("sh", "-c", 'ulimit -f 200 && exec "$@"', "sh")
    with serving(echo) as port, recording(tmp_path, port, prefix=limited) as recorder:
        client = recorder.dial()
        for _ in range(4):
            client.send("x" * 60_000)
            assert len(client.receive(5).data) == 60_000
        assert "recording ended: the trace cannot be written: File too large" in recorder.err.get(timeout=5)
        client.close()
        recorder.stop()
        assert recorder.process.returncode == HARNESS_ERROR
        assert [event[2] for event in recorder.events()] == ["open", "text"]


def flooding(total, sent):
    """Send messages of 64 KiB as fast as they are taken."""

    def handle(sock):
        upgrade(sock)
        message = frame(BINARY, b"x" * 65_536)
        with contextlib.suppress(OSError):
            for _ in range(total // 65_536):
                sock.sendall(message)
                sent.append(65_536)
            sock.sendall(frame(CLOSE, b"\x03\xe8"))
            until_gone(sock)

    return handle


def test_memory_is_bounded_under_a_flood(tmp_path):
    total = 200 * MIB
    with serving(flooding(total, [])) as port, recording(tmp_path, port) as recorder:
        before = recorder.peak_bytes
        client = recorder.dial()
        for _ in range(total // 65_536):
            assert len(client.receive(20).data) == 65_536
        assert recorder.peak_bytes - before < 24 * MIB


def test_a_slow_client_slows_the_server_down(tmp_path):
    sent = []
    with serving(flooding(200 * MIB, sent)) as port, recording(tmp_path, port) as recorder:
        before = recorder.peak_bytes
        client = recorder.dial()
        size = -1
        while size != len(sent):
            size = len(sent)
            time.sleep(0.5)
        assert 0 < sum(sent) < 40 * MIB
        assert recorder.peak_bytes - before < 24 * MIB
        client.drop()


def test_a_thousand_connections_leave_nothing_behind(tmp_path):
    with serving(respond("200 OK", b"{}")) as port, recording(tmp_path, port) as recorder:
        for round_ in range(2):
            for _ in range(250):
                assert recorder.http(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"{}")
            if round_ == 0:
                before = recorder.peak_bytes
        assert recorder.peak_bytes - before < 4 * MIB
        assert recorder.stop().startswith("recorded 500 connections, 1,000 messages")


# -- usage -------------------------------------------------------------------------------------------------------------


def refused(folder, *arguments):
    done = liveproto("record", *arguments, cwd=folder, timeout=15)
    assert done.returncode == USAGE, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("listen", "upstream", "words"),
    [
        ("3001", "http://h", "expected HOST:PORT"),
        ("127.0.0.1:x", "http://h", "expected HOST:PORT"),
        ("127.0.0.1:70000", "http://h", "expected HOST:PORT"),
        ("127.0.0.1:0", "h:3000", "expected http(s)://host"),
        ("127.0.0.1:0", "ftp://h", "expected http(s)://host"),
        ("127.0.0.1:0", "http://h:x", "--upstream"),
        ("127.0.0.1:0", "http://h/api/live/ws", "come from the client"),
        ("127.0.0.1:0", "http://u:p@h", "come from the client"),
        ("203.0.113.1:0", "http://h", "--listen"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_no_file(tmp_path, listen, upstream, words):
    assert words in refused(tmp_path, "--listen", listen, "--upstream", upstream, "-o", "t")
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_refused_and_leaves_no_file(tmp_path):
    with serving(until_gone) as port:
        assert "in use" in refused(tmp_path, "--listen", f"127.0.0.1:{port}", "--upstream", "http://h", "-o", "t")
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_exists_is_not_touched(tmp_path):
    (tmp_path / "t").write_bytes(b"mine")
    assert "t: exists" in refused(tmp_path, "--listen", "127.0.0.1:0", "--upstream", "http://h", "-o", "t")
    assert (tmp_path / "t").read_bytes() == b"mine"


def test_a_trace_that_cannot_be_made_is_refused(tmp_path):
    words = refused(tmp_path, "--listen", "127.0.0.1:0", "--upstream", "http://h", "-o", "no/such/folder")
    assert "No such file or directory" in words
