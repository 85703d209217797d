"""``liveproto listen``: a client that subscribes, prints and comes back, on liveproto's own client machine."""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING, Final

from msgspec import Raw

from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.session.client_options import ClientTiming
from liveproto.session.states import ClientState
from liveproto.wire.messages import ConnectRequest, SubscribeRequest
from liveproto_conformance.drive.websocket import Connection, ConnectionEndedError, NotWebSocketError, open_connection
from liveproto_conformance.target import tls_context, websocket_url
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liveproto_conformance.target import Settings

_LOST: Final = 1006
_WORDS: Final[dict[type[ev.ClientEvent], str]] = {
    ev.Connecting: "disconnected: {0.code} {0.reason}",
    ev.Connected: "connected as {0.result.client}",
    ev.ConnectFailed: "not connected: {0.code} {0.reason}",
    ev.Disconnected: "disconnected: {0.code} {0.reason}",
    ev.Subscribed: "subscribed to {0.channel}",
    ev.SubscribeFailed: "not subscribed to {0.channel} yet: {0.code} {0.reason}",
    ev.Unsubscribed: "unsubscribed from {0.channel}: {0.code} {0.reason}",
    ev.ProtocolViolated: "the server broke a rule: {0.error}",
}


def listen_forever(settings: Settings, channels: Sequence[str], *, as_json: bool) -> Exit:
    """Print publications until the server says not to come back."""
    timing = ClientTiming(command_timeout_s=settings.timeout)
    machine = ClientProtocol(fractions=iter(random.random, None), timing=timing)
    listener = _Listener(settings, machine)
    for channel in channels:
        machine.subscribe(SubscribeRequest(channel=channel), now=time.monotonic())
    machine.connect(ConnectRequest(name="liveproto"), now=time.monotonic())
    while True:
        listener.write()
        for event in machine.events():
            _show(event, machine, as_json=as_json)
        if machine.state is ClientState.DISCONNECTED:
            return Exit.NONCONFORMANT
        listener.read()


class _Listener:
    """Does what the machine asks for, and tells it what comes."""

    def __init__(self, settings: Settings, machine: ClientProtocol) -> None:
        assert settings.url is not None
        self._settings = settings
        self._url = websocket_url(settings.url)
        self._tls = tls_context(settings)
        self._machine = machine
        self._connection: Connection | None = None

    def write(self) -> None:
        """Open, write and close until nothing is asked for."""
        while outputs := self._machine.data_to_send():
            for output in outputs:
                match output:
                    case ev.Open():
                        self._open()
                    case ev.Close():
                        self._close()
                    case ev.Batch():
                        self._send(output.data)

    def read(self) -> None:
        """Wait for a message, the end of the connection or the next timeout, and hand it on."""
        due = self._machine.next_timeout()
        wait_s = None if due is None else max(due - time.monotonic(), 0.001)
        if self._connection is None:
            time.sleep(wait_s or 0.0)
            self._machine.handle_timeout(now=time.monotonic())
            return
        try:
            message = self._connection.receive(self._settings.timeout if wait_s is None else wait_s)
            self._machine.receive_batch(message.data, now=time.monotonic())
        except TimeoutError:
            self._machine.handle_timeout(now=time.monotonic())
        except ConnectionEndedError as ended:
            self._ended(ended)

    def _open(self) -> None:
        settings = self._settings
        try:
            self._connection = open_connection(
                self._url, headers=settings.headers, timeout_s=settings.timeout, tls=self._tls
            )
        except (OSError, NotWebSocketError) as error:
            _say(f"cannot connect: {error}")
            self._machine.receive_close(_LOST, "", now=time.monotonic())
        else:
            self._machine.receive_open(now=time.monotonic())

    def _send(self, data: bytes) -> None:
        if self._connection is not None:
            try:
                self._connection.send(data.decode())
            except ConnectionEndedError as ended:
                self._ended(ended)

    def _ended(self, ended: ConnectionEndedError) -> None:
        self._close()
        self._machine.receive_close(ended.closed.code, ended.closed.reason, now=time.monotonic())

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _show(event: ev.ClientEvent, machine: ClientProtocol, *, as_json: bool) -> None:
    match event:
        case ev.PublicationReceived():
            data = event.publication.data
            text = bytes(data).decode() if isinstance(data, Raw) else "null"
            line = f'{{"channel":{json.dumps(event.channel)},"data":{text}}}' if as_json else f"{event.channel} {text}"
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        case ev.TokenRequested():
            # Who listens has the credentials of the command line and no others.
            machine.provide_token("", channel=event.channel, now=time.monotonic())
        case ev.Connecting(code=0):
            """It was told so."""
        case _ if (words := _WORDS.get(type(event))) is not None:
            _say(words.format(event))
            if isinstance(event, ev.Connecting | ev.ConnectFailed):
                _say(_coming_back(machine))
        case _:
            """Nothing a listener shows."""


def _coming_back(machine: ClientProtocol) -> str:
    due = machine.next_timeout()
    assert due is not None
    return f"connecting again in {max(due - time.monotonic(), 0.0):.1f} s"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
