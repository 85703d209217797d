"""The monitor on recorded traffic: as it was it breaks no rule that the text does not name; altered, it does.

Each recorded session is altered in one place: a message is dropped, repeated, moved or changed. The score counts every
alteration, also those that happen to leave the session legal.
"""

import json
import sys
from collections import Counter

import pytest
from recorded import CAPTURES, REPLY_TIMEOUT_S, findings, sessions

from liveproto.session.monitor import Side

pytestmark = pytest.mark.skipif(not CAPTURES.exists(), reason="the captures are not beside this checkout")

OTHER_DIALECTS = {
    "subprotocol centrifuge-protobuf",
    "format=protobuf",
    "cf_protocol=protobuf",
    "cf_protocol_version=v1 with V1 connect",
}
"""Protobuf and V1: not the protocol the monitor judges."""
MISUSES = {
    "GL-WIRE-015", "GL-WIRE-028", "GL-WIRE-039", "GL-WIRE-043", "GL-CONN-002", "GL-CONN-004", "GL-CONN-005",
    "GL-SUB-002", "GL-SUB-012", "GL-PUB-003", "GL-CMD-005", "GL-PING-011",
}  # fmt: skip
"""What the recorded client did on purpose."""


def spoken():
    return [(name, steps) for name, steps in sessions() if name not in OTHER_DIALECTS]


def test_recorded_servers_break_no_rule_and_the_client_only_those_it_meant_to():
    found = [(name, finding) for name, steps in spoken() for finding in findings(steps)]
    assert [(name, f) for name, f in found if f.side is Side.SERVER] == []
    assert {f.requirement for _, f in found} == MISUSES


def drops(steps):
    for n in range(len(steps)):
        yield [*steps[:n], *steps[n + 1 :]]


def repeats(steps):
    for n, step in enumerate(steps):
        if not isinstance(step.what, tuple):
            yield [*steps[: n + 1], step, *steps[n + 1 :]]


def moves(steps):
    end = max((step.t for step in steps), default=0.0)
    for n, step in enumerate(steps):
        rest = [*steps[:n], *steps[n + 1 :]]
        if n:
            yield [step._replace(t=steps[0].t), *rest]
        yield [*rest, step._replace(t=end + 1.5 * REPLY_TIMEOUT_S)]


def changes(steps):
    for n, step in enumerate(steps):
        for what in changed(step):
            yield [*steps[:n], step._replace(what=what), *steps[n + 1 :]]


def changed(step):
    if isinstance(step.what, tuple):
        code, reason = step.what
        if code >= 3000:
            yield (3000, reason)
            yield (code, "because")
            yield (code, "")
            yield (code, json.dumps({"reason": reason}))
        return
    if isinstance(step.what, bytes):
        return
    yield "\n" + step.what
    yield step.what[: len(step.what) // 2] or "{"
    yield f"[{step.what}]"
    if step.side is Side.SERVER:
        yield step.what.encode()
        yield step.what + "\n\n"
    lines = step.what.split("\n")
    for n, text in enumerate(lines):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict):
            for other in changed_objects(step.side, value):
                yield "\n".join([*lines[:n], json.dumps(other), *lines[n + 1 :]])


def changed_objects(side, value):
    if "id" in value:
        yield {**value, "id": str(value["id"])}
        if side is Side.SERVER:
            yield {**value, "id": 77_777}
        elif "send" not in value:
            yield {key: member for key, member in value.items() if key != "id"}
            yield {**value, "id": 0}
    if side is Side.CLIENT:
        yield from changed_commands(value)
    elif "push" in value:
        yield from changed_pushes(value["push"])
    elif "error" in value:
        yield from changed_errors(value)
    elif "id" in value:
        yield from changed_results(value)
    else:
        yield {"x": 1}


def changed_commands(value):
    for kind in ("connect", "subscribe", "unsubscribe", "publish"):
        if isinstance(body := value.get(kind), dict):
            yield {"id": value.get("id"), "unheard": body}
            yield {**value, kind: "x"}
            if "channel" in body:
                yield {**value, kind: {**body, "channel": ""}}
                yield {**value, kind: {**body, "channel": 5}}


def changed_pushes(push):
    yield {"id": 1, "push": push}
    yield {"push": "x"}
    for kind in ("pub", "join", "leave", "unsubscribe"):
        if kind in push:
            yield {"push": {**push, "subscribe" if kind != "subscribe" else "pub": {}}}
            yield {"push": {key: member for key, member in push.items() if key != "channel"}}
            yield {"push": {**push, kind: "x"}}
    if "pub" in push:
        yield {"push": {**push, "channel": push["channel"].upper() + "X"}}
    if "unsubscribe" in push:
        yield {"push": {**push, "unsubscribe": {**push["unsubscribe"], "code": 3000}}}


def changed_errors(value):
    error = value["error"]
    yield {**value, "error": {**error, "code": 0}}
    yield {**value, "error": {**error, "message": ""}}
    if error["code"] < 400:
        flipped = {**error, "temporary": True} if "temporary" not in error else {"code": 100, "message": "x"}
        yield {**value, "error": flipped}
    yield {**value, "rpc": {}}


def changed_results(value):
    (kind,) = (key for key in value if key != "id")
    body = value[kind]
    yield {**value, kind: "x"}
    yield {"id": value["id"], "publish" if kind != "publish" else "rpc": body}
    yield {"id": value["id"]}
    for name in ("client", "presence", "num_users", "num_clients", "epoch", "offset", "publications"):
        if name in body and kind in {"connect", "presence", "presence_stats", "history"}:
            yield {**value, kind: {key: member for key, member in body.items() if key != name}}
    if kind == "connect":
        yield {**value, kind: {**body, "ping": 0}}


def test_what_an_alteration_breaks_is_found(capsys):
    found, made = Counter(), Counter()
    for _, steps in spoken():
        before = Counter((f.requirement, f.side) for f in findings(steps))
        for alter in (drops, repeats, moves, changes):
            for altered in alter(steps):
                made[alter.__name__] += 1
                found[alter.__name__] += bool(Counter((f.requirement, f.side) for f in findings(altered)) - before)
    score = ", ".join(f"{found[kind]} of {count} {kind}" for kind, count in made.items())
    with capsys.disabled():
        sys.stdout.write(f"\nfound by the monitor: {score}; in all {found.total() / made.total():.1%}\n")
    assert made.total() > 5_000
    # What is left is legal: a push that nobody owes, a send, a close that the application may choose.
    assert all(found[kind] > 0.9 * count for kind, count in made.items())
    assert found.total() > 0.97 * made.total()
