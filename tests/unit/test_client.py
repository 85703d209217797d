"""The client's machine: every cell of its table, by public calls and hand-written outcomes, then what each call does.

An outcome is what was sent (the name of a request, ``{}`` for a pong, ``open``, ``close 1000``), then what was reported
(an event with its code, the requirement violated, ``over 0``), then, where it moves, the state that follows. Sources:
SPEC.md, the Client SDK specification, centrifuge-js 5.7.4 and centrifuge-python 0.7.0 as recorded.
"""

import itertools
import json

import pytest
from msgspec import Raw
from support import CONNECTED, attempt, client_in, new_client, texts, told

from liveproto.errors import LimitExceededError, LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.session.client_options import ClientLimits, ClientTiming
from liveproto.session.states import ClientInput, ClientState
from liveproto.wire import messages as m

S = ClientState
EXPIRING = '{"id":1,"connect":{"client":"u","ping":25,"pong":true,"expires":true,"ttl":10}}'
EXPIRED = '"error":{"code":109,"message":"token expired"}'
DENIED = '"error":{"code":103,"message":"permission denied"}'
BUSY = '"error":{"code":111,"message":"too many requests","temporary":true}'
RPC = m.RPCRequest()
C = m.SubscribeRequest(channel="c")
PUBLICATION = '{"push":{"channel":"c","pub":{"data":1}}}'


def line(text):
    return lambda client: client.receive_batch(text, now=0.0)


def at(seconds):
    return lambda client: client.handle_timeout(now=seconds)


def prepared(client, *calls):
    """Do what a stimulus needs before, where that is allowed, and forget what came of it."""
    for call, *arguments in calls:
        attempt(call, *arguments, now=0.0)
    told(client)
    return client


def token_asked(client):
    if client.state is S.CONNECTED:
        client.handle_timeout(now=10.0)
        told(client)
    return client


def refresh_refused(client):
    if client.state is S.CONNECTED:
        prepared(token_asked(client), (client.provide_token, "t"))
    client.receive_batch(f'{{"id":2,{DENIED}}}', now=0.0)


def subscribe_answered(client):
    prepared(client, (client.subscribe, C)).receive_batch('{"id":2,"subscribe":{}}', now=0.0)


def unsubscribe_refused(client):
    prepared(client, (client.subscribe, C), (client.unsubscribe, "c")).receive_batch(f'{{"id":3,{DENIED}}}', now=0.0)


def due_with_an_expired_token(client):
    if client.state is S.WAITING:
        client.handle_timeout(now=0.75)
        client.receive_open(now=1.0)
        client.receive_batch(f'{{"id":2,{EXPIRED}}}', now=1.0)
        told(client)
    client.handle_timeout(now=3.0)


STIMULI = {
    "CONNECT": lambda client: attempt(client.connect, m.ConnectRequest(), now=0.0),
    "DISCONNECT": lambda client: client.disconnect(),
    "COMMAND": lambda client: attempt(client.request, RPC, now=0.0),
    "SEND": lambda client: attempt(client.send, m.SendRequest()),
    "TOKEN": lambda client: token_asked(client).provide_token("t", now=0.0),
    "TOKEN_EMPTY": lambda client: token_asked(client).provide_token("", now=0.0),
    "OPENED": lambda client: attempt(client.receive_open, now=0.0),
    "CONNECT_ACCEPTED": line('{"id":1,"connect":{"client":"u"}}'),
    "CONNECT_REFUSED_FOR_NOW": line(f'{{"id":1,{BUSY}}}'),
    "CONNECT_REFUSED": line(f'{{"id":1,{DENIED}}}'),
    "CONNECT_MALFORMED": line('{"id":1,"connect":{}}'),
    "REPLY": subscribe_answered,
    "REPLY_UNKNOWN": line('{"id":77,"rpc":{}}'),
    "CHANNEL_PUSH": line('{"push":{"channel":"c","subscribe":{}}}'),
    "PUSH": line('{"push":{"message":{"data":1}}}'),
    "PING": line("{}"),
    "UNDECODABLE": line("[]"),
    "UNSUBSCRIBE_FAILED": unsubscribe_refused,
    "REFRESH_REFUSED": refresh_refused,
    "TRANSPORT_LOST": lambda client: client.receive_close(1006, "", now=0.0),
    "TRANSPORT_CLOSED": lambda client: client.receive_close(3501, "bad request", now=0.0),
    "RETRY_DUE": at(0.75),
    "RETRY_DUE_EXPIRED": due_with_an_expired_token,
    "CONNECT_OVERDUE": at(5.0),
    "SUBSCRIBE_OVERDUE": lambda client: prepared(client, (client.subscribe, C)).handle_timeout(now=5.0),
    "PING_OVERDUE": at(35.0),
    "TOKEN_DUE": at(10.0),
}
CONN_1, CONN_3, WIRE_31 = (
    f"close 1000 {id_} over 2 > DISCONNECTED" for id_ in ("GL-CONN-001", "GL-CONN-003", "GL-WIRE-031")
)
TWICE, OFF, UNASKED = "raises GL-CLIENT-001", "raises GL-CLIENT-009", "raises GL-CLIENT-004"
GIVES_UP = "close 1000 ConnectFailed(1) > WAITING"
STOPS, CLOSES = "over 0 > DISCONNECTED", "close 1000 over 0 > DISCONNECTED"
OPENS, LOST, OVER = "open > OPENING", "ConnectFailed(2) > WAITING", "over 3501 > DISCONNECTED"
# Columns: input; DISCONNECTED; WAITING; ASKING; OPENING; CONNECTING; CONNECTED. Without a transport a line is dropped;
# the id of connect is in use only before its reply; who waits to connect does so at 0.75, whatever else is asked then.
GRID = [
    ("CONNECT", "open Connecting(0) > OPENING", TWICE, TWICE, TWICE, TWICE, TWICE),
    ("DISCONNECT", "", STOPS, STOPS, CLOSES, CLOSES, CLOSES),
    ("COMMAND", OFF, "", "", "", "", "rpc"),
    ("SEND", OFF, OFF, OFF, OFF, OFF, "send"),
    ("TOKEN", "", "", OPENS, "", "", "refresh"),
    ("TOKEN_EMPTY", "", "", "over 1 > DISCONNECTED", "", "", "close 1000 over 1 > DISCONNECTED"),
    ("OPENED", UNASKED, UNASKED, UNASKED, "connect > CONNECTING", UNASKED, UNASKED),
    ("CONNECT_ACCEPTED", "", "", "", "", "Connected > CONNECTED", ""),
    ("CONNECT_REFUSED_FOR_NOW", "", "", "", "", "close 1000 ConnectFailed(111) > WAITING", ""),
    ("CONNECT_REFUSED", "", "", "", "", "close 1000 over 103 > DISCONNECTED", ""),
    ("CONNECT_MALFORMED", "", "", "", "", CONN_1, ""),
    ("REPLY", "", "", "", "", CONN_3, "Subscribed"),
    ("REPLY_UNKNOWN", "", "", "", "", "", ""),
    ("CHANNEL_PUSH", "", "", "", "", "PushReceived", "PushReceived"),
    ("PUSH", "", "", "", "", CONN_3, "PushReceived"),
    ("PING", "", "", "", "", CONN_3, "{}"),
    ("UNDECODABLE", "", "", "", "", WIRE_31, WIRE_31),
    ("UNSUBSCRIBE_FAILED", "", "", "", "", CONN_3, "close 1000 Connecting(4) > WAITING"),
    ("REFRESH_REFUSED", "", "", "", "", "", "close 1000 over 103 > DISCONNECTED"),
    ("TRANSPORT_LOST", "", "", "", LOST, LOST, "Connecting(1) > WAITING"),
    ("TRANSPORT_CLOSED", "", "", "", OVER, OVER, OVER),
    ("RETRY_DUE", "", OPENS, "", "", "", ""),
    ("RETRY_DUE_EXPIRED", "", "TokenRequested > ASKING", "", "", "", ""),
    ("CONNECT_OVERDUE", "", OPENS, "", GIVES_UP, GIVES_UP, ""),
    ("SUBSCRIBE_OVERDUE", "", OPENS, "", GIVES_UP, GIVES_UP, "close 1000 Connecting(3) > WAITING"),
    ("PING_OVERDUE", "", OPENS, "", GIVES_UP, GIVES_UP, "close 1000 Connecting(2) > WAITING"),
    ("TOKEN_DUE", "", OPENS, "", GIVES_UP, GIVES_UP, "TokenRequested"),
]
CELLS = [
    pytest.param(row[0], state, expected, id=f"{state.name}-{row[0]}")
    for row in GRID
    for state, expected in zip(ClientState, row[1:], strict=True)
]


def test_the_grid_has_every_input():
    assert [row[0] for row in GRID] == [input_.name for input_ in ClientInput]


@pytest.mark.parametrize(("input_", "state", "expected"), CELLS)
def test_cell(input_, state, expected):
    outcome, _, after = expected.partition(" > ")
    client = client_in(state, connected=EXPIRING)
    raised = STIMULI[input_](client)
    assert (raised or told(client)) == outcome
    assert client.state is (S[after] if after else state)


# -- connecting ----------------------------------------------------------------------------------------------------


def test_a_session_byte_by_byte():
    client = new_client()
    client.subscribe(m.SubscribeRequest(channel="a", data=Raw(b'{\n"n":1}')), now=0.0)
    client.connect(m.ConnectRequest(token="t", name="js"), now=0.0)
    assert client.data_to_send() == [ev.Open()]
    client.receive_open(now=0.1)
    assert client.data_to_send() == [
        ev.Batch(
            data=b'{"id":1,"connect":{"token":"t","name":"js"}}\n{"id":2,"subscribe":{"channel":"a","data":{"n":1}}}'
        )
    ]
    client.receive_batch(f'{CONNECTED}\n{{"id":2,"subscribe":{{"epoch":"e"}}}}\n{{}}', now=0.2)
    assert client.publish(m.PublishRequest(channel="a", data=Raw(b"1")), now=0.3) == 3
    assert client.request(m.PresenceRequest(channel="a"), now=0.3) == 4
    client.send(m.SendRequest(data=Raw(b"2")))
    client.unsubscribe("a", now=0.3)
    assert client.data_to_send() == [
        ev.Batch(
            data=b'{}\n{"id":3,"publish":{"channel":"a","data":1}}\n{"id":4,"presence":{"channel":"a"}}\n'
            b'{"send":{"data":2}}\n{"id":5,"unsubscribe":{"channel":"a"}}'
        )
    ]
    assert client.events() == [
        ev.Subscribing(channel="a", code=0, reason="subscribe called"),
        ev.Connecting(code=0, reason="connect called"),
        ev.Connected(result=m.ConnectResult(client="u", ping=25, pong=True)),
        ev.Subscribed(channel="a", result=m.SubscribeResult(epoch="e")),
        ev.Unsubscribed(channel="a", code=0, reason="unsubscribe called"),
    ]
    assert (client.events(), client.data_to_send()) == ([], [])


def test_the_state_of_an_attempt_is_told_and_the_next_one_follows():
    client = client_in(S.CONNECTING)
    client.receive_batch(f'{{"id":1,{BUSY}}}', now=1.0)
    assert client.events() == [ev.ConnectFailed(code=111, reason="too many requests")]
    assert client.data_to_send() == [ev.Close(code=1000, reason="")]
    assert client.next_timeout() == 1.75
    client.handle_timeout(now=1.7)
    assert (told(client), client.state) == ("", S.WAITING)
    client.handle_timeout(now=1.75)
    assert (told(client), client.next_timeout()) == ("open", 6.75)


def test_waits_grow_until_a_connection_is_made_and_begin_again():
    client = client_in(S.CONNECTED, fractions=itertools.repeat(0.999))
    waits, now = [], 0.0
    for _ in range(8):
        client.receive_close(1006, "", now=now)
        waits.append(round(client.next_timeout() - now, 1))
        now = client.next_timeout()
        client.handle_timeout(now=now)
    assert waits == [1.0, 1.5, 2.5, 4.5, 8.5, 16.5, 20.0, 20.0]
    client.receive_open(now=now)
    client.receive_batch(CONNECTED.replace('"id":1', '"id":2'), now=now)
    client.receive_close(1006, "", now=now)
    assert round(client.next_timeout() - now, 1) == 1.0


def test_waits_begin_again_when_the_caller_connects_anew():
    client = client_in(S.OPENING)
    for now in (0.0, 10.0):
        client.receive_close(1006, "", now=now)
        client.handle_timeout(now=now + 9.0)
    client.disconnect()
    client.connect(m.ConnectRequest(), now=20.0)
    client.receive_close(1006, "", now=20.0)
    assert client.next_timeout() == 20.75


def test_waits_are_the_callers_choice():
    timing = ClientTiming(min_delay_s=0.1, max_delay_s=0.12, command_timeout_s=2.0)
    client = client_in(S.OPENING, timing=timing)
    assert client.next_timeout() == 2.0
    client.receive_close(1006, "", now=1.0)
    assert client.next_timeout() == pytest.approx(1.12)


@pytest.mark.parametrize(
    ("error", "code", "stops"),
    [
        ('{"code":100,"message":"internal server error","temporary":true}', 100, False),
        ('{"code":109,"message":"token expired"}', 109, False),
        ('{"code":1,"message":"timeout"}', 1, False),
        ('{"code":101,"message":"unauthorized"}', 101, True),
        ('{"code":110,"message":"expired"}', 110, True),
    ],
)
def test_a_refused_connect(error, code, stops):
    client = client_in(S.CONNECTING)
    client.receive_batch(f'{{"id":1,"error":{error}}}', now=0.0)
    assert client.state is (S.DISCONNECTED if stops else S.WAITING)
    assert [event.code for event in client.events()] == [code]
    assert client.data_to_send() == [ev.Close(code=1000, reason="")]


CLOSES_OF_A_SERVER = [
    (1000, "", 1, "transport closed", S.WAITING),
    (1006, "", 1, "transport closed", S.WAITING),
    (1009, "", 3, "message size limit exceeded", S.DISCONNECTED),
    (2999, "x", 1, "transport closed", S.WAITING),
    (3001, "shutdown", 3001, "shutdown", S.WAITING),
    (3012, "no pong", 3012, "no pong", S.WAITING),
    (3499, "x", 3499, "x", S.WAITING),
    (3500, "x", 3500, "x", S.DISCONNECTED),
    (3501, "", 3501, "", S.DISCONNECTED),
    (3999, "x", 3999, "x", S.DISCONNECTED),
    (4000, "x", 4000, "x", S.WAITING),
    (4499, "x", 4499, "x", S.WAITING),
    (4500, "x", 4500, "x", S.DISCONNECTED),
    (4999, "x", 4999, "x", S.DISCONNECTED),
    (5000, "x", 5000, "x", S.WAITING),
]


@pytest.mark.parametrize(("code", "reason", "told_code", "told_reason", "after"), CLOSES_OF_A_SERVER)
def test_a_connection_that_is_closed(code, reason, told_code, told_reason, after):
    client = client_in(S.CONNECTED)
    client.receive_close(code, reason, now=0.0)
    client.receive_close(1006, "", now=0.0)
    stopped = ev.Disconnected(code=told_code, reason=told_reason, reconnect=False)
    going_on = ev.Connecting(code=told_code, reason=told_reason)
    assert client.events() == [stopped if after is S.DISCONNECTED else going_on]
    assert (client.state, client.data_to_send()) == (after, [])


@pytest.mark.parametrize(
    ("code", "reason", "event"),
    [
        (1006, "", ev.ConnectFailed(code=2, reason="transport closed")),
        (3001, "shutdown", ev.ConnectFailed(code=3001, reason="shutdown")),
        (3504, "connection limit", ev.Disconnected(code=3504, reason="connection limit", reconnect=False)),
    ],
)
def test_an_attempt_that_is_closed(code, reason, event):
    client = client_in(S.CONNECTING)
    client.receive_close(code, reason, now=0.0)
    assert client.events() == [event]


def test_what_was_queued_is_sent_before_the_close():
    client = client_in(S.CONNECTED)
    client.publish(m.PublishRequest(channel="c", data=Raw(b"1")), now=0.0)
    client.disconnect()
    client.disconnect()
    assert client.data_to_send() == [
        ev.Batch(data=b'{"id":2,"publish":{"channel":"c","data":1}}'),
        ev.Close(code=1000, reason=""),
    ]
    client.receive_batch(PUBLICATION, now=0.0)
    client.receive_close(1000, "", now=0.0)
    assert client.events() == [
        ev.CommandFailed(command_id=2, code=11, reason="connection closed"),
        ev.Disconnected(code=0, reason="disconnect called", reconnect=False),
    ]
    assert (client.data_to_send(), client.next_timeout()) == ([], None)


def test_what_was_queued_for_a_transport_that_ended_is_not_sent_on_the_next():
    client = client_in(S.CONNECTED)
    client.request(RPC, now=0.0)
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=0.75)
    client.receive_open(now=0.8)
    assert texts(client) == ["OPEN", '{"id":3,"connect":{}}']


def test_a_client_connects_anew_after_it_was_told_to_stop():
    client = client_in(S.CONNECTED)
    client.subscribe(C, now=0.0)
    client.disconnect()
    assert (told(client), list(client.subscriptions)) == ("subscribe close 1000 Subscribing(0) over 0", ["c"])
    client.connect(m.ConnectRequest(name="again"), now=5.0)
    client.receive_open(now=5.0)
    assert texts(client) == ["OPEN", '{"id":3,"connect":{"name":"again"}}', '{"id":4,"subscribe":{"channel":"c"}}']


@pytest.mark.parametrize("state", [S.WAITING, S.ASKING, S.OPENING, S.CONNECTING, S.CONNECTED])
def test_a_disconnect_is_the_caller_s(state):
    client = client_in(state)
    client.disconnect()
    assert client.events() == [ev.Disconnected(code=0, reason="disconnect called", reconnect=False)]


@pytest.mark.parametrize("state", [S.OPENING, S.CONNECTING])
def test_an_attempt_that_takes_too_long_says_so(state):
    client = client_in(state)
    client.handle_timeout(now=5.0)
    assert client.events() == [ev.ConnectFailed(code=1, reason="timeout")]


@pytest.mark.parametrize("early", ['{"id":77,"rpc":{}}', '{"push":{"channel":"feed","pub":{"data":1}}}'])
def test_what_nobody_waits_for_before_the_connect_reply_is_no_ping(early):
    client = client_in(S.CONNECTED)
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=0.75)
    client.receive_open(now=1.0)
    told(client)
    client.receive_batch(early, now=1.0)
    assert (told(client), client.state) == ("", S.CONNECTING)
    client.receive_batch('{"id":2,"connect":{"client":"u","subs":{"feed":{}}}}', now=1.0)
    assert client.state is S.CONNECTED


# -- faults of a server --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", ['{"id":1}', '{"id":1,"connect":{}}', '{"id":1,"connect":{"client":""}}'])
def test_a_connect_reply_needs_a_client(reply):
    client = client_in(S.CONNECTING)
    client.receive_batch(reply, now=0.0)
    violated, over = client.events()
    assert str(violated.error) == "got connect reply without result or client (GL-CONN-001)"
    assert over == ev.Disconnected(code=2, reason="bad protocol", reconnect=False)


@pytest.mark.parametrize(
    ("data", "before"),
    [
        ("", ""),
        ("\n", ""),
        (f"{PUBLICATION}\n\n", "PublicationReceived "),
        (f"{PUBLICATION}\nnull\n{PUBLICATION}", "PublicationReceived "),
        (b"\xff", ""),
        ("\ud800", ""),
    ],
)
def test_what_comes_before_a_bad_line_keeps_its_effect(data, before):
    client = client_in(S.CONNECTED)
    subscribe_answered(client)
    told(client)
    client.receive_batch(data, now=0.0)
    assert told(client) == f"close 1000 {before}GL-WIRE-031 Subscribing(1) over 2"
    client.receive_batch(PUBLICATION, now=0.0)
    assert told(client) == ""


def test_a_violation_says_where_and_what():
    client = client_in(S.CONNECTED)
    client.receive_batch("{}\n[]", now=0.0)
    violated, _ = client.events()
    assert str(violated.error) == "line 2: Expected `object`, got `array` (GL-WIRE-031)"
    assert violated.error.disconnect is None


def test_replies_behind_a_fault_have_no_effect():
    client = client_in(S.CONNECTING)
    client.receive_batch(f"{{}}\n{CONNECTED}\n[]", now=0.0)
    assert told(client) == "close 1000 GL-CONN-003 over 2"


@pytest.mark.parametrize("reply", ['{"id":2}', '{"id":2,"publish":{}}', '{"id":2,"foo":{}}'])
def test_a_reply_without_the_result_of_its_request_is_a_fault(reply):
    client = client_in(S.CONNECTED)
    client.request(RPC, now=0.0)
    client.data_to_send()
    client.receive_batch(reply, now=0.0)
    assert told(client) == "close 1000 GL-WIRE-045 over 2"


@pytest.mark.parametrize(
    "message",
    [
        '{"push":{}}',
        '{"push":{"channel":"c"}}',
        '{"push":{"channel":"c","zzz":{}}}',
        '{"push":{"channel":"other","pub":{"data":1}}}',
        '{"push":{"channel":"other","unsubscribe":{"code":2000,"reason":"x"}}}',
        '{"push":{"channel":"other","unsubscribe":{"code":2500,"reason":"x"}}}',
        '{"push":{"channel":"other","join":{"info":{"user":"1","client":"x"}}}}',
        '{"push":{"pub":{"data":1}}}',
        '{"id":9,"rpc":{}}',
        '{"id":9,"error":{"code":100,"message":"x"}}',
    ],
)
def test_what_nobody_waits_for_is_ignored(message):
    client = client_in(S.CONNECTED)
    subscribe_answered(client)
    told(client)
    client.receive_batch(message, now=0.0)
    assert (told(client), client.state) == ("", S.CONNECTED)


@pytest.mark.parametrize(
    "push", ['{"message":{}}', '{"refresh":{"expires":true,"ttl":100}}', '{"channel":"server-side","subscribe":{}}']
)
def test_pushes_of_no_subscription_are_handed_on(push):
    client = client_in(S.CONNECTED)
    client.receive_batch(f'{{"push":{push}}}', now=0.0)
    assert told(client) == "PushReceived"


# -- commands ------------------------------------------------------------------------------------------------------


def test_replies_are_matched_by_id_and_not_by_order():
    client = client_in(S.CONNECTED)
    client.request(m.RPCRequest(method="a"), now=0.0)
    client.request(m.HistoryRequest(channel="c"), now=0.0)
    client.request(m.RPCRequest(method="b"), now=0.0)
    client.receive_batch('{"id":4,"rpc":{"data":1}}\n{"id":2,"error":{"code":1001,"message":"application"}}', now=0.0)
    client.receive_batch('{"id":3,"history":{"publications":[],"epoch":"e","offset":0}}\n', now=0.0)
    assert client.events() == [
        ev.ReplyReceived(command_id=4, result=m.RPCResult(data=Raw(b"1"))),
        ev.ErrorReceived(command_id=2, error=m.Error(code=1001, message="application")),
        ev.ReplyReceived(command_id=3, result=m.HistoryResult(publications=[], epoch="e", offset=0)),
    ]
    client.data_to_send()
    client.receive_batch('{"id":4,"rpc":{}}', now=0.0)
    assert told(client) == ""


@pytest.mark.parametrize("state", [S.WAITING, S.ASKING, S.OPENING, S.CONNECTING])
def test_a_command_is_held_until_the_client_is_connected(state):
    client = client_in(state)
    held = client.request(RPC, now=0.5)
    assert told(client) == ""
    if state is S.ASKING:
        client.provide_token("t", now=1.0)
    client.handle_timeout(now=1.0)
    attempt(client.receive_open, now=1.0)
    sent = [json.loads(text) for text in texts(client) if text != "OPEN"]
    connect = next((command["id"] for command in sent if "connect" in command), 1)
    client.receive_batch(CONNECTED.replace('"id":1', f'"id":{connect}'), now=2.0)
    assert texts(client) == [f'{{"id":{held},"rpc":{{}}}}']
    client.receive_batch(f'{{"id":{held},"rpc":{{}}}}', now=3.0)
    assert client.events()[-1] == ev.ReplyReceived(command_id=held, result=m.RPCResult())


def test_a_held_command_fails_with_the_client_and_survives_a_failed_attempt():
    client = client_in(S.OPENING)
    client.request(RPC, now=0.0)
    client.receive_close(1006, "", now=0.0)
    assert told(client) == "ConnectFailed(2)"
    client.disconnect()
    assert client.events() == [
        ev.CommandFailed(command_id=1, code=3, reason="client disconnected"),
        ev.Disconnected(code=0, reason="disconnect called", reconnect=False),
    ]


def test_a_command_that_is_not_answered_in_time_fails_and_its_late_reply_is_ignored():
    client = client_in(S.CONNECTED)
    client.request(RPC, now=1.0)
    assert (told(client), client.next_timeout()) == ("rpc", 6.0)
    client.handle_timeout(now=5.9)
    assert told(client) == ""
    client.handle_timeout(now=6.0)
    assert client.events() == [ev.CommandFailed(command_id=2, code=1, reason="timeout")]
    client.receive_batch('{"id":2,"rpc":{}}', now=6.1)
    assert (told(client), client.state) == ("", S.CONNECTED)


def test_a_held_command_that_waits_too_long_fails():
    client = client_in(S.ASKING)
    client.request(RPC, now=1.0)
    client.handle_timeout(now=6.0)
    assert client.events() == [ev.CommandFailed(command_id=2, code=1, reason="timeout")]


def test_commands_end_with_their_connection_and_are_not_sent_again():
    client = client_in(S.CONNECTED)
    client.request(RPC, now=0.0)
    client.receive_close(3001, "shutdown", now=0.0)
    assert client.events() == [
        ev.CommandFailed(command_id=2, code=11, reason="connection closed"),
        ev.Connecting(code=3001, reason="shutdown"),
    ]


@pytest.mark.parametrize("request_", [m.PublishRequest(data=Raw(b"1")), m.PublishRequest(channel="c")])
def test_a_publish_needs_a_channel_and_data(request_):
    client = client_in(S.CONNECTED)
    with pytest.raises(LocalProtocolError, match=r"expected a channel and data to publish \(GL-PUB-003\)"):
        client.publish(request_, now=0.0)
    assert told(client) == ""


def test_misuse_names_the_command_and_the_state():
    with pytest.raises(LocalProtocolError) as caught:
        new_client().request(RPC, now=0.0)
    assert str(caught.value) == 'expected a client that may take "rpc", got one disconnected (GL-CLIENT-009)'


def test_ids_go_on_from_where_the_caller_says():
    client = new_client(first_command_id=4294967295)
    client.connect(m.ConnectRequest(), now=0.0)
    client.subscribe(C, now=0.0)
    client.receive_open(now=0.0)
    assert texts(client) == ["OPEN", '{"id":4294967295,"connect":{}}', '{"id":1,"subscribe":{"channel":"c"}}']


# -- tokens --------------------------------------------------------------------------------------------------------


def test_an_expired_token_is_asked_for_before_the_next_attempt_and_used():
    client = client_in(S.CONNECTING)
    client.receive_batch(f'{{"id":1,{EXPIRED}}}', now=0.0)
    assert told(client) == "close 1000 ConnectFailed(109)"
    client.handle_timeout(now=0.75)
    assert (client.events(), client.next_timeout()) == ([ev.TokenRequested()], None)
    client.provide_token("new", now=9.0)
    client.receive_open(now=9.0)
    assert texts(client) == ["OPEN", '{"id":2,"connect":{"token":"new"}}']


def test_a_token_that_comes_before_it_is_asked_for_is_used():
    client = client_in(S.CONNECTING)
    client.receive_batch(f'{{"id":1,{EXPIRED}}}', now=0.0)
    client.provide_token("new", now=0.5)
    client.handle_timeout(now=0.75)
    client.receive_open(now=0.8)
    assert texts(client) == ["CLOSE 1000 ", "OPEN", '{"id":2,"connect":{"token":"new"}}']


def test_a_new_connect_brings_a_token_of_its_own():
    client = client_in(S.ASKING)
    client.disconnect()
    client.connect(m.ConnectRequest(), now=1.0)
    client.receive_open(now=1.0)
    client.receive_close(1006, "", now=1.0)
    told(client)
    client.handle_timeout(now=5.0)
    assert told(client) == "open"


def test_a_connection_that_expires_is_refreshed_in_time():
    client = client_in(S.CONNECTED, connected=EXPIRING)
    assert client.next_timeout() == 10.0
    client.handle_timeout(now=10.0)
    assert (told(client), client.next_timeout()) == ("TokenRequested", 35.0)
    client.provide_token("new", now=11.0)
    assert texts(client) == ['{"id":2,"refresh":{"token":"new"}}']
    client.receive_batch('{"id":2,"refresh":{"expires":true,"ttl":20}}', now=12.0)
    assert (told(client), client.next_timeout()) == ("", 32.0)
    client.handle_timeout(now=32.0)
    client.provide_token("newer", now=32.0)
    client.receive_batch('{"id":3,"refresh":{}}', now=32.0)
    assert (told(client), client.next_timeout()) == ("refresh TokenRequested", 67.0)


@pytest.mark.parametrize(
    ("fail", "event"),
    [
        (line(f'{{"id":2,{BUSY}}}'), ev.RefreshFailed(channel="", code=111, reason="too many requests")),
        (at(5.0), ev.RefreshFailed(channel="", code=1, reason="timeout")),
    ],
)
def test_a_refresh_that_fails_for_now_is_tried_again_with_another_token(fail, event):
    client = token_asked(client_in(S.CONNECTED, connected='{"id":1,"connect":{"client":"u","expires":true,"ttl":1}}'))
    client.provide_token("new", now=0.0)
    client.data_to_send()
    fail(client)
    assert client.events() == [event]
    due = client.next_timeout()
    assert due in {7.5, 12.5}
    client.handle_timeout(now=due)
    assert told(client) == "TokenRequested"


@pytest.mark.parametrize("state", [S.ASKING, S.CONNECTED])
def test_who_has_no_token_is_unauthorized(state):
    client = token_asked(client_in(state, connected=EXPIRING))
    client.provide_token("", now=10.0)
    assert client.events() == [ev.Disconnected(code=1, reason="unauthorized", reconnect=False)]


def test_a_token_that_was_asked_for_on_a_connection_now_lost_is_kept_for_the_next():
    client = token_asked(client_in(S.CONNECTED, connected=EXPIRING))
    client.receive_close(1006, "", now=10.0)
    client.provide_token("new", now=10.0)
    client.handle_timeout(now=11.0)
    client.receive_open(now=11.0)
    assert texts(client) == ["OPEN", '{"id":2,"connect":{"token":"new"}}']


def test_tokens_of_a_subscription_are_its_own():
    client = client_in(S.CONNECTED)
    client.subscribe(C, now=0.0)
    client.receive_batch('{"id":2,"subscribe":{"expires":true,"ttl":10}}', now=0.0)
    for now, reply in ((10.0, '{"id":3,"sub_refresh":{"expires":true,"ttl":1}}'), (11.0, "{}")):
        client.handle_timeout(now=now)
        client.provide_token("new", channel="c", now=now)
        client.receive_batch(reply, now=now)
    told(client)
    client.handle_timeout(now=16.0)
    assert client.events() == [ev.RefreshFailed(channel="c", code=1, reason="timeout")]


@pytest.mark.parametrize(("left", "after"), [(False, S.WAITING), (True, S.CONNECTED)])
def test_a_subscribe_that_is_not_answered_matters_while_it_is_wanted(left, after):
    client = client_in(S.CONNECTED)
    client.subscribe(C, now=0.0)
    if left:
        client.unsubscribe("c", now=0.0)
        client.receive_batch('{"id":3,"unsubscribe":{}}', now=0.0)
    client.handle_timeout(now=5.0)
    assert client.state is after


def test_an_unsubscribe_that_is_not_answered_ends_the_connection():
    client = client_in(S.CONNECTED)
    subscribe_answered(client)
    client.unsubscribe("c", now=0.0)
    told(client)
    client.handle_timeout(now=5.0)
    assert client.events() == [ev.Connecting(code=4, reason="unsubscribe error")]


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "pong", "overdue"),
    [
        ('{"client":"u","ping":25,"pong":true}', ["{}"], 36.0),
        ('{"client":"u","ping":2}', [], 13.0),
        ('{"client":"u","pong":true}', ["{}"], None),
        ('{"client":"u"}', [], None),
    ],
)
def test_pings_are_answered_when_the_server_asks_for_it(result, pong, overdue):
    client = client_in(S.CONNECTED, connected=f'{{"id":1,"connect":{result}}}')
    client.receive_batch("{}", now=1.0)
    assert texts(client) == pong
    assert client.next_timeout() == overdue
    assert client.events() == []


def test_a_ping_in_the_message_of_the_connect_reply_is_answered():
    client = client_in(S.CONNECTING)
    client.receive_batch(f"{CONNECTED}\n{{}}", now=0.0)
    assert texts(client) == ["{}"]


def test_every_message_counts_against_silence():
    client = client_in(S.CONNECTED, timing=ClientTiming(max_ping_delay_s=5.0))
    assert client.next_timeout() == 30.0
    client.receive_batch(PUBLICATION, now=29.0)
    assert client.next_timeout() == 59.0
    client.handle_timeout(now=58.9)
    assert told(client) == ""
    client.handle_timeout(now=59.0)
    assert client.events() == [ev.Connecting(code=2, reason="no ping")]
    assert client.data_to_send() == [ev.Close(code=1000, reason="")]
    assert client.next_timeout() == 59.75


def test_a_silence_of_the_last_connection_does_not_count_on_the_next():
    client = client_in(S.CONNECTED)
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=1.0)
    client.receive_open(now=1.0)
    client.receive_batch('{"id":9,"rpc":{}}', now=1.0)
    assert client.next_timeout() == 6.0


# -- limits --------------------------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused_before_any_effect():
    client = client_in(S.CONNECTED, limits=ClientLimits(message_bytes=60))
    text = "x" * 40
    calls = [
        (client.request, m.RPCRequest(method=text)),
        (client.publish, m.PublishRequest(channel=text, data=Raw(b"1"))),
        (client.subscribe, m.SubscribeRequest(channel=text)),
        (client.provide_token, text),
    ]
    for call, argument in calls:
        with pytest.raises(LimitExceededError, match=r"message_bytes: got \d+, expected at most 60"):
            call(argument, now=0.0)
    with pytest.raises(LimitExceededError):
        client.send(m.SendRequest(data=Raw(b'"%s"' % text.encode() * 2)))
    assert (told(client), client.subscriptions) == ("", {})


def test_a_connect_that_is_too_large_is_refused():
    client = new_client(limits=ClientLimits(message_bytes=60))
    with pytest.raises(LimitExceededError):
        client.connect(m.ConnectRequest(token="x" * 60), now=0.0)
    assert (client.state, told(client)) == (S.DISCONNECTED, "")


def test_commands_and_channels_are_limited():
    client = client_in(S.CONNECTED, limits=ClientLimits(commands=3, channels=1))
    client.subscribe(C, now=0.0)
    with pytest.raises(LimitExceededError, match="channels: got 2, expected at most 1"):
        client.subscribe(m.SubscribeRequest(channel="d"), now=0.0)
    client.request(RPC, now=0.0)
    client.unsubscribe("c", now=0.0)
    for call, argument in ((client.request, RPC), (client.subscribe, C)):
        with pytest.raises(LimitExceededError, match="commands: got 4, expected at most 3"):
            call(argument, now=0.0)


def test_messages_are_within_the_limit():
    client = client_in(S.CONNECTED, limits=ClientLimits(message_bytes=70))
    for number in range(5):
        client.publish(m.PublishRequest(channel="c", data=Raw(b"%d" % number)), now=0.0)
    batches = [output.data for output in client.data_to_send()]
    assert max(map(len, batches)) <= 70
    assert len(batches) == 5
    assert [json.loads(line)["publish"]["data"] for batch in batches for line in batch.split(b"\n")] == [0, 1, 2, 3, 4]


def test_defaults():
    client = ClientProtocol(fractions=iter([]))
    assert (client.state, client.subscriptions, client.next_timeout()) == (S.DISCONNECTED, {}, None)
    assert (client.events(), client.data_to_send()) == ([], [])
