"""How a task ended, as the caller of an agent gets it."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import Noted
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder

__all__ = ["RESUMABLE", "TaskResult", "parsed_answer", "result_in"]

RESUMABLE = (
    None,
    Outcome.BUDGET,
    Outcome.DEVICE_LOST,
    Outcome.MODEL_ERROR,
    Outcome.FAILED,
)
"""Outcomes after which a run may go on; a task that was found undone is found so again at once."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended.

    Attributes:
        answer: the words of the last answer, empty when there was none.
        answer_object: the answer as the type that was asked for; None without one.
        notes: what the Notetaker kept; empty for an agent without one.
        folder: the run folder.
    """

    outcome: Outcome
    reason: str
    answer: str
    answer_object: BaseModel | None
    notes: str
    spent: Spent
    folder: Path


def parsed_answer(answer: str, answer_type: type[BaseModel] | None) -> BaseModel | None:
    """The answer as an object; None without a type, or where there is no answer that fits."""
    if answer_type is None or not answer:
        return None
    try:
        return answer_type.model_validate_json(answer)
    except ValidationError:
        return None


def result_in(run: Path) -> TaskResult | None:
    """The result of the run in a folder where it has ended for good; else None."""
    folder = RunFolder.open(run)
    header = folder.header
    if header.outcome is None or header.outcome in RESUMABLE:
        return None
    noted = [event.notes for event in folder.events() if isinstance(event, Noted)]
    return TaskResult(
        outcome=header.outcome,
        reason=header.reason,
        answer=header.answer,
        answer_object=None,
        notes=noted[-1] if noted else "",
        spent=header.spent,
        folder=run,
    )
