"""Points, sizes and rectangles in pixels of the screenshot; y grows downwards."""

from dataclasses import dataclass

__all__ = ["Bounds", "Point", "Size"]


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

    def union(self, other: "Bounds") -> "Bounds":
        """The smallest rectangle around both."""
        return Bounds(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )
