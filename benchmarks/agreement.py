"""Fast route, exact route and Grafana's own modules in Go, on mutated bodies.

``python benchmarks/agreement.py --bodies 200000``. Exit code 1 when they differ on a body, when less than a quarter of
the bodies is accepted or refused, or when an exit of the fast route was taken less than a thousand times.
"""

import argparse
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "peers"))

from bodies import bodies
from go_oracle import GoOracle
from piped import Pipe, build_go
from route_agreement import Agreement

SHARE = 0.25
TIMES_EACH_EXIT = 1000
SHOWN = 10


def run(count, seed, executable):
    """Judge the first bodies of a seed."""
    with Pipe([executable]) as pipe:
        agreement = Agreement(GoOracle(pipe))
        for body in islice(bodies(seed), count):
            agreement.add(body)
        agreement.finish()
    return agreement


def is_enough(agreement):
    """Tell whether they agree, and whether that says something."""
    often = all(times >= TIMES_EACH_EXIT for *_, times in agreement.counts)
    return not agreement.different and min(agreement.shares) >= SHARE and often


def main():
    """Build the Go side, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        executable, reason = build_go("line-protocol-go", Path(folder))
        if executable is None:
            sys.exit(f"go build failed: {reason}")
        start = time.perf_counter()
        agreement = run(arguments.bodies, arguments.seed, executable)
    print(agreement.report())
    for what, body in agreement.different[:SHOWN]:
        print(f"differ: {what}: {body!r}")
    print(f"seed {arguments.seed}, {time.perf_counter() - start:.0f} s")
    sys.exit(0 if is_enough(agreement) else 1)


if __name__ == "__main__":
    main()
