"""Every change of a cell of a transition table is noticed, by tests that know the tables only by what they do."""

import ast
import subprocess
import sys

import pytest
from table_mutants import FILES, HERE, ROOT, Mutant, is_noticed, unexpected

from liveproto.session.server import ServerProtocol

CPU_LIMIT_S = 90
TIMEOUT_S = 1800
"""Wide: it may run where others work too."""
SUPPORT = "tests/support.py"
READERS = {"transitions", "channel_transitions", "_machine", "_table", "*"}


def readers(source):
    """The names in a source that lead to a transition table."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) | ast.Constant(value=str(name)):
                if name.endswith("_TRANSITIONS") or name in READERS:
                    yield name


def imported(source):
    """The modules that a source imports, by the first part of their names."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)


@pytest.mark.parametrize("file", [*FILES, SUPPORT])
def test_the_tests_do_not_read_the_tables(file):
    source = (ROOT / file).read_text()
    ours = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"liveproto_conformance"}
    assert list(readers(source)) == []
    assert ours & set(imported(source)) <= {"support"}


@pytest.mark.parametrize(
    "source",
    [
        "from liveproto.session.states import SERVER_TRANSITIONS",
        "from liveproto.session.states import CLIENT_TRANSITIONS as C",
        "from liveproto.session.states import *",
        "states.SUBSCRIPTION_TRANSITIONS",
        "getattr(states, 'CHANNEL_TRANSITIONS')",
        "server.transitions[key]",
        "ServerProtocol.channel_transitions",
        "server._machine.step(input_)",
    ],
)
def test_a_source_that_reads_a_table_is_found(source):
    assert list(readers(source))


def test_every_mutant_is_noticed_or_has_a_reason(capsys):
    done = subprocess.run(
        [sys.executable, HERE / "table_mutants.py"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(done.stdout.splitlines()[-1].split()[2]) < CPU_LIMIT_S


def test_what_is_not_as_listed_is_told():
    alive, noticed = {"t A: dropped"}, {"t A: target B"}
    assert list(unexpected(alive, noticed, ["t A: dropped"])) == []
    assert list(unexpected(alive, noticed, [])) == ["survives: t A: dropped"]
    assert list(unexpected(alive, noticed, ["t A: *"])) == ["is noticed: t A: target B, by t A: *"]
    assert list(unexpected(set(), noticed, ["t A: dropped"])) == ["matches no survivor: t A: dropped"]


def test_a_mutant_is_in_place_for_its_tests_and_gone_after_them():
    before, seen = ServerProtocol.transitions, []
    tests = [("one", lambda: seen.append(ServerProtocol.transitions))]
    assert not is_noticed(Mutant("server", "OPEN-CONNECT", "all dropped", {}), tests)
    assert seen == [{}]
    assert ServerProtocol.transitions is before
