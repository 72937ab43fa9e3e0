"""MultiMatch (Jarodzka, Holmqvist and Nyström, 2010): how alike the shapes of two paths are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tapgraph.evals.scanpath.path import Fixation

__all__ = ["MultiMatch", "multi_match"]

_LEAST_STOPS = 3


@dataclass(frozen=True, slots=True)
class MultiMatch:
    """How alike two paths are in five ways, each from 0 to 1.

    Attributes:
        shape: of the steps from stop to stop as vectors.
        direction: of their angles.
        length: of their lengths.
        position: of where they begin.
        duration: of how long the stops are.
    """

    shape: float
    direction: float
    length: float
    position: float
    duration: float


@dataclass(frozen=True, slots=True)
class _Step:
    x: float
    y: float
    across: float
    down: float
    duration_s: float


def multi_match(
    one: Sequence[Fixation], other: Sequence[Fixation], *, width_px: float, height_px: float
) -> MultiMatch:
    """The five similarities: medians over the steps that belong together.

    Which do is the cheapest monotone way through the table of differences between their vectors.
    Differences are divided by twice the screen's diagonal (shape), by pi (direction), by the
    diagonal (length, position) and by the longer duration. Paths are not simplified first, as they
    are short here; unrelated paths get 0.7 to 0.8 in all but the last.

    Raises:
        ValueError: a path has fewer than three stops.
    """
    for path in (one, other):
        if len(path) < _LEAST_STOPS:
            raise ValueError(f"a path needs {_LEAST_STOPS} stops to be compared, got {len(path)}")
    ours, theirs = _steps(one), _steps(other)
    pairs = [(ours[row], theirs[column]) for row, column in _together(ours, theirs)]
    diagonal = math.hypot(width_px, height_px)
    return MultiMatch(
        shape=1 - median(_apart(a, b) for a, b in pairs) / (2 * diagonal),
        direction=1 - median(_turned(a, b) for a, b in pairs) / math.pi,
        length=1 - median(abs(_length(a) - _length(b)) for a, b in pairs) / diagonal,
        position=1 - median(math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairs) / diagonal,
        duration=1 - median(_lasting(a, b) for a, b in pairs),
    )


def _steps(path: Sequence[Fixation]) -> list[_Step]:
    return [
        _Step(here.x, here.y, there.x - here.x, there.y - here.y, here.duration_s)
        for here, there in pairwise(path)
    ]


def _together(ours: Sequence[_Step], theirs: Sequence[_Step]) -> list[tuple[int, int]]:
    """The cells of the cheapest way from the first pair of steps to the last."""
    cost: dict[tuple[int, int], float] = {}
    came_from: dict[tuple[int, int], tuple[int, int]] = {}
    for row, our in enumerate(ours):
        for column, their in enumerate(theirs):
            earlier = [
                cell
                for cell in ((row - 1, column - 1), (row - 1, column), (row, column - 1))
                if cell in cost
            ]
            best = min(earlier, key=lambda cell: cost[cell], default=None)
            cost[row, column] = _apart(our, their) + (0.0 if best is None else cost[best])
            if best is not None:
                came_from[row, column] = best
    way = [(len(ours) - 1, len(theirs) - 1)]
    while way[-1] in came_from:
        way.append(came_from[way[-1]])
    return way[::-1]


def _apart(a: _Step, b: _Step) -> float:
    return math.hypot(a.across - b.across, a.down - b.down)


def _turned(a: _Step, b: _Step) -> float:
    angle = abs(math.atan2(a.down, a.across) - math.atan2(b.down, b.across))
    return min(angle, 2 * math.pi - angle)


def _length(step: _Step) -> float:
    return math.hypot(step.across, step.down)


def _lasting(a: _Step, b: _Step) -> float:
    longer = max(a.duration_s, b.duration_s)
    return abs(a.duration_s - b.duration_s) / longer if longer else 0.0
