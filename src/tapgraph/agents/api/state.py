"""What the graph remembers between nodes, as plain data, and what its nodes work with beside it.

What calls gave is held by the number of its step: the run folder finds it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.history import RunState, StepRecord, fresh_state
from tapgraph.tools.api.calls import ApiRunner

__all__ = [
    "CHECKPOINT_TYPES",
    "ActionName",
    "ApiState",
    "ApiStep",
    "ApiTeam",
    "Choice",
    "initial_state",
]

ActionName: TypeAlias = Literal["call", "read", "search", "ask_user", "finish", "give_up", "none"]
"""What can be done in a step; `none` stands for a reply that cannot be used."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the Chooser wants done.

    Attributes:
        action: what kind of step it is.
        subject: the API, the query or the question.
        written: the arguments as the model wrote them, references included.
        arguments: the same with every reference filled in, and checked.
        answer: the answer to the user, or why the task is given up.
        problem: why it cannot be carried out; empty when it can.
        follows: identities of the learnt tips that it says it follows.
    """

    action: ActionName
    subject: str = ""
    written: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    answer: str = ""
    problem: str = ""
    follows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A checkpoint brings tuples back as lists.
        object.__setattr__(self, "follows", tuple(self.follows))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStep(StepRecord):
    """One step: `name` is its kind, `arguments` are those that the model wrote.

    Attributes:
        subject: the API, the query or the question.
    """

    subject: str = ""


class ApiState(RunState):
    """The channels of the graph."""

    started_at: str
    """The user's time at the start, as ISO 8601."""
    candidates: list[str]
    """Identifiers of the APIs that the model is shown, in the order in which they were found."""
    choice: Choice | None
    pending: list[Choice]
    """Calls that were chosen with it, each for a step of its own, of APIs that only read."""
    error: str
    """Why the current step failed; empty when it worked."""


def initial_state(instruction: str, started_at: datetime) -> ApiState:
    """The state before the first search."""
    return {
        **fresh_state(instruction),
        "started_at": f"{started_at:%A} {started_at.isoformat(timespec='minutes')}",
        "candidates": [],
        "choice": None,
        "pending": [],
        "error": "",
    }


CHECKPOINT_TYPES: tuple[type, ...] = (Choice, ApiStep)
"""The classes that a checkpoint may bring back to life; nothing else is."""


@dataclass(frozen=True)
class ApiTeam:
    """What the nodes share and no checkpoint holds.

    Attributes:
        run: what both agents' nodes have.
        runner: the APIs.
        clock: the user's time, with its zone.
        pinned: APIs that are always shown, whatever is searched for.
        sandbox: opens APIs that change nothing real; None for none.
    """

    run: AgentRun
    runner: ApiRunner
    clock: Callable[[], datetime]
    pinned: tuple[str, ...] = ()
    sandbox: Callable[[], ApiRunner] | None = None
