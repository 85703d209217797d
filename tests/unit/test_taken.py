"""The ways through the fast route."""

from liveproto.frames.taken import Exit


def test_every_exit_says_what_happened():
    assert len({exit_.value for exit_ in Exit}) == len(Exit)
    assert all(" " in exit_.value for exit_ in Exit)
