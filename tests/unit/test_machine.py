"""The interpreter of transition tables, on a table of its own."""

import enum

import attrs
import pytest

from liveproto.session.machine import Machine, Transition


class Door(enum.Enum):
    OPEN = "open"
    SHUT = "shut"


class Act(enum.Enum):
    PUSH = "push"
    KNOCK = "knock"


SHUTS = Transition(Door.SHUT, "slam", "GL-DOOR-001")
HEARD = Transition(Door.SHUT, "answer", "GL-DOOR-002")
TABLE = {(Door.OPEN, Act.PUSH): SHUTS, (Door.SHUT, Act.KNOCK): HEARD}


def test_a_step_moves_and_returns_the_transition():
    door = Machine(TABLE, Door.OPEN)
    assert door.state is Door.OPEN
    assert door.step(Act.PUSH) is SHUTS
    assert door.state is Door.SHUT


def test_a_transition_may_stay():
    door = Machine(TABLE, Door.SHUT)
    assert [door.step(Act.KNOCK), door.step(Act.KNOCK)] == [HEARD, HEARD]
    assert door.state is Door.SHUT


@pytest.mark.parametrize(("state", "act"), [(Door.OPEN, Act.KNOCK), (Door.SHUT, Act.PUSH)])
def test_an_absent_cell_stays_and_returns_none(state, act):
    door = Machine(TABLE, state)
    assert door.step(act) is None
    assert door.state is state


def test_a_transition_is_frozen_and_has_no_answer_unless_given():
    assert SHUTS.answer is None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        SHUTS.action = "creak"
