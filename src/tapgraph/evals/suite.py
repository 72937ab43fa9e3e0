"""Tasks that can be measured: what is asked, what must hold at the end, and how it is checked.

A task of one's own takes ten lines::

    from tapgraph.evals.suite import Rubric, Task

    tasks = [
        Task(
            id="milk",
            instruction='Write a note called "Shop" with the text "milk".',
            rubrics=(
                Rubric("a note says milk", lambda seen: ("milk",) in seen.rows(
                    "Notes", "SELECT body FROM notes WHERE title = 'Shop'")),
            ),
        )
    ]

`tapgraph eval phone --suite FILE.py --model SPEC --out DIR` measures it, and so does
`evaluate(suite_of(tasks), make_agent, out=DIR)`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from tapgraph.agents.run.events import Event
from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.mobile.device import Device, RunsCommands
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.simulator.guide import Route
from tapgraph.tools.mobile.simulator.kit.kit_app import AppSpec
from tapgraph.tools.mobile.simulator.state_dump import Change

__all__ = [
    "MOST_STEPS",
    "Evidence",
    "Finding",
    "RightEnd",
    "Rubric",
    "Split",
    "State",
    "Suite",
    "Task",
    "Template",
    "suite_of",
]

RightEnd: TypeAlias = Literal["done", "cannot", "ask"]
"""How a task should end: done; declared impossible; or with a question to the user, as it leaves
something open that an agent must not guess."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MOST_STEPS = 40
"""As in Mobile-Agent-E's evaluation (arXiv 2501.11733, section 4)."""


class State(Protocol):
    """The databases behind the apps, as only a simulated phone shows them."""

    def rows(
        self, package: str, query: str, parameters: Sequence[str | int] = ()
    ) -> list[tuple[str | int, ...]]:
        """What a query finds in the database of an app."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a run after a step, and at its end.

    Attributes:
        events: what the agent did and said, oldest first.
        screen: the last screen that the agent saw, without its picture; None before the first.
        answer: the words of the last answer; empty without one.
        notes: what the agent wrote down for itself.
        changes: which rows of the apps differ from the start; None on a phone that does not show
            them, and before the end of a run.
        state: the databases of the apps; None on a phone that does not show them.
        packages: from the label of an app to its package.
        phone: a real phone whose server runs commands; None else.
    """

    events: tuple[Event, ...] = ()
    screen: Screen | None = None
    answer: str = ""
    notes: str = ""
    changes: tuple[Change, ...] | None = None
    state: State | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    phone: RunsCommands | None = None

    def phone_says(self, command: str, *arguments: str) -> str | None:
        """What a command of a real phone's shell prints: settings, files, content providers.

        None where it cannot be asked, so that a rubric can leave itself to a judge::

            def is_quiet(seen):
                told = seen.phone_says("settings", "get", "global", "zen_mode")
                return None if told is None else told.strip() != "0"
        """
        if self.phone is None:
            return None
        try:
            return self.phone.shell(command, *arguments)
        except ToolError:
            return None

    def rows(self, app: str, query: str, *parameters: str | int) -> list[tuple[str | int, ...]]:
        """What a query finds in the database of an app, which is named by label or package.

        Raises:
            UsageError: the phone does not show its databases.
        """
        if self.state is None:
            raise UsageError(
                f"the rubric reads the database of {app!r}, and only the simulated phone shows "
                "it; leave `holds` out, and a judge or a file of verdicts decides"
            )
        return self.state.rows(self.packages.get(app, app), query, parameters)

    def shows(self, pattern: str) -> bool:
        """Whether the whole text of an element of the last screen matches."""
        elements = () if self.screen is None else self.screen.elements
        return any(re.fullmatch(pattern, element.text) for element in elements)


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something holds, and why."""

    holds: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rubric:
    """Something that a well done task has.

    Attributes:
        name: what it is, as a person or a model is asked about it.
        holds: whether it does; None leaves it to a judge or to a file of verdicts, and so does an
            answer of None, such as on a phone that does not show what it asks for.
    """

    name: str
    holds: Callable[[Evidence], bool | Finding | None] | None = None

    def check(self, seen: Evidence) -> Finding | None:
        """Whether it holds; None where a machine cannot tell."""
        if self.holds is None:
            return None
        found = self.holds(seen)
        return Finding(found) if isinstance(found, bool) else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task with its parameters filled in.

    Attributes:
        id: the name of its template: letters, digits, `_`, `.` and `-`.
        instruction: what the agent is told, and all that it is told.
        rubrics: what must hold at the end, each named once.
        parameters: what was drawn for the instruction.
        level: how hard it is, such as `easy`.
        apps: labels of the apps that it needs, in order.
        set_up: brings the phone into the state that the task begins with, and returns the
            instruction where only that state gives it.
        allows: whether a change of the apps' data belongs to the task, such as
            `lambda change: change.matches("com.notes/notes/*")`; all others are side effects. None
            where that is not known.
        side_effects: what else changed, for a phone of which only the task can tell.
        reference: a way to do it, one operation each; empty where none is known.
        route: that way on the simulated phone, for those who know the phone from inside; None where
            none is known.
        max_steps: how many steps an agent may take.
        right_end: how it should end.
    """

    id: str
    instruction: str
    rubrics: tuple[Rubric, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    level: str = ""
    apps: tuple[str, ...] = ()
    set_up: Callable[[Device], str | None] | None = None
    allows: Callable[[Change], bool] | None = None
    side_effects: Callable[[Evidence], tuple[str, ...]] | None = None
    reference: tuple[str, ...] = ()
    route: Route | None = None
    max_steps: int = MOST_STEPS
    right_end: RightEnd = "done"

    def __post_init__(self) -> None:
        if not self.rubrics:
            raise UsageError(f"the task {self.id!r} has no rubrics, so that nothing can be scored")
        names = [rubric.name for rubric in self.rubrics]
        if len(set(names)) < len(names):
            raise UsageError(f"the task {self.id!r} has two rubrics of one name")


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of task.

    Attributes:
        name: its identity: letters, digits, `_`, `.` and `-`.
        draw: the task of a seed; equal seeds give equal tasks.
        scenario: what it belongs to; in the evolution setting its tasks share a memory.
    """

    name: str
    draw: Callable[[int], Task]
    scenario: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"a task's name may have letters, digits, '_', '.' and '-', got {self.name!r}"
            )


@dataclass(frozen=True, slots=True)
class Split:
    """A part of a suite.

    Attributes:
        templates: their names.
        first_seed: its seeds count from there, so that splits may have no seed in common.
        left_out: its tasks that cannot be run here.
    """

    templates: tuple[str, ...]
    first_seed: int = 0
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """Kinds of tasks that are measured together.

    Attributes:
        name: what to call it.
        templates: in the order in which they are run.
        splits: parts of it by name.
        apps: what its tasks need on a simulated phone beside the phone's own apps.
        source: name and folder of data from which `open_suite` opens it again, in another process;
            empty for a suite that exists in this process only.
        left_out: tasks that cannot be run here, and why.
        fit: what of the suite can be run on a device, where that depends on it.
    """

    name: str
    templates: tuple[Template, ...]
    splits: Mapping[str, Split] = field(default_factory=dict)
    apps: tuple[AppSpec, ...] = ()
    source: tuple[str, str] = ("", "")
    left_out: Mapping[str, str] = field(default_factory=dict)
    fit: "Callable[[Suite, Device], Suite] | None" = None

    def __post_init__(self) -> None:
        names = [template.name for template in self.templates]
        if len(set(names)) < len(names):
            raise UsageError(f"the suite {self.name!r} has two tasks of one name")
        for name, split in self.splits.items():
            if unknown := sorted(set(split.templates) - set(names)):
                raise UsageError(f"the split {name!r} names unknown tasks: {', '.join(unknown)}")

    def split(self, name: str) -> Split:
        """The split of that name, or the tasks that it names with commas; all where it is empty.

        Raises:
            UsageError: there is no such split, and there are no such tasks.
        """
        names = tuple(template.name for template in self.templates)
        if not name:
            return Split(names, left_out=tuple(self.left_out))
        if name not in self.splits:
            chosen = [one.strip() for one in name.split(",")]
            if set(chosen) <= set(names):
                return Split(tuple(one for one in names if one in chosen))
            lacking = next(one for one in chosen if one not in names)
            if why := self.left_out.get(lacking):
                raise UsageError(f"the task {lacking!r} cannot be run here: {why}")
            raise UsageError(
                f"the suite {self.name!r} has neither a split nor a task {lacking!r}; "
                f"its splits are {', '.join(self.splits) or 'none'}"
            )
        return self.splits[name]

    def part(self, split: str) -> tuple[Template, ...]:
        """The templates of a split; all of them where it is empty.

        Raises:
            UsageError: there is no such split.
        """
        members = self.split(split).templates
        return tuple(one for one in self.templates if one.name in members)

    def template(self, name: str) -> Template:
        """The template of that name.

        Raises:
            KeyError: there is none.
        """
        for template in self.templates:
            if template.name == name:
                return template
        raise KeyError(name)


def suite_of(tasks: Sequence[Task], *, name: str = "tasks") -> Suite:
    """A suite of tasks that are the same for every seed."""

    def always(task: Task) -> Callable[[int], Task]:
        return lambda _seed: task

    return Suite(name, tuple(Template(task.id, always(task)) for task in tasks))
