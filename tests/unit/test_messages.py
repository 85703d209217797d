"""The records: exact bytes of each, from client.proto and the recorded peers, never from the encoder.

A line is written with the record's fields in protobuf order; a zero value is left out; ``user``, ``client``,
``presence``, ``num_clients``, ``num_users`` and the three fields of a history result are always there (GL-WIRE-026).
"""

import msgspec
import pytest
from msgspec import UNSET, Raw

from liveproto.wire import messages as m

INFO = m.ClientInfo(user="1", client="c")

ZERO = [
    (m.Error(), b"{}"),
    (m.ClientInfo(user="", client=""), b'{"user":"","client":""}'),
    (m.StreamPosition(), b"{}"),
    (m.Publication(), b"{}"),
    (m.SubscribeRequest(), b"{}"),
    (m.SubscribeResult(), b"{}"),
    (m.ConnectRequest(), b"{}"),
    (m.ConnectResult(), b"{}"),
    (m.UnsubscribeRequest(), b"{}"),
    (m.UnsubscribeResult(), b"{}"),
    (m.PublishRequest(), b"{}"),
    (m.PublishResult(), b"{}"),
    (m.PresenceRequest(), b"{}"),
    (m.PresenceResult(presence={}), b'{"presence":{}}'),
    (m.PresenceStatsRequest(), b"{}"),
    (m.PresenceStatsResult(num_clients=0, num_users=0), b'{"num_clients":0,"num_users":0}'),
    (m.HistoryRequest(), b"{}"),
    (m.HistoryResult(publications=[], epoch="", offset=0), b'{"publications":[],"epoch":"","offset":0}'),
    (m.PingRequest(), b"{}"),
    (m.SendRequest(), b"{}"),
    (m.RPCRequest(), b"{}"),
    (m.RPCResult(), b"{}"),
    (m.RefreshRequest(), b"{}"),
    (m.RefreshResult(), b"{}"),
    (m.SubRefreshRequest(), b"{}"),
    (m.SubRefreshResult(), b"{}"),
    (m.Join(info=INFO), b'{"info":{"user":"1","client":"c"}}'),
    (m.Leave(info=INFO), b'{"info":{"user":"1","client":"c"}}'),
    (m.Unsubscribe(), b"{}"),
    (m.Message(), b"{}"),
    (m.Subscribe(), b"{}"),
    (m.Refresh(), b"{}"),
    (m.Push(), b"{}"),
    (m.Command(), b"{}"),
    (m.Reply(), b"{}"),
]
FULL = [
    (
        m.Error(code=111, message="too many requests", temporary=True),
        b'{"code":111,"message":"too many requests","temporary":true}',
    ),
    (
        m.ClientInfo(user="1", client="c", conn_info=Raw(b'{"name":"admin"}'), chan_info=Raw(b"null")),
        b'{"user":"1","client":"c","conn_info":{"name":"admin"},"chan_info":null}',
    ),
    (m.StreamPosition(offset=1, epoch="zz"), b'{"offset":1,"epoch":"zz"}'),
    (
        m.Publication(data=Raw(b"1"), info=INFO, offset=2, tags={"b": "2"}, delta=True, time=3, channel="x"),
        b'{"data":1,"info":{"user":"1","client":"c"},"offset":2,"tags":{"b":"2"},"delta":true,"time":3,"channel":"x"}',
    ),
    (
        m.SubscribeRequest(
            channel="c",
            token="t",
            recover=True,
            epoch="e",
            offset=18446744073709551615,
            data=Raw(b"{}"),
            positioned=True,
            recoverable=True,
            join_leave=True,
            delta="fossil",
            flag=1,
        ),
        (
            b'{"channel":"c","token":"t","recover":true,"epoch":"e","offset":18446744073709551615,"data":{},'
            b'"positioned":true,"recoverable":true,"join_leave":true,"delta":"fossil","flag":1}'
        ),
    ),
    (
        m.SubscribeResult(
            expires=True,
            ttl=2,
            recoverable=True,
            epoch="AsgJ",
            publications=[m.Publication(data=Raw(b"1"), offset=1)],
            recovered=True,
            offset=1,
            positioned=True,
            data=Raw(b'{"d":1}'),
            was_recovering=True,
            delta=True,
        ),
        (
            b'{"expires":true,"ttl":2,"recoverable":true,"epoch":"AsgJ","publications":[{"data":1,"offset":1}],'
            b'"recovered":true,"offset":1,"positioned":true,"data":{"d":1},"was_recovering":true,"delta":true}'
        ),
    ),
    (
        m.ConnectRequest(
            token="t",
            data=Raw(b'{"a":1}'),
            subs={"1/stream/a/b": m.SubscribeRequest(recover=True)},
            name="js",
            version="1.2",
            headers={"a": "b"},
        ),
        (
            b'{"token":"t","data":{"a":1},"subs":{"1/stream/a/b":{"recover":true}},"name":"js","version":"1.2",'
            b'"headers":{"a":"b"}}'
        ),
    ),
    (
        m.ConnectResult(
            client="u",
            version="v",
            expires=True,
            ttl=2,
            data=Raw(b"0"),
            subs={"s": m.SubscribeResult()},
            ping=25,
            pong=True,
            session="s",
            node="n",
            time=4,
        ),
        (
            b'{"client":"u","version":"v","expires":true,"ttl":2,"data":0,"subs":{"s":{}},"ping":25,"pong":true,'
            b'"session":"s","node":"n","time":4}'
        ),
    ),
    (m.UnsubscribeRequest(channel="c"), b'{"channel":"c"}'),
    (m.PublishRequest(channel="c", data=Raw(b"null")), b'{"channel":"c","data":null}'),
    (m.PresenceRequest(channel="c"), b'{"channel":"c"}'),
    (m.PresenceResult(presence={"c": INFO}), b'{"presence":{"c":{"user":"1","client":"c"}}}'),
    (m.PresenceStatsRequest(channel="c"), b'{"channel":"c"}'),
    (m.PresenceStatsResult(num_clients=2, num_users=1), b'{"num_clients":2,"num_users":1}'),
    (
        m.HistoryRequest(channel="c", limit=-1, since=m.StreamPosition(offset=1), reverse=True),
        b'{"channel":"c","limit":-1,"since":{"offset":1},"reverse":true}',
    ),
    (
        m.HistoryResult(publications=[m.Publication(data=Raw(b"2"))], epoch="pmlD", offset=3),
        b'{"publications":[{"data":2}],"epoch":"pmlD","offset":3}',
    ),
    (m.SendRequest(data=Raw(b'"S"')), b'{"data":"S"}'),
    (m.RPCRequest(data=Raw(b"[]"), method="m"), b'{"data":[],"method":"m"}'),
    (m.RPCResult(data=Raw(b'""')), b'{"data":""}'),
    (m.RefreshRequest(token="t"), b'{"token":"t"}'),
    (
        m.RefreshResult(client="u", version="v", expires=True, ttl=5),
        b'{"client":"u","version":"v","expires":true,"ttl":5}',
    ),
    (m.SubRefreshRequest(channel="c", token="t"), b'{"channel":"c","token":"t"}'),
    (m.SubRefreshResult(expires=True, ttl=5), b'{"expires":true,"ttl":5}'),
    (m.Unsubscribe(code=2000, reason="server unsubscribe"), b'{"code":2000,"reason":"server unsubscribe"}'),
    (m.Message(data=Raw(b"1.0")), b'{"data":1.0}'),
    (
        m.Subscribe(recoverable=True, epoch="e", offset=1, positioned=True, data=Raw(b"1")),
        b'{"recoverable":true,"epoch":"e","offset":1,"positioned":true,"data":1}',
    ),
    (m.Refresh(expires=True, ttl=100), b'{"expires":true,"ttl":100}'),
    (
        m.Push(
            channel="c",
            pub=m.Publication(),
            join=m.Join(info=INFO),
            leave=m.Leave(info=INFO),
            unsubscribe=m.Unsubscribe(),
            message=m.Message(),
            subscribe=m.Subscribe(),
            refresh=m.Refresh(),
        ),
        (
            b'{"channel":"c","pub":{},"join":{"info":{"user":"1","client":"c"}},"leave":{"info":{"user":"1","client":"c"}},'
            b'"unsubscribe":{},"message":{},"subscribe":{},"refresh":{}}'
        ),
    ),
    (
        m.Command(
            id=4294967295,
            connect=m.ConnectRequest(),
            subscribe=m.SubscribeRequest(),
            unsubscribe=m.UnsubscribeRequest(),
            publish=m.PublishRequest(),
            presence=m.PresenceRequest(),
            presence_stats=m.PresenceStatsRequest(),
            history=m.HistoryRequest(),
            ping=m.PingRequest(),
            send=m.SendRequest(),
            rpc=m.RPCRequest(),
            refresh=m.RefreshRequest(),
            sub_refresh=m.SubRefreshRequest(),
        ),
        (
            b'{"id":4294967295,"connect":{},"subscribe":{},"unsubscribe":{},"publish":{},"presence":{},'
            b'"presence_stats":{},"history":{},"ping":{},"send":{},"rpc":{},"refresh":{},"sub_refresh":{}}'
        ),
    ),
    (
        m.Reply(
            id=1,
            error=m.Error(),
            push=m.Push(),
            connect=m.ConnectResult(),
            subscribe=m.SubscribeResult(),
            unsubscribe=m.UnsubscribeResult(),
            publish=m.PublishResult(),
            presence=m.PresenceResult(presence={}),
            presence_stats=m.PresenceStatsResult(num_clients=0, num_users=0),
            history=m.HistoryResult(publications=[], epoch="", offset=0),
            rpc=m.RPCResult(),
            refresh=m.RefreshResult(),
            sub_refresh=m.SubRefreshResult(),
        ),
        (
            b'{"id":1,"error":{},"push":{},"connect":{},"subscribe":{},"unsubscribe":{},"publish":{},'
            b'"presence":{"presence":{}},"presence_stats":{"num_clients":0,"num_users":0},'
            b'"history":{"publications":[],"epoch":"","offset":0},"rpc":{},"refresh":{},"sub_refresh":{}}'
        ),
    ),
]


@pytest.mark.parametrize(("record", "line"), ZERO + FULL, ids=lambda value: type(value).__name__)
def test_bytes_of_a_record_and_back(record, line):
    assert msgspec.json.encode(record) == line
    assert msgspec.json.decode(line, type=type(record)) == record


def test_every_record_is_listed():
    listed = {type(record) for record, _ in ZERO}
    assert listed == set(m.Record.__subclasses__())


def test_records_are_frozen():
    with pytest.raises(AttributeError):
        m.Error().code = 1


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"{}", UNSET),
        (b'{"data":null}', Raw(b"null")),
        (b'{"data":0}', Raw(b"0")),
        (b'{"data":false}', Raw(b"false")),
        (b'{"data":""}', Raw(b'""')),
        (b'{"data":{ "a" : 1.0 }}', Raw(b'{ "a" : 1.0 }')),
        (b'{"data":12345678901234567890123}', Raw(b"12345678901234567890123")),
        (b'{"data":{"a":1,"a":2}}', Raw(b'{"a":1,"a":2}')),
    ],
)
@pytest.mark.parametrize("record", [m.Publication, m.PublishRequest, m.SendRequest, m.RPCRequest, m.RPCResult])
def test_a_payload_is_kept_as_text_and_null_is_not_absent(record, line, data):
    assert msgspec.json.decode(line, type=record).data == data


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (m.Command, b'{"id":-1}'),
        (m.Command, b'{"id":4294967296}'),
        (m.Error, b'{"code":4294967296}'),
        (m.ConnectResult, b'{"ping":-1}'),
        (m.SubscribeRequest, b'{"offset":-1}'),
        (m.HistoryRequest, b'{"limit":2147483648}'),
        (m.HistoryRequest, b'{"limit":-2147483649}'),
        (m.PresenceStatsResult, b'{"num_clients":1}'),
        (m.PresenceResult, b"{}"),
        (m.HistoryResult, b'{"publications":[],"epoch":""}'),
        (m.ClientInfo, b'{"user":"1"}'),
        (m.Join, b"{}"),
    ],
)
def test_out_of_range_or_missing(record, line):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(line, type=record)


@pytest.mark.parametrize("limit", [2147483647, -2147483648])
def test_limits_of_int32(limit):
    assert msgspec.json.decode(b'{"limit":%d}' % limit, type=m.HistoryRequest).limit == limit


def test_requests_are_looked_for_in_the_order_of_centrifuge():
    assert list(m.REQUEST_FIELDS.items()) == [
        (m.ConnectRequest, "connect"),
        (m.PingRequest, "ping"),
        (m.SubscribeRequest, "subscribe"),
        (m.UnsubscribeRequest, "unsubscribe"),
        (m.PublishRequest, "publish"),
        (m.PresenceRequest, "presence"),
        (m.PresenceStatsRequest, "presence_stats"),
        (m.HistoryRequest, "history"),
        (m.RPCRequest, "rpc"),
        (m.SendRequest, "send"),
        (m.RefreshRequest, "refresh"),
        (m.SubRefreshRequest, "sub_refresh"),
    ]


def test_results_have_the_names_of_their_requests():
    assert dict(m.RESULT_FIELDS) == {
        m.ConnectResult: "connect",
        m.SubscribeResult: "subscribe",
        m.UnsubscribeResult: "unsubscribe",
        m.PublishResult: "publish",
        m.PresenceResult: "presence",
        m.PresenceStatsResult: "presence_stats",
        m.HistoryResult: "history",
        m.RPCResult: "rpc",
        m.RefreshResult: "refresh",
        m.SubRefreshResult: "sub_refresh",
    }
