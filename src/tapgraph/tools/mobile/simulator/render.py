"""Draws laid-out views as a modern Android would."""

from typing import Final

from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.simulator import fonts, pictures
from tapgraph.tools.mobile.simulator.canvas import Canvas, is_dark, mixed
from tapgraph.tools.mobile.simulator.layout import edges_px, field_insets_px
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.views import (
    Alignment,
    AppIcon,
    Button,
    Card,
    CheckBox,
    Chip,
    Divider,
    Field,
    Icon,
    IconButton,
    Label,
    MapView,
    Picture,
    ProgressBar,
    RadioButton,
    RatingBar,
    Snapshot,
    Switch,
    Toggle,
    View,
)

__all__ = ["draw_text", "draw_view"]

_OUTLINE: Final = "#74777F"
_DISABLED: Final = "#B0B3B8"
_LONGEST_LINE: Final = 400


def draw_view(canvas: Canvas, view: View) -> None:
    """Draw a view and all below it."""
    if not view.visible.is_empty:
        canvas.clip = view.visible
        _draw_background(canvas, view)
        _draw_content(canvas, view)
    for child in view.children:
        draw_view(canvas, child)


def _draw_background(canvas: Canvas, view: View) -> None:
    if isinstance(view, Field) and view.style != "plain":
        return
    ground = view.background or (canvas.theme.sheet if isinstance(view, Card) else "")
    radius = canvas.px(view.corner_dp)
    if view.border:
        canvas.rounded(view.bounds, radius, view.border)
        line = 2
        inner = Bounds(
            view.bounds.left + line,
            view.bounds.top + line,
            view.bounds.right - line,
            view.bounds.bottom - line,
        )
        canvas.rounded(inner, max(0, radius - line), ground or canvas.theme.paper)
    elif ground:
        canvas.rounded(view.bounds, radius, ground)


def _draw_content(canvas: Canvas, view: View) -> None:
    match view:
        case Label():
            _draw_label(canvas, view)
        case Button():
            _draw_button(canvas, view)
        case IconButton():
            _draw_glyph(canvas, view, view.glyph, view.glyph_dp, view.color)
        case Icon():
            _draw_glyph(canvas, view, view.glyph, view.size_dp, view.color)
        case Field():
            _draw_field(canvas, view)
        case Chip():
            _draw_chip(canvas, view)
        case Toggle():
            _draw_toggle(canvas, view)
        case Divider():
            canvas.fill(view.bounds, view.color or canvas.theme.line)
        case _:
            _draw_illustration(canvas, view)


def _draw_illustration(canvas: Canvas, view: View) -> None:
    bounds = view.bounds
    match view:
        case Picture():
            _draw_picture(canvas, view)
        case MapView():
            image = pictures.street_map(
                view.subject,
                view.markers,
                view.route,
                bounds.width,
                bounds.height,
                label_px=canvas.text_px(13),
            )
            canvas.picture(image, bounds.left, bounds.top, canvas.px(view.corner_dp))
        case Snapshot():
            image = view.draw(bounds.width, bounds.height)
            canvas.picture(image, bounds.left, bounds.top, canvas.px(view.corner_dp))
        case AppIcon():
            _draw_app_icon(canvas, view)
        case ProgressBar():
            size = min(bounds.width, bounds.height)
            _glyph_at(
                canvas, "loading", size, bounds.left, bounds.top, view.color or canvas.theme.accent
            )
        case RatingBar():
            _draw_rating(canvas, view)
        case _:
            pass


def draw_text(
    canvas: Canvas,
    text: str,
    box: Bounds,
    *,
    size_sp: float,
    color: str,
    bold: bool = False,
    align: Alignment = "center",
) -> None:
    """One line of text in the vertical middle of a box."""
    size = canvas.text_px(size_sp)
    width = int(fonts.text_width_px(text, size, bold=bold))
    left = box.left
    if align != "start":
        room = box.width - width
        left += room // 2 if align == "center" else room
    baseline = (box.top + box.bottom) // 2 + round(size * 0.36)
    canvas.ink(fonts.text_mask(text, size, bold=bold), left, baseline, color)


def _inside(view: View, profile: PhoneProfile) -> Bounds:
    padding = edges_px(view.padding, profile)
    bounds = view.bounds
    return Bounds(
        bounds.left + padding.left,
        bounds.top + padding.top,
        bounds.right - padding.right,
        bounds.bottom - padding.bottom,
    )


def _draw_label(canvas: Canvas, view: Label) -> None:
    if not view.text:
        return
    box = _inside(view, canvas.profile)
    size = canvas.text_px(view.size_sp)
    lines = fonts.wrapped(view.text, size, box.width, bold=view.bold, max_lines=view.max_lines)
    step = fonts.line_height_px(size)
    own = canvas.theme.accent if view.link else view.foreground or view.color or canvas.theme.ink
    color = own if view.enabled else _DISABLED
    for number, line in enumerate(lines):
        row = Bounds(box.left, box.top + number * step, box.right, box.top + (number + 1) * step)
        draw_text(
            canvas, line, row, size_sp=view.size_sp, color=color, bold=view.bold, align=view.align
        )
        if view.strike or view.link:
            width = int(fonts.text_width_px(line, size, bold=view.bold))
            y = (row.top + row.bottom) // 2 + (0 if view.strike else round(size * 0.5))
            canvas.fill(Bounds(row.left, y, row.left + width, y + 3), color)


def _draw_glyph(canvas: Canvas, view: View, glyph: str, size_dp: int, color: str) -> None:
    size = canvas.px(size_dp)
    x = (view.bounds.left + view.bounds.right - size) // 2
    y = (view.bounds.top + view.bounds.bottom - size) // 2
    _glyph_at(
        canvas, glyph, size, x, y, (color or canvas.theme.muted) if view.enabled else _DISABLED
    )


def _glyph_at(canvas: Canvas, glyph: str, size_px: int, x: int, y: int, color: str) -> None:
    canvas.ink(fonts.glyph_mask(glyph, size_px), x, y, color)


def _draw_button(canvas: Canvas, view: Button) -> None:
    bounds, radius = view.bounds, view.bounds.height // 2
    if view.corner_dp:
        radius = canvas.px(view.corner_dp)
    accent = (view.color or canvas.theme.accent) if view.enabled else _DISABLED
    ink = accent
    if view.style == "filled":
        canvas.rounded(bounds, radius, accent)
        ink = "#FFFFFF" if is_dark(accent) else "#1F1F1F"
    elif view.style == "tonal":
        paper = canvas.theme.paper
        canvas.rounded(bounds, radius, mixed(accent, paper, 0.82 if not is_dark(paper) else 0.7))
        ink = mixed(accent, canvas.theme.ink, 0.35)
    elif view.style == "outlined":
        _ring(canvas, bounds, radius, _OUTLINE, view.background or canvas.theme.paper)
    _draw_icon_and_text(
        canvas, view, view.glyph, view.foreground or ink, view.size_sp, gap_px=canvas.px(8)
    )


def _ring(canvas: Canvas, box: Bounds, radius_px: int, color: str, inside: str) -> None:
    canvas.rounded(box, radius_px, color)
    inner = Bounds(box.left + 3, box.top + 3, box.right - 3, box.bottom - 3)
    canvas.rounded(inner, max(0, radius_px - 3), inside)


def _draw_icon_and_text(
    canvas: Canvas, view: View, glyph: str, color: str, size_sp: int, *, gap_px: int
) -> None:
    bounds = view.bounds
    icon = canvas.px(18) + (gap_px if view.text else 0) if glyph else 0
    room = max(canvas.px(8), bounds.width - canvas.px(8) - icon)
    text = fonts.wrapped(view.text, canvas.text_px(size_sp), room, bold=True, max_lines=1)[0]
    width = int(fonts.text_width_px(text, canvas.text_px(size_sp), bold=True))
    left = bounds.left + (bounds.width - width - icon) // 2
    if glyph:
        _glyph_at(
            canvas,
            glyph,
            canvas.px(18),
            left,
            (bounds.top + bounds.bottom - canvas.px(18)) // 2,
            color,
        )
    box = Bounds(left + icon, bounds.top, bounds.right, bounds.bottom)
    draw_text(canvas, text, box, size_sp=size_sp, color=color, bold=True, align="start")


def _draw_chip(canvas: Canvas, view: Chip) -> None:
    radius, theme = canvas.px(8), canvas.theme
    if view.checked or view.selected:
        accent = view.color or theme.accent
        canvas.rounded(view.bounds, radius, mixed(accent, theme.paper, 0.8))
    else:
        _ring(canvas, view.bounds, radius, theme.line, view.background or theme.paper)
    color = view.foreground or (theme.ink if view.enabled else _DISABLED)
    _draw_icon_and_text(canvas, view, view.glyph, color, view.size_sp, gap_px=canvas.px(6))


def _draw_toggle(canvas: Canvas, view: Toggle) -> None:
    bounds = view.bounds
    middle = (bounds.top + bounds.bottom) // 2
    theme = canvas.theme
    accent = (view.color or theme.accent) if view.enabled else _DISABLED
    ink = (view.foreground or theme.ink) if view.enabled else _DISABLED
    if isinstance(view, Switch):
        track = Bounds(
            bounds.right - canvas.px(52),
            middle - canvas.px(16),
            bounds.right,
            middle + canvas.px(16),
        )
        knob = canvas.px(24 if view.checked else 16)
        if view.checked:
            canvas.rounded(track, canvas.px(16), accent)
            x = track.right - canvas.px(4) - knob
            color = "#FFFFFF" if is_dark(accent) else "#1F1F1F"
        else:
            _ring(canvas, track, canvas.px(16), _OUTLINE, theme.field)
            x, color = track.left + canvas.px(8), _OUTLINE
        canvas.rounded(Bounds(x, middle - knob // 2, x + knob, middle + knob // 2), knob, color)
        text = Bounds(bounds.left, bounds.top, track.left - canvas.px(8), bounds.bottom)
    else:
        glyph = _toggle_glyph(view)
        color = accent if view.checked else theme.muted
        _glyph_at(
            canvas, glyph, canvas.px(24), bounds.left + canvas.px(4), middle - canvas.px(12), color
        )
        text = Bounds(bounds.left + canvas.px(40), bounds.top, bounds.right, bounds.bottom)
    size = canvas.text_px(view.size_sp)
    line = fonts.wrapped(view.text, size, max(1, text.width), max_lines=1)[0]
    draw_text(canvas, line, text, size_sp=view.size_sp, color=ink, align="start")


def _toggle_glyph(view: Toggle) -> str:
    if isinstance(view, CheckBox):
        return "checkbox-marked" if view.checked else "checkbox-blank-outline"
    if isinstance(view, RadioButton):
        return "radiobox-marked" if view.checked else "radiobox-blank"
    return "toggle-switch" if view.checked else "toggle-switch-off-outline"


def _draw_field(canvas: Canvas, view: Field) -> None:
    bounds = view.bounds
    theme = canvas.theme
    accent = theme.accent if view.focused else _OUTLINE
    if view.style == "outlined":
        _ring(
            canvas, bounds, canvas.px(view.corner_dp or 6), accent, view.background or theme.paper
        )
    elif view.style == "filled":
        canvas.rounded(
            bounds, canvas.px(view.corner_dp) or bounds.height // 2, view.background or theme.field
        )
    insets = field_insets_px(view, canvas.profile)
    if view.glyph:
        _glyph_at(
            canvas,
            view.glyph,
            canvas.px(24),
            bounds.left + (canvas.px(14) if view.style != "plain" else 0),
            (bounds.top + bounds.bottom - canvas.px(24)) // 2,
            theme.muted,
        )
    box = Bounds(
        bounds.left + insets.left,
        bounds.top + insets.top,
        bounds.right - insets.right,
        bounds.bottom - insets.bottom,
    )
    canvas.clip = box.intersection(view.visible)
    _draw_field_text(canvas, view, box)


def _draw_field_text(canvas: Canvas, view: Field, box: Bounds) -> None:
    shown = "\N{BULLET}" * len(view.value) if view.password else view.value
    ink = view.foreground or canvas.theme.ink
    color = ink if view.value and view.enabled else "#757780"
    size = canvas.text_px(view.size_sp)
    step = fonts.line_height_px(size)
    if view.multiline:
        lines = list(fonts.wrapped(shown or view.hint, size, box.width))
        if shown.endswith("\n"):
            lines.append("")
        top = (
            box.top if len(lines) > 1 or view.min_lines > 1 else box.top + (box.height - step) // 2
        )
    else:
        # What cannot be seen is not drawn: a pasted page would make a line of millions of pixels.
        part = shown[-_LONGEST_LINE:] if view.focused else shown[:_LONGEST_LINE]
        lines = [part or view.hint]
        top = box.top + (box.height - step) // 2
    left = box.left
    if not view.multiline and view.focused and shown:
        left -= max(0, int(fonts.text_width_px(lines[0], size)) + 4 - box.width)
    for number, line in enumerate(lines):
        row = Bounds(left, top + number * step, box.right, top + (number + 1) * step)
        draw_text(canvas, line, row, size_sp=view.size_sp, color=color, align="start")
    if view.focused:
        last = lines[-1] if shown else ""
        x = left + int(fonts.text_width_px(last, size)) + 2
        y = top + (len(lines) - 1) * step if shown else top
        canvas.fill(Bounds(x, y + 4, x + 4, y + step - 4), canvas.theme.accent)


def _draw_picture(canvas: Canvas, view: Picture) -> None:
    bounds = view.bounds
    if bounds.is_empty:
        return
    image = pictures.illustration(view.subject, view.style, view.color, bounds.width, bounds.height)
    x = bounds.left + (bounds.width - image.width) // 2
    y = bounds.top + (bounds.height - image.height) // 2
    canvas.picture(image, x, y, canvas.px(view.corner_dp))


def _draw_rating(canvas: Canvas, view: RatingBar) -> None:
    size = canvas.px(view.size_dp)
    for number in range(5):
        left = view.value - number
        glyph = "star" if left >= 0.75 else "star-half-full" if left >= 0.25 else "star-outline"
        color = view.color if left >= 0.25 else canvas.theme.muted
        _glyph_at(canvas, glyph, size, view.bounds.left + number * size, view.bounds.top, color)


def _draw_app_icon(canvas: Canvas, view: AppIcon) -> None:
    bounds = view.bounds
    size = canvas.px(58)
    top = bounds.top + (canvas.px(6) if view.shows_label else (bounds.height - size) // 2)
    icon = pictures.app_icon(view.glyph, view.color, view.glyph_color, size)
    canvas.picture(icon, bounds.left + (bounds.width - size) // 2, top)
    if view.shows_label:
        line = fonts.wrapped(view.text, canvas.text_px(13), bounds.width, max_lines=1)[0]
        under = Bounds(
            bounds.left, top + size + canvas.px(6), bounds.right, top + size + canvas.px(24)
        )
        draw_text(canvas, line, under, size_sp=13, color=view.ink or canvas.theme.ink)
