"""A WebSocket that pushes: each message is a body of line protocol, and nothing is ever answered.

Theory. Whether the other side lives is known from its pongs alone: each gives it the time until the next ping, and as
much again as Grafana leaves for the answer.
A body that is refused is dropped, and the next one is taken as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE_BYTES: Final = 1024 * 1024
_OVERSIZE_ROOM: Final = 1024 * 1024
_ANSWER_S: Final = 25 / 9
_CLOSE_WAIT_S: Final = 5.0


class PushSocket:
    """One connection, and what takes its bodies; pings that come every 0 seconds do not come."""

    message_bytes = MESSAGE_BYTES

    def __init__(self, take: Callable[[bytes], object], ping_interval_s: float) -> None:
        self.take = take
        self._ping_interval_s = ping_interval_s
        self._socket = web.WebSocketResponse(
            autoping=False, max_msg_size=self.message_bytes + _OVERSIZE_ROOM, timeout=_CLOSE_WAIT_S, compress=False
        )

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        """Take bodies until the connection ends, or its other side does not answer pings."""
        if not self._socket.can_prepare(request).ok:
            raise web.HTTPBadRequest(text="Bad Request\n")
        await self._socket.prepare(request)
        pinging = asyncio.get_running_loop().create_task(self._ping()) if self._ping_interval_s else None
        try:
            await self._read()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        finally:
            if pinging is not None:
                pinging.cancel()
        return self._socket

    async def close(self, code: int) -> None:
        """End the connection from the server's side."""
        await self._socket.close(code=code)

    def patience_s(self) -> float:
        """Return how long the other side may be without a pong, where pings are sent."""
        return self._ping_interval_s + _ANSWER_S

    async def _read(self) -> None:
        async with asyncio.timeout_at(self._due()) as patience:
            while True:
                message = await self._socket.receive()
                match message.type:
                    case WSMsgType.TEXT:
                        await self._take(message.data.encode())
                    case WSMsgType.BINARY:
                        await self._take(message.data)
                    case WSMsgType.PING:
                        await self._socket.pong(message.data)
                    case WSMsgType.PONG:
                        patience.reschedule(self._due())
                    case _:
                        return

    def _due(self) -> float | None:
        return asyncio.get_running_loop().time() + self.patience_s() if self._ping_interval_s else None

    async def _take(self, body: bytes) -> None:
        if len(body) > self.message_bytes:
            await self.close(WSCloseCode.MESSAGE_TOO_BIG)
        else:
            self.take(body)

    async def _ping(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(self._ping_interval_s)
                await self._socket.ping()
