"""Which cells of a server's tables traffic reaches, and that a run reaches all that a client can."""

import json
import subprocess
import sys

import pytest

from liveproto.session.states import (
    CHANNEL_TRANSITIONS,
    SERVER_TRANSITIONS,
    VIOLATIONS,
    ChannelInput,
    ChannelState,
    ServerInput,
    ServerState,
)
from liveproto_conformance.stateful.transitions import BEYOND, CELLS, TIMED, Coverage, Reached, Shadow, name_of

OPEN, CONNECTING, SERVING = ServerState.OPEN, ServerState.CONNECTING, ServerState.CONNECTED
ABSENT, SUBSCRIBING, SUBSCRIBED = ChannelState
CONNECT = ['> {"id":1,"connect":{}}', '< {"id":1,"connect":{"client":"c","ping":25,"pong":true}}']
CONNECTED = {(OPEN, ServerInput.CONNECT), (CONNECTING, ServerInput.ACCEPT)}
RUN_S = 120


def walk(*traffic):
    """Let a shadow follow this traffic; ``> `` is to the server, ``< `` from it, ``x`` its close, ``bye`` ours."""
    coverage = Coverage()
    shadow = Shadow(coverage)
    for line in traffic:
        direction, _, text = line.partition(" ")
        match direction:
            case ">":
                shadow.sent(text.encode())
            case "<":
                shadow.received(text.encode())
            case "x":
                shadow.closed(int(text))
            case _:
                shadow.left()
    return coverage


def reached_after_connect(*traffic):
    """The cells that traffic of a connected client reaches beside those of connecting."""
    return walk(*CONNECT, *traffic).cells - CONNECTED


def subscribed(id_=2):
    return [f'> {{"id":{id_},"subscribe":{{"channel":"a"}}}}', f'< {{"id":{id_},"subscribe":{{}}}}']


SUBSCRIBE = {
    (SERVING, ServerInput.SUBSCRIBE),
    (ABSENT, ChannelInput.SUBSCRIBE),
    (SUBSCRIBING, ChannelInput.ACCEPT),
}


def test_connecting():
    assert walk(*CONNECT).cells == CONNECTED


def test_a_connect_that_is_refused_lets_everything_pass():
    coverage = walk(CONNECT[0], '< {"id":1,"error":{"code":110}}', '> {"id":2,"rpc":{}}', "> x", "bye")
    refused = ServerState.REFUSED
    assert coverage.cells == {
        (OPEN, ServerInput.CONNECT),
        (CONNECTING, ServerInput.REFUSE),
        (refused, ServerInput.REQUEST),
        (refused, ServerInput.UNDECODABLE),
        (refused, ServerInput.TRANSPORT_CLOSED),
    }


def test_commands_behind_a_connect_count_when_it_is_answered():
    batch = '> {"id":1,"connect":{}}\n{"id":2,"unsubscribe":{"channel":"a"}}\n{"id":3,"connect":{}}'
    coverage = walk(batch, CONNECT[1], '< {"id":2,"unsubscribe":{}}', "x 3501")
    assert coverage.cells - CONNECTED == {
        (SERVING, ServerInput.SUBSCRIBE),
        (ABSENT, ChannelInput.UNSUBSCRIBE),
        (SERVING, ServerInput.CONNECT),
    }


@pytest.mark.parametrize(
    ("line", "input_"),
    [
        ('{"connect":{}}', ServerInput.CONNECT_WITHOUT_ID),
        ('{"id":1,"unsubscribe":{}}', ServerInput.UNSUBSCRIBE_INCOMPLETE),
        ('{"id":1,"subscribe":{"channel":"a"}}', ServerInput.SUBSCRIBE),
        ('{"send":{"data":1}}', ServerInput.SEND),
        ("{}", ServerInput.PONG_UNEXPECTED),
        ("[", ServerInput.UNDECODABLE),
    ],
)
def test_a_first_fault_counts_when_it_is_closed_for(line, input_):
    assert walk(f"> {line}").cells == set()
    assert walk(f"> {line}", "x 3501").cells == {(OPEN, input_)}


def test_only_the_first_fault_counts():
    batch = '> {"id":2,"rpc":{}}\n{"id":3}\n{"id":4,"subscribe":{}}'
    assert reached_after_connect(batch, "x 3501") == {(SERVING, ServerInput.UNKNOWN)}


def test_an_error_108_tells_what_is_not_served():
    coverage = walk(*CONNECT, '> {"id":2,"presence":{}}', '< {"id":2,"error":{"code":108}}')
    assert coverage.cells - CONNECTED == {(SERVING, ServerInput.REQUEST_NOT_AVAILABLE)}
    assert coverage.not_served == {"presence"}


def test_what_is_closed_for_its_fault_is_served():
    coverage = walk(*CONNECT, '> {"id":2,"presence":{}}', "x 3501")
    assert coverage.cells - CONNECTED == {(SERVING, ServerInput.LOOKUP_INCOMPLETE)}
    assert "presence" in coverage.served


@pytest.mark.parametrize(
    ("code", "input_"), [(106, ServerInput.SUBSCRIBE_OVER_LIMIT), (107, ServerInput.SUBSCRIBE_TOO_LONG)]
)
def test_errors_tell_of_limits(code, input_):
    traffic = ['> {"id":2,"subscribe":{"channel":"a"}}', f'< {{"id":2,"error":{{"code":{code}}}}}']
    assert reached_after_connect(*traffic) == {(SERVING, input_)}
    assert reached_after_connect(*traffic, *subscribed(3)) == {(SERVING, input_), *SUBSCRIBE}


@pytest.mark.parametrize("kind", ["subscribe", "unsubscribe"])
def test_a_limit_ends_the_subscribe_and_not_what_was_sent_with_it(kind):
    lines = f'> {{"id":2,"subscribe":{{"channel":"a"}}}}\n{{"id":3,"{kind}":{{"channel":"a"}}}}'
    refused = '< {"id":2,"error":{"code":106,"message":""}}'
    cells = reached_after_connect(lines, refused, f'< {{"id":3,"{kind}":{{}}}}', *subscribed(4))
    assert {(SERVING, ServerInput.SUBSCRIBE_OVER_LIMIT), (SUBSCRIBING, ChannelInput(kind))} | SUBSCRIBE <= cells


def test_a_send_counts_when_a_later_command_is_answered():
    sent = ['> {"send":{"data":1}}', '> {"id":2,"rpc":{}}']
    assert reached_after_connect(*sent) == set()
    coverage = walk(*CONNECT, *sent, '< {"id":2,"rpc":{}}')
    assert coverage.cells - CONNECTED == {(SERVING, ServerInput.SEND), (SERVING, ServerInput.REQUEST)}
    assert coverage.served == {"connect", "rpc", "send"}


def test_a_send_nobody_serves():
    coverage = walk(*CONNECT, '> {"send":{"data":1}}', "x 3508")
    assert coverage.cells - CONNECTED == {(SERVING, ServerInput.SEND_NOT_AVAILABLE)}
    assert coverage.not_served == {"send"}


def test_a_channel_from_subscribe_to_unsubscribe():
    traffic = [
        *subscribed(),
        '> {"id":3,"subscribe":{"channel":"a"}}',
        '< {"id":3,"error":{"code":105}}',
        '< {"push":{"channel":"a","pub":{"data":1}}}',
        '> {"id":4,"unsubscribe":{"channel":"a"}}',
        '< {"id":4,"unsubscribe":{}}',
        '< {"push":{"channel":"b","pub":{"data":1}}}',
    ]
    assert reached_after_connect(*traffic) - SUBSCRIBE == {
        (SUBSCRIBED, ChannelInput.SUBSCRIBE),
        (SUBSCRIBED, ChannelInput.PUSH),
        (SUBSCRIBED, ChannelInput.UNSUBSCRIBE),
    }


def test_a_refused_subscribe_and_a_revoked_one():
    refused = ['> {"id":2,"subscribe":{"channel":"a"}}', '< {"id":2,"error":{"code":103}}']
    revoked = ['< {"push":{"channel":"a","unsubscribe":{"code":2000}}}']
    cells = reached_after_connect(*refused, *revoked, *subscribed(3), *revoked)
    assert cells - SUBSCRIBE == {
        (SUBSCRIBING, ChannelInput.REFUSE),
        (ABSENT, ChannelInput.REVOKE),
        (SUBSCRIBED, ChannelInput.REVOKE),
    }


def test_what_is_in_flight_with_an_unsubscribe_is_left_out():
    lines = [f'{{"id":{id_},"{kind}":{{"channel":"a"}}}}' for id_, kind in enumerate(
        ("subscribe", "unsubscribe", "subscribe", "unsubscribe"), start=2)]  # fmt: skip
    replies = ['< {"id":3,"unsubscribe":{}}', '< {"id":2,"subscribe":{}}']
    cells = reached_after_connect("> " + "\n".join(lines), *replies)
    assert cells == SUBSCRIBE - {(SUBSCRIBING, ChannelInput.ACCEPT)} | {(SUBSCRIBING, ChannelInput.UNSUBSCRIBE)}
    assert reached_after_connect("> " + "\n".join(lines), *replies, *subscribed(9)) == cells | SUBSCRIBE


def test_pings_and_pongs():
    cells = reached_after_connect("< {}", "> {}", "> {}", "x 3501")
    assert cells == {(SERVING, i) for i in (ServerInput.PING_DUE, ServerInput.PONG, ServerInput.PONG_UNEXPECTED)}


@pytest.mark.parametrize(
    ("code", "input_"),
    [(3012, ServerInput.PONG_OVERDUE), (3008, ServerInput.OVERFLOW), (1009, ServerInput.OVERSIZE)],
)
def test_closes_tell_their_cause(code, input_):
    assert reached_after_connect('> {"id":2}', f"x {code}", "bye") == {(SERVING, input_)}


def test_a_connection_that_never_connects():
    assert walk("x 3502").cells == {(OPEN, ServerInput.STALE)}


def test_a_connect_that_was_too_long_was_never_read():
    assert (OPEN, ServerInput.OVERSIZE) in walk(CONNECT[0], "x 1009").cells


def test_other_closes_and_unknown_replies_tell_nothing():
    assert reached_after_connect("x 3001") == set()
    assert reached_after_connect('< {"id":77,"rpc":{}}', "< x", '< {"push":{"channel":"z","pub":{}}}') == set()


def test_leaving():
    assert walk("bye").cells == {(OPEN, ServerInput.TRANSPORT_CLOSED)}
    assert reached_after_connect("bye") == {(SERVING, ServerInput.TRANSPORT_CLOSED)}


# -- what can be reached -----------------------------------------------------------------------------------------------


def test_every_row_and_every_violation_is_a_cell():
    assert {*SERVER_TRANSITIONS, *CHANNEL_TRANSITIONS} <= set(CELLS)
    assert {(SERVING, input_) for input_ in VIOLATIONS} <= set(CELLS)
    assert len(CELLS) == len(set(CELLS))


def test_what_is_beyond_clients_has_a_reason():
    assert set(BEYOND) <= set(CELLS)
    assert all(len(reason) > 20 for reason in BEYOND.values())
    serving = {cell[1] for cell in BEYOND if cell[0] is SERVING}
    assert serving == {
        ServerInput.DISCONNECT,
        ServerInput.OVERFLOW,
        ServerInput.SUBSCRIBE_OVERDUE,
        ServerInput.SUB_REFRESH_WITHOUT_TOKEN,
    }
    channels = {cell[1] for cell in BEYOND if cell[0] in ChannelState}
    assert channels == {ChannelInput.REVOKE}


def test_timers_are_expected_of_runs_that_wait_for_them():
    coverage = Coverage()
    without = set(coverage.expected(timers=False))
    assert {cell[1] for cell in set(coverage.expected(timers=True)) - without} == TIMED


def test_what_a_target_serves_decides_what_can_be_met():
    coverage = Coverage()
    send = {(SERVING, ServerInput.SEND), (SERVING, ServerInput.SEND_NOT_AVAILABLE)}
    assert send <= set(coverage.expected(timers=True))
    coverage.served.add("send")
    assert send & set(coverage.expected(timers=True)) == {(SERVING, ServerInput.SEND)}
    coverage = Coverage()
    coverage.not_served.add("send")
    assert send & set(coverage.expected(timers=True)) == {(SERVING, ServerInput.SEND_NOT_AVAILABLE)}


def test_what_is_missing_is_named():
    coverage = Coverage()
    coverage.cells.update(CELLS)
    whole = coverage.reached(timers=True)
    assert str(whole) == f"{whole.total} of {whole.total} reached"
    coverage.cells.remove((SERVING, ServerInput.UNKNOWN))
    coverage.cells.remove((SUBSCRIBED, ChannelInput.PUSH))
    reached = coverage.reached(timers=True)
    assert reached.missing == ("serving: a command with no known request", "channel subscribed: application: push")
    assert str(reached) == f"{whole.total - 2} of {whole.total} reached; not {', '.join(reached.missing)}"


def test_many_that_are_missing_are_counted():
    reached = Reached(count=1, total=9, missing=tuple("abcdefgh"))
    assert str(reached) == "1 of 9 reached; not a, b, c, d, e and 3 more"


def test_names_are_states_and_inputs():
    assert name_of((OPEN, ServerInput.SEND)) == "waiting for connect: send"


def test_a_default_run_reaches_every_transition_that_a_client_can(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "liveproto_conformance", "check", "--report-dir", "."],
        cwd=tmp_path, capture_output=True, text=True, timeout=RUN_S, check=False,
    )  # fmt: skip
    transitions = json.loads((tmp_path / "report.json").read_text())["transitions"]
    assert transitions["missing"] == [], run.stdout
    assert transitions["reached"] == transitions["total"] >= 50
    assert f"transitions {transitions['total']} of {transitions['total']} reached" in run.stdout
