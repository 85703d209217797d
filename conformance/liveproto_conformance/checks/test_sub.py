"""SUB: subscriptions."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from liveproto_conformance.bench import Facts, Stand
from liveproto_conformance.check import NotApplicableError, check, generated, given_that
from liveproto_conformance.drive.websocket import Ending
from liveproto_conformance.session import Push, Reply, Session, carries, dumps, object_at
from liveproto_conformance.strategies import json_values

_STATEFUL_FIELDS: Final = ("recoverable", "positioned", "recovered", "epoch", "offset", "publications")
_REFUSABLE: Final = ("x" * 2000, "%%%", "liveproto/none")


@check("GL-SUB-001")
def test_a_subscribe_is_answered_with_an_object(session: Session, channel: str) -> None:
    session.request("subscribe", {"channel": channel}).result("subscribe")


@check("GL-SUB-002")
def test_a_subscribe_without_channel_is_refused(stand: Stand) -> None:
    for text in (
        '{"id":7,"subscribe":{}}',
        '{"id":7,"subscribe":{"channel":""}}',
        '{"id":7,"subscribe":{"channel":null}}',
    ):
        stand.expect_fault(text)


@check("GL-SUB-003")
def test_a_duplicate_subscribe_is_refused(session: Session, channel: str) -> None:
    with given_that("GL-SUB-001"):
        session.subscribe(channel)
    session.request("subscribe", {"channel": channel}).refused(105)
    session.still_serves()


@check("GL-SUB-004")
def test_a_refused_duplicate_leaves_the_first_receiving(stand: Stand, session: Session, channel: str) -> None:
    with given_that("GL-SUB-001"):
        session.subscribe(channel)
    with given_that("GL-SUB-016"):
        stand.delivers(session, channel)
    with given_that("GL-SUB-003"):
        session.request("subscribe", {"channel": channel}).refused(105)
    stand.delivers(session, channel)


@check("GL-SUB-005")
@generated(count=st.integers(2, 5))
def test_of_subscribes_sent_together_one_succeeds(stand: Stand, session: Session, count: int) -> None:
    channel = stand.fresh_channel()
    commands = [session.command("subscribe", {"channel": channel}) for _ in range(count)]
    session.send(*commands)
    replies = session.replies(command["id"] for command in commands)
    accepted = [reply for reply in replies if reply.error is None]
    assert len(accepted) == 1, f"expected one success of {count}, got {[reply.raw for reply in replies]}"
    for reply in replies:
        if reply.error is not None:
            reply.refused(105)
    with given_that("GL-SUB-007"):
        session.unsubscribe(channel)


@check("GL-SUB-006")
def test_a_refused_subscribe_leaves_nothing_behind(session: Session) -> None:
    refused = [(channel, error) for channel in _REFUSABLE if (error := _subscribe(session, channel).error) is not None]
    if not refused:
        longest = len(_REFUSABLE[0])
        raise NotApplicableError(f"the target accepts every channel we tried, one of {longest} bytes included")
    for channel, first in refused * 2:
        error = _subscribe(session, channel).refused()
        assert error.code == first.code, f"expected error {first.code} again, got {error}"


def _subscribe(session: Session, channel: str) -> Reply:
    return session.request("subscribe", {"channel": channel})


@check("GL-SUB-007")
def test_an_unsubscribe_is_answered_with_an_object(session: Session, channel: str) -> None:
    with given_that("GL-SUB-001"):
        session.subscribe(channel)
    session.request("unsubscribe", {"channel": channel}).result("unsubscribe")


@check("GL-SUB-008")
def test_nothing_arrives_after_the_unsubscribe_reply(stand: Stand, session: Session, channel: str) -> None:
    witness = stand.subscriber_of(channel)
    with given_that("GL-SUB-001"):
        session.subscribe(channel)
    with given_that("GL-SUB-016"):
        stand.delivers(session, channel)
    session.unsubscribe(channel)
    already = len(session.pushes(channel))
    for _ in range(3):
        stand.delivers(witness, channel)
    session.fence()
    late = session.pushes(channel)[already:]
    assert not late, f"expected nothing after the unsubscribe reply, got {[push.raw for push in late]}"


@check("GL-SUB-009")
@generated(numbers=st.lists(st.integers(0, 10**20), min_size=40, max_size=40))
def test_an_unsubscribe_of_what_is_not_subscribed_succeeds(session: Session, numbers: list[int]) -> None:
    commands = [session.command("unsubscribe", {"channel": f"{session.unused_channel}-{number}"}) for number in numbers]
    for reply in session.pipeline(commands):
        reply.result("unsubscribe")


@check("GL-SUB-010")
@generated(rounds=st.integers(1, 4))
def test_subscribing_again_receives_again(stand: Stand, session: Session, rounds: int) -> None:
    channel = stand.fresh_channel()
    for _ in range(rounds):
        session.subscribe(channel)
        session.unsubscribe(channel)
    session.subscribe(channel)
    stand.delivers(session, channel)
    session.unsubscribe(channel)


@check("GL-SUB-011")
def test_an_unsubscribe_in_flight_is_answered_and_so_is_the_subscribe(session: Session, channel: str) -> None:
    for _ in range(5):
        subscribe = session.command("subscribe", {"channel": channel})
        unsubscribe = session.command("unsubscribe", {"channel": channel})
        session.send(subscribe, unsubscribe)
        session.reply(subscribe["id"]).result("subscribe")
        session.reply(unsubscribe["id"]).result("unsubscribe")
        # Where the subscribe was let win, the channel has to be left once more.
        session.unsubscribe(channel)
    session.subscribe(channel)


@check("GL-SUB-012")
def test_an_unsubscribe_without_channel_is_refused(stand: Stand) -> None:
    for text in ('{"id":7,"unsubscribe":{}}', '{"id":7,"unsubscribe":{"channel":""}}'):
        stand.expect_fault(text)


@check("GL-SUB-013")
def test_a_channel_over_the_byte_limit_is_refused(stand: Stand, session: Session, channel: str) -> None:
    limit = stand.limit("channel_bytes")
    session.request("subscribe", {"channel": channel + "x" * (limit + 1 - len(channel))}).refused(107)
    error = session.request("subscribe", {"channel": channel + "x" * (limit - len(channel))}).error
    assert error is None or error.code != 107, f"expected {limit} bytes not to be too long, got {error}"
    session.still_serves()


@check("GL-SUB-013")
def test_the_length_of_a_channel_is_counted_in_bytes(stand: Stand, session: Session, channel: str) -> None:
    limit = stand.limit("channel_bytes")
    room = limit - len(channel)
    session.request("subscribe", {"channel": channel + "é" * (room // 2 + 1)}).refused(107)
    session.still_serves()


@check("GL-SUB-014")
def test_a_channel_beyond_the_limit_is_refused_and_the_others_live(stand: Stand, session: Session) -> None:
    first, beyond = _up_to_the_limit(stand, session)
    session.request("subscribe", {"channel": beyond}).refused(106)
    stand.delivers(session, first)
    session.unsubscribe(first)
    session.subscribe(beyond)


def _up_to_the_limit(stand: Stand, session: Session) -> tuple[str, str]:
    """Subscribe to as many channels as a connection may; return the first, and one more."""
    limit = stand.limit("channels")
    channels = [stand.fresh_channel() for _ in range(limit + 1)]
    if len(set(channels)) <= limit:
        raise NotApplicableError(f"managed streams are reused, so a run has fewer than {limit} channels")
    allowed = max(1, limit - len(session.subs))
    with given_that("GL-SUB-001"):
        for reply in session.pipeline([session.command("subscribe", {"channel": name}) for name in channels[:allowed]]):
            reply.result("subscribe")
    # Whether the target's own subscriptions count is its choice.
    for name in channels[allowed:limit]:
        if session.request("subscribe", {"channel": name}).error is not None:
            return channels[0], name
    return channels[0], channels[-1]


@check("GL-SUB-015")
def test_a_connection_gets_only_what_it_subscribed_to(stand: Stand, session: Session) -> None:
    mine, other = stand.fresh_channel(), stand.fresh_channel()
    with given_that("GL-SUB-001"):
        session.subscribe(mine)
    witness = stand.subscriber_of(other)
    with given_that("GL-SUB-016"):
        stand.delivers(witness, other)
    stand.delivers(session, mine)
    session.fence()
    expected = [mine, *session.subs]
    strays = [push.raw for push in session.pushes(kind="pub") if push.channel not in expected]
    assert not strays, f"expected publications of {mine!r} only, got {strays}"


@check("GL-SUB-016")
def test_a_publication_reaches_every_subscriber(stand: Stand, channel: str) -> None:
    subscribers = [stand.subscriber_of(channel) for _ in range(4)]
    token = stand.publish(channel)
    for subscriber in subscribers:
        stand.arrives(subscriber, channel, token)


@check("GL-SUB-017", "GL-SUB-018")
@generated(count=st.integers(1, 8))
def test_publications_arrive_once_and_in_order(stand: Stand, count: int) -> None:
    session, channel = stand.shared_subscriber()
    tokens = [stand.publish(channel) for _ in range(count)]
    last = stand.publish(channel)
    arrived = stand.arrives(session, channel, last)
    places = [[token for token in tokens if carries(data, token)] for data in arrived]
    assert places == [[token] for token in tokens], f"expected {tokens} once each and in order, got {dumps(arrived)}"


@check("GL-SUB-018")
def test_a_publication_arrives_once_on_each_connection(stand: Stand, channel: str) -> None:
    subscribers = [stand.subscriber_of(channel) for _ in range(2)]
    token, last = stand.publish(channel), stand.publish(channel)
    for subscriber in subscribers:
        arrived = stand.arrives(subscriber, channel, last)
        count = sum(carries(data, token) for data in arrived)
        assert count == 1, f"expected the publication once, got it {count} times in {dumps(arrived)}"


@check("GL-SUB-019")
def test_subscriptions_end_with_their_connection(stand: Stand, channel: str) -> None:
    witness = stand.subscriber_of(channel)
    first = stand.subscriber_of(channel)
    stand.hang_up(first)
    second = stand.connected()
    with given_that("GL-SUB-016"):
        stand.delivers(witness, channel)
    second.fence()
    assert not second.pushes(channel), f"expected a connection without subscriptions, got {second.pushes(channel)}"
    second.subscribe(channel)
    stand.delivers(second, channel)


@check("GL-SUB-019")
def test_a_lost_connection_may_subscribe_again(stand: Stand, channel: str) -> None:
    lost = stand.subscriber_of(channel)
    lost.connection.drop()
    session = stand.connected()
    session.subscribe(channel)
    stand.delivers(session, channel)


@check("GL-SUB-020")
def test_a_refused_subscribe_brings_no_publications(stand: Stand, session: Session) -> None:
    # A channel that only this connection is refused: the others may still publish and listen there.
    first, beyond = _up_to_the_limit(stand, session)
    with given_that("GL-SUB-014"):
        session.request("subscribe", {"channel": beyond}).refused()
    witness = stand.subscriber_of(beyond)
    with given_that("GL-SUB-016"):
        stand.delivers(witness, beyond)
        stand.delivers(session, first)
    strays = [push.raw for push in session.pushes(beyond)]
    assert not strays, f"expected no push of {beyond!r}, which was refused, got {strays}"


@check("GL-SUB-021")
def test_grafana_keeps_no_position(session: Session, channel: str) -> None:
    for body in ({"channel": channel}, {"channel": channel, "recover": True, "epoch": "x", "offset": 1}):
        result = session.request("subscribe", body).result("subscribe")
        kept = [field for field in _STATEFUL_FIELDS if field in result]
        assert not kept, f"expected none of {kept}, got {result}"
        with given_that("GL-SUB-007"):
            session.unsubscribe(channel)


@check("GL-SUB-022")
def test_grafana_has_nothing_to_say_of_an_empty_stream(stand: Stand, session: Session) -> None:
    channel = stand.grafana_channel(f"stream/{stand.bench.nonce}/empty")
    result = session.request("subscribe", {"channel": channel}).result("subscribe")
    assert result == {}, f"expected {{}}, got {result}"


@check("GL-SUB-023")
@generated(payloads=st.lists(json_values(), min_size=2, max_size=8))
def test_what_clients_offer_does_not_make_a_subscribe_fail(stand: Stand, session: Session, payloads: list[Any]) -> None:
    requests: list[dict[str, Any]] = [{"channel": stand.fresh_channel(), "flag": 1, "data": data} for data in payloads]
    for reply in session.pipeline([session.command("subscribe", request) for request in requests]):
        reply.result("subscribe")
    for request in requests:
        session.unsubscribe(request["channel"])


@check("GL-SUB-024")
@generated(count=st.integers(2, 6))
def test_subscribes_sent_together_are_all_answered(stand: Stand, session: Session, count: int) -> None:
    channels = [stand.fresh_channel() for _ in range(count)]
    commands = [session.command("subscribe", {"channel": channel}) for channel in channels]
    session.send(*commands)
    for command in commands:
        session.reply(command["id"]).result("subscribe")
    stand.delivers(session, channels[-1])
    stand.delivers(session, channels[0])
    for channel in channels:
        session.unsubscribe(channel)


@check("GL-SUB-027")
def test_the_joiners_own_join_follows_its_reply(stand: Stand, session: Session, facts: Facts) -> None:
    channel = _channel_with_joins(stand, facts)
    reply = _subscribed(session, channel)
    joined = _told_of(session, channel, "join", session)
    order = [line for line in session.lines if line in (reply.raw, {"push": joined.raw})]
    assert order[0] == reply.raw, f"expected the reply before the join, got {order}"


@check("GL-SUB-031")
def test_subscribers_of_a_dashboard_are_told_of_each_other(stand: Stand, session: Session, facts: Facts) -> None:
    channel = _channel_with_joins(stand, facts)
    _subscribed(session, channel)
    other = stand.connected()
    _subscribed(other, channel)
    _told_of(session, channel, "join", other)
    other.unsubscribe(channel)
    _told_of(session, channel, "leave", other)
    _subscribed(other, channel)
    _told_of(session, channel, "join", other)
    stand.hang_up(other)
    _told_of(session, channel, "leave", other)


def _channel_with_joins(stand: Stand, facts: Facts) -> str:
    if facts.version is None:
        raise NotApplicableError("no channel is known on which this target pushes joins")
    return stand.grafana_channel(f"grafana/dashboard/uid/{stand.bench.nonce}")


def _subscribed(session: Session, channel: str) -> Reply:
    reply = session.request("subscribe", {"channel": channel})
    if reply.error is not None:
        raise NotApplicableError(f"{channel} was answered {reply.error.code} {reply.error.message}")
    return reply


def _told_of(session: Session, channel: str, kind: str, who: Session) -> Push:
    """Wait for the push that a client has joined or left; those of others are skipped."""
    while True:
        push = session.push(channel, kind)
        info = object_at(push.body, "info", f"of a {kind}")
        if info.get("client") == who.client:
            return push


@check("GL-SUB-029")
def test_leaving_one_channel_leaves_the_others(stand: Stand, session: Session) -> None:
    left, kept = stand.fresh_channel(), stand.fresh_channel()
    with given_that("GL-SUB-001"):
        session.subscribe(left)
        session.subscribe(kept)
    session.unsubscribe(left)
    stand.delivers(session, kept)


@check("GL-SUB-030")
def test_an_unknown_delta_is_refused_or_ignored(stand: Stand, channel: str) -> None:
    session = stand.connected()
    session.fence()
    command = session.command("subscribe", {"channel": channel, "delta": "liveproto"})
    session.send(command)
    try:
        reply = session.reply(command["id"])
    except AssertionError:
        closed = session.closed_with(3501)
        assert closed.ending is Ending.CLOSE_FRAME
        return
    result = reply.result("subscribe")
    assert "delta" not in result, f"expected no delta, got {result}"
    stand.delivers(session, channel)
