"""What comes between a user and an app unasked: a call, a low battery, a message, an update."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, Literal, NamedTuple

from tapgraph.tools.mobile.simulator.app import (
    App,
    DeviceStatus,
    Dialog,
    DialogButton,
    Notification,
)
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.shade import SYSTEM_UI_PACKAGE, Shade
from tapgraph.tools.mobile.simulator.system_pages import dialog_view
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Direction,
    Label,
    Picture,
    Row,
    Spacer,
    View,
)
from tapgraph.tools.mobile.simulator.window_manager import Window, full_screen

__all__ = ["CALL_PAGE", "KINDS", "DistractionKind", "DistractionRow", "Distractions", "is_deed"]

DistractionKind = Literal["call", "battery", "message", "update"]
KINDS: Final[tuple[DistractionKind, ...]] = ("call", "battery", "message", "update")
CALL_PAGE: Final = ("com.google.android.dialer", "com.android.incallui.InCallActivity")
_STORE_PACKAGE: Final = "com.android.vending"
_MESSENGER: Final = "com.google.android.apps.messaging"
_RINGS_S: Final = 20.0
_PEEKS_S: Final = 5.0
_LOW_PERCENT: Final = 15
_NIGHT: Final = "#202124"
_RED, _GREEN = "#B3261E", "#146C2E"
_PEOPLE: Final = (
    "Noah Becker",
    "Mila Sommer",
    "Unknown caller",
    "Dr. Amara Cole",
    "+1 217 555 0143",
)
_MESSAGES: Final = (
    ("Ines Park", "Are you coming tonight?"),
    ("Leo Grant", "Can you call me back?"),
    ("Parcel service", "Your parcel arrives today."),
)


class DistractionRow(NamedTuple):
    """A row of the system's table `distractions`.

    Attributes:
        subject: who calls or writes, the app, or the battery's percent.
        came_at: simulated time in ISO 8601.
        answer: what the user or time made of it; empty while it is there.
    """

    number: int
    kind: DistractionKind
    subject: str
    came_at: str
    answer: str


def is_deed(answer: str) -> bool:
    """Whether an answer does more than send the distraction away."""
    return answer in {"answered", "turned on", "updated"}


@dataclass(eq=False)
class _Distraction:
    """One that came; `is_small` lets it stand over the top of the page, `until_s` ends it."""

    kind: DistractionKind
    subject: str
    came_at: str
    is_small: bool = False
    until_s: float = math.inf
    answer: str = ""
    is_there: bool = True
    notification: Notification | None = None


class Distractions:
    """Those that came to a phone, and what can be done about them."""

    def __init__(
        self, apps: Sequence[App], status: DeviceStatus, shade: Shade, profile: PhoneProfile
    ) -> None:
        self._apps = apps
        self._status = status
        self._shade = shade
        self._profile = profile
        self._all: list[_Distraction] = []

    @property
    def rows(self) -> tuple[DistractionRow, ...]:
        """All, the first first."""
        return tuple(
            DistractionRow(number, one.kind, one.subject, one.came_at, one.answer)
            for number, one in enumerate(self._all, start=1)
        )

    @property
    def call_fills_screen(self) -> bool:
        """Whether a call is in front of everything."""
        return any(one.kind == "call" and not one.is_small for one in self._there())

    @property
    def way_out(self) -> str:
        """Resource name of what sends the uppermost away; empty for a message and for none."""
        for one in reversed(self._there()):
            if one.kind == "call":
                return "end_call" if one.answer else "decline"
            if one.kind != "message":
                return "android:id/button2"
        return ""

    @property
    def has_message(self) -> bool:
        """Whether a message covers the top of the page; it leaves by itself."""
        return any(one.kind == "message" for one in self._there())

    def _there(self) -> list[_Distraction]:
        return [one for one in self._all if one.is_there]

    # Coming and going.

    def come(
        self, kind: DistractionKind, front: App, random: Random, came_at: str, now_s: float
    ) -> None:
        """Let one come over the app in front."""
        match kind:
            case "call":
                caller, is_small = random.choice(_PEOPLE), random.random() < 0.5
                one = _Distraction(kind, caller, came_at, is_small, now_s + _RINGS_S)
            case "battery":
                self._status.battery_percent = _LOW_PERCENT
                one = _Distraction(kind, str(_LOW_PERCENT), came_at)
            case "message":
                sender, text = random.choice(_MESSAGES)
                packages = [app.package for app in self._apps]
                package = _MESSENGER if _MESSENGER in packages else random.choice(packages)
                notification = Notification(package, sender, text)
                self._shade.post(notification)
                one = _Distraction(kind, sender, came_at, True, now_s + _PEEKS_S)
                one.notification = notification
            case "update":
                one = _Distraction(kind, front.label, came_at)
        self._all.append(one)

    def pass_time(self, now_s: float) -> None:
        """Let a call end that nobody answers, and a message leave for the shade."""
        for one in self._there():
            if now_s >= one.until_s:
                self._end(one, "missed" if one.kind == "call" else "ignored")

    def back(self) -> bool:
        """What the Back key does to the uppermost; whether it did anything."""
        for one in reversed(self._there()):
            if not one.is_small:
                self._leave(one)
                return True
        return False

    def leave_all(self) -> None:
        """What the Home key does."""
        for one in self._there():
            if not one.is_small:
                self._leave(one)

    def _leave(self, one: _Distraction) -> None:
        if one.kind == "call" and not one.answer:
            one.is_small = True
        else:
            self._end(one, one.answer or "dismissed")

    def _end(self, one: _Distraction, answer: str) -> None:
        one.answer, one.is_there = answer, False

    def _answer_call(self, one: _Distraction) -> None:
        one.answer, one.is_small, one.until_s = "answered", False, math.inf

    def _save_battery(self, one: _Distraction) -> None:
        self._status.battery_saver = True
        self._end(one, "turned on")

    # How they look.

    def windows(self) -> Iterator[Window]:
        """Their windows, the lowest first."""
        for number, one in enumerate(self._all):
            if not one.is_there:
                continue
            scope = f"distraction.{number}"
            match one.kind:
                case "call" if one.is_small:
                    yield self._small(self._ringing_card(one), scope)
                case "call":
                    root = full_screen(self._call_page(one))
                    yield Window(CALL_PAGE[0], "page", root, scope, background=_NIGHT)
                case "message":
                    yield self._small(self._message_card(one), scope)
                case "battery" | "update":
                    yield self._asking(one, scope)

    def _small(self, card: View, scope: str) -> Window:
        return Window(SYSTEM_UI_PACKAGE, "heads_up", card, scope, self._profile.theme.raised())

    def _asking(self, one: _Distraction, scope: str) -> Window:
        say, theme = self._profile.speech.say, self._profile.theme.raised()
        leave = DialogButton(say("Not now"), partial(self._end, one, "dismissed"))
        if one.kind == "battery":
            dialog = Dialog(
                title=say("Low battery"),
                message=say("{percent}% left. Turn on Battery Saver?", percent=one.subject),
                buttons=(leave, DialogButton(say("Turn on"), partial(self._save_battery, one))),
            )
        else:
            dialog = Dialog(
                title=say("Update {app}?", app=one.subject),
                message=say("A new version is ready. It takes a minute."),
                buttons=(leave, DialogButton(say("Update"), partial(self._end, one, "updated"))),
                style="sheet",
            )
        package = SYSTEM_UI_PACKAGE if one.kind == "battery" else _STORE_PACKAGE
        view = dialog_view(dialog, theme, _tapped)
        outside = partial(self._end, one, "dismissed")
        return Window(package, dialog.style, view, scope, theme, on_outside=outside)

    def _message_card(self, one: _Distraction) -> View:
        notification = one.notification
        if notification is None or notification not in self._shade.notifications:
            return Spacer()
        card = self._shade.card(notification)
        tap, swipe = card.on_click, card.on_swipe

        def opened() -> None:
            self._end(one, "opened")
            if tap is not None:
                tap()

        def swiped(direction: Direction) -> bool:
            self._end(one, "dismissed")
            return direction == "up" or (swipe is not None and swipe(direction))

        card.on_click, card.on_swipe = opened, swiped
        card.border = self._profile.theme.line
        return card

    def _ringing_card(self, one: _Distraction) -> View:
        theme = self._profile.theme
        return Column(
            [
                self._caller(one, theme.ink, theme.muted),
                Row(self._call_buttons(one), gap=12, padding=(0, 12, 0, 0)),
            ],
            id="call_notification",
            padding=(16, 12),
            corner_dp=24,
            border=theme.line,
            background=theme.sheet,
        )

    def _caller(self, one: _Distraction, ink: str, muted: str) -> View:
        words = self._profile.speech.say("On a call" if one.answer else "Incoming call")
        name = Label(one.subject, id="caller", size_sp=17, bold=True, color=ink, max_lines=1)
        state = Label(words, id="call_state", color=muted)
        avatar = Picture(one.subject, style="initial", width=44, height=44)
        return Row([avatar, Column([name, state], weight=1)], gap=14)

    def _call_buttons(self, one: _Distraction) -> list[View]:
        end = partial(self._end, one)
        if one.answer:
            return [self._call_button("End call", "phone-hangup", _RED, partial(end, "answered"))]
        return [
            self._call_button("Decline", "phone-hangup", _RED, partial(end, "declined")),
            self._call_button("Answer call", "phone", _GREEN, partial(self._answer_call, one)),
        ]

    def _call_button(
        self, words: str, glyph: str, color: str, on_click: Callable[[], None]
    ) -> View:
        identity = words.lower().replace(" ", "_")
        said = self._profile.speech.say(words)
        return Button(
            said, id=identity, glyph=glyph, color=color, weight=1, height=48, on_click=on_click
        )

    def _call_page(self, one: _Distraction) -> View:
        return Column(
            [
                self._caller(one, "#FFFFFF", "#C4C7C5"),
                Spacer(weight=1),
                Row(self._call_buttons(one), gap=24, padding=(0, 0, 0, 48)),
            ],
            id="call_page",
            height="match",
            padding=(24, 64, 24, 0),
        )


def _tapped(button: DialogButton) -> None:
    if button.on_click is not None:
        button.on_click()
