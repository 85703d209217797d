"""Serves a mutant, or the twin, in a thread of this process, and runs checks against it as a run does.

Not here: which mutant, and what its outcomes mean (``liveproto_conformance.selftest``).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from liveproto.session.server import Timing
from liveproto_conformance.bench import Bench
from liveproto_conformance.catalogue import Check, catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.launch import EMBEDDED_MESSAGE_BYTES
from liveproto_conformance.probe import probe, root
from liveproto_conformance.reference.server import GRAFANA, Parts, ReferenceServer
from liveproto_conformance.run import FOUNDATION, Run
from liveproto_conformance.target import Settings, Timers, websocket_url
from liveproto_conformance.verdict import NothingTestedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator

    from liveproto.grafana.release import Release
    from liveproto_conformance.execute import Outcome

TIMING: Final = Timing(ping_interval_s=2.0, pong_timeout_s=1.0, stale_delay_s=2.0)
"""Of the second listener, for the timer lane."""
TIMEOUT_S: Final = 1.0
"""On loopback a reply that has not come by then does not come."""
_START_S: Final = 10.0
_TIMER_THREADS: Final = 12


class Through(Protocol):
    """Something between the client and the server."""

    async def listen(self, upstream: int) -> int:
        """Listen on a free port of loopback, before the server on another; return it."""
        ...

    async def stop(self) -> None:
        """Listen no more."""
        ...


@contextmanager
def served(parts: Parts, release: Release = GRAFANA, through: Through | None = None) -> Generator[tuple[str, str]]:
    """Serve in a thread; yield the URL and that of the listener with short timers."""
    started: Future[tuple[tuple[str, str], Callable[[], object]]] = Future()
    server = ReferenceServer(release=release, parts=parts)
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(server, through, started)), name="liveproto-mutant", daemon=True
    )
    thread.start()
    urls, stop = started.result(_START_S)
    try:
        yield urls
    finally:
        stop()
        thread.join(_START_S)


async def _serve(
    server: ReferenceServer, through: Through | None, started: Future[tuple[tuple[str, str], Callable[[], object]]]
) -> None:
    stopped = asyncio.Event()
    ports = [await server.listen(0), await server.listen(0, timing=TIMING)]
    if through is not None:
        ports = [await through.listen(port) for port in ports]
    loop = asyncio.get_running_loop()
    urls = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    started.set_result((urls, lambda: loop.call_soon_threadsafe(stopped.set)))
    await stopped.wait()
    if through is not None:
        await through.stop()
    await server.stop()


def against(settings: Settings, urls: tuple[str, str]) -> Settings:
    """Point the settings of a run at what ``served`` serves."""
    url, timer_url = urls
    return attrs.evolve(
        settings,
        url=url,
        timer_url=websocket_url(timer_url),
        timers=Timers(pong_s=TIMING.pong_timeout_s, stale_s=TIMING.stale_delay_s),
        limits={"message_bytes": EMBEDDED_MESSAGE_BYTES},
    )


def run_checks(settings: Settings, checks: Collection[Check] | None = None) -> dict[str, Outcome]:
    """Run checks in the order of a full run; return their outcomes by id.

    Args:
        settings: of the run.
        checks: the ones to run; by default those that the settings and the target call for.
    """
    run = begin(settings)
    run_lanes(selected(run) if checks is None else checks, run.outcome_of)
    return {id_: result.outcome for id_, result in run.results.items()}


def begin(settings: Settings) -> Run:
    """Open a run and probe its target; one that cannot be probed has no facts, and its root check needs none."""
    bench = Bench(settings, "lp" + secrets.token_hex(4))
    with suppress(NothingTestedError):
        root(bench)
        probe(bench)
    return Run(bench)


def selected(run: Run) -> list[Check]:
    """List what the settings and the target call for; of a target that was not probed nothing is known."""
    return [check for check in catalogue().values() if run.bench.facts is not None and run.selects(check)]


def run_lanes(checks: Collection[Check], outcome_of: Callable[[Check], object]) -> None:
    """Run checks, those first that others build on, the timer lane beside them and the passive ones last.

    Args:
        checks: in the order in which they shall otherwise be run.
        outcome_of: runs one.
    """
    ordered = sorted(checks, key=rank)
    with ThreadPoolExecutor(_TIMER_THREADS) as pool:
        timers = [pool.submit(outcome_of, check) for check in ordered if check.lane is Lane.TIMER]
        for check in ordered:
            if check.lane is Lane.MAIN:
                outcome_of(check)
        for timer in timers:
            timer.result()
    for check in ordered:
        if check.lane is Lane.PASSIVE:
            outcome_of(check)


def rank(check: Check) -> int:
    """Tell how much builds on a check, the least number first."""
    ids = [requirement.id for requirement in check.requirements]
    return min((FOUNDATION.index(id_) for id_ in ids if id_ in FOUNDATION), default=len(FOUNDATION))
