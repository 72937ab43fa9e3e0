"""Whoever can tell what an action led to, without asking a language model."""

from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["CHANGES_TOKENS", "Outcome", "OutcomeJudge", "StepWords"]

CHANGES_TOKENS = 400
"""So many tokens of a screen's changes such a judge is told; they cost no call of a model."""


@dataclass(frozen=True, slots=True)
class StepWords:
    """An action, what was expected of it, and what changed on the screen.

    Attributes:
        action: with its target in words, such as `Tap "Save" (button)`.
        expected: the Operator's own words; may be empty.
        changes: as `describe_difference` tells them, without places.
    """

    action: str
    expected: str
    changes: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict: A it worked, B it led somewhere else, C it changed nothing.

    Attributes:
        confidence: how likely it is right, from 0 to 1.
        error: what is wrong where it is not A.
    """

    verdict: Literal["A", "B", "C"]
    confidence: float
    error: str = ""


class OutcomeJudge(Protocol):
    """Tells the outcome of a step where it is sure."""

    def judge(self, step: StepWords) -> Outcome | None:
        """The outcome; None where it is not sure enough."""
        ...
