"""Settings: switches of the phone, what is installed, and what phone it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.views import (
    Column,
    Divider,
    Icon,
    IconButton,
    Label,
    Picture,
    Row,
    ScrollColumn,
    Switch,
    View,
)

__all__ = ["SETTINGS_PACKAGE", "SWITCHES", "InstalledApp", "SettingsApp", "SwitchEntry"]

SETTINGS_PACKAGE = "com.android.settings"
_GREY = "#5F6368"
PhoneSwitch = Literal["wifi", "bluetooth", "location", "airplane", "do_not_disturb"]


@dataclass(frozen=True, slots=True)
class SwitchEntry:
    """A switch: the page it stands on, its label, its glyph, and which of the phone's it is."""

    page: str
    label: str
    glyph: str
    phone: PhoneSwitch | None = None
    starts_on: bool = False


SWITCHES = (
    SwitchEntry("Network & internet", "Wi-Fi", "wifi", "wifi"),
    SwitchEntry("Network & internet", "Airplane mode", "airplane", "airplane"),
    SwitchEntry("Network & internet", "Data saver", "circle-outline"),
    SwitchEntry("Connected devices", "Bluetooth", "bluetooth", "bluetooth"),
    SwitchEntry("Connected devices", "NFC", "nfc", starts_on=True),
    SwitchEntry("Display", "Dark theme", "theme-light-dark"),
    SwitchEntry("Display", "Adaptive brightness", "brightness-auto", starts_on=True),
    SwitchEntry("Display", "Auto-rotate screen", "screen-rotation"),
    SwitchEntry("Sound & vibration", "Do Not Disturb", "minus-circle", "do_not_disturb"),
    SwitchEntry("Sound & vibration", "Touch sounds", "volume-high", starts_on=True),
    SwitchEntry("Sound & vibration", "Vibrate for calls", "vibrate"),
    SwitchEntry("Location", "Use location", "map-marker", "location"),
    SwitchEntry("Battery", "Battery Saver", "battery-plus"),
)


@dataclass(frozen=True, slots=True)
class InstalledApp:
    """An app in the list of apps."""

    label: str
    package: str
    glyph: str
    color: str


class SettingsApp(App):
    """The app; its table `switches` holds `label` and `is_on` of those that only it knows."""

    package, label = SETTINGS_PACKAGE, "Settings"
    glyph, color = "cog", "#5F6368"

    def __init__(self, installed: tuple[InstalledApp, ...]) -> None:
        self.installed = installed

    def create(self) -> None:
        """Make the table."""
        self.database.execute(
            "CREATE TABLE switches (label TEXT PRIMARY KEY, is_on INTEGER NOT NULL)"
        )
        self.database.executemany(
            "INSERT INTO switches (label, is_on) VALUES (?, ?)",
            [(entry.label, int(entry.starts_on)) for entry in SWITCHES if entry.phone is None],
        )

    def first_activity(self) -> "SettingsHome":
        """The list of pages."""
        return SettingsHome(self)

    def is_on(self, entry: SwitchEntry) -> bool:
        """Whether a switch is on."""
        if entry.phone is not None:
            return bool(getattr(self.phone.status, entry.phone))
        row = self.database.execute("SELECT is_on FROM switches WHERE label = ?", (entry.label,))
        return bool(row.fetchone()[0])

    def toggle(self, entry: SwitchEntry) -> None:
        """Turn a switch."""
        is_on = not self.is_on(entry)
        if entry.phone is not None:
            setattr(self.phone.status, entry.phone, is_on)
            return
        self.database.execute(
            "UPDATE switches SET is_on = ? WHERE label = ?", (int(is_on), entry.label)
        )


class SettingsHome(Activity[SettingsApp]):
    """The list of pages."""

    def build(self) -> View:
        """One row for each page."""
        rows = (
            ("wifi", "Network & internet", "Wi-Fi, airplane mode, data saver", "#1A73E8"),
            ("devices", "Connected devices", "Bluetooth, NFC", "#188038"),
            ("apps", "Apps", "Installed apps", "#E8710A"),
            ("battery", "Battery", "Battery Saver", "#188038"),
            ("volume-high", "Sound & vibration", "Do Not Disturb, touch sounds", "#D93025"),
            ("brightness-6", "Display", "Dark theme, brightness, rotation", "#A142F4"),
            ("map-marker", "Location", "Which apps know where you are", "#1A73E8"),
            ("information-outline", "About phone", "Model, version, storage", "#5F6368"),
        )
        return Column(
            [
                Label("Settings", id="title", size_sp=30, padding=(20, 28, 20, 12)),
                ScrollColumn(
                    [self._row(*row) for row in rows],
                    id="settings_list",
                    weight=1,
                    padding=(0, 0, 0, 24),
                ),
            ],
            height="match",
        )

    def _row(self, glyph: str, title: str, summary: str, color: str) -> View:
        return Row(
            [
                Icon(glyph, color=color),
                Column(
                    [Label(title, size_sp=18), Label(summary, color=_GREY)],
                    weight=1,
                    gap=2,
                ),
            ],
            key=title,
            gap=20,
            padding=(20, 14),
            on_click=partial(self._open, title),
        )

    def _open(self, title: str) -> None:
        if title == "Apps":
            self.open(AppList(self.app))
        elif title == "About phone":
            self.open(AboutPhone(self.app))
        else:
            self.open(SwitchPage(self.app, title))


class SwitchPage(Activity[SettingsApp]):
    """The switches of one subject."""

    def __init__(self, app: SettingsApp, title: str) -> None:
        super().__init__(app)
        self.title = title

    def build(self) -> View:
        """One row for each switch."""
        entries = [entry for entry in SWITCHES if entry.page == self.title]
        return _page(
            self.title,
            self.finish,
            [self._row(entry) for entry in entries],
            list_id="switches",
        )

    def _row(self, entry: SwitchEntry) -> View:
        is_on = self.app.is_on(entry)
        return Row(
            [
                Icon(entry.glyph),
                Switch(
                    entry.label,
                    id=f"switch_{entry.label.lower().replace(' ', '_').replace('-', '_')}",
                    checked=is_on,
                    weight=1,
                    size_sp=17,
                    on_click=partial(self.app.toggle, entry),
                ),
            ],
            key=entry.label,
            gap=20,
            padding=(20, 10),
        )


class AppList(Activity[SettingsApp]):
    """What is installed."""

    def build(self) -> View:
        """One row for each app."""
        return _page(
            "Apps",
            self.finish,
            [
                Row(
                    [
                        Picture(app.glyph, style="app", color=app.color, width=40, height=40),
                        Column(
                            [Label(app.label, size_sp=17), Label(app.package, color=_GREY)],
                            weight=1,
                        ),
                    ],
                    key=app.package,
                    gap=16,
                    padding=(20, 10),
                )
                for app in self.app.installed
            ],
            list_id="installed_apps",
        )


class AboutPhone(Activity[SettingsApp]):
    """What phone it is."""

    def build(self) -> View:
        """Name, version and the rest."""
        facts = (
            ("Device name", "Tapgraph Phone"),
            ("Model", "TG-1 (simulated)"),
            ("Android version", "15"),
            ("Screen", "1080 x 2400, 420 dpi"),
            ("Storage", "128 GB, 41 GB used"),
            ("IP address", "192.0.2.17"),
        )
        return _page(
            "About phone",
            self.finish,
            [
                Column(
                    [Label(name, size_sp=17), Label(value, color=_GREY), Divider()],
                    key=name,
                    gap=3,
                    padding=(20, 10),
                )
                for name, value in facts
            ],
        )


def _page(
    title: str, on_back: Callable[[], None], rows: list[View], *, list_id: str = "content"
) -> View:
    bar = Row(
        [
            IconButton("arrow-left", desc="Navigate up", on_click=on_back),
            Label(title, id="title", size_sp=20, weight=1, max_lines=1),
        ],
        padding=(4, 8),
    )
    return Column(
        [bar, ScrollColumn(rows, id=list_id, weight=1, padding=(0, 0, 0, 24))], height="match"
    )
