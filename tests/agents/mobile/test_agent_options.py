"""What the options of the phone agent change, and what a run's header keeps of them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E
from tapgraph.agents.run.agent import new_folder
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Resumed, RunStarted
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.memory import MemoryStore
from tapgraph.tools.api.functions import PythonFunctions
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone

Build = Callable[..., PhoneAgent]


def mute(name: str = "mute") -> ScriptedModel:
    return ScriptedModel(lambda messages, schema: "no JSON", traits=ModelTraits(name))


@pytest.fixture
def agent(phone: Phone, memory: MemoryStore) -> Build:
    """An agent whose model says nothing of use, for a single step."""

    def build(**fields: Any) -> PhoneAgent:
        usual: dict[str, Any] = {
            "memory": memory,
            "budget": Budget(max_steps=1),
            "model": RoleModels(mute()),
        }
        return PhoneAgent(SimulatedDevice(phone), **usual | fields)

    return build


def test_the_header_says_what_was_asked_of_whom(
    agent: Build, memory: MemoryStore, tmp_path: Path
) -> None:
    models = RoleModels(mute("small"), {"manager": mute("large")})
    one = agent(model=models, pipeline=MOBILE_AGENT_E)
    result = one.run("Do it", out=tmp_path / "run", seed=7, options={"quiet": True})
    header = RunFolder.open(result.folder).header
    assert (header.instruction, header.pipeline) == ("Do it", "mobile-agent-e")
    assert header.pipeline_settings["wiring"] == "in order"
    assert (header.model, header.demonstrator) == ("small, large", False)
    assert header.device == one.device.name
    assert header.memory == memory.url
    assert (header.budget, header.seed, header.options) == (Budget(max_steps=1), 7, {"quiet": True})
    assert (header.outcome, header.reason, header.spent) == (
        result.outcome, result.reason, result.spent
    )  # fmt: skip
    events = RunFolder.open(result.folder).events()
    assert events[0] == RunStarted(0, "Do it", "mobile-agent-e")


def test_one_model_may_play_all_roles(agent: Build, tmp_path: Path) -> None:
    model = mute("alone")
    agent(model=model).run("Do it", out=tmp_path / "run")
    assert RunFolder.open(tmp_path / "run").header.model == "alone"
    assert len(model.requests) > 1


def test_without_a_memory_the_run_has_its_own_and_learns_nothing(
    agent: Build, tmp_path: Path
) -> None:
    model = mute()
    one = agent(memory=None, model=RoleModels(model), budget=Budget())
    result = one.run("Do it", out=tmp_path / "run")
    assert result.outcome is Outcome.MODEL_ERROR
    assert (result.folder / "memory.db").exists()
    assert RunFolder.open(result.folder).header.memory == ""
    names = {request.schema.__name__ for request in model.requests if request.schema}
    assert "TipsReply" not in names
    assert "Tap_Type_and_Enter" in model.requests[-1].messages[0].text


def test_a_resumed_run_is_reopened(agent: Build, tmp_path: Path) -> None:
    agent().run("Do it", out=tmp_path / "run")
    agent(budget=Budget(max_steps=2)).resume(tmp_path / "run")
    folder = RunFolder.open(tmp_path / "run")
    assert [event.step for event in folder.events() if isinstance(event, Resumed)] == [1]
    assert folder.header.spent.steps == 2


def test_a_subgoal_that_was_stopped_is_gone_on_with_and_an_ended_one_is_not(
    agent: Build, tmp_path: Path
) -> None:
    one, out = agent(), tmp_path / "run"
    first = one.do_subgoal("Do it", out=out, budget=Budget(max_steps=2))
    second = one.do_subgoal("Do it", out=out, budget=Budget(max_steps=9))
    third = one.do_subgoal("Do it", out=out, budget=Budget(max_steps=20))
    assert [each.outcome for each in (first, second, third)] == [
        Outcome.BUDGET, Outcome.MODEL_ERROR, Outcome.MODEL_ERROR
    ]  # fmt: skip
    assert [each.spent.steps for each in (first, second, third)] == [2, 4, 4]


def rules(agent: PhoneAgent, model: ScriptedModel, tmp_path: Path) -> str:
    agent.run("Do it", out=tmp_path / "run")
    return next(
        request.messages[0].text
        for request in model.requests
        if "You are the Operator" in request.messages[0].text
    )


def test_the_default_pipeline_offers_all_actions_tools_and_the_apps_of_the_phone(
    agent: Build, tmp_path: Path
) -> None:
    def weather() -> str:
        """Tells the weather."""
        return "sunny"

    def song() -> str:
        """Plays a song."""
        return "la"

    model = mute()
    tools = [weather, PythonFunctions([song], origin="music")]
    told = rules(agent(model=RoleModels(model), tools=tools), model, tmp_path)
    for part in ("- Answer: ", "- Long_Press: ", '"Maps"', "- weather() -> ", "- song() -> "):
        assert part in told


def test_the_published_pipeline_offers_nine_actions(agent: Build, tmp_path: Path) -> None:
    model = mute()
    told = rules(agent(model=RoleModels(model), pipeline=MOBILE_AGENT_E), model, tmp_path)
    offered = told.partition("arguments:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^- (\w+)", offered, re.MULTILINE) == [
        "Open_App", "Tap", "Swipe", "Type", "Enter", "Switch_App", "Back", "Home", "Wait"
    ]  # fmt: skip


def test_a_tool_cannot_be_called_as_an_action_is(agent: Build, tmp_path: Path) -> None:
    def tap() -> str:
        """Taps."""
        return ""

    with pytest.raises(
        UsageError, match="a tool cannot be called 'tap': models say that for the action Tap"
    ):
        agent(tools=[tap]).run("Do it", out=tmp_path / "run")


def test_roles_of_ones_own_may_have_models(agent: Build) -> None:
    assert agent(own_roles=["advisor"]).roles == (
        "manager", "operator", "reflector", "notetaker", "verifier", "shortcut_reflector",
        "tips_reflector", "advisor",
    )  # fmt: skip


def test_another_agent_is_told_what_a_phone_is_for(agent: Build) -> None:
    one = agent()
    assert one.abilities("x") == f"anything that a person can do by hand on {one.device.name}"


def test_a_new_folder_is_named_after_time_and_task() -> None:
    place = new_folder("Send: 'Hello, World'! " + "x" * 60)
    assert place.parent == Path("runs")
    assert re.fullmatch(r"\d{8}-\d{6}-send-hello-world-x{23}", place.name)
    assert new_folder("!!").name.endswith("-task")
