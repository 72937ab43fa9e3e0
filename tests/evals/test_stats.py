import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import UsageError
from tapgraph.evals.stats import Tally, macro_share, share, wilson


def test_the_micro_share_weighs_items_by_their_counts() -> None:
    estimate = share([Tally(3, 3), Tally(0, 1)], seed=0)
    assert (estimate.value, estimate.n, estimate.items) == (0.75, 4, 2)


def test_the_macro_share_weighs_groups_alike_and_leaves_out_empty_ones() -> None:
    groups = [[Tally(3, 3), Tally(3, 3)], [Tally(0, 1)], [Tally(0, 0)], []]
    assert macro_share(groups, seed=0).value == 0.5


def test_nothing_counted_has_no_value() -> None:
    estimate = share([Tally(0, 0)], seed=0)
    assert (estimate.value, estimate.n, estimate.percent) == (None, 0, "-")


def test_the_same_seed_gives_the_same_interval() -> None:
    tallies = [Tally(i % 7, 6 + i % 3) for i in range(50)]
    assert share(tallies, seed=7) == share(tallies, seed=7)
    assert share(tallies, seed=7) != share(tallies, seed=8)


def test_the_interval_of_a_fair_coin_has_the_textbooks_width() -> None:
    tallies = [Tally(i % 2, 1) for i in range(400)]
    estimate = share(tallies, seed=1, resamples=4000)
    assert estimate.low is not None
    assert estimate.high is not None
    # 1.96 standard errors of 0.5 with n = 400 to either side; a bootstrap of 4,000 is within 0.005.
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 400), abs=0.01)


def test_steps_of_one_item_do_not_narrow_the_interval() -> None:
    independent = share([Tally(i % 2, 1) for i in range(100)], seed=0)
    clustered = share([Tally(10 * (i % 2), 10) for i in range(10)], seed=0)
    assert independent.low is not None
    assert clustered.low is not None
    assert clustered.low < independent.low


@given(st.lists(st.integers(0, 5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))))
def test_the_share_lies_inside_its_interval_and_between_0_and_1(
    pairs: list[tuple[int, int]],
) -> None:
    estimate = share([Tally(*pair) for pair in pairs], seed=0, resamples=60)
    if estimate.value is not None and estimate.low is not None and estimate.high is not None:
        assert 0 <= estimate.low <= estimate.high <= 1


def test_no_resamples_are_refused() -> None:
    with pytest.raises(UsageError, match="resamples must be at least 1"):
        share([Tally(1, 1)], seed=0, resamples=0)


@pytest.mark.parametrize(("right", "n"), [(3, 10), (98, 100), (1, 7)])
def test_a_wilson_interval_ends_where_the_normal_test_would_just_not_refuse(
    right: int, n: int
) -> None:
    estimate = wilson(right, n)
    for end in (estimate.low, estimate.high):
        assert end is not None
        # z of the observed share, were the end the true one.
        z = abs(right / n - end) / math.sqrt(end * (1 - end) / n)
        assert z == pytest.approx(1.95996, abs=1e-4)


def test_a_wilson_interval_has_a_width_where_all_trials_agree() -> None:
    assert wilson(10, 10).low == pytest.approx(1 / (1 + 1.95996**2 / 10), abs=1e-5)
    assert wilson(0, 10).low == 0
    assert wilson(0, 0).value is None
    with pytest.raises(UsageError, match=r"successes must be in 0\.\.3, got 4"):
        wilson(4, 3)
