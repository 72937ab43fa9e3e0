import math

import pytest

from tapgraph.agents.run.budget import Budget, Spent, check
from tapgraph.errors import BudgetExhausted, UsageError


@pytest.mark.parametrize(
    "limits",
    [
        {"max_steps": 0},
        {"max_tokens": 0},
        {"max_tokens": -5},
        {"max_seconds": 0.0},
        {"max_cost_usd": -0.01},
        {"max_cost_usd": math.nan},
    ],
)
def test_limits_that_allow_nothing_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(limits))):
        Budget(**limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (Spent(steps=10), "10 of 10 steps are used"),
        (Spent(tokens=1_000), "1,000 of 1,000 tokens are used"),
        (Spent(seconds=60.0), "60 of 60 seconds are used"),
        (Spent(cost_usd=0.5), r"\$0.5000 of \$0.5000 is used"),
    ],
)
def test_a_reached_limit_is_named(spent: Spent, words: str) -> None:
    budget = Budget(max_steps=10, max_tokens=1_000, max_seconds=60.0, max_cost_usd=0.5)
    with pytest.raises(BudgetExhausted, match=words):
        check(budget, spent)


def test_what_is_left_can_be_used() -> None:
    budget = Budget(max_steps=10, max_tokens=1_000, max_seconds=60.0, max_cost_usd=0.5)
    check(budget, Spent(steps=9, tokens=999, seconds=59.9, cost_usd=0.49))


def test_no_limit_is_never_reached() -> None:
    check(Budget(), Spent(steps=39, tokens=10**9, seconds=10**9, cost_usd=10**9))
