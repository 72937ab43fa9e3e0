"""Drivers that refuse, forget and know little: which apps there are, and questions asked again."""

import base64
import io
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image
from selenium.common.exceptions import UnknownMethodException, WebDriverException

from tapgraph.errors import AppNotFound, DeviceLost, ToolError
from tapgraph.tools.mobile.actions import Tap
from tapgraph.tools.mobile.appium_apps import AppiumApps
from tapgraph.tools.mobile.appium_device import AppiumDevice
from tapgraph.tools.mobile.appium_server import AppiumServer
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Size

TREE = (
    '<hierarchy rotation="0"><node package="com.android.systemui" bounds="[0,0][90,5]"/>'
    '<node package="org.example.front" bounds="[0,0][90,160]"/></hierarchy>'
)
LAUNCHER = """com.android.settings/.Settings
org.example.hidden.services/org.example.Main
"""


def png(width_px: int, height_px: int) -> str:
    stream = io.BytesIO()
    Image.new("RGB", (width_px, height_px), "white").save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


class UnkindDriver:
    """Answers like UiAutomator2; whatever is in `refusals` is refused so many times."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "listApps": {"com.android.settings": {}, "com.android.providers.settings": {}},
            "shell": WebDriverException("Potentially insecure feature 'adb_shell'"),
            "package": "org.example.front",
            "activity": ".Main",
            "rect": {"x": 0, "y": 0, "width": 90, "height": 160},
            "keyboard": True,
            "source": TREE,
            "picture": png(90, 160),
        } | answers
        self.refusals: dict[str, int] = {}
        self.asked: list[str] = []
        self.capabilities: Mapping[str, object] = {}

    def answer(self, name: str) -> Any:
        self.asked.append(name)
        if self.refusals.get(name, 0) > 0:
            self.refusals[name] -= 1
            raise WebDriverException("Timed out waiting for the root AccessibilityNodeInfo")
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def execute_script(self, script: str, arguments: object) -> Any:
        return self.answer(script.removeprefix("mobile: "))

    def execute(self, command: str, arguments: object = None) -> dict[str, Any]:
        return {"value": self.answer("rect") if command == "getWindowRect" else None}

    def activate_app(self, package: str) -> None:
        self.answer("activate")
        self.answers["package"] = self.answers["activate"] or package

    def is_keyboard_shown(self) -> Any:
        return self.answer("keyboard")

    def get_screenshot_as_base64(self) -> Any:
        return self.answer("picture")

    current_package = property(lambda self: self.answer("package"))
    current_activity = property(lambda self: self.answer("activity"))
    page_source = property(lambda self: self.answer("source"))


def session_of(driver: UnkindDriver) -> AppiumSession:
    server = cast("AppiumServer", SimpleNamespace(new_driver=lambda _: driver, url="http://x"))
    return AppiumSession(server, {})


def device_of(driver: UnkindDriver) -> AppiumDevice:
    return AppiumDevice(session_of(driver))


def apps_of(driver: UnkindDriver) -> AppiumApps:
    """Apps with a clock that goes on by a second with each look at it, and without pauses."""
    ticks = iter(range(1000))
    return AppiumApps(
        session_of(driver),
        lambda: str(driver.current_package),
        sleep=lambda _: None,
        clock=lambda: float(next(ticks)),
    )


def test_providers_are_no_apps_where_only_packages_are_told() -> None:
    assert apps_of(UnkindDriver()).known() == (AppInfo("com.android.settings", "Settings"),)


@pytest.mark.parametrize("answer", [LAUNCHER, {"stdout": LAUNCHER, "stderr": ""}])
def test_apps_are_those_of_the_launcher_where_it_can_be_asked(answer: object) -> None:
    apps = apps_of(UnkindDriver(shell=answer)).known()
    assert [app.package for app in apps] == ["com.android.settings", "org.example.hidden.services"]


def test_labels_that_a_driver_tells_are_believed() -> None:
    told = {"org.example.a": {"label": "Ampel"}, "com.android.providers.b": {"label": "Speicher"}}
    assert [app.label for app in apps_of(UnkindDriver(listApps=told)).known()] == [
        "Ampel",
        "Speicher",
    ]


def test_one_failed_list_is_not_remembered_as_no_apps() -> None:
    driver = UnkindDriver()
    driver.refusals["listApps"] = 2
    apps = apps_of(driver)
    assert apps.known() == ()
    assert len(apps.known()) == 1


def test_driver_that_lists_no_apps_is_asked_once() -> None:
    driver = UnkindDriver(listApps=UnknownMethodException("not implemented"))
    apps = apps_of(driver)
    with pytest.raises(AppNotFound, match="home screen"):
        apps.open("Settings")
    assert apps.known() == ()
    assert driver.asked.count("listApps") == 1


def test_opening_is_done_when_the_app_is_in_front() -> None:
    driver = UnkindDriver(activate=None)
    assert apps_of(driver).open("Settings") == "opened Settings (com.android.settings)"


def test_app_that_does_not_come_to_the_front_was_not_opened() -> None:
    driver = UnkindDriver(activate="com.google.android.apps.nexuslauncher")
    with pytest.raises(ToolError, match="did not come to the front: Home screen"):
        apps_of(driver).open("Settings")


def test_question_of_the_phone_before_an_app_is_told() -> None:
    driver = UnkindDriver(activate="com.google.android.permissioncontroller")
    assert "a question of the phone" in apps_of(driver).open("Settings")


def test_phone_that_does_not_tell_what_is_in_front_has_opened_the_app() -> None:
    apps = AppiumApps(session_of(UnkindDriver(activate=None)), lambda: "")
    assert "does not tell" in apps.open("Settings")


SIDE_QUESTIONS: Mapping[str, Callable[[AppiumDevice], object]] = {
    "package": lambda device: device.current_app().package,
    "activity": lambda device: device.current_app().activity,
    "rect": lambda device: device.size(),
    "keyboard": lambda device: device.keyboard_shown(),
    "source": lambda device: device.ui_tree().windows[1].package,
}


@pytest.mark.parametrize("question", SIDE_QUESTIONS)
def test_question_that_is_refused_once_is_asked_again(question: str) -> None:
    driver = UnkindDriver()
    right = SIDE_QUESTIONS[question](device_of(driver))
    driver.refusals[question] = 1
    assert SIDE_QUESTIONS[question](device_of(driver)) == right


@pytest.mark.parametrize(
    "refusal", [WebDriverException("not now"), UnknownMethodException("never"), None]
)
def test_driver_that_answers_no_side_question_is_still_a_phone(refusal: object) -> None:
    names = ("listApps", "package", "activity", "rect", "keyboard")
    device = device_of(UnkindDriver(**dict.fromkeys(names, refusal)))
    assert device.current_app() == AppInfo("org.example.front", "Front")
    assert device.size() == Size(90, 160)
    assert not device.keyboard_shown()
    assert device.installed_apps() == ()


def test_phone_that_tells_neither_picture_nor_size_is_lost() -> None:
    device = device_of(UnkindDriver(picture=WebDriverException("secure"), rect=None))
    with pytest.raises(DeviceLost, match="no picture and tells no screen size"):
        device.screenshot()


def test_touch_outside_of_the_screen_is_refused_where_no_size_is_told() -> None:
    with pytest.raises(ToolError, match="90x160"):
        device_of(UnkindDriver(rect=None)).perform(Tap(100, 10))
