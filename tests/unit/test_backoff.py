"""Waits between attempts: the least, the growing cap, the longest."""

import pytest

from liveproto.session.backoff import DEFAULT_MAX_DELAY_S, DEFAULT_MIN_DELAY_S, backoff_delay_s


@pytest.mark.parametrize(
    ("attempt", "least", "half", "nearly_most"),
    [
        (0, 0.5, 0.75, 1.0),
        (1, 0.5, 1.0, 1.5),
        (2, 0.5, 1.5, 2.5),
        (3, 0.5, 2.5, 4.5),
        (4, 0.5, 4.5, 8.5),
        (5, 0.5, 8.5, 16.5),
        (6, 0.5, 10.5, 20.0),
        (31, 0.5, 10.5, 20.0),
        (10**6, 0.5, 10.5, 20.0),
    ],
)
def test_defaults(attempt, least, half, nearly_most):
    delays = [backoff_delay_s(attempt, fraction=fraction) for fraction in (0.0, 0.5, 0.999999)]
    assert delays == pytest.approx([least, half, nearly_most], abs=1e-4)


def test_the_longest_wait_is_never_passed():
    assert backoff_delay_s(0, fraction=0.9, min_s=5.0, max_s=6.0) == 6.0
    assert backoff_delay_s(9, fraction=0.5, min_s=0.1, max_s=1.0) == pytest.approx(0.6)


def test_the_defaults_are_those_of_the_sdks():
    assert (DEFAULT_MIN_DELAY_S, DEFAULT_MAX_DELAY_S) == (0.5, 20.0)
