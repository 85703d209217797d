"""SESSION: whole sessions, made by chance, against a model of their subscriptions.

Each stateful check is one way to fall out of step: with what was commanded, with what is heard, with another
connection, with connections that were lost. Where a rule is broken, the message ends in its id. The last checks try on
a connection what others try only before or after its connect.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from liveproto_conformance.bench import Stand
from liveproto_conformance.check import check, stateful
from liveproto_conformance.stateful.conversation import Conversation, step
from liveproto_conformance.stateful.scene import CHANNELS, Scene

_CHANNELS: Final = st.integers(0, CHANNELS - 1)
_SEATS: Final = st.integers(0, 1)
_COMMANDS: Final = st.builds("{} {}".format, st.sampled_from(["subscribe", "unsubscribe"]), _CHANNELS)
_PAIRS: Final = st.lists(_COMMANDS, min_size=2, max_size=2)
_REFUSABLE: Final = {"too long": "x" * 2000, "against the grammar": "%%%", "of no scope": "liveproto/none"}
_REQUESTS: Final = st.sampled_from(["rpc", "presence", "presence_stats", "history"])
_INCOMPLETE: Final = (
    '{"rpc":{"data":{}}}',
    '{"id":1,"subscribe":{}}',
    '{"id":1,"subscribe":{"channel":"x","delta":"liveproto"}}',
    '{"id":1,"unsubscribe":{}}',
    '{"id":1,"publish":{"data":{}}}',
    '{"id":1,"publish":{"channel":"x"}}',
    '{"id":1,"presence":{}}',
)
_FAULTS: Final = st.sampled_from(['{"id":7,"connect":{}}', '{"id":7}', '{"id":7,"subscribe":{}}', "[]", "{"])


class _OneSeat(Conversation):
    """What can be commanded on one connection."""

    def begin(self) -> None:
        """Take three channels."""
        self.scene = Scene(self.stand)

    @step(channel=_CHANNELS)
    def subscribe(self, channel: int) -> None:
        """Subscribe, again where it is."""
        self.scene.subscribe(0, channel)

    @step(channel=_CHANNELS)
    def unsubscribe(self, channel: int) -> None:
        """Unsubscribe, also where it is not."""
        self.scene.unsubscribe(0, channel)

    @step(commands=_PAIRS)
    def together(self, commands: list[str]) -> None:
        """Send commands, such as ``subscribe 0``, as one batch."""
        self.scene.together(0, [(kind, int(channel)) for kind, channel in map(str.split, commands)])

    @step(which=st.sampled_from(sorted(_REFUSABLE)))
    def refused(self, which: str) -> None:
        """Subscribe to what the target may refuse."""
        self.scene.refused(0, _REFUSABLE[which])


class Commands(_OneSeat):
    """One connection that is only commanded."""

    @step(kind=_REQUESTS)
    def ask(self, kind: str) -> None:
        """Ask for something else."""
        self.scene.ask(0, kind)


@check("GL-SUB-003", "GL-SUB-005", "GL-SUB-007", "GL-SUB-009", "GL-SUB-011")
@stateful(Commands)
def test_commands_are_answered_as_their_channel_stands(conversation: Commands) -> None:
    conversation.scene.settle()


class OneConnection(_OneSeat):
    """One connection that subscribes and leaves, publishes and is published to."""

    def begin(self) -> None:
        """Take three channels that can be published to."""
        super().begin()
        self.scene.needs_publishing()

    @step(channel=_CHANNELS)
    def publish(self, channel: int) -> None:
        """Publish by the route of the run."""
        self.scene.publish(channel)

    @step(channel=_CHANNELS)
    def publish_itself(self, channel: int) -> None:
        """Publish on the connection itself, subscribed or not."""
        self.scene.publish_itself(0, channel)


@check("GL-SUB-004", "GL-SUB-008", "GL-SUB-010", "GL-SUB-018", "GL-SUB-024", "GL-SUB-029")
@stateful(OneConnection)
def test_a_connection_hears_what_it_is_subscribed_to(conversation: OneConnection) -> None:
    conversation.scene.settle()


class _TwoSeats(Conversation):
    """What two connections do on the same channels."""

    def begin(self) -> None:
        """Take three channels."""
        self.scene = Scene(self.stand)
        self.scene.needs_publishing()

    @step(seat=_SEATS, channel=_CHANNELS)
    def subscribe(self, seat: int, channel: int) -> None:
        """Subscribe, again where it is."""
        self.scene.subscribe(seat, channel)

    @step(seat=_SEATS, channel=_CHANNELS)
    def unsubscribe(self, seat: int, channel: int) -> None:
        """Unsubscribe, also where it is not."""
        self.scene.unsubscribe(seat, channel)

    @step(channel=_CHANNELS)
    def publish(self, channel: int) -> None:
        """Publish by the route of the run."""
        self.scene.publish(channel)


class TwoConnections(_TwoSeats):
    """Two connections that stay, and publish themselves."""

    @step(seat=_SEATS, channel=_CHANNELS)
    def publish_itself(self, seat: int, channel: int) -> None:
        """Publish on one of the connections, subscribed or not."""
        self.scene.publish_itself(seat, channel)


@check("GL-SUB-008", "GL-SUB-015", "GL-SUB-016", "GL-SUB-018", "GL-SUB-029")
@stateful(TwoConnections)
def test_two_connections_share_nothing_but_channels(conversation: TwoConnections) -> None:
    conversation.scene.settle()


class LostConnections(_TwoSeats):
    """Two connections that are lost, or closed for a fault, and come again."""

    @step(seat=_SEATS, close_frame=st.booleans())
    def lose(self, seat: int, close_frame: bool) -> None:  # noqa: FBT001 - drawn by name
        """End a connection, with a Close frame or without."""
        self.scene.lose(seat, close_frame=close_frame)

    @step(close_frame=st.booleans())
    def look_in(self, close_frame: bool) -> None:  # noqa: FBT001 - drawn by name
        """Open a connection and leave it without a word."""
        self.scene.look_in(close_frame=close_frame)

    @step(seat=_SEATS, text=_FAULTS)
    def misuse(self, seat: int, text: str) -> None:
        """Let a connection be closed for its fault."""
        self.scene.misuse(seat, text)


@check("GL-SUB-019", "GL-CONN-022")
@stateful(LostConnections)
def test_a_lost_connection_takes_its_subscriptions_along(conversation: LostConnections) -> None:
    conversation.scene.settle()


@check("GL-CONN-002")
def test_a_first_command_is_refused_whatever_it_lacks(stand: Stand) -> None:
    for text in _INCOMPLETE:
        stand.expect_fault(text, before_connect=True)


@check("GL-CONN-005")
def test_a_late_connect_without_id_is_refused(stand: Stand) -> None:
    stand.expect_fault('{"connect":{}}')


@check("GL-WIRE-025")
def test_a_message_over_the_limit_is_closed_before_connect(stand: Stand) -> None:
    message = '{"id":1,"connect":{"name":"' + "x" * stand.limit("message_bytes") + '"}}'
    session = stand.unconnected()
    session.send_raw(message)
    session.given_up_with(1009)
    stand.connected().fence()
