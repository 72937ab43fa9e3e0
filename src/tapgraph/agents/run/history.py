"""What was done so far, whether it goes round in circles, and when a run is over.

A stop is never kept: it follows from the state. `stop_of` is the one place that decides it.
"""

import json
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from tapgraph.agents.run.outcome import Outcome, Stop

__all__ = [
    "NO_ACTION",
    "Limits",
    "RunState",
    "StepRecord",
    "Verdict",
    "failures_in_a_row",
    "fresh_state",
    "loop_warning",
    "stop_of",
]

NO_ACTION = "none"
"""The name of a step for which the model gave no usable reply."""

_MOST_UNUSABLE = 4
"""So many steps in a row without a usable reply end the run; each was asked for three times."""

Verdict: TypeAlias = Literal["A", "B", "C"]
"""On one step. A: success or partial success; B: it led to a wrong page; C: it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step with its verdict, as later steps look back on it.

    Attributes:
        step: its number, from 1.
        name: the action, the shortcut or the API that was used.
        arguments: what it was given.
        error: why it failed.
        before: fingerprint of the situation that it was chosen in.
        after: fingerprint of what it led to.
    """

    step: int
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict
    error: str = ""
    before: str = ""
    after: str = ""

    @property
    def deed(self) -> str:
        """Equal for two steps that did the same."""
        return f"{self.name} {json.dumps(self.manner(), sort_keys=True, default=str)}"

    def manner(self) -> dict[str, Any]:
        """What tells two uses of one name apart."""
        return self.arguments


class RunState(TypedDict):
    """The channels that every graph has; an agent's own come beside them."""

    instruction: str
    step: int
    history: Annotated[list[Any], operator.add]
    """Records of the agent's own kind; `AgentRun.close_step` alone adds to it."""
    answer: str
    verifications: int
    missing: str
    """What the last verification found undone."""
    done: str
    """Why the task counts as done; empty while it does not."""
    given_up: str
    """Why no way is left; empty while there is one."""
    unanswered: str
    """What a person had to say and nobody said; empty otherwise."""


def fresh_state(instruction: str) -> RunState:
    """The state before anything has happened."""
    return {
        "instruction": instruction,
        "step": 0,
        "history": [],
        "answer": "",
        "verifications": 0,
        "missing": "",
        "done": "",
        "given_up": "",
        "unanswered": "",
    }


@dataclass(frozen=True, slots=True)
class Limits:
    """When an agent's going in circles is warned of, and when it ends the run.

    Attributes:
        max_failures: so many failed steps in a row end the run.
        max_repetitions: so many equal steps in a row do; None for no such rule.
        forgives_progress: whether equal steps count only while they lead to nothing new, so that a
            stepper may be tapped eight times.
        unlimited: names that may be repeated in a row as often as one likes.
        window: how many steps back a return to the same step in the same place is looked for.
        warn_returns: so many returns within the window are told to the model.
        max_returns: so many end the run; None for no such rule.
        warn_stale: so many steps that led to nothing new are told to the model.
        max_stale: so many end the run; None for no such rule.
        max_verifications: so many checks that find the task undone make it failed.
    """

    max_failures: int = 5
    max_repetitions: int | None = 5
    forgives_progress: bool = True
    unlimited: tuple[str, ...] = ()
    window: int = 10
    warn_returns: int = 3
    max_returns: int | None = 5
    warn_stale: int = 6
    max_stale: int | None = 12
    max_verifications: int = 3

    def __post_init__(self) -> None:
        # JSON brings tuples back as lists.
        object.__setattr__(self, "unlimited", tuple(self.unlimited))


def stop_of(state: RunState, limits: Limits) -> Stop | None:
    """How the run ends by what its state says; None while it goes on.

    `needs_human` when nobody answered, `success` when the task counts as done, `failed` after too
    many checks that found it undone, `model_error` when the model gives no usable reply again and
    again, `gave_up` when the agent sees no way or its steps fail again and again, `loop` when they
    go round in circles.
    """
    if state["unanswered"]:
        return Stop(Outcome.NEEDS_HUMAN, state["unanswered"])
    if state["done"]:
        return Stop(Outcome.SUCCESS, state["done"])
    if state["given_up"]:
        return Stop(Outcome.GAVE_UP, state["given_up"])
    if state["verifications"] >= limits.max_verifications:
        words = f"{state['verifications']} checks found the task undone: {state['missing']}"
        return Stop(Outcome.FAILED, words)
    history: list[StepRecord] = state["history"]
    last = history[-min(_MOST_UNUSABLE, limits.max_failures) :]
    if len(last) >= _MOST_UNUSABLE and all(record.name == NO_ACTION for record in last):
        words = f"the model gave no usable reply in {len(last)} steps: {last[-1].error}"
        return Stop(Outcome.MODEL_ERROR, words)
    failures = failures_in_a_row(history)
    if failures >= limits.max_failures:
        return Stop(Outcome.GAVE_UP, f"{failures} steps failed one after another")
    circle = _circle(history, limits)
    return Stop(Outcome.LOOP, circle) if circle else None


def failures_in_a_row(history: Sequence[StepRecord]) -> int:
    """How many of the last steps were judged B or C without an A after them."""
    count = 0
    for record in reversed(history):
        if record.verdict == "A":
            break
        count += 1
    return count


def loop_warning(history: Sequence[StepRecord], limits: Limits) -> str:
    """What the model must be told before going in circles ends the run; empty when all is well."""
    returns = _returns(history, limits.window)
    if limits.max_returns is not None and returns >= limits.warn_returns:
        return f"The last step was done {returns} times in the same place: do something else."
    stale = _stale(history)
    if limits.max_stale is not None and stale >= limits.warn_stale:
        return f"The last {stale} steps led to nothing new: go another way."
    return ""


def _circle(history: Sequence[StepRecord], limits: Limits) -> str:
    repeated = _repeated(history, limits)
    if limits.max_repetitions is not None and repeated >= limits.max_repetitions:
        return f"{history[-1].name} was repeated {repeated} times"
    returns = _returns(history, limits.window)
    if limits.max_returns is not None and returns >= limits.max_returns:
        return f"{history[-1].name} was done {returns} times in the same place with the same result"
    stale = _stale(history)
    if limits.max_stale is not None and stale >= limits.max_stale:
        return f"{stale} steps led to nothing new"
    return ""


def _repeated(history: Sequence[StepRecord], limits: Limits) -> int:
    """How many equal steps stand at the end, those apart that are forgiven."""
    if not history or history[-1].name in limits.unlimited:
        return 0
    count = 0
    for place in range(len(history) - 1, -1, -1):
        record = history[place]
        if record.deed != history[-1].deed:
            break
        if limits.forgives_progress and record.verdict == "A" and _is_new(history, place):
            break
        count += 1
    return count


def _is_new(history: Sequence[StepRecord], place: int) -> bool:
    """Whether a step led to something that was not there before."""
    return history[place].after not in {
        history[0].before,
        *(record.after for record in history[:place]),
    }


def _returns(history: Sequence[StepRecord], window: int) -> int:
    """How often the last step was done in its place, with its result, within the window."""
    if not history:
        return 0
    last = history[-1]
    return sum(
        (record.deed, record.before, record.after) == (last.deed, last.before, last.after)
        for record in history[-window:]
    )


def _stale(history: Sequence[StepRecord]) -> int:
    """How many steps at the end led to nothing new."""
    count = 0
    for place in range(len(history) - 1, -1, -1):
        if _is_new(history, place):
            break
        count += 1
    return count
