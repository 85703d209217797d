"""Tables of lines by requirement, pushed into a target: those that it takes, and those that it refuses.

Theory. In a table ``cpu`` stands for the measurement of the check and ``@`` for a time, another one each. The lines of
a requirement that are taken go as one body, and one by one where that is refused, to find which; of those that are
refused each is a body, behind a good line. A failure ends with the requirement it is of.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from liveproto_conformance.check import NoReplyError, text_of
from liveproto_conformance.pushing import TIME_NS, WIDE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from liveproto_conformance.pushing import Ingest
    from liveproto_conformance.session import Session

Lines = Mapping[str, "Sequence[bytes]"]
"""Lines by requirement; one of them may hold several, or none."""
_NS_PER_MS: Final = 1_000_000
_OK, _REFUSED = 200, 500


def takes(ingest: Ingest, table: Lines, query: str = WIDE) -> None:
    """Fail unless each line is taken, and what the model makes of it is published."""
    session, (cpu,) = ingest.listener(1)
    times = itertools.count(TIME_NS, _NS_PER_MS)
    for requirement, lines in table.items():
        with _named(requirement):
            _take(ingest, session, [filled(line, cpu, times) for line in lines], query)


def refuses(ingest: Ingest, table: Lines) -> None:
    """Fail unless each line is answered 500, and nothing is published of its body."""
    session, (cpu,) = ingest.listener(1)
    times = itertools.count(TIME_NS, _NS_PER_MS)
    for requirement, lines in table.items():
        with _named(requirement):
            ingest.nothing_more(session, cpu)
            for line in lines:
                body = filled(b"cpu good=1 @\n" + line, cpu, times)
                answer = ingest.post(body)
                assert answer.status == _REFUSED, f"expected 500 to {body!r}, got {answer}"
            ingest.nothing_more(session, cpu)


def filled(line: bytes, cpu: str, times: Iterator[int]) -> bytes:
    """Put a measurement and times into a line of a table."""
    named = line.replace(b"cpu", cpu.encode())
    return re.sub(b"@", lambda _: b"%d" % next(times), named)


def _take(ingest: Ingest, session: Session, lines: Sequence[bytes], query: str) -> None:
    body = b"\n".join(lines)
    answer = ingest.post(body, query)
    if answer.status != _OK and len(lines) > 1:
        for line in lines:
            _take(ingest, session, [line], query)
    assert answer.status == _OK, f"expected 200 to {body!r}, got {answer}"
    ingest.receives(session, ingest.published(body, query))


@contextmanager
def _named(requirement: str) -> Generator[None]:
    try:
        yield
    except NoReplyError:
        raise
    except AssertionError as error:
        raise AssertionError(f"{text_of(error)} ({requirement})") from None
