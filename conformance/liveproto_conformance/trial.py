"""One trial of a check: its function called once, on fresh or shared connections, with or without given input."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

import attrs

from liveproto_conformance.bench import PARAMETERS
from liveproto_conformance.check import CheckMark, NotExercisedError
from liveproto_conformance.drive.websocket import ConnectionEndedError
from liveproto_conformance.failures.failure import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveproto_conformance.bench import Stand
    from liveproto_conformance.catalogue import Check
    from liveproto_conformance.requirements import Level
    from liveproto_conformance.stateful.conversation import Conversation

REPEATS: Final = 3
CONVERSATION: Final = "conversation"


@attrs.frozen
class Task:
    """One check to run."""

    id: str
    function: Callable[..., None]
    mark: CheckMark
    level: Level


def task_of(check: Check) -> Task:
    """Make the task of a check of the catalogue."""
    return Task(check.id, check.function, check.mark, check.level)


def attempt(stand: Stand, task: Task, arguments: dict[str, Any], values: Mapping[str, Any]) -> AssertionError | None:
    """Run a check once and return how it failed; what it was given is kept in ``arguments``.

    A connection that was closed because we answered its ping too late says nothing of the target: the same again then,
    on fresh connections.
    """
    for _ in range(REPEATS):
        try:
            _call(stand, task, arguments, values)
        except AssertionError as error:
            if not stand.answered_too_late:
                return error
        except (ConnectionEndedError, NotExercisedError):
            if not stand.answered_too_late:
                raise
        else:
            return None
        stand.reset()
        arguments.clear()
    raise NotExercisedError("this machine is too busy to answer the target's pings in time")


def end(stand: Stand, task: Task, conversation: Conversation) -> None:
    """State what must hold when a session is over."""
    task.function(**_arguments(stand, task), **{CONVERSATION: conversation})


def _call(stand: Stand, task: Task, arguments: dict[str, Any], values: Mapping[str, Any]) -> None:
    if task.mark.machine is not None:
        arguments[CONVERSATION] = conversation = task.mark.machine(stand)
        conversation.play(values[STEPS])
        end(stand, task, conversation)
        return
    if not arguments:
        arguments.update(_arguments(stand, task))
    task.function(**arguments, **values)


def _arguments(stand: Stand, task: Task) -> dict[str, Any]:
    """Make what a check names as a parameter and nobody else gives it."""
    given = {*task.mark.strategies, CONVERSATION}
    return {name: PARAMETERS[name](stand) for name in inspect.signature(task.function).parameters if name not in given}
