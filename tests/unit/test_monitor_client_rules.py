"""The rules for clients: for each, traffic that breaks it is found, and its nearest legal neighbour is not."""

import pytest
from watching import ASKED, CONNECT, GOT, PING, PONG, PUB, QUIET, SENT, SUBSCRIBE, SUBSCRIBED, broken, close, watched

from liveproto.session.monitor import Side
from liveproto.session.monitor.client_rules import is_plain
from liveproto.session.monitor.raw import read_line

BAD_REQUEST = close(3501, "bad request")


def sent(text):
    return (SENT, text)


# rule the client breaks, rule by which the server must close or None: (a message that does, one that does not)
MISUSES = [
    ("GL-WIRE-028", "GL-WIRE-010", "", '{"id":2,"rpc":{}}'),
    ("GL-WIRE-028", "GL-WIRE-011", " \n ", '{"id":2,"rpc":{}}'),
    ("GL-WIRE-028", "GL-WIRE-012", '{"id":2,"rpc":{}}\n\n', '{"id":2,"rpc":{}}\n'),
    ("GL-WIRE-028", "GL-WIRE-013", '{"id":2,"rpc":{"data":NaN}}', '{"id":2,"rpc":{"data":1e9}}'),
    ("GL-WIRE-028", "GL-WIRE-014", "5", '{"id":2,"rpc":{}}'),
    ("GL-WIRE-028", None, '{"id":2,"rpc":{}} x', '{"id":2,"rpc":{}} '),
    ("GL-WIRE-028", None, b'{"id":2,"rpc":{"data":"\xff"}}', b'{"id":2,"rpc":{"data":"\xc3\xa9"}}'),
    ("GL-WIRE-015", "GL-WIRE-015", '{"id":2,"subscribe":"x"}', '{"id":2,"subscribe":{"channel":"x"}}'),
    ("GL-WIRE-015", None, '{"id":2,"subscribe":{"channel":"x","flag":"1"}}', '{"id":2,"subscribe":{"channel":"x"}}'),
    ("GL-WIRE-015", None, '{"id":2,"rpc":{"method":"\\ud800"}}', '{"id":2,"rpc":{"data":"\\ud800"}}'),
    ("GL-WIRE-039", "GL-WIRE-036", '{"id":4294967296,"rpc":{}}', '{"id":4294967295,"rpc":{}}'),
    ("GL-WIRE-039", "GL-WIRE-036", '{"id":"2","rpc":{}}', '{"id":2,"rpc":{}}'),
    ("GL-WIRE-039", None, '{"id":0,"rpc":{}}', '{"id":0,"send":{}}'),
    ("GL-WIRE-039", None, '{"id":2,"rpc":{}}\n{"id":2,"rpc":{}}', '{"id":2,"rpc":{}}\n{"id":3,"rpc":{}}'),
    ("GL-WIRE-043", "GL-WIRE-043", '{"id":2,"x":{}}', '{"id":2,"rpc":{},"x":{}}'),
    ("GL-CONN-004", "GL-CONN-004", '{"id":2,"connect":{}}', '{"id":2,"rpc":{}}'),
    ("GL-CONN-005", "GL-CONN-005", '{"connect":{}}', CONNECT[0][1]),
    ("GL-SUB-002", "GL-SUB-002", '{"id":2,"subscribe":{}}', '{"id":2,"subscribe":{"channel":"x"}}'),
    ("GL-SUB-012", "GL-SUB-012", '{"id":2,"unsubscribe":{"channel":""}}', '{"id":2,"unsubscribe":{"channel":"x"}}'),
    ("GL-PUB-003", "GL-PUB-003", '{"id":2,"publish":{"data":1}}', '{"id":2,"publish":{"channel":"x","data":1}}'),
    ("GL-CMD-005", None, '{"id":2,"presence":{}}', '{"id":2,"presence":{"channel":"x"}}'),
    ("GL-PING-011", "GL-PING-004", "{}", '{"id":2,"rpc":{}}'),
]


@pytest.mark.parametrize(("rule", "closes", "bad", "good"), MISUSES)
def test_a_misuse_is_the_clients_and_the_server_must_close_for_it(rule, closes, bad, good):
    before = [] if rule == "GL-CONN-005" else CONNECT
    assert rule in broken([*before, sent(bad)], Side.CLIENT)
    assert broken([*before, sent(good)], Side.CLIENT) == set()
    late = broken([*before, sent(bad), ("pause", 6), (GOT, '{"id":2,"rpc":{}}')], Side.SERVER)
    if closes is None:
        assert rule not in late
    else:
        assert closes in late
        assert broken([*before, sent(bad), BAD_REQUEST], Side.SERVER) == set()


@pytest.mark.parametrize("first", ['{"id":1,"rpc":{}}', "{}", '{"send":{}}', '{"id":1}'])
def test_the_first_command_is_connect(first):
    assert broken([sent(first)], Side.CLIENT) == {"GL-CONN-002"}
    assert broken([sent(first), ("pause", 6)], Side.SERVER) == {"GL-CONN-002"}
    assert broken([sent(first), BAD_REQUEST, ("pause", 6)], Side.SERVER) == set()


def test_an_answer_to_what_follows_a_misuse_is_found():
    session = [*CONNECT, sent("oops"), ASKED, (GOT, '{"id":2,"rpc":{}}')]
    assert broken(session, Side.SERVER) == {"GL-WIRE-013"}
    before = [*CONNECT, ASKED, sent("oops"), (GOT, '{"id":2,"rpc":{}}'), BAD_REQUEST]
    assert broken(before, Side.SERVER) == set()


def test_a_missing_close_is_reported_once():
    session = [*CONNECT, sent("oops"), ("pause", 6), ("pause", 6), ASKED, (GOT, '{"id":2,"rpc":{}}')]
    found = [f.requirement for f in watched(session).findings() if f.side is Side.SERVER]
    assert found == ["GL-WIRE-013"]


def test_pongs_answer_pings_one_by_one():
    assert broken([*CONNECT, PING, PONG], Side.CLIENT) == set()
    assert broken([*CONNECT, PING, PONG, PONG], Side.CLIENT) == {"GL-PING-011"}
    assert broken([*QUIET, PONG], Side.CLIENT) == {"GL-PING-011"}
    assert broken([*QUIET, PONG, ("pause", 6)], Side.SERVER) == set()
    assert broken([*CONNECT, PING, ("pause", 25), PING], Side.CLIENT) == {"GL-PING-011"}
    assert broken([*CONNECT, PING, ("pause", 25), PING, PONG, PONG], Side.CLIENT) == {"GL-PING-011"}
    assert broken([*CONNECT, PING, ("pause", 9), close(3012, "no pong")], Side.CLIENT) == {"GL-PING-011"}
    assert broken([CONNECT[0], PONG], Side.CLIENT) == {"GL-PING-011"}


def test_keys_in_another_case_are_read_as_servers_may():
    session = [sent('{"ID":1,"Connect":{}}'), CONNECT[1], sent('{"Id":2,"RPC":{}}'), (GOT, '{"id":2,"rpc":{}}')]
    assert broken([*session, ("pause", 6)], Side.SERVER) == set()
    session = [*CONNECT, sent('{"id":2,"subscribe":{"Channel":"a"}}'), (GOT, '{"id":2,"subscribe":{}}'), PUB]
    assert broken([*session, ("pause", 6)], Side.SERVER) == broken(session, Side.CLIENT) == set()


def test_after_a_refused_connect_the_server_need_not_close():
    refused = (GOT, '{"id":1,"error":{"code":109,"message":"token expired"}}')
    session = [CONNECT[0], refused, sent('{"id":2,"connect":{}}'), ("pause", 6)]
    assert broken(session, Side.CLIENT) == {"GL-CONN-004"}
    assert broken(session, Side.SERVER) == set()


def test_the_client_answers_two_pings_that_come_together():
    assert broken([*CONNECT, PING, PING, PONG, PONG], Side.CLIENT) == set()
    assert broken([*CONNECT, PING, PING, PONG, PONG, PONG], Side.CLIENT) == {"GL-PING-011"}


def test_a_pong_may_be_under_way_when_the_server_closes_for_it():
    assert broken([*CONNECT, PING, ("pause", 4), close(3012, "no pong")], Side.CLIENT) == set()


def test_a_send_is_no_pong():
    session = [*CONNECT, PING, sent('{"send":{}}'), ("pause", 25), PING]
    assert broken(session, Side.SERVER) == {"GL-PING-003"}


@pytest.mark.parametrize(
    "text", ['{"id":0,"id":2,"rpc":{}}', '{"id":2,"rpc":{},"rpc":null}', '{"id":2,"ID":"x","rpc":{}}']
)
def test_a_command_with_a_repeated_key_may_be_one_that_is_right(text):
    session = [*CONNECT, sent(text)]
    assert broken([*session, ("pause", 6)], Side.SERVER) == broken(session, Side.CLIENT) == set()
    assert broken([*session, BAD_REQUEST], Side.SERVER) == set()


def test_ids_may_be_used_again_once_answered():
    assert broken([*CONNECT, *SUBSCRIBED, SUBSCRIBE], Side.CLIENT) == set()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("{}", True),
        ('{"id":1,"rpc":{}}', True),
        ('{"id":1,"publish":{"channel":"x","data":1}}', True),
        ('{"id":1,"publish":{"channel":"x"}}', False),
        ('{"id":1,"publish":null}', False),
        ('{"id":1,"rpc":{},"connect":{}}', False),
        ('{"id":1,"ping":{}}', False),
        ('{"id":1,"id":1,"rpc":{}}', False),
        ('{"id":1,"rpc":{}} x', False),
        ('{"id":1,"subscribe":{"channel":"x","delta":"y"}}', False),
    ],
)
def test_a_plain_command_has_nothing_servers_differ_about(text, plain):
    assert is_plain(read_line(text.encode())) is plain
