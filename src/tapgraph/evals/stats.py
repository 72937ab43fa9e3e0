"""Shares and means with intervals."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tapgraph.errors import UsageError

__all__ = ["NOTHING", "RESAMPLES", "Estimate", "Tally", "macro_share", "share", "total", "wilson"]

RESAMPLES = 1000
_TAIL = 0.025
_NORMAL_97_5 = 1.959963984540054


class Tally(NamedTuple):
    """So many points of so many that one item could give."""

    points: float
    n: int

    def __add__(self, other: object) -> "Tally":
        if not isinstance(other, Tally):
            return NotImplemented
        return Tally(self.points + other.points, self.n + other.n)


NOTHING = Tally(0, 0)
"""The tally of what cannot be counted."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share between 0 and 1 with its 95 % interval.

    The interval is a percentile bootstrap over items, because the steps of one item are not
    independent. Where all items agree (all right, all wrong, one item) it has no width; `items`
    says then how little that means. (Only `wilson` gives another interval.)

    Attributes:
        value: the share; None when nothing was counted.
        low: lower end of the interval; None like `value`.
        high: upper end of the interval; None like `value`.
        n: what was counted (steps, parameters, queries).
        items: items that gave at least one of them.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    items: int

    @property
    def percent(self) -> str:
        """The share in percent with two decimals and its interval, or a dash.

        >>> Estimate(0.925, 0.908, 0.94, 1000, 1000).percent
        '92.50 [90.80, 94.00]'
        """
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.value:.2f} [{100 * self.low:.2f}, {100 * self.high:.2f}]"


def total(tallies: Iterable[Tally]) -> Tally:
    """All tallies together."""
    return sum(tallies, NOTHING)


def share(tallies: Sequence[Tally], *, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """Points of all items together over counts of all items together (micro average).

    >>> estimate = share([Tally(1, 1), Tally(1, 3)], seed=0)
    >>> estimate.value, estimate.n, estimate.items
    (0.5, 4, 2)
    """
    return macro_share([tallies], seed=seed, resamples=resamples)


def macro_share(
    groups: Sequence[Sequence[Tally]], *, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """The mean of the groups' shares; the bootstrap draws inside each group.

    Items that count nothing and groups without any other items are left out.
    """
    if resamples < 1:
        raise UsageError(f"resamples must be at least 1, got {resamples}")
    filled = [counted for group in groups if (counted := [one for one in group if one.n])]
    n = sum(one.n for group in filled for one in group)
    if not filled:
        return Estimate(None, None, None, 0, 0)
    items = sum(len(group) for group in filled)
    columns = [
        _Columns([one.points for one in group], [one.n for one in group]) for group in filled
    ]
    value = _mean(column.share(range(len(column.n))) for column in columns)
    if all(column.is_uniform for column in columns):
        return Estimate(value, value, value, n, items)
    dice = random.Random(seed)
    drawn = sorted(
        _mean(
            column.share(dice.choices(range(len(column.n)), k=len(column.n))) for column in columns
        )
        for _ in range(resamples)
    )
    return Estimate(
        value=value,
        low=drawn[int(_TAIL * (resamples - 1))],
        high=drawn[round((1 - _TAIL) * (resamples - 1))],
        n=n,
        items=items,
    )


def wilson(successes: float, n: int) -> Estimate:
    """A share of independent trials with its 95 % Wilson score interval; trials may be half won.

    Unlike the bootstrap it has a width even where all trials agree.

    >>> wilson(20, 20).percent
    '100.00 [83.89, 100.00]'

    Raises:
        UsageError: there are more successes than trials, or a count is negative.
    """
    if not 0 <= successes <= n:
        raise UsageError(f"successes must be in 0..{n}, got {successes!r}")
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    rate, z2 = successes / n, _NORMAL_97_5**2
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Estimate(rate, low, high, n, n)


@dataclass(frozen=True, slots=True)
class _Columns:
    points: list[float]
    n: list[int]

    @property
    def is_uniform(self) -> bool:
        """Whether all items have the same share, so that every resample has it too."""
        first, *others = zip(self.points, self.n, strict=True)
        return all(points * first[1] == first[0] * n for points, n in others)

    def share(self, picked: Iterable[int]) -> float:
        listed = list(picked)
        return sum(map(self.points.__getitem__, listed)) / sum(map(self.n.__getitem__, listed))


def _mean(shares: Iterable[float]) -> float:
    listed = list(shares)
    return sum(listed) / len(listed)
