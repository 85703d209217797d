"""What several test files need: machines in a known state, an application that answers, and what happened in words."""

import itertools
import json

import msgspec

from liveproto.errors import LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.session.server import ServerProtocol
from liveproto.session.states import ClientState, ServerState
from liveproto.wire import codes
from liveproto.wire import messages as m

_WITH_CODE = (
    ev.Connecting | ev.ConnectFailed | ev.CommandFailed | ev.RefreshFailed | ev.Subscribing | ev.SubscribeFailed
)

CONNECT = '{"id":1,"connect":{}}'
CONNECTED = '{"id":1,"connect":{"client":"u","ping":25,"pong":true}}'


def told(machine):
    """What the machine sent and reported since the last call, a word each: sent first."""
    sent = [word for output in machine.data_to_send() for word in _words_of_output(output)]
    return " ".join([*sent, *map(_word_of_event, machine.events())])


def texts(machine):
    """What the machine sent since the last call, line by line."""
    return [text for output in machine.data_to_send() for text in _texts_of_output(output)]


def attempt(call, *args, **options):
    """Call and return how it was refused, or nothing."""
    try:
        call(*args, **options)
    except LocalProtocolError as error:
        return f"raises {error.requirement}"
    return ""


def server_in(state, **options):
    """A server's machine brought to a state by its public methods at time 0, and drained."""
    server = ServerProtocol(now=0.0, **options)
    if state is not ServerState.OPEN:
        server.receive_batch(CONNECT, now=0.0)
    if state is ServerState.REFUSED:
        server.refuse(ev.Ticket(1), m.Error(code=109, message="token expired"), now=0.0)
    if state in {ServerState.CONNECTED, ServerState.CLOSED, ServerState.FAILED}:
        server.accept(ev.Ticket(1), m.ConnectResult(client="u"), now=0.0)
    if state is ServerState.CLOSED:
        server.disconnect(codes.SHUTDOWN)
    if state is ServerState.FAILED:
        server.receive_batch("x", now=0.0)
    assert server.state is state
    told(server)
    return server


def new_client(**options):
    """A client's machine whose waits are three quarters of a second, then longer: the random part is always half."""
    return ClientProtocol(**{"fractions": itertools.repeat(0.5), **options})


def client_in(state, connected=CONNECTED, **options):
    """A client's machine brought to a state by its public methods at time 0, and drained; its connect had id 1."""
    client = new_client(**options)
    if state is not ClientState.DISCONNECTED:
        client.connect(m.ConnectRequest(), now=0.0)
    if state not in {ClientState.DISCONNECTED, ClientState.OPENING}:
        client.receive_open(now=0.0)
    if state is ClientState.CONNECTED:
        client.receive_batch(connected, now=0.0)
    if state is ClientState.WAITING:
        client.receive_close(1006, "", now=0.0)
    if state is ClientState.ASKING:
        client.receive_batch('{"id":1,"error":{"code":109,"message":"token expired"}}', now=-1.0)
        client.handle_timeout(now=0.0)
    assert client.state is state
    told(client)
    return client


def answer(server, event, *, now=0.0):
    """Answer as the recorded peer called "open": everything is served, rpc echoes."""
    match event:
        case ev.ConnectRequested():
            server.accept(event.ticket, m.ConnectResult(client="u"), now=now)
        case ev.SubscribeRequested():
            server.accept(event.ticket, m.SubscribeResult(), now=now)
        case ev.PublishRequested():
            server.reply(event.ticket, m.PublishResult())
        case ev.CommandRequested(request=m.RPCRequest(data=data)):
            server.reply(event.ticket, m.RPCResult(data=data))
        case ev.CommandRequested(request=m.PresenceRequest()):
            server.reply(event.ticket, m.PresenceResult(presence={}))
        case ev.CommandRequested(request=m.PresenceStatsRequest()):
            server.reply(event.ticket, m.PresenceStatsResult(num_clients=0, num_users=0))
        case ev.CommandRequested(request=m.HistoryRequest()):
            server.reply(event.ticket, m.HistoryResult(publications=[], epoch="esyi", offset=0))
        case ev.SendReceived(data=data):
            server.push(m.Push(message=m.Message(data=msgspec.UNSET if data is None else data)))


def play(server, *messages, now=0.0):
    """Send transport messages, answer all events at once, and return the lines that came back."""
    received = []
    for message in messages:
        server.receive_batch(message, now=now)
        while events := server.events():
            for event in events:
                answer(server, event, now=now)
        received += texts(server)
    return received


def _texts_of_output(output):
    if isinstance(output, ev.Close):
        return [f"CLOSE {output.code} {output.reason}"]
    if isinstance(output, ev.Open):
        return ["OPEN"]
    assert not output.binary
    return output.data.decode().split("\n")


def _words_of_output(output):
    if isinstance(output, ev.Close):
        return [f"close {output.code}"]
    if isinstance(output, ev.Open):
        return ["open"]
    return [_word_of_message(json.loads(line)) for line in output.data.split(b"\n")]


def _word_of_message(message):
    if "error" in message:
        return f"error {message['error']['code']}"
    return next((key for key in message if key != "id"), "{}")


def _word_of_event(event):
    match event:
        case ev.ProtocolViolated():
            return event.error.requirement
        case ev.Disconnected():
            return f"over {event.code}"
        case _ if isinstance(event, _WITH_CODE):
            return f"{type(event).__name__}({event.code})"
    return type(event).__name__
