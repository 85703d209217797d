"""Wire mutants: which there are, what they make of a line, and that the proxy changes nothing else."""

import json

import attrs
import pytest

from liveproto_conformance.drive.http import HttpClient, grafana_version
from liveproto_conformance.drive.websocket import open_connection
from liveproto_conformance.mutants.trial import served
from liveproto_conformance.reference.server import Parts
from liveproto_conformance.schema_check import reply_violation
from liveproto_conformance.selftest import rewriting as rw
from liveproto_conformance.selftest.proxy import Frame, Opcode, Proxy, unchanged
from liveproto_conformance.selftest.wire import wire_mutants
from liveproto_conformance.selftest.wire_schema import generated, records
from liveproto_conformance.selftest.wire_table import WireMutant
from liveproto_conformance.target import websocket_url

LINES = [
    b'{"id":1,"connect":{"client":"c","ping":25,"pong":true}}',
    b'{"id":2,"subscribe":{"data":[1.0]}}',
    b'{"id":3,"unsubscribe":{}}',
    b'{"id":4,"publish":{}}',
    b'{"id":5,"rpc":{"data":1}}',
    b'{"id":6,"presence":{"presence":{"c":{"user":"1","client":"c"}}}}',
    b'{"id":7,"presence_stats":{"num_clients":1,"num_users":1}}',
    b'{"id":8,"history":{"publications":[{"data":{},"offset":1}],"epoch":"e","offset":1}}',
    b'{"id":11,"error":{"code":105,"message":"already subscribed"}}',
    b'{"push":{"channel":"x","pub":{"data":{"n":1e400}}}}',
    b'{"push":{"channel":"x","join":{"info":{"user":"1","client":"c"}}}}',
    b'{"push":{"channel":"x","leave":{"info":{"user":"1","client":"c"}}}}',
    b"{}",
]
"""One of each kind that a server of the kit sends."""
LEGAL = {"drop-required/Publication.data"}
"""What only the text of SPEC.md forbids."""


def passed(make, *messages):
    """What passes of text messages."""
    rewrite = make()
    return [frame.payload for message in messages for frame in rewrite(Frame(Opcode.TEXT, message))]


# -- which there are -------------------------------------------------------------------------------------------------


def test_there_are_many_in_both_directions_each_with_its_mistake():
    mutants = wire_mutants().values()
    assert len(mutants) >= 100
    assert sum(mutant.to_server is not attrs.fields(WireMutant).to_server.default for mutant in mutants) >= 20
    assert all(len(mutant.why) > 10 for mutant in mutants)


def test_the_lines_of_these_tests_are_sound():
    assert [reply_violation(json.loads(line)) for line in LINES] == [None] * len(LINES)


def test_records_are_found_wherever_they_can_stand():
    assert records()["ClientInfo"][:2] == [("push", "pub", "info"), ("push", "join", "info")]
    assert ("presence", "presence", rw.EVERY) in records()["ClientInfo"]
    assert ("history", "publications", rw.EVERY) in records()["Publication"]


@pytest.mark.parametrize("mutant", list(generated()), ids=lambda mutant: mutant.id)
def test_what_follows_from_the_schema_breaks_it(mutant):
    changed = [new for line in LINES if (new := passed(mutant.to_client, line)[0]) != line]
    assert changed
    broken = [line for line in changed if reply_violation(json.loads(line)) is not None]
    assert broken == ([] if mutant.id in LEGAL else changed)


# -- what they make of a line ----------------------------------------------------------------------------------------

PUB = b'{"push":{"channel":"x","pub":{"data":1.0}}}'
REPLY = b'{"id":3,"unsubscribe":{}}'


@pytest.mark.parametrize(
    ("id_", "messages", "expected"),
    [
        ("publication/drop", [PUB, PUB, REPLY], [PUB, REPLY]),
        ("publication/drop-all", [PUB + b"\n" + REPLY], [REPLY]),
        ("publication/duplicate", [PUB], [PUB + b"\n" + PUB]),
        ("publication/channel", [PUB], [b'{"push":{"channel":"hub-1","pub":{"data":1.0}}}']),
        ("publication/data-text", [PUB], [b'{"push":{"channel":"x","pub":{"data":"1.0"}}}']),
        ("publication/as-message", [PUB], [b'{"push":{"channel":"x","message":{"data":1.0}}}']),
        ("publication/after-unsubscribe", [REPLY, PUB, REPLY], [REPLY, PUB, REPLY + b"\n" + PUB]),
        ("reply/drop/unsubscribe", [PUB, REPLY], [PUB]),
        ("reply/rename/unsubscribe", [REPLY], [b'{"id":3,"rpc":{}}']),
        ("id/next", [REPLY, PUB], [b'{"id":4,"unsubscribe":{}}', PUB]),
        ("id/string", [REPLY], [b'{"id":"3","unsubscribe":{}}']),
        ("error/code/105", LINES[8:9], [b'{"id":11,"error":{"code":400,"message":"already subscribed"}}']),
        ("error/code/106", LINES[8:9], LINES[8:9]),
        ("message/newlines-at-end", [REPLY], [REPLY + b"\n\n"]),
        ("message/array", [REPLY + b"\n" + PUB], [b"[" + REPLY + b"," + PUB + b"]"]),
        ("drop-required/PresenceResult.presence", LINES[5:6], [b'{"id":6,"presence":{}}']),
    ],
)
def test_what_a_client_is_sent(id_, messages, expected):
    assert passed(wire_mutants()[id_].to_client, *messages) == expected


@pytest.mark.parametrize(
    ("id_", "message", "expected"),
    [
        ("command/drop/rpc", b'{"id":1,"rpc":{}}\n{"id":2,"ping":{}}', [b'{"id":2,"ping":{}}']),
        ("command/id", b'{"id":9,"rpc":{}}', [b'{"id":1,"rpc":{}}']),
        (
            "command/fold/subscribe",
            b'{"id":1,"subscribe":{"channel":"aB"}}',
            [b'{"id":1,"subscribe":{"channel":"ab"}}'],
        ),
        ("command/fold/subscribe", b'{"id":1,"subscribe":{"channel":7}}', [b'{"id":1,"subscribe":{"channel":7}}']),
        ("command/data-missing", b'{"id":1,"publish":{"data":1}}', [b'{"id":1,"publish":{}}']),
        ("batch/first-only", b"a\nb\nc", [b"a"]),
        ("batch/last-lost", b"a\nb\nc", [b"a\nb"]),
        ("batch/last-lost", b"a", [b"a"]),
        ("batch/reversed", b"a\nb", [b"b\na"]),
        ("batch/joined", b"a\nb", [b"a b"]),
    ],
)
def test_what_a_server_is_sent(id_, message, expected):
    assert passed(wire_mutants()[id_].to_server, message) == expected


def test_a_rewriter_counts_for_one_connection_only():
    make = wire_mutants()["publication/drop"].to_client
    assert passed(make, PUB) == passed(make, PUB) == [PUB]


def test_what_is_late_travels_by_itself():
    rewrite = rw.late(rw.has("push"), 0.5)()
    frames = list(rewrite(Frame(Opcode.TEXT, PUB + b"\n" + REPLY)))
    assert [(frame.payload, frame.after_s) for frame in frames] == [(PUB, 0.5), (REPLY, 0.0)]


@pytest.mark.parametrize(
    ("id_", "payload"),
    [("close/drop", None), ("close/code-next", b"\x0d\xaebad"), ("close/reason", b"\x0d\xaderror")],
)
def test_ends_are_changed(id_, payload):
    close = Frame(Opcode.CLOSE, b"\x0d\xadbad")
    changed = [frame.payload for frame in wire_mutants()[id_].to_client()(close)]
    assert changed == ([] if payload is None else [payload])


@pytest.mark.parametrize("mutant", list(wire_mutants().values()), ids=lambda mutant: mutant.id)
def test_no_rewriter_fails_for_what_it_does_not_know(mutant):
    odd = [b"", b"\n", b"[]", b"7", b'"\xe9"', b'{"id":', b'{"push":7,"error":[],"id":{}}', b"\xff" * 200]
    for make in (mutant.to_client, mutant.to_server):
        rewrite = make()
        for payload in odd:
            for opcode in Opcode:
                list(rewrite(Frame(opcode, payload)))


# -- the proxy -------------------------------------------------------------------------------------------------------


def same():
    return unchanged


def through(to_client=same, to_server=same):
    return served(Parts(), through=Proxy(to_client, to_server))


def dial(urls):
    return open_connection(websocket_url(urls[0]), headers={}, timeout_s=20, tls=None)


def connected(urls):
    connection = dial(urls)
    connection.send('{"id":1,"connect":{}}')
    assert b'"client"' in connection.receive(20).data
    return connection


def ended(connection):
    closed = connection.wait_closed(20)
    connection.close()
    return closed.code, closed.reason


@pytest.mark.parametrize("size", [0, 40, 125, 126, 65_000, 70_000])
def test_messages_of_every_length_pass_as_they_are(size):
    with through() as urls:
        connection = connected(urls)
        channel = "1/plugin/demo/x"
        connection.send(f'{{"id":2,"subscribe":{{"channel":"{channel}"}}}}')
        assert connection.receive(20).data == b'{"id":2,"subscribe":{}}'
        connection.send(json.dumps({"id": 3, "publish": {"channel": channel, "data": "x" * size}}))
        if size > 65_536:
            assert ended(connection) == (1009, "")
        else:
            lines = connection.receive(20).data.split(b"\n")
            if len(lines) == 1:
                lines += [connection.receive(20).data]
            assert f'{{"push":{{"channel":"{channel}","pub":{{"data":"{"x" * size}"}}}}}}'.encode() in lines
        connection.close()


def test_an_end_passes_with_its_code_and_reason():
    with through() as urls:
        connection = connected(urls)
        connection.send("{broken")
        assert ended(connection) == (3501, "bad request")


def test_other_requests_pass():
    with through() as urls:
        client = HttpClient(urls[0], headers={}, tls=None, timeout_s=20)
        assert grafana_version(client) == "12.4.0"
        assert client.post("/api/live/push/x", b"m v=1", "text/plain").status == 200


def test_a_proxy_changes_both_directions():
    to_client = rw.lines(rw.has("error"), rw.with_member("error", "code", value=7))
    to_server = rw.lines(rw.has("rpc"), rw.with_member("id", value=9))
    with through(to_client, to_server) as urls:
        connection = connected(urls)
        connection.send('{"id":2,"rpc":{"method":"x"}}')
        reply = json.loads(connection.receive(20).data)
        assert (reply["id"], reply["error"]["code"]) == (9, 7)
        connection.close()


def test_what_is_late_is_overtaken():
    with through(to_client=rw.late(rw.has("subscribe"), 0.3)) as urls:
        connection = connected(urls)
        connection.send(
            '{"id":2,"subscribe":{"channel":"1/plugin/demo/x"}}\n{"id":3,"unsubscribe":{"channel":"1/plugin/demo/y"}}'
        )
        assert [json.loads(connection.receive(20).data)["id"] for _ in range(2)] == [3, 2]
        connection.close()
