"""Following the connections of an execution: the oracle and the shadow of a server's tables see all that passes.

Theory. Judging what arrived takes time in which the target could already work, so it waits until the next message has
gone out. Whatever is sent or closed is seen after all that came before it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from liveproto_conformance.drive.websocket import Closed, Message
    from liveproto_conformance.oracle import Watch
    from liveproto_conformance.stateful.transitions import Shadow

_MAX_UNJUDGED: Final = 64
"""So many messages may wait to be judged."""


@attrs.frozen
class Following:
    """A connection with its number and what follows it."""

    connection: int
    watch: Watch
    shadow: Shadow

    def sent(self, data: str | bytes, raw: bytes) -> None:
        """See a message to the target, as it was given and as bytes."""
        self.watch.sent(data)
        self.shadow.sent(raw)

    def received(self, message: Message) -> None:
        """See a message from the target."""
        self.shadow.received(message.data)
        self.watch.received(message)

    def closed(self, closed: Closed) -> None:
        """See the end of the connection by the target."""
        self.watch.closed(closed)
        self.shadow.closed(closed.code)

    def left(self) -> None:
        """See the end of the connection by the kit."""
        self.shadow.left()


class Unjudged:
    """What has arrived and was not judged yet, on all connections of one execution, in order."""

    def __init__(self) -> None:
        self._messages: deque[tuple[Following, Message]] = deque()

    def add(self, following: Following, message: Message) -> None:
        """Keep a message for later; too many are judged at once."""
        self._messages.append((following, message))
        if len(self._messages) > _MAX_UNJUDGED:
            self.judge()

    def judge(self) -> None:
        """Judge everything that waits."""
        while self._messages:
            following, message = self._messages.popleft()
            following.received(message)
