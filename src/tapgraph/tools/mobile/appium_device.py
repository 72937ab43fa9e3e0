"""A real phone, an emulator or the simulated phone, through an Appium server."""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from appium.webdriver.webdriver import WebDriver
from PIL import Image
from selenium.webdriver.remote.command import Command

from tapgraph.errors import DeviceLost, ToolError, UnreadableTree
from tapgraph.tools.mobile import appium_fingers
from tapgraph.tools.mobile.actions import (
    Action,
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
    ShowRest,
    StartActivity,
    Swipe,
    SwitchApp,
    Tap,
    Type,
    Wait,
)
from tapgraph.tools.mobile.appium_apps import AppiumApps
from tapgraph.tools.mobile.appium_server import AppiumServer, session_capabilities
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.appium_typing import AppiumKeyboard
from tapgraph.tools.mobile.appium_webview import WebViewReader
from tapgraph.tools.mobile.device import (
    SIMULATED_CAPABILITY,
    ActionReceipt,
    AppInfo,
    Capability,
)
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.package_labels import label_from_package
from tapgraph.tools.mobile.picture_scale import PictureScale
from tapgraph.tools.mobile.sent_picture import picture_of
from tapgraph.tools.mobile.text_fields import focused_field
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

__all__ = ["AppiumDevice"]

_KEYS: Mapping[type[Action], tuple[str, int]] = {
    Home: ("press Home", 3),
    Back: ("press Back", 4),
    SwitchApp: ("show the recent apps", 187),
}
_LONGEST_WAIT_S = 600
_NAME = re.compile(r"[\w.$/]+")
"""A package or an activity."""

_logger = logging.getLogger(__name__)


class AppiumDevice:
    """A phone behind an Appium server; made by `AppiumDevice.connect`.

    Coordinates are pixels of the screenshot, which may be smaller or larger than the window that
    Appium counts in; both directions are converted. A lost session is opened again, see
    `AppiumSession` for what is repeated then. A screen that the phone refuses to photograph (a
    password manager, a bank) is a black picture, as Android itself shows it.
    """

    def __init__(self, session: AppiumSession) -> None:
        self._session = session
        self._keyboard = AppiumKeyboard(session, self._raw_tree)
        self._apps = AppiumApps(session, self._front_package)
        self._web_views = WebViewReader(session)
        self._scale: PictureScale | None = None
        self._clock: tuple[datetime | None, float] | None = None

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        udid: str | None = None,
        capabilities: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Self:
        """Open a session on the server at `url`.

        `udid` chooses among several phones. `capabilities` are added to those that an agent needs,
        and win over them, as `settings` over those of the driver.

        Raises:
            UsageError: `url` is no http address.
            DeviceUnavailable: no Appium server answers there, or it has no such phone.
        """
        server = AppiumServer(url, settings)
        server.check()
        wanted = session_capabilities(udid, capabilities, server_is_local=server.is_local)
        return cls(AppiumSession(server, wanted))

    @property
    def name(self) -> str:
        """The phone's udid or model, as the server tells it."""
        capabilities = self._session.capabilities
        for key in ("deviceUDID", "udid", "deviceModel", "deviceName"):
            value = capabilities.get(key) or capabilities.get(f"appium:{key}")
            if isinstance(value, str) and value:
                return f"appium:{value}"
        return "appium"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What an Android driver can do, and whether the simulated phone is behind it."""
        known = {Capability.UI_TREE, Capability.KEYS, Capability.TEXT, Capability.APPS}
        if self._session.capabilities.get(SIMULATED_CAPABILITY) is True:
            known.add(Capability.SIMULATED)
        return frozenset(known)

    def screenshot(self) -> Image.Image:
        """The screen now, as an RGB picture; black where the phone protects it."""
        window = self._window_size()
        try:
            picture = self._session.read("take a picture of the screen", _picture)
        except ToolError as error:
            _logger.warning("the screen cannot be photographed, a black picture is used: %s", error)
            if window is None and self._scale is not None:
                window = self._scale.window
            if window is None:
                raise DeviceLost("the phone gives no picture and tells no screen size") from error
            picture = Image.new("RGB", (window.width_px, window.height_px))
        size = Size(*picture.size)
        self._scale = PictureScale.between(window or size, size)
        return picture

    def ui_tree(self) -> UiTree:
        """The view hierarchy now, its bounds in pixels of the screenshot.

        Raises:
            UnreadableTree: the phone gave none that can be read.
        """
        return self._current_scale().tree_to_picture(self._raw_tree())

    def size(self) -> Size:
        """The size of the screenshot, which every coordinate refers to."""
        return self._current_scale().picture

    def perform(self, action: Action) -> ActionReceipt:
        """Carry out one action and return when the phone has taken it.

        Raises:
            ToolError: it cannot be done; the text says whether something may have happened.
            DeviceLost: the connection broke and could not be repaired.
        """
        started = time.monotonic()
        detail = self._perform(action)
        return ActionReceipt(action, time.monotonic() - started, detail)

    def current_app(self) -> AppInfo:
        """The app in front; its package is empty where neither driver nor hierarchy tell it."""
        package = self._front_package()
        activity = self._told(
            "tell which page is in front", lambda driver: driver.current_activity, _is_name
        )
        labels = {app.package: app.label for app in self._apps.known()}
        label = labels.get(package) or label_from_package(package)
        return AppInfo(package, label, str(activity or ""))

    def installed_apps(self) -> Sequence[AppInfo]:
        """The apps that can be opened; labels are guessed where the driver tells none.

        UiAutomator2 tells packages only, see `AppiumApps`. A driver that lists no apps gives an
        empty sequence.
        """
        return self._apps.listed_anew()

    def keyboard_shown(self) -> bool:
        """Whether the soft keyboard is on the screen.

        Where the driver does not tell, it is taken to be there when a text field has the focus.
        """
        told = self._told(
            "tell whether the keyboard is shown",
            lambda driver: driver.is_keyboard_shown(),
            lambda told: isinstance(told, bool),
        )
        if told is not None:
            return bool(told)
        try:
            return focused_field(self._raw_tree()) is not None
        except UnreadableTree:
            return False

    def shell(self, command: str, *arguments: str) -> str:
        """What a command of the phone's shell prints, where the server was started to allow it.

        Raises:
            ToolError: it does not, or the command failed.
        """
        asked = {"command": command, "args": list(arguments)}
        told = self._session.read(
            f"run {command}", lambda driver: driver.execute_script("mobile: shell", asked)
        )
        return str(told.get("stdout", "") if isinstance(told, dict) else told)

    def local_time(self) -> datetime | None:
        """The phone's date and time; the driver is asked once, and None stands for no answer."""
        if self._clock is None:
            self._clock = self._read_clock()
        started, asked_s = self._clock
        return started and started + timedelta(seconds=time.monotonic() - asked_s)

    def _read_clock(self) -> tuple[datetime | None, float]:
        try:
            told = self._session.read("tell the time", lambda driver: driver.device_time)
            return datetime.fromisoformat(str(told).strip()), time.monotonic()
        except (ToolError, ValueError):
            return None, time.monotonic()

    def close(self) -> None:
        """End the session; the phone itself stays as it is."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _perform(self, action: Action) -> str:
        match action:
            case Tap() | DoubleTap() | LongPress() | Swipe():
                self._touch(action)
            case Type(text):
                return self._keyboard.type(text)
            case ClearText():
                self._keyboard.clear()
            case Enter():
                self._keyboard.enter()
            case Back() | Home() | SwitchApp():
                what, key_code = _KEYS[type(action)]
                self._session.act(what, lambda driver: driver.press_keycode(key_code))
            case OpenApp() | OpenLink() | StartActivity():
                return self._open(action)
            case Wait(seconds):
                _wait(seconds)
            case ShowRest() | Answer() | AskUser():
                return "nothing happens on the phone"
        return ""

    def _open(self, action: OpenApp | OpenLink | StartActivity) -> str:
        match action:
            case OpenApp(app_name):
                return self._apps.open(app_name)
            case OpenLink(url):
                script, wanted = "mobile: deepLink", {"url": url}
            case StartActivity(component):
                script, wanted = "mobile: startActivity", {"component": component}
        self._session.act(f"run {script}", lambda driver: driver.execute_script(script, wanted))
        return ""

    def _touch(self, action: Tap | DoubleTap | LongPress | Swipe) -> None:
        match action:
            case Tap(x, y):
                appium_fingers.tap(self._session, self._on_window(Point(x, y)))
            case DoubleTap(x, y):
                appium_fingers.double_tap(self._session, self._on_window(Point(x, y)))
            case LongPress(x, y):
                appium_fingers.long_press(self._session, self._on_window(Point(x, y)))
            case Swipe(x1, y1, x2, y2):
                start, end = self._on_window(Point(x1, y1)), self._on_window(Point(x2, y2))
                appium_fingers.swipe(self._session, start, end)

    def _raw_tree(self) -> UiTree:
        try:
            return self._web_views.filled(self._session.read("read the view hierarchy", _tree))
        except ToolError as error:
            raise UnreadableTree(str(error)) from error

    def _current_scale(self) -> PictureScale:
        """How picture and window relate now; a new picture is taken after a rotation."""
        window = self._window_size()
        if self._scale is None or (window is not None and self._scale.window != window):
            self.screenshot()
        if self._scale is None:
            raise DeviceLost("the phone tells no screen size")
        return self._scale

    def _window_size(self) -> Size | None:
        """None where the driver does not tell."""
        told = self._told(
            "tell the size of the screen",
            lambda driver: driver.execute(Command.GET_WINDOW_RECT).get("value"),
            lambda told: _size(told) is not None,
        )
        return _size(told)

    def _front_package(self) -> str:
        """The package in front; the one of the largest window where the driver does not tell."""
        told = self._told(
            "tell which app is in front", lambda driver: driver.current_package, _is_name
        )
        if told:
            return str(told)
        try:
            windows = self._raw_tree().windows
        except UnreadableTree:
            return ""
        front = max(windows, key=lambda window: window.bounds.area, default=None)
        return front.package if front else ""

    def _on_window(self, point: Point) -> Point:
        scale = self._scale or self._current_scale()
        width_px, height_px = scale.picture.width_px, scale.picture.height_px
        if not (0 <= point.x < width_px and 0 <= point.y < height_px):
            raise ToolError(
                f"({point.x}, {point.y}) is outside of the screen, which has "
                f"{width_px}x{height_px} pixels"
            )
        return scale.to_window(point)

    def _told(
        self,
        what: str,
        question: Callable[[WebDriver], object],
        makes_sense: Callable[[object], bool],
    ) -> object:
        """The answer to a question that an agent can do without; None where there is none."""

        def asked(driver: WebDriver) -> object:
            answer = question(driver)
            if not makes_sense(answer):
                raise ToolError(f"cannot {what}: the answer is {answer!r:.80}")
            return answer

        try:
            return self._session.read(what, asked)
        except ToolError as error:
            _logger.info("%s", error)
            return None


def _is_name(told: object) -> bool:
    return isinstance(told, str) and _NAME.fullmatch(told) is not None


def _size(told: object) -> Size | None:
    rect = told if isinstance(told, dict) else {}
    width, height = rect.get("width"), rect.get("height")
    if not (isinstance(width, int | float) and isinstance(height, int | float)):
        return None
    return Size(round(width), round(height)) if min(width, height) >= 1 else None


def _picture(driver: WebDriver) -> Image.Image:
    return picture_of(driver.get_screenshot_as_base64())


def _tree(driver: WebDriver) -> UiTree:
    try:
        return parse_ui_tree(str(driver.page_source or ""))
    except UnreadableTree as error:
        raise ToolError(str(error)) from error


def _wait(seconds: float) -> None:
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise ToolError(f"seconds must be from 0 to {_LONGEST_WAIT_S}, got {seconds!r}")
    time.sleep(seconds)
