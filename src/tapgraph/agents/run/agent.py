"""What both agents are for their users: something that does a task and leaves a run folder."""

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel

from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.driving import Ended, Work, drive
from tapgraph.agents.run.events import ActionStarted, RecordedEvent, RunStarted
from tapgraph.agents.run.history import Limits, fresh_state
from tapgraph.agents.run.human import AbsentHuman, Human
from tapgraph.agents.run.ledger import Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.outcome import AgentKind, Stop
from tapgraph.agents.run.patience import Patience
from tapgraph.agents.run.recall import Recall
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.agents.run.task_result import RESUMABLE, TaskResult, parsed_answer, result_in
from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.prompt import Prompts, prompts_of
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore, Scope
from tapgraph.memory.retrieval import Retriever, TextRetriever
from tapgraph.settings import Settings
from tapgraph.tools.policy.rules import NO_RULES, PolicyRules

__all__ = ["HIGHLIGHTED", "Agent", "AnyModel", "SetUp", "new_folder"]

AnyModel: TypeAlias = RoleModels | ChatModel | str
"""A model for each role, one for all, or a spec as `tapgraph run --model` takes it."""


HIGHLIGHTED = ("instruction", "subgoal", "tips")
"""Fields of prompts that say what is wanted, and hold nothing of a screen or of an API."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is particular to an agent.

    Attributes:
        model: who answers.
        operates: what it works on, as a person should read it.
        limits: when going in circles ends its run.
        pipeline: what the headers of its runs name as their pipeline.
        settings: the pipeline as plain data, so that a run is resumed with it.
    """

    model: AnyModel
    operates: str
    limits: Limits
    pipeline: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Agent(ABC):
    """The options that both agents have.

    Attributes:
        memory: tips and shortcuts to work with; None for those that come with the package, which
            are then kept in the run folder and learn nothing.
        future_tasks: what the user will want next, for those who reflect on experience.
        retrieval: how the memory is asked; None for what the agent usually does, which is by words.
        budget: how much a run may use.
        human: who answers questions and confirms risky actions.
        policy: the user's own rules about what is allowed, asked about and forbidden.
        on_event: told of every event as it is recorded.
        prompts: texts by name, or a folder of them, in the place of the agent's own.
        highlight: whether the user's instruction, the current subgoal and the chosen tips are
            highlighted, for models that follow highlights. Nothing that a screen or an API said
            ever is.
    """

    memory: MemoryStore | None = None
    future_tasks: Sequence[str] = ()
    retrieval: Callable[[MemoryStore], Retriever] | None = None
    budget: Budget = field(default_factory=Budget)
    human: Human = field(default_factory=AbsentHuman)
    policy: PolicyRules = NO_RULES
    on_event: Callable[[RecordedEvent], None] | None = None
    prompts: Mapping[str, str] | Path | None = None
    highlight: bool = False

    kind: ClassVar[AgentKind]
    package: ClassVar[str]

    def run(
        self,
        instruction: str,
        *,
        out: Path | None = None,
        answer_type: type[BaseModel] | None = None,
        seed: int | None = None,
        options: Mapping[str, str | int | float | bool | None] | None = None,
    ) -> TaskResult:
        """Do the task and leave a run folder.

        Args:
            instruction: what to do, in plain words.
            out: the run folder; by default a new one in `runs`.
            answer_type: what the answer must be, as JSON; by default words.
            seed: of a simulated phone, kept in the header for whoever repeats the run.
            options: kept in the header as well.

        Raises:
            UsageError: the instruction is empty, the agent cannot do anything, or `out` already
                holds a run.
        """
        self._check(instruction)
        prompts, models = self._prompts(), self._priced_models()
        set_up = self._set_up()
        header = RunHeader(
            instruction=instruction,
            pipeline=set_up.pipeline,
            pipeline_settings=dict(set_up.settings),
            model=", ".join(traits.name for traits in models.all_traits),
            device=set_up.operates,
            memory=self.memory.url if self.memory is not None else "",
            budget=self.budget,
            demonstrator=any(traits.is_demonstrator for traits in models.all_traits),
            seed=seed,
            options=dict(options or {}),
        )
        place = out or new_folder(instruction)
        with RunFolder.create(place, header, observer=self.on_event) as folder:
            folder.record(RunStarted(0, instruction=instruction, pipeline=set_up.pipeline))
            return self._go(folder, models, prompts, answer_type)

    def resume(self, run: Path, *, answer_type: type[BaseModel] | None = None) -> TaskResult:
        """Go on with a run that was stopped; nothing that was acknowledged is sent again.

        Raises:
            UsageError: the run has ended already, or another kind of agent made it.
            UnreadableRun: there is no run in the folder.
        """
        with RunFolder.open(run, observer=self.on_event) as folder:
            header = folder.header
            if header.outcome not in RESUMABLE:
                raise UsageError(
                    f"the run in {str(run)!r} has ended: {header.state}; start a new one"
                )
            if not folder.checkpoints_path.exists() and _has_acted(folder):
                raise UsageError(
                    f"the run in {str(run)!r} has lost its checkpoints; start a new one"
                )
            agent = self._as_started(header)
            prompts, models = self._prompts(), self._priced_models()
            folder.reopen()
            return agent._go(folder, models, prompts, answer_type)

    def do_subgoal(self, subgoal: str, *, out: Path, budget: Budget) -> TaskResult:
        """Do a subgoal for another agent; a run that was stopped in `out` is gone on with."""
        agent = dataclasses.replace(self, budget=budget)
        if (out / "run.json").exists():
            return result_in(out) or agent.resume(out)
        return agent.run(subgoal, out=out)

    @abstractmethod
    def abilities(self, task: str) -> str:
        """What it can do, as far as the task may need it, for another agent's prompt."""

    @property
    @abstractmethod
    def roles(self) -> tuple[str, ...]:
        """The roles that may have a model of their own."""

    @abstractmethod
    def _set_up(self) -> SetUp: ...

    def _usual(
        self,
        memory: MemoryStore,
        run: Callable[[], AgentRun],  # noqa: ARG002 - for agents that ask a model
    ) -> Retriever:
        """How the memory is asked where the user does not say."""
        return TextRetriever(memory)

    @property
    def _tries_drafts(self) -> bool:
        """Whether shortcuts that were not executed again are tried, each action being checked."""
        return True

    @abstractmethod
    def _work(self, run: AgentRun) -> Work[Any]: ...

    def _check(self, instruction: str) -> None:
        if not instruction.strip():
            raise UsageError("the instruction is empty; say what should be done")

    @abstractmethod
    def _as_started(self, header: RunHeader) -> "Agent":
        """The agent with the pipeline of a run.

        Raises:
            UsageError: another kind of agent made the run, or the pipeline is unknown.
        """

    def _prompts(self) -> Prompts:
        lit = HIGHLIGHTED if self.highlight else ()
        return prompts_of(self.package, self.prompts, highlighted=lit)

    def _priced_models(self) -> RoleModels:
        """The models, of known prices where the money is limited.

        Raises:
            UsageError: nobody knows what one of them costs.
        """
        models = self._models()
        unknown = [one.name for one in models.all_traits if not one.has_known_price]
        if unknown and self.budget.max_cost_usd is not None:
            raise UsageError(
                f"what {unknown[0]} costs is not known, so max_cost_usd would limit nothing: give "
                "its price, as in NAME?price_in=2.5&price_out=10, or limit tokens"
            )
        return models

    def _models(self) -> RoleModels:
        model = self._set_up().model
        if isinstance(model, str):
            return open_models(model, Settings.from_environment(), roles=self.roles)
        return model if isinstance(model, RoleModels) else RoleModels(model)

    @contextmanager
    def _memory(self, run: Path) -> Iterator[MemoryStore]:
        if self.memory is not None:
            yield self.memory
            return
        with MemoryStore.open(run / "memory.db") as memory:
            yield memory

    def _go(
        self,
        folder: RunFolder,
        models: RoleModels,
        prompts: Prompts,
        answer_type: type[BaseModel] | None,
    ) -> TaskResult:
        recorded = folder.timeline()
        meter, ledger = Meter(self.budget, recorded), Ledger(folder, recorded)
        try:
            ended = self._ended(folder, models, prompts, answer_type, meter, ledger)
        except Exception as error:  # noqa: BLE001 - what breaks around the graph: memory, agent
            ended = Ended(fresh_state(folder.header.instruction), Stop.after(error))
        return _closed(folder, ended, meter, answer_type)

    def _ended(
        self,
        folder: RunFolder,
        models: RoleModels,
        prompts: Prompts,
        answer_type: type[BaseModel] | None,
        meter: Meter,
        ledger: Ledger,
    ) -> Ended:
        with self._memory(folder.path) as memory:
            run = AgentRun(
                folder=folder,
                ledger=ledger,
                meter=meter,
                patience=Patience(meter.seconds_left),
                models=models,
                prompts=prompts,
                limits=self._set_up().limits,
                rules=self.policy,
                recall=Recall(
                    memory,
                    self.retrieval(memory) if self.retrieval else self._usual(memory, lambda: run),
                    folder,
                    Scope(agent=self.kind),
                    keeps_record=self.memory is not None,
                    tries_drafts=self._tries_drafts,
                ),
                learns=self.memory is not None,
                future_tasks=self.future_tasks,
                answer_type=answer_type,
            )
            work = self._work(run)
            ended = drive(work, run, self.human, max_steps=self.budget.max_steps)
            run.recall.end(ended.stop.outcome)
            return ended


def _has_acted(folder: RunFolder) -> bool:
    return any(isinstance(event, ActionStarted) for event in folder.events())


def _closed(
    folder: RunFolder, ended: Ended, meter: Meter, answer_type: type[BaseModel] | None
) -> TaskResult:
    """The result, with the folder finished as far as its disk allows."""
    state, stop = ended.state, ended.stop
    spent, reason = meter.spent(state["step"]), stop.reason
    try:
        folder.finish(stop.outcome, reason, state["answer"], spent)
        folder.close()
    except OSError as error:
        reason = f"{reason}; the end could not be written to {str(folder.path)!r} ({error})"
    return TaskResult(
        outcome=stop.outcome,
        reason=reason,
        answer=state["answer"],
        answer_object=parsed_answer(state["answer"], answer_type),
        notes=state.get("notes", ""),
        spent=spent,
        folder=folder.path,
    )


def new_folder(instruction: str) -> Path:
    """A new folder under `runs`, named after the time and the first words of the instruction.

    >>> new_folder("Turn on Wi-Fi; rm -rf /").name[16:]
    'turn-on-wi-fi-rm-rf'
    """
    words = re.findall(r"[a-z0-9]+", instruction.lower())
    name = "-".join(words)[:40].strip("-") or "task"
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{name}"  # noqa: DTZ005 - a local name
