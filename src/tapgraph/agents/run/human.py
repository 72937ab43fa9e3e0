"""Asking a person: how a node of a graph does it, and who answers.

A question is a LangGraph interrupt: the node runs again from its start when the person has spoken,
and the ledger keeps it from sending anything twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from langgraph.types import interrupt

from tapgraph.errors import ToolError

__all__ = [
    "NO_ONE",
    "AbsentHuman",
    "AbsentPolicy",
    "CallbackHuman",
    "Human",
    "HumanRequest",
    "NobodyThere",
    "ask_leave",
    "ask_question",
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


class NobodyThere(Exception):
    """A question that nobody can answer."""


def ask_question(text: str) -> str:
    """What the user says.

    Raises:
        NobodyThere: the user cannot be asked.
    """
    said = _asked({"kind": "question", "text": text}, matter=text)
    if said is None:
        raise NobodyThere(f"nobody answered: {text}")
    return said


def ask_leave(text: str, *, matter: str = "", part: int = 0) -> None:
    """Return when the action that `text` describes, at that place of a shortcut, may go ahead.

    A yes holds for one `matter`, by default the text: what else has changed on the screen when the
    user has spoken is asked about again.

    Raises:
        ToolError: the user said no.
        NobodyThere: the user cannot be asked.
    """
    said = _asked(
        {"kind": "confirmation", "text": text, "part": part}, matter=f"{part} {matter or text}"
    )
    if said is None:
        raise NobodyThere(f"nobody confirmed: {text}")
    if said != "yes":
        raise ToolError(f"the user did not allow this ({text}); find another way or stop")


def _asked(question: dict[str, object], *, matter: str) -> str | None:
    """What the user said on this matter; the node ends here until it is answered.

    LangGraph gives a node that runs again all earlier answers in their order. Actions of a shortcut
    that were sent meanwhile do not ask again, so answers to other questions are passed over.
    """
    while True:
        answer: dict[str, Any] = interrupt(question | {"matter": matter})
        if answer["question"]["matter"] == matter:
            said: str | None = answer["said"]
            return said
