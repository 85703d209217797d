"""The wire mutants that a person thinks of: what is lost, repeated, late, early or altered on its way.

Theory. Each stands for a server that does so, as far as a client can tell: what is altered on the way to the server is
for the client a server that does not do what it was told. ``id`` is a folder and a name; names are never used again.

Not here: what follows from the schemas (``wire_schema``), and the tools (``rewriting``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from liveproto_conformance.check import Lane
from liveproto_conformance.mutants.trial import TIMEOUT_S
from liveproto_conformance.selftest import rewriting as rw
from liveproto_conformance.selftest.proxy import unchanged
from liveproto_conformance.target import FAST_EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from liveproto_conformance.selftest.proxy import Rewriter

    Make = Callable[[], Rewriter]

_TOO_LATE_S: Final = 1.5 * TIMEOUT_S
_OVERTAKEN_S: Final = 0.05
_PUBLICATION: Final = rw.has("push", "pub")
_CONNECTED: Final = rw.has("connect")
_RESULTS: Final = (
    "connect",
    "subscribe",
    "unsubscribe",
    "publish",
    "rpc",
    "presence",
    "presence_stats",
    "history",
)
_COMMON: Final = ("connect", "subscribe", "unsubscribe", "publish")
_CHANNELS: Final = ("subscribe", "unsubscribe", "publish")
_INTERNAL: Final = msgspec.Raw(b'{"code":100,"message":"internal server error","temporary":true}')


def _pass() -> Rewriter:
    return unchanged


@attrs.frozen(kw_only=True)
class WireMutant:
    """One fault on the wire."""

    id: str
    why: str
    to_client: Make = _pass
    to_server: Make = _pass
    lane: Lane = Lane.MAIN
    """Where the checks run that can meet it, beside the passive ones."""
    grafana: bool = False
    """Whether only Grafana's channels and limits can show it."""
    examples: int = 1
    """Generated input for each check."""


def written_by_hand() -> Iterator[WireMutant]:
    """Make them all."""
    yield from _publications()
    yield from _replies()
    yield from _errors_and_ends()
    yield from _ids()
    yield from _messages()
    yield from _pings()
    yield from _commands()


def _down(id_: str, why: str, make: Make, lane: Lane = Lane.MAIN) -> WireMutant:
    return WireMutant(id=id_, why=why, to_client=make, lane=lane)


def _up(id_: str, why: str, make: Make, lane: Lane = Lane.MAIN) -> WireMutant:
    return WireMutant(id=id_, why=why, to_server=make, lane=lane)


def _publications() -> Iterator[WireMutant]:
    def of(name: str, why: str, change: rw.Change, each: int = 1) -> WireMutant:
        return _down(f"publication/{name}", why, rw.lines(_PUBLICATION, change, each=each))

    yield of("drop", "a queue that is full drops what comes", rw.nothing, each=2)
    yield of("drop-all", "nobody is told", rw.nothing)
    yield of("duplicate", "it comes back from the broker", rw.twice)
    yield of("duplicate-one", "a retry repeats what had arrived", rw.twice, each=3)
    yield of("channel", "it is sent under the key of the hub", rw.with_member("push", "channel", value="hub-1"))
    yield of("data-null", "an empty payload stands for all", rw.with_member("push", "pub", "data", value=None))
    yield of("data-text", "the payload is JSON in a string", rw.computed(bytes.decode, "push", "pub", "data"))
    yield of("data-float", "numbers go through a double", rw.computed(_doubles, "push", "pub", "data"))
    yield of("as-reply", "the envelope has an id as replies do", rw.with_member("id", value=1))
    yield of("as-message", "the kind is mistaken", _renamed("push", "pub", "message"))
    overtaken = _down("publication/reorder", "workers send side by side", rw.late(_PUBLICATION, _OVERTAKEN_S, each=2))
    # With one example there is often one publication.
    yield attrs.evolve(overtaken, examples=FAST_EXAMPLES)
    yield _down("publication/delay", "it waits for the next tick", rw.late(_PUBLICATION, _TOO_LATE_S))


def _replies() -> Iterator[WireMutant]:
    for kind in _RESULTS:
        meant = rw.has(kind)
        yield _down(f"reply/drop/{kind}", "the callback is never called", rw.lines(meant, rw.nothing))
    for kind in _COMMON:
        meant = rw.has(kind)
        yield _down(f"reply/duplicate/{kind}", "the callback is called twice", rw.lines(meant, rw.twice))
        yield _down(f"reply/refuse/{kind}", "what was done is answered as a failure", rw.lines(meant, _refused(kind)))
        yield _down(f"reply/delay/{kind}", "the answer waits for a lock", rw.late(rw.has(kind), _TOO_LATE_S))
        yield _down(
            f"reply/rename/{kind}", "the result has the name of another", rw.lines(rw.has(kind), _renamed(kind, "rpc"))
        )
    for name, line in (("ping", b"{}"), ("push", b'{"push":{"channel":"early","pub":{"data":1}}}')):
        yield _down(
            f"before-connect/{name}", "the writer starts before the handshake", rw.lines(_CONNECTED, rw.before(line))
        )
    yield _down(
        "before-connect/reply",
        "commands are answered as they come, whatever came first",
        rw.lines(_CONNECTED, rw.before(b'{"id":4294967295,"unsubscribe":{}}')),
    )
    yield _down(
        "reply/unasked",
        "the answers of two connections share a queue",
        rw.lines(rw.has("unsubscribe"), rw.before(b'{"id":4294967295,"unsubscribe":{}}')),
    )
    yield _down(
        "publication/after-unsubscribe",
        "the hub is left after the answer",
        rw.echo(_PUBLICATION, rw.has("unsubscribe")),
    )


def _errors_and_ends() -> Iterator[WireMutant]:
    meant = rw.has("error")
    yield _down("error/drop", "a failure is only logged", rw.lines(meant, rw.nothing))
    yield _down("error/duplicate", "a failure is reported where it is raised and caught", rw.lines(meant, rw.twice))
    yield _down("error/code", "every failure is internal", rw.lines(meant, rw.with_member("error", "code", value=100)))
    for code in (105, 106, 107):
        other = rw.lines(rw.has_code(code), rw.with_member("error", "code", value=400))
        mutant = _down(f"error/code/{code}", "codes are those of HTTP", other)
        # Limits are known of Grafana only.
        yield attrs.evolve(mutant, grafana=code in {106, 107})
    yield _down(
        "error/message-empty", "the text is for the log", rw.lines(meant, rw.with_member("error", "message", value=""))
    )
    yield _down(
        "error/temporary",
        "a client may always retry",
        rw.lines(meant, rw.with_member("error", "temporary", value=True)),
    )
    yield _down("close/drop", "the end is never sent", rw.closes(lambda _, __: None))
    yield _down(
        "close/code-next", "codes are counted from another start", rw.closes(lambda code, text: (code + 1, text))
    )
    yield _down("close/code-1000", "every end is a normal one", rw.closes(lambda _, text: (1000, text)))
    yield _down("close/code-1011", "every end is an internal error", rw.closes(lambda _, text: (1011, text)))
    yield _down("close/reason", "the reason is for the log", rw.closes(lambda code, _: (code, b"error")))
    yield _down(
        "close/reason-json", "the reason has a structure", rw.closes(lambda code, _: (code, b'{"reconnect":true}'))
    )


def _ids() -> Iterator[WireMutant]:
    ids: dict[str, tuple[str, Callable[[bytes], object]]] = {
        "next": ("the counter of the server is one ahead", lambda text: int(text) + 1),
        "string": ("ids are strings", bytes.decode),
        "negative": ("the sign bit is set", lambda text: -int(text)),
        "fraction": ("ids are doubles", lambda text: int(text) + 0.5),
        "beyond": ("ids have 64 bits", lambda text: int(text) + 2**32),
        "null": ("the id is optional", lambda _: None),
    }
    for name, (why, change) in ids.items():
        yield _down(f"id/{name}", why, rw.lines(rw.is_reply, rw.computed(change, "id")))
    yield _down("id/ping", "pings are counted", rw.lines(rw.is_ping, rw.with_member("id", value=1)), Lane.TIMER)


def _messages() -> Iterator[WireMutant]:
    messages: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
        "blank-line-first": ("the separator stands before each line", lambda text: b"\n" + text),
        "blank-line-inside": ("lines end in two separators", lambda text: text + b"\n\n" + text),
        "newlines-at-end": ("the separator is written twice", lambda text: text + b"\n\n"),
        "newline-in-value": ("JSON is written for people", lambda text: text.replace(b":", b":\n", 1)),
        "not-json": ("a value is written by hand", lambda text: text.replace(b'"', b"'")),
        "cut": ("a buffer is too small", lambda text: text[:-1]),
        "array": ("a batch is an array", lambda text: b"[" + text.replace(b"\n", b",") + b"]"),
        "number": ("a line is any JSON", lambda text: text + b"\n1"),
        "two-values-on-a-line": ("the separator is forgotten", lambda text: text + text),
        "byte-order-mark": ("a byte order mark begins each text", lambda text: b"\xef\xbb\xbf" + text),
        "not-utf8": ("texts are Latin-1", lambda text: text.replace(b"{", b'{"\xe9":1,', 1)),
    }
    for name, (why, change) in messages.items():
        yield _down(f"message/{name}", why, rw.texts(change))
    yield _down("message/binary", "every message is binary", rw.as_binary)


def _pings() -> Iterator[WireMutant]:
    pings: dict[str, tuple[str, rw.Change]] = {
        "drop": ("the timer is never set", rw.nothing),
        "extra": ("two timers run", rw.twice),
        "with-member": ("a ping says what it is", lambda _: (b'{"ping":{}}',)),
        "pong": ("a ping is called a pong", lambda _: (b'{"pong":{}}',)),
    }
    announced = {
        "interval": (
            "the interval was changed, and its announcement forgotten",
            rw.with_member("connect", "ping", value=1),
        ),
        "not-announced": ("the interval is left out", rw.without("connect", "ping")),
        "pong-not-wanted": ("that pongs are wanted is left out", rw.without("connect", "pong")),
    }
    for name, (why, change) in pings.items():
        yield _down(f"ping/{name}", why, rw.lines(rw.is_ping, change), Lane.TIMER)
    for name, (why, change) in announced.items():
        yield _down(f"ping/{name}", why, rw.lines(_CONNECTED, change), Lane.TIMER)
    yield _up("pong/drop", "pongs are not read", rw.lines(rw.is_ping, rw.nothing), Lane.TIMER)
    yield _up("pong/extra", "a pong is answered for", rw.lines(rw.is_ping, rw.twice), Lane.TIMER)


def _commands() -> Iterator[WireMutant]:
    for kind in (*_COMMON, "rpc", "ping"):
        meant = rw.has(kind)
        yield _up(f"command/drop/{kind}", "the request is not read", rw.lines(meant, rw.nothing))
    for kind in _COMMON:
        yield _up(f"command/duplicate/{kind}", "the request is run twice", rw.lines(rw.has(kind), rw.twice))
    for kind in _CHANNELS:
        other = rw.lines(rw.has(kind, "channel"), rw.with_member(kind, "channel", value="default/plugin/other/x"))
        yield _up(f"command/channel/{kind}", "another channel is meant", other)
        folded = rw.lines(rw.has(kind, "channel"), rw.computed(_lower, kind, "channel"))
        yield _up(f"command/fold/{kind}", "names are folded to lower case", folded)
    for name, why, change in (
        ("data-null", "a payload is not read", rw.with_member("publish", "data", value=None)),
        ("data-missing", "a payload is dropped", rw.without("publish", "data")),
        ("data-float", "numbers go through a double", rw.computed(_doubles, "publish", "data")),
    ):
        yield _up(f"command/{name}", why, rw.lines(rw.has("publish", "data"), change))
    yield _up("command/id", "the id is counted anew", rw.lines(rw.has("id"), rw.with_member("id", value=1)))
    batches: dict[str, tuple[str, Callable[[list[bytes]], list[bytes]]]] = {
        "first-only": ("of a batch the first is read", lambda lines: lines[:1]),
        "last-lost": ("what follows the last separator is lost", lambda lines: lines[:-1] or lines),
        "reversed": ("a batch is a stack", lambda lines: lines[::-1]),
        "end": ("the end of a batch is a command", lambda lines: [*lines, b"", b""]),
        "joined": ("separators are dropped", lambda lines: [b" ".join(lines)]),
    }
    for name, (why, take) in batches.items():
        yield _up(f"batch/{name}", why, rw.batches(take))


def _doubles(text: bytes) -> object:
    return json.loads(text, parse_int=float)


def _lower(text: bytes) -> object:
    return msgspec.json.decode(text, type=str).lower()


def _renamed(*path: str) -> rw.Change:
    *above, name, other = path
    return rw.in_objects(above, lambda members: {other if key == name else key: members[key] for key in members})


def _refused(kind: str) -> rw.Change:
    return rw.in_objects(
        (), lambda members: {key: value for key, value in members.items() if key != kind} | {"error": _INTERNAL}
    )
