"""Channel addresses, with the verdicts of grafana-plugin-sdk-go live/channel_test.go written out."""

import attrs
import pytest

from liveproto.channel import (
    MAX_CHANNEL_BYTES,
    Channel,
    Dots,
    Organisation,
    PrefixForm,
    parse_channel,
    split_prefix,
)
from liveproto.errors import ChannelRule, InvalidChannelError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aaa/bbb/ccc", ("aaa", "bbb", "ccc")),
        ("aaa/bbb/ccc/ddd", ("aaa", "bbb", "ccc/ddd")),
        ("grafana/dashboard/uid/xyz", ("grafana", "dashboard", "uid/xyz")),
        ("stream/telegraf/cpu", ("stream", "telegraf", "cpu")),
        ("a/b/c/", ("a", "b", "c/")),
        ("a/b//", ("a", "b", "/")),
        ("a/b/-_=.", ("a", "b", "-_=.")),
        ("A-z_0/9-_/x=y.z", ("A-z_0", "9-_", "x=y.z")),
        ("ds/P8E80F9AEF21F6940/-/1s", ("ds", "P8E80F9AEF21F6940", "-/1s")),
    ],
)
@pytest.mark.parametrize("dots", list(Dots))
def test_valid(text, parts, dots):
    channel = parse_channel(text, dots=dots)
    assert (channel.scope, channel.namespace, channel.path) == parts
    assert str(channel) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "GL-CHAN-001"),
        ("/", "GL-CHAN-001"),
        ("a", "GL-CHAN-001"),
        ("a/b", "GL-CHAN-001"),
        ("a/b/", "GL-CHAN-001"),
        ("/b/c", "GL-CHAN-001"),
        ("a//c", "GL-CHAN-001"),
        ("//c", "GL-CHAN-001"),
        ("///", "GL-CHAN-001"),
        ("a b/c/d", "GL-CHAN-003"),
        ("a/b$/c", "GL-CHAN-003"),
        ("a=/b/c", "GL-CHAN-003"),
        ("é/b/c", "GL-CHAN-003"),
        ("a/b/c d", "GL-CHAN-004"),
        ("a/b/c\n", "GL-CHAN-004"),
        ("a/b/é", "GL-CHAN-004"),
        ("a/b/c?", "GL-CHAN-004"),
        ("a\n/b/c", "GL-CHAN-003"),
        # Between Z and a: the upstream class A-z admits them, this one does not (GL-CHAN-013).
        ("a[/b/c", "GL-CHAN-003"),
        ("a/b^/c", "GL-CHAN-003"),
        ("a/b/`", "GL-CHAN-004"),
        ("a/b/\\", "GL-CHAN-004"),
    ],
)
def test_the_first_rule_broken(text, rule):
    with pytest.raises(InvalidChannelError) as caught:
        parse_channel(text)
    assert caught.value.reason.value == rule
    assert str(caught.value).endswith(f"({rule})")


@pytest.mark.parametrize("text", ["a.b/c/d", "a/b.c/d", "./././"])
def test_a_dot_in_scope_or_namespace_came_with_grafana_12(text):
    assert str(parse_channel(text, dots=Dots.EVERYWHERE)) == text
    assert str(parse_channel(text)) == text
    with pytest.raises(InvalidChannelError) as caught:
        parse_channel(text, dots=Dots.IN_PATH)
    assert caught.value.reason is ChannelRule.SCOPE_OR_NAMESPACE


def test_the_limit_is_160_bytes():
    assert MAX_CHANNEL_BYTES == 160
    longest = "stream/a/" + "p" * 151
    assert str(parse_channel(longest)) == longest
    with pytest.raises(InvalidChannelError, match="expected at most 160 bytes, got 161") as caught:
        parse_channel(longest + "p")
    assert caught.value.reason is ChannelRule.LENGTH


def test_characters_are_judged_before_the_length():
    with pytest.raises(InvalidChannelError) as caught:
        parse_channel("a/b/" + "é" * 200)
    assert caught.value.reason is ChannelRule.PATH


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/b", "expected scope/namespace/path, three non-empty parts, got 'a/b' (GL-CHAN-001)"),
        ("a b/c/d", r"expected only characters of [A-Za-z0-9_\-.] in scope, got 'a b' (GL-CHAN-003)"),
        ("a/b/c d", r"expected only characters of [A-Za-z0-9_\-/=.] in path, got 'c d' (GL-CHAN-004)"),
        ("x" * 61, f"expected scope/namespace/path, three non-empty parts, got '{'x' * 60}…' (GL-CHAN-001)"),
    ],
)
def test_messages_show_what_was_got(text, message):
    with pytest.raises(InvalidChannelError) as caught:
        parse_channel(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("organisation", "decimal", "namespace"),
    [
        (Organisation(1), "1", "default"),
        (Organisation(2), "2", "org-2"),
        (Organisation(77), "77", "org-77"),
        (Organisation(1, stack=True), "stacks-1", "stacks-1"),
        (Organisation(12, stack=True), "stacks-12", "stacks-12"),
    ],
)
def test_prefix_of_an_organisation(organisation, decimal, namespace):
    assert organisation.prefix(PrefixForm.DECIMAL) == decimal
    assert organisation.prefix(PrefixForm.NAMESPACE) == namespace


@pytest.mark.parametrize(
    ("text", "organisation", "rest"),
    [
        ("1/stream/a/b", Organisation(1), "stream/a/b"),
        ("23/stream/a/b", Organisation(23), "stream/a/b"),
        ("default/stream/a/b", Organisation(1), "stream/a/b"),
        ("org-2/stream/a/b", Organisation(2), "stream/a/b"),
        ("stacks-1/stream/a/b", Organisation(1, stack=True), "stream/a/b"),
        ("stacks-9/x", Organisation(9, stack=True), "x"),
        ("1/", Organisation(1), ""),
        ("9223372036854775807/a", Organisation(9223372036854775807), "a"),
    ],
)
def test_split_prefix(text, organisation, rest):
    assert split_prefix(text) == (organisation, rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "default",
        "/stream/a/b",
        "0/stream/a/b",
        "01/stream/a/b",
        "-1/stream/a/b",
        "+1/stream/a/b",
        "1.0/stream/a/b",
        "\u0661/stream/a/b",
        "1\n/stream/a/b",
        "99999999999999999999/stream/a/b",
        "org-1/stream/a/b",
        "org-0/stream/a/b",
        "org-02/stream/a/b",
        "org-/stream/a/b",
        "org/stream/a/b",
        "stacks-0/stream/a/b",
        "stacks-/stream/a/b",
        "Default/stream/a/b",
        "default\n/stream/a/b",
        "x-2/stream/a/b",
    ],
)
def test_what_is_no_prefix(text):
    with pytest.raises(InvalidChannelError, match="expected an organisation before the first slash") as caught:
        split_prefix(text)
    assert caught.value.reason is ChannelRule.PREFIX


def test_channels_are_values():
    channel = Channel("a", "b", "c")
    assert channel == parse_channel("a/b/c")
    assert hash(channel) == hash(parse_channel("a/b/c"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        channel.path = "d"
