"""The server's machine: every cell of its tables, by public calls and hand-written outcomes, then what each call does.

An outcome is what was sent (``error 105``, the name of a result, ``{}`` for a ping, ``close 3501``), then what was
reported (an event, the requirement violated, ``over 3501``). Sources: SPEC.md, and centrifuge 0.35.0 as recorded.
"""

import attrs
import pytest
from msgspec import Raw
from support import CONNECT, CONNECTED, answer, attempt, play, server_in, texts, told

from liveproto.errors import LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.server import EVERYTHING, Limits, ServerProtocol, Timing
from liveproto.session.states import ChannelInput, ServerInput, ServerState
from liveproto.wire import codes
from liveproto.wire import messages as m

S = ServerState
QUICK = Timing(ping_interval_s=2.0, pong_timeout_s=1.0, stale_delay_s=100.0)
WITHOUT_PINGS = Timing(ping_interval_s=0.0)
FEW = frozenset({m.SubscribeRequest})


def line(text):
    return lambda server: server.receive_batch(text, now=0.0)


def at(now):
    return lambda server: server.handle_timeout(now=now)


def answered(*texts_of_commands):
    """Send commands and accept what they ask for."""

    def run(server):
        play(server, *texts_of_commands)

    return run


def nothing(_):
    """Prepare nothing."""


def expiring(server):
    """A subscription that expires, so that sub_refresh is expected."""
    line('{"id":2,"subscribe":{"channel":"c"}}')(server)
    server.accept(ev.Ticket(2), m.SubscribeResult(expires=True, ttl=2), now=0.0)


def push_too_much(server):
    return attempt(server.push, m.Push(message=m.Message(data=Raw(b'"' + b"x" * 60 + b'"'))))


def hold_too_much(server):
    server.receive_batch('{"id":2,"rpc":{}}\n' * 4, now=0.0)


@attrs.frozen(kw_only=True)
class Stimulus:
    """How an input comes about: preparation where the state is CONNECTED, then the input itself."""

    apply: object
    prepare: object = nothing
    options: dict = attrs.Factory(dict)
    instead: dict = attrs.Factory(dict)


def take_connect(server):
    return attempt(server.accept, ev.Ticket(1), m.ConnectResult(client="u"), now=0.0)


def refuse_connect(server):
    return attempt(server.refuse, ev.Ticket(1), m.Error(code=110, message="expired"), now=0.0)


STIMULI = {
    "CONNECT": Stimulus(apply=line('{"id":9,"connect":{}}')),
    "CONNECT_WITHOUT_ID": Stimulus(apply=line('{"connect":{}}')),
    "SUBSCRIBE": Stimulus(apply=line('{"id":2,"subscribe":{"channel":"c"}}')),
    "SUBSCRIBE_TOO_LONG": Stimulus(
        apply=line('{"id":2,"subscribe":{"channel":"ccccc"}}'), options={"limits": Limits(channel_bytes=4)}
    ),
    "SUBSCRIBE_OVER_LIMIT": Stimulus(
        apply=line('{"id":2,"subscribe":{"channel":"c"}}'), options={"limits": Limits(channels=0)}
    ),
    "REQUEST": Stimulus(apply=line('{"id":2,"rpc":{"data":1}}')),
    "REQUEST_NOT_AVAILABLE": Stimulus(apply=line('{"id":2,"rpc":{"data":1}}'), options={"serves": FEW}),
    "WITHOUT_ID": Stimulus(apply=line('{"rpc":{"data":1}}')),
    "SUBSCRIBE_INCOMPLETE": Stimulus(apply=line('{"id":2,"subscribe":{}}')),
    "SUBSCRIBE_DELTA_UNKNOWN": Stimulus(apply=line('{"id":2,"subscribe":{"channel":"c","delta":"zzz"}}')),
    "UNSUBSCRIBE_INCOMPLETE": Stimulus(apply=line('{"id":2,"unsubscribe":{}}')),
    "PUBLISH_INCOMPLETE": Stimulus(apply=line('{"id":2,"publish":{"data":1}}')),
    "PUBLISH_WITHOUT_DATA": Stimulus(apply=line('{"id":2,"publish":{"channel":"c"}}')),
    "LOOKUP_INCOMPLETE": Stimulus(apply=line('{"id":2,"presence":{}}')),
    "REFRESH_UNEXPECTED": Stimulus(apply=line('{"id":2,"refresh":{"token":"x"}}')),
    "SUB_REFRESH_NOT_SUBSCRIBED": Stimulus(apply=line('{"id":2,"sub_refresh":{"channel":"c","token":"t"}}')),
    # Before there is a subscription, a sub_refresh is one of a channel not subscribed.
    "SUB_REFRESH_WITHOUT_TOKEN": Stimulus(apply=line('{"id":3,"sub_refresh":{"channel":"c"}}'), prepare=expiring),
    "SEND": Stimulus(apply=line('{"send":{"data":1}}')),
    "SEND_NOT_AVAILABLE": Stimulus(apply=line('{"send":{"data":1}}'), options={"serves": FEW}),
    # Before the first ping no pong is due.
    "PONG": Stimulus(apply=line("{}"), prepare=at(1.0), options={"timing": QUICK}),
    "PONG_UNEXPECTED": Stimulus(apply=line("{}")),
    "UNKNOWN": Stimulus(apply=line('{"id":2,"foo":{}}')),
    "UNDECODABLE": Stimulus(apply=line('{"id":2')),
    "OVERSIZE": Stimulus(apply=line(" " * 41), options={"limits": Limits(message_bytes=40)}),
    "ACCEPT": Stimulus(apply=take_connect),
    "REFUSE": Stimulus(apply=refuse_connect),
    "DISCONNECT": Stimulus(apply=lambda server: server.disconnect(codes.FORCE_DISCONNECT)),
    "PING_DUE": Stimulus(apply=at(1.0), options={"timing": QUICK}),
    "PONG_OVERDUE": Stimulus(apply=at(2.0), prepare=at(1.0), options={"timing": QUICK}),
    "STALE": Stimulus(apply=at(15.0), options={"timing": WITHOUT_PINGS}),
    "SUBSCRIBE_OVERDUE": Stimulus(
        apply=at(5.0),
        prepare=line('{"id":2,"subscribe":{"channel":"c"}}\n{"id":3,"unsubscribe":{"channel":"c"}}\n{"id":4,"rpc":{}}'),
    ),
    # What is pushed is queued, what comes while connecting is held; elsewhere there is nothing to overflow.
    "OVERFLOW": Stimulus(
        apply=push_too_much,
        options={"limits": Limits(queue_bytes=60, held_bytes=70)},
        instead={S.CONNECTING: hold_too_much},
    ),
}

FIRST = "close 3501 GL-CONN-002 over 3501"
HELD = "held, then "
GONE = ""
NO_TICKET = "raises GL-WIRE-044"
NOT_YET = "raises GL-CONN-003"


def bad(requirement):
    return f"close 3501 {requirement} over 3501"


# Columns: input; OPEN; CONNECTING; CONNECTED; REFUSED; CLOSED; FAILED. Held: what follows the connect reply then.
GRID = [
    ("CONNECT", "ConnectRequested", HELD + bad("GL-CONN-004"), bad("GL-CONN-004"), "", GONE, GONE),
    ("CONNECT_WITHOUT_ID", bad("GL-CONN-005"), HELD + bad("GL-CONN-005"), bad("GL-CONN-005"), "", GONE, GONE),
    ("SUBSCRIBE", FIRST, HELD + "SubscribeRequested", "SubscribeRequested", "", GONE, GONE),
    ("SUBSCRIBE_TOO_LONG", FIRST, HELD + "error 107", "error 107", "", GONE, GONE),
    ("SUBSCRIBE_OVER_LIMIT", FIRST, HELD + "error 106", "error 106", "", GONE, GONE),
    ("REQUEST", FIRST, HELD + "CommandRequested", "CommandRequested", "", GONE, GONE),
    ("REQUEST_NOT_AVAILABLE", FIRST, HELD + "error 108", "error 108", "", GONE, GONE),
    ("WITHOUT_ID", FIRST, HELD + bad("GL-WIRE-038"), bad("GL-WIRE-038"), "", GONE, GONE),
    ("SUBSCRIBE_INCOMPLETE", FIRST, HELD + bad("GL-SUB-002"), bad("GL-SUB-002"), "", GONE, GONE),
    ("SUBSCRIBE_DELTA_UNKNOWN", FIRST, HELD + bad("GL-SUB-030"), bad("GL-SUB-030"), "", GONE, GONE),
    ("UNSUBSCRIBE_INCOMPLETE", FIRST, HELD + bad("GL-SUB-012"), bad("GL-SUB-012"), "", GONE, GONE),
    ("PUBLISH_INCOMPLETE", FIRST, HELD + bad("GL-PUB-003"), bad("GL-PUB-003"), "", GONE, GONE),
    ("PUBLISH_WITHOUT_DATA", FIRST, HELD + bad("GL-PUB-004"), bad("GL-PUB-004"), "", GONE, GONE),
    ("LOOKUP_INCOMPLETE", FIRST, HELD + bad("GL-CMD-005"), bad("GL-CMD-005"), "", GONE, GONE),
    ("REFRESH_UNEXPECTED", FIRST, HELD + bad("GL-CMD-007"), bad("GL-CMD-007"), "", GONE, GONE),
    ("SUB_REFRESH_NOT_SUBSCRIBED", FIRST, HELD + "error 103", "error 103", "", GONE, GONE),
    ("SUB_REFRESH_WITHOUT_TOKEN", FIRST, HELD + "error 103", "error 107", "", GONE, GONE),
    ("SEND", FIRST, HELD + "SendReceived", "SendReceived", "", GONE, GONE),
    ("SEND_NOT_AVAILABLE", FIRST, HELD + "close 3508 over 3508", "close 3508 over 3508", "", GONE, GONE),
    ("PONG", FIRST, HELD + bad("GL-PING-004"), "", "", GONE, GONE),
    ("PONG_UNEXPECTED", FIRST, HELD + bad("GL-PING-004"), bad("GL-PING-004"), "", GONE, GONE),
    ("UNKNOWN", FIRST, HELD + bad("GL-WIRE-043"), bad("GL-WIRE-043"), "", GONE, GONE),
    ("UNDECODABLE", bad("GL-WIRE-013"), HELD + bad("GL-WIRE-013"), bad("GL-WIRE-013"), "", GONE, GONE),
    ("OVERSIZE", *["close 1009 over 1009"] * 4, GONE, GONE),
    ("ACCEPT", NO_TICKET, "connect", NO_TICKET, NO_TICKET, GONE, GONE),
    ("REFUSE", NO_TICKET, "error 110", NO_TICKET, NO_TICKET, GONE, GONE),
    ("DISCONNECT", *["close 3503 over 3503"] * 4, GONE, GONE),
    ("PING_DUE", "", "", "{}", "", GONE, GONE),
    ("PONG_OVERDUE", "", "", "close 3012 over 3012", "", GONE, GONE),
    ("STALE", "close 3502 over 3502", "close 3502 over 3502", "", "close 3502 over 3502", GONE, GONE),
    ("SUBSCRIBE_OVERDUE", "", "", "unsubscribe close 3004 over 3004", "", GONE, GONE),
    ("OVERFLOW", NOT_YET, "close 3008 over 3008", "close 3008 over 3008", NOT_YET, GONE, GONE),
    ("TRANSPORT_CLOSED", *["over 1006"] * 4, GONE, GONE),
]
STIMULI["TRANSPORT_CLOSED"] = Stimulus(apply=lambda server: server.receive_close(1006, "", now=0.0))
COLUMNS = (S.OPEN, S.CONNECTING, S.CONNECTED, S.REFUSED, S.CLOSED, S.FAILED)
CELLS = [
    pytest.param(row[0], state, expected, id=f"{state.name}-{row[0]}")
    for row in GRID
    for state, expected in zip(COLUMNS, row[1:], strict=True)
]


def state_after(before, outcome):
    """The state that an outcome tells."""
    if "over" in outcome:
        return S.FAILED if "GL-" in outcome else S.CLOSED
    return {"ConnectRequested": S.CONNECTING, "connect": S.CONNECTED, "error 110": S.REFUSED}.get(outcome, before)


def test_the_grid_has_every_input():
    assert [row[0] for row in GRID] == [input_.name for input_ in ServerInput]
    assert list(COLUMNS) == list(ServerState)


@pytest.mark.parametrize(("input_", "state", "expected"), CELLS)
def test_cell_of_the_connection(input_, state, expected):
    stimulus = STIMULI[input_]
    server = server_in(state, **stimulus.options)
    if state is S.CONNECTED:
        stimulus.prepare(server)
        told(server)
    raised = stimulus.instead.get(state, stimulus.apply)(server)
    if not expected.startswith(HELD):
        assert (raised or told(server)) == expected
        assert server.state is state_after(state, expected)
        return
    assert (told(server), server.state, server.paused) == ("", S.CONNECTING, True)
    assert take_connect(server) == ""
    assert told(server) == f"connect {expected.removeprefix(HELD)}"
    assert server.state is state_after(S.CONNECTED, expected)


@pytest.mark.parametrize("ended", [S.CLOSED, S.FAILED])
def test_an_ended_connection_has_no_timeout_and_stays_ended(ended):
    server = server_in(ended)
    assert server.next_timeout() is None
    server.receive_batch(CONNECT, now=0.0)
    server.receive_close(1000, "", now=0.0)
    server.disconnect(codes.SHUTDOWN)
    assert (told(server), server.state) == ("", ended)


# -- channels ------------------------------------------------------------------------------------------------------

SUBSCRIBE = '{"id":2,"subscribe":{"channel":"c"}}'
UNSUBSCRIBE = '{"id":3,"unsubscribe":{"channel":"c"}}'
PUSH = m.Push(channel="c", pub=m.Publication(data=Raw(b"1")))


def subscription_in(state, **options):
    server = server_in(S.CONNECTED, **options)
    if state != "ABSENT":
        server.receive_batch(SUBSCRIBE, now=0.0)
    if state == "SUBSCRIBED":
        server.accept(ev.Ticket(2), m.SubscribeResult(), now=0.0)
    told(server)
    return server


def channel_state(server):
    if "c" not in server.channels:
        return "ABSENT"
    return "SUBSCRIBING" if attempt(server.push, PUSH) else "SUBSCRIBED"


CHANNEL_STIMULI = {
    "SUBSCRIBE": line('{"id":4,"subscribe":{"channel":"c"}}'),
    "UNSUBSCRIBE": line(UNSUBSCRIBE),
    "ACCEPT": lambda server: attempt(server.accept, ev.Ticket(2), m.SubscribeResult(), now=0.0),
    "REFUSE": lambda server: attempt(server.refuse, ev.Ticket(2), m.Error(code=103, message="no"), now=0.0),
    "REVOKE": lambda server: attempt(server.unsubscribe, "c", 2000, "server unsubscribe"),
    "PUSH": lambda server: attempt(server.push, PUSH),
}
# Columns: input; from ABSENT; from SUBSCRIBING; from SUBSCRIBED; each the outcome and the state after it.
CHANNEL_GRID = [
    (
        "SUBSCRIBE",
        ("SubscribeRequested", "SUBSCRIBING"),
        ("error 105", "SUBSCRIBING"),
        ("error 105", "SUBSCRIBED"),
    ),
    ("UNSUBSCRIBE", ("unsubscribe", "ABSENT"), ("", "SUBSCRIBING"), ("unsubscribe Unsubscribed", "ABSENT")),
    ("ACCEPT", (NO_TICKET, "ABSENT"), ("subscribe", "SUBSCRIBED"), (NO_TICKET, "SUBSCRIBED")),
    ("REFUSE", (NO_TICKET, "ABSENT"), ("error 103", "ABSENT"), (NO_TICKET, "SUBSCRIBED")),
    ("REVOKE", ("push", "ABSENT"), ("raises GL-CODE-012", "SUBSCRIBING"), ("push", "ABSENT")),
    ("PUSH", ("raises GL-SUB-015", "ABSENT"), ("raises GL-SUB-015", "SUBSCRIBING"), ("push", "SUBSCRIBED")),
]
CHANNEL_CELLS = [
    pytest.param(input_, state, *cell, id=f"{state}-{input_}")
    for input_, *cells in CHANNEL_GRID
    for state, cell in zip(("ABSENT", "SUBSCRIBING", "SUBSCRIBED"), cells, strict=True)
]


def test_the_grid_has_every_input_of_a_channel():
    assert [row[0] for row in CHANNEL_GRID] == [input_.name for input_ in ChannelInput]


@pytest.mark.parametrize(("input_", "state", "expected", "after"), CHANNEL_CELLS)
def test_cell_of_a_channel(input_, state, expected, after):
    server = subscription_in(state)
    raised = CHANNEL_STIMULI[input_](server)
    assert (raised or told(server)) == expected
    assert channel_state(server) == after
    assert server.state is S.CONNECTED


def test_an_unsubscribe_waits_for_the_subscribe_and_all_behind_it_wait_too():
    server = subscription_in("SUBSCRIBING")
    server.receive_batch(UNSUBSCRIBE + '\n{"id":4,"unsubscribe":{"channel":"d"}}', now=1.0)
    server.receive_batch('{"id":5,"rpc":{}}', now=2.0)
    assert (told(server), server.paused, server.next_timeout()) == ("", True, 6.0)
    server.accept(ev.Ticket(2), m.SubscribeResult(), now=3.0)
    assert texts(server) == [
        '{"id":2,"subscribe":{}}',
        '{"id":3,"unsubscribe":{}}',
        '{"id":4,"unsubscribe":{}}',
    ]
    assert told(server) == "Unsubscribed CommandRequested"
    assert (server.channels, server.paused, server.next_timeout()) == ((), False, 12.5)


def test_an_unsubscribe_behind_a_refused_subscribe_is_confirmed():
    server = subscription_in("SUBSCRIBING")
    server.receive_batch(UNSUBSCRIBE, now=0.0)
    server.refuse(ev.Ticket(2), m.Error(code=103, message="permission denied"), now=0.0)
    assert texts(server) == [
        '{"id":2,"error":{"code":103,"message":"permission denied"}}',
        '{"id":3,"unsubscribe":{}}',
    ]
    assert told(server) == ""


def test_an_unsubscribe_waits_only_for_its_own_channel():
    server = subscription_in("SUBSCRIBING")
    server.receive_batch('{"id":4,"subscribe":{"channel":"d"}}\n' + UNSUBSCRIBE, now=0.0)
    assert told(server) == "SubscribeRequested"
    server.accept(ev.Ticket(3), m.SubscribeResult(), now=0.0)
    assert (texts(server), server.paused) == (['{"id":4,"subscribe":{}}'], True)
    server.accept(ev.Ticket(2), m.SubscribeResult(), now=0.0)
    assert texts(server) == ['{"id":2,"subscribe":{}}', '{"id":3,"unsubscribe":{}}']


def test_a_wait_that_is_too_long_ends_the_connection_as_recorded():
    server = subscription_in("SUBSCRIBING", timing=Timing(subscribe_wait_s=5.0))
    server.receive_batch(UNSUBSCRIBE + '\n{"id":4,"rpc":{}}', now=0.0)
    server.handle_timeout(now=4.999)
    assert told(server) == ""
    server.handle_timeout(now=5.0)
    assert texts(server) == ['{"id":3,"unsubscribe":{}}', "CLOSE 3004 internal server error"]
    assert not server.paused
    assert told(server) == "over 3004"
    server.accept(ev.Ticket(2), m.SubscribeResult(), now=6.0)
    assert told(server) == ""


# -- recorded: the peer "open" of centrifuge 0.35.0, every request served -----------------------------------------

BAD = "CLOSE 3501 bad request"
RECORDED = [
    ('{"id":2,"subscribe":{"channel":"x1"}}', ['{"id":2,"subscribe":{}}']),
    ('{"id":2,"rpc":{"data":1}}', ['{"id":2,"rpc":{"data":1}}']),
    ('{"id":3,"rpc":{}}', ['{"id":3,"rpc":{}}']),
    ('{"id":4,"rpc":{"data":null}}', ['{"id":4,"rpc":{"data":null}}']),
    ('{"id":5,"rpc":{"data":""}}', ['{"id":5,"rpc":{"data":""}}']),
    ('{"id":5,"rpc":{"data":"\\ud800"}}', ['{"id":5,"rpc":{"data":"\\ud800"}}']),
    ('{"id":6,"publish":{"channel":"x","data":1}}', ['{"id":6,"publish":{}}']),
    ('{"id":6,"publish":{"channel":"x","data":null}}', ['{"id":6,"publish":{}}']),
    ('{"id":7,"unsubscribe":{"channel":"x"}}', ['{"id":7,"unsubscribe":{}}']),
    ('{"id":3,"unsubscribe":{"channel":"' + "n" * 300 + '"}}', ['{"id":3,"unsubscribe":{}}']),
    ('{"id":2,"presence":{"channel":"x"}}', ['{"id":2,"presence":{"presence":{}}}']),
    ('{"id":2,"presence_stats":{"channel":"x"}}', ['{"id":2,"presence_stats":{"num_clients":0,"num_users":0}}']),
    (
        '{"id":2,"history":{"channel":"x"}}',
        ['{"id":2,"history":{"publications":[],"epoch":"esyi","offset":0}}'],
    ),
    ('{"id":2,"publish":{"channel":"x"}}', [BAD]),
    ('{"id":2,"publish":{"channel":"","data":1}}', [BAD]),
    ('{"id":2,"publish":{"data":1}}', [BAD]),
    ('{"id":2,"subscribe":{"channel":""}}', [BAD]),
    ('{"id":2,"unsubscribe":{"channel":""}}', [BAD]),
    ('{"id":2,"presence":{"channel":""}}', [BAD]),
    ('{"id":2,"presence_stats":{"channel":""}}', [BAD]),
    ('{"id":2,"presence_stats":{}}', [BAD]),
    ('{"id":2,"history":{"channel":""}}', [BAD]),
    ('{"id":2,"history":{}}', [BAD]),
    ('{"id":2,"sub_refresh":{"channel":"","token":"t"}}', [BAD]),
    ('{"id":2,"sub_refresh":{}}', [BAD]),
    ('{"id":2,"sub_refresh":{"channel":"a"}}', ['{"id":2,"error":{"code":103,"message":"permission denied"}}']),
    (
        '{"id":2,"subscribe":{"channel":"p"}}\n{"id":3,"sub_refresh":{"channel":"p","token":"t"}}',
        ['{"id":2,"subscribe":{}}', BAD],
    ),
    ('{"id":2,"refresh":{}}', [BAD]),
    ('{"id":2,"refresh":{"token":""}}', [BAD]),
    ('{"id":2,"refresh":{"token":"x"}}', [BAD]),
    ('{"id":2,"ping":{}}', [BAD]),
    ('{"id":2,"ping":null}', [BAD]),
    ('{"ping":{}}', [BAD]),
    ('{"id":0,"ping":{}}', [BAD]),
    ('{"id":2,"connect":{}}', [BAD]),
    ("{}", [BAD]),
    ('{"id":0}', [BAD]),
    ('{"foo":1}', [BAD]),
    ('{"id":2}', [BAD]),
    ('{"id":0,"rpc":{}}', [BAD]),
    ('{"id":null,"rpc":{"data":1}}', [BAD]),
    ('{"send":{"data":{"a":1}}}', ['{"push":{"message":{"data":{"a":1}}}}']),
    ('{"id":5,"send":{"data":{"a":1}}}', ['{"push":{"message":{"data":{"a":1}}}}']),
    ('{"id":5,"send":{}}', ['{"push":{"message":{}}}']),
    ('{"send":{"data":null}}', ['{"push":{"message":{"data":null}}}']),
    ('{"send":null}', [BAD]),
    (
        '{"send":{"data":1}}\n{"id":2,"rpc":{"data":2}}\n{"send":{"data":3}}',
        ['{"push":{"message":{"data":1}}}', '{"id":2,"rpc":{"data":2}}', '{"push":{"message":{"data":3}}}'],
    ),
    ('{"id":2,"rpc":{"data":"A"}}\n{"id":9}\n{"id":3,"rpc":{}}', ['{"id":2,"rpc":{"data":"A"}}', BAD]),
    ('{"id":2,"rpc":{"data":"A"}}\n{}\n{"id":3,"rpc":{}}', ['{"id":2,"rpc":{"data":"A"}}', BAD]),
    ('{"id":5,"rpc":{"data":1}}\n{"id":5,"rpc":{}}', ['{"id":5,"rpc":{"data":1}}', '{"id":5,"rpc":{}}']),
    ('{"id":2,"subscribe":{"channel":"g","delta":"fossil"}}', ['{"id":2,"subscribe":{}}']),
    ('{"id":2,"subscribe":{"channel":"g","delta":null}}', ['{"id":2,"subscribe":{}}']),
    ('{"id":2,"subscribe":{"channel":"g","delta":"zzz"}}', [BAD]),
    ('{"id":2,"subscribe":{"channel":"g","flag":1,"data":5}}', ['{"id":2,"subscribe":{}}']),
    ('{"id":2,"subscribe":{},"rpc":{"data":1}}', [BAD]),
    ('{"id":2,"publish":null,"rpc":{"data":1}}', ['{"id":2,"rpc":{"data":1}}']),
    ('{"id":2,"connect":null,"rpc":{"data":1}}', ['{"id":2,"rpc":{"data":1}}']),
    ('{"id":2,"history":{"channel":"x"},"presence":{"channel":"x"},"rpc":{}}', ['{"id":2,"presence":{"presence":{}}}']),
]


def recorded_outcome(server, messages):
    """Lines received; a synchronous peer answers before it reads on, so each line is sent alone."""
    return [text for message in messages.split("\n") for text in play(server, message)]


@pytest.mark.parametrize(("messages", "received"), RECORDED)
def test_recorded_of_a_peer_that_serves_everything(messages, received):
    assert recorded_outcome(server_in(S.CONNECTED), messages) == received


GRAFANA = frozenset({m.SubscribeRequest, m.PublishRequest, m.RPCRequest})
NOT_AVAILABLE = '{"id":2,"error":{"code":108,"message":"not available"}}'


@pytest.mark.parametrize(
    ("message", "received"),
    [
        ('{"id":2,"presence":{"channel":"1/stream/a/b"}}', NOT_AVAILABLE),
        ('{"id":2,"presence":{}}', NOT_AVAILABLE),
        ('{"id":2,"presence_stats":{}}', NOT_AVAILABLE),
        ('{"id":2,"history":{}}', NOT_AVAILABLE),
        ('{"id":2,"refresh":{"token":"x"}}', NOT_AVAILABLE),
        ('{"id":2,"sub_refresh":{}}', NOT_AVAILABLE),
        ('{"id":2,"ping":{}}', BAD),
        ('{"send":{"data":{"a":1}}}', "CLOSE 3508 not available"),
        ('{"id":5,"send":{}}', "CLOSE 3508 not available"),
        ('{"id":2,"unsubscribe":{"channel":"c"}}', '{"id":2,"unsubscribe":{}}'),
        ('{"id":2,"publish":{"channel":"bad"}}', BAD),
        ('{"id":2,"connect":{}}', BAD),
    ],
)
def test_recorded_of_a_peer_that_serves_what_grafana_does(message, received):
    assert play(server_in(S.CONNECTED, serves=GRAFANA), message) == [received]


CONTENT = {
    "connect": "{}",
    "ping": "{}",
    "subscribe": '{"channel":"x"}',
    "unsubscribe": '{"channel":"x"}',
    "publish": '{"channel":"x","data":1}',
    "presence": '{"channel":"x"}',
    "presence_stats": '{"channel":"x"}',
    "history": '{"channel":"x"}',
    "rpc": '{"data":1}',
    "send": '{"data":"S"}',
    "refresh": '{"token":"t"}',
    "sub_refresh": '{"channel":"x","token":"t"}',
}


@pytest.mark.parametrize(
    ("pair", "outcome"),
    [
        ("ping connect", "close 3501"),
        ("ping history", "error 108"),
        ("subscribe connect", "close 3501"),
        ("subscribe ping", "error 108"),
        ("subscribe publish", "subscribe"),
        ("subscribe presence", "subscribe"),
        ("subscribe presence_stats", "subscribe"),
        ("subscribe history", "subscribe"),
        ("subscribe rpc", "subscribe"),
        ("subscribe send", "subscribe"),
        ("subscribe refresh", "subscribe"),
        ("subscribe sub_refresh", "subscribe"),
        ("unsubscribe connect", "close 3501"),
        ("unsubscribe ping", "error 108"),
        ("unsubscribe subscribe", "subscribe"),
        ("unsubscribe publish", "unsubscribe"),
        ("unsubscribe presence", "unsubscribe"),
        ("unsubscribe rpc", "unsubscribe"),
        ("unsubscribe send", "unsubscribe"),
        ("unsubscribe sub_refresh", "unsubscribe"),
        ("publish connect", "close 3501"),
        ("publish ping", "error 108"),
        ("publish presence", "publish"),
        ("publish history", "publish"),
        ("presence connect", "close 3501"),
        ("presence history", "presence"),
        ("presence_stats presence", "presence"),
        ("presence_stats history", "presence_stats"),
        ("rpc connect", "close 3501"),
        ("rpc ping", "error 108"),
        ("rpc publish", "publish"),
        ("rpc presence", "presence"),
        ("rpc presence_stats", "presence_stats"),
        ("rpc history", "history"),
        ("rpc refresh", "rpc"),
        ("send connect", "close 3501"),
        ("send ping", "error 108"),
        ("send publish", "publish"),
        ("send rpc", "rpc"),
        ("send refresh", "push"),
        ("refresh connect", "close 3501"),
        ("refresh ping", "error 108"),
        ("refresh publish", "publish"),
        ("sub_refresh ping", "error 108"),
        ("sub_refresh rpc", "rpc"),
        ("sub_refresh send", "push"),
        ("sub_refresh refresh", "close 3501"),
    ],
)
def test_recorded_of_two_requests_in_one_command(pair, outcome):
    server = server_in(S.CONNECTED)
    fields = ",".join(f'"{name}":{CONTENT[name]}' for name in pair.split())
    server.receive_batch(f'{{"id":2,{fields}}}', now=0.0)
    [answer(server, event) for event in server.events()]
    assert told(server).startswith(outcome)


def test_the_channel_of_another_request_does_not_count():
    assert play(server_in(S.CONNECTED), '{"id":2,"presence":{},"history":{"channel":"x"}}') == [BAD]


@pytest.mark.parametrize(
    ("message", "received"),
    [
        ("", [BAD]),
        ("\n", [BAD]),
        ('{"id":1,"connect":{}}\n', [CONNECTED]),
        ('{"id":1,"connect":{}}\n\n', [CONNECTED, BAD]),
        ('\n{"id":1,"connect":{}}', [BAD]),
        ('{"id":1,"connect":{}}\n{"id":2,"connect":{}}', [CONNECTED, BAD]),
        ('{"id":1,"connect":{}}\n{broken', [CONNECTED, BAD]),
        ('{"id":2,"rpc":{"data":"A"}}\n{"id":1,"connect":{}}', [BAD]),
        ('{"id":1,"connect":{}}\n{"id":2,"rpc":{"data":"A"}}', [CONNECTED, '{"id":2,"rpc":{"data":"A"}}']),
        ('{"id":1}', [BAD]),
        ('{"id":1,"method":0,"params":{}}', [BAD]),
        ('{"id":1,"connect":null}', [BAD]),
        ('{"id":0,"connect":{}}', [BAD]),
        ('{"id":1,"rpc":{"data":1},"connect":{}}', [CONNECTED]),
        ('{"id":1,"connect":{},"subscribe":{"channel":"x"}}', [CONNECTED]),
        ('{"id":1,"connect":{"name":"js","data":{"a":1},"headers":{"a":null}}}', [CONNECTED]),
    ],
)
def test_recorded_of_first_messages(message, received):
    assert play(ServerProtocol(now=0.0), message) == received


@pytest.mark.parametrize("later", ['{"id":2,"rpc":{"data":1}}', '{"id":1,"connect":{}}', "{broken", "{}", ""])
def test_recorded_of_a_refused_connect(later):
    """Nothing more is answered, and nothing is a fault, until the connection is stale."""
    server = ServerProtocol(now=0.0, timing=Timing(stale_delay_s=2.0))
    server.receive_batch(f"{CONNECT}\n{later}", now=0.0)
    server.refuse(ev.Ticket(1), m.Error(code=110, message="expired"), now=0.0)
    server.receive_batch(later, now=0.0)
    assert texts(server) == ['{"id":1,"error":{"code":110,"message":"expired"}}']
    assert (server.state, server.next_timeout()) == (S.REFUSED, 2.0)
    server.handle_timeout(now=2.0)
    assert texts(server) == ["CLOSE 3502 stale"]


# -- questions and answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (SUBSCRIBE, ev.SubscribeRequested(ticket=2, request=m.SubscribeRequest(channel="c"))),
        (
            '{"id":2,"publish":{"channel":"c","data":[1]}}',
            ev.PublishRequested(ticket=2, request=m.PublishRequest(channel="c", data=Raw(b"[1]"))),
        ),
        ('{"id":2,"rpc":{"method":"m"}}', ev.CommandRequested(ticket=2, request=m.RPCRequest(method="m"))),
        ('{"id":2,"history":{"channel":"c"}}', ev.CommandRequested(ticket=2, request=m.HistoryRequest(channel="c"))),
        ('{"send":{"data":1}}', ev.SendReceived(data=Raw(b"1"))),
        ('{"send":{}}', ev.SendReceived(data=None)),
    ],
)
def test_what_the_application_is_asked(message, event):
    server = server_in(S.CONNECTED)
    server.receive_batch(message, now=0.0)
    assert server.events() == [event]


def test_the_connect_question_holds_the_whole_request():
    server = ServerProtocol(now=0.0)
    server.receive_batch(b'{"id":7,"connect":{"token":"t","data":{"a":1},"name":"js"}}', now=0.0)
    request = m.ConnectRequest(token="t", data=Raw(b'{"a":1}'), name="js")
    assert server.events() == [ev.ConnectRequested(ticket=1, request=request)]


def test_questions_may_be_answered_in_any_order_and_ids_may_repeat():
    server = server_in(S.CONNECTED)
    server.receive_batch('{"id":5,"rpc":{"data":1}}\n{"id":5,"rpc":{"data":2}}\n{"id":4,"rpc":{}}', now=0.0)
    first, second, third = [event.ticket for event in server.events()]
    server.reply(third, m.RPCResult())
    server.refuse(second, m.Error(code=1001, message="application"), now=0.0)
    server.reply(first, m.RPCResult(data=Raw(b"1")))
    assert texts(server) == [
        '{"id":4,"rpc":{}}',
        '{"id":5,"error":{"code":1001,"message":"application"}}',
        '{"id":5,"rpc":{"data":1}}',
    ]


def test_a_question_is_answered_once():
    server = server_in(S.CONNECTED)
    server.receive_batch('{"id":2,"rpc":{}}', now=0.0)
    server.reply(ev.Ticket(2), m.RPCResult())
    assert attempt(server.reply, ev.Ticket(2), m.RPCResult()) == NO_TICKET
    assert attempt(server.refuse, ev.Ticket(2), m.Error(code=100), now=0.0) == NO_TICKET
    assert texts(server) == ['{"id":2,"rpc":{}}']


@pytest.mark.parametrize(
    ("message", "result"),
    [
        ('{"id":2,"rpc":{}}', m.PublishResult()),
        ('{"id":2,"rpc":{},"publish":{"channel":"c","data":1}}', m.RPCResult()),
        ('{"id":2,"subscribe":{"channel":"c"},"unsubscribe":{"channel":"c"}}', m.UnsubscribeResult()),
        ('{"id":2,"presence":{"channel":"c"}}', m.PresenceStatsResult(num_clients=0, num_users=0)),
    ],
)
def test_an_answer_of_another_request_is_refused_and_the_question_stays_open(message, result):
    server = server_in(S.CONNECTED)
    server.receive_batch(message, now=0.0)
    [asked] = server.events()
    assert attempt(server.reply, asked.ticket, result) == NO_TICKET
    assert texts(server) == []
    answer(server, asked)
    assert len(texts(server)) == 1


@pytest.mark.parametrize("result", [m.ConnectResult(client="u"), m.SubscribeResult()])
def test_connect_and_subscribe_are_answered_by_accept(result):
    server = subscription_in("SUBSCRIBING")
    with pytest.raises(LocalProtocolError, match=r"expected accept\(\) to answer .* \(GL-WIRE-045\)"):
        server.reply(ev.Ticket(2), result)


def test_accept_is_for_the_question_that_was_asked():
    server = server_in(S.OPEN)
    server.receive_batch('{"id":1,"connect":{},"subscribe":{"channel":"c"}}', now=0.0)
    assert attempt(server.accept, ev.Ticket(1), m.SubscribeResult(), now=0.0) == NO_TICKET
    server.accept(ev.Ticket(1), m.ConnectResult(client="u"), now=0.0)
    assert texts(server) == [CONNECTED]
    server.receive_batch(SUBSCRIBE, now=0.0)
    with pytest.raises(LocalProtocolError, match='expected an open ticket of "connect", got 2'):
        server.accept(ev.Ticket(2), m.ConnectResult(client="u"), now=0.0)


def test_answers_that_come_too_late_do_nothing():
    server = subscription_in("SUBSCRIBING")
    server.receive_batch('{"id":3,"rpc":{}}', now=0.0)
    server.receive_close(1006, "", now=0.0)
    told(server)
    server.accept(ev.Ticket(2), m.SubscribeResult(), now=0.0)
    server.reply(ev.Ticket(3), m.RPCResult())
    server.refuse(ev.Ticket(3), m.Error(code=100), now=0.0)
    server.push(PUSH)
    server.unsubscribe("c", 2000, "")
    assert told(server) == ""


def test_subscription_results_are_sent_as_given():
    server = subscription_in("SUBSCRIBING")
    result = m.SubscribeResult(recoverable=True, epoch="AsgJ", positioned=True)
    server.accept(ev.Ticket(2), result, now=0.0)
    assert texts(server) == ['{"id":2,"subscribe":{"recoverable":true,"epoch":"AsgJ","positioned":true}}']


def test_refresh_of_a_connection_that_expires():
    server = server_in(S.CONNECTING)
    server.accept(ev.Ticket(1), m.ConnectResult(client="u", expires=True, ttl=2), now=0.0)
    assert texts(server) == ['{"id":1,"connect":{"client":"u","expires":true,"ttl":2,"ping":25,"pong":true}}']
    server.receive_batch('{"id":2,"refresh":{"token":"ok"}}', now=0.0)
    assert told(server) == "CommandRequested"
    server.reply(ev.Ticket(2), m.RefreshResult(expires=True, ttl=5))
    assert texts(server) == ['{"id":2,"refresh":{"expires":true,"ttl":5}}']
    server.receive_batch('{"id":3,"refresh":{}}', now=0.0)
    assert told(server) == bad("GL-CMD-007")


def test_sub_refresh_of_a_subscription_that_expires():
    server = server_in(S.CONNECTED)
    expiring(server)
    told(server)
    server.receive_batch('{"id":3,"sub_refresh":{"channel":"c","token":"t"}}', now=0.0)
    assert told(server) == "CommandRequested"
    server.reply(ev.Ticket(3), m.SubRefreshResult(expires=True, ttl=5))
    assert texts(server) == ['{"id":3,"sub_refresh":{"expires":true,"ttl":5}}']
    server.receive_batch('{"id":4,"unsubscribe":{"channel":"c"}}', now=0.0)
    answered(SUBSCRIBE)(server)
    told(server)
    server.receive_batch('{"id":6,"sub_refresh":{"channel":"c","token":"t"}}', now=0.0)
    assert told(server) == bad("GL-CMD-007")


# -- pushes --------------------------------------------------------------------------------------------------------


def test_bytes_of_pushes():
    server = subscription_in("SUBSCRIBED")
    info = m.ClientInfo(user="1", client="u")
    server.push(PUSH)
    server.push(m.Push(channel="c", join=m.Join(info=info)))
    server.push(m.Push(message=m.Message(data=Raw(b"1"))))
    server.push(m.Push(refresh=m.Refresh(expires=True, ttl=100)))
    server.push_line("c", b'{"push":{"channel":"c","pub":{"data":2}}}')
    server.unsubscribe("c", 2000, "server unsubscribe")
    assert texts(server) == [
        '{"push":{"channel":"c","pub":{"data":1}}}',
        '{"push":{"channel":"c","join":{"info":{"user":"1","client":"u"}}}}',
        '{"push":{"message":{"data":1}}}',
        '{"push":{"refresh":{"expires":true,"ttl":100}}}',
        '{"push":{"channel":"c","pub":{"data":2}}}',
        '{"push":{"channel":"c","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}',
    ]


@pytest.mark.parametrize("state", [S.OPEN, S.CONNECTING, S.REFUSED])
def test_nothing_is_pushed_before_the_connect_reply(state):
    server = server_in(state)
    assert attempt(server.push, PUSH) == NOT_YET
    assert attempt(server.push, m.Push(message=m.Message())) == NOT_YET
    assert attempt(server.push_line, "", b"{}") == NOT_YET
    assert attempt(server.unsubscribe, "c", 2000, "") == "raises GL-CODE-012"
    assert told(server) == ""


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timing", "fraction", "connected", "first_ping"),
    [
        (Timing(), 0.0, '"ping":25,"pong":true', 12.5),
        (Timing(), 1.0, '"ping":25,"pong":true', 25.0),
        (Timing(), 0.5, '"ping":25,"pong":true', 18.75),
        (Timing(ping_interval_s=2.0, pong_timeout_s=1.0), 0.0, '"ping":2,"pong":true', 1.0),
        (Timing(ping_interval_s=1.5, pong_timeout_s=0.7), 0.0, '"ping":1,"pong":true', 0.75),
        (Timing(ping_interval_s=2.0, pong_timeout_s=0.0), 0.0, '"ping":2', 1.0),
        (Timing(ping_interval_s=0.5, pong_timeout_s=0.2), 0.0, '"pong":true', 0.25),
        (Timing(ping_interval_s=0.0), 0.0, "", None),
        (Timing(ping_interval_s=0.0, pong_timeout_s=0.0), 0.0, "", None),
    ],
)
def test_what_is_announced_and_when_the_first_ping_comes(timing, fraction, connected, first_ping):
    server = ServerProtocol(now=0.0, timing=timing, first_ping_fraction=fraction)
    server.receive_batch(CONNECT, now=0.0)
    server.accept(ev.Ticket(1), m.ConnectResult(client="u"), now=0.0)
    comma = "," if connected else ""
    assert texts(server) == [f'{{"id":1,"connect":{{"client":"u"{comma}{connected}}}}}']
    assert server.next_timeout() == first_ping


def test_pings_and_pongs():
    server = server_in(S.CONNECTED, timing=QUICK)
    server.handle_timeout(now=0.999)
    assert (told(server), server.next_timeout()) == ("", 1.0)
    server.handle_timeout(now=1.0)
    assert (texts(server), server.next_timeout()) == (["{}"], 2.0)
    server.receive_batch('{"id":5,"rpc":{}}\n{}', now=1.9)
    assert (told(server), server.next_timeout()) == ("CommandRequested", 3.0)
    server.handle_timeout(now=3.0)
    server.receive_batch('{ "foo":1 }\n', now=3.1)
    assert (texts(server), server.next_timeout()) == (["{}"], 5.0)
    server.handle_timeout(now=5.0)
    server.receive_batch('{"id":6,"rpc":{}}', now=5.1)
    server.handle_timeout(now=6.0)
    assert texts(server) == ["{}", "CLOSE 3012 no pong"]


@pytest.mark.parametrize("pongs", [["{}\n{}"], ["{}", "{}"]])
def test_a_second_pong_is_a_fault(pongs):
    server = server_in(S.CONNECTED, timing=QUICK)
    server.handle_timeout(now=1.0)
    for pong in pongs:
        server.receive_batch(pong, now=1.1)
    assert told(server) == "{} " + bad("GL-PING-004")


def test_a_pong_that_was_not_asked_for_is_no_fault_after_a_ping():
    server = server_in(S.CONNECTED, timing=Timing(ping_interval_s=2.0, pong_timeout_s=0.0))
    server.handle_timeout(now=1.0)
    server.receive_batch("{}", now=1.1)
    server.handle_timeout(now=3.0)
    server.handle_timeout(now=5.0)
    assert (texts(server), server.state) == (["{}", "{}", "{}"], S.CONNECTED)


def test_a_late_driver_sends_one_ping_and_counts_from_there():
    server = server_in(S.CONNECTED, timing=QUICK)
    server.handle_timeout(now=100.0)
    assert (texts(server), server.next_timeout()) == (["{}"], 101.0)


def test_a_late_driver_finds_the_missing_pong_before_the_next_ping():
    server = server_in(S.CONNECTED, timing=QUICK)
    server.handle_timeout(now=1.0)
    server.handle_timeout(now=100.0)
    assert texts(server) == ["{}", "CLOSE 3012 no pong"]


def test_the_stale_delay_counts_from_the_opening_and_ends_with_connected():
    server = ServerProtocol(now=10.0, timing=Timing(stale_delay_s=2.0, ping_interval_s=0.0))
    assert server.next_timeout() == 12.0
    server.handle_timeout(now=11.9)
    server.receive_batch(CONNECT, now=11.9)
    assert server.next_timeout() == 12.0
    server.accept(ev.Ticket(1), m.ConnectResult(client="u"), now=11.9)
    assert server.next_timeout() is None


# -- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ['{"id":2,"rpc":{"data":"é"}}', '{"id":2,"rpc":{"data":"é"}}'.encode()])
def test_message_bytes(message):
    assert play(server_in(S.CONNECTED, limits=Limits(message_bytes=28)), message) == ['{"id":2,"rpc":{"data":"é"}}']
    assert play(server_in(S.CONNECTED, limits=Limits(message_bytes=27)), message) == ["CLOSE 1009 "]


def test_messages_without_limit():
    message = '{"id":2,"rpc":{"data":"' + "z" * 200_000 + '"}}'
    assert play(server_in(S.CONNECTED, limits=Limits(message_bytes=None)), message) == [message]


@pytest.mark.parametrize(
    ("channel", "accepted"),
    [
        ("a" * 254, True),
        ("a" * 255, True),
        ("a" * 256, False),
        ("é" * 127, True),
        ("é" * 127 + "a", True),
        ("é" * 128, False),
        ("😀" * 63 + "abc", True),
        ("😀" * 64, False),
        ("\\u00e9" * 127, True),
        ("\\u00e9" * 128, False),
        ("\\u0061" * 255, True),
    ],
)
def test_recorded_of_channel_bytes(channel, accepted):
    received = '{"id":2,"subscribe":{}}' if accepted else '{"id":2,"error":{"code":107,"message":"bad request"}}'
    assert play(server_in(S.CONNECTED), f'{{"id":2,"subscribe":{{"channel":"{channel}"}}}}') == [received]


def test_recorded_of_the_129th_channel():
    server = server_in(S.CONNECTED)
    for number in range(128):
        play(server, f'{{"id":2,"subscribe":{{"channel":"n{number}"}}}}')
    assert play(
        server,
        '{"id":500,"subscribe":{"channel":"n128"}}',
        '{"id":501,"subscribe":{"channel":"n5"}}',
        '{"id":502,"unsubscribe":{"channel":"n7"}}',
        '{"id":503,"subscribe":{"channel":"n128"}}',
        '{"id":504,"subscribe":{"channel":"n129"}}',
        '{"id":505,"rpc":{}}',
    ) == [
        '{"id":500,"error":{"code":106,"message":"limit exceeded"}}',
        '{"id":501,"error":{"code":105,"message":"already subscribed"}}',
        '{"id":502,"unsubscribe":{}}',
        '{"id":503,"subscribe":{}}',
        '{"id":504,"error":{"code":106,"message":"limit exceeded"}}',
        '{"id":505,"rpc":{}}',
    ]
    assert len(server.channels) == 128


def test_queue_bytes_at_the_limit_and_over_it():
    server = subscription_in("SUBSCRIBED", limits=Limits(queue_bytes=82))
    server.push(PUSH)
    server.push(PUSH)
    assert (told(server), server.state) == ("push push", S.CONNECTED)
    server.push(PUSH)
    server.push(PUSH)
    server.handle_timeout(now=12.5)
    assert texts(server) == ["CLOSE 3008 slow"]
    assert told(server) == "over 3008"


@pytest.mark.parametrize("answer_connect", [take_connect, refuse_connect])
def test_the_connect_reply_itself_may_overflow(answer_connect):
    server = server_in(S.CONNECTING, limits=Limits(queue_bytes=10))
    server.receive_batch('{"id":2,"rpc":{}}', now=0.0)
    answer_connect(server)
    assert (told(server), server.state, server.next_timeout()) == ("close 3008 over 3008", S.CLOSED, None)


def test_the_last_unsubscribe_reply_does_not_overflow():
    server = subscription_in("SUBSCRIBING", limits=Limits(queue_bytes=60))
    server.receive_batch('{"id":4,"unsubscribe":{"channel":"d"}}\n{"id":5,"unsubscribe":{"channel":"d"}}', now=0.0)
    server.receive_batch(UNSUBSCRIBE, now=0.0)
    server.handle_timeout(now=5.0)
    assert told(server) == "unsubscribe unsubscribe unsubscribe close 3004 over 3004"


def test_held_bytes_at_the_limit_and_over_it():
    server = server_in(S.CONNECTING, limits=Limits(held_bytes=34))
    server.receive_batch('{"id":2,"rpc":{}}', now=0.0)
    server.receive_batch('{"id":3,"rpc":{}}', now=0.0)
    assert told(server) == ""
    server.receive_batch(" ", now=0.0)
    assert told(server) == "close 3008 over 3008"


def test_held_bytes_are_counted_anew_after_each_wait():
    message = f'{SUBSCRIBE}\n{UNSUBSCRIBE}\n{{"id":4,"rpc":{{}}}}'
    server = server_in(S.CONNECTING, limits=Limits(held_bytes=len(message)))
    server.receive_batch('{"id":2,"rpc":{}}\n{"id":3,"rpc":{}}', now=0.0)
    take_connect(server)
    server.receive_batch(message, now=0.0)
    assert (server.state, server.paused) == (S.CONNECTED, True)
    server.receive_batch(" ", now=0.0)
    assert (server.state, server.paused) == (S.CLOSED, False)


@pytest.mark.parametrize(("lines", "sizes"), [(1, [1]), (16, [16]), (17, [16, 1]), (40, [16, 16, 8])])
def test_lines_per_batch(lines, sizes):
    server = subscription_in("SUBSCRIBED")
    for _ in range(lines):
        server.push(PUSH)
    batches = server.data_to_send()
    assert [len(batch.data.split(b"\n")) for batch in batches] == sizes
    assert not any(batch.data.endswith(b"\n") or batch.binary for batch in batches)


# -- the end -------------------------------------------------------------------------------------------------------


def test_what_was_queued_goes_before_the_close_and_nothing_after_it():
    server = subscription_in("SUBSCRIBED")
    server.push(PUSH)
    server.disconnect(codes.Disconnect(4500, "custom"))
    server.push(PUSH)
    assert server.data_to_send() == [
        ev.Batch(data=b'{"push":{"channel":"c","pub":{"data":1}}}'),
        ev.Close(code=4500, reason="custom"),
    ]
    assert server.events() == [ev.Disconnected(code=4500, reason="custom", reconnect=False)]
    assert (server.data_to_send(), server.events(), server.channels) == ([], [], ())


@pytest.mark.parametrize(
    ("answer_connect", "end", "outcome"),
    [
        (take_connect, line(" " * 41), "connect close 1009 over 1009"),
        (refuse_connect, line(" " * 41), "error 110 close 1009 over 1009"),
        (refuse_connect, at(15.0), "error 110 close 3502 over 3502"),
    ],
)
def test_what_was_queued_goes_before_a_close_for_the_client_s_fault(answer_connect, end, outcome):
    server = server_in(S.CONNECTING, limits=Limits(message_bytes=40))
    answer_connect(server)
    end(server)
    assert told(server) == outcome


@pytest.mark.parametrize(
    ("code", "reconnect"), [(3001, True), (3501, False), (4000, True), (1006, True), (1009, False)]
)
def test_the_end_says_whether_the_client_comes_back(code, reconnect):
    server = server_in(S.CONNECTED)
    server.receive_close(code, "why", now=1.0)
    assert server.events() == [ev.Disconnected(code=code, reason="why", reconnect=reconnect)]
    assert server.data_to_send() == []


def test_a_violation_says_what_was_got_and_how_it_is_closed():
    server = server_in(S.CONNECTED)
    server.receive_batch('{"id":2,"connect":{}}', now=0.0)
    violated, ended = server.events()
    assert str(violated.error) == "got connect (GL-CONN-004)"
    assert violated.error.disconnect == codes.Disconnect(3501, "bad request")
    assert ended == ev.Disconnected(code=3501, reason="bad request", reconnect=False)


def test_a_line_that_cannot_be_read_is_named():
    server = server_in(S.CONNECTED)
    server.receive_batch('{"id":2,"rpc":{}}\n[]', now=0.0)
    asked, violated, _ = server.events()
    assert asked.request == m.RPCRequest()
    assert str(violated.error) == "line 2: Expected `object`, got `array` (GL-WIRE-013)"


def test_text_with_a_lone_surrogate_character_does_not_raise():
    server = server_in(S.CONNECTED)
    server.receive_batch('{"id":2,"rpc":{"data":"\ud800"}}', now=0.0)
    assert told(server) == bad("GL-WIRE-013")


def test_everything_is_every_request():
    assert len(EVERYTHING) == 12


def test_default_limits_and_timing_are_those_of_centrifuge_and_grafana():
    assert attrs.astuple(Limits()) == (65536, 255, 128, 4194304, 1048576, 16)
    assert attrs.astuple(Timing()) == (25.0, 10.0, 15.0, 5.0)
