"""Between points as a model writes them and pixels of the screenshot: the only place for it."""

import math
from typing import Literal

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.geometry import Point, Size

__all__ = ["CoordinateSpace", "from_place", "to_pixels"]

CoordinateSpace = Literal["pixels", "0-1", "0-999", "0-1000"]


def to_pixels(
    x: float,
    y: float,
    space: CoordinateSpace,
    screen: Size,
    *,
    picture: Size | None = None,
) -> Point:
    """The pixel of the screenshot that a model means; the last value is the last pixel.

    Args:
        x: from left to right, in the model's space.
        y: from top to bottom.
        space: how the model writes points.
        screen: the size of the screenshot.
        picture: the size in which the model saw it, where that differs; it counts for `pixels`.

    Raises:
        ToolError: the point is not on the screen, or is written in shares of it where the space
            counts otherwise; the text, for the model, gives the range.

    >>> to_pixels(500, 250, "0-1000", Size(1080, 2400))
    Point(x=540, y=600)
    >>> to_pixels(575, 0, "pixels", Size(1080, 2400), picture=Size(576, 1280))
    Point(x=1079, y=0)
    """
    seen = picture or screen
    last_x, last_y = {
        "pixels": (seen.width_px - 1, seen.height_px - 1),
        "0-1": (1, 1),
        "0-999": (999, 999),
        "0-1000": (1000, 1000),
    }[space]
    if space != "0-1" and _are_shares(x, y):
        raise ToolError(
            f"({x}, {y}) looks like shares of the screen; here x is from 0 to {last_x} and y from "
            f"0 to {last_y}"
        )
    for name, value, last in (("x", x, last_x), ("y", y, last_y)):
        if not (math.isfinite(value) and 0 <= value <= last):
            raise ToolError(f"{name} must be from 0 to {last}, got {value}")
    return Point(_scaled(x, last_x, screen.width_px - 1), _scaled(y, last_y, screen.height_px - 1))


def from_place(place: tuple[float, float], space: CoordinateSpace, picture: Size) -> str:
    """A place, in shares of width and height, as a model of that space writes the point.

    `picture` is the size in which the model sees the screen; it counts for `pixels`.

    >>> from_place((0.5, 0.25), "0-1000", Size(576, 1280))
    '(500, 250)'
    >>> from_place((0.5, 0.25), "0-1", Size(576, 1280))
    '(0.5, 0.25)'
    """
    across, down = place
    if space == "0-1":
        return f"({round(across, 3):g}, {round(down, 3):g})"
    last = {"0-999": (999, 999), "0-1000": (1000, 1000)}
    width, height = last.get(space, (picture.width_px, picture.height_px))
    return f"({round(across * width)}, {round(down * height)})"


def _are_shares(x: float, y: float) -> bool:
    """Whether both lie from 0 to 1 and one is no whole number, as no point near a corner is."""
    return 0 <= x <= 1 and 0 <= y <= 1 and not (float(x).is_integer() and float(y).is_integer())


def _scaled(value: float, last_value: int, last_px: int) -> int:
    return round(value * last_px / last_value) if last_value else 0
