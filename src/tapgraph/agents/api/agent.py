"""The API agent as a person uses it: give it APIs and a model, then an instruction."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import BaseModel

from tapgraph.agents.api.graph import build_graph, initial_state
from tapgraph.agents.api.state import CHECKPOINT_TYPES
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import apis_block
from tapgraph.agents.handover import SubgoalAgent, ended_before, phone_functions
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
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.joined import JoinedRunner

__all__ = ["PIPELINE", "ApiAgent", "local_time"]

PIPELINE = "api"
"""What the header of a run of this agent names as its pipeline."""

_NODES_PER_STEP = 4
_MOST_ABILITIES = 12
_ABILITY_TOKENS = 60


def local_time() -> datetime:
    """The time of this machine, with its zone."""
    return datetime.now().astimezone()


@dataclass(frozen=True, kw_only=True)
class ApiAgent:
    """Does tasks by calling APIs.

    Attributes:
        runner: the APIs.
        models: who answers for each role.
        memory: tips to work with, those of the scope `api`.
        human: who answers questions and allows risky calls.
        on_event: told of every event as it is recorded.
        clock: the user's time, with its zone.
        phone: who does what only a phone can do, as the API `phone_do`; None for nobody.
    """

    runner: ApiRunner
    models: RoleModels
    memory: MemoryStore
    budget: Budget = field(default_factory=Budget)
    human: Human = field(default_factory=AbsentHuman)
    on_event: Callable[[RecordedEvent], None] | None = None
    clock: Callable[[], datetime] = local_time
    phone: SubgoalAgent | None = None

    def run(
        self,
        instruction: str,
        *,
        out: Path,
        answer_type: type[BaseModel] | None = None,
        options: dict[str, str | int | float | bool | None] | None = None,
    ) -> TaskResult:
        """Do the task and leave a run folder at `out`.

        With `answer_type` the agent must give its answer as an object of that type.

        Raises:
            UsageError: the instruction is empty, there are no APIs, or `out` already holds a run.
        """
        if not instruction.strip():
            raise UsageError("the instruction is empty; say what should be done")
        if not len(self.runner.catalog):
            raise UsageError("the catalogue holds no API that could be called")
        header = RunHeader(
            instruction=instruction,
            pipeline=PIPELINE,
            model=", ".join(traits.name for traits in self.models.all_traits),
            device=self._apis(),
            memory=self.memory.url,
            budget=self.budget,
            demonstrator=any(traits.is_demonstrator for traits in self.models.all_traits),
            options=options or {},
        )
        with RunFolder.create(out, header, observer=self.on_event) as folder:
            folder.record(RunStarted(instruction=instruction, pipeline=PIPELINE))
            return self._go(folder, answer_type)

    def resume(self, run: Path, *, answer_type: type[BaseModel] | None = None) -> TaskResult:
        """Go on with a run that was stopped; no acknowledged call is made again.

        Raises:
            UsageError: the run has ended already, or another agent made it.
            UnreadableRun: there is no run in the folder.
        """
        with RunFolder.open(run, observer=self.on_event) as folder:
            if folder.header.pipeline != PIPELINE:
                raise UsageError(
                    f"the run in {str(run)!r} was made by the pipeline {folder.header.pipeline!r}; "
                    "resume it with `tapgraph run`"
                )
            if folder.header.outcome not in RESUMABLE:
                raise UsageError(
                    f"the run in {str(run)!r} has ended: {folder.header.state}; start a new one"
                )
            folder.reopen()
            return self._go(folder, answer_type)

    def abilities(self, task: str) -> str:
        """The APIs that fit the task best, for another agent."""
        found = self.runner.catalog.search(task, limit=_MOST_ABILITIES) or tuple(
            islice(self.runner.catalog, _MOST_ABILITIES)
        )
        return apis_block(
            self.runner.catalog, [api.identifier for api in found], tokens=_ABILITY_TOKENS
        )

    def do_subgoal(self, subgoal: str, *, out: Path, budget: Budget) -> TaskResult:
        """Do a subgoal for another agent; a run that was stopped in `out` is gone on with."""
        agent = dataclasses.replace(self, budget=budget)
        if (out / "run.json").exists():
            return ended_before(out) or agent.resume(out)
        return agent.run(subgoal, out=out)

    def _go(self, folder: RunFolder, answer_type: type[BaseModel] | None) -> TaskResult:
        recorded = folder.timeline()
        meter = Meter(self.budget, recorded)
        runner = self.runner
        pinned: tuple[str, ...] = ()
        if self.phone is not None:
            phone = phone_functions(self.phone, folder=folder, meter=meter)
            runner = JoinedRunner([runner, phone])
            pinned = tuple(api.identifier for api in phone.catalog)
        team = ApiTeam(
            runner=runner,
            models=self.models,
            folder=folder,
            ledger=Ledger(folder, recorded),
            meter=meter,
            tips=self.memory.tips(Scope(agent="api")),
            clock=self.clock,
            answer_type=answer_type,
            pinned=pinned,
        )
        driven = Driver(
            folder=folder,
            human=self.human,
            checkpoint_types=CHECKPOINT_TYPES,
            most_nodes=50 + _NODES_PER_STEP * self.budget.max_steps,
        ).drive(build_graph, initial_state(folder.header.instruction, self.clock()), team)
        state, stop = driven.state, driven.stop
        spent = team.meter.spent(state["step"])
        folder.finish(stop.outcome, stop.reason, state["answer"], spent)
        return TaskResult(
            outcome=stop.outcome,
            reason=stop.reason,
            answer=state["answer"],
            answer_object=parsed_answer(state["answer"], answer_type),
            notes="",
            spent=spent,
            folder=folder.path,
        )

    def _apis(self) -> str:
        origins = ", ".join(dict.fromkeys(api.origin for api in self.runner.catalog if api.origin))
        return f"{len(self.runner.catalog)} APIs" + (f" of {origins}" if origins else "")
