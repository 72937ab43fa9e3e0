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


def row_importance(
    queries: Tensor, keys: Tensor, hidden: Tensor, *, scale: float, group: GroupRule
) -> Tensor:
    """How much attention a few queries pay to each key: one number for each KV head.

    A query head's attention is exp(scale * query · key - log-sum-exp of its row), in float32
    (float64 for float64).

    Args:
        queries: `[batch, heads, rows, head_dim]`.
        keys: `[batch, kv_heads, tokens, head_dim]`.
        hidden: bool, broadcastable to `[batch, rows, tokens]`: what a query may not see.
        scale: what the dot products are multiplied with.
        group: how the query heads of a KV head are joined.

    Returns:
        `[batch, kv_heads, rows, tokens]`, -inf where hidden.
    """
    batch, heads, rows, head_dim = queries.shape
    kv_heads, tokens = keys.shape[1], keys.shape[2]
    exact = torch.promote_types(queries.dtype, torch.float32)
    grouped = queries.reshape(batch, kv_heads, -1, head_dim).to(exact)
    pieces = [
        grouped @ piece.to(exact).transpose(-1, -2) * scale
        for piece in torch.split(keys, _PIECE_TOKENS, dim=2)
    ]
    scores = torch.cat(pieces, dim=-1).view(batch, kv_heads, heads // kv_heads, rows, tokens)
    scores = scores.masked_fill(hidden[:, None, None], float("-inf"))
    normaliser = torch.logsumexp(scores, dim=-1, keepdim=True)
    weights = torch.exp(scores - torch.where(normaliser.isinf(), 0.0, normaliser))
    joined = weights.amax(dim=2) if group == "max" else weights.sum(dim=2)
    return joined.masked_fill(hidden[:, None], float("-inf"))


class RecycledCache:
    """A contiguous copy of the most important tokens of each KV head, `kept` of them at most.

    Places stand in the order in which they are given to new tokens: first those that are empty (of
    rows with fewer tokens), then by rising importance, then by age. So the place of the next token
    goes round like a ring's, the same for all rows and heads.

    The memory held is `batch * kv_heads * places` times two vectors and a slot number of 8 bytes,
    where `places` is at most `kept`.

    Args:
        keys: `[batch, kv_heads, at least tokens, head_dim]`, not changed and not kept.
        values: as `keys`.
        importance: `[batch, kv_heads, tokens]`, -inf for what must not be chosen.
        kept: the most tokens it holds.
    """

    def __init__(self, keys: Tensor, values: Tensor, importance: Tensor, kept: int) -> None:
        self._kept = kept
        self.slots = _drop_order(importance, min(kept, importance.shape[-1]))
        self._written = self.slots.shape[-1]
        self._has_gaps = bool((self.slots < 0).any())
        chosen = self.slots.clamp(min=0)
        self._keys, self._values = _gathered(keys, chosen), _gathered(values, chosen)

    def add(self, keys: Tensor, values: Tensor, slots: Tensor) -> None:
        """Take a token `[batch, kv_heads, 1, head_dim]` in the slots `[batch]`; drop another."""
        place = self._written % self._kept
        missing = place + 1 - self.slots.shape[-1]
        if missing > 0:
            room = min(_PAGE_PLACES, self._kept - self.slots.shape[-1])
            self._keys = functional.pad(self._keys, (0, 0, 0, room))
            self._values = functional.pad(self._values, (0, 0, 0, room))
            self.slots = functional.pad(self.slots, (0, room), value=-1)
        self._keys[:, :, place] = keys[:, :, 0]
        self._values[:, :, place] = values[:, :, 0]
        self.slots[:, :, place] = slots[:, None]
        self._written += 1

    def attend(self, queries: Tensor, scale: float) -> Tensor:
        """Attention `[batch, heads, 1, head_dim]` of one query over all that it holds."""
        filled = min(self._written, self._kept)
        grouped = queries.reshape(self.slots.shape[0], self.slots.shape[1], -1, queries.shape[-1])
        is_held = self.slots[:, :, None, :filled] >= 0
        output = functional.scaled_dot_product_attention(
            grouped,
            self._keys[:, :, :filled],
            self._values[:, :, :filled],
            attn_mask=is_held if self._has_gaps else None,
            scale=scale,
        )
        if self._has_gaps:
            output = output.masked_fill(~is_held.any(dim=-1, keepdim=True), 0.0)
        return output.reshape(queries.shape)

    def copy(self) -> "RecycledCache":
        """One with memory of its own."""
        return self._with(self._keys.clone(), self._values.clone(), self.slots.clone())

    def select_rows(self, rows: Tensor) -> "RecycledCache":
        """One whose row r is row `rows[r]` of this one."""
        return self._with(
            self._keys.index_select(0, rows),
            self._values.index_select(0, rows),
            self.slots.index_select(0, rows),
        )

    def bytes_held(self) -> int:
        """Bytes of keys, values and slots."""
        held = (self._keys, self._values, self.slots)
        return sum(tensor.element_size() * tensor.numel() for tensor in held)

    def _with(self, keys: Tensor, values: Tensor, slots: Tensor) -> "RecycledCache":
        twin = copy(self)
        twin._keys, twin._values, twin.slots = keys, values, slots
        return twin


def _gathered(vectors: Tensor, slots: Tensor) -> Tensor:
    """Vectors `[batch, kv_heads, tokens, head_dim]` in the slots `[batch, kv_heads, chosen]`.

    Rows of one matrix are gathered many times as fast as rows of many.
    """
    gathered = vectors.new_empty((*slots.shape, vectors.shape[-1]))
    for row, of_row in enumerate(slots):
        for head, chosen in enumerate(of_row):
            torch.index_select(vectors[row, head], 0, chosen, out=gathered[row, head])
    return gathered


def _drop_order(importance: Tensor, count: int) -> Tensor:
    """The slots of the `count` most important tokens, -1 for none, in the order of being dropped.

    Of equals the later one goes first, as it was the last to be chosen.
    """
    chosen = top_k(importance, count).flip(-1)
    scores, order = importance.gather(-1, chosen).sort(dim=-1, stable=True)
    return torch.where(scores.isneginf(), -1, chosen.gather(-1, order))
