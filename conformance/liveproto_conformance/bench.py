"""What a check works with: sessions to the target, fresh channels, a way to publish, and what is known of the target.

Theory. A ``Bench`` is the run; a ``Stand`` is one execution of one check on it: it opens connections, counts the
stimuli and closes everything at its end. Names are a run nonce plus a counter, so that the hash of all stimuli, taken
with the nonce replaced, is the same for the same seed. What arrives is judged when the next message has gone out and
the target has its turn. Timer checks run in threads of their own: what is shared has one lock.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import subprocess
import threading
import time
import weakref
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from liveproto.wire.codes import NO_PONG
from liveproto_conformance.check import NotApplicableError, NotExercisedError, given_that
from liveproto_conformance.drive.http import HttpClient
from liveproto_conformance.drive.websocket import JUDGED, Closed, Connection, Message, open_connection
from liveproto_conformance.failures.failure import Traffic
from liveproto_conformance.following import Following, Unjudged
from liveproto_conformance.oracle import Oracle, Watch, objects_of
from liveproto_conformance.pushing import Ingest
from liveproto_conformance.requirements import Profile
from liveproto_conformance.session import Json, Session, carries, dumps
from liveproto_conformance.stateful.transitions import Coverage, Shadow
from liveproto_conformance.target import Settings, http_base, tls_context, websocket_url
from liveproto_conformance.traces.trace import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from liveproto.grafana.release import Release
    from liveproto_conformance.traces.trace import TraceWriter

GRAFANA_LIMITS: Final[Mapping[str, int]] = {"channel_bytes": 255, "channels": 128}
"""Limits that every Grafana has; the message size is a setting of the operator."""
STREAM_CHANNELS: Final = 64
"""Names in use for channels a target may keep for ever (managed streams)."""
_NONCE_MARK: Final = b"<nonce>"
_COMMAND_TIMEOUT_S: Final = 10.0


@attrs.frozen(kw_only=True)
class Facts:
    """What the probe found out about a target."""

    url: str
    channel_template: str | None
    channel_evidence: str
    publish_via: str | None
    publish_evidence: str
    detected: str | None
    version: Release | None
    profiles: tuple[Profile, ...]
    http_prefix: str
    """What stands before a channel on the WebSocket and not in HTTP."""
    grafana_prefix: str
    """The organisation of the run's credentials, as this Grafana writes it."""
    ws_publish_evidence: str | None = None
    """Why a client may not publish over the WebSocket; None where it may."""


@attrs.define
class Stimuli:
    """What one check has sent."""

    digest: Any = attrs.field(factory=hashlib.sha256)
    seen: set[bytes] = attrs.field(factory=set[bytes])


class Bench:
    """One run against one target."""

    def __init__(self, settings: Settings, nonce: str, trace: TraceWriter | None = None) -> None:
        assert settings.url is not None
        self.settings = settings
        self.nonce = nonce
        self.oracle = Oracle()
        self.coverage = Coverage()
        self.facts: Facts | None = None
        self.answering: set[str] = set()
        """HTTP endpoints that are there: they have answered with another status than 404."""
        self.trace = trace
        self.started = time.monotonic()
        self.waiting_s = 0.0
        self.stimuli: defaultdict[str, Stimuli] = defaultdict(Stimuli)
        self._lock = threading.Lock()
        self._tls = tls_context(settings)
        self._open = 0
        self._aborted = False
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._names = itertools.count()
        self._numbers = itertools.count(1)
        self.url = websocket_url(settings.url)
        self.shown_url = redact(self.url.encode()).decode()
        self.http = HttpClient(
            http_base(settings.url), headers=settings.headers, tls=self._tls, timeout_s=settings.timeout
        )

    @property
    def known(self) -> Facts:
        """What the probe found out."""
        assert self.facts is not None
        return self.facts

    @property
    def ends(self) -> float:
        """When the time of the run is over, on the monotonic clock."""
        return self.started + self.settings.max_time

    def dial(self, *, url: str | None = None, anonymous: bool = False, subprotocols: Sequence[str] = ()) -> Connection:
        """Open a connection, within the manners of the kit."""
        with self._lock:
            if self._aborted:
                raise NotExercisedError("the run was over")
            if self._open >= self.settings.max_connections:
                raise NotExercisedError(f"{self._open} connections are open; see --max-connections")
            self._open += 1
        try:
            connection = open_connection(
                url or self.url,
                headers={} if anonymous else self.settings.headers,
                timeout_s=self.settings.timeout,
                tls=self._tls,
                subprotocols=subprotocols,
                bounds=JUDGED,
            )
        except BaseException:
            self.hung_up()
            raise
        with self._lock:
            self._connections.add(connection)
            if self._aborted:
                connection.abort()
        return connection

    def abort(self) -> None:
        """End what other threads are still doing: their connections end, and no new one is opened."""
        with self._lock:
            self._aborted = True
            for connection in self._connections:
                connection.abort()

    def hung_up(self) -> None:
        """Count a connection as closed."""
        with self._lock:
            self._open -= 1

    def name(self) -> int:
        """Return a number for a name that was not used."""
        with self._lock:
            return next(self._names)

    def connection_number(self) -> int:
        """Return a number for a connection."""
        with self._lock:
            return next(self._numbers)

    def record(self, stand: Stand, connection: int, direction: str, kind: str, payload: bytes) -> None:
        """Keep with what an execution has seen last, and write to the trace."""
        stand.traffic.add(connection, direction, kind, payload)
        if self.trace is not None:
            with self._lock:
                self.trace.write(connection, direction, kind, payload, stand.check, stand.example)

    def stimulus(self, check: str, data: bytes) -> None:
        """Count one stimulus; the same bytes twice in one check count once."""
        normal = data.replace(self.nonce.encode(), _NONCE_MARK)
        with self._lock:
            stimuli = self.stimuli[check]
            stimuli.digest.update(len(normal).to_bytes(8, "big") + normal)
            stimuli.seen.add(hashlib.blake2b(normal, digest_size=16).digest())

    def stimuli_count(self) -> int:
        """Count the stimuli of all checks."""
        return sum(len(stimuli.seen) for stimuli in self.stimuli.values())

    def stimuli_sha256(self) -> str:
        """Hash the stimuli of all checks, in the order of their names."""
        total = hashlib.sha256()
        for check, stimuli in sorted(self.stimuli.items()):
            total.update(check.encode() + b"\0" + stimuli.digest.digest())
        return total.hexdigest()

    def waited(self, seconds: float) -> None:
        """Count time spent waiting for nothing."""
        with self._lock:
            self.waiting_s += seconds


class Stand:
    """One execution of one check: everything it opens is closed when it ends."""

    def __init__(
        self, bench: Bench, check: str, *, timers: bool = False, attempt: int = 0, ends: float = math.inf
    ) -> None:
        self.bench = bench
        self._ends = ends
        self.check = check
        self.example = 0
        self.timeout_s = bench.settings.timeout
        """What connections opened from now on wait for something."""
        self.traffic = Traffic()
        self._attempt = attempt
        self.answered_too_late = False
        """Whether the target gave up on a connection because it was not read in time to answer a ping."""
        self._timers = timers
        self._sessions: dict[Session, Following] = {}
        self._unjudged = Unjudged()
        self._names = itertools.count()
        self._tokens = itertools.count(1_000_001)
        self._publishing: Session | None = None
        self._serving: Session | None = None
        self._shared: tuple[Session, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.reset()

    def reset(self) -> None:
        """Close every connection; the next use opens fresh ones."""
        for session in list(self._sessions):
            self.hang_up(session)
        self._publishing = None
        self._serving = None
        self._shared = None
        self.answered_too_late = False

    def hang_up(self, session: Session) -> None:
        """Close one connection from our side."""
        session.connection.close()
        self._unjudged.judge()
        self._sessions.pop(session).left()
        self.bench.hung_up()

    # -- what checks ask for by name -----------------------------------------------------------------------------

    def unconnected(self, *, anonymous: bool = False, subprotocols: Sequence[str] = ()) -> Session:
        """Open a connection and send nothing on it; without the credentials of the run where ``anonymous``."""
        settings = self.bench.settings
        url = settings.timer_url if self._timers else None
        connection = self.bench.dial(url=url, anonymous=anonymous, subprotocols=subprotocols)
        session = Session(connection, self, timeout_s=self.timeout_s, unused_channel=f"{self.bench.nonce}-unused")
        number = self.bench.connection_number()
        name = f"{self.check}, connection {number}"
        watch = Watch(self.bench.oracle, name, number, self.traffic)
        self._sessions[session] = Following(number, watch, Shadow(self.bench.coverage))
        return session

    def connected(self) -> Session:
        """Open a connection and connect on it."""
        session = self.unconnected()
        with given_that("GL-CONN-001"):
            session.connect()
        return session

    def fresh_channel(self) -> str:
        """Return the name of a channel that the target lets us subscribe to and that nobody used."""
        facts = self.bench.known
        if facts.channel_template is None:
            raise NotExercisedError(facts.channel_evidence, "GL-SUB-001")
        number = next(self._names)
        if facts.publish_via == "push":
            # A managed stream lives as long as its server, so their names are used again.
            number = self.bench.name() % STREAM_CHANNELS
            return facts.channel_template.replace("{name}", f"c{number}")
        digest = hashlib.blake2b(self.check.encode(), digest_size=4).hexdigest()
        # The capital shows a target that folds case.
        name = f"{self.bench.nonce}-C{digest}-{self._attempt}-{self.example}-{number}"
        return facts.channel_template.replace("{name}", name)

    def subscriber_of(self, channel: str) -> Session:
        """Open a connection that is subscribed to a channel."""
        session = self.connected()
        with given_that("GL-SUB-001"):
            session.subscribe(channel)
        return session

    def shared_subscriber(self) -> tuple[Session, str]:
        """Return a session subscribed to a channel, the same within one execution."""
        if self._shared is None or self._shared[0].connection.closed is not None:
            channel = self.fresh_channel()
            self._shared = self.subscriber_of(channel), channel
        return self._shared

    def grafana_channel(self, channel: str) -> str:
        """Put the prefix of the run's organisation before a channel."""
        return f"{self.bench.known.grafana_prefix}/{channel}"

    def limit(self, name: str) -> int:
        """Return a limit that is declared, or fixed by the profile; else end as not applicable."""
        declared = self.bench.settings.limits.get(name)
        if declared is not None:
            return declared
        if (
            self.bench.known.version is not None
            and Profile.GRAFANA in self.bench.known.profiles
            and name in GRAFANA_LIMITS
        ):
            return GRAFANA_LIMITS[name]
        raise NotApplicableError(f"the limit is neither declared ([limits] {name}) nor fixed by the profile")

    @property
    def stale_delay_s(self) -> float | None:
        """How long the target waits for connect, where that is known."""
        settings = self.bench.settings
        if "stale_s" in settings.limits:
            return settings.limits["stale_s"]
        known = settings.timer_url is not None or Profile.GRAFANA in self.bench.known.profiles
        return settings.timers.stale_s if known else None

    # -- faults ----------------------------------------------------------------------------------------------------

    def expect_fault(self, message: str | bytes, *codes: int, before_connect: bool = False) -> Closed:
        """Send a message that must be answered by closing the connection, and by nothing else.

        The connection itself serves immediately before, or another where it is not connected yet; and a fresh one is
        served after, which is at hand for the next fault.
        """
        serving = self._serving or self.connected()
        with given_that("GL-SUB-009"):
            serving.fence()
        session = self.unconnected() if before_connect else serving
        session.send_raw(message)
        closed = session.closed_with(*(codes or (3501,)))
        replies = [reply.raw for reply in session.leftover_replies()]
        assert not replies, f"expected {closed} and no reply, got {replies}"
        for finished in {session, serving}:
            self.hang_up(finished)
        self._serving = self.connected()
        return closed

    # -- publishing ------------------------------------------------------------------------------------------------

    def publish(self, channel: str) -> int:
        """Publish a payload with a fresh number in it, by the route the probe found, and return the number."""
        token = next(self._tokens)
        self.publish_payload(channel, {"token": token})
        return token

    def publish_payload(self, channel: str, payload: Json, *, indent: int | None = None) -> None:
        """Publish a payload by the route the probe found; by push, a field with the payload's token.

        With ``indent`` the text of an HTTP body has newlines and spaces, where that is the route.
        """
        facts = self.bench.known
        if facts.publish_via is None:
            raise NotExercisedError(facts.publish_evidence, "GL-SUB-016")
        match facts.publish_via:
            case "ws":
                self._publish_via_ws(channel, payload)
            case "http":
                self._publish_via_http(channel, payload, indent)
            case "push":
                self._publish_via_push(channel, payload)
            case _:
                self._publish_via_command(channel, payload)

    def needs_payloads(self) -> None:
        """End as not applicable where the route of publishing cannot carry any payload."""
        facts = self.bench.known
        if facts.publish_via == "push":
            raise NotApplicableError(f"line protocol carries no payload of our choice: {facts.ws_publish_evidence}")
        if facts.publish_via is None:
            raise NotExercisedError(facts.publish_evidence, "GL-SUB-016")

    def needs_client_publish(self) -> None:
        """End as not applicable where a client may not publish over the WebSocket."""
        facts = self.bench.known
        if facts.ws_publish_evidence is not None:
            raise NotApplicableError(facts.ws_publish_evidence)

    def publisher(self) -> Session:
        """Return a connection for publishing, the same within one execution."""
        if self._publishing is None or self._publishing.connection.closed is not None:
            self._publishing = self.connected()
        return self._publishing

    def delivers(self, session: Session, channel: str) -> None:
        """Fail unless a publication now reaches a session; publications of others before it are skipped."""
        token = self.publish(channel)
        self.arrives(session, channel, token)

    def arrives(self, session: Session, channel: str, token: int) -> list[Json]:
        """Wait for the publication with a token; return the payloads that came before it."""
        before: list[Json] = []
        while not carries(data := session.publication(channel), token):
            before.append(data)
        return before

    def _publish_via_ws(self, channel: str, payload: Json) -> None:
        with given_that("GL-PUB-001"):
            self.publisher().request("publish", {"channel": channel, "data": payload}).result("publish")

    def _publish_via_http(self, channel: str, payload: Json, indent: int | None) -> None:
        message = {"channel": channel.removeprefix(self.bench.known.http_prefix), "data": payload}
        body = json.dumps(message, indent=indent) if indent else dumps(message)
        self._post("/api/live/publish", body, "application/json")

    def _publish_via_push(self, channel: str, payload: Json) -> None:
        _, stream, measurement = channel.removeprefix(self.bench.known.http_prefix).split("/", 2)
        self._post(f"/api/live/push/{stream}", f"{measurement} value={payload['token']}i", "text/plain")

    def _publish_via_command(self, channel: str, payload: Json) -> None:
        command = self.bench.settings.publish_command
        assert command is not None
        environment = {**os.environ, "CHANNEL": channel, "DATA": dumps(payload)}
        self.bench.stimulus(self.check, dumps([channel, payload]).encode())
        done = subprocess.run(  # noqa: S602 - the user's own command
            command, shell=True, env=environment, capture_output=True, check=False, timeout=_COMMAND_TIMEOUT_S
        )
        if done.returncode:
            raise NotExercisedError(f"the publish command returned {done.returncode}: {done.stderr[-200:]!r}")

    def _post(self, path: str, body: str, content_type: str) -> None:
        self.bench.stimulus(self.check, f"POST {path} {body}".encode())
        self.bench.record(self, 0, ">", "http", f"POST {path}\n{body}".encode())
        answer = self.bench.http.post(path, body, content_type)
        self.bench.record(self, 0, "<", "http", str(answer).encode())
        if not answer.ok:
            raise NotExercisedError(f"POST {path} was answered {answer}")

    # -- traffic ---------------------------------------------------------------------------------------------------

    def sent(self, session: Session, data: str | bytes, *, stimulus: bool) -> None:
        """Count, watch and record what went to the target, and judge what came before."""
        self._in_time()
        self._unjudged.judge()
        following = self._sessions[session]
        raw = data.encode() if isinstance(data, str) else data
        if stimulus:
            self.bench.stimulus(self.check, raw)
        following.sent(data, raw)
        self.bench.record(self, following.connection, ">", "text" if isinstance(data, str) else "binary", raw)

    def received(self, session: Session, message: Message) -> Sequence[dict[str, Json]]:
        """Record what comes from the target, to be judged a little later."""
        self._in_time()
        following = self._sessions[session]
        self.bench.record(self, following.connection, "<", "binary" if message.binary else "text", message.data)
        self._unjudged.add(following, message)
        return objects_of(message)

    def closed(self, session: Session, closed: Closed) -> None:
        """Watch and record the end of a connection."""
        self._unjudged.judge()
        following = self._sessions[session]
        self.bench.record(self, following.connection, "<", "close", dumps([closed.code, closed.reason]).encode())
        following.closed(closed)
        self.answered_too_late |= closed.code == NO_PONG.code and session.answers_pings and not self._timers

    def _in_time(self) -> None:
        if time.monotonic() > self._ends:
            lines = sum(session.connection.lines for session in self._sessions)
            raise NotExercisedError(f"the time of the check is over, {lines} frames or lines came; see --max-time")

    def waited(self, seconds: float) -> None:
        """Count waiting, outside the timer lane."""
        if not self._timers:
            self.bench.waited(seconds)


PARAMETERS: Final[Mapping[str, Callable[[Stand], Any]]] = {
    "stand": lambda stand: stand,
    "session": Stand.connected,
    "channel": Stand.fresh_channel,
    "facts": lambda stand: stand.bench.known,
    "settings": lambda stand: stand.bench.settings,
    "oracle": lambda stand: stand.bench.oracle,
    "ingest": Ingest,
}
"""What a check may name as a parameter, made fresh for each execution."""
