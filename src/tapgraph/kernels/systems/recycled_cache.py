"""What Recycled Attention attends to between full steps, and how it is chosen."""

from copy import copy
from typing import Literal

from torch import Tensor
from torch.nn import functional

from tapgraph.kernels.indexed_decode import indexed_scores
from tapgraph.kernels.selection import top_k

__all__ = ["GroupRule", "RecycledCache", "row_importance"]

GroupRule = Literal["max", "sum"]


def row_importance(query: Tensor, keys: Tensor, *, scale: float, group: GroupRule) -> Tensor:
    """How much attention a query pays to each key: one number for each KV head.

    A query head's attention is exp(scale * query · key - log-sum-exp of its row), in float32
    (float64 for float64).

    Args:
        query: `[heads, head_dim]`.
        keys: `[kv_heads, tokens, head_dim]`.
        scale: what the dot products are multiplied with.
        group: how the query heads of a KV head are joined.

    Returns:
        `[kv_heads, tokens]`.
    """
    weights = indexed_scores(query, keys, scale=scale).softmax(dim=-1)
    return weights.amax(dim=1) if group == "max" else weights.sum(dim=1)


class RecycledCache:
    """The names of the most important tokens of each KV head, `kept` of them at most.

    Places stand in the order in which they are given to new tokens: by rising importance, then by
    age. So the place of the next token goes round like a ring's, the same for all heads. Keys and
    values are read where they lie.

    Args:
        importance: `[kv_heads, tokens]`.
        kept: the most tokens it names.
    """

    def __init__(self, importance: Tensor, kept: int) -> None:
        self._kept = kept
        self.tokens = _drop_order(importance, min(kept, importance.shape[-1]))
        """Int64 `[kv_heads, places]`."""
        self._written = self.tokens.shape[-1]

    def add(self, token: int) -> None:
        """Take a token; drop another if there is no place."""
        if self.tokens.shape[-1] < self._kept:
            self.tokens = functional.pad(self.tokens, (0, 1), value=token)
        else:
            self.tokens[:, self._written % self._kept] = token
        self._written += 1

    def copy(self) -> "RecycledCache":
        """One with memory of its own."""
        twin = copy(self)
        twin.tokens = self.tokens.clone()
        return twin


def _drop_order(importance: Tensor, count: int) -> Tensor:
    """The `count` most important tokens, in the order of being dropped.

    Of equals the later one goes first, as it was the last to be chosen.
    """
    chosen = top_k(importance, count).flip(-1)
    order = importance.gather(-1, chosen).argsort(dim=-1, stable=True)
    return chosen.gather(-1, order)
