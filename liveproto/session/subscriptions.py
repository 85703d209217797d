"""A client's subscriptions, across its connections.

Theory. What the caller asked for lasts until the caller, or the server for good, ends it: each connection is told
anew. A channel has a machine of its own, moved by the table in ``states``; a channel without subscription has none, so
that nothing is kept of it. Of several subscribes of one channel only the reply to the last counts (GL-WIRE-040).

Not here: positions and recovery, deltas, channel compaction, subscriptions that the server makes.
Sources: Client SDK specification; centrifuge-js 5.7.4 subscription.ts; centrifuge-python 0.7.0 client.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from liveproto.errors import LimitExceededError, LocalProtocolError
from liveproto.session import events as ev
from liveproto.session.backoff import backoff_delay_s
from liveproto.session.machine import Machine
from liveproto.session.replies import cause_of, classify_subscribe, token_has_expired
from liveproto.session.states import SUBSCRIPTION_TRANSITIONS, SubscriptionInput, SubscriptionState
from liveproto.wire import codes
from liveproto.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from liveproto.session.commands import Commands
    from liveproto.session.machine import Transition

_I: Final = SubscriptionInput
_MIN_REFRESH_RETRY_S: Final = 10.0
_MAX_REFRESH_RETRY_S: Final = 20.0
_NO_CAUSE: Final = codes.Disconnect(0, "")


@attrs.define(kw_only=True)
class Subscription:
    """What is known of one channel."""

    request: m.SubscribeRequest
    machine: Machine[SubscriptionState, SubscriptionInput]
    command_id: int = 0
    """Of the last subscribe or sub_refresh: only its reply counts."""
    attempt: int = 0
    """How many subscribes were refused since one was accepted."""
    token_expired: bool = False
    token_asked: bool = False


class Subscriptions:
    """All channels a caller has subscribed to, by their name."""

    def __init__(
        self,
        *,
        commands: Commands,
        report: Callable[[ev.ClientEvent], None],
        delay_s: Callable[[int], float],
        fractions: Iterator[float],
        channels: int,
    ) -> None:
        """Start without any.

        Args:
            commands: where subscribes are written.
            report: takes each event.
            delay_s: how long to wait after so many failures.
            fractions: from 0 to below 1.
            channels: how many there may be.
        """
        self._commands = commands
        self._report = report
        self._delay_s = delay_s
        self._fractions = fractions
        self._max_channels = channels
        self._all: dict[str, Subscription] = {}
        # When to subscribe again, or to ask for a newer token.
        self._due: dict[str, float] = {}
        self._ready = False
        self._now = 0.0
        self._actions: dict[str, Callable[[str, Subscription, codes.Disconnect], None]] = {
            "announce": self._announce,
            "end": self._end,
            "leave": self._leave,
            "send": self._send,
            "ask": self._ask,
            "refresh": self._refresh,
            "rest": self._rest,
            "retry": self._retry,
            "renew": self._renew,
            "succeed": self._succeed,
            "ignore": self._ignore,
        }

    # -- the caller's ----------------------------------------------------------------------------------------------

    def subscribe(self, request: m.SubscribeRequest, *, now: float) -> None:
        """Begin a subscription; see ``ClientProtocol.subscribe``."""
        self._now = now
        channel = request.channel
        if not channel or channel in self._all:
            message = f"expected a channel without a subscription, got {channel!r}"
            raise LocalProtocolError(message, "GL-SUB-003" if channel else "GL-SUB-002")
        if len(self._all) >= self._max_channels:
            limit = "channels"
            raise LimitExceededError(limit, len(self._all) + 1, self._max_channels)
        self._commands.check_size(request)
        self._commands.check_room()
        machine = Machine(SUBSCRIPTION_TRANSITIONS, SubscriptionState.UNSUBSCRIBED)
        self._all[channel] = Subscription(request=request, machine=machine)
        self._step(channel, _I.SUBSCRIBE)
        self._proceed(channel)

    def unsubscribe(self, channel: str, *, now: float) -> None:
        """End a subscription; see ``ClientProtocol.unsubscribe``."""
        self._now = now
        if channel not in self._all:
            message = f"expected a channel with a subscription, got {channel!r}"
            raise LocalProtocolError(message, "GL-SUB-003" if channel else "GL-SUB-012")
        self._commands.check_room()
        self._step(channel, _I.UNSUBSCRIBE)

    def provide_token(self, channel: str, token: str, *, now: float) -> None:
        """Take a token; see ``ClientProtocol.provide_token``."""
        self._now = now
        subscription = self._all.get(channel)
        if subscription is None:
            return
        request = msgspec.structs.replace(subscription.request, token=token)
        self._commands.check_size(request)
        asked, subscription.token_asked = subscription.token_asked, False
        subscription.request, subscription.token_expired = request, False
        if asked:
            self._step(channel, _I.TOKEN if token else _I.TOKEN_EMPTY)
            self._proceed(channel)

    # -- the connection's ------------------------------------------------------------------------------------------

    def connection_open(self, *, now: float) -> None:
        """Subscribe to everything, now that there is a connection (GL-CLIENT-002)."""
        self._now = now
        self._ready = True
        for channel in list(self._all):
            self._proceed(channel)

    def connection_lost(self) -> None:
        """Let everything wait for the next connection."""
        self._ready = False
        for channel in list(self._all):
            self._step(channel, _I.LOST)

    def awaits(self, command_id: int, channel: str) -> bool:
        """Tell whether the reply to this subscribe or sub_refresh still counts."""
        subscription = self._all.get(channel)
        return subscription is not None and subscription.command_id == command_id

    def replied(self, command_id: int, channel: str, reply: m.Reply, *, now: float) -> None:
        """Take the reply to a subscribe."""
        self._now = now
        if not self.awaits(command_id, channel):
            return
        self._all[channel].token_expired = token_has_expired(reply)
        self._step(channel, classify_subscribe(reply), cause_of(reply, _NO_CAUSE))
        if reply.error is None:
            result = reply.subscribe or m.SubscribeResult()
            self._report(ev.Subscribed(channel=channel, result=result))
            self._expect_expiry(channel, expires=result.expires, ttl=result.ttl)

    def refreshed(self, command_id: int, channel: str, reply: m.Reply, *, now: float) -> None:
        """Take the reply to a sub_refresh."""
        self._now = now
        if not self.awaits(command_id, channel):
            return
        error = reply.error
        if error is None:
            result = reply.sub_refresh or m.SubRefreshResult()
            self._expect_expiry(channel, expires=result.expires, ttl=result.ttl)
        elif codes.error_is_temporary(error):
            self.refresh_failed(command_id, channel, cause_of(reply, _NO_CAUSE), now=now)
        else:
            self._step(channel, _I.REFRESH_REFUSED, cause_of(reply, _NO_CAUSE))

    def refresh_failed(self, command_id: int, channel: str, cause: codes.Disconnect, *, now: float) -> None:
        """Ask for a token again, later."""
        if not self.awaits(command_id, channel):
            return
        fraction = next(self._fractions)
        self._due[channel] = now + backoff_delay_s(
            0, fraction=fraction, min_s=_MIN_REFRESH_RETRY_S, max_s=_MAX_REFRESH_RETRY_S
        )
        self._report(ev.RefreshFailed(channel=channel, code=cause.code, reason=cause.reason))

    def push(self, push: m.Push, *, now: float) -> None:
        """Take a push of a channel; one that nobody waits for is ignored (GL-WIRE-030)."""
        subscription = self._all.get(push.channel)
        if subscription is None:
            return
        if push.unsubscribe is not None:
            self._now = now
            final = codes.unsubscribe_is_final(push.unsubscribe.code)
            cause = codes.Disconnect(push.unsubscribe.code, push.unsubscribe.reason)
            self._step(push.channel, _I.REVOKED if final else _I.RESUBSCRIBE, cause)
        elif subscription.machine.step(_I.PUSH) is not None:
            if push.pub is not None:
                self._report(ev.PublicationReceived(channel=push.channel, publication=push.pub))
            elif push.join is not None or push.leave is not None:
                self._report(ev.PushReceived(push=push))

    # -- time ------------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """Tell when to call ``handle_timeout``, or None for never."""
        return min(self._due.values(), default=None)

    def handle_timeout(self, *, now: float) -> None:
        """Do what is due at ``now``."""
        self._now = now
        for channel in [channel for channel, due in self._due.items() if due <= now]:
            del self._due[channel]
            if self._step(channel, _I.TOKEN_DUE) is None:
                self._proceed(channel)

    # -- read-only -------------------------------------------------------------------------------------------------

    @property
    def states(self) -> dict[str, SubscriptionState]:
        """Where each channel stands; one without a subscription is not in it."""
        return {channel: subscription.machine.state for channel, subscription in self._all.items()}

    # -- private ---------------------------------------------------------------------------------------------------

    def _step(
        self, channel: str, input_: SubscriptionInput, cause: codes.Disconnect = _NO_CAUSE
    ) -> Transition[SubscriptionState] | None:
        subscription = self._all[channel]
        transition = subscription.machine.step(input_)
        if transition is None:
            return None
        if transition.target is SubscriptionState.UNSUBSCRIBED:
            del self._all[channel]
            self._due.pop(channel, None)
        answer = transition.answer if isinstance(transition.answer, codes.Disconnect) else cause
        self._actions[transition.action](channel, subscription, answer)
        return transition

    def _proceed(self, channel: str) -> None:
        """Subscribe, if that is what the channel waits for and a connection is there."""
        subscription = self._all.get(channel)
        if self._ready and subscription is not None:
            self._step(channel, _I.READY_EXPIRED if subscription.token_expired else _I.READY)

    def _expect_expiry(self, channel: str, *, expires: bool, ttl: int) -> None:
        if expires:
            self._due[channel] = self._now + ttl

    def _announce(self, channel: str, subscription: Subscription, cause: codes.Disconnect) -> None:
        subscription.token_asked = False
        self._due.pop(channel, None)
        self._report(ev.Subscribing(channel=channel, code=cause.code, reason=cause.reason))

    def _end(self, channel: str, _: Subscription, cause: codes.Disconnect) -> None:
        self._report(ev.Unsubscribed(channel=channel, code=cause.code, reason=cause.reason))

    def _leave(self, channel: str, subscription: Subscription, cause: codes.Disconnect) -> None:
        self._commands.send(m.UnsubscribeRequest(channel=channel), now=self._now)
        self._end(channel, subscription, cause)

    def _send(self, _: str, subscription: Subscription, __: codes.Disconnect) -> None:
        subscription.command_id = self._commands.send(subscription.request, now=self._now)

    def _ask(self, channel: str, subscription: Subscription, _: codes.Disconnect) -> None:
        subscription.token_asked = True
        self._report(ev.TokenRequested(channel=channel))

    def _refresh(self, channel: str, subscription: Subscription, _: codes.Disconnect) -> None:
        request = m.SubRefreshRequest(channel=channel, token=subscription.request.token)
        subscription.command_id = self._commands.send(request, now=self._now)

    def _rest(self, channel: str, _: Subscription, __: codes.Disconnect) -> None:
        self._due.pop(channel, None)

    def _retry(self, channel: str, subscription: Subscription, cause: codes.Disconnect) -> None:
        self._due[channel] = self._now + self._delay_s(subscription.attempt)
        subscription.attempt += 1
        self._report(ev.SubscribeFailed(channel=channel, code=cause.code, reason=cause.reason))

    def _renew(self, channel: str, subscription: Subscription, cause: codes.Disconnect) -> None:
        self._announce(channel, subscription, cause)
        self._proceed(channel)

    def _succeed(self, _: str, subscription: Subscription, __: codes.Disconnect) -> None:
        subscription.attempt = 0

    def _ignore(self, _: str, __: Subscription, ___: codes.Disconnect) -> None:
        """Stay as it is."""
