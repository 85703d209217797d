"""``liveproto check``: probe the target, run the checks under pytest, and report."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from liveproto_conformance import checks
from liveproto_conformance.bench import Bench
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.expectations.read import expectations_of
from liveproto_conformance.failures.repro import FOLDER
from liveproto_conformance.probe import probe, root
from liveproto_conformance.report.console import LiveProgress, make_console, print_end
from liveproto_conformance.report.json_report import SPEC, make_report
from liveproto_conformance.report.write import WRITERS, write_reports
from liveproto_conformance.run import Result, Run
from liveproto_conformance.search import hypothesis_home
from liveproto_conformance.target import UsageError
from liveproto_conformance.traces.trace import CHECK, TRACE, TraceWriter, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from liveproto_conformance.expectations.entry import Expectations
    from liveproto_conformance.target import Settings
    from liveproto_conformance.verdict import Exit

_QUIET_PLUGINS: Final = (
    "terminal",
    "cacheprovider",
    "stepwise",
    "faulthandler",
    "unraisableexception",
    "threadexception",
    "warnings",
    "junitxml",
    "pastebin",
    "logging",
)


def judge_target(settings: Settings, running: Callable[[], Settings], today: date) -> Exit:
    """Judge a target and print the end of it.

    Args:
        settings: of the run.
        running: waits until the target runs, and returns the settings with its URL.
        today: after which day an expectation has expired.

    Returns:
        What the process shall return.
    """
    console = make_console()
    expectations = expectations_of(settings, Path(), today)
    with ExitStack() as stack:
        directory = _report_directory(settings, expectations)
        stack.enter_context(hypothesis_home())
        progress = stack.enter_context(LiveProgress(console))
        run = _make_run(running(), directory, expectations, stack, progress)
        _run_checks(run)
        progress.__exit__()
        if directory is not None:
            write_reports(make_report(run), directory, os.environ)
        print_end(console, run, directory)
        return run.verdict()[1]


def _make_run(
    settings: Settings, directory: Path | None, expectations: Expectations, stack: ExitStack, progress: LiveProgress
) -> Run:
    nonce = "lp" + secrets.token_hex(4)
    trace = None
    if directory is not None:
        header = {"kit": version("liveproto"), "spec": SPEC, "seed": settings.seed, "target": redact_url(settings.url)}
        trace = stack.enter_context(TraceWriter(directory / TRACE, {"command": CHECK, **header}))
    bench = Bench(settings, nonce, trace)
    root(bench)
    probe(bench)

    def on_result(result: Result) -> None:
        progress.on_result(run, result)

    run = Run(bench, on_result, directory, expectations)
    return run


def _run_checks(run: Run) -> None:
    # A module that cannot be imported is our fault, and must not look like a smaller run.
    catalogue()
    # The user's own pytest plugins and configuration have no say in a verdict.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    select = run.bench.settings.select
    folder = Path(checks.__path__[0])
    arguments = [
        str(folder),
        f"--rootdir={folder}",
        f"-c{os.devnull}",
        "--capture=sys",
        *(f"-pno:{name}" for name in _QUIET_PLUGINS),
        *([f"-k{select}"] if select else []),
    ]
    code = pytest.main(arguments, plugins=[run])
    if code == pytest.ExitCode.INTERRUPTED:
        run.interrupted = True
    elif code == pytest.ExitCode.USAGE_ERROR:
        raise UsageError(f"-k: {select!r} cannot be read")
    elif code == pytest.ExitCode.INTERNAL_ERROR:
        raise RuntimeError("pytest failed; please report it")


def _report_directory(settings: Settings, expectations: Expectations) -> Path | None:
    """Make the report directory, and see that everything in it can be written.

    Raises:
        UsageError: it cannot, or there is something in it that the run needs.
    """
    if settings.report_dir is None:
        return None
    directory = Path(settings.report_dir)
    saved = directory / FOLDER
    for entry in expectations.entries:
        if entry.repro and (expectations.file.parent / entry.repro).resolve().parent == saved.resolve():
            where = f"{expectations.file}: line {entry.line}: repro"
            raise UsageError(f"{where}: {entry.repro} is in --report-dir, which a run empties; keep a copy elsewhere")
    try:
        saved.mkdir(parents=True, exist_ok=True)
        for path in (*(directory / name for name in (*WRITERS, TRACE)), saved / ".json"):
            # What an earlier run has left must not be taken for this one's.
            path.open("a").close()
            path.unlink()
        for path in saved.glob("*.json"):
            path.unlink()
    except OSError as error:
        raise UsageError(f"--report-dir: {error.filename}: {error.strerror}") from error
    return directory
