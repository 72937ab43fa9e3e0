"""Which view a finger reaches."""

from collections.abc import Callable, Iterator

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.views import (
    Direction,
    Scroll,
    ScrollColumn,
    ScrollRow,
    View,
)

__all__ = ["scroll_step_px", "swipe_direction", "touched", "touched_chain"]


def touched(root: View, point: Point, wants: Callable[[View], bool]) -> View | None:
    """The view that gets a touch: as on Android, the uppermost one that wants it, else its parent.

    What lies outside its parent's visible part cannot be touched.
    """
    for child in reversed(root.children):
        if child.visible.contains(point) or child.children:
            found = touched(child, point, wants)
            if found is not None:
                return found
    return root if root.visible.contains(point) and wants(root) else None


def touched_chain(root: View, point: Point) -> Iterator[View]:
    """All views under a point, the innermost uppermost first, each before its parents."""
    for child in reversed(root.children):
        yield from touched_chain(child, point)
    if root.visible.contains(point):
        yield root


def swipe_direction(start: Point, end: Point) -> Direction:
    """The main direction of a finger's way."""
    across, down = end.x - start.x, end.y - start.y
    if abs(across) > abs(down):
        return "right" if across > 0 else "left"
    return "down" if down > 0 else "up"


def scroll_step_px(view: View, start: Point, end: Point) -> int:
    """How far a swipe scrolls a view; 0 when it cannot move that way."""
    if not isinstance(view, Scroll):
        return 0
    direction = swipe_direction(start, end)
    if isinstance(view, ScrollColumn) and direction in {"up", "down"}:
        wanted = start.y - end.y
    elif isinstance(view, ScrollRow) and direction in {"left", "right"}:
        wanted = start.x - end.x
    else:
        return 0
    return max(0, min(view.scroll_range_px, view.scroll_px + wanted)) - view.scroll_px
