"""Grafana's dialect where it differs: every verdict was given by influxdata/line-protocol v1 (b1ad95c89adf)."""

import pytest

from liveproto.frames.grafana_grammar import GRAFANA
from liveproto.frames.line_grammar import Fault, Kind, read_point


def point(data):
    found, end = read_point(GRAFANA, data, 0, 1)
    assert end == len(data)
    return found


def refused(data):
    with pytest.raises(Fault):
        point(data)
    return True


@pytest.mark.parametrize("space", [b"\t", b"\v", b"\f", b" ", b" \t\v\f"])
def test_white_space(space):
    found = point(b"m" + space + b"v=1" + space + b"5" + space)
    assert (found.measurement, found.time_ns) == (b"m", 5)


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x08", b"\x0e", b"\x1f", b"\x7f", b"\x80", b"\xff"])
def test_other_bytes_are_ordinary(byte):
    found = point(byte + b"," + byte + b"=" + byte + b" " + byte + b'="' + byte + b'"')
    assert found.measurement == byte
    assert found.tags == ((byte, byte),)
    assert found.fields == ((byte, Kind.STRING, byte),)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b"m\\\\", b"m\\\\"),
        (b"m\\\\\\,n", b"m\\\\,n"),
        (b"m\\\\\\ n", b"m\\\\ n"),
        (b"m\\=n", b"m\\=n"),
        (b'm\\"n', b'm\\"n'),
    ],
)
def test_a_backslash_in_a_measurement_takes_the_next_byte(written, name):
    assert point(written + b" v=1").measurement == name


@pytest.mark.parametrize(
    ("written", "name"), [(b"a\\\\", b"a\\\\"), (b"a\\\\\\=b", b"a\\\\=b"), (b"a\\\\\\\\", b"a\\\\\\\\")]
)
def test_a_backslash_in_a_field_key_takes_the_next_byte(written, name):
    assert point(b"m " + written + b"=1").fields == ((name, Kind.FLOAT, 1.0),)


@pytest.mark.parametrize(
    ("written", "name"), [(b"b\\\\ c", b"b\\ c"), (b"b\\\\\\=c", b"b\\\\=c"), (b"b\\\\c", b"b\\\\c")]
)
def test_a_backslash_in_a_tag_is_looked_at_afresh(written, name):
    assert point(b"m," + written + b"=" + written + b" v=1").tags == ((name, name),)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b'a\\"b', b'a\\"b'),
        (b'a\\"\\ b', b'a" b'),
        (b'\\,\\"', b',"'),
        (b'\\"\\=', b'"='),
    ],
)
def test_an_escaped_quote_in_a_key_depends_on_what_else_is_there(written, name):
    found = point(b"m," + written + b"=" + written + b" " + written + b"=1")
    assert found.tags == ((name, name),)
    assert found.fields == ((name, Kind.FLOAT, 1.0),)


@pytest.mark.parametrize("byte", [b"n", b"t", b"r", b",", b" ", b"x", b"\n", b"0"])
def test_an_unknown_escape_in_a_string_is_refused(byte):
    assert point(b'm v="a' + byte + b'"').fields == ((b"v", Kind.STRING, b"a" + byte),)
    assert refused(b'm v="a\\' + byte + b'"')


def test_form_feed_and_lone_cr_in_a_string_are_refused():
    assert point(b'm v="a\r\nb\v"').fields == ((b"v", Kind.STRING, b"a\r\nb\v"),)
    for text in (b"\f", b"\r", b"\r\r\n", b"\n\r"):
        assert refused(b'm v="a' + text + b'b"')


@pytest.mark.parametrize(
    "text", [b"01i", b"007i", b"-01i", b"-00i", b"00u", b"01u", b"1_000", b"1_0i", b"0x1p-2", b"0x1"]
)
def test_numbers_that_are_refused(text):
    assert refused(b"m v=" + text)


def test_a_timestamp_has_nineteen_digits_at_most():
    assert point(b"m v=1 0000000000000000005").time_ns == 5
    assert point(b"m v=1 -0000000000000000005").time_ns == -5
    assert refused(b"m v=1 00000000000000000005")


@pytest.mark.parametrize(
    "data", [b"\\", b"m\\", b"m,a\\", b"m,a=b\\", b"m a\\", b"m\\\tv=1", b"m,a\\\t=b v=1", b"m a\\\n=1"]
)
def test_a_backslash_without_a_byte_to_take_is_refused(data):
    assert refused(data)
