"""How statuses merge and what a run returns, by tables written from kit.md section 4."""

import pytest

from liveproto_conformance.requirements import Level
from liveproto_conformance.verdict import Exit, Judgement, Status, Verdict, judge, merge

WEIGHTIEST_FIRST = [
    "FAIL",
    "XPASS",
    "HARNESS_ERROR",
    "FLAKY",
    "NOT_EXERCISED",
    "WARN",
    "PASS",
    "XFAIL",
    "INFO",
    "NOT_APPLICABLE",
]
MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY
PASS = (MUST, "PASS")
CONFORMANT = (Verdict.CONFORMANT, Exit.CONFORMANT)
NONCONFORMANT = (Verdict.NONCONFORMANT, Exit.NONCONFORMANT)
INCOMPLETE = (Verdict.INCOMPLETE, Exit.NONCONFORMANT)
ERROR = (Verdict.ERROR, Exit.HARNESS_ERROR)


def test_the_statuses_are_these():
    assert [status.value for status in Status] == WEIGHTIEST_FIRST


@pytest.mark.parametrize("lighter", range(1, 10))
@pytest.mark.parametrize("heavier", range(9))
def test_the_weightier_of_two_statuses_stays(heavier, lighter):
    if heavier < lighter:
        pair = [Status(WEIGHTIEST_FIRST[heavier]), Status(WEIGHTIEST_FIRST[lighter])]
        assert merge(pair) is merge(reversed(pair)) is pair[0]


def test_of_nothing_nothing_was_exercised():
    assert merge([]) is Status.NOT_EXERCISED


def test_the_exit_codes_are_these():
    assert {code.name: code.value for code in Exit} == {
        "CONFORMANT": 0,
        "NONCONFORMANT": 1,
        "INTERRUPTED": 2,
        "HARNESS_ERROR": 3,
        "USAGE": 4,
        "NOTHING_TESTED": 5,
    }


@pytest.mark.parametrize(
    ("judgements", "plain", "strict", "allow_incomplete"),
    [
        ([], CONFORMANT, CONFORMANT, CONFORMANT),
        ([PASS], CONFORMANT, CONFORMANT, CONFORMANT),
        ([PASS, (MUST, "FAIL")], NONCONFORMANT, NONCONFORMANT, NONCONFORMANT),
        ([PASS, (SHOULD, "FLAKY")], NONCONFORMANT, NONCONFORMANT, NONCONFORMANT),
        ([PASS, (MAY, "XPASS")], NONCONFORMANT, NONCONFORMANT, NONCONFORMANT),
        ([PASS, (SHOULD, "WARN")], CONFORMANT, NONCONFORMANT, CONFORMANT),
        ([PASS, (MAY, "INFO")], CONFORMANT, CONFORMANT, CONFORMANT),
        ([PASS, (MUST, "NOT_APPLICABLE")], CONFORMANT, CONFORMANT, CONFORMANT),
        ([PASS, (MUST, "XFAIL")], CONFORMANT, CONFORMANT, CONFORMANT),
        ([PASS, (MUST, "NOT_EXERCISED")], INCOMPLETE, INCOMPLETE, CONFORMANT),
        ([PASS, (SHOULD, "NOT_EXERCISED")], CONFORMANT, CONFORMANT, CONFORMANT),
        ([PASS, (MAY, "HARNESS_ERROR")], ERROR, ERROR, ERROR),
        ([(MUST, "FAIL"), (MUST, "HARNESS_ERROR")], NONCONFORMANT, NONCONFORMANT, NONCONFORMANT),
        ([(MUST, "NOT_EXERCISED"), (MUST, "HARNESS_ERROR")], INCOMPLETE, INCOMPLETE, ERROR),
        ([(MUST, "FAIL"), (MUST, "NOT_EXERCISED")], NONCONFORMANT, NONCONFORMANT, NONCONFORMANT),
        ([(SHOULD, "WARN"), (MUST, "NOT_EXERCISED")], INCOMPLETE, NONCONFORMANT, CONFORMANT),
    ],
)
def test_what_a_run_comes_to(judgements, plain, strict, allow_incomplete):
    made = [Judgement(level, Status(status)) for level, status in judgements]
    assert judge(made, strict=False, allow_incomplete=False, outdated=False) == plain
    assert judge(made, strict=True, allow_incomplete=False, outdated=False) == strict
    assert judge(made, strict=False, allow_incomplete=True, outdated=False) == allow_incomplete
    assert judge(made, strict=False, allow_incomplete=False, outdated=True) == NONCONFORMANT
