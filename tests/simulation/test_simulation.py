"""Client and server in a world that fails: what the rules promise holds for every seed, and broken machines are found.

What fails names its seed; ``python tests/simulation/replay.py SEED`` tells everything that happened.
"""

from collections import Counter

import pytest
from world import KINDS, World

from liveproto.session import client, server, subscriptions
from liveproto.session.commands import Commands
from liveproto.session.machine import Transition
from liveproto.session.states import ChannelInput as H
from liveproto.session.states import ChannelState, ClientState, ServerState, SubscriptionState
from liveproto.session.states import ClientInput as C
from liveproto.session.states import SubscriptionInput as B

SEEDS = 10_000
SEEDS_TO_FIND = 2_000
LEAST_OF_A_KIND = 500


def play(seed):
    try:
        return World(seed).run()
    except AssertionError as failure:
        failure.add_note(f"python tests/simulation/replay.py {seed}")
        raise


def test_every_seed_settles_and_nobody_is_to_blame(capsys):
    exercised = Counter()
    for seed in range(SEEDS):
        exercised += play(seed)
    with capsys.disabled():
        print(f"\n{SEEDS:,} seeds:", ", ".join(f"{kind} {exercised[kind]:,}" for kind in KINDS))
    assert min(exercised[kind] for kind in KINDS) >= LEAST_OF_A_KIND


def test_a_seed_is_a_run(capsys):
    runs = []
    for _ in range(2):
        World(7, verbose=True).run()
        runs.append(capsys.readouterr().out)
    assert runs[0] == runs[1] != ""


def stays(owner, table, state, input_, action="ignore"):
    """A machine that stays where it is on one input, and does what it should not."""
    return owner, table, {**getattr(owner, table), (state, input_): Transition(state, action, "")}


CLIENT = client, "CLIENT_TRANSITIONS", ClientState.CONNECTED
SUBSCRIPTION = subscriptions, "SUBSCRIPTION_TRANSITIONS", SubscriptionState.SUBSCRIBED
SERVER = server.ServerProtocol, "transitions", ServerState.CONNECTED
CHANNEL = server.ServerProtocol, "channel_transitions"

BROKEN = {
    "silence is not noticed": (client.ClientProtocol, "_silent_at", property(lambda _: None, lambda *_: None)),
    "a ping is not answered": stays(*CLIENT, C.PING),
    "a subscribe without answer is forgotten": stays(*CLIENT, C.SUBSCRIBE_OVERDUE),
    "a lost subscription is not made again": stays(*SUBSCRIPTION, B.LOST),
    "a subscription is not renewed": stays(*SUBSCRIPTION, B.RESUBSCRIBE),
    "any reply to a subscribe counts": (subscriptions.Subscriptions, "awaits", lambda self, _, name: name in self._all),
    "an id is used while its command waits": (Commands, "_take_id", lambda _: 1),
    "commands of a lost connection have no end": (Commands, "lose_sent", lambda self: self._sent.clear() or []),
    "the server does not ping": (server.ServerProtocol, "_ping_at", property(lambda _: None, lambda *_: None)),
    "an unsubscribe does not wait for its subscribe": stays(
        *CHANNEL, ChannelState.SUBSCRIBING, H.UNSUBSCRIBE, "confirm"
    ),
    "a subscription survives its unsubscribe": stays(*CHANNEL, ChannelState.SUBSCRIBED, H.UNSUBSCRIBE, "leave"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_machine_is_found(monkeypatch, capsys, name):
    owner, attribute, value = BROKEN[name]
    monkeypatch.setattr(owner, attribute, value, raising=False)
    for seed in range(SEEDS_TO_FIND):
        try:
            World(seed).run()
        except AssertionError as failure:
            with capsys.disabled():
                print(f"\n{name}: seed {seed}: {str(failure).splitlines()[0][:100]}")
            return
    pytest.fail(f"not found by {SEEDS_TO_FIND:,} seeds")
