"""Targets that behave and then turn hostile: the embedded server behind a proxy that counts its frames."""

import contextlib
import socket
import struct
import threading
import time

from servers import BINARY, CLOSE, PING, TEXT, frame, serving, until_gone

from liveproto_conformance.fixtures import LiveServer

CONT, PONG = 0, 10
MEGABYTE = 1024 * 1024
FOREVER_S = 60.0


@contextlib.contextmanager
def turning(turn=None, *, calm=0, after=0, http=None):
    """The port of a server that turns hostile.

    Its WebSockets, but for the first ``calm``, get ``turn`` after so many frames; its HTTP requests get ``http``.
    """
    lock, left = threading.Lock(), [calm]

    def is_hostile():
        with lock:
            left[0] -= 1
            return left[0] < 0

    with LiveServer() as server:
        upstream = int(server.url.split(":")[2].split("/")[0])

        def handle(sock):
            head = read_request(sock)
            websocket = b"upgrade: websocket" in head.lower()
            if http is not None and not websocket:
                http(sock)
                return
            with socket.create_connection(("127.0.0.1", upstream)) as target:
                target.sendall(head)
                thread = threading.Thread(target=pump, args=(sock, target), daemon=True)
                thread.start()
                if websocket and turn is not None and is_hostile():
                    sock.sendall(read_request(target))
                    for _ in range(after):
                        sock.sendall(read_frame(target))
                    turn(sock)
                else:
                    pump(target, sock)

        with serving(handle) as port:
            yield port


def read_request(sock):
    """The head of an HTTP message, and nothing after it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if not (byte := sock.recv(1)):
            raise ConnectionError
        head += byte
    return head


def read_frame(sock):
    """One frame of a server, whole."""
    head = read_exactly(sock, 2)
    extra = read_exactly(sock, {126: 2, 127: 8}.get(head[1], 0))
    size = int.from_bytes(extra) if extra else head[1]
    return head + extra + read_exactly(sock, size)


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        if not (piece := sock.recv(size - len(data))):
            raise ConnectionError
        data += piece
    return data


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# -- what a target may turn to -----------------------------------------------------------------------------------------


def sending(data):
    """Send these bytes and nothing more."""

    def turn(sock):
        sock.sendall(data)
        until_gone(sock)

    return turn


def repeating(data):
    """Send these bytes for ever, as fast as they are taken, and read nothing."""
    block = data * max(1, 65536 // len(data))

    def turn(sock):
        ends = time.monotonic() + FOREVER_S
        while time.monotonic() < ends:
            sock.sendall(block)

    return turn


def trickling(data, pause_s):
    """Send these bytes again and again, slowly."""

    def turn(sock):
        threading.Thread(target=drain, args=(sock,), daemon=True).start()
        while True:
            sock.sendall(data)
            time.sleep(pause_s)

    return turn


def drain(sock):
    with contextlib.suppress(OSError):
        until_gone(sock)


def dying(sock):
    """End in the middle of a frame."""
    sock.sendall(frame(TEXT, b'{"id":2,"subscribe":{}}')[:9])
    sock.shutdown(socket.SHUT_RDWR)


def resetting(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def not_reading(sock):
    """Neither read nor write."""
    time.sleep(FOREVER_S)
    sock.close()


def big_message(sock):
    """One message of 100 MB."""
    sock.sendall(b"\x81\x7f" + struct.pack(">Q", 100 * MEGABYTE))
    for _ in range(100):
        sock.sendall(b"x" * MEGABYTE)
    until_gone(sock)


def endless_fragments(sock):
    """One message that never ends."""
    sock.sendall(frame(TEXT, b"x", fin=False))
    repeating(frame(CONT, b"x" * 1000, fin=False))(sock)


def endless_empty_fragments(sock):
    """The same without content."""
    sock.sendall(frame(TEXT, fin=False))
    repeating(frame(CONT, fin=False))(sock)


def nested(depth):
    return b'{"id":2,"error":{"code":100,"message":"x","data":' + b"[" * depth + b"]" * depth + b"}}"


PUSH = b'{"push":{"channel":"%s","pub":{"data":null}}}'
SWELLING = b'{"id":2,"subscribe":{"data":[' + b"[]," * 600_000 + b"[]]}}"
"""JSON that takes twenty times its size in memory."""
NOT_UTF_8 = b'{"id":2,"subscribe":{"data":"\xff"}}'
SURROGATE = b'{"id":2,"error":{"code":100,"message":"\\ud800"}}\n{"id":3,"subscribe":"\\udfff"}'
NUMBERS = b'{"id":2,"error":{"code":1e999,"message":1}}\n{"id":NaN}\n{"id":2.0}'
LONG = b'{"id":2,"error":{"code":1,"message":"' + b"\\u001b" * 300_000 + b'"}}'
CAME, SCHEMA, ENDED = r"frames or lines came|more than is read", "lines_are_objects_of_the_schema", "end of file|reset"

TURNS = {
    "dies in a frame": (dying, ENDED),
    "resets": (resetting, ENDED),
    "stalls in a frame": (sending(frame(TEXT, b'{"id":2,"subscribe":{}}')[:9]), "7 bytes of a message that does not"),
    "says nothing and reads nothing": (not_reading, "got none"),
    "100 MB in one message": (big_message, "frame with 104857600 bytes exceeds limit"),
    "fragments without end": (endless_fragments, r"frame with 1000 bytes after reading \d+ bytes exceeds limit"),
    "empty fragments without end": (endless_empty_fragments, CAME),
    "a flood of binary": (repeating(frame(BINARY, b'{"id":2,"subscribe":{}}')), "messages_are_text"),
    "one binary message": (sending(frame(BINARY, b'{"id":2,"subscribe":{}}')), "messages_are_text"),
    "a flood of pushes": (repeating(frame(TEXT, PUSH % b"flood")), CAME),
    "a flood of pings": (repeating(frame(TEXT, b"{}")), CAME),
    "a flood of replies": (repeating(frame(TEXT, b'{"id":2,"rpc":{"data":1}}')), CAME),
    "a flood of noise": (repeating(frame(TEXT, b"not JSON")), CAME),
    "a flood of newlines": (repeating(frame(TEXT, b"\n" * 9_000)), CAME),
    "a flood of WebSocket pings": (repeating(frame(PING, b"x" * 100)), CAME),
    "a flood of WebSocket pongs": (repeating(frame(PONG)), CAME),
    "slow pushes without end": (trickling(frame(TEXT, PUSH % b"slow"), 0.1), CAME),
    "600,000 lines": (sending(frame(TEXT, b"{}\n" * 600_000)), r"60000\d lines, at most 20000"),
    "JSON that swells": (sending(frame(TEXT, SWELLING)), r'got \{"id":2,"subscribe":\{"data":\[\[\],'),
    "nested JSON": (sending(frame(TEXT, nested(100_000))), SCHEMA),
    "JSON nested as deep as can be read": (
        sending(frame(TEXT, b"\n".join(nested(depth) for depth in range(100, 1000, 10)))),
        "error",
    ),
    "a long ping": (sending(frame(PING, b"x" * 126)), "control frame too long"),
    "a ping in fragments": (sending(frame(PING, b"x", fin=False)), "fragmented control frame"),
    "an unknown opcode": (sending(b"\x8b\x00"), "invalid opcode"),
    "a masked frame": (sending(b"\x81\x82abcdxx"), "incorrect masking"),
    "reserved bits": (sending(b"\xf1\x00"), "reserved bits"),
    "a close frame of one byte": (sending(frame(CLOSE, b"x")), "close frame too short"),
    "a close code that is not allowed": (sending(frame(CLOSE, struct.pack(">H", 1005))), "invalid status code"),
    "a close reason that is not UTF-8": (sending(frame(CLOSE, struct.pack(">H", 3500) + b"\xff")), "can't decode"),
    "text that is not UTF-8": (sending(frame(TEXT, NOT_UTF_8)), SCHEMA),
    "a lone surrogate": (sending(frame(TEXT, SURROGATE)), r"ud800"),
    "an id of 10,000 digits": (sending(frame(TEXT, b'{"id":' + b"9" * 10_000 + b"}")), SCHEMA),
    "numbers that are none": (sending(frame(TEXT, NUMBERS)), "Infinity"),
    "a long message of an error": (sending(frame(TEXT, LONG)), "u001b"),
}
"""What a target does instead of going on, by name, and what some check then says."""
