"""summary.md: short, complete in what failed, and plain text wherever a target's own words stand."""

import re

from reports import REASON, ended, expecting, failing, hostile

from liveproto_conformance.report.summary import summary_of
from liveproto_conformance.verdict import Status


def test_it_has_the_verdict_what_it_rests_on_and_the_facts():
    lines = summary_of(ended(Status.PASS, Status.PASS, Status.FAIL)).splitlines()
    assert lines[:5] == [
        "## liveproto: not conformant",
        "",
        "1 of 3 checks failed.",
        "",
        "* target: `ws://h/api/live/ws`",
    ]
    assert "* profile: `core+grafana, Grafana 12.4 (detected 12.4.0)`" in lines


def test_counts_are_a_table_that_adds_up():
    document, _ = failing()
    rows = [line.strip("|").split("|") for line in summary_of(document).splitlines() if line.startswith("|")]
    head, _, *areas, total = [[cell.strip(" *") for cell in row] for row in rows]
    assert head == ["area", *(status for status in Status if document["counts"][status])]
    for column, status in enumerate(head[1:], 1):
        assert int(total[column]) == document["counts"][status] == sum(int(row[column] or 0) for row in areas)


def test_a_failure_has_its_card_in_short():
    document, failed = failing()
    text = summary_of(document)
    rule = failed.requirements[0]
    card = text[text.index("### FAIL") :].split("\n\n### ")[0]
    assert card.splitlines()[2:] == [
        f"**{rule.id}** MUST — {rule.text} *{rule.status}: {rule.source}*",
        "",
        "* expected: `no error`",
        '* observed: `{"id":3,"error":{"code":100}}`',
        "* at: `connection 4, message 1, line 1`",
        "* input: `n=1`",
        "* seed: `7`",
        "* again: `liveproto replay x`",
    ]


def test_many_failures_are_counted():
    assert "… and 10 more, in the report." in summary_of(ended(*[Status.FAIL] * 30))


def test_reasons_are_told_once():
    text = summary_of(ended(Status.NOT_EXERCISED, Status.NOT_EXERCISED, message="no pings"))
    assert text.count("`no pings`: ") == 1
    assert "<summary>2 checks: NOT_EXERCISED</summary>" in text


def test_known_failures_are_told_by_their_reason_and_those_out_of_date_with_what_to_do():
    document, (known, stale, *_) = expecting()
    text = summary_of(document)
    assert "<summary>1 check: XFAIL</summary>" in text
    assert f"* `{REASON} (https://t/1)`: `{known}`" in text
    assert "### Expectations that are out of date" in text
    assert f"* `liveproto-expected.toml: line 2: {stale} holds: take the entry out`" in text
    assert "out of date" not in summary_of(ended(Status.PASS))


def test_a_targets_words_are_code_and_short():
    text = summary_of(hostile()[0])
    assert len(text) < 30_000
    plain = re.sub(r"(`+).*?(?<!`)\1(?!`)", "", text)
    assert not any(word in plain for word in ("<script", "<img", "owned"))
    assert not any(character in text for character in "\x00\x1b\u202e")


def test_of_nothing_it_says_so():
    assert "No check has run." in summary_of(ended())
