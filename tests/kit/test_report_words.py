"""Words that every form of a report shares."""

import pytest
from reports import ended, expecting, failing

from liveproto_conformance.report.words import (
    around,
    by_area,
    headline_of,
    lead_of,
    lines_of,
    outdated_of,
    shown,
    title_of,
)
from liveproto_conformance.verdict import Status


@pytest.mark.parametrize(
    ("statuses", "headline", "lead"),
    [
        ([Status.PASS, Status.PASS], "Conformant", "2 of 2 checks passed, and nothing that is required failed."),
        ([Status.NOT_APPLICABLE], "Conformant", "None of 1 check failed."),
        ([Status.PASS, Status.FAIL], "Not conformant", "1 of 2 checks failed."),
        ([Status.PASS, Status.NOT_EXERCISED], "Incomplete", "None of 2 checks failed, but 1 could not be carried out."),
        (
            [Status.PASS, Status.XFAIL],
            "Conformant",
            "1 of 2 checks passed, and nothing that is required failed unexpectedly.",
        ),
        ([Status.HARNESS_ERROR], "Error of the kit", "In 1 of 1 check the kit itself failed."),
        ([], "Incomplete", "No check has run."),
    ],
)
def test_a_verdict_says_what_it_rests_on(statuses, headline, lead):
    document = ended(*statuses)
    assert (headline_of(document), lead_of(document)) == (headline, lead)


@pytest.mark.parametrize(
    ("verdict", "status", "lead"),
    [
        ("nonconformant", Status.WARN, "None of 1 check failed, but a SHOULD was missed, which --strict asks for."),
        ("incomplete", Status.PASS, "None of 1 check failed, but the run was ended before the others."),
    ],
)
def test_a_verdict_that_rests_on_no_check_says_so_too(verdict, status, lead):
    assert lead_of({**ended(status), "verdict": verdict}) == lead


def test_expectations_that_are_out_of_date_are_told_with_what_to_do():
    document, (_, stale, expired, unmatched) = expecting()
    assert outdated_of(document["expectations"]) == [
        f"liveproto-expected.toml: line 2: {stale} holds: take the entry out",
        (
            f"liveproto-expected.toml: line 3: {expired} was expected to fail until 2026-01-31: "
            "mend the target, or decide again"
        ),
        f"liveproto-expected.toml: line 4: {unmatched} does not apply to this target: take the entry out",
    ]
    assert outdated_of(None) == []
    assert lead_of(document) == "1 of 4 checks failed unexpectedly."
    only_stale = {**document, "counts": {**document["counts"], "FAIL": 0}}
    assert lead_of(only_stale) == "None of 4 checks failed unexpectedly, but what was expected to is out of date."


def test_areas_come_in_the_order_of_the_specification_and_have_every_check():
    document, _ = failing()
    areas = by_area(document)
    ids = [rule["id"].split("-")[1] for rule in document["requirements"]]
    assert list(areas) == sorted(areas, key=ids.index)
    assert sum(map(len, areas.values())) == len(document["checks"])


def test_a_name_is_a_sentence():
    assert title_of("sub.a_refused_duplicate_leaves_the_first") == "A refused duplicate leaves the first"


def test_what_is_long_is_cut_and_what_is_not_seen_is_escaped():
    assert shown("a\x00b\u202e") == "a\\x00b\\u202e"
    assert shown("y" * 2000) == "y" * 1000 + "… (2,000 characters)"


def test_the_message_a_failure_is_about_is_the_marked_one():
    document, _ = failing()
    card = document["checks"][0]["card"]
    assert [marked for _, marked in around(card)] == [False] * 4 + [True, False]


@pytest.mark.parametrize(
    ("kind", "payload", "size", "lines"),
    [
        ("text", "{}\n{}", 5, ["{}", "{}"]),
        ("text", "{}\n", 3, ["{}", "↵"]),
        ("text", "", 0, ["(empty)"]),
        ("binary", "\\xff", 1, ["binary \\xff"]),
        ("text", "{", 5000, ["{… (5,000 bytes)"]),
        ("text", "\n" * 9, 9, ["↵"] * 6 + ["… 4 more lines"]),
        ("close", '[3501,"bad request"]', 20, ['close 3501 "bad request"']),
        ("close", "garbage", 7, ['close 1006 ""']),
    ],
)
def test_lines_of_a_message(kind, payload, size, lines):
    assert lines_of({"kind": kind, "payload": payload, "size": size}) == lines
