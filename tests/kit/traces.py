"""Traces for tests of the tools that read them."""

import json

from liveproto_conformance.traces.trace import TraceWriter

CONNECT = (">", "text", b'{"id":1,"connect":{}}')
CONNECTED = ("<", "text", b'{"id":1,"connect":{"client":"u","ping":25,"pong":true}}')
SUBSCRIBE = (">", "text", b'{"id":2,"subscribe":{"channel":"a/b/c"}}')
SUBSCRIBED = ("<", "text", b'{"id":2,"subscribe":{}}')
PUBLICATION = ("<", "text", b'{"push":{"channel":"a/b/c","pub":{"data":{"n":1}}}}')
CLEAN = (CONNECT, CONNECTED, SUBSCRIBE, SUBSCRIBED, PUBLICATION)


def write_trace(path, *events, command="record", check="", connection=1):
    """Write events, each a direction, a kind, a payload and perhaps a connection, and return the path."""
    with TraceWriter(path, {"command": command, "target": "http://h"}) as trace:
        for direction, kind, payload, *number in events:
            trace.write(number[0] if number else connection, direction, kind, payload, check, 0)
    return path


def close(code, reason="", direction="<"):
    """The event of a close."""
    return (direction, "close", json.dumps([code, reason]).encode())
