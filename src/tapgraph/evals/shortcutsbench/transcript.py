"""What a model said to one item; with the item, all that the scorers need."""

from dataclasses import dataclass, field
from typing import Literal

from tapgraph.evals.shortcutsbench.item import Action, Item

__all__ = ["Answer", "Comparison", "Mode", "Record", "Transcript"]

Mode = Literal["teacher-forced", "free-running", "executed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply.

    Attributes:
        position: teacher-forced, the gold action that was asked for; else the ordinal of the call.
        text: the reply as it came; each metric family reads it by its own rule.
        failure: why there is no reply; such an answer is wrong.
    """

    position: int
    text: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What running the gold and the model's actions on two equal simulated systems showed.

    Attributes:
        gold_runs: whether the gold can be executed here; if not, nothing can be compared.
        matches: whether both runs leave the same state behind.
        reason: why the gold cannot be executed, or where the states differ.
    """

    gold_runs: bool
    matches: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """All that one model said to one item.

    Attributes:
        item_id: the item.
        mode: how the model was asked.
        answers: the replies, teacher-forced one for each judged position that was reached.
        stop: teacher-forced, the reply after the last gold action; None when it was not asked.
        actions: free-running, the actions that were understood, as they would be executed.
        is_finished: free-running, whether the model itself said that it is done.
        logged: how many gold actions the log holds when its tail was dropped; None for all.
        outcome: of the executed mode.
        failure: why the item broke off; all answers that are missing are wrong.
        calls: replies that were asked for, tries included.
        prompt_tokens: sent in all calls.
        completion_tokens: received in all calls.
        cost_usd: of all calls.
    """

    item_id: str
    mode: Mode = "teacher-forced"
    answers: tuple[Answer, ...] = ()
    stop: Answer | None = None
    actions: tuple[Action, ...] = ()
    is_finished: bool = False
    logged: int | None = None
    outcome: Comparison | None = None
    failure: str = ""
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = field(default=0.0)


@dataclass(frozen=True, slots=True)
class Record:
    """An item and what was said to it: the input of every scorer."""

    item: Item
    transcript: Transcript
