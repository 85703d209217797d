"""The figures of docs/verdicts.md, from what ``liveproto selftest`` found.

The page says in prose how a verdict is earned; between its markers stand the figures, so that no sentence can promise
what the self-test did not show. Pure: selftest.json in, Markdown out.

Not here: the matrix of mutants and checks, which the self-test writes itself; where the files are (``generate``).
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    Document = dict[str, Any]

_KINDS: Final = {"named": "named mutants", "wire": "wire mutants"}


def figures_of(selftest: Document) -> dict[str, str]:
    """Render each generated part of the page, by the name of its markers."""
    return {
        "summary": _summary(selftest),
        "null servers": _table(
            ("server", "exit", "PASS", "what the kit said"),
            [
                (server["id"], str(server["exit"]), str(server["passes"]), server["said"])
                for server in selftest["null_servers"]
            ],
        ),
        "mutants": _table(("", "mutants", "killed", "survive"), [_kind(selftest, kind) for kind in _KINDS]),
        "survivors": _list(
            [
                f"`{row['id']}`: {row['reason'] or 'no reason is known'}"
                for row in selftest["mutants"]
                if row["survived"]
            ],
            "Every mutant is killed.",
        ),
        "areas": _table(("area", "checks", "kill a mutant", "mutants each kills, by median"), _areas(selftest)),
        "twin": _list(
            [f"{count} {status}" for status, count in selftest["twin"]["statuses"].items()], "The twin was not judged."
        ),
        "faults": _list(selftest["faults"], "The self-test found no fault with the kit."),
    }


def _summary(selftest: Document) -> str:
    return (
        f"Kit {selftest['kit']}, edition {selftest['spec']} of SPEC.md: {len(selftest['null_servers'])} null servers, "
        f"{len(selftest['mutants'])} mutants and {len(selftest['checks'])} checks, "
        f"in {selftest['wall_s']:.0f} s with {selftest['cores']} cores."
    )


def _kind(selftest: Document, kind: str) -> tuple[str, ...]:
    survived = [row["survived"] for row in selftest["mutants"] if row["kind"] == kind]
    killed = survived.count(False)
    share = f" ({killed / len(survived):.1%})" if survived else ""
    return _KINDS[kind], str(len(survived)), f"{killed}{share}", str(survived.count(True))


def _areas(selftest: Document) -> list[tuple[str, ...]]:
    kills: dict[str, list[int]] = {}
    for check in selftest["checks"]:
        kills.setdefault(check["id"].partition(".")[0].upper(), []).append(len(check["kills"]))
    return [
        (area, str(len(counts)), str(sum(map(bool, counts))), f"{median(counts):g}") for area, counts in kills.items()
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, [":--"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _list(items: Sequence[str], otherwise: str) -> str:
    return "\n".join(f"* {item}" for item in items) or otherwise
