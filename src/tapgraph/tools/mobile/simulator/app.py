"""What an app is: its pages, its dialogs and what it may ask of the phone.

A page is an `Activity`; `build()` returns its views. Example::

    class Counter(Activity["CounterApp"]):
        def build(self) -> View:
            count = self.app.count()
            return Column([Label(f"{count}"), Button("Add", on_click=self.app.add)])

    class CounterApp(App):
        package, label, glyph, color = "org.example.counter", "Counter", "counter", "#1A73E8"

        def create(self) -> None:
            self.database.execute("CREATE TABLE counter (value INTEGER NOT NULL)")
            self.database.execute("INSERT INTO counter VALUES (0)")

        def first_activity(self) -> Activity[CounterApp]:
            return Counter(self)
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Generic, Literal, Protocol, TypeVar

from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.state_dump import Row
from tapgraph.tools.mobile.simulator.theme import Theme
from tapgraph.tools.mobile.simulator.views import View

__all__ = [
    "Activity",
    "App",
    "DeviceStatus",
    "Dialog",
    "DialogButton",
    "Notification",
    "PhoneServices",
]


@dataclass(kw_only=True)
class DeviceStatus:
    """What the status bar shows and the quick settings change."""

    wifi: bool = True
    bluetooth: bool = True
    location: bool = True
    flashlight: bool = False
    airplane: bool = False
    do_not_disturb: bool = False
    battery_percent: int = 87
    battery_saver: bool = False


@dataclass(frozen=True, slots=True)
class DialogButton:
    """A choice in a dialog; the dialog closes, then `on_click` runs."""

    label: str
    on_click: Callable[[], None] | None = None
    selected: bool | None = None
    """For list items: draws a radio button that is on or off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """A window over an activity.

    Attributes:
        buttons: at its foot, from left to right; the last one is the positive one.
        items: a list to choose from.
        content: builds further views, called again after each event.
        style: `alert` floats in the middle, `sheet` rises from the bottom.
        cancelable: Back and a tap outside close it.
        is_unasked: a fault brought it, not the app.
        on_cancel: called when it is closed by Back or a tap outside.
    """

    title: str = ""
    message: str = ""
    buttons: Sequence[DialogButton] = ()
    items: Sequence[DialogButton] = ()
    content: Callable[[], View] | None = None
    style: Literal["alert", "sheet"] = "alert"
    cancelable: bool = True
    is_unasked: bool = False
    on_cancel: Callable[[], None] | None = None

    @property
    def name(self) -> str:
        """What to call it: its title, else its message."""
        return self.title or self.message


@dataclass(frozen=True, slots=True)
class Notification:
    """An entry in the notification shade; a tap removes it, opens the app and calls `on_tap`."""

    package: str
    title: str
    text: str
    on_tap: Callable[[], None] | None = field(default=None, compare=False)


class PhoneServices(Protocol):
    """What the phone does for its apps."""

    status: DeviceStatus
    clipboard: str
    profile: PhoneProfile

    @property
    def clock(self) -> datetime:
        """The simulated time."""
        ...

    @property
    def online(self) -> bool:
        """Whether the network can be reached."""
        ...

    @property
    def size(self) -> Size:
        """The screen's size at the present rotation."""
        ...

    def start_activity(self, activity: "Activity[Any]") -> None:
        """Show a new page on top of its app's back stack."""
        ...

    def finish_activity(self, activity: "Activity[Any]") -> None:
        """Remove a page from its app's back stack."""
        ...

    def show_dialog(self, app: "App", dialog: Dialog) -> None:
        """Show a dialog over the app's page."""
        ...

    def dismiss_dialog(self, app: "App") -> None:
        """Close the app's uppermost dialog, if there is one."""
        ...

    def show_toast(self, app: "App", text: str) -> None:
        """Show a text for a few simulated seconds."""
        ...

    def ask_permission(self, app: "App", name: str, then: Callable[[bool], None]) -> None:
        """Ask the user for a permission, or answer at once where it is granted already."""
        ...

    def notify(self, notification: Notification) -> None:
        """Put an entry on top of the notification shade."""
        ...

    def launch(self, package: str) -> None:
        """Bring another app to the front.

        Raises:
            KeyError: no such app is installed.
        """
        ...

    def close_keyboard(self) -> None:
        """Hide the soft keyboard and drop the focus."""
        ...


class App:
    """An installed app; subclasses set the first four as class attributes or in `__init__`.

    A phone is copied with its apps, so an app and its pages hold values, objects and functions, but
    no files, threads or generators; nothing that changes is kept in a module or a class. A frozen
    dataclass of values that an app is made with, such as a world, is shared by all copies.

    Attributes:
        package: such as `com.google.android.apps.maps`; also the name of its database file.
        label: what stands under its icon; once installed, in the phone's language.
        name: once installed, its label in English, by which instructions and tasks call it.
        glyph: its symbol, a name of the Material Design icon font.
        color: background of its icon.
        glyph_color: colour of the symbol.
        needs_network: its pages show "No connection" while the network is gone.
        database: its own; changes are committed by the phone after each input. A copied
            phone has all that is stored in it, but not the connection's own settings (row factory,
            pragmas).
        phone: what it may ask of the phone.
        random: its own seeded source of chance.
    """

    package: str
    label: str
    name: str
    glyph: str
    color: str
    glyph_color: str = "#FFFFFF"
    needs_network: bool = False
    database: sqlite3.Connection
    phone: PhoneServices
    random: Random

    def install(self, phone: PhoneServices, database: sqlite3.Connection, random: Random) -> None:
        """Called once by the phone, with an empty database."""
        self.phone = phone
        self.database = database
        self.random = random
        self.name = self.label
        self.label = phone.profile.speech.say(self.label)
        self.create()

    def create(self) -> None:
        """Fill the empty database; nothing by default."""

    def is_bookkeeping(self, table: str, row: Row) -> bool:
        """Whether a row of the database tells only what the user looked at.

        Such rows are no side effects. By default every row counts.
        """
        del table, row
        return False

    def first_activity(self) -> "Activity[Any]":
        """A new page to start with."""
        raise NotImplementedError

    def open(self, activity: "Activity[Any]") -> None:
        """Show a new page on top."""
        self.phone.start_activity(activity)

    def toast(self, text: str) -> None:
        """Show a text for a few simulated seconds."""
        self.phone.show_toast(self, text)

    def show_dialog(self, dialog: Dialog) -> None:
        """Show a dialog over the page."""
        self.phone.show_dialog(self, dialog)

    def dismiss_dialog(self) -> None:
        """Close the uppermost dialog, if there is one."""
        self.phone.dismiss_dialog(self)

    def ask_permission(self, name: str, then: Callable[[bool], None]) -> None:
        """Ask for `location`, `camera`, `microphone`, `contacts`, `photos` or `notifications`.

        `then` is called with the answer, at once where the permission is granted already.
        """
        self.phone.ask_permission(self, name, then)

    def notify(self, title: str, text: str, on_tap: Callable[[], None] | None = None) -> None:
        """Put an entry in the notification shade."""
        self.phone.notify(Notification(self.package, title, text, on_tap))


AppT = TypeVar("AppT", bound=App)


class Activity(Generic[AppT]):
    """A page of an app.

    Attributes:
        name: as Android prints it, `.` and the class name unless set.
        theme: colours of what names none of its own, in dialogs too; the phone's unless set.
        background: colour behind the views, the theme's paper unless set.
        bar_color: colour behind the status bar, the background's unless set.
        needs_network: whether "No connection" replaces it while the network is gone; counts only
            in an app that needs the network.
    """

    name: str = ""
    theme: Theme | None = None
    background: str = ""
    bar_color: str = ""
    needs_network: bool = True

    def __init__(self, app: AppT) -> None:
        self.app = app
        self.name = self.name or f".{type(self).__name__}"

    def build(self) -> View:
        """The page now. Must not change anything: it is called whenever the phone likes."""
        raise NotImplementedError

    def on_open(self) -> None:
        """Called once, when the page was put on the back stack."""

    def on_resume(self) -> None:
        """Called whenever the page comes to the front, the first time too."""

    def on_back(self) -> bool:
        """Called by Back; true when the page dealt with it itself and stays."""
        return False

    def open(self, activity: "Activity[Any]") -> None:
        """Show another page on top of this one."""
        self.app.open(activity)

    def finish(self) -> None:
        """Leave this page."""
        self.app.phone.finish_activity(self)
