"""Shortcuts are played action by action, with a look at the screen in between."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.shortcut_targets import grounded_action
from tapgraph.agents.run.events import ActionDone, ActionFailed, Decided, Reflected
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer
from tapgraph.memory import MemoryStore, ShortcutStep
from tapgraph.tools.mobile.actions import Tap, Type
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.screen_text import parse_description

CAFE = "Find the highest-rated cafe on Maps and save its name and phone number in a note."
TAP = ShortcutStep(action_name="Tap", arguments_map={"x": "x", "y": "y"})

Events = Callable[[Any], list[Any]]


def searching(target_role: str) -> Callable[..., Answer | None]:
    """Calls the shortcut once on the first element of a role, as soon as Maps shows it."""
    called: list[bool] = []

    def override(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if not schema or not issubclass(schema, OperatorReply) or called:
            return None
        screen = messages[-1].text.rpartition("\n<screen>\n")[2]
        elements = parse_description(screen)
        target = next((one for one in elements if one.role == target_role), None)
        if 'app "Maps"' not in screen or "Allow Maps" in screen or target is None:
            return None
        called.append(True)
        return OperatorReply(
            thought="",
            action="Tap_Type_and_Enter",
            arguments={"element": target.number, "text": "cafe"},
            description="Cafes are listed.",
        )

    return override


def test_the_initial_shortcut_taps_types_and_enters(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    result = run_task(CAFE, demonstrator_but(searching("input")))
    assert result.outcome is Outcome.SUCCESS
    step = next(
        each.step for each in events(Decided) if each.action["name"] == "Tap_Type_and_Enter"
    )
    done = [(each.part, each.action["name"]) for each in events(ActionDone) if each.step == step]
    assert done == [(0, "Tap"), (1, "Type"), (2, "Enter")]
    assert next(each for each in events(Reflected) if each.step == step).verdict == "A"
    evidence = memory.shortcuts()[0].evidence
    assert (evidence.uses, evidence.successes, evidence.failures) == (1, 1, 0)


def test_a_shortcut_that_fails_in_the_middle_says_how_far_it_came(
    run_task: Any, demonstrator_but: Any, events: Events, memory: MemoryStore
) -> None:
    model = demonstrator_but(searching("button"))
    assert run_task(CAFE, model).outcome is Outcome.SUCCESS
    step = next(
        each.step for each in events(Decided) if each.action["name"] == "Tap_Type_and_Enter"
    )
    assert [each.part for each in events(ActionDone) if each.step == step] == [0]
    assert [each.part for each in events(ActionFailed) if each.step == step] == [1]
    told = [
        request.messages[-1].text
        for request in model.requests
        if "The phone reported: Tap_Type_and_Enter stopped at its action 2 of 3 (Type)"
        in request.messages[-1].text
    ]
    judged_by_code = [each.error for each in events(Reflected) if each.step == step]
    assert told or "stopped at its action 2 of 3 (Type)" in judged_by_code[0]
    assert memory.shortcuts()[0].evidence.uses == 1


def screen(*elements: Element, fingerprint: str) -> Screen:
    return Screen(
        size=Size(1080, 2400),
        elements=elements,
        app=AppInfo("com.example", "Example"),
        keyboard_shown=False,
        screenshot=None,
        tree_xml="",
        fingerprint=fingerprint,
    )


def button(text: str, top: int) -> Element:
    bounds = Bounds(0, top, 1080, top + 100)
    return Element(1, bounds, text, Role.BUTTON, resource_id="a:id/row", clickable=True)


FIRST = screen(button("Save", 500), button("Delete", 700), fingerprint="first")


def test_a_target_that_moved_is_found_again() -> None:
    now = screen(button("Delete", 500), button("Save", 900), fingerprint="now")
    action = grounded_action(TAP, {"x": 540, "y": 550}, first=FIRST, now=now)
    assert action == Tap(540, 950)


def test_a_target_that_is_gone_stops_the_shortcut() -> None:
    now = screen(button("Delete", 500), fingerprint="now")
    with pytest.raises(ToolError, match="'Save' is no longer on the screen"):
        grounded_action(TAP, {"x": 540, "y": 550}, first=FIRST, now=now)


def test_on_an_unchanged_screen_the_point_stays_as_it_is() -> None:
    assert grounded_action(TAP, {"x": 3, "y": 510}, first=FIRST, now=FIRST) == Tap(3, 510)


def test_a_text_that_is_no_argument_stands_for_itself() -> None:
    step = ShortcutStep(action_name="Type", arguments_map={"text": "hello // there"})
    assert grounded_action(step, {}, first=FIRST, now=FIRST) == Type("hello // there")


def test_an_argument_of_the_wrong_type_is_told() -> None:
    with pytest.raises(ToolError, match="Tap: x must be of type int, got 'left'"):
        grounded_action(TAP, {"x": "left", "y": 2}, first=FIRST, now=FIRST)
