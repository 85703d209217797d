"""What a failure says of itself, and the message it speaks of."""

import io

import pytest
from rich.console import Console

from liveproto_conformance.bench import Bench, Stand
from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.execute import Outcome
from liveproto_conformance.failures.card import card_of
from liveproto_conformance.failures.failure import (
    KEPT_BYTES,
    KEPT_EXCHANGES,
    Evidence,
    EvidenceError,
    MissedError,
    Place,
    Traffic,
    failure_of,
    in_words,
    named_rule,
    split,
)
from liveproto_conformance.report import cards
from liveproto_conformance.target import Settings
from liveproto_conformance.verdict import Status


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("expected error code 105, got {}", ("error code 105", "{}")),
        ("expected a, got b, got c", ("a", "b, got c")),
        ("GL-X: expected a, got b", ("GL-X: a", "b")),
        ("expected a close within 5 s, it is open", ("a close within 5 s", "it is open")),
        ("expected close 3501 for a second pong", ("close 3501 for a second pong", None)),
        ("no such thing", (None, "no such thing")),
        ("", (None, "")),
    ],
)  # fmt: skip
def test_a_message_is_taken_apart(text, parts):
    assert split(text) == parts


def failed(text, *traffic):
    kept = Traffic()
    for connection, direction, payload in traffic:
        kept.add(connection, direction, "text", payload)
    return failure_of(MissedError(AssertionError(text), {}, kept.kept()))


REPLIES = (
    (1, ">", b'{"id":1,"rpc":{}}'),
    (1, "<", b'{}\n{"id":1,"error":{"code":100}}'),
    (2, ">", b'{"id":1,"publish":{}}'),
    (2, "<", b'{"id":1,"publish":{}}'),
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('expected a, got {"id":1,"error":{"code":100}}', Place(connection=1, message=1, line=1)),
        ("expected a, got something else", Place(connection=2, message=1)),
        ("expected a reply with id 1 within 5 s, got none", Place(connection=2, message=0)),
        ("expected a push, got none", Place(connection=2, message=1)),
    ],
)
def test_the_message_is_found(text, place):
    assert failed(text, *REPLIES).place == place


def test_a_rule_that_was_broken_is_named_at_the_end_and_not_observed():
    failure = failed("expected a, got b (GL-SUB-003)")
    assert named_rule(failure.text) == "GL-SUB-003"
    assert (failure.expected, failure.observed) == ("a", "b")
    assert named_rule("expected a (GL-SUB-003), got b") is None


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("expected a, got b (GL-SUB-003)", ["GL-SUB-003"]),
        ("expected a, got b", ["GL-SUB-019", "GL-CONN-022"]),
        ("expected a, got b (GL-NONE-001)", ["GL-SUB-019", "GL-CONN-022"]),
    ],
)
def test_a_card_has_the_rule_that_is_named_also_where_it_is_of_another_check(text, rules):
    check = catalogue()["session.a_lost_connection_takes_its_subscriptions_along"]
    card = card_of(check, Outcome(status=Status.FAIL, failure=failed(text)), 0, "")
    assert [rule.id for rule in card.rules] == rules


@pytest.mark.parametrize(
    ("payload", "shown"), [(b"{}\n\n", ["{}", "↵", "↵"]), (b"", ["(empty)"]), (b"a\nb", ["a", "b"])]
)
def test_blank_lines_can_be_seen(payload, shown):
    check = catalogue()["wire.unknown_keys_are_ignored"]
    outcome = Outcome(status=Status.FAIL, failure=failed("expected a, got b", (1, "<", payload)))
    console = Console(file=io.StringIO(), width=80)
    console.print(cards.render(card_of(check, outcome, 0, ""), "", traffic=True))
    lines = console.file.getvalue().rstrip().split("\n")[-len(shown) :]
    assert [line.rpartition("  ")[2].rpartition("< ")[2] for line in lines] == shown


def test_without_traffic_there_is_no_place():
    assert failed("expected a, got b").place is None
    assert failed("expected a, got b", (1, ">", b"{}")).place is None


def test_traffic_around_the_place_is_kept():
    many = [(1, "<", b"%d" % number) for number in range(100)]
    shown = failed('expected a, got {"here":1}', *many[:60], (2, "<", b'{"here":1}'), *many[60:]).traffic
    assert [exchange.payload for exchange in shown] == [
        *[b"%d" % number for number in range(36, 60)], b'{"here":1}', *[b"%d" % number for number in range(60, 66)]
    ]  # fmt: skip


def test_what_is_kept_is_bounded():
    traffic = Traffic()
    for _ in range(KEPT_EXCHANGES + 50):
        traffic.add(1, "<", "text", b"x" * 100_000)
    traffic.add(1, "<", "open", b"{}")
    kept = traffic.kept()
    assert len(kept) == KEPT_EXCHANGES
    assert {(len(exchange.payload), exchange.size) for exchange in kept} == {(KEPT_BYTES, 100_000)}
    assert kept[-1].message == KEPT_EXCHANGES + 49
    assert [e.message for e in traffic.up_to(1, KEPT_EXCHANGES + 9, 3)] == [KEPT_EXCHANGES + n for n in (7, 8, 9)]
    assert traffic.up_to(1, KEPT_EXCHANGES + 49, 3) == traffic.kept()[-3:]
    assert traffic.up_to(2, 0, 3) == traffic.kept()[-3:]


def test_messages_are_counted_on_each_connection():
    bench = Bench(Settings(url="ws://127.0.0.1:9/"), "lpnonce")
    with Stand(bench, "test.check") as stand:
        for connection, direction in ((1, ">"), (2, ">"), (1, "<"), (1, "<"), (2, "<")):
            bench.record(stand, connection, direction, "text", b"{}")
    assert [(e.connection, e.message, e.direction) for e in stand.traffic.kept()] == [
        (1, 0, ">"), (2, 0, ">"), (1, 1, "<"), (1, 2, "<"), (2, 1, "<")
    ]  # fmt: skip


def test_evidence_of_other_traffic_counts_more_than_ones_own():
    traffic = Traffic()
    traffic.add(9, "<", "text", b'{"id":0}')
    place = Place(connection=9, message=0, line=0, pointer="/id")
    evidence = Evidence(text="expected a, got b", during="sub.x", place=place, traffic=traffic.kept())
    failure = failure_of(MissedError(EvidenceError("expected a, got b; expected a, got c", evidence), {}, ()))
    assert (failure.expected, failure.observed, failure.during, failure.place) == ("a", "b", "sub.x", place)
    assert failure.text == "expected a, got b; expected a, got c"
    assert [exchange.payload for exchange in failure.traffic] == [b'{"id":0}']


def test_input_in_words_is_json():
    assert in_words({"n": True, "text": 'é"'}) == ["n=true", 'text="é\\""']
    assert in_words({"steps": [("add", {"a": None, "b": [1]}), ("end", {})]}) == ["add a=null b=[1]", "end"]
    assert in_words({"raw": b"\xff"}) == ["raw=\"b'\\\\xff'\""]
    assert in_words({}) == []
