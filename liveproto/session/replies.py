"""Replies to inputs: which row of the client's table a reply belongs to.

Theory. As ``liveproto.session.classify`` does for commands: everything a cell would otherwise have to ask is asked
here, once, and the answer is exactly one input, so that the tables need no conditions. The functions are pure.

Source: centrifuge-js 5.7.4 centrifuge.ts, in the order of its checks: a push, then a ping, then a reply by its id.
"""

from __future__ import annotations

from liveproto.session.states import ClientInput, SubscriptionInput
from liveproto.wire import codes
from liveproto.wire import messages as m


def classify(reply: m.Reply, request: m.Request | None) -> ClientInput:
    """Name the input that a reply is, given the request that waits under its id."""
    if reply.push is not None:
        return ClientInput.CHANNEL_PUSH if reply.push.channel else ClientInput.PUSH
    if reply.id == 0:
        return ClientInput.PING
    if request is None:
        return ClientInput.REPLY_UNKNOWN
    if not isinstance(request, m.ConnectRequest):
        return ClientInput.REPLY
    if reply.error is not None:
        temporary = codes.error_is_temporary(reply.error)
        return ClientInput.CONNECT_REFUSED_FOR_NOW if temporary else ClientInput.CONNECT_REFUSED
    accepted = reply.connect is not None and reply.connect.client
    return ClientInput.CONNECT_ACCEPTED if accepted else ClientInput.CONNECT_MALFORMED


def classify_subscribe(reply: m.Reply) -> SubscriptionInput:
    """Name the input that the reply to a subscribe is; one without result counts as an empty one."""
    if reply.error is None:
        return SubscriptionInput.ACCEPTED
    if reply.error.code == codes.ErrorCode.ALREADY_SUBSCRIBED:
        return SubscriptionInput.REFUSED_TWICE
    temporary = codes.error_is_temporary(reply.error)
    return SubscriptionInput.REFUSED_FOR_NOW if temporary else SubscriptionInput.REFUSED


def result_of(reply: m.Reply, request: m.Request) -> m.Result | None:
    """Find the result that has the name of the request (GL-WIRE-045)."""
    result: m.Result | None = getattr(reply, m.REQUEST_FIELDS[type(request)])
    return result


def cause_of(reply: m.Reply, otherwise: codes.Disconnect) -> codes.Disconnect:
    """Take code and text of an error reply, where there is one."""
    return otherwise if reply.error is None else codes.Disconnect(reply.error.code, reply.error.message)


def token_has_expired(reply: m.Reply) -> bool:
    """Tell whether a reply asks for a newer token."""
    return reply.error is not None and reply.error.code == codes.ErrorCode.TOKEN_EXPIRED
