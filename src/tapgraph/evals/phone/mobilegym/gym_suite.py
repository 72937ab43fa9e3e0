"""MobileGym's tasks as a suite: drawn, begun and judged by its own code."""

import dataclasses
from functools import partial
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.evals.phone.mobilegym.gym_bench import Beginning, Bench, Judgement
from tapgraph.evals.phone.mobilegym.gym_device import GymDevice
from tapgraph.evals.suite import Evidence, Finding, Rubric, Split, Suite, Task, Template
from tapgraph.tools.mobile.device import Device

__all__ = ["read_mobilegym"]


def read_mobilegym(root: Path | None) -> Suite:
    """The tasks of a checkout; those that cannot be loaded are left out by name.

    Raises:
        UsageError: there is no checkout, or it cannot be used.
    """
    if root is None:
        raise UsageError("MobileGym is not part of tapgraph: give your checkout with --gym-root")
    bench = Bench(root)
    templates = [Template(name, partial(_task, bench, name)) for name in sorted(bench.tasks)]
    suite = Suite("mobilegym", tuple(templates), fit=partial(_usable, bench))
    return _with_splits(suite, bench, dict(bench.unreadable))


def _usable(bench: Bench, suite: Suite, device: Device) -> Suite:
    """The part of it whose apps have their data on that page, named after what is shown of it."""
    phone = _gym(device)
    phone.await_page()
    lacks = {app.package: bool(phone.load([app.package])) for app in phone.installed_apps()}
    left_out = dict(suite.left_out)
    for name, kind in bench.tasks.items():
        # A task without apps begins with the data of all.
        lacking = [app for app in kind.apps or lacks if lacks.get(app, True)]
        if lacking:
            left_out[name] = f"the page has no data of {', '.join(lacking)}"
    kept = tuple(one for one in suite.templates if one.name not in left_out)
    named = dataclasses.replace(suite, name=f"mobilegym ({phone.view})", templates=kept, splits={})
    return _with_splits(named, bench, left_out)


def _with_splits(suite: Suite, bench: Bench, left_out: dict[str, str]) -> Suite:
    names = [one.name for one in suite.templates]
    splits = {
        split: Split(
            tuple(name for name in names if name in members),
            left_out=tuple(name for name in left_out if name in members),
        )
        for split, members in bench.splits.items()
    }
    return dataclasses.replace(suite, splits=splits, left_out=left_out)


def _task(bench: Bench, name: str, seed: int) -> Task:
    kind, episode = bench.tasks[name], _Episode(bench, name, seed)
    return Task(
        id=name,
        instruction=str((kind.templates or [name])[0]),
        rubrics=(
            Rubric("MobileGym's judge finds the goals reached", episode.is_reached),
            Rubric("MobileGym's judge finds nothing else changed", episode.is_clean),
        ),
        parameters={"seed": seed},
        level=str(kind.difficulty),
        apps=tuple(map(str, kind.apps)),
        set_up=episode.begin,
        side_effects=episode.side_effects,
        max_steps=bench.max_steps(name),
    )


class _Episode:
    """One try at a task."""

    def __init__(self, bench: Bench, name: str, seed: int) -> None:
        self._bench = bench
        self._name = name
        self._seed = seed
        self._device: GymDevice | None = None
        self._beginning: Beginning | None = None
        self._judged: tuple[Evidence, Judgement] | None = None

    def begin(self, device: Device) -> str:
        """Bring the phone to its beginning; the instruction with what was drawn."""
        self._device = _gym(device)
        self._beginning = self._bench.begin(self._name, self._seed, self._device)
        return self._beginning.instruction

    def is_reached(self, seen: Evidence) -> Finding | None:
        """Whether all goals hold; None where the judge failed."""
        found = self._judgement(seen)
        return None if found.reached is None else Finding(found.reached, found.missed)

    def is_clean(self, seen: Evidence) -> Finding | None:
        """Whether nothing changed but what the task declares; None where the judge failed."""
        found = self._judgement(seen)
        if found.reached is None:
            return None
        return Finding(not found.side_effects, "; ".join(found.side_effects))

    def side_effects(self, seen: Evidence) -> tuple[str, ...]:
        """What changed beside."""
        return self._judgement(seen).side_effects

    def _judgement(self, seen: Evidence) -> Judgement:
        if self._device is None or self._beginning is None:
            return Judgement(None, "the task has not begun")
        if self._judged is None or self._judged[0] is not seen:
            found = self._bench.judge(self._beginning, self._device, seen.answer)
            self._judged = (seen, found)
        return self._judged[1]


def _gym(device: Device) -> GymDevice:
    if not isinstance(device, GymDevice):
        raise UsageError(
            "MobileGym needs its page: add --device mobilegym --web-url with its address"
        )
    return device
