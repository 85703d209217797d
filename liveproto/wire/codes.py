"""Error, disconnect and unsubscribe codes of protocol V2, and what their ranges mean.

Sources: centrifuge 0.35.0 errors.go, disconnect.go, unsubscribe.go; the ranges as its SDKs apply them.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from liveproto.wire.messages import Error


class ErrorCode(enum.IntEnum):
    """Codes of an error reply that the protocol itself defines; applications use 400 to 1999."""

    INTERNAL = 100
    UNAUTHORIZED = 101
    UNKNOWN_CHANNEL = 102
    PERMISSION_DENIED = 103
    METHOD_NOT_FOUND = 104
    ALREADY_SUBSCRIBED = 105
    LIMIT_EXCEEDED = 106
    BAD_REQUEST = 107
    NOT_AVAILABLE = 108
    TOKEN_EXPIRED = 109
    EXPIRED = 110
    TOO_MANY_REQUESTS = 111
    UNRECOVERABLE_POSITION = 112
    CONCURRENT_PAGINATION = 113


ERROR_MESSAGES: Final = {
    ErrorCode.INTERNAL: "internal server error",
    ErrorCode.UNAUTHORIZED: "unauthorized",
    ErrorCode.UNKNOWN_CHANNEL: "unknown channel",
    ErrorCode.PERMISSION_DENIED: "permission denied",
    ErrorCode.METHOD_NOT_FOUND: "method not found",
    ErrorCode.ALREADY_SUBSCRIBED: "already subscribed",
    ErrorCode.LIMIT_EXCEEDED: "limit exceeded",
    ErrorCode.BAD_REQUEST: "bad request",
    ErrorCode.NOT_AVAILABLE: "not available",
    ErrorCode.TOKEN_EXPIRED: "token expired",
    ErrorCode.EXPIRED: "expired",
    ErrorCode.TOO_MANY_REQUESTS: "too many requests",
    ErrorCode.UNRECOVERABLE_POSITION: "unrecoverable position",
    ErrorCode.CONCURRENT_PAGINATION: "concurrent pagination",
}

TEMPORARY_ERRORS: Final = frozenset({ErrorCode.INTERNAL, ErrorCode.TOO_MANY_REQUESTS, ErrorCode.CONCURRENT_PAGINATION})

FIRST_APPLICATION_ERROR: Final = 400
"""Error codes from here on belong to the application."""


def protocol_error(code: ErrorCode) -> Error:
    """Make the error record of a protocol code, with its message and temporary flag (GL-CODE-002)."""
    return Error(code=code, message=ERROR_MESSAGES[code], temporary=code in TEMPORARY_ERRORS)


@attrs.frozen
class Disconnect:
    """A close code with its reason, as both stand in the Close frame."""

    code: int
    reason: str


CONNECTION_CLOSED: Final = Disconnect(3000, "connection closed")
"""A local marker, never sent (GL-CODE-006)."""
SHUTDOWN: Final = Disconnect(3001, "shutdown")
INTERNAL_SERVER_ERROR: Final = Disconnect(3004, "internal server error")
EXPIRED: Final = Disconnect(3005, "connection expired")
SUBSCRIPTION_EXPIRED: Final = Disconnect(3006, "subscription expired")
SLOW: Final = Disconnect(3008, "slow")
WRITE_ERROR: Final = Disconnect(3009, "write error")
INSUFFICIENT_STATE: Final = Disconnect(3010, "insufficient state")
FORCE_RECONNECT: Final = Disconnect(3011, "force reconnect")
NO_PONG: Final = Disconnect(3012, "no pong")
TOO_MANY_REQUESTS: Final = Disconnect(3013, "too many requests")
STATE_INVALIDATED: Final = Disconnect(3014, "state invalidated")
INVALID_TOKEN: Final = Disconnect(3500, "invalid token")
BAD_REQUEST: Final = Disconnect(3501, "bad request")
STALE: Final = Disconnect(3502, "stale")
FORCE_DISCONNECT: Final = Disconnect(3503, "force disconnect")
CONNECTION_LIMIT: Final = Disconnect(3504, "connection limit")
CHANNEL_LIMIT: Final = Disconnect(3505, "channel limit")
INAPPROPRIATE_PROTOCOL: Final = Disconnect(3506, "inappropriate protocol")
PERMISSION_DENIED: Final = Disconnect(3507, "permission denied")
NOT_AVAILABLE: Final = Disconnect(3508, "not available")
TOO_MANY_ERRORS: Final = Disconnect(3509, "too many errors")

MESSAGE_SIZE: Final = Disconnect(1009, "")
"""A message over the size limit is closed on the WebSocket level, without a Centrifuge code (GL-WIRE-025)."""

DISCONNECTS: Final = {
    disconnect.code: disconnect
    for disconnect in (
        CONNECTION_CLOSED,
        SHUTDOWN,
        INTERNAL_SERVER_ERROR,
        EXPIRED,
        SUBSCRIPTION_EXPIRED,
        SLOW,
        WRITE_ERROR,
        INSUFFICIENT_STATE,
        FORCE_RECONNECT,
        NO_PONG,
        TOO_MANY_REQUESTS,
        STATE_INVALIDATED,
        INVALID_TOKEN,
        BAD_REQUEST,
        STALE,
        FORCE_DISCONNECT,
        CONNECTION_LIMIT,
        CHANNEL_LIMIT,
        INAPPROPRIATE_PROTOCOL,
        PERMISSION_DENIED,
        NOT_AVAILABLE,
        TOO_MANY_ERRORS,
    )
}
"""The registered disconnects by code."""

FIRST_PROTOCOL_CLOSE: Final = 3000
"""Close codes from here on are Centrifuge's and the application's; below, the transport's."""

_TERMINAL_CLOSES: Final = (range(3500, 4000), range(4500, 5000))
_FIRST_RESUBSCRIBE: Final = 2500


def close_is_terminal(code: int) -> bool:
    """Tell whether a client must not connect again after a close code (GL-CODE-009, GL-CODE-010)."""
    return code == MESSAGE_SIZE.code or any(code in codes for codes in _TERMINAL_CLOSES)


def unsubscribe_is_final(code: int) -> bool:
    """Tell whether an unsubscribe push ends the subscription, or asks to subscribe again (GL-SUB-026)."""
    return code < _FIRST_RESUBSCRIBE


def error_is_temporary(error: Error) -> bool:
    """Tell whether a client retries after an error reply (GL-SUB-028, GL-CODE-011)."""
    return error.temporary or error.code < ErrorCode.INTERNAL or error.code == ErrorCode.TOKEN_EXPIRED
