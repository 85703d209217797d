"""PUB: publishing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from liveproto_conformance.bench import Facts, Stand
from liveproto_conformance.check import NotApplicableError, NotExercisedError, check, generated, given_that
from liveproto_conformance.session import Session, dumps
from liveproto_conformance.strategies import json_values


@check("GL-PUB-001")
@generated(payloads=st.lists(json_values(1), min_size=10, max_size=10))
def test_a_publish_is_answered_with_an_object(
    stand: Stand, session: Session, channel: str, payloads: list[Any]
) -> None:
    stand.needs_client_publish()
    commands = [session.command("publish", {"channel": channel, "data": payload}) for payload in payloads]
    for reply in session.pipeline(commands):
        reply.result("publish")


@check("GL-PUB-002")
def test_a_publisher_need_not_be_subscribed(stand: Stand, channel: str) -> None:
    outsider, insider = stand.connected(), stand.subscriber_of(channel)
    publish = {"channel": channel, "data": {"token": 1}}
    replies = [publisher.request("publish", publish) for publisher in (outsider, insider)]
    errors = [reply.error for reply in replies]
    assert len({error is None for error in errors}) == 1, (
        f"expected one answer for both, got {[r.raw for r in replies]}"
    )
    if errors[0] is not None:
        raise NotApplicableError(f"publish to {channel} was answered {errors[0].code} {errors[0].message}")
    for _ in replies:
        insider.publication(channel)


@check("GL-PUB-003")
def test_a_publish_without_channel_is_refused(stand: Stand) -> None:
    for text in ('{"id":7,"publish":{"data":{}}}', '{"id":7,"publish":{"channel":"","data":{}}}'):
        stand.expect_fault(text)


@check("GL-PUB-004")
def test_a_publish_without_data_is_refused_or_like_any_other(stand: Stand, channel: str) -> None:
    session = stand.connected()
    twin = session.request("publish", {"channel": channel, "data": {}})
    command = session.command("publish", {"channel": channel})
    session.send(command)
    try:
        reply = session.reply(command["id"])
    except AssertionError:
        session.closed_with(3501)
        return
    assert (reply.error is None) == (twin.error is None), f"expected the answer of {twin.raw}, got {reply.raw}"


@check("GL-PUB-005")
def test_a_refused_publish_leaves_the_connection(stand: Stand, session: Session, channel: str) -> None:
    _refused_publish(stand, session, channel)
    session.still_serves()
    with given_that("GL-SUB-001"):
        session.subscribe(channel)


def _refused_publish(stand: Stand, session: Session, channel: str) -> str:
    """Publish where the target refuses it, and return the channel."""
    candidates = [channel]
    if stand.bench.known.version is not None:
        candidates.append(stand.grafana_channel(f"stream/{stand.bench.nonce}/refused"))
    for candidate in candidates:
        reply = session.request("publish", {"channel": candidate, "data": {"token": 17}})
        if reply.error is not None:
            return candidate
    raise NotApplicableError(f"the target accepts publishing to {' and '.join(candidates)}")


@check("GL-PUB-006")
def test_a_subscribed_publisher_receives_its_own(stand: Stand, session: Session, channel: str) -> None:
    stand.needs_client_publish()
    with given_that("GL-SUB-001"):
        session.subscribe(channel)
    session.request("publish", {"channel": channel, "data": {"token": 23}}).result("publish")
    data = session.publication(channel)
    assert data == {"token": 23}, f"expected our own publication, got {dumps(data)}"


@check("GL-PUB-007")
def test_the_info_of_a_publication_names_its_publisher(stand: Stand, channel: str) -> None:
    stand.needs_client_publish()
    subscriber, publisher = stand.subscriber_of(channel), stand.connected()
    publisher.request("publish", {"channel": channel, "data": {"token": 29}}).result("publish")
    publication = subscriber.push(channel, "pub").body
    if "info" not in publication:
        raise NotApplicableError("the target attaches no info to publications")
    client = publication["info"].get("client")
    assert client == publisher.client, f"expected info of {publisher.client}, got {publication}"


@check("GL-PUB-008")
def test_a_payload_may_be_any_json_value(stand: Stand) -> None:
    stand.needs_payloads()
    session, channel = stand.shared_subscriber()
    payloads: tuple[Any, ...] = (0, False, "", [], {}, 1, True, "text", [None], {"a": {"b": []}}, -1.5)
    for payload in payloads:
        stand.publish_payload(channel, payload)
        push = session.push(channel, "pub")
        data = push.body.get("data", "absent")
        same = type(data) is type(payload) and data == payload
        assert same, f"expected data {dumps(payload)}, got {dumps(push.raw)}"


@check("GL-PUB-009")
def test_grafana_forbids_publishing_to_streams(stand: Stand, session: Session) -> None:
    channel = stand.grafana_channel(f"stream/{stand.bench.nonce}/forbidden")
    error = session.request("publish", {"channel": channel, "data": {}}).refused(403)
    assert error.message == "Forbidden", f"expected message Forbidden, got {error}"
    assert not error.temporary, f"expected an error that is not temporary, got {error}"


@check("GL-PUB-010")
def test_grafana_publications_have_data_and_no_info(stand: Stand, channel: str) -> None:
    subscriber = stand.subscriber_of(channel)
    token = stand.publish(channel)
    push = subscriber.push(channel, "pub")
    assert push.channel == channel, f"expected channel {channel!r}, got {push.raw}"
    assert str(token) in dumps(push.body.get("data")), f"expected the payload in data, got {push.raw}"
    assert "info" not in push.body, f"expected no info, got {push.raw}"


@check("GL-PUB-011")
def test_a_refused_publication_reaches_nobody(stand: Stand, session: Session, channel: str, facts: Facts) -> None:
    if facts.ws_publish_evidence is None:
        raise NotApplicableError("the target accepts publishing to every channel that we can also read")
    if facts.publish_via is None:
        raise NotExercisedError(facts.publish_evidence, "GL-SUB-016")
    subscriber = stand.subscriber_of(channel)
    session.request("publish", {"channel": channel, "data": {"token": 31}}).refused()
    before = stand.arrives(subscriber, channel, stand.publish(channel))
    assert not before, f"expected nothing of the refused publication, got {dumps(before)}"


@check("GL-PUB-012")
def test_a_publication_outlives_its_publisher(stand: Stand, channel: str) -> None:
    stand.needs_client_publish()
    subscriber, publisher = stand.subscriber_of(channel), stand.connected()
    publisher.request("publish", {"channel": channel, "data": {"token": 37}}).result("publish")
    stand.hang_up(publisher)
    data = subscriber.publication(channel)
    assert data == {"token": 37}, f"expected the publication, got {dumps(data)}"
