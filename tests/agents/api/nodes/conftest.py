"""A desk for one node of the API agent: a team with APIs, a clock and a model made by hand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from langgraph.runtime import Runtime

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.api.state import ApiState, ApiStep, ApiTeam, initial_state
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Event
from tapgraph.agents.run.history import Limits
from tapgraph.agents.run.ledger import Ledger
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.recall import Recall
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.llm_backend.prompt import prompts_of
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore, Scope
from tapgraph.memory.retrieval import TextRetriever
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.api.functions import PythonFunctions

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=ZoneInfo("Europe/Paris"))


def a_step(step: int, **fields: Any) -> ApiStep:
    known: dict[str, Any] = {"name": "call", "verdict": "A", "subject": "weather"}
    return ApiStep(step=step, **known | fields)


def weather(city: str) -> str:
    """Tells the weather of a city."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return f"sunny in {city}"


def delete_city(city: str) -> str:
    """Deletes a city."""
    return "deleted"


@dataclass(frozen=True)
class ApiDesk:
    """A team, and what came of its node."""

    team: ApiTeam
    model: ScriptedModel

    def state(self, **fields: Any) -> ApiState:
        """After the first search."""
        usual: dict[str, Any] = {**initial_state("Tell me the weather in Lyon", NOW), "step": 1}
        return cast("ApiState", usual | fields)

    def run(self, node: Any, **fields: Any) -> dict[str, Any]:
        """What the node changes in the state."""
        changed: dict[str, Any] = node(self.state(**fields), Runtime(context=self.team))
        return changed

    def events(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.team.run.folder.events() if type(event) is kind]

    @property
    def prompt(self) -> str:
        """What the model was asked first."""
        return self.model.requests[0].messages[-1].text

    @property
    def rules(self) -> str:
        return self.model.requests[0].messages[0].text


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path / "memory.db") as opened:
        yield opened


@pytest.fixture
def limits() -> Limits:
    """Those of the API agent."""
    return ApiAgent(PythonFunctions([weather]), ScriptedModel([]))._set_up().limits


@pytest.fixture
def desk(limits: Limits, store: MemoryStore, tmp_path: Path) -> Iterator[Callable[..., ApiDesk]]:
    """Sets a desk: `desk(says, runner=..., pinned=(...), answer_type=...)`.

    The model says the same to whatever it is asked, or a list in order.
    """
    folders: list[RunFolder] = []

    def build(
        says: Answer | list[Answer] = "no JSON",
        *,
        runner: ApiRunner | None = None,
        pinned: Sequence[str] = (),
        budget: Budget | None = None,
        **fields: Any,
    ) -> ApiDesk:
        header = RunHeader(instruction="t", pipeline="api", model="scripted", device="APIs")
        folders.append(folder := RunFolder.create(tmp_path / f"run{len(folders)}", header))
        answers = says if isinstance(says, list) else (lambda messages, schema: says)
        model = ScriptedModel(answers)
        run = AgentRun(
            folder=folder,
            ledger=Ledger(folder),
            meter=Meter(budget or Budget()),
            models=RoleModels(model),
            prompts=prompts_of("tapgraph.agents.api", None),
            limits=limits,
            recall=Recall(store, TextRetriever(store), folder, Scope(agent="api")),
            **fields,
        )
        apis = runner or PythonFunctions([weather, delete_city], origin="cities")
        return ApiDesk(ApiTeam(run, apis, lambda: NOW, tuple(pinned)), model)

    yield build
    for folder in folders:
        folder.close()


@pytest.fixture
def past() -> Callable[..., ApiStep]:
    """Makes a step of the past: `past(1, verdict="C")`."""
    return a_step
