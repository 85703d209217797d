"""A scripted centrifuge-python client: ``python client.py URL CHANNEL``.

Lets a test drive the real SDK from outside: one JSON command a line on stdin, one JSON event a line on stdout.
``../centrifuge-js/client.cjs`` takes the same commands; its README lists them. Reconnecting, resubscribing and
answering pings are the SDK's own doing; nothing is judged here.

Sources: PyPI centrifuge-python 0.7.0, whose debug log texts are what ``watch`` reads.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from centrifuge import Client, ClientEventHandler, ReplyError, SubscriptionEventHandler

LIFETIME_S = 58
CLOSE_GRACE_S = 1.5
MAX_COMMAND_BYTES = 16 * 1024 * 1024
RAW = os.environ.get("RAW") == "1"

Command = dict[str, Any]
Call = Callable[[Command], Coroutine[Any, Any, Any]]


def emit(event: str, **fields: object) -> None:
    """Print one event; the SDK's records are printed as objects."""
    sys.stdout.write(json.dumps({"event": event, **fields}, default=vars) + "\n")
    sys.stdout.flush()


def fields_of(record: object) -> dict[str, Any]:
    """Take an SDK record apart, one level deep; None has no fields."""
    return {} if record is None else dict(vars(record))


def blame(error: BaseException, code: int | None = None) -> dict[str, object]:
    """Describe an SDK error; the server's own code wins over the SDK's, and most exceptions have none."""
    if isinstance(error, ReplyError):
        return {"code": error.code, "message": error.message, "temporary": error.temporary}
    return {"code": code, "message": str(error) or type(error).__name__}


def reporter(event: str, **known: str) -> Callable[[object], Awaitable[None]]:
    """Build an SDK event handler that prints its context."""

    async def report(context: object) -> None:
        fields: dict[str, Any] = {**known, **fields_of(context)}
        fields.update(fields_of(fields.pop("pub", None)))
        if "error" in fields:
            fields.update(blame(fields.pop("error"), fields["code"]))
        emit(event, **fields)

    return report


def watch(record: logging.LogRecord) -> bool:
    """Print what the SDK logs of its socket; let only warnings through to stderr.

    The log shows commands before they are encoded, so they are encoded here the way the SDK's JSON codec does it.
    A close that the SDK itself began is not logged.
    """
    logged: tuple[str, Any] = record.msg, record.args
    match logged:
        case "start reading connection", _:
            emit("transport", state="open")
        case "connection closed, code: %d, reason: %s", (code, reason):
            emit("transport", state="closed", code=code, reason=reason)
        case "data received %s", (data,) if RAW:
            emit("raw", dir="in", data=data)
        case "send commands: %s", (commands,) if RAW:
            emit("raw", dir="out", data="\n".join(map(json.dumps, commands)))
        case _:
            pass
    return record.levelno >= logging.WARNING


def done(do: str, call: asyncio.Future[Any]) -> None:
    """Answer a command whose call has ended, or is a change of state that the SDK has taken on."""
    if call.done() and (error := call.exception()):
        emit("done", do=do, ok=False, error=blame(error))
    else:
        emit("done", do=do, ok=True, **fields_of(call.result() if call.done() else None))


async def unknown(_command: Command) -> None:
    """Refuse a command nobody knows."""
    message = "unknown command"
    raise ValueError(message)


def build_calls(url: str, channel: str) -> dict[str, Call]:
    """Create the client and its subscription, with every event reported, and name what can be asked of them."""
    client_events, events = ClientEventHandler(), SubscriptionEventHandler()
    for event in ("connecting", "connected", "disconnected", "error"):
        setattr(client_events, f"on_{event}", reporter(event))
    for event in ("subscribing", "subscribed", "unsubscribed", "publication", "error"):
        setattr(events, f"on_{event}", reporter(event, channel=channel))
    client = Client(
        url,
        events=client_events,
        min_reconnect_delay=0.1,
        max_reconnect_delay=1.0,
        max_server_ping_delay=1.0,
        proxy=None,
    )
    subscription = client.new_subscription(channel, events=events, min_resubscribe_delay=0.1, max_resubscribe_delay=1.0)
    return {
        "connect": lambda _: client.connect(),
        "disconnect": lambda _: client.disconnect(),
        "subscribe": lambda _: subscription.subscribe(),
        "unsubscribe": lambda _: subscription.unsubscribe(),
        "publish": lambda command: client.publish(channel, command.get("data")),
        "rpc": lambda command: client.rpc(command.get("method", ""), command.get("data")),
    }


async def start(call: asyncio.Future[Any], do: str) -> None:
    """Let a call begin before the next command does, and have it answered.

    A change of state is answered at once, as in centrifuge-js: its coroutine would wait for the server, which the
    state events report better.
    """
    if do in {"publish", "rpc"}:
        call.add_done_callback(partial(done, do))
    await asyncio.sleep(0)
    if do not in {"publish", "rpc"}:
        done(do, call)


async def obey(calls: dict[str, Call], stdin: asyncio.StreamReader) -> None:
    """Carry out commands until "quit" or the end of stdin."""
    begun: list[asyncio.Future[Any]] = []
    while line := await stdin.readline():
        command: Command = json.loads(line)
        if command["do"] == "quit":
            emit("done", do="quit", ok=True)
            return
        begin = calls.get(command["do"], unknown)
        begun.append(asyncio.ensure_future(begin(command)))
        await start(begun[-1], command["do"])


async def main(url: str, channel: str) -> None:
    """Serve stdin for its lifetime, then close the connection properly."""
    calls = build_calls(url, channel)
    stdin = asyncio.StreamReader(limit=MAX_COMMAND_BYTES)
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    try:
        async with asyncio.timeout(LIFETIME_S):
            await obey(calls, stdin)
    finally:
        pipe.close()
        await calls["disconnect"]({})
        # The SDK closes its socket in a background task, which the end of asyncio.run would cancel.
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=CLOSE_GRACE_S)


if __name__ == "__main__":
    sdk_log = logging.getLogger("centrifuge")
    sdk_log.setLevel(logging.DEBUG)
    sdk_log.addFilter(watch)
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except TimeoutError:
        sys.exit(f"ended after {LIFETIME_S} s")
