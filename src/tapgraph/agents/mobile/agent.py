"""The phone agent as a person uses it: give it a phone and a model, then an instruction."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command
from pydantic import BaseModel, ValidationError

from tapgraph.agents.mobile.graph import PhoneGraph, build_graph, initial_state
from tapgraph.agents.mobile.ledger import Ledger
from tapgraph.agents.mobile.pipeline import TAPGRAPH, Pipeline, pipeline_named
from tapgraph.agents.mobile.screens import ScreenStore
from tapgraph.agents.mobile.state import CHECKPOINT_TYPES, PhoneState, Stop
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import HumanAnswered, HumanAsked, RecordedEvent, RunStarted
from tapgraph.agents.run.human import AbsentHuman, Human, HumanRequest
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import BudgetExhausted, EnvironmentMissing, ModelUnavailable, UsageError
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory.store import MemoryStore
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.screen_reader import ScreenReader

__all__ = ["PhoneAgent", "TaskResult"]

_NODES_PER_STEP = 8
_RESUMABLE = (None, Outcome.BUDGET, Outcome.DEVICE_LOST, Outcome.MODEL_ERROR)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended.

    Attributes:
        answer: the words of the last `Answer`, empty when there was none.
        answer_object: the answer as the type that was asked for; None without one.
        notes: what the Notetaker kept.
        folder: the run folder.
    """

    outcome: Outcome
    reason: str
    answer: str
    answer_object: BaseModel | None
    notes: str
    spent: Spent
    folder: Path


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
    """

    device: Device
    models: RoleModels
    memory: MemoryStore
    pipeline: Pipeline = TAPGRAPH
    budget: Budget = field(default_factory=Budget)
    human: Human = field(default_factory=AbsentHuman)
    source: Literal["tree", "ocr", "both", "auto"] = "auto"
    on_event: Callable[[RecordedEvent], None] | None = None

    def run(
        self,
        instruction: str,
        *,
        out: Path,
        answer_type: type[BaseModel] | None = None,
        options: dict[str, str | int | float | bool | None] | None = None,
    ) -> TaskResult:
        """Do the task and leave a run folder at `out`.

        With `answer_type` the agent must give its answer as JSON of that type.

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
            if folder.header.outcome not in _RESUMABLE:
                raise UsageError(
                    f"the run in {str(run)!r} has ended: {folder.header.state}; start a new one"
                )
            if pipeline_named(folder.header.pipeline) != self.pipeline:
                raise UsageError(f"the run was made by the pipeline {folder.header.pipeline!r}")
            folder.reopen()
            state = initial_state(folder.header.instruction)
            return self._go(folder, state, answer_type)

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
            tips=self.memory.tips(),
            shortcuts=self.memory.shortcuts(),
            answer_type=answer_type,
        )
        with _checkpoints(folder) as saver:
            graph = build_graph(self.pipeline, saver)
            config: RunnableConfig = {
                "configurable": {"thread_id": "run"},
                "recursion_limit": 50 + _NODES_PER_STEP * self.budget.max_steps,
            }
            started_before = saver.get_tuple(config) is not None
            try:
                self._drive(graph, None if started_before else fresh, config, team)
                stop = None
            except BudgetExhausted as error:
                stop = Stop(Outcome.BUDGET, str(error))
            except ModelUnavailable as error:
                stop = Stop(Outcome.MODEL_ERROR, str(error))
            except EnvironmentMissing as error:
                stop = Stop(Outcome.DEVICE_LOST, str(error))
            state: dict[str, Any] = {**fresh, **graph.get_state(config).values}
        stop = stop or state["stop"]
        spent = team.meter.spent(state["step"])
        folder.finish(stop.outcome, stop.reason, state["answer"], spent)
        return TaskResult(
            outcome=stop.outcome,
            reason=stop.reason,
            answer=state["answer"],
            answer_object=_parsed(state["answer"], answer_type),
            notes=state["notes"],
            spent=spent,
            folder=folder.path,
        )

    def _drive(
        self, graph: PhoneGraph, start: PhoneState | None, config: RunnableConfig, team: Team
    ) -> None:
        """Run the graph to its end, putting its questions to the human."""
        given: PhoneState | Command[Any] | None = start
        while True:
            result = graph.invoke(given, config, context=team, durability="sync")
            interrupts = result.get("__interrupt__", ())
            if not interrupts:
                return
            step = int(result.get("step", 0))
            given = Command(
                resume={each.id: {"said": self._ask(each.value, step, team)} for each in interrupts}
            )

    def _ask(self, value: dict[str, Any], step: int, team: Team) -> str | None:
        request = HumanRequest(kind=value["kind"], text=value["text"])
        team.folder.record(HumanAsked(step=step, kind_of_question=request.kind, text=request.text))
        said = self.human.answer(request)
        team.folder.record(HumanAnswered(step=step, text=said or ""))
        return said


@contextmanager
def _checkpoints(folder: RunFolder) -> Iterator[SqliteSaver]:
    connection = sqlite3.connect(folder.checkpoints_path, check_same_thread=False)
    try:
        saver = SqliteSaver(
            connection, serde=JsonPlusSerializer(allowed_msgpack_modules=CHECKPOINT_TYPES)
        )
        saver.setup()
        connection.execute("PRAGMA synchronous=NORMAL")
        yield saver
    finally:
        connection.close()


def _parsed(answer: str, answer_type: type[BaseModel] | None) -> BaseModel | None:
    if answer_type is None or not answer:
        return None
    try:
        return answer_type.model_validate_json(answer)
    except ValidationError:
        return None
