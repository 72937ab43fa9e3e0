"""A web page in a browser as a device, through any WebDriver."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import ClassVar, Self, TypeVar
from urllib.parse import urlsplit

from PIL import Image
from selenium.common.exceptions import (
    ElementNotInteractableException,
    NoAlertPresentException,
    NoSuchWindowException,
    UnexpectedAlertPresentException,
)
from selenium.webdriver.remote.webdriver import WebDriver

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
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.picture_scale import PictureScale
from tapgraph.tools.mobile.sent_picture import picture_of
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree
from tapgraph.tools.mobile.web import page_scripts
from tapgraph.tools.mobile.web.browser import Browser, PhoneWindow, page_address
from tapgraph.tools.mobile.web.dialog import Dialog
from tapgraph.tools.mobile.web.keyboard import WebKeyboard
from tapgraph.tools.mobile.web.page_tree import Page, read_page

__all__ = ["WebDevice"]

_LONGEST_WAIT_S = 600
_ALERT_BUTTONS = ("OK", "Cancel")

_Value = TypeVar("_Value")


class WebDevice:
    """A page in a browser; made by `WebDevice.connect`.

    The page's DOM is told as a view hierarchy. A message or question of the page (`alert`,
    `confirm`, `prompt`) and the list of a drop-down, which no DOM holds, are told and drawn as
    dialogs, and touched like them; for WebDriver does not say which of the three a message is, each
    has a button Cancel. A new window or tab is followed; Back closes it. Home is the page of the
    start.
    """

    capabilities: frozenset[Capability] = frozenset({Capability.UI_TREE, Capability.TEXT})
    window: ClassVar[PhoneWindow] = PhoneWindow()
    """Of a Chromium that is started here."""

    def __init__(self, session: AppiumSession, home: str) -> None:
        self._session = session
        self._home = home
        self._keyboard = WebKeyboard(session, self._read_tree)
        self._scale: PictureScale | None = None
        self._page: Page | None = None
        self._picture: Image.Image | None = None
        self._windows = 1
        self._choosing: Dialog | None = None
        self._asked: tuple[str, str | None] = ("", None)
        self._app = AppInfo(_package(home), _package(home))

    @classmethod
    def connect(
        cls,
        page: str,
        *,
        webdriver_url: str | None = None,
        capabilities: Mapping[str, object] | None = None,
    ) -> Self:
        """Open a page, in a Chromium that is started here or by a WebDriver server.

        Raises:
            UsageError: `page` is neither an address nor a file.
            DeviceUnavailable: there is no browser, or it shows no page.
        """
        browser = Browser(page_address(page), webdriver_url, cls.window)
        return cls(AppiumSession(browser, dict(capabilities or {})), browser.page)

    @property
    def name(self) -> str:
        """Which page it began with."""
        return f"web:{self._home}"

    def screenshot(self) -> Image.Image:
        """The page now, as an RGB picture; with a dialog over the last one while that is open."""
        shown = self._look(_picture)
        if shown is not None:
            self._picture = shown
        if self._picture is None:
            raise DeviceLost("the browser gives no picture")
        page = self._look(_page)
        if page is not None:
            self._page = page
            self._scale = PictureScale.between(page.size, Size(*self._picture.size))
        dialog = self._dialog()
        return self._picture if dialog is None else dialog.paint(self._picture, self._window())

    def ui_tree(self) -> UiTree:
        """The page, or the dialog over it, its bounds in pixels of the screenshot.

        Raises:
            UnreadableTree: the page gave nothing that can be read.
        """
        return self._current_scale().tree_to_picture(self._read_tree())

    def size(self) -> Size:
        """The size of the screenshot."""
        return self._current_scale().picture

    def perform(self, action: Action) -> ActionReceipt:
        """Carry out one action.

        Raises:
            ToolError: it cannot be done; the text says whether something may have happened.
            DeviceLost: the browser is gone and could not be started again.
        """
        started = time.monotonic()
        detail = self._perform(action)
        with suppress(ToolError):
            self._session.act("follow the windows", self._follow_windows)
        return ActionReceipt(action, time.monotonic() - started, detail)

    def visit(self, page: str) -> None:
        """Show another page; Home stays what it was.

        Raises:
            UsageError: it is neither an address nor a file.
            ToolError: the browser cannot show it.
        """
        address, self._choosing = page_address(page), None
        self._act("show the page", lambda driver: driver.get(address))

    def run_script(self, script: str, *arguments: object) -> object:
        """What a script in the page in front returns, for those who set up and judge tasks.

        Raises:
            ToolError: it fails.
        """
        return self._session.act(
            "run a script", lambda driver: driver.execute_script(script, *arguments)
        )

    def current_app(self) -> AppInfo:
        """The page in front: its host, its title and its path."""
        told = self._look(lambda driver: driver.execute_script(page_scripts.FACTS))
        if isinstance(told, list):
            address, title, _ = told
            package = _package(str(address))
            self._app = AppInfo(package, str(title) or package, urlsplit(str(address)).path)
        return self._app

    def installed_apps(self) -> Sequence[AppInfo]:
        """A browser has none."""
        return ()

    def keyboard_shown(self) -> bool:
        """Whether keys go into a text field."""
        dialog = self._dialog()
        if dialog is not None:
            return dialog.field is not None
        told = self._look(lambda driver: driver.execute_script(page_scripts.FACTS))
        return isinstance(told, list) and bool(told[2])

    def local_time(self) -> datetime | None:
        """The browser's date and time; None while a dialog keeps it from telling."""
        told = self._look(lambda driver: driver.execute_script(page_scripts.LOCAL_TIME))
        return datetime.fromisoformat(str(told)) if told else None

    def close(self) -> None:
        """End the session, and with it a browser that was started for it."""
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
                return self._type(text)
            case ClearText():
                self._keyboard.clear()
            case Enter():
                self._enter()
            case Back():
                self._back()
            case Home():
                self._choosing = None
                self._act("go home", lambda driver: driver.get(self._home))
            case OpenApp() | SwitchApp() | OpenLink() | StartActivity():
                raise ToolError("this is a page in a browser: there are no apps to open")
            case Wait(seconds):
                _wait(seconds)
            case ShowRest() | Answer() | AskUser():
                return "nothing happens on the page"
        return ""

    def _touch(self, action: Tap | DoubleTap | LongPress | Swipe) -> None:
        dialog = self._dialog()
        match action:
            case Tap(x, y) if dialog is not None:
                self._touch_dialog(dialog, self._in_window(x, y))
            case Swipe(_, y1, _, y2) if dialog is not None:
                if self._choosing is not None:
                    self._choosing = dialog.scrolled(self._window(), down=y2 < y1)
            case Tap(x, y):
                point = self._on_page(x, y)
                if not self._opens_list(point):
                    self._move(lambda: appium_fingers.tap(self._session, point))
            case DoubleTap(x, y):
                point = self._on_page(x, y)
                self._move(lambda: appium_fingers.double_tap(self._session, point))
            case LongPress(x, y):
                point = self._on_page(x, y)
                self._move(lambda: appium_fingers.long_press(self._session, point))
            case Swipe(x1, y1, x2, y2):
                start, end = self._on_page(x1, y1), self._on_page(x2, y2)
                self._move(lambda: appium_fingers.swipe(self._session, start, end))

    def _touch_dialog(self, dialog: Dialog, point: Point) -> None:
        part = dialog.part_at(point, self._window())
        if self._choosing is None:
            if part is not None and part.kind == "button":
                self._answer(part.text)
            return
        if part is not None and part.kind == "title":
            return
        self._choosing = None
        if part is None:
            return
        row = part.row
        if not self._act("choose", lambda driver: driver.execute_script(page_scripts.CHOOSE, row)):
            raise ToolError(f"{part.text!r} cannot be chosen")

    def _answer(self, button: str) -> None:
        held = self._asked[1]

        def answer(driver: WebDriver) -> None:
            alert = driver.switch_to.alert
            if button == "Cancel":
                alert.dismiss()
                return
            if held:
                alert.send_keys(held)
            alert.accept()

        self._asked = ("", None)
        self._session.act("answer the page's message", answer)

    def _opens_list(self, point: Point) -> bool:
        """Whether a drop-down lies there; its list is open then."""
        told = self._look(
            lambda driver: driver.execute_script(page_scripts.SELECT_AT, point.x, point.y)
        )
        if not isinstance(told, dict):
            return False
        rows, chosen = tuple(map(str, told["rows"])), frozenset(map(int, told["chosen"]))
        self._choosing = Dialog(str(told["title"]), rows, chosen)
        return True

    def _type(self, text: str) -> str:
        dialog = self._dialog()
        if dialog is None:
            return self._keyboard.type(text)
        if dialog.field is None:
            raise ToolError("cannot type: a message of the page is open; answer it first")
        self._asked = (self._asked[0], dialog.field + text)
        return "typed"

    def _enter(self) -> None:
        if self._choosing is None and self._dialog() is not None:
            self._answer("OK")
        else:
            self._move(self._keyboard.enter)

    def _back(self) -> None:
        if self._choosing is not None:
            self._choosing = None
        elif self._dialog() is not None:
            self._answer("Cancel")
        elif self._windows > 1:
            self._act("close the window", lambda driver: driver.close())
        else:
            self._act("go back", lambda driver: driver.back())

    def _dialog(self) -> Dialog | None:
        """What is open over the page."""
        said = self._session.read("look for a message of the page", _alert_text)
        if said is None:
            return self._choosing
        self._choosing = None
        if self._asked[0] != said or not self._asked[0]:
            has_field = self._session.read("look for a text field", _alert_takes_text)
            self._asked = (said, "" if has_field else None)
        return Dialog(said, buttons=_ALERT_BUTTONS, field=self._asked[1])

    def _read_tree(self) -> UiTree:
        dialog = self._dialog()
        if dialog is not None:
            return parse_ui_tree(dialog.hierarchy(self._app.package, self._window()))
        try:
            self._page = page = self._session.read("read the page", _page)
            if self._scale is not None and page.size != self._scale.window:
                self.screenshot()
            return parse_ui_tree(page.hierarchy(_package(page.url)))
        except ToolError as error:
            raise UnreadableTree(str(error)) from error

    def _current_scale(self) -> PictureScale:
        if self._scale is None:
            self.screenshot()
        if self._scale is None:
            raise DeviceLost("the browser tells no size of its page")
        return self._scale

    def _window(self) -> Size:
        return self._scale.window if self._scale is not None else Size(412, 915)

    def _on_page(self, x: int, y: int) -> Point:
        """Where scripts and touches find a pixel of the picture."""
        point = self._in_window(x, y)
        return self._page.client_point(point) if self._page is not None else point

    def _in_window(self, x: int, y: int) -> Point:
        scale = self._current_scale()
        width_px, height_px = scale.picture.width_px, scale.picture.height_px
        if not (0 <= x < width_px and 0 <= y < height_px):
            raise ToolError(
                f"({x}, {y}) is outside of the page, which has {width_px}x{height_px} pixels"
            )
        return scale.to_window(Point(x, y))

    def _look(self, question: Callable[[WebDriver], _Value]) -> _Value | None:
        """The answer; None while a message of the page is open, or where there is none."""

        def asked(driver: WebDriver) -> _Value | None:
            try:
                return question(driver)
            except UnexpectedAlertPresentException:
                return None

        try:
            return self._session.read("look at the page", asked)
        except ToolError:
            return None

    def _act(self, what: str, command: Callable[[WebDriver], _Value]) -> _Value | None:
        def done(driver: WebDriver) -> _Value | None:
            # A command that made the page say something has been carried out.
            try:
                return command(driver)
            except UnexpectedAlertPresentException:
                return None

        return self._session.act(what, done)

    def _move(self, gesture: Callable[[], None]) -> None:
        """A gesture after which the page may say something, which Selenium takes for a failure."""
        try:
            gesture()
        except ToolError:
            if self._dialog() is None:
                raise

    def _follow_windows(self, driver: WebDriver) -> None:
        with suppress(UnexpectedAlertPresentException):
            handles = driver.window_handles
            try:
                is_here = driver.current_window_handle in handles
            except NoSuchWindowException:
                is_here = False
            if handles and (len(handles) > self._windows or not is_here):
                driver.switch_to.window(handles[-1])
            self._windows = len(handles)


def _picture(driver: WebDriver) -> Image.Image:
    return picture_of(driver.get_screenshot_as_base64())


def _page(driver: WebDriver) -> Page:
    return read_page(driver.execute_script)


def _alert_text(driver: WebDriver) -> str | None:
    try:
        return str(driver.switch_to.alert.text)
    except NoAlertPresentException:
        return None


def _alert_takes_text(driver: WebDriver) -> bool:
    try:
        driver.switch_to.alert.send_keys("")
    except (ElementNotInteractableException, NoAlertPresentException):
        return False
    return True


def _package(address: str) -> str:
    parts = urlsplit(address)
    return parts.hostname or parts.scheme


def _wait(seconds: float) -> None:
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise ToolError(f"seconds must be from 0 to {_LONGEST_WAIT_S}, got {seconds!r}")
    time.sleep(seconds)
