"""The pytest plugin: checks as items, and fixtures for tests of clients. Loads next to nothing until it is used.

A pytest run that meets no check and uses no fixture of ours is left as it was, also where the extra ``kit`` is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from liveproto_conformance.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from liveproto_conformance.fixtures import LiveServer
    from liveproto_conformance.session import Session
    from liveproto_conformance.target import Settings


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


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> Any:  # noqa: ANN401
    """Start a run at the first check that is collected."""
    marked = "liveproto_check" in getattr(obj, "__dict__", {})
    if not marked or collector.config.pluginmanager.has_plugin("liveproto-run"):
        return None
    from liveproto_conformance.fixtures import start_run  # noqa: PLC0415 - only where checks are

    run = start_run(collector.config)
    collector.config.pluginmanager.register(run, "liveproto-run")
    return run.pytest_pycollect_makeitem(collector, name, obj)


@pytest.fixture
def liveproto_server() -> Iterator[LiveServer]:
    """Serve Grafana Live on a free loopback port, for tests of clients."""
    from liveproto_conformance.fixtures import LiveServer  # noqa: PLC0415 - only where it is used

    with LiveServer() as server:
        yield server


@pytest.fixture
def liveproto_target(request: pytest.FixtureRequest) -> Iterator[Settings]:
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
