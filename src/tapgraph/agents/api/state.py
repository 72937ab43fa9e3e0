"""What the graph remembers between nodes; every value is plain data that a checkpoint can hold.

What calls gave is held by the number of its step: the run folder finds it again.
"""

import operator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

from tapgraph.agents.run.outcome import Outcome, Stop

__all__ = ["CHECKPOINT_TYPES", "ActionName", "ApiState", "Decision", "StepRecord"]

ActionName: TypeAlias = Literal["call", "read", "search", "ask_user", "finish", "give_up", "none"]
"""What can be done in a step; `none` stands for a reply that cannot be used."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the Chooser wants done.

    Attributes:
        action: what kind of step it is.
        subject: the API, the query or the question.
        written: the arguments as the model wrote them, references included.
        arguments: the same with every reference filled in, and checked.
        answer: the answer to the user, or why the task is given up.
        problem: why it cannot be carried out; empty when it can.
    """

    action: ActionName
    subject: str = ""
    written: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    answer: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step as later prompts show it.

    Attributes:
        step: its number, by which later steps refer to its result.
        grade: A it worked, C it failed.
        error: why it failed.
        fingerprint: the same for two steps that did the same and got the same.
    """

    step: int
    action: ActionName
    subject: str
    written: dict[str, Any]
    grade: Literal["A", "C"]
    error: str
    fingerprint: str


class ApiState(TypedDict):
    """The channels of the graph."""

    instruction: str
    started_at: str
    """The user's time at the start, as ISO 8601."""
    step: int
    candidates: list[str]
    """Identifiers of the APIs that the model is shown, in the order in which they were found."""
    history: Annotated[list[StepRecord], operator.add]
    decision: NotRequired[Decision | None]
    error: str
    """Why the current step failed; empty when it worked."""
    verifications: int
    missing: str
    """What the last verification found undone."""
    answer: str
    stop: NotRequired[Stop | None]


CHECKPOINT_TYPES: tuple[type, ...] = (Decision, StepRecord, Stop, Outcome)
"""The classes that a checkpoint may bring back to life; nothing else is."""
