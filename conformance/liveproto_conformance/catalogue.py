"""The checks there are: read from the modules below ``checks``, without running anything."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

import attrs

from liveproto_conformance import checks
from liveproto_conformance.check import CheckMark, Lane, mark_of
from liveproto_conformance.requirements import Level, Requirement, requirements

if TYPE_CHECKING:
    from collections.abc import Callable


@attrs.frozen
class Check:
    """One check: its id is its module and name, such as ``sub.duplicate_subscribe_is_refused``."""

    id: str
    function: Callable[..., None]
    requirements: tuple[Requirement, ...]
    mark: CheckMark = attrs.field(eq=False)

    @property
    def lane(self) -> Lane:
        """Where it runs."""
        return self.mark.lane

    @property
    def generated(self) -> bool:
        """Whether Hypothesis makes its input."""
        return self.mark.generated

    @property
    def level(self) -> Level:
        """Level of the requirements it checks."""
        return self.requirements[0].level


def check_id(function: Callable[..., None]) -> str:
    """Make the id of a check of its function's module and name."""
    module = function.__module__.rpartition(".")[2].removeprefix("test_")
    return f"{module}.{function.__name__.removeprefix('test_')}"


@cache
def catalogue() -> dict[str, Check]:
    """Every check by id, in the order of modules and definitions."""
    found: dict[str, Check] = {}
    for module_info in pkgutil.iter_modules(checks.__path__):
        module = importlib.import_module(f"{checks.__name__}.{module_info.name}")
        for function in vars(module).values():
            mark = mark_of(function) if inspect.isfunction(function) else None
            if mark is not None and function.__module__ == module.__name__:
                found[check_id(function)] = Check(
                    check_id(function),
                    function,
                    tuple(requirements()[id_] for id_ in mark.requirements),
                    mark,
                )
    return found


def verified_by(requirement_id: str) -> list[str]:
    """List the checks of a requirement."""
    return [check.id for check in catalogue().values() if any(r.id == requirement_id for r in check.requirements)]
