"""The named mutants: each is the embedded server with one piece exchanged.

A mutant says which requirements it breaks and which checks must notice. Patches live in the modules beside this one;
none is a switch inside the server's own code.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Final

import attrs

from liveproto_conformance.reference.server import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_found: Final[dict[str, Mutant]] = {}


@attrs.frozen
class Mutant:
    """One fault."""

    id: str
    breaks: tuple[str, ...]
    must_fail: tuple[str, ...]
    why: str
    patch: Callable[[Parts], Parts]
    settings: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Settings a run needs to meet the fault, by the names of liveproto.toml."""
    traffic: tuple[str, ...] = ()
    """Checks whose traffic shows the fault to the passive ones of ``must_fail``."""


def mutant(
    *breaks: str,
    must_fail: str | tuple[str, ...],
    why: str,
    settings: Mapping[str, str] | None = None,
    traffic: str | tuple[str, ...] = (),
) -> Callable[[Callable[[Parts], Parts]], Callable[[Parts], Parts]]:
    """Register a patch under the name of its function, with dashes.

    Args:
        breaks: the requirements that no longer hold.
        must_fail: the checks that must notice, by id.
        why: the mistake an implementer could make.
        settings: those of a run that meets the fault.
        traffic: the checks that provoke what a passive check judges.
    """

    def register(patch: Callable[[Parts], Parts]) -> Callable[[Parts], Parts]:
        id_ = patch.__name__.replace("_", "-")
        assert id_ not in _found, f"two mutants have the name {id_}"
        _found[id_] = Mutant(id_, breaks, _several(must_fail), why, patch, settings or {}, _several(traffic))
        return patch

    return register


def _several(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


@cache
def mutants() -> dict[str, Mutant]:
    """Every named mutant by id."""
    package = importlib.import_module("liveproto_conformance.mutants")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("breaks_"):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(_found)


def parts_of(name: str) -> Parts:
    """Make the parts of a mutant, or of the twin ``permissive``.

    Raises:
        ValueError: there is no such mutant.
    """
    if name == "permissive":
        from liveproto_conformance.mutants.twin import permissive  # noqa: PLC0415 - only when asked for

        return permissive(Parts())
    if name not in mutants():
        raise ValueError(f"no mutant {name!r}; see liveproto list --mutants")
    return mutants()[name].patch(Parts())
