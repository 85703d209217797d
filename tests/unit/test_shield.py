"""What hides the structure of a body is hidden itself."""

import pytest

from liveproto.frames import shield as s
from liveproto.frames.shield import NotCoveredError, shield

SPACE, COMMA, EQUALS, NEWLINE = (s.STRING_MARKS[character] for character in " ,=\n")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"m v=1 2\n", "m v=1 2\n"),
        (b'm v="a b,c=d\ne" 2', f'm v="a{SPACE}b{COMMA}c{EQUALS}d{NEWLINE}e" 2'),
        (b'm v="",w=" "\n', f'm v="",w="{SPACE}"\n'),
        (b"m,t=a\\ b\\,c\\=d v=1", "m,t=a\x0fb\x10c\x11d v=1"),
        (b'm v="a\\"b\\\\" 1', f'm v="a{s.QUOTE_MARK}b{s.PAIR_MARK}" 1'),
        (b"m,t=C:\\dir v=1", f"m,t=C:{s.LONE_MARK}dir v=1"),
        (b"m,t=\\\\host v=1", f"m,t={s.PAIR_MARK}host v=1"),
        (b"m v=1 2\r\nm v=2 3\r\n", "m v=1 2\nm v=2 3\n"),
        (b'm v="a\r\nb" 1\r\n', f'm v="a\r{NEWLINE}b" 1\n'),
        (b'm v="a\tb\vc" 1', f'm v="a{s.STRING_MARKS[chr(9)]}b{s.STRING_MARKS[chr(11)]}c" 1'),
        (b'# it is 5" long\nm v=1\n', "m v=1\n"),
        (b'm v=1\n# it is 5" long\nm v=2\n#', "m v=1\nm v=2"),
        (b'm v="a\n#b" 1', f'm v="a{NEWLINE}#b" 1'),
        (b'm v="a\n#b" 1\n#"\nm v=2', f'm v="a{NEWLINE}#b" 1\nm v=2'),
        (b"m,t=#1 v=1", "m,t=#1 v=1"),
        ('m,t="\u00e9" v="\u0436 \u4e2d" 1'.encode(), f'm,t="\u00e9" v="\u0436{SPACE}\u4e2d" 1'),
        (b'm,t="x" v="y"', 'm,t="x" v="y"'),
    ],
)
def test_a_body_is_safe_to_cut(data, text):
    assert shield(data) == text


@pytest.mark.parametrize(
    "data",
    [
        b"m v=1\x01",
        b"m v=\xff",
        b"m\\",
        b"m\\\nv=1",
        b"m\\\t v=1",
        b'm v="a',
        b'm v"="a"',
        b'm v="a"b',
        b'm v="a""b"',
        b'm v="a\\ b"',
        b'm v="a\\nb"',
        b'm,t=a\\" v=1',
        b'm,t=a\\" v="b"',
        b"m,t=a\\\\ v=1",
        b"m,t=a\\\\,b=c v=1",
        b"m a\\\\=1",
        b"m\tv=1",
        b"m\vv=1",
        b"m\fv=1",
        b'm v="a\fb"',
        b"m v=1\rm v=2",
        b'm v="a\rb" 1',
        b"m v=1\r",
    ],
)
def test_what_only_the_grammar_can_tell_is_not_covered(data):
    with pytest.raises(NotCoveredError):
        shield(data)


@pytest.mark.parametrize("data", [b"a\\ b\\,c\\=d", b"C:\\dir", b"\\\\host\\x", "\u00e9\\ \u4e2d".encode()])
def test_names_get_their_escapes_back(data):
    text = shield(data)
    assert s.has_escapes(text)
    assert not s.holds_string(text)
    assert s.restore(text) == data


def test_strings_get_their_contents_back():
    text = shield(b'm v="a b,c=d\ne\tf\vg\\"h\\\\"')
    assert s.holds_string(text)
    assert s.restore_strings(text.split('"')[1]) == 'a b,c=d\ne\tf\vg"h\\'


def test_one_mark_is_free():
    assert s.FREE_MARK not in {*s.STRING_MARKS.values(), *s.ESCAPE_MARKS.values(), s.PAIR_MARK, s.LONE_MARK}
    with pytest.raises(NotCoveredError):
        shield(s.FREE_MARK.encode())
