"""A pytest plugin that has coverage keep apart what each test file covers.

What runs when a module of the library is imported counts for all of them: whoever imports it first is chance.
"""

import importlib
import pkgutil

import coverage
import pytest

import liveproto

for module in pkgutil.walk_packages(liveproto.__path__, "liveproto."):
    importlib.import_module(module.name)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Importing a test file is part of it."""
    coverage.Coverage.current().switch_context(collector.nodeid)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """So is a test, with its fixtures."""
    coverage.Coverage.current().switch_context(item.nodeid)
    return (yield)
