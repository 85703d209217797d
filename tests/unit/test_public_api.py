"""The names that a user imports from ``liveproto``."""

import liveproto


def test_public_names():
    assert sorted(liveproto.__all__) == [
        "Channel",
        "ClientLimits",
        "ClientProtocol",
        "ClientTiming",
        "InvalidChannelError",
        "LimitExceededError",
        "Limits",
        "LiveprotoError",
        "LocalProtocolError",
        "ProtocolError",
        "RemoteProtocolError",
        "ServerProtocol",
        "Timing",
        "parse_channel",
        "split_prefix",
    ]


def test_public_names_exist_and_are_documented():
    assert [name for name in liveproto.__all__ if not getattr(liveproto, name).__doc__] == []


def test_version():
    assert liveproto.__version__ == "0.1.0"
