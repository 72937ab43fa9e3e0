"""What a shortcut touches is found by what it is, or not touched at all."""

from typing import Any

import pytest

from tapgraph.agents.mobile.shortcut_targets import (
    is_change_due,
    located,
    missing_of,
    step_target,
)
from tapgraph.errors import ToolError
from tapgraph.memory import Condition, StepTarget
from tapgraph.tools.mobile.actions import Back, ClearText
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.target import target_at

LARGE, SMALL, WIDE = Size(1080, 2400), Size(720, 1280), Size(2400, 1080)


def element(text: str, top: int, **fields: Any) -> Element:
    width = fields.pop("width", 1080)
    known: dict[str, Any] = {"role": Role.BUTTON, "clickable": True, "number": 1}
    return Element(bounds=Bounds(0, top, width, top + 100), text=text, **known | fields)


def screen(*elements: Element, size: Size = LARGE, app: str = "com.x") -> Screen:
    return Screen(
        size=size,
        elements=elements,
        app=AppInfo(app, "X"),
        keyboard_shown=False,
        screenshot=None,
        tree_xml="",
        fingerprint=repr(elements),
    )


def kept(there: Element, *others: Element, size: Size = LARGE) -> StepTarget:
    """The target as a shortcut keeps it after it was touched."""
    shown = screen(there, *others, size=size)
    return step_target(target_at(shown, there.touch_point, there))


SAVE = {"resource_id": "com.x:id/save"}
ROW = {"resource_id": "com.x:id/row"}


def test_an_empty_field_may_be_emptied_in_vain() -> None:
    field = screen(element("", 300, role=Role.INPUT, focused=True))
    assert not is_change_due(ClearText(), field)
    assert is_change_due(Back(), field)


@pytest.mark.parametrize("size", [LARGE, SMALL, WIDE])
def test_an_id_is_found_on_another_screen_in_another_language(size: Size) -> None:
    target = kept(element("Save", 500, **SAVE), element("Delete", 700))
    german = screen(
        element("Löschen", 100, width=500), element("Sichern", 300, width=500, **SAVE), size=size
    )
    assert located(target, {}, german) == Point(250, 350)


def test_the_button_of_another_dialog_is_another_button() -> None:
    first = {"resource_id": "android:id/button1"}
    target = kept(element("OK", 500, **first))
    assert located(target, {}, screen(element("OK", 900, **first))) == Point(540, 950)
    with pytest.raises(ToolError, match="'OK'"):
        located(target, {}, screen(element("Delete all", 500, **first)))


def test_words_are_found_elsewhere_and_only_on_the_same_kind_of_thing() -> None:
    target = kept(element("Save", 500))
    moved = screen(element("Save", 100, role=Role.TEXT, clickable=False), element("Save", 900))
    assert located(target, {}, moved) == Point(540, 950)


def test_without_an_id_another_language_is_no_reason_to_guess() -> None:
    with pytest.raises(ToolError, match=r"'Save' \(button\) is no longer on the screen"):
        located(kept(element("Save", 500)), {}, screen(element("Sichern", 500)))


def test_a_row_of_a_list_is_its_words_and_not_the_id_that_rows_share() -> None:
    target = kept(element("Ann", 300, **ROW), element("Bob", 500, **ROW))
    assert located(
        target, {}, screen(element("Bob", 300, **ROW), element("Ann", 500, **ROW))
    ) == Point(540, 550)
    with pytest.raises(ToolError, match="'Ann'"):
        located(target, {}, screen(element("Bob", 300, **ROW), element("Eve", 500, **ROW)))


def test_an_argument_says_which_row_is_meant() -> None:
    target = StepTarget(role="button", resource_id="com.x:id/row", text_argument="name")
    shown = screen(element("Bob", 300, **ROW), element("Ann", 500, **ROW))
    assert located(target, {"name": "Ann"}, shown) == Point(540, 550)
    with pytest.raises(ToolError, match="'Eve'"):
        located(target, {"name": "Eve"}, shown)
    with pytest.raises(ToolError, match="'Eve'"):
        located(target, {"name": "Eve"}, screen(element("Ann", 300, **ROW)))


def test_of_equals_the_same_place_among_as_many_is_taken() -> None:
    target = kept(element("Add", 700), element("Add", 500))
    assert target.equals == 2
    assert located(target, {}, screen(element("Add", 100), element("Add", 300))).y == (
        150 if target.index == 1 else 350
    )
    with pytest.raises(ToolError, match="stands 3 times on the screen, not 2"):
        located(target, {}, screen(*(element("Add", top) for top in (100, 300, 500))))


def test_an_input_is_found_whatever_it_holds() -> None:
    field = {"role": Role.INPUT, "resource_id": "com.x:id/search"}
    target = kept(element("Search here", 500, **field))
    assert target.text == ""
    assert located(target, {}, screen(element("cafe", 900, **field))) == Point(540, 950)


def test_what_has_no_words_is_found_by_its_place_where_its_like_stands() -> None:
    target = kept(element("", 600, role=Role.IMAGE))
    there = Element(1, Bounds(0, 300, 720, 400), "", Role.IMAGE, clickable=True)
    assert located(target, {}, screen(there, size=SMALL)) == there.touch_point
    other = Element(1, Bounds(0, 300, 720, 400), "Pay", Role.BUTTON, clickable=True)
    with pytest.raises(ToolError, match="no image without words stands where its target was"):
        located(target, {}, screen(other, size=SMALL))


def test_a_bare_place_is_touched_only_where_nothing_takes_it() -> None:
    target = step_target(target_at(screen(), Point(540, 1200)))
    assert located(target, {}, screen(size=SMALL)) == Point(360, 640)
    pay = Element(1, Bounds(0, 600, 720, 700), "Pay", Role.BUTTON, clickable=True)
    with pytest.raises(ToolError, match="stands where there was nothing to touch"):
        located(target, {}, screen(pay, size=SMALL))


def test_what_lies_under_others_is_not_touched() -> None:
    target = kept(element("Save", 500))
    with pytest.raises(ToolError, match="lies under other elements"):
        located(target, {}, screen(element("Save", 500, is_covered=True)))


def test_a_condition_says_what_is_missing() -> None:
    target = StepTarget(role="button", resource_id="com.x:id/save", text="Save")
    condition = Condition(app="com.x", shows=(target,))
    assert missing_of(condition, {}, screen(element("Sichern", 300, **SAVE))) == ""
    assert "com.y, not com.x" in missing_of(condition, {}, screen(app="com.y"))
    assert missing_of(condition, {}, screen(element("Save", 300, role=Role.TEXT))) == (
        "'Save' (button) is not on the screen"
    )
    assert missing_of(Condition(), {}, screen()) == ""


def test_words_from_a_picture_find_what_says_them_whatever_it_is() -> None:
    target = StepTarget(text="Dark mode from sunset til1 sunrise")
    shown = screen(
        element("Dark mode from sunset till sunrise", 100, role=Role.TEXT, clickable=False),
        element("Sound", 300),
    )
    assert located(target, {}, shown) == Point(540, 150)
    assert missing_of(Condition(shows=(target,)), {}, shown) == ""
    with pytest.raises(ToolError, match="its target 'Light theme' is no longer"):
        located(StepTarget(text="Light theme"), {}, shown)


def test_words_from_a_picture_mean_what_says_nothing_else_then_what_can_be_used() -> None:
    target = StepTarget(text="Display")
    among = element("Display, brightness", 300)
    title = element("Display", 100, role=Role.TEXT, clickable=False)
    assert located(target, {}, screen(among)) == Point(540, 350)
    assert located(target, {}, screen(title, among)) == Point(540, 150)
    assert located(target, {}, screen(title, element("Display", 700))) == Point(540, 750)


def test_words_from_a_picture_that_stand_more_often_than_then_are_not_touched() -> None:
    rows = [element("Display", 100), element("Display", 300), element("Display", 500)]
    second = StepTarget(text="Display", index=2, equals=3)
    assert located(second, {}, screen(*rows)) == Point(540, 350)
    with pytest.raises(ToolError, match="stands 3 times on the screen, not 1"):
        located(StepTarget(text="Display"), {}, screen(*rows))
