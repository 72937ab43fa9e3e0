"""A desk for one node: a team with a phone, screens, a memory and a model made by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest
from langgraph.runtime import Runtime
from PIL import Image

from tapgraph.agents.mobile.graph import Node
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.pipeline import TAPGRAPH, Pipeline
from tapgraph.agents.mobile.screen_store import ScreenStore
from tapgraph.agents.mobile.state import PhoneState, Plan, initial_state
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.run.agent import Agent
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Event
from tapgraph.agents.run.ledger import Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.recall import Recall
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import ToolError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.prompt import prompts_of
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.memory.retrieval import TextRetriever
from tapgraph.tools.api.functions import PythonFunctions
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability, Device
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader


class StubPhone:
    """Takes every action and keeps it, but for those that it refuses."""

    name = "stub phone"
    capabilities = frozenset({Capability.VIRTUAL_TIME})

    def __init__(self) -> None:
        self.performed: list[Action] = []
        self.refuses: dict[str, str] = {}

    def perform(self, action: Action) -> ActionReceipt:
        if action.wire_name in self.refuses:
            raise ToolError(self.refuses[action.wire_name])
        self.performed.append(action)
        return ActionReceipt(action, 0.25)


class ScreensInOrder(ScreenReader):
    """Shows screens in order, the last one for ever, and keeps what change each look waited for."""

    def __init__(self, screens: Sequence[Screen]) -> None:
        self.coming = list(screens)
        self.waited_for: list[str] = []

    def read(self, *, timeout_s: float = 5.0) -> Screen:
        self.waited_for.append("")
        return self._next()

    def read_change(self, before: Screen, *, patience_s: float = 1.5) -> Screen:
        self.waited_for.append(before.fingerprint)
        return self._next()

    def _next(self) -> Screen:
        return self.coming.pop(0) if len(self.coming) > 1 else self.coming[0]


def a_screen(fingerprint: str = "first", *elements: Element, **fields: Any) -> Screen:
    known: dict[str, Any] = {
        "size": Size(1080, 2400),
        "elements": elements or (a_button("Save", 500),),
        "app": AppInfo("com.example", "Example"),
        "keyboard_shown": False,
        "screenshot": None,
        "tree_xml": "",
        "fingerprint": fingerprint,
    }
    return Screen(**known | fields)


def a_button(text: str, top: int, **fields: Any) -> Element:
    bounds = Bounds(0, top, 1080, top + 100)
    known: dict[str, Any] = {"number": 1, "role": Role.BUTTON, "clickable": True}
    return Element(bounds=bounds, text=text, **known | fields)


def a_picture(grey: int = 90) -> Image.Image:
    return Image.new("RGB", (1080, 2400), (grey, grey, grey))


@dataclass(frozen=True)
class Desk:
    """A team, and what came of its node."""

    team: PhoneTeam
    phone: StubPhone
    reader: ScreensInOrder
    models: tuple[ScriptedModel, ...]

    def state(self, **fields: Any) -> PhoneState:
        """In the first step of a plan of two subgoals, on screen 1."""
        usual: dict[str, Any] = {
            **initial_state("Do the task"),
            "step": 1,
            "screen": 1,
            "screen_before": 1,
            "plan": Plan(("Open it", "Save it")),
        }
        return cast("PhoneState", usual | fields)

    def run(self, node: Node, **fields: Any) -> dict[str, Any]:
        """What the node changes in the state."""
        return node(self.state(**fields), Runtime(context=self.team))

    def see(self, screen: Screen) -> int:
        """The number of another screen that was looked at."""
        self.reader.coming = [screen]
        return self.team.look(1)[0]

    def events(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.team.run.folder.events() if type(event) is kind]

    @property
    def model(self) -> ScriptedModel:
        """The one that was asked, else the one of all roles without their own."""
        return next((model for model in self.models if model.requests), self.models[0])

    @property
    def prompt(self) -> str:
        """What the model was asked first."""
        return self.model.requests[0].messages[-1].text

    @property
    def rules(self) -> str:
        return self.model.requests[0].messages[0].text

    @property
    def pictures(self) -> tuple[Image.Image, ...]:
        return self.model.requests[0].messages[-1].images


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path / "memory.db") as opened:
        yield opened


@pytest.fixture
def desk(store: MemoryStore, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Sets a desk: `desk(says, shows=[...], pipeline=..., traits=..., tools=[...])`.

    The model says the same to whatever it is asked, or a list in order. `role_traits` gives roles
    a model of their own, which says the same.
    """
    folders: list[RunFolder] = []

    def build(
        says: Answer | list[Answer] = "no JSON",
        *,
        shows: Sequence[Screen] = (),
        pipeline: Pipeline = TAPGRAPH,
        traits: ModelTraits | None = None,
        role_traits: Mapping[str, ModelTraits] = MappingProxyType({}),
        tools: Sequence[Callable[..., object]] = (),
        apps: Sequence[str] = (),
        api_agent: Agent | None = None,
        budget: Budget | None = None,
        **fields: Any,
    ) -> Desk:
        header = RunHeader(
            instruction="Do the task", pipeline=pipeline.name, model="scripted", device="stub"
        )
        folders.append(folder := RunFolder.create(tmp_path / f"run{len(folders)}", header))
        answers = says if isinstance(says, list) else (lambda messages, schema: says)
        model = ScriptedModel(answers, traits=traits)
        by_role = {role: ScriptedModel(answers, traits=own) for role, own in role_traits.items()}
        run = AgentRun(
            folder=folder,
            ledger=Ledger(folder),
            meter=Meter(budget or Budget()),
            models=RoleModels(model, by_role),
            prompts=prompts_of("tapgraph.agents.mobile", None),
            limits=pipeline.limits,
            recall=Recall(store, TextRetriever(store), folder, keeps_record=True),
            **fields,
        )
        phone, reader = StubPhone(), ScreensInOrder(shows or [a_screen()])
        team = PhoneTeam(
            run=run,
            device=cast("Device", phone),
            screens=ScreenStore(reader, folder, budget_tokens=pipeline.screen_tokens),
            pipeline=pipeline,
            offer=Offer(
                tools=PythonFunctions(tools) if tools else None,
                apps=apps,
            ),
            api_agent=api_agent,
        )
        team.look(0)
        return Desk(team, phone, reader, (model, *by_role.values()))

    yield build
    for folder in folders:
        folder.close()


@pytest.fixture
def screen() -> Callable[..., Screen]:
    """Makes a screen: `screen(fingerprint, *elements, **fields)`."""
    return a_screen


@pytest.fixture
def button() -> Callable[..., Element]:
    """Makes a button across the screen: `button(text, top)`."""
    return a_button


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    """Makes a grey picture of the screen."""
    return a_picture
