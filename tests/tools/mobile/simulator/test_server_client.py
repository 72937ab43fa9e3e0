"""The unchanged Appium-Python-Client drives the simulated phone."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from appium.options.android import UiAutomator2Options
from appium.webdriver.common.appiumby import AppiumBy
from appium.webdriver.webdriver import WebDriver
from PIL import Image
from selenium.common.exceptions import (
    InvalidElementStateException,
    InvalidSelectorException,
    NoSuchElementException,
    StaleElementReferenceException,
    UnknownMethodException,
    WebDriverException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput

from tapgraph.tools.mobile.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from tests.tools.mobile.conftest import TrialApp

TRIAL = "org.example.trial"


@pytest.fixture
def driver(sim_server: SimulatorServer) -> Iterator[WebDriver]:
    options = UiAutomator2Options().load_capabilities({"appium:appPackage": TRIAL})
    driver = WebDriver(sim_server.url, options=options)
    yield driver
    driver.quit()


def count(driver: WebDriver) -> str:
    return driver.find_element(AppiumBy.ID, "count").text


@pytest.mark.parametrize(
    ("strategy", "selector"),
    [
        (AppiumBy.ID, "add"),
        (AppiumBy.ID, f"{TRIAL}:id/add"),
        (AppiumBy.ACCESSIBILITY_ID, "Add one"),
        (AppiumBy.XPATH, '//android.widget.Button[@text="Add"]'),
        (AppiumBy.XPATH, "//*[@content-desc='Add one']"),
        (AppiumBy.ANDROID_UIAUTOMATOR, 'new UiSelector().text("Add")'),
        (AppiumBy.ANDROID_UIAUTOMATOR, 'new UiSelector().textMatches("A[a-z]d");'),
        (AppiumBy.ANDROID_UIAUTOMATOR, 'new UiSelector().descriptionStartsWith("add o")'),
        (AppiumBy.ANDROID_UIAUTOMATOR, f'new UiSelector().resourceId("{TRIAL}:id/add")'),
        (
            AppiumBy.ANDROID_UIAUTOMATOR,
            'new UiSelector().className("android.widget.Button").clickable(true).instance(0)',
        ),
        ("css selector", "#add"),
        ("css selector", r"#org\.example\.trial\:id\/add"),
        ("css selector", "android.widget.Button[text=Add]"),
        ("css selector", '[description^="Add"]'),
        ("css selector", "[content-desc$='one']"),
        ("css selector", '[text*="dd"]:clickable'),
        ("css selector", "[resource-id='android:id/content'] [text=Add]"),
        ("css selector", "*[class-name='android.widget.Button']:instance(0)"),
        (
            AppiumBy.ANDROID_UIAUTOMATOR,
            'new UiSelector().resourceId("android:id/content")'
            '.childSelector(new UiSelector().textContains("dd"))',
        ),
    ],
)
def test_button_is_found_in_many_ways(driver: WebDriver, strategy: str, selector: str) -> None:
    driver.find_element(strategy, selector).click()
    assert count(driver) == "1 taps"


def test_class_name_finds_all_buttons_in_order(driver: WebDriver) -> None:
    found = driver.find_elements(AppiumBy.CLASS_NAME, "android.widget.Button")
    assert [one.text for one in found] == ["Add", "Twice", "Rows"]


def test_children_are_looked_for_inside_their_parent(driver: WebDriver) -> None:
    content = driver.find_element(AppiumBy.ID, "android:id/content")
    assert content.find_element(AppiumBy.ID, "add").text == "Add"
    button = driver.find_element(AppiumBy.ID, "add")
    assert button.find_elements(AppiumBy.ID, "twice") == []
    assert button.find_elements(AppiumBy.XPATH, "//android.widget.Button") == []


def test_nothing_found_is_an_error_for_one_and_empty_for_all(driver: WebDriver) -> None:
    assert driver.find_elements(AppiumBy.ID, "absent") == []
    with pytest.raises(NoSuchElementException, match="absent"):
        driver.find_element(AppiumBy.ID, "absent")


@pytest.mark.parametrize(
    ("strategy", "selector"),
    [
        ("css selector", "#add, #twice"),
        ("css selector", "[colour=red]"),
        ("css selector", "[index=first]"),
        ("-android viewtag", "add"),
        ("-android datamatcher", "{}"),
        (AppiumBy.XPATH, "//*["),
        (AppiumBy.XPATH, "count(//*)"),
        (AppiumBy.XPATH, "//*/@text"),
        (AppiumBy.ANDROID_UIAUTOMATOR, ""),
        (AppiumBy.ANDROID_UIAUTOMATOR, "new UiSelector().text("),
        (AppiumBy.ANDROID_UIAUTOMATOR, "new UiSelector().text(3)"),
        (AppiumBy.ANDROID_UIAUTOMATOR, 'new UiSelector().nonsense("a")'),
        (AppiumBy.ANDROID_UIAUTOMATOR, 'new UiSelector().textMatches("(")'),
        (AppiumBy.ANDROID_UIAUTOMATOR, "System.exit(1)"),
        (AppiumBy.ANDROID_UIAUTOMATOR, "__import__('os').system('id')"),
        (AppiumBy.ANDROID_UIAUTOMATOR, "new UiScrollable().scrollForward()"),
        (AppiumBy.ANDROID_UIAUTOMATOR, "new UiScrollable(new UiSelector()).flingToEnd()"),
        (AppiumBy.ANDROID_UIAUTOMATOR, 'new UiScrollable(new UiSelector()).getChildByText("a")'),
    ],
)
def test_unreadable_selector_is_an_invalid_selector(
    driver: WebDriver, strategy: str, selector: str
) -> None:
    with pytest.raises(InvalidSelectorException):
        driver.find_element(strategy, selector)


SCROLLABLE = "new UiScrollable(new UiSelector().scrollable(true))"


@pytest.mark.parametrize(
    ("calls", "shown", "hidden"),
    [
        ("scrollForward()", "Row 15", "Row 0"),
        ("flingForward()", "Row 15", "Row 0"),
        ("scrollToEnd(10)", "Row 59", "Row 0"),
        ("flingToEnd(10)", "Row 59", "Row 0"),
        ("scrollToEnd(10).scrollToBeginning(10)", "Row 0", "Row 59"),
        ("flingToEnd(10).flingBackward().flingToBeginning(9)", "Row 0", "Row 59"),
        ("scrollForward(25).scrollBackward()", "Row 0", "Row 59"),
    ],
)
def test_scrollable_scrolls_and_gives_itself(
    calls: str, shown: str, hidden: str, driver: WebDriver
) -> None:
    driver.find_element(AppiumBy.ID, "rows").click()
    found = driver.find_element(AppiumBy.ANDROID_UIAUTOMATOR, f"{SCROLLABLE}.{calls}")
    assert found.get_attribute("scrollable") == "true"
    assert f'text="{shown}"' in driver.page_source
    assert f'text="{hidden}"' not in driver.page_source


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            'getChildByText(new UiSelector().className("android.widget.TextView"), "Row 40")',
            "Row 40",
        ),
        ('getChildByText(new UiSelector().scrollable(true), "Row 40", true)', ""),
        ('getChildByInstance(new UiSelector().textStartsWith("Row"), 2)', "Row 2"),
    ],
)
def test_scrollable_gives_a_child(call: str, text: str, driver: WebDriver) -> None:
    driver.find_element(AppiumBy.ID, "rows").click()
    found = driver.find_element(AppiumBy.ANDROID_UIAUTOMATOR, f"{SCROLLABLE}.{call}")
    assert found.text == text


def test_scrollable_brings_a_far_row_into_view(driver: WebDriver) -> None:
    driver.find_element(AppiumBy.ID, "rows").click()
    row = driver.find_element(
        AppiumBy.ANDROID_UIAUTOMATOR,
        "new UiScrollable(new UiSelector().scrollable(true)).setMaxSearchSwipes(20)"
        '.scrollIntoView(new UiSelector().text("Row 55"))',
    )
    assert row.text == "Row 55"
    with pytest.raises(NoSuchElementException):
        driver.find_element(
            AppiumBy.ANDROID_UIAUTOMATOR,
            'new UiScrollable(new UiSelector().scrollable(true)).scrollTextIntoView("Row 999")',
        )


def test_element_of_a_left_page_is_stale(driver: WebDriver) -> None:
    button = driver.find_element(AppiumBy.ID, "add")
    driver.find_element(AppiumBy.ID, "rows").click()
    with pytest.raises(StaleElementReferenceException):
        button.click()
    driver.back()
    button.click()
    assert count(driver) == "1 taps"


def test_element_stays_the_same_while_its_words_change(driver: WebDriver) -> None:
    label = driver.find_element(AppiumBy.ID, "count")
    driver.find_element(AppiumBy.ID, "add").click()
    assert label.text == "1 taps"
    assert label == driver.find_element(AppiumBy.ID, "count")


def test_row_that_was_scrolled_is_the_same_row(driver: WebDriver) -> None:
    driver.find_element(AppiumBy.ID, "rows").click()
    row = driver.find_element(AppiumBy.XPATH, '//*[@text="Row 9"]')
    before = row.rect["y"]
    driver.swipe(540, 1500, 540, 1200, 300)
    assert row.text == "Row 9"
    assert row.rect["y"] < before
    driver.swipe(540, 2000, 540, 300, 300)
    with pytest.raises(StaleElementReferenceException):
        _ = row.text


def test_send_keys_clear_and_read(driver: WebDriver) -> None:
    field = driver.find_element(AppiumBy.ID, "search")
    field.send_keys('müsli 🎉 "quoted"')
    assert field.text == 'müsli 🎉 "quoted"'
    assert field.get_attribute("focused") == "true"
    assert driver.switch_to.active_element == field
    field.clear()
    assert field.text == "Search here"
    driver.execute_script("mobile: performEditorAction", {"action": "search"})


def test_only_fields_take_keys(driver: WebDriver) -> None:
    with pytest.raises(InvalidElementStateException):
        driver.find_element(AppiumBy.ID, "add").send_keys("x")


def test_attributes_have_the_names_of_uiautomator2(driver: WebDriver) -> None:
    button = driver.find_element(AppiumBy.ID, "add")
    assert button.get_attribute("text") == "Add"
    assert button.get_attribute("content-desc") == "Add one"
    assert button.get_attribute("contentDescription") == "Add one"
    assert button.get_attribute("resourceId") == f"{TRIAL}:id/add"
    assert button.get_attribute("className") == "android.widget.Button"
    assert button.get_attribute("clickable") == "true"
    assert button.get_attribute("package") == TRIAL
    assert button.tag_name == "android.widget.Button"
    assert button.is_displayed()
    assert button.is_enabled()
    assert not button.is_selected()
    with pytest.raises(UnknownMethodException):
        button.get_attribute("colour")


def test_check_box_is_selected_when_ticked(driver: WebDriver) -> None:
    box = driver.find_element(AppiumBy.ID, "tick")
    box.click()
    assert box.is_selected()
    assert box.get_attribute("checked") == "true"


def test_pictures_have_the_size_of_what_they_show(driver: WebDriver) -> None:
    screen = Image.open(io.BytesIO(driver.get_screenshot_as_png()))
    assert screen.size == (1080, 2400)
    button = driver.find_element(AppiumBy.ID, "add")
    picture = Image.open(io.BytesIO(button.screenshot_as_png))
    assert picture.size == (button.rect["width"], button.rect["height"])


def test_client_gestures_reach_the_phone(driver: WebDriver, trial_app: "TrialApp") -> None:
    rect = driver.find_element(AppiumBy.ID, "add").rect
    x, y = rect["x"] + rect["width"] // 2, rect["y"] + rect["height"] // 2
    driver.tap([(x, y)])
    driver.tap([(x, y)], 800)
    assert (trial_app.taps, trial_app.long_presses) == (1, 1)


def test_actions_with_an_element_as_origin(driver: WebDriver, trial_app: "TrialApp") -> None:
    button = driver.find_element(AppiumBy.ID, "twice")
    actions = ActionBuilder(driver, mouse=PointerInput("touch", "finger"), duration=0)
    for _ in range(2):
        actions.pointer_action.move_to(button).pointer_down().pause(0.05).pointer_up().pause(0.1)
    actions.perform()
    assert (trial_app.double_taps, trial_app.taps) == (1, 0)


def test_taps_far_apart_in_time_are_two_taps(driver: WebDriver, trial_app: "TrialApp") -> None:
    button = driver.find_element(AppiumBy.ID, "twice")
    actions = ActionBuilder(driver, mouse=PointerInput("touch", "finger"), duration=0)
    for _ in range(2):
        actions.pointer_action.move_to(button).pointer_down().pause(0.05).pointer_up().pause(0.6)
    actions.perform()
    assert (trial_app.double_taps, trial_app.taps) == (0, 2)


def test_finger_left_down_is_lifted_by_release(driver: WebDriver, trial_app: "TrialApp") -> None:
    button = driver.find_element(AppiumBy.ID, "add")
    actions = ActionBuilder(driver, mouse=PointerInput("touch", "finger"), duration=0)
    actions.pointer_action.move_to(button).pointer_down()
    actions.perform()
    assert trial_app.taps == 0
    actions.clear_actions()
    assert trial_app.taps == 1


@pytest.mark.parametrize(("second", "first_row"), [((300, 1600), 0), ((300, 400), 5)])
def test_two_fingers_apart_do_nothing_and_together_what_one_does(
    second: tuple[int, int], first_row: int, driver: WebDriver
) -> None:
    driver.find_element(AppiumBy.ID, "rows").click()
    actions = ActionBuilder(driver, mouse=PointerInput("touch", "one"), duration=100)
    two = actions.add_pointer_input("touch", "two")
    actions.pointer_action.move_to_location(500, 1100).pointer_down().move_to_location(500, 400)
    actions.pointer_action.pointer_up()
    two.create_pointer_move(x=300, y=1100)
    two.create_pointer_down(button=0)
    two.create_pointer_move(duration=100, x=second[0], y=second[1])
    two.create_pointer_up(0)
    actions.perform()
    top = driver.find_element(AppiumBy.XPATH, "//*[starts-with(@text, 'Row ')]").text
    assert (top == "Row 0") is (first_row == 0)


def test_key_actions_type_into_the_focused_field(driver: WebDriver, trial_app: "TrialApp") -> None:
    driver.find_element(AppiumBy.ID, "search").click()
    ActionChains(driver).send_keys("abd\ue003c\ue007").perform()
    assert trial_app.submitted == "abc"


def test_mobile_commands_on_apps(driver: WebDriver) -> None:
    assert driver.is_app_installed("org.example.other")
    assert not driver.is_app_installed("org.example.absent")
    assert driver.query_app_state("org.example.absent") == 0
    assert driver.query_app_state("org.example.other") == 1
    driver.activate_app("org.example.other")
    assert driver.query_app_state("org.example.other") == 4
    assert driver.query_app_state(TRIAL) == 3
    assert driver.current_package == "org.example.other"
    assert driver.current_activity.endswith("OtherPage")
    assert driver.terminate_app("org.example.other") is True
    assert driver.terminate_app("org.example.other") is False
    driver.execute_script("mobile: startActivity", {"intent": f"{TRIAL}/.Main"})
    assert driver.current_package == TRIAL
    assert driver.execute_script("mobile: listApps")[TRIAL]["label"] == "Trial Counter"
    with pytest.raises(WebDriverException, match="not installed"):
        driver.activate_app("org.example.absent")


def test_mobile_commands_on_the_phone(driver: WebDriver) -> None:
    driver.set_clipboard_text("copied 🎉")
    assert driver.get_clipboard_text() == "copied 🎉"
    assert driver.get_device_time("YYYY-MM-DD HH:mm").startswith("2026-03-07 09:3")
    assert driver.device_time.startswith("2026-03-07T09:3")
    assert driver.get_display_density() == 420
    assert driver.execute_script("mobile: deviceInfo")["realDisplaySize"] == "1080x2400"
    assert driver.battery_info["level"] == 0.87
    assert not driver.is_locked()
    assert driver.contexts == ["NATIVE_APP"]
    assert driver.execute_script("mobile: getNotifications") == {"statusBarNotifications": []}
    driver.open_notifications()
    driver.press_keycode(4)
    assert driver.current_package == TRIAL


def test_keyboard_is_told_and_hidden(driver: WebDriver) -> None:
    assert not driver.is_keyboard_shown()
    driver.find_element(AppiumBy.ID, "search").click()
    assert driver.is_keyboard_shown()
    driver.hide_keyboard()
    assert not driver.is_keyboard_shown()


def test_mobile_gestures(driver: WebDriver, trial_app: "TrialApp") -> None:
    button = driver.find_element(AppiumBy.ID, "twice")
    driver.execute_script("mobile: clickGesture", {"elementId": button.id})
    driver.execute_script("mobile: doubleClickGesture", {"elementId": button.id})
    add = driver.find_element(AppiumBy.ID, "add")
    driver.execute_script("mobile: longClickGesture", {"elementId": add.id, "duration": 900})
    assert (trial_app.taps, trial_app.double_taps, trial_app.long_presses) == (1, 1, 1)


def test_scroll_gesture_tells_when_the_end_is_reached(driver: WebDriver) -> None:
    driver.find_element(AppiumBy.ID, "rows").click()
    area = {"left": 100, "top": 400, "width": 800, "height": 1600, "percent": 1.0}
    for _ in range(20):
        if not driver.execute_script("mobile: scrollGesture", {**area, "direction": "down"}):
            break
    else:
        pytest.fail("the list has no end")
    assert driver.find_elements(AppiumBy.XPATH, '//*[@text="Row 59"]')
    driver.execute_script("mobile: swipeGesture", {**area, "direction": "down"})
    assert not driver.find_elements(AppiumBy.XPATH, '//*[@text="Row 59"]')


def test_settings_orientation_and_timeouts(driver: WebDriver) -> None:
    driver.update_settings({"waitForIdleTimeout": 100})
    assert driver.get_settings()["waitForIdleTimeout"] == 100
    driver.orientation = "LANDSCAPE"
    assert driver.orientation == "LANDSCAPE"
    assert driver.get_window_size() == {"width": 2400, "height": 1080}
    driver.implicitly_wait(0)


def test_shell_is_refused(driver: WebDriver) -> None:
    with pytest.raises(UnknownMethodException, match="no shell"):
        driver.execute_script("mobile: shell", {"command": "id"})
