"""The operating system of the simulated phone: what it does for its apps, with touches and keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from PIL import Image

from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.simulator.activity_manager import ActivityManager
from tapgraph.tools.mobile.simulator.app import Activity, App, DeviceStatus, Dialog, Notification
from tapgraph.tools.mobile.simulator.back_stack import Task
from tapgraph.tools.mobile.simulator.distractions import (
    CALL_PAGE,
    DistractionKind,
    Distractions,
)
from tapgraph.tools.mobile.simulator.launcher import Grid, Launcher
from tapgraph.tools.mobile.simulator.phone_profile import (
    NAVIGATION_BAR_DP,
    STATUS_BAR_DP,
    PhoneProfile,
)
from tapgraph.tools.mobile.simulator.scene import Scene, page_window
from tapgraph.tools.mobile.simulator.screen_image import screen_image, toast_bounds, window_image
from tapgraph.tools.mobile.simulator.shade import Shade
from tapgraph.tools.mobile.simulator.touch import swipe_direction
from tapgraph.tools.mobile.simulator.ui_xml import XmlToast, page_source_xml
from tapgraph.tools.mobile.simulator.views import Field
from tapgraph.tools.mobile.simulator.window_manager import WindowManager

__all__ = ["AndroidSystem", "KeyCode", "Toast"]

_TOAST_S: Final = 2.5
_EDGE_DP: Final = 9


class KeyCode:
    """The key codes of Android that mean something here."""

    HOME: Final = 3
    BACK: Final = 4
    SPACE: Final = 62
    ENTER: Final = 66
    DELETE: Final = 67
    NOTIFICATION: Final = 83
    SEARCH: Final = 84
    ESCAPE: Final = 111
    NUMPAD_ENTER: Final = 160
    RECENTS: Final = 187


@dataclass(frozen=True, slots=True)
class Toast:
    """A text that is shown until the simulated seconds `until_s`."""

    package: str
    text: str
    until_s: float


class AndroidSystem:
    """Everything of the phone but faults, locks and databases; the apps' `PhoneServices`.

    Attributes:
        apps: what is installed.
        profile: which phone it is.
        status: what the status bar shows and the quick settings change.
        clipboard: the text on the clipboard.
        rotation: quarter turns to the left.
        elapsed_s: simulated seconds since the start.
        network_lost: whether a fault keeps the network away.
        toast: the toast that is shown.
        distractions: what came over the apps.
    """

    def __init__(
        self,
        apps: Sequence[App],
        clock: datetime,
        slow_pages: tuple[int, ...],
        profile: PhoneProfile,
    ) -> None:
        self.apps = tuple(apps)
        self.profile = profile
        self.status = DeviceStatus()
        self.clipboard = ""
        self.rotation = 0
        self.elapsed_s = 0.0
        self.network_lost = False
        self.toast: Toast | None = None
        self._started = clock
        launcher = Launcher(self.apps, self._launcher_grid)
        launcher.phone = self
        self.windows = WindowManager(self.submit, profile)
        self.activities = ActivityManager(
            launcher,
            slow_pages=slow_pages,
            is_online=lambda: self.online,
            forget=self.windows.forget,
        )
        self.shade = Shade(self.status, self.apps, self.launch, profile)
        self.distractions = Distractions(self.apps, self.status, self.shade, profile)
        self._scene = Scene(self.activities, self.shade, self._snapshot, profile, self.distractions)

    # What apps may ask for.

    @property
    def clock(self) -> datetime:
        """The simulated time."""
        return self._started + timedelta(seconds=self.elapsed_s)

    @property
    def online(self) -> bool:
        """Whether the network can be reached."""
        return self.status.wifi and not self.status.airplane and not self.network_lost

    @property
    def size(self) -> Size:
        """The screen's size at the present rotation."""
        return self.profile.size_at(self.rotation)

    def start_activity(self, activity: Activity[Any]) -> None:
        """Show a new page on top of its app's back stack."""
        self.activities.start_activity(activity)

    def finish_activity(self, activity: Activity[Any]) -> None:
        """Remove a page from its app's back stack."""
        self.activities.finish_activity(activity)

    def show_dialog(self, app: App, dialog: Dialog) -> None:
        """Show a dialog over the app's page."""
        self.activities.show_dialog(app, dialog)

    def dismiss_dialog(self, app: App) -> None:
        """Close the app's uppermost dialog, if there is one."""
        self.activities.dismiss_dialog(app)

    def show_toast(self, app: App, text: str) -> None:
        """Show a text for a few simulated seconds."""
        self.toast = Toast(app.package, text, self.elapsed_s + _TOAST_S)

    def ask_permission(self, app: App, name: str, then: Callable[[bool], None]) -> None:
        """Ask the user for a permission, or answer at once where it is granted already."""
        self.activities.ask_permission(app, name, then)

    def notify(self, notification: Notification) -> None:
        """Put an entry on top of the notification shade."""
        self.shade.post(notification)

    def launch(self, package: str) -> None:
        """Bring another app to the front.

        Raises:
            KeyError: no such app is installed.
        """
        self.activities.launch(self.app(package))

    def close_keyboard(self) -> None:
        """Hide the soft keyboard and drop the focus."""
        self.windows.text.drop()

    # The screen.

    def app(self, package: str) -> App:
        """An installed app.

        Raises:
            KeyError: no such app is installed.
        """
        for app in self.apps:
            if app.package == package:
                return app
        raise KeyError(package)

    def refresh(self) -> None:
        """Build and lay out what is on the screen now."""
        self.windows.show(self._scene.windows(self.size, self.clock), self.size)

    def picture(self) -> Image.Image:
        """What is on the screen now."""
        return screen_image(
            self.windows.windows,
            self.size,
            self.profile,
            status=self.status,
            online=self.online,
            clock=self.clock,
            has_notifications=bool(self.shade.notifications),
            toast=self.toast.text if self.toast else "",
        )

    def page_source(self) -> str:
        """The UI dump of what is on the screen now."""
        toast = None
        if self.toast is not None:
            bounds = toast_bounds(self.size, self.toast.text, self.profile)
            toast = XmlToast(self.toast.package, self.toast.text, bounds)
        return page_source_xml(self.windows.visible_windows, self.size, self.rotation, toast=toast)

    def load(self, seconds: float) -> bool:
        """Let the visible page load for some time; whether it is there now and was not before."""
        page = self.activities.front.top
        if page.loading_s <= 0 or self.activities.recents_open:
            return False
        page.loading_s = max(0.0, page.loading_s - seconds)
        return page.loading_s <= 0

    @property
    def foreground(self) -> tuple[str, str]:
        """Package and activity in front."""
        return CALL_PAGE if self.distractions.call_fills_screen else self.activities.foreground

    def distract(self, kind: DistractionKind, random: Random) -> None:
        """Let something come over the app in front."""
        app = self.activities.front.app
        self.distractions.come(kind, app, random, self.clock.isoformat(), self.elapsed_s)

    def end_what_is_over(self) -> None:
        """Remove what is shown only for some time."""
        self.distractions.pass_time(self.elapsed_s)
        if self.toast is not None and self.elapsed_s >= self.toast.until_s:
            self.toast = None

    def pop_up(self, random: Random) -> None:
        """Lay an unasked dialog over the app in front."""
        self.activities.pop_up(random, self.profile.speech, self.show_toast)

    def _launcher_grid(self) -> Grid:
        return Grid.on(self.profile, self.size)

    def _snapshot(self, task: Task, width: int, height: int) -> Image.Image:
        page = page_window(self.activities, task, self.profile)
        image = window_image(self.windows.picture_of(page, self.size), self.size, self.profile)
        shown = image.crop((0, 0, image.width, min(image.height, image.width * height // width)))
        return shown.resize((width, height), Image.Resampling.BOX)

    # Fingers and keys.

    def tap(self, point: Point) -> None:
        """A short touch."""
        view = self.windows.find(point, lambda view: view.clickable)
        if view is None or not view.enabled:
            return
        if isinstance(view, Field):
            self.windows.focus(view)
        if view.on_click is not None:
            view.on_click()

    def long_press(self, point: Point) -> None:
        """A long touch; where nothing listens to it, it is a tap, as on Android."""
        view = self.windows.find(
            point, lambda view: view.on_long_click is not None or view.clickable
        )
        if view is None or not view.enabled:
            return
        if view.on_long_click is not None:
            view.on_long_click()
        elif isinstance(view, Field):
            self.windows.focus(view)
        elif view.on_click is not None:
            view.on_click()

    def double_tap(self, point: Point) -> None:
        """Two quick touches; two taps where nothing listens to them and the page stays."""
        view = self.windows.find(
            point, lambda view: view.on_double_click is not None or view.clickable
        )
        if view is None or not view.enabled:
            return
        if view.on_double_click is not None:
            view.on_double_click()
            return
        before = self.windows.active.scope
        self.tap(point)
        self.refresh()
        if self.windows.active.scope == before:
            self.tap(point)

    def swipe(self, start: Point, end: Point) -> None:
        """A drag: at the edges a gesture of the system, elsewhere it scrolls."""
        direction = swipe_direction(start, end)
        size, edge_px = self.size, self.profile.px(_EDGE_DP)
        if start.y < self.profile.px(STATUS_BAR_DP) and direction == "down":
            self.shade.is_open = True
        elif start.y >= size.height_px - self.profile.px(NAVIGATION_BAR_DP) and direction == "up":
            self.go_home()
        elif (start.x < edge_px and direction == "right") or (
            start.x >= size.width_px - edge_px and direction == "left"
        ):
            self.go_back()
        else:
            self.windows.swipe(start, end)

    def press(self, key_code: int) -> None:
        """A key; one without meaning here does nothing."""
        field = self.windows.text.field
        match key_code:
            case KeyCode.HOME:
                self.go_home()
            case KeyCode.BACK | KeyCode.ESCAPE:
                self.go_back()
            case KeyCode.RECENTS:
                self._toggle_recents()
            case KeyCode.NOTIFICATION:
                self.shade.is_open = True
            case KeyCode.ENTER | KeyCode.NUMPAD_ENTER | KeyCode.SEARCH:
                self.submit()
            case KeyCode.DELETE if field is not None:
                self.windows.text.put(field.value[:-1])
            case _ if field is not None:
                self.windows.text.put(field.value + _character(key_code))

    def submit(self) -> None:
        """The keyboard's action key, or Enter."""
        self.windows.text.submit()

    def go_home(self) -> None:
        """Leave everything for the launcher."""
        self.shade.close()
        self.windows.text.drop()
        self.distractions.leave_all()
        self.activities.go_home()

    def go_back(self) -> None:
        """Close what is uppermost: shade, keyboard, distraction, dialog, page."""
        if self.shade.is_open:
            self.shade.close()
        elif self.windows.text.keyboard_shown:
            self.windows.hide_keyboard()
        elif not self.distractions.back():
            self.activities.go_back()

    def _toggle_recents(self) -> None:
        self.shade.close()
        self.windows.text.drop()
        self.activities.toggle_recents()


def _character(key_code: int) -> str:
    """What a letter, digit or space key types, empty for all others."""
    if 7 <= key_code <= 16:
        return chr(ord("0") + key_code - 7)
    if 29 <= key_code <= 54:
        return chr(ord("a") + key_code - 29)
    return " " if key_code == KeyCode.SPACE else ""
