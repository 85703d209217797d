"""Grafana's answer to a channel; expectations from grafana-live.md sections 2.4 and 5."""

import pytest

from liveproto.channel import Channel, Organisation
from liveproto.grafana.release import Release
from liveproto.grafana.scopes import Act, Granted, decide, decide_unprefixed

OURS = Organisation(1)
NOW, BEFORE = Release(12, 4), Release(12, 3)
OK, TOLD = (None, False), (None, True)


def answer(channel, act, release=NOW):
    """The code of the error, or whether joins are told."""
    decision = decide(channel, act, organisation=OURS, release=release)
    return (None, decision.join_leave) if isinstance(decision, Granted) else decision.code


@pytest.mark.parametrize(
    ("channel", "subscribe", "publish"),
    [
        ("default/stream/cpu/load", OK, 403),
        ("1/stream/cpu/load", OK, 403),
        ("default/stream/a.b/c", OK, 403),
        ("default/plugin/testdata/x", OK, OK),
        ("default/ds/uid/x", OK, OK),
        ("default/watch/provisioning.grafana.app/v0/x", OK, 100),
        ("default/grafana/dashboard/uid/abc", TOLD, 100),
        ("default/grafana/dashboard/other", 404, 404),
        ("default/grafana/broadcast/x", 100, 100),
        ("default/grafana/nothing/x", 100, 100),
        ("default/Stream/cpu/load", 100, 100),
        ("default/nothing/cpu/load", 100, 100),
        ("default/stream/cpu", 400, 400),
        ("default/nothing/cpu", 400, 400),
        ("default/", 400, 400),
        ("2/stream/cpu/load", 103, 103),
        ("org-2/stream", 103, 103),
        ("stacks-1/stream/cpu/load", 103, 103),
        ("org-1/stream/cpu/load", 100, 100),
        ("0/stream/cpu/load", 100, 100),
        ("stream/cpu/load", 100, 100),
        ("default", 100, 100),
        ("", 100, 100),
    ],
)
def test_each_scope_has_its_answer(channel, subscribe, publish):
    assert answer(channel, Act.SUBSCRIBE) == subscribe
    assert answer(channel, Act.PUBLISH) == publish


def test_broadcast_existed_before_12_4():
    assert answer("1/grafana/broadcast/x", Act.SUBSCRIBE, BEFORE) == TOLD
    assert answer("1/grafana/broadcast/x", Act.PUBLISH, BEFORE) == TOLD


def test_a_dot_in_the_namespace_is_an_error_before_12_0():
    assert answer("1/stream/a.b/c", Act.SUBSCRIBE, Release(11, 6)) == 400
    assert answer("1/stream/a/b.c", Act.SUBSCRIBE, Release(11, 6)) == OK


@pytest.mark.parametrize(
    ("channel", "code", "message", "temporary"),
    [
        ("default/stream/cpu", 400, "invalid channel ID", False),
        ("default/stream/cpu/load", 403, "Forbidden", False),
        ("default/grafana/dashboard/x", 404, "Not Found", False),
        ("default/nothing/a/b", 100, "internal server error", True),
        ("2/stream/cpu/load", 103, "permission denied", False),
    ],
)
def test_errors_carry_message_and_temporary_flag(channel, code, message, temporary):
    error = decide(channel, Act.PUBLISH, organisation=OURS, release=NOW)
    assert (error.code, error.message, error.temporary) == (code, message, temporary)


def test_what_is_granted_names_the_channel_without_its_prefix():
    granted = decide("default/plugin/testdata/a/b", Act.PUBLISH, organisation=OURS, release=NOW)
    assert granted == Granted(Channel("plugin", "testdata", "a/b"))


def test_http_names_channels_without_prefix():
    assert decide_unprefixed("plugin/x/y", Act.PUBLISH, release=NOW) == Granted(Channel("plugin", "x", "y"))
    assert decide_unprefixed("default/plugin/x/y", Act.PUBLISH, release=NOW).code == 100
