"""How a command ends: with what its process returns, and a sentence where it ended early. Loads little itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveproto_conformance.target import UsageError
from liveproto_conformance.verdict import Exit, NothingTestedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


def exit_of(action: Callable[[], Exit]) -> Exit:
    """Run a command to what the process shall return; whatever ends it early is said on standard error."""
    try:
        return action()
    except NothingTestedError as error:
        _errors().print(f"nothing tested: {error}", markup=False)
        return Exit.NOTHING_TESTED
    except UsageError as error:
        _errors().print(f"Error: {error}", markup=False)
        return Exit.USAGE
    except KeyboardInterrupt:
        _errors().print("interrupted")
        return Exit.INTERRUPTED
    except Exception:  # noqa: BLE001 - a fault of the kit is no verdict about the target
        errors = _errors()
        errors.print_exception()
        errors.print("Error: the kit failed; please report it", markup=False)
        return Exit.HARNESS_ERROR


def _errors() -> Console:
    from liveproto_conformance.report.console import make_console  # noqa: PLC0415 - only where a command ends early

    return make_console(stderr=True)
