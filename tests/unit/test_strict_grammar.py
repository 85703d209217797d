"""The strict dialect where it differs: every verdict was given by influxdata/line-protocol v2 (2.2.1)."""

import pytest

from liveproto.frames.line_grammar import Fault, Kind, read_point
from liveproto.frames.strict_grammar import STRICT


def point(data):
    found, end = read_point(STRICT, data, 0, 1)
    assert end == len(data)
    return found


def refused(data):
    with pytest.raises(Fault):
        point(data)
    return True


@pytest.mark.parametrize("space", [b"\t", b"\v", b"\f"])
def test_white_space_is_the_space_alone(space):
    assert point(b"m v=1 5 ").time_ns == 5
    for data in (b"m%bv=1", b"m v=1%b5", b"m v=1 5%b", b"%bm v=1"):
        assert refused(data % space)


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\t", b"\x1f", b"\x7f"])
def test_control_characters_are_refused_in_names(byte):
    for data in (b"a%bb,k=v f=1", b"m,k%b=v f=1", b"m,k=v%bv f=1", b"m f%b=1", b"%bm v=1"):
        assert refused(data % byte)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b"a\\\\b", b"a\\\\b"),
        (b"a\\\\\\ b", b"a\\\\ b"),
        (b"a\\\\ b", b"a\\ b"),
        (b'a\\"b', b'a\\"b'),
        (b'a\\"\\ b', b'a\\" b'),
    ],
)
def test_a_backslash_stands_for_itself_unless_it_escapes(written, name):
    found = point(written + b"," + written + b"=" + written + b" " + written + b"=1")
    assert found.measurement == name
    assert found.tags == ((name, name),)
    assert found.fields == ((name, Kind.FLOAT, 1.0),)


def test_an_equals_sign_is_escaped_in_keys_only():
    found = point(b"a\\=b,a\\=b=c\\=d a\\=b=1")
    assert found.measurement == b"a\\=b"
    assert found.tags == ((b"a=b", b"c=d"),)
    assert found.fields == ((b"a=b", Kind.FLOAT, 1.0),)


def test_no_name_ends_in_a_backslash():
    for data in (b"m\\\\ v=1", b"m,a=b\\ v=1", b"m,a\\=b v=1", b"m a\\=1"):
        assert refused(data)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"\\n\\r\\t", b"\n\r\t"),
        (b"\\\\n", b"\\n"),
        (b"\\x\\,\\ \\0", b"\\x\\,\\ \\0"),
        (b"\\\n", b"\\\n"),
        (b"\\\xc3\xa9", b"\\\xc3\xa9"),
        (b"\x00\r\f\v\x7f", b"\x00\r\f\v\x7f"),
    ],
)
def test_strings(written, text):
    assert point(b'm v="' + written + b'"').fields == ((b"v", Kind.STRING, text),)


@pytest.mark.parametrize(
    ("text", "number"), [(b"007i", 7), (b"-007i", -7), (b"-00i", 0), pytest.param(b"0" * 5000 + b"7i", 7, id="long")]
)
def test_zeros_before_an_integer(text, number):
    assert point(b"m v=" + text).fields == ((b"v", Kind.INT, number),)


def test_zeros_before_an_integer_without_sign():
    assert point(b"m v=00u").fields == ((b"v", Kind.UINT, 0),)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"1_000", 1000.0),
        (b"-1_0.0_1e1_0", -10.01e10),
        (b"0x1p-2", 0.25),
        (b"-0X1P2", -4.0),
        (b"0x_1p0", 1.0),
        (b"0x1_0.f_fP+1_0", 16.99609375 * 1024),
        (b"0x.8p1", 1.0),
        (b"0x1.p0", 1.0),
        (b"0xep0", 14.0),
        (b"0x1p-1074", 5e-324),
        (b"0x1p-9999", 0.0),
        (b"0x1.fffffffffffff7p1023", 1.7976931348623157e308),
    ],
)
def test_floats_as_go_reads_them(text, number):
    assert point(b"m v=" + text).fields == ((b"v", Kind.FLOAT, number),)


@pytest.mark.parametrize(
    "text",
    [
        *b"_1 1_ 1__0 1_.5 1._5 1e_5 1_e5 1e5_ 1_0i 1_0u -_1 0b1 0o7 1_0e400 0x1p1024 0x1.fffffffffffff8p1023".split(),
        *b"0x 0x1 0xp1 0x.p1 0x1p 0x1_p1 0x1p_1 0x1._8p1 0x__1p0 0x1p-2i 0xgp1 0x1p99999999999999999999".split(),
    ],
)
def test_floats_as_go_refuses_them(text):
    assert refused(b"m v=" + text)


def test_zeros_before_a_timestamp():
    assert point(b"m v=1 " + b"0" * 5000 + b"5").time_ns == 5
    assert point(b"m v=1 -00000000000000000000000000000005").time_ns == -5
