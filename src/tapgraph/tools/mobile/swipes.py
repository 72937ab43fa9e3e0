"""Swipes that are named by a direction."""

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.actions import Swipe
from tapgraph.tools.mobile.geometry import Bounds, Point
from tapgraph.tools.mobile.screen import Screen

__all__ = ["DIRECTIONS", "directed_swipe", "list_around"]

DIRECTIONS = ("up", "down", "left", "right")
"""The ways that a finger may move."""

_TRAVEL = 0.55
"""The share of an area that a directed swipe crosses."""
_EDGE = 0.15
"""The share of a screen's height that is left alone at each end."""


def directed_swipe(direction: str, screen: Screen, inside: Bounds | None = None) -> Swipe:
    """A swipe through the middle of an area, by default the screen without its ends.

    Raises:
        ToolError: there is no such direction.
    """
    if direction not in DIRECTIONS:
        known = ", ".join(DIRECTIONS)
        raise ToolError(f"Swipe: direction must be one of {known}, got {direction!r}")
    width, height = screen.size.width_px, screen.size.height_px
    area = inside or Bounds(0, round(height * _EDGE), width, round(height * (1 - _EDGE)))
    middle = area.center
    across, along = round(area.width * _TRAVEL / 2), round(area.height * _TRAVEL / 2)
    match direction:
        case "up":
            return Swipe(middle.x, middle.y + along, middle.x, middle.y - along)
        case "down":
            return Swipe(middle.x, middle.y - along, middle.x, middle.y + along)
        case "left":
            return Swipe(middle.x + across, middle.y, middle.x - across, middle.y)
        case _:
            return Swipe(middle.x - across, middle.y, middle.x + across, middle.y)


def list_around(point: Point, screen: Screen) -> Bounds | None:
    """The smallest scrollable element around a point; None where there is none."""
    around = [
        element.bounds
        for element in screen.elements
        if element.scrollable and element.bounds.contains(point)
    ]
    return min(around, key=lambda bounds: bounds.area, default=None)
