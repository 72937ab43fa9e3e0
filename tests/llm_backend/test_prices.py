"""What tokens cost."""

import pytest

from tapgraph.errors import UsageError
from tapgraph.llm_backend.prices import Price


def test_no_price_costs_nothing() -> None:
    assert Price().cost_usd(prompt_tokens=10**9, completion_tokens=10**9) == 0


def test_prompt_and_completion_have_their_own_prices() -> None:
    assert Price(3.0, 15.0).cost_usd(prompt_tokens=10**6, completion_tokens=2 * 10**6) == 33.0


def test_cached_tokens_have_their_own_price_where_one_is_given() -> None:
    million = {"prompt_tokens": 10**6, "completion_tokens": 0, "cached_tokens": 400_000}
    assert Price(3.0, 15.0, 1.0).cost_usd(**million) == pytest.approx(0.6 * 3 + 0.4 * 1)
    assert Price(3.0, 15.0, 0.0).cost_usd(**million) == pytest.approx(0.6 * 3)
    assert Price(3.0, 15.0).cost_usd(**million) == 3.0


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_price_that_cannot_be_is_refused(price: float) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        Price(0.0, price)
    with pytest.raises(UsageError, match="at least 0"):
        Price(0.0, 0.0, price)
