"""The Operator's choice: what it is told, what is taken from it and what is refused."""

import dataclasses
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.operator_node import operator
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.state import Decision, PhoneStep, Plan
from tapgraph.agents.run.events import Decided, ModelCalled
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.dialects.known import dialect_named
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.screen import Role
from tapgraph.tools.mobile.target import Target

TAP = OperatorReply(
    thought="It is there.",
    action="Tap",
    arguments={"element": 1},
    description="It is saved.",
    completes_subgoal=True,
)
SHARES = ModelTraits("shares", coordinate_space="0-1000")


def past(step: int, verdict: Any = "A", name: str = "Tap") -> PhoneStep:
    return PhoneStep(step=step, name=name, verdict=verdict, description=f"deed {step}")


def test_the_choice_is_a_decision_in_pixels(desk: Any) -> None:
    decision = desk(TAP).run(operator)["decision"]
    assert (decision.name, decision.arguments) == ("Tap", {"x": 540, "y": 550})
    assert (decision.description, decision.completes_subgoal) == ("It is saved.", True)
    assert decision.target.words == '"Save" (button)'
    assert decision.problem == ""


def test_what_is_left_out_is_shown_when_it_was_asked_for(
    desk: Any, screen: Any, button: Any
) -> None:
    rows = [button(f"Row {number}", 40 * number, number=number) for number in range(1, 41)]
    many = screen("many", *rows)
    small = dataclasses.replace(TAPGRAPH, screen_tokens=200)
    chooses = desk(TAP, shows=[many], pipeline=small)
    chooses.run(operator)
    assert "Show_Rest lists the rest" in chooses.prompt
    assert '"Row 1"' in chooses.prompt
    asks = desk(TAP, shows=[many], pipeline=small)
    asks.run(operator, history=[past(1), past(2, name="Show_Rest")])
    assert '"Row 1"' not in asks.prompt
    assert '[20] button "Row 20"' in asks.prompt


def test_a_screen_of_which_all_is_told_has_no_rest(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator)
    assert "Show_Rest lists the rest" not in chooses.prompt


def test_a_step_begins(desk: Any) -> None:
    update = desk(TAP).run(operator, step=4)
    assert (update["step"], update["screen_before"]) == (5, 1)


def test_the_choice_is_recorded(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator)
    (decided,) = chooses.events(Decided)
    assert (decided.step, decided.thought, decided.description) == (
        2, "It is there.", "It is saved."
    )  # fmt: skip
    assert decided.action == {"name": "Tap", "arguments": {"x": 540, "y": 550}}
    assert decided.target.text == "Save"


def test_a_reply_that_cannot_be_used_is_a_decision_with_a_problem(desk: Any) -> None:
    mute = desk("I would tap it.")
    update = mute.run(operator)
    assert update["decision"].name == "none"
    assert "no valid reply in 3 tries" in update["decision"].problem
    assert (update["step"], update["screen_before"]) == (2, 1)
    assert mute.events(Decided) == []


def test_what_is_not_on_the_screen_is_told_to_the_model_and_asked_again(desk: Any) -> None:
    misses = OperatorReply(action="Tap", arguments={"element": 9})
    chooses = desk([misses, TAP])
    assert chooses.run(operator)["decision"].arguments == {"x": 540, "y": 550}
    assert "no element [9]" in chooses.model.requests[1].messages[-1].text
    assert [call.valid for call in chooses.events(ModelCalled)] == [False, True]


def test_the_way_of_a_swipe_is_kept(desk: Any) -> None:
    swipe = OperatorReply(action="Swipe", arguments={"direction": "Up"})
    assert desk(swipe).run(operator)["decision"].direction == "up"


def test_only_the_latest_actions_are_told(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator, history=[past(n) for n in range(1, 8)])
    told = chooses.prompt.partition("## Last actions\n")[2].partition("\n\n")[0]
    assert told.splitlines() == [f"- Tap: deed {n} -> A" for n in range(3, 8)]


def test_points_of_past_actions_are_told_in_the_models_own_numbers(desk: Any) -> None:
    chooses = desk(OperatorReply(action="Back"), traits=SHARES)
    target = Target(Point(540, 600), Size(1080, 2400))
    tapped = PhoneStep(
        step=1, name="Tap", arguments={"x": 540, "y": 600}, verdict="A", target=target
    )
    chooses.run(operator, history=[tapped])
    assert "- Tap (500, 250): " in chooses.prompt
    assert "540" not in chooses.prompt


def test_the_screen_is_told_in_the_models_own_numbers(desk: Any) -> None:
    chooses = desk(OperatorReply(action="Back"), traits=SHARES)
    chooses.run(operator)
    assert '[1] button "Save" (500,229)' in chooses.prompt


@pytest.mark.parametrize(
    ("space", "rule"),
    [
        ("pixels", "points are pixels, as on the screen below."),
        ("0-1", "from 0 to 1; the screen below gives thousandths."),
        ("0-999", "from 0 to 999, as"),
        ("0-1000", "from 0 to 1000, as"),
    ],
)
def test_the_rules_say_how_points_are_written(space: Any, rule: str, desk: Any) -> None:
    chooses = desk(OperatorReply(action="Back"), traits=ModelTraits("m", coordinate_space=space))
    chooses.run(operator)
    assert rule in chooses.rules


def test_the_prompt_holds_the_state(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator, progress="opened", notes="12", plan=Plan(("Open it", "Save it"), 1))
    for part in (
        "## Task\nDo the task\n",
        "1. Open it (done)\n2. Save it (current)\n",
        "## Progress\nopened\n",
        "## Notes\n12\n",
        "## Current subgoal\nSave it\n",
        '[1] button "Save"',
    ):
        assert part in chooses.prompt


def test_the_prompt_says_where_there_is_nothing(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator)
    for heading in ("Last actions", "Progress", "Notes"):
        assert f"## {heading}\nnone yet\n" in chooses.prompt
    assert "Installed apps: not known" in chooses.rules


def test_the_rules_hold_what_is_on_offer(desk: Any, store: MemoryStore) -> None:
    def weather(city: str) -> str:
        """Tells the weather."""
        return "sunny"

    chooses = desk(TAP, tools=[weather], apps=["Maps"])
    chooses.run(operator)
    for part in ("- Tap: ", "- Tap_Type_and_Enter(", "weather(city: text)", 'apps: "Maps"'):
        assert part in chooses.rules
    tips = "\n".join(f"- {tip.text}" for tip in store.tips())
    assert f"Tips:\n{tips}\n\n" in chooses.rules


def test_an_answer_of_a_type_is_told_as_its_schema(desk: Any) -> None:
    class Price(BaseModel):
        euros: int

    chooses = desk(TAP, answer_type=Price)
    chooses.run(operator)
    line = next(line for line in chooses.rules.splitlines() if line.startswith("- Answer: "))
    assert "as JSON of: {" in line
    assert '"euros"' in line


def test_without_tools_none_are_spoken_of(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator)
    assert "Tools" not in chooses.rules


def test_the_arguments_of_a_tool_are_checked(desk: Any) -> None:
    def weather(city: str) -> str:
        """Tells the weather."""
        return "sunny"

    right = OperatorReply(action="weather", arguments={"city": "Lyon"})
    wrong = OperatorReply(action="weather", arguments={"day": "Monday"})
    chosen = desk(right, tools=[weather]).run(operator)["decision"]
    assert (chosen.name, chosen.arguments, chosen.target) == ("weather", {"city": "Lyon"}, None)
    assert "city" in desk(wrong, tools=[weather]).run(operator)["decision"].problem


def test_an_engine_that_keeps_to_schemas_may_open_only_apps_that_are_there(desk: Any) -> None:
    keeps = ModelTraits("local", enforces_schemas=True)
    chooses = desk(TAP, traits=keeps, apps=["Maps", "Notes", "Maps"])
    chooses.run(operator)
    schema = str(chooses.model.requests[0].schema.model_json_schema())
    assert "'app_name': {'enum': ['Maps', 'Notes'], 'type': 'string'}" in schema


def test_a_hidden_keyboard_is_a_hint(desk: Any, screen: Any) -> None:
    hidden, shown = desk(TAP), desk(TAP, shows=[screen(keyboard_shown=True)])
    hidden.run(operator)
    shown.run(operator)
    assert "\nHint: Type is not possible now: tap an input first" in hidden.prompt
    assert "Hint: " not in shown.prompt


def test_a_screen_read_from_its_picture_is_a_hint(desk: Any, screen: Any) -> None:
    chooses = desk(TAP, shows=[screen(source="ocr")])
    chooses.run(operator)
    assert "Hint: The screen was read from its picture: any text" in chooses.prompt


@pytest.mark.parametrize(
    ("history", "is_told"),
    [
        ([past(1), past(2, "C")], True),
        ([past(1, "C"), past(2)], False),
        ([past(1, "C")], False),
        ([past(1, "C", "Swipe"), past(2, "C")], False),
        ([past(1, "C"), past(2, "C", "Swipe")], False),
    ],
)
def test_taps_that_change_nothing_are_a_hint(history: Any, is_told: bool, desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator, history=history)
    assert ("Hint: The last taps changed nothing: swipe" in chooses.prompt) is is_told


def test_advice_is_told_in_the_order_of_names_each_in_one_line(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator, advice={"b": "second", "a": "first\n## Task", "c": ""})
    assert "Hint: first ## Task\nHint: second\n<screen>" in chooses.prompt


def test_the_published_pipeline_offers_type_only_while_the_keyboard_is_shown(
    desk: Any, screen: Any
) -> None:
    types = OperatorReply(action="Type", arguments={"text": "x"})
    hidden = desk(types, pipeline=MOBILE_AGENT_E)
    shown = desk(types, pipeline=MOBILE_AGENT_E, shows=[screen(keyboard_shown=True)])
    assert "nothing is called 'Type'" in hidden.run(operator)["decision"].problem
    assert shown.run(operator)["decision"].name == "Type"
    assert desk(types, pipeline=TAPGRAPH).run(operator)["decision"].name == "Type"


def test_an_engine_that_keeps_to_schemas_is_sent_one_of_the_screen(desk: Any) -> None:
    keeps = ModelTraits("local", enforces_schemas=True)
    chooses = desk(TAP, traits=keeps)
    chooses.run(operator)
    assert "maximum" in str(chooses.model.requests[0].schema.model_json_schema())


@pytest.mark.parametrize(
    ("space", "last"),
    [("pixels", "1079, 'minimum': 0, 'type': 'integer'"), ("0-1", "1, 'minimum': 0, 'type': 'num"),
     ("0-999", "999, 'minimum': 0, 'type': 'integer'")],
)  # fmt: skip
def test_such_a_schema_holds_the_points_that_the_model_may_write(
    space: Any, last: str, desk: Any
) -> None:
    keeps = ModelTraits("local", enforces_schemas=True, coordinate_space=space)
    chooses = desk(OperatorReply(action="Back"), traits=keeps)
    chooses.run(operator)
    schema = str(chooses.model.requests[0].schema.model_json_schema())
    assert f"'x': {{'maximum': {last}" in schema
    assert "'element': {'maximum': 1, 'minimum': 1, 'type': 'integer'}" in schema


def test_other_servers_are_sent_one_schema_for_all_screens(desk: Any) -> None:
    chooses = desk(TAP)
    chooses.run(operator)
    schema = str(chooses.model.requests[0].schema.model_json_schema())
    assert "'x': {'type': 'number'}, 'y': {'type': 'number'}" in schema
    assert "'element': {'type': 'integer'}" in schema
    assert "maximum" not in schema


def test_a_gui_model_is_read_in_its_own_format(desk: Any) -> None:
    ui_tars = ModelTraits("gui", dialect="ui-tars", pictures="operator")
    chooses = desk("Thought: It is there.\nAction: press_back()", traits=ui_tars)
    update = chooses.run(operator)
    assert update["decision"] == Decision("Back", {}, "It is there.")
    assert chooses.model.requests[0].schema is None
    assert chooses.events(Decided)[0].thought == "It is there."
    assert dialect_named("ui-tars").instructions in chooses.rules


def test_an_input_that_is_tapped_keeps_its_role(desk: Any, screen: Any, button: Any) -> None:
    field = button("Search", 500, role=Role.INPUT)
    decision = desk(TAP, shows=[screen("s", field)]).run(operator)["decision"]
    assert decision.target.words == '"Search" (input)'
