"""Laws of frame JSON, against a model of Go's writer made of the requirements and Python's own json."""

import json
import math
import struct
from contextlib import suppress

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from liveproto.errors import FrameError
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.frames.frame_json import decode, decode_data, encode, encode_data, encode_schema

INTEGERS = {f"{sign}int{bits}": (sign, bits) for sign in ("", "u") for bits in (8, 16, 32, 64)}
NAMES = {"NaN": math.isnan, "Inf": lambda value: value == math.inf, "NegInf": lambda value: value == -math.inf}

names = st.text(max_size=4)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(names, json_values, max_size=3)


def cells(type_):
    if type_ in INTEGERS:
        sign, bits = INTEGERS[type_]
        return st.integers(0, 2**bits - 1) if sign else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return {
        FieldType.FLOAT32: st.floats(width=32),
        FieldType.FLOAT64: st.floats() | st.floats(-100, 100),
        FieldType.STRING: names,
        FieldType.BOOL: st.booleans(),
        FieldType.TIME: st.integers(-(10**18), 10**18) | st.integers(-(10**12), 10**12).map(lambda ms: ms * 10**6),
        FieldType.JSON: json_values.map(msgspec.json.encode).map(msgspec.Raw),
        FieldType.ENUM: st.integers(0, 2**16 - 1),
    }[type_]


@st.composite
def fields(draw, rows):
    type_, nullable = draw(st.sampled_from(FieldType)), draw(st.booleans())
    cell = cells(type_)
    if type_ is FieldType.JSON and nullable:
        cell = cell.filter(lambda raw: bytes(raw) != b"null")
    values = draw(st.lists(cell | st.none() if nullable else cell, min_size=rows, max_size=rows))
    labels = draw(st.none() | st.dictionaries(names, names, max_size=3))
    return Field(draw(names), type_, values, nullable, labels, draw(st.none() | objects))


@st.composite
def frames(draw):
    rows = draw(st.integers(0, 5))
    columns = tuple(draw(st.lists(fields(rows), max_size=4)))
    meta = draw(st.none() | st.fixed_dictionaries({"typeVersion": st.just([0, 0])}, optional={"custom": json_values}))
    return DataFrame(draw(names), columns, draw(names), meta)


def special(value):
    return isinstance(value, float) and not math.isfinite(value)


def model(frame):
    """The message as plain values, from GL-FRAME-001 to -016."""
    written, entities, nanos = [], [], []
    for field in frame.fields:
        values, rests = list(field.values), None
        if field.type is FieldType.TIME:
            rests = [0 if value is None else value % 10**6 for value in values]
            values = [None if value is None else value // 10**6 for value in values]
        if field.type is FieldType.JSON:
            values = [None if value is None else json.loads(bytes(value)) for value in values]
        found = {
            name: [row for row, value in enumerate(values) if special(value) and test(value)]
            for name, test in NAMES.items()
        }
        written.append([None if special(value) else value for value in values])
        entities.append({name: rows for name, rows in found.items() if rows} or None)
        nanos.append(rests if rests and any(rests) else None)
    data = {"values": written}
    data |= {"entities": entities} if any(entities) else {}
    return data | ({"nanos": nanos} if any(nanos) else {})


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def with_float32s(frame, data):
    """Data as a reader of float32 has them, who rounds what is written."""
    columns = [
        [None if cell is None else float32(cell) for cell in column] if field.type is FieldType.FLOAT32 else column
        for field, column in zip(frame.fields, data["values"], strict=True)
    ]
    return data | {"values": columns}


def same(one, other):
    """Equality in which NaN equals itself, raw JSON its text, and a float32 whatever is rounded to it."""
    return head(one) == head(other) and cells_of(one) == cells_of(other)


def head(frame):
    columns = [(f.name, f.type, f.nullable, f.labels, f.config) for f in frame.fields]
    return json.dumps([frame.name, frame.ref_id, frame.meta, columns], sort_keys=True)


def cells_of(frame):
    return [[cell_of(field.type, value) for value in field.values] for field in frame.fields]


def cell_of(type_, value):
    if isinstance(value, float) and type_ is FieldType.FLOAT32:
        value = float32(value)
    return repr(bytes(value) if isinstance(value, msgspec.Raw) else value)


VARIANTS = (
    lambda frame: frame,
    lambda frame: replace(frame, name=f"{frame.name}x"),
    lambda frame: replace(frame, ref_id=f"{frame.ref_id}x"),
    lambda frame: replace(frame, meta=None),
    lambda frame: replace(frame, fields=frame.fields[::-1]),
    lambda frame: replace(frame, fields=tuple(replace(f, nullable=True) for f in frame.fields)),
    lambda frame: replace(frame, fields=tuple(replace(f, labels={}) for f in frame.fields)),
    lambda frame: replace(frame, fields=tuple(replace(f, config={}) for f in frame.fields)),
    lambda frame: replace(frame, fields=tuple(replace(f, values=[]) for f in frame.fields)),
)


SUM_OVERFLOWS = DataFrame(fields=(Field("", FieldType.FLOAT64, [1.7e308, 1.7e308, None], nullable=True),))
INF_MINUS_INF = DataFrame(fields=(Field("", FieldType.FLOAT64, [math.inf, -math.inf]),))


@given(frame=frames())
@example(SUM_OVERFLOWS)
@example(INF_MINUS_INF)
def test_the_data_are_those_of_the_requirements(frame):
    text = encode_data(frame)
    assert with_float32s(frame, json.loads(text)) == model(frame)
    assert list(json.loads(text)) == list(model(frame))
    assert b"\n" not in text


def digits(number):
    return len(repr(number).partition("e")[0].replace(".", "").strip("-0"))


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(2.0**-96)
def test_a_float32_has_the_fewest_digits(value):
    (written,) = json.loads(encode_data(DataFrame(fields=(Field("", FieldType.FLOAT32, [value]),))))["values"][0]
    assert repr(float32(written)) == repr(value)
    rounded = [float(f"{value:.{precision}g}") for precision in range(1, 10)]
    assert digits(written) <= min(
        digits(each) for each in rounded if abs(each) < 3.4028235e38 and float32(each) == value
    )


@given(frame=frames())
@example(SUM_OVERFLOWS)
def test_what_is_written_is_read_back(frame):
    assert same(decode(encode(frame)), frame)


@given(frame=frames())
def test_a_message_is_its_two_halves(frame):
    schema, data = encode_schema(frame), encode_data(frame)
    assert encode(frame) == b'{"schema":%b,"data":%b}' % (schema, data)
    assert same(decode_data(b'{"data":%b}' % data, decode(b'{"schema":%b}' % schema)), frame)


@given(frame=frames(), variant=st.sampled_from(VARIANTS))
def test_schemas_have_one_text(frame, variant):
    other = variant(frame)
    assert (encode_schema(frame) == encode_schema(other)) == (head(frame) == head(other))


@given(
    frame=frames(),
    at=st.floats(0, 1),
    junk=st.sampled_from(["", "0", "-", "null", "[", "]", "{", '"x":1,', ",", "\xff"]),
)
def test_broken_messages_are_frame_errors(frame, at, junk):
    data = encode(frame)
    cut = int(at * len(data))
    broken = data[:cut] + junk.encode("latin-1") + data[cut + 1 :]
    with suppress(FrameError):
        assert encode(decode(broken))


@given(frame=frames().filter(lambda frame: len(frame.fields) > 1), extra=st.booleans())
def test_columns_have_one_length(frame, extra):
    last = frame.fields[-1]
    values = [*last.values, last.values[0]] if extra and last.values else last.values[:-1]
    unequal = DataFrame(fields=(*frame.fields[:-1], Field("", last.type, values, last.nullable)))
    if len(values) != frame.rows:
        with pytest.raises(FrameError):
            encode(unequal)
