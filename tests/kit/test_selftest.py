"""The self-test of the kit: each of its rules, what its proxy does to a connection, and one whole run."""

import json
import subprocess
import sys

import attrs
import jsonschema_rs
import pytest

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.mutants.null_servers import NULL_SERVERS
from liveproto_conformance.mutants.registry import Mutant, mutants
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.requirements import requirements
from liveproto_conformance.resources import load_schema
from liveproto_conformance.selftest import matrix
from liveproto_conformance.selftest.known import Known, OffTarget, read_known
from liveproto_conformance.selftest.named import can_show
from liveproto_conformance.selftest.null import NullServer
from liveproto_conformance.selftest.outcome import Told, Tried
from liveproto_conformance.selftest.report import Findings, Machine, document_of, page_of
from liveproto_conformance.selftest.wire import wire_mutants
from liveproto_conformance.selftest.wire_table import WireMutant
from liveproto_conformance.target import UsageError
from liveproto_conformance.verdict import Status

KILLER = "sub.publications_arrive_once_and_in_order"
OTHER = "pub.a_payload_may_be_any_json_value"
PASSIVE = "passive.pushes_have_no_id"
RULES = [requirement.id for requirement in catalogue()[KILLER].requirements]
MUTANT = Mutant("twice", (RULES[0],), (KILLER,), "it comes back from the broker", lambda parts: parts)
WIRE = WireMutant(id="publication/twice", why="it comes back from the broker")
FAILED = Told(Status.FAIL, f"expected one, got two ({RULES[0]})")
PASSED = Told(Status.PASS)
UNTRIED = Told(Status.NOT_EXERCISED, "waits on GL-SUB-001")
NOTHING_KNOWN = Known()
SCHEMA = jsonschema_rs.Draft202012Validator(load_schema("selftest.schema.json"))


def tried(**told):
    """What was said of a mutant, by the module of each check."""
    ids = {"killer": KILLER, "other": OTHER, "passive": PASSIVE}
    return Tried(id="twice", told={ids[name]: each for name, each in told.items()})


def judged(known=NOTHING_KNOWN, **told):
    return matrix.judge_named(MUTANT, tried(**told), catalogue(), known)


# -- a kill --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "breaks", "text", "names"),
    [
        (KILLER, RULES[:1], f"expected one, got two ({RULES[0]})", True),
        (KILLER, RULES[:1], "expected one, got two", True),
        (KILLER, RULES[:1], "expected one, got two (GL-WIRE-001)", False),
        (KILLER, ["GL-WIRE-001"], "expected one, got two", False),
        (KILLER, RULES[:1], f"two came ({RULES[0]})", False),
        (PASSIVE, ["GL-WIRE-041"], "an id, in wire.x, connection 7, message 2", True),
        (PASSIVE, ["GL-WIRE-041"], "expected none, got an id", False),
    ],
)
def test_a_failure_names_the_fault_by_what_was_expected_and_by_a_broken_rule(check, breaks, text, names):
    assert matrix.names_the_fault(catalogue()[check], breaks, text) is names


def test_a_mutant_is_killed_by_the_checks_that_must():
    row = judged(killer=FAILED, other=PASSED)
    assert (row.killed_by, row.survived, row.off_target, row.faults) == ((KILLER,), False, (), ())


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({}, "must fail, it was not run"),
        ({"killer": PASSED}, "must fail, it came to PASS"),
        ({"killer": Told(Status.FLAKY, FAILED.text)}, "must fail, it came to FLAKY"),
        ({"killer": Told(Status.FAIL, "two came")}, "fails without naming the fault: two came"),
    ],
)
def test_a_mutant_that_is_not_killed_survives_and_says_so(told, fault):
    row = judged(**told)
    assert row.survived
    assert row.killed_by == ()
    assert row.faults[0].startswith(f"twice: {KILLER} ")
    assert fault in row.faults[0]


# -- what else fails -------------------------------------------------------------------------------------------------


def test_what_fails_beside_without_a_reason_is_a_fault():
    row = judged(killer=FAILED, other=Told(Status.FAIL, "expected 1, got 2"))
    assert row.faults == (f"twice: {OTHER} fails too, and nobody has said why: FAIL: expected 1, got 2",)
    assert not row.survived


def test_what_fails_beside_may_have_a_reason():
    known = Known((OffTarget(mutants=("tw*",), checks=("pub.*",), reason="it counts what comes"),))
    row = judged(known, killer=FAILED, other=Told(Status.FAIL, "expected 1, got 2"))
    assert [(each.check, each.reason) for each in row.off_target] == [(OTHER, "it counts what comes")]
    assert row.faults == ()


def test_what_fails_beside_is_justified_where_its_own_rule_is_broken():
    broken = catalogue()[OTHER].requirements[0].id
    mutant = Mutant("twice", (RULES[0], broken), (KILLER,), "", lambda parts: parts)
    row = matrix.judge_named(mutant, tried(killer=FAILED, other=FAILED), catalogue(), Known())
    assert [each.reason for each in row.off_target] == [f"it checks {broken} too"]
    assert row.faults == ()


@pytest.mark.parametrize("rule", [RULES[0], "GL-SUB-*"])
def test_what_fails_beside_may_have_a_reason_for_all_that_break_a_rule(rule):
    known = Known((OffTarget(breaks=(rule,), checks=(OTHER,), reason="it counts what comes"),))
    assert judged(known, killer=FAILED, other=FAILED).faults == ()
    known = Known((OffTarget(breaks=("GL-CONV-*",), checks=(OTHER,), reason="it counts what comes"),))
    assert len(judged(known, killer=FAILED, other=FAILED).faults) == 1


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (OffTarget(mutants=("twice",), checks=("pub.*",), reason="why"), None),
        (OffTarget(mutants=("twice",), checks=("pub.*", "conv.*"), reason="why"), "checks conv.* is of no use: why"),
        (OffTarget(mutants=("twice",), checks=("conv.*",), reason="why", by_chance=True), None),
        (OffTarget(mutants=("twice", "x"), checks=("pub.*",), reason="why"), "mutants x is of no use: why"),
        (OffTarget(breaks=("GL-X-*", "GL-SUB-*"), checks=("pub.*",), reason="why"), "breaks GL-X-* is of no use: why"),
    ],
)
def test_a_reason_for_what_does_not_happen_is_a_fault(entry, fault):
    known = Known((entry,))
    rows = [judged(known, killer=FAILED, other=FAILED)]
    expected = [] if fault is None else [f"known.toml: off_target: {fault}"]
    assert list(matrix.faults_of_known(known, rows, [])) == expected


def test_a_survivor_that_does_not_exist_is_a_fault():
    known = Known(survivors={"nothing": "why"})
    assert list(matrix.faults_of_known(known, [], ["id/next"])) == ["known.toml: survivor: there is no mutant nothing"]
    assert list(matrix.faults_of_known(known, [], ["nothing"])) == []


def test_a_check_that_fails_itself_is_a_fault():
    row = judged(killer=FAILED, other=Told(Status.HARNESS_ERROR, "KeyError: 1"))
    assert row.faults == (f"twice: {OTHER} failed itself: KeyError: 1",)


# -- wire mutants ----------------------------------------------------------------------------------------------------


def test_a_wire_mutant_is_killed_by_whatever_notices():
    row = matrix.judge_wire(WIRE, tried(killer=Told(Status.FLAKY), other=UNTRIED), catalogue(), Known())
    assert (row.killed_by, row.survived, row.faults) == ((KILLER,), False, ())


def test_a_wire_mutant_for_which_a_check_cannot_be_tried_is_noticed_too():
    row = matrix.judge_wire(WIRE, tried(killer=UNTRIED, other=PASSED), catalogue(), Known())
    assert (row.killed_by, row.survived, row.faults) == ((KILLER,), False, ())
    many = Tried(id=WIRE.id, told=dict.fromkeys([KILLER, OTHER, PASSIVE, "passive.pings_are_empty_objects"], UNTRIED))
    assert len(matrix.judge_wire(WIRE, many, catalogue(), Known()).killed_by) == matrix.ENOUGH
    should = "passive.close_reasons_are_the_registered_ones"
    assert matrix.judge_wire(WIRE, Tried(id=WIRE.id, told={should: UNTRIED}), catalogue(), Known()).survived


def test_a_wire_mutant_that_nothing_notices_needs_a_reason():
    row = matrix.judge_wire(WIRE, tried(other=PASSED), catalogue(), Known())
    assert row.survived
    assert row.faults == ("publication/twice: no check notices, and nobody has said why",)
    row = matrix.judge_wire(WIRE, tried(other=PASSED), catalogue(), Known(survivors={"publication/twice": "it may"}))
    assert (row.survived, row.reason, row.faults) == (True, "it may", ())


def test_a_survivor_that_is_killed_is_a_fault():
    row = matrix.judge_wire(WIRE, tried(killer=FAILED), catalogue(), Known(survivors={"publication/twice": "it may"}))
    assert row.faults == (f"publication/twice: known as a survivor, it is killed by {KILLER}",)
    assert row.reason is None


@pytest.mark.parametrize(("killed", "faults"), [(95, 0), (94, 1)])
def test_nearly_all_wire_mutants_must_be_killed(killed, faults):
    rows = [matrix.Row(id=str(n), kind="wire", why="", survived=n >= killed, reason="it may") for n in range(100)]
    assert len(list(matrix.faults_of_share(rows))) == faults


# -- the others ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"exit": 1}, None),
        ({"passes": 1}, "null server x: expected no PASS, got 1"),
        ({"exit": 0}, "null server x: expected exit 5, or 1, got 0: nothing tested"),
        ({"wall_s": 31.0}, "null server x: expected an end within 30 s, it took 31 s"),
    ],
)
def test_a_null_server_earns_nothing(change, fault):
    server = NullServer(**{"id": "x", "passes": 0, "exit": 5, "said": "nothing tested", "wall_s": 1.0, **change})
    assert list(matrix.faults_of_nulls([server])) == ([] if fault is None else [fault])


def test_the_twin_is_clean_and_much_applies_to_it():
    passes = {str(n): PASSED for n in range(matrix.LEAST_PASSES)}
    clean = Tried(id="permissive/0", told={**passes, OTHER: Told(Status.NOT_APPLICABLE)})
    assert list(matrix.faults_of_twin([clean])) == []
    unclean = Tried(id="permissive/0", told={**passes, OTHER: Told(Status.NOT_EXERCISED, "why")})
    assert list(matrix.faults_of_twin([unclean])) == [f"permissive/0: {OTHER} expected PASS, got NOT_EXERCISED: why"]
    empty = Tried(id="permissive/0", told={KILLER: PASSED})
    assert list(matrix.faults_of_twin([empty])) == ["permissive/0: expected at least 120 PASS, got 1"]


def test_a_check_that_kills_nothing_is_a_fault():
    kills = matrix.kills_of([judged(killer=FAILED)], [KILLER, OTHER])
    assert kills == {KILLER: ["twice"], OTHER: []}
    assert list(matrix.faults_of_kills(kills)) == [f"{OTHER} kills no mutant"]


# -- what is known ---------------------------------------------------------------------------------------------------


def test_reasons_are_read(tmp_path):
    path = tmp_path / "known.toml"
    path.write_text(
        """
        [[off_target]]
        mutants = ["a"]
        checks = ["conv.*"]
        reason = "b"
        [[off_target]]
        breaks = ["GL-SUB-*"]
        checks = ["pub.x"]
        reason = "c"
        [[off_target_by_chance]]
        mutants = ["a"]
        checks = ["sub.x"]
        reason = "f"
        [[survivor]]
        mutant = "d"
        reason = "e"
        """
    )
    known = read_known(path)
    assert [entry.by_chance for entry in known.off_target] == [False, False, True]
    assert known.reason_for("a", [], "sub.x") == "f"
    assert known.survivors == {"d": "e"}
    assert known.reason_for("a", [], "conv.x") == "b"
    assert known.reason_for("a", ["GL-SUB-001"], "pub.x") == "c"
    assert known.reason_for("a", ["GL-CONV-001"], "pub.x") is None
    assert known.reason_for("d", [], "conv.x") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[off_target]", "known.toml: "),
        ("[[survivors]]", "expected off_target or off_target_by_chance or survivor, got survivors"),
        ('[[survivor]]\nmutant = "a"', r"\[\[survivor\]\]: expected mutant, reason, none of them empty, got"),
        ('[[survivor]]\nmutant = "a"\nreason = ""', r"\[\[survivor\]\]: expected"),
        (
            '[[off_target]]\nmutants = "a"\nchecks = ["x"]\nreason = "b"',
            "mutants, checks, reason or breaks, checks, rea",
        ),
        ('[[off_target]]\nmutants = ["a"]\nbreaks = ["x"]\nchecks = ["x"]\nreason = "b"', "expected mutants"),
    ],
)
def test_a_broken_file_of_reasons_is_refused(text, said, tmp_path):
    path = tmp_path / "known.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_known(path)


def test_a_file_of_reasons_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_known(tmp_path / "known.toml")


# -- the report ------------------------------------------------------------------------------------------------------


def test_the_document_has_both_sides_of_the_matrix_and_the_page_shows_it():
    rows = [
        judged(killer=FAILED, other=Told(Status.FAIL, "expected 1, got 2")),
        matrix.judge_wire(WIRE, tried(other=PASSED), catalogue(), Known(survivors={"publication/twice": "it may"})),
    ]
    tested = Findings(
        nulls=[NullServer(id="x", passes=0, exit=5, said="nothing tested", wall_s=1.0)],
        rows=rows,
        twin=[Tried(id="permissive/0", told={KILLER: PASSED, OTHER: Told(Status.FAIL, "expected 1, got 2")})],
        second_looks=["twice"],
        faults=rows[0].faults,
    )
    document = document_of(tested, Machine(cores=2, jobs=4, wall_s=1.23, cpu_s=2.0), [KILLER, OTHER])
    assert SCHEMA.is_valid(document), list(SCHEMA.iter_errors(document))
    assert document["checks"] == [{"id": KILLER, "kills": ["twice"]}, {"id": OTHER, "kills": []}]
    assert document["mutants"][0]["off_target"] == [{"check": OTHER, "status": "FAIL", "reason": None}]
    assert document["twin"]["statuses"] == {"PASS": 1, "FAIL": 1}
    assert [each["check"] for each in document["twin"]["unclean"]] == [OTHER]
    page = page_of(document)
    assert f"| {KILLER} | twice |" in page
    assert f"| twice | {RULES[0]} | {KILLER} | {OTHER}: nobody has said why |" in page
    assert "* `publication/twice`: it may" in page
    assert f"* {rows[0].faults[0]}" in page


# -- the command -----------------------------------------------------------------------------------------------------


def selftest(*options, timeout=300):
    return subprocess.run(
        [sys.executable, "-m", "liveproto_conformance", "selftest", *map(str, options)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mutant", "publications-arrive-twic"], "did you mean 'publications-arrive-twice'?"),
        (["--only", "all"], "'all' is not one of"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--report-dir", f"{__file__}/x", "--only", "null"], "Not a directory"),
    ],
)
def test_what_makes_no_sense_is_exit_4(options, said):
    run = selftest(*options)
    assert run.returncode == 4, run.stderr
    assert said in " ".join(run.stderr.split())


def test_one_mutant_of_each_kind_can_be_tried(tmp_path):
    run = selftest("--mutant", "publications-arrive-twice", "--mutant", "id/next", "--report-dir", tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "named mutants   1, 1 killed (100.0%)" in run.stdout
    document = json.loads((tmp_path / "selftest.json").read_text())
    assert SCHEMA.is_valid(document)
    named, wire = document["mutants"]
    assert set(named["killed_by"]) == set(mutants()["publications-arrive-twice"].must_fail)
    assert 0 < len(wire["killed_by"]) <= matrix.ENOUGH


LINES, CELLS = "line.values_are_read_as_they_are_written", "conv.values_become_cells_of_their_types"


@pytest.mark.parametrize(
    ("changed", "shown"),
    [("engine", {OTHER, CELLS}), ("streams", {OTHER, CELLS, LINES}), ("ingest", {CELLS, LINES})],
)
def test_a_mutant_meets_the_checks_that_it_can_show_to(changed, shown):
    parts = attrs.evolve(Parts(), **{changed: object})
    assert {id_ for id_ in (OTHER, CELLS, LINES) if can_show(parts, catalogue()[id_])} == shown


# -- a whole run -----------------------------------------------------------------------------------------------------

WORDS = {
    "refuses": "cannot be reached: Connection refused",
    "accepts-and-closes": "the handshake was not answered with HTTP",
    "accepts-and-stays-mute": "no answer to the handshake within 1 s",
    "websocket-mute": "connect was never answered: expected a reply with id 1 within 1 s, got none",
    "websocket-echo": "the connect result has no client: {}",
    "websocket-closes": "connect was never answered: expected a reply with id 1, got close 1000 ''",
    "http-only": "the handshake was answered with HTTP 200",
    "websocket-random-json": "connect was never answered: expected a reply with id 1 within 1 s, got none",
}
WHOLE_S = 3600


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selftest")
    run = selftest("--report-dir", folder, timeout=WHOLE_S)
    return run, json.loads((folder / "selftest.json").read_text())


def test_the_kit_passes_its_self_test(whole):
    run, document = whole
    assert document["faults"] == []
    assert run.returncode == 0, run.stdout + run.stderr
    assert SCHEMA.is_valid(document), list(SCHEMA.iter_errors(document))


def test_everything_was_tried(whole):
    _, document = whole
    ids = [mutant["id"] for mutant in document["mutants"]]
    assert ids == [*mutants(), *wire_mutants()]
    assert [check["id"] for check in document["checks"]] == list(catalogue())
    assert len(document["null_servers"]) == len(NULL_SERVERS)
    assert document["twin"]["statuses"]["PASS"] >= 3 * matrix.LEAST_PASSES


@pytest.mark.parametrize("name", NULL_SERVERS)
def test_a_null_server_is_told_in_a_plain_sentence(name, whole):
    (server,) = (server for server in whole[1]["null_servers"] if server["id"] == name)
    assert server["exit"] == 5
    assert server["said"].startswith("nothing tested: ws://127.0.0.1:")
    assert WORDS[name] in server["said"]
    assert "Traceback" not in server["said"]


def test_requirements_of_named_mutants_exist(whole):
    broken = {rule for mutant in whole[1]["mutants"] for rule in mutant["breaks"]}
    assert broken
    assert broken <= requirements().keys()
