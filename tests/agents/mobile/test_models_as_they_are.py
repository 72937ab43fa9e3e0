"""Whole tasks with models and servers as there are, through stand-ins over HTTP."""

import json
import random
import re
from collections import Counter, defaultdict
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.wording import screen_block
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ActionDone, Decided, ModelCalled
from tapgraph.agents.run.outcome import Outcome
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.tools.mobile.actions import Back, Home, OpenApp, Swipe, SwitchApp, Tap, action_to_wire
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.screen_text import describe
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

NOTE = 'Write a note called "Shop" with the text "Milk // 2 l # fresh".'
SWITCH = "Turn on the alarm at 08:30"
THOUGHT = 'I could say {"verdict": "C", "call": {"action": "Home"}}, but no. ' * 400 + "So:"


@pytest.fixture
def reasoning(stand_in: ModuleType) -> Any:
    """A model that thinks 8,000 tokens before each reply of 50."""
    return stand_in.Quirks(
        thinks="reasoning_content",
        thought=THOUGHT,
        usage={
            "prompt_tokens": 1000,
            "completion_tokens": 8050,
            "completion_tokens_details": {"reasoning_tokens": 8000},
            "prompt_tokens_details": {"cached_tokens": 600},
        },
    )


@pytest.mark.parametrize("place", ["reasoning_content", "reasoning", "tag"])
def test_reasoning_model_does_a_task_and_its_thoughts_are_counted(
    knowing: Any,
    place: str,
    openai_server: Any,
    phone_brain: ModuleType,
    reasoning: Any,
    stage: Any,
    events: Any,
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing), replace(reasoning, thinks=place))
    prices = "price_in=2&price_cached=0.5&price_out=10"
    result = stage.run(server.spec("r", prices), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    calls = events(ModelCalled)
    usd = (400 * 2 + 600 * 0.5 + 8050 * 10) / 1e6
    for call in calls:
        assert (call.valid, call.attempt, call.reasoning) == (True, 1, THOUGHT)
        assert (call.prompt_tokens, call.cached_tokens) == (1000, 600)
        assert (call.completion_tokens, call.reasoning_tokens) == (8050, 8000)
        assert call.cost_usd == pytest.approx(usd)
    assert result.spent.tokens == 9050 * len(calls)
    assert result.spent.cost_usd == pytest.approx(usd * len(calls))


def test_hidden_thoughts_use_up_a_budget_of_tokens(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    reasoning: Any,
    stage: Any,
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing), reasoning)
    result = stage.run(server.spec(), SWITCH, budget=Budget(max_tokens=18_100))
    assert result.outcome is Outcome.BUDGET
    assert result.reason == "18,100 of 18,100 tokens are used"
    assert len(server.requests) == 2


def test_limit_that_is_too_short_for_the_thoughts_is_named(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    reasoning: Any,
    stage: Any,
    events: Any,
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing), reasoning)
    result = stage.run(server.spec("r", "max_tokens=4000"), SWITCH)
    assert result.outcome is Outcome.MODEL_ERROR
    assert not stage.is_done(SWITCH)
    assert events(ActionDone) == []
    errors = {call.error for call in events(ModelCalled)}
    assert errors == {"all of its 8050 tokens went into thinking; think briefly, then answer"}


OPTIONS = {"azure": "api-version=2024-10-21", "tools only": "json=tools"}
FORMS = {
    "openai": "schema",
    "azure": "schema",
    "deepseek": "object",
    "object only": "object",
    "tools only": "tools",
    "no form": None,
    "no form and no word": None,
}
"""How the Operator's replies are bound once it is known what the server takes."""


@pytest.mark.parametrize("name", FORMS)
def test_task_is_done_with_every_kind_of_server(
    knowing: Any,
    name: str,
    openai_server: Any,
    phone_brain: ModuleType,
    stand_in: ModuleType,
    openai_strict_rules: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    quirks = replace(stand_in.SERVERS[name], checks=openai_strict_rules.problems_of)
    server = openai_server(phone_brain.PhoneBrain(knowing), quirks)
    result = stage.run(server.spec("m", OPTIONS.get(name, "")), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    assert all(call.valid for call in events(ModelCalled))
    acted = [one for one in server.requests if phone_brain.role_of(one) is OperatorReply]
    assert stand_in.form_of(acted[-1]) == FORMS[name]


def test_server_that_cuts_prompts_ends_the_run_in_one_sentence(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stand_in: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    server = openai_server(phone_brain.PhoneBrain(knowing), stand_in.SERVERS["ollama"])
    long = f'Write a note called "Shop" with the text "{"Milk and bread. " * 2000}".'
    result = stage.run(server.spec(), long)
    assert result.outcome is Outcome.MODEL_ERROR
    assert "read only 4,096 tokens of a prompt of" in result.reason
    assert "OLLAMA_CONTEXT_LENGTH" in result.reason
    assert "\n" not in result.reason
    assert len(server.requests) == 1


OPENING = (OpenApp("Settings"), Swipe(540, 1800, 540, 600), Tap(540, 60))
"""A swipe and a tap where nothing stands, which are told by their points."""

TOLD = {
    "coordinates=0-1": "Swipe from (0.5, 0.75) to (0.5, 0.25)",
    "coordinates=0-999": "Swipe from (500, 749) to (500, 250)",
    "coordinates=0-1000": "Swipe from (500, 750) to (500, 250)",
    "max_image_px=1200": "Swipe from (270, 900) to (270, 300)",
}


@pytest.mark.parametrize("space", TOLD)
def test_model_that_names_only_points_reads_and_writes_them_in_its_own_numbers(
    knowing: Any,
    space: str,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    brain = phone_brain.PhoneBrain(
        knowing, points_only=True, shares=space.endswith("0-1"), opening=OPENING
    )
    server = openai_server(brain)
    result = stage.run(server.spec("m", f"pictures=operator&{space}"), SWITCH)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(SWITCH)
    decided = [event.action for event in events(Decided)]
    # A whole number of thousandths is up to 1.2 pixels away from the one that is meant.
    assert decided[1]["arguments"] == pytest.approx(action_to_wire(OPENING[1])["arguments"], abs=2)
    acted = [one for one in server.requests if phone_brain.role_of(one) is OperatorReply]
    assert all(len(phone_brain.pictures_of(request)) == 1 for request in acted)
    assert TOLD[space] in phone_brain.text_of(acted[2]["messages"][1])
    for request in server.requests:
        question = phone_brain.text_of(request["messages"][1])
        assert not re.search(r"\b(1799|1800|1801)\b", question)


class Opaque(SimulatedDevice):
    """A phone whose apps tell nothing of what they show, as games and many web views."""

    def ui_tree(self) -> UiTree:
        return parse_ui_tree("<hierarchy/>")


def test_model_that_sees_only_pictures_does_a_task(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    reader = ScreenReader(SimulatedDevice(stage.phone), source="tree", pictures="when needed")

    def look() -> str:
        return screen_block(screen := reader.read(), describe(screen))

    brain = phone_brain.PhoneBrain(knowing, points_only=True, eyes=look)
    server = openai_server(brain)
    result = stage.run(
        server.spec("m", "pictures=operator&coordinates=0-1000&max_image_px=600"),
        NOTE,
        device=Opaque(stage.phone),
        source="tree",
    )
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(NOTE)
    taps = [event.action for event in events(Decided) if event.action["name"] == "Tap"]
    assert len(taps) == 4
    for request in server.requests:
        question = phone_brain.text_of(request["messages"][1])
        sizes = {picture.size for picture in phone_brain.pictures_of(request)}
        if "<screen>" in question:
            assert sizes == {(270, 600)}
            assert "look at the picture" in question
    # What stands there is not known, so the tap on "New note" at (964, 2211) is told as a point.
    acted = [one for one in server.requests if phone_brain.role_of(one) is OperatorReply]
    assert re.search(r"- Tap \(89[23], 92[01]\): ", phone_brain.text_of(acted[2]["messages"][1]))


OTHER_NAMES = {"Tap": "click", "Type": "input_text", "Open_App": "launch_app"}


def spoilt_call(said: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """An Operator's reply with the habits of other agents' models, each half of the time."""
    call = said["call"]
    if dice.random() < 0.5:
        call["action"] = OTHER_NAMES.get(call["action"], call["action"])
    if dice.random() < 0.5 and "element" in call["arguments"]:
        call["arguments"]["element"] = f"[{call['arguments']['element']}]"
    if dice.random() < 0.5 and not call["arguments"]:
        call["arguments"] = None
    if dice.random() < 0.5:
        del said["description"]
    return said


def spoilt_words(said: dict[str, Any], dice: random.Random) -> str:
    """An object as models write it that are not bound to JSON."""
    text = json.dumps(said)
    text = dice.choice([text, text, f"{text[:-1]},}}", repr(said)])
    return f"Sure!\n```json\n{text}\n```" if dice.random() < 0.5 else text


def test_model_that_keeps_to_the_form_half_of_the_time_is_understood_at_once(
    knowing: Any,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
    events: Any,
) -> None:
    brain = phone_brain.PhoneBrain(
        knowing, opening=(OpenApp("Settings"), Home(), SwitchApp(), Back())
    )
    asked: Counter[str] = Counter()

    def answer(request: dict[str, Any]) -> str:
        role = phone_brain.role_of(request).__name__
        asked[role] += 1
        dice = random.Random(f"{role} {asked[role]}")
        reply = brain(request)
        if isinstance(reply, BaseModel):
            return spoilt_words(reply.model_dump(mode="json"), dice)
        return spoilt_words(spoilt_call(json.loads(reply), dice), dice)

    result = stage.run(openai_server(answer).spec(), NOTE)
    assert result.outcome is Outcome.SUCCESS
    assert stage.is_done(NOTE)
    calls = events(ModelCalled)
    assert all((call.valid, call.attempt) == (True, 1) for call in calls)
    assert {repair for call in calls for repair in call.repairs} >= {
        "click for Tap",
        "input_text for Type",
        "null for no arguments",
        "no description",
        "took away trailing commas or Python's constants",
        "read it as a Python literal",
        "took it out of its fence",
    }
    assert any("for a number" in repair for call in calls for repair in call.repairs)


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_server_gets_one_schema_and_one_system_message_a_role(
    knowing: Any,
    pipeline: Pipeline,
    openai_server: Any,
    phone_brain: ModuleType,
    stage: Any,
) -> None:
    """What stands in front of a prompt must stay as it is for the caches of servers."""
    server = openai_server(phone_brain.PhoneBrain(knowing))
    assert stage.run(server.spec(), NOTE, pipeline=pipeline).outcome is Outcome.SUCCESS
    fronts: dict[type[BaseModel], list[str]] = defaultdict(list)
    for request in server.requests:
        front = json.dumps([request["response_format"], request["messages"][0]])
        fronts[phone_brain.role_of(request)].append(front)
    assert len(fronts[OperatorReply]) == 7
    changing = [role.__name__ for role, seen in fronts.items() if len(set(seen)) > 1]
    assert changing == []


def test_engine_that_enforces_schemas_gets_one_of_the_screen(run_task: Any, knowing: Any) -> None:
    model = ScriptedModel(
        lambda messages, schema: knowing.reply(messages, schema=schema),
        traits=ModelTraits("engine", enforces_schemas=True),
    )
    assert run_task(NOTE, model).outcome is Outcome.SUCCESS
    schemas = [
        json.dumps(request.schema.model_json_schema(), sort_keys=True)
        for request in model.requests
        if request.schema is not None and issubclass(request.schema, OperatorReply)
    ]
    assert len(set(schemas)) > 1
    for schema in schemas:
        assert '"app_name": {"enum": ["Maps", "Notes", ' in schema
        assert re.search(r'"element": \{"maximum": \d+, "minimum": 1, "type": "integer"', schema)
