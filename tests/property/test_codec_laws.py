"""Laws of the JSON codec."""

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveproto.wire import json_v2
from liveproto.wire import messages as m

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
payloads = st.builds(
    lambda value, indent, ascii_only: msgspec.Raw(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()),
    values,
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
ONE_LINE = st.builds(lambda value: msgspec.Raw(json.dumps(value, ensure_ascii=False).encode()), values)


def unsigned(bits):
    return st.integers(0, 2**bits - 1)


def signed(bits):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


text = st.text(max_size=8)
payload = ONE_LINE | st.just(msgspec.UNSET)
infos = st.builds(m.ClientInfo, text, text, payload, payload)
publications = st.builds(
    m.Publication,
    payload,
    st.none() | infos,
    unsigned(64),
    st.dictionaries(text, text, max_size=2),
    st.booleans(),
    signed(64),
    text,
)
subscribe_requests = st.builds(
    m.SubscribeRequest,
    channel=text,
    token=text,
    recover=st.booleans(),
    epoch=text,
    offset=unsigned(64),
    data=payload,
    positioned=st.booleans(),
    delta=text,
    flag=signed(64),
)
subscribe_results = st.builds(
    m.SubscribeResult,
    expires=st.booleans(),
    ttl=unsigned(32),
    epoch=text,
    publications=st.lists(publications, max_size=2),
    offset=unsigned(64),
    data=payload,
)
positions = st.builds(m.StreamPosition, unsigned(64), text)
requests = st.one_of(
    st.builds(
        lambda token, data, subs, headers: {"connect": m.ConnectRequest(token, data, subs, headers=headers)},
        text,
        payload,
        st.dictionaries(text, subscribe_requests, max_size=2),
        st.dictionaries(text, text, max_size=2),
    ),
    subscribe_requests.map(lambda request: {"subscribe": request}),
    text.map(lambda name: {"unsubscribe": m.UnsubscribeRequest(name)}),
    st.builds(lambda name, data: {"publish": m.PublishRequest(name, data)}, text, payload),
    text.map(lambda name: {"presence": m.PresenceRequest(name)}),
    text.map(lambda name: {"presence_stats": m.PresenceStatsRequest(name)}),
    st.builds(
        lambda name, limit, since, reverse: {"history": m.HistoryRequest(name, limit, since, reverse)},
        text,
        signed(32),
        st.none() | positions,
        st.booleans(),
    ),
    st.just({"ping": m.PingRequest()}),
    payload.map(lambda data: {"send": m.SendRequest(data)}),
    st.builds(lambda data, method: {"rpc": m.RPCRequest(data, method)}, payload, text),
    text.map(lambda token: {"refresh": m.RefreshRequest(token)}),
    st.builds(lambda name, token: {"sub_refresh": m.SubRefreshRequest(name, token)}, text, text),
)
commands = st.builds(lambda number, request: m.Command(id=number, **request), unsigned(32), requests | st.just({}))
pushes = st.builds(
    lambda name, kind: m.Push(channel=name, **kind),
    text,
    st.one_of(
        publications.map(lambda publication: {"pub": publication}),
        infos.map(lambda info: {"join": m.Join(info)}),
        infos.map(lambda info: {"leave": m.Leave(info)}),
        st.builds(lambda code, reason: {"unsubscribe": m.Unsubscribe(code, reason)}, unsigned(32), text),
        payload.map(lambda data: {"message": m.Message(data)}),
        st.builds(lambda epoch, offset: {"subscribe": m.Subscribe(epoch=epoch, offset=offset)}, text, unsigned(64)),
        st.builds(lambda ttl: {"refresh": m.Refresh(expires=True, ttl=ttl)}, unsigned(32)),
    ),
)
results = st.one_of(
    st.builds(lambda code, message: {"error": m.Error(code, message)}, unsigned(32), text),
    pushes.map(lambda push: {"push": push}),
    st.builds(
        lambda client, data, subs, ping: {"connect": m.ConnectResult(client, data=data, subs=subs, ping=ping)},
        text,
        payload,
        st.dictionaries(text, subscribe_results, max_size=2),
        unsigned(32),
    ),
    subscribe_results.map(lambda result: {"subscribe": result}),
    st.dictionaries(text, infos, max_size=2).map(lambda presence: {"presence": m.PresenceResult(presence)}),
    st.builds(lambda a, b: {"presence_stats": m.PresenceStatsResult(a, b)}, unsigned(32), unsigned(32)),
    st.builds(
        lambda listed, epoch, offset: {"history": m.HistoryResult(listed, epoch, offset)},
        st.lists(publications, max_size=2),
        text,
        unsigned(64),
    ),
    payload.map(lambda data: {"rpc": m.RPCResult(data)}),
)
replies = st.builds(lambda number, result: m.Reply(id=number, **result), unsigned(32), results)
arbitrary = st.binary(max_size=60) | st.text(max_size=60).map(lambda value: value.encode("utf-8", "surrogatepass"))
nearly = st.lists(
    st.sampled_from(
        [
            b'{"id":1',
            b'{"id":null',
            b',"rpc":{',
            b',"connect":{',
            b'"data":',
            b'"subs":{"a":',
            b"null",
            b'"\\ud800"',
            b'"\\ue000"',
            b"1e9",
            b"-1",
            b"}",
            b"]",
            b"[",
            b",",
            b"\n",
            b"\r",
            b"\xff",
            b'"\\',
            b" ",
        ]
    ),
    max_size=12,
).map(b"".join)


@given(command=commands)
def test_a_command_survives_the_round_trip(command):
    line = json_v2.encode(command)
    assert b"\n" not in line
    assert json_v2.decode_commands(line) == json_v2.Decoded([command])


@given(reply=replies)
def test_a_reply_survives_the_round_trip(reply):
    line = json_v2.encode(reply)
    assert b"\n" not in line
    assert json_v2.decode_replies(line) == json_v2.Decoded([reply])


@given(data=payloads)
def test_a_payload_keeps_its_value_and_no_line_is_broken(data):
    line = json_v2.encode(m.Reply(push=m.Push(channel="c", pub=m.Publication(data=data))))
    assert b"\n" not in line
    assert json.loads(line)["push"]["pub"]["data"] == json.loads(bytes(data))


@given(data=arbitrary | nearly)
def test_decoding_never_raises(data):
    """And what it took for a command, any reader of JSON takes for an object."""
    decoded = json_v2.decode_commands(data)
    lines = data.removesuffix(b"\n").split(b"\n")
    good = lines if decoded.fault is None else lines[: decoded.fault.line - 1]
    assert len(decoded.records) == len(good)
    assert all(isinstance(json.loads(line), dict) for line in good)
    json_v2.decode_replies(data)


@given(members=st.dictionaries(st.sampled_from(["id", "rpc", "subscribe", "foo"]), values, max_size=4))
def test_a_decoded_command_agrees_with_the_json(members):
    for command in json_v2.decode_commands(json.dumps(members).encode()).records:
        assert command.id == (members.get("id") or 0)
        assert (command.rpc is None) == (members.get("rpc") is None)
        assert (command.subscribe is None) == (members.get("subscribe") is None)


@given(batch=st.lists(commands, min_size=1, max_size=5), newline=st.sampled_from([b"", b"\n"]))
def test_a_batch_is_its_lines(batch, newline):
    data = json_v2.join_lines(map(json_v2.encode, batch)) + newline
    assert json_v2.decode_commands(data) == json_v2.Decoded(batch)


@given(batch=st.lists(commands, max_size=4), bad=st.sampled_from([b"", b" ", b"[]", b"{", b"null", b'{"id":-1}']))
def test_commands_before_a_bad_line_are_kept(batch, bad):
    data = json_v2.join_lines([*map(json_v2.encode, batch), bad, b"{}", b"{}"])
    decoded = json_v2.decode_commands(data)
    assert decoded.records == batch
    assert decoded.fault.line == len(batch) + 1


def processor_seconds(data):
    started = time.thread_time()
    json_v2.decode_commands(data)
    return time.thread_time() - started


def grows_linearly(data, size):
    """Four times the size costs less than nine times as much, in one of a few attempts: what is quadratic costs 16."""
    return any(processor_seconds(data(4 * size)) < 9 * processor_seconds(data(size)) + 0.005 for _ in range(5))


@pytest.mark.parametrize(
    ("unit", "end", "lines"),
    [
        (b"{}\n", b"{}", 250_000),
        (b"{}\n", b"[", 250_000),
        (b"\n", b"", 250_000),
        (b" ", b"{}", 250_000),
        (b"{", b"", 250_000),
        (b'{"id":null}\n', b"{}", 20_000),
        (b'{"id":2,"rpc":{"data":"\\ud800"}}\n', b"{}", 5_000),
    ],
)
def test_decoding_is_linear_up_to_a_million_lines(unit, end, lines):
    assert grows_linearly(lambda size: unit * size + end, lines)


@pytest.mark.parametrize("member", [b'"k%d":"",', b'"k%d":null,', b'"\\ue%03x":"",'])
def test_one_line_of_many_members_and_surrogates_is_linear(member):
    def line(size):
        surrogates = b"x".join(b"\\uD%03x" % (0x800 + number) for number in range(size))
        headers = b"".join(member % number for number in range(size)) + b'"z":""'
        return b'{"id":1,"connect":{"headers":{' + headers + b'},"data":"' + surrogates + b'"}}'

    assert grows_linearly(line, 512)
