"""What a task is, the check of its outcome, and the way to do it."""

from dataclasses import dataclass
from typing import Protocol, Self

from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Subgoal
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["Solution", "Task", "TaskCheck", "task_check"]


@dataclass(frozen=True, slots=True)
class TaskCheck:
    """Whether a phone is in the state that a task asks for.

    Attributes:
        reasons: what is missing or wrong; empty when all is well.
    """

    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the task is done."""
        return not self.reasons


def task_check(*requirements: tuple[bool, str]) -> TaskCheck:
    """A check from requirements, each with the reason to give where it does not hold.

    >>> task_check((True, "there is no note"), (False, "the price is wrong")).reasons
    ('the price is wrong',)
    """
    return TaskCheck(tuple(reason for holds, reason in requirements if not holds))


class Task(Protocol):
    """A task with its parameters, as read from an instruction."""

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """The task that an instruction asks for; None when it asks for something else."""
        ...

    def check(self, world: World, records: PhoneRecords, /) -> TaskCheck:
        """Whether the phone is in the state that the task asks for."""
        ...

    def subgoals(self) -> tuple[Subgoal, ...]:
        """The reference solution."""
        ...


@dataclass(frozen=True, slots=True)
class Solution:
    """A task and the way to do it on the simulated phone."""

    task: Task
    subgoals: tuple[Subgoal, ...]

    def subgoal(self, text: str) -> Subgoal:
        """The subgoal of that text.

        Raises:
            KeyError: there is none.
        """
        for subgoal in self.subgoals:
            if subgoal.text == text:
                return subgoal
        raise KeyError(text)

    def next_subgoal(self, glance: Glance, *, current: str = "") -> Subgoal | None:
        """The first subgoal from `current` on that is not done; None when all are.

        An empty or unknown `current` starts from the first.
        """
        texts = [subgoal.text for subgoal in self.subgoals]
        start = texts.index(current) if current in texts else 0
        return next(
            (subgoal for subgoal in self.subgoals[start:] if not subgoal.is_done(glance)), None
        )
