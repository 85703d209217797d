"""CONN: connecting."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import strategies as st

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import Lane, NotApplicableError, check, generated
from liveproto_conformance.drive.websocket import NotWebSocketError
from liveproto_conformance.session import Json, Session, dumps
from liveproto_conformance.strategies import json_values
from liveproto_conformance.target import Settings

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_SLACK_S = 1.0
_GLANCE_S = 0.05


@check("GL-CONN-001")
def test_connect_is_answered_with_a_client(stand: Stand) -> None:
    session = stand.unconnected()
    reply = session.connect()
    client = session.connect_result.get("client")
    assert isinstance(client, str), f"expected a client that is text, got {reply.raw}"
    assert client, f"expected a non-empty client, got {reply.raw}"


@check("GL-CONN-002")
def test_any_other_first_command_is_refused(stand: Stand) -> None:
    channel = stand.fresh_channel()
    firsts: tuple[dict[str, Any], ...] = (
        {"id": 1, "subscribe": {"channel": channel}},
        {"id": 1, "unsubscribe": {"channel": channel}},
        {"id": 1, "publish": {"channel": channel, "data": {}}},
        {"id": 1, "presence": {"channel": channel}},
        {"id": 1, "presence_stats": {"channel": channel}},
        {"id": 1, "history": {"channel": channel}},
        {"id": 1, "rpc": {"data": {}}},
        {"id": 1, "refresh": {"token": "t"}},
        {"id": 1, "sub_refresh": {"channel": channel, "token": "t"}},
        {"id": 1, "ping": {}},
        {"send": {"data": {}}},
        {"id": 1, "send": {"data": {}}},
    )
    for first in firsts:
        stand.expect_fault(dumps(first), before_connect=True)


@check("GL-CONN-002")
def test_a_pong_as_first_command_is_refused(stand: Stand) -> None:
    stand.expect_fault("{}", before_connect=True)


@check("GL-CONN-002")
def test_a_connect_after_another_command_comes_too_late(stand: Stand) -> None:
    commands: list[Json] = [{"id": 1, "unsubscribe": {"channel": stand.fresh_channel()}}, {"id": 2, "connect": {}}]
    stand.expect_fault("\n".join(map(dumps, commands)), before_connect=True)


@check("GL-CONN-004")
def test_a_second_connect_is_refused(stand: Stand) -> None:
    stand.expect_fault('{"id":7,"connect":{}}')


@check("GL-CONN-004")
def test_a_second_connect_in_the_first_message_is_refused(stand: Stand) -> None:
    session = stand.unconnected()
    session.send({"id": 1, "connect": {}}, {"id": 2, "connect": {}})
    session.reply(1, requirement="GL-CONN-001").result("connect")
    session.closed_with(3501)
    assert not session.leftover_replies(), f"expected one connect reply, got {session.leftover_replies()}"


@check("GL-CONN-005")
def test_a_connect_without_id_is_refused(stand: Stand) -> None:
    for text in ('{"connect":{}}', '{"id":0,"connect":{}}', '{"id":null,"connect":{}}'):
        stand.expect_fault(text, before_connect=True)


@check("GL-CONN-006")
def test_the_announcement_of_pings_is_well_formed(session: Session) -> None:
    result = session.connect_result
    ping = result.get("ping", 1)
    assert isinstance(ping, int) and not isinstance(ping, bool), f"expected whole seconds, got {result}"  # noqa: PT018
    assert ping > 0, f"expected ping left out when there are none, got {result}"
    assert result.get("pong", True) is True, f"expected pong left out unless true, got {result}"
    assert "ping" in result or "pong" not in result, f"expected no pong without ping, got {result}"


@check("GL-CONN-007")
@generated(name=st.text("abcXYZ-_. é", max_size=16), version=st.text("0123456789.", max_size=8), data=json_values())
def test_optional_members_of_connect_change_nothing(stand: Stand, name: str, version: str, data: Any) -> None:  # noqa: ANN401
    session = stand.unconnected()
    session.connect({"name": name, "version": version, "data": data})
    assert session.client, f"expected a client, got {session.connect_result}"
    session.still_serves()
    stand.hang_up(session)


@check("GL-CONN-008")
def test_each_connection_has_a_client_of_its_own(stand: Stand) -> None:
    clients = [stand.connected().client for _ in range(4)]
    assert len(set(clients)) == len(clients), f"expected different clients, got {clients}"


@check("GL-CONN-009", lane=Lane.TIMER)
def test_a_connection_that_never_connects_is_closed_as_stale(stand: Stand, settings: Settings) -> None:
    limit_s = stand.stale_delay_s
    if limit_s is None:
        raise NotApplicableError("the stale delay is neither declared ([limits] stale_s) nor fixed by the profile")
    silent, speaking = stand.unconnected(), stand.connected()
    deadline = time.monotonic() + limit_s + settings.timeout
    closed = None
    while closed is None and time.monotonic() < deadline:
        closed = silent.run_until(time.monotonic() + _GLANCE_S)
        # Its pings want their pongs meanwhile.
        speaking.run_until(time.monotonic() + _GLANCE_S)
    assert closed is not None, f"expected close 3502 after {limit_s:g} s, it is still open"
    assert closed.code == 3502, f"expected close 3502, got {closed}"
    speaking.still_serves()


@check("GL-CONN-010", lane=Lane.TIMER)
def test_the_stale_delay_is_that_of_grafana(stand: Stand, settings: Settings) -> None:
    limit_s = stand.stale_delay_s
    assert limit_s is not None
    # The target's time begins somewhere between these two.
    before = time.monotonic()
    silent = stand.unconnected()
    opened = time.monotonic()
    closed = silent.run_until(opened + limit_s + settings.timeout)
    ended = time.monotonic()
    assert closed is not None, f"expected close 3502 after {limit_s:g} s, it is still open"
    assert closed.code == 3502, f"expected close 3502, got {closed}"
    assert ended - before >= limit_s - 0.1, f"expected the close after {limit_s:g} s, got {ended - before:.2f} s"
    assert ended - opened <= limit_s + _SLACK_S, f"expected the close after {limit_s:g} s, got {ended - opened:.2f} s"


@check("GL-CONN-012")
def test_a_connection_without_credentials_is_refused(stand: Stand, settings: Settings) -> None:
    if "Authorization" not in settings.headers:
        raise NotApplicableError("the run has no credentials to leave out")
    try:
        session = stand.unconnected(anonymous=True)
    except NotWebSocketError as error:
        assert error.status in {_UNAUTHORIZED, _FORBIDDEN}, f"expected HTTP 401 or 403, got {error}"
        return
    session.send({"id": 1, "connect": {}})
    closed = session.run_until(time.monotonic() + settings.quiet)
    if closed is None and any("connect" in reply.raw for reply in session.leftover_replies()):
        raise NotApplicableError("the target serves connections without credentials")
    session.closed_with(3501)


@check("GL-CONN-016")
def test_connect_and_commands_in_one_message_are_all_answered(stand: Stand) -> None:
    session = stand.unconnected()
    first, second = stand.fresh_channel(), stand.fresh_channel()
    session.send(
        {"id": 1, "connect": {}},
        {"id": 2, "subscribe": {"channel": first}},
        {"id": 3, "subscribe": {"channel": second}},
        {"id": 4, "unsubscribe": {"channel": session.unused_channel}},
    )
    session.reply(1).result("connect")
    session.reply(2).result("subscribe")
    session.reply(3).result("subscribe")
    session.reply(4).result("unsubscribe")


@check("GL-CONN-017")
def test_a_connect_of_protocol_v1_is_refused(stand: Stand) -> None:
    for text in ('{"id":1}', '{"id":1,"params":{}}', '{"id":1,"method":0,"params":{"name":"js"}}'):
        stand.expect_fault(text, before_connect=True)


@check("GL-CONN-018")
def test_grafana_announces_25_seconds_and_expects_pongs(session: Session) -> None:
    result = session.connect_result
    assert (result.get("ping"), result.get("pong")) == (25, True), f"expected ping 25 and pong true, got {result}"


@check("GL-CONN-019")
def test_grafana_leaves_out_what_it_does_not_use(session: Session) -> None:
    unused = {"version", "expires", "ttl", "subs", "session", "node"} & session.connect_result.keys()
    assert not unused, f"expected none of {sorted(unused)}, got {session.connect_result}"


@check("GL-CONN-020")
def test_grafana_needs_no_token(stand: Stand) -> None:
    session = stand.unconnected()
    session.connect({})
    session.still_serves()


@check("GL-CONN-022")
def test_a_fault_closes_only_its_own_connection(stand: Stand, channel: str) -> None:
    subscriber = stand.subscriber_of(channel)
    stand.expect_fault("[]")
    subscriber.still_serves()
    stand.delivers(subscriber, channel)
