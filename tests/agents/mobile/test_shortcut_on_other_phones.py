"""A shortcut that was learnt on one phone is played on others, in other worlds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.action_arguments import ACTION_ARGUMENTS
from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.replies import OperatorReply, ShortcutReply
from tapgraph.agents.run.events import ActionDone, Decided, Event
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.chat_model import ChatModel
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.memory import MemoryStore, Shortcut, ShortcutDraft
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
CALL = OperatorReply(
    action="Write_Note",
    arguments={"title": "Shop", "body": "Milk // 2 l # fresh"},
    description="The note is kept.",
)


@pytest.fixture
def shortcut(
    run_task: Any,
    demonstrator_but: Any,
    events: Callable[[type[Event]], list[Any]],
    memory: MemoryStore,
) -> Shortcut:
    """Writes a note, as it was done on a phone of 1080x2400 in English."""

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema is not ShortcutReply:
            return None
        names = iter(("title", "body"))
        steps = [
            {
                "action": one.action["name"],
                "from_action": one.step,
                "arguments": {"text": next(names)} if one.action["name"] == "Type" else {},
            }
            for one in events(Decided)
        ]
        return ShortcutReply.model_validate({
            "worth_keeping": True,
            "name": "Write_Note",
            "arguments": ["title", "body"],
            "description": "Writes a note.",
            "steps": steps,
        })

    run_task(NOTE, demonstrator_but(override))
    memory.reinstate("Write_Note", reason="a person has looked at it")
    return found(memory)


def found(memory: MemoryStore) -> Shortcut:
    entry = memory.get("Write_Note")
    assert isinstance(entry, Shortcut)
    return entry


def played(phone: Phone, knowing: ChatModel, memory: MemoryStore, out: Path) -> list[Event]:
    """What happens where the shortcut is the first thing that is tried for the task."""
    called: list[bool] = []

    def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        if schema is not None and issubclass(schema, OperatorReply) and not called:
            called.append(True)
            return CALL
        return knowing.reply(messages, schema=schema)

    agent = PhoneAgent(SimulatedDevice(phone), RoleModels(ScriptedModel(answer)), memory=memory)
    result = agent.run(NOTE, out=out)
    assert result.outcome is Outcome.SUCCESS
    return list(RunFolder.open(out).events())


def parts_of_first_step(happened: Sequence[Event]) -> list[str]:
    first = (one for one in happened if isinstance(one, ActionDone) and one.step == 1)
    return [str(one.action["name"]) for one in first]


@pytest.mark.parametrize("kind", ["small", "tablet", "de", "small,de,dark,font=1.3"])
def test_a_shortcut_from_one_phone_does_the_task_on_another(
    kind: str, shortcut: Shortcut, memory: MemoryStore, known_routes: ModuleType, tmp_path: Path
) -> None:
    with build_phone(seed=11, profile=PhoneProfile.parse(kind)) as other:
        happened = played(other, known_routes.KnowsRoutes(other), memory, tmp_path / "other")
        assert known_routes.is_done(NOTE, other)
    decided = [one.action["name"] for one in happened if isinstance(one, Decided)]
    assert decided == ["Write_Note"]
    assert parts_of_first_step(happened) == [step.action_name for step in shortcut.steps]


def test_where_words_alone_name_a_target_it_stops_in_german_before_it_touches_anything(
    shortcut: Shortcut, memory: MemoryStore, known_routes: ModuleType, tmp_path: Path
) -> None:
    without_ids = [
        step if step.target is None
        else step.model_copy(update={"target": step.target.model_copy(update={"resource_id": ""})})
        for step in shortcut.steps
    ]  # fmt: skip
    kept = {name: getattr(shortcut, name) for name in ShortcutDraft.model_fields}
    draft = ShortcutDraft.model_validate(kept | {"steps": without_ids})
    memory.revise(shortcut.id, draft, why="words alone", actions=ACTION_ARGUMENTS)
    memory.reinstate(shortcut.id, reason="a person has looked at it")
    with build_phone(seed=11, profile=PhoneProfile.parse("de")) as other:
        happened = played(other, known_routes.KnowsRoutes(other), memory, tmp_path / "other")
    assert parts_of_first_step(happened) == ["Open_App"]
    use = memory.uses(shortcut.id)[-1]
    assert use.kind == "failed"
    assert "stopped at its action 2 of 7 (Tap): its target 'New note' (button)" in use.why
