"""The phone agent and the API agent do subgoals for each other, on one budget."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import (
    DelegatingManagerReply,
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
)
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import Decided, Delegated, Event, ModelCalled, Noted, Planned
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.replies import TipsReply, VerifierReply
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.llm_backend.chat_model import Reply, Usage
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore, Scope
from tapgraph.tools.api.functions import PythonFunctions
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone

TASK = "Note in my notes app what the weather is like."
ASK_API, WRITE = "Find out the weather in Lyon.", "Write it down."


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path / "memory.db") as store:
        yield store


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone(seed=7) as built:
        yield built


def weather(city: str) -> str:
    """Tells the weather of a city."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return f"sunny in {city}"


def priced(reply: BaseModel) -> Reply:
    return Reply(reply.model_dump_json(), usage=Usage(100, 10, 0.01))


def api_model(*actions: dict[str, Any]) -> ScriptedModel:
    left = list(actions)

    def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        if schema is VerifierReply:
            return priced(VerifierReply(complete=True))
        if schema is TipsReply:
            return priced(TipsReply(tips=[]))
        return priced(ChooserReply(thought="", **(left.pop(0) if len(left) > 1 else left[0])))

    return ScriptedModel(answer)


def api_agent(memory: MemoryStore, *actions: dict[str, Any], **fields: Any) -> ApiAgent:
    return ApiAgent(
        runner=PythonFunctions([weather], origin="weather"),
        model=RoleModels(api_model(*actions)),
        memory=memory,
        **fields,
    )


def lyon(city: str = "Lyon") -> tuple[dict[str, Any], ...]:
    return (
        {"action": "call", "api": "weather", "arguments": {"city": city}},
        {"action": "finish", "answer": {"from_call": 1}},
    )


def phone_model(by_api: Sequence[int]) -> ScriptedModel:
    """Plans two subgoals, answers with the notes, and finds everything good."""

    def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        prompt = messages[-1].text
        replies: dict[str, BaseModel] = {
            "OperatorReply": OperatorReply(
                thought="",
                action="Answer",
                arguments={"text": prompt.partition("## Notes\n")[2].partition("\n\n")[0]},
                description="",
                completes_subgoal=True,
            ),
            "ReflectorReply": ReflectorReply(verdict="A", subgoal_done=True),
            "NotetakerReply": NotetakerReply(notes=""),
            "VerifierReply": VerifierReply(complete=True),
            "ShortcutReply": ShortcutReply(worth_keeping=False),
            "TipsReply": TipsReply(tips=[]),
        }
        if schema is not None and schema.__name__ in replies:
            return priced(replies[schema.__name__])
        failed = "the API agent did not do it" in prompt
        plan: dict[str, Any] = {
            "thought": "",
            "subgoals": [WRITE] if failed else [ASK_API, WRITE],
            "current": 1,
            "status": "working",
        }
        if schema is DelegatingManagerReply:
            return priced(DelegatingManagerReply(**plan, by_api=[] if failed else list(by_api)))
        return priced(ManagerReply(**plan))

    return ScriptedModel(answer)


@pytest.fixture
def run_phone(phone: Phone, memory: MemoryStore, tmp_path: Path) -> Callable[..., TaskResult]:
    def run(model: ScriptedModel, **fields: Any) -> TaskResult:
        agent = PhoneAgent(
            device=SimulatedDevice(phone), model=RoleModels(model), memory=memory, **fields
        )
        return agent.run(TASK, out=tmp_path / "run")

    return run


def events_of(folder: Path, kind: type[Event]) -> list[Any]:
    return [event for event in RunFolder.open(folder).events() if type(event) is kind]


def test_the_phones_manager_gives_a_subgoal_to_the_api_agent(
    run_phone: Any, memory: MemoryStore, tmp_path: Path
) -> None:
    result = run_phone(phone_model([1]), api_agent=api_agent(memory, *lyon()))
    run = tmp_path / "run"
    assert result.outcome is Outcome.SUCCESS, result.reason
    assert "sunny in Lyon" in result.answer
    (delegated,) = events_of(run, Delegated)
    assert (delegated.subgoal, delegated.run) == (ASK_API, "api/001")
    assert delegated.answer == "sunny in Lyon"
    assert "sunny in Lyon" in events_of(run, Noted)[0].notes
    inner = run / "api" / "001"
    assert RunFolder.open(inner).header.outcome is Outcome.SUCCESS
    assert not [each for each in events_of(run, ModelCalled) if each.role == "chooser"]
    assert events_of(run, Decided)[0].step == 2


def test_what_the_other_agent_spends_is_charged(
    run_phone: Any, memory: MemoryStore, tmp_path: Path
) -> None:
    result = run_phone(phone_model([1]), api_agent=api_agent(memory, *lyon()))
    run = tmp_path / "run"
    calls = [*events_of(run, ModelCalled), *events_of(run / "api" / "001", ModelCalled)]
    assert result.spent.tokens == 110 * len(calls)
    assert result.spent.cost_usd == pytest.approx(0.01 * len(calls))
    assert result.spent.steps == 2 + 2
    assert RunFolder.open(run).header.spent == result.spent


def test_the_other_agent_gets_what_is_left_of_the_budget(
    run_phone: Any, memory: MemoryStore, tmp_path: Path
) -> None:
    endless = {"action": "call", "api": "weather", "arguments": {"city": "Lyon"}}
    agent = api_agent(memory, endless, budget=Budget(max_steps=40))
    result = run_phone(phone_model([1]), api_agent=agent, budget=Budget(max_steps=3))
    assert result.outcome is Outcome.BUDGET
    inner = RunFolder.open(tmp_path / "run" / "api" / "001").header
    assert (inner.budget.max_steps, inner.outcome) == (3, Outcome.BUDGET)


def test_failure_of_the_other_agent_is_trouble_for_the_manager(
    run_phone: Any, memory: MemoryStore, tmp_path: Path
) -> None:
    agent = api_agent(memory, {"action": "give_up", "answer": "no city is meant"})
    model = phone_model([1])
    result = run_phone(model, api_agent=agent)
    assert result.outcome is Outcome.SUCCESS, result.reason
    plans = events_of(tmp_path / "run", Planned)
    assert [len(each.subgoals) for each in plans[:2]] == [2, 1]
    asked = [
        one.messages[-1].text for one in model.requests if one.schema is DelegatingManagerReply
    ]
    assert "the API agent did not do it: gave_up: no city is meant" in asked[1]


def test_a_manager_without_an_api_agent_hears_nothing_of_it(run_phone: Any, tmp_path: Path) -> None:
    model = phone_model([1])
    run_phone(model, budget=Budget(max_steps=1))
    asked = [one for one in model.requests if one.schema is ManagerReply]
    assert asked
    assert all("by_api" not in message.text for one in asked for message in one.messages)
    assert all("API" not in message.text for one in asked for message in one.messages)
    assert events_of(tmp_path / "run", Delegated) == []


def test_a_manager_with_an_api_agent_sees_what_it_can_do(
    run_phone: Any, memory: MemoryStore
) -> None:
    model = phone_model([])
    run_phone(model, api_agent=api_agent(memory, *lyon()), budget=Budget(max_steps=1))
    asked = next(one for one in model.requests if one.schema is DelegatingManagerReply)
    assert "weather(city: text) -> text" in asked.messages[0].text
    assert '"by_api": []' in asked.messages[0].text


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_subgoal_that_was_interrupted_is_gone_on_with(
    phone: Phone, memory: MemoryStore, tmp_path: Path
) -> None:
    called: list[str] = []

    def counted(city: str) -> str:
        """Tells the weather of a city."""
        called.append(city)
        return f"sunny in {city}"

    actions = ({**lyon()[0], "api": "counted"}, lyon()[1])

    def stop_at_tips(recorded: Any) -> None:
        if recorded.event.kind == "learnt_tips":
            raise Killed

    def agent(**fields: Any) -> PhoneAgent:
        inner = ApiAgent(
            runner=PythonFunctions([counted]),
            model=RoleModels(api_model(*actions)),
            memory=memory,
            **fields,
        )
        return PhoneAgent(
            device=SimulatedDevice(phone),
            model=RoleModels(phone_model([1])),
            memory=memory,
            api_agent=inner,
        )

    run = tmp_path / "run"
    with pytest.raises(Killed):
        agent(on_event=stop_at_tips).run(TASK, out=run)
    assert agent().resume(run).outcome is Outcome.SUCCESS
    assert called == ["Lyon"]
    assert len(events_of(run, Delegated)) == 1
    assert [each.name for each in sorted((run / "api").iterdir())] == ["001"]


def test_the_phone_agent_is_not_given_tips_for_apis(run_phone: Any, memory: MemoryStore) -> None:
    memory.add_tip("Ids are numbers.", scope=Scope(agent="api"))
    memory.add_tip("Tap in the middle.", scope=Scope(agent="mobile"))
    model = phone_model([])
    run_phone(model, budget=Budget(max_steps=1))
    rules = next(
        one.messages[0].text
        for one in model.requests
        if one.schema and issubclass(one.schema, OperatorReply)
    )
    assert "Tap in the middle." in rules
    assert "Ids are numbers." not in rules


def test_the_api_agent_has_a_phone(
    phone: Phone, memory: MemoryStore, tmp_path: Path, known_routes: Any
) -> None:
    on_phone = PhoneAgent(
        device=SimulatedDevice(phone),
        model=RoleModels(known_routes.KnowsRoutes(phone)),
        memory=memory,
    )
    agent = api_agent(
        memory,
        {"action": "call", "api": "phone_do", "arguments": {"subgoal": "Turn on the alarm"}},
        {"action": "finish", "answer": "The alarm is on."},
        phone=on_phone,
        budget=Budget(max_steps=12),
    )
    run = tmp_path / "run"
    result = agent.run("Switch the alarm on", out=run)
    assert result.outcome is Outcome.SUCCESS, result.reason
    (delegated,) = events_of(run, Delegated)
    assert (delegated.agent, delegated.run, delegated.step) == ("mobile", "mobile/001", 1)
    inner = RunFolder.open(run / "mobile" / "001").header
    assert inner.outcome is Outcome.SUCCESS
    assert inner.budget.max_steps == 12
    assert result.spent.steps == 2 + inner.spent.steps
    assert result.spent.tokens > inner.spent.tokens
