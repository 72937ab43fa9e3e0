"""A path: places in the order in which they were looked at or touched."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Fixation", "cells"]


@dataclass(frozen=True, slots=True)
class Fixation:
    """One stop of a path.

    Attributes:
        x: from the left, in pixels.
        y: from the top, in pixels.
        duration_s: how long it lasted; 0 where that is not known.
        thing: what is there, equal for two stops at one thing; empty where there is none.
    """

    x: float
    y: float
    duration_s: float = 0.0
    thing: str = ""


def cells(
    path: Sequence[Fixation], *, width_px: float, height_px: float, columns: int, rows: int
) -> tuple[int, ...]:
    """The path as cells of a grid, numbered row by row from 0; stops outside count to the edge.

    >>> cells([Fixation(5, 5), Fixation(99, 99)], width_px=100, height_px=100, columns=5, rows=5)
    (0, 24)
    """

    def place(value: float, size: float, count: int) -> int:
        return min(count - 1, max(0, int(value * count / size)))

    return tuple(
        place(one.y, height_px, rows) * columns + place(one.x, width_px, columns) for one in path
    )
