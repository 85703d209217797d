"""Cut a body into chunks of whole lines.

Theory. Batch steps on a body of many megabytes miss every cache and hold every intermediate text of it at once; chunks
of some thousand lines are faster and bound the memory. A newline ends a line when the quotes before it are even, those
that are escaped left out. Where that is wrong, because a quote stands in a name or a tag, a chunk ends inside a string,
and then it is not covered: what the fast route accepts ends where a line ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_LINES: Final = 3000
_MIN_BYTES: Final = 4096
_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)


def chunks(data: bytes) -> Iterator[bytes]:
    """Cut a body after about every ``CHUNK_LINES`` lines of average length; together the chunks are the body."""
    if len(data) <= 2 * _MIN_BYTES:
        yield data
        return
    size = max(_MIN_BYTES, len(data) * CHUNK_LINES // (data.count(b"\n") + 1))
    start = 0
    while len(data) - start > 2 * size:
        end = _line_end(data, start, start + size)
        yield data[start:end]
        start = end
    yield data[start:] if start else data


def _line_end(data: bytes, start: int, least: int) -> int:
    """Find the end of the first line that ends after ``least``."""
    quotes, end = 0, data.find(b"\n", least) + 1
    while end:
        quotes += _quotes(data[start:end])
        if quotes % 2 == 0:
            return end
        start, end = end, data.find(b"\n", end) + 1
    return len(data)


def _quotes(part: bytes) -> int:
    return (_ESCAPE.sub(b"", part) if b'\\"' in part else part).count(b'"')
