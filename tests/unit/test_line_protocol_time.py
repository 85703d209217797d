"""Time is linear in the body, whatever it holds."""

import time

import pytest

from liveproto.frames.line_protocol import parse

SMALL, LARGE = 1 << 17, 1 << 20
LINE_BYTES = 32


def lines(start, size):
    """Repeat a line, filled up with spaces."""
    return (start.ljust(LINE_BYTES - 1) + b"\n") * (size // LINE_BYTES)


BODIES = {
    "spaces": lambda size: b" " * size,
    "space in the middle": lambda size: b"m" + b" " * size + b"\r",
    "space before an error": lambda size: b"m v=1" + b" " * size + b"x",
    "a long measurement": lambda size: b"m" * size,
    "backslashes": lambda size: b"\\" * size,
    "backslashes in a tag": lambda size: b"m," + b"\\" * size + b"=b v=1",
    "escaped commas": lambda size: b"\\," * (size // 2),
    "escaped quotes, never closed": lambda size: b'm v="' + b'\\"' * (size // 2),
    "escaped quotes": lambda size: b'm v="' + b'\\"' * (size // 2) + b'"',
    "every line opens a string": lambda size: lines(b'm v="', size),
    "every line opens a string with an escaped quote": lambda size: lines(b'm v="\\"', size),
    "every line has a form feed in a string": lambda size: lines(b'm v="\f', size),
    "digits": lambda size: b"m v=" + b"1" * size,
    "digits of an integer": lambda size: b"m v=" + b"1" * size + b"i",
    "zeros of an integer": lambda size: b"m v=" + b"0" * size + b"i",
    "digits after the point": lambda size: b"m v=0." + b"0" * size + b"1",
    "digits of an exponent": lambda size: b"m v=1e" + b"9" * size,
    "underscores": lambda size: b"m v=" + b"1_" * (size // 2),
    "hexadecimal digits": lambda size: b"m v=0x" + b"f_" * (size // 2) + b"fp1",
    "digits of a timestamp": lambda size: b"m v=1 " + b"1" * size,
    "tags": lambda size: b"m" + b",a=b" * (size // 4) + b" v=1",
    "fields": lambda size: b"m " + b"a=1," * (size // 4) + b"a=1",
    "good lines": lambda size: lines(b"m v=1", size),
    "bad lines": lambda size: lines(b"m v=x", size),
    "bad UTF-8": lambda size: lines(b'm v="\xff\n"', size),
    "bad comments": lambda size: lines(b"#\x01", size),
    "empty lines": lambda size: b"\n" * size,
}


def seconds(body, dialect):
    start = time.process_time()
    parse(body, now_ns=0, dialect=dialect, on_error="collect")
    return time.process_time() - start


@pytest.mark.parametrize("dialect", ["grafana", "strict"])
@pytest.mark.parametrize("name", BODIES)
def test_eight_times_the_body_takes_about_eight_times_the_time(name, dialect):
    small = seconds(BODIES[name](SMALL), dialect)
    large = seconds(BODIES[name](LARGE), dialect)
    # Quadratic time would be 64 times; what is fast either way is no matter.
    assert large < max(0.5, 24 * small)
