"""Programs that answer over a pipe: one JSON request a line in, one JSON answer a line out, in order."""

import json
import subprocess
import threading
from pathlib import Path

PEERS = Path(__file__).parents[2] / "conformance" / "peers"
BUILD_TIMEOUT_S = 400
STOP_TIMEOUT_S = 10


class Pipe:
    """One such program, until the block ends; it ends by the end of its input.

    ``parse_int`` is what whole numbers in its answers become: ``float`` for a program that has no others.
    """

    def __init__(self, command, parse_int=int):
        self._parse_int = parse_int
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._process.stdin.close()
        self._process.wait(STOP_TIMEOUT_S)
        self._process.stdout.close()

    def ask(self, request):
        return self.ask_all([request])[0]

    def ask_all(self, requests):
        """Answers in the order of the requests, which a thread writes while the answers are read."""
        writer = threading.Thread(target=self._write, args=(requests,))
        writer.start()
        answers = [json.loads(self._process.stdout.readline(), parse_int=self._parse_int) for _ in requests]
        writer.join()
        return answers

    def _write(self, requests):
        for request in requests:
            self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()


def build_go(name, folder):
    """Build a Go peer into a folder: the executable, or why there is none."""
    executable = folder / name
    command = ["go", "build", "-o", str(executable), "."]
    built = subprocess.run(
        command, cwd=PEERS / name, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )
    return (None, built.stderr[-2000:]) if built.returncode else (executable, "")
