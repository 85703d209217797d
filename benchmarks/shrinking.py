"""Claim: a bug that only certain sequences show is found, and shrunk to its true minimum plus at most one command.

``python benchmarks/shrinking.py`` plants thirty bugs in the embedded server, one after the other, and lets the check
that must find each look for it. It prints the size of what was found beside the true minimum, in commands, and the
seconds that shrinking took. Exit code 1 where fewer than 27 come that close, or one takes longer than two seconds.
"""

from __future__ import annotations

import sys
from typing import Final

from liveproto_conformance.mutants.hunt import hunt
from liveproto_conformance.mutants.planted import PLANTED, size_of

ROOM: Final = 1
ENOUGH: Final = 27
LONGEST_S: Final = 2.0


def main() -> int:
    """Hunt every planted bug and print what came of it."""
    close, slowest_s = 0, 0.0
    print(f"{'found':>5} {'least':>5} {'shrinking':>9}")
    for planted in PLANTED:
        found, least = hunt(planted), size_of(planted.least)
        close += found.size is not None and found.size <= least + ROOM
        slowest_s = max(slowest_s, found.shrinking_s)
        print(f"{found.size or '-':>5} {least:>5} {found.shrinking_s:7.2f} s  {planted.id}", flush=True)
    print(f"{close} of {len(PLANTED)} within {ROOM} command of the minimum; slowest {slowest_s:.2f} s")
    return 0 if close >= ENOUGH and slowest_s <= LONGEST_S else 1


if __name__ == "__main__":
    sys.exit(main())
