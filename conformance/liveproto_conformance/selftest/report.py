"""The self-test written down: selftest.json, after schemas/selftest.schema.json, and the matrix in Markdown."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.report.json_report import FORMAT, SPEC
from liveproto_conformance.selftest.matrix import kills_of, unclean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from liveproto_conformance.selftest.matrix import Row
    from liveproto_conformance.selftest.null import NullServer
    from liveproto_conformance.selftest.outcome import Tried

    Document = dict[str, Any]

JSON: Final = "selftest.json"
PAGE: Final = "selftest.md"
_UNWRITTEN: Final = frozenset({"faults"})
"""Of a row: they stand together, at the end."""


@attrs.frozen(kw_only=True)
class Machine:
    """What it took; times in seconds."""

    cores: int
    jobs: int
    wall_s: float
    cpu_s: float


@attrs.frozen(kw_only=True)
class Findings:
    """Everything that was tried, and what is wrong with it."""

    nulls: Sequence[NullServer]
    rows: Sequence[Row]
    twin: Sequence[Tried]
    second_looks: Sequence[str]
    faults: Sequence[str]


def document_of(found: Findings, machine: Machine, checks: Iterable[str]) -> Document:
    """Make the document; ``checks`` are the ids of all."""
    return {
        "format": FORMAT,
        "kit": version("liveproto"),
        "spec": SPEC,
        "cores": machine.cores,
        "jobs": machine.jobs,
        "wall_s": round(machine.wall_s, 1),
        "cpu_s": round(machine.cpu_s, 1),
        "null_servers": [
            {**attrs.asdict(server), "exit": int(server.exit), "wall_s": round(server.wall_s, 1)}
            for server in found.nulls
        ],
        "mutants": [_row_as_json(row) for row in found.rows],
        "checks": [{"id": id_, "kills": kills} for id_, kills in kills_of(found.rows, checks).items()],
        "twin": {
            "statuses": dict(Counter(told.status.value for run in found.twin for told in run.told.values())),
            "unclean": [
                {"check": check, "status": told.status.value, "message": told.text}
                for run in found.twin
                for check, told in unclean(run)
            ],
        },
        "second_looks": list(found.second_looks),
        "faults": list(found.faults),
    }


def _row_as_json(row: Row) -> Document:
    written = attrs.asdict(row, filter=lambda field, _: field.name not in _UNWRITTEN, value_serializer=_plain)
    written["off_target"] = [
        {key: each[key] for key in ("check", "status", "reason")} for each in written["off_target"]
    ]
    return written


def _plain(_: object, __: object, value: object) -> object:
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - of any kind


def summary_of(document: Document) -> Iterator[str]:
    """Write what came of each part, a line each; a part that was not asked for has none."""
    if nulls := document["null_servers"]:
        yield f"null servers    {len(nulls)}, {sum(server['passes'] for server in nulls)} PASS"
    for kind in ("named", "wire"):
        rows = [row for row in document["mutants"] if row["kind"] == kind]
        killed = sum(not row["survived"] for row in rows)
        if rows:
            yield f"{kind + ' mutants':<15} {len(rows)}, {killed} killed ({killed / len(rows):.1%})"
    if statuses := document["twin"]["statuses"]:
        yield f"permissive twin {', '.join(f'{count} {status}' for status, count in statuses.items())}"
    kills = [bool(check["kills"]) for check in document["checks"]]
    yield f"checks          {len(kills)}, {sum(kills)} kill a mutant"
    yield (
        f"took            {document['wall_s']:.0f} s, of CPU {document['cpu_s']:.0f} s, "
        f"with {document['jobs']} processes on {document['cores']} cores"
    )


def page_of(document: Document) -> str:
    """Write the matrix from both sides, each list as a table."""
    named = [row for row in document["mutants"] if row["kind"] == "named"]
    wire = [row for row in document["mutants"] if row["kind"] == "wire"]
    return "\n".join(
        [
            "# The self-test",
            "",
            *(f"    {line}" for line in summary_of(document)),
            "",
            *_list("Faults", document["faults"]),
            *_list("Survivors", [f"`{row['id']}`: {row['reason']}" for row in wire if row["survived"]]),
            *_table("Checks", ("check", "kills"), [(c["id"], _names(c["kills"])) for c in document["checks"]]),
            *_table(
                "Named mutants",
                ("mutant", "breaks", "killed by", "what else failed"),
                [
                    (row["id"], ", ".join(row["breaks"]), _names(row["killed_by"]), _beside(row["off_target"]))
                    for row in named
                ],
            ),
            *_table(
                "Wire mutants", ("mutant", "noticed first by"), [(row["id"], _names(row["killed_by"])) for row in wire]
            ),
        ]
    )


def _list(title: str, items: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"* {item}" for item in items), ""] if items else []


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"## {title}",
        "",
        f"| {' | '.join(heads)} |",
        f"|{':--|' * len(heads)}",
        *(f"| {' | '.join(cells)} |" for cells in rows),
        "",
    ]


def _names(ids: Iterable[str]) -> str:
    return "<br>".join(ids)


def _beside(off_target: Iterable[Document]) -> str:
    by_reason: dict[str, list[str]] = {}
    for each in off_target:
        by_reason.setdefault(each["reason"] or "nobody has said why", []).append(each["check"])
    return "<br>".join(f"{', '.join(checks)}: {reason}" for reason, checks in by_reason.items())


def write(document: Document, folder: Path) -> None:
    """Write both files into a folder that is there."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (folder / JSON).write_text(text, encoding="utf-8")
    (folder / PAGE).write_text(page_of(document), encoding="utf-8")
