"""Who may import whom, read from the source."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "liveproto"
KIT = ROOT / "conformance" / "liveproto_conformance"

THIRD_PARTY = {"attrs", "msgspec"}
STDLIB = {"__future__", "collections", "enum", "json", "re", "struct", "types", "typing"}
"""No sockets, no clock, no randomness, no logging, no environment."""

MAY_IMPORT = {
    "errors": {"errors", "wire"},
    "channel": {"errors", "channel"},
    "wire": {"errors", "channel", "wire"},
    "session": {"errors", "channel", "wire", "session"},
    "frames": {"errors", "frames"},
    "grafana": {"errors", "channel", "wire", "frames", "grafana"},
    "__init__": {"errors", "channel", "wire", "session", "frames", "grafana"},
}


def imported(path):
    """Every module a file imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "liveproto":
                yield from (f"liveproto.{alias.name}" for alias in node.names)
            elif node.module.startswith("liveproto."):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_the_library_imports_only_what_it_may(path):
    room = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    for module in imported(path):
        top, _, rest = module.partition(".")
        if top == "liveproto":
            assert not rest or rest.split(".")[0] in MAY_IMPORT[room], f"{room} imports {module}"
        else:
            assert top in THIRD_PARTY | STDLIB, f"{room} imports {module}"
            assert top not in THIRD_PARTY or top not in sys.stdlib_module_names


def test_only_drive_opens_sockets():
    openers = {"socket", "websockets", "http", "ssl"}
    allowed = {"websocket.py", "http.py", "launch.py", "target.py", "probe.py", "bench.py", "null_servers.py"}
    for path in KIT.rglob("*.py"):
        if {module.partition(".")[0] for module in imported(path)} & openers:
            assert path.name in allowed, path


def test_driver_and_server_share_no_websocket_code():
    for path in (KIT / "reference").glob("*.py"):
        assert "websockets" not in {module.partition(".")[0] for module in imported(path)}, path
    for path in (KIT / "drive").glob("*.py"):
        assert "aiohttp" not in {module.partition(".")[0] for module in imported(path)}, path


def test_checks_do_not_read_our_own_records():
    for path in (KIT / "checks").glob("test_*.py"):
        for module in imported(path):
            assert not module.startswith(("liveproto.wire", "liveproto.session")), f"{path.name} imports {module}"


def test_light_modules_stay_light():
    heavy = {"hypothesis", "websockets", "aiohttp", "rich", "jsonschema", "jsonschema_rs", "cbor2"}
    for name in ("entry.py", "options.py", "pytest_plugin.py"):
        tree = ast.parse((KIT / name).read_text())
        top_level = {
            alias.name if isinstance(node, ast.Import) else node.module
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not heavy & {module.partition(".")[0] for module in top_level}
