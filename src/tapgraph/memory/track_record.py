"""When an entry has done well or badly enough, from its counted uses."""

import math

__all__ = ["LEAST_BOUND", "LEAST_USES", "TRUSTED_BOUND", "freshness", "lower_bound"]

LEAST_USES = 4
"""Fewer uses retire nothing."""
LEAST_BOUND = 0.15
"""What is learnt is retired below this: 1 success in 4 uses is, 2 in 4 are not."""
TRUSTED_BOUND = 0.5
"""What is verified is trusted from here on: after 3 successes without a failure."""

_Z = 1.645
"""The bound is wrong in one of 20 cases."""
_HALF_LIFE_DAYS = 30.0


def lower_bound(successes: int, uses: int) -> float:
    """The one-sided 95 % lower bound of the share of successes (Wilson 1927), 0 without uses.

    >>> round(lower_bound(3, 3), 2), round(lower_bound(1, 4), 2), lower_bound(0, 9)
    (0.53, 0.06, 0.0)
    """
    if uses == 0:
        return 0.0
    share = successes / uses
    spread = _Z * math.sqrt(share * (1 - share) / uses + _Z**2 / (4 * uses**2))
    return max(0.0, (share + _Z**2 / (2 * uses) - spread) / (1 + _Z**2 / uses))


def freshness(unused_days: float) -> float:
    """What a record counts after so many days without use: 1 at first, half after 30, never 0.

    >>> freshness(0), freshness(30), round(freshness(3650), 2)
    (1.0, 0.55, 0.1)
    """
    return 0.1 + 0.9 * math.exp(-math.log(2) * max(0.0, unused_days) / _HALF_LIFE_DAYS)
