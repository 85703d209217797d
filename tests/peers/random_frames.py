"""Data frames of every field type, made from one seed: comparable input for readers and writers of frame JSON."""

import random
import struct

import msgspec

from liveproto.frames.frame import DataFrame, Field, FieldType

INTEGERS = {
    FieldType.INT8: (-(2**7), 2**7 - 1),
    FieldType.INT16: (-(2**15), 2**15 - 1),
    FieldType.INT32: (-(2**31), 2**31 - 1),
    FieldType.INT64: (-(2**63), 2**63 - 1),
    FieldType.UINT8: (0, 2**8 - 1),
    FieldType.UINT16: (0, 2**16 - 1),
    FieldType.UINT32: (0, 2**32 - 1),
    FieldType.UINT64: (0, 2**64 - 1),
    FieldType.ENUM: (0, 2),
}
TEXTS = (
    "",
    "a",
    "cpu load",
    "<b>&'\"",
    "back\\slash",
    "tab\tnewline\n",
    "nul\x00\x7f",
    "é€",
    "🦥",
    "\u2028\u2029",
    "NaN",
    "a=1, b=2",
)
FLOATS = (
    0.0, -0.0, 1.0, -1.5, 0.1, 1e-7, 9.5e-7, 1e-6, 123456.7, 1e20, 1e21, 1.5e300, 5e-324, 2.0**53 + 2,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TIMES = (
    0,
    1,
    -1,
    999_999,
    1_000_000,
    -1_000_000,
    1_718_000_000_000_000_000,
    1_718_000_000_123_456_789,
    2**63 - 1,
    -(2**62),
)
JSONS = (b'{"a":1}', b"[]", b'"text"', b"0.5", b"true", b'{"b":[1,2,{"c":null}]}')
CONFIGS = (
    {},
    {"displayName": "Käse"},
    {"unit": "ms", "decimals": 2, "min": 0, "max": 100.5},
    {"custom": {"a": [1, 2]}},
    {"noValue": "<none>"},
)
LABELS = ({}, {"host": "a"}, {"b": "2", "a": "1"}, {"k": "<x>&", "é": "ü"})
METAS = (
    {"custom": {"x": 1}},
    {"channel": "ds/uid/path"},
    {"type": "timeseries-wide", "typeVersion": [0, 1]},
    {"notices": [{"severity": "warning", "text": "<careful>"}]},
    {"executedQueryString": "SELECT 1 < 2"},
    {},
)


def random_frames(seed, count):
    rng = random.Random(seed)
    return [random_frame(rng) for _ in range(count)]


def random_frame(rng):
    rows = rng.choice((0, 1, 2, 5, 9))
    fields = tuple(random_field(rng, rows) for _ in range(rng.randrange(7)))
    meta = rng.choice((None, None, *METAS))
    return DataFrame(rng.choice(TEXTS), fields, rng.choice(("", "A")), meta)


def random_field(rng, rows):
    kind = rng.choice(list(FieldType))
    nullable = rng.random() < 0.5
    values = [None if nullable and rng.random() < 0.3 else random_value(rng, kind) for _ in range(rows)]
    config = rng.choice((None, None, *CONFIGS))
    if kind is FieldType.ENUM:
        config = {"type": {"enum": {"text": ["off", "on", "broken"]}}}
    return Field(rng.choice(TEXTS), kind, values, nullable, rng.choice((None, None, *LABELS)), config)


def random_value(rng, kind):
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return rng.choice((low, high, 0, rng.randint(low, high)))
    if kind is FieldType.FLOAT64:
        return rng.choice((*FLOATS, rng.uniform(-1000, 1000)))
    if kind is FieldType.FLOAT32:
        return struct.unpack(
            "<f", struct.pack("<f", rng.choice((0.5, 1e20, -3.25, 1e-7, float("nan"), float("-inf"))))
        )[0]
    return {
        FieldType.STRING: lambda: rng.choice(TEXTS),
        FieldType.BOOL: lambda: rng.random() < 0.5,
        FieldType.TIME: lambda: rng.choice((*TIMES, rng.randint(0, 2**62))),
        FieldType.JSON: lambda: msgspec.Raw(rng.choice(JSONS)),
    }[kind]()
