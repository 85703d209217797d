"""Throughput of the state machines without sockets: a client and a server in memory, in one process."""

import itertools
import time

import msgspec

from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.session.server import ServerProtocol
from liveproto.wire import json_v2
from liveproto.wire import messages as m

ROUNDS = 20_000
CHANNEL = "default/plugin/demo/x"
PAYLOAD = msgspec.Raw(b'{"data":{"values":[["host=a"],[1700000000000],[0.5]]}}')


def connected_pair():
    """A client connected and subscribed to a server."""
    client, server = ClientProtocol(fractions=itertools.repeat(0.5)), ServerProtocol(now=0.0)
    client.subscribe(m.SubscribeRequest(channel=CHANNEL), now=0.0)
    client.connect(m.ConnectRequest(), now=0.0)
    assert client.data_to_send() == [ev.Open()]
    client.receive_open(now=0.0)
    turn(client, server)
    return client, server


def turn(client, server):
    """Carry what either side has to say, and answer what the server is asked."""
    for output in client.data_to_send():
        server.receive_batch(output.data, now=0.0)
    asked = server.events()
    while asked:
        for event in asked:
            match event:
                case ev.ConnectRequested():
                    server.accept(event.ticket, m.ConnectResult(client="c"), now=0.0)
                case ev.SubscribeRequested():
                    server.accept(event.ticket, m.SubscribeResult(), now=0.0)
                case ev.PublishRequested():
                    server.push(m.Push(channel=CHANNEL, pub=m.Publication(data=event.request.data)))
                    server.reply(event.ticket, m.PublishResult())
                case _:
                    pass
        asked = server.events()
    for output in server.data_to_send():
        client.receive_batch(output.data, now=0.0)
    return client.events()


def rate(name, step):
    """Print how often a step runs in a second."""
    start = time.perf_counter()
    for _ in range(ROUNDS):
        step()
    seconds = time.perf_counter() - start
    print(f"{name}: {ROUNDS / seconds:,.0f}/s, {seconds / ROUNDS * 1e6:.1f} us each")


def main():
    """Print throughput of a round trip, of a fan-out and of connecting."""
    client, server = connected_pair()

    def publish():
        client.publish(m.PublishRequest(channel=CHANNEL, data=PAYLOAD), now=0.0)
        assert len(turn(client, server)) == 2

    line = json_v2.encode(m.Reply(push=m.Push(channel=CHANNEL, pub=m.Publication(data=PAYLOAD))))

    def deliver():
        server.push_line(CHANNEL, line)
        server.data_to_send()

    rate("publish, own publication and reply through both machines", publish)
    rate("deliver an encoded publication to one subscriber", deliver)
    rate("connect and subscribe a new pair", connected_pair)


if __name__ == "__main__":
    main()
