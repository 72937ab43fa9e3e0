"""The phone agent as a person uses it: give it a phone and a model, then an instruction."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from tapgraph.agents.handover import SubgoalAgent, ended_before
from tapgraph.agents.mobile.graph import build_graph, initial_state
from tapgraph.agents.mobile.pipeline import TAPGRAPH, Pipeline, pipeline_named
from tapgraph.agents.mobile.screens import ScreenStore
from tapgraph.agents.mobile.state import CHECKPOINT_TYPES, PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.driving import Driver
from tapgraph.agents.run.events import RecordedEvent, RunStarted
from tapgraph.agents.run.human import AbsentHuman, Human
from tapgraph.agents.run.ledger import Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.agents.run.task_result import RESUMABLE, TaskResult, parsed_answer
from tapgraph.errors import UsageError
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory.store import MemoryStore, Scope
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.screen_reader import ScreenReader

__all__ = ["PhoneAgent", "TaskResult"]

_NODES_PER_STEP = 8


@dataclass(frozen=True, kw_only=True)
class PhoneAgent:
    """Does tasks on a phone.

    Attributes:
        device: the phone.
        models: who answers for each role.
        memory: tips and shortcuts to work with.
        source: where screens are read from; `auto` recognises text only where the tree is useless.
        human: who answers questions and confirms risky actions.
        on_event: told of every event as it is recorded.
        api_agent: who does subgoals that the Manager gives away; None for nobody.
    """

    device: Device
    models: RoleModels
    memory: MemoryStore
    pipeline: Pipeline = TAPGRAPH
    budget: Budget = field(default_factory=Budget)
    human: Human = field(default_factory=AbsentHuman)
    source: Literal["tree", "ocr", "both", "auto"] = "auto"
    on_event: Callable[[RecordedEvent], None] | None = None
    api_agent: SubgoalAgent | None = None

    def run(
        self,
        instruction: str,
        *,
        out: Path,
        answer_type: type[BaseModel] | None = None,
        seed: int | None = None,
        options: dict[str, str | int | float | bool | None] | None = None,
    ) -> TaskResult:
        """Do the task and leave a run folder at `out`.

        With `answer_type` the agent must give its answer as JSON of that type. `seed`, of a
        simulated phone, and `options` are kept in the header for whoever repeats the run.

        Raises:
            UsageError: the instruction is empty, or `out` already holds a run.
        """
        if not instruction.strip():
            raise UsageError("the instruction is empty; say what the phone should do")
        header = RunHeader(
            instruction=instruction,
            pipeline=self.pipeline.name,
            model=", ".join(traits.name for traits in self.models.all_traits),
            device=self.device.name,
            memory=self.memory.url,
            budget=self.budget,
            demonstrator=any(traits.is_demonstrator for traits in self.models.all_traits),
            seed=seed,
            options=options or {},
        )
        with RunFolder.create(out, header, observer=self.on_event) as folder:
            folder.record(RunStarted(instruction=instruction, pipeline=self.pipeline.name))
            state = initial_state(instruction)
            return self._go(folder, state, answer_type)

    def resume(self, run: Path, *, answer_type: type[BaseModel] | None = None) -> TaskResult:
        """Go on with a run that was stopped; no acknowledged action is sent again.

        Raises:
            UsageError: the run has ended already, or it was made by the other pipeline.
            UnreadableRun: there is no run in the folder.
        """
        with RunFolder.open(run, observer=self.on_event) as folder:
            if folder.header.outcome not in RESUMABLE:
                raise UsageError(
                    f"the run in {str(run)!r} has ended: {folder.header.state}; start a new one"
                )
            if pipeline_named(folder.header.pipeline) != self.pipeline:
                raise UsageError(f"the run was made by the pipeline {folder.header.pipeline!r}")
            folder.reopen()
            state = initial_state(folder.header.instruction)
            return self._go(folder, state, answer_type)

    def abilities(self, task: str) -> str:  # noqa: ARG002 - a phone can try any task
        """What it can do, for another agent."""
        return f"anything that a person can do by hand on {self.device.name}"

    def do_subgoal(self, subgoal: str, *, out: Path, budget: Budget) -> TaskResult:
        """Do a subgoal for another agent; a run that was stopped in `out` is gone on with."""
        agent = dataclasses.replace(self, budget=budget)
        if (out / "run.json").exists():
            return ended_before(out) or agent.resume(out)
        return agent.run(subgoal, out=out)

    def _go(
        self, folder: RunFolder, fresh: PhoneState, answer_type: type[BaseModel] | None
    ) -> TaskResult:
        recorded = folder.timeline()
        team = Team(
            device=self.device,
            screens=ScreenStore(ScreenReader(self.device, source=self.source), folder),
            models=self.models,
            folder=folder,
            ledger=Ledger(folder, recorded),
            meter=Meter(self.budget, recorded),
            pipeline=self.pipeline,
            memory=self.memory,
            tips=self.memory.tips(Scope(agent="mobile")),
            shortcuts=self.memory.shortcuts(Scope(agent="mobile")),
            answer_type=answer_type,
            api_agent=self.api_agent,
        )
        driven = Driver(
            folder=folder,
            human=self.human,
            checkpoint_types=CHECKPOINT_TYPES,
            most_nodes=50 + _NODES_PER_STEP * self.budget.max_steps,
        ).drive(lambda saver: build_graph(self.pipeline, saver), fresh, team)
        state, stop = driven.state, driven.stop
        spent = team.meter.spent(state["step"])
        folder.finish(stop.outcome, stop.reason, state["answer"], spent)
        return TaskResult(
            outcome=stop.outcome,
            reason=stop.reason,
            answer=state["answer"],
            answer_object=parsed_answer(state["answer"], answer_type),
            notes=state["notes"],
            spent=spent,
            folder=folder.path,
        )
