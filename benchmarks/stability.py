"""Claim: the same target gets the same verdicts and the same stimuli, run after run, also on a busy machine.

``python benchmarks/stability.py --runs 50 --embedded`` judges the embedded server; ``--setting open`` (repeatable) the
Go peer, built here. The timer lane runs with short timers unless ``--fast``; ``--busy 4`` keeps four processes counting
meanwhile, ``--jobs 2`` has two runs going at a time. Exit code 1 where two runs of one target differ, or one of them
is not conformant.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

Report = dict[str, Any]

PEER: Final = Path(__file__).parents[1] / "conformance" / "peers" / "centrifuge-go"
SETTINGS: Final = ("open", "grafana", "stock")
SHORT_TIMERS: Final = "--ping 4s --pong 3s --stale 2s"
"""So that no pong comes too late, which costs a connection and, by its new names, the equal hash."""
LIMITS: Final = "[limits]\nmessage_bytes = 65536\nchannel_bytes = 255\nchannels = 128\nstale_s = 2\n"
COUNT: Final = "while True: pass"


def main() -> int:
    """Judge every target asked for; return the exit code."""
    options = parse_options()
    settings = list(dict.fromkeys(options.setting or ([] if options.embedded else SETTINGS)))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="liveproto-stability-")))
        (folder / "liveproto.toml").write_text(LIMITS)
        targets: dict[str, list[str]] = {"embedded": []} if options.embedded else {}
        if settings:
            peer = build_peer(folder)
            targets |= {name: start_option(peer, name) for name in settings}
        extra = ["--fast"] if options.fast else []
        for _ in range(options.busy):
            stack.enter_context(counting())
        pool = stack.enter_context(ThreadPoolExecutor(options.jobs))
        same = [judge(name, [*target, *extra], options.runs, folder, pool) for name, target in targets.items()]
    return 0 if all(same) else 1


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--setting", choices=SETTINGS, action="append", help="of the Go peer; default: all three")
    parser.add_argument("--embedded", action="store_true", help="the embedded server, alone or beside --setting")
    parser.add_argument("--fast", action="store_true", help="without the timer lane")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="processes that only count meanwhile")
    return parser.parse_args()


def build_peer(folder: Path) -> Path:
    """Build the Go peer and return its executable."""
    subprocess.run(["go", "build", "-o", str(folder / "centrifuge-go"), "."], cwd=PEER, check=True)
    return folder / "centrifuge-go"


def start_option(peer: Path, setting: str) -> list[str]:
    """Name the options that make the kit start the peer and judge it by the core profile."""
    return ["--profile", "core", "--start", f"{peer} --setting {setting} {SHORT_TIMERS} --port {{port}}"]


@contextlib.contextmanager
def counting():
    """Keep one process busy; it ends with us."""
    process = subprocess.Popen([sys.executable, "-c", COUNT])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def judge(name: str, options: list[str], runs: int, folder: Path, pool: ThreadPoolExecutor) -> bool:
    """Judge one target many times and print what the runs have in common; tell whether that is everything."""
    started = [pool.submit(run_once, options, folder / f"{name}-{number}", folder) for number in range(runs)]
    results = [run.result() for run in started]
    codes = sorted({code for code, _ in results})
    reports = [report for _, report in results if report]
    walls = [report["wall_s"] for report in reports] or [0.0]
    differing = verdict_differences(reports)
    hashes = {report["stimuli_sha256"] for report in reports}
    print(
        f"{name}: {runs} runs, exit {codes}, verdicts {'DIFFER' if differing else 'identical'}"
        f", stimuli_sha256 {'equal' if len(hashes) == 1 else f'DIFFER ({len(hashes)} values)'}"
        f", stimuli {sorted({report['stimuli'] for report in reports})}"
        f", wall {min(walls):.1f} / {statistics.median(walls):.1f} / {max(walls):.1f} s"
    )
    for check, outcomes in differing.items():
        print(f"  {check}: {' '.join(outcomes)}")
        print("".join(f"    {message}\n" for message in messages_of(check, reports)), end="")
    return codes == [0] and not differing and len(hashes) == 1


def run_once(options: list[str], directory: Path, cwd: Path) -> tuple[int, Report | None]:
    """Judge once, in a process of its own; the report is missing where the run found nothing to test."""
    command = [sys.executable, "-m", "liveproto_conformance", "check", "--report-dir", str(directory), *options]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    text = (directory / "report.json").read_text() if directory.is_dir() else ""
    if not text:
        print(done.stdout + done.stderr)
    return done.returncode, json.loads(text) if text else None


def verdict_differences(reports: list[Report]) -> dict[str, list[str]]:
    """List the statuses of each check that had more than one over the runs."""
    maps = [{check["id"]: check["status"] for check in report["checks"]} for report in reports]
    ids = sorted({id_ for statuses in maps for id_ in statuses})
    outcomes = {id_: [statuses.get(id_, "absent") for statuses in maps] for id_ in ids}
    return {id_: each for id_, each in outcomes.items() if len(set(each)) > 1}


def messages_of(id_: str, reports: list[Report]) -> list[str]:
    """Collect what a check said, each message once."""
    said = [check["message"] for report in reports for check in report["checks"] if check["id"] == id_]
    return [message[:500] for message in dict.fromkeys(said) if message]


if __name__ == "__main__":
    sys.exit(main())
