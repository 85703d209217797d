"""Pushing line protocol into a target, and what it must publish of that.

Theory. What is expected is made by the exact route of the library's converter and by its managed streams, and compared
as JSON values, in which 1 is 1.0 and not true. A managed stream lives as long as its server, so a run has one stream,
whose measurements are counted; a check that pushes many bodies pushes them to few measurements.
"""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

import msgspec

from liveproto.frames.converter import convert_exactly
from liveproto.grafana.managed_stream import ManagedStreams
from liveproto.session.monitor.raw import as_object
from liveproto_conformance.check import NoReplyError, NotApplicableError, NotExercisedError, given_that
from liveproto_conformance.drive.websocket import NotWebSocketError
from liveproto_conformance.session import Json, Session, carries, dumps
from liveproto_conformance.target import http_base

if TYPE_CHECKING:
    from collections.abc import Generator

    from liveproto.frames.converter import FrameFormat
    from liveproto_conformance.bench import Stand
    from liveproto_conformance.drive.http import Answer
    from liveproto_conformance.drive.websocket import Connection

PUSH_PATH: Final = "/api/live/push/"
LIST_PATH: Final = "/api/live/list"
WIDE: Final = "gf_live_frame_format=wide"
TIME_NS: Final = 1_600_000_000_000_000_000
"""A time for lines; those of the checks are whole in milliseconds."""
Published = list[tuple[str, Json]]
"""Measurements and the messages that are published on their channels, in order."""
_OK, _NOT_FOUND, _NOT_ALLOWED = 200, 404, (401, 403)
_GATEWAY: Final = (429, 502, 503, 504)
"""What a proxy before the target may answer in its place."""
_ANSWERED_BY: Final = {PUSH_PATH: "GL-INGEST-001", LIST_PATH: "GL-STREAM-008"}
"""The requirement that asks for an answer of each endpoint."""
_LIST_BYTES: Final = 16 * 1024 * 1024
_FIRST_TOKEN: Final = 2_000_001
_SHOWN: Final = 300


class Ingest:
    """The stream of a run, and a model of what is published on it for one check."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._bench = stand.bench
        self._model = ManagedStreams()
        self._tokens = itertools.count(_FIRST_TOKEN)
        self._listener: tuple[Session, list[str]] | None = None
        self.stream = f"{stand.bench.nonce}-Ingest"

    # -- names -------------------------------------------------------------------------------------------------------

    def fresh(self) -> str:
        """Return a measurement that nobody pushed."""
        return f"m{self._bench.name()}"

    def channel(self, measurement: str, *, stream: str | None = None) -> str:
        """Return the channel of a measurement, as it is named on the WebSocket."""
        return self._stand.grafana_channel(f"stream/{unquote(stream or self.stream)}/{measurement}")

    def path(self, query: str = "", *, stream: str | None = None) -> str:
        """Return the path that is pushed to, with its parameters."""
        return PUSH_PATH + (stream or self.stream) + (f"?{query}" if query else "")

    # -- subscribing -------------------------------------------------------------------------------------------------

    def subscriber(self, *measurements: str) -> Session:
        """Open a connection that is subscribed to measurements."""
        session = self._stand.connected()
        for measurement in measurements:
            self.subscribe(session, measurement)
        return session

    def subscribe(self, session: Session, measurement: str, *, stream: str | None = None) -> Json:
        """Subscribe to a measurement and return what is given with the reply, None for nothing."""
        with given_that("GL-SUB-001"):
            reply = session.subscribe(self.channel(measurement, stream=stream))
        return reply.result("subscribe").get("data")

    def listener(self, count: int) -> tuple[Session, list[str]]:
        """Return a session and the fresh measurements it is subscribed to, the same at each call."""
        if self._listener is None:
            measurements = [self.fresh() for _ in range(count)]
            self._listener = self.subscriber(*measurements), measurements
        return self._listener

    # -- pushing -----------------------------------------------------------------------------------------------------

    def push(self, body: str | bytes, query: str = "", *, stream: str | None = None) -> Published:
        """Post a body that is to be taken, and return what the model publishes of it."""
        answer = self.post(body, query, stream=stream)
        with given_that("GL-INGEST-001"):
            assert answer.status == _OK, f"expected 200 to {body!r}, got {answer}"
        return self.published(body, query, stream=stream)

    def post(
        self, body: str | bytes, query: str = "", *, stream: str | None = None, content_type: str = "text/plain"
    ) -> Answer:
        """Post a body and return the answer.

        Raises:
            NotApplicableError: the target has no such endpoint.
            NotExercisedError: it, or what stands before it, does not let us push.
            NoReplyError: there was no answer.
        """
        return self._ask("POST", PUSH_PATH, self.path(query, stream=stream), _bytes(body), content_type)

    def published(self, body: str | bytes, query: str = "", *, stream: str | None = None) -> Published:
        """Let the model take a body, and return what it publishes."""
        frame_format: FrameFormat = "wide" if query == WIDE else "labels_column"
        frames = convert_exactly(_bytes(body), frame_format, now_ns=TIME_NS)
        id_ = unquote(stream or self.stream)
        return [(frame.name, json.loads(self._model.push(f"{id_}/{frame.name}", frame, now_s=0))) for frame in frames]

    def kept(self, measurement: str) -> Json:
        """Return what the model gives to a subscriber."""
        full = self._model.full(f"{self.stream}/{measurement}")
        return None if full is None else json.loads(full)

    def listing(self) -> dict[str, dict[str, Json]]:
        """Ask for the list of managed streams and return its entries by channel, in their order."""
        answer = self._ask("GET", LIST_PATH, LIST_PATH)
        assert answer.status == _OK, f"expected 200 to GET {LIST_PATH}, got {answer}"
        if not answer.whole:
            raise NotExercisedError(f"the list has more than {_LIST_BYTES} bytes")
        try:
            return {entry["channel"]: entry for entry in msgspec.json.decode(answer.body, type=_Listing).channels}
        except (msgspec.DecodeError, KeyError) as error:
            raise AssertionError(f"expected channels with their names, got {answer}: {error}") from None

    @contextmanager
    def socket(self, query: str = "", *, timers: bool = False) -> Generator[Connection]:
        """Open a push WebSocket, where ``timers`` on the listener that has short ones; it is closed at the end.

        Raises:
            NotApplicableError: the target has no such endpoint.
            NotExercisedError: it does not let us push.
        """
        settings = self._bench.settings
        url = settings.timer_url if timers and settings.timer_url is not None else self._bench.url
        path = self.path(query)
        try:
            connection = self._bench.dial(url=f"ws{http_base(url).removeprefix('http')}{path}")
        except NotWebSocketError as error:
            if error.status == _NOT_FOUND:
                raise NotApplicableError(f"the target has no push WebSocket: GET {path}: {error}") from error
            raise NotExercisedError(f"GET {path}: {error}; a push WebSocket needs an Admin") from error
        try:
            yield connection
        finally:
            connection.close()
            self._bench.hung_up()

    def send(self, socket: Connection, body: str | bytes) -> None:
        """Send a body as one message of a push WebSocket: one stimulus."""
        self._sent(f"message to {self.path()}", _bytes(body))
        socket.send(body)

    def _ask(self, method: str, endpoint: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        self._sent(f"{method} {path}", body)
        bench = self._bench
        get = method == "GET"
        answer = bench.http.get(path, max_bytes=_LIST_BYTES) if get else bench.http.post(path, body, content_type)
        bench.record(self._stand, 0, "<", "http", str(answer).encode())
        what = f"{method} {path} was answered {answer}"
        if not answer.status:
            raise NoReplyError(what, _ANSWERED_BY[endpoint])
        if answer.status == _NOT_FOUND and endpoint not in bench.answering:
            raise NotApplicableError(f"the target has no such endpoint: {what}")
        if answer.status in _NOT_ALLOWED:
            raise NotExercisedError(f"{what}; pushing needs an Editor or Admin")
        if answer.status in _GATEWAY:
            raise NotExercisedError(f"{what}, which Grafana itself never says")
        bench.answering.add(endpoint)
        return answer

    def _sent(self, head: str, body: bytes) -> None:
        data = head.encode() + b"\n" + body
        self._bench.stimulus(self._stand.check, data)
        self._bench.record(self._stand, 0, ">", "http", data)

    # -- what arrives ------------------------------------------------------------------------------------------------

    def receives(self, session: Session, published: Published) -> None:
        """Fail unless a session receives these messages, those of each measurement in their order."""
        for measurement, expected in published:
            same(expected, session.publication(self.channel(measurement)), f"on {measurement}")

    def nothing_more(self, session: Session, *measurements: str) -> None:
        """Push one more frame of each measurement, and fail if something else is published before it."""
        token = next(self._tokens)
        fences = self.push("\n".join(f"{measurement} fence={token} {TIME_NS}" for measurement in measurements))
        for measurement, fence in fences:
            got = session.publication(self.channel(measurement))
            assert carries(got, token), f"expected nothing to be published on {measurement}, got {shown(got)}"
            # What was not published, but kept, would show in its schema.
            same(fence, got, f"on {measurement}")


class _Listing(msgspec.Struct):
    channels: list[dict[str, Any]]


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def same(expected: Json, got: Json, where: str = "") -> None:
    """Fail unless two JSON values are the same, with the place of the first difference."""
    found = difference(expected, got)
    if found is not None:
        pointer, wanted, came = found
        place = f"at {pointer} {where}" if pointer else where
        raise AssertionError(f"expected {shown(wanted)} {place}, got {shown(came)} in {shown(got)}")


def difference(expected: Json, got: Json, pointer: str = "") -> tuple[str, Json, Json] | None:
    """Return the JSON pointer of the first difference with the values there, None where there is none."""
    wanted, came = _members(expected), _members(got)
    if wanted is None or came is None or wanted.keys() != came.keys() or type(expected) is not type(got):
        return None if _scalar(expected) == _scalar(got) else (pointer, expected, got)
    found = (difference(wanted[name], came[name], f"{pointer}/{name}") for name in wanted)
    return next((each for each in found if each is not None), None)


def _members(value: Json) -> dict[str, Json] | None:
    """Return the members of an object by name, those of an array by index, None for a value that has none."""
    if isinstance(value, list):
        return {str(index): each for index, each in enumerate(cast("list[object]", value))}
    return as_object(value)


def _scalar(value: Json) -> tuple[bool, Json]:
    """Return what counts of a value: of a number, the double that a browser reads."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return isinstance(value, bool), float(value) if is_number else value
    except OverflowError:
        return False, value


def shown(value: Json) -> str:
    """Write a value as a failure shows it, cut."""
    text = dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
