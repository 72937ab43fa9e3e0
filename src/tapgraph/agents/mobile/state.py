"""What the graph remembers between nodes; every value is plain data that a checkpoint can hold.

The fields are Mobile-Agent-E's shared state (its paper, section 3), as typed records. Screens are
held by number: `Team.screens` finds them again, also after a restart.
"""

import operator
from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired, TypeAlias, TypedDict

from tapgraph.agents.run.outcome import Outcome, Stop

__all__ = [
    "CHECKPOINT_TYPES",
    "Decision",
    "Grade",
    "Judgement",
    "PhoneState",
    "Plan",
    "PlanStatus",
    "StepRecord",
    "Stop",
]

Grade: TypeAlias = Literal["A", "B", "C"]
"""A: success or partial success; B: failed, a wrong page; C: failed, nothing changed."""

PlanStatus: TypeAlias = Literal["working", "finished", "impossible"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The Manager's plan.

    Attributes:
        subgoals: all subgoals of the task, done ones included, in order.
        current: index of the one that is worked on.
        status: whether the Manager holds the task for done or impossible.
        by_api: numbers, from 1, of the subgoals that the API agent is to do.
    """

    subgoals: tuple[str, ...]
    current: int = 0
    status: PlanStatus = "working"
    by_api: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # A checkpoint brings tuples back as lists.
        object.__setattr__(self, "subgoals", tuple(self.subgoals))
        object.__setattr__(self, "by_api", tuple(self.by_api))

    @property
    def current_subgoal(self) -> str:
        """The text of the one that is worked on."""
        return self.subgoals[self.current]

    @property
    def is_for_api(self) -> bool:
        """Whether the API agent is to do the one that is worked on."""
        return self.current + 1 in self.by_api

    @property
    def is_last(self) -> bool:
        """Whether no subgoal follows."""
        return self.current == len(self.subgoals) - 1


@dataclass(frozen=True, slots=True)
class Decision:
    """What the Operator wants done.

    Attributes:
        name: an action's wire name or a shortcut's name.
        arguments: the wire arguments, targets already turned into pixels.
        description: the action in words and the outcome expected.
        completes_subgoal: whether the Operator expects the subgoal to be done after it.
        problem: why it cannot be carried out; empty when it can.
    """

    name: str
    arguments: dict[str, object]
    description: str
    completes_subgoal: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one action."""

    grade: Grade
    error: str
    progress: str
    subgoal_done: bool = False


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One action with its verdict, as later prompts show it.

    Attributes:
        screen_before: fingerprint of the screen that the action was chosen on.
        screen_after: fingerprint of the screen that it led to.
    """

    name: str
    arguments: dict[str, object]
    description: str
    grade: Grade
    error: str
    progress: str
    screen_before: str
    screen_after: str


class PhoneState(TypedDict):
    """The channels of the graph.

    The nodes that run side by side write channels of their own (`judgement`, `notes_proposed`,
    `plan_proposed`); `close_step` alone turns them into `history`, `notes` and `plan`.
    """

    instruction: str
    step: int
    plan: NotRequired[Plan]
    progress: str
    notes: str
    history: Annotated[list[StepRecord], operator.add]
    screen: int
    """Number of the screen in front, 0 before the first look."""
    screen_before: int
    decision: NotRequired[Decision | None]
    tool_error: str
    judgement: NotRequired[Judgement | None]
    notes_proposed: NotRequired[str | None]
    plan_proposed: NotRequired[Plan | None]
    reviews_plan: bool
    """Whether the Manager must look at the plan beside the next Operator."""
    escalation: str
    """What the Manager must be told about trouble; empty when there is none."""
    verifications: int
    missing: str
    """What the last verification found undone."""
    answer: str
    stop: NotRequired[Stop | None]


CHECKPOINT_TYPES: tuple[type, ...] = (Plan, Decision, Judgement, StepRecord, Stop, Outcome)
"""The classes that a checkpoint may bring back to life; nothing else is."""
