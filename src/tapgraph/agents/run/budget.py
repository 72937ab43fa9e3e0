"""How much a run may use, and whether it has."""

import math
from dataclasses import dataclass

from tapgraph.errors import BudgetExhausted, UsageError

__all__ = ["Budget", "Spent", "check"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may use; None means no limit.

    Raises:
        UsageError: a limit is below 1 (steps, tokens) or not above 0 (seconds, money).

    >>> Budget(max_steps=0)
    Traceback (most recent call last):
    tapgraph.errors.UsageError: max_steps must be at least 1, got 0
    """

    max_steps: int = 40
    max_tokens: int | None = None
    max_seconds: float | None = None
    max_cost_usd: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_steps", "max_tokens"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise UsageError(f"{name} must be at least 1, got {count!r}")
        for name in ("max_seconds", "max_cost_usd"):
            amount = getattr(self, name)
            if amount is not None and not 0 < amount < math.inf:
                raise UsageError(
                    f"{name} must be above 0 and finite, got {amount!r}; leave it out for no limit"
                )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has used so far; `tokens` counts prompts and replies."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0


def check(budget: Budget, spent: Spent) -> None:
    """Return when every limit still leaves something to use.

    Raises:
        BudgetExhausted: a limit is reached; the text says which.

    >>> check(Budget(max_tokens=12_000), Spent(tokens=12_034))
    Traceback (most recent call last):
    tapgraph.errors.BudgetExhausted: 12,034 of 12,000 tokens are used
    """
    if spent.steps >= budget.max_steps:
        raise BudgetExhausted(f"{spent.steps:,} of {budget.max_steps:,} steps are used")
    if budget.max_tokens is not None and spent.tokens >= budget.max_tokens:
        raise BudgetExhausted(f"{spent.tokens:,} of {budget.max_tokens:,} tokens are used")
    if budget.max_seconds is not None and spent.seconds >= budget.max_seconds:
        raise BudgetExhausted(f"{spent.seconds:,.0f} of {budget.max_seconds:,.0f} seconds are used")
    if budget.max_cost_usd is not None and spent.cost_usd >= budget.max_cost_usd:
        raise BudgetExhausted(f"${spent.cost_usd:,.4f} of ${budget.max_cost_usd:,.4f} is used")
