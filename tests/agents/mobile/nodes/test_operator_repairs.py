"""Small faults in an Operator's reply are put right without asking again, and recorded."""

import json
from typing import Any

import pytest

from tapgraph.agents.mobile.operator_node import operator
from tapgraph.agents.run.events import ModelCalled

SAVE = {"x": 540, "y": 550}


@pytest.mark.parametrize(
    ("call", "name", "arguments", "repair"),
    [
        ({"action": "tap", "arguments": {"element": 1}}, "Tap", SAVE, "tap for Tap"),
        ({"action": "TAP", "arguments": {"element": 1}}, "Tap", SAVE, "TAP for Tap"),
        ({"action": "click", "arguments": {"element": 1}}, "Tap", SAVE, "click for Tap"),
        ({"action": "open-app", "arguments": {"app_name": "Maps"}}, "Open_App",
         {"app_name": "Maps"}, "open-app for Open_App"),
        ({"action": "go_back", "arguments": {}}, "Back", {}, "go_back for Back"),
        ({"action": "Tap", "arguments": {"element": "[1]"}}, "Tap", SAVE, "'[1]' for a number"),
        ({"action": "Tap", "arguments": {"index": 1}}, "Tap", SAVE, "index for element"),
        ({"action": "Back", "arguments": None}, "Back", {}, "null for no arguments"),
        ({"action": "Tap", "arguments": {"element": 1, "x": None}}, "Tap", SAVE, "null for no x"),
        ({"name": "Back", "arguments": {}}, "Back", {}, "name for action"),
        ({"action": {"name": "Back", "arguments": {}}}, "Back", {}, "action as an object"),
        ({"action": "Tap", "arguments": {"point": [3, 510]}}, "Tap", {"x": 3, "y": 510},
         "point for x and y"),
    ],
)  # fmt: skip
def test_what_is_certain_is_put_right_and_recorded(
    call: Any, name: str, arguments: Any, repair: str, desk: Any
) -> None:
    chooses = desk(json.dumps({"thought": "", "call": call, "description": "d"}))
    decision = chooses.run(operator)["decision"]
    assert (decision.name, decision.arguments) == (name, arguments)
    (called,) = chooses.events(ModelCalled)
    assert called.valid
    assert called.repairs == (repair,)


def test_a_whole_number_may_be_written_with_a_point(desk: Any) -> None:
    chooses = desk('{"call": {"action": "Tap", "arguments": {"element": 1.0}}, "description": ""}')
    assert chooses.run(operator)["decision"].arguments == SAVE


def test_a_missing_description_is_put_right(desk: Any) -> None:
    chooses = desk('{"thought": "", "call": {"action": "Back", "arguments": {}}}')
    assert chooses.run(operator)["decision"].description == ""
    assert chooses.events(ModelCalled)[0].repairs == ("no description",)


def test_a_reply_without_faults_has_no_repairs(desk: Any) -> None:
    chooses = desk('{"call": {"action": "Back", "arguments": {}}, "description": "d"}')
    chooses.run(operator)
    assert chooses.events(ModelCalled)[0].repairs == ()


def test_the_tips_that_it_names_belong_to_the_reply(desk: Any) -> None:
    chooses = desk('{"call": {"action": "Back", "arguments": {}}, "description": "", "tips": []}')
    chooses.run(operator)
    assert chooses.events(ModelCalled)[0].repairs == ()


def test_the_name_of_a_tool_is_left_alone(desk: Any) -> None:
    def scroll() -> str:
        """Reads on."""
        return "on"

    chooses = desk('{"call": {"action": "Scroll_Far"}, "description": ""}', tools=[scroll])
    assert "nothing is called 'Scroll_Far'" in chooses.run(operator)["decision"].problem


def test_a_fraction_is_no_number_of_an_element(desk: Any) -> None:
    chooses = desk('{"call": {"action": "Tap", "arguments": {"element": 1.5}}, "description": ""}')
    assert "no element [1.5]" in chooses.run(operator)["decision"].problem
