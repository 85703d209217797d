"""The rules of time: what either side has left undone for too long.

Theory. Nothing happens here by itself: each message, close or end of the traffic says what time it is, and what had
to come before then is found missing.

Sources: SPEC.md areas WIRE, SUB, PUB and PING.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from liveproto.session.monitor.findings import Findings, Side
from liveproto.session.monitor.raw import is_whole_number

if TYPE_CHECKING:
    from liveproto.session.monitor.ledger import Ledger

_EARLY: Final = 0.5
"""A ping this share of the interval after the one before is early, if the one before cannot have been so late."""


class Waits:
    """Judges what is overdue on one connection."""

    def __init__(self, ledger: Ledger, findings: Findings, reply_timeout_s: float) -> None:
        self._ledger = ledger
        self._findings = findings
        self._timeout_s = reply_timeout_s

    def until(self, now: float) -> None:
        """Judge what should have happened before ``now``, on a connection that was open until then."""
        self._findings.time_s = now
        if self._ledger.fault is None:
            self._replies(now)
            self._publications(now)
            self._renewals(now)
            self._pings(now)
        else:
            self._close(now)

    def ping(self, now: float) -> None:
        """Judge when a ping came."""
        interval, last = self._interval(), self._ledger.last_ping_at
        if interval is None or last is None:
            return
        first, self._ledger.pinged = not self._ledger.pinged, True
        if not first:
            text = f"expected {interval} s between pings, got {now - last:.3f} s"
            least = min(interval * _EARLY, interval - self._timeout_s)
            self._findings.require("GL-PING-002", Side.SERVER, now - last >= least, text)

    def is_recent(self, at: float) -> bool:
        """Tell whether what was sent at ``at`` may be under way still."""
        return self._findings.time_s - at < self._timeout_s

    def _replies(self, now: float) -> None:
        due = self._ledger.due
        while due and (due[0].settled or due[0].sent_at + self._timeout_s <= now):
            command = due.popleft()
            if command.settled:
                continue
            command.overdue = True
            answerable = command.kinds and "send" not in command.kinds and not self._ledger.refused
            text = f"expected a reply to command {command.id} within {self._timeout_s:g} s, got none"
            self._findings.require("GL-WIRE-044", Side.SERVER, not answerable, text)

    def _publications(self, now: float) -> None:
        published = self._ledger.published
        while published and published[0].accepted_at + self._timeout_s <= now:
            expected = published.popleft()
            channel = self._ledger.channel(expected.channel)
            stayed = channel.subscribed and channel.changed == expected.changed
            arrived = channel.publications > expected.publications
            text = f"expected the accepted publication of {expected.channel!r} to come back, got none"
            self._findings.require("GL-PUB-006", Side.SERVER, arrived or not stayed, text)

    def _renewals(self, now: float) -> None:
        renewals = self._ledger.renewals
        while renewals and renewals[0][1] + self._timeout_s <= now:
            name, told_at = renewals.popleft()
            text = f"expected a subscribe within {self._timeout_s:g} s of the unsubscribe push, got none"
            renewed = self._ledger.channel(name).told_to_renew_at != told_at
            self._findings.require("GL-SUB-026", Side.CLIENT, renewed, text)

    def _pings(self, now: float) -> None:
        interval, last = self._interval(), self._ledger.last_ping_at
        if interval is not None and last is not None and last + interval + self._timeout_s <= now:
            self._ledger.last_ping_at = now
            text = f"expected a ping within {interval} s, got none for {now - last:.3f} s"
            self._findings.require("GL-PING-002", Side.SERVER, holds=False, text=text)

    def _close(self, now: float) -> None:
        fault = self._ledger.fault
        assert fault is not None
        if not fault.reported and fault.at + self._timeout_s <= now:
            fault.reported = True
            text = f"expected the connection to be closed within {self._timeout_s:g} s, it was open"
            self._findings.require(fault.requirement, Side.SERVER, holds=False, text=text)

    def _interval(self) -> int | None:
        ping = (self._ledger.connect_result or {}).get("ping")
        return ping if is_whole_number(ping) and ping > 0 else None
