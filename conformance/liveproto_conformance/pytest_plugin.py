"""The pytest plugin: checks as items, and fixtures for tests of clients. Loads next to nothing until it is used.

A pytest run that meets no check and uses no fixture of ours is left as it was, also where the extra ``kit`` is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from liveproto_conformance.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from liveproto_conformance.fixtures import LiveServer
    from liveproto_conformance.session import Session
    from liveproto_conformance.target import Settings


_CHECKS: Final = Path(__file__).parent / "checks"
_FAULT: Final = pytest.StashKey[Exception]()
"""Why the checks cannot run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add every option of ``liveproto check``, with a prefix."""
    group = parser.getgroup("liveproto", "conformance checks of a Grafana Live server")
    group.addoption("--liveproto-url", metavar="URL", help="server to judge; default: the embedded one")
    for option in OPTIONS:
        action: dict[str, Any] = {"type": option.kind, "metavar": option.metavar}
        if option.kind is None:
            action = {"action": "store_true", "default": None}
        elif option.repeat:
            action["action"] = "append"
        group.addoption(f"--liveproto-{option.name}", help=option.help, **action)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave checks alone where the kit is missing, and remember to say so."""
    missing = _missing_kit() if collection_path.parent == _CHECKS else None
    if missing is None:
        return None
    config.stash[_FAULT] = pytest.UsageError(missing)
    return True


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """End the run where it could not begin: raised earlier, it would be the fault of each module."""
    if _FAULT in config.stash:
        raise config.stash[_FAULT]


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> Any:  # noqa: ANN401
    """Start a run at the first check that is collected."""
    marked, config = "liveproto_check" in getattr(obj, "__dict__", {}), collector.config
    if not marked or _FAULT in config.stash or config.pluginmanager.has_plugin("liveproto-run"):
        return None
    from liveproto_conformance.fixtures import start_run  # noqa: PLC0415 - only where checks are

    try:
        run = start_run(config)
    except (pytest.UsageError, pytest.exit.Exception) as error:
        config.stash[_FAULT] = error
        return None
    config.pluginmanager.register(run, "liveproto-run")
    return run.pytest_pycollect_makeitem(collector, name, obj)


def _missing_kit() -> str | None:
    from liveproto_conformance.entry import missing_kit  # noqa: PLC0415 - only where it is used

    return missing_kit()


@pytest.fixture(scope="session")
def liveproto_kit() -> None:
    """Fail what needs the extra ``kit`` with what to install, where it is missing."""
    missing = _missing_kit()
    if missing is not None:
        pytest.fail(missing, pytrace=False)


@pytest.fixture
def liveproto_server(liveproto_kit: None) -> Iterator[LiveServer]:  # noqa: ARG001 - before anything is loaded
    """Serve Grafana Live on a free loopback port, for tests of clients."""
    from liveproto_conformance.fixtures import LiveServer  # noqa: PLC0415 - only where it is used

    with LiveServer() as server:
        yield server


@pytest.fixture
def liveproto_target(request: pytest.FixtureRequest, liveproto_kit: None) -> Iterator[Settings]:  # noqa: ARG001
    """Give the settings of a target that runs: that of ``--liveproto-url``, or the embedded server."""
    from liveproto_conformance.fixtures import settings_of  # noqa: PLC0415 - only where it is used
    from liveproto_conformance.launch import target_of  # noqa: PLC0415

    with target_of(settings_of(request.config)) as settings:
        yield settings


@pytest.fixture
def liveproto_session(liveproto_target: Settings) -> Iterator[Session]:
    """Give a connected session with the target, for tests of servers."""
    from liveproto_conformance.fixtures import connected_session  # noqa: PLC0415 - only where it is used

    with connected_session(liveproto_target) as session:
        yield session
