"""Agents that need no language model, to know what a score is worth.

=============================  ====================================================================
`null`                         does nothing and gives up: the floor
`open-apps`                    opens the apps that the task needs and says that it is done
`random`                       valid actions at random; at each step it may say that it is done
`demonstrator`                 follows the task's route: the ceiling
`demonstrator?error_rate=0.2`  the same, with a random action in the place of that share of its own
`demonstrator-blind`           says at once that the task is done
=============================  ====================================================================

Each is a model under the same graph as a real one, so that limits, budgets and records are the
same. What is random follows from the seed and the prompt alone, so that it does not depend on which
role is asked first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TypeAlias

from pydantic import BaseModel, JsonValue

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import pipeline_named
from tapgraph.agents.mobile.replies import (
    ROLES,
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.agents.mobile.state import PlanStatus
from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.evals.phone.role_prompt import Prompt, read_prompt
from tapgraph.evals.suite import Task
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, Reply, ToolSpec, Usage
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.settings import Settings
from tapgraph.tools.mobile.device import Capability, Device
from tapgraph.tools.mobile.outcome import OutcomeJudge
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Route
from tapgraph.tools.mobile.simulator.phone import Phone

__all__ = [
    "BASELINES",
    "ErrorProne",
    "PhoneAgents",
    "StandIn",
    "open_outcome_judge",
    "random_model",
]

BASELINES = ("null", "open-apps", "random", "demonstrator", "demonstrator-blind")

_ENDS_AT_RANDOM = 0.05
"""How likely the random agent says after a step that it is done."""
_TOUCHES = 0.6
_WORDS = ("milk", "cafe", "Chicago")


Role: TypeAlias = Callable[[Prompt, Random], BaseModel]
"""What a role says to a prompt; the dice follow from the seed and the prompt alone."""

Roles: TypeAlias = Mapping[type[BaseModel], Role]


class StandIn:
    """A `ChatModel` that plays the roles of the phone agent by functions.

    What no function is given for says that all is well and nothing is worth noting.
    """

    def __init__(self, name: str, roles: Roles, *, seed: int = 0) -> None:
        self._name = name
        self._seed = seed
        self._roles: Roles = {
            OperatorReply: lambda _prompt, _dice: OperatorReply(action="Wait"),
            ReflectorReply: lambda _prompt, _dice: ReflectorReply(verdict="A"),
            NotetakerReply: lambda prompt, _dice: NotetakerReply(notes=prompt.notes),
            VerifierReply: lambda _prompt, _dice: VerifierReply(complete=True),
            ShortcutReply: lambda _prompt, _dice: ShortcutReply(worth_keeping=False),
            TipsReply: lambda _prompt, _dice: TipsReply(tips=[]),
            **roles,
        }

    @property
    def traits(self) -> ModelTraits:
        """Says that this is no model."""
        return ModelTraits(f"{self._name} (not a language model)")

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),  # noqa: ARG002  part of the protocol
        max_tokens: int | None = None,  # noqa: ARG002
        temperature: float | None = None,  # noqa: ARG002
        stop: Sequence[str] = (),  # noqa: ARG002
    ) -> Reply:
        """What the role says; it costs nothing.

        Raises:
            UsageError: it is none of the roles.
        """
        if schema is not None and issubclass(schema, OperatorReply):
            schema = OperatorReply
        role = self._roles.get(schema) if schema is not None else None
        if role is None:
            raise UsageError(f"{self._name} plays the roles of the phone agent, not {schema!r}")
        text = _question(messages)
        answer = role(read_prompt(text), Random(f"{self._seed}/{text}"))
        return Reply(answer.model_dump_json(), parsed=answer, usage=Usage(0, 0), model=self._name)


class ErrorProne(Demonstrator):
    """The demonstrator, of whose actions a share is replaced by those of another model."""

    def __init__(
        self,
        route: Route,
        phone: Phone,
        other: ChatModel,
        error_rate: float,
        *,
        seed: int,
        foresees: bool = False,
    ) -> None:
        super().__init__(route, phone, foresees=foresees)
        self._other = other
        self._error_rate = error_rate
        self._seed = seed

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """What the one or the other says."""
        dice = Random(f"error/{self._seed}/{_question(messages)}")
        acts = schema is not None and issubclass(schema, OperatorReply)
        answer = self._other.reply if acts and dice.random() < self._error_rate else super().reply
        return answer(
            messages,
            schema=schema,
            tools=tools,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=stop,
        )


def _question(messages: Sequence[Message]) -> str:
    return next(message for message in messages if message.role == "user").text


def _planned(status: PlanStatus, *subgoals: str, current: int = 1) -> ManagerReply:
    return ManagerReply(
        thought="", subgoals=list(subgoals) or ["Nothing"], current=current, status=status
    )


def _null() -> ChatModel:
    return StandIn("null", {ManagerReply: lambda _prompt, _dice: _planned("impossible")})


def _blind() -> ChatModel:
    return StandIn(
        "demonstrator-blind", {ManagerReply: lambda _prompt, _dice: _planned("finished")}
    )


def _open_apps(apps: Sequence[str]) -> ChatModel:
    """The progress that it reports has a line for each app."""

    def plan(prompt: Prompt, _dice: Random) -> ManagerReply:
        opened = len(prompt.sections["Progress"].splitlines())
        status: PlanStatus = "working" if opened < len(apps) else "finished"
        return _planned(status, *apps, current=min(opened + 1, max(1, len(apps))))

    def act(prompt: Prompt, _dice: Random) -> OperatorReply:
        app = prompt.sections["Current subgoal"].partition("\n")[0]
        return OperatorReply(action="Open_App", arguments={"app_name": app})

    def judge(prompt: Prompt, _dice: Random) -> ReflectorReply:
        before, app = prompt.sections["Progress before"], prompt.sections["Current subgoal"]
        return ReflectorReply(verdict="A", progress=f"{before}\n{app}".strip(), subgoal_done=True)

    roles: Roles = {ManagerReply: plan, OperatorReply: act, ReflectorReply: judge}
    return StandIn("open-apps", roles)


def _at_random(seed: int, apps: Sequence[str]) -> ChatModel:
    def plan(prompt: Prompt, dice: Random) -> ManagerReply:
        is_over = bool(prompt.sections["Progress"]) and dice.random() < _ENDS_AT_RANDOM
        return _planned("finished" if is_over else "working", "Try something")

    def act(prompt: Prompt, dice: Random) -> OperatorReply:
        name, arguments = dice.choice(_valid_calls(prompt, dice, apps))
        return OperatorReply(thought="The dice say so.", action=name, arguments=arguments)

    def judge(_prompt: Prompt, dice: Random) -> ReflectorReply:
        is_over = dice.random() < _ENDS_AT_RANDOM
        return ReflectorReply(verdict="A", progress="Tried something.", subgoal_done=is_over)

    roles: Roles = {ManagerReply: plan, OperatorReply: act, ReflectorReply: judge}
    return StandIn("random", roles, seed=seed)


def _valid_calls(
    prompt: Prompt, dice: Random, apps: Sequence[str]
) -> list[tuple[str, dict[str, JsonValue]]]:
    """Touches of what is on the screen in 6 of 10 cases, else what goes on every screen."""
    elements = [element.number for element in prompt.glance.elements if element.number]
    if elements and dice.random() < _TOUCHES:
        return [("Tap", {"element": number}) for number in elements]
    calls: list[tuple[str, dict[str, JsonValue]]] = [
        ("Back", {}),
        ("Swipe", {"direction": dice.choice(("up", "down"))}),
        ("Open_App", {"app_name": dice.choice(apps)}),
    ]
    if prompt.glance.keyboard_shown:
        calls += [("Type", {"text": dice.choice(_WORDS)}), ("Enter", {})]
    return calls


def _error_rate(query: str) -> float:
    found = re.fullmatch(r"error_rate=(0(?:\.\d+)?|1(?:\.0+)?)", query)
    if found is None:
        raise UsageError(f"the demonstrator has the option error_rate=0 to 1, got {query!r}")
    return float(found[1])


@dataclass(frozen=True, slots=True)
class PhoneAgents:
    """Makes a phone agent for each trial, also in other processes.

    Attributes:
        model: a baseline, or a spec as `tapgraph run --model` takes it.
        pipeline: the name of the pipeline.
        spares_reflector: whether the shipped outcome net judges where it is sure. The demonstrator
            then says when a subgoal will be done, as only its Reflector did before.

    Raises:
        UsageError: there is no such pipeline or baseline.
        ExtraMissing: torch is needed for the outcome net.
        EnvironmentMissing: its weights are not here.
    """

    model: str
    pipeline: str = "tapgraph"
    spares_reflector: bool = False

    def __post_init__(self) -> None:
        pipeline_named(self.pipeline)
        if self.is_baseline:
            name, _, query = self.model.partition("?")
            if name == "demonstrator" and query:
                _error_rate(query)
            elif query:
                raise UsageError(f"{name} has no options, got {self.model!r}")
        if self.spares_reflector:
            open_outcome_judge()

    @property
    def name(self) -> str:
        """What to call the agent in tables."""
        spared = ", Reflector spared" if self.spares_reflector else ""
        return f"{self.model}, pipeline {self.pipeline}{spared}"

    @property
    def is_baseline(self) -> bool:
        """Whether no language model is asked."""
        return self.model.partition("?")[0] in BASELINES

    def __call__(self, device: Device, task: Task, seed: int) -> PhoneAgent:
        """The agent, with dice of that seed where it has any."""
        if not self.is_baseline:
            model: ChatModel | RoleModels = _opened(self.model)
        else:
            model = _baseline(self.model, device, task, seed, foresees=self.spares_reflector)
        judge = open_outcome_judge() if self.spares_reflector else None
        pipeline = pipeline_named(self.pipeline)
        return PhoneAgent(device, model, pipeline=pipeline, outcome_judge=judge)


def _baseline(
    spec: str, device: Device, task: Task, seed: int, *, foresees: bool = False
) -> ChatModel:
    name, _, query = spec.partition("?")
    match name:
        case "null":
            return _null()
        case "open-apps":
            return _open_apps(task.apps)
        case "random":
            return random_model(device, seed)
        case "demonstrator-blind":
            return _blind()
    if not isinstance(device, SimulatedDevice) or task.route is None:
        raise UsageError(
            f"the demonstrator needs a task with a route on the simulated phone in this process; "
            f"{task.id!r} on {device.name!r} has none"
        )
    if not query:
        return Demonstrator(task.route, device.phone, foresees=foresees)
    return ErrorProne(
        task.route,
        device.phone,
        random_model(device, seed),
        _error_rate(query),
        seed=seed,
        foresees=foresees,
    )


def random_model(device: Device, seed: int) -> ChatModel:
    """The baseline `random`: valid actions by the dice of the seed."""
    return _at_random(seed, _installed(device))


def _installed(device: Device) -> Sequence[str]:
    has_apps = Capability.APPS in device.capabilities
    return [app.label for app in device.installed_apps()] if has_apps else []


@cache
def open_outcome_judge() -> OutcomeJudge:
    """The shipped outcome net, once a process.

    Raises:
        ExtraMissing: torch is not installed.
        EnvironmentMissing: its weights are not here.
    """
    try:
        # Torch is optional, and only this judge needs it.
        from tapgraph.tools.mobile.perception.outcomes import NetJudge  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("vision", "sparing the Reflector") from error
    return NetJudge.open()


@cache
def _opened(spec: str) -> RoleModels:
    """Once a process: a checkpoint of this machine takes long to load."""
    return open_models(spec, Settings.from_environment(), roles=ROLES)
