"""Pushing into the embedded server from outside: by POST, by WebSocket, and what is listed and given afterwards."""

import contextlib
import gzip
import json
import time

import httpx
import pytest
from servers import Playing

from liveproto.session.server import Timing
from liveproto_conformance.drive.websocket import Ending, NotWebSocketError, open_connection
from liveproto_conformance.fixtures import LiveServer, connected_session
from liveproto_conformance.reference.server import ReferenceServer
from liveproto_conformance.target import Settings

LINE = "cpu,host=a value=1 1600000000000000000"
COLUMNS = ["labels", "time", "value"]
MIB = 1024 * 1024


@pytest.fixture
def server():
    with Playing(ReferenceServer()) as server:
        yield server


@contextlib.contextmanager
def subscribed(server, *channels):
    with connected_session(Settings(url=server.url)) as session:
        for channel in channels:
            session.subscribe(f"default/{channel}")
        yield session


@contextlib.contextmanager
def push_socket(server, path="/api/live/push/telegraf"):
    url = server.url.removesuffix("/api/live/ws") + path
    connection = open_connection(url, headers={}, timeout_s=5, tls=None)
    try:
        yield connection
    finally:
        connection.close()


def post(server, body, path="telegraf", **options):
    return httpx.post(f"{server.http_url}/api/live/push/{path}", content=body, **options)


def names(message):
    return [field["name"] for field in message["schema"]["fields"]]


def test_a_body_is_published_by_channels_and_kept(server):
    with subscribed(server, "stream/telegraf/cpu", "stream/telegraf/mem") as session:
        answer = post(server, f"{LINE}\nmem used=1i 1600000000000000000\n{LINE}\n")
        assert (answer.status_code, answer.content) == (200, b"")
        cpu = session.publication("default/stream/telegraf/cpu")
        mem = session.publication("default/stream/telegraf/mem")
    assert cpu["data"]["values"] == [["host=a"] * 2, [1600000000000] * 2, [1, 1]]
    assert (names(cpu), names(mem)) == (COLUMNS, ["labels", "time", "used"])
    with connected_session(Settings(url=server.url)) as late:
        assert late.subscribe("default/stream/telegraf/cpu").raw["subscribe"] == {"data": cpu}
        assert late.subscribe("1/stream/telegraf/mem").raw["subscribe"] == {"data": mem}
        assert late.subscribe("default/stream/telegraf/disk").raw["subscribe"] == {}


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        ("", "x", 200),
        ("# nothing", "x", 200),
        (LINE, "x?gf_live_frame_format=WIDE", 200),
        (LINE, "x?gf_live_frame_format=wide&gf_live_frame_format=no", 200),
        (LINE, "x?gf_live_frame_format=no&gf_live_frame_format=wide", 400),
        ("cpu", "x?gf_live_frame_format=no", 400),
        (f"{LINE}\ncpu", "x", 500),
        (LINE, "", 404),
        (LINE, "x/y", 404),
    ],
)
def test_answers(server, body, path, status):
    answer = post(server, body, path)
    assert answer.status_code == status
    assert status == 404 or answer.content == b""
    listed = httpx.get(server.http_url + "/api/live/list").json()["channels"]
    assert bool(listed) == (status == 200 and body == LINE)


def test_a_body_is_taken_as_it_was_sent(server):
    assert post(server, gzip.compress(LINE.encode()), headers={"Content-Encoding": "gzip"}).status_code == 500
    assert post(server, LINE, headers={"Content-Encoding": "gzip"}).status_code == 200


def test_a_body_may_be_large(server):
    assert post(server, f"#{'x' * 2 * MIB}\n{LINE}").status_code == 200


def test_a_stream_is_named_as_the_path_decodes(server):
    post(server, LINE, "a%2Fb%20%C3%A9")
    (entry,) = httpx.get(server.http_url + "/api/live/list").json()["channels"]
    assert entry["channel"] == "stream/a/b é/cpu"


def test_the_list_is_that_of_what_was_pushed(server):
    for path, body in (
        ("b", LINE),
        ("a", f"{LINE}\n{LINE.replace('cpu', 'disk io')}"),
        ("a", LINE.replace("a ", "b ")),
    ):
        post(server, body.replace("disk io", r"disk\ io"), path)
    answer = httpx.get(server.http_url + "/api/live/list")
    assert answer.headers["Content-Type"].startswith("application/json")
    entries = answer.json()["channels"]
    rates = {entry["channel"]: entry["minute_rate"] for entry in entries}
    assert list(rates.items()) == [("stream/a/cpu", 2), ("stream/a/disk io", 1), ("stream/b/cpu", 1)]
    assert all(names(entry["data"]) == COLUMNS and list(entry["data"]) == ["schema"] for entry in entries)


def test_both_listeners_serve_the_same_streams():
    with Playing(ReferenceServer()) as server:
        port = server._do(server._server.listen(0))
        assert httpx.post(f"http://127.0.0.1:{port}/api/live/push/x", content=LINE).status_code == 200
        assert len(httpx.get(server.http_url + "/api/live/list").json()["channels"]) == 1


# -- the push WebSocket ------------------------------------------------------------------------------------------------


def test_messages_are_bodies_and_never_answered(server):
    with subscribed(server, "stream/telegraf/cpu") as session, push_socket(server) as pusher:
        for body in ("cpu", LINE, b"\xff", LINE.encode(), ""):
            pusher.send(body)
        first, second = (session.publication("default/stream/telegraf/cpu") for _ in range(2))
        assert (names(first), list(second)) == (COLUMNS, ["data"])
        with pytest.raises(TimeoutError):
            pusher.receive(0.1)


def test_the_parameters_of_the_url_hold_for_every_message(server):
    wide = "/api/live/push/telegraf?gf_live_frame_format=wide"
    with subscribed(server, "stream/telegraf/cpu") as session, push_socket(server, wide) as pusher:
        pusher.send(LINE)
        assert names(session.publication("default/stream/telegraf/cpu")) == ["time", "value"]


@pytest.mark.parametrize("size", [MIB, MIB + 1, 3 * MIB])
def test_a_message_has_at_most_a_mebibyte(server, size):
    with push_socket(server) as pusher:
        pusher.send("#" * (size - len(LINE) - 1) + f"\n{LINE}")
        closed = pusher.wait_closed(0.2 if size == MIB else 5)
    assert (None if closed is None else closed.code) == (None if size == MIB else 1009)
    listed = httpx.get(server.http_url + "/api/live/list").json()["channels"]
    assert bool(listed) == (size == MIB)


def test_what_is_no_websocket_is_refused(server):
    answer = httpx.get(server.http_url + "/api/live/push/telegraf")
    assert (answer.status_code, answer.text) == (400, "Bad Request\n")
    with pytest.raises(NotWebSocketError, match="404"), push_socket(server, "/api/live/push/"):
        """It does not come so far."""


UNANSWERED_S = 3.5
"""More than the time until a ping, and Grafana's 25/9 s for its answer."""


@pytest.fixture
def quick():
    """A server whose pings come every 0.3 s."""
    with Playing(ReferenceServer(timing=Timing(ping_interval_s=0.3, pong_timeout_s=0.1))) as server:
        yield server


def test_who_answers_pings_stays(quick):
    with push_socket(quick) as pusher:
        assert pusher.wait_closed(UNANSWERED_S) is None
        assert len(pusher.pings) >= 8


def test_who_does_not_answer_pings_is_dropped_without_a_close_frame(quick):
    with push_socket(quick) as pusher:
        time.sleep(UNANSWERED_S)
        assert pusher.wait_closed(1).ending in {Ending.RESET, Ending.EOF}


def test_messages_do_not_replace_pongs(quick):
    with push_socket(quick) as pusher:
        for _ in range(12):
            time.sleep(UNANSWERED_S / 12)
            pusher.send("# still here")
        assert pusher.wait_closed(1).ending in {Ending.RESET, Ending.EOF}


def test_without_pings_nobody_is_dropped():
    calm = ReferenceServer(timing=Timing(ping_interval_s=0, pong_timeout_s=0))
    with Playing(calm) as server, push_socket(server) as pusher:
        assert pusher.wait_closed(0.5) is None
        assert pusher.pings == []


def test_a_client_may_ping_and_pong_unasked(server):
    with push_socket(server) as pusher:
        for send in (pusher._protocol.send_ping, pusher._protocol.send_pong):
            send(b"x")
            pusher._flush()
        pusher.send(LINE)
        assert pusher.wait_closed(0.1) is None
    assert len(httpx.get(server.http_url + "/api/live/list").json()["channels"]) == 1


def test_a_stop_ends_push_sockets_at_once():
    with LiveServer() as server, push_socket(server) as pusher:
        start = time.monotonic()
        server.stop()
        assert pusher.wait_closed(5).code == 1001
        assert time.monotonic() - start < 3


def test_a_pusher_that_is_lost_leaves_nothing_behind(server):
    with push_socket(server) as pusher:
        pusher.send(LINE)
        pusher.drop()
    deadline = time.monotonic() + 5
    while server._server._push_sockets and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server._server._push_sockets


# -- the fixture -------------------------------------------------------------------------------------------------------


def test_a_test_of_a_client_pushes_lines():
    with LiveServer() as server, subscribed(server, "stream/telegraf/cpu") as session:
        server.push("telegraf", LINE)
        server.push("telegraf", LINE.encode())
        assert names(session.publication("default/stream/telegraf/cpu")) == COLUMNS
        assert list(session.publication("default/stream/telegraf/cpu")) == ["data"]
        with pytest.raises(ValueError, match="line 2, column 4"):
            server.push("telegraf", f"{LINE}\ncpu")
        session.fence()
        assert json.dumps(session.pushes()) == "[]"
