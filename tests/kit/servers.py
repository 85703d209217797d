"""Small servers on loopback for tests of the kit, and the command line as users start it."""

import asyncio
import base64
import contextlib
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

import pytest

from liveproto_conformance.fixtures import LiveServer

COMMAND = [sys.executable, "-m", "liveproto_conformance"]
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def environment(**changes):
    """The environment without what would colour or configure a run."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "LIVEPROTO", "COV"))}
    return {**kept, "NO_COLOR": "1", **changes}


def liveproto(*arguments, cwd, timeout=60, **changes):
    """Run the command in a folder."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def free_port():
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def serving(handle, *, wrap=None):
    """Accept connections on a free port, each handled in a thread, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted, threads = [], []

    def accept():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            accepted.append(sock)
            thread = threading.Thread(target=serve, args=(sock,), daemon=True)
            threads.append(thread)
            thread.start()

    def serve(sock):
        with contextlib.suppress(OSError):
            if wrap is not None:
                accepted.append(wrapped := wrap(sock))
                handle(wrapped)
            else:
                handle(sock)

    threads.append(threading.Thread(target=accept, daemon=True))
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        threads[0].join(5)
        for sock in accepted:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in threads[1:]:
            thread.join(5)
        for sock in accepted:
            sock.close()


def self_signed(folder):
    """A key and a certificate for localhost, as files in a folder."""
    if shutil.which("openssl") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the TLS tests need openssl")
        pytest.skip("the TLS tests need openssl")
    key, certificate = folder / "key.pem", folder / "ca.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-subj", "/CN=liveproto", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return key, certificate


def read_head(sock):
    """Read one HTTP request up to its blank line."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = sock.recv(4096)
        if not data:
            raise ConnectionError
        head += data
    return head.decode()


def respond(status, body=b"", headers=""):
    """Answer every request with one HTTP response."""

    def handle(sock):
        read_head(sock)
        sock.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            """Until the client has gone."""

    return handle


def upgrade(sock):
    """Accept a WebSocket handshake; any other request is answered 404, and the connection ended."""
    lines = read_head(sock).split("\r\n")
    key = next((line.split(": ")[1] for line in lines if line.lower().startswith("sec-websocket-key")), None)
    if key is None:
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        sock.close()
        raise ConnectionError
    accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(opcode, payload=b"", *, fin=True):
    """One frame of a server."""
    first = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        return first + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return first + b"\x7e" + struct.pack(">H", len(payload)) + payload
    return first + b"\x7f" + struct.pack(">Q", len(payload)) + payload


def until_gone(sock):
    """Read until the client has gone."""
    while sock.recv(65536):
        """What it sends is of no interest."""


class Playing(LiveServer):
    """A server of our choice, as ``LiveServer`` runs its own."""

    def __init__(self, server):
        super().__init__()
        self._server = server
        self.http_url = ""

    def __enter__(self):
        super().__enter__()
        self.http_url = self.url.removesuffix("/api/live/ws").replace("ws://", "http://")
        return self


@contextlib.contextmanager
def proxying(upstream, *, tls=None, prefix=""):
    """Forward a free port to another, through TLS and below a path where asked for; yield the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    pumps = set()

    async def pump(reader, writer):
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def forward(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, rest = head.split(b" ", 2)
        if not path.startswith(prefix.encode()):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        if b"upgrade: websocket" not in rest.lower():
            rest = rest.replace(b"\r\n", b"\r\nConnection: close\r\n", 1).replace(b"Connection: keep-alive\r\n", b"")
        from_target, to_target = await asyncio.open_connection("127.0.0.1", upstream)
        to_target.write(b" ".join((method, path.removeprefix(prefix.encode()), rest)))
        for ends in ((reader, to_target), (from_target, writer)):
            pumps.add(asyncio.ensure_future(pump(*ends)))

    async def start():
        return await asyncio.start_server(forward, "127.0.0.1", 0, ssl=tls)

    async def stop(server):
        server.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await asyncio.sleep(0.05)

    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
