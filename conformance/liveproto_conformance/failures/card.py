"""The card of a failure: the rule with its source, what was expected and what came, where, and how to run it again.

Theory. A card is a value made of an outcome; the terminal and report.json show the same one. The command on it can be
pasted into a shell: a secret is named by the environment variable that holds it, and never printed.
Not here: colours and columns (``report.cards``), the file the command reads (``repro``).
"""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import attrs

from liveproto_conformance.failures.failure import in_words, named_rule
from liveproto_conformance.requirements import requirements
from liveproto_conformance.traces.trace import redact_url
from liveproto_conformance.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.execute import Outcome
    from liveproto_conformance.failures.failure import Exchange, Failure
    from liveproto_conformance.requirements import Requirement
    from liveproto_conformance.target import Settings

FAILED: Final = (Status.FAIL, Status.FLAKY, Status.WARN)
"""What a card is made of, and saved: where something was missed that should be there."""
_STARTED: Final = "http://127.0.0.1:{port}"


@attrs.frozen(kw_only=True)
class Card:
    """What a person needs in order to understand a failure, and to see it again."""

    check: str
    status: Status
    rules: tuple[Requirement, ...]
    """The one that the failure names, or all of the check."""
    failure: Failure
    seed: int
    command: str


def card_of(check: Check, outcome: Outcome, seed: int, command: str) -> Card | None:
    """Make the card of a check that failed; None for any other outcome."""
    if outcome.failure is None or outcome.status not in FAILED:
        return None
    named = requirements().get(named_rule(outcome.failure.text) or "")
    return Card(
        check=check.id,
        status=outcome.status,
        rules=check.requirements if named is None else (named,),
        failure=outcome.failure,
        seed=seed,
        command=command,
    )


def as_json(card: Card) -> dict[str, Any]:
    """Make the JSON of a card, as report.json and saved failures have it."""
    failure = card.failure
    return {
        "rules": [rule_as_json(rule) for rule in card.rules],
        "expected": failure.expected,
        "observed": failure.observed,
        "during": failure.during,
        "place": None if failure.place is None else attrs.asdict(failure.place),
        "input": in_words(failure.values),
        "traffic": [_exchange_as_json(exchange) for exchange in failure.traffic],
        "seed": card.seed,
        "command": card.command,
    }


def rule_as_json(rule: Requirement) -> dict[str, str]:
    """Make the JSON of a requirement: what it says, and where that was found."""
    return {"id": rule.id, "level": rule.level.value, "text": rule.text, "source": f"{rule.status}: {rule.source}"}


def _exchange_as_json(exchange: Exchange) -> dict[str, Any]:
    shown = attrs.asdict(exchange)
    return {**shown, "time_s": round(exchange.time_s, 6), "payload": exchange.payload.decode(errors="backslashreplace")}


def replay_command(settings: Settings, path: Path, environment: Mapping[str, str]) -> str:
    """Write the command that runs a saved failure again."""
    return " ".join(["liveproto replay", shlex.quote(str(path)), *_target_words(settings, environment)])


def check_command(settings: Settings, check_ids: Sequence[str], environment: Mapping[str, str]) -> str:
    """Write the command that runs whole checks again, with the same seed."""
    names = shlex.quote(" or ".join(check_id.partition(".")[2] for check_id in check_ids))
    words = ["liveproto check", *_target_words(settings, environment), "-k", names, "--seed", str(settings.seed)]
    return " ".join([*words, *_choices(settings)])


def _target_words(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Name the target as the run was told to find it."""
    url = None if settings.timer_url is not None else redact_url(settings.url)
    if url is not None and settings.start is not None:
        # The port was ours to choose.
        url = url.replace(f":{urlsplit(url).port}", ":{port}", 1)
    if url not in {None, _STARTED}:
        yield shlex.quote(str(url))
    for option in ("start", "ready", "ca_file"):
        if (value := getattr(settings, option)) is not None:
            yield f"--{option.replace('_', '-')} {shlex.quote(value)}"
    if settings.insecure:
        yield "--insecure"
    if settings.publish_command is not None:
        yield '--publish-command "$PUBLISH_COMMAND"'
    for name, value in settings.headers.items():
        yield _header_words(name, value, environment)


def _header_words(name: str, value: str, environment: Mapping[str, str]) -> str:
    kind, _, secret = value.partition(" ")
    if name != "Authorization" or kind not in {"Bearer", "Basic"}:
        return f'--header "{name}: ${name.upper().replace("-", "_")}"'
    option = "token" if kind == "Bearer" else "basic"
    for variable, held in environment.items():
        if held and secret == (held if kind == "Bearer" else base64.b64encode(held.encode()).decode()):
            return f"--{option}-env {shlex.quote(variable)}"
    return f'--{option} "${option.upper()}"'


def _choices(settings: Settings) -> Iterator[str]:
    """Name what the run was told of the target's ways."""
    for option in ("profile", "grafana", "publish_via", "channel_template"):
        if (value := getattr(settings, option)) is not None:
            yield f"--{option.replace('_', '-')} {shlex.quote(str(value))}"
