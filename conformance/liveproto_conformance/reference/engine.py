"""Who is subscribed to what, in memory; a channel lives only while somebody is subscribed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from liveproto.wire import json_v2
from liveproto.wire.messages import Push, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Subscriber(Protocol):
    """A connection, as the engine sees it."""

    def deliver(self, channel: str, line: bytes) -> None:
        """Send an encoded push of a channel, named as this connection subscribed to it."""
        ...


class Engine:
    """Channels by key; each subscriber knows its channel under a name of its own."""

    def __init__(self) -> None:
        self._channels: dict[Hashable, dict[Subscriber, str]] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def join(self, key: Hashable, subscriber: Subscriber, name: str) -> None:
        """Subscribe a connection to a key, under the name its pushes shall have."""
        self._channels.setdefault(key, {})[subscriber] = name

    def leave(self, key: Hashable, subscriber: Subscriber) -> None:
        """End a subscription; the last one takes the channel with it."""
        subscribers = self._channels.get(key, {})
        subscribers.pop(subscriber, None)
        if not subscribers:
            self._channels.pop(key, None)

    def publish(self, key: Hashable, make_push: Callable[[str], Push]) -> None:
        """Send a push to every subscriber of a key, encoded once for each name."""
        lines: dict[str, bytes] = {}
        for subscriber, name in list(self._channels.get(key, {}).items()):
            if name not in lines:
                lines[name] = json_v2.encode(Reply(push=make_push(name)))
            subscriber.deliver(name, lines[name])
