"""Sessions in short, through a monitor."""

import json

from liveproto.session.monitor import Monitor, Side

SENT, GOT, BINARY, CLOSED, LEFT_BY_CLIENT, PAUSE = "sent", "got", "binary", "closed", "left", "pause"
CONNECT = [(SENT, '{"id":1,"connect":{}}'), (GOT, '{"id":1,"connect":{"client":"u","ping":25,"pong":true}}')]
QUIET = [(SENT, '{"id":1,"connect":{}}'), (GOT, '{"id":1,"connect":{"client":"u"}}')]
SUBSCRIBE = (SENT, '{"id":2,"subscribe":{"channel":"a"}}')
SUBSCRIBED = [SUBSCRIBE, (GOT, '{"id":2,"subscribe":{}}')]
LEAVE = (SENT, '{"id":3,"unsubscribe":{"channel":"a"}}')
LEFT = [*SUBSCRIBED, LEAVE, (GOT, '{"id":3,"unsubscribe":{}}')]
PUB = (GOT, '{"push":{"channel":"a","pub":{"data":1}}}')
ASKED = (SENT, '{"id":2,"rpc":{}}')
PING, PONG = (GOT, "{}"), (SENT, "{}")


def push(**kinds):
    return (GOT, json.dumps({"push": {"channel": "a", **kinds}}))


def subscribe(id_, channel="a", **more):
    return (SENT, json.dumps({"id": id_, "subscribe": {"channel": channel, **more}}))


def subscribed(id_, **result):
    return (GOT, json.dumps({"id": id_, "subscribe": result}))


def unsubscribe(id_):
    return (SENT, json.dumps({"id": id_, "unsubscribe": {"channel": "a"}}))


def unsubscribed(id_):
    return (GOT, json.dumps({"id": id_, "unsubscribe": {}}))


def error(code, message="why", *, id_=2, **more):
    return (GOT, json.dumps({"id": id_, "error": {"code": code, "message": message, **more}}))


def close(code, reason):
    return (CLOSED, code, reason)


def watched(steps, **options):
    """Return the monitor of a session; ``(PAUSE, s)`` lets time pass, everything else takes none."""
    monitor = Monitor(**options)
    now = 0.0
    for kind, *what in steps:
        match kind:
            case "pause":
                now += what[0]
                monitor.finish(now=now)
            case "closed":
                monitor.receive_close(Side.SERVER, *what, now=now)
            case "left":
                monitor.receive_close(Side.CLIENT, 1000, "", now=now)
            case "sent":
                monitor.receive_message(Side.CLIENT, what[0], now=now)
            case "binary":
                monitor.receive_message(Side.SERVER, what[0].encode(), now=now)
            case _:
                monitor.receive_message(Side.SERVER, what[0], now=now)
    return monitor


def broken(steps, side, **options):
    """Return the rules that one side broke."""
    return {finding.requirement for finding in watched(steps, **options).findings() if finding.side is side}
