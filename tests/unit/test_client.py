"""The client's machine: every cell of its tables, by public calls and hand-written outcomes, then what each call does.

An outcome is what was sent (the name of a request, ``{}`` for a pong, ``close 1000``), then what was reported (an
event, the requirement violated, ``over 0``). Sources: SPEC.md, centrifuge-js 5.7.4 and centrifuge-python 0.7.0 as
recorded.
"""

import pytest
from msgspec import Raw
from support import CONNECTED, attempt, client_in, texts, told

from liveproto.errors import LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.client import DEFAULT_MAX_PING_DELAY_S, ClientProtocol
from liveproto.session.states import ClientInput, ClientState, SubscriptionInput
from liveproto.wire import messages as m

S = ClientState
FORBIDDEN = "raises GL-CONN-002"
EARLY = "close 1000 GL-CONN-003 over 2"
LOST = "close 1000 over 2"


def line(text):
    return lambda client: client.receive_batch(text, now=0.0)


def rpc_answered(client):
    """An rpc was sent where that is allowed; its reply comes."""
    attempt(client.request, m.RPCRequest())
    client.data_to_send()
    client.receive_batch('{"id":2,"rpc":{}}', now=0.0)


STIMULI = {
    "CONNECT": lambda client: attempt(client.connect, m.ConnectRequest()),
    "COMMAND": lambda client: attempt(client.request, m.RPCRequest()),
    "DISCONNECT": lambda client: client.disconnect(),
    "CONNECT_ACCEPTED": line('{"id":1,"connect":{"client":"u"}}'),
    "CONNECT_REFUSED": line('{"id":1,"error":{"code":109,"message":"token expired"}}'),
    "CONNECT_MALFORMED": line('{"id":1,"connect":{}}'),
    "REPLY": rpc_answered,
    "REPLY_UNKNOWN": line('{"id":77,"rpc":{}}'),
    "PUSH": line('{"push":{"message":{"data":1}}}'),
    "PING": line("{}"),
    "UNDECODABLE": line("[]"),
    "PING_OVERDUE": lambda client: client.handle_timeout(now=35.0),
    "TRANSPORT_CLOSED": lambda client: client.receive_close(1006, "", now=0.0),
}
UNREADABLE = "close 1000 GL-WIRE-031 over 2"
# Columns: input; NEW; CONNECTING; CONNECTED; CLOSED; FAILED. The id of connect is not in use before and after it.
GRID = [
    ("CONNECT", "connect", FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    ("COMMAND", FORBIDDEN, "rpc", "rpc", FORBIDDEN, FORBIDDEN),
    ("DISCONNECT", "close 1000 over 0", "close 1000 over 0", "close 1000 over 0", "", ""),
    ("CONNECT_ACCEPTED", EARLY, "Connected", "", "", ""),
    ("CONNECT_REFUSED", EARLY, "close 1000 over 109", "", "", ""),
    ("CONNECT_MALFORMED", EARLY, "close 1000 GL-CONN-001 over 2", "", "", ""),
    ("REPLY", EARLY, EARLY, "ReplyReceived", "", ""),
    ("REPLY_UNKNOWN", EARLY, EARLY, "", "", ""),
    ("PUSH", EARLY, EARLY, "PushReceived", "", ""),
    ("PING", EARLY, EARLY, "{}", "", ""),
    ("UNDECODABLE", UNREADABLE, UNREADABLE, UNREADABLE, "", ""),
    ("PING_OVERDUE", "", "", LOST, "", ""),
    ("TRANSPORT_CLOSED", "over 1006", "over 1006", "over 1006", "", ""),
]
COLUMNS = (S.NEW, S.CONNECTING, S.CONNECTED, S.CLOSED, S.FAILED)
CELLS = [
    pytest.param(row[0], state, expected, id=f"{state.name}-{row[0]}")
    for row in GRID
    for state, expected in zip(COLUMNS, row[1:], strict=True)
]


def state_after(before, outcome):
    """The state that an outcome tells."""
    if "over" in outcome:
        return S.FAILED if "GL-" in outcome else S.CLOSED
    return {"connect": S.CONNECTING, "Connected": S.CONNECTED}.get(outcome, before)


def test_the_grid_has_every_input():
    assert [row[0] for row in GRID] == [input_.name for input_ in ClientInput]
    assert list(COLUMNS) == list(ClientState)


@pytest.mark.parametrize(("input_", "state", "expected"), CELLS)
def test_cell_of_the_connection(input_, state, expected):
    client = client_in(state)
    raised = STIMULI[input_](client)
    assert (raised or told(client)) == expected
    assert client.state is state_after(state, expected)


# -- subscriptions -------------------------------------------------------------------------------------------------


def subscription_in(state, request=None):
    """A client whose channel c is in a state; its subscribe has id 2."""
    client = client_in(S.CONNECTED)
    client.subscribe(request or m.SubscribeRequest(channel="c"))
    if state == "UNSUBSCRIBED":
        client.unsubscribe("c")
    if state == "SUBSCRIBED":
        client.receive_batch('{"id":2,"subscribe":{}}', now=0.0)
    told(client)
    return client


PUBLICATION = '{"push":{"channel":"c","pub":{"data":1}}}'
RESUBSCRIBE = '{"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}}}'


def subscription_state(client):
    client.receive_batch(PUBLICATION, now=0.0)
    if told(client) == "":
        return "UNSUBSCRIBED"
    client.receive_batch(RESUBSCRIBE, now=0.0)
    return "SUBSCRIBED" if told(client) else "SUBSCRIBING"


SUBSCRIPTION_STIMULI = {
    "SUBSCRIBE": lambda client: attempt(client.subscribe, m.SubscribeRequest(channel="c")),
    "UNSUBSCRIBE": lambda client: attempt(client.unsubscribe, "c"),
    "ACCEPTED": line('{"id":2,"subscribe":{}}'),
    "REFUSED": line('{"id":2,"error":{"code":103,"message":"permission denied"}}'),
    "REVOKED": line('{"push":{"channel":"c","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}'),
    "RESUBSCRIBE": line(RESUBSCRIBE),
    "PUBLICATION": line(PUBLICATION),
}
# Columns: input; from UNSUBSCRIBED; from SUBSCRIBING; from SUBSCRIBED; each the outcome and the state after it.
# Once a subscribe is answered, a second reply has an id that is not in use.
TWICE, GOT = "raises GL-SUB-003", "PublicationReceived"
OUT, ASKED, IN = "UNSUBSCRIBED", "SUBSCRIBING", "SUBSCRIBED"
SUBSCRIPTION_GRID = [
    ("SUBSCRIBE", ("subscribe", ASKED), (TWICE, ASKED), (TWICE, IN)),
    ("UNSUBSCRIBE", (TWICE, OUT), ("unsubscribe", OUT), ("unsubscribe", OUT)),
    ("ACCEPTED", ("", OUT), ("Subscribed", IN), ("", IN)),
    ("REFUSED", ("", OUT), ("Unsubscribed", OUT), ("", IN)),
    ("REVOKED", ("", OUT), ("Unsubscribed", OUT), ("Unsubscribed", OUT)),
    ("RESUBSCRIBE", ("", OUT), ("", ASKED), ("subscribe Unsubscribed", ASKED)),
    ("PUBLICATION", ("", OUT), (GOT, ASKED), (GOT, IN)),
]
SUBSCRIPTION_CELLS = [
    pytest.param(input_, state, *cell, id=f"{state}-{input_}")
    for input_, *cells in SUBSCRIPTION_GRID
    for state, cell in zip((OUT, ASKED, IN), cells, strict=True)
]


def test_the_grid_has_every_input_of_a_subscription():
    assert [row[0] for row in SUBSCRIPTION_GRID] == [input_.name for input_ in SubscriptionInput]


@pytest.mark.parametrize(("input_", "state", "expected", "after"), SUBSCRIPTION_CELLS)
def test_cell_of_a_subscription(input_, state, expected, after):
    client = subscription_in(state)
    raised = SUBSCRIPTION_STIMULI[input_](client)
    assert (raised or told(client)) == expected
    assert subscription_state(client) == after
    assert client.state is S.CONNECTED


def test_a_reply_belongs_to_its_own_subscribe():
    """Subscribe, leave, subscribe: the first is refused, the second accepted (GL-WIRE-040)."""
    client = subscription_in("UNSUBSCRIBED")
    client.subscribe(m.SubscribeRequest(channel="c"))
    assert texts(client) == ['{"id":4,"subscribe":{"channel":"c"}}']
    client.receive_batch('{"id":2,"error":{"code":111,"message":"too many requests","temporary":true}}', now=0.0)
    assert (told(client), subscription_state(client)) == ("", "SUBSCRIBING")
    client.receive_batch('{"id":3,"unsubscribe":{}}\n{"id":4,"subscribe":{}}', now=0.0)
    assert (told(client), subscription_state(client)) == ("ReplyReceived Subscribed", "SUBSCRIBED")


def test_an_accepted_older_subscribe_does_not_count():
    client = subscription_in("UNSUBSCRIBED")
    client.subscribe(m.SubscribeRequest(channel="c"))
    client.receive_batch('{"id":2,"subscribe":{}}\n{"id":3,"unsubscribe":{}}', now=0.0)
    assert (told(client), subscription_state(client)) == ("subscribe ReplyReceived", "SUBSCRIBING")
    client.receive_batch('{"id":4,"error":{"code":103,"message":"permission denied"}}', now=0.0)
    assert (told(client), subscription_state(client)) == ("Unsubscribed", "UNSUBSCRIBED")


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (
            '{"code":103,"message":"permission denied"}',
            ev.Unsubscribed(channel="c", code=103, reason="permission denied", temporary=False),
        ),
        (
            '{"code":111,"message":"too many requests","temporary":true}',
            ev.Unsubscribed(channel="c", code=111, reason="too many requests", temporary=True),
        ),
        (
            '{"code":109,"message":"token expired"}',
            ev.Unsubscribed(channel="c", code=109, reason="token expired", temporary=True),
        ),
    ],
)
def test_a_refused_subscribe_says_whether_to_try_again(error, event):
    client = subscription_in("SUBSCRIBING")
    client.receive_batch(f'{{"id":2,"error":{error}}}', now=0.0)
    assert client.events() == [event]
    client.subscribe(m.SubscribeRequest(channel="c"))
    assert texts(client) == ['{"id":3,"subscribe":{"channel":"c"}}']


def test_a_renewed_subscribe_asks_for_the_same():
    request = m.SubscribeRequest(channel="c", token="t", data=Raw(b'{"a":1}'), join_leave=True)
    client = subscription_in("SUBSCRIBED", request)
    client.receive_batch(RESUBSCRIBE, now=0.0)
    assert texts(client) == ['{"id":3,"subscribe":{"channel":"c","token":"t","data":{"a":1},"join_leave":true}}']
    assert client.events() == [ev.Unsubscribed(channel="c", code=2500, reason="insufficient state", temporary=True)]
    client.receive_batch('{"id":3,"subscribe":{}}', now=0.0)
    assert client.events() == [ev.Subscribed(channel="c", result=m.SubscribeResult())]


def test_subscribed_carries_the_result_and_publications_their_data():
    client = subscription_in("SUBSCRIBING")
    client.receive_batch(PUBLICATION, now=0.0)
    client.receive_batch('{"id":2,"subscribe":{"epoch":"e","offset":3}}', now=0.0)
    client.receive_batch('{"push":{"channel":"c","pub":{"data":{ "a": null},"offset":4}}}', now=0.0)
    assert client.events() == [
        ev.PublicationReceived(channel="c", publication=m.Publication(data=Raw(b"1"))),
        ev.Subscribed(channel="c", result=m.SubscribeResult(epoch="e", offset=3)),
        ev.PublicationReceived(channel="c", publication=m.Publication(data=Raw(b'{ "a": null}'), offset=4)),
    ]


def test_a_subscribe_reply_without_result_counts_as_an_empty_one():
    client = subscription_in("SUBSCRIBING")
    client.receive_batch('{"id":2}', now=0.0)
    assert client.events() == [ev.Subscribed(channel="c", result=m.SubscribeResult())]


@pytest.mark.parametrize("call", ["subscribe", "unsubscribe"])
def test_a_channel_must_have_a_name(call):
    client = client_in(S.CONNECTED)
    argument = m.SubscribeRequest() if call == "subscribe" else ""
    assert attempt(getattr(client, call), argument) == "raises GL-SUB-002"
    assert (told(client), client.next_command_id) == ("", 2)


# -- commands ------------------------------------------------------------------------------------------------------


def test_bytes_of_commands_and_their_ids():
    client = ClientProtocol()
    assert client.connect(m.ConnectRequest(token="t")) == 1
    assert client.subscribe(m.SubscribeRequest(channel="c")) == 2
    assert client.publish(m.PublishRequest(channel="c", data=Raw(b'{\n"a":1}'))) == 3
    assert client.request(m.PresenceRequest(channel="c")) == 4
    assert client.unsubscribe("c") == 5
    assert client.next_command_id == 6
    assert client.data_to_send() == [
        ev.Batch(
            data=b'{"id":1,"connect":{"token":"t"}}\n'
            b'{"id":2,"subscribe":{"channel":"c"}}\n'
            b'{"id":3,"publish":{"channel":"c","data":{"a":1}}}\n'
            b'{"id":4,"presence":{"channel":"c"}}\n'
            b'{"id":5,"unsubscribe":{"channel":"c"}}'
        )
    ]
    assert client.data_to_send() == []


def test_replies_are_matched_by_id_and_not_by_order():
    client = client_in(S.CONNECTED)
    client.request(m.RPCRequest(method="a"))
    client.request(m.HistoryRequest(channel="c"))
    client.request(m.RPCRequest(method="b"))
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


@pytest.mark.parametrize("reply", ['{"id":2}', '{"id":2,"publish":{}}', '{"id":2,"foo":{}}'])
def test_a_reply_without_the_result_of_its_request_is_a_fault(reply):
    client = client_in(S.CONNECTED)
    client.request(m.RPCRequest())
    client.data_to_send()
    client.receive_batch(reply, now=0.0)
    assert told(client) == "close 1000 GL-WIRE-045 over 2"


@pytest.mark.parametrize(
    ("request_", "missing"),
    [(m.PublishRequest(data=Raw(b"1")), "channel"), (m.PublishRequest(channel="c"), "data")],
)
def test_a_publish_needs_a_channel_and_data(request_, missing):
    assert missing
    client = client_in(S.CONNECTED)
    with pytest.raises(LocalProtocolError, match=r"expected a channel and data to publish \(GL-PUB-003\)"):
        client.publish(request_)
    assert told(client) == ""


def test_ids_go_on_from_where_the_caller_says_and_never_become_zero():
    client = ClientProtocol(next_command_id=4294967295)
    assert client.connect(m.ConnectRequest()) == 4294967295
    assert client.request(m.RPCRequest()) == 1
    assert texts(client) == ['{"id":4294967295,"connect":{}}', '{"id":1,"rpc":{}}']


def test_misuse_names_the_command_and_the_state():
    with pytest.raises(LocalProtocolError) as caught:
        ClientProtocol().request(m.RPCRequest())
    assert str(caught.value) == (
        "expected a connection that may send \"rpc\", got one that is 'nothing sent' (GL-CONN-002)"
    )


@pytest.mark.parametrize("state", [S.NEW, S.CLOSED, S.FAILED])
def test_misuse_changes_nothing(state):
    client = client_in(state)
    before = client.next_command_id
    assert attempt(client.subscribe, m.SubscribeRequest(channel="c")) == FORBIDDEN
    assert attempt(client.unsubscribe, "c") == "raises GL-SUB-003"
    assert attempt(client.publish, m.PublishRequest(channel="c", data=Raw(b"1"))) == FORBIDDEN
    assert (told(client), client.state, client.next_command_id) == ("", state, before)


# -- input ---------------------------------------------------------------------------------------------------------


def test_connect_reply_and_replies_in_one_message():
    client = client_in(S.CONNECTING)
    client.subscribe(m.SubscribeRequest(channel="c"))
    client.data_to_send()
    client.receive_batch(f'{CONNECTED}\n{{"id":2,"subscribe":{{}}}}\n{PUBLICATION}', now=0.0)
    assert client.events() == [
        ev.Connected(result=m.ConnectResult(client="u", ping=25, pong=True)),
        ev.Subscribed(channel="c", result=m.SubscribeResult()),
        ev.PublicationReceived(channel="c", publication=m.Publication(data=Raw(b"1"))),
    ]


@pytest.mark.parametrize(
    ("error", "reconnect"),
    [
        ('{"code":109,"message":"token expired"}', True),
        ('{"code":100,"message":"internal server error","temporary":true}', True),
        ('{"code":101,"message":"unauthorized"}', False),
        ('{"code":110,"message":"expired"}', False),
        ('{"code":1,"message":"timeout"}', True),
    ],
)
def test_a_refused_connect_says_whether_to_connect_again(error, reconnect):
    client = client_in(S.CONNECTING)
    client.receive_batch(f'{{"id":1,"error":{error}}}', now=0.0)
    [over] = client.events()
    assert over.reconnect is reconnect
    assert client.data_to_send() == [ev.Close(code=1000, reason="")]


@pytest.mark.parametrize("reply", ['{"id":1}', '{"id":1,"connect":{}}', '{"id":1,"connect":{"client":""}}'])
def test_a_connect_reply_needs_a_client(reply):
    client = client_in(S.CONNECTING)
    client.receive_batch(reply, now=0.0)
    violated, _ = client.events()
    assert str(violated.error) == "got connect reply without result or client (GL-CONN-001)"


@pytest.mark.parametrize(
    "push",
    [
        '{"message":{}}',
        '{"refresh":{"expires":true,"ttl":100}}',
        '{"channel":"server-side","subscribe":{}}',
        '{"channel":"c","join":{"info":{"user":"1","client":"x"}}}',
        '{"channel":"c","leave":{"info":{"user":"1","client":"x"}}}',
    ],
)
def test_pushes_of_other_kinds_are_handed_on(push):
    client = subscription_in("SUBSCRIBED")
    client.receive_batch(f'{{"push":{push}}}', now=0.0)
    assert told(client) == "PushReceived"


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
        '{"push":{"channel":"other","leave":{"info":{"user":"1","client":"x"}}}}',
        '{"push":{"pub":{"data":1}}}',
        '{"id":9,"rpc":{}}',
        '{"id":9,"error":{"code":100,"message":"x"}}',
    ],
)
def test_what_nobody_waits_for_is_ignored(message):
    client = subscription_in("SUBSCRIBED")
    client.receive_batch(message, now=0.0)
    assert (told(client), client.state) == ("", S.CONNECTED)


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
    client = subscription_in("SUBSCRIBED")
    client.receive_batch(data, now=0.0)
    assert told(client) == f"close 1000 {before}GL-WIRE-031 over 2"
    client.receive_batch(PUBLICATION, now=0.0)
    assert told(client) == ""


def test_a_violation_says_where_and_what():
    client = client_in(S.CONNECTED)
    client.receive_batch("{}\n[]", now=0.0)
    violated, over = client.events()
    assert str(violated.error) == "line 2: Expected `object`, got `array` (GL-WIRE-031)"
    assert violated.error.disconnect is None
    assert over == ev.Disconnected(code=2, reason="bad protocol", reconnect=False)


def test_replies_behind_a_fault_have_no_effect():
    client = client_in(S.CONNECTING)
    client.receive_batch(f"{{}}\n{CONNECTED}\n[]", now=0.0)
    assert told(client) == EARLY


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
    client = client_in(S.CONNECTED, max_ping_delay_s=5.0)
    assert client.next_timeout() == 30.0
    client.receive_batch(PUBLICATION, now=29.0)
    assert client.next_timeout() == 59.0
    client.handle_timeout(now=58.9)
    assert told(client) == ""
    client.handle_timeout(now=59.0)
    assert client.events() == [ev.Disconnected(code=2, reason="no ping", reconnect=True)]
    assert client.data_to_send() == [ev.Close(code=1000, reason="")]
    assert client.next_timeout() is None


def test_the_default_delay_is_that_of_the_sdks():
    assert DEFAULT_MAX_PING_DELAY_S == 10.0
    assert client_in(S.CONNECTED).next_timeout() == 35.0


# -- the end -------------------------------------------------------------------------------------------------------


def test_disconnect_sends_what_was_queued_and_then_closes():
    client = client_in(S.CONNECTED)
    client.publish(m.PublishRequest(channel="c", data=Raw(b"1")))
    client.disconnect()
    client.disconnect()
    assert client.data_to_send() == [
        ev.Batch(data=b'{"id":2,"publish":{"channel":"c","data":1}}'),
        ev.Close(code=1000, reason=""),
    ]
    assert client.events() == [ev.Disconnected(code=0, reason="disconnect called", reconnect=False)]
    client.receive_close(1000, "", now=0.0)
    assert (client.data_to_send(), client.events(), client.next_timeout()) == ([], [], None)


@pytest.mark.parametrize(
    ("code", "reason", "reconnect"),
    [
        (1006, "", True),
        (1000, "", True),
        (1009, "", False),
        (3001, "shutdown", True),
        (3012, "no pong", True),
        (3501, "bad request", False),
        (4000, "custom", True),
        (4500, "custom", False),
        (5000, "custom", True),
    ],
)
def test_a_closed_transport_says_whether_to_connect_again(code, reason, reconnect):
    client = client_in(S.CONNECTED)
    client.receive_close(code, reason, now=0.0)
    client.receive_close(1006, "", now=0.0)
    assert client.events() == [ev.Disconnected(code=code, reason=reason, reconnect=reconnect)]
    assert (client.data_to_send(), client.next_timeout()) == ([], None)
