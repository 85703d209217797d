"""Whole sessions as checks: played, recorded, repeated, and cut down where they fail."""

import pytest
from hypothesis import strategies as st

from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.check import NotApplicableError, check, mark_of, stateful
from liveproto_conformance.execute import execute, execute_again
from liveproto_conformance.requirements import Level
from liveproto_conformance.search import MAX_STEPS, SESSIONS_SHARE
from liveproto_conformance.stateful.conversation import Conversation, step
from liveproto_conformance.target import Settings
from liveproto_conformance.trial import Task
from liveproto_conformance.verdict import Status


@pytest.fixture
def bench():
    return Bench(Settings(url="ws://127.0.0.1:9/", max_examples=60), "lpnonce")


class Counter(Conversation):
    """A target that counts, and does something wrong at three; no connection is needed to see it."""

    def wrong(self, count):
        return count == 3

    def begin(self):
        self.count = 0

    @step(by=st.integers(1, 1))
    def add(self, by):
        self.count += by
        self.judge()

    @step(lambda self: self.count > 0)
    def back(self):
        self.count -= 1
        self.judge()

    @step()
    def nothing(self):
        pass

    def judge(self):
        assert not self.wrong(self.count), f"expected anything else, got {self.count}"


def never(_conversation, _count):
    return False


def variant(**attributes):
    return type("Variant", (Counter,), attributes)


def task_of(machine, function=lambda _: None):
    def test_of_a_session(conversation):
        function(conversation)

    marked = check("GL-SUB-003")(stateful(machine)(test_of_a_session))
    return Task("test.check", marked, mark_of(marked), Level.MUST)


def run(bench, machine, function=lambda _: None):
    return execute(bench, task_of(machine, function), lambda _: True)


def test_sessions_that_hold_pass_and_are_of_bounded_length(bench):
    lengths = []
    outcome = run(bench, variant(wrong=never), lambda conversation: lengths.append(len(conversation.steps)))
    assert outcome.status is Status.PASS
    assert len(lengths) == round(60 * SESSIONS_SHARE)
    assert max(lengths) == MAX_STEPS
    # A few more are begun and given up by Hypothesis.
    assert len(lengths) <= outcome.examples <= 1.5 * len(lengths)


def test_the_same_seed_makes_the_same_sessions():
    def sessions(seed):
        made = []
        other = Bench(Settings(url="ws://127.0.0.1:9/", max_examples=30, seed=seed), "lpnonce")
        run(other, variant(wrong=never), lambda conversation: made.append(conversation.steps))
        return made

    assert sessions(0) == sessions(0) != sessions(1)


def test_a_failure_is_cut_down_to_its_least_steps(bench):
    outcome = run(bench, Counter)
    assert outcome.status is Status.FAIL
    assert outcome.failure.values == {"steps": [("add", {"by": 1})] * 3}
    assert outcome.message == "expected anything else, got 3 [minimal input: add by=1, add by=1, add by=1]"


def test_what_fails_at_the_end_of_a_session_is_cut_down_too(bench):
    def ends(conversation):
        assert conversation.count < 2, "expected less than two, got more"

    outcome = run(bench, variant(wrong=never), ends)
    assert outcome.failure.values == {"steps": [("add", {"by": 1})] * 2}


def test_a_failure_before_the_first_step_needs_none(bench):
    def begin(_self):
        raise AssertionError("expected a connection, got none")

    outcome = run(bench, variant(begin=begin))
    assert outcome.status is Status.FAIL
    assert outcome.failure.values == {"steps": []}


@pytest.mark.parametrize("where", ["begin", "judge"])
def test_a_session_may_find_that_it_does_not_apply(bench, where):
    def does_not(_self):
        raise NotApplicableError("the target counts not")

    outcome = run(bench, variant(**{where: does_not}))
    assert (outcome.status, outcome.message) == (Status.NOT_APPLICABLE, "the target counts not")


@pytest.mark.parametrize("where", ["begin", "judge"])
def test_an_interruption_is_not_caught(bench, where):
    def interrupted(_self):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(bench, variant(**{where: interrupted}))


def test_a_fault_of_the_machine_is_the_kits(bench):
    def broken(_self):
        raise KeyError("k")

    assert run(bench, variant(judge=broken)).status is Status.HARNESS_ERROR


def test_a_failure_that_does_not_come_again_is_flaky(bench):
    failed = []

    def once(_self):
        if not failed:
            failed.append(1)
            raise AssertionError("expected nothing, got once")

    assert run(bench, variant(judge=once)).status is Status.FLAKY


def test_a_failure_after_our_own_late_pong_is_tried_again(bench):
    late = [True]

    def judge(self):
        if late and self.count == 2:
            late.pop()
            self.stand.answered_too_late = True
            raise AssertionError("expected a reply, got close 3012 'no pong'")

    assert run(bench, variant(judge=judge)).status is Status.PASS
    assert late == []


def test_steps_are_played_again_without_hypothesis(bench):
    with Stand(bench, "test.check") as stand:
        conversation = variant(wrong=never)(stand)
        conversation.play([["back", {}], ["add", {"by": 2}], ["back", {}], ["back", {}], ["back", {}]])
    assert conversation.steps == [("add", {"by": 2}), ("back", {}), ("back", {})]


def test_a_step_that_is_not_there_cannot_be_played(bench):
    with Stand(bench, "test.check") as stand, pytest.raises(KeyError, match="judge"):
        Counter(stand).play([("judge", {})])


def test_a_saved_session_is_run_again(bench):
    values = {"steps": [["add", {"by": 1}], ["add", {"by": 2}]]}
    assert execute_again(bench, task_of(Counter), values).status is Status.FAIL
    assert execute_again(bench, task_of(variant(wrong=never)), values).status is Status.PASS


def test_steps_are_known_by_name():
    assert Counter.names() == ["add", "back", "nothing"]
    assert list(Counter.strategies("add")) == ["by"]
