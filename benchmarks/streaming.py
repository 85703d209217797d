"""A stream under load: what is pushed reaches every subscriber of the embedded server once and in order.

``python benchmarks/streaming.py`` pushes 3,000 points ten times a second for a minute to 50 subscribers, each of them a
``ClientProtocol`` that reads every frame. Claims: nothing is missed, nothing comes twice or out of order, and the pace
is kept. Prints what was delivered and how late, and exits 1 where a claim does not hold.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import sys
import time

import aiohttp

from liveproto import ClientProtocol
from liveproto.frames import frame_json
from liveproto.session import events as ev
from liveproto.wire.messages import ConnectRequest, SubscribeRequest
from liveproto_conformance.launch import embedded

CHANNEL = "default/stream/load/points"
LINES, FIELDS = 300, 10
PUSHES_PER_S = 10
MIN_PACE = 0.95
PATIENCE_S = 20.0
START_NS = 1_750_000_000_000_000_000


class Subscriber:
    """One connection, and the numbers of the pushes it has seen."""

    def __init__(self, count):
        self.count = count
        self.client = ClientProtocol(fractions=itertools.repeat(0.5))
        self.subscribed, self.complete = asyncio.Event(), asyncio.Event()
        self.schema = None
        self.seen = []
        self.late_s = []

    async def run(self, session, url, pushed_at):
        """Connect, subscribe and read until the task is ended."""
        self.client.connect(ConnectRequest(name="benchmark"), now=time.monotonic())
        self.client.subscribe(SubscribeRequest(channel=CHANNEL), now=time.monotonic())
        async with session.ws_connect(url, compress=0, max_msg_size=0) as socket:
            self.client.data_to_send()
            self.client.receive_open(now=time.monotonic())
            await self._settle(socket, pushed_at)
            async for message in socket:
                self.client.receive_batch(message.data, now=time.monotonic())
                await self._settle(socket, pushed_at)

    async def _settle(self, socket, pushed_at):
        for output in self.client.data_to_send():
            assert isinstance(output, ev.Batch), f"expected to stay connected, got {output}"
            await socket.send_str(output.data.decode())
        for event in self.client.events():
            if isinstance(event, ev.Subscribed):
                self.subscribed.set()
            elif isinstance(event, ev.PublicationReceived):
                self._read(bytes(event.publication.data), pushed_at)

    def _read(self, data, pushed_at):
        message = frame_json.read_message(data, self.schema)
        self.schema = message.frame if message.has_schema else self.schema
        numbers = next(field.values for field in message.frame.fields if field.name == "f0")
        assert numbers == numbers[:1] * LINES, "expected one push in a publication"
        self.seen.append(int(numbers[0]))
        self.late_s.append(time.monotonic() - pushed_at[self.seen[-1]])
        if len(self.seen) == self.count:
            self.complete.set()


def body(number):
    """The lines of one push: its number in a field of every line."""
    values = ",".join([f"f{field}={field}.{number}" for field in range(1, FIELDS)])
    at = START_NS + number * 10**9 // PUSHES_PER_S
    return "\n".join([f"points,host=h{line} f0={number},{values} {at}" for line in range(LINES)])


async def push(session, url, count, pushed_at):
    """Push bodies at the pace; return how long it took."""
    start = time.monotonic()
    for number in range(count):
        await asyncio.sleep(start + number / PUSHES_PER_S - time.monotonic())
        pushed_at.append(time.monotonic())
        async with session.post(url, data=body(number)) as response:
            assert response.status == 200, f"expected 200, got {response.status}"
    return time.monotonic() - start


async def load(base, subscribers, count):
    """Run the load; return the subscribers and the seconds that pushing took."""
    listeners = [Subscriber(count) for _ in range(subscribers)]
    pushed_at = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.run(session, f"{base}/api/live/ws", pushed_at)) for each in listeners]
        await asyncio.wait_for(asyncio.gather(*(each.subscribed.wait() for each in listeners)), PATIENCE_S)
        took_s = await push(session, f"{base}/api/live/push/load", count, pushed_at)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(each.complete.wait() for each in listeners)), PATIENCE_S)
        for task in tasks:
            task.cancel()
    return listeners, took_s


def main():
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    count = round(options.seconds * PUSHES_PER_S)
    with embedded() as (url, _):
        listeners, took_s = asyncio.run(load(url, options.subscribers, count))
    expected = list(range(count))
    wrong = [each for each in listeners if each.seen != expected]
    late_s = sorted(late for each in listeners for late in each.late_s)
    pace = count / took_s
    print(f"{count:,} pushes of {LINES * FIELDS:,} points, {pace:.1f} a second, {len(body(0)) / 1000:.0f} kB each")
    print(f"{len(late_s):,} of {count * len(listeners):,} deliveries to {len(listeners)} subscribers")
    if late_s:
        median_ms, most_ms = statistics.median(late_s) * 1e3, late_s[-1] * 1e3
        print(f"late by {median_ms:.0f} ms in the median, {most_ms:.0f} ms at most")
    for each in wrong:
        print(f"missed {len(set(expected) - set(each.seen))}, repeated {len(each.seen) - len(set(each.seen))}")
    return 0 if not wrong and pace >= MIN_PACE * PUSHES_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
