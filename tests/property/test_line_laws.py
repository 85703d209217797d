"""Laws of line protocol, in both dialects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveproto.errors import LineProtocolError
from liveproto.frames.line_protocol import Kind, Metric, parse

DIALECTS = pytest.mark.parametrize("dialect", ["grafana", "strict"])
NOW = 1_600_000_000_000_000_000

plain = st.text("abé🙂=,# \"'0", min_size=1, max_size=6).map(str.encode)
values = st.one_of(
    st.tuples(st.just(Kind.INT), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(Kind.UINT), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(Kind.FLOAT), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just(Kind.BOOL), st.booleans()),
    st.tuples(st.just(Kind.STRING), st.text('ab,= \\"\n\t\0é').map(str.encode)),
)
metrics = st.builds(
    Metric,
    name=plain.filter(lambda name: not name.startswith(b"#")),
    tags=st.dictionaries(plain, plain, max_size=3).map(lambda tags: tuple(sorted(tags.items()))),
    fields=st.dictionaries(plain, values, min_size=1, max_size=3).map(
        lambda fields: tuple((key, kind, value) for key, (kind, value) in fields.items())
    ),
    time_ns=st.integers(-(2**63), 2**63 - 1),
)
anything = st.lists(
    st.sampled_from(
        [b"m v=1", b"m,a=b v=t 5", b" ", b",", b"=", b'"', b"\\", b"\n", b"\r\n", b"#", b"5i", b"\xff", b"\t"]
    )
    | st.binary(max_size=3)
).map(b"".join)


def escaped(text, special):
    return b"".join(b"\\" + bytes([byte]) if byte in special else bytes([byte]) for byte in text)


def written(metric):
    """Write a metric in the words both dialects share."""
    tags = b"".join(b",%b=%b" % (escaped(key, b",= "), escaped(value, b",= ")) for key, value in metric.tags)
    fields = b",".join(b"%b=%b" % (escaped(key, b",= "), WRITE[kind](value)) for key, kind, value in metric.fields)
    return b"%b%b %b %d\n" % (escaped(metric.name, b", "), tags, fields, metric.time_ns)


WRITE = {
    Kind.INT: lambda value: b"%di" % value,
    Kind.UINT: lambda value: b"%du" % value,
    Kind.FLOAT: lambda value: repr(value).encode(),
    Kind.BOOL: lambda value: b"true" if value else b"F",
    Kind.STRING: lambda value: b'"%b"' % escaped(value, b'\\"'),
}


@DIALECTS
@given(written_metrics=st.lists(metrics, max_size=4))
def test_what_is_written_is_read_back(dialect, written_metrics):
    body = b"".join(map(written, written_metrics))
    assert parse(body, now_ns=NOW, dialect=dialect).metrics == tuple(written_metrics)


@DIALECTS
@given(data=anything)
def test_reject_and_collect_agree(dialect, data):
    collected = parse(data, now_ns=NOW, dialect=dialect, on_error="collect")
    if not collected.errors:
        assert parse(data, now_ns=NOW, dialect=dialect) == collected
        return
    with pytest.raises(LineProtocolError) as caught:
        parse(data, now_ns=NOW, dialect=dialect)
    assert str(caught.value) == str(collected.errors[0])


@DIALECTS
@given(data=anything)
def test_an_error_points_into_its_line(dialect, data):
    rows = data.split(b"\n")
    errors = parse(data, now_ns=NOW, dialect=dialect, on_error="collect").errors
    for error in errors:
        assert error.text == rows[error.line - 1]
        assert 1 <= error.column <= len(error.text) + 1
        assert str(error).count("\n") == 2
    assert [error.line for error in errors] == sorted({error.line for error in errors})


@DIALECTS
@given(before=st.lists(metrics, max_size=2), data=anything, after=st.lists(metrics, max_size=2))
def test_good_lines_before_and_after_a_bad_one_are_kept(dialect, before, data, after):
    bad = b"m v=" + data.replace(b'"', b"").replace(b"\n", b"") + b"x\n"
    body = b"".join(map(written, before)) + bad + b"".join(map(written, after))
    result = parse(body, now_ns=NOW, dialect=dialect, on_error="collect")
    assert len(result.errors) == 1
    assert result.metrics == (*before, *after)
