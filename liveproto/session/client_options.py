"""What a client may use, and how long it waits: values with the SDKs' defaults.

Sources: centrifuge-js 5.7.4 types.ts; centrifuge 0.35.0 for the size of a message.
"""

from __future__ import annotations

from typing import Final

import attrs

from liveproto.session.backoff import DEFAULT_MAX_DELAY_S, DEFAULT_MIN_DELAY_S


@attrs.frozen(kw_only=True)
class ClientLimits:
    """What a client may use."""

    message_bytes: int = 65_536
    """Of one message it writes; the default is what centrifuge accepts (GL-WIRE-025)."""
    commands: int = 1024
    """Held, or sent and waiting for a reply."""
    channels: int = 1024


@attrs.frozen(kw_only=True)
class ClientTiming:
    """Delays of a client in seconds."""

    command_timeout_s: float = 5.0
    """Also of opening the transport."""
    max_ping_delay_s: float = 10.0
    """How late a ping may be before the connection counts as lost."""
    min_delay_s: float = DEFAULT_MIN_DELAY_S
    """The least wait before connecting or subscribing again."""
    max_delay_s: float = DEFAULT_MAX_DELAY_S


DEFAULT_LIMITS: Final = ClientLimits()
DEFAULT_TIMING: Final = ClientTiming()
