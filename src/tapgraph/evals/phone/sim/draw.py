"""From a kind of task and a seed to a task that can be done and is not done yet.

A kind of task is a function from a `Draw` to a `Sketch`. It draws its parameters from what is on
the phone of the seed, so that the answer differs from seed to seed. A sketch is kept only when its
route does it there and a phone that nobody touched does not pass. What the route changes is what
the task allows. Nothing is read from the words of an instruction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import Literal, TypeAlias, TypeVar

from tapgraph.errors import UsageError
from tapgraph.evals.suite import (
    MOST_STEPS,
    Evidence,
    RightEnd,
    Rubric,
    Split,
    Suite,
    Task,
    Template,
)
from tapgraph.tools.action_words import action_words
from tapgraph.tools.mobile.actions import action_to_wire
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Play, Route, play
from tapgraph.tools.mobile.simulator.kit import AppSpec, KitApp, Record
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.phone_snapshot import PhoneSnapshot
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.simulator.state_dump import Change, difference

__all__ = [
    "Draw",
    "Drawn",
    "Kind",
    "Level",
    "Sketch",
    "Undrawable",
    "evidence_of",
    "suite_of_kinds",
]

Level: TypeAlias = Literal["easy", "medium", "hard", "expert"]
_Thing = TypeVar("_Thing")
_MOST_TRIES = 40
_SPARE_STEPS = 3
"""So many times the steps of the route may be taken, or `MOST_STEPS` where those are more."""


class Undrawable(Exception):
    """The dice fell on something that makes no task in this world; they are cast again."""


@dataclass(frozen=True)
class Draw:
    """The phone of a seed before anybody touched it, and dice."""

    phone: Phone
    random: Random

    @property
    def now(self) -> datetime:
        """The phone's time."""
        return self.phone.clock

    def app(self, label: str) -> KitApp:
        """The app of that name."""
        for app in self.phone.apps:
            if app.name == label and isinstance(app, KitApp):
                return app
        raise KeyError(label)

    def all(self, label: str, entity: str) -> tuple[Record, ...]:
        """All things of a kind in an app."""
        return self.app(label).store.all(entity)

    def one(self, choices: Sequence[_Thing]) -> _Thing:
        """One of them.

        Raises:
            Undrawable: there is none.
        """
        if not choices:
            raise Undrawable
        return self.random.choice(choices)

    def some(self, choices: Sequence[_Thing], count: int) -> list[_Thing]:
        """So many different ones.

        Raises:
            Undrawable: there are fewer.
        """
        if len(choices) < count:
            raise Undrawable
        return self.random.sample(choices, count)

    def demand(self, holds: bool) -> None:
        """Go on only where something holds.

        Raises:
            Undrawable: it does not.
        """
        if not holds:
            raise Undrawable


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """What was drawn.

    Attributes:
        says: wordings of the instruction; one of them is drawn.
        rubrics: what must hold at the end. None of them holds at the start; where a task cannot be
            done or must be asked about, at least one does not, such as that the agent looked.
        aims: the way to do it.
        right_end: how the task should end.
        wrong: ways that a careless agent would take, by what is wrong with them; after each of
            them at least one rubric fails.
        parameters: what to call the drawn values in records.
    """

    says: Sequence[str]
    rubrics: Sequence[Rubric]
    aims: Sequence[Aim]
    right_end: RightEnd = "done"
    wrong: Mapping[str, Sequence[Aim]] = field(default_factory=dict)
    parameters: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """A sketch that makes a task, how its route went, what that changed, and the wording."""

    sketch: Sketch
    played: Play
    changes: tuple[Change, ...]
    instruction: str


@dataclass(frozen=True)
class Kind:
    """A kind of task; the name of its function is its name.

    Attributes:
        apps: what it needs beside the phone's own apps.
    """

    sketch: Callable[[Draw], Sketch]
    level: Level
    apps: tuple[AppSpec, ...] = ()

    @property
    def name(self) -> str:
        """Its identity."""
        return self.sketch.__name__

    @property
    def scenario(self) -> str:
        """What it belongs to: the file that it stands in."""
        return self.sketch.__module__.rpartition(".")[2].removesuffix("_tasks")

    def phone(self, seed: int) -> Phone:
        """The phone of a seed before anybody touched it."""
        if self.apps:
            return build_phone(seed=seed, more_apps=self.apps)
        return Phone.from_snapshot(_untouched(seed))

    def sketched(self, seed: int) -> Drawn:
        """The first sketch of the seed that makes a task.

        Raises:
            UsageError: none does.
        """
        why = ""
        for number in range(_MOST_TRIES):
            dice = Random(f"{self.name}/{seed}/{number}")
            with self.phone(seed) as phone:
                try:
                    sketch = self.sketch(Draw(phone, dice))
                except Undrawable:
                    continue
                before = phone.dump()
                at_start = _held(sketch, evidence_of(phone, ()))
                played = play(phone, Route(tuple(sketch.aims)))
                at_end = _held(sketch, evidence_of(phone, sketch.aims))
                why = played.trouble or f"{at_start} at the start, {at_end} at the end"
                # Where a task can be done, doing nothing is worth nothing.
                is_open = not (any if sketch.right_end == "done" else all)(at_start)
                if played.is_complete and is_open and all(at_end):
                    changes = difference(before, phone.dump())
                    return Drawn(sketch, played, changes, dice.choice(sketch.says))
        raise UsageError(f"no task {self.name!r} can be drawn with seed {seed}: {why}")

    def task(self, seed: int) -> Task:
        """The task of a seed."""
        drawn = self.sketched(seed)
        sketch, moves = drawn.sketch, drawn.played.moves
        return Task(
            id=self.name,
            instruction=drawn.instruction,
            rubrics=tuple(sketch.rubrics),
            parameters=dict(sketch.parameters),
            level=self.level,
            apps=tuple(dict.fromkeys(aim.app for aim in sketch.aims if aim.app)),
            allows=_changes_like(drawn.changes),
            reference=tuple(action_words(action_to_wire(one.move.action)) for one in moves),
            route=Route(tuple(sketch.aims), is_possible=sketch.right_end != "cannot"),
            max_steps=max(MOST_STEPS, _SPARE_STEPS * len(moves)),
            right_end=sketch.right_end,
        )


def suite_of_kinds(
    name: str, kinds: Sequence[Kind], splits: Mapping[str, Split] | None = None
) -> Suite:
    """A suite of these kinds, which are templates of it."""
    apps = {spec.package: spec for kind in kinds for spec in kind.apps}
    templates = tuple(Template(kind.name, kind.task, kind.scenario) for kind in kinds)
    return Suite(name, templates, splits or {}, tuple(apps.values()))


def evidence_of(phone: Phone, aims: Sequence[Aim]) -> Evidence:
    """What would be known after a perfect agent took a way to these aims."""
    return Evidence(
        screen=screen_of(phone),
        answer="\n".join(aim.answer for aim in aims if aim.answer),
        notes="\n".join(fact for aim in aims for fact in aim.facts),
        state=PhoneRecords(phone),
        packages={app.name: app.package for app in phone.apps},
    )


def _held(sketch: Sketch, seen: Evidence) -> list[bool]:
    found = [rubric.check(seen) for rubric in sketch.rubrics]
    return [one is not None and one.holds for one in found]


@lru_cache(maxsize=8)
def _untouched(seed: int) -> PhoneSnapshot:
    with build_phone(seed=seed) as phone:
        return phone.snapshot()


def _changes_like(reference: Sequence[Change]) -> Callable[[Change], bool]:
    """Rows made in tables where the reference makes some, and the rows that it changes itself."""
    alike = {_likeness(change) for change in reference}
    return lambda change: _likeness(change) in alike


def _likeness(change: Change) -> tuple[object, ...]:
    row = (change.app, change.table)
    return (*row, "made") if change.before is None else (*row, change.key, change.after is None)
