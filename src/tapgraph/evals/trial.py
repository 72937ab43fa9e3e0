"""One task done once: the phone set up, the agent run, what holds afterwards, as one record."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.agent import Agent
from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import (
    Decided,
    Event,
    HumanAsked,
    ModelCalled,
    Noted,
    RecordedEvent,
    ScreenSeen,
    StepTimed,
)
from tapgraph.agents.run.human import NO_ONE, HumanRequest
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.evals.phone.step_accuracy import StepAccuracy, judge_steps
from tapgraph.evals.phone.tap_paths import PathMatch, match, path_of_events, reference_path
from tapgraph.evals.stats import NOTHING, Tally
from tapgraph.evals.suite import Evidence, RightEnd, Rubric, Task
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.actions import Answer, Home
from tapgraph.tools.mobile.device import Capability, Device, RunsCommands
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.state_dump import Change, difference

__all__ = ["JudgedBy", "MakeAgent", "Trial", "TrialRecord", "Verdict", "broken", "run_trial"]

JudgedBy: TypeAlias = Literal["machine", "judge", "person", "nobody"]
"""Who decided a rubric: its own predicate, a model, a person, or nobody yet."""

MakeAgent: TypeAlias = Callable[[Device, Task, int], Agent]
"""An agent for a task on a device; the number is the seed of whatever it draws at random. Budget,
human, memory and observer are set by the evaluation."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Which task is done, and for the how-manieth time; `number` counts from 0."""

    template: str
    seed: int
    number: int

    @property
    def id(self) -> str:
        """Its identity, which is also where its run folder lies."""
        return f"{self.template}/{self.seed}/{self.number}"

    @property
    def task_id(self) -> str:
        """What the trials of one task share."""
        return f"{self.template}/{self.seed}"

    @property
    def agent_seed(self) -> int:
        """What the agent's own dice are seeded with; another one for each trial of a task."""
        return 1000 * self.seed + self.number


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a rubric; `holds` is None while nobody has decided."""

    rubric: str
    holds: bool | None
    judged_by: JudgedBy
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What one trial gave.

    Attributes:
        error: why it broke off; nothing but `trial` is known then.
        asked: whether the agent put a question to the user.
        curve: the share of machine-judged rubrics that hold after each step; empty without any.
        reference_steps: how many the reference takes; None where none is known.
        actions: right ones of all judged; nothing is counted where a machine cannot tell.
        reflections: as `actions`, of the Reflector's verdicts.
        side_effects: changes that the task does not allow; None where that cannot be told.
        path: its touches beside those of the known route; None where none is known.
    """

    trial: Trial
    error: str = ""
    instruction: str = ""
    level: str = ""
    right_end: RightEnd = "done"
    outcome: Outcome | None = None
    reason: str = ""
    answer: str = ""
    asked: bool = False
    verdicts: tuple[Verdict, ...] = ()
    curve: tuple[float, ...] = ()
    spent: Spent = field(default_factory=Spent)
    reference_steps: int | None = None
    actions: Tally = NOTHING
    reflections: Tally = NOTHING
    side_effects: tuple[str, ...] | None = None
    path: PathMatch | None = None
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


def broken(trial: Trial, error: str) -> TrialRecord:
    """The record of a trial that broke off, which counts as failed."""
    return TrialRecord(trial=trial, error=error)


def run_trial(
    trial: Trial,
    task: Task,
    device: Device,
    make_agent: MakeAgent,
    *,
    folder: Path,
    memory: MemoryStore | None = None,
    max_steps: int | None = None,
    future_tasks: Sequence[str] = (),
    rehearses_on: Callable[[int], AbstractContextManager[Device]] | None = None,
) -> TrialRecord:
    """Do a task once, in a run folder of its own; what an earlier try left there is removed.

    With a memory, `future_tasks` are told to those who reflect on experience, and shortcuts that
    are learnt are executed again on phones that `rehearses_on` opens.

    Questions of the agent are not answered, and end the run where the task wants them asked; risky
    actions are confirmed, as the task is all that the user wants.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if Capability.SIMULATED not in device.capabilities:
        device.perform(Home())
    told = task.set_up(device) if task.set_up is not None else None
    if told is not None:
        task = dataclasses.replace(task, instruction=told)
    watch = _Watch(task, device, folder)
    agent = make_agent(device, task, trial.agent_seed)
    if isinstance(agent, PhoneAgent) and memory is not None:
        agent = dataclasses.replace(agent, rehearses_on=rehearses_on)
    agent = dataclasses.replace(
        agent,
        memory=memory,
        future_tasks=future_tasks,
        budget=dataclasses.replace(agent.budget, max_steps=max_steps or task.max_steps),
        human=_User(task.right_end),
        on_event=watch.see,
    )
    result = agent.run(task.instruction, out=folder, seed=trial.seed)
    accuracy = judge_steps(RunFolder.open(folder)) if isinstance(device, SimulatedDevice) else None
    path = None
    if isinstance(device, SimulatedDevice) and rehearses_on is not None:
        with rehearses_on(trial.seed) as fresh:
            reference = reference_path(fresh, task)
        path = match(path_of_events(watch.events), reference, device.size()) if reference else None
    return _record(trial, task, result, watch, accuracy, path)


def _record(
    trial: Trial,
    task: Task,
    result: TaskResult,
    watch: "_Watch",
    accuracy: StepAccuracy | None,
    path: PathMatch | None,
) -> TrialRecord:
    """What became of the run, and what its events add up to."""
    seen = watch.evidence(answer=result.answer, notes=result.notes, changes=watch.changes())
    calls = [event for event in watch.events if isinstance(event, ModelCalled)]
    asked = [event for event in watch.events if isinstance(event, HumanAsked)]
    return TrialRecord(
        trial=trial,
        instruction=task.instruction,
        level=task.level,
        right_end=task.right_end,
        outcome=result.outcome,
        reason=result.reason,
        answer=result.answer,
        asked=any(event.kind_of_question == "question" for event in asked),
        verdicts=tuple(_verdict(rubric, seen) for rubric in task.rubrics),
        curve=tuple(watch.curve),
        spent=result.spent,
        reference_steps=len(task.reference) or None,
        actions=accuracy.actions if accuracy else NOTHING,
        reflections=accuracy.reflections if accuracy else NOTHING,
        side_effects=_side_effects(seen, task),
        path=path,
        calls=len(calls),
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
    )


@dataclass(frozen=True, slots=True)
class _User:
    right_end: RightEnd

    def answer(self, request: HumanRequest) -> str | None:
        if request.kind == "confirmation":
            return "yes"
        return None if self.right_end == "ask" else NO_ONE


class _Watch:
    """Collects what happens in a run, and after each step how many rubrics hold."""

    def __init__(self, task: Task, device: Device, folder: Path) -> None:
        self.events: list[Event] = []
        self.curve: list[float] = []
        self._checked = [rubric for rubric in task.rubrics if rubric.holds is not None]
        self._phone = device.phone if isinstance(device, SimulatedDevice) else None
        self._real = device if isinstance(device, RunsCommands) else None
        self._folder = folder
        self._before = self._phone.dump() if self._phone is not None else None

    def see(self, recorded: RecordedEvent) -> None:
        """Take an event; called by the run folder, one at a time."""
        self.events.append(recorded.event)
        if isinstance(recorded.event, StepTimed) and self._checked:
            seen = self.evidence(answer=self._last_answer(), notes=self._last_notes())
            found = [rubric.check(seen) for rubric in self._checked]
            decided = [one.holds for one in found if one is not None]
            if decided:
                self.curve.append(sum(decided) / len(decided))

    def changes(self) -> tuple[Change, ...] | None:
        """What differs on the phone from when this was made."""
        if self._phone is None or self._before is None:
            return None
        return difference(self._before, self._phone.dump())

    def evidence(
        self, *, answer: str, notes: str, changes: tuple[Change, ...] | None = None
    ) -> Evidence:
        """What is known now."""
        shown = [event.screen_id for event in self.events if isinstance(event, ScreenSeen)]
        phone = self._phone
        return Evidence(
            events=tuple(self.events),
            screen=self._reader.load_elements(shown[-1]) if shown else None,
            answer=answer,
            notes=notes,
            changes=changes,
            state=PhoneRecords(phone) if phone is not None else None,
            packages={app.name: app.package for app in phone.apps} if phone is not None else {},
            phone=self._real,
        )

    @cached_property
    def _reader(self) -> RunFolder:
        """Another reader of the run folder, which tells of events under its own lock."""
        return RunFolder.open(self._folder)

    def _last_answer(self) -> str:
        given = [event.action for event in self.events if isinstance(event, Decided)]
        answers = [one["arguments"] for one in given if one["name"] == Answer.wire_name]
        return str(answers[-1].get("text", "")) if answers else ""

    def _last_notes(self) -> str:
        noted = [event.notes for event in self.events if isinstance(event, Noted)]
        return noted[-1] if noted else ""


def _verdict(rubric: Rubric, seen: Evidence) -> Verdict:
    found = rubric.check(seen)
    if found is None:
        return Verdict(rubric.name, None, "nobody")
    return Verdict(rubric.name, found.holds, "machine", found.why)


def _side_effects(seen: Evidence, task: Task) -> tuple[str, ...] | None:
    if task.side_effects is not None:
        return task.side_effects(seen)
    if seen.changes is None or task.allows is None:
        return None
    found = (one for one in seen.changes if not one.bookkeeping and not task.allows(one))
    return tuple(str(one) for one in found)
