"""Paired comparison, against sums by hand."""

import math

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.paired_systems import compare_paired, sign_test


def test_the_difference_is_the_mean_of_the_gains() -> None:
    found = compare_paired([1, 0, 1, 0.5], [0, 0, 1, 1], seed=0)
    assert found.difference == 0.125
    assert (found.better, found.worse, found.n) == (1, 1, 4)
    assert found.low <= found.difference <= found.high


def test_equal_scores_differ_by_nothing() -> None:
    found = compare_paired([1, 0] * 20, [1, 0] * 20, seed=0)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize(("better", "worse"), [(0, 3), (2, 7), (8, 8)])
def test_the_sign_test_sums_the_binomial_tails(better: int, worse: int) -> None:
    n = better + worse
    far = abs(better - n / 2)
    tail = sum(math.comb(n, k) for k in range(n + 1) if abs(k - n / 2) >= far)
    assert sign_test(better, worse) == pytest.approx(tail / 2**n)


def test_scores_that_do_not_pair_are_refused() -> None:
    with pytest.raises(UsageError, match="equally many, got 1 and 2"):
        compare_paired([1], [1, 0], seed=0)
