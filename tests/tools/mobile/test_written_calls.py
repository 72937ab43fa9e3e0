"""What is certain in the call of a model is put right, and said; what is not is left alone."""

from typing import Any

import pytest

from tapgraph.tools.mobile.written_calls import repaired_call


def call(action: str, **arguments: Any) -> dict[str, Any]:
    return {"action": action, "arguments": arguments}


TAP = call("Tap", element=2)
NAMES = [
    ("click", "Tap"),
    ("TAP", "Tap"),
    ("long press", "Long_Press"),
    ("doubleClick", "Double_Tap"),
    ("input_text", "Type"),
    ("open app", "Open_App"),
    ("launch_app", "Open_App"),
    ("press_back", "Back"),
    ("navigate_home", "Home"),
    ("recent-apps", "Switch_App"),
    ("Weather", "Weather"),
]
CALLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"call": call("Tap", element="[2]")}, TAP),
    ({"call": {"name": "Tap", "arguments": {"element": 2}}}, TAP),
    ({"action": {"name": "Tap", "arguments": {"element": 2}}}, TAP),
    (call("Tap", element="2.0"), TAP),
    (call("Tap", index="2"), TAP),
    ({"action": "Tap", "arguments": '{"element": 2}'}, TAP),
    ({"action": "Tap", "element": 2}, TAP),
    (call("Tap", element=2, x=None), TAP),
    (
        {"action": "Tap", "arguments": [540, 350]},
        call("Tap", x=540, y=350),
    ),
    (
        call("Tap", coordinate="(540, 350.0)"),
        call("Tap", x=540, y=350),
    ),
    ({"action": "Back", "arguments": None}, call("Back")),
    (
        call("Wait", duration="2s"),
        call("Wait", seconds=2),
    ),
    (
        call("Answer", content=42),
        call("Answer", text="42"),
    ),
    ({"action": "swipe_left"}, call("Swipe", direction="left")),
    (
        call("Swipe", direction="down"),
        call("Swipe", direction="down"),
    ),
    (
        call("scroll", direction="Down"),
        call("Swipe", direction="up"),
    ),
    ({"action": "scroll_up"}, call("Swipe", direction="down")),
    (
        call("Weather", index="2"),
        call("Weather", index="2"),
    ),
]


@pytest.mark.parametrize(("written", "meant"), NAMES)
def test_names_are_read_as_they_are_meant(written: str, meant: str) -> None:
    assert repaired_call({"action": written, "arguments": {}})["action"] == meant


@pytest.mark.parametrize(("written", "meant"), CALLS)
def test_calls_are_read_as_they_are_meant(written: dict[str, Any], meant: dict[str, Any]) -> None:
    read = repaired_call({"description": "", **written})
    assert {"action": read["action"], "arguments": read["arguments"]} == meant
    assert bool(read["repairs"]) is (written != meant)


@pytest.mark.parametrize(
    "unsure",
    [
        {"action": "Tap(2)", "arguments": {}},
        call("Tap", element="two"),
        call("Tap", point=[1, 2, 3]),
        call("Tap", point=[True, False]),
        call("Swipe", direction="north"),
    ],
)
def test_what_is_not_certain_is_left_as_it_is(unsure: dict[str, Any]) -> None:
    read = repaired_call({"description": "", **unsure})
    assert (read["action"], read["arguments"], read["repairs"]) == (
        unsure["action"],
        unsure["arguments"],
        (),
    )


def test_a_whole_number_that_is_written_with_a_point_is_said() -> None:
    assert repaired_call({"description": "", **call("Tap", element=2.0)})["repairs"] == (
        "2.0 for 2",
    )


def test_an_argument_inside_wins_over_one_beside_the_call() -> None:
    read = repaired_call({"action": "Tap", "arguments": {"element": 2}, "element": 3})
    assert read["arguments"] == {"element": 2}
