"""junit.xml: valid as Jenkins reads it, and what a person must look at is not among the skipped."""

from pathlib import Path

import pytest
from lxml import etree
from reports import REASON, ended, expecting, failing, hostile

from liveproto_conformance.report.junit import junit_of
from liveproto_conformance.verdict import Status

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))


def read(document):
    root = etree.fromstring(junit_of(document, "report.html").encode())
    SCHEMA.assertValid(root)
    return root


def cases(root):
    return {case.get("name"): case for case in root.iter("testcase")}


def test_every_check_is_a_case_in_the_suite_of_its_area():
    document, _ = failing()
    root = read(document)
    assert {f"{case.get('classname')}.{name}" for name, case in cases(root).items()} == {
        f"liveproto.{check['requirements'][0].split('-')[1]}.{check['id'].partition('.')[2]}"
        for check in document["checks"]
    }
    for suite in root.iter("testsuite"):
        assert {case.get("classname") for case in suite.iter("testcase")} == {f"liveproto.{suite.get('name')}"}


@pytest.mark.parametrize(
    ("status", "kind", "type_"),
    [
        (Status.PASS, None, None),
        (Status.FAIL, "failure", "MUST"),
        (Status.FLAKY, "failure", "MUST"),
        (Status.XPASS, "failure", "MUST"),
        (Status.HARNESS_ERROR, "error", "HARNESS_ERROR"),
        (Status.NOT_EXERCISED, "error", "NOT_EXERCISED"),
        (Status.NOT_APPLICABLE, "skipped", "NOT_APPLICABLE"),
        (Status.XFAIL, "skipped", "XFAIL"),
        (Status.WARN, "system-out", None),
        (Status.INFO, "system-out", None),
    ],
)
def test_statuses(status, kind, type_):
    (case,) = cases(read(ended(status))).values()
    assert [end.tag for end in case] == ([] if kind is None else [kind])
    assert case.get("time") == "0.250"
    for end in case:
        assert (end.get("type"), end.get("message")) == (type_, type_ and "why")
        assert end.text == f"{status}: why"


def test_totals_are_those_of_the_cases():
    document, _ = failing()
    root = read(document)
    for element in [root, *root.iter("testsuite")]:
        found = list(element.iter("testcase"))
        assert element.get("tests") == str(len(found))
        for name, kind in (("failures", "failure"), ("errors", "error")):
            assert element.get(name) == str(sum(case.find(kind) is not None for case in found))
    assert sum(int(suite.get("skipped")) for suite in root.iter("testsuite")) == len(list(root.iter("skipped")))


def test_a_failure_tells_its_card():
    document, failed = failing()
    text = cases(read(document))[failed.id.partition(".")[2]].find("failure").text
    rule = failed.requirements[0]
    assert text.splitlines() == [
        f"{rule.id} MUST: {rule.text} ({rule.status}: {rule.source})",
        "expected: no error",
        'observed: {"id":3,"error":{"code":100}}',
        "at: connection 4, message 1, line 1",
        "input: n=1",
        "seed: 7",
        "again: liveproto replay x",
    ]


def test_properties_name_the_requirements_and_link_to_the_page():
    document, failed = failing()
    properties = {each.get("name"): each.get("value") for each in read(document).iter("property")}
    assert properties[f"{failed.id}.requirements"] == " ".join(rule.id for rule in failed.requirements)
    assert properties[f"{failed.id}.link"] == f"report.html#{failed.id}"
    assert properties["target"] == "ws://h/api/live/ws"
    assert properties["profile"] == "core+grafana, Grafana 12.4 (detected 12.4.0)"


def test_what_xml_cannot_hold_is_replaced_and_floods_are_cut():
    document, failed = hostile()
    text = junit_of(document, "report.html")
    assert len(text) < 100_000
    assert "\\x00" in cases(read(document))[failed.id.partition(".")[2]].find("failure").get("message")


def test_a_known_failure_is_skipped_with_its_reason_and_an_entry_out_of_date_is_a_failure():
    document, (known, *outdated) = expecting()
    root = read(document)
    assert cases(root)[known.partition(".")[2]].find("skipped").get("message") == f"{REASON} (https://t/1)"
    suite = root.find("testsuite[@name='expectations']")
    assert (suite.get("tests"), suite.get("failures")) == ("3", "3")
    for case, id_ in zip(suite.iter("testcase"), outdated, strict=True):
        assert id_ in case.find("failure").get("message")
    assert (root.get("tests"), root.get("failures")) == ("7", "5")
    assert read(failing()[0]).find("testsuite[@name='expectations']") is None


def test_of_nothing_it_is_valid():
    assert read(ended()).get("tests") == "0"
