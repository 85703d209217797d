"""Which Grafana release, and what that decides for Grafana Live."""

from __future__ import annotations

import re
from typing import Final

import attrs

from liveproto.channel import Dots, PrefixForm

_RELEASE: Final = re.compile(r"v?([0-9]+)\.([0-9]+)(?:[.\-+].*)?")


@attrs.frozen(order=True)
class Release:
    """A Grafana release, by its major and minor number."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def dots(self) -> Dots:
        """Where a channel may have dots (GL-CHAN-002, GL-CHAN-003)."""
        return Dots.EVERYWHERE if self >= Release(12, 0) else Dots.IN_PATH

    @property
    def prefix_form(self) -> PrefixForm:
        """How the organisation is written (GL-CHAN-007, GL-CHAN-008)."""
        return PrefixForm.NAMESPACE if self >= Release(12, 4) else PrefixForm.DECIMAL

    @property
    def has_broadcast(self) -> bool:
        """Whether ``grafana/broadcast`` exists."""
        return self < Release(12, 4)


def parse_release(text: str) -> Release:
    """Read ``12.4``, ``v12.4.1`` or ``12.4.0-pre``.

    Raises:
        ValueError: it is no version.
    """
    match = _RELEASE.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a Grafana version such as 12.4, got {text!r}")
    return Release(int(match[1]), int(match[2]))
