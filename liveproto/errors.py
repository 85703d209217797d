"""The exceptions of liveproto.

::

    LiveprotoError
    ├── ProtocolError            abstract; .requirement
    │   ├── LocalProtocolError   you called something the protocol forbids now; nothing changed
    │   └── RemoteProtocolError  the peer broke a rule; .disconnect
    ├── InvalidChannelError      a ValueError too; .reason
    └── LimitExceededError       .limit, .value, .maximum

The state machines never raise for what a peer sends: they report a ``ProtocolViolated`` event, which carries a
``RemoteProtocolError``. Errors of line protocol and frames come with ``liveproto.frames``.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liveproto.wire.codes import Disconnect


class LiveprotoError(Exception):
    """Anything this library raises."""


class ProtocolError(LiveprotoError):
    """A rule of the protocol was broken; ``requirement`` is its id in SPEC.md."""

    def __init__(self, message: str, requirement: str) -> None:
        super().__init__(f"{message} ({requirement})")
        self.requirement = requirement


class LocalProtocolError(ProtocolError):
    """The caller asked for something the protocol forbids now; nothing has changed."""


class RemoteProtocolError(ProtocolError):
    """The peer broke a rule; ``disconnect`` is the close that answers it, where the rule names one."""

    def __init__(self, message: str, requirement: str, disconnect: Disconnect | None = None) -> None:
        super().__init__(message, requirement)
        self.disconnect = disconnect


class ChannelRule(enum.StrEnum):
    """The rule an address breaks, in the order in which they are checked."""

    PARTS = "GL-CHAN-001"
    SCOPE_OR_NAMESPACE = "GL-CHAN-002"
    SCOPE_OR_NAMESPACE_DOTTED = "GL-CHAN-003"
    PATH = "GL-CHAN-004"
    LENGTH = "GL-CHAN-005"
    PREFIX = "GL-CHAN-009"


class InvalidChannelError(LiveprotoError, ValueError):
    """A text is not a channel address; ``reason`` names the first rule it breaks."""

    def __init__(self, message: str, reason: ChannelRule) -> None:
        super().__init__(f"{message} ({reason.value})")
        self.reason = reason


class LimitExceededError(LiveprotoError):
    """A value is above a limit the caller configured."""

    def __init__(self, limit: str, value: int, maximum: int) -> None:
        super().__init__(f"{limit}: got {value}, expected at most {maximum}")
        self.limit = limit
        self.value = value
        self.maximum = maximum
