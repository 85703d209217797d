"""Decoding and encoding, beside what else one could use; ratios are of the best of several rounds within this run.

Claims: within 1.5 times of bare msgspec (split on newline, decode a line), at least 5 times as fast as
centrifuge-python's codec on the batch of 50, both directions together; reading alone is near 5 times, which is what
bare msgspec reaches. Exits 1 where one does not hold.
"""

import json
import sys
import timeit

import msgspec
import orjson
from centrifuge.codecs import _JsonCodec as CentrifugeCodec

from liveproto.wire import json_v2
from liveproto.wire.messages import Publication, Push, Reply

ROUNDS = 15
ROUND_S = 0.02
MAX_OVER_MSGSPEC = 1.5
MIN_OVER_CENTRIFUGE = 5.0


def push(size):
    """One push of at least ``size`` bytes: rows of a managed stream that Telegraf's cpu plugin fills."""
    rows = 0
    while True:
        rows += 1
        columns = [
            [f"cpu=cpu{row}, host=server0{row}" for row in range(rows)],
            [1700000000000] * rows,
            [97.78869778869 / (row + 1) for row in range(rows)],
            [1.2285012285012 + row / 7 for row in range(rows)],
        ]
        data = {"data": {"values": columns}}
        value = {"push": {"channel": "default/stream/telegraf/cpu", "pub": {"data": data}}}
        line = json.dumps(value, separators=(",", ":")).encode()
        if len(line) >= size:
            return line


MESSAGES = {"push": push(164), "large push": push(21_000), "batch of 50": b"\n".join([push(164)] * 50)}
typed = msgspec.json.Decoder(Reply)
encoder = msgspec.json.Encoder()


def best_us(function, *arguments):
    """Microseconds of one call, the best of several rounds."""
    timer = timeit.Timer(lambda: function(*arguments))
    number = max(1, int(ROUND_S / max(timer.timeit(5) / 5, 1e-7)))
    return min(timer.repeat(ROUNDS, number)) / number * 1e6


def decoders(data):
    """Every way to read a message, by name."""
    text = data.decode()
    return {
        "liveproto": lambda: json_v2.decode_replies(data),
        "msgspec": lambda: [typed.decode(line) for line in data.split(b"\n")],
        "orjson": lambda: [orjson.loads(line) for line in data.split(b"\n")],
        "json": lambda: [json.loads(line) for line in data.split(b"\n")],
        "centrifuge-python": lambda: CentrifugeCodec.decode_replies(text),
    }


def encoders(data):
    """Every way to write a message, by name; each from the records or objects its users hold."""
    records = json_v2.decode_replies(data).records
    objects = [json.loads(line) for line in data.split(b"\n")]
    assert isinstance(records[0].push, Push)
    assert isinstance(records[0].push.pub, Publication)
    return {
        "liveproto": lambda: json_v2.encode_batch(records) if len(records) > 1 else json_v2.encode(records[0]),
        "msgspec": lambda: b"\n".join([encoder.encode(record) for record in records]),
        "orjson": lambda: b"\n".join([orjson.dumps(value) for value in objects]),
        "json": lambda: "\n".join([json.dumps(value) for value in objects]),
        "centrifuge-python": lambda: CentrifugeCodec.encode_commands(objects),
    }


def main():
    """Print a table and say which claim does not hold."""
    broken, ours_us, theirs_us = [], 0.0, 0.0
    for verb, makers in (("decode", decoders), ("encode", encoders)):
        for name, data in MESSAGES.items():
            times = {who: best_us(function) for who, function in makers(data).items()}
            ours = times["liveproto"]
            row = "  ".join(f"{who} {us:.2f} us ({us / ours:.2f}x)" for who, us in times.items())
            print(f"{verb} {name}, {len(data)} bytes: {row}")
            if ours > MAX_OVER_MSGSPEC * times["msgspec"]:
                broken.append(f"{verb} {name}: {ours / times['msgspec']:.2f} times msgspec")
            if name.startswith("batch"):
                ours_us, theirs_us = ours_us + ours, theirs_us + times["centrifuge-python"]
    print(f"decode and encode the batch: {theirs_us / ours_us:.2f} times as fast as centrifuge-python")
    if theirs_us < MIN_OVER_CENTRIFUGE * ours_us:
        broken.append(f"batch: only {theirs_us / ours_us:.2f} times centrifuge-python")
    print("\n".join(broken) or "every claim holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
