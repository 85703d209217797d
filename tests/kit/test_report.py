"""report.json: valid for every ending of a run, and made of nothing but the checks' outcomes."""

import json
from collections import Counter

import jsonschema
import pytest

from liveproto.grafana.release import Release
from liveproto_conformance.bench import Bench, Facts
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import Lane
from liveproto_conformance.execute import Outcome
from liveproto_conformance.failures.card import card_of
from liveproto_conformance.failures.failure import Exchange, MissedError, failure_of
from liveproto_conformance.report.json_report import make_report
from liveproto_conformance.report.write import WRITERS, write_reports
from liveproto_conformance.requirements import Level, Profile
from liveproto_conformance.resources import load_schema
from liveproto_conformance.run import Result, Run, describe
from liveproto_conformance.target import Settings
from liveproto_conformance.verdict import Exit, Status, Verdict, merge

FACTS = Facts(
    url="ws://h/api/live/ws",
    channel_template="default/plugin/liveproto/{name}",
    channel_evidence="subscribed",
    publish_via="ws",
    publish_evidence="",
    detected="12.4.0",
    version=Release(12, 4),
    profiles=(Profile.CORE, Profile.GRAFANA),
    http_prefix="default/",
    grafana_prefix="default",
)


@pytest.fixture
def run():
    bench = Bench(Settings(url="ws://h/api/live/ws", seed=9, capabilities={"publish": False}), "lpnonce")
    bench.facts = FACTS
    return Run(bench)


def give(run, check, status, message=""):
    run.results[check.id] = Result(check, Outcome(status=status, message=message, examples=1, duration_s=0.25))


def fail(run, check, message, values=None, traffic=()):
    """Let a check fail with this traffic: connection, direction or close, payload; a millisecond for each."""
    exchanges, counts = [], Counter()
    for index, (connection, way, payload) in enumerate(traffic):
        kind = "close" if way == "close" else "text" if connection else "http"
        exchange = Exchange(
            time_s=index / 1000, connection=connection, message=counts[connection], kind=kind,
            direction="<" if way == "close" else way, payload=payload, size=len(payload),
        )  # fmt: skip
        exchanges.append(exchange)
        counts[connection] += 1
    failure = failure_of(MissedError(AssertionError(message), values or {}, exchanges))
    outcome = Outcome(status=Status.FAIL, message=message, failure=failure)
    card = card_of(check, outcome, 7, "liveproto replay x")
    run.results[check.id] = Result(check, outcome, card, f"repro/{check.id}.json")


def problems(report):
    validator = jsonschema.Draft202012Validator(load_schema("report.schema.json"))
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(report)))]


def must_checks():
    return [check for check in catalogue().values() if check.level is Level.MUST and check.lane is Lane.MAIN]


def test_of_nothing_the_report_is_valid_and_incomplete(run):
    report = make_report(run)
    assert problems(report) == []
    assert report["verdict"] == "incomplete"
    assert run.verdict()[1] is Exit.NOTHING_TESTED


def test_every_status_is_counted_and_told(run):
    for status, check in zip(Status, must_checks(), strict=False):
        give(run, check, status, f"because {status}")
    report = make_report(run)
    assert problems(report) == []
    assert report["counts"] == {status.value: 1 for status in Status}
    assert [check["status"] for check in report["checks"]] == [status.value for status in Status]
    assert report["checks"][0]["message"] == "because FAIL"
    assert report["checks"][0]["duration_s"] == 0.25
    assert report["verdict"] == "nonconformant"
    assert (report["seed"], report["capabilities"]) == (9, {"publish": False})
    assert report["grafana"] == {"detected": "12.4.0", "used": "12.4"}
    assert report["profiles"] == ["core", "grafana"]


def test_a_failure_has_its_card_and_where_it_is_saved(run):
    check, passing = must_checks()[:2]
    traffic = [(1, ">", b'{"token":"hunter2"}'), (1, "<", b"\xff\x1b"), (1, "close", b'[3501,"bad request"]')]
    fail(run, check, "expected a, got close 3501", {"n": 1}, traffic)
    give(run, passing, Status.PASS)
    report = make_report(run)
    assert problems(report) == []
    first, second = report["checks"]
    assert (first["repro"], second["repro"], second["card"]) == (f"repro/{check.id}.json", None, None)
    card = first["card"]
    assert [rule["id"] for rule in card["rules"]] == [rule.id for rule in check.requirements]
    assert (card["expected"], card["observed"], card["input"]) == ("a", "close 3501", ["n=1"])
    assert card["place"] == {"connection": 1, "message": 2, "line": None, "pointer": None}
    assert [each["payload"] for each in card["traffic"]] == [
        '{"token":"[redacted]"}', "\\xff\x1b", '[3501,"bad request"]'
    ]  # fmt: skip
    assert (card["seed"], card["command"]) == (7, "liveproto replay x")


def test_a_failure_that_names_its_rule_counts_against_that_rule_alone(run):
    check = catalogue()["session.two_connections_share_nothing_but_channels"]
    fail(run, check, "expected one publication, got two (GL-SUB-018)")
    statuses = {entry["id"]: entry["status"] for entry in make_report(run)["requirements"]}
    assert statuses == {rule.id: "FAIL" if rule.id == "GL-SUB-018" else "NOT_EXERCISED" for rule in check.requirements}


def test_requirements_have_the_merged_status_of_their_checks(run):
    statuses = list(Status)
    for number, check in enumerate(catalogue().values()):
        give(run, check, statuses[(7 * number) % len(statuses)])
    report = make_report(run)
    assert problems(report) == []
    expected = {}
    for check in report["checks"]:
        for id_ in check["requirements"]:
            expected.setdefault(id_, []).append(Status(check["status"]))
    assert {entry["id"]: entry["status"] for entry in report["requirements"]} == {
        id_: merge(found).value for id_, found in expected.items()
    }
    assert len(report["requirements"]) == len({entry["id"] for entry in report["requirements"]})


@pytest.mark.parametrize(
    ("statuses", "verdict", "code"),
    [
        ([Status.PASS], Verdict.INCOMPLETE, Exit.INTERRUPTED),
        ([Status.PASS, Status.FAIL], Verdict.NONCONFORMANT, Exit.INTERRUPTED),
        ([], Verdict.INCOMPLETE, Exit.INTERRUPTED),
    ],
)
def test_an_interrupted_run_is_no_conformant_one(run, statuses, verdict, code):
    for status, check in zip(statuses, must_checks(), strict=False):
        give(run, check, status)
    run.interrupted = True
    assert run.verdict() == (verdict, code)
    assert problems(make_report(run)) == []


def test_without_version_and_channel_the_report_is_valid(run):
    bare = Facts(
        url="ws://h/x",
        channel_template=None,
        channel_evidence="none",
        publish_via=None,
        publish_evidence="no way",
        detected=None,
        version=None,
        profiles=(Profile.CORE,),
        http_prefix="",
        grafana_prefix="1",
    )
    run.bench.facts = bare
    report = make_report(run)
    assert problems(report) == []
    assert report["grafana"] == {"detected": None, "used": None}
    assert report["target"]["publish_evidence"] == "no way"


def test_a_run_leaves_every_form_of_its_document(run, tmp_path):
    give(run, must_checks()[0], Status.FAIL, "expected é, got \u2028")
    write_reports(make_report(run), tmp_path, {})
    assert {path.name for path in tmp_path.iterdir()} == set(WRITERS)
    assert set(WRITERS) == {"report.json", "report.html", "junit.xml", "badge.json", "summary.md"}
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "é" in text
    assert json.loads(text)["checks"][0]["message"] == "expected é, got \u2028"
    assert json.loads((tmp_path / "badge.json").read_text())["color"] == "red"


def test_the_summary_is_added_to_that_of_the_step(run, tmp_path):
    (tmp_path / "step").write_text("before\n")
    write_reports(make_report(run), tmp_path, {"GITHUB_STEP_SUMMARY": str(tmp_path / "step")})
    assert (tmp_path / "step").read_text() == "before\n" + (tmp_path / "summary.md").read_text()


def test_a_summary_of_the_step_that_cannot_be_written_is_let_be(run, tmp_path):
    write_reports(make_report(run), tmp_path, {"GITHUB_STEP_SUMMARY": str(tmp_path / "none" / "step")})
    assert (tmp_path / "summary.md").exists()


def test_a_failure_says_the_rule_its_source_and_what_was_observed():
    check = must_checks()[0]
    text = describe(Result(check, Outcome(status=Status.FAIL, message="expected a, got b")))
    rule = check.requirements[0]
    assert text.splitlines()[0] == f"FAIL {check.id}"
    assert f"{rule.id} MUST: {rule.text}" in text
    assert f"source: {rule.source}" in text
    assert text.endswith("observed: expected a, got b")


def test_the_hash_of_stimuli_leaves_the_nonce_out_and_counts_what_is_different():
    hashes, counts = set(), set()
    for nonce in ("lpaaaa", "lpbbbb"):
        bench = Bench(Settings(url="ws://h/"), nonce)
        for data in (b"one", f"two {nonce}".encode(), b"one", b"three"):
            bench.stimulus("check.a", data)
        bench.stimulus("check.b", b"one")
        hashes.add(bench.stimuli_sha256())
        counts.add(bench.stimuli_count())
    assert len(hashes) == 1
    assert counts == {4}


def test_the_hash_of_stimuli_knows_order_and_check():
    def told(*stimuli):
        bench = Bench(Settings(url="ws://h/"), "lpaaaa")
        for check, data in stimuli:
            bench.stimulus(check, data)
        return bench.stimuli_sha256()

    one = told(("a", b"1"), ("a", b"2"))
    assert one != told(("a", b"2"), ("a", b"1"))
    assert one != told(("a", b"1"), ("b", b"2"))
    assert one != told(("a", b"12"))
    assert told(("a", b"1"), ("b", b"2")) == told(("b", b"2"), ("a", b"1"))
