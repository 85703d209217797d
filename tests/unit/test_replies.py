"""Replies to inputs: each kind of reply, and what is read first where a reply is two of them."""

import msgspec
import pytest

from liveproto.session.replies import cause_of, classify, classify_subscribe, result_of, token_has_expired
from liveproto.wire import messages as m
from liveproto.wire.codes import Disconnect

CONNECT, RPC = m.ConnectRequest(), m.RPCRequest()


def reply(text):
    return msgspec.json.decode(text, type=m.Reply)


@pytest.mark.parametrize(
    ("text", "request_", "input_"),
    [
        ("{}", None, "PING"),
        ('{"error":{"code":100}}', None, "PING"),
        ('{"push":{}}', None, "PUSH"),
        ('{"push":{"channel":"c"}}', None, "CHANNEL_PUSH"),
        ('{"id":1,"push":{},"rpc":{}}', RPC, "PUSH"),
        ('{"id":1,"rpc":{}}', None, "REPLY_UNKNOWN"),
        ('{"id":1,"rpc":{}}', RPC, "REPLY"),
        ('{"id":1,"error":{"code":100}}', RPC, "REPLY"),
        ('{"id":1,"connect":{"client":"u"}}', CONNECT, "CONNECT_ACCEPTED"),
        ('{"id":1,"connect":{}}', CONNECT, "CONNECT_MALFORMED"),
        ('{"id":1}', CONNECT, "CONNECT_MALFORMED"),
        ('{"id":1,"error":{"code":109}}', CONNECT, "CONNECT_REFUSED_FOR_NOW"),
        ('{"id":1,"error":{"code":500,"temporary":true}}', CONNECT, "CONNECT_REFUSED_FOR_NOW"),
        ('{"id":1,"error":{"code":99}}', CONNECT, "CONNECT_REFUSED_FOR_NOW"),
        ('{"id":1,"error":{"code":101}}', CONNECT, "CONNECT_REFUSED"),
        ('{"id":1,"connect":{"client":"u"},"error":{"code":101}}', CONNECT, "CONNECT_REFUSED"),
    ],
)
def test_classify(text, request_, input_):
    assert classify(reply(text), request_).name == input_


@pytest.mark.parametrize(
    ("text", "input_"),
    [
        ('{"id":1,"subscribe":{}}', "ACCEPTED"),
        ('{"id":1}', "ACCEPTED"),
        ('{"id":1,"error":{"code":111,"temporary":true}}', "REFUSED_FOR_NOW"),
        ('{"id":1,"error":{"code":109}}', "REFUSED_FOR_NOW"),
        ('{"id":1,"error":{"code":105}}', "REFUSED_TWICE"),
        ('{"id":1,"error":{"code":103}}', "REFUSED"),
    ],
)
def test_classify_subscribe(text, input_):
    assert classify_subscribe(reply(text)).name == input_


def test_result_of():
    assert result_of(reply('{"id":1,"rpc":{}}'), RPC) == m.RPCResult()
    assert result_of(reply('{"id":1,"publish":{}}'), RPC) is None


def test_cause_of():
    assert cause_of(reply('{"id":1,"error":{"code":103,"message":"no"}}'), Disconnect(1, "x")) == Disconnect(103, "no")
    assert cause_of(reply('{"id":1}'), Disconnect(1, "x")) == Disconnect(1, "x")


@pytest.mark.parametrize(
    ("text", "expired"), [('{"error":{"code":109}}', True), ('{"error":{"code":110}}', False), ("{}", False)]
)
def test_token_has_expired(text, expired):
    assert token_has_expired(reply(text)) is expired
