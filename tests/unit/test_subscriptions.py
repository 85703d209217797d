"""A client's subscriptions: every cell of their table, by public calls and hand-written outcomes, then the values.

Outcomes are written as in ``test_client``. Sources: SPEC.md, the Client SDK specification, centrifuge-js 5.7.4 and
centrifuge-python 0.7.0 as recorded.
"""

import json

import pytest
from msgspec import Raw
from support import CONNECTED, attempt, client_in, new_client, texts, told

from liveproto.errors import LimitExceededError
from liveproto.session import events as ev
from liveproto.session.client_options import ClientLimits
from liveproto.session.states import ClientState, SubscriptionInput, SubscriptionState
from liveproto.wire import messages as m

B = SubscriptionState
C = m.SubscribeRequest(channel="c")
BUSY = '{"id":2,"error":{"code":111,"message":"too many requests","temporary":true}}'
EXPIRED = '{"id":2,"error":{"code":109,"message":"token expired"}}'
DENIED = '"error":{"code":103,"message":"permission denied"}'
ACCEPTED = '{"id":2,"subscribe":{"expires":true,"ttl":10}}'
PUBLICATION = '{"push":{"channel":"c","pub":{"data":1}}}'
REVOKED = '{"push":{"channel":"c","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}'
RESUBSCRIBE = '{"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}}}'
REPLIES = {B.RETRYING: BUSY, B.ASKING: EXPIRED, B.QUEUED: EXPIRED, B.SUBSCRIBED: ACCEPTED}


def subscription_in(state, *, expired=False):
    """A client whose channel c is in a state at time 0; it is connected, but where a connection is what c waits for."""
    client = client_in(ClientState.WAITING if state is B.QUEUED and not expired else ClientState.CONNECTED)
    if state is not B.UNSUBSCRIBED:
        client.subscribe(C, now=0.0)
    if state in REPLIES and (state is not B.QUEUED or expired):
        client.receive_batch(EXPIRED if expired else REPLIES[state], now=-1.0 if state is B.ASKING else 0.0)
    if state is B.QUEUED and expired:
        client.receive_close(1006, "", now=0.0)
    if state is B.ASKING:
        client.handle_timeout(now=0.0)
    assert client.subscriptions.get("c", B.UNSUBSCRIBED) is state
    told(client)
    return client


def line(text):
    return lambda client: client.receive_batch(text, now=0.0)


def ready(client):
    client.handle_timeout(now=0.75)
    attempt(client.receive_open, now=0.75)


def token_asked(client):
    if client.subscriptions.get("c") is B.SUBSCRIBED:
        client.handle_timeout(now=10.0)
        told(client)
    return client


def refresh_refused(client):
    if client.subscriptions.get("c") is B.SUBSCRIBED:
        token_asked(client).provide_token("t", channel="c", now=10.0)
        told(client)
    client.receive_batch(f'{{"id":3,{DENIED}}}', now=10.0)


STIMULI = {
    "SUBSCRIBE": lambda client: attempt(client.subscribe, C, now=0.0),
    "UNSUBSCRIBE": lambda client: attempt(client.unsubscribe, "c", now=0.0),
    "TOKEN": lambda client: token_asked(client).provide_token("t", channel="c", now=0.0),
    "TOKEN_EMPTY": lambda client: token_asked(client).provide_token("", channel="c", now=0.0),
    "READY": ready,
    "READY_EXPIRED": ready,
    "LOST": lambda client: client.receive_close(1006, "", now=0.0),
    "ACCEPTED": line('{"id":2,"subscribe":{}}'),
    "REFUSED_FOR_NOW": line(BUSY),
    "REFUSED": line(f'{{"id":2,{DENIED}}}'),
    "REFUSED_TWICE": line('{"id":2,"error":{"code":105,"message":"already subscribed"}}'),
    "REFRESH_REFUSED": refresh_refused,
    "REVOKED": line(REVOKED),
    "RESUBSCRIBE": line(RESUBSCRIBE),
    "PUSH": line(PUBLICATION),
    "TOKEN_DUE": lambda client: client.handle_timeout(now=10.0),
}
TWICE, LEFT = "raises GL-SUB-003", "unsubscribe Unsubscribed > UNSUBSCRIBED"
ENDED, ASKS, ASKED = "Unsubscribed > UNSUBSCRIBED", "TokenRequested > ASKING", "subscribe > SUBSCRIBING"
SENT, RENEWED, GOT = "Subscribing(0) subscribe", "subscribe Subscribing(2500) > SUBSCRIBING", "PublicationReceived"
RECONNECTS = "Connecting(1)"
# Columns: input; UNSUBSCRIBED; QUEUED; RETRYING; ASKING; SUBSCRIBING; SUBSCRIBED. Who is queued has no connection, so
# that no line reaches it; a subscribe that is not answered in ten seconds ends the connection with code 3.
GRID = [
    ("SUBSCRIBE", "subscribe Subscribing(0) > SUBSCRIBING", TWICE, TWICE, TWICE, TWICE, TWICE),
    ("UNSUBSCRIBE", TWICE, ENDED, ENDED, ENDED, LEFT, LEFT),
    ("TOKEN", "", "", "", ASKED, "", "sub_refresh"),
    ("TOKEN_EMPTY", "", "", "", ENDED, "", LEFT),
    ("READY", "", "open connect subscribe > SUBSCRIBING", ASKED, "", "", ""),
    ("READY_EXPIRED", "", "open connect TokenRequested > ASKING", ASKS, "", "", ""),
    (
        "LOST",
        RECONNECTS,
        "",
        f"{RECONNECTS} > QUEUED",
        RECONNECTS,
        f"{RECONNECTS} > QUEUED",
        f"Subscribing(1) {RECONNECTS} > QUEUED",
    ),
    ("ACCEPTED", "", "", "", "", "Subscribed > SUBSCRIBED", ""),
    ("REFUSED_FOR_NOW", "", "", "", "", "SubscribeFailed(111) > RETRYING", ""),
    ("REFUSED", "", "", "", "", ENDED, ""),
    ("REFUSED_TWICE", "", "", "", "", LEFT, ""),
    ("REFRESH_REFUSED", "", "", "", "", "", LEFT),
    ("REVOKED", "", "", ENDED, ENDED, LEFT, ENDED),
    ("RESUBSCRIBE", "", "", "", "", "", RENEWED),
    ("PUSH", "", "", "", "", GOT, GOT),
    ("TOKEN_DUE", "", "open", ASKED, "", "close 1000 Connecting(3) > QUEUED", "TokenRequested"),
]
EXPIRES = {B.QUEUED, B.RETRYING}
CELLS = [
    pytest.param(row[0], state, expected, id=f"{state.name}-{row[0]}")
    for row in GRID
    for state, expected in zip(SubscriptionState, row[1:], strict=True)
]


def test_the_grid_has_every_input():
    assert [row[0] for row in GRID] == [input_.name for input_ in SubscriptionInput]


@pytest.mark.parametrize(("input_", "state", "expected"), CELLS)
def test_cell(input_, state, expected):
    outcome, _, after = expected.partition(" > ")
    client = subscription_in(state, expired=input_ == "READY_EXPIRED" and state in EXPIRES)
    raised = STIMULI[input_](client)
    assert (raised or told(client)) == outcome
    assert client.subscriptions.get("c", B.UNSUBSCRIBED) is (B[after] if after else state)


# -- subscribing ---------------------------------------------------------------------------------------------------


def test_everything_is_subscribed_again_on_the_next_connection():
    client = client_in(ClientState.CONNECTED)
    for channel in "abc":
        client.subscribe(m.SubscribeRequest(channel=channel, token="t", data=Raw(b"[1]"), join_leave=True), now=0.0)
    client.receive_batch(
        '{"id":2,"subscribe":{}}\n{"id":3,"error":{"code":103,"message":"permission denied"}}', now=0.0
    )
    told(client)
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=0.75)
    client.receive_open(now=1.0)
    again = '"subscribe":{"channel":"%s","token":"t","data":[1],"join_leave":true}}'
    assert texts(client) == ["OPEN", '{"id":5,"connect":{}}', '{"id":6,' + again % "a", '{"id":7,' + again % "c"]
    assert client.events() == [
        ev.Subscribing(channel="a", code=1, reason="transport closed"),
        ev.Connecting(code=1, reason="transport closed"),
    ]


def test_a_reply_belongs_to_its_own_subscribe():
    """Subscribe, leave, subscribe: the first is refused, the second accepted (GL-WIRE-040)."""
    client = subscription_in(B.SUBSCRIBING)
    client.unsubscribe("c", now=0.0)
    client.subscribe(C, now=0.0)
    assert texts(client) == ['{"id":3,"unsubscribe":{"channel":"c"}}', '{"id":4,"subscribe":{"channel":"c"}}']
    client.receive_batch(f'{{"id":2,{DENIED}}}', now=0.0)
    assert client.subscriptions == {"c": B.SUBSCRIBING}
    client.receive_batch('{"id":3,"unsubscribe":{}}\n{"id":4,"subscribe":{}}', now=0.0)
    assert (told(client), client.subscriptions) == ("Unsubscribed Subscribing(0) Subscribed", {"c": B.SUBSCRIBED})


def test_an_accepted_older_subscribe_does_not_count():
    client = subscription_in(B.SUBSCRIBING)
    client.unsubscribe("c", now=0.0)
    client.subscribe(C, now=0.0)
    client.receive_batch('{"id":2,"subscribe":{}}\n{"id":3,"unsubscribe":{}}', now=0.0)
    assert client.subscriptions == {"c": B.SUBSCRIBING}
    client.receive_batch(f'{{"id":4,{DENIED}}}', now=0.0)
    assert client.subscriptions == {}


def test_an_older_subscribe_may_stay_unanswered():
    client = subscription_in(B.SUBSCRIBING)
    client.unsubscribe("c", now=0.0)
    client.receive_batch('{"id":3,"unsubscribe":{}}', now=0.0)
    told(client)
    client.handle_timeout(now=5.0)
    assert (told(client), client.state) == ("", ClientState.CONNECTED)


def test_channels_are_limited():
    client = client_in(ClientState.CONNECTED, limits=ClientLimits(channels=1))
    client.subscribe(C, now=0.0)
    with pytest.raises(LimitExceededError, match="channels: got 2, expected at most 1"):
        client.subscribe(m.SubscribeRequest(channel="d"), now=0.0)
    client.unsubscribe("c", now=0.0)
    client.subscribe(m.SubscribeRequest(channel="d"), now=0.0)
    assert list(client.subscriptions) == ["d"]


def test_waits_of_a_channel_grow_until_it_is_subscribed():
    client = subscription_in(B.RETRYING)
    waits, now = [client.next_timeout()], 0.75
    for command_id in (3, 4):
        client.handle_timeout(now=now)
        client.receive_batch(BUSY.replace('"id":2', f'"id":{command_id}'), now=now)
        waits.append(client.next_timeout() - now)
        now = client.next_timeout()
    assert waits == [0.75, 1.0, 1.5]
    client.handle_timeout(now=now)
    client.receive_batch('{"id":5,"subscribe":{}}', now=now)
    client.receive_batch(RESUBSCRIBE, now=now)
    client.receive_batch(BUSY.replace('"id":2', '"id":6'), now=now)
    assert client.next_timeout() - now == 0.75


def reconnected(client):
    """Lose the connection, or an attempt at one, and be connected again, with a subscribe that is not answered."""
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=9.0)
    client.receive_open(now=9.0)
    connect = next(json.loads(text) for text in texts(client) if '"connect"' in text)
    client.receive_batch(CONNECTED.replace('"id":1', f'"id":{connect["id"]}'), now=9.0)


def attempt_lost(client):
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=0.75)
    reconnected(client)


def with_token(client):
    client.provide_token("t", channel="c", now=9.0)


def in_time(client):
    client.handle_timeout(now=9.0)


@pytest.mark.parametrize(
    ("state", "meanwhile"),
    [
        (B.RETRYING, [in_time]),
        (B.RETRYING, [line(RESUBSCRIBE), in_time]),
        (B.RETRYING, [in_time, line(RESUBSCRIBE)]),
        (B.RETRYING, [reconnected]),
        (B.RETRYING, [attempt_lost]),
        (B.RETRYING, [in_time, reconnected]),
        (B.ASKING, [with_token]),
        (B.ASKING, [line(RESUBSCRIBE), with_token]),
        (B.ASKING, [reconnected, with_token]),
    ],
)
def test_a_second_refusal_waits_longer_whatever_came_between(state, meanwhile):
    client = subscription_in(state)
    for step in meanwhile:
        step(client)
    assert client.subscriptions == {"c": B.SUBSCRIBING}
    client.receive_batch("".join(BUSY.replace('"id":2', f'"id":{id_}') + "\n" for id_ in range(3, 9)), now=9.0)
    assert (client.subscriptions, client.next_timeout()) == ({"c": B.RETRYING}, 10.0)


def test_a_retry_that_is_due_sooner_ends_with_its_connection():
    client = subscription_in(B.RETRYING)
    client.receive_close(1006, "", now=0.5)
    assert (told(client), client.next_timeout()) == ("Connecting(1)", 1.25)


@pytest.mark.parametrize("losses", [1, 2])
def test_a_channel_that_waits_is_told_to_nobody_between_connections(losses):
    client = subscription_in(B.RETRYING)
    for now in range(losses):
        told(client)
        client.receive_close(1006, "", now=now)
        client.handle_timeout(now=now + 1.0)
        assert client.subscriptions == {"c": B.QUEUED}
    client.receive_open(now=2.0)
    assert texts(client) == ["OPEN", '{"id":3,"connect":{}}', '{"id":4,"subscribe":{"channel":"c"}}']


@pytest.mark.parametrize("state", [B.QUEUED, B.RETRYING, B.ASKING, B.SUBSCRIBING, B.SUBSCRIBED])
def test_an_unsubscribe_is_the_caller_s(state):
    client = subscription_in(state)
    client.unsubscribe("c", now=0.0)
    assert client.events() == [ev.Unsubscribed(channel="c", code=0, reason="unsubscribe called")]


def test_a_retry_does_not_outlive_its_connection():
    client = subscription_in(B.RETRYING)
    client.receive_close(1006, "", now=0.0)
    client.handle_timeout(now=0.75)
    assert (told(client), client.next_timeout()) == ("open Connecting(1)", 5.75)


def test_events_carry_what_the_server_said():
    client = subscription_in(B.SUBSCRIBING)
    client.receive_batch(PUBLICATION, now=0.0)
    client.receive_batch('{"id":2,"subscribe":{"epoch":"e","offset":3}}', now=0.0)
    client.receive_batch('{"push":{"channel":"c","pub":{"data":{ "a": null},"offset":4}}}', now=0.0)
    client.receive_batch(RESUBSCRIBE, now=0.0)
    client.receive_batch(BUSY.replace('"id":2', '"id":3'), now=0.0)
    client.receive_batch(REVOKED, now=0.0)
    assert client.events() == [
        ev.PublicationReceived(channel="c", publication=m.Publication(data=Raw(b"1"))),
        ev.Subscribed(channel="c", result=m.SubscribeResult(epoch="e", offset=3)),
        ev.PublicationReceived(channel="c", publication=m.Publication(data=Raw(b'{ "a": null}'), offset=4)),
        ev.Subscribing(channel="c", code=2500, reason="insufficient state"),
        ev.SubscribeFailed(channel="c", code=111, reason="too many requests"),
        ev.Unsubscribed(channel="c", code=2000, reason="server unsubscribe"),
    ]


def test_a_subscribe_reply_without_result_counts_as_an_empty_one():
    client = subscription_in(B.SUBSCRIBING)
    client.receive_batch('{"id":2}', now=0.0)
    assert client.events() == [ev.Subscribed(channel="c", result=m.SubscribeResult())]


@pytest.mark.parametrize("kind", ["join", "leave"])
def test_joins_and_leaves_are_handed_on(kind):
    client = subscription_in(B.SUBSCRIBED)
    client.receive_batch(f'{{"push":{{"channel":"c","{kind}":{{"info":{{"user":"1","client":"x"}}}}}}}}', now=0.0)
    [event] = client.events()
    assert getattr(event.push, kind).info == m.ClientInfo(user="1", client="x")


def test_a_push_of_an_unknown_kind_is_ignored():
    client = subscription_in(B.SUBSCRIBED)
    client.receive_batch('{"push":{"channel":"c","zzz":{}}}', now=0.0)
    assert told(client) == ""


@pytest.mark.parametrize(
    ("call", "argument", "requirement"),
    [("subscribe", m.SubscribeRequest(), "GL-SUB-002"), ("unsubscribe", "", "GL-SUB-012")],
)
def test_a_channel_must_have_a_name(call, argument, requirement):
    client = client_in(ClientState.CONNECTED)
    assert attempt(getattr(client, call), argument, now=0.0) == f"raises {requirement}"
    assert (told(client), client.subscriptions) == ("", {})


# -- tokens --------------------------------------------------------------------------------------------------------


def test_a_token_comes_with_the_next_subscribe():
    client = subscription_in(B.ASKING)
    client.provide_token("new", channel="c", now=0.0)
    assert texts(client) == ['{"id":3,"subscribe":{"channel":"c","token":"new"}}']


def test_a_token_asked_for_on_a_connection_now_lost_is_used_on_the_next():
    client = subscription_in(B.ASKING)
    client.receive_close(1006, "", now=0.0)
    client.provide_token("new", channel="c", now=0.0)
    assert client.subscriptions == {"c": B.QUEUED}
    ready(client)
    assert texts(client)[-1] == '{"id":4,"subscribe":{"channel":"c","token":"new"}}'


@pytest.mark.parametrize("state", [B.ASKING, B.SUBSCRIBED])
def test_who_has_no_token_is_unauthorized(state):
    client = token_asked(subscription_in(state))
    client.provide_token("", channel="c", now=10.0)
    assert client.events() == [ev.Unsubscribed(channel="c", code=1, reason="unauthorized")]


def test_a_token_that_comes_before_it_is_asked_for_is_used():
    client = subscription_in(B.RETRYING, expired=True)
    client.provide_token("new", channel="c", now=0.0)
    client.handle_timeout(now=0.75)
    assert texts(client) == ['{"id":3,"subscribe":{"channel":"c","token":"new"}}']


def test_a_subscription_that_expires_is_refreshed_in_time():
    client = token_asked(subscription_in(B.SUBSCRIBED))
    client.provide_token("new", channel="c", now=10.0)
    assert texts(client) == ['{"id":3,"sub_refresh":{"channel":"c","token":"new"}}']
    client.receive_batch('{"id":3,"sub_refresh":{"expires":true,"ttl":7}}', now=11.0)
    assert client.next_timeout() == 18.0
    client.handle_timeout(now=18.0)
    client.provide_token("newer", channel="c", now=18.0)
    client.receive_batch('{"id":4,"sub_refresh":{}}', now=18.0)
    assert (told(client), client.next_timeout()) == ("sub_refresh TokenRequested", 53.0)


@pytest.mark.parametrize(
    ("fail", "code"),
    [(line(BUSY.replace('"id":2', '"id":3')), 111), (lambda client: client.handle_timeout(now=15.0), 1)],
)
def test_a_refresh_that_fails_for_now_is_tried_again_with_another_token(fail, code):
    client = token_asked(subscription_in(B.SUBSCRIBED))
    client.provide_token("new", channel="c", now=10.0)
    told(client)
    fail(client)
    [event] = client.events()
    assert (event.channel, event.code) == ("c", code)
    assert client.next_timeout() == (30.0 if code == 1 else 15.0)
    client.handle_timeout(now=30.0)
    assert client.events() == [ev.TokenRequested(channel="c")]


@pytest.mark.parametrize(
    "late",
    ['{"id":3,"sub_refresh":{"expires":true,"ttl":1}}', f'{{"id":3,{DENIED}}}', BUSY.replace('"id":2', '"id":3')],
)
def test_the_reply_to_a_refresh_of_a_subscription_that_was_left_does_not_count(late):
    client = token_asked(subscription_in(B.SUBSCRIBED))
    client.provide_token("new", channel="c", now=10.0)
    client.unsubscribe("c", now=10.0)
    client.subscribe(C, now=10.0)
    told(client)
    client.receive_batch(late, now=10.0)
    assert (told(client), client.subscriptions) == ("", {"c": B.SUBSCRIBING})


def test_a_refresh_of_a_subscription_that_was_left_may_stay_unanswered():
    client = token_asked(subscription_in(B.SUBSCRIBED))
    client.provide_token("new", channel="c", now=10.0)
    client.receive_batch(REVOKED, now=10.0)
    told(client)
    client.handle_timeout(now=15.0)
    assert (told(client), client.state) == ("", ClientState.CONNECTED)


def test_subscriptions_wait_for_a_client_that_is_told_to_connect():
    client = new_client()
    client.subscribe(C, now=0.0)
    assert (told(client), client.subscriptions, client.next_timeout()) == ("Subscribing(0)", {"c": B.QUEUED}, None)
    client.connect(m.ConnectRequest(), now=1.0)
    client.receive_open(now=1.0)
    client.receive_batch(f'{CONNECTED}\n{{"id":2,"subscribe":{{}}}}', now=1.0)
    assert told(client) == "open connect subscribe Connecting(0) Connected Subscribed"
