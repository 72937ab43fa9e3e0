"""Whole evaluations in a folder, which go on where they stopped."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.evals.bfcl.ast_rules import fault_of
from tapgraph.evals.bfcl.call import Transcript
from tapgraph.evals.bfcl.callers import Caller
from tapgraph.evals.bfcl.dataset import CONVERSATIONS, Question, Task
from tapgraph.evals.bfcl.defects import DEFECTS
from tapgraph.evals.bfcl.world import fault_of_turns
from tapgraph.evals.runner import ItemFailure, Progress, run_items
from tapgraph.evals.stats import Estimate, Tally, macro_share

__all__ = ["Evaluation", "Score", "evaluate_bfcl"]


@dataclass(frozen=True, slots=True)
class Score:
    """A category, or several: the share of right tasks, in all and without those of broken data."""

    name: str
    right: Estimate
    without_defects: Estimate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation gave.

    Attributes:
        caller: who was asked.
        scores: each category, then single turns and conversations (the mean of their categories).
        tasks: how many there are.
        faults: what is wrong, by task.
        defects: what is wrong with the data of some of these tasks.
        failures: tasks that broke off; they count as wrong.
        calls: replies that were asked for.
        tokens: sent and received.
        cost_usd: of all.
        wall_s: how long this run took.
        folder: where the files are.
    """

    caller: str
    scores: tuple[Score, ...]
    tasks: int
    faults: dict[str, str]
    defects: dict[str, str]
    failures: tuple[ItemFailure, ...]
    calls: int
    tokens: int
    cost_usd: float
    wall_s: float
    folder: Path


def evaluate_bfcl(
    tasks: Sequence[Task],
    caller: Caller,
    out: Path,
    *,
    workers: int = 8,
    on_progress: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Ask about the tasks, judge what was called, write `results.jsonl` and `summary.json`.

    Raises:
        UsageError: there is no task, or `out` holds another run.
        EnvironmentMissing: nobody answers any more; running again goes on from there.
    """
    if not tasks:
        raise UsageError("there is no task to evaluate")
    _claim(out, {"benchmark": "bfcl", "caller": caller.name})

    def work(task: Task) -> Transcript:
        return caller.answer(task) if isinstance(task, Question) else caller.talk(task)

    report = run_items(
        tasks, work, out / "results.jsonl", Transcript, workers=workers, on_progress=on_progress
    )
    faults = {
        task.id: fault for task in tasks if (fault := _fault(task, report.results.get(task.id)))
    }
    transcripts = report.results.values()
    evaluation = Evaluation(
        caller=caller.name,
        scores=_scores(tasks, faults),
        tasks=len(tasks),
        faults=faults,
        defects={task.id: DEFECTS[task.id] for task in tasks if task.id in DEFECTS},
        failures=tuple(report.failures.values()),
        calls=sum(one.calls for one in transcripts),
        tokens=sum(one.prompt_tokens + one.completion_tokens for one in transcripts),
        cost_usd=sum(one.cost_usd for one in transcripts),
        wall_s=report.wall_s,
        folder=out,
    )
    written = {**asdict(evaluation), "folder": str(out)}
    _replace(out / "summary.json", json.dumps(written, ensure_ascii=False, indent=1))
    return evaluation


def _fault(task: Task, transcript: Transcript | None) -> str:
    if transcript is None:
        return "it broke off"
    if transcript.fault:
        return transcript.fault
    if isinstance(task, Question):
        return fault_of(task, [one for step in transcript.turns[0] for one in step])
    return fault_of_turns(task, transcript.turns)


def _scores(tasks: Sequence[Task], faults: dict[str, str]) -> tuple[Score, ...]:
    def tallies(category: str, *, sound: bool) -> list[Tally]:
        return [
            Tally(int(task.id not in faults), 1)
            for task in tasks
            if task.category == category and not (sound and task.id in DEFECTS)
        ]

    def score(name: str, categories: Sequence[str]) -> Score:
        every, sound = (
            [tallies(one, sound=only_sound) for one in categories] for only_sound in (False, True)
        )
        return Score(name, macro_share(every, seed=0), macro_share(sound, seed=0))

    categories = list(dict.fromkeys(task.category for task in tasks))
    scores = [score(one, [one]) for one in categories]
    for name, part in (
        ("single turn", [one for one in categories if one not in CONVERSATIONS]),
        ("multi turn", [one for one in categories if one in CONVERSATIONS]),
    ):
        if len(part) > 1:
            scores.append(score(name, part))
    return tuple(scores)


def _claim(out: Path, header: dict[str, str]) -> None:
    path = out / "run.json"
    if path.exists():
        found = path.read_text(encoding="utf-8").strip()
        if found != json.dumps(header):
            raise UsageError(f"{str(out)!r} holds another run: {found[:200]}; use another folder")
        return
    out.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(header))


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)
