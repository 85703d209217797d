"""A running ``liveproto record`` for tests of it, and servers to stand behind it."""

import io
import queue
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from servers import COMMAND, environment, frame, read_head, until_gone, upgrade

from liveproto_conformance.drive.websocket import open_connection
from liveproto_conformance.traces.trace import read_trace

TEXT, BINARY, CLOSE = 1, 2, 8
MIB = 1024 * 1024


class Recorder:
    """A running ``liveproto record``."""

    def __init__(self, process, path):
        self.process = process
        self.path = path
        self.url = process.stdout.readline().split()[-1]
        self.port = int(self.url.rpartition(":")[2])
        self.err = queue.Queue()
        self.clients = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stderr:
            self.err.put(line.rstrip("\n"))

    def dial(self, path="/api/live/ws", subprotocols=(), **headers):
        """Open a WebSocket through it, which is closed with it at the latest."""
        return self.dial_url(f"ws://127.0.0.1:{self.port}{path}", subprotocols, **headers)

    def dial_url(self, url, subprotocols=(), **headers):
        self.clients.append(open_connection(url, headers=headers, timeout_s=10, tls=None, subprotocols=subprotocols))
        return self.clients[-1]

    def socket(self):
        """Open a plain connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def http(self, request):
        """Send one request and return everything that comes back."""
        with self.socket() as sock:
            sock.sendall(request)
            return b"".join(iter(lambda: sock.recv(65_536), b""))

    def events(self):
        """What the trace has so far: connection, direction, kind, payload."""
        trace = read_trace(io.BytesIO(self.path.read_bytes()))
        found = [(event.connection, event.direction, event.kind, event.payload) for event in trace]
        assert trace.damage is None
        return found

    def wait_for(self, *event):
        """Wait until the trace has an event with this connection, direction and kind; return its payload."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            for connection, direction, kind, payload in self.events():
                if (connection, direction, kind) == event:
                    return payload
            time.sleep(0.02)
        raise AssertionError(f"no {event} in {self.events()}")

    def stop(self, number=signal.SIGINT):
        """End it; return its last line."""
        self.process.send_signal(number)
        self.process.wait(15)
        self._thread.join(5)
        return self.process.stdout.read().rstrip("\n")

    def join(self):
        self.process.wait(15)
        self._thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def peak_bytes(self):
        """The most memory it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


@contextmanager
def recording(folder, port, *options, prefix=(), upstream="http://127.0.0.1", **changes):
    path = folder / "t.cborseq"
    arguments = ["record", "--listen", "127.0.0.1:0", "--upstream", f"{upstream}:{port}", "-o", str(path)]
    process = subprocess.Popen(
        [*prefix, *COMMAND, *arguments, *options],
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    recorder = Recorder(process, path)
    try:
        yield recorder
    finally:
        for client in recorder.clients:
            client.drop()
        process.kill()
        recorder.join()


def receive_frame(sock):
    """Read one frame of a client: opcode and payload."""
    first, second = take(sock, 2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", take(sock, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", take(sock, 8))
    key, data = take(sock, 4), take(sock, length)
    whole = int.from_bytes(data, "big") ^ int.from_bytes((key * (length // 4 + 1))[:length], "big")
    return first & 0x0F, whole.to_bytes(length, "big")


def take(sock, count):
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(min(count - len(data), MIB))
        if not piece:
            raise ConnectionError
        data += piece
    return bytes(data)


def echo(sock):
    """Send every message back as it came, Close frames too."""
    upgrade(sock)
    while True:
        opcode, data = receive_frame(sock)
        sock.sendall(frame(opcode, data))
        if opcode == CLOSE:
            return


def choosing(subprotocol):
    def handle(sock):
        key = re.search(r"Sec-WebSocket-Key: (\S+)", read_head(sock))[1]
        accept = open_accept(key)
        chosen = f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        # A first message on the heels of the handshake.
        sock.sendall(f"{head}{chosen}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode() + frame(TEXT, b"early"))
        until_gone(sock)

    return handle


def open_accept(key):
    from websockets.utils import accept_key  # noqa: PLC0415

    return accept_key(key)
