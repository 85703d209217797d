"""``liveproto selftest``: tries everything the kit must tell apart, and says where it cannot.

Theory. Every trial is independent and waits now and then, so that they run in a few processes, each of which imports
the checks once. A machine that is busy may make a trial surprise; it is then tried again with nothing beside it, and
that counts. What came of all is judged when all are done.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

import attrs
from hypothesis.configuration import set_hypothesis_home_dir
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.mutants.null_servers import NULL_SERVERS
from liveproto_conformance.mutants.registry import mutants
from liveproto_conformance.report.console import make_console
from liveproto_conformance.search import hypothesis_home
from liveproto_conformance.selftest import matrix
from liveproto_conformance.selftest.known import read_known
from liveproto_conformance.selftest.named import try_named
from liveproto_conformance.selftest.null import try_null
from liveproto_conformance.selftest.report import JSON, PAGE, Findings, Machine, document_of, summary_of, write
from liveproto_conformance.selftest.twin import SEEDS, try_twin
from liveproto_conformance.selftest.wire import try_wire, wire_mutants
from liveproto_conformance.target import UsageError, meant
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from rich.console import Console

    from liveproto_conformance.selftest.known import Known
    from liveproto_conformance.selftest.null import NullServer
    from liveproto_conformance.selftest.outcome import Tried

Id = TypeVar("Id", str, int)
Result = TypeVar("Result")


@attrs.frozen(kw_only=True)
class Asked:
    """What to try: everything, one part of it, or these mutants."""

    only: str | None = None
    mutants: tuple[str, ...] = ()
    jobs: int = 3 * (os.cpu_count() or 1)
    report_dir: Path | None = None

    def of(self, part: str, ids: Collection[Id]) -> list[Id]:
        """List those of a part that shall be tried."""
        if self.mutants:
            return [id_ for id_ in ids if id_ in self.mutants]
        return list(ids) if self.only in {None, part} else []

    @property
    def everything(self) -> bool:
        """Whether nothing is left out, so that what kills nothing shows."""
        return self.only is None and not self.mutants


def selftest(asked: Asked) -> Exit:
    """Run the self-test and print what came of it; returns what the process shall return.

    Raises:
        UsageError: there is no such mutant, the folder of the report cannot be made, or ``known.toml`` cannot be read.
    """
    known = read_known()
    _check_names(asked.mutants)
    if asked.report_dir is not None:
        _empty(asked.report_dir)
    console = make_console()
    start = time.monotonic()
    found = _judged(asked, known, _tried_twice(asked, known, console))
    machine = Machine(cores=os.cpu_count() or 1, jobs=asked.jobs, wall_s=time.monotonic() - start, cpu_s=_cpu_s())
    document = document_of(found, machine, catalogue())
    for line in (*summary_of(document), *(f"FAULT {fault}" for fault in found.faults)):
        console.print(line, markup=False)
    if asked.report_dir is not None:
        write(document, asked.report_dir)
    return Exit.NONCONFORMANT if found.faults else Exit.CONFORMANT


@attrs.frozen(kw_only=True)
class _Results:
    """What was tried, each part in the order of its ids."""

    nulls: Sequence[NullServer]
    named: Sequence[Tried]
    wire: Sequence[Tried]
    twin: Sequence[Tried]
    second_looks: Sequence[str] = ()
    """The mutants of which the first trial was not believed."""


def _tried_twice(asked: Asked, known: Known, console: Console) -> _Results:
    """Try what was asked for, and once more, with nothing beside it, each mutant that surprised."""
    first = _tried(asked, console)
    surprising = tuple(row.id for row in _rows(known, first) if row.faults)
    if not surprising:
        return first
    second = _tried(attrs.evolve(asked, mutants=surprising, jobs=1), console)
    return attrs.evolve(
        first,
        named=_replaced(first.named, second.named),
        wire=_replaced(first.wire, second.wire),
        second_looks=surprising,
    )


def _replaced(first: Iterable[Tried], second: Iterable[Tried]) -> list[Tried]:
    by_id = {tried.id: tried for tried in second}
    return [by_id.get(tried.id, tried) for tried in first]


def _tried(asked: Asked, console: Console) -> _Results:
    """Try what was asked for, of each part in turn: some mostly wait, others mostly compute."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    context = multiprocessing.get_context("spawn")
    with (
        progress,
        hypothesis_home() as folder,
        ProcessPoolExecutor(asked.jobs, context, _start_worker, (folder,)) as pool,
    ):
        task = progress.add_task("trials")
        plan: list[tuple[float, Callable[[], None]]] = []

        def start(trial: Callable[[Id], Result], id_: Id, futures: list[Future[Result]]) -> None:
            futures.append(pool.submit(trial, id_))
            futures[-1].add_done_callback(lambda _: progress.advance(task))

        def planned(trial: Callable[[Id], Result], ids: Sequence[Id]) -> list[Future[Result]]:
            futures: list[Future[Result]] = []
            plan.extend((number / len(ids), partial(start, trial, id_, futures)) for number, id_ in enumerate(ids))
            return futures

        twin = planned(try_twin, asked.of("twin", SEEDS))
        nulls = planned(try_null, asked.of("null", NULL_SERVERS))
        named = planned(try_named, asked.of("named", mutants()))
        wire = planned(try_wire, asked.of("wire", wire_mutants()))
        progress.update(task, total=len(plan))
        for _, start_next in sorted(plan, key=itemgetter(0)):
            start_next()
        try:
            return _Results(nulls=_all(nulls), named=_all(named), wire=_all(wire), twin=_all(twin))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _all(futures: Iterable[Future[Result]]) -> list[Result]:
    return [future.result() for future in futures]


def _start_worker(hypothesis_folder: Path) -> None:
    set_hypothesis_home_dir(hypothesis_folder)
    # What mutants make aiohttp say is no news; and Hypothesis minds the chance of the servers beside it.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    catalogue()


def _judged(asked: Asked, known: Known, results: _Results) -> Findings:
    rows = _rows(known, results)
    faults = [
        *matrix.faults_of_nulls(results.nulls),
        *(fault for row in rows for fault in row.faults),
        *matrix.faults_of_twin(results.twin),
    ]
    if not asked.mutants:
        faults += matrix.faults_of_share(rows)
    if asked.everything:
        faults += matrix.faults_of_known(known, rows, wire_mutants())
        faults += matrix.faults_of_kills(matrix.kills_of(rows, catalogue()))
    return Findings(nulls=results.nulls, rows=rows, twin=results.twin, second_looks=results.second_looks, faults=faults)


def _rows(known: Known, results: _Results) -> list[matrix.Row]:
    return [
        *(matrix.judge_named(mutants()[tried.id], tried, catalogue(), known) for tried in results.named),
        *(matrix.judge_wire(wire_mutants()[tried.id], tried, catalogue(), known) for tried in results.wire),
    ]


def _check_names(names: Iterable[str]) -> None:
    there = (*mutants(), *wire_mutants())
    for name in names:
        if name not in there:
            raise UsageError(f"--mutant: there is no mutant {name!r}{meant(name, there)}")


def _empty(folder: Path) -> None:
    """Make the folder of the report, without what an earlier run has left."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (JSON, PAGE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"--report-dir: {folder}: {error.strerror}") from error


def _cpu_s() -> float:
    """Return what this process and those that it waited for have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
