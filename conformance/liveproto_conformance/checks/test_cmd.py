"""CMD: rpc, send, presence, history, refresh."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from liveproto.grafana.release import Release
from liveproto_conformance.bench import Facts, Stand
from liveproto_conformance.check import NotApplicableError, check, generated
from liveproto_conformance.session import Reply, Session, object_at
from liveproto_conformance.strategies import json_values

_LOOKUPS: Final = ("presence", "presence_stats", "history")
_NOT_AVAILABLE: Final = 108
_RPC_REMOVED: Final = Release(12, 4)


@check("GL-CMD-001")
@generated(payloads=st.lists(json_values(1), min_size=10, max_size=10))
def test_an_rpc_is_answered(session: Session, payloads: list[Any]) -> None:
    commands = [session.command("rpc", {"method": "liveproto", "data": data}) for data in payloads]
    for reply in session.pipeline(commands):
        if reply.error is None:
            reply.result("rpc")
    session.still_serves()


@check("GL-CMD-002")
@generated(with_id=st.booleans(), data=json_values(1))
def test_a_send_is_never_answered(stand: Stand, with_id: bool, data: Any) -> None:  # noqa: ANN401, FBT001
    session = stand.connected()
    session.fence()
    session.send({"id": 77, "send": {"data": data}} if with_id else {"send": {"data": data}})
    try:
        session.fence()
    except AssertionError:
        session.closed_with(3508)
    answers = [reply.raw for reply in session.leftover_replies()] + session.unmatched
    assert not answers, f"expected no answer to send, got {answers}"
    stand.hang_up(session)


@check("GL-CMD-003")
def test_a_send_nobody_listens_to_closes_with_3508(stand: Stand) -> None:
    session = stand.connected()
    session.fence()
    session.send({"send": {"data": {}}})
    try:
        session.fence()
    except AssertionError:
        session.closed_with(3508)
        stand.connected().fence()
        return
    raise NotApplicableError("the target has a use for send")


@check("GL-CMD-004")
def test_presence_and_history_are_answered(session: Session, channel: str) -> None:
    for kind in _LOOKUPS:
        reply = session.request(kind, {"channel": channel})
        if reply.error is None:
            reply.result(kind)
        session.still_serves()


@check("GL-CMD-005")
def test_presence_and_history_without_channel_are_refused(stand: Stand) -> None:
    for kind in _LOOKUPS:
        _refused_or_absent(stand, kind, {})
        _refused_or_absent(stand, kind, {"channel": ""})


def _refused_or_absent(stand: Stand, kind: str, body: dict[str, Any]) -> None:
    """Fail unless the command is closed with 3501, or answered that there is no such feature."""
    session = stand.connected()
    session.fence()
    command = session.command(kind, body)
    session.send(command)
    try:
        reply = session.reply(command["id"])
    except AssertionError:
        session.closed_with(3501)
    else:
        reply.refused(_NOT_AVAILABLE)
        session.still_serves()
    stand.hang_up(session)


@check("GL-CMD-006")
def test_a_presence_result_is_keyed_by_client(session: Session, channel: str) -> None:
    session.subscribe(channel)
    result = _available(session.request("presence", {"channel": channel}), "presence")
    for client, info in object_at(result, "presence", "member").items():
        assert info.get("client") == client, f"expected client {client} repeated, got {info}"
        assert isinstance(info.get("user"), str), f"expected its user, got {info}"


def _available(reply: Reply, kind: str) -> dict[str, Any]:
    if reply.error is not None:
        raise NotApplicableError(f"{kind} was answered {reply.error.code} {reply.error.message}")
    return reply.result(kind)


@check("GL-CMD-007")
def test_a_refresh_nobody_expects_is_refused(stand: Stand) -> None:
    _refused_or_absent(stand, "refresh", {})
    _refused_or_absent(stand, "refresh", {"token": "liveproto"})


@check("GL-CMD-008")
def test_a_sub_refresh_of_what_is_not_subscribed_is_refused(session: Session, channel: str) -> None:
    session.request("sub_refresh", {"channel": channel, "token": "liveproto"}).refused(103, _NOT_AVAILABLE)
    session.still_serves()


@check("GL-CMD-009")
def test_a_ping_command_is_refused(stand: Stand) -> None:
    _refused_or_absent(stand, "ping", {})


@check("GL-CMD-010")
def test_grafana_has_no_presence_and_no_history(session: Session, channel: str) -> None:
    for kind in _LOOKUPS:
        session.request(kind, {"channel": channel}).refused(_NOT_AVAILABLE)


@check("GL-CMD-011")
@generated(methods=st.lists(st.text("abcdefgh.", max_size=12), min_size=10, max_size=10))
def test_grafana_knows_no_other_method(session: Session, methods: list[str], facts: Facts) -> None:
    removed = facts.version is not None and facts.version >= _RPC_REMOVED
    for reply in session.pipeline([session.command("rpc", {"method": method, "data": {}}) for method in methods]):
        reply.refused(*((104, _NOT_AVAILABLE) if removed else (104,)))


@check("GL-CMD-012")
def test_grafana_has_given_up_its_query_method(session: Session) -> None:
    session.request("rpc", {"method": "grafana.query", "data": {}}).refused(_NOT_AVAILABLE)


@check("GL-CMD-013")
def test_grafana_closes_on_send(stand: Stand) -> None:
    stand.expect_fault('{"send":{"data":{}}}', 3508)


@check("GL-CMD-014")
def test_grafana_refreshes_nothing(session: Session, channel: str) -> None:
    session.request("refresh", {"token": "liveproto"}).refused(_NOT_AVAILABLE)
    session.request("sub_refresh", {"channel": channel, "token": "liveproto"}).refused(_NOT_AVAILABLE)


@check("GL-CMD-015")
def test_history_without_limit_is_a_position_only(session: Session, channel: str) -> None:
    for body in ({"channel": channel}, {"channel": channel, "limit": 0}):
        result = _available(session.request("history", body), "history")
        assert result.get("publications") == [], f"expected no publications, got {result}"
        assert isinstance(result.get("epoch"), str), f"expected an epoch, got {result}"
        assert isinstance(result.get("offset"), int), f"expected an offset, got {result}"
