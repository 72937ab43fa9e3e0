"""Attention over a map of kept blocks: what every sparse prefill ends in."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.merge import Partial

__all__ = ["block_sparse_attention"]


def block_sparse_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    kept: Tensor,
    *,
    query_block: int,
    key_block: int,
    scale: float,
) -> Partial:
    """Causal attention of each query block over its own list of key blocks.

    Only kept blocks are read and multiplied; products are taken in float32 (float64 for float64).
    Within a kept block causality holds for each token.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head h // group.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        kept: bool `[batch, heads, query blocks, key blocks]`. Query block i holds the queries from
            `i * query_block` of this call on; key block j the tokens from `j * key_block` on.
        query_block: queries in a block; the last block may be shorter.
        key_block: keys in a block; the last block may be shorter.
        scale: what the dot products are multiplied with.

    Returns:
        The output in the dtype of `queries`; a query that sees nothing gets zeros and a
        log-sum-exp of -inf.

    Raises:
        UsageError: a shape or dtype does not fit.
    """
    group = check_inputs(queries, keys, values)
    batch, heads, q_len, _ = queries.shape
    kv_len = keys.shape[2]
    _check_map(kept, (batch, heads, q_len, kv_len), query_block, key_block)
    exact = torch.promote_types(queries.dtype, torch.float32)
    output = torch.zeros_like(queries)
    normaliser = queries.new_full((batch, heads, q_len), float("-inf"), dtype=exact)
    for row in range(batch):
        for kv_head in range(keys.shape[1]):
            blocks = _HeadBlocks(
                _in_blocks(keys[row, kv_head], key_block, exact),
                _in_blocks(values[row, kv_head], key_block, exact),
            )
            for head in range(kv_head * group, (kv_head + 1) * group):
                for first, last, chosen in _chosen_blocks(kept[row, head], query_block, q_len):
                    block = queries[row, head, first:last].to(exact) * scale
                    attended, total = blocks.attend(block, kv_len - q_len + first, chosen)
                    output[row, head, first:last] = attended
                    normaliser[row, head, first:last] = total
    return Partial(output, normaliser)


def _check_map(kept: Tensor, sizes: tuple[int, int, int, int], query: int, key: int) -> None:
    batch, heads, q_len, kv_len = sizes
    if query < 1 or key < 1:
        raise UsageError(f"query_block and key_block must be at least 1, got {query} and {key}")
    expected = (batch, heads, -(-q_len // query), -(-kv_len // key))
    if kept.dtype != torch.bool or kept.shape != expected:
        raise UsageError(f"kept must be bool {list(expected)}, got {kept.dtype} {list(kept.shape)}")


def _chosen_blocks(kept: Tensor, query_block: int, q_len: int) -> Iterator[tuple[int, int, Tensor]]:
    """First and last query of each block, with its key blocks in ascending order."""
    places = kept.nonzero()
    for index, chosen in enumerate(torch.split(places[:, 1], kept.sum(dim=1).tolist())):
        first = index * query_block
        yield first, min(first + query_block, q_len), chosen


def _in_blocks(vectors: Tensor, block: int, dtype: torch.dtype) -> Tensor:
    """`[blocks, block, head_dim]` from `[kv_len, head_dim]`, with zeros at the end."""
    kv_len, head_dim = vectors.shape
    blocks = -(-kv_len // block)
    folded = vectors.new_empty((blocks * block, head_dim), dtype=dtype)
    folded[:kv_len] = vectors
    folded[kv_len:] = 0
    return folded.view(blocks, block, head_dim)


@dataclass(frozen=True, slots=True)
class _HeadBlocks:
    """Keys and values `[blocks, key_block, head_dim]` of one KV head of one row."""

    keys: Tensor
    values: Tensor

    def attend(self, queries: Tensor, first_slot: int, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Output and log-sum-exp of scaled queries `[tokens, head_dim]` over the chosen blocks."""
        key_block = self.keys.shape[1]
        last_slot = first_slot + queries.shape[0] - 1
        within = torch.arange(key_block, device=chosen.device)
        slots = (chosen[:, None] * key_block + within).flatten()
        end = int(torch.searchsorted(slots, last_slot, right=True))
        slots = slots[:end]
        if not end:
            return torch.zeros_like(queries), queries.new_full(queries.shape[:1], float("-inf"))
        scores = queries @ self.keys.index_select(0, chosen).flatten(0, 1)[:end].T
        future = int(torch.searchsorted(slots, first_slot, right=True))
        if future < slots.shape[0]:
            query_slots = torch.arange(first_slot, last_slot + 1, device=slots.device)
            scores[:, future:].masked_fill_(slots[future:] > query_slots[:, None], float("-inf"))
        largest = scores.amax(dim=1, keepdim=True)
        # A query that sees nothing has only -inf, and -inf - -inf is not a number.
        largest = torch.where(largest.isneginf(), 0.0, largest)
        weights = scores.sub_(largest).exp_()
        total = weights.sum(dim=1, keepdim=True)
        output = weights @ self.values.index_select(0, chosen).flatten(0, 1)[:end]
        output /= torch.where(total == 0, 1.0, total)
        return output, (largest + total.log())[:, 0]
