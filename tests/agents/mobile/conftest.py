"""Phones, memories and whole runs for the tests of the phone agent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.agents.run.events import Event
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone

Override = Callable[[Sequence[Message], type[BaseModel] | None], Answer | None]
RunTask = Callable[..., TaskResult]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path / "memory.db") as store:
        yield store


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone(seed=7) as built:
        yield built


@pytest.fixture
def knowing(known_routes: ModuleType, phone: Phone) -> ChatModel:
    """A model that knows the way to the tasks of `known_routes`."""
    model: ChatModel = known_routes.KnowsRoutes(phone)
    return model


@pytest.fixture
def run_task(
    phone: Phone, memory: MemoryStore, tmp_path: Path, known_routes: ModuleType
) -> RunTask:
    """Runs a task on the simulated phone: `run_task(instruction, model, **agent_fields)`."""

    def run(instruction: str, model: ChatModel | None = None, **fields: Any) -> TaskResult:
        answer_type = fields.pop("answer_type", None)
        device = fields.pop("device", None) or SimulatedDevice(phone)
        agent = PhoneAgent(
            device=device,
            model=RoleModels(model or known_routes.KnowsRoutes(device.phone)),
            memory=memory,
            **fields,
        )
        return agent.run(instruction, out=tmp_path / "run", answer_type=answer_type)

    return run


@dataclass(frozen=True)
class Stage:
    """A phone, and whole tasks on it with the models of a spec, as the command line runs them."""

    phone: Phone
    memory: MemoryStore
    folder: Path
    known_routes: ModuleType

    def run(self, spec: str, instruction: str, **fields: Any) -> TaskResult:
        """Do the task; other arguments are the agent's."""
        settings = Settings(home=self.folder, model_api_key="sk-mine")
        answer_type = fields.pop("answer_type", None)
        agent = PhoneAgent(
            device=fields.pop("device", None) or SimulatedDevice(self.phone),
            model=open_models(spec, settings, roles=ROLES),
            memory=self.memory,
            **fields,
        )
        return agent.run(instruction, out=self.folder / "run", answer_type=answer_type)

    def is_done(self, instruction: str) -> bool:
        """Whether the databases of the phone say so."""
        done: bool = self.known_routes.is_done(instruction, self.phone)
        return done


@pytest.fixture
def stage(phone: Phone, memory: MemoryStore, tmp_path: Path, known_routes: ModuleType) -> Stage:
    return Stage(phone, memory, tmp_path, known_routes)


@pytest.fixture
def events(tmp_path: Path) -> Callable[[type[Event]], list[Any]]:
    """The events of one kind that the run has left."""

    def of_kind(kind: type[Event]) -> list[Any]:
        return [event for event in RunFolder.open(tmp_path / "run").events() if type(event) is kind]

    return of_kind


@pytest.fixture
def demonstrator_but(knowing: ChatModel) -> Callable[[Override], ScriptedModel]:
    """The demonstrator, except where the function gives another answer."""

    def build(override: Override) -> ScriptedModel:
        def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
            other = override(messages, schema)
            return knowing.reply(messages, schema=schema) if other is None else other

        return ScriptedModel(answer)

    return build
