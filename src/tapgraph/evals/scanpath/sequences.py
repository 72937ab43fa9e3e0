"""Two paths as strings of things or of cells of a grid, aligned with each other."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

__all__ = ["scan_match", "sequence_score", "string_edit_distance"]

_Item = TypeVar("_Item")


def sequence_score(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """SS: the best alignment (Needleman and Wunsch, 1970) with 1 for a match and 0 for all else.

    It is divided by the longer length, so it is the longest common subsequence as a share. Two
    empty paths are alike.

    >>> sequence_score("home search cart".split(), "home cart".split())
    0.6666666666666666
    """
    return _share_of_longest(
        _aligned(one, other, lambda a, b: float(a == b)), max(len(one), len(other))
    )


def string_edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """SED: how many stops must be put in, left out or replaced; fewer is better.

    >>> string_edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(other) + 1))
    for done, here in enumerate(one, 1):
        before, row = row, [done]
        for place, there in enumerate(other, 1):
            replaced = before[place - 1] + (here != there)
            row.append(min(replaced, before[place] + 1, row[-1] + 1))
    return row[-1]


def scan_match(
    one: Sequence[int], other: Sequence[int], *, columns: int, threshold: float = 3.5
) -> float:
    """ScanMatch (Cristino and others, 2010): as the sequence score, but near cells match in part.

    Cells are numbered row by row. Two that are `distance` apart, in cells, give
    `threshold - distance`, which is below 0 for far ones; a gap gives 0. The best sum is divided by
    that of a path with itself, of the longer length.

    Raises:
        ValueError: `columns` is below 1, or `threshold` not above 0.

    >>> scan_match([0, 7], [0, 7], columns=5)
    1.0
    """
    if columns < 1 or threshold <= 0:
        raise ValueError(f"columns and threshold must be above 0, got {columns} and {threshold}")

    def worth(a: int, b: int) -> float:
        return threshold - math.dist(divmod(a, columns), divmod(b, columns))

    return _share_of_longest(_aligned(one, other, worth) / threshold, max(len(one), len(other)))


def _share_of_longest(total: float, longest: int) -> float:
    return total / longest if longest else 1.0


def _aligned(
    one: Sequence[_Item], other: Sequence[_Item], worth: Callable[[_Item, _Item], float]
) -> float:
    """The most that an alignment is worth in which gaps are worth nothing."""
    row = [0.0] * (len(other) + 1)
    for here in one:
        before, row = row, [0.0]
        for place, there in enumerate(other, 1):
            row.append(max(before[place - 1] + worth(here, there), before[place], row[-1]))
    return row[-1]
