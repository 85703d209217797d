"""Runs one target under atheris, which makes inputs that reach new branches of the instrumented modules.

Theory. Atheris owns the process and does not return, so each target has a process of its own, and the target itself
ends it when its runs or its seconds are over. Every ``LAW_EVERY``th input goes to the property tests of the target too:
they cost more than a run without Hypothesis does.
"""

import base64
import collections
import importlib
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

LAW_EVERY = 500
INSTRUMENTED = {
    "server": ["liveproto.session"],
    "client": ["liveproto.session"],
    "codec": ["liveproto.wire"],
    "channel": ["liveproto.channel"],
    "trace": ["liveproto_conformance.traces.trace", "liveproto_conformance.traces.cbor_sequence"],
    "monitor": ["liveproto.session.monitor"],
}
"""What each target looks for new branches in: instrumented code is slow, so no more than its subject."""
MAX_INPUT_BYTES = 64


def laws_of(target):
    """The property tests of a target as functions of bytes."""
    laws = []
    for name in target.laws:
        module, _, function = name.rpartition(".")
        laws.append(getattr(importlib.import_module(module), function).hypothesis.fuzz_one_input)
    return laws


class Trial:
    """Counts what a target makes of its inputs, and ends the process when it is done or the target has failed."""

    def __init__(self, name, target, *, runs, seconds, clock=time.monotonic):
        self.name, self.target, self.laws = name, target, laws_of(target)
        self.runs, self.seconds, self.clock = runs, seconds, clock
        self.done, self.outcomes = 0, collections.Counter()
        self.started = clock()

    def take(self, data):
        """Try one input."""
        try:
            self.outcomes[self.target.run(data)] += 1
            if self.done % LAW_EVERY == 0:
                for law in self.laws:
                    law(data)
        except BaseException:  # noqa: BLE001 - whatever it is, it ends the run
            traceback.print_exc()
            encoded = base64.b64encode(data).decode()
            say(f"CRASH {self.name}: {encoded}")
            say(f"replay: python -m tests.fuzz {self.name} --replay {encoded}")
            end(1)
        self.done += 1
        if self.done >= self.runs or (self.done % 256 == 0 and self.clock() - self.started > self.seconds):
            end(self.report())

    def report(self):
        """Print the counts and tell whether the target has reached what it must."""
        elapsed = self.clock() - self.started
        missing = [outcome for outcome in self.target.must_occur if not self.outcomes[outcome]]
        for outcome, count in self.outcomes.most_common():
            say(f"  {count:>9,}  {outcome}")
        for outcome in missing:
            say(f"  {0:>9,}  {outcome}: expected some")
        summary = {"target": self.name, "inputs": self.done, "seconds": round(elapsed, 1), "missing": len(missing)}
        say(f"{self.name}: {self.done:,} inputs, {self.done / elapsed:,.0f}/s")
        say("summary " + json.dumps(summary))
        return 1 if missing else 0


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def end(code):
    """End the process here: atheris would go on."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def fuzz(name, *, runs, seconds, corpus, seed):
    """Run a target; does not return."""
    import atheris  # noqa: PLC0415 - replaying does without

    with atheris.instrument_imports(include=INSTRUMENTED[name]):
        from .targets import TARGETS, seeds_of  # noqa: PLC0415 - what is imported here is instrumented
    target = TARGETS[name]
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, data in enumerate(seeds_of(target)):
        (folder / f"seed-{number}").write_bytes(data)
    found = Path(corpus) / name if corpus else folder
    found.mkdir(parents=True, exist_ok=True)
    trial = Trial(name, target, runs=runs, seconds=seconds)
    options = [f"-max_len={MAX_INPUT_BYTES}", f"-seed={seed}", "-verbosity=0", "-rss_limit_mb=2048", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, str(found), str(folder)], trial.take, enable_python_coverage=True)
    atheris.Fuzz()


def replay(name, encoded):
    """Try one input once more, without atheris."""
    from .targets import TARGETS  # noqa: PLC0415 - not in the process that instruments

    target, data = TARGETS[name], base64.b64decode(encoded)
    say(target.run(data))
    for law in laws_of(target):
        law(data)
