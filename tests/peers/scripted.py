"""Drives the scripted clients of ``conformance/peers``: JSON commands to their stdin, JSON events from their stdout."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

WAIT_S = 20
"""For anything a client shall report; long enough for a machine that is busy with something else."""
STOP_TIMEOUT_S = 5


class ScriptedClient:
    """One SDK in a process of its own, with raw lines; its events are kept in the order they were printed."""

    def __init__(self, command, url, channel):
        self.events = []
        self._places = {}
        self._told = threading.Condition()
        self._process = subprocess.Popen(
            [*command, url, channel],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "RAW": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, command, **fields):
        """Give a command and return how it was answered."""
        self._process.stdin.write(json.dumps({"do": command, **fields}) + "\n")
        self._process.stdin.flush()
        return self.wait("done", do=command)

    def wait(self, event, **fields):
        """Wait for the next event of this name with these fields; only events of the same name are passed over.

        Names have their own places, because answers to commands and what the SDK reports come in any order.
        """
        deadline = time.monotonic() + WAIT_S
        with self._told:
            while True:
                for place in range(self._places.get(event, 0), len(self.events)):
                    found = self.events[place]
                    if found["event"] == event and fields.items() <= found.items():
                        self._places[event] = place + 1
                        return found
                left = deadline - time.monotonic()
                state = "in time" if self._reader.is_alive() else "before the client ended"
                assert left > 0, f"no {event} {fields} {state}: {self.events[-12:]}"
                assert self._reader.is_alive(), f"no {event} {fields} {state}: {self.events[-12:]}"
                self._told.wait(min(left, 0.5))

    def story(self):
        """What the SDK reported so far, but for answers to commands, raw lines and failed attempts to reconnect."""
        return [event for event in list(self.events) if event["event"] not in {"done", "raw", "transport", "error"}]

    def errors(self):
        """Errors the SDK reported so far, failed attempts to reconnect among them."""
        return [event for event in list(self.events) if event["event"] == "error"]

    def lines(self, direction):
        """The lines of the messages that went in or out so far; how they were batched is nobody's promise."""
        messages = [e["data"] for e in list(self.events) if e["event"] == "raw" and e["dir"] == direction]
        return "\n".join(messages).split("\n")

    def end(self):
        """End the process: by the end of its stdin, else by pid. Idempotent."""
        if not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            with self._told:
                self.events.append(json.loads(line))
                self._told.notify_all()


class EmbeddedProcess:
    """``liveproto serve`` on a port of its choice or ours."""

    def __init__(self, *options, port=0):
        command = [sys.executable, "-m", "liveproto_conformance", "serve", "--port", str(port), "--until-eof", *options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().split()[-1]
        self.port = urlsplit(self.url).port

    def end(self, number=signal.SIGTERM):
        """End it by its pid. Idempotent."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.communicate(timeout=2 * STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def socket_url(url):
    """Where a client connects, of the URL a server printed."""
    return f"ws{url.removeprefix('http')}/api/live/ws"
