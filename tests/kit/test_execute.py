"""From a check to its status: failures that last and that do not, replies that never come, shrinking."""

import struct
import time

import pytest
from hypothesis import strategies as st
from servers import CLOSE, TEXT, frame, serving, until_gone, upgrade

from liveproto_conformance import execute as execute_module
from liveproto_conformance import search
from liveproto_conformance.bench import Bench
from liveproto_conformance.check import (
    Lane,
    NoReplyError,
    NotApplicableError,
    NotExercisedError,
    check,
    generated,
    given_that,
    mark_of,
)
from liveproto_conformance.drive.websocket import Closed, ConnectionEndedError, Ending, NotWebSocketError
from liveproto_conformance.execute import execute, execute_again
from liveproto_conformance.requirements import Level
from liveproto_conformance.target import Settings
from liveproto_conformance.trial import Task
from liveproto_conformance.verdict import Status


@pytest.fixture
def bench():
    return Bench(Settings(url="ws://127.0.0.1:9/", max_examples=60), "lpnonce")


def run(bench, function, *, level=Level.MUST, passed=(), lane=Lane.MAIN):
    """Run a function as the check of these requirements."""
    marked = check("GL-SUB-003", lane=lane)(function)
    return execute(bench, Task("test.check", marked, mark_of(marked), level), lambda id_: id_ in passed)


def counting(*outcomes):
    """A check that raises these, one for each call, and the list of its calls."""
    calls = []

    def function():
        outcome = outcomes[min(len(calls), len(outcomes) - 1)]
        calls.append(outcome)
        if outcome is not None:
            raise outcome

    return function, calls


def test_a_check_that_holds_passes_at_its_first_run(bench):
    function, calls = counting(None)
    outcome = run(bench, function)
    assert (outcome.status, outcome.message, outcome.examples) == (Status.PASS, "", 1)
    assert outcome.duration_s >= 0
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("level", "status"), [(Level.MUST, Status.FAIL), (Level.SHOULD, Status.WARN), (Level.MAY, Status.INFO)]
)
def test_what_fails_three_times_is_missed(bench, level, status):
    function, calls = counting(AssertionError("expected a, got b"))
    outcome = run(bench, function, level=level)
    assert (outcome.status, outcome.message) == (status, "expected a, got b")
    assert len(calls) == 3


@pytest.mark.parametrize("misses", [1, 2])
def test_what_fails_and_then_holds_is_flaky(bench, misses):
    function, calls = counting(*[AssertionError("expected a")] * misses, None)
    outcome = run(bench, function)
    assert outcome.status is Status.FLAKY
    assert outcome.message == "failed, then held on a fresh connection: expected a"
    assert len(calls) == misses + 1


@pytest.mark.parametrize(
    ("reason", "waits_on"),
    [
        (NotExercisedError("gone", "GL-SUB-001"), "GL-SUB-001"),
        (NotExercisedError("the time is over"), None),
        (ConnectionRefusedError("gone"), "GL-CONN-001"),
    ],
)
def test_a_repeat_that_cannot_be_tried_is_not_exercised(bench, reason, waits_on):
    function, _ = counting(AssertionError("a"), reason)
    outcome = run(bench, function)
    assert (outcome.status, outcome.waits_on) == (Status.NOT_EXERCISED, waits_on)


@pytest.mark.parametrize(
    ("error", "status", "message", "waits_on"),
    [
        (NotApplicableError("evidence"), Status.NOT_APPLICABLE, "evidence", None),
        (NotExercisedError("why"), Status.NOT_EXERCISED, "why", None),
        (NotExercisedError("why", "GL-PUB-001"), Status.NOT_EXERCISED, "waits on GL-PUB-001: why", "GL-PUB-001"),
        (
            ConnectionEndedError(Closed(3001, "shutdown", Ending.CLOSE_FRAME)),
            Status.NOT_EXERCISED,
            "waits on GL-CONN-001: the connection ended: close 3001 'shutdown'",
            "GL-CONN-001",
        ),
        (NotWebSocketError("HTTP 503", 503), Status.NOT_EXERCISED, "waits on GL-CONN-001: HTTP 503", "GL-CONN-001"),
        (ConnectionRefusedError("no"), Status.NOT_EXERCISED, "waits on GL-CONN-001: no", "GL-CONN-001"),
        (KeyError("k"), Status.HARNESS_ERROR, "KeyError: 'k'", None),
    ],
)
def test_other_endings(bench, error, status, message, waits_on):
    function, calls = counting(error)
    outcome = run(bench, function)
    assert (outcome.status, outcome.message, outcome.waits_on) == (status, message, waits_on)
    assert len(calls) == 1


def test_an_interruption_is_not_caught(bench):
    function, _ = counting(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(bench, function)


def test_a_missing_reply_fails_the_check_of_that_reply(bench):
    function, calls = counting(NoReplyError("expected a reply", "GL-SUB-003"))
    assert run(bench, function).status is Status.FAIL
    assert len(calls) == 3


def test_a_missing_reply_leaves_its_dependents_not_exercised(bench):
    function, calls = counting(NoReplyError("expected a reply", "GL-SUB-001"))
    outcome = run(bench, function)
    assert (outcome.status, outcome.waits_on) == (Status.NOT_EXERCISED, "GL-SUB-001")
    assert len(calls) == 1


def test_a_missing_reply_counts_where_that_reply_was_seen_to_come(bench):
    function, calls = counting(NoReplyError("expected a reply", "GL-SUB-001"))
    assert run(bench, function, passed={"GL-SUB-001"}).status is Status.FAIL
    assert len(calls) == 3


def test_a_failed_precondition_names_what_it_waits_on(bench):
    def function():
        with given_that("GL-SUB-009"):
            raise AssertionError("the sibling is dead")

    outcome = run(bench, function)
    assert (outcome.status, outcome.message) == (Status.NOT_EXERCISED, "waits on GL-SUB-009: the sibling is dead")


def test_a_passive_rule_is_judged_once(bench):
    function, calls = counting(AssertionError("a"), None)
    assert run(bench, function, lane=Lane.PASSIVE).status is Status.FAIL
    assert len(calls) == 1


def test_what_pytest_adds_to_an_assertion_is_left_out(bench):
    function, _ = counting(AssertionError("expected a, got b\nassert 1 == 2\n  + where"))
    assert run(bench, function).message == "expected a, got b"


# -- generated ---------------------------------------------------------------------------------------------------------


def test_examples_are_counted_and_start_from_the_seed(bench):
    seen = []

    @generated(n=st.integers(0, 10**6))
    def function(n):
        seen.append(n)

    outcome = run(bench, function)
    assert (outcome.status, outcome.examples) == (Status.PASS, 60)
    first = seen.copy()
    seen.clear()
    run(bench, function)
    assert seen == first
    other = Bench(Settings(url="ws://127.0.0.1:9/", max_examples=60, seed=1), "lpnonce")
    seen.clear()
    run(other, function)
    assert seen != first


def test_a_failure_is_shrunk_to_the_least_input(bench):
    @generated(n=st.integers(0, 10**6), text=st.text(max_size=20))
    def function(n, text):
        assert n < 1000, f"expected less than 1000, got {n} and {text!r}"

    outcome = run(bench, function)
    assert outcome.status is Status.FAIL
    assert outcome.message == "expected less than 1000, got 1000 and '' [minimal input: n=1000, text=\"\"]"


def test_shrinking_ends_with_its_budget(bench, monkeypatch):
    monkeypatch.setattr(execute_module, "SHRINK_BUDGET_S", 0.1)

    @generated(numbers=st.lists(st.integers(0, 2**40), min_size=20, max_size=40))
    def function(numbers):
        if sum(numbers) > 10**6:
            time.sleep(0.01)
            raise AssertionError("too much")

    start = time.monotonic()
    outcome = run(bench, function)
    assert time.monotonic() - start < 5
    assert outcome.status is Status.FAIL
    assert outcome.message.startswith("too much [minimal input: numbers=[")


def test_a_failure_that_does_not_come_again_is_flaky(bench):
    calls = []

    @generated(n=st.integers(0, 10))
    def function(n):
        calls.append(n)
        assert len(calls) != 3, "once only"

    assert run(bench, function).status is Status.FLAKY


def test_a_failure_that_holds_on_fresh_connections_is_flaky(bench, monkeypatch):
    stands = []
    real = execute_module.Stand

    def stand(*arguments, **options):
        stands.append(options.get("attempt", 0))
        return real(*arguments, **options)

    monkeypatch.setattr(execute_module, "Stand", stand)

    @generated(n=st.integers(0, 10**6))
    def function(n):
        assert stands[-1] > 0 or n < 10, "only at first"

    outcome = run(bench, function)
    assert outcome.status is Status.FLAKY
    assert outcome.message == "failed, then held on a fresh connection: only at first [minimal input: n=10]"
    # The least failure, and then the first one, which might have lasted.
    assert stands == [0, 1, 1]


def test_a_precondition_of_a_generated_check(bench):
    @generated(n=st.integers())
    def function(n):
        raise NotExercisedError(f"not with any of {type(n).__name__}", "GL-SUB-001")

    outcome = run(bench, function)
    assert (outcome.status, outcome.waits_on) == (Status.NOT_EXERCISED, "GL-SUB-001")


def test_parameters_are_filled_by_name(bench):
    seen = []

    def function(stand, settings, oracle):
        seen.append((stand.check, stand.bench is bench, settings is bench.settings, oracle is bench.oracle))

    assert run(bench, function).status is Status.PASS
    assert seen == [("test.check", True, True, True)]


def test_generated_examples_share_their_parameters_until_one_fails(bench):
    stands = []

    @generated(n=st.integers(0, 100))
    def function(oracle, n, stand):
        assert oracle is bench.oracle
        stands.append((id(stand), stand.example))
        assert n < 50

    assert run(bench, function).status is Status.FAIL
    assert [example for _, example in stands[:5]] == [1, 2, 3, 4, 5]


def test_a_failure_after_our_own_late_pong_is_tried_again(bench):
    late = [True, False]
    calls = []

    def function(stand):
        calls.append(stand)
        stand.answered_too_late = late.pop(0)
        assert not stand.answered_too_late, "expected a reply, got close 3012 'no pong'"

    assert run(bench, function).status is Status.PASS
    assert len(calls) == 2


@pytest.mark.parametrize("after", ["connect", "fence"])
def test_a_ping_that_is_read_together_with_its_3012_is_one_answered_too_late(after):
    given_up = frame(TEXT, b"{}") + frame(CLOSE, struct.pack(">H", 3012) + b"no pong")
    connections = []

    def handle(sock):
        connections.append(after)
        gives_up = {after: given_up} if len(connections) == 1 else {}
        upgrade(sock)
        sock.recv(4096)
        sock.sendall(
            frame(TEXT, b'{"id":1,"connect":{"client":"c","ping":1,"pong":true}}') + gives_up.get("connect", b"")
        )
        sock.recv(4096)
        sock.sendall(gives_up.get("fence", frame(TEXT, b'{"id":2,"unsubscribe":{}}')))
        until_gone(sock)

    def function(session):
        session.fence()

    with serving(handle) as port:
        outcome = run(Bench(Settings(url=f"ws://127.0.0.1:{port}/"), "lpnonce"), function)
    assert (outcome.status, outcome.message) == (Status.PASS, "")
    assert len(connections) == 2


def test_a_machine_too_slow_for_pongs_exercises_nothing(bench):
    def function(stand):
        stand.answered_too_late = True
        raise AssertionError("expected a reply, got close 3012 'no pong'")

    outcome = run(bench, function)
    assert outcome.status is Status.NOT_EXERCISED
    assert "too busy to answer the target's pings" in outcome.message


def test_the_first_failure_counts_where_the_least_one_does_not_last(bench, monkeypatch):
    attempts = []
    real = execute_module.Stand

    def stand(*arguments, **options):
        attempts.append(options.get("attempt", 0))
        return real(*arguments, **options)

    monkeypatch.setattr(execute_module, "Stand", stand)

    @generated(n=st.integers(0, 10**6))
    def function(n):
        assert n < 1000 if attempts[-1] == 0 else n < 2000, "too large"

    outcome = run(bench, function)
    assert outcome.status is Status.FAIL
    assert outcome.failure.values["n"] >= 2000


def test_a_list_is_cut_below_the_least_size_it_is_made_with(bench):
    @generated(numbers=st.lists(st.integers(0, 9), min_size=8, max_size=16))
    def function(numbers):
        assert 7 not in numbers, "expected no 7, got one"

    outcome = run(bench, function)
    assert outcome.failure.values == {"numbers": [7]}


def test_what_does_not_count_is_not_made_smaller(bench):
    calls = []

    @generated(numbers=st.lists(st.integers(0, 9), min_size=8))
    def function(numbers):
        calls.append(numbers)
        raise NoReplyError("expected a reply, got none", "GL-SUB-001")

    assert run(bench, function).status is Status.NOT_EXERCISED
    assert len(calls) == 1


def test_waits_are_short_while_a_failure_is_made_smaller(bench):
    waits = []

    @generated(n=st.integers(0, 10**6))
    def function(stand, n):
        waits.append(stand.timeout_s)
        assert n < 10, "expected less, got more"

    run(bench, function)
    assert set(waits) == {bench.settings.timeout, search.PATIENCE_S}
    assert waits[-2:] == [bench.settings.timeout] * 2


def test_a_failure_of_another_kind_is_not_a_smaller_one(bench):
    kinds = []

    @generated(n=st.integers(0, 10**6))
    def function(n):
        kind = NoReplyError("expected a reply, got none", "GL-SUB-003") if n < 1000 else AssertionError("too large")
        if n > 10 and (kinds or n >= 1000):
            kinds.append(type(kind))
            raise kind

    outcome = run(bench, function)
    assert NoReplyError in kinds
    assert outcome.failure.text == "too large"
    assert outcome.failure.values == {"n": 1000}


# -- again -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "status", "message"),
    [
        ([None], Status.PASS, ""),
        ([AssertionError("expected a")], Status.FAIL, "expected a"),
        ([AssertionError("expected a"), None], Status.FLAKY, "failed 1 times in 3: expected a"),
        ([NotExercisedError("why")], Status.NOT_EXERCISED, "why"),
    ],
)
def test_a_saved_input_is_tried_three_times(bench, outcomes, status, message):
    function, calls = counting(*outcomes)
    marked = check("GL-SUB-003")(function)
    outcome = execute_again(bench, Task("test.check", marked, mark_of(marked), Level.MUST), {})
    assert (outcome.status, outcome.message) == (status, message)
    assert len(calls) == (1 if status is Status.NOT_EXERCISED else 3)
