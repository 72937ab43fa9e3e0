"""Dense attention as quick as torch alone can do it: the fallback of every system.

Padding is cut off rather than masked: rows with the same start are computed together, each from
its first real token on. Keys and values are never repeated for the query heads of a group.
"""

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.inputs import check_inputs, check_starts
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.merge import Partial

__all__ = ["attend_densely", "attend_densely_with_lse", "attend_unpadded"]

PACKED_QUERIES = 16
"""Up to so many queries, those of a group are packed behind each other for their one KV head."""
MASKED_QUERIES = 512
"""A longer chunk after a past is computed in pieces, so that no mask grows with its square."""


def attend_densely(
    queries: Tensor, keys: Tensor, values: Tensor, *, scale: float, starts: Tensor
) -> Tensor:
    """Causal attention over all tokens.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        scale: what the dot products are multiplied with.
        starts: int64 `[batch]`, the slot of each row's first real token.

    Returns:
        `[batch, heads, q_len, head_dim]` in the dtype of `queries`; queries that are padding get
        zeros.

    Raises:
        UsageError: a shape or dtype does not fit.
    """
    check_inputs(queries, keys, values)
    batch, _, q_len, _ = queries.shape
    kv_len = keys.shape[2]
    check_starts(starts, batch, q_len, kv_len)
    if not bool(starts.any()):
        return attend_unpadded(queries, keys, values, scale=scale)
    output = torch.zeros_like(queries)
    for cut, rows in rows_by_start(starts):
        padded = max(0, cut - (kv_len - q_len))
        if padded < q_len:
            output[rows, :, padded:] = attend_unpadded(
                queries[rows, :, padded:], keys[rows, :, cut:], values[rows, :, cut:], scale=scale
            )
    return output


def attend_densely_with_lse(
    queries: Tensor, keys: Tensor, values: Tensor, *, scale: float, starts: Tensor
) -> Partial:
    """As `attend_densely`, with the log-sum-exp of the scores; slower, for torch keeps that one.

    Raises:
        UsageError: a shape or dtype does not fit.
    """
    batch, heads, q_len, _ = queries.shape
    block = min(MASKED_QUERIES, max(1, q_len))
    kept = torch.ones(
        (batch, heads, -(-q_len // block), -(-keys.shape[2] // block)),
        dtype=torch.bool,
        device=queries.device,
    )
    return block_sparse_attention(
        queries,
        keys,
        values,
        kept,
        query_block=block,
        key_block=block,
        scale=scale,
        starts=starts,
    )


def attend_unpadded(queries: Tensor, keys: Tensor, values: Tensor, *, scale: float) -> Tensor:
    """As `attend_densely` for rows without padding, of inputs that were checked before."""
    q_len, kv_len = queries.shape[2], keys.shape[2]
    if q_len <= PACKED_QUERIES:
        return _attend_packed(queries, keys, values, scale)
    if q_len == kv_len:
        return functional.scaled_dot_product_attention(
            queries, keys, values, is_causal=True, scale=scale, enable_gqa=True
        )
    pieces = []
    for first in range(0, q_len, MASKED_QUERIES):
        last = min(first + MASKED_QUERIES, q_len)
        seen = kv_len - q_len + last
        pieces.append(
            functional.scaled_dot_product_attention(
                queries[:, :, first:last],
                keys[:, :, :seen],
                values[:, :, :seen],
                attn_mask=_lower_right(last - first, seen, queries.device),
                scale=scale,
                enable_gqa=True,
            )
        )
    return torch.cat(pieces, dim=2)


def _attend_packed(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """Each KV head is read once for all its queries: of every head of the group, of every token."""
    batch, heads, q_len, head_dim = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    group = heads // kv_heads
    mask = None if q_len == 1 else _lower_right(q_len, kv_len, queries.device).repeat(group, 1)
    output = functional.scaled_dot_product_attention(
        queries.reshape(batch, kv_heads, group * q_len, head_dim),
        keys,
        values,
        attn_mask=mask,
        scale=scale,
    )
    return output.reshape(batch, heads, q_len, head_dim)


def _lower_right(q_len: int, kv_len: int, device: torch.device) -> Tensor:
    return torch.ones((q_len, kv_len), dtype=torch.bool, device=device).tril(kv_len - q_len)
