"""Heads of lines, read once and kept."""

import pytest

from liveproto.frames.series import MAX_HEAD, SeriesCache, read_head, read_key
from liveproto.frames.shield import NotCoveredError, shield


@pytest.mark.parametrize(
    ("head", "series"),
    [
        (b"cpu", ("cpu", "", ())),
        (b"cpu,b=2,a=1", ("cpu", "a=1, b=2", (("a", "1"), ("b", "2")))),
        (b"cpu,a=1,a=2", ("cpu", "a=2", (("a", "2"),))),
        (b"c\\ p\\,u,a\\=b=c\\ d", ("c p,u", "a=b=c d", (("a=b", "c d"),))),
        (b'cpu,a="x"', ("cpu", 'a="x"', (("a", '"x"'),))),
        ("\u00e9,a=\u4e2d".encode(), ("\u00e9", "a=\u4e2d", (("a", "\u4e2d"),))),
        (b"cpu,a=C:\\dir", ("cpu", "a=C:\\dir", (("a", "C:\\dir"),))),
    ],
)
def test_a_head_is_a_measurement_and_its_tags(head, series):
    assert read_head("\n" + shield(head)) == series


@pytest.mark.parametrize(
    "head",
    [
        "cpu",
        "\n",
        "\n#cpu",
        "\ncpu,",
        "\ncpu,a",
        "\ncpu,a=",
        "\ncpu,=a",
        "\na\nb",
        "\ncpu,a=b=c",
        "\ncpu,a=\x01",
        "\ncpu,a\x0f",
        "\ncpu,a\x0f=b=c",
    ],
)
def test_anything_else_is_no_head(head):
    with pytest.raises(NotCoveredError):
        read_head(head)


def test_a_key_is_unescaped_as_the_grammar_has_it():
    assert read_key(shield(b"a\\ b\\=c")) == "a b=c"
    assert read_key(shield(b"a\\b")) == "a\\b"
    for key in ("", "a=b", "a b"):
        with pytest.raises(NotCoveredError):
            read_key(key)


def test_heads_are_looked_up_in_their_order():
    cache = SeriesCache(10)
    for _ in range(2):
        assert [name for name, _, _ in cache.look_up(["\nb", "\na", "\nb"])] == ["b", "a", "b"]
    assert len(cache) == 2


def test_the_cache_is_bounded_and_keeps_what_is_used():
    cache = SeriesCache(4)
    (kept,) = cache.look_up(["\nkept"])
    for number in range(100):
        cache.look_up([f"\nm{number}", "\nkept"])
        assert len(cache) <= 4
        assert cache.look_up(["\nkept"])[0] is kept


def test_what_is_used_is_kept_also_within_one_call():
    cache = SeriesCache(4)
    cache.look_up(["\na", "\nb"])
    _, kept, *_ = cache.look_up(["\nc", "\na", "\nd", "\ne"])
    assert cache.look_up(["\na"])[0] is kept


def test_a_cache_of_nothing_still_answers():
    cache = SeriesCache(0)
    assert [name for name, _, _ in cache.look_up(["\na", "\nb"])] == ["a", "b"]
    assert len(cache) <= 2


def test_long_heads_are_not_kept():
    cache = SeriesCache(4)
    name = "m" * MAX_HEAD
    assert cache.look_up(["\n" + name])[0][0] == name
    assert len(cache) == 0
