"""The options of a run: one table for the command line and for pytest; imports nothing heavy.

Names are those of ``Settings`` and liveproto.toml, with dashes for underscores.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Option(NamedTuple):
    """One option: flags have no kind, a repeatable one collects."""

    name: str
    help: str
    kind: type | None = str
    metavar: str = "TEXT"
    repeat: bool = False


OPTIONS: Final = (
    Option(
        "profile", "core, or grafana with core; default: grafana where the version is known", metavar="core|grafana"
    ),
    Option("grafana", "Grafana version to judge by, over the one detected", metavar="12.4"),
    Option("token", "bearer token of the target", metavar="T"),
    Option("token-env", "environment variable that holds the token", metavar="VAR"),
    Option("basic", "credentials of HTTP Basic", metavar="USER:PASS"),
    Option("basic-env", "environment variable that holds them", metavar="VAR"),
    Option("header", "header of every request", metavar="'K: V'", repeat=True),
    Option("ca-file", "certificates to trust, PEM", metavar="FILE"),
    Option("insecure", "do not verify the certificate", kind=None),
    Option("publish-via", "how to publish; default: probed in this order", metavar="ws|http|push|command"),
    Option("publish-command", "shell command that publishes $DATA to $CHANNEL", metavar="CMD"),
    Option("channel-template", "channels the target accepts, with {name} in it", metavar="T"),
    Option("start", "command that starts the target, with {port} in it", metavar="CMD"),
    Option("ready", "URL that answers once it is started, with {port} in it", metavar="URL"),
    Option("start-timeout", "seconds to wait for that", kind=float, metavar="S"),
    Option("fast", "leave out the timer lane; reported as not scored", kind=None),
    Option("req", "only requirements whose id starts with this", metavar="GL-SUB"),
    Option("level", "only requirements of this level", metavar="must|should|may"),
    Option("max-examples", "generated examples for each check", kind=int, metavar="N"),
    Option("max-time", "seconds for the whole run", kind=float, metavar="S"),
    Option("seed", "seed of what is generated; default 0", kind=int, metavar="N"),
    Option("timeout", "seconds to wait for something", kind=float, metavar="S"),
    Option("quiet", "seconds of asserting that nothing comes, where no fence applies", kind=float, metavar="S"),
    Option("max-connections", "connections open at once, at most", kind=int, metavar="N"),
    Option("strict", "a SHOULD that is missed fails the run", kind=None),
    Option("allow-incomplete", "a MUST that could not be exercised does not", kind=None),
    Option("expected", "known failures; default: liveproto-expected.toml, where it is there", metavar="FILE"),
    Option("baseline-update", "write what failed into that file, and take out what has passed", kind=None),
    Option("report-dir", "where report.html, report.json, other forms of it and the trace go", metavar="DIR"),
)

_TARGET: Final = frozenset({
    "profile", "grafana", "token", "token-env", "basic", "basic-env", "header", "ca-file", "insecure",
    "publish-via", "publish-command", "channel-template", "start", "ready", "start-timeout", "timeout", "quiet",
})  # fmt: skip
TARGET_OPTIONS: Final = tuple(option for option in OPTIONS if option.name in _TARGET)
"""Those that say what the target is and how to speak with it."""
