"""The API agent learns a chain of calls, and calls it in a later run."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.api.shortcuts import ShortcutRunner
from tapgraph.agents.run.events import HumanAsked, MemoryChanged, ModelCalled
from tapgraph.agents.run.human import AbsentHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.replies import TipsReply, VerifierReply
from tapgraph.errors import ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore, Scope, Shortcut
from tapgraph.tools.api.functions import PythonFunctions

Events = Callable[[Any], list[Any]]

PERSON = {"from_call": 1, "pointer": "/0/id"}
CALLS: tuple[dict[str, Any], ...] = (
    {"action": "call", "api": "list_people"},
    {"action": "call", "api": "send_message", "arguments": {"person": PERSON, "text": "hello"}},
    {"action": "finish", "answer": "done"},
)
CHAIN: dict[str, Any] = {
    "name": "Tell_Ann",
    "arguments": ["text"],
    "description": "Tells the first person something.",
    "steps": [{"from_step": 1}, {"from_step": 2, "arguments": {"text": "text"}}],
}


def scripted(*calls: dict[str, Any], chain: dict[str, Any] | None = None) -> ScriptedModel:
    left = list(calls)

    def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        if schema is VerifierReply:
            return VerifierReply(complete=True)
        if schema is TipsReply:
            return TipsReply.model_validate({"tips": [], "chain": chain})
        return ChooserReply(thought="", **left.pop(0))

    return ScriptedModel(answer)


def learnt(memory: MemoryStore) -> list[Shortcut]:
    return [one for one in memory.shortcuts() if one.scope.agent == "api"]


@pytest.fixture
def learn(run_api: Any, tmp_path: Any) -> Callable[..., ScriptedModel]:
    """Does the task with two calls, and proposes a chain of them."""

    def run(**fields: Any) -> ScriptedModel:
        model = scripted(*CALLS, chain=CHAIN | fields)
        assert run_api(model, human=AbsentHuman("allow")).outcome is Outcome.SUCCESS
        (tmp_path / "run").rename(tmp_path / "first")
        return model

    return run


def test_a_chain_is_made_of_calls_of_the_run(learn: Any, memory: MemoryStore) -> None:
    learn()
    (kept,) = learnt(memory)
    assert (kept.name, kept.status, kept.argument_types) == ("Tell_Ann", "draft", {"text": "text"})
    assert [dict(step.arguments_map) for step in kept.steps] == [
        {},
        {"person": "result:1/0/id", "text": "text"},
    ]
    assert kept.example == {"text": "hello"}


def test_a_later_run_calls_it_with_one_yes_and_so_verifies_it(
    learn: Any, run_api: Any, contacts: Any, events: Events, memory: MemoryStore
) -> None:
    learn()
    model = scripted(
        {"action": "call", "api": "Tell_Ann", "arguments": {"text": "bye"}},
        {"action": "finish", "answer": "done"},
    )
    assert run_api(model, human=AbsentHuman("allow")).outcome is Outcome.SUCCESS
    assert contacts.sent == [(7, "hello"), (7, "bye")]
    assert [one.kind_of_question for one in events(HumanAsked)] == ["confirmation"]
    assert learnt(memory)[0].status == "verified"
    assert "Calls list_people, then send_message." in model.requests[0].messages[-1].text


def reading(memory: MemoryStore, run_api: Any, *, only_for: int | None = None) -> Shortcut:
    """Learns a chain of calls that only read, which is given the person whose letters it lists."""
    people = [{"id": 7}, {"id": 9}]

    def list_people() -> list[dict[str, int]]:
        """Lists all people."""
        return people

    def list_letters(person: int) -> list[str]:
        """Lists the letters of a person."""
        if only_for not in {None, person}:
            raise ToolError(f"there are no letters of {person}")
        return ["Dear Sir"]

    calls = (
        {"action": "call", "api": "list_people"},
        {"action": "call", "api": "list_letters", "arguments": {"person": 7}},
        {"action": "finish", "answer": "done"},
    )
    chain = {
        "name": "Letters",
        "arguments": ["person"],
        "description": "Lists somebody's letters.",
        "steps": [{"from_step": 1}, {"from_step": 2, "arguments": {"person": "person"}}],
    }
    runner = PythonFunctions([list_people, list_letters])
    run_api(scripted(*calls, chain=chain), runner=runner, human=AbsentHuman("allow"))
    found = memory.shortcuts(Scope(agent="api"), statuses=("draft", "verified", "retired"))
    return next(one for one in found if one.name == "Letters")


def test_a_chain_that_only_reads_is_executed_again_with_what_stood_beside_its_value(
    run_api: Any, events: Events, memory: MemoryStore
) -> None:
    kept = reading(memory, run_api)
    assert (kept.status, [one.change for one in events(MemoryChanged)]) == (
        "verified",
        ["add", "verify"],
    )
    assert kept.reason == "executed again on the same APIs, which only read, with another person"


def test_a_chain_that_fails_with_another_value_is_retired_with_the_reason(
    run_api: Any, memory: MemoryStore
) -> None:
    kept = reading(memory, run_api, only_for=7)
    assert kept.status == "retired"
    assert "there are no letters of 9" in kept.reason


def test_a_chain_that_changes_something_is_executed_again_in_a_sandbox_only(
    run_api: Any, contacts: Any, memory: MemoryStore
) -> None:
    copies: list[Any] = []

    def sandbox() -> Any:
        copies.append(copy.deepcopy(contacts))
        return copies[-1].runner()

    calls = (CALLS[0], CALLS[1] | {"arguments": {"person": 7, "text": "hello"}}, CALLS[2])
    steps = [{"from_step": 1}, {"from_step": 2, "arguments": {"person": "person"}}]
    chain = CHAIN | {"arguments": ["person"], "steps": steps}
    run_api(scripted(*calls, chain=chain), human=AbsentHuman("allow"), rehearses_on=sandbox)
    assert contacts.sent == [(7, "hello")]
    assert copies[0].sent == [(7, "hello"), (9, "hello")]
    assert learnt(memory)[0].status == "verified"


def test_a_chain_that_fails_says_how_far_it_came_and_is_counted(
    learn: Any, run_api: Any, contacts: Any, memory: MemoryStore
) -> None:
    learn()
    contacts.people.clear()
    model = scripted(
        {"action": "call", "api": "Tell_Ann", "arguments": {"text": "bye"}},
        {"action": "give_up", "answer": "nobody is there"},
    )
    run_api(model, human=AbsentHuman("allow"))
    assert len(contacts.sent) == 1
    told = model.requests[1].messages[-1].text
    assert "Tell_Ann stopped at its call 2 of 2 (send_message)" in told
    (kept,) = learnt(memory)
    assert (kept.status, kept.evidence.failures) == ("draft", 1)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"steps": [{"from_step": 1}], "arguments": []}, "one action by another name"),
        ({"steps": [{"from_step": 2}, {"from_step": 1}]}, "in the order of the run"),
        ({"steps": [{"from_step": 1}, {"from_step": 3}]}, "step 3 is no call that worked"),
        ({"steps": [{"from_step": 2, "arguments": {"text": "text"}}]}, "does not make"),
        (
            {"steps": [{"from_step": 1}, {"from_step": 2, "arguments": {"to": "text"}}]},
            "step 2 gave no 'to'",
        ),
        ({"arguments": ["text", "more"]}, "no step uses the arguments"),
    ],
)
def test_a_chain_that_cannot_be_is_told_to_the_model(
    fields: dict[str, Any], told: str, run_api: Any, events: Events, memory: MemoryStore
) -> None:
    run_api(scripted(*CALLS, chain=CHAIN | fields), human=AbsentHuman("allow"))
    assert learnt(memory) == []
    assert told in " ".join(call.error for call in events(ModelCalled))
    assert events(MemoryChanged) == []


def test_a_value_is_never_read_as_a_reference(
    learn: Any, contacts: Any, memory: MemoryStore
) -> None:
    learn()
    runner = ShortcutRunner(contacts.runner(), learnt(memory))
    runner.call("Tell_Ann", {"text": "result:1/0/name"})
    assert contacts.sent[-1] == (7, "result:1/0/name")


def test_a_chain_is_offered_only_where_all_its_apis_are(
    learn: Any, contacts: Any, memory: MemoryStore
) -> None:
    learn()
    (kept,) = learnt(memory)
    stranger = kept.model_copy(
        update={"steps": (kept.steps[0].model_copy(update={"action_name": "fly"}),)}
    )
    runner = ShortcutRunner(contacts.runner(), [stranger])
    assert len(runner.catalog) == 0
    with pytest.raises(ToolError):
        runner.call("Tell_Ann", {})
