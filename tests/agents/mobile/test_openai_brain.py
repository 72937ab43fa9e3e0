"""Any server of OpenAI's protocol can be the brain: a whole task through the official client."""

import dataclasses
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import ManagerReply, OperatorReply
from tapgraph.agents.run.events import Decided, ModelCalled
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_a_whole_task_runs_over_http(
    knowing: Any,
    pipeline: Pipeline,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing))
    pictures = "operator" if pipeline is TAPGRAPH else "all"
    spec = server.spec("brain", f"pictures={pictures}&max_image_px=400&price_in=1&price_out=2")
    result = stage.run(spec, NOTE, pipeline=pipeline)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(NOTE)
    calls = events(ModelCalled)
    assert len(calls) == len(server.requests)
    assert result.spent.tokens == 18 * len(calls)
    assert result.spent.cost_usd == pytest.approx(len(calls) * (11 * 1 + 7 * 2) / 1e6)
    assert RunFolder.open(result.folder).header.model == "brain"
    pictures_sent = sum(len(phone_brain.pictures_of(request)) for request in server.requests)
    pictures_per_step = pictures_sent / len(events(Decided))
    assert pictures_per_step == (1 if pipeline is TAPGRAPH else pytest.approx(5, abs=0.5))


def test_roles_may_have_models_of_their_own(
    knowing: Any, openai_server: Any, phone_brain: ModuleType, stage: Any
) -> None:
    brain = phone_brain.PhoneBrain(knowing)
    small, large = openai_server(brain), openai_server(brain)
    result = stage.run(f"{small.spec('small')},manager={large.spec('large')}", NOTE)
    assert result.outcome is Outcome.SUCCESS
    assert {phone_brain.role_of(request) for request in large.requests} == {ManagerReply}
    assert RunFolder.open(result.folder).header.model == "small, large"


def test_what_is_new_comes_last(
    knowing: Any, openai_server: Any, phone_brain: ModuleType, stage: Any
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing))
    stage.run(server.spec(), NOTE)
    asked = [phone_brain.text_of(request["messages"][1]) for request in server.requests]
    assert all(question.startswith(f"## Task\n{NOTE}") for question in asked)
    shown = [question for question in asked if "<screen>" in question]
    assert len(shown) > 20
    assert all(question.endswith("</screen>") for question in shown)


def test_a_part_in_full_is_only_to_be_read_and_points_count_on_the_whole(
    knowing: Any, openai_server: Any, phone_brain: ModuleType, stage: Any
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing, points_only=True))
    spec = server.spec("brain", "pictures=operator&max_image_px=600")
    looks = dataclasses.replace(TAPGRAPH, looks_closer=True)
    result = stage.run(spec, NOTE, pipeline=looks)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(NOTE)
    asked = [one for one in server.requests if phone_brain.role_of(one) is OperatorReply]
    sizes = [[picture.size for picture in phone_brain.pictures_of(one)] for one in asked]
    closer = [one for one in sizes if len(one) == 2]
    assert closer
    assert all(one == [(270, 600)] * len(one) for one in sizes)
    told = [phone_brain.text_of(one["messages"][1]) for one in asked]
    assert [text.startswith("The second picture") for text in told] == [
        len(one) == 2 for one in sizes
    ]
