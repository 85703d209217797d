"""Passive rules: what must hold of all traffic, whatever was being checked.

Theory. A rule sees raw JSON and Close frames, never our own records. It counts how often its trigger occurred, and
keeps the first findings; a rule that was never triggered was not exercised. One ``Watch`` follows one connection, and
an ``Oracle`` adds them up.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto.wire.codes import DISCONNECTS, FIRST_APPLICATION_ERROR, FIRST_PROTOCOL_CLOSE, TEMPORARY_ERRORS
from liveproto_conformance.drive.websocket import Ending
from liveproto_conformance.schema_check import reply_violation
from liveproto_conformance.session import as_object

if TYPE_CHECKING:
    from liveproto_conformance.drive.websocket import Closed, Message

_MAX_FINDINGS: Final = 5
_SHOWN: Final = 200
_LOCAL_CLOSE: Final = 3000
_UNSUBSCRIBE_CODES: Final = range(2000, 3000)
_ALREADY_SUBSCRIBED: Final = 105
_REQUESTS: Final = (
    "connect",
    "subscribe",
    "unsubscribe",
    "publish",
    "presence",
    "presence_stats",
    "history",
    "ping",
    "send",
    "rpc",
    "refresh",
    "sub_refresh",
)
_PUSH_KINDS: Final = ("pub", "join", "leave", "unsubscribe", "subscribe", "message", "refresh", "connect", "disconnect")
_CHANNEL_KINDS: Final = frozenset(_PUSH_KINDS[:5])
_decoder: Final = json.JSONDecoder()

Json = Any


@attrs.define
class Seen:
    """What one rule has seen in a run."""

    triggers: int = 0
    findings: list[str] = attrs.field(factory=list[str])


class Oracle:
    """The passive rules of a run, over all its connections."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = defaultdict(Seen)

    def trigger(self, requirement: str) -> None:
        """Count that a rule had something to say."""
        self._seen[requirement].triggers += 1

    def require(self, requirement: str, holds: object, finding: str) -> None:
        """Count a rule, and keep the finding unless it holds."""
        seen = self._seen[requirement]
        seen.triggers += 1
        if not holds and len(seen.findings) < _MAX_FINDINGS:
            seen.findings.append(finding)

    def seen(self, requirement: str) -> Seen:
        """Return what a rule has seen."""
        return self._seen[requirement]


@attrs.define
class _Command:
    """A command we sent: which requests it has, and on which channel."""

    kinds: frozenset[str]
    channel: str | None
    order: int


class Watch:
    """Follows one connection; ``name`` says in findings which one and for which check."""

    def __init__(self, oracle: Oracle, name: str) -> None:
        self._oracle = oracle
        self._name = name
        self._sent: dict[int, list[_Command]] = defaultdict(list)
        self._answered: Counter[int] = Counter()
        self._order = 0
        self._last_subscribe: dict[str, int] = {}
        self._left: dict[str, str] = {}
        self._subscribed: set[str] = set()
        self._announced_ping: bool | None = None
        self._first_line = True

    def sent(self, data: bytes) -> None:
        """Take a message to the target; what cannot be read as commands is left to the target."""
        for line in data.split(b"\n"):
            try:
                command, _ = _decoder.raw_decode(line.decode().strip())
            except (ValueError, RecursionError):
                continue
            if (object_ := as_object(command)) is not None:
                self._take_command(object_)

    def received(self, message: Message) -> list[dict[str, Json]]:
        """Take a message from the target, judge it, and return the objects on its lines."""
        shown = f"{self._name}: {message.data[:_SHOWN]!r}"
        self._require("GL-WIRE-004", not message.binary, shown)
        self._require("GL-WIRE-008", not message.data.endswith(b"\n\n"), shown)
        lines = message.data.removesuffix(b"\n").split(b"\n")
        self._require("GL-WIRE-007", all(line.strip() for line in lines), shown)
        objects: list[dict[str, Json]] = []
        unreadable = False
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                unreadable = unreadable or bool(line.strip())
                continue
            if (object_ := as_object(value)) is not None:
                objects.append(object_)
                self._judge_line(object_, line, shown)
            else:
                self._require("GL-WIRE-031", holds=False, finding=shown)
        self._judge_unreadable(message.data, shown, unreadable=unreadable)
        return objects

    def closed(self, closed: Closed) -> None:
        """Take the end of the connection by the target."""
        if closed.ending is not Ending.CLOSE_FRAME or closed.code < FIRST_PROTOCOL_CLOSE:
            return
        shown = f"{self._name}: {closed}"
        self._require("GL-CODE-003", closed.reason and not _is_json(closed.reason), shown)
        self._require("GL-CODE-006", closed.code != _LOCAL_CLOSE, shown)
        registered = DISCONNECTS.get(closed.code)
        if registered is not None:
            self._require(
                "GL-CODE-004", closed.reason == registered.reason, f"{shown}, registered {registered.reason!r}"
            )

    # -- private ---------------------------------------------------------------------------------------------------

    def _require(self, requirement: str, holds: object, finding: str) -> None:
        self._oracle.require(requirement, holds, finding)

    def _take_command(self, command: dict[str, Json]) -> None:
        kinds = frozenset(kind for kind in _REQUESTS if isinstance(command.get(kind), dict))
        id_ = command.get("id")
        self._order += 1
        channel = next((command[kind].get("channel") for kind in kinds), None)
        if isinstance(id_, int) and not isinstance(id_, bool):
            self._sent[id_].append(_Command(kinds, channel if isinstance(channel, str) else None, self._order))
        if "subscribe" in kinds and isinstance(channel, str):
            self._last_subscribe[channel] = self._order
            self._left.pop(channel, None)

    def _judge_unreadable(self, data: bytes, shown: str, *, unreadable: bool) -> None:
        if unreadable and _is_json(data.replace(b"\n", b" ")):
            self._require("GL-WIRE-009", holds=False, finding=shown)
        else:
            self._oracle.trigger("GL-WIRE-009")
            self._require("GL-WIRE-031", not unreadable, shown)

    def _judge_line(self, value: dict[str, Json], line: bytes, shown: str) -> None:
        violation = reply_violation(value)
        self._require("GL-WIRE-031", violation is None, f"{violation}: {shown}")
        first, self._first_line = self._first_line, False
        if first:
            connects = "connect" in value or self._sent_kinds(value.get("id")) >= {"connect"}
            self._require("GL-CONN-003", connects and "push" not in value, shown)
        if "push" in value:
            self._require("GL-WIRE-041", "id" not in value, shown)
            if (push := as_object(value["push"])) is not None:
                self._judge_push(push, shown)
        elif "id" in value:
            self._judge_reply(value, shown)
        else:
            self._require("GL-PING-001", line.strip() == b"{}", shown)
            if self._announced_ping is not None:
                self._require("GL-PING-010", self._announced_ping, f"ping though none announced: {shown}")

    def _sent_kinds(self, id_: Json) -> frozenset[str]:
        commands = self._sent.get(id_, []) if isinstance(id_, int) else []
        return frozenset(kind for command in commands for kind in command.kinds)

    def _judge_push(self, push: dict[str, Json], shown: str) -> None:
        kinds = [kind for kind in _PUSH_KINDS if kind in push]
        self._require("GL-CODE-005", "disconnect" not in kinds, shown)
        if not kinds or not _CHANNEL_KINDS.intersection(kinds):
            return
        self._require("GL-WIRE-042", len(kinds) == 1 and ("channel" in push or "id" in push), shown)
        unsubscribe = as_object(push.get("unsubscribe"))
        if unsubscribe is not None:
            self._require("GL-CODE-012", unsubscribe.get("code") in _UNSUBSCRIBE_CODES, shown)
        channel = push.get("channel")
        if kinds == ["pub"] and isinstance(channel, str):
            self._judge_publication(channel, push["pub"], shown)

    def _judge_publication(self, channel: str, publication: Json, shown: str) -> None:
        asked = channel in self._last_subscribe
        self._require("GL-SUB-015", asked, f"channel {channel!r} was not subscribed on this connection: {shown}")
        self._require("GL-CHAN-012", asked, f"channel {channel!r} is not as subscribed: {shown}")
        if asked:
            left = self._left.get(channel)
            for requirement in ("GL-SUB-008", "GL-SUB-020"):
                self._require(requirement, left != requirement, f"publication of {channel!r} after the reply: {shown}")
        info = as_object((as_object(publication) or {}).get("info"))
        if info is not None:
            self._require("GL-WIRE-026", "user" in info and "client" in info, shown)

    def _judge_reply(self, value: dict[str, Json], shown: str) -> None:
        id_ = value["id"]
        commands = self._sent.get(id_, []) if isinstance(id_, int) else []
        self._require("GL-WIRE-034", commands, f"no command had id {id_!r}: {shown}")
        if not commands:
            return
        self._answered[id_] += 1
        self._require("GL-WIRE-044", self._answered[id_] <= len(commands), f"answered twice: {shown}")
        kinds = self._sent_kinds(id_)
        keys = [key for key in ("error", *_REQUESTS) if key in value]
        self._require("GL-WIRE-045", len(keys) == 1 and (keys == ["error"] or keys[0] in kinds), shown)
        if (error := as_object(value.get("error"))) is not None:
            self._judge_error(error, shown)
        if isinstance(value.get("connect"), dict):
            self._announced_ping = "ping" in value["connect"]
        self._judge_required_fields(value, shown)
        self._follow_subscription(value, commands[min(self._answered[id_], len(commands)) - 1])

    def _judge_required_fields(self, value: dict[str, Json], shown: str) -> None:
        for kind, names in (
            ("presence", ("presence",)),
            ("presence_stats", ("num_clients", "num_users")),
            ("history", ("publications", "epoch", "offset")),
        ):
            if isinstance(value.get(kind), dict):
                self._require("GL-WIRE-026", all(name in value[kind] for name in names), shown)

    def _judge_error(self, error: dict[str, Json], shown: str) -> None:
        code, message = error.get("code"), error.get("message")
        whole = isinstance(code, int) and not isinstance(code, bool) and code > 0
        temporary_ok = error.get("temporary", True) is True
        self._require("GL-CODE-001", whole and isinstance(message, str) and message and temporary_ok, shown)
        if isinstance(code, int) and 0 < code < FIRST_APPLICATION_ERROR:
            temporary = error.get("temporary", False)
            self._require("GL-CODE-002", temporary == (code in TEMPORARY_ERRORS), shown)

    def _follow_subscription(self, value: dict[str, Json], command: _Command) -> None:
        channel = command.channel
        if channel is None or self._last_subscribe.get(channel, 0) > command.order:
            return
        if "subscribe" in value:
            self._subscribed.add(channel)
        elif "unsubscribe" in value:
            self._subscribed.discard(channel)
            self._left[channel] = "GL-SUB-008"
        elif "subscribe" in command.kinds and isinstance(value.get("error"), dict):
            refused = value["error"].get("code") != _ALREADY_SUBSCRIBED and channel not in self._subscribed
            if refused:
                self._left[channel] = "GL-SUB-020"


def _is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
