"""A proxy that listens in: one connection of a client, one to the upstream, and between them what passes.

Theory. Heads are read with ``h11``; after a WebSocket was opened, bytes pass as they come, and an end of one direction
ends that direction only. Each pump waits until the other side has taken what it was given, so that a slow reader slows
the writer down and nothing piles up here.

Not here: what is recorded (``recording``), how heads change (``http_message``).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import h11

from liveproto_conformance.recorder.http_message import (
    asks_for_websocket,
    copy_of,
    is_protobuf,
    opened,
    to_client,
    to_upstream,
)
from liveproto_conformance.recorder.peer import CHUNK_BYTES, LINGER_S, Peer
from liveproto_conformance.recorder.recording import WebSocketRecording

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable, Coroutine

    from liveproto_conformance.recorder.http_message import Copy, Upstream
    from liveproto_conformance.recorder.recording import Recording

_HEAD_TIMEOUT_S: Final = 60.0
_CONNECT_TIMEOUT_S: Final = 10.0


class Proxy:
    """Passes on to one upstream."""

    def __init__(self, upstream: Upstream, recording: Recording, say: Callable[[str], None]) -> None:
        self._upstream = upstream
        self._recording = recording
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection of a client until it ends, or the event loop does."""
        task = asyncio.ensure_future(self._serve_to_the_end(Peer(h11.SERVER, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_to_the_end(self, client: Peer) -> None:
        try:
            with contextlib.suppress(OSError, h11.ProtocolError):
                await self._serve(client)
            await client.close()
        finally:
            client.abort()

    async def _serve(self, client: Peer) -> None:
        request = await _request_of(client)
        if request is None:
            return
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                streams = await asyncio.open_connection(
                    self._upstream.host, self._upstream.port, ssl=self._upstream.tls or None, limit=CHUNK_BYTES
                )
        except OSError as error:
            await self._bad_gateway(client, f"cannot connect: {error or 'no answer in time'}")
            return
        server = Peer(h11.CLIENT, *streams)
        exchange = _Exchange(client, server, request, self._recording)
        try:
            await exchange.run(to_upstream(request, self._upstream))
        except _UpstreamError as error:
            await self._bad_gateway(client, str(error))
        finally:
            server.abort()

    async def _bad_gateway(self, client: Peer, text: str) -> None:
        self._say(f"{self._upstream}: {text}")
        await client.answer(502, f"{self._upstream}: {text}")


class _UpstreamError(Exception):
    """The upstream did not answer to the end."""


class _Exchange:
    """One request and its answer, or one WebSocket."""

    def __init__(self, client: Peer, server: Peer, request: h11.Request, recording: Recording) -> None:
        self._client = client
        self._server = server
        self._request = request
        self._copy = copy_of(request)
        self._recording = recording
        self._number = recording.connection()

    async def run(self, request: h11.Request) -> None:
        """Pass everything until it is over."""
        if asks_for_websocket(self._request):
            await self._pass_request(request)
            await self._pass_answer()
        else:
            await _until_first(self._pass_plain_request(request), self._pass_answer())

    async def _pass_plain_request(self, request: h11.Request) -> None:
        try:
            # An upstream that reads no further has perhaps answered: that decides.
            with contextlib.suppress(ConnectionError):
                await self._pass_request(request)
        finally:
            self._record(">", self._copy)
        while await self._client.reader.read(CHUNK_BYTES):
            """Until the client has gone, and wants no answer any more."""

    async def _pass_request(self, request: h11.Request) -> None:
        await self._server.send(request)
        while isinstance(event := await self._client.receive(), h11.Data):
            self._copy.add(event.data)
            await self._server.send(event)
        if isinstance(event, h11.EndOfMessage):
            await self._server.send(event)

    async def _pass_answer(self) -> None:
        event = await self._of_upstream()
        while isinstance(event, h11.InformationalResponse):
            if event.status_code == 101:  # noqa: PLR2004 - switching protocols
                await self._switch(event)
                return
            await self._client.send(event)
            event = await self._of_upstream()
        if isinstance(event, h11.Response):
            await self._pass_response(event)

    async def _pass_response(self, response: h11.Response) -> None:
        if asks_for_websocket(self._request):
            self._record(">", self._copy)
        copy = copy_of(response)
        try:
            await self._client.send(to_client(response))
            while isinstance(event := await self._of_upstream(), h11.Data):
                copy.add(event.data)
                await self._client.send(event)
        finally:
            self._record("<", copy)
        if isinstance(event, h11.EndOfMessage):
            await self._client.send(event)

    async def _of_upstream(self) -> h11.Event | type[h11.PAUSED]:
        try:
            event = await self._server.receive()
        except (OSError, h11.RemoteProtocolError) as error:
            raise _UpstreamError(f"no whole answer: {error}") from error
        if isinstance(event, h11.ConnectionClosed):
            raise _UpstreamError("closed without an answer")
        return event

    async def _switch(self, response: h11.InformationalResponse) -> None:
        self._recording.write(self._number, ">", "open", opened(self._request, response))
        recording = WebSocketRecording(self._recording, self._number)
        if is_protobuf(self._request, response):
            recording.lose("Protobuf is not recorded: tokens could not be told from the rest")
        try:
            await self._client.send(response)
            await _until_first(
                _pump(">", self._client, self._server, recording),
                _pump("<", self._server, self._client, recording),
                linger_s=LINGER_S,
            )
            await self._server.close()
        finally:
            recording.stop()

    def _record(self, direction: str, copy: Copy) -> None:
        self._recording.write(self._number, direction, "http", copy.payload())


async def _request_of(client: Peer) -> h11.Request | None:
    try:
        async with asyncio.timeout(_HEAD_TIMEOUT_S):
            request = await client.receive()
    except h11.RemoteProtocolError as error:
        await client.answer(error.error_status_hint, str(error))
        return None
    if not isinstance(request, h11.Request):
        return None
    if request.method == b"CONNECT":
        await client.answer(501, "CONNECT is not passed on")
        return None
    return request


async def _pump(direction: str, source: Peer, sink: Peer, recording: WebSocketRecording) -> None:
    """Pass bytes until their source ends or the sink has gone."""
    data, _ = source.http.trailing_data
    try:
        while data or (data := await source.reader.read(CHUNK_BYTES)):
            recording.feed(direction, data)
            try:
                sink.writer.write(data)
                await sink.writer.drain()
            except OSError:
                # What the sink said before it went is still on its way in the other direction.
                return
            data = b""
        recording.ended(direction)
        sink.send_eof()
    except OSError:
        recording.ended(direction)
        sink.abort()


async def _until_first(*jobs: Coroutine[None, None, None], linger_s: float = 0.0) -> None:
    """Run jobs until one is done and the others for a while longer; raise what they raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if pending:
            await asyncio.wait(pending, timeout=linger_s)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
