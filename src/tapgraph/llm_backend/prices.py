"""What a model's tokens cost; only the user knows, so nothing is assumed."""

import math
from dataclasses import dataclass

from tapgraph.errors import UsageError

__all__ = ["Price"]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, in and out; both 0 where no price is given.

    What a server has in its cache costs as any other token where it has no price of its own.

    >>> Price(2.5, 10.0).cost_usd(prompt_tokens=1000, completion_tokens=100)
    0.0035
    """

    prompt_usd_per_million: float = 0.0
    completion_usd_per_million: float = 0.0
    cached_usd_per_million: float | None = None

    def __post_init__(self) -> None:
        for value in (
            self.prompt_usd_per_million,
            self.completion_usd_per_million,
            self.cached_usd_per_million or 0.0,
        ):
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"a price must be at least 0 US dollars, got {value!r}")

    def cost_usd(
        self, *, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0
    ) -> float:
        """What one call costs; `cached_tokens` are part of `prompt_tokens`."""
        cached_price = self.cached_usd_per_million
        if cached_price is None:
            cached_price = self.prompt_usd_per_million
        return (
            (prompt_tokens - cached_tokens) * self.prompt_usd_per_million
            + cached_tokens * cached_price
            + completion_tokens * self.completion_usd_per_million
        ) / 1_000_000
