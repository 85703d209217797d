"""CONN: connecting."""

from __future__ import annotations

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import check
from liveproto_conformance.session import Session


@check("GL-CONN-001")
def test_connect_is_answered(stand: Stand) -> None:
    session = stand.unconnected()
    reply = session.connect()
    assert isinstance(session.client, str), f"expected a client that is text, got {reply.raw}"
    assert session.client, f"expected a non-empty client, got {reply.raw}"


@check("GL-SUB-003")
def test_duplicate(session: Session, channel: str, stand: Stand) -> None:
    session.subscribe(channel)
    session.request("subscribe", {"channel": channel}).refused(105)
    stand.delivers(session, channel)
