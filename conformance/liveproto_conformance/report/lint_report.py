"""How recorded traffic was judged: for people, and as JSON.

What was recorded comes from strangers, so whatever of it is printed goes through ``printable``.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from liveproto_conformance.report.cards import indented
from liveproto_conformance.report.printable import counted, printable, printable_bytes
from liveproto_conformance.requirements import Level, requirements
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from liveproto_conformance.requirements import Requirement
    from liveproto_conformance.traces.lint import Judged, Spotted

_STYLES: Final = {Level.MUST: "bold red", Level.SHOULD: "yellow", Level.MAY: "cyan"}
_LINE_BYTES: Final = 400
_WORDS: Final = 400
"""At most so many characters of a text, and of a pointer, on the line of a finding that was made live."""
_SHOWN: Final = 5
"""Findings of one requirement that people are shown; JSON has all that were kept."""
_VERDICTS: Final = {
    Exit.CONFORMANT: ("NO MUST BROKEN", "bold green"),
    Exit.NONCONFORMANT: ("NOT CONFORMANT", "bold red"),
    Exit.NOTHING_TESTED: ("NOTHING TO JUDGE: the trace has no messages of a WebSocket", "bold yellow"),
    Exit.USAGE: ("NO TRACE", "bold red"),
}


def print_judged(console: Console, path: Path, judged: Judged) -> None:
    """Print what was broken, how much was exercised, and the verdict last."""
    for requirement in _broken(judged):
        console.print(_card(requirement, judged))
    if judged.occasions:
        console.print(_areas(judged))
        console.print()
    console.print(_summary(path, judged))


def judged_as_json(path: Path, judged: Judged) -> str:
    """Write it down as one JSON object, in ASCII."""
    words, _ = _VERDICTS[judged.exit]
    return json.dumps(
        {
            "format": 1,
            "trace": str(path),
            "header": judged.header,
            "damage": attrs.asdict(judged.damage) if judged.damage else None,
            "sides": sorted(judged.sides),
            "connections": judged.connections,
            "messages": judged.messages,
            "bytes": judged.bytes,
            "losses": judged.losses,
            "lost": [{"connection": connection, "text": text} for connection, text in judged.lost],
            "findings": list(map(_finding_as_json, judged.spotted)),
            "requirements": [
                {
                    "id": requirement.id,
                    "level": requirement.level,
                    "occasions": judged.occasions[requirement.id],
                    "broken": judged.broken[requirement.id],
                }
                for requirement in _exercised(judged)
            ],
            "verdict": words,
        },
        indent=2,
    )


def finding_line(spotted: Spotted) -> str:
    """Say in one line of bounded length what was found, while traffic passes."""
    finding = spotted.finding
    level = requirements()[finding.requirement].level
    return f"{level} {finding.requirement} {_place(spotted, _WORDS)}: {printable(_cut(finding.text, _WORDS))}"


def summary_line(judged: Judged) -> str:
    """Say in one line how much was judged live, and what of it was broken."""
    lost = f", {counted(judged.losses, 'connection')} not to the end" if judged.losses else ""
    amount = f"{counted(judged.messages, 'message')} on {counted(judged.connections, 'connection')}{lost}"
    broken = ", ".join(f"{each.id} {each.level} {judged.broken[each.id]:,}" for each in _broken(judged))
    nothing = "no rule broken" if judged.messages else "nothing to judge"
    return f"judged {amount}: {f'broken {broken}' if broken else nothing}"


def _finding_as_json(spotted: Spotted) -> dict[str, Any]:
    requirement = requirements()[spotted.finding.requirement]
    return {
        **attrs.asdict(spotted.finding),
        "level": requirement.level,
        "requirement_text": requirement.text,
        "connection": spotted.connection,
        "check": spotted.check,
        "sent_by": spotted.sender,
        "shown": spotted.line.decode(errors="backslashreplace"),
        "shown_of_bytes": spotted.line_bytes,
    }


def _broken(judged: Judged) -> list[Requirement]:
    return [requirement for requirement in requirements().values() if judged.broken[requirement.id]]


def _exercised(judged: Judged) -> Iterator[Requirement]:
    for requirement in requirements().values():
        if judged.broken[requirement.id] or (judged.occasions[requirement.id] and judged.concerns(requirement)):
            yield requirement


def _card(requirement: Requirement, judged: Judged) -> Group:
    head = Text.assemble(
        (f"{requirement.id} {requirement.level}", _STYLES[requirement.level]), ("  " + requirement.text, "bold")
    )
    spotted = [one for one in judged.spotted if one.finding.requirement == requirement.id]
    lines: list[RenderableType] = [head]
    for one in spotted[:_SHOWN]:
        lines += [indented(text, columns) for columns, text in _lines(one)]
    if (missing := judged.broken[requirement.id] - _SHOWN) > 0:
        lines.append(indented(Text(f"... and {missing:,} more", style="dim"), 2))
    return Group(*lines, Text())


def _lines(spotted: Spotted) -> Iterator[tuple[int, Text]]:
    finding = spotted.finding
    check = f", {printable(spotted.check)}" if spotted.check else ""
    yield 2, Text(f"{_place(spotted)}, at {finding.time_s:.6f} s{check}", style="dim")
    yield 4, Text(printable(finding.text))
    if spotted.sender is not None:
        arrow = "> " if spotted.sender == "client" else "< "
        yield 4, Text(arrow + printable_bytes(spotted.line, _LINE_BYTES, spotted.line_bytes), style="cyan")


def _place(spotted: Spotted, limit: int | None = None) -> str:
    finding = spotted.finding
    pointer = f" {printable(_cut(finding.pointer, limit))}" if finding.pointer else ""
    return f"{finding.side}, connection {spotted.connection}, message {finding.message}, line {finding.line}{pointer}"


def _cut(text: str, limit: int | None) -> str:
    return text if limit is None or len(text) <= limit else f"{text[:limit]}…"


def _areas(judged: Judged) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("area")
    for title in ("rules", "occasions", "broken"):
        table.add_column(title, justify="right")
    rules: Counter[str] = Counter()
    occasions: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for requirement in _exercised(judged):
        rules[requirement.area] += 1
        occasions[requirement.area] += judged.occasions[requirement.id]
        broken[requirement.area] += judged.broken[requirement.id]
    for area, count in rules.items():
        table.add_row(area, str(count), f"{occasions[area]:,}", Text(f"{broken[area]:,}" if broken[area] else ""))
    return table


def _summary(path: Path, judged: Judged) -> Group:
    made_by = printable(f"{judged.header.get('command', 'an unknown command')} of {judged.header.get('target')}")
    rows = {
        "trace": f"{path}, made by {made_by}",
        "judged": f"{' and '.join(sorted(judged.sides))}: {counted(judged.messages, 'message')} of"
        f" {counted(judged.bytes, 'byte')} on {counted(judged.connections, 'connection')} in {judged.end_s:.1f} s",
    }
    lines = [Text(f"{name:<7} {value}", style="dim") for name, value in rows.items()]
    lines += [
        Text(f"lost    connection {connection} from here on: {printable(text)}", style="yellow")
        for connection, text in judged.lost[:_SHOWN]
    ]
    if judged.damage is not None:
        lines.append(Text(f"{path}: {printable(str(judged.damage))}; judged up to there", style="bold yellow"))
    words, style = _VERDICTS[judged.exit]
    broken = ", ".join(f"{id_} {judged.broken[id_]:,}" for id_ in sorted(judged.broken))
    return Group(*lines, Text(f"{words}{': ' if broken else ''}{broken}", style=style))
