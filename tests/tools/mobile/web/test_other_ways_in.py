"""The same page through Appium's Chromium driver, and inside of a web view of an app."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException

from tapgraph.tools.mobile.actions import Tap
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.appium_webview import WebViewReader
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import parse_ui_tree
from tapgraph.tools.mobile.web import WebDevice

pytestmark = pytest.mark.browser

PAGE = '<button onclick="alert(1)">Ask</button><input aria-label=Name>'
ARGUMENTS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
NATIVE = """<hierarchy><node class="android.widget.FrameLayout" package="org.example.shop"
bounds="[0,0][1080,2400]"><node class="android.widget.TextView" text="Shop"
bounds="[0,0][1080,200]"/>
<node class="android.webkit.WebView" package="org.example.shop" bounds="[0,200][1080,2400]">{inside}
</node></node></hierarchy>"""


@pytest.mark.appium
def test_the_same_page_through_appiums_chromium_driver(appium_url: str, tmp_path: Path) -> None:
    drivers = Path(__file__).parents[3] / "appium" / "node_modules" / "appium-chromium-driver"
    if not drivers.is_dir() or shutil.which("chromedriver") is None:
        pytest.skip("Appium's Chromium driver, or chromedriver, is not installed")
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><title>Own</title>{PAGE}", encoding="utf-8")
    capabilities = {
        "platformName": "linux",
        "browserName": "chrome",
        "appium:automationName": "Chromium",
        "appium:executable": shutil.which("chromedriver"),
        "appium:autodownloadEnabled": False,
        "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": ARGUMENTS.split()},
    }
    with WebDevice.connect(
        str(page), webdriver_url=appium_url, capabilities=capabilities
    ) as device:
        reader = ScreenReader(device, pictures="when needed")
        ask, name = reader.read().elements
        assert (ask.text, name.text) == ("Ask", "Name")
        device.perform(Tap(ask.bounds.center.x, ask.bounds.center.y))
        assert [one.text for one in reader.read().elements] == ["1", "OK", "Cancel"]


class AppWithPage:
    """A driver of an app whose web view shows what a real browser shows."""

    def __init__(self, browser: Any, contexts: list[str]) -> None:
        self.switch_to = SimpleNamespace(context=self._switch)
        self.now = "NATIVE_APP"
        self.asked = 0
        self._browser = browser
        self._contexts = contexts

    @property
    def contexts(self) -> list[str]:
        self.asked += 1
        return self._contexts

    def execute_script(self, script: str) -> Any:
        assert self.now == "WEBVIEW_org.example.shop"
        if self._browser is None:
            raise WebDriverException("No Chromedriver found that can automate Chrome '91'")
        return self._browser.execute_script(script)

    def _switch(self, name: str) -> None:
        self.now = name


def reader_of(driver: AppWithPage) -> WebViewReader:
    server: Any = SimpleNamespace(new_driver=lambda _: driver, url="http://x")
    return WebViewReader(AppiumSession(server, {}))


def test_the_inside_of_a_blind_web_view_is_told_where_it_is_seen(visitor: Any) -> None:
    page = visitor(PAGE)
    browser = page.device._session.read("look", lambda driver: driver)
    driver = AppWithPage(browser, ["NATIVE_APP", "WEBVIEW_chrome", "WEBVIEW_org.example.shop"])
    tree = reader_of(driver).filled(parse_ui_tree(NATIVE.format(inside="")))
    told = {one.text: one.bounds for one in elements_from_tree(tree, Size(1080, 2400))}
    assert list(told) == ["Shop", "Ask", "Name"]
    scale = 1080 / 824
    seen = page.element("Ask").bounds
    assert told["Ask"].left == pytest.approx(seen.left * scale, abs=2)
    assert told["Ask"].top == pytest.approx(200 + seen.top * scale, abs=2)
    assert driver.now == "NATIVE_APP"


def test_a_web_view_that_tells_itself_is_not_looked_into() -> None:
    driver = AppWithPage(None, [])
    tree = parse_ui_tree(NATIVE.format(inside='<node text="Words" bounds="[0,300][500,400]"/>'))
    assert reader_of(driver).filled(tree) is tree
    assert driver.asked == 0


@pytest.mark.parametrize("contexts", [["NATIVE_APP"], ["NATIVE_APP", "WEBVIEW_org.example.shop"]])
def test_a_web_view_that_cannot_be_looked_into_is_asked_for_once(contexts: list[str]) -> None:
    driver = AppWithPage(None, contexts)
    reader = reader_of(driver)
    tree = parse_ui_tree(NATIVE.format(inside=""))
    assert reader.filled(tree) is tree
    asked = driver.asked
    assert reader.filled(tree) is tree
    assert (driver.asked, driver.now) == (asked, "NATIVE_APP")
