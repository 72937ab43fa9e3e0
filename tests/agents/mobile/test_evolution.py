"""A run learns a shortcut, another phone has to carry it out again, and a later run plays it."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.rehearsal import Rehearsal
from tapgraph.agents.mobile.replies import OperatorReply, ShortcutReply
from tapgraph.agents.run.events import Decided, HumanAsked, MemoryChanged, Recalled
from tapgraph.agents.run.human import AbsentHuman
from tapgraph.agents.run.outcome import Outcome
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer
from tapgraph.memory import MemoryStore, Shortcut, ShortcutDraft, ShortcutStep
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'

Events = Callable[[Any], list[Any]]


@contextmanager
def another_phone(seed: int) -> Iterator[SimulatedDevice]:
    with build_phone(seed=seed) as phone, SimulatedDevice(phone) as device:
        yield device


def proposing(events: Events, *, breaks: bool = False) -> Callable[..., Answer | None]:
    """Proposes to begin a note as the run did; one that `breaks` then touches what is gone."""

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema is not ShortcutReply:
            return None
        done = [(one.step, one.action) for one in events(Decided)]
        typed = next(step for step, action in done if action["name"] == "Type")
        steps: list[dict[str, Any]] = [
            {"action": "Tap", "from_action": typed - 1},
            {"action": "Type", "from_action": typed, "arguments": {"text": "query"}},
            {"action": "Tap", "from_action": typed + 1},
        ]
        if breaks:
            steps.append({"action": "Tap", "from_action": typed - 2})
        return ShortcutReply.model_validate({
            "worth_keeping": True,
            "name": "Begin_Note",
            "arguments": ["query"],
            "description": "Gives a new note its title.",
            "precondition": "A new note is open.",
            "steps": steps,
        })

    return override


def learnt(memory: MemoryStore) -> Shortcut:
    found = memory.shortcuts(statuses=("draft", "verified", "trusted", "retired"))
    return next(one for one in found if one.name == "Begin_Note")


def test_a_shortcut_is_executed_again_in_another_world_and_then_verified(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    model = demonstrator_but(proposing(events))
    assert run_task(NOTE, model, rehearses_on=another_phone).outcome is Outcome.SUCCESS
    kept = learnt(memory)
    assert kept.status == "verified"
    assert "executed again on world 101 with {'query': 'milk'}" in kept.reason
    assert [one.change for one in events(MemoryChanged)] == ["add", "verify"]
    assert [use.kind for use in memory.uses(kept.id)] == ["worked"]


def test_one_that_another_world_does_not_bear_is_retired_with_the_reason(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    model = demonstrator_but(proposing(events, breaks=True))
    run_task(NOTE, model, rehearses_on=another_phone)
    kept = learnt(memory)
    assert kept.status == "retired"
    assert "action 4 of 4 (Tap): its target" in kept.reason
    assert [use.kind for use in memory.uses(kept.id)] == ["failed"]


def test_one_whose_value_was_private_is_executed_again_with_another_text(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    run_task(NOTE, demonstrator_but(proposing(events)))
    kept = learnt(memory).model_copy(update={"example": {}})
    ended = Rehearsal(another_phone, [101]).execute(kept)
    assert (ended.why_not, ended.where) == ("", "world 101 with {'query': 'milk'}")


def test_without_such_a_phone_it_stays_a_draft(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    run_task(NOTE, demonstrator_but(proposing(events)))
    assert learnt(memory).status == "draft"


def test_a_subgoal_begins_with_what_the_memory_has_for_it(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    memory.add_tip("A note is saved only by Done.")
    run_task(NOTE, demonstrator_but(lambda *_: None))
    asked = [one.query for one in events(Recalled)]
    assert asked[0] == NOTE
    assert len(asked) == len(set(asked)) == 2
    for_notes = [one for recalled in events(Recalled) for one in recalled.tips]
    assert any("has note" in " ".join(one.reasons) for one in for_notes)
    (tip,) = [one for one in memory.tips() if one.provenance.origin == "person"]
    assert {use.kind for use in memory.uses(tip.id)} == {"shown"}


@pytest.mark.parametrize("rehearses", [True, False])
def test_what_is_not_verified_is_offered_only_where_its_use_is_the_gate(
    rehearses: bool,
    run_task: Any,
    demonstrator_but: Any,
    events: Events,
    memory: MemoryStore,
    tmp_path: Path,
    known_routes: Any,
) -> None:
    run_task(NOTE, demonstrator_but(proposing(events)))
    assert learnt(memory).status == "draft"
    device: dict[str, Any] = {"rehearses_on": another_phone} if rehearses else {}
    with another_phone(9) as other:
        model = RoleModels(known_routes.KnowsRoutes(other.phone))
        agent = PhoneAgent(other, model, memory=memory, **device)
        result = agent.run(NOTE, out=tmp_path / "again")
    lines = (result.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    offered = {
        entry["name"]
        for event in map(json.loads, lines)
        if event["kind"] == "recalled"
        for entry in event["shortcuts"]
    }
    assert ("Begin_Note" in offered) is not rehearses


def test_a_link_in_a_shortcut_is_given_by_people_and_asked_about(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    steps = (
        ShortcutStep(action_name="Open_Link", arguments_map={"url": "https://notes.example/new"}),
        ShortcutStep(action_name="Home"),
    )
    given = ShortcutDraft(
        name="Begin_Note", description="Begins a note.", precondition="None.", steps=steps
    )
    memory.add_shortcut(given, actions=ACTION_ARGUMENTS)

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        is_new = schema is not None and issubclass(schema, OperatorReply) and not events(Decided)
        return OperatorReply(action="Begin_Note", description="d") if is_new else None

    run_task(NOTE, demonstrator_but(override), human=AbsentHuman("assume"))
    (asked,) = events(HumanAsked)
    assert "the link https://notes.example/new" in asked.text
    assert learnt(memory).evidence.failures == 1
