"""Grafana releases and what they decide."""

import pytest

from liveproto.channel import Dots, PrefixForm
from liveproto.grafana.release import Release, parse_release


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("12.4", Release(12, 4)),
        ("v12.4", Release(12, 4)),
        ("12.4.1", Release(12, 4)),
        ("12.4.0-pre", Release(12, 4)),
        ("13.0.0+security-01", Release(13, 0)),
        ("8.0", Release(8, 0)),
        ("10.12", Release(10, 12)),
    ],
)
def test_a_version_is_read(text, release):
    assert parse_release(text) == release


@pytest.mark.parametrize(
    "text", ["", "12", "12.", ".4", "twelve", "12.x", "12.4x", " 12.4", "12.4\n", "12,4", "1\uff12.4"]
)
def test_what_is_no_version_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"expected a Grafana version such as 12\.4"):
        parse_release(text)


def test_releases_are_ordered_by_number_and_not_by_text():
    assert Release(9, 5) < Release(10, 0) < Release(10, 2) < Release(10, 12)
    assert str(Release(10, 12)) == "10.12"


@pytest.mark.parametrize(
    ("release", "dots", "form", "broadcast"),
    [
        (Release(8, 0), Dots.IN_PATH, PrefixForm.DECIMAL, True),
        (Release(11, 6), Dots.IN_PATH, PrefixForm.DECIMAL, True),
        (Release(12, 0), Dots.EVERYWHERE, PrefixForm.DECIMAL, True),
        (Release(12, 3), Dots.EVERYWHERE, PrefixForm.DECIMAL, True),
        (Release(12, 4), Dots.EVERYWHERE, PrefixForm.NAMESPACE, False),
        (Release(13, 0), Dots.EVERYWHERE, PrefixForm.NAMESPACE, False),
    ],
)
def test_a_release_decides_grammar_prefix_and_broadcast(release, dots, form, broadcast):
    assert (release.dots, release.prefix_form, release.has_broadcast) == (dots, form, broadcast)
