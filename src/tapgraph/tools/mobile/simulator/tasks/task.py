"""What a task is, and the verdict on its outcome."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from tapgraph.tools.mobile.simulator.tasks.phone_state import PhoneState
from tapgraph.tools.mobile.simulator.world.world import World

if TYPE_CHECKING:
    from tapgraph.tools.mobile.simulator.tasks.solution import Subgoal

__all__ = ["Task", "Verdict", "verdict_of"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a phone is in the state that a task asks for.

    Attributes:
        reasons: what is missing or wrong; empty when all is well.
    """

    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the task is done."""
        return not self.reasons


def verdict_of(*requirements: tuple[bool, str]) -> Verdict:
    """A verdict from requirements, each with the reason to give where it does not hold.

    >>> verdict_of((True, "there is no note"), (False, "the price is wrong")).reasons
    ('the price is wrong',)
    """
    return Verdict(tuple(reason for holds, reason in requirements if not holds))


class Task(Protocol):
    """A task with its parameters, as read from an instruction."""

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """The task that an instruction asks for; None when it asks for something else."""
        ...

    def check(self, world: World, state: PhoneState, /) -> Verdict:
        """Whether the phone is in the state that the task asks for."""
        ...

    def subgoals(self) -> "tuple[Subgoal, ...]":
        """The reference solution."""
        ...
