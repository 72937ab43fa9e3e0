"""Points, sizes and rectangles in pixels of the screenshot; y grows downwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Bounds", "Point", "Size", "free_point"]


@dataclass(frozen=True, slots=True)
class Point:
    """A pixel."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width_px: int
    height_px: int

    @property
    def is_landscape(self) -> bool:
        """Whether the picture is wider than high."""
        return self.width_px > self.height_px


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle; `right` and `bottom` are exclusive.

    >>> Bounds(0, 0, 10, 20).center
    Point(x=5, y=10)
    >>> Bounds(0, 0, 10, 10).intersection(Bounds(20, 0, 30, 10)).is_empty
    True
    """

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right, 0 when inverted."""
        return max(0, self.right - self.left)

    @property
    def height(self) -> int:
        """Pixels from top to bottom, 0 when inverted."""
        return max(0, self.bottom - self.top)

    @property
    def area(self) -> int:
        """Square pixels, 0 when inverted."""
        return self.width * self.height

    @property
    def is_empty(self) -> bool:
        """Whether no pixel lies inside."""
        return self.width == 0 or self.height == 0

    @property
    def center(self) -> Point:
        """The middle pixel."""
        return Point((self.left + self.right) // 2, (self.top + self.bottom) // 2)

    def contains(self, point: Point) -> bool:
        """Whether the pixel lies inside."""
        return self.left <= point.x < self.right and self.top <= point.y < self.bottom

    def intersection(self, other: "Bounds") -> "Bounds":
        """The common rectangle; empty when there is none."""
        return Bounds(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def overlap(self, other: "Bounds") -> int:
        """The square pixels that both have."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0

    def union(self, other: "Bounds") -> "Bounds":
        """The smallest rectangle around both."""
        return Bounds(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


def free_point(bounds: Bounds, taken: Sequence[Bounds], *, least_px: float) -> Point | None:
    """A pixel of a rectangle that lies in none of others; None where there is no room for one.

    It is the middle of the cell with the longest short side, and of several the first from the top,
    when the rectangle is cut along every edge of the others. A cell narrower than `least_px` is no
    room.

    >>> free_point(Bounds(0, 0, 100, 100), [Bounds(0, 30, 100, 100)], least_px=4)
    Point(x=50, y=15)
    >>> free_point(Bounds(0, 0, 100, 100), [Bounds(0, 0, 100, 98)], least_px=4) is None
    True
    """
    inside = [one for one in (bounds.intersection(other) for other in taken) if not one.is_empty]
    columns = sorted({
        bounds.left,
        bounds.right,
        *(x for one in inside for x in (one.left, one.right)),
    })
    rows = sorted({
        bounds.top,
        bounds.bottom,
        *(y for one in inside for y in (one.top, one.bottom)),
    })
    cells = [
        Bounds(left, top, right, bottom)
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]
    free = [
        cell
        for cell in cells
        if min(cell.width, cell.height) >= least_px
        and not any(one.contains(cell.center) for one in inside)
    ]
    return max(free, key=lambda cell: min(cell.width, cell.height)).center if free else None
