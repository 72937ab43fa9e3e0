"""MobileGym's `bench_env` from a checkout: its tasks, how they begin, and its judge."""

import asyncio
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tapgraph.errors import ToolError, UsageError
from tapgraph.evals.phone.mobilegym import gym_scripts
from tapgraph.evals.phone.mobilegym.gym_device import GymDevice

__all__ = ["Beginning", "Bench", "Judgement"]

_LONGEST_VALUE = 100
_DATA_MISSING = (OSError, ImportError, LookupError, ValueError)
"""What tasks, and the modules of a group of them, raise where data that they read are not there."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a task began.

    Attributes:
        task: MobileGym's own, with its parameters drawn.
        seen: MobileGym's own observation of the state before anybody did anything.
    """

    task: Any
    seen: Any

    @property
    def instruction(self) -> str:
        """What an agent is told."""
        return str(self.task.description)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What MobileGym's judge finds.

    Attributes:
        reached: whether all goals hold; None where the judge itself failed.
        missed: the goals that do not, or how it failed.
        side_effects: changes of the state that the task does not declare.
    """

    reached: bool | None
    missed: str = ""
    side_effects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """A checkout; its package is loaded when it is first needed.

    Raises:
        UsageError: it holds no `bench_env`, or what that needs is not installed.
    """

    root: Path
    _modules: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not (self.root / "bench_env" / "__init__.py").is_file():
            raise UsageError(f"{str(self.root)!r} is no checkout of MobileGym: it has no bench_env")
        place = str(self.root.absolute())
        if place not in sys.path:
            sys.path.append(place)
        loaded = sys.modules.get("bench_env")
        if loaded is not None and not str(loaded.__file__).startswith(place):
            raise UsageError(f"another checkout of MobileGym is in use: {loaded.__file__}")
        self._module("bench_env")

    @cached_property
    def tasks(self) -> Mapping[str, Any]:
        """The class of each task by its identity, such as `weather.EnableNightDnd`."""
        return {
            f"{group}.{name}": kind
            for group, kinds in self._groups.items()
            if not isinstance(kinds, str)
            for name, kind in kinds.items()
        }

    @cached_property
    def unreadable(self) -> Mapping[str, str]:
        """Tasks of its splits whose modules cannot be loaded, and why."""
        failed = {group: why for group, why in self._groups.items() if isinstance(why, str)}
        listed = sorted({one for members in self.splits.values() for one in members})
        return {
            task: failed[group] for task in listed if (group := task.partition(".")[0]) in failed
        }

    @cached_property
    def splits(self) -> Mapping[str, frozenset[str]]:
        """Its named lists of tasks."""
        splits = self._module("bench_env.splits")
        return {name: frozenset(splits.resolve_split(name)) for name in splits.list_splits()}

    def max_steps(self, task: str) -> int:
        """How many steps an agent may take."""
        kind, config = self.tasks[task], self._module("bench_env.config")
        return int(kind.max_steps or config.DIFFICULTY_MAX_STEPS[kind.difficulty])

    def begin(self, task: str, seed: int, device: GymDevice) -> Beginning:
        """Bring the phone to the beginning of a task; seeds are those of its `--sample-seed`.

        Raises:
            ToolError: the page has no data of its apps, or none that it can draw from.
        """
        group, _, name = task.partition(".")
        load = self._module("bench_env.task").load_tasks
        made = load(suite=group, registry=self._registry, seed=seed)
        drawn = next(one for one in made if one.name == name)
        asker = _Asker(device, self)
        controller = self._module("bench_env.runner.base").Controller
        try:
            seen, _ = asyncio.run(controller.setup(asker, drawn))
        except _DATA_MISSING as error:
            raise ToolError(
                f"MobileGym could not begin {task}: {type(error).__name__}: {error}"
            ) from error
        return Beginning(drawn, seen)

    def judge(self, beginning: Beginning, device: GymDevice, answer: str) -> Judgement:
        """What its judge says of the phone as it is now."""
        evaluator = self._module("bench_env.runner.base").Evaluator()
        found = asyncio.run(
            evaluator.evaluate(
                beginning.task,
                beginning.seen,
                self.observed(device),
                SimpleNamespace(agent_answer=answer or None),
            )
        )
        if found.judge_error:
            return Judgement(None, f"MobileGym's judge failed: {found.judge_error}")
        missed = [_missed(one) for one in found.issues if not one.get("passed", False)]
        changed = [
            f"{one['field']}: {_short(one['before'])} -> {_short(one['after'])}"
            for one in found.warnings
        ]
        return Judgement(bool(found.success), "; ".join(missed), tuple(changed))

    def observed(self, device: GymDevice, apps: Sequence[str] = ()) -> Any:
        """The phone now, as MobileGym's tasks and judge read it."""
        observation = self._module("bench_env.env.base").Observation
        return observation(route=dict(device.route()), state=device.state(apps))

    def stopwatch(self) -> Any:
        """What its tasks note their times in."""
        return self._module("bench_env.env.stopwatch").StopWatch()

    @cached_property
    def _registry(self) -> Any:
        return self._module("bench_env.task").TaskRegistry()

    @cached_property
    def _groups(self) -> Mapping[str, dict[str, Any] | str]:
        """From group to its classes by name, or to why they cannot be had."""
        groups: dict[str, dict[str, Any] | str] = {}
        for group in self._registry.list_suites(include_generated=False):
            try:
                names = self._registry.list_tasks(group)
            except _DATA_MISSING as error:
                groups[group] = f"{type(error).__name__}: {error}"
            else:
                groups[group] = {name: self._registry.get(group, name) for name in names}
        return groups

    def _module(self, name: str) -> Any:
        if name not in self._modules:
            try:
                self._modules[name] = importlib.import_module(name)
            except ImportError as error:
                raise UsageError(
                    f"MobileGym's {name} cannot be loaded: {error}; install what bench_env imports "
                    "beside tapgraph: pip install playwright opencc-python-reimplemented requests "
                    "tqdm"
                ) from error
        return self._modules[name]


class _Asker:
    """The environment that MobileGym's tasks ask and tell while they begin: `BaseMobileEnv`."""

    supports_state_injection = True

    def __init__(self, device: GymDevice, bench: Bench) -> None:
        self._device = device
        self._bench = bench
        self.stopwatch = bench.stopwatch()
        self.page = self

    async def reset(self, app_ids: Sequence[str] | None = None) -> None:
        self._device.begin_anew(app_ids)

    async def warm_apps(self, app_ids: Sequence[str]) -> None:
        self._device.warm(app_ids)

    async def open_app(self, app_name: str, **_: object) -> None:
        self._device.open(app_name)

    async def go_home(self) -> None:
        self._device.run_script(gym_scripts.HOME)

    async def get_state(self, *, required_apps: Sequence[str] | None = None) -> dict[str, Any]:
        return self._device.state(required_apps or ())

    async def set_state(
        self, patch: Mapping[str, Any], *, deep: bool = True, reload: bool = False
    ) -> None:
        self._device.set_state(patch, deep=deep, reload=reload)

    async def get_observation(self) -> Any:
        return self._bench.observed(self._device)

    async def evaluate(self, expression: str, argument: object = None) -> object:
        return self._device.run_script(gym_scripts.EVALUATE, expression, argument)


def _missed(check: Mapping[str, Any]) -> str:
    if reason := check.get("reason"):
        return str(reason)
    expected, actual = _short(check.get("expected")), _short(check.get("actual"))
    return f"{check.get('field', '?')} is {actual}, not {expected}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
