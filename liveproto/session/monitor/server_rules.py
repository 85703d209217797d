"""The rules that a server's messages and closes must keep.

Theory. Each line is judged against what the client has sent before; nothing the client does wrong is held against the
server. A server is free in its batches, the order of its replies, and in what it adds.

Not here: what a server leaves undone (``waits``).
Sources: SPEC.md, each rule under its id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from liveproto.session.monitor.findings import Findings, Side
from liveproto.session.monitor.ledger import Channel, Command, Ledger, Published
from liveproto.session.monitor.raw import (
    REQUESTS,
    Json,
    as_list,
    as_object,
    is_json,
    is_whole_number,
    read_line,
    split_lines,
)
from liveproto.wire import codes, json_v2

if TYPE_CHECKING:
    from collections.abc import Callable

    from liveproto.session.monitor.waits import Waits

PUSH_KINDS: Final = ("pub", "join", "leave", "unsubscribe", "subscribe", "message", "refresh", "connect", "disconnect")
_CHANNEL_KINDS: Final = frozenset(PUSH_KINDS[:5])
_UNSUBSCRIBE_CODES: Final = range(2000, 3000)
_REQUIRED: Final = {
    "presence": ("presence",),
    "presence_stats": ("num_clients", "num_users"),
    "history": ("publications", "epoch", "offset"),
}
_ANSWERS: Final = frozenset({"error", *REQUESTS})
_MAX_EARLY: Final = 1_000
_PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")


class ServerRules:
    """Judges what the server of one connection sends."""

    def __init__(
        self,
        ledger: Ledger,
        findings: Findings,
        waits: Waits | None,
        reply_violation: Callable[[Json], tuple[str, str] | None] | None,
    ) -> None:
        self._ledger = ledger
        self._findings = findings
        self._waits = waits
        self._reply_violation = reply_violation
        self._early: dict[str, bool] | None = {}
        """Channels of the pushes before the connect reply, and whether a subscribe push came first; None after it."""

    # -- a message -------------------------------------------------------------------------------------------------

    def message(self, data: bytes, *, binary: bool, now: float) -> list[dict[str, Json]]:
        """Judge a message and return the objects on its lines."""
        self._require("GL-WIRE-004", not binary, "expected a text message, got a binary one")
        self._require("GL-CODE-008", not self._ledger.server_closed, "expected nothing after the Close frame")
        self._require("GL-WIRE-008", not data.endswith(b"\n\n"), "expected at most one newline at the end, got two")
        objects: list[dict[str, Json]] = []
        unreadable: list[str] = []
        for number, raw in enumerate(split_lines(data)):
            self._findings.line = number
            line = read_line(raw)
            blank = not raw.strip()
            self._require("GL-WIRE-007", not blank, "expected an object on each line, got a blank one")
            if line.object is not None and not line.rest and line.fault is None:
                objects.append(line.object)
                self._line(line.object, line.raw, now)
            elif line.fault is not None or line.rest:
                unreadable += [] if blank else [f"expected one JSON object, got {line.fault or 'more behind it'}"]
            else:
                self._require("GL-WIRE-031", holds=False, text=f"expected an object, got {raw[:40]!r}")
        self._findings.line = 0
        self._judge_unreadable(data, unreadable)
        return objects

    def _judge_unreadable(self, data: bytes, unreadable: list[str]) -> None:
        broken = bool(unreadable) and is_json(data.replace(b"\n", b" "))
        self._require("GL-WIRE-009", not broken, "expected each value on one line, got one that is broken by a newline")
        if not broken:
            self._require("GL-WIRE-031", not unreadable, "; ".join(unreadable[:1]))

    def _line(self, value: dict[str, Json], raw: bytes, now: float) -> None:
        violation = self._reply_violation(value) if self._reply_violation else codec_violation(raw)
        pointer, text = violation or ("", "")
        self._require("GL-WIRE-031", violation is None, text, pointer)
        if "push" in value:
            self._require("GL-WIRE-041", "id" not in value, "expected a push without id, got one with", "/id")
            if (push := as_object(value["push"])) is not None:
                self._push(push)
            return
        if self._early is not None:
            self._comes_first(value, self._early)
            self._early = None
        if "id" in value:
            self._reply(value, now)
        else:
            self._ping(raw, now)

    def _comes_first(self, value: dict[str, Json], early: dict[str, bool]) -> None:
        connects = "connect" in value or "connect" in self._ledger.sent_kinds(value.get("id"))
        subs = as_object((as_object(value.get("connect")) or {}).get("subs")) or {}
        strays = [name for name, subscribed in early.items() if not subscribed and name not in subs]
        holds = (connects or self._ledger.forgot_commands) and not strays
        text = f", got a push of {strays[0]!r}, to which it does not subscribe" if strays else ""
        self._require("GL-CONN-003", holds, f"expected the connect reply first{text}")

    # -- pings -----------------------------------------------------------------------------------------------------

    def _ping(self, raw: bytes, now: float) -> None:
        ledger = self._ledger
        if ledger.mixed_send and raw.strip() != b"{}":
            return
        self._require("GL-PING-001", raw.strip() == b"{}", f"expected a ping to be exactly {{}}, got {raw[:40]!r}")
        if ledger.connect_result is None:
            return
        if self._waits is not None:
            self._waits.ping(now)
        announced = "ping" in ledger.connect_result
        self._require("GL-PING-010", announced, "expected no ping, as the connect result announced none")
        if ledger.expects_pongs:
            self._ping_to_answer()
        ledger.last_ping_at = now

    def _ping_to_answer(self) -> None:
        ledger = self._ledger
        if ledger.fault is not None and ledger.fault.requirement == "GL-PING-004" and not ledger.fault.reported:
            # The pong that nobody had asked for has crossed this ping, and may have been taken for its answer.
            ledger.fault, ledger.pings_unanswered = None, 0
            return
        missing = ledger.pings_unanswered > 0 and not ledger.may_have_ponged
        self._require("GL-PING-003", not missing, "expected close 3012, as the ping before had no pong")
        if self._client_owes_pong("expected a pong for the ping before, got none") or ledger.may_have_ponged:
            ledger.pings_unanswered = 0
        ledger.pings_unanswered += 1
        ledger.may_have_ponged = False

    def _client_owes_pong(self, text: str) -> bool:
        ledger = self._ledger
        last = ledger.last_ping_at
        late = self._waits is not None and last is not None and not self._waits.is_recent(last)
        owes = ledger.pings_unanswered > 0 and late
        self._require("GL-PING-011", not owes, text, side=Side.CLIENT)
        return owes

    # -- pushes ----------------------------------------------------------------------------------------------------

    def _push(self, push: dict[str, Json]) -> None:
        kinds = [kind for kind in PUSH_KINDS if kind in push]
        disconnects = "disconnect" in kinds
        self._require("GL-CODE-005", not disconnects, "expected a Close frame, got a disconnect push", "/push")
        if self._early is not None and len(self._early) < _MAX_EARLY:
            self._early.setdefault(name if isinstance(name := push.get("channel"), str) else "", "subscribe" in push)
        if not _CHANNEL_KINDS.intersection(kinds):
            return
        named = "channel" in push or "id" in push
        self._require(
            "GL-WIRE-042", len(kinds) == 1 and named, f"expected a channel and one kind, got {sorted(push)}", "/push"
        )
        name = self._ledger.named(push)
        if isinstance(name, str) and len(kinds) == 1 and (self._early is None or self._early.get(name)):
            self._channel_push(kinds[0], name, as_object(push[kinds[0]]) or {})

    def _channel_push(self, kind: str, name: str, body: dict[str, Json]) -> None:
        match kind:
            case "pub":
                self._publication(name, body)
            case "unsubscribe":
                self._unsubscribed(name, body.get("code"))
            case "subscribe":
                self._ledger.subscribed_by_server(name)
            case _:
                if (info := as_object(body.get("info"))) is not None:
                    self._client_info(info, f"/push/{kind}/info")

    def _unsubscribed(self, name: str, code: Json) -> None:
        ledger = self._ledger
        text = f"expected a code from 2000 to 2999, got {code!r}"
        self._require("GL-CODE-012", code in _UNSUBSCRIBE_CODES, text, "/push/unsubscribe/code")
        channel = ledger.channel(name)
        temporary = is_whole_number(code) and not codes.unsubscribe_is_final(code)
        # A command for the channel that is under way has decided already what becomes of it.
        if temporary and channel.subscribed and channel.renewable and not channel.waiting and not ledger.unclear:
            channel.told_to_renew_at = self._findings.time_s
            ledger.renewals.append((name, self._findings.time_s))
        # The push may be of a subscription that has ended and begun again since.
        ledger.subscribed(name, subscribed=False, certain=False)

    def _publication(self, name: str, publication: dict[str, Json]) -> None:
        known = self._ledger.channels.get(name)
        asked = known is not None and known.asked > 0
        if asked or not (self._ledger.channels.forgot or self._ledger.unclear):
            text = f"channel {name!r} was not subscribed on this connection"
            self._require("GL-SUB-015", asked, text, "/push/channel")
            self._require("GL-CHAN-012", asked, f"channel {name!r} is not as subscribed", "/push/channel")
        if known is not None and asked and not self._ledger.unclear:
            self._delivery(name, known, publication)
        if (info := as_object(publication.get("info"))) is not None:
            self._client_info(info, "/push/pub/info")

    def _delivery(self, name: str, channel: Channel, publication: dict[str, Json]) -> None:
        channel.publications += 1
        for requirement in ("GL-SUB-008", "GL-SUB-020"):
            text = f"publication of {name!r} after the reply that ended the subscription"
            self._require(requirement, channel.left != requirement, text, "/push/channel")
        if is_whole_number(offset := publication.get("offset")):
            self._offset(channel, offset)
        info = as_object(publication.get("info")) or {}
        result = self._ledger.connect_result or {}
        if info.get("client") and info.get("client") == result.get("client"):
            channel.own_publications += 1
            ledger = self._ledger
            once = channel.own_publications <= 0 or ledger.publishes_otherwise or ledger.channels.forgot
            text = f"expected each publication once, got more of {name!r} from this client than it published"
            self._require("GL-SUB-018", once, text, "/push/pub")

    def _offset(self, channel: Channel, offset: int) -> None:
        # A stream that begins anew begins with 1.
        if channel.offset is not None and offset != 1:
            text = f"expected an offset above {channel.offset}, got {offset}"
            rule = "GL-SUB-018" if offset == channel.offset else "GL-SUB-017"
            self._require(rule, offset > channel.offset, text, "/push/pub/offset")
        channel.offset = offset

    def _client_info(self, info: dict[str, Json], pointer: str) -> None:
        missing = [key for key in ("user", "client") if key not in info]
        self._require("GL-WIRE-026", not missing, f"expected user and client, got no {missing}", pointer)

    # -- replies ---------------------------------------------------------------------------------------------------

    def _reply(self, value: dict[str, Json], now: float) -> None:
        id_ = value["id"]
        if not is_whole_number(id_):
            return
        kinds = self._ledger.sent_kinds(id_)
        refused = self._ledger.refused
        if (result := as_object(value.get("connect"))) is not None and self._ledger.connect_result is None:
            self._connected(result)
        command = self._ledger.take_reply(id_, value)
        if command is None:
            self._unasked(id_)
            return
        self._require("GL-WIRE-034", holds=True, text="")
        self._require("GL-WIRE-044", holds=True, text="")
        self._require("GL-CONN-011", not refused, "expected no answer after the error reply to connect", "/id")
        self._judge_fault(command)
        kinds |= command.kinds
        keys = value.keys() & _ANSWERS
        fits = len(keys) == 1 and keys <= {"error", *kinds}
        self._require("GL-WIRE-045", fits, f"expected error or one of {sorted(kinds)}, got {sorted(keys)}")
        if (error := as_object(value.get("error"))) is not None:
            self._error(error)
        self._required_fields(value)
        self._connect_reply(value, command)
        self._subscription_reply(value, command)
        self._publish_reply(value, command, now)

    def _unasked(self, id_: int) -> None:
        ledger = self._ledger
        if ledger.forgot_commands:
            return
        if id_ in ledger.sends:
            self._require("GL-CMD-002", holds=False, text=f"expected no reply to send, got one with id {id_}")
        elif id_ in ledger.answered:
            self._require("GL-WIRE-044", holds=False, text=f"expected one reply to command {id_}, got one more")
        else:
            self._require("GL-WIRE-034", holds=False, text=f"no command has id {id_}", pointer="/id")

    def _judge_fault(self, command: Command) -> None:
        fault = self._ledger.fault
        if fault is not None and command.order > fault.order and not fault.reported:
            fault.reported = True
            text = "expected the connection to be closed, got an answer to a later command"
            self._require(fault.requirement, holds=False, text=text, pointer="/id")

    def _error(self, error: dict[str, Json]) -> None:
        code, message = error.get("code"), error.get("message")
        well_formed = bool(
            is_whole_number(code)
            and code > 0
            and isinstance(message, str)
            and message
            and error.get("temporary", True) is True
        )
        self._require(
            "GL-CODE-001", well_formed, f"expected a code above 0 and a message, got {error!r:.200}", "/error"
        )
        if is_whole_number(code) and 0 < code < codes.FIRST_APPLICATION_ERROR:
            temporary = code in codes.TEMPORARY_ERRORS
            text = f"expected temporary to be {temporary} for code {code}, got {not temporary}"
            self._require("GL-CODE-002", error.get("temporary", False) == temporary, text, "/error/temporary")

    def _required_fields(self, value: dict[str, Json]) -> None:
        for kind, names in _REQUIRED.items():
            if (result := as_object(value.get(kind))) is not None:
                missing = [name for name in names if name not in result]
                self._require("GL-WIRE-026", not missing, f"expected {names}, got no {missing}", f"/{kind}")
        presence = as_object((as_object(value.get("presence")) or {}).get("presence")) or {}
        for client, info in presence.items():
            if (known := as_object(info)) is not None:
                self._client_info(known, f"/presence/presence/{client}")

    def _connect_reply(self, value: dict[str, Json], command: Command) -> None:
        ledger = self._ledger
        if "connect" not in command.kinds:
            return
        result = as_object(value.get("connect"))
        if (error := as_object(value.get("error"))) is not None:
            ledger.refused = ledger.connect_result is None
            retried = error.get("temporary") is True or error.get("code") == codes.ErrorCode.TOKEN_EXPIRED
            ledger.terminal_error = ledger.refused and not retried
            # What was sent behind connect was not looked at any more.
            ledger.fault = None if ledger.refused else ledger.fault
        elif len(command.kinds) == 1:
            client = (result or {}).get("client")
            self._require("GL-CONN-001", isinstance(client, str) and client, f"expected a client id, got {client!r}")

    def _connected(self, result: dict[str, Json]) -> None:
        ledger = self._ledger
        ping, pong = result.get("ping"), result.get("pong")
        whole = ping is None or (is_whole_number(ping) and ping > 0)
        matching = pong is None or pong is False or (pong is True and ping is not None)
        self._require("GL-CONN-006", whole and matching, f"expected whole seconds, got ping {ping!r}, pong {pong!r}")
        ledger.connect_result = result
        ledger.last_ping_at = self._findings.time_s
        for name in as_object(result.get("subs")) or {}:
            ledger.channel(name).asked = ledger.order
            ledger.subscribed(name, subscribed=True, certain=True)

    def _subscription_reply(self, value: dict[str, Json], command: Command) -> None:
        name = command.channel
        if name is None or self._ledger.unclear or not command.kinds & {"subscribe", "unsubscribe"}:
            return
        channel = self._ledger.channel(name)
        error = as_object(value.get("error"))
        if error is not None and "unsubscribe" in command.kinds:
            self._require("GL-SUB-007", holds=False, text=f"expected an unsubscribe result, got {error!r:.100}")
        elif error is not None:
            self._refused_subscribe(name, channel, command, error)
        elif (result := as_object(value.get("subscribe"))) is not None:
            self._subscribed(name, channel, command, result)
        elif "unsubscribe" in value:
            self._left(name, channel, command)

    def _was_subscribed(self, channel: Channel, command: Command) -> bool | None:
        """Tell whether a channel was subscribed all the while a command for it was under way, or not at all."""
        undisturbed = self._ledger.alone_until_now(command) and channel.changed < command.order
        return command.known if undisturbed else None

    def _refused_subscribe(self, name: str, channel: Channel, command: Command, error: dict[str, Json]) -> None:
        if error.get("code") == codes.ErrorCode.ALREADY_SUBSCRIBED:
            text = f"expected no error 105, as {name!r} is not subscribed"
            free = self._was_subscribed(channel, command) is False
            self._require("GL-SUB-006", not free, text, "/error/code")
        elif self._was_subscribed(channel, command) is False:
            channel.left = "GL-SUB-020"

    def _subscribed(self, name: str, channel: Channel, command: Command, result: dict[str, Json]) -> None:
        again = self._was_subscribed(channel, command) is True
        self._require("GL-SUB-003", not again, f"expected error 105, as {name!r} is subscribed", "/subscribe")
        ledger = self._ledger
        ledger.subscribed(name, subscribed=True, certain=ledger.alone_until_now(command))
        if is_whole_number(number := result.get("id")):
            ledger.numbered.put(number, name)
        channel.renewable = not command.has_token
        channel.filtered = command.has_filter
        self._first_offset(channel, result)

    def _left(self, name: str, channel: Channel, command: Command) -> None:
        latest = channel.asked <= command.order
        if latest or channel.waiting:
            self._ledger.subscribed(name, subscribed=False, certain=self._ledger.alone_until_now(command))
        # A subscribe from before that still waits may begin after this.
        if latest and not channel.waiting:
            channel.left = "GL-SUB-008"

    def _first_offset(self, channel: Channel, result: dict[str, Json]) -> None:
        offsets = [
            publication.get("offset")
            for item in as_list(result.get("publications"))
            if (publication := as_object(item)) is not None
        ]
        known = [offset for offset in [*offsets, result.get("offset")] if is_whole_number(offset)]
        channel.offset = max(known, default=None)

    def _publish_reply(self, value: dict[str, Json], command: Command, now: float) -> None:
        if "publish" not in command.kinds or command.channel is None or self._ledger.unclear:
            return
        channel = self._ledger.channel(command.channel)
        if "publish" not in value:
            channel.own_publications += 1
        elif channel.subscribed and channel.certain and channel.changed < command.order and not channel.filtered:
            expected = Published(command.channel, channel.changed, command.publications, now)
            self._ledger.published.append(expected)

    # -- closes ----------------------------------------------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """Judge a Close frame of the server."""
        ledger = self._ledger
        ledger.server_closed = True
        if code < codes.FIRST_PROTOCOL_CLOSE:
            return
        self._require(
            "GL-CODE-003",
            reason and not is_json(reason.encode("utf-8", "surrogatepass")),
            f"expected plain text as the reason of close {code}, got {reason!r:.100}",
        )
        self._require("GL-CODE-006", code != codes.CONNECTION_CLOSED.code, "expected any code but 3000")
        if (registered := codes.DISCONNECTS.get(code)) is not None:
            text = f"expected reason {registered.reason!r} of close {code}, got {reason!r:.100}"
            self._require("GL-CODE-004", reason == registered.reason, text)
        self._cause(code)

    def _cause(self, code: int) -> None:
        ledger = self._ledger
        connected = ledger.connect_result is not None
        if code == codes.BAD_REQUEST.code and connected:
            text = "expected close 3501 for a fault of the client only, which sent plain commands"
            self._require("GL-CODE-016", ledger.plain_commands is not None, text)
        if code == codes.BAD_REQUEST.code and ledger.misused and not ledger.refused:
            text = "expected the replies to connect and unsubscribe before the Close frame, got one less"
            owes = ledger.owes_answer_before(ledger.plain_commands or 0)
            self._require("GL-CODE-008", not owes, text)
        if code == codes.STALE.code:
            self._require("GL-CONN-009", not connected, "expected close 3502 only before the connect reply")
        if code == codes.NO_PONG.code:
            missing = ledger.pings_unanswered or self._pong_is_under_way()
            self._require("GL-PING-008", missing, "expected no close 3012, as no pong is missing")
            self._client_owes_pong("expected a pong before the server closed for it, got none")

    def _pong_is_under_way(self) -> bool:
        """Tell whether the latest pong may not have been read yet: behind a command that waits, or on its way."""
        pong_at = self._ledger.last_pong_at
        return pong_at is not None and (self._waits is None or self._waits.is_recent(pong_at))

    def _require(
        self, requirement: str, holds: object, text: str, pointer: str = "", *, side: Side = Side.SERVER
    ) -> None:
        self._findings.require(requirement, side, holds, text, pointer)


def codec_violation(raw: bytes) -> tuple[str, str] | None:
    """Say where and how a line is no reply that liveproto's own codec accepts."""
    fault = json_v2.decode_replies(raw).fault
    if fault is None:
        return None
    place = _PLACE.search(fault.reason)
    path = place["path"] if place else ""
    return re.sub(r"[.\[]+", "/", path.replace("]", "")), fault.reason
