"""The exceptions of liveproto.

::

    LiveprotoError
    ├── ProtocolError            abstract; .requirement
    │   ├── LocalProtocolError   you called something the protocol forbids now; nothing changed
    │   └── RemoteProtocolError  the peer broke a rule; .disconnect
    ├── InvalidChannelError      a ValueError too; .reason
    ├── LineProtocolError        a ValueError too; .line, .column, .kind; its text shows the line and a caret
    ├── FrameError               a ValueError too: what is not a data frame, or not the JSON of one
    └── LimitExceededError       .limit, .value, .maximum

The state machines never raise for what a peer sends: they report a ``ProtocolViolated`` event, which carries a
``RemoteProtocolError``.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

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


class LineErrorKind(enum.StrEnum):
    """The part of a line of line protocol that is wrong."""

    MEASUREMENT = "measurement"
    TAG = "tag"
    FIELD = "field"
    VALUE = "value"
    RANGE = "range"
    TIMESTAMP = "timestamp"
    UTF8 = "utf8"
    COMMENT = "comment"


class LineProtocolError(LiveprotoError, ValueError):
    """A body is not line protocol.

    Args:
        expected: what could have stood there.
        kind: the part of the line that is wrong.
        line: from 1; every LF ends a line here, also one inside a quoted string.
        column: from 1, in bytes; one past the last byte where the line is too short.
        text: that line, without its LF.
    """

    def __init__(self, expected: str, kind: LineErrorKind, line: int, column: int, text: bytes) -> None:
        super().__init__(expected, kind, line, column, text)
        self.expected = expected
        self.kind = kind
        self.line = line
        self.column = column
        self.text = text

    def __str__(self) -> str:
        at = self.column - 1
        start, end = max(0, at - _SHOWN_BYTES), at + _SHOWN_BYTES
        before = ("…" if start else "") + _printable(self.text[start:at])
        after = _printable(self.text[at:end]) + ("…" if end < len(self.text) else "")
        what = f"line {self.line}, column {self.column}, {self.kind}: expected {self.expected}"
        return f"{what}\n    {before}{after}\n    {' ' * len(before)}^"


class FrameError(LiveprotoError, ValueError):
    """Something is not a data frame, or not the JSON of one."""


class LimitExceededError(LiveprotoError):
    """A value is above a limit the caller configured."""

    def __init__(self, limit: str, value: int, maximum: int) -> None:
        super().__init__(f"{limit}: got {value}, expected at most {maximum}")
        self.limit = limit
        self.value = value
        self.maximum = maximum


_SHOWN_BYTES: Final = 40
"""How much of a line an error shows on each side of the column."""


def _printable(text: bytes) -> str:
    shown = text.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
