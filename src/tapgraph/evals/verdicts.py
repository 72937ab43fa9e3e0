"""Verdicts on rubrics that no predicate decides: of a model that judges, and of people.

Both lie beside the trials: `judged.jsonl` what a model said, `verdicts.jsonl` what people said. A
person's word counts more than a model's, and neither is asked where a machine has decided.
"""

import dataclasses
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import Image
from pydantic import BaseModel, StringConstraints

from tapgraph.agents.mobile.wording import screen_block
from tapgraph.agents.run.events import ActionDone, Decided, Event, Noted, ScreenSeen
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UsageError
from tapgraph.evals.evaluate import Evaluation
from tapgraph.evals.records import read_records
from tapgraph.evals.runner import Progress, read_results, run_items
from tapgraph.evals.trial import JudgedBy, TrialRecord, Verdict
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.messages import system, user
from tapgraph.llm_backend.prompt import fenced, fill, load_prompt, plain
from tapgraph.llm_backend.structured import ask
from tapgraph.tools.action_words import action_words
from tapgraph.tools.mobile.screen_text import describe, read_out

__all__ = ["JudgeReply", "Opinion", "judge_rubrics", "take_verdicts", "with_verdicts"]

_JUDGED, _PEOPLE = "judged.jsonl", "verdicts.jsonl"
_LAST_SCREENS = 3
_MOST_STEPS = 120


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody says of a rubric of a trial; a line of a file of verdicts.

    Attributes:
        trial: its id, as in `trials.jsonl`.
        rubric: its name.
    """

    trial: str
    rubric: str
    holds: bool
    why: str = ""


class JudgeReply(BaseModel):
    """A model's verdict on one rubric."""

    reason: Annotated[str, StringConstraints(max_length=2000)]
    holds: bool


def take_verdicts(file: Path, evaluation: Evaluation) -> None:
    """Keep people's verdicts with an evaluation, in the place of earlier ones.

    Raises:
        UsageError: a line is no verdict, or names a trial or a rubric that is not there.
    """
    _opinions_in(file, evaluation)
    place = evaluation.folder / _PEOPLE
    if file.resolve() != place.resolve():
        shutil.copyfile(file, place)


def with_verdicts(evaluation: Evaluation) -> Evaluation:
    """The evaluation with all verdicts that lie in its folder.

    Raises:
        UsageError: a person's line is no verdict, or names what is not there.
    """
    judged = read_results(evaluation.folder / _JUDGED, Opinion).results.values()
    people = evaluation.folder / _PEOPLE
    said = _opinions_in(people, evaluation) if people.exists() else ()
    opinions: dict[tuple[str, str], Verdict] = {}
    for judge, found in (("judge", judged), ("person", said)):
        for one in found:
            by: JudgedBy = "judge" if judge == "judge" else "person"
            opinions[one.trial, one.rubric] = Verdict(one.rubric, one.holds, by, one.why)
    records = (_with(record, opinions) for record in evaluation.records)
    return dataclasses.replace(evaluation, records=tuple(records))


def _with(record: TrialRecord, opinions: Mapping[tuple[str, str], Verdict]) -> TrialRecord:
    verdicts = tuple(
        one if one.judged_by == "machine" else opinions.get((record.trial.id, one.rubric), one)
        for one in record.verdicts
    )
    return dataclasses.replace(record, verdicts=verdicts)


def _opinions_in(file: Path, evaluation: Evaluation) -> Sequence[Opinion]:
    read = read_records(file, Opinion)
    if read.problems:
        raise UsageError(f"{read.problems[0]}; a line is such as "
                         '{"trial": "ID", "rubric": "NAME", "holds": true}')  # fmt: skip
    known = {
        (record.trial.id, one.rubric) for record in evaluation.records for one in record.verdicts
    }
    for one in read.records:
        if (one.trial, one.rubric) not in known:
            raise UsageError(
                f"{file.name} judges {one.rubric!r} of the trial {one.trial!r}, which is not there"
            )
    return read.records


@dataclass(frozen=True, slots=True)
class _Question:
    record: TrialRecord
    number: int

    @property
    def id(self) -> str:
        return f"{self.record.trial.id}/{self.number}"


def judge_rubrics(
    evaluation: Evaluation,
    model: ChatModel,
    *,
    workers: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
) -> int:
    """Ask a model about every rubric that no machine has decided; how many were not answered.

    It is shown the last screens of the run, as pictures where it takes any, and asked one rubric at
    a time. What it has said before is kept, and what failed is asked again.
    """
    questions = [
        _Question(record, number)
        for record in evaluation.records
        for number, one in enumerate(record.verdicts)
        if one.judged_by != "machine"
    ]
    report = run_items(
        questions,
        partial(_asked, evaluation.folder, model),
        evaluation.folder / _JUDGED,
        Opinion,
        workers=workers,
        on_progress=on_progress,
    )
    return len(report.failures)


def _asked(out: Path, model: ChatModel, question: _Question) -> Opinion:
    record = question.record
    rubric = record.verdicts[question.number].rubric
    folder = RunFolder.open(out / "runs" / record.trial.id)
    events = folder.events()
    numbers = [one.screen_id for one in events if isinstance(one, ScreenSeen)][-_LAST_SCREENS:]
    screens = [folder.load_elements(number) for number in numbers]
    noted = [one.notes for one in events if isinstance(one, Noted)]
    text = fill(
        load_prompt("tapgraph.evals", "judge.user"),
        instruction=record.instruction,
        rubric=rubric,
        steps=fenced(plain("\n".join(_steps(events)))) or "none",
        written=fenced(plain("\n".join(filter(None, (*noted[-1:], record.answer))))) or "nothing",
        screens="\n\n".join(screen_block(one, read_out(describe(one))) for one in screens),
    )
    pictures: list[Image.Image] = []
    if model.traits.sees_images:
        pictures = [one for n in numbers if (one := folder.load_screenshot(n)) is not None]
    rules = system(load_prompt("tapgraph.evals", "judge.system"))
    reply = ask(model, (rules, user(text, *pictures)), JudgeReply).answer
    return Opinion(record.trial.id, rubric, reply.holds, reply.reason)


def _steps(events: Sequence[Event]) -> list[str]:
    lines: list[str] = []
    app = ""
    for event in events:
        match event:
            case ScreenSeen(app=front):
                app = front
            case Decided(step=step, action=action, target=target):
                words = action_words(action, target.words if target is not None else "")
                lines.append(f"{step}. in {app}: {words}")
            case ActionDone(detail=detail) if detail:
                lines.append(f"   {detail}")
    return lines[-_MOST_STEPS:]
