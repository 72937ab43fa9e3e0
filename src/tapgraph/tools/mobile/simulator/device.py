"""The simulated phone as a device, in this process."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from PIL import Image

from tapgraph.errors import DeviceLost, ToolError, TypingFailed
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
from tapgraph.tools.mobile.app_labels import match_app
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.simulator.activity_manager import PERMISSION_PACKAGE
from tapgraph.tools.mobile.simulator.android_system import KeyCode
from tapgraph.tools.mobile.simulator.distractions import CALL_PAGE
from tapgraph.tools.mobile.simulator.launcher import LAUNCHER_PACKAGE
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

__all__ = ["SimulatedDevice"]

_SYSTEM_LABELS: Final = {
    LAUNCHER_PACKAGE: "Home screen",
    PERMISSION_PACKAGE: "Permissions",
    CALL_PAGE[0]: "Phone",
}
_KEYS: Final = {Back: KeyCode.BACK, Home: KeyCode.HOME, SwitchApp: KeyCode.RECENTS}
_LONGEST_WAIT_S: Final = 600.0


class SimulatedDevice:
    """A `Device` over a `Phone`, which outlives it."""

    def __init__(self, phone: Phone) -> None:
        self._phone: Phone | None = phone

    @property
    def phone(self) -> Phone:
        """What it drives.

        Raises:
            DeviceLost: the device was closed.
        """
        if self._phone is None:
            raise DeviceLost("this connection to the simulated phone was closed")
        return self._phone

    @property
    def name(self) -> str:
        """What to call this phone in reports."""
        return "simulated phone"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All of them."""
        return frozenset(Capability)

    def screenshot(self) -> Image.Image:
        """The screen now, as an RGB picture."""
        return self.phone.screenshot()

    def ui_tree(self) -> UiTree:
        """The view hierarchy now."""
        return parse_ui_tree(self.phone.page_source())

    def size(self) -> Size:
        """The size of the screenshot."""
        return self.phone.size

    def current_app(self) -> AppInfo:
        """The app in front."""
        package, activity = self.phone.foreground
        labels = {app.package: app.label for app in self.phone.apps} | _SYSTEM_LABELS
        return AppInfo(package, labels.get(package, package), activity)

    def installed_apps(self) -> Sequence[AppInfo]:
        """The apps that can be opened."""
        return [AppInfo(app.package, app.label) for app in self.phone.apps]

    def keyboard_shown(self) -> bool:
        """Whether the soft keyboard is on the screen."""
        return self.phone.keyboard_shown

    def perform(self, action: Action) -> ActionReceipt:
        """Carry out one action.

        Raises:
            ToolError: it cannot be done.
        """
        started = time.perf_counter()
        detail = self._carry_out(action)
        return ActionReceipt(action, time.perf_counter() - started, detail)

    def replay(self, actions: Sequence[Action]) -> None:
        """Bring a fresh phone to where these actions had brought another one.

        Args:
            actions: all that were performed there in their order, those that failed too, since
                a failure may have left a trace.
        """
        for action in actions:
            with suppress(ToolError):
                self.perform(action)

    def local_time(self) -> datetime:
        """The phone's virtual date and time."""
        return self.phone.clock

    def close(self) -> None:
        """End the connection; the phone stays as it is."""
        self._phone = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _carry_out(self, action: Action) -> str:
        match action:
            case Tap() | DoubleTap() | LongPress() | Swipe():
                self._touch(action)
            case Type(text):
                self._type(text)
            case ClearText():
                self.phone.clear_text()
            case Enter():
                self.phone.press_key(KeyCode.ENTER)
            case Back() | Home() | SwitchApp():
                self.phone.press_key(_KEYS[type(action)])
            case OpenApp() | OpenLink() | StartActivity():
                return self._open(action)
            case Wait(seconds):
                if not 0 <= seconds <= _LONGEST_WAIT_S:
                    raise ToolError(
                        f"seconds must be between 0 and {_LONGEST_WAIT_S:.0f}, got {seconds!r}"
                    )
                self.phone.advance(seconds)
            case ShowRest() | Answer() | AskUser():
                return "nothing happens on the phone"
        return ""

    def _open(self, action: OpenApp | OpenLink | StartActivity) -> str:
        match action:
            case OpenApp(app_name):
                app = match_app(self.installed_apps(), app_name)
            case OpenLink(url):
                raise ToolError(f"no app of the simulated phone opens {url!r:.200}")
            case StartActivity(component):
                package = component.partition("/")[0]
                apps = (one for one in self.installed_apps() if one.package == package)
                found = next(apps, None)
                if found is None:
                    raise ToolError(f"no app {package!r:.200} is installed")
                app = found
        self.phone.open_app(app.package)
        return f"opened {app.label} ({app.package})"

    def _touch(self, action: Tap | DoubleTap | LongPress | Swipe) -> None:
        match action:
            case Tap(x, y):
                self._check_inside(x, y)
                self.phone.tap(x, y)
            case DoubleTap(x, y):
                self._check_inside(x, y)
                self.phone.double_tap(x, y)
            case LongPress(x, y):
                self._check_inside(x, y)
                self.phone.long_press(x, y)
            case Swipe(x1, y1, x2, y2):
                self._check_inside(x1, y1)
                self._check_inside(x2, y2)
                self.phone.swipe(x1, y1, x2, y2)

    def _check_inside(self, x: int, y: int) -> None:
        size = self.size()
        if not (0 <= x < size.width_px and 0 <= y < size.height_px):
            raise ToolError(
                f"({x}, {y}) is outside of the screen, which has "
                f"{size.width_px}x{size.height_px} pixels"
            )

    def _type(self, text: str) -> None:
        before = self.phone.focused_field()
        held = "" if before is None else before.value
        self.phone.type_text(text)
        after = self.phone.focused_field()
        if after is None:
            raise TypingFailed(f"after typing {text!r} no text field has the focus any more")
        if after.value != held + text:
            shown = "hidden text" if after.password else repr(after.value)
            raise TypingFailed(f"after typing {text!r} the field holds {shown}")
