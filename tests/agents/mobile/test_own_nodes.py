"""A node of one's own beside the Reflector, with a model of its own role."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.runtime import Runtime
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.run.events import ActionDone, ModelCalled, Reflected, Warned
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UsageError
from tapgraph.llm_backend.messages import Message, system, user
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
SWITCH = "Turn on the alarm at 08:30"

Events = Callable[[Any], list[Any]]
Build = Callable[..., ScriptedModel]


class Advice(BaseModel):
    words: str


def guard(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Asks a model of its own role what to mind next."""
    question = system("You are the Guard."), user(f"Step {state['step']}: what is to be minded?")
    said = runtime.context.ask("guard", state, question, Advice)
    return {"advice": {"guard": said.words}}


def minding(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
    if schema is not Advice:
        return None
    step = messages[-1].text.removeprefix("Step ").partition(":")[0]
    return Advice(words=f"mind the\n## gap after {step}")


def told_to_operator(model: ScriptedModel) -> list[str]:
    asked = [one for one in model.requests if one.schema and issubclass(one.schema, OperatorReply)]
    return [one.messages[-1].text for one in asked]


def test_advice_is_a_hint_in_the_operators_next_step(
    run_task: Any, demonstrator_but: Build
) -> None:
    model = demonstrator_but(minding)
    assert run_task(NOTE, model, nodes={"guard": guard}).outcome is Outcome.SUCCESS
    first, second, third = told_to_operator(model)[:3]
    assert "mind the" not in first
    assert "\nHint: mind the ## gap after 1\n<screen>" in second
    assert "\nHint: mind the ## gap after 2\n<screen>" in third


def weather() -> str:
    return "rain"


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_it_runs_after_each_action_that_a_model_judges_and_no_other(
    pipeline: Pipeline, run_task: Any, demonstrator_but: Build, events: Events
) -> None:
    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply) and "weather" not in messages[-1].text:
            return OperatorReply(action="weather")
        return minding(messages, schema)

    result = run_task(
        SWITCH, demonstrator_but(override), nodes={"guard": guard}, tools=[weather],
        pipeline=pipeline,
    )  # fmt: skip
    assert result.outcome is Outcome.SUCCESS
    judged = [event.step for event in events(Reflected) if event.judged_by == "model"]
    advised = [event.step for event in events(ModelCalled) if event.role == "guard"]
    assert events(Reflected)[0].judged_by == "tool"
    assert advised == judged == [event.step for event in events(Reflected)][1:]


def test_its_role_has_a_model_of_its_own(
    openai_server: Callable[..., Any],
    phone_brain: ModuleType,
    phone: Phone,
    tmp_path: Path,
) -> None:
    brain = openai_server(phone_brain.PhoneBrain())
    other = openai_server(lambda request: Advice(words="slowly"))
    agent = PhoneAgent(
        SimulatedDevice(phone),
        f"{brain.spec('brain')},guard={other.spec('other')}",
        nodes={"guard": guard},
        own_roles=["guard"],
    )
    assert agent.run(SWITCH, out=tmp_path / "run").outcome is Outcome.SUCCESS
    assert other.requests
    asked = {one["messages"][0]["content"] for one in other.requests}
    assert asked == {"You are the Guard."}
    assert "You are the Guard." not in str(brain.requests)


def test_a_role_that_is_not_named_has_no_model(phone: Phone, tmp_path: Path) -> None:
    agent = PhoneAgent(SimulatedDevice(phone), "http://127.0.0.1:9/v1#a,guard=http://b/v1#b")
    with pytest.raises(UsageError, match="no role is called 'guard'"):
        agent.run(SWITCH, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["reflector", "verifier", "plan", "__start__", "a:b", "two words"])
def test_a_node_has_a_name_that_the_graph_does_not_use(name: str, phone: Phone) -> None:
    with pytest.raises(UsageError, match="a node must be called by a word that the graph") as told:
        PhoneAgent(SimulatedDevice(phone), ScriptedModel([]), nodes={name: guard})
    assert f"got {name!r}" in str(told.value)


def test_a_reply_that_it_cannot_use_is_a_warning(
    run_task: Any, demonstrator_but: Build, events: Events
) -> None:
    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        return "I am not JSON." if schema is Advice else None

    result = run_task(SWITCH, demonstrator_but(override), nodes={"guard": guard})
    assert result.outcome is Outcome.SUCCESS
    assert events(Warned)[0].text.startswith("guard: ")


def test_a_run_that_is_killed_inside_it_goes_on_with_its_advice(
    tmp_path: Path, openai_server: Any, phone_brain: Any
) -> None:
    model = openai_server(phone_brain.PhoneBrain()).spec()
    script = Path(__file__).with_name("killed_own.py")
    with build_phone(seed=7) as phone, SimulatorServer(phone) as server:
        ended = [
            subprocess.run(
                [sys.executable, str(script), server.url, model, str(tmp_path), fatal],
                capture_output=True,
                check=False,
                timeout=120,
            ).returncode
            for fatal in ("node", "nowhere")
        ]
    assert ended == [-signal.SIGKILL, 0]
    events = RunFolder.open(tmp_path / "run").events()
    done = [(event.step, event.part) for event in events if isinstance(event, ActionDone)]
    assert len(done) == len(set(done))
    advised = [e.step for e in events if isinstance(e, ModelCalled) and e.role == "guard"]
    judged = [e.step for e in events if isinstance(e, Reflected) and e.judged_by == "model"]
    assert set(advised) == set(judged)
