"""Mobile-Eval-E's 25 tasks (arXiv 2501.11733, section 4), from the authors' own files.

Their rubrics are sentences for a human judge, so that none is decided here by a machine; the texts
stay in the files, of which nothing is copied.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from tapgraph.errors import UsageError
from tapgraph.evals.suite import Rubric, Split, Suite, Task, Template

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
    asked = Task(
        id=task.task_id,
        instruction=task.instruction,
        rubrics=tuple(Rubric(name) for name in _told_apart(task.rubrics)),
        level=task.type.replace("_", " "),
        apps=task.apps,
        reference=task.human_reference_operations,
    )
    return Template(task.task_id, lambda _seed: asked, scenario)


def _told_apart(names: tuple[str, ...]) -> list[str]:
    """The names, where one stands twice (as in `3_ninja_air_fryer`) with a number behind it."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]
