"""How long a client waits before it tries again.

Theory. The wait is at least the minimum, so that a server is never hammered, plus a random part below a cap that
doubles with each failure, so that clients that failed together do not come back together; all of it at most the
maximum. The random part is an argument, like everything here that is not computed.

Source: centrifuge-js 5.7.4 utils.ts and centrifuge-python 0.7.0 utils.py, which agree (T77).
"""

from __future__ import annotations

from typing import Final

DEFAULT_MIN_DELAY_S: Final = 0.5
DEFAULT_MAX_DELAY_S: Final = 20.0
_LAST_DOUBLING: Final = 31


def backoff_delay_s(
    attempt: int, *, fraction: float, min_s: float = DEFAULT_MIN_DELAY_S, max_s: float = DEFAULT_MAX_DELAY_S
) -> float:
    """Tell how long to wait after a failure (GL-CLIENT-003).

    Args:
        attempt: how many failures came before this one, from 0.
        fraction: from 0 to below 1, how much of the random part to take.
        min_s: the least wait.
        max_s: the longest wait, and the longest random part.
    """
    cap_s = min(max_s, min_s * 2.0 ** min(attempt, _LAST_DOUBLING))
    return min(max_s, min_s + fraction * cap_s)
