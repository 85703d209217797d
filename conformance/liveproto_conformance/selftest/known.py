"""What may be in the matrix although it looks wrong, each with its reason: ``known.toml``.

Theory. What a mutant breaks is seldom seen by one check alone: ``[[off_target]]`` says which others fail too, and why,
for mutants by their names or for all that break certain requirements; ``[[survivor]]`` says why a wire mutant need not
be noticed. ``[[off_target_by_chance]]`` is for what fails in some runs only: a second answer that may come too late to
be seen. In lists ``conv.*`` stands for every check of that module, ``GL-CONV-*`` for every requirement of that area.
Any other entry that no longer says what happens is a fault of the self-test.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.target import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE: Final = Path(__file__).with_name("known.toml")
_MUTANTS, _BREAKS = "mutants", "breaks"
_REST: Final[Mapping[str, type]] = {"checks": list, "reason": str}
_OFF_TARGET: Final = ({_MUTANTS: list, **_REST}, {_BREAKS: list, **_REST})
_TABLES: Final[Mapping[str, tuple[Mapping[str, type], ...]]] = {
    "off_target": _OFF_TARGET,
    "off_target_by_chance": _OFF_TARGET,
    "survivor": ({"mutant": str, "reason": str},),
}
"""The keys that an entry of each table has, or may have instead."""


@attrs.frozen(kw_only=True)
class OffTarget:
    """Checks that may fail without having to."""

    checks: tuple[str, ...]
    reason: str
    mutants: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    by_chance: bool = False
    """Whether they fail in some runs only."""

    def concerns(self, mutant: str, breaks: Iterable[str]) -> bool:
        """Tell whether it is about a mutant, by its name or by what it breaks."""
        return _any_of(self.mutants, [mutant]) or _any_of(self.breaks, breaks)

    def covers(self, mutant: str, breaks: Iterable[str], check: str) -> bool:
        """Tell whether a check may fail against a mutant."""
        return self.concerns(mutant, breaks) and _any_of(self.checks, [check])

    def parts(self) -> Iterator[tuple[str, OffTarget]]:
        """Take it apart: each pattern by its name, with an entry that has only this one of its list."""
        yield from ((f"mutants {pattern}", attrs.evolve(self, mutants=(pattern,))) for pattern in self.mutants)
        yield from ((f"breaks {pattern}", attrs.evolve(self, breaks=(pattern,))) for pattern in self.breaks)
        yield from ((f"checks {pattern}", attrs.evolve(self, checks=(pattern,))) for pattern in self.checks)


@attrs.frozen
class Known:
    """Everything that has a reason."""

    off_target: tuple[OffTarget, ...] = ()
    survivors: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Reasons by wire mutant."""

    def reason_for(self, mutant: str, breaks: Iterable[str], check: str) -> str | None:
        """Return why a check may fail against a mutant too, None where nobody has said so."""
        return next((entry.reason for entry in self.off_target if entry.covers(mutant, breaks, check)), None)


def read_known(path: Path = FILE) -> Known:
    """Read the file.

    Raises:
        UsageError: it cannot be read, or an entry has other keys or values than it must.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    if unknown := document.keys() - _TABLES.keys():
        raise UsageError(f"{path}: expected {' or '.join(_TABLES)}, got {', '.join(sorted(unknown))}")
    for table, entries in document.items():
        for entry in entries:
            if not any(_fits(entry, keys) for keys in _TABLES[table]):
                wanted = " or ".join(", ".join(keys) for keys in _TABLES[table])
                raise UsageError(f"{path}: [[{table}]]: expected {wanted}, none of them empty, got {entry}")
    return Known(
        (
            *(_off_target(entry, by_chance=False) for entry in document.get("off_target", [])),
            *(_off_target(entry, by_chance=True) for entry in document.get("off_target_by_chance", [])),
        ),
        {entry["mutant"]: entry["reason"] for entry in document.get("survivor", [])},
    )


def _off_target(entry: dict[str, Any], *, by_chance: bool) -> OffTarget:
    lists = {key: tuple(entry.get(key, ())) for key in (_MUTANTS, _BREAKS, "checks")}
    return OffTarget(**lists, reason=entry["reason"], by_chance=by_chance)


def _fits(entry: dict[str, Any], keys: Mapping[str, type]) -> bool:
    return entry.keys() == keys.keys() and all(entry[key] and isinstance(entry[key], keys[key]) for key in keys)


def _any_of(patterns: Iterable[str], names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
