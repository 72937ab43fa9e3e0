"""What the system shows over or instead of an app's page: dialogs, prompts, waiting, trouble."""

from collections.abc import Callable
from functools import partial
from typing import Final

from tapgraph.tools.mobile.simulator.app import App, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.canvas import mixed
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.speech import Speech
from tapgraph.tools.mobile.simulator.theme import Theme
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Icon,
    Label,
    ProgressBar,
    RadioButton,
    Row,
    ScrollColumn,
    Spacer,
    View,
)

__all__ = [
    "crash_view",
    "dialog_view",
    "loading_view",
    "no_network_view",
    "permission_view",
]

_PERMISSIONS: Final = {
    "location": ("map-marker-outline", "access this device's location"),
    "camera": ("camera-outline", "take pictures and record video"),
    "microphone": ("microphone-outline", "record audio"),
    "contacts": ("contacts-outline", "access your contacts"),
    "photos": ("image-outline", "access photos on this device"),
    "notifications": ("bell-outline", "send you notifications"),
}
_CONTROLLER_ID: Final = "com.android.permissioncontroller:id"


def loading_view(speech: Speech) -> View:
    """A page that is not there yet."""
    return Column(
        [ProgressBar(id="progress", desc=speech.say("Loading"))],
        height="match",
        align="center",
        arrange="center",
    )


def no_network_view(speech: Speech, retry: Callable[[], None]) -> View:
    """A page that could not be fetched."""
    return Column(
        [
            Icon("wifi-off", size_dp=64),
            Label(speech.say("No connection"), id="error_title", size_sp=20, bold=True),
            Label(
                speech.say("Check your internet connection and try again."),
                id="error_text",
                align="center",
            ),
            Button(speech.say("Retry"), id="retry_button", on_click=retry, margin=(0, 8, 0, 0)),
        ],
        height="match",
        align="center",
        arrange="center",
        gap=12,
        padding=32,
    )


def dialog_view(dialog: Dialog, theme: Theme, choose: Callable[[DialogButton], None]) -> View:
    """A dialog's window; `choose` is called with the button or item that was tapped."""
    is_sheet = dialog.style == "sheet"
    body: list[View] = []
    if dialog.message:
        body.append(
            Label(
                dialog.message, id="android:id/message", color=theme.muted, padding=(24, 0, 24, 8)
            )
        )
    if dialog.content is not None:
        body.append(Column([dialog.content()], padding=(24, 4)))
    body.extend(_item(item, partial(choose, item)) for item in dialog.items)
    parts: list[View] = []
    if is_sheet:
        handle = Spacer(width=32, height=4, background=theme.line, corner_dp=2)
        parts.append(Column([handle], align="center", padding=(0, 0, 0, 16), decorative=True))
    if dialog.title:
        parts.append(
            Label(
                dialog.title,
                id="android:id/alertTitle",
                size_sp=20 if is_sheet else 22,
                padding=(24, 0, 24, 12),
            )
        )
    parts.append(ScrollColumn(body, id="android:id/contentPanel", height="wrap", gap=2))
    if dialog.buttons:
        parts.append(_buttons(dialog, choose))
    return Column(
        parts,
        id="android:id/parentPanel",
        background=theme.sheet,
        corner_dp=28,
        padding=(0, 12, 0, 32) if is_sheet else (0, 24, 0, 18),
    )


def _item(item: DialogButton, on_click: Callable[[], None]) -> View:
    if item.selected is not None:
        return RadioButton(
            item.label,
            id="android:id/text1",
            checked=item.selected,
            on_click=on_click,
            width="match",
            height=52,
            padding=(20, 0),
            margin=(20, 0),
        )
    return Label(
        item.label,
        id="android:id/text1",
        size_sp=16,
        width="match",
        padding=(24, 15),
        on_click=on_click,
    )


def _buttons(dialog: Dialog, choose: Callable[[DialogButton], None]) -> View:
    count = len(dialog.buttons)
    views: list[View] = [
        Button(
            button.label,
            id=f"android:id/button{count - number}",
            style="text",
            on_click=partial(choose, button),
            height=48,
        )
        for number, button in enumerate(dialog.buttons)
    ]
    if sum(len(button.label) for button in dialog.buttons) > 34:
        return Column(views, align="end", padding=(12, 12, 12, 0))
    return Row(views, arrange="end", padding=(12, 12, 12, 0), id="android:id/buttonPanel")


def permission_view(
    app: App, name: str, profile: PhoneProfile, answer: Callable[[str], None]
) -> View:
    """A permission prompt; `answer` is called with `granted`, `once` or `denied`."""
    say, theme = profile.speech.say, profile.theme
    glyph, deed = _PERMISSIONS.get(name, ("shield-outline", f"use {name}"))
    choices = [("Allow", "granted", "permission_allow_button")]
    if name in {"location", "camera", "microphone"}:
        choices = [
            ("While using the app", "granted", "permission_allow_foreground_only_button"),
            ("Only this time", "once", "permission_allow_one_time_button"),
        ]
    choices.append((
        "Don\N{RIGHT SINGLE QUOTATION MARK}t allow",
        "denied",
        "permission_deny_button",
    ))
    buttons: list[View] = [
        Button(
            say(label),
            id=f"{_CONTROLLER_ID}/{identity}",
            style="text",
            background=mixed(theme.sheet, theme.accent, 0.16),
            corner_dp=14,
            width="match",
            height=54,
            size_sp=15,
            on_click=partial(answer, state),
        )
        for label, state, identity in choices
    ]
    return Column(
        [
            Icon(glyph, size_dp=28, color=theme.accent, id=f"{_CONTROLLER_ID}/permission_icon"),
            Label(
                say("Allow {app} to {deed}?", app=app.label, deed=say(deed)),
                id=f"{_CONTROLLER_ID}/permission_message",
                size_sp=20,
                align="center",
                padding=(8, 12, 8, 20),
            ),
            Column(buttons, gap=4),
        ],
        id=f"{_CONTROLLER_ID}/grant_dialog",
        background=theme.sheet,
        corner_dp=28,
        align="center",
        padding=20,
    )


def crash_view(app: App, profile: PhoneProfile, close: Callable[[], None]) -> View:
    """The system's dialog about an app that died."""
    say = profile.speech.say
    return Column(
        [
            Label(
                say("{app} keeps stopping", app=app.label),
                id="android:id/alertTitle",
                size_sp=20,
                padding=(24, 0, 24, 12),
            ),
            Row(
                [
                    Icon("close"),
                    Label(say("Close app"), size_sp=16, weight=1),
                ],
                id="android:id/aerr_close",
                desc=say("Close app"),
                gap=20,
                padding=(24, 14),
                on_click=close,
            ),
        ],
        background=profile.theme.sheet,
        corner_dp=28,
        padding=(0, 24, 0, 14),
    )
