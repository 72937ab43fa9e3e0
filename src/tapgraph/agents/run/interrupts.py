"""Questions of a node to a person: LangGraph interrupts.

The node runs again from its start when the person has spoken; the ledger keeps it from sending
anything twice.
"""

from typing import Any

from langgraph.types import interrupt

from tapgraph.errors import ToolError

__all__ = ["NobodyThere", "ask_leave", "ask_question"]


class NobodyThere(Exception):
    """A question that nobody can answer."""


def ask_question(text: str) -> str:
    """What the user says.

    Raises:
        NobodyThere: the user cannot be asked.
    """
    said = _asked({"kind": "question", "text": text})
    if said is None:
        raise NobodyThere(f"nobody answered: {text}")
    return said


def ask_leave(text: str, *, part: int = 0) -> None:
    """Return when the action that `text` describes, at that place of a shortcut, may go ahead.

    Raises:
        ToolError: the user said no.
        NobodyThere: the user cannot be asked.
    """
    said = _asked({"kind": "confirmation", "text": text, "part": part})
    if said is None:
        raise NobodyThere(f"nobody confirmed: {text}")
    if said != "yes":
        raise ToolError(f"the user did not allow this ({text}); find another way or stop")


def _asked(question: dict[str, object]) -> str | None:
    """What the user said to this question; the node ends here until it is answered.

    LangGraph gives a node that runs again all earlier answers in their order. Actions of a shortcut
    that were sent meanwhile do not ask again, so answers to other questions are passed over.
    """
    while True:
        answer: dict[str, Any] = interrupt(question)
        if answer["question"] == question:
            said: str | None = answer["said"]
            return said
