"""Changes every cell of the transition tables, one thing at a time, and tells which changes no test notices.

``python tests/tables/table_mutants.py [TABLE...]``. Theory. A cell is dropped, sent to each other state, and given each
other action and code that its machine knows. The tests are those of ``FILES`` that need no fixture; their expectations
are written by hand, and ``test_tables`` sees to it that they do not read the tables. They are collected once and called
as functions, up to the first that fails: first those that are named after the cell, ``STATE-INPUT``. Exit code 1 for a
survivor that ``survivors.toml`` does not list with a reason, and for a pattern there that is more than survivors have.

Not here: the requirement's id of a cell, which no machine reads; ``tests/house`` and SPEC.md hold it to the text.
"""

import os
import signal
import sys
import time
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import attrs
import pytest

from liveproto.session import client, subscriptions
from liveproto.session.client import ClientProtocol
from liveproto.session.server import ServerProtocol

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = [
    "tests/unit/test_server.py",
    "tests/unit/test_client.py",
    "tests/unit/test_subscriptions.py",
    "tests/unit/test_client_sdk_behaviour.py",
]
CPU_SECONDS = 5
"""Of the tests of one mutant: one that never ends is noticed."""

SERVER, CLIENT = ServerProtocol(now=0.0), ClientProtocol(fractions=iter(()))
TABLES = {
    "server": (ServerProtocol, "transitions"),
    "channel": (ServerProtocol, "channel_transitions"),
    "client": (client, "CLIENT_TRANSITIONS"),
    "subscription": (subscriptions, "SUBSCRIPTION_TRANSITIONS"),
}
"""Where each table is looked up."""
ACTIONS = {
    "server": set(SERVER._actions),
    "channel": set(SERVER._channel_actions),
    "client": {*CLIENT._actions, "hold", "send"},
    "subscription": set(CLIENT._subscriptions._actions),
}
"""What each machine does by the name in a cell; any other name in a cell is a word for people."""


@attrs.frozen
class Mutant:
    """A table with one cell changed."""

    table: str
    cell: str
    change: str
    rows: dict

    def __str__(self):
        return f"{self.table} {self.cell}: {self.change}"


def mutants(name, rows):
    """Each mutant of a table."""
    for key, row in rows.items():
        cell = f"{key[0].name}-{key[1].name}"
        yield Mutant(name, cell, "dropped", {other: rows[other] for other in rows if other != key})
        for column, values in others(name, rows, row).items():
            for value in values:
                change = f"{column} {getattr(value, 'name', None) or value}"
                yield Mutant(name, cell, change, {**rows, key: attrs.evolve(row, **{column: value})})


def others(name, rows, row):
    """What a row could say instead, by column: any other state, any other action, any other code of its kind."""
    answers = {other.answer for other in rows.values() if type(other.answer) is type(row.answer)}
    return {
        "target": [state for state in type(row.target) if state is not row.target],
        "action": sorted(ACTIONS[name] - {row.action}) if row.action in ACTIONS[name] else [],
        "answer": sorted(answers - {row.answer}, key=str),
    }


class Collector:
    """A plugin of pytest that takes the tests it found."""

    def __init__(self):
        self.tests = []

    def pytest_collection_modifyitems(self, items):
        """Keep as names and functions what can be called without fixtures."""
        for item in items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            if set(item.fixturenames) <= set(params):
                self.tests.append((item.name, lambda call=item.obj, params=params: call(**params)))


def collected():
    """The tests: a name and a function each."""
    collector = Collector()
    quiet = ["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", "--collect-only"]
    os.chdir(ROOT)
    assert pytest.main([*FILES, *quiet], plugins=[collector]) == pytest.ExitCode.OK
    return collector.tests


def is_noticed(mutant, tests):
    """Whether some test fails, or does not end, while a mutant is in place."""
    owner, attribute = TABLES[mutant.table]
    rows = getattr(owner, attribute)
    setattr(owner, attribute, mutant.rows)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        return some_fail(sorted(tests, key=lambda test: f"[{mutant.cell}]" not in test[0]))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        setattr(owner, attribute, rows)


def some_fail(tests):
    """Call tests up to the first that fails."""
    for _, test in tests:
        try:
            test()
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a mutant that breaks down is noticed
            return True
    return False


def give_up(*_):
    """End a test that does not."""
    raise TimeoutError


def judged(name, tests):
    """The mutants of a table that no test notices, and those that one does."""
    every = list(mutants(name, getattr(*TABLES[name])))
    alive = {str(mutant) for mutant in every if not is_noticed(mutant, tests)}
    return alive, {str(mutant) for mutant in every} - alive


def unexpected(alive, noticed, patterns):
    """What survives and is not listed, and what is listed and not so, or no longer there."""
    for mutant in sorted(alive):
        if not any(fnmatchcase(mutant, pattern) for pattern in patterns):
            yield f"survives: {mutant}"
    for pattern in patterns:
        if not any(fnmatchcase(mutant, pattern) for mutant in alive):
            yield f"matches no survivor: {pattern}"
        yield from (f"is noticed: {mutant}, by {pattern}" for mutant in sorted(noticed) if fnmatchcase(mutant, pattern))


def main():
    """Judge the tables given, or all."""
    signal.signal(signal.SIGVTALRM, give_up)
    tests = collected()
    assert not some_fail(tests), "the tests fail on the tables as they are"
    lists = tomllib.loads((HERE / "survivors.toml").read_text())["survivors"]
    patterns = [pattern for one in lists for pattern in one["mutants"]]
    wrong = []
    for name in sys.argv[1:] or TABLES:
        alive, noticed = judged(name, tests)
        sys.stdout.write(f"{name}: {len(alive | noticed)} mutants, {len(noticed)} noticed, {len(alive)} survive\n")
        wrong += unexpected(alive, noticed, [pattern for pattern in patterns if pattern.split()[0] == name])
    sys.stdout.write(f"{len(tests)} tests, {time.process_time():.1f} s of CPU\n")
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
