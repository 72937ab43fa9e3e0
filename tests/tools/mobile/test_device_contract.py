"""What every phone must do, whatever is behind it."""

from typing import TYPE_CHECKING

import pytest
from PIL import ImageChops

from tapgraph.errors import AppNotFound, DeviceLost, ToolError
from tapgraph.tools.mobile.actions import (
    Answer,
    AskUser,
    Back,
    ClearText,
    DoubleTap,
    Enter,
    Home,
    LongPress,
    OpenApp,
    OpenLink,
    StartActivity,
    Swipe,
    SwitchApp,
    Tap,
    Type,
    Wait,
)
from tapgraph.tools.mobile.device import Capability
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.ui_tree import UiNode

if TYPE_CHECKING:
    from tests.tools.mobile.conftest import Rig

NASTY_TEXTS = {
    "plain": "hello world",
    "umlauts": "Grüße aus Köln, ça va?",
    "scripts": "日本語 العربية עברית ไทย हिन्दी",
    "emoji": "🎉👩‍👩‍👧‍👦🏳️‍🌈 ok",
    "quotes": "\"double\" 'single' `back`",
    "backslashes": "C:\\new\\table %s %n $HOME",
    "comment signs": "https://a.b/c # not a comment // nor this",
    "shell signs": "a; rm -rf / & echo | cat > x && $(id)",
    "markup": "<b>&amp;</b> ]]> <!-- -->",
    "json": '{"name": "Tap", "arguments": {"x": 1}}',
    "spaces": "  two  spaces ",
    "long": "lorem ipsum " * 40,
}


def open_trial(rig: "Rig") -> None:
    rig.device.perform(OpenApp("Trial Counter"))


def node(rig: "Rig", resource_id: str) -> UiNode:
    found = [
        one for one in rig.device.ui_tree().walk() if one.resource_id.endswith(f":id/{resource_id}")
    ]
    assert found, f"no view {resource_id!r} on the screen"
    return found[0]


def center(rig: "Rig", resource_id: str) -> Point:
    return node(rig, resource_id).bounds.center


def tap(rig: "Rig", resource_id: str) -> None:
    point = center(rig, resource_id)
    rig.device.perform(Tap(point.x, point.y))


def rows(rig: "Rig") -> list[str]:
    return [one.text for one in rig.device.ui_tree().walk() if one.text.startswith("Row ")]


def test_screenshot_has_the_size_that_the_device_tells(rig: "Rig") -> None:
    picture = rig.device.screenshot()
    assert picture.mode == "RGB"
    assert rig.device.size() == Size(*picture.size)


def test_screenshot_shows_something(rig: "Rig") -> None:
    colors = rig.device.screenshot().convert("L").getextrema()
    assert colors[0] != colors[1]


def test_tree_has_windows_inside_the_screen(rig: "Rig") -> None:
    tree = rig.device.ui_tree()
    size = rig.device.size()
    assert tree.windows
    for window in tree.windows:
        assert 0 <= window.bounds.left < window.bounds.right <= size.width_px
        assert 0 <= window.bounds.top < window.bounds.bottom <= size.height_px


def test_tap_changes_the_screen(rig: "Rig") -> None:
    open_trial(rig)
    before = rig.device.screenshot()
    tap(rig, "add")
    assert node(rig, "count").text == "1 taps"
    assert ImageChops.difference(before, rig.device.screenshot()).getbbox() is not None


def test_receipt_names_the_action_and_its_time(rig: "Rig") -> None:
    receipt = rig.device.perform(Home())
    assert receipt.action == Home()
    assert receipt.elapsed_s >= 0


@pytest.mark.parametrize("point", [(-1, 5), (5, -1), (100_000, 5), (5, 100_000)])
def test_tap_outside_of_the_screen_is_refused(rig: "Rig", point: tuple[int, int]) -> None:
    with pytest.raises(ToolError, match="screen"):
        rig.device.perform(Tap(*point))


def test_long_press_is_no_tap(rig: "Rig") -> None:
    open_trial(rig)
    point = center(rig, "add")
    rig.device.perform(LongPress(point.x, point.y))
    assert (rig.trial.long_presses, rig.trial.taps) == (1, 0)


def test_double_tap_is_one_gesture(rig: "Rig") -> None:
    open_trial(rig)
    point = center(rig, "twice")
    rig.device.perform(DoubleTap(point.x, point.y))
    assert (rig.trial.double_taps, rig.trial.taps) == (1, 0)


def test_swipe_up_scrolls_down(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "rows")
    assert rows(rig)[0] == "Row 0"
    middle = rig.device.size().width_px // 2
    rig.device.perform(Swipe(middle, 1700, middle, 700))
    assert "Row 0" not in rows(rig)
    rig.device.perform(Swipe(middle, 700, middle, 1700))
    assert rows(rig)[0] == "Row 0"


@pytest.mark.parametrize("text", NASTY_TEXTS.values(), ids=NASTY_TEXTS)
def test_typed_text_is_in_the_field(rig: "Rig", text: str) -> None:
    open_trial(rig)
    tap(rig, "search")
    rig.device.perform(Type(text))
    assert node(rig, "search").text == text


def test_typed_lines_stay_lines(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "note")
    rig.device.perform(Type("first\nsecond\n\nlast"))
    assert rig.trial.note == "first\nsecond\n\nlast"


def test_typing_adds_to_what_is_there(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "search")
    rig.device.perform(Type("one "))
    rig.device.perform(Type("two"))
    assert node(rig, "search").text == "one two"


def test_typed_hint_is_no_empty_field(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "note")
    rig.device.perform(Type("A note"))
    assert rig.trial.note == "A note"


def test_password_is_typed_without_being_shown(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "password")
    rig.device.perform(Type("p&ss wörd"))
    field = node(rig, "password")
    assert field.password
    assert field.text not in {"", "p&ss wörd"}


def test_typing_needs_a_focused_field(rig: "Rig") -> None:
    open_trial(rig)
    with pytest.raises(ToolError, match="focus"):
        rig.device.perform(Type("lost"))


def test_clear_text_empties_the_field(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "note")
    rig.device.perform(Type("something"))
    rig.device.perform(ClearText())
    assert rig.trial.note == ""


def test_clearing_needs_a_focused_field(rig: "Rig") -> None:
    open_trial(rig)
    with pytest.raises(ToolError, match="focus"):
        rig.device.perform(ClearText())


def test_enter_submits_a_search(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "search")
    rig.device.perform(Type("bakery"))
    rig.device.perform(Enter())
    assert rig.trial.submitted == "bakery"


def test_enter_starts_a_new_line_in_a_note(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "note")
    rig.device.perform(Type("a"))
    rig.device.perform(Enter())
    rig.device.perform(Type("b"))
    assert rig.trial.note == "a\nb"


def test_keyboard_comes_with_the_focus_and_goes_with_back(rig: "Rig") -> None:
    open_trial(rig)
    assert not rig.device.keyboard_shown()
    tap(rig, "search")
    assert rig.device.keyboard_shown()
    rig.device.perform(Back())
    assert not rig.device.keyboard_shown()
    assert rig.device.current_app().package == "org.example.trial"


def test_back_leaves_a_page(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "rows")
    rig.device.perform(Back())
    assert node(rig, "count").text == "0 taps"


def test_home_shows_the_launcher(rig: "Rig") -> None:
    open_trial(rig)
    rig.device.perform(Home())
    assert rig.device.current_app().package not in {"org.example.trial", "org.example.other"}


def test_recent_apps_lead_back_to_an_app(rig: "Rig") -> None:
    open_trial(rig)
    tap(rig, "add")
    rig.device.perform(OpenApp("Other Things"))
    rig.device.perform(SwitchApp())
    labels = {one.text or one.content_desc for one in rig.device.ui_tree().walk()}
    assert {"Trial Counter", "Other Things"} <= labels


@pytest.mark.parametrize("wanted", ["Trial Counter", "trial counter", "trial", "Trial  Countr"])
def test_app_is_opened_by_a_similar_name(rig: "Rig", wanted: str) -> None:
    receipt = rig.device.perform(OpenApp(wanted))
    assert rig.device.current_app().package == "org.example.trial"
    assert "Trial Counter" in receipt.detail


def test_unknown_app_is_an_error_that_names_it(rig: "Rig") -> None:
    with pytest.raises(AppNotFound, match="Spreadsheet"):
        rig.device.perform(OpenApp("Spreadsheet"))


def test_current_app_has_label_and_activity(rig: "Rig") -> None:
    open_trial(rig)
    app = rig.device.current_app()
    assert (app.package, app.label) == ("org.example.trial", "Trial Counter")
    assert app.activity.endswith("TrialPage")


def test_installed_apps_have_labels(rig: "Rig") -> None:
    labels = {app.package: app.label for app in rig.device.installed_apps()}
    assert labels["org.example.trial"] == "Trial Counter"
    assert labels["org.example.other"] == "Other Things"


def test_all_capabilities_are_claimed(rig: "Rig") -> None:
    wanted = {Capability.UI_TREE, Capability.KEYS, Capability.TEXT, Capability.APPS}
    assert wanted <= rig.device.capabilities


def test_simulated_phone_says_that_it_is_one(rig: "Rig") -> None:
    assert Capability.SIMULATED in rig.device.capabilities


def test_rotation_turns_size_picture_and_touch(rig: "Rig") -> None:
    open_trial(rig)
    rig.device.screenshot()
    rig.phone.rotate(1)
    size = rig.device.size()
    assert size.is_landscape
    assert Size(*rig.device.screenshot().size) == size
    tap(rig, "add")
    assert rig.trial.taps == 1


@pytest.mark.parametrize("action", [Answer("42"), AskUser("which one?"), Wait(0.01)])
def test_words_and_waiting_leave_the_screen_alone(
    rig: "Rig", action: Answer | AskUser | Wait
) -> None:
    open_trial(rig)
    before = rig.device.ui_tree().windows
    assert rig.device.perform(action).action == action
    assert rig.device.ui_tree().windows == before


@pytest.mark.parametrize("seconds", [-1.0, 1e9])
def test_waiting_has_limits(rig: "Rig", seconds: float) -> None:
    with pytest.raises(ToolError, match="seconds"):
        rig.device.perform(Wait(seconds))


def test_lost_session_is_repaired_for_a_look(rig: "Rig") -> None:
    if rig.lose_session is None:
        pytest.skip("a phone in process has no session")
    open_trial(rig)
    rig.lose_session()
    assert rig.device.current_app().package == "org.example.trial"


def test_lost_session_does_not_double_an_action(rig: "Rig") -> None:
    if rig.lose_session is None:
        pytest.skip("a phone in process has no session")
    open_trial(rig)
    point = center(rig, "add")
    rig.lose_session()
    rig.device.perform(Tap(point.x, point.y))
    assert rig.trial.taps == 1


def test_closed_device_says_that_it_is_lost(rig: "Rig") -> None:
    rig.device.close()
    with pytest.raises(DeviceLost):
        rig.device.screenshot()
    with pytest.raises(DeviceLost):
        rig.device.perform(Home())


def test_closing_twice_is_harmless(rig: "Rig") -> None:
    rig.device.close()
    rig.device.close()


def test_closing_leaves_the_phone_as_it_is(rig: "Rig") -> None:
    open_trial(rig)
    rig.device.close()
    assert rig.phone.foreground[0] == "org.example.trial"


def test_an_activity_is_started_and_a_link_that_nothing_opens_is_refused(rig: "Rig") -> None:
    open_trial(rig)
    rig.device.perform(Home())
    rig.device.perform(StartActivity("org.example.trial/.Main"))
    assert rig.device.current_app().package == "org.example.trial"
    with pytest.raises(ToolError):
        rig.device.perform(OpenLink("https://example.com"))
