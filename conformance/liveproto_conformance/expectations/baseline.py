"""Writes known failures: as a text to paste, and with ``--baseline-update`` into their file.

Theory. A file is a head, and a block for each entry: its table, with the comments right above it. An update appends
what failed, takes out what has passed, and leaves every other block as it is. What it appends has a blank reason, which
``read`` refuses: nobody accepts a failure without saying why. The input is saved in a folder beside the file, which no
run empties. An entry that has expired stays, because another date is a decision; what could not be exercised is not
added, because that is no failure of the target.
"""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.check import Lane
from liveproto_conformance.expectations.entry import Standing
from liveproto_conformance.failures.repro import save
from liveproto_conformance.report.printable import printable
from liveproto_conformance.target import UsageError
from liveproto_conformance.toml_lines import statements
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from liveproto_conformance.expectations.entry import Expectation
    from liveproto_conformance.run import Result, Run

_DRAFTS: Final = 10
"""Entries shown to be pasted."""
_SHOWN: Final = 200
"""Characters of a failure, in the comment above its entry."""


@attrs.frozen
class Change:
    """What an update has done, by the ids of checks and requirements."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __str__(self) -> str:
        did = {"added": self.added, "changed": self.changed, "taken out": self.removed}
        told = ", ".join(f"{len(ids)} {word}" for word, ids in did.items() if ids) or "nothing to change"
        return told + ("; say why in each reason that is blank" if self.added else "")


def unexpected(run: Run) -> list[Result]:
    """List the failures that nothing expects and that fail the run."""
    statuses = {Status.FAIL, Status.FLAKY, *([Status.WARN] if run.bench.settings.strict else [])}
    return [result for result in run.results.values() if result.outcome.status in statuses]


def drafts(run: Run) -> list[str]:
    """Write the entries of failures for a person to paste, with what to do before and what is left out after them."""
    failed, file = unexpected(run), run.expectations.file
    if not failed or run.change is not None:
        return []
    head = f"To accept a failure, say why in {file}; --baseline-update writes them all, with their input:"
    left_out = len(failed) - _DRAFTS
    return [head, *map(draft, failed[:_DRAFTS]), *([f"… and {left_out} more"] if left_out > 0 else [])]


def draft(result: Result, repro: str | None = None, old: Expectation | None = None) -> str:
    """Write the entry of a failure: what is not known yet is blank, what an old entry says is kept.

    Args:
        result: the failure.
        repro: where its input is saved, relative to the file.
        old: the entry it had, for another outcome.
    """
    expires = None if old is None else old.expires
    fields = {
        "check": result.check.id,
        "status": result.outcome.status.value,
        "reason": "" if old is None else old.reason,
        "issue": None if old is None else old.issue,
        "expires": "" if expires is None and result.outcome.status is Status.FLAKY else expires,
        "repro": repro,
    }
    return _table(fields)


def update(run: Run) -> Change:
    """Bring the file of known failures in line with a run.

    Raises:
        OSError: something could not be written.
    """
    file, entries = run.expectations.file, run.expectations.entries
    head, blocks = _split(file.read_bytes().decode() if file.exists() else "")
    own = {entry.check: index for index, entry in enumerate(entries)}
    failed = {result.check.id: result for result in unexpected(run)}
    added = [id_ for id_ in failed if id_ not in own]
    changed = [index for id_, index in own.items() if id_ in failed and not entries[index].expired]
    stale = [index for index, (_, standing) in enumerate(run.standings()) if standing is Standing.STALE]
    for index in changed:
        result = failed[entries[index].name]
        blocks[index] = _commented(result, draft(result, _store(run, result), entries[index])) + "\n\n"
    for index in stale:
        blocks[index] = ""
        _discard(run, entries[index])
    if added or changed or stale:
        new = [_commented(failed[id_], draft(failed[id_], _store(run, failed[id_]))) for id_ in added]
        parts = [part.strip("\n") for part in (head + "".join(blocks), *new)]
        file.write_bytes(("\n\n".join(filter(None, parts)) + "\n").encode())
    return Change(tuple(added), tuple(entries[index].name for index in changed), tuple(entries[i].name for i in stale))


def _commented(result: Result, table: str) -> str:
    return f"# {printable(result.outcome.message)[:_SHOWN]}\n{table}"


def folder_of(file: Path) -> Path:
    """Return where the input of known failures is saved."""
    return file.with_suffix("")


def check_writable(file: Path) -> None:
    """See that an update will be able to write.

    Raises:
        UsageError: it will not.
    """
    folder = folder_of(file)
    made = [path for path in (file, folder) if not path.exists()]
    try:
        file.open("a").close()
        folder.mkdir(exist_ok=True)
        if file in made:
            file.unlink()
        if folder in made:
            folder.rmdir()
    except OSError as error:
        raise UsageError(f"--baseline-update: {error.filename}: {error.strerror}") from error


def _store(run: Run, result: Result) -> str | None:
    """Save the input of a failure, and return where; what passive checks judge is the traffic of others."""
    if result.card is None or result.check.lane is Lane.PASSIVE:
        return None
    path = folder_of(run.expectations.file) / f"{result.check.id}.json"
    save(result.card, run.bench.settings, path)
    return f"{path.parent.name}/{path.name}"


def _discard(run: Run, entry: Expectation) -> None:
    """Delete the input of an entry, where an update has saved it."""
    path = folder_of(run.expectations.file) / f"{entry.check}.json"
    if entry.repro == f"{path.parent.name}/{path.name}":
        path.unlink(missing_ok=True)


def _split(text: str) -> tuple[str, list[str]]:
    """Take a file apart: what is before the first entry, and the entries with the comments right above them."""
    parts = [statement for _, statement in statements(text)]
    starts = [_above(parts, index) for index, part in enumerate(parts) if part.lstrip().startswith("[[")]
    head, *blocks = ["".join(parts[start:end]) for start, end in pairwise([0, *starts, len(parts)])]
    return head, blocks


def _above(parts: Sequence[str], index: int) -> int:
    while index and parts[index - 1].lstrip().startswith("#"):
        index -= 1
    return index


def _table(fields: Mapping[str, str | date | None]) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in fields.items() if value is not None]
    return "\n".join(["[[expect]]", *lines])


def _toml(value: str | date) -> str:
    """Write a value; a string of JSON is one of TOML, but for a character that only TOML escapes."""
    return (
        value.isoformat()
        if isinstance(value, date)
        else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    )
