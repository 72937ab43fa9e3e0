"""What the graph remembers between nodes; every value is plain data that a checkpoint can hold.

The fields are Mobile-Agent-E's shared state (its paper, section 3), as typed records. Screens are
held by number: `PhoneTeam.screens` finds them again, also after a restart.
"""

import operator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from tapgraph.agents.run.events import JudgedBy
from tapgraph.agents.run.history import RunState, StepRecord, Verdict, fresh_state
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.target import Target

__all__ = [
    "CHECKPOINT_TYPES",
    "Decision",
    "Judgement",
    "PhoneState",
    "PhoneStep",
    "Plan",
    "PlanStatus",
    "Proposal",
    "initial_state",
]

PlanStatus: TypeAlias = Literal["working", "finished", "impossible"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The Manager's plan.

    Attributes:
        subgoals: all subgoals of the task in order, done ones too; none before the first plan.
        current: index of the one that is worked on.
        status: whether the Manager holds the task for done or impossible.
        by_api: numbers, from 1, of the subgoals that the API agent is to do.
        thought: why it is so.
    """

    subgoals: tuple[str, ...] = ()
    current: int = 0
    status: PlanStatus = "working"
    by_api: tuple[int, ...] = ()
    thought: str = ""

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
class Proposal:
    """A plan that the Manager made while others worked.

    Attributes:
        plan: what it wants.
        is_foreseen: whether it was made in the belief that the action beside it succeeds.
    """

    plan: Plan
    is_foreseen: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What the Operator wants done.

    Attributes:
        name: an action's wire name, a shortcut's or a tool's name.
        arguments: the wire arguments, points already in pixels.
        description: the action in words and the outcome expected.
        target: what is touched; None where nothing is.
        direction: the way of a swipe that was given by it.
        completes_subgoal: whether the Operator expects the subgoal to be done after it.
        problem: why it cannot be carried out; empty when it can.
        follows: identities of the learnt tips that it says it follows.
    """

    name: str
    arguments: dict[str, object]
    description: str = ""
    target: Target | None = None
    direction: str = ""
    completes_subgoal: bool = False
    problem: str = ""
    follows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A checkpoint brings tuples back as lists.
        object.__setattr__(self, "follows", tuple(self.follows))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found about one action; on failure `progress` is what it was before."""

    verdict: Verdict
    error: str
    progress: str
    subgoal_done: bool = False
    judged_by: JudgedBy = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneStep(StepRecord):
    """One action with its verdict; `before` and `after` are fingerprints of screens.

    Attributes:
        description: the action in words and the outcome that was expected.
        target: what was touched; None where nothing was.
        direction: the way of a swipe that was given by it.
        progress: the task's progress after it.
    """

    description: str = ""
    target: Target | None = None
    direction: str = ""
    progress: str = ""

    def manner(self) -> dict[str, Any]:
        """The arguments; a thing that was touched stands for the point that it was touched at."""
        if self.target is None or not self.target.identity or self.name == "Swipe":
            return self.arguments
        others = {name: value for name, value in self.arguments.items() if name not in {"x", "y"}}
        return others | {"target": self.target.identity}


class PhoneState(RunState):
    """The channels of the graph.

    The nodes that run side by side write channels of their own (`judgement`, `notes_proposed`,
    `plan_proposed`, `advice`); `close_step` alone turns them into `history`, `notes` and `plan`.
    """

    plan: Plan
    progress: str
    notes: str
    screen: int
    """Number of the screen in front, 0 before the first look."""
    screen_before: int
    decision: Decision | None
    tool_error: str
    judgement: Judgement | None
    notes_proposed: str | None
    plan_proposed: Proposal | None
    advice: Annotated[dict[str, str], operator.or_]
    """What nodes of one's own tell the Operator, by their names."""
    owes_notes: bool
    """Whether the screen in front must be noted beside the next Operator."""
    reviews_plan: bool
    """Whether the Manager must look at the plan beside the next Operator."""
    escalation: str
    """What the Manager must be told about trouble; empty when there is none."""


def initial_state(instruction: str) -> PhoneState:
    """The state before the first look."""
    return {
        **fresh_state(instruction),
        "plan": Plan(),
        "progress": "",
        "notes": "",
        "screen": 0,
        "screen_before": 0,
        "decision": None,
        "tool_error": "",
        "judgement": None,
        "notes_proposed": None,
        "plan_proposed": None,
        "advice": {},
        "owes_notes": False,
        "reviews_plan": False,
        "escalation": "",
    }


CHECKPOINT_TYPES: tuple[type, ...] = (
    Plan,
    Proposal,
    Decision,
    Judgement,
    PhoneStep,
    Target,
    Bounds,
    Point,
    Size,
)
"""The classes that a checkpoint may bring back to life; nothing else is."""
