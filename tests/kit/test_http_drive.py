"""The kit's HTTP requests: over in their time and bounded in size, whatever the target sends."""

import socket
import ssl
import time

import pytest
from servers import respond, self_signed, serving

from liveproto_conformance.drive.http import MAX_BODY_BYTES, Answer, HttpClient, grafana_version
from liveproto_conformance.target import Settings, tls_context


def client(port, *, timeout_s=2.0, scheme="http"):
    tls = tls_context(Settings(insecure=True))
    return HttpClient(f"{scheme}://127.0.0.1:{port}", headers={}, tls=tls, timeout_s=timeout_s)


def trickling(before):
    """Answer with these bytes, and then with one byte after the other."""

    def handle(sock):
        sock.recv(4096)
        sock.sendall(before)
        while True:
            sock.sendall(b"x")
            time.sleep(0.02)

    return handle


@pytest.mark.parametrize(
    "before", [b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"]
)
def test_an_answer_that_trickles_is_over_in_time(before):
    with serving(trickling(before)) as port:
        start = time.monotonic()
        answer = client(port, timeout_s=0.3).get("/")
        assert time.monotonic() - start < 2
    assert answer == Answer(0, "no whole answer within 0.3 s")
    assert str(answer) == "no whole answer within 0.3 s"


def test_a_handshake_of_tls_that_trickles_is_over_in_time():
    with serving(trickling(b"\x16\x03\x03\x40\x00")) as port:
        start = time.monotonic()
        assert client(port, timeout_s=0.3, scheme="https").get("/").status == 0
        assert time.monotonic() - start < 2


def test_an_answer_through_tls_that_trickles_is_over_in_time(tmp_path):
    key, certificate = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    handle = trickling(b"HTTP/1.1 200 OK\r\nX-A: ")
    with serving(handle, wrap=lambda sock: server.wrap_socket(sock, server_side=True)) as port:
        start = time.monotonic()
        answer = client(port, timeout_s=0.5, scheme="https").get("/")
        assert time.monotonic() - start < 2
    assert answer == Answer(0, "no whole answer within 0.5 s")


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 100_000])
def test_no_more_of_a_body_is_read_than_was_asked_for(size):
    with serving(respond("200 OK", b"x" * size)) as port:
        assert client(port).get("/", max_bytes=1000) == Answer(200, "x" * min(size, 1000), whole=size <= 1000)


def test_a_body_that_never_ends_is_cut():
    def handle(sock):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)

    with serving(handle) as port:
        assert client(port).get("/") == Answer(200, "x" * MAX_BODY_BYTES, whole=False)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"version":' * 50_000, b"\xff\xfe", b'{"version":NaN}', b'{"version":["x"]}']
)
def test_no_version_is_read_of_a_body_that_has_none(body):
    with serving(respond("200 OK", body)) as port:
        assert grafana_version(client(port)) is None


def requested(port, url="http://127.0.0.1:{port}/base", headers=None):
    """Post to a server that says what it was asked, and return that."""
    asking = HttpClient(url.format(port=port), headers=headers or {}, tls=ssl.create_default_context(), timeout_s=2.0)
    head, _, body = asking.post("/push", "é", "text/plain").body.partition("\r\n\r\n")
    return head.split("\r\n"), body


def repeat(sock):
    """Answer with the request itself."""
    asked = sock.recv(4096)
    sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked)


def test_a_request_names_its_host_and_the_size_of_its_body():
    with serving(repeat) as port:
        head, body = requested(port)
    assert head == [
        "POST /base/push HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept-Encoding: identity",
        "Content-Type: text/plain",
        "Content-Length: 2",
    ]
    assert body == "é"


def test_a_header_that_was_given_replaces_its_like_in_any_case():
    with serving(repeat) as port:
        head, _ = requested(port, headers={"host": "grafana", "X-Org": "1"})
    assert [line for line in head if line.lower().startswith(("host", "x-org"))] == ["host: grafana", "X-Org: 1"]


def test_a_password_in_the_url_is_no_part_of_the_host():
    with serving(repeat) as port:
        head, _ = requested(port, "http://name:secret@127.0.0.1:{port}")
    assert f"Host: 127.0.0.1:{port}" in head


def test_a_header_that_http_does_not_know_is_said_to_be_the_fault():
    with serving(repeat) as port:
        asking = HttpClient(
            f"http://127.0.0.1:{port}", headers={"X": "a\nb"}, tls=ssl.create_default_context(), timeout_s=2.0
        )
        assert asking.get("/") == Answer(0, "LocalProtocolError: Illegal header value b'a\\nb'")


@pytest.mark.parametrize(
    "answered", [b"", b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"SSH-2.0-x\r\n\r\n"]
)
def test_what_is_no_whole_answer_is_none(answered):
    def handle(sock):
        sock.recv(4096)
        sock.sendall(answered)
        sock.shutdown(socket.SHUT_WR)

    with serving(handle) as port:
        answer = client(port).get("/")
    assert (answer.status, answer.body.partition(":")[0]) == (0, "RemoteProtocolError")


def test_a_redirect_is_an_answer_and_not_followed():
    with serving(respond("302 Found", headers="Location: /login\r\n")) as port:
        answer = client(port).get("/api/health")
    assert (answer.status, answer.ok) == (302, False)
