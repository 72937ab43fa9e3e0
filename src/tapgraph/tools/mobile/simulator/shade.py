"""The notification shade with its quick settings."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tapgraph.tools.mobile.simulator.app import App, DeviceStatus, Notification
from tapgraph.tools.mobile.simulator.canvas import is_dark, mixed
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Direction,
    Icon,
    Label,
    Picture,
    Row,
    ScrollColumn,
    View,
)

__all__ = ["SYSTEM_UI_PACKAGE", "Shade"]

SYSTEM_UI_PACKAGE: Final = "com.android.systemui"
_TILES: Final = (
    ("wifi", "Internet", "wifi"),
    ("bluetooth", "Bluetooth", "bluetooth"),
    ("flashlight", "Flashlight", "flashlight"),
    ("do_not_disturb", "Do Not Disturb", "minus-circle-outline"),
    ("airplane", "Airplane mode", "airplane"),
    ("location", "Location", "map-marker-outline"),
)


class Shade:
    """The shade's state and what can be done in it.

    Attributes:
        is_open: whether it covers the screen.
        notifications: the newest first.
    """

    def __init__(
        self,
        status: DeviceStatus,
        apps: Sequence[App],
        launch: Callable[[str], None],
        profile: PhoneProfile,
    ) -> None:
        self.is_open = False
        self.notifications: list[Notification] = []
        self._status = status
        self._apps = {app.package: app for app in apps}
        self._launch = launch
        self._profile = profile

    def post(self, notification: Notification) -> None:
        """Put an entry on top."""
        self.notifications.insert(0, notification)

    def close(self) -> None:
        """Uncover the screen."""
        self.is_open = False

    def _clear(self) -> None:
        self.notifications.clear()
        self.close()

    def _open(self, notification: Notification) -> None:
        self.notifications.remove(notification)
        self.close()
        self._launch(notification.package)
        if notification.on_tap is not None:
            notification.on_tap()

    def _toggle(self, name: str) -> None:
        setattr(self._status, name, not getattr(self._status, name))

    def _swiped(self, direction: Direction) -> bool:
        if direction == "up":
            self.close()
        return direction == "up"

    def _swiped_card(self, notification: Notification, direction: Direction) -> bool:
        if direction in {"left", "right"}:
            self.notifications.remove(notification)
            return True
        return False

    def build(self, heading: str) -> View:
        """The whole shade; a swipe up closes it."""
        say, theme = self._profile.speech.say, self._profile.theme
        cards = [self.card(notification) for notification in self.notifications]
        if cards:
            clear = Button(
                say("Clear all"),
                id="dismiss_text",
                style="tonal",
                on_click=self._clear,
                margin=(0, 8),
            )
            cards.append(Row([clear], arrange="end"))
        else:
            nothing = say("No notifications")
            cards.append(Label(nothing, id="no_notifications", color=theme.muted, padding=(8, 24)))
        tiles = [self._tile(*tile) for tile in _TILES]
        return Column(
            [
                Label(heading, id="clock", size_sp=22, padding=(8, 16, 8, 16)),
                *(
                    Row(tiles[start : start + 2], gap=8, margin=(0, 0, 0, 8))
                    for start in range(0, len(tiles), 2)
                ),
                ScrollColumn(
                    cards, id="notification_stack_scroller", weight=1, gap=6, margin=(0, 12, 0, 0)
                ),
            ],
            id="notification_panel",
            height="match",
            padding=(16, 0),
            on_swipe=self._swiped,
        )

    def card(self, notification: Notification) -> View:
        """An entry as it stands in the shade, or over an app when it has just come."""
        theme = self._profile.theme
        app = self._apps[notification.package]
        name = Label(app.label, id="android:id/app_name_text", size_sp=12, color=theme.muted)
        title = Label(notification.title, id="android:id/title", bold=True, max_lines=1)
        text = Label(notification.text, id="android:id/text", color=theme.muted, max_lines=3)
        return Row(
            [
                Picture(app.glyph, style="app", color=app.color, width=40, height=40),
                Column([name, title, text], weight=1),
            ],
            id="expandableNotificationRow",
            gap=14,
            padding=(16, 12),
            corner_dp=24,
            background=theme.sheet,
            on_click=partial(self._open, notification),
            on_swipe=partial(self._swiped_card, notification),
        )

    def _tile(self, name: str, words: str, glyph: str) -> View:
        say, theme = self._profile.speech.say, self._profile.theme
        is_on = bool(getattr(self._status, name))
        ground = theme.accent if is_on else mixed(theme.paper, theme.ink, 0.14)
        ink = "#FFFFFF" if is_dark(ground) else "#1F1F1F"
        label = say(words)
        state = Label(say("On" if is_on else "Off"), size_sp=12, color=ink)
        texts = [Label(label, size_sp=14, bold=True, color=ink, max_lines=1), state]
        return Row(
            [Icon(glyph, color=ink, size_dp=22), Column([*texts], weight=1)],
            id=f"tile_{name}",
            desc=label,
            weight=1,
            height=64,
            padding=(16, 0),
            gap=12,
            corner_dp=24,
            background=ground,
            checkable=True,
            checked=is_on,
            on_click=partial(self._toggle, name),
            class_name="android.widget.Switch",
        )
