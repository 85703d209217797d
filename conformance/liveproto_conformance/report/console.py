"""What a person sees: progress while it runs, and an end that says what to fix."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from liveproto_conformance.verdict import Exit, Status, Verdict

if TYPE_CHECKING:
    from liveproto_conformance.run import Result, Run

_STYLES: Final = {
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
_TOLD: Final = (Status.FAIL, Status.XPASS, Status.HARNESS_ERROR, Status.FLAKY, Status.NOT_EXERCISED, Status.WARN)
_VERDICTS: Final = {
    Verdict.CONFORMANT: ("CONFORMANT", "bold green"),
    Verdict.NONCONFORMANT: ("NOT CONFORMANT", "bold red"),
    Verdict.INCOMPLETE: ("INCOMPLETE: a MUST could not be exercised", "bold yellow"),
    Verdict.ERROR: ("ERROR of the kit: please report it", "bold magenta"),
}


class LiveProgress:
    """A bar with the check that runs and the counts so far; on a pipe, nothing until the end."""

    def __init__(self, console: Console) -> None:
        self._counts: Counter[Status] = Counter()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
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
            f"[{_STYLES[status]}]{count} {status}[/]" for status, count in self._counts.items() if status in _STYLES
        )
        self._progress.update(
            self._task,
            total=run.planned,
            completed=sum(self._counts.values()),
            description=f"{result.check.id:<48.48}",
            counts=counts,
        )


def print_end(console: Console, run: Run) -> None:
    """Print what did not pass, the counts by area, and the verdict last."""
    console.print()
    for status in _TOLD:
        for result in run.results.values():
            if result.outcome.status is status:
                console.print(_card(result))
    not_applicable = [r for r in run.results.values() if r.outcome.status is Status.NOT_APPLICABLE]
    if not_applicable:
        console.print(Text("not applicable", style="dim"))
        for result in not_applicable:
            console.print(Text(f"  {result.check.id}: {result.outcome.message}", style="dim"))
        console.print()
    console.print(_areas(run))
    console.print(_summary(run))


def _card(result: Result) -> Group:
    style = _STYLES[result.outcome.status]
    head = f"[{style}]{result.outcome.status}[/] [bold]{escape(result.check.id)}[/]"
    lines: list[object] = [Text.from_markup(head)]
    for requirement in result.check.requirements:
        rule = Text.assemble((f"{requirement.id} {requirement.level}  ", "bold"), requirement.text)
        lines.append(Padding(rule, (0, 0, 0, 2)))
        lines.append(Padding(Text(f"{requirement.status}: {requirement.source}", style="dim"), (0, 0, 0, 4)))
    lines.append(Padding(Text(result.outcome.message or "no message"), (0, 0, 1, 2)))
    return Group(*lines)  # type: ignore[arg-type] # renderables


def _areas(run: Run) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    shown = [status for status in Status if any(r.outcome.status is status for r in run.results.values())]
    table.add_column("area")
    for status in shown:
        table.add_column(status.value, justify="right", style=_STYLES[status])
    counts: dict[str, Counter[Status]] = {}
    for result in run.results.values():
        counts.setdefault(result.check.requirements[0].area, Counter())[result.outcome.status] += 1
    for area, counter in counts.items():
        table.add_row(area, *(str(counter[status] or "") for status in shown))
    return table


def _summary(run: Run) -> Text:
    facts = run.bench.known
    verdict, code = run.verdict()
    words, style = _VERDICTS[verdict]
    version = f"Grafana {facts.version}" + (f" (detected {facts.detected})" if facts.detected else "")
    profiles = "+".join(facts.profiles)
    text = Text()
    text.append(f"\n{facts.url}  profile {profiles}" + (f"  {version}" if facts.version else "") + "\n", style="dim")
    text.append(
        f"{len(run.results)} checks, {run.bench.stimuli_count()} stimuli, {run.wall_s:.1f} s"
        f" of which {run.bench.waiting_s:.1f} s waiting, seed {run.bench.settings.seed}\n",
        style="dim",
    )
    if run.not_scored:
        text.append(f"not scored (--fast): {', '.join(run.not_scored)}\n", style="dim")
    text.append(f"interrupted: {words}" if code is Exit.INTERRUPTED else words, style=style)
    return text
