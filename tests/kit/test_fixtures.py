"""``LiveServer``, as tests of clients use it, and sessions for tests of servers."""

import threading
import time

import pytest

from liveproto_conformance.drive.websocket import open_connection
from liveproto_conformance.fixtures import LiveServer, connected_session
from liveproto_conformance.session import Session
from liveproto_conformance.target import Settings

CHANNEL = "default/plugin/x/y"


@pytest.fixture
def server():
    with LiveServer() as server:
        yield server


def session_with(server):
    return connected_session(Settings(url=server.url))


def test_a_session_is_connected(server):
    with session_with(server) as session:
        assert isinstance(session, Session)
        assert session.client
        session.still_serves()
    assert session.connection.closed is not None


def test_publications_reach_subscribers(server):
    with session_with(server) as session:
        session.subscribe(CHANNEL)
        server.publish(CHANNEL, {"text": "é\n", "number": 2**60})
        assert session.publication(CHANNEL) == {"text": "é\n", "number": 2**60}
        server.publish("default/plugin/x/other", 1)
        session.fence()
        assert session.pushes() == []


def test_every_connection_is_disconnected_with_the_code(server):
    with session_with(server) as one, session_with(server) as two:
        server.disconnect(3005, "force disconnect")
        for session in (one, two):
            closed = session.closed()
            assert (closed.code, closed.reason) == (3005, "force disconnect")
    with session_with(server) as session:
        session.still_serves()


def test_a_server_stops_and_starts_again_at_its_url(server):
    url = server.url
    with session_with(server) as session:
        server.stop()
        assert session.closed().code == 3001
    server.stop()
    with pytest.raises(OSError, match="refused"):
        open_connection(url, headers={}, timeout_s=2, tls=None)
    server.restart()
    assert server.url == url
    server.restart()
    with session_with(server) as session:
        session.subscribe(CHANNEL)
        server.publish(CHANNEL, 1)
        assert session.publication(CHANNEL) == 1


def test_what_clients_sent_is_kept_in_order_and_given_as_a_copy(server):
    with session_with(server) as session:
        session.fence()
        received = server.received
        assert received[0] == '{"id":1,"connect":{}}'
        assert "unsubscribe" in received[1]
        received.clear()
        assert len(server.received) == 2


def test_a_stop_is_quick_with_clients_connected(server):
    with session_with(server), session_with(server):
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 3


def test_servers_are_apart_and_leave_no_thread():
    before = threading.active_count()
    with LiveServer() as one, LiveServer() as two:
        assert one.url != two.url
        with session_with(one):
            assert (len(one.received), len(two.received)) == (1, 0)
    assert threading.active_count() == before


def test_a_channel_without_prefix_cannot_be_published_to(server):
    with pytest.raises(ValueError, match="plugin"):
        server.publish("plugin", 1)
