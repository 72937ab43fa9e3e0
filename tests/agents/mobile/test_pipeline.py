"""A run is gone on with by the pipeline that it was started with."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import (
    MOBILE_AGENT_E,
    TAPGRAPH,
    Pipeline,
    pipeline_from,
    pipeline_named,
)
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import UsageError
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
Resumed = Callable[[], Any]


@pytest.mark.parametrize(
    "pipeline",
    [TAPGRAPH, MOBILE_AGENT_E, dataclasses.replace(TAPGRAPH, history_window=2)],
)
def test_a_pipeline_survives_being_written_as_json(pipeline: Pipeline) -> None:
    assert pipeline_from(json.loads(json.dumps(dataclasses.asdict(pipeline))), "x") == pipeline


def test_a_run_with_another_window_is_resumed_with_it(
    phone: Phone, memory: MemoryStore, demonstrator_but: Any, tmp_path: Path
) -> None:
    model = demonstrator_but(lambda messages, schema: None)

    def agent(**fields: Any) -> PhoneAgent:
        return PhoneAgent(SimulatedDevice(phone), RoleModels(model), memory=memory, **fields)

    one = dataclasses.replace(TAPGRAPH, history_window=1)
    first = agent(pipeline=one, budget=Budget(max_steps=3)).run(NOTE, out=tmp_path / "run")
    assert first.outcome is Outcome.BUDGET
    agent(budget=Budget(max_steps=4)).resume(tmp_path / "run")
    asked = [
        request.messages[-1].text
        for request in model.requests
        if request.schema and issubclass(request.schema, OperatorReply)
    ]
    told = asked[-1].partition("## Last actions\n")[2].partition("\n\n")[0]
    assert len(asked) == 4
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("settings", [{}, {"name": "x", "wiring": "backwards"}])
def test_a_run_of_an_unknown_pipeline_is_refused_in_one_sentence(
    settings: Any, phone: Phone, memory: MemoryStore, demonstrator_but: Any, tmp_path: Path
) -> None:
    model = demonstrator_but(lambda messages, schema: None)
    agent = PhoneAgent(
        SimulatedDevice(phone), RoleModels(model), memory=memory, budget=Budget(max_steps=1)
    )
    agent.run(NOTE, out=tmp_path / "run")
    place = tmp_path / "run" / "run.json"
    header = json.loads(place.read_text(encoding="utf-8"))
    header |= {"pipeline": "tomorrows", "pipeline_settings": settings}
    place.write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        agent.resume(tmp_path / "run")
    assert str(caught.value) == (
        "the run was made by the pipeline 'tomorrows', which this agent cannot go on with"
    )


def test_pipelines_have_names() -> None:
    assert pipeline_named("tapgraph") is TAPGRAPH
    assert pipeline_named("mobile-agent-e") is MOBILE_AGENT_E
    with pytest.raises(UsageError, match="'x'; use tapgraph or mobile-agent-e"):
        pipeline_named("x")


def test_the_published_limits_are_those_of_the_paper() -> None:
    limits = MOBILE_AGENT_E.limits
    assert (limits.max_failures, limits.max_repetitions) == (3, 3)
    assert (MOBILE_AGENT_E.history_window, MOBILE_AGENT_E.escalate_after) == (5, 2)
    assert (TAPGRAPH.history_window, TAPGRAPH.escalate_after) == (5, 2)
