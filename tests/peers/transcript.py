"""One scenario sent to one server, message by message, and what came back, in a form that two servers can share.

Theory. A message's answers are complete when a read fence sent after it is answered and every id of the message is too,
or when the connection has ended. What the protocol leaves free is taken out: batches, the order of replies and of
pipelined publications, and which asynchronous commands of a message are answered before the close that ends it.
"""

import contextlib
import json
import re
import time

import attrs

from liveproto_conformance.drive.websocket import ConnectionEndedError, open_connection

PREFIX = "default/plugin/x/"
FENCE_ID = 4_000_000_001
WAIT_S = 5.0
QUIET_S = 0.3
"""For joins, which come when they please, and for what a message before connect may still bring."""

_CHANNEL = re.compile(r'("channel"\s*:\s*")(?=[^"])', re.IGNORECASE)
_CLIENT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EPOCH = re.compile(r'"epoch":"[^"]*"')
_FROM_THE_READ_LOOP = ("connect", "unsubscribe")


@attrs.frozen
class Scenario:
    """Messages, text or binary, and how the connection is opened."""

    name: str
    messages: tuple[str | bytes, ...]
    subprotocols: tuple[str, ...] = ()
    query: str = ""


@attrs.define
class Exchange:
    """What one message brought."""

    replies: list[str] = attrs.field(factory=list)
    pushes: list[str] = attrs.field(factory=list)
    closed: str | None = None

    def lines(self):
        """All of it as sorted lines; before a close only what the read loop answered."""
        kept = self.replies + self.pushes
        if self.closed is not None:
            kept = [line for line in self.replies if not _is_asynchronous(line)]
        return sorted(kept) + ([self.closed] if self.closed is not None else [])


def play(url, scenario, *, translate):
    """Play a scenario and return the selected subprotocol and an exchange for each message.

    Args:
        url: of the WebSocket.
        scenario: what to send.
        translate: whether channels are named below a plugin channel of Grafana, and named back in what is received.
    """
    connection = open_connection(
        url + scenario.query, headers={}, timeout_s=WAIT_S, tls=None, subprotocols=scenario.subprotocols
    )
    try:
        player = _Player(connection, translate=translate)
        return connection.subprotocol, [player.exchange(message) for message in scenario.messages]
    finally:
        connection.close()


def ended_by(url, messages, *, wait_s):
    """Send messages, answer nothing, and return how the server ends the connection."""
    connection = open_connection(url, headers={}, timeout_s=WAIT_S, tls=None)
    try:
        for message in messages:
            connection.send(message)
        closed = connection.wait_closed(wait_s)
    finally:
        connection.close()
    return "open" if closed is None else f"CLOSE {closed.code} {closed.reason}"


class _Player:
    def __init__(self, connection, *, translate):
        self._connection = connection
        self._translate = translate
        self._connected = False
        self._ended = False
        self._fence = FENCE_ID

    def exchange(self, message):
        found = Exchange()
        if self._ended:
            return found
        self._connection.send(translated(message) if self._translate else message)
        wanted = set(ids_of(message))
        with contextlib.suppress(TimeoutError, ConnectionEndedError):
            if not self._connected:
                self._read_until(found, lambda: self._connected, QUIET_S)
            if self._connected:
                self._fence += 1
                self._connection.send(f'{{"id":{self._fence},"unsubscribe":{{"channel":"fence"}}}}')
                self._read_until(found, lambda: self._fence_answered(found), WAIT_S)
                self._read_until(found, lambda: wanted <= ids_in(found.replies), QUIET_S)
                if "pres" in str(message):
                    self._read_until(found, lambda: False, QUIET_S)
        if self._connection.closed is not None:
            self._ended = True
            found.closed = f"CLOSE {self._connection.closed.code} {self._connection.closed.reason}"
        found.replies = [line for line in found.replies if f'"id":{self._fence},' not in line]
        return found

    def _fence_answered(self, found):
        return any(f'"id":{self._fence},' in line for line in found.replies)

    def _read_until(self, found, done, seconds):
        deadline = time.monotonic() + seconds
        while not done():
            data = self._connection.receive(deadline - time.monotonic()).data
            for line in data.decode("utf-8", "backslashreplace").removesuffix("\n").split("\n"):
                self._take(found, line)

    def _take(self, found, line):
        shown = _EPOCH.sub('"epoch":"EPOCH"', _CLIENT.sub("CLIENT", line))
        if self._translate:
            shown = shown.replace(PREFIX, "")
        if shown == "{}":
            return
        if shown.startswith('{"push"'):
            found.pushes.append(shown)
        else:
            found.replies.append(shown)
            self._connected = self._connected or '"connect":{"client"' in shown


def translated(message):
    """Name every channel of a message below Grafana's plugin channels, and leave all else as it is."""
    if isinstance(message, str):
        return _CHANNEL.sub(lambda found: found[1] + PREFIX, message)
    return _CHANNEL.sub(lambda found: found[1] + PREFIX, message.decode("latin-1")).encode("latin-1")


def ids_of(message):
    """The ids of the commands that stand whole on a line of a message, one request in each."""
    text = message if isinstance(message, str) else message.decode("latin-1")
    for line in text.split("\n"):
        with contextlib.suppress(ValueError, RecursionError):
            command = json.loads(line)
            if isinstance(command, dict) and command.keys() - {"id", "send"} and isinstance(command.get("id"), int):
                yield command["id"]


def ids_in(lines):
    """The ids of replies."""
    return {int(found[1]) for line in lines if (found := re.match(r'\{"id":(\d+)', line))}


def _is_asynchronous(line):
    return not any(f'"{kind}":' in line for kind in _FROM_THE_READ_LOOP)
