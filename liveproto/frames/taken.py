"""The ways through the fast route, to be counted by whoever wants to know which were taken."""

from __future__ import annotations

import enum


class Exit(enum.StrEnum):
    """How a part of a body was converted."""

    EXACT = "the exact route took the body"
    AT_ONCE = "a chunk was cut at once"
    BY_LINE = "a chunk was cut line by line"
    FEW_ROWS = "measurements of a few rows were read together"
    SAME_KEYS = "the rows of a measurement had the same keys"
    SAME_WIDTH = "rows of one width had the same keys"
    BY_KEYS = "rows were parted by their keys"
    TYPED = "the values of a column were decoded together"
    ONE_BY_ONE = "the values of a column were read one by one"
    CONFLICT = "a column met values of another type"
