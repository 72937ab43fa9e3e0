"""The paper's way to ask the memory: a model reads all of it and says what is of use."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from tapgraph.agents.run.replies import RoleReply
from tapgraph.errors import BudgetExhausted, InvalidReply
from tapgraph.llm_backend.prompt import fenced
from tapgraph.memory import MemoryStore, Shortcut
from tapgraph.memory.models import Entry
from tapgraph.memory.retrieval import EverythingKnown, Found, Question

__all__ = ["AskWhich", "ChosenByModel", "ChosenReply"]


class ChosenReply(RoleReply):
    """The numbers of what is of use."""

    chosen: list[int] = Field(default_factory=list)


AskWhich = Callable[[str, str], ChosenReply]
"""Asks a model, given the task and the numbered entries."""


@dataclass(frozen=True, slots=True)
class ChosenByModel:
    """A `Retriever` that asks a model (Mobile-Agent-E, section 4.4).

    Shortcuts are shown by name and description, tips whole; a single entry is not asked about, and
    what cannot be chosen from is given whole.
    """

    store: MemoryStore
    ask: AskWhich

    def find(self, question: Question) -> tuple[Found, ...]:
        """See `Retriever`; the budget is the model's to keep."""
        known = EverythingKnown(self.store).find(question)
        if len(known) < 2:
            return known
        lines = "\n".join(f"[{number}] {_said(one.entry)}" for number, one in enumerate(known, 1))
        try:
            chosen = set(self.ask(question.words, lines).chosen)
        except (BudgetExhausted, InvalidReply):
            return known
        return tuple(
            Found(one.entry, 1.0, ("a model chose it",))
            for number, one in enumerate(known, 1)
            if number in chosen
        )


def _said(entry: Entry) -> str:
    words = f"{entry.name}: {entry.description}" if isinstance(entry, Shortcut) else entry.text
    return fenced(" ".join(words.split()))
