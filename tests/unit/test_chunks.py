"""Bodies cut into chunks of whole lines."""

import pytest

from liveproto.frames.chunks import CHUNK_LINES, chunks

LINE = b"cpu,host=a value=1 1750000000000000000\n"


def test_a_small_body_is_one_chunk_and_not_copied():
    data = LINE * CHUNK_LINES
    (chunk,) = chunks(data)
    assert chunk is data
    assert list(chunks(b"")) == [b""]


def test_a_large_body_is_cut_after_lines():
    data = LINE * CHUNK_LINES * 10
    found = list(chunks(data))
    assert b"".join(found) == data
    assert len(found) >= 8
    assert all(chunk.endswith(b"\n") for chunk in found)


@pytest.mark.parametrize("inside", [b"a\nb", b'a\\"\nb', b"a\\\\", b'\\\\\\"\n', b"\n" * 50])
def test_no_chunk_ends_inside_a_string(inside):
    line = b'm s="' + inside + b'" 1\n'
    found = list(chunks(line * CHUNK_LINES * 10))
    assert len(found) >= 8
    assert all(chunk.startswith(b"m ") and len(chunk) % len(line) == 0 for chunk in found)


def test_a_body_of_one_string_is_not_cut_inside():
    data = b'm s="' + b"\n" * 100_000
    assert list(chunks(data)) == [data, b""]


def test_a_long_last_line_stays_whole():
    data = LINE * 10 + b"x" * 100_000
    assert b"".join(chunks(data)) == data
