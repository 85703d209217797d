"""A client's commands: ids, what waits and for how long, and the messages they are written in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from liveproto.errors import LimitExceededError
from liveproto.session.commands import Commands
from liveproto.wire import messages as m

RPC = m.RPCRequest()


def make(**options):
    return Commands(**{"message_bytes": 1000, "waiting": 10, "timeout_s": 5.0, **options})


def written(commands):
    return [batch.data.decode() for batch in commands.batches()]


def test_a_command_is_written_once_and_waits_for_its_reply():
    commands = make()
    assert commands.call(RPC, hold=False, now=0.0) == 1
    assert written(commands) == ['{"id":1,"rpc":{}}']
    assert written(commands) == []
    assert (commands.waits_for(1), commands.waits_for(2)) == (RPC, None)
    assert commands.answered(1) is RPC
    assert commands.waits_for(1) is None


def test_a_held_command_waits_for_no_reply_until_it_is_released():
    commands = make()
    assert commands.call(RPC, hold=True, now=0.0) == 1
    assert (written(commands), commands.waits_for(1), commands.next_timeout()) == ([], None, 5.0)
    assert commands.send(m.ConnectRequest(), now=1.0) == 2
    commands.release(now=2.0)
    assert written(commands) == ['{"id":2,"connect":{}}\n{"id":1,"rpc":{}}']
    assert (commands.waits_for(1), commands.next_timeout()) == (RPC, 6.0)
    assert commands.answered(2) == m.ConnectRequest()
    assert commands.next_timeout() == 7.0


def test_overdue_commands_are_taken_in_their_order():
    commands = make()
    commands.call(RPC, hold=True, now=0.0)
    commands.call(m.RPCRequest(method="a"), hold=False, now=1.0)
    commands.call(m.RPCRequest(method="b"), hold=False, now=2.0)
    assert list(commands.overdue(4.9)) == []
    assert list(commands.overdue(6.0)) == [(2, m.RPCRequest(method="a")), (1, RPC)]
    assert commands.next_timeout() == 7.0
    assert list(commands.overdue(7.0)) == [(3, m.RPCRequest(method="b"))]
    assert commands.next_timeout() is None


def test_what_is_lost_while_overdue_commands_are_taken_is_not_taken_again():
    commands = make()
    for _ in range(3):
        commands.call(RPC, hold=False, now=0.0)
    taken = commands.overdue(9.0)
    assert next(taken) == (1, RPC)
    assert commands.lose_sent() == [(2, RPC), (3, RPC)]
    assert list(taken) == []


def test_a_lost_connection_takes_what_was_sent_and_what_was_to_be():
    commands = make()
    commands.call(RPC, hold=True, now=0.0)
    commands.call(RPC, hold=False, now=0.0)
    assert commands.lose_sent() == [(2, RPC)]
    assert (written(commands), commands.waits_for(2)) == ([], None)
    assert commands.lose_held() == [(1, RPC)]
    assert (commands.lose_held(), commands.next_timeout()) == ([], None)


def test_ids_begin_again_and_pass_over_those_that_wait():
    commands = make(first_id=4294967295)
    assert commands.call(RPC, hold=True, now=0.0) == 4294967295
    assert [commands.send(RPC, now=0.0) for _ in range(3)] == [1, 2, 3]
    again = make(first_id=1)
    assert again.call(RPC, hold=False, now=0.0) == 1
    again._next_id = 4294967295
    assert again.call(RPC, hold=True, now=0.0) == 4294967295
    assert again.call(RPC, hold=True, now=0.0) == 2


def test_the_size_of_a_command_is_judged_with_the_longest_id():
    exact = len('{"id":4294967295,"rpc":{}}')
    for size, fits in ((exact, True), (exact - 1, False)):
        commands = make(message_bytes=size)
        for refuse in (
            lambda commands=commands: commands.check_size(RPC),
            lambda commands=commands: commands.call(RPC, hold=False, now=0.0),
            lambda commands=commands: commands.write(b"x" * exact),
        ):
            if fits:
                refuse()
            else:
                with pytest.raises(LimitExceededError, match=f"message_bytes: got {exact}, expected at most {size}"):
                    refuse()
        assert len(written(commands)) == (2 if fits else 0)


def test_a_refused_call_changes_nothing_that_waits():
    commands = make(waiting=2)
    commands.call(RPC, hold=False, now=0.0)
    commands.call(RPC, hold=True, now=0.0)
    for call in (commands.check_room, lambda: commands.call(RPC, hold=False, now=0.0)):
        with pytest.raises(LimitExceededError, match="commands: got 3, expected at most 2"):
            call()
    assert written(commands) == ['{"id":1,"rpc":{}}']
    assert commands.send(RPC, now=0.0) == 3


@given(sizes=st.lists(st.integers(1, 40), max_size=30), limit=st.integers(40, 100))
def test_messages_are_as_few_as_their_limit_allows(sizes, limit):
    commands = make(message_bytes=limit)
    lines = [b"%d" % (number % 10) * size for number, size in enumerate(sizes)]
    for line in lines:
        commands.write(line)
    batches = [batch.data for batch in commands.batches()]
    assert [line for batch in batches for line in batch.split(b"\n")] == lines
    assert all(len(batch) <= limit for batch in batches)
    for before, after in itertools.pairwise(batches):
        assert len(before) + 1 + len(after.split(b"\n")[0]) > limit


def test_payloads_are_written_as_they_are_but_for_newlines():
    commands = make()
    commands.call(m.PublishRequest(channel="c", data=Raw(b'{\n"a": 1.0}')), hold=False, now=0.0)
    assert written(commands) == ['{"id":1,"publish":{"channel":"c","data":{"a": 1.0}}}']
