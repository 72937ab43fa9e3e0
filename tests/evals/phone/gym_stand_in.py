"""A stand-in of MobileGym's `bench_env`: what is used of its interface, and a few tasks."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, ClassVar

__all__ = ["SHEET_HINT", "modules"]

SHEET_HINT = " Answer it in the Answer Sheet."


@dataclass(frozen=True)
class Observation:
    route: dict[str, Any]
    state: dict[str, Any]


class StopWatch:
    def reset(self) -> None:
        pass

    @contextmanager
    def phase(self, _name: str) -> Iterator[None]:
        yield


@dataclass
class JudgeResult:
    success: bool = False
    issues: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    judge_error: str | None = None


class BaseTask:
    templates: ClassVar[list[str]] = []
    apps: ClassVar[list[str]] = []
    difficulty: ClassVar[str] = "L1"
    max_steps: ClassVar[int | None] = None
    expected: ClassVar[list[str]] = []
    answer_fields: ClassVar[list[dict[str, str]] | None] = None

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.params: dict[str, str] = {}
        self.task_name = ""

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def description(self) -> str:
        return self.task_name or self.templates[0].format(**self.params)

    async def setup(self, env: Any) -> Observation:
        with env.stopwatch.phase("reset"):
            await env.reset(app_ids=self.apps)
        await (env.open_app(self.apps[0], wait_stable=True) if self.apps else env.go_home())
        self.draw(await env.get_state(required_apps=self.apps))
        seen: Observation = await env.get_observation()
        return seen

    def draw(self, state: Mapping[str, Any]) -> None:
        """Draw the parameters from the live state."""

    def goals(self, state: Mapping[str, Any], answer: str | None) -> list[dict[str, Any]]:
        raise NotImplementedError


class DeleteNote(BaseTask):
    templates: ClassVar = ["Delete the note {title}."]
    apps: ClassVar = ["notes"]
    expected: ClassVar = ["notes"]

    def draw(self, state: Mapping[str, Any]) -> None:
        titles = [note["title"] for note in state["apps"]["notes"]["list"]]
        self.params["title"] = Random(self.seed).choice(titles)

    def goals(self, state: Mapping[str, Any], answer: str | None) -> list[dict[str, Any]]:
        left = [note["title"] for note in state["apps"]["notes"]["list"]]
        gone = self.params["title"] not in left
        return [{"field": "notes", "expected": "gone", "actual": left, "passed": gone}]


class BeQuiet(BaseTask):
    templates: ClassVar = ["Turn Quiet on.", "Mach es leise."]
    apps: ClassVar = ["settings"]
    difficulty: ClassVar = "L2"
    max_steps: ClassVar = 6
    expected: ClassVar = ["settings.quiet"]

    def goals(self, state: Mapping[str, Any], answer: str | None) -> list[dict[str, Any]]:
        is_on = state["apps"]["settings"]["quiet"]
        return [{"field": "quiet", "expected": True, "actual": is_on, "passed": is_on}]


class CountNotes(BaseTask):
    templates: ClassVar = ["How many notes are there?"]
    apps: ClassVar = ["notes"]
    answer_fields: ClassVar = [{"label": "number"}]

    def goals(self, state: Mapping[str, Any], answer: str | None) -> list[dict[str, Any]]:
        said = state["apps"]["answer_sheet"].get("answers", {}).get("0")
        return [{"reason": f"{said} was sent, and there are 2", "passed": said == "2"}]


class AskScript(BaseTask):
    """A task whose beginning runs a script of its own, and whose judge fails."""

    templates: ClassVar = ["Look at {title}."]
    apps: ClassVar = ["notes"]

    async def setup(self, env: Any) -> Observation:
        seen = await super().setup(env)
        self.params["title"] = await env.page.evaluate("(wanted) => wanted + document.title", "! ")
        self.params["title"] += await env.page.evaluate("1 + 1") * "!"
        await env.warm_apps(["notes"])
        return seen

    def goals(self, state: Mapping[str, Any], answer: str | None) -> list[dict[str, Any]]:
        raise KeyError("no such thing")


class DrawFromNothing(BaseTask):
    templates: ClassVar = ["Open {title}."]
    apps: ClassVar = ["notes"]

    def draw(self, state: Mapping[str, Any]) -> None:
        self.params["title"] = state["apps"]["notes"]["archive"][0]


class TidyHome(BaseTask):
    """A task without apps, which begins with the data of all."""

    templates: ClassVar = ["Tidy the home screen."]


class BuyTea(BaseTask):
    templates: ClassVar = ["Buy tea and note it down."]
    apps: ClassVar = ["notes", "shop"]


_GROUPS: Mapping[str, Sequence[type[BaseTask]]] = {
    "notes": (DeleteNote, CountNotes),
    "settings": (BeQuiet,),
    "odd": (AskScript, DrawFromNothing),
    "launcher": (TidyHome,),
    "across": (BuyTea,),
}
_SPLITS = {
    "test": {"notes.DeleteNote", "settings.BeQuiet", "across.BuyTea", "broken.Ship"},
    "train": {"notes.CountNotes"},
}


class TaskRegistry:
    def list_suites(self, *, include_generated: bool) -> list[str]:
        assert not include_generated
        return [*_GROUPS, "broken"]

    def list_tasks(self, suite: str) -> list[str]:
        if suite == "broken":
            Path("/nowhere/ships.json").read_text(encoding="utf-8")
        return [kind.__name__ for kind in _GROUPS[suite]]

    def get(self, suite: str, name: str) -> type[BaseTask]:
        return next(kind for kind in _GROUPS[suite] if kind.__name__ == name)


def load_tasks(*, suite: str, registry: TaskRegistry, seed: int) -> list[BaseTask]:
    return [registry.get(suite, name)(seed) for name in registry.list_tasks(suite)]


class Controller:
    @staticmethod
    async def setup(env: Any, task: BaseTask) -> tuple[Observation, dict[str, str]]:
        seen = copy.deepcopy(await task.setup(env))
        if task.answer_fields:
            sheet = {"question": task.description, "answers": {}, "submitted": False}
            await env.set_state({"apps": {"answer_sheet": sheet}}, deep=True, reload=False)
            task.task_name = task.description + SHEET_HINT
        return seen, task.params


class Evaluator:
    async def evaluate(
        self, task: BaseTask, begun: Observation, ended: Observation, execution: Any
    ) -> JudgeResult:
        try:
            checks = task.goals(ended.state, execution.agent_answer)
        except KeyError as error:
            return JudgeResult(judge_error=f"goals: {error}")
        before, after = _flat(begun.state["apps"]), _flat(ended.state["apps"])
        changed = [
            {"field": path, "before": before.get(path), "after": after.get(path)}
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
            and not path.startswith(("answer_sheet", *task.expected))
        ]
        return JudgeResult(all(one["passed"] for one in checks), checks, changed)


def _flat(state: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{app}.{key}": value for app, held in state.items() for key, value in held.items()}


def modules(root: Path) -> dict[str, ModuleType]:
    """The package's modules by name, as if they lay in that checkout."""
    place = root / "bench_env"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("", encoding="utf-8")
    members: dict[str, dict[str, Any]] = {
        "bench_env": {"__file__": str(place / "__init__.py")},
        "bench_env.config": {"DIFFICULTY_MAX_STEPS": {"L1": 15, "L2": 30}},
        "bench_env.splits": {"list_splits": lambda: [*_SPLITS], "resolve_split": _SPLITS.get},
        "bench_env.env.base": {"Observation": Observation},
        "bench_env.env.stopwatch": {"StopWatch": StopWatch},
        "bench_env.runner.base": {"Controller": Controller, "Evaluator": Evaluator},
        "bench_env.task": {"TaskRegistry": TaskRegistry, "load_tasks": load_tasks},
    }
    made = {name: ModuleType(name) for name in members}
    for name, module in made.items():
        vars(module).update(members[name])
    return made
