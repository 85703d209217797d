"""centrifuge-python against the embedded server: exactly what it reports."""

import re
import signal

import pytest
from scripted import socket_url

CHANNEL = "default/plugin/liveproto/x"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CONNECTING = {"event": "connecting", "code": 0, "reason": "connect called"}
SUBSCRIBING = {"event": "subscribing", "channel": CHANNEL, "code": 0, "reason": "subscribe called"}
LOST = {"event": "subscribing", "channel": CHANNEL, "code": 1, "reason": "transport closed"}
UNSUBSCRIBED = {"event": "unsubscribed", "channel": CHANNEL, "code": 0, "reason": "unsubscribe called"}
DISCONNECTED = {"event": "disconnected", "code": 0, "reason": "disconnect called"}
SUBSCRIBED = {
    "event": "subscribed",
    "channel": CHANNEL,
    "recoverable": False,
    "positioned": False,
    "stream_position": None,
    "was_recovering": False,
    "recovered": False,
    "data": None,
}


def connected(client):
    return {"event": "connected", "client": client, "version": "", "data": None}


def publication(data):
    return {
        "event": "publication",
        "channel": CHANNEL,
        "offset": 0,
        "data": data,
        "info": None,
        "tags": {},
        "delta": False,
    }


@pytest.fixture
def start(start_client, python_command):
    return lambda url: start_client(python_command, socket_url(url), CHANNEL)


def subscribe(client):
    """Connect and subscribe; return the client id the server gave."""
    client.do("connect")
    id_ = client.wait("connected")["client"]
    assert UUID.fullmatch(id_)
    client.do("subscribe")
    client.wait("subscribed")
    return id_


def test_a_session_from_connect_to_disconnect(start, embedded_urls):
    client = start(embedded_urls[0])
    id_ = subscribe(client)
    assert client.do("publish", data={"n": [1, "é"]}) == {"event": "done", "do": "publish", "ok": True}
    client.do("unsubscribe")
    client.wait("raw", dir="in", data='{"id":4,"unsubscribe":{}}')
    client.do("disconnect")
    client.wait("disconnected")
    assert client.story() == [
        CONNECTING,
        connected(id_),
        SUBSCRIBING,
        SUBSCRIBED,
        publication({"n": [1, "é"]}),
        UNSUBSCRIBED,
        DISCONNECTED,
    ]
    assert client.errors() == []
    assert client.lines("in") == [
        f'{{"id":1,"connect":{{"client":"{id_}","ping":25,"pong":true}}}}',
        '{"id":2,"subscribe":{}}',
        # The payload comes back byte for byte, with the spaces and escapes of Python's json.
        f'{{"push":{{"channel":"{CHANNEL}","pub":{{"data":{{"n": [1, "\\u00e9"]}}}}}}}}',
        '{"id":3,"publish":{}}',
        '{"id":4,"unsubscribe":{}}',
    ]


def test_nothing_arrives_after_unsubscribing(start, embedded_urls):
    subscriber, publisher = start(embedded_urls[0]), start(embedded_urls[0])
    subscribe(subscriber)
    publisher.do("connect")
    publisher.wait("connected")
    publisher.do("publish", data=1)
    subscriber.wait("publication", data=1)
    subscriber.do("unsubscribe")
    subscriber.wait("raw", dir="in", data='{"id":3,"unsubscribe":{}}')
    publisher.do("publish", data=2)
    subscriber.do("subscribe")
    subscriber.wait("subscribed")
    publisher.do("publish", data=3)
    subscriber.wait("publication", data=3)
    assert [e for e in subscriber.story() if e["event"] == "publication"] == [publication(1), publication(3)]


def test_an_absent_handler_is_error_108(start, embedded_urls):
    client = start(embedded_urls[0])
    client.do("connect")
    client.wait("connected")
    answer = client.do("rpc", method="grafana.query", data={})
    assert answer == {
        "event": "done",
        "do": "rpc",
        "ok": False,
        "error": {"code": 108, "message": "not available", "temporary": False},
    }


def test_pings_are_answered_and_keep_the_connection(start, embedded_urls):
    client = start(embedded_urls[1])
    id_ = subscribe(client)
    for _ in range(2):
        client.wait("raw", dir="in", data="{}")
        client.wait("raw", dir="out", data="{}")
    client.do("publish", data=1)
    client.wait("publication")
    assert client.story() == [CONNECTING, connected(id_), SUBSCRIBING, SUBSCRIBED, publication(1)]
    assert client.lines("in")[0] == f'{{"id":1,"connect":{{"client":"{id_}","ping":2,"pong":true}}}}'


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [(signal.SIGTERM, 3001, "shutdown"), (signal.SIGKILL, 1, "transport closed")],
    ids=["shutdown", "killed"],
)
def test_a_restart_is_survived_with_the_subscription(start, start_server, number, code, reason):
    server = start_server()
    client = start(server.url)
    first = subscribe(client)
    server.end(number)
    client.wait("connecting", code=code)
    start_server(port=server.port)
    second = client.wait("connected")["client"]
    client.wait("subscribed")
    client.do("publish", data=2)
    client.wait("publication")
    assert second != first
    assert client.story() == [
        CONNECTING,
        connected(first),
        SUBSCRIBING,
        SUBSCRIBED,
        LOST,
        {"event": "connecting", "code": code, "reason": reason},
        connected(second),
        SUBSCRIBED,
        publication(2),
    ]
    assert all(error["code"] == 2 and "Connect call failed" in error["message"] for error in client.errors())
