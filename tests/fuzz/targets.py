"""The targets: each takes any bytes, checks what must hold afterwards, and says in a word how it went.

Not here: who makes the bytes (``runner``). A target raises for whatever its subject does not document.
"""

import io
import itertools
import math

import attrs
import msgspec
from support import answer

from liveproto.channel import Dots, Organisation, parse_channel, split_prefix
from liveproto.errors import InvalidChannelError, LimitExceededError, LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.session.monitor import Monitor, Side
from liveproto.session.server import Limits, ServerProtocol
from liveproto.session.states import ClientState, ServerState
from liveproto.wire import codes, json_v2
from liveproto.wire import messages as m
from liveproto_conformance.traces.trace import read_trace

from . import tokens
from .script import messages, seeds

SMALL = Limits(message_bytes=4_000, queue_bytes=2_000, held_bytes=300, channels=2, lines_per_batch=3)
STEPS = 8
"""More messages of one input are left out: a long one would cost the time of many."""
CONNECT, CONNECTED = tokens.COMMANDS[0], tokens.REPLIES[0]


def is_greeted(data):
    """Whether an input begins where both sides have connected: three in four do, where there is most to go wrong."""
    return data[-1:] < b"\xc0"


def check_timeout(due):
    assert due is None or math.isfinite(due)


def check_batch(batch, decode):
    """What is sent is one record a line, whatever payloads the peer had sent."""
    assert type(batch) is ev.Batch
    assert decode(batch.data).fault is None


# -- the server --------------------------------------------------------------------------------------------------------


class Served:
    """A server's machine and an application that answers, refuses, pushes and disconnects as the input says."""

    def __init__(self):
        self.machine = ServerProtocol(now=0.0, limits=SMALL)
        self.now = 0.0
        self.late = []
        self.violations = 0
        self.closed = False
        self.reached = {ServerState.OPEN}

    def take(self, message):
        machine, first = self.machine, message[:1]
        match first:
            case b"\x01":
                self.now = machine.next_timeout() or self.now
                machine.handle_timeout(now=self.now)
            case b"\x02":
                machine.receive_close(1006, "", now=self.now)
            case b"\x03":
                machine.disconnect(codes.SHUTDOWN)
            case b"\x04":
                self.misusable(machine.push, m.Push(channel="a", pub=m.Publication(data=msgspec.Raw(b"1"))))
            case b"\x05":
                self.misusable(machine.unsubscribe, "a", 2500, "x")
            case b"\x06":
                self.drain(refuse=True)
                return
            case b"\x07":
                machine.receive_batch(message[1:].decode(errors="surrogateescape"), now=self.now)
            case _:
                machine.receive_batch(message, now=self.now)
        self.drain(hold=first == b"\x08")

    def misusable(self, call, *args):
        try:
            call(*args)
        except LocalProtocolError:
            return

    def drain(self, *, refuse=False, hold=False):
        while events := [*self.late, *self.machine.events()]:
            self.late = events if hold else []
            for event in [] if hold else events:
                self.violations += isinstance(event, ev.ProtocolViolated)
                if refuse and hasattr(event, "ticket"):
                    self.misusable_refuse(event)
                else:
                    answer(self.machine, event, now=self.now)
            if hold:
                break
        self.check()

    def misusable_refuse(self, event):
        self.machine.refuse(event.ticket, m.Error(code=103, message="permission denied"), now=self.now)

    def check(self):
        assert self.machine.state in ServerState
        self.reached.add(self.machine.state)
        check_timeout(self.machine.next_timeout())
        for output in self.machine.data_to_send():
            assert not self.closed
            if type(output) is ev.Close:
                self.closed = True
            else:
                check_batch(output, json_v2.decode_replies)
        assert self.violations <= 1


def server(data):
    """``ServerProtocol``: never raises for what a peer sends."""
    served = Served()
    if is_greeted(data):
        served.take(CONNECT)
    for message in messages(data, tokens.COMMANDS + tokens.PIECES)[:STEPS]:
        served.take(message)
    reached = "connected" if ServerState.CONNECTED in served.reached else "never connected"
    return f"{reached}, {served.machine.state.name.lower()}"


# -- the client --------------------------------------------------------------------------------------------------------

_CLIENT_CALLS = [
    lambda client, now: client.subscribe(m.SubscribeRequest(channel="a"), now=now),
    lambda client, now: client.subscribe(m.SubscribeRequest(channel="b", token="t"), now=now),
    lambda client, now: client.unsubscribe("a", now=now),
    lambda client, now: client.request(m.RPCRequest(), now=now),
    lambda client, now: client.publish(m.PublishRequest(channel="a", data=msgspec.Raw(b"1")), now=now),
    lambda client, _: client.send(m.SendRequest(data=msgspec.Raw(b"1"))),
    lambda client, now: client.provide_token("t", now=now),
    lambda client, now: client.provide_token("", channel="b", now=now),
    lambda client, now: client.connect(m.ConnectRequest(), now=now),
    lambda client, _: client.disconnect(),
]


class Connected:
    """A client's machine and a driver that opens, closes and lets time pass as the input says."""

    def __init__(self):
        self.machine = ClientProtocol(fractions=itertools.repeat(0.5))
        self.now = 0.0
        self.open = False
        self.violations = 0
        self.reached = set()
        self.machine.connect(m.ConnectRequest(), now=0.0)
        self.machine.subscribe(m.SubscribeRequest(channel="a"), now=0.0)
        self.drain()

    def take(self, message):
        machine, first = self.machine, message[:1]
        match first:
            case b"\x01":
                self.now = machine.next_timeout() or self.now
                machine.handle_timeout(now=self.now)
            case b"\x02" | b"\x03":
                code = 1006 if first == b"\x02" else 3000 + int.from_bytes(message[1:3]) % 2000
                machine.receive_close(code, message[3:].decode(errors="replace"), now=self.now)
                self.open = False
            case b"\x04":
                self.misusable(_CLIENT_CALLS[int.from_bytes(message[1:2]) % len(_CLIENT_CALLS)])
            case b"\x07":
                machine.receive_batch(message[1:].decode(errors="surrogateescape"), now=self.now)
            case _:
                machine.receive_batch(message, now=self.now)
        self.drain()

    def misusable(self, call):
        try:
            call(self.machine, self.now)
        except (LocalProtocolError, LimitExceededError):
            return

    def drain(self):
        while outputs := self.machine.data_to_send():
            for output in outputs:
                match output:
                    case ev.Open():
                        assert not self.open
                        self.open = True
                    case ev.Close():
                        assert self.open
                        self.open = False
                    case _:
                        assert self.open
                        check_batch(output, json_v2.decode_commands)
            if self.open and self.machine.state is ClientState.OPENING:
                self.machine.receive_open(now=self.now)
        self.check()

    def check(self):
        assert self.machine.state in ClientState
        self.reached.add(self.machine.state)
        check_timeout(self.machine.next_timeout())
        for event in self.machine.events():
            self.violations += isinstance(event, ev.ProtocolViolated)


def client(data):
    """``ClientProtocol``: never raises for what a peer sends, a transport does, or time brings."""
    connected = Connected()
    if is_greeted(data):
        connected.take(CONNECTED)
    for message in messages(data, tokens.REPLIES + tokens.PIECES)[:STEPS]:
        connected.take(message)
    reached = "connected" if ClientState.CONNECTED in connected.reached else "never connected"
    return f"{reached}, {'violated' if connected.violations else connected.machine.state.name.lower()}"


# -- the codec ---------------------------------------------------------------------------------------------------------


def codec(data):
    """``wire.json_v2``, both directions: decoding never raises; what it took can be written and read again."""
    words = []
    for message in messages(data, tokens.COMMANDS + tokens.REPLIES + tokens.PIECES)[:STEPS]:
        for decode in (json_v2.decode_commands, json_v2.decode_replies):
            decoded = decode(message)
            lines = message.removesuffix(b"\n").split(b"\n")
            assert len(decoded.records) == (decoded.fault.line - 1 if decoded.fault else len(lines))
            for record in decoded.records:
                line = json_v2.encode(record)
                assert b"\n" not in line
                assert decode(line) == json_v2.Decoded([record])
            words.append("fault" if decoded.fault else "read")
    return " and ".join(sorted(set(words)))


# -- channels ----------------------------------------------------------------------------------------------------------


def channel(data):
    """``channel``: an address is taken whole or refused with the rule it breaks; what is taken is written the same."""
    text = b"".join(messages(data, tokens.CHANNELS)).decode(errors="surrogateescape")
    words = set()
    for dots in Dots:
        try:
            assert str(parse_channel(text, dots=dots)) == text
            words.add("parsed")
        except InvalidChannelError as error:
            words.add(error.reason.name.lower())
    try:
        organisation, rest = split_prefix(text)
        assert isinstance(organisation, Organisation)
        assert text.endswith(rest)
        words.add("prefixed")
    except InvalidChannelError:
        pass
    return " and ".join(sorted(words))


# -- traces ------------------------------------------------------------------------------------------------------------


def trace(data):
    """``read_trace``: any bytes are a header and events up to their end or their damage."""
    raw = b"".join(messages(data, tokens.EVENTS))
    read = read_trace(io.BytesIO(raw))
    offset = 0
    count = 0
    for event in read:
        assert offset < event.offset < len(raw)
        assert event.direction in {"<", ">"}
        offset, count = event.offset, count + 1
    if read.damage is not None:
        assert offset <= read.damage.offset <= len(raw)
    end = "whole" if read.damage is None else "cut" if read.damage.cut else "damaged"
    return f"{'header' if read.header else 'no header'}, {'events' if count else 'no event'}, {end}"


# -- the monitor -------------------------------------------------------------------------------------------------------


def monitor(data):
    """``Monitor``: any traffic of both sides is judged; findings say where, and stay inside what was received."""
    watch, now, count = Monitor(), 0.0, 0
    broken = set()
    if is_greeted(data):
        watch.receive_message(Side.CLIENT, CONNECT.decode(), now=now)
        watch.receive_message(Side.SERVER, CONNECTED.decode(), now=now)
        count = 2
    for message in messages(data, tokens.COMMANDS + tokens.REPLIES + tokens.PIECES)[:STEPS]:
        kind = message[:1]
        if kind == b"\x01":
            now += int.from_bytes(message[1:2]) / 4
            continue
        if kind == b"\x02":
            watch.receive_close(
                Side.SERVER, int.from_bytes(message[1:3]), message[3:].decode(errors="replace"), now=now
            )
        elif kind == b"\x03":
            watch.receive_close(Side.CLIENT, 1000, "", now=now)
        else:
            side = Side.CLIENT if is_command(message) else Side.SERVER
            said = message[1:] if kind == b"\x04" else message.decode(errors="surrogateescape")
            watch.receive_message(side, said, now=now)
        count += 1
        broken.update(check_finding(finding, count, now) for finding in watch.findings())
    watch.finish(now=now + 60)
    watch.finish(now=now + 60)
    broken.update(check_finding(finding, count, now + 60) for finding in watch.findings())
    assert all(times > 0 for times in watch.triggers.values())
    return f"{' and '.join(sorted(broken)) or 'nobody'} broke a rule"


_REQUESTS = tuple(f'"{field}":{{'.encode() for field in m.REQUEST_FIELDS.values())


def is_command(message):
    """Whether a message is most likely a client's: an empty object answers one."""
    return any(request in message for request in _REQUESTS) and b'"client"' not in message and b"push" not in message


def check_finding(finding, count, now):
    assert finding.side in Side
    assert finding.requirement.startswith("GL-")
    assert finding.text
    assert 0 <= finding.message <= count
    assert finding.line >= 0
    assert not finding.pointer or finding.pointer.startswith("/")
    assert finding.time_s <= now
    return finding.side.value


@attrs.frozen(kw_only=True)
class Target:
    """One subject: how an input is tried, what an input may be made of, and which ways to end must occur."""

    run: object
    tokens: list
    must_occur: tuple
    laws: tuple = ()
    """Property tests, as ``module.function``, that some inputs are given to as well."""


TARGETS = {
    "server": Target(
        run=server,
        tokens=tokens.COMMANDS + tokens.PIECES,
        must_occur=("connected, connected", "connected, failed", "never connected, failed", "connected, closed"),
        laws=("test_session_laws.test_a_server_never_raises_and_ends_once",),
    ),
    "client": Target(
        run=client,
        tokens=tokens.REPLIES + tokens.PIECES,
        must_occur=("connected, connected", "connected, violated", "never connected, violated", "connected, waiting"),
    ),
    "codec": Target(
        run=codec,
        tokens=tokens.COMMANDS + tokens.REPLIES + tokens.PIECES,
        must_occur=("read", "fault", "fault and read"),
        laws=(
            "test_codec_laws.test_decoding_never_raises",
            "test_codec_laws.test_a_command_survives_the_round_trip",
            "test_codec_laws.test_a_reply_survives_the_round_trip",
        ),
    ),
    "channel": Target(
        run=channel,
        tokens=tokens.CHANNELS,
        must_occur=("parsed", "parsed and prefixed"),
        laws=(
            "test_channel_laws.test_the_grammar_is_that_of_the_requirements",
            "test_channel_laws.test_a_prefix_has_one_spelling_in_each_form",
        ),
    ),
    "trace": Target(
        run=trace,
        tokens=tokens.EVENTS,
        must_occur=(
            "header, events, whole",
            "header, events, damaged",
            "header, events, cut",
            "no header, no event, damaged",
        ),
    ),
    "monitor": Target(
        run=monitor,
        tokens=tokens.COMMANDS + tokens.REPLIES + tokens.PIECES,
        must_occur=(
            "nobody broke a rule",
            "client broke a rule",
            "server broke a rule",
            "client and server broke a rule",
        ),
    ),
}


def seeds_of(target):
    return seeds(target.tokens)
