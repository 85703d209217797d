"""Laws of both machines, whatever the peer sends and however it is cut into messages."""

import contextlib
import itertools
import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import CONNECT, CONNECTED, answer, client_in, play, server_in, texts, told

from liveproto.errors import LimitExceededError, LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.client_options import ClientLimits, ClientTiming
from liveproto.session.server import Limits, ServerProtocol, Timing
from liveproto.session.states import ClientState, ServerState
from liveproto.wire import messages as m

COMMANDS = [
    CONNECT,
    '{"id":1,"connect":{"token":"t"}}',
    '{"id":2,"subscribe":{"channel":"a"}}',
    '{"id":3,"subscribe":{"channel":"b"}}',
    '{"id":4,"unsubscribe":{"channel":"a"}}',
    '{"id":5,"unsubscribe":{"channel":"b"}}',
    '{"id":6,"publish":{"channel":"a","data":"é"}}',
    '{"id":7,"rpc":{"data":null}}',
    '{"id":8,"presence":{"channel":"a"}}',
    '{"id":null,"send":{"data":"\\ud800"}}',
    '{"send":{}}',
]
FAULTS = ["{}", '{"id":9}', '{"id":9,"subscribe":{}}', '{"id":-1}', "[]", "{", "null", "\ud800", '{"id":9,"ping":{}}']
REPLIES = [
    CONNECTED,
    '{"id":1,"error":{"code":109,"message":"token expired"}}',
    '{"id":2,"subscribe":{}}',
    '{"id":2,"error":{"code":103,"message":"permission denied"}}',
    '{"id":3,"rpc":{"data":1}}',
    '{"id":3,"error":{"code":108,"message":"not available"}}',
    '{"id":4,"unsubscribe":{}}',
    '{"id":99,"rpc":{}}',
    "{}",
    '{"push":{"channel":"a","pub":{"data":null}}}',
    '{"push":{"channel":"a","pub":{"data":"\\ud800"}}}',
    '{"push":{"channel":"b","pub":{"data":2}}}',
    '{"push":{"channel":"a","unsubscribe":{"code":2000,"reason":"x"}}}',
    '{"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"x"}}}',
    '{"push":{"message":{"data":{}}}}',
    '{"push":{}}',
]
BAD_REPLIES = ["[]", "{", '{"id":3}', '{"id":"3"}', '{"push":5}', '{"id":1,"connect":{}}']
commands = st.lists(st.sampled_from(COMMANDS), max_size=12)
faulty_commands = st.lists(st.sampled_from(COMMANDS + FAULTS), max_size=12)
replies = st.lists(st.sampled_from(REPLIES + BAD_REPLIES), max_size=12)
noise = st.binary(max_size=30) | st.text(max_size=30) | st.sampled_from(["", "\n", " ", "{}\n\n"])
cuts = st.sets(st.integers(1, 12))


def cut(lines, places):
    """The lines as transport messages, one beginning at each place."""
    edges = [0, *sorted(place for place in places if place < len(lines)), len(lines)]
    groups = [lines[start:end] for start, end in itertools.pairwise(edges)]
    return ["\n".join(group) for group in groups if group]


def check_end(outputs, events):
    """What the outputs and events of one connection are like, however it went."""
    closes = [output for output in outputs if isinstance(output, ev.Close)]
    assert closes == outputs[-1:] or not closes
    assert len([event for event in events if isinstance(event, ev.ProtocolViolated)]) <= 1
    ends = [event for event in events if isinstance(event, ev.Disconnected)]
    assert ends == events[-1:] or not ends
    assert len(ends) >= len(closes)
    for close in closes:
        if close.code >= 3000:
            assert close.reason
            assert not is_json(close.reason)


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def serve(messages, *, late=False, **options):
    """Outputs and events of a server that gets these messages and answers all, at once or after the last."""
    server = ServerProtocol(now=0.0, **options)
    outputs, events, unanswered = [], [], []

    def drain():
        new = server.events()
        events.extend(new)
        unanswered.extend(new)
        outputs.extend(server.data_to_send())

    def answer_all():
        while unanswered:
            answer(server, unanswered.pop(0))
            drain()

    for message in messages:
        server.receive_batch(message, now=0.0)
        drain()
        if not late:
            answer_all()
    answer_all()
    return outputs, events


def listen(messages, client=None):
    """Outputs and events of a client that has sent connect, subscribe, rpc and unsubscribe."""
    if client is None:
        client = client_in(ClientState.CONNECTING)
        client.subscribe(m.SubscribeRequest(channel="a"), now=0.0)
        client.request(m.RPCRequest(), now=0.0)
    outputs, events = client.data_to_send(), client.events()
    for message in messages:
        client.receive_batch(message, now=0.0)
        outputs += client.data_to_send()
        events += client.events()
    return outputs, events


def lines_of(outputs):
    """Outputs without the boundaries of batches."""
    return [
        line for output in outputs for line in (output.data.split(b"\n") if isinstance(output, ev.Batch) else [output])
    ]


def comparable(events):
    """Events without the number of a bad line, which depends on the cut."""
    return [event.error.requirement if isinstance(event, ev.ProtocolViolated) else event for event in events]


@given(messages=st.lists(noise | faulty_commands.map("\n".join), max_size=6), late=st.booleans())
def test_a_server_never_raises_and_ends_once(messages, late):
    check_end(*serve(messages, late=late))
    check_end(*serve([CONNECT, *messages], late=late, limits=Limits(queue_bytes=200, held_bytes=100, channels=1)))


@given(messages=st.lists(noise | replies.map("\n".join), max_size=6))
def test_a_client_never_raises_and_ends_once(messages):
    check_end(*listen(messages))
    check_end(*listen([CONNECTED, *messages]))


@given(state=st.sampled_from(ServerState), message=noise)
def test_a_server_never_raises_in_any_state(state, message):
    server = server_in(state)
    server.receive_batch(message, now=1.0)
    check_end(server.data_to_send(), server.events())


@given(state=st.sampled_from(ClientState), message=noise)
def test_a_client_never_raises_in_any_state(state, message):
    client = client_in(state)
    client.receive_batch(message, now=1.0)
    check_end(client.data_to_send(), client.events())
    client.receive_close(1006, "", now=1.0)
    client.handle_timeout(now=9.0)


@given(messages=st.lists(noise | replies.map("\n".join), max_size=6), closes=st.lists(st.integers(0, 6000), max_size=6))
def test_a_client_that_is_told_to_connect_again_does_so_whatever_happened(messages, closes):
    client = client_in(ClientState.CONNECTED)
    for now, (message, code) in enumerate(itertools.zip_longest(messages, closes, fillvalue=1006)):
        client.receive_batch("" if message == 1006 else message, now=100.0 * now)
        client.receive_close(code, "x", now=100.0 * now)
        client.handle_timeout(now=100.0 * now + 50)
        if client.state is ClientState.DISCONNECTED:
            client.connect(m.ConnectRequest(), now=100.0 * now + 50)
        if client.state is ClientState.ASKING:
            client.provide_token("t", now=100.0 * now + 50)
        assert client.data_to_send()[-1] == ev.Open()
        client.receive_open(now=100.0 * now + 51)
        assert b'"connect"' in client.data_to_send()[0].data


def bounded(client):
    """Everything a client keeps of its caller's, its server's and its own doing."""
    commands, subscriptions = client._commands, client._subscriptions
    kept = (commands._sent, commands._held, commands._lines, subscriptions._all, subscriptions._due)
    return sum(map(len, (*kept, client._events, client._output)))


@given(messages=st.lists(replies.map("\n".join), max_size=20))
def test_what_a_server_sends_leaves_nothing_behind(messages):
    client = client_in(ClientState.CONNECTED)
    before = bounded(client)
    listen(messages * 3, client)
    assert bounded(client) <= before


@given(calls=st.lists(st.sampled_from(["subscribe", "unsubscribe", "request"]), max_size=60), data=st.data())
def test_what_a_caller_asks_for_stays_within_its_limits(calls, data):
    limits = ClientLimits(commands=8, channels=3)
    client = client_in(data.draw(st.sampled_from(ClientState)), limits=limits)
    for call in calls:
        channel = data.draw(st.sampled_from("abcdef"))
        argument = {"subscribe": m.SubscribeRequest(channel=channel), "request": m.RPCRequest()}.get(call, channel)
        with contextlib.suppress(LocalProtocolError, LimitExceededError):
            getattr(client, call)(argument, now=0.0)
        told(client)
        assert bounded(client) <= limits.commands + limits.channels


@given(lines=faulty_commands, places=cuts)
def test_batch_boundaries_do_not_change_what_a_server_sees(lines, places):
    lines = [CONNECT, *lines]
    outputs, events = serve(["\n".join(lines)], late=True)
    cut_outputs, cut_events = serve(cut(lines, places), late=True)
    assert comparable(cut_events) == comparable(events)
    assert lines_of(cut_outputs) == lines_of(outputs)


@given(lines=replies, places=cuts)
def test_batch_boundaries_do_not_change_what_a_client_sees(lines, places):
    outputs, events = listen(["\n".join(lines)] if lines else [])
    cut_outputs, cut_events = listen(cut(lines, places))
    assert comparable(cut_events) == comparable(events)
    assert lines_of(cut_outputs) == lines_of(outputs)


@given(lines=faulty_commands)
def test_text_and_binary_are_the_same(lines):
    text = "\n".join([CONNECT, *lines])
    binary = text.encode("utf-8", "surrogatepass")
    outputs, events = serve([text])
    binary_outputs, binary_events = serve([binary])
    assert binary_outputs == outputs
    assert comparable(binary_events) == comparable(events)


@given(lines=commands)
def test_each_command_is_answered_once_with_its_id(lines):
    """GL-WIRE-044; a second connect is a fault, so it is left out."""
    lines = [line for line in lines if "connect" not in line]
    received = play(server_in(ServerState.CONNECTED), *lines)
    asked = [json.loads(line)["id"] for line in lines if "send" not in line]
    answers = [json.loads(line) for line in received if "push" not in line]
    assert [reply["id"] for reply in answers] == asked
    assert all(len(reply) == 2 for reply in answers)


@given(lines=commands)
def test_the_connect_reply_is_first(lines):
    received = play(ServerProtocol(now=0.0), "\n".join([CONNECT, *lines]))
    assert received[0] == CONNECTED


def processor_seconds(machine, message):
    started = time.thread_time()
    machine.receive_batch(message, now=0.0)
    machine.events()
    machine.data_to_send()
    return time.thread_time() - started


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: server_in(ServerState.CONNECTED, limits=Limits(message_bytes=None)), '{"send":{}}\n'),
        (
            lambda: server_in(ServerState.CONNECTED, limits=Limits(message_bytes=None)),
            '{"id":2,"unsubscribe":{"channel":"c"}}\n',
        ),
        (
            lambda: server_in(ServerState.CONNECTING, limits=Limits(message_bytes=None, held_bytes=10**9)),
            '{"id":2,"rpc":{}}\n',
        ),
        (lambda: client_in(ClientState.CONNECTED), "{}\n"),
        (lambda: client_in(ClientState.CONNECTED), '{"push":{"message":{}}}\n'),
    ],
    ids=["server-send", "server-unsubscribe", "server-held", "client-ping", "client-push"],
)
def test_machines_are_linear(make, line):
    """Four times the lines cost less than nine times as much, in one of a few attempts: what is quadratic costs 16."""
    few, many = line * 10_000, line * 40_000
    assert any(processor_seconds(make(), many) < 9 * processor_seconds(make(), few) for _ in range(5))


# -- time ----------------------------------------------------------------------------------------------------------

delays = st.integers(1, 50).map(lambda tenths: tenths / 10)


@given(interval=delays, timeout=delays, stale=delays, fraction=st.floats(0, 1), connects=st.booleans())
def test_each_timeout_moves_on(interval, timeout, stale, fraction, connects):
    timing = Timing(ping_interval_s=interval, pong_timeout_s=min(timeout, interval * 0.9), stale_delay_s=stale)
    server = ServerProtocol(now=0.0, timing=timing, first_ping_fraction=fraction)
    if connects:
        play(server, CONNECT)
        assert interval / 2 <= server.next_timeout() <= interval * 1.0001
    due = 0.0
    for _ in range(4):
        previous, due = due, server.next_timeout()
        if due is None:
            break
        assert due > previous
        server.handle_timeout(now=due)
    assert server.state is ServerState.CLOSED
    assert texts(server)[-1] == ("CLOSE 3012 no pong" if connects else "CLOSE 3502 stale")


@given(interval=st.integers(1, 60), delay=delays, quiet=st.lists(st.floats(0.01, 1), max_size=4))
def test_a_client_gives_up_after_silence_and_not_before(interval, delay, quiet):
    connected = f'{{"id":1,"connect":{{"client":"u","ping":{interval},"pong":true}}}}'
    client = client_in(ClientState.CONNECTED, connected=connected, timing=ClientTiming(max_ping_delay_s=delay))
    now = 0.0
    for part in quiet:
        now += part * (interval + delay) * 0.999
        client.handle_timeout(now=now)
        client.receive_batch("{}", now=now)
    assert client.state is ClientState.CONNECTED
    client.handle_timeout(now=(now + interval + delay) * 1.001)
    assert client.state is ClientState.WAITING


# -- limits: at the limit, and one over it -------------------------------------------------------------------------


@given(size=st.integers(24, 300), character=st.sampled_from(["z", "é", "€", "😀"]), binary=st.booleans())
def test_message_bytes(size, character, binary):
    message = '{"id":2,"rpc":{"data":"' + character * size + '"}}'
    length = len(message.encode())
    sent = message.encode() if binary else message
    assert play(server_in(ServerState.CONNECTED, limits=Limits(message_bytes=length)), sent) == [message]
    assert play(server_in(ServerState.CONNECTED, limits=Limits(message_bytes=length - 1)), sent) == ["CLOSE 1009 "]


@given(channel=st.text(st.sampled_from('aé€😀"\\/\n'), min_size=1, max_size=40), escaped=st.booleans())
@example(channel="\x00", escaped=False)
def test_channel_bytes(channel, escaped):
    length = len(channel.encode())
    message = json.dumps({"id": 2, "subscribe": {"channel": channel}}, ensure_ascii=escaped)
    accepted = server_in(ServerState.CONNECTED, limits=Limits(channel_bytes=length))
    assert play(accepted, message) == ['{"id":2,"subscribe":{}}']
    assert accepted.channels == (channel,)
    refused = server_in(ServerState.CONNECTED, limits=Limits(channel_bytes=length - 1))
    assert play(refused, message) == ['{"id":2,"error":{"code":107,"message":"bad request"}}']
    assert refused.channels == ()


@given(limit=st.integers(0, 12), extra=st.integers(1, 3))
def test_channels(limit, extra):
    server = server_in(ServerState.CONNECTED, limits=Limits(channels=limit))
    server.receive_batch(
        "\n".join(f'{{"id":2,"subscribe":{{"channel":"c{number}"}}}}' for number in range(limit + extra)), now=0.0
    )
    assert texts(server) == ['{"id":2,"error":{"code":106,"message":"limit exceeded"}}'] * extra
    assert len(server.channels) == limit


@given(sizes=st.lists(st.integers(60, 90), min_size=1, max_size=10))
def test_queue_bytes(sizes):
    lines = [b"x" * size for size in sizes]
    for limit, sent in ((sum(sizes), lines), (sum(sizes) - 1, [ev.Close(code=3008, reason="slow")])):
        server = server_in(ServerState.CONNECTED, limits=Limits(queue_bytes=limit))
        for line in lines:
            server.push_line("", line)
        assert lines_of(server.data_to_send()) == sent


@given(messages=st.lists(commands.filter(bool).map("\n".join), min_size=1, max_size=6))
def test_held_bytes(messages):
    total = sum(len(message.encode()) for message in messages)
    for limit, state in ((total, ServerState.CONNECTING), (total - 1, ServerState.CLOSED)):
        server = server_in(ServerState.CONNECTING, limits=Limits(held_bytes=limit))
        for message in messages:
            server.receive_batch(message, now=0.0)
        assert server.state is state
        assert told(server) == ("" if state is ServerState.CONNECTING else "close 3008 over 3008")
