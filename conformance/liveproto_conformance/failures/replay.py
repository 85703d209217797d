"""``liveproto replay``: run one saved failure again, on fresh connections, and say whether it is still there."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from rich.text import Text

from liveproto_conformance.bench import Bench
from liveproto_conformance.ending import exit_of
from liveproto_conformance.execute import execute_again
from liveproto_conformance.failures.card import card_of, replay_command
from liveproto_conformance.launch import target_of
from liveproto_conformance.probe import probe, root
from liveproto_conformance.report import cards
from liveproto_conformance.report.console import STYLES, make_console
from liveproto_conformance.search import hypothesis_home
from liveproto_conformance.trial import REPEATS, task_of
from liveproto_conformance.verdict import Exit, NothingTestedError, Status

if TYPE_CHECKING:
    from pathlib import Path

    from liveproto_conformance.execute import Outcome
    from liveproto_conformance.failures.repro import Repro
    from liveproto_conformance.target import Settings


def replay(path: Path, repro: Repro, settings: Settings) -> Exit:
    """Run a saved failure three times and print what came of it.

    Args:
        path: where it was read from.
        repro: what was read.
        settings: of the target, those of the failure included.

    Returns:
        NONCONFORMANT where it failed again, once at least; CONFORMANT where it held; NOTHING_TESTED where it could not
        be tried.
    """
    return exit_of(lambda: _replay(path, repro, settings))


def _replay(path: Path, repro: Repro, settings: Settings) -> Exit:
    with hypothesis_home(), target_of(settings) as running:
        outcome = _outcome(repro, running)
        command = replay_command(running, path, os.environ)
    console, check = make_console(), repro.check
    card = card_of(check, outcome, repro.seed, command)
    if card is not None:
        console.print(cards.render(card, STYLES[outcome.status], traffic=True), crop=False)
        return Exit.NONCONFORMANT
    if outcome.status is Status.PASS:
        console.print(Text(f"HOLDS {check.id}: {REPEATS} times with the saved input", style="bold green"))
        return Exit.CONFORMANT
    if outcome.status is Status.HARNESS_ERROR:
        raise RuntimeError(outcome.message)
    raise NothingTestedError(f"{check.id}: {outcome.status}: {outcome.message}")


def _outcome(repro: Repro, settings: Settings) -> Outcome:
    bench = Bench(settings, "lp" + secrets.token_hex(4))
    root(bench)
    probe(bench)
    return execute_again(bench, task_of(repro.check), repro.values)
