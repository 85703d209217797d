"""The server itself: routes, and one connection's machine between its WebSocket and the engine.

Theory. A connection has a reader, which feeds the machine and stops while it is ``paused``, and a writer, which drains
it and is the only one to write; a timer calls the machine when it asks to be. After each step ``_turn`` answers the
machine's questions from the rules and wakes the writer.

``Parts`` are the pieces a server is made of: a mutant is the same server with one piece exchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from liveproto.channel import Organisation
from liveproto.errors import LocalProtocolError
from liveproto.grafana.ingest import Refusal, ingest, make_converters
from liveproto.grafana.managed_stream import ManagedStreams
from liveproto.grafana.release import Release
from liveproto.grafana.scopes import Act, Granted, decide, decide_unprefixed
from liveproto.session import events as ev
from liveproto.session.server import Limits, ServerProtocol, Timing
from liveproto.wire import messages as m
from liveproto.wire.codes import SHUTDOWN, ErrorCode, protocol_error
from liveproto_conformance.reference.engine import Engine
from liveproto_conformance.reference.push_socket import PushSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp.typedefs import Middleware

    from liveproto.grafana.ingest import ChannelFrame

GRAFANA: Final = Release(12, 4)
ORGANISATION: Final = Organisation(1)
USER: Final = "1"
SERVES: Final[frozenset[type[m.Request]]] = frozenset({m.SubscribeRequest, m.PublishRequest})
"""Grafana 12.4 has no handler for anything else."""
_RPC_REMOVED: Final = Release(12, 4)
RECEIVED_KEPT: Final = 10_000
"""Messages of clients that are remembered, for tests of clients."""
_OVERSIZE_ROOM: Final = 1024 * 1024
_CLOSE_WAIT_S: Final = 5.0
BODY_BYTES: Final = 256 * 1024 * 1024
"""What a request may carry; Grafana has no limit of its own."""


class PublishBody(msgspec.Struct):
    """What is posted to publish."""

    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    """Kept as the publisher wrote it, newlines included."""


_publish_bodies: Final = msgspec.json.Decoder(PublishBody)


class Connection:
    """One client."""

    def __init__(self, server: ReferenceServer, socket: web.WebSocketResponse, timing: Timing) -> None:
        self.server = server
        self.client = str(uuid.uuid4())
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._keys: dict[str, object] = {}
        self._told: set[str] = set()
        self._wake = asyncio.Event()
        self._resumed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.machine = server.parts.protocol(
            now=self._loop.time(),
            limits=server.limits,
            timing=timing,
            serves=server.serves,
            first_ping_fraction=random.random(),  # noqa: S311 - spreads load
        )

    async def run(self) -> None:
        """Serve until the connection is closed."""
        writer = self._loop.create_task(self._write())
        self._turn()
        try:
            await self._read()
        finally:
            self.machine.receive_close(self._socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, "", now=self._now())
            self._turn()
            if self._timer is not None:
                self._timer.cancel()
            self._closed = True
            self._wake.set()
            await writer

    def deliver(self, channel: str, line: bytes) -> None:
        """Send an encoded push of a channel."""
        # A batch may end with an unsubscribe, of which the engine learns a moment after the machine.
        with contextlib.suppress(LocalProtocolError):
            self.machine.push_line(channel, line)
        self._wake.set()

    def disconnect(self, code: int, reason: str) -> None:
        """Close from the server's side."""
        self.machine.disconnect(attrs.evolve(SHUTDOWN, code=code, reason=reason))
        self._turn()

    def _now(self) -> float:
        return self._loop.time()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return
            self.server.received.append(message.data)
            self.machine.receive_batch(message.data, now=self._now())
            self._turn()
            while self.machine.paused:
                self._resumed.clear()
                await self._resumed.wait()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for output in self.machine.data_to_send():
                with contextlib.suppress(ConnectionError, RuntimeError):
                    await self._send(output)
            if self._closed:
                return

    async def _send(self, output: ev.Output) -> None:
        if isinstance(output, ev.Close):
            await self._socket.close(code=output.code, message=output.reason.encode())
        elif output.binary:
            await self._socket.send_bytes(output.data)
        else:
            await self._socket.send_str(output.data.decode())

    def _on_timer(self) -> None:
        self.machine.handle_timeout(now=self._now())
        self._turn()

    def _turn(self) -> None:
        for event in self.machine.events():
            self.answer(event)
        if self._timer is not None:
            self._timer.cancel()
        due = self.machine.next_timeout()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)
        if not self.machine.paused:
            self._resumed.set()
        self._wake.set()

    def answer(self, event: ev.ServerEvent) -> None:
        """Do what an event of the machine asks for, and everything that follows from it."""
        match event:
            case ev.ConnectRequested():
                self.machine.accept(event.ticket, self.connect_result(), now=self._now())
            case ev.SubscribeRequested():
                self._answer_subscribe(event)
            case ev.PublishRequested():
                self._answer_publish(event)
            case ev.CommandRequested():
                rpc = isinstance(event.request, m.RPCRequest)
                code = ErrorCode.METHOD_NOT_FOUND if rpc else ErrorCode.NOT_AVAILABLE
                self.machine.refuse(event.ticket, protocol_error(code), now=self._now())
            case ev.Unsubscribed():
                self._leave(event.channel)
            case ev.Disconnected():
                for channel in list(self._keys):
                    self._leave(channel)
            case ev.SendReceived() | ev.ProtocolViolated():
                """Nothing to answer."""
        for following in self.machine.events():
            self.answer(following)

    def connect_result(self) -> m.ConnectResult:
        """Make the result of connect; the machine adds ping and pong."""
        return m.ConnectResult(client=self.client)

    def subscribe_result(self, channel: str) -> m.SubscribeResult:
        """Make the result of subscribe, with the last frame of a managed stream."""
        full = self.server.streams.full(str(self._keys[channel]))
        return m.SubscribeResult() if full is None else m.SubscribeResult(data=msgspec.Raw(full))

    def _answer_subscribe(self, event: ev.SubscribeRequested) -> None:
        channel = event.request.channel
        decision = self._decide(channel, Act.SUBSCRIBE)
        if isinstance(decision, m.Error):
            self.machine.refuse(event.ticket, decision, now=self._now())
            return
        key = str(decision.channel)
        if channel not in self._keys and key in self._keys.values():
            # An organisation has two names, but a channel is subscribed to once.
            self.machine.refuse(event.ticket, protocol_error(ErrorCode.ALREADY_SUBSCRIBED), now=self._now())
            return
        self._keys[channel] = key
        result = msgspec.structs.replace(self.subscribe_result(channel), was_recovering=event.request.recover)
        self.machine.accept(event.ticket, result, now=self._now())
        self.server.engine.join(key, self, channel)
        if decision.join_leave:
            self._told.add(channel)
            self.server.engine.publish(key, lambda name: m.Push(channel=name, join=m.Join(self._info())))

    def _answer_publish(self, event: ev.PublishRequested) -> None:
        decision = self._decide(event.request.channel, Act.PUBLISH)
        if isinstance(decision, m.Error):
            self.machine.refuse(event.ticket, decision, now=self._now())
            return
        assert isinstance(event.request.data, msgspec.Raw)
        self.server.publish(str(decision.channel), event.request.data)
        self.machine.reply(event.ticket, m.PublishResult())

    def _decide(self, channel: str, act: Act) -> Granted | m.Error:
        return self.server.parts.decide(channel, act, organisation=ORGANISATION, release=self.server.release)

    def _leave(self, channel: str) -> None:
        key = self._keys.pop(channel, None)
        self.server.engine.leave(key, self)
        if channel in self._told:
            self._told.discard(channel)
            self.server.engine.publish(key, lambda name: m.Push(channel=name, leave=m.Leave(self._info())))

    def _info(self) -> m.ClientInfo:
        return m.ClientInfo(user=USER, client=self.client)


@attrs.frozen(kw_only=True)
class Parts:
    """What a server is made of."""

    protocol: type[ServerProtocol] = ServerProtocol
    connection: type[Connection] = Connection
    engine: type[Engine] = Engine
    decide: Callable[..., Granted | m.Error] = decide
    serves: frozenset[type[m.Request]] = SERVES
    subprotocols: tuple[str, ...] = ("centrifuge-json",)
    streams: type[ManagedStreams] = ManagedStreams
    ingest: Callable[..., tuple[ChannelFrame, ...] | Refusal] = ingest
    push_socket: type[PushSocket] = PushSocket
    middlewares: tuple[Middleware, ...] = ()
    """What stands before the routes, such as a login."""


class ReferenceServer:
    """Grafana Live without Grafana: the WebSocket, and what of the HTTP API concerns it."""

    def __init__(
        self,
        *,
        release: Release = GRAFANA,
        limits: Limits | None = None,
        timing: Timing | None = None,
        parts: Parts | None = None,
    ) -> None:
        self.release = release
        self.limits = limits or Limits()
        self.timing = timing or Timing()
        self.parts = parts or Parts()
        self.engine = self.parts.engine()
        self.streams = self.parts.streams()
        self.connections: set[Connection] = set()
        self._converters = make_converters()
        self._push_sockets: set[PushSocket] = set()
        self.received: deque[str | bytes] = deque(maxlen=RECEIVED_KEPT)
        self._runners: list[web.AppRunner] = []

    @property
    def serves(self) -> frozenset[type[m.Request]]:
        """Requests that have a handler; until 12.3 rpc has one, which knows a single method."""
        return self.parts.serves if self.release >= _RPC_REMOVED else self.parts.serves | {m.RPCRequest}

    async def listen(self, port: int, *, timing: Timing | None = None) -> int:
        """Open a listener on loopback, with timers of its own where given; return its port."""
        timing = timing or self.timing
        app = web.Application(middlewares=self.parts.middlewares, client_max_size=BODY_BYTES)
        app.router.add_get("/api/live/ws", partial(self._websocket, timing))
        app.router.add_post("/api/live/publish", self._http_publish)
        app.router.add_post("/api/live/push/{stream}", self._http_push)
        app.router.add_get("/api/live/push/{stream}", partial(self._push_websocket, timing))
        app.router.add_get("/api/live/list", self._list)
        app.router.add_get("/api/health", self._health)
        runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            shutdown_timeout=_CLOSE_WAIT_S,
            # A compressed body is taken for line protocol as it stands.
            auto_decompress=False,
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self._runners.append(runner)
        address: tuple[str, int] = runner.addresses[0]
        return address[1]

    async def stop(self) -> None:
        """Disconnect everybody with 3001 and close the listeners."""
        for connection in list(self.connections):
            connection.disconnect(SHUTDOWN.code, SHUTDOWN.reason)
        for push_socket in list(self._push_sockets):
            await push_socket.close(WSCloseCode.GOING_AWAY)
        await asyncio.sleep(0)
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    def publish(self, key: str, data: msgspec.Raw) -> None:
        """Publish to everybody who is subscribed to a channel, named without prefix."""
        self.engine.publish(key, lambda name: m.Push(channel=name, pub=m.Publication(data=data)))

    def push(self, stream: str, query: Iterable[tuple[str, str]], body: bytes) -> Refusal | None:
        """Publish the frames of a pushed body, all of them before it returns, or return how it is refused."""
        outcome = self.parts.ingest(query, body, stream_id=stream, converters=self._converters, now_ns=time.time_ns())
        if isinstance(outcome, Refusal):
            return outcome
        for each in outcome:
            data = self.streams.push(each.channel, each.frame, now_s=time.time())
            self.publish(each.channel, msgspec.Raw(data))
        return None

    async def _websocket(self, timing: Timing, request: web.Request) -> web.WebSocketResponse:
        limit = self.limits.message_bytes
        socket = web.WebSocketResponse(
            protocols=self.parts.subprotocols,
            max_msg_size=limit + _OVERSIZE_ROOM if limit is not None else 0,
            timeout=_CLOSE_WAIT_S,
            compress=False,
        )
        if not socket.can_prepare(request).ok:
            raise web.HTTPBadRequest(text="Bad Request\n")
        await socket.prepare(request)
        connection = self.parts.connection(self, socket, timing)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
        return socket

    async def _http_push(self, request: web.Request) -> web.Response:
        refusal = self.push(request.match_info["stream"], request.query.items(), await request.read())
        return web.Response(status=200 if refusal is None else refusal.status)

    async def _push_websocket(self, timing: Timing, request: web.Request) -> web.WebSocketResponse:
        stream, query = request.match_info["stream"], tuple(request.query.items())
        push_socket = self.parts.push_socket(lambda body: self.push(stream, query, body), timing.ping_interval_s)
        self._push_sockets.add(push_socket)
        try:
            return await push_socket.run(request)
        finally:
            self._push_sockets.discard(push_socket)

    async def _list(self, _: web.Request) -> web.Response:
        return web.Response(body=self.streams.listing(now_s=time.time()), content_type="application/json")

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"database": "ok", "version": f"{self.release}.0"})

    async def _http_publish(self, request: web.Request) -> web.Response:
        try:
            message = _publish_bodies.decode(await request.read())
        except msgspec.DecodeError:
            return web.json_response({"message": "bad request data"}, status=400)
        decision = decide_unprefixed(message.channel, Act.PUBLISH, release=self.release)
        if isinstance(decision, m.Error):
            status = decision.code if decision.code >= web.HTTPBadRequest.status_code else 500
            return web.json_response({"message": decision.message}, status=status)
        self.publish(str(decision.channel), message.data)
        return web.json_response({})
