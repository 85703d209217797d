"""The shape of a line: what both dialects share, and where a line stops being readable."""

import pytest

from liveproto.errors import LineErrorKind as Wrong
from liveproto.frames.grafana_grammar import GRAFANA
from liveproto.frames.line_grammar import Fault, Kind, read_point, skip_to_point
from liveproto.frames.strict_grammar import STRICT

GRAMMARS = pytest.mark.parametrize("grammar", [GRAFANA, STRICT], ids=["grafana", "strict"])


def point(grammar, data, unit_ns=1):
    found, end = read_point(grammar, data, skip_to_point(grammar, data, 0), unit_ns)
    assert end == len(data)
    return found


def value(grammar, text):
    ((key, kind, found),) = point(grammar, b"m v=" + text).fields
    assert key == b"v"
    return kind, found


def fault(grammar, data):
    with pytest.raises(Fault) as caught:
        point(grammar, data)
    return caught.value


@GRAMMARS
def test_all_parts_of_a_point(grammar):
    found = point(grammar, b'cpu,host=a,az=b used=1.5,n=2i,big=3u,ok=t,s="x" -5\n')
    assert found.measurement == b"cpu"
    assert found.tags == ((b"az", b"b"), (b"host", b"a"))
    assert found.fields == (
        (b"used", Kind.FLOAT, 1.5),
        (b"n", Kind.INT, 2),
        (b"big", Kind.UINT, 3),
        (b"ok", Kind.BOOL, True),
        (b"s", Kind.STRING, b"x"),
    )
    assert found.time_ns == -5


@GRAMMARS
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r", b"  ", b"  \n", b" \r\n"])
def test_ends_of_a_line(grammar, end):
    assert point(grammar, b"m v=1" + end).time_ns is None
    assert point(grammar, b"m v=1 7" + end).time_ns == 7


@GRAMMARS
def test_white_space_stands_between_the_parts_in_any_amount(grammar):
    assert point(grammar, b"   m,a=b   v=1   7   \n") == point(grammar, b"m,a=b v=1 7\n")


@GRAMMARS
@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b"", 0),
        (b"   ", 3),
        (b"\n\r\n \n", 5),
        (b"\r", 1),
        (b"m v=1", 0),
        (b"\n  m", 3),
        (b'# c\n  #d, ="\\\r\n', 15),
        (b"#", 1),
        (b"#\n#\n m", 5),
    ],
)
def test_what_is_no_point_is_skipped(grammar, data, at):
    assert skip_to_point(grammar, data, 0) == at


@GRAMMARS
@pytest.mark.parametrize(
    ("data", "at", "kind", "expected"),
    [
        (b",a=b v=1", 0, Wrong.MEASUREMENT, "a measurement"),
        (b"\rm v=1", 0, Wrong.MEASUREMENT, "a measurement"),
        (b"m\rv=1", 1, Wrong.MEASUREMENT, '"," or a space'),
        (b"cpu\n", 3, Wrong.FIELD, "a space and a field"),
        (b"cpu,a=b", 7, Wrong.FIELD, "a space and a field"),
        (b"m,", 2, Wrong.TAG, "a tag key"),
        (b"m,=b v=1", 2, Wrong.TAG, "a tag key"),
        (b"m, a=b v=1", 2, Wrong.TAG, "a tag key"),
        (b"m,a v=1", 3, Wrong.TAG, '"=" after the tag key'),
        (b"m,a= v=1", 4, Wrong.TAG, "a tag value"),
        (b"m,a=b=c v=1", 5, Wrong.TAG, '"," or a space'),
        (b"m =1", 2, Wrong.FIELD, "a field key"),
        (b"m v", 3, Wrong.FIELD, '"=" after the field key'),
        (b"m v =1", 3, Wrong.FIELD, '"=" after the field key'),
        (b"m v=1,", 6, Wrong.FIELD, "a field key"),
        (b"m v=1, w=2", 6, Wrong.FIELD, "a field key"),
        (b"m v=", 4, Wrong.VALUE, "a number, a boolean or a string"),
        (b"m v= 1", 4, Wrong.VALUE, "a number, a boolean or a string"),
        (b"m v=yes", 4, Wrong.VALUE, "a number, a boolean or a string"),
        (b"m v=tr", 5, Wrong.VALUE, '",", a space or the end of the line'),
        (b'm v="a"b', 7, Wrong.VALUE, '",", a space or the end of the line'),
        (b"m v=1\rx", 5, Wrong.VALUE, '",", a space or the end of the line'),
        (b'm v="a,\nb', 4, Wrong.VALUE, "a string with its closing quote"),
        (b'm v="\\', 5, Wrong.VALUE, "a closing quote, or a character or escape that may stand in a string"),
        (b"m v=1 x", 6, Wrong.TIMESTAMP, "a timestamp or the end of the line"),
        (b"m v=1 # c", 6, Wrong.TIMESTAMP, "a timestamp or the end of the line"),
        (b"m v=1 5 6", 7, Wrong.TIMESTAMP, "the end of the line after the timestamp"),
        (b"m v=1 1.5", 7, Wrong.TIMESTAMP, "the end of the line after the timestamp"),
        (b"m v=9223372036854775808i", 4, Wrong.RANGE, "a number in the range of int"),
        (b"m v=18446744073709551616u", 4, Wrong.RANGE, "a number in the range of uint"),
        (b"m v=1e400", 4, Wrong.RANGE, "a number in the range of float"),
        (b"m v=1 9223372036854775808", 6, Wrong.RANGE, "a timestamp in 64 bits"),
    ],
)
def test_a_line_that_cannot_be_read_says_where_and_why(grammar, data, at, kind, expected):
    found = fault(grammar, data)
    assert (found.at, found.kind, found.expected) == (at, kind, expected)


@GRAMMARS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"0i", 0),
        (b"-0i", 0),
        (b"12i", 12),
        (b"-12i", -12),
        (b"9223372036854775807i", 2**63 - 1),
        (b"-9223372036854775808i", -(2**63)),
    ],
)
def test_integers(grammar, text, expected):
    assert value(grammar, text) == (Kind.INT, expected)


@GRAMMARS
@pytest.mark.parametrize(("text", "expected"), [(b"0u", 0), (b"18446744073709551615u", 2**64 - 1)])
def test_integers_without_sign(grammar, text, expected):
    assert value(grammar, text) == (Kind.UINT, expected)


@GRAMMARS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1", "0x1.0000000000000p+0"),
        (b"1.", "0x1.0000000000000p+0"),
        (b"007", "0x1.c000000000000p+2"),
        (b"00.5", "0x1.0000000000000p-1"),
        (b".5", "0x1.0000000000000p-1"),
        (b"-.5", "-0x1.0000000000000p-1"),
        (b"1.e5", "0x1.86a0000000000p+16"),
        (b"1E+5", "0x1.86a0000000000p+16"),
        (b".5e-1", "0x1.999999999999ap-5"),
        (b"-0", "-0x0.0p+0"),
        (b"-1e-400", "-0x0.0p+0"),
        (b"5e-324", "0x0.0000000000001p-1022"),
        (b"2e-324", "0x0.0p+0"),
        (b"1.7976931348623157e308", "0x1.fffffffffffffp+1023"),
        (b"9007199254740993", "0x1.0000000000000p+53"),
        pytest.param(b"0" * 5000 + b"1", "0x1.0000000000000p+0", id="long"),
    ],
)
def test_floats_bit_by_bit(grammar, text, expected):
    kind, found = value(grammar, text)
    assert (kind, found.hex()) == (Kind.FLOAT, expected)


@GRAMMARS
@pytest.mark.parametrize(
    "text",
    [
        *b"+1 +1i NaN nan Inf -Inf inf Infinity . - 1e 1e+ 1.2.3 e5 --1 -5u 1.5i i -i 1e5i 0x10 1d -.e1".split(),
        b"1.7976931348623159e308",
        pytest.param(b"1" * 5000, id="long float"),
        pytest.param(b"1" * 5000 + b"i", id="long int"),
    ],
)
def test_what_is_no_number(grammar, text):
    assert fault(grammar, b"m v=" + text).kind in {Wrong.VALUE, Wrong.RANGE}


@GRAMMARS
def test_booleans(grammar):
    for text in (b"t", b"T", b"true", b"True", b"TRUE"):
        assert value(grammar, text) == (Kind.BOOL, True)
    for text in (b"f", b"F", b"false", b"False", b"FALSE"):
        assert value(grammar, text) == (Kind.BOOL, False)
    for text in (b"tRUE", b"yes", b"truee", b"fals", b"tt"):
        assert fault(grammar, b"m v=" + text).kind is Wrong.VALUE


@GRAMMARS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'""', b""),
        (b'"a, b=c #"', b"a, b=c #"),
        (b'"a\nb\r\nc\td\x00"', b"a\nb\r\nc\td\x00"),
        (b'"say \\"hi\\""', b'say "hi"'),
        (b'"C:\\\\n"', b"C:\\n"),
        (b'"\\\\\\""', b'\\"'),
    ],
)
def test_strings(grammar, text, expected):
    assert value(grammar, text) == (Kind.STRING, expected)


@GRAMMARS
@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b"a\\ b", b"a b"),
        (b"a\\,b", b"a,b"),
        (b"a=b", b"a=b"),
        (b'"a"', b'"a"'),
        (b"a\\xb", b"a\\xb"),
        (b"\\#a", b"\\#a"),
        ("größe".encode(), "größe".encode()),
    ],
)
def test_measurements(grammar, written, name):
    assert point(grammar, written + b" v=1").measurement == name


@GRAMMARS
@pytest.mark.parametrize(
    ("written", "name"),
    [(b"a\\ b", b"a b"), (b"a\\,b", b"a,b"), (b"a\\=b", b"a=b"), (b'"a"', b'"a"'), (b"a\\xb", b"a\\xb"), (b"#", b"#")],
)
def test_keys_and_tag_values(grammar, written, name):
    found = point(grammar, b"m," + written + b"=" + written + b" " + written + b"=1")
    assert found.tags == ((name, name),)
    assert found.fields == ((name, Kind.FLOAT, 1.0),)


@GRAMMARS
@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"0", 0), (b"-0", 0), (b"9223372036854775807", 2**63 - 1), (b"-9223372036854775808", -(2**63)), (b"0005", 5)],
)
def test_timestamps(grammar, text, expected):
    assert point(grammar, b"m v=1 " + text).time_ns == expected


@GRAMMARS
@pytest.mark.parametrize("text", [b"+5", b"1.5", b"1e3", b"-", b"--5", b"5i", b"t", b"-9223372036854775809"])
def test_what_is_no_timestamp(grammar, text):
    assert fault(grammar, b"m v=1 " + text).kind in {Wrong.TIMESTAMP, Wrong.RANGE}


@GRAMMARS
def test_timestamps_are_brought_to_nanoseconds(grammar):
    assert point(grammar, b"m v=1 -5", unit_ns=1_000_000).time_ns == -5_000_000


def test_a_time_out_of_range_after_scaling_wraps_or_is_refused():
    data = b"m v=1 9223372036854775807"
    assert point(GRAFANA, data, unit_ns=1000).time_ns == -1000
    with pytest.raises(Fault, match="a timestamp in 64 bits"):
        point(STRICT, data, unit_ns=1000)


def test_duplicates_stay_or_the_last_wins():
    data = b"m,b=1,a=2,b=3,a=1 w=0,v=1,w=2i"
    kept, last = point(STRICT, data), point(GRAFANA, data)
    assert kept.tags == ((b"a", b"2"), (b"a", b"1"), (b"b", b"1"), (b"b", b"3"))
    assert last.tags == ((b"a", b"1"), (b"b", b"3"))
    assert kept.fields == ((b"w", Kind.FLOAT, 0.0), (b"v", Kind.FLOAT, 1.0), (b"w", Kind.INT, 2))
    assert last.fields == ((b"w", Kind.INT, 2), (b"v", Kind.FLOAT, 1.0))


def test_a_comment_may_not_hold_control_characters_where_the_grammar_says_so():
    assert skip_to_point(GRAFANA, b"#\t\x01\nm v=1", 0) == 4
    with pytest.raises(Fault) as caught:
        skip_to_point(STRICT, b"# a\tb\n", 0)
    assert (caught.value.at, caught.value.kind) == (3, Wrong.COMMENT)
