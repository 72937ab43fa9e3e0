"""Mobile-Eval-E's 25 tasks (arXiv 2501.11733, section 4), from the authors' own files.

Their rubrics are sentences for a human judge. On the simulated phone each has a predicate over the
state of the phone; the predicates stand in the order of the file and are joined to its sentences
when it is read. On a phone that shows no state they are left to a judge. The texts stay in the
files, of which nothing is copied.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from tapgraph.errors import UsageError
from tapgraph.evals.phone.mobile_eval_e.kinds import KINDS
from tapgraph.evals.phone.sim.draw import Kind
from tapgraph.evals.suite import Evidence, Finding, Rubric, Split, Suite, Task, Template

__all__ = ["read_mobile_eval_e"]

_FILES = "scenario_*.json"


class _Task(BaseModel):
    task_id: str
    instruction: str
    type: Literal["single_app", "multi_app"]
    apps: tuple[str, ...]
    rubrics: tuple[str, ...]
    human_reference_operations: tuple[str, ...]


class _Scenario(BaseModel):
    scenario: str
    tasks: tuple[_Task, ...]


def read_mobile_eval_e(folder: Path | None) -> Suite:
    """The tasks of all scenarios in a folder of the official files.

    Each scenario is a split, and what shares a memory in the evolution setting.

    Raises:
        UsageError: no folder is given, it holds no such file, or one cannot be read.
    """
    files = sorted(folder.glob(_FILES)) if folder is not None else []
    if not files:
        where = "none was given" if folder is None else f"{str(folder)!r} has none"
        raise UsageError(
            f"mobile-eval-e needs the folder of its {_FILES} with --data, and {where}; they are "
            "in github.com/X-PLUG/MobileAgent under Mobile-Agent-E/data"
        )
    scenarios = [_read(file) for file in files]
    templates = tuple(
        _template(task, scenario.scenario) for scenario in scenarios for task in scenario.tasks
    )
    splits = {
        scenario.scenario.lower(): Split(tuple(task.task_id for task in scenario.tasks))
        for scenario in scenarios
    }
    return Suite("mobile-eval-e", templates, splits)


def _read(file: Path) -> _Scenario:
    try:
        return _Scenario.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{str(file)!r} is no scenario of Mobile-Eval-E: {error}") from error


def _template(task: _Task, scenario: str) -> Template:
    kind = KINDS.get(task.task_id)
    if kind is None:
        return Template(task.task_id, lambda _seed: _left_to_judges(task), scenario)
    return Template(task.task_id, partial(_on_simulated_phone, task, kind), scenario)


def _left_to_judges(task: _Task) -> Task:
    return Task(
        id=task.task_id,
        instruction=task.instruction,
        rubrics=tuple(Rubric(name) for name in _told_apart(task.rubrics)),
        level=task.type.replace("_", " "),
        apps=task.apps,
        reference=task.human_reference_operations,
    )


def _on_simulated_phone(task: _Task, kind: Kind, seed: int) -> Task:
    drawn = kind.task(seed)
    if len(drawn.rubrics) != len(task.rubrics):
        raise UsageError(
            f"{task.task_id!r} has {len(task.rubrics)} rubrics in the files and "
            f"{len(drawn.rubrics)} predicates here; take the files of version 1"
        )
    pairs = zip(_told_apart(task.rubrics), drawn.rubrics, strict=True)
    return replace(
        _left_to_judges(task),
        rubrics=tuple(Rubric(name, partial(_by_state, rubric)) for name, rubric in pairs),
        allows=drawn.allows,
        route=drawn.route,
        max_steps=drawn.max_steps,
    )


def _by_state(rubric: Rubric, seen: Evidence) -> Finding | None:
    return None if seen.state is None else rubric.check(seen)


def _told_apart(names: tuple[str, ...]) -> list[str]:
    """The names, where one stands twice (as in `3_ninja_air_fryer`) with a number behind it."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]
