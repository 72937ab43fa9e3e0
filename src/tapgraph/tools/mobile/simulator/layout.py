"""Where every view of a tree stands: Android's two passes, measuring and placing, in pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.simulator import fonts
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.views import (
    Alignment,
    Box,
    Button,
    Chip,
    Divider,
    Field,
    Icon,
    Insets,
    Label,
    Length,
    Linear,
    RatingBar,
    Row,
    Scroll,
    ScrollRow,
    Switch,
    Toggle,
    View,
)

__all__ = ["Edges", "edges_px", "field_insets_px", "lay_out", "name_views"]

MINIMUM_FIELD_DP: Final = {"outlined": 56, "filled": 48, "plain": 40}


@dataclass(frozen=True, slots=True)
class Edges:
    """Pixels on each side."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def across(self) -> int:
        """Left and right together."""
        return self.left + self.right

    @property
    def down(self) -> int:
        """Top and bottom together."""
        return self.top + self.bottom


_NO_EDGES = Edges(0, 0, 0, 0)


@lru_cache(maxsize=1024)
def edges_px(insets: Insets, profile: PhoneProfile) -> Edges:
    """The four sides of a padding or margin.

    >>> edges_px((8, 16), PhoneProfile())
    Edges(left=21, top=42, right=21, bottom=42)
    """
    px = profile.px
    if insets == 0:
        return _NO_EDGES
    if isinstance(insets, int):
        side = px(insets)
        return Edges(side, side, side, side)
    if len(insets) == 2:
        across, down = px(insets[0]), px(insets[1])
        return Edges(across, down, across, down)
    return Edges(*(px(side) for side in insets))


def field_insets_px(view: Field, profile: PhoneProfile) -> Edges:
    """What lies between a field's edge and its text."""
    px = profile.px
    side = 0 if view.style == "plain" else px(16)
    left = side + (px(24 + 12) if view.glyph else 0)
    return Edges(left, px(8), side, px(8))


def name_views(view: View, scope: str) -> None:
    """Give each view its identity: the same in the next tree where the same view is meant."""
    view.identity = scope
    counts: dict[str, int] = {}
    for child in view.children:
        name = child.key or child.id or type(child).__name__
        counts[name] = counts.get(name, 0) + 1
        ordinal = counts[name]
        name_views(child, f"{scope}/{name}" if ordinal == 1 else f"{scope}/{name}.{ordinal}")


def lay_out(
    root: View,
    area: Bounds,
    scrolled_px: Mapping[str, int],
    profile: PhoneProfile,
    *,
    fill: bool = True,
) -> None:
    """Set `bounds` and `visible` of all views below `root`, which gets the whole `area`.

    Args:
        root: its views must have been named.
        area: where the tree stands.
        scrolled_px: by identity, how far lists are scrolled; clamped to what is possible.
        profile: of the phone.
        fill: false lets the root be as small as it wants; it then stands at the top left.
    """
    layout = _Layout(profile)
    if fill:
        layout.measure(root, area.width, area.height, _Exact(area.width, area.height))
    else:
        layout.measure(root, area.width, area.height)
    layout.place(root, area.left, area.top, area, scrolled_px)


@dataclass(frozen=True, slots=True)
class _Exact:
    """What a parent has decided already."""

    width: int | None = None
    height: int | None = None
    match_is_wrap: bool = False
    """The parent wraps its content: what wants to match it must not push it."""


_FREE = _Exact()


class _Layout:
    """The passes on one phone."""

    def __init__(self, profile: PhoneProfile) -> None:
        self._profile = profile
        self._px = profile.px

    def _edges(self, insets: Insets) -> Edges:
        return edges_px(insets, self._profile)

    def measure(
        self, view: View, limit_width: int | None, limit_height: int | None, exact: _Exact = _FREE
    ) -> tuple[int, int]:
        padding = self._edges(view.padding)
        width = self._decided(view.width, limit_width, exact.width, exact.match_is_wrap)
        height = self._decided(view.height, limit_height, exact.height, exact.match_is_wrap)
        if width is None or height is None or view.children:
            inner_width = _less(limit_width if width is None else width, padding.across)
            inner_height = _less(limit_height if height is None else height, padding.down)
            fixed = (width is not None, height is not None)
            content = self._content(view, inner_width, inner_height, fixed)
            if width is None:
                width = _at_most(content[0] + padding.across, limit_width)
            if height is None:
                height = _at_most(content[1] + padding.down, limit_height)
        view.measured = (width, height)
        return view.measured

    def _decided(
        self, length: Length, limit: int | None, exact: int | None, wrap: bool
    ) -> int | None:
        if exact is not None:
            return max(0, exact)
        if isinstance(length, int):
            return self._px(length)
        return limit if length == "match" and not wrap else None

    def _content(
        self, view: View, width: int | None, height: int | None, fixed: tuple[bool, bool]
    ) -> tuple[int, int]:
        match view:
            case Linear():
                return self._measure_linear(view, width, height, fixed)
            case Box():
                return self._measure_frame(view, width, height, fixed)
            case Field():
                return self._measure_field(view, width)
            case _:
                return self._measure_leaf(view, width)

    def _measure_leaf(self, view: View, width: int | None) -> tuple[int, int]:
        match view:
            case Label():
                size = self._profile.text_px(view.size_sp)
                lines = fonts.wrapped(
                    view.text, size, width, bold=view.bold, max_lines=view.max_lines
                )
                widest = max(fonts.text_width_px(line, size, bold=view.bold) for line in lines)
                return int(widest) + 1, len(lines) * fonts.line_height_px(size)
            case Button():
                side = self._px(12 if view.style == "text" else 24)
                icon = self._px(18 + 8) if view.glyph else 0
                width_px = self._text_px(view.text, view.size_sp, bold=True) + 2 * side + icon
                return width_px, self._around_text(view.size_sp, 40)
            case Chip():
                icon = self._px(18 + 6) if view.glyph else 0
                width_px = (
                    self._text_px(view.text, view.size_sp, bold=True) + 2 * self._px(14) + icon
                )
                return width_px, self._around_text(view.size_sp, 34)
            case Toggle():
                knob = self._px(60 if isinstance(view, Switch) else 40)
                return self._text_px(view.text, view.size_sp) + knob, self._px(48)
            case Icon():
                return self._px(view.size_dp), self._px(view.size_dp)
            case RatingBar():
                return 5 * self._px(view.size_dp), self._px(view.size_dp)
            case Divider():
                return 0, self._px(1)
            case _:
                return 0, 0

    def _around_text(self, size_sp: int, usual_dp: int) -> int:
        """How high a line of text makes a button."""
        line_px = fonts.line_height_px(self._profile.text_px(size_sp))
        return max(self._px(usual_dp), line_px + self._px(12))

    def _text_px(self, text: str, size_sp: int, *, bold: bool = False) -> int:
        size = self._profile.text_px(size_sp)
        return int(fonts.text_width_px(text, size, bold=bold)) + 1 if text else 0

    def _measure_field(self, view: Field, width: int | None) -> tuple[int, int]:
        insets = field_insets_px(view, self._profile)
        lines = max(1, view.min_lines)
        size = self._profile.text_px(view.size_sp)
        if view.multiline:
            shown = view.value or view.hint
            lines = max(lines, len(fonts.wrapped(shown, size, _less(width, insets.across))))
            lines += view.value.endswith("\n")
        text_height = lines * fonts.line_height_px(size) + insets.down
        return self._px(220), max(self._px(MINIMUM_FIELD_DP[view.style]), text_height)

    def _measure_linear(
        self, view: Linear, width: int | None, height: int | None, fixed: tuple[bool, bool]
    ) -> tuple[int, int]:
        vertical = not isinstance(view, Row | ScrollRow)
        along = 1 if vertical else 0
        across = 1 - along
        limits = [width, height]
        if isinstance(view, Scroll):
            limits[along] = None
        used = self._px(view.gap) * max(0, len(view.children) - 1)
        flexible: list[View] = []
        # A list that wraps its content gets what all others leave, so that none is pushed out.
        for child in sorted(view.children, key=lambda child: isinstance(child, Scroll)):
            margin = self._edges(child.margin)
            outer = (margin.across, margin.down)
            used += outer[along]
            if limits[along] is not None and _share(child, vertical) > 0:
                flexible.append(child)
                continue
            room = list(limits)
            room[along] = _less(room[along], used)
            room[across] = _less(room[across], outer[across])
            exact = _Exact(match_is_wrap=not fixed[across])
            used += self.measure(child, room[0], room[1], exact)[along]
        if flexible:
            used += self._share_out(
                flexible, limits, used, vertical=vertical, wrap=not fixed[across]
            )
        thickness = max((self._outer_px(child)[across] for child in view.children), default=0)
        if not fixed[across]:
            for child in view.children:
                if (child.width if vertical else child.height) == "match":
                    self._stretch(child, thickness, vertical=vertical)
        return (thickness, used) if vertical else (used, thickness)

    def _share_out(
        self,
        flexible: list[View],
        limits: list[int | None],
        used: int,
        *,
        vertical: bool,
        wrap: bool,
    ) -> int:
        """Divide what is left among the children with weight; returns the pixels given."""
        along = 1 if vertical else 0
        left = max(0, (limits[along] or 0) - used)
        total = sum(_share(child, vertical) for child in flexible)
        given = 0
        for number, child in enumerate(flexible):
            last = number == len(flexible) - 1
            part = left - given if last else int(left * _share(child, vertical) / total)
            given += part
            margin = self._edges(child.margin)
            if vertical:
                room = _less(limits[0], margin.across)
                self.measure(child, room, part, _Exact(height=part, match_is_wrap=wrap))
            else:
                room = _less(limits[1], margin.down)
                self.measure(child, part, room, _Exact(width=part, match_is_wrap=wrap))
        return given

    def _stretch(self, child: View, thickness: int, *, vertical: bool) -> None:
        margin = self._edges(child.margin)
        width, height = child.measured
        if vertical:
            size = thickness - margin.across
            self.measure(child, size, height, _Exact(width=size, height=height))
        else:
            size = thickness - margin.down
            self.measure(child, width, size, _Exact(width=width, height=size))

    def _outer_px(self, child: View) -> tuple[int, int]:
        margin = self._edges(child.margin)
        return child.measured[0] + margin.across, child.measured[1] + margin.down

    def _measure_frame(
        self, view: View, width: int | None, height: int | None, fixed: tuple[bool, bool]
    ) -> tuple[int, int]:
        for child in view.children:
            margin = self._edges(child.margin)
            exact = _Exact(match_is_wrap=not all(fixed))
            self.measure(child, _less(width, margin.across), _less(height, margin.down), exact)
        sizes = [self._outer_px(child) for child in view.children]
        size = (
            width
            if fixed[0] and width is not None
            else max((size[0] for size in sizes), default=0),
            height
            if fixed[1] and height is not None
            else max((size[1] for size in sizes), default=0),
        )
        if not all(fixed):
            for child in view.children:
                margin = self._edges(child.margin)
                wanted_width = size[0] - margin.across if child.width == "match" else None
                wanted_height = size[1] - margin.down if child.height == "match" else None
                if wanted_width is not None or wanted_height is not None:
                    exact = _Exact(wanted_width, wanted_height)
                    self.measure(child, size[0] - margin.across, size[1] - margin.down, exact)
        return size

    def place(
        self, view: View, x: int, y: int, clip: Bounds, scrolled_px: Mapping[str, int]
    ) -> None:
        view.bounds = Bounds(x, y, x + view.measured[0], y + view.measured[1])
        view.visible = view.bounds.intersection(clip)
        if not view.children:
            return
        padding = self._edges(view.padding)
        inner = Bounds(
            x + padding.left,
            y + padding.top,
            view.bounds.right - padding.right,
            view.bounds.bottom - padding.bottom,
        )
        if isinstance(view, Linear):
            child_clip = view.visible if isinstance(view, Scroll) else clip
            self._place_linear(view, inner, child_clip, scrolled_px)
            return
        for child in view.children:
            margin = self._edges(child.margin)
            width, height = self._outer_px(child)
            down, across = _place_of(child)
            left = inner.left + _offset(across, inner.width, width) + margin.left
            top = inner.top + _offset(down, inner.height, height) + margin.top
            self.place(child, left, top, clip, scrolled_px)

    def _place_linear(
        self, view: Linear, inner: Bounds, clip: Bounds, scrolled_px: Mapping[str, int]
    ) -> None:
        vertical = not isinstance(view, Row | ScrollRow)
        sizes = [self._outer_px(child) for child in view.children]
        along = 1 if vertical else 0
        content = sum(size[along] for size in sizes) + self._px(view.gap) * (len(sizes) - 1)
        room = inner.height if vertical else inner.width
        if isinstance(view, Scroll):
            view.scroll_range_px = max(0, content - room)
            view.scroll_px = min(scrolled_px.get(view.identity, 0), view.scroll_range_px)
            pen = -view.scroll_px
        else:
            pen = max(0, _offset(view.arrange, room, content))
        for child, size in zip(view.children, sizes, strict=True):
            margin = self._edges(child.margin)
            if vertical:
                left = inner.left + max(0, _offset(view.align, inner.width, size[0]))
                top = inner.top + pen
            else:
                left = inner.left + pen
                top = inner.top + _offset(view.align, inner.height, size[1])
            self.place(child, left + margin.left, top + margin.top, clip, scrolled_px)
            pen += size[along] + self._px(view.gap)


def _less(limit: int | None, taken: int) -> int | None:
    return None if limit is None else max(0, limit - taken)


def _at_most(wanted: int, limit: int | None) -> int:
    return wanted if limit is None else min(wanted, limit)


def _share(child: View, vertical: bool) -> float:
    if child.weight > 0:
        return child.weight
    return 1.0 if (child.height if vertical else child.width) == "match" else 0.0


def _place_of(child: View) -> tuple[Alignment, Alignment]:
    """How a child of a frame stands downwards and across."""
    if child.gravity == "center":
        return "center", "center"
    down, _, across = child.gravity.partition("_")
    downwards: Alignment = {"top": "start", "bottom": "end"}.get(down, "center")  # type: ignore[assignment]
    return downwards, across  # type: ignore[return-value]


def _offset(alignment: Alignment, room: int, size: int) -> int:
    if alignment == "start":
        return 0
    return (room - size) // 2 if alignment == "center" else room - size
