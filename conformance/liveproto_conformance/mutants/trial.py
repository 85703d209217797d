"""Serves a mutant, or the twin, in a thread of this process, and runs checks against it.

A trial runs what a full run would have run before: first the checks that others build on, then the ones asked for, the
timer lane beside them, and the passive ones last.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import attrs

from liveproto.session.server import Timing
from liveproto_conformance.bench import Bench
from liveproto_conformance.catalogue import Check, catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.launch import EMBEDDED_MESSAGE_BYTES
from liveproto_conformance.mutants.registry import mutants
from liveproto_conformance.probe import NothingTestedError, probe, root
from liveproto_conformance.reference.server import GRAFANA, Parts, ReferenceServer
from liveproto_conformance.run import FOUNDATION, Run
from liveproto_conformance.target import Settings, Timers, make_settings, websocket_url

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
_FEW_EXAMPLES: Final = 2


@contextmanager
def served(parts: Parts, release: Release = GRAFANA) -> Generator[tuple[str, str]]:
    """Serve in a thread; yield the URL and that of the listener with short timers."""
    started: Future[tuple[tuple[str, str], Callable[[], object]]] = Future()
    server = ReferenceServer(release=release, parts=parts)
    thread = threading.Thread(target=lambda: asyncio.run(_serve(server, started)), name="liveproto-mutant", daemon=True)
    thread.start()
    urls, stop = started.result(_START_S)
    try:
        yield urls
    finally:
        stop()
        thread.join(_START_S)


async def _serve(server: ReferenceServer, started: Future[tuple[tuple[str, str], Callable[[], object]]]) -> None:
    stopped = asyncio.Event()
    ports = await server.listen(0), await server.listen(0, timing=TIMING)
    loop = asyncio.get_running_loop()
    urls = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    started.set_result((urls, lambda: loop.call_soon_threadsafe(stopped.set)))
    await stopped.wait()
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


def run_checks(
    settings: Settings, checks: Collection[Check] | None = None, *, before: Collection[Check] = ()
) -> dict[str, Outcome]:
    """Run checks in the order of a full run, after others with few examples; return all their outcomes by id.

    Args:
        settings: of the run.
        checks: the ones to run; by default those that the settings and the target call for.
        before: the others.
    """
    bench = Bench(settings, "lp" + secrets.token_hex(4))
    run = Run(bench)
    # A mutant whose connect fails cannot be probed; its root check needs no facts.
    with suppress(NothingTestedError):
        root(bench)
        probe(bench)
    if bench.facts is not None:
        bench.settings = attrs.evolve(settings, max_examples=_FEW_EXAMPLES)
        for check in sorted(before, key=_rank):
            run.outcome_of(check)
        bench.settings = settings
    if checks is None:
        checks = [check for check in catalogue().values() if bench.facts is not None and run.selects(check)]
    _run_lanes(run, sorted(checks, key=_rank))
    return {id_: result.outcome for id_, result in run.results.items()}


def _run_lanes(run: Run, checks: list[Check]) -> None:
    with ThreadPoolExecutor(_TIMER_THREADS) as pool:
        timers = [pool.submit(run.outcome_of, check) for check in checks if check.lane is Lane.TIMER]
        for check in checks:
            if check.lane is Lane.MAIN:
                run.outcome_of(check)
        for timer in timers:
            timer.result()
    for check in checks:
        if check.lane is Lane.PASSIVE:
            run.outcome_of(check)


def _rank(check: Check) -> int:
    ids = [requirement.id for requirement in check.requirements]
    return min((FOUNDATION.index(id_) for id_ in ids if id_ in FOUNDATION), default=len(FOUNDATION))


def try_mutant(id_: str, *, everything: bool = False) -> dict[str, Outcome]:
    """Serve a mutant and run the checks that must notice it, or a fast run; return their outcomes by id."""
    mutant = mutants()[id_]
    settings = make_settings({"fast": True, "timeout": TIMEOUT_S, **mutant.settings}, {})
    named = {*mutant.must_fail, *mutant.traffic}
    everywhere = list(catalogue().values())
    checks = None if everything else [check for check in everywhere if check.id in named]
    foundation = [check for check in everywhere if check.lane is Lane.MAIN and _rank(check) < len(FOUNDATION)]
    with served(mutant.patch(Parts()), settings.grafana or GRAFANA) as urls:
        return run_checks(against(settings, urls), checks, before=foundation)


def try_in_full(id_: str) -> dict[str, Outcome]:
    """Run a fast run against a mutant, and then the checks that must notice it; return the outcomes by id."""
    return {**try_mutant(id_, everything=True), **try_mutant(id_)}
