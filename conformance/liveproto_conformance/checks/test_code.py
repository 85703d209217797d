"""CODE: errors and closes."""

from __future__ import annotations

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import check, given_that
from liveproto_conformance.session import Json, Session, dumps


@check("GL-CODE-007")
def test_an_error_reply_leaves_the_connection_open(session: Session, channel: str) -> None:
    with given_that("GL-SUB-001"):
        session.subscribe(channel)
    with given_that("GL-SUB-003"):
        session.request("subscribe", {"channel": channel}).refused()
    session.still_serves()
    session.unsubscribe(channel)


@check("GL-CODE-008")
def test_answers_before_a_bad_command_are_sent_before_the_close(stand: Stand) -> None:
    session = stand.unconnected()
    commands: list[Json] = [
        {"id": 1, "connect": {}},
        {"id": 2, "unsubscribe": {"channel": session.unused_channel}},
        {"id": 3, "unsubscribe": {"channel": session.unused_channel}},
        {"id": 4, "connect": {}},
    ]
    session.send_raw("\n".join(map(dumps, commands)))
    session.reply(1).result("connect")
    session.reply(2).result("unsubscribe")
    session.reply(3).result("unsubscribe")
    session.closed_with(3501)


@check("GL-CODE-015")
def test_a_command_closed_for_its_fault_gets_no_reply(stand: Stand) -> None:
    for text in ('{"id":7,"connect":{}}', '{"id":7}', '{"id":7,"unsubscribe":{}}', '{"id":7,"publish":{"data":1}}'):
        stand.expect_fault(text)
