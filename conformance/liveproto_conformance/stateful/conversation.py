"""Whole sessions as checks: a state machine whose steps are recorded, so that they can be run again without Hypothesis.

Theory. A ``Conversation`` is a model beside a live target. Hypothesis draws steps, each step acts on the target and
on the model, and asserts that they agree. What was drawn is plain JSON, so a session is its list of steps: it is
repeated, cut down and saved as such. Run again, a step whose precondition does not hold is left out, which lets any
part of a session be a session.

A machine, and the check that runs it::

    class OneChannel(Conversation):
        def __init__(self, stand: Stand) -> None:
            super().__init__(stand)
            self.subscribed = False

        def begin(self) -> None:
            self.channel = self.stand.fresh_channel()
            self.session = self.stand.connected()

        @step(lambda self: not self.subscribed)
        def subscribe(self) -> None:
            self.session.subscribe(self.channel)
            self.subscribed = True

        @step(lambda self: self.subscribed, number=st.integers(0, 9))
        def publish(self, number: int) -> None:
            ...

    @check("GL-SUB-016")
    @stateful(OneChannel)
    def test_a_session_on_one_channel(conversation: OneChannel) -> None:
        conversation.session.still_serves()

The function below ``@stateful`` states what must hold when a session is over. It is called after the last step, unless
a step has failed; besides ``conversation`` it may name what any check may. Each session gets fresh connections and
fresh channels.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hypothesis.strategies import SearchStrategy

    from liveproto_conformance.bench import Stand

    _Method = Callable[..., None]

_STEP: Final = "liveproto_step"

Steps = list[tuple[str, dict[str, Any]]]
"""Names of steps with the arguments they were called with, in order."""


@attrs.frozen
class _Step:
    """What ``@step`` says of a method."""

    function: Callable[..., None]
    when: Callable[[Any], bool] | None
    strategies: Mapping[str, SearchStrategy[Any]]


class Conversation(RuleBasedStateMachine):
    """A session beside its model; subclasses add what they know as attributes, and methods marked with ``step``."""

    def __init__(self, stand: Stand) -> None:
        super().__init__()
        self.stand = stand
        self.steps: Steps = []
        """What was done so far."""
        self.fault: BaseException | None = None
        """What the last step has raised."""
        self.on_end: Callable[[], None] | None = None
        """Called where Hypothesis ends the session, by a fault or after the last step."""

    def begin(self) -> None:
        """Open what the session starts from, before the first step; may end the check as not applicable."""

    def teardown(self) -> None:
        """Let the search know that this session is over; one that was given up, or interrupted, has no end."""
        if self.on_end is not None and sys.exception() is self.fault:
            self.on_end()

    def play(self, steps: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Begin, and run these steps but those whose precondition does not hold; ``steps`` then has what was run.

        Raises:
            KeyError: there is no such step.
        """
        self.begin()
        for name, arguments in steps:
            marked = self._step(name)
            if marked.when is None or marked.when(self):
                self.steps.append((name, dict(arguments)))
                marked.function(self, **arguments)

    @classmethod
    def names(cls) -> list[str]:
        """Name the steps there are."""
        return [name for name, method in inspect.getmembers(cls) if hasattr(method, _STEP)]

    @classmethod
    def strategies(cls, name: str) -> Mapping[str, SearchStrategy[Any]]:
        """Return the strategies of a step."""
        return cls._step(name).strategies

    @classmethod
    def _step(cls, name: str) -> _Step:
        marked: _Step | None = getattr(getattr(cls, name, None), _STEP, None)
        if marked is None:
            raise KeyError(name)
        return marked


def step(
    when: Callable[[Any], bool] | None = None, /, **strategies: SearchStrategy[Any]
) -> Callable[[_Method], _Method]:
    """Mark a method of a ``Conversation`` as one of its steps.

    Args:
        when: precondition, given the conversation: what the model knows must make the step meaningful.
        strategies: one for each parameter of the method; they draw plain JSON values. A method that is given a list
            must make sense with every part of it that is not empty, because a failure is made smaller that way.
    """

    def mark(function: _Method) -> _Method:
        def recorded(self: Conversation, **arguments: Any) -> None:  # noqa: ANN401 - whatever the strategies make
            self.steps.append((function.__name__, dict(arguments)))
            try:
                function(self, **arguments)
            except BaseException as error:
                self.fault = error
                raise

        recorded.__name__ = function.__name__
        recorded.__qualname__ = function.__qualname__
        # One overload of ``rule`` has a parameter ``target``, which strategies by name might be.
        ruled = cast("Callable[..., Callable[[_Method], _Method]]", rule)
        marked = ruled(**strategies)(recorded)
        if when is not None:
            marked = precondition(when)(marked)
        setattr(marked, _STEP, _Step(function, when, strategies))
        return marked

    return mark
