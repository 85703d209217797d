"""The wheel: what is in it, and that it works where nothing else is."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from servers import environment

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 240


def run(*command, cwd, check=True):
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment(PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONPATH=""),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def environment_with(folder, *requirements):
    """An environment of its own with these installed; returns its folder of commands."""
    venv.create(folder, with_pip=False)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    run(sys.executable, "-m", "pip", "--python", commands / "python", "install", "-q", *requirements, cwd=folder)
    return commands


@pytest.fixture(scope="module")
def kit(wheel, tmp_path_factory):
    return environment_with(tmp_path_factory.mktemp("kit"), f"liveproto[kit] @ {wheel.as_uri()}")


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory):
    return environment_with(tmp_path_factory.mktemp("core"), f"liveproto @ {wheel.as_uri()}", "pytest>=8.4")


def test_the_wheel_has_the_schemas_and_the_specification(names):
    data = "liveproto_conformance/data/"
    assert f"{data}SPEC.md" in names
    for path in (ROOT / "schemas").glob("*.json"):
        assert f"{data}schemas/{path.name}" in names


def test_the_wheel_has_every_file_and_the_marks_of_types(names):
    for package in (ROOT / "liveproto", ROOT / "conformance" / "liveproto_conformance"):
        for path in package.rglob("*.*"):
            assert str(path.relative_to(package.parent)) in names or path.suffix == ".pyc"
    assert "liveproto/py.typed" in names
    assert "liveproto_conformance/py.typed" in names


def test_the_wheel_has_nothing_else(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"liveproto", "liveproto_conformance"}
    assert not any("__pycache__" in name or "tests/" in name for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_kit_judges_its_own_server_from_an_empty_folder(kit, tmp_path):
    done = run(kit / "liveproto", "check", "--fast", cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("CONFORMANT")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_kit_lists_and_explains(kit, tmp_path):
    assert "GL-SUB-001" in run(kit / "liveproto", "list", cwd=tmp_path).stdout
    assert "GL-SUB-001 MUST" in run(kit / "liveproto", "explain", "GL-SUB-001", cwd=tmp_path).stdout


def test_the_kit_runs_under_pytest(kit, tmp_path):
    done = run(
        *(kit / "python", "-m", "pytest", "-q", "--pyargs", "liveproto_conformance.checks"),
        *("--liveproto-fast", "--liveproto-req", "GL-SUB"),
        cwd=tmp_path,
    )
    assert " passed" in done.stdout


def test_core_alone_has_no_part_of_the_kit(core, tmp_path):
    code = (
        "import importlib.util as u\n"
        "from liveproto.session.client import ClientProtocol\n"
        "kit = 'aiohttp', 'click', 'rich', 'hypothesis', 'websockets', 'cbor2'\n"
        "print([name for name in kit if u.find_spec(name)])"
    )
    assert run(core / "python", "-W", "error", "-c", code, cwd=tmp_path).stdout == "[]\n"


def test_core_alone_leaves_pytest_as_it_was(core, tmp_path):
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert True\n")
    done = run(core / "python", "-m", "pytest", "-q", "-W", "error", cwd=tmp_path)
    assert "1 passed" in done.stdout
    assert done.stderr == ""


def test_core_alone_says_in_one_line_what_to_install(core, tmp_path):
    for command in (["check"], ["list"], ["--help"], []):
        done = run(core / "liveproto", *command, cwd=tmp_path, check=False)
        assert done.returncode == 4
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.endswith('not installed: pip install "liveproto[kit]"')


@pytest.mark.parametrize(
    "arguments",
    [("--pyargs", "liveproto_conformance.checks"), ("-p", "no:cacheprovider", "test_mine.py")],
    ids=["checks", "fixture"],
)
def test_core_alone_says_what_to_install_where_the_kit_is_asked_for(core, tmp_path, arguments):
    (tmp_path / "test_mine.py").write_text("def test_mine(liveproto_server):\n    assert True\n")
    done = run(core / "python", "-m", "pytest", "-q", *arguments, cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert 'pip install "liveproto[kit]"' in done.stdout + done.stderr
