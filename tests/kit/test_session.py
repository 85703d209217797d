"""A conversation whose other side is gone."""

from unittest.mock import Mock

import pytest

from liveproto_conformance.drive.websocket import Closed, ConnectionEndedError, Ending
from liveproto_conformance.session import Session

CLOSED = Closed(3501, "bad request", Ending.CLOSE_FRAME)


def session_with_who_is_gone(*, noticed):
    """A session, and what it tells of its traffic; its end was noticed, or shows when it is read."""
    ended = ConnectionEndedError(CLOSED)
    connection, wire = Mock(lines=0), Mock()
    connection.send.side_effect = ended if noticed else None
    connection.receive.side_effect = ended
    return Session(connection, wire, timeout_s=1, unused_channel="c"), wire


@pytest.mark.parametrize("noticed", [False, True])
def test_a_request_to_who_is_gone_is_a_reply_that_did_not_come(noticed):
    session, wire = session_with_who_is_gone(noticed=noticed)
    with pytest.raises(AssertionError, match=r"^expected a reply with id 1, got close 3501 'bad request'$"):
        session.request("rpc", {})
    wire.sent.assert_called_once_with(session, '{"id":1,"rpc":{}}', stimulus=True)
    wire.closed.assert_called_once_with(session, CLOSED)


def test_what_is_sent_raw_to_who_is_gone_has_no_answer():
    session, wire = session_with_who_is_gone(noticed=True)
    with pytest.raises(ConnectionEndedError):
        session.send_raw("{}")
    wire.closed.assert_called_once_with(session, CLOSED)
