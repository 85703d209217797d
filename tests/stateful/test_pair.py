"""A client and a server joined in memory, with a delay on each way, against a small model of subscriptions.

Whatever the order of commands, answers and deliveries: neither side fails, every command is answered once,
publications arrive in order, once and only where they are wanted, and in the end both sides agree on the channels.

Not free: a server ends a subscription only while nothing is under way. Its push may else meet a newer subscribe of the
client on the way, and the protocol has nothing to tell which of the two it means.
"""

from collections import defaultdict

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import attempt, new_client

from liveproto.session import events as ev
from liveproto.session.client_options import ClientTiming
from liveproto.session.server import Limits, ServerProtocol, Timing
from liveproto.session.states import ClientState, ServerState, SubscriptionState
from liveproto.wire import codes
from liveproto.wire import messages as m

channels = st.sampled_from(["a", "b", "c"])
errors = st.sampled_from(
    [m.Error(code=103, message="permission denied"), m.Error(code=111, message="x", temporary=True)]
)


class Pair(RuleBasedStateMachine):
    """Both ends, the messages under way, and what ought to be true."""

    @initialize(lines_per_batch=st.sampled_from([1, 2, 16]))
    def connect(self, lines_per_batch):
        self.now = 0.0
        timing = Timing(ping_interval_s=4.0, pong_timeout_s=1.0, stale_delay_s=2.0)
        self.server = ServerProtocol(now=0.0, timing=timing, limits=Limits(lines_per_batch=lines_per_batch))
        # Messages and answers take as long as they like, and waits are short beside pings.
        timing = ClientTiming(max_ping_delay_s=1.0, command_timeout_s=1e9, min_delay_s=0.001, max_delay_s=0.001)
        self.client = new_client(timing=timing)
        self.to_server, self.to_client = [], []
        self.questions = []
        self.wanted, self.subscribed = set(), set()
        self.unanswered = set()
        self.published = 0
        self.received = defaultdict(list)
        self.ended = []
        self.client.connect(m.ConnectRequest(), now=0.0)
        assert self.client.data_to_send() == [ev.Open()]
        self.client.receive_open(now=0.0)
        self.collect()

    # -- the caller's side

    @rule(channel=channels)
    def subscribe(self, channel):
        refused = attempt(self.client.subscribe, m.SubscribeRequest(channel=channel), now=self.now)
        assert refused == ("raises GL-SUB-003" if channel in self.wanted else "")
        self.wanted.add(channel)
        self.collect()

    @rule(channel=channels)
    def unsubscribe(self, channel):
        if channel not in self.wanted:
            assert attempt(self.client.unsubscribe, channel, now=self.now) == "raises GL-SUB-003"
            return
        self.client.unsubscribe(channel, now=self.now)
        self.collect()
        assert channel not in self.wanted

    @rule(channel=channels, times=st.integers(2, 4))
    def change_mind(self, channel, times):
        for _ in range(times):
            (self.unsubscribe if channel in self.wanted else self.subscribe)(channel)

    @rule(channel=channels)
    def request(self, channel):
        publish = m.PublishRequest(channel=channel, data=msgspec.Raw(b"null"))
        self.unanswered.add(self.client.request(m.RPCRequest(data=msgspec.Raw(b"1")), now=self.now))
        self.unanswered.add(self.client.publish(publish, now=self.now))
        self.collect()

    # -- the application's side

    @precondition(lambda self: self.questions)
    @rule(data=st.data(), error=st.none() | errors)
    def answer(self, data, error):
        event = self.questions.pop(data.draw(st.integers(0, len(self.questions) - 1)))
        connects = isinstance(event, ev.ConnectRequested)
        if error is not None and not connects:
            self.server.refuse(event.ticket, error, now=self.now)
        else:
            self.accept(event)
        self.collect()

    @rule(channel=channels)
    def push(self, channel):
        self.published += 1
        publication = m.Publication(data=msgspec.Raw(b"%d" % self.published))
        attempt(self.server.push, m.Push(channel=channel, pub=publication))
        self.collect()

    def revoke(self, channel, code):
        self.settle()
        self.server.unsubscribe(channel, code, "revoked")
        self.collect()
        self.settle()
        assert channel not in self.wanted or code == 2500

    # -- the way between them

    @precondition(lambda self: self.to_server)
    @rule()
    def deliver_to_server(self):
        self.server.receive_batch(self.to_server.pop(0), now=self.now)
        self.collect()

    @precondition(lambda self: self.to_client)
    @rule()
    def deliver_to_client(self):
        self.client.receive_batch(self.to_client.pop(0), now=self.now)
        self.collect()

    def pass_time(self):
        """Until the next ping and its pong: answers and messages do not take that long."""
        self.settle()
        self.now = min(self.server.next_timeout(), self.client.next_timeout())
        self.server.handle_timeout(now=self.now)
        self.client.handle_timeout(now=self.now)
        assert self.server.data_to_send() == [ev.Batch(data=b"{}")]
        self.client.receive_batch(b"{}", now=self.now + 0.5)
        self.collect()
        self.settle()
        assert self.server.next_timeout() == self.now + 4.0

    @rule(channel=channels, what=st.sampled_from(["final", "to be renewed", "time", "agreement"]))
    def when_all_is_settled(self, channel, what):
        match what:
            case "final":
                self.revoke(channel, 2000)
            case "to be renewed":
                self.revoke(channel, 2500)
            case "time":
                self.pass_time()
            case "agreement":
                self.both_agree_when_all_is_settled()

    # -- what ought to be true

    @invariant()
    def nobody_fails(self):
        assert self.client.state in {ClientState.CONNECTING, ClientState.CONNECTED}
        assert self.server.state in {ServerState.OPEN, ServerState.CONNECTING, ServerState.CONNECTED}
        assert self.ended == []

    @invariant()
    def publications_arrive_once_and_in_order(self):
        for numbers in self.received.values():
            assert numbers == sorted(set(numbers))

    def both_agree_when_all_is_settled(self):
        self.settle()
        assert self.unanswered == set()
        assert self.wanted == self.subscribed == set(self.server.channels)
        assert not self.server.paused
        for channel in self.subscribed:
            self.push(channel)
            self.settle()
            assert self.received[channel][-1] == self.published

    def teardown(self):
        if not hasattr(self, "server"):
            return
        self.both_agree_when_all_is_settled()
        self.server.disconnect(codes.SHUTDOWN)
        [close] = self.server.data_to_send()
        self.client.receive_close(close.code, close.reason, now=self.now)
        self.server.receive_close(close.code, close.reason, now=self.now)
        over = ev.Disconnected(code=3001, reason="shutdown", reconnect=True)
        assert (self.server.events(), self.client.events()[-1]) == ([over], ev.Connecting(code=3001, reason="shutdown"))

    # -- helpers

    def accept(self, event):
        match event:
            case ev.ConnectRequested():
                self.server.accept(event.ticket, m.ConnectResult(client="u"), now=self.now)
            case ev.SubscribeRequested():
                self.server.accept(event.ticket, m.SubscribeResult(), now=self.now)
            case ev.PublishRequested():
                self.server.reply(event.ticket, m.PublishResult())
            case ev.CommandRequested():
                self.server.reply(event.ticket, m.RPCResult(data=event.request.data))

    def settle(self):
        """Deliver, accept and try again everything until nothing is left."""
        while self.to_server or self.to_client or self.questions or self.retry():
            while self.questions:
                self.accept(self.questions.pop(0))
                self.collect()
            for queue, machine in ((self.to_server, self.server), (self.to_client, self.client)):
                while queue:
                    machine.receive_batch(queue.pop(0), now=self.now)
                    self.collect()

    def retry(self):
        """Let the client subscribe again where it waits to."""
        waits = SubscriptionState.RETRYING in self.client.subscriptions.values()
        if waits:
            self.now = self.client.next_timeout()
            self.client.handle_timeout(now=self.now)
            self.collect()
        return waits

    def collect(self):
        self.to_server += [output.data for output in self.client.data_to_send()]
        self.to_client += [output.data for output in self.server.data_to_send()]
        for event in self.server.events():
            self.server_reported(event)
        for event in self.client.events():
            self.client_reported(event)

    def server_reported(self, event):
        if isinstance(event, ev.ProtocolViolated | ev.Disconnected):
            self.ended.append(event)
        elif not isinstance(event, ev.Unsubscribed):
            self.questions.append(event)

    def client_reported(self, event):
        match event:
            case ev.Subscribed(channel=channel):
                assert channel in self.wanted - self.subscribed
                self.subscribed.add(channel)
            case ev.Unsubscribed(channel=channel):
                self.wanted.remove(channel)
                self.subscribed.discard(channel)
            case ev.Subscribing(channel=channel):
                assert channel in self.wanted
                self.subscribed.discard(channel)
            case ev.PublicationReceived(channel=channel, publication=publication):
                assert channel in self.wanted
                self.received[channel].append(int(bytes(publication.data)))
            case ev.ReplyReceived(command_id=command_id) | ev.ErrorReceived(command_id=command_id):
                self.unanswered.remove(command_id)
            case ev.ProtocolViolated() | ev.Disconnected():
                self.ended.append(event)


Pair.TestCase.settings = settings(max_examples=250, stateful_step_count=40)
test_pair = Pair.TestCase
