"""Reads the file of known failures, whole and before anything is sent; what is wrong is said with its line and key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from liveproto_conformance.catalogue import catalogue, verified_by
from liveproto_conformance.expectations.baseline import check_writable
from liveproto_conformance.expectations.entry import EXPECTED_FILE, TAKEN, Expectation, Expectations
from liveproto_conformance.failures.repro import read as read_repro
from liveproto_conformance.requirements import requirements
from liveproto_conformance.target import UsageError, choice_of, meant, read_toml, wrong_key
from liveproto_conformance.toml_lines import line_of, statements
from liveproto_conformance.verdict import MISSED, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from liveproto_conformance.failures.repro import Repro
    from liveproto_conformance.requirements import Level
    from liveproto_conformance.target import Settings

TABLE: Final = "expect"
KEYS: Final = ("check", "req", "status", "reason", "issue", "expires", "repro")
"""Of an entry, in the order they are written in."""


def expectations_of(settings: Settings, folder: Path, today: date) -> Expectations:
    """Read the known failures of a run.

    Args:
        settings: where they stand, if not in liveproto-expected.toml.
        folder: where that is looked for.
        today: after which day an entry has expired.

    Raises:
        UsageError: the file is missing though it was asked for, is broken, or could not be written where it shall be.
    """
    path = folder / EXPECTED_FILE if settings.expected is None else Path(settings.expected)
    if path.suffix != ".toml":
        raise UsageError(f"--expected: expected a file that ends in .toml, got {str(path)!r}")
    if settings.baseline_update:
        check_writable(path)
    there = path.is_file() or (settings.expected is not None and not settings.baseline_update)
    return Expectations(path, read(path, today) if there else ())


def read(path: Path, today: date) -> tuple[Expectation, ...]:
    """Read a file of known failures, with the input that is saved for them.

    Raises:
        UsageError: as of ``expectations_of``.
    """
    text, document = read_toml(path)
    for key in document:
        if key != TABLE:
            where = f"{path}: line {line_of(text, [key])}"
            raise UsageError(f"{where}: unknown key {key!r}; expected tables [[{TABLE}]] and nothing else")
    listed: object = document.get(TABLE, [])
    tables = cast("list[Mapping[str, Any]]", listed) if isinstance(listed, list) else None
    lines = [line for line, statement in statements(text) if statement.lstrip().startswith("[[")]
    if tables is None or len(lines) != len(tables):
        raise UsageError(f"{path}: line {line_of(text, [TABLE])}: {TABLE}: expected tables, each after [[{TABLE}]]")
    places = [_Place(path, text, index, line) for index, line in enumerate(lines)]
    entries = [_entry(place, table, today) for place, table in zip(places, tables, strict=True)]
    _check_once(places, entries)
    return tuple(entries)


@attrs.frozen
class _Place:
    """One entry of a file, for what there is to say of it."""

    path: Path
    text: str
    index: int
    line: int

    def fault(self, complaint: str, key: str | None = None) -> UsageError:
        """Make the error that names the line of the entry, or of a key in it."""
        line = self.line if key is None else line_of(self.text, [TABLE, self.index, key])
        return UsageError(f"{self.path}: line {line}: {complaint}")


def _entry(place: _Place, table: Mapping[str, Any], today: date) -> Expectation:
    # A date is looked at in its turn.
    known: dict[str, type] = {**dict.fromkeys(KEYS, str), "expires": type(table.get("expires"))}
    for key, value in table.items():
        if complaint := wrong_key(key, value, known):
            raise place.fault(complaint, key)
    subject = [key for key in ("check", "req") if key in table]
    if len(subject) != 1:
        raise place.fault(f"expected one of check and req, got {' and '.join(subject) or 'neither'}")
    level = _level(place, subject[0], table[subject[0]])
    status = _status(place, table, level)
    _check_reason(place, table)
    expires = _expires(place, table, status)
    repro = _repro(place, table, status)
    return Expectation(
        **{key: table[key] for key in ("check", "req", "reason", "issue", "repro") if key in table},
        status=status,
        expires=expires,
        expired=expires is not None and expires < today,
        values=None if repro is None else repro.values,
        line=place.line,
    )


def _level(place: _Place, key: str, id_: str) -> Level:
    """Return the level of what an entry is about."""
    known = catalogue() if key == "check" else requirements()
    if id_ not in known:
        raise place.fault(f"{key}: there is no {id_!r}{meant(id_, known)}", key)
    if key == "req" and not verified_by(id_):
        raise place.fault(f"req: no check looks at {id_}", key)
    return known[id_].level


def _status(place: _Place, table: Mapping[str, Any], level: Level) -> Status:
    possible = [str(status) for status in (MISSED[level], Status.FLAKY, Status.NOT_EXERCISED) if status in TAKEN]
    if "status" not in table:
        raise place.fault(f"status is missing: expected {' or '.join(possible)}, which a {level} may come to")
    try:
        return Status(choice_of(f"status of a {level}", table["status"], possible))
    except UsageError as error:
        raise place.fault(str(error), "status") from error


def _check_reason(place: _Place, table: Mapping[str, Any]) -> None:
    if not table.get("reason", "").strip():
        said = "got a blank one" if "reason" in table else "got none"
        raise place.fault(
            f"reason: expected why this failure is accepted, {said}", "reason" if "reason" in table else None
        )


def _expires(place: _Place, table: Mapping[str, Any], status: Status) -> date | None:
    expires = table.get("expires")
    if "expires" not in table and status is Status.FLAKY:
        raise place.fault("expires is missing: a FLAKY check may pass, so only a date can end this, as in 2027-01-31")
    if expires is not None and type(expires) is not date:
        raise place.fault(f"expires: expected a date as in 2027-01-31, without quotes, got {expires!r}", "expires")
    return expires


def _repro(place: _Place, table: Mapping[str, Any], status: Status) -> Repro | None:
    if "repro" not in table:
        return None
    if "check" not in table or status is Status.NOT_EXERCISED:
        raise place.fault("repro: expected only where one check fails: it is the input of that failure", "repro")
    try:
        repro = read_repro(place.path.parent / table["repro"])
    except UsageError as error:
        raise place.fault(f"repro: {error}", "repro") from error
    if repro.check.id != table["check"]:
        raise place.fault(f"repro: expected a failure of {table['check']}, got one of {repro.check.id}", "repro")
    return repro


def _check_once(places: Sequence[_Place], entries: Sequence[Expectation]) -> None:
    lines: dict[str | None, int] = {}
    for place, entry in zip(places, entries, strict=True):
        key = "req" if entry.check is None else "check"
        id_ = getattr(entry, key)
        if lines.setdefault(id_, entry.line) != entry.line:
            raise place.fault(f"{key}: {id_} has an entry in line {lines[id_]} already", key)
