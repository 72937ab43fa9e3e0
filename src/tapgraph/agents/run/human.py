"""Who answers when an agent asks: the caller's code, or a policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

__all__ = [
    "NO_ONE",
    "AbsentHuman",
    "AbsentPolicy",
    "CallbackHuman",
    "Human",
    "HumanRequest",
]

AbsentPolicy: TypeAlias = Literal["assume", "allow", "stop"]
"""assume: questions are left to the agent, risky actions refused; allow: risky actions pass too;
stop: the run ends with `needs_human`."""

NO_ONE = "Nobody is there to answer. Decide as the user most likely would."


@dataclass(frozen=True, slots=True)
class HumanRequest:
    """A question, or an action that wants a yes."""

    kind: Literal["question", "confirmation"]
    text: str


class Human(Protocol):
    """Whoever stands for the user."""

    def answer(self, request: HumanRequest) -> str | None:
        """The words of the answer; for a confirmation `yes` or `no`; None when nobody can say."""
        ...


@dataclass(frozen=True, slots=True)
class AbsentHuman:
    """A policy, where nobody is at hand."""

    policy: AbsentPolicy = "assume"

    def answer(self, request: HumanRequest) -> str | None:
        """What the policy says."""
        if self.policy == "stop":
            return None
        if request.kind == "question":
            return NO_ONE
        return "yes" if self.policy == "allow" else "no"


@dataclass(frozen=True, slots=True)
class CallbackHuman:
    """The caller's own function."""

    callback: Callable[[HumanRequest], str | None]

    def answer(self, request: HumanRequest) -> str | None:
        """What the function returns."""
        return self.callback(request)
