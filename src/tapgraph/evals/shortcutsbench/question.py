"""One question to whoever chooses, and the prompt that puts it to a model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tapgraph.evals.shortcutsbench.freeze import ApiTexts
from tapgraph.evals.shortcutsbench.identifiers import LEFT_OUT, NOT_JUDGED
from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.prompt_form import as_shown
from tapgraph.llm_backend.chat_model import Usage
from tapgraph.llm_backend.messages import Message, system, user
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = ["Chooser", "Question", "Said", "prompt_of"]

_LONGEST_API_TEXT = 4000
_NO_TEXT = "No description available."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        item: the item; a chooser that may not see the gold reads only its query and candidates.
        position: teacher-forced, the gold action that comes next, or the end of the gold;
            otherwise how many actions there are already.
        history: the actions so far.
        apis: what is known about the APIs.
        is_free: whether the chooser builds the whole shortcut, control flow and all, itself.
    """

    item: Item
    position: int
    history: Sequence[Action]
    apis: ApiTexts
    is_free: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The APIs to choose from; in a free run those that only structure a shortcut as well."""
        if not self.is_free:
            return self.item.candidates
        return tuple(sorted({*self.item.candidates, *NOT_JUDGED, *LEFT_OUT}))


@dataclass(frozen=True, slots=True)
class Said:
    """A reply and what it cost."""

    text: str
    usage: Usage = field(default_factory=Usage)
    calls: int = 1


class Chooser(Protocol):
    """Whoever answers; called from several threads at once."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def answer(self, question: Question) -> Said:
        """The reply, as a model would write it.

        Raises:
            EnvironmentMissing: nobody answers.
        """
        ...


def prompt_of(question: Question) -> tuple[Message, Message]:
    """The messages for a question.

    Their contents are those of the paper's prompt in our words: the numbered API texts, the form of
    the answer, the six kinds of values, the query and the history. Deviation: API texts are cut
    after 4,000 characters; some hold more than 100,000.
    """
    kind = "api" if question.item.is_pre_experiment else "step"
    package = "tapgraph.evals.shortcutsbench"
    listed = "\n".join(
        f"{number}. {identifier}. {_text(question.apis, identifier)}"
        for number, identifier in enumerate(question.choices, start=1)
    )
    return (
        system(fill(load_prompt(package, f"{kind}_system"), apis=listed)),
        user(
            fill(
                load_prompt(package, f"{kind}_user"),
                query=question.item.query,
                history=_history(question),
            )
        ),
    )


def _text(apis: ApiTexts, identifier: str) -> str:
    text = apis.texts.get(identifier, "").strip() or _NO_TEXT
    return text if len(text) <= _LONGEST_API_TEXT else f"{text[:_LONGEST_API_TEXT]}..."


def _history(question: Question) -> str:
    if question.item.is_pre_experiment:
        return json.dumps([one.identifier for one in question.history], ensure_ascii=False)
    shown = [
        as_shown(one, question.apis.outputs)
        for one in question.history
        if question.is_free or one.identifier not in LEFT_OUT
    ]
    return json.dumps(shown, ensure_ascii=False, indent=2)
