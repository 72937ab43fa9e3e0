"""H2O: keep the heavy hitters of all attention so far, and the newest tokens."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About
from tapgraph.kernels.systems.scored_cache import (
    Held,
    ScoredCache,
    ScoredConfig,
    attention_weights,
)

__all__ = ["H2O", "H2OConfig"]

_PIECE = 256
"""So many queries' weights are in memory at a time."""


@dataclass(frozen=True, slots=True)
class H2OConfig(ScoredConfig):
    """Settings of H2O; as in the paper half of what stays are heavy hitters, half the newest.

    Attributes:
        recent_share: of `kept`, the newest tokens; below 1.
    """

    recent_share: float = 0.5

    def __post_init__(self) -> None:
        ScoredConfig.__post_init__(self)
        if not 0 <= self.recent_share < 1:
            raise UsageError(
                f"recent_share must be at least 0 and below 1, got {self.recent_share!r}"
            )


class H2O(ScoredCache):
    """A token is worth the sum of all attention that it has got.

    Zhang et al., "H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language
    Models", 2306.14048, section 4, algorithm 1. Query heads of one KV head add up. There the cache
    drops one token in each step: `room=1`.
    """

    name: ClassVar[str] = "h2o"
    about: ClassVar[About] = About(
        paper="H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language "
        "Models, arXiv 2306.14048, 2023",
        saves="Memory, and time of a step: a fixed number of tokens stays for each KV head.",
        needs="Nothing; but a prompt takes about twice as long, for all its weights are added up.",
        fails_when="A token becomes important late: sums favour the first tokens of a text.",
    )

    def __init__(self, config: H2OConfig = H2OConfig()) -> None:
        super().__init__(config)
        self.recent = int(config.recent_share * config.kept)

    def observe(self, held: Held) -> Tensor:
        """Add what the call's queries pay to each token, `[kv_heads, tokens]`."""
        tokens, new = held.keys.shape[1], held.queries.shape[1]
        exact = torch.promote_types(held.keys.dtype, torch.float32)
        paid = held.keys.new_zeros((len(held.keys), tokens), dtype=exact)
        if held.observed is not None:
            paid[:, : tokens - new] = held.observed
        for first in range(0, new, _PIECE):
            queries = held.queries[:, first : first + _PIECE]
            seen = tokens - new + first + queries.shape[1]
            weights = attention_weights(queries, held.keys[:, :seen], scale=held.shape.scale)
            paid[:, :seen] += weights.sum(dim=1).reshape(len(paid), -1, seen).sum(dim=1)
        return paid

    def keep_observed(self, observed: Tensor, chosen: Tensor) -> Tensor:
        """The sums of the tokens that stay."""
        return observed.gather(1, chosen)

    def score(self, held: Held) -> Tensor:
        """The sums; the newest tokens stay. `[kv_heads, tokens]`."""
        if held.observed is None:
            raise UsageError("no attention was observed yet")
        heavy = held.observed[:, : held.keys.shape[1] - self.recent]
        return functional.pad(heavy, (0, self.recent), value=float("inf"))
