"""The GitHub Action and the recipe for other CI: their commands are run as CI runs them, and what they keep looked at.

GitHub's rules for ``action.yml`` are stated by hand: it has to be correct where no test of ours can run it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from servers import environment

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "conformance" / "ci" / "check.sh"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
COMMANDS = [step for step in STEPS if "run" in step]
ACTIONS = [step for step in STEPS if "uses" in step]
DEFAULTS = {name: declared["default"] for name, declared in ACTION["inputs"].items()}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
TIMEOUT_S = 300
FEW = "--fast --req GL-CMD-001"
HEALTH = "http://127.0.0.1:{port}/api/health"
MUTANT = "what-is-not-served-closes"


def serve(*options):
    """The command of an embedded server, for ``--start``."""
    return f"{sys.executable} -m liveproto_conformance serve --port {{port}} {' '.join(options)}"


def value_of(expression, inputs):
    """What GitHub puts where an expression stands."""
    return str(ROOT) if expression == "github.action_path" else inputs[expression.removeprefix("inputs.")]


def evaluated(text, inputs):
    return EXPRESSION.sub(lambda match: value_of(match[1], inputs), text)


def run_action(folder, **inputs):
    """Run the action's commands one after the other, as GitHub's runner does; the first that fails ends it."""
    workspace, runner = folder / "workspace", folder / "runner"
    for path in (workspace, runner):
        path.mkdir(exist_ok=True)
    for step in COMMANDS:
        script = runner / "script.sh"
        script.write_text(step["run"])
        variables = {name: evaluated(text, {**DEFAULTS, **inputs}) for name, text in step["env"].items()}
        done = subprocess.run(
            [*BASH, script],
            cwd=workspace,
            env=environment(
                LIVEPROTO_VENV=sys.prefix,
                GITHUB_STEP_SUMMARY=str(runner / "summary.md"),
                **variables,
            ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            break
    return done


def report_in(folder):
    return json.loads((folder / "report.json").read_text())


# -- the file --------------------------------------------------------------------------------------------------------


def test_the_action_has_what_github_asks_for_and_nothing_it_does_not_know():
    assert {"name", "description", "runs"} <= set(ACTION)
    assert set(ACTION) <= {"name", "description", "author", "branding", "inputs", "outputs", "runs"}
    assert set(ACTION["runs"]) == {"using", "steps"}
    assert ACTION["runs"]["using"] == "composite"
    for declared in ACTION["inputs"].values():
        assert set(declared) == {"description", "default"}
        assert isinstance(declared["default"], str)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_a_step_runs_a_command_in_a_shell_or_uses_another_action(step):
    keys = {"run", "shell"} if "run" in step else {"uses"}
    assert keys <= set(step)
    assert set(step) - keys <= {"name", "if", "env" if "run" in step else "with"}
    assert "run" in step or re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


def test_no_input_becomes_part_of_a_script():
    assert [step["name"] for step in COMMANDS if EXPRESSION.search(step["run"])] == []


def test_every_input_is_used_and_every_expression_known():
    texts = [text for step in STEPS for part in ("env", "with") for text in step.get(part, {}).values()]
    used = {expression for text in texts for expression in EXPRESSION.findall(text)}
    assert used == {f"inputs.{name}" for name in ACTION["inputs"]} | {"github.action_path"}


def test_the_report_is_kept_whatever_the_verdict():
    upload = STEPS[-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"] == "${{ always() }}"
    assert upload["with"]["path"] == COMMANDS[-1]["env"]["LIVEPROTO_REPORT_DIR"] == "${{ inputs.report-dir }}"


# -- what it does ----------------------------------------------------------------------------------------------------


def test_a_conformant_server_passes_and_is_reported(tmp_path):
    done = run_action(tmp_path, start=serve(), args=FEW)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = tmp_path / "workspace" / "liveproto-report"
    assert report_in(kept)["verdict"] == "conformant"
    assert (tmp_path / "runner" / "summary.md").read_text() == (kept / "summary.md").read_text()
    assert {path.name for path in (tmp_path / "workspace").iterdir()} == {"liveproto-report"}


def test_a_server_with_a_fault_fails_the_job_and_its_report_names_it(tmp_path):
    inputs = {"start": serve("--mutant", MUTANT), "ready": HEALTH, "args": FEW, "report-dir": "kept here"}
    done = run_action(tmp_path, **inputs)
    assert done.returncode == 1, done.stdout + done.stderr
    kept = tmp_path / "workspace" / "kept here"
    failed = {check["requirements"][0] for check in report_in(kept)["checks"] if check["status"] == "FAIL"}
    assert "GL-CMD-001" in failed
    assert "GL-CMD-001" in (tmp_path / "runner" / "summary.md").read_text()
    assert (kept / "report.html").exists()


@pytest.mark.parametrize(
    ("inputs", "code", "said"),
    [
        ({"url": "http://127.0.0.1:1", "args": FEW}, 5, "nothing tested"),
        ({"url": "no-url"}, 4, "no-url"),
        ({"args": "--no-such-option"}, 4, "--no-such-option"),
    ],
)
def test_the_exit_code_is_that_of_the_check(tmp_path, inputs, code, said):
    done = run_action(tmp_path, **inputs)
    assert done.returncode == code
    assert said in done.stderr


@pytest.mark.parametrize("name", ["url", "start", "ready", "args", "report-dir"])
def test_an_input_is_never_run_as_a_script(tmp_path, name):
    owned = [tmp_path / letter for letter in "abc"]
    text = "$(touch {})`touch {}`; touch {}; ".format(*owned)
    run_action(tmp_path, **{"url": "http://127.0.0.1:1", name: text})
    assert not any(path.exists() for path in owned)


def test_arguments_are_split_at_blanks_and_not_expanded(tmp_path):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "a-file").touch()
    done = run_action(tmp_path, url="http://127.0.0.1:1", args="--fast\n  --header *")
    assert done.returncode == 4
    assert "'*'" in done.stderr


# -- the recipe ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What the recipe leaves and says in an empty folder, with an environment that it makes."""
    folder = tmp_path_factory.mktemp("ci")
    variables = {"LIVEPROTO_VENV": str(folder / "kit"), "PYTHON": sys.executable, "LIVEPROTO_REPORT_DIR": "kept"}
    work = folder / "work"
    work.mkdir()
    return work, variables, recipe(work, *FEW.split(), **variables)


def recipe(folder, *arguments, **variables):
    return subprocess.run(
        ["sh", RECIPE, *arguments],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_the_recipe_installs_the_kit_and_judges_the_embedded_server(installed):
    folder, variables, done = installed
    assert done.returncode == 0, done.stdout + done.stderr
    assert report_in(folder / "kept")["verdict"] == "conformant"
    environment_of_its_own = Path(variables["LIVEPROTO_VENV"])
    assert len([*environment_of_its_own.glob("lib/python*/site-packages/liveproto_conformance/cli.py")]) == 1


def test_the_recipe_uses_the_environment_again_and_returns_the_verdict(installed):
    folder, variables, _ = installed
    made = Path(variables["LIVEPROTO_VENV"]) / "pyvenv.cfg"
    before = made.stat().st_mtime_ns
    done = recipe(folder, "--start", serve("--mutant", MUTANT), "--ready", HEALTH, *FEW.split(), **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    assert report_in(folder / "kept")["verdict"] == "nonconformant"
    assert made.stat().st_mtime_ns == before


def test_the_recipe_stops_where_the_kit_cannot_be_installed(tmp_path):
    done = recipe(tmp_path, LIVEPROTO_VENV=str(tmp_path / "kit"), PYTHON=shutil.which("false"))
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_the_recipe_can_be_run(tmp_path):
    assert os.access(RECIPE, os.X_OK)
    done = recipe(tmp_path, "--help", LIVEPROTO_VENV=sys.prefix)
    assert done.stdout.startswith("Usage: liveproto check")
