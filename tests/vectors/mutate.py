"""Inverts and deletes rules of the library, one at a time, and tells which no golden vector notices.

``python tests/vectors/mutate.py [MODULE...]``. Each mutant lives in a process of its own: a fork that imports the
library with one module changed. A mutant is killed when a vector fails or the import does. Exit code 1 for a survivor
that ``survivors.toml`` does not list with a reason, and for one that it lists and that is killed.
"""

import ast
import copy
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "schemas" / "vectors"
MODULES = (
    "liveproto.channel",
    "liveproto.frames.line_grammar",
    "liveproto.frames.grafana_grammar",
    "liveproto.frames.strict_grammar",
    "liveproto.frames.line_protocol",
    "liveproto.frames.cells",
    "liveproto.frames.exact_route",
    "liveproto.frames.frame_json",
    "liveproto.grafana.managed_stream",
    "liveproto.grafana.ingest",
)
SECONDS = 20
OPPOSITES = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a tree."""

    def __init__(self, name, tree):
        self._name, self._tree = name, tree

    def find_spec(self, name, _path, _target=None):
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module):
        exec(compile(self._tree, self._name, "exec"), module.__dict__)


def changes(node):
    """How a node may be changed: a description and a function that does it in place."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in OPPOSITES:
            yield "inverted", lambda it: it.ops.__setitem__(0, OPPOSITES[type(it.ops[0])]())
        case ast.BoolOp():
            yield "and/or swapped", lambda it: setattr(it, "op", OPPOSITES[type(it.op)]())
        case ast.If() | ast.IfExp():
            yield "condition inverted", lambda it: setattr(it, "test", ast.UnaryOp(ast.Not(), it.test))
            yield "condition never met", lambda it: setattr(it, "test", ast.Constant(value=False))
        case ast.Constant(value=int()) if type(node.value) is int:
            yield "number changed", lambda it: setattr(it, "value", it.value + 1)
        case ast.Tuple(elts=[_, _, *_]) | ast.Set(elts=[_, _, *_]) if all(
            isinstance(e, ast.Constant) for e in node.elts
        ):
            for index in range(len(node.elts)):
                yield f"element {index} left out", lambda it, index=index: it.elts.pop(index)
        case ast.Dict(keys=[_, _, *_]):
            for index in range(len(node.keys)):
                yield f"entry {index} left out", lambda it, index=index: (it.keys.pop(index), it.values.pop(index))


def is_for_types(node):
    """Whether a node says something to type checkers alone."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case _:
            return False


def mutants(tree):
    """Each mutant of a module: line, description, tree."""
    skipped = {part for node in ast.walk(tree) if is_for_types(node) for part in ast.walk(node)}
    for index, node in enumerate(ast.walk(tree)):
        for what, change in changes(node) if node not in skipped else ():
            mutant = copy.deepcopy(tree)
            change(next(found for at, found in enumerate(ast.walk(mutant)) if at == index))
            yield node.lineno, what, ast.fix_missing_locations(mutant)


def is_killed(name, tree):
    """Whether some vector fails in a fork with this module."""
    child = os.fork()
    if child == 0:
        os._exit(0 if vectors_pass(name, tree) else 1)
    _, status = os.waitpid(child, 0)
    return status != 0


def vectors_pass(name, tree):
    """Judge every vector with the module changed; a mutant that never ends is stopped, and so killed."""
    signal.alarm(SECONDS)
    sys.meta_path.insert(0, Mutated(name, tree))
    try:
        from judge import passes  # noqa: PLC0415 - imports the library, which must be the changed one

        return all(passes(kind, test) for kind, test in VECTORS)
    except Exception:  # noqa: BLE001 - a mutant that breaks down is killed
        return False


VECTORS = [
    (file["kind"], test)
    for file in (json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json")))
    for group in file["groups"]
    for test in group["tests"]
]


def survivors(name):
    """The mutants of a module that no vector notices, and how many there were."""
    path = ROOT / (name.replace(".", "/") + ".py")
    source = path.read_text()
    every = list(mutants(ast.parse(source)))
    lines = source.splitlines()
    alive = [f"{name}: {lines[line - 1].strip()}: {what}" for line, what, tree in every if not is_killed(name, tree)]
    return alive, len(every)


def main():
    """Run the modules given, or all."""
    tables = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text())["survivors"]
    listed = [mutant for table in tables for mutant in table["mutants"]]
    wrong = []
    for name in sys.argv[1:] or MODULES:
        alive, count = survivors(name)
        sys.stdout.write(f"{name}: {count - len(alive)} of {count} killed\n")
        wrong += [f"survives: {mutant}" for mutant in alive if mutant not in listed]
        wrong += [f"is killed: {mutant}" for mutant in listed if mutant.startswith(f"{name}: ") and mutant not in alive]
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
