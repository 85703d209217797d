"""The passive oracle: what went over one connection, judged by the rules of both sides."""

from liveproto.session.monitor.findings import Finding, Side
from liveproto.session.monitor.monitor import Monitor

__all__ = ["Finding", "Monitor", "Side"]
