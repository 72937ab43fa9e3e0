"""Where a WebDevice's browser comes from: one that is started here, or any WebDriver server."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.options import ArgOptions
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError

from tapgraph.errors import DeviceUnavailable, UsageError

__all__ = ["Browser", "PhoneWindow", "page_address"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ARGUMENTS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_COMMAND_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class PhoneWindow:
    """The window of a phone's browser: CSS pixels, and how many points each takes."""

    width: int = 412
    height: int = 915
    pixel_ratio: float = 2.0


_WINDOW = PhoneWindow()


class Browser:
    """Opens sessions that show a page.

    Without the address of a WebDriver server, Chromium and chromedriver are started here, headless
    and in the size of a phone. A server gets the capabilities as they are: Selenium, geckodriver,
    an Appium server with its Chromium driver.
    """

    def __init__(self, page: str, url: str | None = None, window: PhoneWindow = _WINDOW) -> None:
        self.page = page
        self._window = window
        self.url = url or "chromedriver on this machine"
        self._server = url

    def new_driver(self, capabilities: Mapping[str, object]) -> WebDriver:
        """A session that shows the page.

        Raises:
            DeviceUnavailable: there is no browser, or it shows no page.
        """
        try:
            driver = (
                self._remote(capabilities) if self._server else _local(capabilities, self._window)
            )
        except (WebDriverException, HTTPError) as error:
            raise DeviceUnavailable(f"no browser by {self.url}: {_reason(error)}") from error
        try:
            driver.get(self.page)
        except WebDriverException as error:
            driver.quit()
            raise DeviceUnavailable(f"{self.page} cannot be shown: {_reason(error)}") from error
        return driver

    def _remote(self, capabilities: Mapping[str, object]) -> WebDriver:
        options = ArgOptions()
        for name, value in capabilities.items():
            options.set_capability(name, value)
        options.unhandled_prompt_behavior = "ignore"
        config = ClientConfig(str(self._server), timeout=_COMMAND_TIMEOUT_S)
        return webdriver.Remote(str(self._server), options=options, client_config=config)


def page_address(text: str) -> str:
    """The address of a page; a file on this machine may be given by its path.

    Raises:
        UsageError: it is neither.
    """
    if urlsplit(text).scheme in {"http", "https", "file", "data", "about"}:
        return text
    path = Path(text)
    if path.is_file():
        return path.absolute().as_uri()
    raise UsageError(f"a page is an address such as https://example.org or a file, got {text!r}")


def _local(capabilities: Mapping[str, object], window: PhoneWindow) -> WebDriver:
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = "Chromium" if browser is None else "chromedriver"
        raise DeviceUnavailable(
            f"{missing} is not installed: install the packages chromium and chromium-driver, or "
            "give the address of a WebDriver server with --webdriver-url"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    if os.geteuid() == 0:
        # Chromium does not start as root with its sandbox.
        options.add_argument("--no-sandbox")
    metrics = {"width": window.width, "height": window.height, "pixelRatio": window.pixel_ratio}
    options.add_experimental_option(
        "mobileEmulation", {"deviceMetrics": {**metrics, "touch": True, "mobile": True}}
    )
    options.unhandled_prompt_behavior = "ignore"
    for name, value in capabilities.items():
        options.set_capability(name, value)
    return webdriver.Chrome(options=options, service=Service(driver))


def _reason(error: Exception) -> str:
    words = getattr(error, "msg", None) or str(error) or type(error).__name__
    return str(words).strip().partition("\n")[0]
