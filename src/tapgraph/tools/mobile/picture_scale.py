"""Between the pixels of a screenshot and the units in which a driver counts its window."""

import dataclasses
from dataclasses import dataclass
from typing import Self

from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.ui_tree import UiNode, UiTree

__all__ = ["PictureScale"]

_ROUNDING = 0.5
"""Sides are whole numbers, so that each may be off by half a unit."""


@dataclass(frozen=True, slots=True)
class PictureScale:
    """How a window and its picture relate.

    Attributes:
        x: picture pixels for each unit of the window, from left to right.
        y: the same from top to bottom.
    """

    window: Size
    picture: Size
    x: float
    y: float

    @classmethod
    def between(cls, window: Size, picture: Size) -> Self:
        """The scale for a window and a picture of it.

        Some drivers leave the status or navigation bar out of the window but not out of the
        picture, while they count places from the corner of the screen. So where the sides' ratios
        differ by more than rounding explains, the side without bars gives the scale of both; and a
        side that is as long in both is not scaled at all. A phone that was turned between the two
        answers is taken as the picture shows it.

        >>> PictureScale.between(Size(540, 1200), Size(1080, 2400)).x
        2.0
        >>> PictureScale.between(Size(1080, 2358), Size(1080, 2400)).y
        1.0
        >>> PictureScale.between(Size(540, 1200), Size(2400, 1080)).x
        2.0
        """
        if min(window.width_px, window.height_px) < 1:
            return cls(window, picture, 1.0, 1.0)
        if window.is_landscape != picture.is_landscape:
            window = Size(window.height_px, window.width_px)
        x = picture.width_px / window.width_px
        y = picture.height_px / window.height_px
        if 1.0 in {x, y}:
            x = y = 1.0
        elif not _is_rounding(window, picture):
            x = y = min(x, y)
        return cls(window, picture, x, y)

    def to_window(self, point: Point) -> Point:
        """A pixel of the picture, in units of the window."""
        return Point(int(point.x / self.x), int(point.y / self.y))

    def tree_to_picture(self, tree: UiTree) -> UiTree:
        """A hierarchy with its bounds in pixels of the picture; `xml` stays as the driver wrote it.

        A driver may write the bounds in pixels while it counts the window in other units, as web
        views and some emulators do. Bounds that already fill the picture are left alone.
        """
        if self.x == self.y == 1.0 or self._is_in_pixels(tree):
            return tree
        windows = tuple(self._scaled(window) for window in tree.windows)
        return dataclasses.replace(tree, windows=windows)

    def _is_in_pixels(self, tree: UiTree) -> bool:
        right = max((window.bounds.right for window in tree.windows), default=0)
        by_window = abs(right - self.window.width_px)
        return abs(right - self.picture.width_px) < by_window

    def _scaled(self, node: UiNode) -> UiNode:
        bounds = Bounds(
            round(node.bounds.left * self.x),
            round(node.bounds.top * self.y),
            round(node.bounds.right * self.x),
            round(node.bounds.bottom * self.y),
        )
        children = tuple(self._scaled(child) for child in node.children)
        return dataclasses.replace(node, bounds=bounds, children=children)


def _is_rounding(window: Size, picture: Size) -> bool:
    """Whether one scale explains both sides, given that all four were rounded."""
    sides = ((window.width_px, picture.width_px), (window.height_px, picture.height_px))
    least = max((seen - _ROUNDING) / (counted + _ROUNDING) for counted, seen in sides)
    most = min((seen + _ROUNDING) / (counted - _ROUNDING) for counted, seen in sides)
    return least <= most
