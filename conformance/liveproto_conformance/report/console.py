"""What a person sees: progress while it runs, and an end that says what to fix."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from liveproto_conformance.expectations.baseline import drafts
from liveproto_conformance.report import cards
from liveproto_conformance.report.json_report import expectations_as_json
from liveproto_conformance.report.printable import counted, printable
from liveproto_conformance.report.words import LISTED, TOLD, VERDICTS, by_reason, outdated_of, profile_of
from liveproto_conformance.report.write import PAGE
from liveproto_conformance.verdict import Exit, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from liveproto_conformance.run import Result, Run

STYLES: Final[Mapping[Status, str]] = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.FLAKY: "bold magenta",
    Status.HARNESS_ERROR: "bold magenta",
    Status.NOT_EXERCISED: "yellow",
    Status.WARN: "yellow",
    Status.INFO: "cyan",
    Status.NOT_APPLICABLE: "dim",
    Status.XFAIL: "dim",
    Status.XPASS: "bold red",
}
_WHOLE_CARDS: Final = 10
"""Shown with the traffic around the failure; the report has that of all."""
_PIPE_WIDTH: Final = 10_000
_VERDICTS: Final = {
    Verdict.CONFORMANT: "bold green",
    Verdict.NONCONFORMANT: "bold red",
    Verdict.INCOMPLETE: "bold yellow",
    Verdict.ERROR: "bold magenta",
}


def make_console(*, stderr: bool = False) -> Console:
    """Make the console of a command: as wide as the terminal; on a pipe, lines are not wrapped."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)


class LiveProgress:
    """A bar with the check that runs and the counts so far; on a pipe, nothing until the end."""

    def __init__(self, console: Console) -> None:
        self._counts: Counter[Status] = Counter()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("probing", total=None, counts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_result(self, run: Run, result: Result) -> None:
        """Move on by one check."""
        self._counts[result.outcome.status] += 1
        counts = "  ".join(
            f"[{STYLES[status]}]{count} {status}[/]" for status, count in self._counts.items() if status in TOLD
        )
        self._progress.update(
            self._task,
            total=run.planned,
            completed=sum(self._counts.values()),
            description=f"{result.check.id:<36.36}",
            counts=counts,
        )


def print_end(console: Console, run: Run, directory: Path | None = None) -> None:
    """Print what did not pass, the counts by area, and the verdict last.

    Args:
        console: where to.
        run: finished or interrupted.
        directory: where the report went.
    """
    failed = [result for status in TOLD for result in _of(run, status)]
    for index, result in enumerate(failed):
        console.print(_card(result, traffic=index < _WHOLE_CARDS), crop=False)
    for status in LISTED:
        console.print(_list(run, status), end="")
    console.print(_outdated(run), end="")
    console.print(_drafts(run), end="", crop=False)
    if run.results:
        console.print(_areas(run))
        console.print()
    console.print(_summary(run, directory))


def _of(run: Run, status: Status) -> list[Result]:
    return [result for result in run.results.values() if result.outcome.status is status]


def _list(run: Run, status: Status) -> Group:
    """Name the checks that share a reason below it."""
    reasons = by_reason((result.reason or result.outcome.message, result.check.id) for result in _of(run, status))
    lines: list[RenderableType] = [Text(status, style=STYLES[status])] if reasons else []
    for reason, ids in reasons.items():
        lines.append(cards.indented(Text(reason), 2))
        lines.append(cards.indented(Text(", ".join(ids), style="dim"), 4))
    return Group(*lines, *([Text()] if reasons else []))


def _outdated(run: Run) -> Group:
    """Name the expectations that fail the run."""
    lines: list[RenderableType] = [cards.indented(Text(line), 2) for line in outdated_of(expectations_as_json(run))]
    return Group(Text("OUTDATED", style="bold red"), *lines, Text()) if lines else Group()


def _drafts(run: Run) -> Group:
    """Write what makes failures known ones, ready to be pasted: the lines of an entry are whole, whatever the width."""
    parts = [(part + "\n", "\n" in part) for part in drafts(run)]
    return Group(*(Text(text, no_wrap=entry, overflow="ignore" if entry else "fold") for text, entry in parts))


def _card(result: Result, *, traffic: bool) -> Group:
    style = STYLES[result.outcome.status]
    if result.card is not None:
        return cards.render(result.card, style, traffic=traffic)
    message = Text(printable(result.outcome.message) or "no message")
    return Group(
        cards.head(result.outcome.status, style, result.check.id),
        cards.rules(result.check.requirements),
        cards.indented(message, 2),
        Text(),
    )


def _areas(run: Run) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    shown = [status for status in Status if any(r.outcome.status is status for r in run.results.values())]
    table.add_column("area")
    for status in shown:
        table.add_column(status.value, justify="right", style=STYLES[status])
    counts: dict[str, Counter[Status]] = {}
    for result in run.results.values():
        counts.setdefault(result.check.requirements[0].area, Counter())[result.outcome.status] += 1
    for area, counter in counts.items():
        table.add_row(area, *(str(counter[status] or "") for status in shown))
    return table


def _summary(run: Run, directory: Path | None) -> Group:
    facts, settings = run.bench.known, run.bench.settings
    rows = {
        "target": facts.url,
        "profile": profile_of(facts.profiles, str(facts.version) if facts.version else None, facts.detected),
        "run": f"{len(run.results)} checks and {run.bench.stimuli_count()} stimuli in {run.wall_s:.1f} s,"
        f" {run.bench.waiting_s:.1f} s of it waiting; seed {settings.seed}",
    }
    if run.not_scored:
        rows["fast"] = f"{len(run.not_scored)} checks that wait for timers were left out"
    if (settings.select, settings.req, settings.level) == (None, None, None):
        rows["transitions"] = str(run.bench.coverage.reached(timers=not settings.fast))
    if run.expectations.entries:
        counts = Counter(standing.value.replace("_", " ") for _, standing in run.standings())
        told = ", ".join(f"{number} {standing}" for standing, number in counts.items())
        rows["expected"] = f"{run.expectations.file}: {told}"
    if run.change is not None:
        rows["baseline"] = f"{run.expectations.file}: {run.change}"
    if directory is not None:
        rows["report"] = str(directory / PAGE)
    return Group(*(Text(f"{name:<8} {value}", style="dim") for name, value in rows.items()), _verdict(run))


def _verdict(run: Run) -> Text:
    verdict, code = run.verdict()
    if code is Exit.NOTHING_TESTED:
        return Text("NOTHING TESTED: no check of this profile matches -k, --req and --level", style="bold yellow")
    words, style = VERDICTS[verdict], _VERDICTS[verdict]
    if verdict is Verdict.CONFORMANT and (known := len(_of(run, Status.XFAIL))):
        words += f", but for {counted(known, 'known failure')}"
    if code is Exit.INTERRUPTED:
        return Text(f"INTERRUPTED after {len(run.results)} of {run.planned} checks: {words}", style=style)
    return Text(words, style=style)
