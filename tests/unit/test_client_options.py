"""What a client may use, and how long it waits."""

import attrs

from liveproto.session.client_options import DEFAULT_LIMITS, DEFAULT_TIMING, ClientLimits, ClientTiming


def test_defaults_are_those_of_the_sdks():
    assert attrs.asdict(DEFAULT_TIMING) == {
        "command_timeout_s": 5.0,
        "max_ping_delay_s": 10.0,
        "min_delay_s": 0.5,
        "max_delay_s": 20.0,
    }
    assert attrs.asdict(DEFAULT_LIMITS) == {"message_bytes": 65_536, "commands": 1024, "channels": 1024}


def test_options_are_values():
    assert ClientTiming(min_delay_s=1.0) == ClientTiming(min_delay_s=1.0) != DEFAULT_TIMING
    assert ClientLimits(channels=1) == ClientLimits(channels=1) != DEFAULT_LIMITS
