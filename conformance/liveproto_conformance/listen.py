"""``liveproto listen``: a client that subscribes, prints and reconnects, on liveproto's own client machine."""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING, Final

from msgspec import Raw

from liveproto.session import events as ev
from liveproto.session.client import ClientProtocol
from liveproto.wire.messages import ConnectRequest, SubscribeRequest
from liveproto_conformance.drive.websocket import Connection, ConnectionEndedError, NotWebSocketError, open_connection
from liveproto_conformance.target import tls_context, websocket_url
from liveproto_conformance.verdict import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from liveproto_conformance.target import Settings

MIN_DELAY_S: Final = 0.5
MAX_DELAY_S: Final = 20.0
_POLL_S: Final = 0.5


def listen_forever(settings: Settings, channels: Sequence[str], *, as_json: bool) -> Exit:
    """Print publications until the server says not to come back."""
    assert settings.url is not None
    url, tls, step, next_id = websocket_url(settings.url), tls_context(settings), 0, 1
    while True:
        try:
            connection = open_connection(url, headers=settings.headers, timeout_s=settings.timeout, tls=tls)
        except (OSError, NotWebSocketError) as error:
            _say(f"cannot connect: {error}")
        else:
            machine = ClientProtocol(next_command_id=next_id)
            reconnect, connected = _listen_once(connection, machine, channels, as_json=as_json)
            next_id = machine.next_command_id
            step = 0 if connected else step
            if not reconnect:
                return Exit.NONCONFORMANT
        delay_s = min(MAX_DELAY_S, MIN_DELAY_S * (1 + random.random() * 2 ** min(step, 31)))  # noqa: S311 - spreads load
        step += 1
        _say(f"connecting again in {delay_s:.1f} s")
        time.sleep(delay_s)


def _listen_once(
    connection: Connection, machine: ClientProtocol, channels: Sequence[str], *, as_json: bool
) -> tuple[bool, bool]:
    machine.connect(ConnectRequest(name="liveproto"))
    for channel in channels:
        machine.subscribe(SubscribeRequest(channel=channel))
    connected = False
    while True:
        _write(connection, machine)
        for event in machine.events():
            if isinstance(event, ev.Disconnected):
                _say(f"disconnected: {event.code} {event.reason}")
                connection.close()
                return event.reconnect, connected
            connected = connected or isinstance(event, ev.Connected)
            _show(event, as_json=as_json)
        _read(connection, machine)


def _write(connection: Connection, machine: ClientProtocol) -> None:
    for output in machine.data_to_send():
        if isinstance(output, ev.Batch):
            try:
                connection.send(output.data.decode())
            except ConnectionEndedError as ended:
                machine.receive_close(ended.closed.code, ended.closed.reason, now=time.monotonic())


def _read(connection: Connection, machine: ClientProtocol) -> None:
    due = machine.next_timeout()
    try:
        message = connection.receive(_POLL_S if due is None else max(due - time.monotonic(), 0.001))
        machine.receive_batch(message.data, now=time.monotonic())
    except TimeoutError:
        machine.handle_timeout(now=time.monotonic())
    except ConnectionEndedError as ended:
        machine.receive_close(ended.closed.code, ended.closed.reason, now=time.monotonic())


def _show(event: ev.ClientEvent, *, as_json: bool) -> None:
    match event:
        case ev.PublicationReceived():
            data = event.publication.data
            text = bytes(data).decode() if isinstance(data, Raw) else "null"
            line = f'{{"channel":{json.dumps(event.channel)},"data":{text}}}' if as_json else f"{event.channel} {text}"
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        case ev.Connected():
            _say(f"connected as {event.result.client}")
        case ev.Subscribed():
            _say(f"subscribed to {event.channel}")
        case ev.Unsubscribed():
            _say(f"unsubscribed from {event.channel}: {event.code} {event.reason}")
        case ev.ProtocolViolated():
            _say(f"the server broke a rule: {event.error}")
        case _:
            """Nothing a listener shows."""


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
