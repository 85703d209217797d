"""Known failures: what an entry makes of an outcome, what it makes of a run, and what is run for it."""

from datetime import date
from pathlib import Path

import attrs
import pytest
from hypothesis import strategies as st
from reports import REASON, expecting
from test_report import FACTS, fail, must_checks, problems

from liveproto_conformance import execute as execute_module
from liveproto_conformance.bench import Bench
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import Lane, NoReplyError, check, generated, mark_of
from liveproto_conformance.execute import Outcome, execute, execute_again
from liveproto_conformance.expectations.entry import Expectation, Expectations, Standing
from liveproto_conformance.report.json_report import expectations_as_json
from liveproto_conformance.requirements import Level
from liveproto_conformance.run import Run
from liveproto_conformance.target import Settings
from liveproto_conformance.trial import Task
from liveproto_conformance.verdict import Exit, Status

FAIL, WARN, FLAKY, NOT_EXERCISED = Status.FAIL, Status.WARN, Status.FLAKY, Status.NOT_EXERCISED
PASS, XFAIL, XPASS, NOT_APPLICABLE = Status.PASS, Status.XFAIL, Status.XPASS, Status.NOT_APPLICABLE
ERROR, INFO = Status.HARNESS_ERROR, Status.INFO


def of_check(id_="sub.x", status=FAIL, **fields):
    return Expectation(check=id_, status=status, reason="known", line=3, **fields)


def of_rule(id_="GL-SUB-003", status=FAIL, **fields):
    return Expectation(req=id_, status=status, reason="known", line=3, **fields)


# -- one entry ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        (FAIL, {FAIL: XFAIL, PASS: XPASS}),
        (WARN, {WARN: XFAIL, PASS: XPASS}),
        (NOT_EXERCISED, {NOT_EXERCISED: XFAIL, PASS: XPASS}),
        (FLAKY, {FLAKY: XFAIL, FAIL: XFAIL, WARN: XFAIL}),
    ],
)
def test_what_comes_as_expected_is_an_expected_failure_and_a_pass_is_an_unexpected_one(expected, changed):
    assert {status: of_check(status=expected).judged(status) for status in Status} == {
        status: changed.get(status, status) for status in Status
    }


def test_a_requirement_may_have_checks_that_pass():
    assert {of_rule(status=status).judged(PASS) for status in (FAIL, WARN, NOT_EXERCISED, FLAKY)} == {PASS}


@pytest.mark.parametrize(
    ("entry", "statuses", "whole", "standing"),
    [
        (of_check(), [], False, "not_judged"),
        (of_check(), [XFAIL], True, "used"),
        (of_check(), [XPASS], True, "stale"),
        (of_check(), [FLAKY], True, "not_judged"),
        (of_check(), [NOT_EXERCISED], True, "not_judged"),
        (of_check(), [ERROR], True, "not_judged"),
        (of_check(), [NOT_APPLICABLE], True, "unmatched"),
        (of_check(status=FLAKY), [PASS], True, "not_judged"),
        (of_check(status=FLAKY), [NOT_APPLICABLE], True, "unmatched"),
        (of_check(expired=True), [FAIL], True, "expired"),
        (of_check(expired=True), [PASS], True, "expired"),
        (of_check(expired=True), [], True, "not_judged"),
        (of_rule(), [PASS, XFAIL], False, "used"),
        (of_rule(), [PASS, PASS], True, "stale"),
        (of_rule(), [PASS, PASS], False, "not_judged"),
        (of_rule(), [PASS, NOT_APPLICABLE], True, "stale"),
        (of_rule(), [PASS, NOT_EXERCISED], True, "not_judged"),
        (of_rule(), [NOT_APPLICABLE], False, "not_judged"),
    ],
)
def test_how_an_entry_stands_after_a_run(entry, statuses, whole, standing):
    assert entry.standing(statuses, whole=whole) is Standing(standing)


SESSIONS = "session.two_connections_share_nothing_but_channels"


def test_a_check_has_its_own_entry_first_and_that_of_the_one_rule_it_breaks_then():
    several = catalogue()[SESSIONS]
    rules = several.requirements
    own, first = of_check(SESSIONS), of_rule(rules[0].id)
    assert len(rules) > 1
    assert Expectations(entries=(first, own)).of(several, rules[:1]) is own
    assert Expectations(entries=(first,)).of(several, rules[:1]) is first
    assert Expectations(entries=(first,)).of(several, rules[1:2]) is None
    assert Expectations(entries=(first,)).of(several, rules) is None
    assert Expectations(entries=(attrs.evolve(own, expired=True),)).of(several, rules) is None


# -- a run -------------------------------------------------------------------------------------------------------------


def concluded(entries, outcomes, **settings):
    """A run with these entries, in which checks came to these outcomes."""
    bench = Bench(Settings(url="ws://h/api/live/ws", **settings), "lpnonce")
    bench.facts = FACTS
    run = Run(bench, expectations=Expectations(Path("liveproto-expected.toml"), tuple(entries)))
    run._execute = lambda check: outcomes[check.id]
    for id_ in outcomes:
        run.outcome_of(catalogue()[id_])
    return run


def outcome(status):
    return Outcome(status=status, message="" if status is PASS else f"came to {status}")


def first_checks(count=1):
    return [each for each in must_checks() if len(each.requirements) == 1][:count]


@pytest.mark.parametrize(
    ("expected", "came", "shown", "code", "standing"),
    [
        (FAIL, FAIL, XFAIL, Exit.CONFORMANT, "used"),
        (FAIL, PASS, XPASS, Exit.NONCONFORMANT, "stale"),
        (FAIL, FLAKY, FLAKY, Exit.NONCONFORMANT, "not_judged"),
        (FAIL, NOT_EXERCISED, NOT_EXERCISED, Exit.NONCONFORMANT, "not_judged"),
        (FAIL, NOT_APPLICABLE, NOT_APPLICABLE, Exit.NONCONFORMANT, "unmatched"),
        (FAIL, ERROR, ERROR, Exit.HARNESS_ERROR, "not_judged"),
        (NOT_EXERCISED, NOT_EXERCISED, XFAIL, Exit.CONFORMANT, "used"),
        (NOT_EXERCISED, FAIL, FAIL, Exit.NONCONFORMANT, "not_judged"),
        (FLAKY, PASS, PASS, Exit.CONFORMANT, "not_judged"),
        (FLAKY, FLAKY, XFAIL, Exit.CONFORMANT, "used"),
    ],
)
def test_a_run_is_judged_in_the_light_of_what_is_expected(expected, came, shown, code, standing):
    (one,) = first_checks()
    entry = of_check(one.id, expected, issue="https://t/1")
    run = concluded([entry], {one.id: outcome(came)})
    result = run.results[one.id]
    assert result.outcome.status is shown
    assert run.verdict()[1] is code
    assert run.standings() == [(entry, Standing(standing))]
    assert result.reason == ("known (https://t/1)" if shown in {XFAIL, XPASS} else "")
    assert run.requirement_statuses()[one.requirements[0].id] is shown


def test_what_an_expected_failure_says_is_kept_and_a_pass_names_what_was_expected():
    one, two = first_checks(2)
    run = concluded([of_check(one.id), of_check(two.id)], {one.id: outcome(FAIL), two.id: outcome(PASS)})
    assert run.results[one.id].outcome.message == "came to FAIL"
    assert run.results[two.id].outcome.message == "expected FAIL: known"


def test_a_missed_should_can_be_expected_under_strict():
    should = next(each for each in catalogue().values() if each.level is Level.SHOULD and each.lane is Lane.MAIN)
    assert concluded([], {should.id: outcome(WARN)}, strict=True).verdict()[1] is Exit.NONCONFORMANT
    expected = concluded([of_check(should.id, WARN)], {should.id: outcome(WARN)}, strict=True)
    assert expected.verdict()[1] is Exit.CONFORMANT


def test_an_entry_that_has_expired_fails_the_run_whatever_came():
    one, two = first_checks(2)
    for came in (PASS, FAIL):
        run = concluded([of_check(one.id, expired=True)], {one.id: outcome(came)})
        assert run.results[one.id].outcome.status is came
        assert run.verdict()[1] is Exit.NONCONFORMANT
    assert concluded([of_check(one.id, expired=True)], {two.id: outcome(PASS)}).verdict()[1] is Exit.CONFORMANT


def test_what_was_left_out_says_nothing_of_its_entry():
    one, two = first_checks(2)
    run = concluded([of_check(two.id), of_rule(two.requirements[0].id)], {one.id: outcome(PASS)})
    assert run.verdict()[1] is Exit.CONFORMANT
    assert [standing for _, standing in run.standings()] == [Standing.NOT_JUDGED] * 2


def checks_of(id_):
    return [each for each in catalogue().values() if any(rule.id == id_ for rule in each.requirements)]


def test_an_entry_of_a_requirement_is_stale_when_all_its_checks_hold():
    id_ = next(r.id for c in must_checks() for r in c.requirements if 1 < len(checks_of(r.id)) < 4)
    everyone = [each for each in checks_of(id_) if each.requirements[0].profile in FACTS.profiles]
    run = concluded([of_rule(id_)], {each.id: outcome(PASS) for each in everyone})
    assert (run.verdict()[1], run.standings()[0][1]) == (Exit.NONCONFORMANT, Standing.STALE)
    assert {result.outcome.status for result in run.results.values()} == {PASS}
    run = concluded([of_rule(id_)], {each.id: outcome(PASS) for each in everyone[1:]})
    assert (run.verdict()[1], run.standings()[0][1]) == (Exit.CONFORMANT, Standing.NOT_JUDGED)


def test_an_entry_of_a_requirement_takes_the_failures_that_name_it_and_no_others():
    several = catalogue()[SESSIONS]
    message = "expected one publication, got two (GL-SUB-018)"
    bench = Bench(Settings(url="ws://h/"), "lpnonce")
    bench.facts = FACTS
    failed = Run(bench)
    fail(failed, several, message)
    came = failed.results[SESSIONS].outcome
    named = concluded([of_rule("GL-SUB-018")], {SESSIONS: came})
    other = concluded([of_rule(several.requirements[0].id)], {SESSIONS: came})
    assert several.requirements[0].id != "GL-SUB-018"
    assert (named.results[SESSIONS].outcome.status, named.verdict()[1]) == (XFAIL, Exit.CONFORMANT)
    assert (other.results[SESSIONS].outcome.status, other.verdict()[1]) == (FAIL, Exit.NONCONFORMANT)


def test_the_report_has_every_entry_by_its_standing():
    one, two = first_checks(2)
    entries = [of_check(one.id, expires=date(2027, 1, 31), issue="t/1", repro="x.json", values={}), of_check(two.id)]
    told = expectations_as_json(concluded(entries, {one.id: outcome(FAIL), two.id: outcome(PASS)}))
    assert told["file"] == "liveproto-expected.toml"
    assert told["used"] == [
        {"id": one.id, "line": 3, "status": "FAIL", "reason": "known", "issue": "t/1", "expires": "2027-01-31",
         "repro": "x.json"}
    ]  # fmt: skip
    assert [entry["id"] for entry in told["stale"]] == [two.id]
    assert told["expired"] == told["unmatched"] == told["not_judged"] == []
    assert expectations_as_json(concluded([], {one.id: outcome(PASS)})) is None


def test_the_report_of_known_failures_is_valid_and_has_their_reasons():
    document, (known, stale, expired, unmatched) = expecting()
    assert problems(document) == []
    told = document["expectations"]
    assert {key: [entry["id"] for entry in told[key]] for key in told if key != "file"} == {
        "used": [known], "stale": [stale], "expired": [expired], "unmatched": [unmatched], "not_judged": []
    }  # fmt: skip
    reason = f"{REASON} (https://t/1)"
    assert [check["reason"] for check in document["checks"]] == [reason, reason, None, None]
    assert document["verdict"] == "nonconformant"


# -- what is run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench():
    return Bench(Settings(url="ws://127.0.0.1:9/", max_examples=60), "lpnonce")


def task(function):
    marked = check("GL-SUB-003")(function)
    return Task("test.check", marked, mark_of(marked), Level.MUST)


def above(limit):
    """A generated check that fails above a number, and the numbers it was given."""
    given = []

    @generated(number=st.integers(0, 1000))
    def function(number):
        given.append(number)
        assert number <= limit, f"expected at most {limit}, got {number}"

    return task(function), given


def test_an_expected_failure_without_stored_input_ends_at_the_first_one(bench):
    asked, given = above(10)
    assert execute(bench, asked, lambda _: False, shrink=False).status is FAIL
    first = next(index for index, number in enumerate(given) if number > 10)
    assert set(given[first:]) == {given[first]}
    assert len(given) == first + execute_module.REPEATS
    smaller, tried = above(10)
    execute(bench, smaller, lambda _: False)
    assert tried[-1] == 11


def run_of(check_id, values):
    """What a run calls for a check with an entry like this."""
    entry = of_check(check_id, values=values)
    bench = Bench(Settings(url="ws://h/"), "lpnonce")
    bench.facts = FACTS
    return Run(bench, expectations=Expectations(entries=(entry,)))


def test_stored_input_is_run_three_times_and_nothing_is_generated(monkeypatch):
    (one,) = first_checks()
    asked, given = above(10)
    monkeypatch.setattr("liveproto_conformance.run.task_of", lambda _: asked)
    for number, shown in ((700, XFAIL), (3, XPASS)):
        given.clear()
        run = run_of(one.id, {"number": number})
        assert run.outcome_of(one).status is shown
        assert given == [number] * 3


def test_an_entry_without_stored_input_keeps_its_check_from_making_failures_smaller(monkeypatch):
    (one,) = first_checks()
    asked, given = above(10)
    monkeypatch.setattr("liveproto_conformance.run.task_of", lambda _: asked)
    assert run_of(one.id, None).outcome_of(one).status is XFAIL
    assert len({number for number in given if number > 10}) == 1


def test_a_reply_that_another_check_asks_for_is_no_expected_failure(bench):
    def function():
        raise NoReplyError("expected a reply with id 2 within 5 s, got none", "GL-SUB-001")

    assert execute_again(bench, task(function), {}, lambda _: False).status is NOT_EXERCISED
    assert execute_again(bench, task(function), {}, lambda _: True).status is FAIL
    assert execute_again(bench, task(function), {}).status is FAIL
