"""A simulated Android phone: apps, a screen, fingers and keys.

It is deterministic. The same apps, seed, clock and faults with the same inputs give the same state
however often the screen was looked at in between, so a run that was killed is resumed by replaying
its inputs. Looking only lets a slow page come nearer; an input waits until the page is there.
The whole state can be kept, restored and copied in milliseconds.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Self

from PIL import Image

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.simulator.android_system import AndroidSystem
from tapgraph.tools.mobile.simulator.app import App, DeviceStatus, Notification
from tapgraph.tools.mobile.simulator.faults import DueFaults, FaultPlan
from tapgraph.tools.mobile.simulator.object_graph import Constants, freeze, thaw
from tapgraph.tools.mobile.simulator.phone_profile import PHONE, PhoneProfile
from tapgraph.tools.mobile.simulator.phone_snapshot import PhoneSnapshot
from tapgraph.tools.mobile.simulator.state_dump import StateDump, dump_state
from tapgraph.tools.mobile.simulator.system_database import (
    SYSTEM_DATABASE,
    Databases,
    ScreenRow,
    is_system_bookkeeping,
)
from tapgraph.tools.mobile.simulator.views import Field

__all__ = ["Phone"]

_INPUT_S: Final = 0.5
_LOOK_S: Final = 0.5
_DAY_S: Final = 86_400
_TOUCH_SLOP_DP: Final = 9
_NO_FAULTS: Final = FaultPlan()


class Phone:
    """A phone that is held in memory; its methods may be called from any thread.

    Attributes:
        apps: the installed apps, in the order of the launcher.
        inputs: how many inputs it has taken.
    """

    def __init__(
        self,
        apps: Sequence[App],
        *,
        seed: int = 0,
        clock: datetime,
        state_dir: Path | None = None,
        faults: FaultPlan = _NO_FAULTS,
        profile: PhoneProfile = PHONE,
    ) -> None:
        """Start a phone that is fresh from the factory.

        Args:
            apps: what is installed; an app belongs to one phone.
            seed: of every random choice.
            clock: the time that it shows first.
            state_dir: folder for the databases, `<package>.db`; earlier ones are replaced.
                Without it they live in memory.
            faults: what goes wrong.
            profile: which phone it is.

        Raises:
            UsageError: two apps have the same package, or a package name is not one.
        """
        self.apps = tuple(apps)
        self.inputs = 0
        self._lock = threading.RLock()
        self._faults = DueFaults(faults, Random(f"{seed}/popups"))
        self._image: Image.Image | None = None
        self._databases = Databases((app.package for app in self.apps), state_dir)
        self._held = AndroidSystem(self.apps, clock, faults.slow_pages, profile)
        self._has_windows = True
        for app in self.apps:
            random = Random(f"{seed}/{app.package}")
            app.install(self._system, self._databases[app.package], random)
        self._constants: Constants | None = None
        self._settle()

    @classmethod
    def from_snapshot(cls, snapshot: PhoneSnapshot) -> Self:
        """A phone of its own in the state of a snapshot, with its databases in memory."""
        phone = cls.__new__(cls)
        phone._lock = threading.RLock()
        phone._databases = Databases.from_images(snapshot.databases)
        phone._take_over(snapshot)
        return phone

    def close(self) -> None:
        """Close the databases; the phone cannot be used afterwards."""
        with self._lock:
            self._databases.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # The whole state.

    def snapshot(self) -> PhoneSnapshot:
        """The state now: everything that decides what any input will ever do.

        Raises:
            UsageError: an app holds something that cannot be copied, such as a file.
        """
        with self._lock:
            if self._constants is None:
                self._constants = Constants(
                    value for app in self.apps for value in vars(app).values()
                )
            outside = {id(base): name for name, base in self._databases.connections.items()}
            state = (self._held, self._faults, self.inputs)
            graph = freeze(state, self._constants, outside)
            return PhoneSnapshot(graph, self._databases.images(), self._constants)

    def restore(self, snapshot: PhoneSnapshot) -> None:
        """Go to the state of a snapshot of this phone or of another one with the same apps.

        Database connections stay; apps and other objects that were got from the phone before
        belong to the past.

        Raises:
            UsageError: the snapshot is of a phone with other apps.
        """
        with self._lock:
            self._databases.restore(snapshot.databases)
            self._take_over(snapshot)

    def fork(self) -> Self:
        """A second phone in the same state; from here on they have nothing to do with each other.

        Raises:
            UsageError: an app holds something that cannot be copied, such as a file.
        """
        return self.from_snapshot(self.snapshot())

    def dump(self) -> StateDump:
        """All rows of the databases of the apps and of the system."""
        with self._lock:
            owners = {app.package: app.is_bookkeeping for app in self.apps}
            owners[SYSTEM_DATABASE] = is_system_bookkeeping
            return dump_state(
                (package, self._databases[package], is_bookkeeping)
                for package, is_bookkeeping in owners.items()
            )

    def _take_over(self, snapshot: PhoneSnapshot) -> None:
        self._held, self._faults, self.inputs = thaw(snapshot.graph, self._databases.connections)
        self._has_windows, self._image = False, None
        self._constants = snapshot.constants
        self.apps = self._held.apps

    @property
    def _system(self) -> AndroidSystem:
        """The system; a copy builds its windows when they are first needed."""
        with self._lock:
            if not self._has_windows:
                self._has_windows = True
                self._held.refresh()
            return self._held

    @property
    def system(self) -> AndroidSystem:
        """What is behind the glass, for those who know more than an agent may; not to be kept."""
        return self._system

    # What a person or a driver sees.

    @property
    def profile(self) -> PhoneProfile:
        """Which phone it is."""
        return self._system.profile

    @property
    def size(self) -> Size:
        """The screen's size in pixels at the present rotation."""
        return self._system.size

    @property
    def rotation(self) -> int:
        """Quarter turns to the left from upright."""
        return self._system.rotation

    @property
    def clock(self) -> datetime:
        """The simulated time."""
        return self._system.clock

    @property
    def online(self) -> bool:
        """Whether the network can be reached."""
        return self._system.online

    @property
    def status(self) -> DeviceStatus:
        """What the status bar shows; call `refresh()` after a change."""
        return self._system.status

    @property
    def clipboard(self) -> str:
        """The text on the clipboard."""
        return self._system.clipboard

    @clipboard.setter
    def clipboard(self, text: str) -> None:
        self._system.clipboard = text

    @property
    def foreground(self) -> tuple[str, str]:
        """Package and activity in front."""
        with self._lock:
            return self._system.foreground

    @property
    def keyboard_shown(self) -> bool:
        """Whether the soft keyboard is up."""
        with self._lock:
            return self._system.windows.text.keyboard_shown

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """What the shade holds, the newest first."""
        with self._lock:
            return tuple(self._system.shade.notifications)

    def database(self, package: str) -> sqlite3.Connection:
        """An app's database, or the system's (`com.android.systemui`).

        Raises:
            KeyError: no such app is installed.
        """
        return self._databases[package]

    def is_running(self, package: str) -> bool:
        """Whether an app has pages open."""
        with self._lock:
            tasks = self._system.activities.stack.tasks
            return any(task.app.package == package for task in tasks)

    def focused_field(self) -> Field | None:
        """The text field that has the focus, with what it holds as `value`."""
        with self._lock:
            return self._system.windows.text.field

    def screenshot(self) -> Image.Image:
        """The screen as an RGB picture of its own."""
        with self._lock:
            self._look()
            if self._image is None:
                self._image = self._system.picture()
            return self._image.copy()

    def page_source(self) -> str:
        """The UI dump as Appium's UiAutomator2 driver prints it."""
        with self._lock:
            self._look()
            return self._system.page_source()

    def refresh(self) -> None:
        """Draw anew after something was changed from outside, such as `status`."""
        with self._lock:
            self._settle()

    def _look(self) -> None:
        """Looking takes time, in which a slow page comes nearer."""
        if self._system.load(_LOOK_S):
            self._refresh()

    # What counts as an input.

    def tap(self, x: int, y: int) -> None:
        """Touch a point shortly."""
        with self._input() as is_taken:
            if not self._faults.swallows_tap() and is_taken:
                self._system.tap(Point(x, y))

    def long_press(self, x: int, y: int) -> None:
        """Hold a finger on a point; where nothing listens to that it is a tap."""
        with self._input() as is_taken:
            if is_taken:
                self._system.long_press(Point(x, y))

    def double_tap(self, x: int, y: int) -> None:
        """Touch a point twice quickly; counted as one tap."""
        with self._input() as is_taken:
            if not self._faults.swallows_tap() and is_taken:
                self._system.double_tap(Point(x, y))

    def swipe(self, x1: int, y1: int, x2: int, y2: int) -> None:
        """Drag a finger from the first point to the second; a very short way is a tap."""
        if max(abs(x2 - x1), abs(y2 - y1)) < self.profile.px(_TOUCH_SLOP_DP):
            self.tap(x1, y1)
            return
        with self._input() as is_taken:
            if is_taken:
                self._system.swipe(Point(x1, y1), Point(x2, y2))

    def type_text(self, text: str) -> None:
        """Add text to the focused field.

        Raises:
            ToolError: no field has the focus.
        """
        with self._lock:
            held = self._field_for_input().value
            with self._input() as is_taken:
                if is_taken:
                    self._system.windows.text.put(held + text)

    def set_text(self, text: str) -> None:
        """Make the focused field hold exactly this text.

        Raises:
            ToolError: no field has the focus.
        """
        with self._lock:
            self._field_for_input()
            with self._input() as is_taken:
                if is_taken:
                    self._system.windows.text.put(text)

    def clear_text(self) -> None:
        """Empty the focused field.

        Raises:
            ToolError: no field has the focus.
        """
        self.set_text("")

    def editor_action(self, name: str) -> None:
        """Press the keyboard's action key.

        Args:
            name: what the caller believes it is; a field has only one, so that one is taken.

        Raises:
            ToolError: no field has the focus.
        """
        del name
        with self._lock:
            self._field_for_input()
            with self._input() as is_taken:
                if is_taken:
                    self._system.submit()

    def press_key(self, keycode: int) -> None:
        """Press a key by Android's key code; a key without meaning here does nothing."""
        with self._input() as is_taken:
            if is_taken:
                self._system.press(keycode)

    def hide_keyboard(self) -> None:
        """Put the soft keyboard away; the field keeps the focus."""
        with self._input() as is_taken:
            if is_taken:
                self._system.windows.hide_keyboard()

    def open_app(self, package: str) -> None:
        """What a tap on the app's icon does.

        Raises:
            KeyError: no such app is installed.
        """
        with self._lock:
            self._system.app(package)
            with self._input() as is_taken:
                if is_taken:
                    self._system.shade.close()
                    self._system.launch(package)

    def terminate_app(self, package: str) -> None:
        """End an app; nothing when it does not run.

        Raises:
            KeyError: no such app is installed.
        """
        with self._lock:
            app = self._system.app(package)
            with self._input():
                task = self._system.activities.stack.task_of(app)
                if task is not None:
                    self._system.activities.end(task)

    def open_notifications(self) -> None:
        """Pull the notification shade down."""
        with self._input() as is_taken:
            if is_taken:
                self._system.shade.is_open = True

    def rotate(self, rotation: int) -> None:
        """Turn the phone: 0 upright, then quarter turns to the left.

        Raises:
            UsageError: it is not one of 0, 1, 2, 3.
        """
        if rotation not in range(4):
            raise UsageError(f"rotation must be 0, 1, 2 or 3, got {rotation!r}")
        with self._input():
            self._system.rotation = rotation

    def advance(self, seconds: float) -> None:
        """Let simulated time pass; this is not an input.

        Raises:
            UsageError: the time is negative or longer than a day.
        """
        if not 0 <= seconds <= _DAY_S:
            raise UsageError(f"seconds must be between 0 and {_DAY_S}, got {seconds!r}")
        with self._lock:
            self._system.elapsed_s += seconds
            self._system.load(seconds)
            self._settle()

    # How an input takes effect.

    @contextmanager
    def _input(self) -> Iterator[bool]:
        """Count an input and let it settle; gives false when the app crashed under it."""
        with self._lock:
            self._finish_loading()
            self.inputs += 1
            self._system.network_lost = self._faults.plan.loses_network_at(self.inputs)
            yield not self._crashes_now()
            self._system.elapsed_s += _INPUT_S
            self._disturb()
            self._system.activities.note_network()
            self._settle()

    def _field_for_input(self) -> Field:
        self._finish_loading()
        field = self._system.windows.text.field
        if field is None:
            raise ToolError("no text field has the focus; tap one first")
        return field

    def _finish_loading(self) -> None:
        if self._system.load(float("inf")):
            self._refresh()

    def _crashes_now(self) -> bool:
        is_due = self._has_app_in_front() and self._faults.take_crash(self.inputs)
        if is_due:
            self._system.activities.crash()
        return is_due

    def _disturb(self) -> None:
        if not self._has_app_in_front():
            return
        if self._faults.take_popup(self.inputs):
            self._system.pop_up(self._faults.random)
        for kind in self._faults.take_distractions(self.inputs):
            self._system.distract(kind, self._faults.random)

    def _has_app_in_front(self) -> bool:
        activities = self._system.activities
        return activities.front is not activities.stack.home and not activities.recents_open

    def _settle(self) -> None:
        """Show and write down what an input or time has changed."""
        system = self._system
        system.end_what_is_over()
        self._refresh()
        package, activity = system.foreground
        open_dialog = system.activities.dialog
        row = ScreenRow(
            package=package,
            activity=activity,
            dialog="" if open_dialog is None else open_dialog.dialog.name,
            toast=system.toast.text if system.toast else "",
            keyboard_shown=system.windows.text.keyboard_shown,
            inputs=self.inputs,
            clock=system.clock.isoformat(),
        )
        self._databases.record(
            row, system.activities.permissions, system.status, system.distractions.rows
        )

    def _refresh(self) -> None:
        self._image = None
        self._system.refresh()
