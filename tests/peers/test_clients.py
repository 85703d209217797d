"""The SDKs against the embedded server: centrifuge-js, which is Grafana's own frontend's, and centrifuge-python.

Both are told to do the same; what each reports is written out, because that is where they differ.
"""

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from scripted import socket_url

from liveproto_conformance.launch import embedded

CHANNEL = "default/plugin/liveproto/x"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CONNECTING = {"event": "connecting", "code": 0, "reason": "connect called"}
SUBSCRIBING = {"event": "subscribing", "channel": CHANNEL, "code": 0, "reason": "subscribe called"}
LOST = {"event": "subscribing", "channel": CHANNEL, "code": 1, "reason": "transport closed"}
UNSUBSCRIBED = {"event": "unsubscribed", "channel": CHANNEL, "code": 0, "reason": "unsubscribe called"}
DISCONNECTED = {"event": "disconnected", "code": 0, "reason": "disconnect called"}


@attrs.frozen(kw_only=True)
class Sdk:
    """One SDK: the fixture that has its command, and how it words what happens."""

    fixture: str
    connected: dict[str, Any]
    subscribed: dict[str, Any]
    publication: dict[str, Any]
    error: dict[str, Any]
    payload: str
    """How the payload of the session test stands on the wire, byte for byte as the SDK wrote it."""
    is_refusal: Callable[[dict[str, Any]], bool]
    """Whether an error says that nobody listened."""


JS = Sdk(
    fixture="js_command",
    connected={"transport": "websocket"},
    subscribed={
        "positioned": False,
        "recoverable": False,
        "wasRecovering": False,
        "recovered": False,
        "hasRecoveredPublications": False,
    },
    publication={},
    error={},
    payload='{"n":[1,"é"]}',
    is_refusal=lambda error: (
        error
        == {"event": "error", "type": "transport", "transport": "websocket", "code": 2, "message": "transport closed"}
    ),
)
PYTHON = Sdk(
    fixture="python_command",
    connected={"version": "", "data": None},
    subscribed={
        "recoverable": False,
        "positioned": False,
        "stream_position": None,
        "was_recovering": False,
        "recovered": False,
        "data": None,
    },
    publication={"offset": 0, "info": None, "tags": {}, "delta": False},
    error={"temporary": False},
    payload='{"n": [1, "\\u00e9"]}',
    is_refusal=lambda error: error["code"] == 2 and "Connect call failed" in error["message"],
)


@pytest.fixture(params=[JS, PYTHON], ids=["centrifuge-js", "centrifuge-python"])
def sdk(request):
    return request.param


@pytest.fixture
def start(request, sdk, start_client):
    command = request.getfixturevalue(sdk.fixture)
    return lambda url: start_client(command, socket_url(url), CHANNEL)


def connected(sdk, client):
    return {"event": "connected", "client": client, **sdk.connected}


def subscribed(sdk):
    return {"event": "subscribed", "channel": CHANNEL, **sdk.subscribed}


def publication(sdk, data):
    return {"event": "publication", "channel": CHANNEL, "data": data, **sdk.publication}


def subscribe(client):
    """Connect and subscribe; return the client id the server gave."""
    client.do("connect")
    id_ = client.wait("connected")["client"]
    assert UUID.fullmatch(id_)
    client.do("subscribe")
    client.wait("subscribed")
    return id_


def test_a_session_from_connect_to_disconnect(sdk, start, embedded_urls):
    client = start(embedded_urls[0])
    id_ = subscribe(client)
    assert client.do("publish", data={"n": [1, "é"]}) == {"event": "done", "do": "publish", "ok": True}
    client.do("unsubscribe")
    client.wait("raw", dir="in", data='{"id":4,"unsubscribe":{}}')
    client.do("disconnect")
    client.wait("disconnected")
    assert client.story() == [
        CONNECTING,
        connected(sdk, id_),
        SUBSCRIBING,
        subscribed(sdk),
        publication(sdk, {"n": [1, "é"]}),
        UNSUBSCRIBED,
        DISCONNECTED,
    ]
    assert client.errors() == []
    assert client.lines("in") == [
        f'{{"id":1,"connect":{{"client":"{id_}","ping":25,"pong":true}}}}',
        '{"id":2,"subscribe":{}}',
        f'{{"push":{{"channel":"{CHANNEL}","pub":{{"data":{sdk.payload}}}}}}}',
        '{"id":3,"publish":{}}',
        '{"id":4,"unsubscribe":{}}',
    ]


def test_what_is_pushed_before_the_connect_reply_is_let_pass(start):
    early = []
    with embedded("--twin", "permissive") as (url, _):
        for _ in range(6):
            client = start(url)
            subscribe(client)
            early.append("push" in json.loads(client.lines("in")[0]))
            assert client.errors() == []
    assert any(early)


def test_nothing_arrives_after_unsubscribing(sdk, start, embedded_urls):
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
    assert [e for e in subscriber.story() if e["event"] == "publication"] == [publication(sdk, 1), publication(sdk, 3)]


def test_an_absent_handler_is_error_108(sdk, start, embedded_urls):
    client = start(embedded_urls[0])
    client.do("connect")
    client.wait("connected")
    answer = client.do("rpc", method="grafana.query", data={})
    assert answer == {
        "event": "done",
        "do": "rpc",
        "ok": False,
        "error": {"code": 108, "message": "not available", **sdk.error},
    }


def test_pings_are_answered_and_keep_the_connection(sdk, start, embedded_urls):
    client = start(embedded_urls[1])
    id_ = subscribe(client)
    for _ in range(2):
        client.wait("raw", dir="in", data="{}")
        client.wait("raw", dir="out", data="{}")
    client.do("publish", data=1)
    client.wait("publication")
    assert client.story() == [CONNECTING, connected(sdk, id_), SUBSCRIBING, subscribed(sdk), publication(sdk, 1)]
    assert client.lines("in")[0] == f'{{"id":1,"connect":{{"client":"{id_}","ping":2,"pong":true}}}}'


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [(signal.SIGTERM, 3001, "shutdown"), (signal.SIGKILL, 1, "transport closed")],
    ids=["shutdown", "killed"],
)
def test_a_restart_is_survived_with_the_subscription(sdk, start, start_server, number, code, reason):
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
        connected(sdk, first),
        SUBSCRIBING,
        subscribed(sdk),
        LOST,
        {"event": "connecting", "code": code, "reason": reason},
        connected(sdk, second),
        subscribed(sdk),
        publication(sdk, 2),
    ]
    assert all(map(sdk.is_refusal, client.errors()))
