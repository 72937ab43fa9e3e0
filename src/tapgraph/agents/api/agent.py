"""The API agent as a person uses it: give it APIs and a model, then an instruction."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import ClassVar

from tapgraph.agents.api.graph import build_graph
from tapgraph.agents.api.replies import API_ROLES
from tapgraph.agents.api.shortcuts import ShortcutRunner
from tapgraph.agents.api.state import CHECKPOINT_TYPES, ApiState, ApiTeam, initial_state
from tapgraph.agents.api.wording import apis_block
from tapgraph.agents.handover import phone_functions
from tapgraph.agents.run.agent import Agent, AnyModel, SetUp
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.driving import Work
from tapgraph.agents.run.history import Limits
from tapgraph.agents.run.outcome import AgentKind
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import UsageError
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.joined import JoinedRunner

__all__ = ["PIPELINE", "ApiAgent", "local_time"]

PIPELINE = "api"
"""What the header of a run of this agent names as its pipeline."""

_LIMITS = Limits(max_repetitions=None, warn_returns=2, max_returns=4, warn_stale=5, max_stale=10)
_MOST_ABILITIES = 12
_ABILITY_TOKENS = 60


def local_time() -> datetime:
    """The time of this machine, with its zone."""
    return datetime.now().astimezone()


@dataclass(frozen=True)
class ApiAgent(Agent):
    """Does tasks by calling APIs.

    Attributes:
        runner: the APIs.
        model: who answers: a model, one for each role, or a spec such as `openai:NAME`.
        clock: the user's time, with its zone.
        phone: who does what only a phone can do, as the API `phone_do`; None for nobody.
        rehearses_on: opens a copy of the APIs that changes nothing real, on which a chain of calls
            that was learnt is executed again; without it, only chains that just read are.
    """

    runner: ApiRunner
    model: AnyModel
    _: KW_ONLY
    clock: Callable[[], datetime] = local_time
    phone: Agent | None = None
    rehearses_on: Callable[[], ApiRunner] | None = None

    kind: ClassVar[AgentKind] = "api"
    package: ClassVar[str] = "tapgraph.agents.api"

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that may have a model of their own."""
        return API_ROLES

    def abilities(self, task: str) -> str:
        """The APIs that fit the task best, for another agent."""
        found = self.runner.catalog.search(task, limit=_MOST_ABILITIES) or tuple(
            islice(self.runner.catalog, _MOST_ABILITIES)
        )
        return apis_block(
            self.runner.catalog, [api.identifier for api in found], tokens=_ABILITY_TOKENS
        )

    def _set_up(self) -> SetUp:
        origins = ", ".join(dict.fromkeys(api.origin for api in self.runner.catalog if api.origin))
        operates = f"{len(self.runner.catalog)} APIs" + (f" of {origins}" if origins else "")
        return SetUp(self.model, operates, _LIMITS, PIPELINE)

    def _check(self, instruction: str) -> None:
        super()._check(instruction)
        if not len(self.runner.catalog):
            raise UsageError("the catalogue holds no API that could be called")

    def _as_started(self, header: RunHeader) -> "ApiAgent":
        if header.pipeline != PIPELINE:
            raise UsageError(
                f"the run was made by the pipeline {header.pipeline!r}; "
                "resume it with `tapgraph run`"
            )
        return self

    def _work(self, run: AgentRun) -> Work[ApiState]:
        runner = self.runner
        pinned: tuple[str, ...] = ()
        if self.phone is not None:
            phone = phone_functions(self.phone, run)
            runner = JoinedRunner([runner, phone])
            pinned = tuple(api.identifier for api in phone.catalog)
        known = run.recall.for_subgoal(run.folder.header.instruction, step=0)
        chains = ShortcutRunner(runner, known.shortcuts)
        if len(chains.catalog):
            runner = JoinedRunner([runner, chains])
            pinned += tuple(api.identifier for api in chains.catalog)
        return Work(
            build=partial(build_graph, limits=_LIMITS, learns=run.learns),
            fresh=initial_state(run.folder.header.instruction, self.clock()),
            team=ApiTeam(run, runner, self.clock, pinned, self.rehearses_on),
            checkpoint_types=CHECKPOINT_TYPES,
            nodes_per_step=4,
        )
