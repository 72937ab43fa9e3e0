"""What a path does by itself, and how near it comes to another in windows of stops."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise

from tapgraph.evals.scanpath.path import Fixation

__all__ = ["Behaviour", "behaviour", "behaviour_delta", "window_distance"]

_LEAST_SHARE = 0.05
"""A relative error against less than this says nothing; the absolute one is taken."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Five numbers of a path over things (OAT, arXiv 2407.13335).

    Attributes:
        finds: 1 where it ends at the target, else 0; of many paths the mean.
        stops: how many there are.
        first_visits: share of stops at things not seen before.
        refixations: share of stops at the thing of the stop before.
        revisits: share of stops at a thing seen before, but not just before.
    """

    finds: float
    stops: float
    first_visits: float
    refixations: float
    revisits: float


def behaviour(things: Sequence[str], target: str) -> Behaviour:
    """What a path over things does.

    Raises:
        ValueError: the path is empty.

    >>> behaviour(["a", "b", "b", "a"], target="a")
    Behaviour(finds=1.0, stops=4, first_visits=0.5, refixations=0.25, revisits=0.25)
    """
    if not things:
        raise ValueError("an empty path does nothing that could be measured")
    again = sum(here == before for before, here in pairwise(things))
    count, first = len(things), len(set(things))
    return Behaviour(
        finds=float(things[-1] == target),
        stops=count,
        first_visits=first / count,
        refixations=again / count,
        revisits=(count - first - again) / count,
    )


def behaviour_delta(one: Behaviour, reference: Behaviour) -> float:
    """The mean relative error of the five numbers; 0 is best, and there is no worst.

    Deviation: where the reference's number is below 0.05 the absolute error is taken.
    """
    errors: list[float] = [
        abs(ours - theirs) / (theirs if theirs >= _LEAST_SHARE else 1)
        for ours, theirs in zip(astuple(one), astuple(reference), strict=True)
    ]
    return sum(errors) / len(errors)


def window_distance(
    one: Sequence[Fixation], other: Sequence[Fixation], *, longest_side_px: float
) -> float:
    """STDE (time-delay embedding): how near every window of `one` comes to some window of `other`.

    For windows of k stops, from 1 to the shorter path's length: the mean over the windows of `one`
    of the distance to the nearest window of `other`, divided by k, in longest sides; then the mean
    over k of `exp(-distance)`. It is not symmetric; unrelated paths get about 0.75.

    Raises:
        ValueError: a path is empty.
    """
    shorter = min(len(one), len(other))
    if not shorter:
        raise ValueError("an empty path is near to nothing")
    near = [
        math.exp(-_mean_distance(_windows(one, k), _windows(other, k)) / (k * longest_side_px))
        for k in range(1, shorter + 1)
    ]
    return sum(near) / len(near)


def _windows(path: Sequence[Fixation], k: int) -> list[tuple[float, ...]]:
    return [
        tuple(value for stop in path[start : start + k] for value in (stop.x, stop.y))
        for start in range(len(path) - k + 1)
    ]


def _mean_distance(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    nearest = [min(math.dist(window, other) for other in theirs) for window in ours]
    return sum(nearest) / len(nearest)
