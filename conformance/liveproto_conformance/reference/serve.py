"""``liveproto serve``: the embedded server as a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from liveproto.grafana.release import parse_release
from liveproto.session.server import Limits, Timing
from liveproto_conformance.reference.server import ReferenceServer

if TYPE_CHECKING:
    from liveproto_conformance.reference.server import Parts


def serve_forever(  # noqa: PLR0913 - the options of a command
    *,
    port: int,
    grafana: str,
    ping: float,
    pong: float,
    stale: float,
    message_size_limit: int,
    mutant: str | None,
    twin: str | None,
    timer_ping: float | None,
    timer_pong: float | None,
    timer_stale: float | None,
    until_eof: bool,
) -> None:
    """Serve until a signal, or the end of standard input.

    Raises:
        ValueError: no such release or mutant.
        OSError: the port is taken.
    """
    server = ReferenceServer(
        release=parse_release(grafana),
        limits=Limits(message_bytes=message_size_limit),
        timing=Timing(ping_interval_s=ping, pong_timeout_s=pong, stale_delay_s=stale),
        parts=_parts(mutant, twin),
    )
    timers = None
    if timer_ping is not None and timer_pong is not None and timer_stale is not None:
        timers = Timing(ping_interval_s=timer_ping, pong_timeout_s=timer_pong, stale_delay_s=timer_stale)
    # A client that offers a subprotocol we do not know is served without one, which aiohttp would report.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    asyncio.run(_serve(server, port, timers, until_eof=until_eof))


def _parts(mutant: str | None, twin: str | None) -> Parts | None:
    name = mutant or twin
    if name is None:
        return None
    from liveproto_conformance.mutants.registry import parts_of  # noqa: PLC0415 - every run waits for this start

    return parts_of(name)


async def _serve(server: ReferenceServer, port: int, timers: Timing | None, *, until_eof: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if until_eof:
        # Whoever started us holds the other end: when it dies, we go.
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 4096) else stopped.set())
    _say(f"listening http://127.0.0.1:{await server.listen(port)}")
    if timers is not None:
        _say(f"timers http://127.0.0.1:{await server.listen(0, timing=timers)}")
    await stopped.wait()
    await server.stop()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
