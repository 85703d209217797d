"""Codes and their ranges, copied from centrifuge 0.35.0 errors.go and disconnect.go and from its SDKs."""

import pytest

from liveproto.wire import codes
from liveproto.wire.messages import Error

ERRORS = [
    (100, "internal server error", True),
    (101, "unauthorized", False),
    (102, "unknown channel", False),
    (103, "permission denied", False),
    (104, "method not found", False),
    (105, "already subscribed", False),
    (106, "limit exceeded", False),
    (107, "bad request", False),
    (108, "not available", False),
    (109, "token expired", False),
    (110, "expired", False),
    (111, "too many requests", True),
    (112, "unrecoverable position", False),
    (113, "concurrent pagination", True),
]
DISCONNECTS = [
    (3000, "connection closed"),
    (3001, "shutdown"),
    (3004, "internal server error"),
    (3005, "connection expired"),
    (3006, "subscription expired"),
    (3008, "slow"),
    (3009, "write error"),
    (3010, "insufficient state"),
    (3011, "force reconnect"),
    (3012, "no pong"),
    (3013, "too many requests"),
    (3014, "state invalidated"),
    (3500, "invalid token"),
    (3501, "bad request"),
    (3502, "stale"),
    (3503, "force disconnect"),
    (3504, "connection limit"),
    (3505, "channel limit"),
    (3506, "inappropriate protocol"),
    (3507, "permission denied"),
    (3508, "not available"),
    (3509, "too many errors"),
]


@pytest.mark.parametrize(("code", "message", "temporary"), ERRORS)
def test_protocol_error(code, message, temporary):
    error = codes.protocol_error(codes.ErrorCode(code))
    assert error == Error(code=code, message=message, temporary=temporary)


def test_no_other_protocol_errors():
    assert [int(code) for code in codes.ErrorCode] == [code for code, _, _ in ERRORS]
    assert sorted(codes.ERROR_MESSAGES) == [code for code, _, _ in ERRORS]


def test_registered_disconnects():
    assert [(known.code, known.reason) for known in codes.DISCONNECTS.values()] == DISCONNECTS
    assert list(codes.DISCONNECTS) == [code for code, _ in DISCONNECTS]


def test_a_message_over_the_limit_is_closed_by_the_transport():
    assert (codes.MESSAGE_SIZE.code, codes.MESSAGE_SIZE.reason) == (1009, "")


@pytest.mark.parametrize(
    ("code", "terminal"),
    [
        (0, False),
        (1000, False),
        (1006, False),
        (1008, False),
        (1009, True),
        (1010, False),
        (2999, False),
        (3000, False),
        (3499, False),
        (3500, True),
        (3999, True),
        (4000, False),
        (4499, False),
        (4500, True),
        (4999, True),
        (5000, False),
        (65535, False),
    ],
)
def test_terminal_closes(code, terminal):
    assert codes.close_is_terminal(code) is terminal


@pytest.mark.parametrize(("code", "final"), [(0, True), (2000, True), (2499, True), (2500, False), (2999, False)])
def test_final_unsubscribes(code, final):
    assert codes.unsubscribe_is_final(code) is final


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (Error(code=1), True),
        (Error(code=99), True),
        (Error(code=100), False),
        (Error(code=100, temporary=True), True),
        (Error(code=103), False),
        (Error(code=108), False),
        (Error(code=109), True),
        (Error(code=110), False),
        (Error(code=111, temporary=True), True),
        (Error(code=400), False),
        (Error(code=1001, temporary=True), True),
    ],
)
def test_errors_a_client_retries(error, temporary):
    assert codes.error_is_temporary(error) is temporary


def test_where_ranges_begin():
    assert codes.FIRST_APPLICATION_ERROR == 400
    assert codes.FIRST_PROTOCOL_CLOSE == 3000
