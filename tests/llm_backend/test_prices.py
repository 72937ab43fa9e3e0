"""What tokens cost."""

import pytest

from tapgraph.errors import UsageError
from tapgraph.llm_backend.prices import Price


def test_no_price_costs_nothing() -> None:
    assert Price().cost_usd(prompt_tokens=10**9, completion_tokens=10**9) == 0


def test_prompt_and_completion_have_their_own_prices() -> None:
    assert Price(3.0, 15.0).cost_usd(prompt_tokens=10**6, completion_tokens=2 * 10**6) == 33.0


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_price_that_cannot_be_is_refused(price: float) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        Price(0.0, price)
