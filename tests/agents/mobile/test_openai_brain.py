"""Any server of OpenAI's protocol can be the brain: a whole task through the official client."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import ROLES
from tapgraph.agents.run.events import Decided, ModelCalled
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.model_spec import open_models
from tapgraph.memory import MemoryStore
from tapgraph.settings import Settings
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.tasks import PhoneRecords, find_task
from tapgraph.tools.mobile.simulator.world.world import World

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
SETTINGS = Settings(home=Path("unused"))


def _pictures(request: dict[str, Any]) -> int:
    return sum(
        part["type"] == "image_url"
        for message in request["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_a_whole_task_runs_over_http(
    pipeline: Pipeline,
    openai_server: Callable[..., Any],
    wire_demonstrator: ModuleType,
    phone: Phone,
    memory: MemoryStore,
    tmp_path: Path,
) -> None:
    server = openai_server(wire_demonstrator.demonstrate)
    pictures = "operator" if pipeline is TAPGRAPH else "all"
    spec = server.spec("brain", f"pictures={pictures}&max_image_px=400&price_in=1&price_out=2")
    models = open_models(spec, SETTINGS, roles=ROLES)
    agent = PhoneAgent(
        device=SimulatedDevice(phone), model=models, memory=memory, pipeline=pipeline
    )
    result = agent.run(NOTE, out=tmp_path / "run")
    assert result.outcome is Outcome.SUCCESS
    task = find_task(NOTE)
    assert task is not None
    assert task.check(World.generate(7), PhoneRecords(phone)).reasons == ()
    folder = RunFolder.open(tmp_path / "run")
    calls = [event for event in folder.events() if isinstance(event, ModelCalled)]
    assert len(calls) == len(server.requests)
    assert result.spent.tokens == 18 * len(calls)
    assert result.spent.cost_usd == pytest.approx(len(calls) * (11 * 1 + 7 * 2) / 1e6)
    assert folder.header.model == "brain"
    decided = [event.step for event in folder.events() if isinstance(event, Decided)]
    in_steps = [request for request in server.requests if _pictures(request)]
    pictures_per_step = sum(map(_pictures, in_steps)) / len(decided)
    assert pictures_per_step == (1 if pipeline is TAPGRAPH else pytest.approx(5, abs=0.5))


def test_roles_may_have_models_of_their_own(
    openai_server: Callable[..., Any],
    wire_demonstrator: ModuleType,
    phone: Phone,
    memory: MemoryStore,
    tmp_path: Path,
) -> None:
    small, large = (
        openai_server(wire_demonstrator.demonstrate),
        openai_server(wire_demonstrator.demonstrate),
    )
    models = open_models(
        f"{small.spec('small')},manager={large.spec('large')}", SETTINGS, roles=ROLES
    )
    agent = PhoneAgent(device=SimulatedDevice(phone), model=models, memory=memory)
    assert agent.run(NOTE, out=tmp_path / "run").outcome is Outcome.SUCCESS
    names = {request["response_format"]["json_schema"]["name"] for request in large.requests}
    assert names == {"ManagerReply"}
    assert RunFolder.open(tmp_path / "run").header.model == "small, large"


def test_what_never_changes_comes_first_and_the_screen_last(
    openai_server: Callable[..., Any],
    wire_demonstrator: ModuleType,
    phone: Phone,
    memory: MemoryStore,
    tmp_path: Path,
) -> None:
    server = openai_server(wire_demonstrator.demonstrate)
    agent = PhoneAgent(
        device=SimulatedDevice(phone),
        model=open_models(server.spec(), SETTINGS, roles=ROLES),
        memory=memory,
    )
    agent.run(NOTE, out=tmp_path / "run")
    by_role: dict[str, list[tuple[str, str]]] = {}
    for request in server.requests:
        system, user = (message["content"] for message in request["messages"])
        name = request["response_format"]["json_schema"]["name"]
        by_role.setdefault(name, []).append((
            wire_demonstrator.words(system),
            wire_demonstrator.words(user),
        ))
    for name in ("OperatorReply", "ReflectorReply", "NotetakerReply", "ManagerReply"):
        turns = by_role[name]
        assert len({system for system, _ in turns}) == 1
        assert all(user.startswith(f"## Task\n{NOTE}") for _, user in turns)
        assert all(user.endswith("</screen>") for _, user in turns)
