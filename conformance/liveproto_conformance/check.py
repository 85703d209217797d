"""What a check is made of: the decorator, and the ways to end without a verdict of pass or fail.

A check states one fact. It is a function of a module below ``checks``; its parameters are filled by name with
what a ``Bench`` offers (``session``, ``channel`` ...), and by Hypothesis where the check is ``generated``. A
``stateful`` check runs whole sessions, see ``liveproto_conformance.stateful.conversation``.
"""

from __future__ import annotations

import enum
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from hypothesis.strategies import SearchStrategy

    from liveproto_conformance.stateful.conversation import Conversation

F = TypeVar("F", bound="Callable[..., None]")

_MARK: Final = "liveproto_check"


class Lane(enum.Enum):
    """Where a check runs."""

    MAIN = "one after the other"
    TIMER = "beside everything, because it waits"
    PASSIVE = "last, on the traffic of all others"


@attrs.frozen
class CheckMark:
    """What ``@check`` says of a function."""

    requirements: tuple[str, ...]
    lane: Lane
    strategies: Mapping[str, SearchStrategy[Any]]
    machine: type[Conversation] | None = None

    @property
    def generated(self) -> bool:
        """Whether Hypothesis makes the input."""
        return bool(self.strategies) or self.machine is not None


class NotExercisedError(Exception):
    """The fact could not be tried; ``waits_on`` is the requirement that failed before it."""

    def __init__(self, reason: str, waits_on: str | None = None) -> None:
        super().__init__(f"waits on {waits_on}: {reason}" if waits_on else reason)
        self.waits_on = waits_on


class NotApplicableError(Exception):
    """The fact does not concern this target; the message is the evidence."""


class NoReplyError(AssertionError):
    """A command was not answered in time; ``requirement`` is the one that asks for the reply."""

    def __init__(self, message: str, requirement: str) -> None:
        super().__init__(message)
        self.requirement = requirement


def check(*requirements: str, lane: Lane = Lane.MAIN) -> Callable[[F], F]:
    """Mark a function as the check of these requirements; the first names its level."""

    def mark(function: F) -> F:
        strategies = getattr(function, "liveproto_strategies", {})
        machine = getattr(function, "liveproto_machine", None)
        setattr(function, _MARK, CheckMark(requirements, lane, strategies, machine))
        return function

    return mark


def generated(**strategies: SearchStrategy[Any]) -> Callable[[F], F]:
    """Give parameters of a check to Hypothesis; stands below ``@check``.

    A check that is given a list must make sense with every part of it that is not empty: its strategy may ask for many
    elements in order to try many, and a failure is made smaller.
    """

    def mark(function: F) -> F:
        function.liveproto_strategies = strategies  # type: ignore[attr-defined]
        return function

    return mark


def stateful(machine: type[Conversation]) -> Callable[[F], F]:
    """Let a check run whole sessions of this machine; stands below ``@check``.

    The function states what must hold when a session is over; its parameter ``conversation`` is the machine.
    """

    def mark(function: F) -> F:
        function.liveproto_machine = machine  # type: ignore[attr-defined]
        return function

    return mark


def mark_of(function: object) -> CheckMark | None:
    """Return what ``@check`` said of a function."""
    return getattr(function, _MARK, None)


@contextmanager
def given_that(requirement: str) -> Generator[None, None, None]:
    """Prove a precondition: what fails inside makes the check NOT_EXERCISED, waiting on ``requirement``."""
    try:
        yield
    except AssertionError as error:
        raise NotExercisedError(text_of(error), requirement) from error


def text_of(error: Exception) -> str:
    """Return the message of an error without what pytest adds to that of an assertion."""
    return str(error).partition("\nassert ")[0]
