"""What strangers have sent, made fit for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveproto_conformance.report.printable import counted, printable, printable_bytes


@given(st.text(st.characters(), max_size=50))
def test_nothing_invisible_is_left(text):
    assert printable(text).isprintable()


@pytest.mark.parametrize("text", ["", "plain {}", "é漢😀", "שלום", "\\x1b"])
def test_what_is_seen_as_itself_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m\x07\r\n\t\x00\x7f", r"\x1b[31m\x07\x0d\x0a\x09\x00\x7f"),
        ("\x9b", r"\x9b"),
        ("a\u202eb\u2066\u200b\u2028\ufeff", r"a\u202eb\u2066\u200b\u2028\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_is_escaped(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("data", "limit", "shown"),
    [
        (b"abc", 3, "abc"),
        (b"abcd", 3, "abc… (4 bytes)"),
        ("aéé".encode(), 2, "a… (5 bytes)"),
        ("漢字".encode(), 5, "漢… (6 bytes)"),
        (b"\x80" * 9, 6, r"\x80\x80… (9 bytes)"),
        (b"\xff\x00", 9, r"\xff\x00"),
    ],
)
def test_bytes_are_cut_between_characters(data, limit, shown):
    assert printable_bytes(data, limit) == shown


def test_the_beginning_of_more_says_how_much_there_is():
    assert printable_bytes(b"abc", 2, 4000) == "ab… (4,000 bytes)"
    assert printable_bytes(b"abc", 5, 4000) == "abc… (4,000 bytes)"


@pytest.mark.parametrize(("number", "shown"), [(0, "0 bytes"), (1, "1 byte"), (2, "2 bytes"), (1000, "1,000 bytes")])
def test_counts(number, shown):
    assert counted(number, "byte") == shown
