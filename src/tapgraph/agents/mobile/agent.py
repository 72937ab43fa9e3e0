"""The phone agent as a person uses it: give it a phone and a model, then an instruction."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import ClassVar, Literal

from tapgraph.agents.mobile.graph import Node, build_graph, check_nodes
from tapgraph.agents.mobile.offer import PUBLISHED_ACTIONS, Offer
from tapgraph.agents.mobile.patient_device import PatientDevice
from tapgraph.agents.mobile.pipeline import TAPGRAPH, Pipeline, pipeline_from
from tapgraph.agents.mobile.rehearsal import Rehearsal
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.agents.mobile.screen_store import ScreenStore
from tapgraph.agents.mobile.state import CHECKPOINT_TYPES, PhoneState, initial_state
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.run.agent import Agent, AnyModel, SetUp
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.chosen_by_model import ChosenByModel, ChosenReply
from tapgraph.agents.run.driving import Work
from tapgraph.agents.run.outcome import AgentKind
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import UsageError
from tapgraph.memory import MemoryStore
from tapgraph.memory.retrieval import EverythingKnown, Retriever, TextRetriever
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.functions import PythonFunctions
from tapgraph.tools.api.joined import JoinedRunner
from tapgraph.tools.mobile.actions import ACTION_TYPES
from tapgraph.tools.mobile.device import Capability, Device
from tapgraph.tools.mobile.ocr import read_text
from tapgraph.tools.mobile.outcome import OutcomeJudge
from tapgraph.tools.mobile.perception.icons import open_icon_namer
from tapgraph.tools.mobile.perception.screen_states import open_state_seer
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.written_calls import repaired_name

__all__ = ["PhoneAgent", "Tool"]

Tool = ApiRunner | Callable[..., object]
"""A Python function, or a runner of APIs: a service, an MCP server."""

_MOST_TOOLS = 128
"""As many as OpenAI's protocol takes; each stands in every prompt of the Operator."""


@dataclass(frozen=True)
class PhoneAgent(Agent):
    """Does tasks on a phone.

    Attributes:
        device: the phone.
        model: who answers: a model, one for each role, or a spec such as `openai:NAME`.
        pipeline: how the roles work together.
        source: where screens are read from; `auto` recognises text only where the tree is useless.
        names_icons: whether elements without words are told by what their picture shows, and a
            screen whose tree tells little by what it looks like; needs the extra `vision`.
        tools: what the Operator may use beside the phone, under the same ledger and policy.
        nodes: steps of your own, by name, that run beside the Reflector after each action on the
            phone. `{"advice": {NAME: "..."}}` is told to the Operator until it is replaced.
        own_roles: roles that they ask for models of, for `model` given as a spec.
        rehearses_on: opens a phone on which nothing is real, with the world of a seed; a shortcut
            that was learnt is executed again there. Without one, its first use is watched.
        outcome_judge: who tells an action's outcome in the Reflector's place where it is sure, such
            as `NetJudge.open()`. A subgoal that the Operator expects to be done is left to the
            Reflector.
        api_agent: who does subgoals that the Manager gives away; None for nobody.

    Raises:
        UsageError: a tool has the name of an action or of another tool, a function cannot be a
            tool, there are more than 128 tools, or a node has the name of something that the graph
            has already.
    """

    device: Device
    model: AnyModel
    _: KW_ONLY
    pipeline: Pipeline = TAPGRAPH
    source: Literal["tree", "ocr", "both", "auto"] = "auto"
    names_icons: bool = False
    tools: Sequence[Tool] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    own_roles: Sequence[str] = ()
    api_agent: Agent | None = None
    rehearses_on: Callable[[int], AbstractContextManager[Device]] | None = None
    outcome_judge: OutcomeJudge | None = None

    kind: ClassVar[AgentKind] = "mobile"
    package: ClassVar[str] = "tapgraph.agents.mobile"

    def __post_init__(self) -> None:
        check_nodes(self.nodes)
        self._tools()

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that may have a model of their own."""
        return (*ROLES, *self.own_roles)

    def abilities(self, task: str) -> str:  # noqa: ARG002 - a phone can try any task
        """What it can do, for another agent."""
        return f"anything that a person can do by hand on {self.device.name}"

    def _set_up(self) -> SetUp:
        pipeline, settings = self.pipeline, dataclasses.asdict(self.pipeline)
        return SetUp(self.model, self.device.name, pipeline.limits, pipeline.name, settings)

    def _as_started(self, header: RunHeader) -> "PhoneAgent":
        pipeline = pipeline_from(header.pipeline_settings, header.pipeline)
        return dataclasses.replace(self, pipeline=pipeline)

    def _work(self, run: AgentRun) -> Work[PhoneState]:
        is_limited = run.patience.is_limited
        device = PatientDevice(self.device, run.patience) if is_limited else self.device
        team = PhoneTeam(
            run=run,
            device=device,
            screens=ScreenStore(
                ScreenReader(
                    device,
                    source=self.source,
                    read_text=lambda picture: run.patience.wait_for(
                        lambda: tuple(read_text(picture)), whom="reading the picture"
                    ),
                    name_icons=open_icon_namer().named if self.names_icons else None,
                    see_states=open_state_seer().seen if self.names_icons else None,
                ),
                run.folder,
                budget_tokens=self.pipeline.screen_tokens,
            ),
            pipeline=self.pipeline,
            offer=self._offer(device),
            api_agent=self.api_agent,
            rehearsal=self._rehearsal(run.folder.header.seed or 0),
            outcome_judge=self.outcome_judge,
        )
        return Work(
            build=partial(build_graph, self.pipeline, own=self.nodes, learns=run.learns),
            fresh=initial_state(run.folder.header.instruction),
            team=team,
            checkpoint_types=CHECKPOINT_TYPES,
            nodes_per_step=8 + len(self.nodes),
        )

    def _rehearsal(self, seed: int) -> Rehearsal | None:
        if self.rehearses_on is None:
            return None
        return Rehearsal(self.rehearses_on, [seed + 101, seed + 202, seed])

    @property
    def _tries_drafts(self) -> bool:
        return self.rehearses_on is None

    def _usual(self, memory: MemoryStore, run: Callable[[], AgentRun]) -> Retriever:
        match self.pipeline.recalls:
            case "all":
                return EverythingKnown(memory)
            case "model":
                return ChosenByModel(memory, lambda task, known: _chosen(run(), task, known))
            case _:
                return TextRetriever(memory)

    def _offer(self, device: Device) -> Offer:
        has_apps = Capability.APPS in device.capabilities
        offer = Offer(
            tools=self._tools(),
            apps=tuple(app.label for app in device.installed_apps()) if has_apps else (),
        )
        ours = [name for name in ACTION_TYPES if name not in PUBLISHED_ACTIONS]
        return offer.without(*ours) if self.pipeline.published_actions else offer

    def _tools(self) -> ApiRunner | None:
        functions = [tool for tool in self.tools if callable(tool)]
        runners = [tool for tool in self.tools if not callable(tool)]
        if functions:
            runners.append(PythonFunctions(functions))
        if not runners:
            return None
        tools = runners[0] if len(runners) == 1 else JoinedRunner(runners)
        if len(tools.catalog) > _MOST_TOOLS:
            raise UsageError(
                f"the Operator can be told of {_MOST_TOOLS} tools at most, got "
                f"{len(tools.catalog)}; name fewer, or give them to an API agent, which searches"
            )
        for api in tools.catalog:
            action = repaired_name(api.identifier)
            if action in ACTION_TYPES:
                raise UsageError(
                    f"a tool cannot be called {api.identifier!r}: models say that for the action "
                    f"{action}"
                )
        return tools


def _chosen(run: AgentRun, task: str, known: str) -> ChosenReply:
    asked = run.prompts.conversation("retriever", {}, {}, blocks={"task": task, "entries": known})
    return run.ask("retriever", asked, ChosenReply, step=0)
