"""``python -m tests.fuzz TARGET|all --runs N --seconds S [--corpus DIR] [--seed N]``, or ``--replay BASE64``."""

import argparse
import importlib.util
import json
import subprocess
import sys

from .runner import fuzz, replay, say

NAMES = ("server", "client", "codec", "channel", "trace", "monitor")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=[*NAMES, "all"])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--corpus", help="where inputs that reached something new are kept, and begun with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time, for all")
    parser.add_argument("--replay", metavar="BASE64")
    options = parser.parse_args()
    if options.replay is not None:
        replay(options.target, options.replay)
    elif importlib.util.find_spec("atheris") is None:
        parser.error("fuzzing needs atheris: pip install -e .[dev]")
    elif options.target == "all":
        sys.exit(run_all(options))
    else:
        fuzz(options.target, runs=options.runs, seconds=options.seconds, corpus=options.corpus, seed=options.seed)


def run_all(options):
    """Run every target in a process of its own and print a table of all."""
    arguments = ["--runs", options.runs, "--seconds", options.seconds, "--seed", options.seed]
    arguments += ["--corpus", options.corpus] if options.corpus else []
    waiting, running, rows, failed = list(NAMES), {}, [], False
    while waiting or running:
        while waiting and len(running) < options.jobs:
            name = waiting.pop(0)
            command = [sys.executable, "-m", "tests.fuzz", name, *map(str, arguments)]
            running[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        name, process = next(iter(running.items()))
        output, _ = process.communicate()
        del running[name]
        say(output.rstrip())
        failed = failed or process.returncode != 0
        rows.append((name, summary_of(output), process.returncode))
    say(f"\n{'target':<10}{'inputs':>12}{'seconds':>10}{'inputs/s':>10}  end")
    for name, summary, code in rows:
        inputs, seconds = summary.get("inputs", 0), summary.get("seconds", 0.0)
        rate = inputs / seconds if seconds else 0
        say(f"{name:<10}{inputs:>12,}{seconds:>10.1f}{rate:>10,.0f}  {'ok' if code == 0 else f'exit {code}'}")
    return 1 if failed else 0


def summary_of(output):
    lines = [line for line in output.splitlines() if line.startswith("summary ")]
    return json.loads(lines[-1].removeprefix("summary ")) if lines else {}


if __name__ == "__main__":
    main()
