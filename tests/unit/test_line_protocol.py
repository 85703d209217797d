"""Bodies of lines: metrics, errors, units."""

import attrs
import pytest

from liveproto.errors import LineErrorKind, LineProtocolError
from liveproto.frames.line_protocol import Kind, Metric, parse

DIALECTS = pytest.mark.parametrize("dialect", ["grafana", "strict"])
NOW = 1_600_000_000_123_456_789


def metrics(data, **options):
    result = parse(data, now_ns=NOW, **options)
    assert result.errors == ()
    return result.metrics


def places(data, **options):
    result = parse(data, now_ns=NOW, on_error="collect", **options)
    return [(error.line, error.column, error.kind) for error in result.errors]


@DIALECTS
def test_metrics_come_in_the_order_of_the_lines(dialect):
    body = b'cpu,host=a used=1.5,n=2i 5\r\n\n  # a comment\nmem s="a\nb" 6\ncpu v=t'
    assert metrics(body, dialect=dialect) == (
        Metric(b"cpu", ((b"host", b"a"),), ((b"used", Kind.FLOAT, 1.5), (b"n", Kind.INT, 2)), 5),
        Metric(b"mem", (), ((b"s", Kind.STRING, b"a\nb"),), 6),
        Metric(b"cpu", (), ((b"v", Kind.BOOL, True),), NOW),
    )


@DIALECTS
@pytest.mark.parametrize("body", [b"", b"\n", b"\r", b"  ", b"# c", b"\n\r\n  \n#\n"])
def test_a_body_without_points(dialect, body):
    assert metrics(body, dialect=dialect) == ()


def test_the_dialect_is_grafanas_unless_said_otherwise():
    assert metrics(b"m\tv=1")[0].name == b"m"
    with pytest.raises(LineProtocolError):
        parse(b"m\tv=1", now_ns=NOW, dialect="strict")


def test_an_explicit_zero_is_a_time():
    assert [metric.time_ns for metric in metrics(b"m v=1 0\nm v=1")] == [0, NOW]


@DIALECTS
@pytest.mark.parametrize(
    ("precision", "written", "missing"),
    [
        ("ns", 7, NOW),
        ("us", 7_000, 1_600_000_000_123_456_000),
        ("ms", 7_000_000, 1_600_000_000_123_000_000),
        ("s", 7_000_000_000, 1_600_000_000_000_000_000),
    ],
)
def test_units(dialect, precision, written, missing):
    found = metrics(b"m v=1 7\nm v=1", dialect=dialect, precision=precision)
    assert [metric.time_ns for metric in found] == [written, missing]


def test_a_missing_time_before_1970_is_cut_downwards():
    (metric,) = parse(b"m v=1", now_ns=-1, precision="s").metrics
    assert metric.time_ns == -1_000_000_000


@DIALECTS
def test_reject_raises_the_first_error(dialect):
    with pytest.raises(LineProtocolError) as caught:
        parse(b"m v=1\n\nm,a= v=1\nm\n", now_ns=NOW, dialect=dialect)
    error = caught.value
    assert (error.line, error.column, error.kind) == (3, 5, LineErrorKind.TAG)
    assert error.text == b"m,a= v=1"
    assert str(error).splitlines() == [
        "line 3, column 5, tag: expected a tag value",
        "    m,a= v=1",
        "        ^",
    ]


@DIALECTS
def test_collect_keeps_the_good_lines(dialect):
    result = parse(b"a v=1\nbad\nb v=2\nc v=x\n#\nd v=3\ne", now_ns=NOW, dialect=dialect, on_error="collect")
    assert [metric.name for metric in result.metrics] == [b"a", b"b", b"d"]
    assert [(error.line, error.column, error.kind) for error in result.errors] == [
        (2, 4, LineErrorKind.FIELD),
        (4, 5, LineErrorKind.VALUE),
        (7, 2, LineErrorKind.FIELD),
    ]


@DIALECTS
def test_after_a_string_that_is_never_closed_the_next_line_is_read(dialect):
    result = parse(b'm v="a\nm v=2', now_ns=NOW, dialect=dialect, on_error="collect")
    assert [metric.fields[0][2] for metric in result.metrics] == [2.0]
    assert [(error.line, error.column, error.kind) for error in result.errors] == [(1, 5, LineErrorKind.VALUE)]


def test_an_error_inside_a_string_counts_its_lines():
    assert places(b'm s="a\n\nbc\\n"\nm v=x') == [(3, 3, LineErrorKind.VALUE), (4, 5, LineErrorKind.VALUE)]


def test_columns_are_bytes():
    assert places("größe,a v=1".encode()) == [(1, 10, LineErrorKind.TAG)]


def test_the_strict_dialect_wants_utf8():
    body = b'a v=1\nb s="x\xff\ny v=1"\n\xc3 v=1\nc,t=\xc3\xa9 v=1\n# \xff\nd\xed\xa0\x80 v=1'
    result = parse(body, now_ns=NOW, dialect="strict", on_error="collect")
    assert [metric.name for metric in result.metrics] == [b"a", b"c"]
    assert [(error.line, error.column, error.kind) for error in result.errors] == [
        (2, 7, LineErrorKind.UTF8),
        (4, 1, LineErrorKind.UTF8),
        (7, 2, LineErrorKind.UTF8),
    ]
    assert len(metrics(body)) == 5


def test_values_are_frozen():
    result = parse(b"m v=1", now_ns=NOW)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        result.metrics = ()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        result.metrics[0].name = b"x"
