"""Two systems on the same prompts, compared prompt by prompt."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.errors import UsageError

__all__ = ["Paired", "compare_paired", "sign_test"]

_RESAMPLES = 2000
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Paired:
    """How much better one system is than another.

    Attributes:
        difference: mean of its scores minus the other's, -1..1.
        low: lower end of the 95 % bootstrap interval over prompts.
        high: upper end.
        better: prompts with a higher score.
        worse: prompts with a lower score.
        p_value: of McNemar's exact test, how likely so uneven a split of the prompts that differ
            is if both are equally good.
        n: prompts.
    """

    difference: float
    low: float
    high: float
    better: int
    worse: int
    p_value: float
    n: int


def compare_paired(scores: Sequence[float], others: Sequence[float], *, seed: int) -> Paired:
    """The first scores against the second ones; equal places are equal prompts.

    Raises:
        UsageError: there are no scores, or not equally many.
    """
    if not scores or len(scores) != len(others):
        raise UsageError(f"paired scores are equally many, got {len(scores)} and {len(others)}")
    gains = [one - other for one, other in zip(scores, others, strict=True)]
    dice = random.Random(seed)
    n = len(gains)
    drawn = sorted(sum(dice.choices(gains, k=n)) / n for _ in range(_RESAMPLES))
    better, worse = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return Paired(
        difference=sum(gains) / n,
        low=drawn[int(_TAIL * (_RESAMPLES - 1))],
        high=drawn[round((1 - _TAIL) * (_RESAMPLES - 1))],
        better=better,
        worse=worse,
        p_value=sign_test(better, worse),
        n=n,
    )


def sign_test(better: int, worse: int) -> float:
    """Two-sided exact binomial test that both outcomes are equally likely.

    >>> sign_test(0, 0), sign_test(5, 0)
    (1.0, 0.0625)
    """
    n, fewer = better + worse, min(better, worse)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / float(2**n))
