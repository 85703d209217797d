"""What the documents show is so: their examples run, their commands say what they print, their pages are generated."""

import json
import re
import subprocess
import types
from pathlib import Path

import jsonschema
import pytest
import yaml
from servers import COMMAND, environment

from liveproto_conformance.catalogue import Check, catalogue, check_id
from liveproto_conformance.check import mark_of
from liveproto_conformance.figures import figures_of
from liveproto_conformance.generate import filled, render_verdicts
from liveproto_conformance.mutants import registry
from liveproto_conformance.mutants.trial import against, run_checks, served
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.requirements import requirements
from liveproto_conformance.resources import load_schema
from liveproto_conformance.target import make_settings
from liveproto_conformance.verdict import Status

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "conformance" / "README.md").read_text()
PAGE = (ROOT / "docs" / "verdicts.md").read_text()
TIMEOUT_S = 2.0
"""What does not come to the mutant's subscriber is waited for three times."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title):
    """The text below a heading of the kit's README."""
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(language, title):
    return [text for found, text in BLOCK.findall(section(title)) if found == language]


# -- writing a check with its mutant ---------------------------------------------------------------------------------


def executed(text, name):
    """A module made of a text."""
    module = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
    return module


@pytest.fixture
def example(monkeypatch):
    """The check and the mutant of the example; the mutants there are do not learn of it."""
    monkeypatch.setattr(registry, "_found", {})
    check_text, mutant_text = blocks("python", "Write a check with its mutant")
    [function] = [value for value in vars(executed(check_text, "test_sub")).values() if mark_of(value)]
    mark = mark_of(function)
    executed(mutant_text, "breaks_sub")
    [mutant] = registry._found.values()
    return Check(check_id(function), function, tuple(requirements()[id_] for id_ in mark.requirements), mark), mutant


def outcome(check, parts):
    """What a check comes to, in a run that has seen before that publications are delivered."""
    delivery = [other for other in catalogue().values() if other.requirements[0].id == "GL-SUB-016"]
    with served(parts) as urls:
        settings = against(make_settings({"fast": True, "timeout": TIMEOUT_S}, {}), urls)
        return run_checks(settings, [*delivery, check])[check.id]


def test_the_example_s_mutant_is_noticed_by_its_check_and_only_the_mutant(example):
    check, mutant = example
    assert mutant.must_fail == (check.id,)
    assert set(mutant.breaks) == {requirement.id for requirement in check.requirements}
    failed = outcome(check, mutant.patch(Parts()))
    assert failed.status is Status.FAIL
    assert "expected" in failed.message
    assert outcome(check, Parts()).status is Status.PASS


def test_the_example_names_what_it_is_called(example):
    text = section("Write a check with its mutant")
    check, mutant = example
    assert f"here `{check.id}`" in text
    assert f"`liveproto serve --mutant {mutant.id}`" in text


# -- commands --------------------------------------------------------------------------------------------------------


def test_commands_say_what_the_guide_shows():
    shown = re.findall(r"^\$ liveproto (.+)\n((?:.+\n)+?)```", GUIDE, re.MULTILINE)
    assert shown
    for arguments, text in shown:
        done = subprocess.run(
            [*COMMAND, *arguments.split()], env=environment(), capture_output=True, text=True, check=True
        )
        assert done.stdout == text


def test_the_jobs_for_ci_call_what_is_there():
    github, gitlab = map(yaml.safe_load, blocks("yaml", "In CI"))
    [step] = [step for step in github["jobs"]["conformance"]["steps"] if "liveproto" in step["uses"]]
    assert set(step["with"]) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
    recipe = gitlab["conformance"]["script"][-1].split()[0].removeprefix("/tmp/liveproto/")
    assert (ROOT / recipe).is_file()
    assert gitlab["conformance"]["artifacts"]["reports"]["junit"] == "liveproto-report/junit.xml"


@pytest.mark.parametrize("page", ["README.md", "conformance/README.md", "docs/verdicts.md"])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


# -- the page of the self-test ---------------------------------------------------------------------------------------


def mutant(id_, kind, *killed_by, reason=None):
    named = {"breaks": ["GL-SUB-001"], "must_fail": ["sub.one"]} if kind == "named" else {"breaks": [], "must_fail": []}
    return {
        "id": id_,
        "kind": kind,
        "why": "a mistake",
        **named,
        "killed_by": list(killed_by),
        "off_target": [],
        "survived": not killed_by,
        "reason": reason,
    }


def selftest(**changes):
    """A document of the self-test, small and not all well."""
    return {
        "format": 1,
        "kit": "0.1.0",
        "spec": 1,
        "cores": 2,
        "jobs": 2,
        "wall_s": 61.7,
        "cpu_s": 99.0,
        "null_servers": [{"id": "mute", "passes": 0, "exit": 5, "said": "no | reply", "wall_s": 1.0}],
        "mutants": [
            mutant("one", "named", "sub.one"),
            mutant("drop", "wire", "sub.one", "sub.two"),
            mutant("blank", "wire", reason="a blank line is allowed"),
        ],
        "checks": [
            {"id": "sub.one", "kills": ["one", "drop"]},
            {"id": "sub.two", "kills": ["drop"]},
            {"id": "ping.one", "kills": []},
        ],
        "twin": {"statuses": {"PASS": 3, "INFO": 1}, "unclean": []},
        "second_looks": [],
        "faults": ["ping.one kills nothing"],
        **changes,
    }


def test_the_document_of_these_tests_is_one_of_the_self_test():
    jsonschema.Draft202012Validator(load_schema("selftest.schema.json")).validate(selftest())


def test_figures_are_those_of_the_self_test():
    figures = figures_of(selftest())
    assert figures["summary"] == (
        "Kit 0.1.0, edition 1 of SPEC.md: 1 null servers, 3 mutants and 3 checks, in 62 s with 2 cores."
    )
    assert figures["null servers"].splitlines()[2:] == ["| mute | 5 | 0 | no &#124; reply |"]
    assert figures["mutants"].splitlines()[2:] == [
        "| named mutants | 1 | 1 (100.0%) | 0 |",
        "| wire mutants | 2 | 1 (50.0%) | 1 |",
    ]
    assert figures["survivors"] == "* `blank`: a blank line is allowed"
    assert figures["areas"].splitlines()[2:] == ["| SUB | 2 | 2 | 1.5 |", "| PING | 1 | 0 | 0 |"]
    assert figures["twin"] == "* 3 PASS\n* 1 INFO"
    assert figures["faults"] == "* ping.one kills nothing"


def test_what_was_not_found_is_said():
    figures = figures_of(
        selftest(null_servers=[], mutants=[], checks=[], twin={"statuses": {}, "unclean": []}, faults=[])
    )
    assert figures["survivors"] == "Every mutant is killed."
    assert figures["twin"] == "The twin was not judged."
    assert figures["faults"] == "The self-test found no fault with the kit."
    assert figures["mutants"].splitlines()[2:] == ["| named mutants | 0 | 0 | 0 |", "| wire mutants | 0 | 0 | 0 |"]


def test_the_page_has_a_place_for_each_figure():
    assert sorted(re.findall(r"<!-- generated: (.+) -->\n", PAGE)) == sorted(figures_of(selftest()))
    assert PAGE.count("<!-- end -->") == len(figures_of(selftest()))


def test_the_page_is_made_of_the_self_test_beside_it(tmp_path):
    (tmp_path / "verdicts.md").write_text(PAGE)
    (tmp_path / "selftest.json").write_text(json.dumps(selftest()))
    [(path, text)] = render_verdicts(tmp_path).items()
    assert path == tmp_path / "verdicts.md"
    assert "* `blank`: a blank line is allowed\n<!-- end -->" in text
    assert filled(text, figures_of(selftest())) == text
