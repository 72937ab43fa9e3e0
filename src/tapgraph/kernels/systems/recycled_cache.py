"""What Recycled Attention attends to between full steps, and how it is chosen."""

from copy import copy
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.kernels.selection import top_k

__all__ = ["GroupRule", "RecycledCache", "row_importance"]

GroupRule = Literal["max", "sum"]

_PIECE_TOKENS = 8192
"""So many keys are brought to the precision of the scores at a time."""
_PAGE_PLACES = 64
"""A small cache that is not full yet grows by so many places."""


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
    exact = torch.promote_types(query.dtype, torch.float32)
    grouped = query.view(keys.shape[0], -1, query.shape[1]).to(exact)
    pieces = [
        grouped @ piece.to(exact).transpose(-1, -2) * scale
        for piece in torch.split(keys, _PIECE_TOKENS, dim=1)
    ]
    weights = torch.cat(pieces, dim=-1).softmax(dim=-1)
    return weights.amax(dim=1) if group == "max" else weights.sum(dim=1)


class RecycledCache:
    """A contiguous copy of the most important tokens of each KV head, `kept` of them at most.

    Places stand in the order in which they are given to new tokens: by rising importance, then by
    age. So the place of the next token goes round like a ring's, the same for all heads.

    The memory held is `kv_heads * places` times two vectors and a token's number of 8 bytes, where
    `places` is at most `kept`.

    Args:
        keys: `[1, kv_heads, at least tokens, head_dim]`, not changed and not kept.
        values: as `keys`.
        importance: `[kv_heads, tokens]`.
        kept: the most tokens it holds.
    """

    def __init__(self, keys: Tensor, values: Tensor, importance: Tensor, kept: int) -> None:
        self._kept = kept
        self.tokens = _drop_order(importance, min(kept, importance.shape[-1]))
        self._written = self.tokens.shape[-1]
        self._keys, self._values = _gathered(keys, self.tokens), _gathered(values, self.tokens)

    def add(self, keys: Tensor, values: Tensor, token: int) -> None:
        """Take a token's keys and values `[1, kv_heads, 1, head_dim]`; drop another."""
        place = self._written % self._kept
        if place >= self.tokens.shape[-1]:
            room = min(_PAGE_PLACES, self._kept - self.tokens.shape[-1])
            self._keys = functional.pad(self._keys, (0, 0, 0, room))
            self._values = functional.pad(self._values, (0, 0, 0, room))
            self.tokens = functional.pad(self.tokens, (0, room), value=-1)
        self._keys[:, :, place] = keys[:, :, 0]
        self._values[:, :, place] = values[:, :, 0]
        self.tokens[:, place] = token
        self._written += 1

    def attend(self, queries: Tensor, scale: float) -> Tensor:
        """Attention `[1, heads, 1, head_dim]` of one query over all that it holds."""
        filled = min(self._written, self._kept)
        return functional.scaled_dot_product_attention(
            queries.reshape(1, len(self.tokens), -1, queries.shape[-1]),
            self._keys[:, :, :filled],
            self._values[:, :, :filled],
            scale=scale,
        ).reshape(queries.shape)

    def copy(self) -> "RecycledCache":
        """One with memory of its own."""
        twin = copy(self)
        twin._keys, twin._values = self._keys.clone(), self._values.clone()
        twin.tokens = self.tokens.clone()
        return twin

    def bytes_held(self) -> int:
        """Bytes of keys, values and the tokens' numbers."""
        return self._keys.nbytes + self._values.nbytes + self.tokens.nbytes


def _gathered(vectors: Tensor, tokens: Tensor) -> Tensor:
    """Vectors `[1, kv_heads, chosen, head_dim]` of the tokens `[kv_heads, chosen]`.

    Rows of one matrix are gathered many times as fast as rows of many.
    """
    gathered = vectors.new_empty((1, *tokens.shape, vectors.shape[-1]))
    for head, chosen in enumerate(tokens):
        torch.index_select(vectors[0, head], 0, chosen, out=gathered[0, head])
    return gathered


def _drop_order(importance: Tensor, count: int) -> Tensor:
    """The `count` most important tokens, in the order of being dropped.

    Of equals the later one goes first, as it was the last to be chosen.
    """
    chosen = top_k(importance, count).flip(-1)
    order = importance.gather(-1, chosen).argsort(dim=-1, stable=True)
    return chosen.gather(-1, order)
