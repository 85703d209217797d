"""Channel addresses: ``scope/namespace/path``, and the prefix that stands before them on the WebSocket.

Grammar only. Whether a scope exists, or a user may read it, is the server's business.

Theory. Grafana cuts an address at its first two slashes, so only ``path`` may contain one. Until 11.x a dot was
allowed in ``path`` alone; 12.0 allows it everywhere (``Dots``). The upstream character class ``A-z`` also admits the
six ASCII characters between ``Z`` and ``a``; this module does not (GL-CHAN-013). On the WebSocket the address follows
an organisation: a decimal id up to 12.3, a Kubernetes namespace from 12.4 (``Organisation``).

Sources: grafana-plugin-sdk-go live/channel.go and channel_test.go, grafana pkg/services/live/orgchannel.
"""

from __future__ import annotations

import enum
import re
from typing import Final

import attrs

from liveproto.errors import ChannelRule, InvalidChannelError

MAX_CHANNEL_BYTES: Final = 160
"""Longest address, in bytes of UTF-8, not counting the prefix."""

_PARTS: Final = 3
_NAME: Final = re.compile(r"[A-Za-z0-9_\-]+")
_NAME_WITH_DOTS: Final = re.compile(r"[A-Za-z0-9_\-.]+")
_PATH: Final = re.compile(r"[A-Za-z0-9_\-/=.]+")
# fullmatch throughout: Go's $ is the end of the text, Python's is not (GL-CHAN-001).
_DECIMAL_ORG: Final = re.compile(r"[1-9][0-9]{0,18}")
_NAMESPACE_ORG: Final = re.compile(r"(org|stacks)-([1-9][0-9]{0,18})")
_DEFAULT_ORG_ID: Final = 1


class Dots(enum.Enum):
    """Where a dot may stand."""

    IN_PATH = "8.0 to 11.x"
    EVERYWHERE = "12.0 and later"


class PrefixForm(enum.Enum):
    """How the organisation is written before a channel."""

    DECIMAL = "8.0 to 12.3"
    NAMESPACE = "12.4 and later"


@attrs.frozen
class Channel:
    """An address in its three parts, each non-empty and exactly as received."""

    scope: str
    namespace: str
    path: str

    def __str__(self) -> str:
        return f"{self.scope}/{self.namespace}/{self.path}"


@attrs.frozen
class Organisation:
    """Whose channel it is: an organisation, or a stack of Grafana Cloud."""

    id: int
    stack: bool = False

    def prefix(self, form: PrefixForm) -> str:
        """Write the organisation as ``form`` has it; a stack is always a namespace."""
        if self.stack:
            return f"stacks-{self.id}"
        if form is PrefixForm.DECIMAL:
            return str(self.id)
        return "default" if self.id == _DEFAULT_ORG_ID else f"org-{self.id}"


def parse_channel(channel_id: str, *, dots: Dots = Dots.EVERYWHERE) -> Channel:
    """Split a channel id into scope, namespace and path.

    Args:
        channel_id: at most 160 bytes of UTF-8; path may itself contain "/".
        dots: the grammar of the Grafana version.

    Returns:
        All three parts, each non-empty, exactly as received: no trimming, no case folding.

    Raises:
        InvalidChannelError: with the first rule broken, in the order GL-CHAN-001 to -005.
    """
    parts = channel_id.split("/", _PARTS - 1)
    if len(parts) != _PARTS or not all(parts):
        raise InvalidChannelError(
            f"expected scope/namespace/path, three non-empty parts, got {_shown(channel_id)}", ChannelRule.PARTS
        )
    scope, namespace, path = parts
    name, name_rule = (
        (_NAME_WITH_DOTS, ChannelRule.SCOPE_OR_NAMESPACE_DOTTED)
        if dots is Dots.EVERYWHERE
        else (_NAME, ChannelRule.SCOPE_OR_NAMESPACE)
    )
    for what, text, pattern, rule in (
        ("scope", scope, name, name_rule),
        ("namespace", namespace, name, name_rule),
        ("path", path, _PATH, ChannelRule.PATH),
    ):
        if not pattern.fullmatch(text):
            raise InvalidChannelError(
                f"expected only characters of {pattern.pattern[:-1]} in {what}, got {_shown(text)}", rule
            )
    if len(channel_id) > MAX_CHANNEL_BYTES:
        raise InvalidChannelError(
            f"expected at most {MAX_CHANNEL_BYTES} bytes, got {len(channel_id)}", ChannelRule.LENGTH
        )
    return Channel(scope, namespace, path)


def split_prefix(prefixed: str) -> tuple[Organisation, str]:
    """Take the organisation off a channel as it stands on the WebSocket.

    Both forms of prefix are understood; ``org-1`` is not, because organisation 1 is ``default``.

    Returns:
        The organisation and the rest, which may still break the channel grammar.

    Raises:
        InvalidChannelError: no slash, or no organisation before it (GL-CHAN-009).
    """
    prefix, slash, rest = prefixed.partition("/")
    organisation = _organisation(prefix) if slash else None
    if organisation is None:
        raise InvalidChannelError(
            f"expected an organisation before the first slash, got {_shown(prefix)}", ChannelRule.PREFIX
        )
    return organisation, rest


def _organisation(prefix: str) -> Organisation | None:
    if prefix == "default":
        return Organisation(_DEFAULT_ORG_ID)
    if _DECIMAL_ORG.fullmatch(prefix):
        return Organisation(int(prefix))
    match = _NAMESPACE_ORG.fullmatch(prefix)
    if match is None:
        return None
    stack, number = match[1] == "stacks", int(match[2])
    return Organisation(number, stack) if stack or number != _DEFAULT_ORG_ID else None


def _shown(text: str) -> str:
    limit = 60
    return repr(text if len(text) <= limit else text[:limit] + "…")
