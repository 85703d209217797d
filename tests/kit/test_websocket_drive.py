"""The kit's one WebSocket: messages whole, endings told apart, whatever pieces the bytes come in."""

import socket
import struct
import threading
import time

import pytest
from servers import BINARY, CLOSE, PING, TEXT, frame, read_head, respond, serving, until_gone, upgrade

from liveproto_conformance.drive import websocket
from liveproto_conformance.drive.websocket import (
    Bounds,
    Closed,
    ConnectionEndedError,
    Ending,
    NotWebSocketError,
    open_connection,
)

CONT, PONG = 0, 10


def dial(port, **options):
    return open_connection(f"ws://127.0.0.1:{port}/x", headers={}, timeout_s=2, tls=None, **options)


def receive_all(data, *, piece=None, then=until_gone, bounds=None):
    """What a connection receives of a server that sends these bytes, in pieces: messages, and how it ended."""

    def handle(sock):
        upgrade(sock)
        for start in range(0, len(data), piece or len(data) or 1):
            sock.sendall(data[start : start + (piece or len(data))])
        then(sock)

    with serving(handle) as port:
        connection = dial(port, bounds=bounds or Bounds())
        messages = []
        try:
            while True:
                messages.append(connection.receive(2))
        except ConnectionEndedError as ended:
            return messages, ended.closed
        finally:
            connection.close()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def close_frame(code, reason=""):
    return frame(CLOSE, struct.pack(">H", code) + reason.encode())


def ended(code, reason):
    return Closed(code, reason, Ending.CLOSE_FRAME)


@pytest.mark.parametrize(
    ("data", "then", "closed", "words"),
    [
        (close_frame(3501, "bad request"), until_gone, ended(3501, "bad request"), "close 3501 'bad request'"),
        (close_frame(1000), until_gone, ended(1000, ""), "close 1000 ''"),
        (frame(CLOSE), until_gone, ended(1005, ""), "close 1005 ''"),
        (close_frame(3000, "x"), socket.socket.close, ended(3000, "x"), "close 3000 'x'"),
        (b"", socket.socket.close, Closed(1006, "", Ending.EOF), "end of file without close frame"),
        (b"\x81", socket.socket.close, Closed(1006, "", Ending.EOF), "end of file without close frame"),
    ],
)
def test_endings(data, then, closed, words):
    messages, seen = receive_all(data, then=then)
    assert messages == []
    assert seen == closed
    assert str(seen) == words


def test_a_reset_is_no_end_of_file():
    ready = threading.Event()

    def handle(sock):
        upgrade(sock)
        ready.wait(5)
        reset(sock)

    with serving(handle) as port:
        connection = dial(port)
        ready.set()
        closed = connection.wait_closed(2)
        assert (closed.ending, closed.code, str(closed)) == (Ending.RESET, 1006, "connection reset")
        connection.close()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x81\x82abcdxx", "mask"),
        (b"\xc1\x00", "reserved bits"),
        (b"\x83\x00", "opcode"),
        (frame(CONT, b"x"), "continuation"),
        (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), "expected a continuation"),
        (frame(PING, b"x" * 126), "too long"),
        (frame(CLOSE, b"x"), "close frame"),
    ],
)
def test_a_broken_frame_is_said_to_be_one(data, word):
    messages, closed = receive_all(frame(TEXT, b"before") + data)
    assert [message.data for message in messages] == [b"before"]
    assert closed.ending is Ending.BROKEN
    assert closed.code == 1006
    assert word in str(closed)


@pytest.mark.parametrize("piece", [1, 2, 7, None])
def test_messages_are_whole_whatever_the_pieces(piece):
    data = b"".join(
        (
            frame(TEXT, b'{"id":1}'),
            frame(BINARY, b"\x00\xff"),
            frame(TEXT, b""),
            frame(TEXT, b"one ", fin=False),
            frame(PING, b"between"),
            frame(CONT, b"two ", fin=False),
            frame(CONT, b"three"),
            frame(BINARY, b"a", fin=False),
            frame(CONT, b"b"),
            frame(TEXT, b"x" * 300),
            close_frame(3001, "shutdown"),
        )
    )
    messages, closed = receive_all(data, piece=piece)
    assert [(message.data, message.binary) for message in messages] == [
        (b'{"id":1}', False),
        (b"\x00\xff", True),
        (b"", False),
        (b"one two three", False),
        (b"ab", True),
        (b"x" * 300, False),
    ]
    assert closed.code == 3001


def test_a_message_that_comes_with_the_handshake_is_kept():
    def handle(sock):
        head_and_frame = []
        real, sock_sendall = sock, sock.sendall

        class Gather:
            recv = real.recv

            @staticmethod
            def sendall(data):
                head_and_frame.append(data)

        upgrade(Gather)
        sock_sendall(b"".join(head_and_frame) + frame(TEXT, b"early"))
        until_gone(sock)

    with serving(handle) as port:
        connection = dial(port)
        assert connection.receive(2).data == b"early"
        connection.close()


def test_a_ping_of_the_websocket_is_answered():
    answers = []

    def handle(sock):
        upgrade(sock)
        sock.sendall(frame(PING, b"hi"))
        answers.append(sock.recv(100))
        sock.sendall(frame(TEXT, b"done"))
        until_gone(sock)

    with serving(handle) as port:
        connection = dial(port)
        assert connection.receive(2).data == b"done"
        connection.close()
    first, length, *rest = answers[0]
    assert (first, length) == (0x80 | PONG, 0x80 | 2)
    mask, masked = rest[:4], rest[4:]
    assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked)) == b"hi"


def test_a_message_above_the_bound_ends_the_connection():
    bounds = Bounds(message_bytes=1000)
    messages, closed = receive_all(frame(TEXT, b"x" * 1000) + frame(TEXT, b"y" * 1001), bounds=bounds)
    assert [len(message.data) for message in messages] == [1000]
    assert closed.ending is Ending.BROKEN
    assert "1000" in str(closed)


@pytest.mark.parametrize(
    ("bounds", "kept", "too_much", "words"),
    [
        (Bounds(burst_lines=3, lines_per_s=0), [TEXT] * 3, frame(TEXT), "4 lines, at most 3 and 0 a second"),
        (Bounds(burst_lines=3, lines_per_s=0), [TEXT], frame(TEXT, b"\n\n"), "4 lines, at most 3 and 0 a second"),
        (Bounds(burst_lines=3, lines_per_s=0), [TEXT], frame(PING) * 3, "4 lines, at most 3 and 0 a second"),
        (
            Bounds(burst_lines=3, lines_per_s=0),
            [TEXT],
            frame(TEXT, fin=False) + frame(CONT, fin=False) * 2,
            "4 lines, at most 3 and 0 a second",
        ),
        (Bounds(burst_bytes=9, bytes_per_s=0), [TEXT], frame(TEXT, b"x" * 10), "10 bytes, at most 9 and 0 a second"),
    ],
)
def test_more_than_the_bounds_ends_the_connection(bounds, kept, too_much, words):
    data = b"".join(map(frame, kept)) + too_much + frame(TEXT, b"after")
    messages, closed = receive_all(data, bounds=bounds)
    assert [message.data for message in messages] == [b""] * len(kept)
    assert (closed.code, closed.ending, closed.reason) == (1006, Ending.EXCESS, words)
    assert str(closed) == f"more than is read: {words}"


@pytest.mark.parametrize(
    ("size", "lines", "age_s", "word"),
    [
        (9, 3, 0.0, ""),
        (10, 3, 0.0, "10 bytes"),
        (10, 3, 0.5, ""),
        (9, 4, 0.0, "4 lines"),
        (9, 4, 0.5, ""),
        (1 << 40, 1 << 40, 0.0, "lines"),
    ],
)
def test_bounds_grow_with_the_age_of_a_connection(size, lines, age_s, word):
    assert word in Bounds(burst_bytes=9, burst_lines=3, bytes_per_s=2, lines_per_s=2).excess(size, lines, age_s)


def test_without_a_burst_everything_is_read():
    assert not Bounds().excess(1 << 60, 1 << 60, 0.0)


def test_nothing_in_time_is_a_timeout_and_no_end():
    def handle(sock):
        upgrade(sock)
        until_gone(sock)

    with serving(handle) as port:
        connection = dial(port)
        with pytest.raises(TimeoutError):
            connection.receive(0.02)
        assert connection.wait_closed(0.02) is None
        assert connection.closed is None
        connection.close()
        assert connection.closed is not None
        with pytest.raises(ConnectionEndedError):
            connection.send("x")
        connection.close()


def test_a_short_timeout_of_reading_does_not_cut_a_long_message():
    received, done = bytearray(), threading.Event()

    def handle(sock):
        upgrade(sock)
        time.sleep(0.1)
        while data := sock.recv(65536):
            received.extend(data)
        done.set()

    with serving(handle) as port:
        connection = dial(port)
        with pytest.raises(TimeoutError):
            connection.receive(0.001)
        connection.send(b"x" * 8_000_000)
        connection.close()
        assert done.wait(10)
    assert len(received) > 8_000_000


def test_what_the_target_does_not_read_is_given_up_once(monkeypatch):
    monkeypatch.setattr(websocket, "_SEND_TIMEOUT_S", 0.2)
    done = threading.Event()

    def handle(sock):
        upgrade(sock)
        done.wait(10)

    with serving(handle) as port:
        connection = dial(port)
        start = time.monotonic()
        connection.send(b"x" * 30_000_000)
        assert connection.closed == Closed(1006, "it read too little for 0.2 s", Ending.UNREAD)
        with pytest.raises(ConnectionEndedError, match="not read by the target"):
            connection.send("x")
        connection.close()
        assert time.monotonic() - start < 2
        done.set()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ""),
        (frame(TEXT, b"whole"), ""),
        (frame(TEXT, b"x" * 100)[:52], "50 bytes of a message that does not end"),
        (frame(TEXT, b"abc", fin=False) + frame(PING), "3 bytes of a message that does not end"),
        (frame(TEXT, fin=False), "0 bytes of a message that does not end"),
    ],
)
def test_a_message_that_does_not_end_is_known(data, words):
    def handle(sock):
        upgrade(sock)
        sock.sendall(data)
        until_gone(sock)

    with serving(handle) as port:
        connection = dial(port)
        assert connection.wait_closed(0.1) is None
        assert connection.unfinished == words
        connection.close()


def test_dropping_sends_no_close_frame():
    received = []

    done = threading.Event()

    def handle(sock):
        upgrade(sock)
        received.append(sock.recv(100))
        done.set()

    with serving(handle) as port:
        connection = dial(port)
        connection.drop()
        assert done.wait(10)
    assert received == [b""]


def test_aborting_wakes_a_reader_in_another_thread():
    def handle(sock):
        upgrade(sock)
        until_gone(sock)

    with serving(handle) as port:
        connection = dial(port)
        timer = threading.Timer(0.05, connection.abort)
        timer.start()
        start = time.monotonic()
        with pytest.raises(ConnectionEndedError):
            connection.receive(10)
        assert time.monotonic() - start < 5
        timer.join()
        connection.close()
        connection.abort()


def test_headers_replace_those_of_the_handshake():
    heads = []

    def handle(sock):
        heads.append(read_head(sock))
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with serving(handle) as port, pytest.raises(NotWebSocketError):
        open_connection(f"ws://127.0.0.1:{port}/x?y=z", headers={"Host": "grafana", "X-A": "b"}, timeout_s=2, tls=None)
    lines = heads[0].split("\r\n")
    assert lines[0] == "GET /x?y=z HTTP/1.1"
    assert [line for line in lines if line.startswith(("Host", "X-A"))] == ["Host: grafana", "X-A: b"]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (respond("401 Unauthorized"), 401, "answered with HTTP 401"),
        (respond("200 OK", b"{}"), 200, "answered with HTTP 200"),
        (respond("302 Found", headers="Location: /login\r\n"), 302, "HTTP 302, which leads to '/login'"),
        (respond("302 Found", headers="Location: /a\r\nLocation: /b\r\n"), 302, "HTTP 302, which leads to '/a'"),
        (respond("302 Found"), 302, "answered with HTTP 302"),
        (respond("200 OK", headers="Location: /login\r\n"), 200, "answered with HTTP 200"),
        (lambda sock: sock.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n"), None, "not answered with HTTP"),
        (socket.socket.close, None, "not answered"),
        (
            respond("101 Switching Protocols", headers="Upgrade: h2c\r\nConnection: Upgrade\r\n"),
            None,
            "not answered as",
        ),
        (
            respond("101 X", headers="Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n"),
            None,
            "not answered as",
        ),
    ],
)
def test_what_is_no_websocket(answer, status, words):
    with serving(answer) as port:
        with pytest.raises((NotWebSocketError, OSError)) as caught:
            dial(port)
        if isinstance(caught.value, NotWebSocketError):
            assert caught.value.status == status
            assert words in str(caught.value)


@pytest.mark.parametrize("pause_s", [0.05, 0.0005])
def test_a_handshake_that_trickles_is_over_in_time(pause_s):
    def handle(sock):
        read_head(sock)
        while True:
            sock.sendall(b"H")
            time.sleep(pause_s)

    with serving(handle) as port:
        start = time.monotonic()
        with pytest.raises((TimeoutError, NotWebSocketError)):
            open_connection(f"ws://127.0.0.1:{port}/x", headers={}, timeout_s=0.3, tls=None)
        assert time.monotonic() - start < 2


def test_the_subprotocol_that_was_selected_is_known():
    def handle(sock):
        key = read_head(sock)
        assert "Sec-WebSocket-Protocol: a, b" in key
        until_gone(sock)

    with serving(handle) as port, pytest.raises(TimeoutError):
        open_connection(f"ws://127.0.0.1:{port}/", headers={}, timeout_s=0.2, tls=None, subprotocols=("a", "b"))
