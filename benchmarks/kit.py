"""The kit's own figures on the embedded server, each beside its goal; exits 1 where one is missed.

Goals: a fast run in at most 5 s with at least 4,000 stimuli, of which 2,500 generated; a full run in at most 30 s with
at least 10,000; at most a fifth of the time waiting; a dead server judged within 10 s; ``liveproto list`` within 0.3 s.
Times are the least of three. What Python compiles is kept between them, as pip keeps what it installs.
Machines differ, and one machine from day to day: the time to count to ten million stands above the figures.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

COMMAND = [sys.executable, "-m", "liveproto_conformance"]
ROUNDS = 3
COUNT = 10_000_000


def run(*arguments, code):
    """Run the command, which must end with a code, and return the least of its seconds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, check=False, timeout=120)
        seconds.append(time.perf_counter() - start)
        assert done.returncode == code, f"exit {done.returncode}"
    return min(seconds)


def report_of(*arguments):
    """Check the embedded server and return the report, with the wall time of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = run("check", *arguments, "--report-dir", folder, code=0)
        return json.loads((Path(folder) / "report.json").read_text()), seconds


def main():
    """Print every figure with its goal."""
    with tempfile.TemporaryDirectory() as compiled:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        return print_figures()


def print_figures():
    """Print every figure with its goal, and return 1 where one is missed."""
    missed = []

    def tell(what, value, goal, *, at_least=False):
        holds = value >= goal if at_least else value <= goal
        print(f"{what}: {value:,.2f} (goal: {'at least' if at_least else 'at most'} {goal:,})")
        if not holds:
            missed.append(what)

    print(f"counting to ten million, seconds: {min(timeit.repeat('pass', number=COUNT, repeat=3)):.2f}")
    fast, seconds = report_of("--fast")
    tell("fast run, seconds", seconds, 5)
    tell("fast run, stimuli", fast["stimuli"], 4_000, at_least=True)
    tell("fast run, generated stimuli", fast["stimuli_generated"], 2_500, at_least=True)
    full, seconds = report_of()
    tell("full run, seconds", seconds, 30)
    tell("full run, stimuli", full["stimuli"], 10_000, at_least=True)
    tell("full run, share of waiting", full["waiting_s"] / full["wall_s"], 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        tell("dead server, seconds", run("check", f"http://127.0.0.1:{mute.getsockname()[1]}", code=5), 10)
    tell("list, seconds", run("list", code=0), 0.3)
    print(f"missed: {', '.join(missed)}" if missed else "every goal is reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
