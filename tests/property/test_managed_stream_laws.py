"""Laws of managed streams: who has the schema can read every message, whenever he came."""

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from liveproto.frames import frame_json
from liveproto.frames.frame import DataFrame, Field, FieldType
from liveproto.grafana.managed_stream import MINUTE_S, ManagedStream

TYPES = {FieldType.FLOAT64: st.floats(-1e6, 1e6), FieldType.BOOL: st.booleans(), FieldType.STRING: st.text(max_size=3)}


@st.composite
def frames(draw):
    """Frames of few schemas, so that the same one often comes twice in a row."""
    rows = draw(st.integers(0, 2))
    columns = []
    for name in draw(st.permutations(["a", "b"]))[: draw(st.integers(1, 2))]:
        type_ = draw(st.sampled_from(list(TYPES)))
        values = draw(st.lists(TYPES[type_], min_size=rows, max_size=rows))
        columns.append(Field(name, type_, values, nullable=draw(st.booleans())))
    return DataFrame("cpu", tuple(columns))


def read(message, schema):
    """Read a message as a subscriber does, who keeps the last schema; return the frame."""
    return frame_json.decode(message) if "schema" in json.loads(message) else frame_json.decode_data(message, schema)


@given(pushed=st.lists(frames(), min_size=1, max_size=8), joins_after=st.integers(0, 8))
def test_a_subscriber_reads_every_frame_whenever_he_came(pushed, joins_after):
    stream, held = ManagedStream(), None
    for number, frame in enumerate(pushed):
        if number == joins_after:
            held = None if stream.full is None else frame_json.decode(stream.full)
        message = stream.push(frame, now_s=0)
        if number >= joins_after:
            held = read(message, held)
            assert held == frame_json.decode(frame_json.encode(frame))
        assert frame_json.decode(stream.full) == frame_json.decode(frame_json.encode(frame))


@given(pushed=st.lists(frames(), min_size=2, max_size=8))
def test_a_schema_is_published_exactly_when_its_text_is_another(pushed):
    stream = ManagedStream()
    messages = [stream.push(frame, now_s=0) for frame in pushed]
    texts = [frame_json.encode_schema(frame) for frame in pushed]
    with_schema = ["schema" in json.loads(message) for message in messages]
    assert with_schema == [True, *(one != other for one, other in itertools.pairwise(texts))]


@given(times=st.lists(st.floats(0, 200), max_size=30).map(sorted), later=st.floats(0, 100))
def test_the_rate_counts_whole_seconds(times, later):
    stream, now_s = ManagedStream(), max(times, default=0) + later
    for time_s in times:
        stream.push(DataFrame("cpu"), now_s=time_s)
    assert stream.minute_rate(now_s=now_s) == sum(int(now_s) - int(time_s) < MINUTE_S for time_s in times)
