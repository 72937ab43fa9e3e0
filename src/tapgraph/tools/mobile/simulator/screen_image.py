"""The screenshot: windows from the lowest to the highest, then the bars and the toast."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from PIL import Image

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.simulator import fonts, pictures
from tapgraph.tools.mobile.simulator.app import DeviceStatus
from tapgraph.tools.mobile.simulator.canvas import Canvas, is_dark, mixed
from tapgraph.tools.mobile.simulator.phone_profile import (
    NAVIGATION_BAR_DP,
    STATUS_BAR_DP,
    PhoneProfile,
)
from tapgraph.tools.mobile.simulator.render import draw_text, draw_view
from tapgraph.tools.mobile.simulator.window_manager import Window

__all__ = ["screen_image", "toast_bounds", "window_image"]

_VEIL: Final = 0.5
_RECENTS_VEIL: Final = 0.45
_WIDEST_TOAST_DP: Final = 600


def screen_image(
    windows: Sequence[Window],
    size: Size,
    profile: PhoneProfile,
    *,
    status: DeviceStatus,
    online: bool,
    clock: datetime,
    has_notifications: bool,
    toast: str,
) -> Image.Image:
    """An RGB picture of the whole screen."""
    canvas = Canvas(size, "#FFFFFF", profile)
    bar = nav = "#FFFFFF"
    for window in windows:
        canvas.clip, canvas.theme = canvas.full, window.theme
        if window.is_floating:
            canvas.darken(_VEIL)
            bar, nav = mixed(bar, "#000000", _VEIL), mixed(nav, "#000000", _VEIL)
            if window.kind == "sheet":
                nav = window.root.background
        elif window.kind == "keyboard":
            nav = window.root.background
        elif window.kind != "heads_up":
            bar, nav = _draw_backdrop(canvas, window, size)
        draw_view(canvas, window.root)
    canvas.clip = canvas.full
    _draw_status_bar(canvas, size, status, clock, "#FFFFFF" if is_dark(bar) else "#202124", online)
    if has_notifications:
        _draw_dot(canvas, clock, "#FFFFFF" if is_dark(bar) else "#202124")
    _draw_pill(canvas, size, "#FFFFFF" if is_dark(nav) else "#202124")
    if toast:
        _draw_toast(canvas, size, toast)
    return canvas.image


def window_image(window: Window, size: Size, profile: PhoneProfile) -> Image.Image:
    """One laid-out page alone, without bars."""
    canvas = Canvas(size, "#FFFFFF", profile)
    canvas.theme = window.theme
    _draw_backdrop(canvas, window, size)
    draw_view(canvas, window.root)
    return canvas.image


def _draw_backdrop(canvas: Canvas, window: Window, size: Size) -> tuple[str, str]:
    """Fill the screen behind a page; the colours behind the status bar and the gesture pill."""
    if window.wallpaper or window.kind == "recents":
        image = pictures.wallpaper(0, size.width_px, size.height_px)
        canvas.picture(image, 0, 0)
        if window.kind == "recents":
            canvas.darken(_RECENTS_VEIL)
        return "#1B3A5C", "#14213D"
    canvas.fill(canvas.full, window.background)
    bar = window.bar_color or window.background
    if window.bar_color:
        canvas.fill(Bounds(0, 0, size.width_px, canvas.px(STATUS_BAR_DP)), window.bar_color)
    return bar, window.background


def _draw_status_bar(
    canvas: Canvas, size: Size, status: DeviceStatus, clock: datetime, ink: str, online: bool
) -> None:
    height = canvas.px(STATUS_BAR_DP)
    bar = Bounds(canvas.px(20), canvas.px(4), size.width_px - canvas.px(18), height)
    draw_text(canvas, _time(clock), bar, size_sp=14, color=ink, bold=True, align="start")
    percent = f"{status.battery_percent}%"
    draw_text(canvas, percent, bar, size_sp=13, color=ink, bold=True, align="end")
    icons = ["signal-cellular-3", _battery_glyph(status.battery_percent)]
    if status.airplane:
        icons[0] = "airplane"
    icons.insert(0, "wifi" if online and status.wifi and not status.airplane else "wifi-off")
    if status.do_not_disturb:
        icons.insert(0, "minus-circle-outline")
    side = canvas.px(18)
    x = bar.right - int(fonts.text_width_px(percent, canvas.text_px(13), bold=True)) - canvas.px(2)
    for glyph in reversed(icons):
        x -= side + canvas.px(1)
        canvas.ink(fonts.glyph_mask(glyph, side), x, (bar.top + bar.bottom - side) // 2, ink)


def _time(clock: datetime) -> str:
    return f"{clock:%H:%M}"


def _battery_glyph(percent: int) -> str:
    tens = min(9, max(1, percent // 10)) * 10
    return "battery" if percent >= 95 else f"battery-{tens}"


def _draw_dot(canvas: Canvas, clock: datetime, ink: str) -> None:
    x = (
        canvas.px(20)
        + int(fonts.text_width_px(_time(clock), canvas.text_px(14), bold=True))
        + canvas.px(8)
    )
    middle = (canvas.px(4) + canvas.px(STATUS_BAR_DP)) // 2
    canvas.rounded(
        Bounds(x, middle - canvas.px(3), x + canvas.px(6), middle + canvas.px(3)), canvas.px(3), ink
    )


def _draw_pill(canvas: Canvas, size: Size, ink: str) -> None:
    middle, bottom = size.width_px // 2, size.height_px - canvas.px(NAVIGATION_BAR_DP) // 2
    canvas.rounded(
        Bounds(
            middle - canvas.px(54),
            bottom - canvas.px(2),
            middle + canvas.px(54),
            bottom + canvas.px(2),
        ),
        5,
        ink,
    )


def toast_bounds(size: Size, text: str, profile: PhoneProfile) -> Bounds:
    """Where a toast stands."""
    px, text_px = profile.px, profile.text_px(14)
    lines = _toast_lines(size, text, profile)
    width = max(int(fonts.text_width_px(line, text_px)) for line in lines) + px(48)
    height = len(lines) * fonts.line_height_px(text_px) + px(28)
    bottom = size.height_px - px(NAVIGATION_BAR_DP + 48)
    left = (size.width_px - width) // 2
    return Bounds(left, bottom - height, left + width, bottom)


def _toast_lines(size: Size, text: str, profile: PhoneProfile) -> Sequence[str]:
    room = min(size.width_px, profile.px(_WIDEST_TOAST_DP)) - profile.px(112)
    return fonts.wrapped(text, profile.text_px(14), room, max_lines=3)


def _draw_toast(canvas: Canvas, size: Size, text: str) -> None:
    box = toast_bounds(size, text, canvas.profile)
    canvas.rounded(box, canvas.px(24), "#303134")
    step = fonts.line_height_px(canvas.text_px(14))
    for number, line in enumerate(_toast_lines(size, text, canvas.profile)):
        top = box.top + canvas.px(14) + number * step
        row = Bounds(box.left, top, box.right, top + step)
        draw_text(canvas, line, row, size_sp=14, color="#F1F3F4")
