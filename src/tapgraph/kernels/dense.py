"""Dense attention as quick as torch alone can do it: the fallback of every system.

Keys and values are never repeated for the query heads of a group.
"""

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.compiled import attend_compiled, can_compute
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.masks import causal_mask
from tapgraph.kernels.merge import Partial

__all__ = ["attend_densely", "attend_densely_with_lse", "attend_in_window"]

PACKED_QUERIES = 16
"""Up to so many queries, those of a group are packed behind each other for their one KV head."""
WINDOW_QUERIES = 1024
"""Under a window, so many queries are computed at once with all that they reach."""
MASKED_QUERIES = 512
"""A longer chunk after a past is computed in pieces, so that no mask grows with its square."""


def attend_densely(queries: Tensor, keys: Tensor, values: Tensor, *, scale: float) -> Tensor:
    """Causal attention over all tokens.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        scale: what the dot products are multiplied with.

    Returns:
        `[batch, heads, q_len, head_dim]` in the dtype of `queries`.

    Raises:
        UsageError: a shape or dtype does not fit.
    """
    check_inputs(queries, keys, values)
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
                attn_mask=causal_mask(last - first, seen, queries.device),
                scale=scale,
                enable_gqa=True,
            )
        )
    return torch.cat(pieces, dim=2)


def attend_densely_with_lse(
    queries: Tensor, keys: Tensor, values: Tensor, *, scale: float
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
        queries, keys, values, kept, query_block=block, key_block=block, scale=scale
    )


def attend_in_window(
    queries: Tensor, keys: Tensor, values: Tensor, *, window: int, scale: float
) -> Tensor:
    """Causal attention in which a query sees `window` tokens, itself included.

    Arguments, result and errors as for `attend_densely`.
    """
    q_len, kv_len = queries.shape[2], keys.shape[2]
    before = kv_len - q_len
    if q_len == 1:
        near = slice(max(0, kv_len - window), None)
        return attend_densely(queries, keys[:, :, near], values[:, :, near], scale=scale)
    outputs = []
    for first in range(0, q_len, WINDOW_QUERIES):
        last = min(first + WINDOW_QUERIES, q_len)
        reach = slice(max(0, before + first - window + 1), before + last)
        mask = causal_mask(last - first, reach.stop - reach.start, queries.device)
        outputs.append(
            functional.scaled_dot_product_attention(
                queries[:, :, first:last],
                keys[:, :, reach],
                values[:, :, reach],
                attn_mask=mask.triu(mask.shape[1] - mask.shape[0] - window + 1),
                scale=scale,
                enable_gqa=True,
            )
        )
    return torch.cat(outputs, dim=2)


def _attend_packed(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """Each KV head is read once for all its queries: of every head of the group, of every token."""
    batch, heads, q_len, head_dim = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    if q_len == batch == 1 and can_compute(queries, keys, values, kv_heads):
        everything = torch.full((kv_heads,), kv_len)
        return attend_compiled(queries, keys, values, None, everything, scale=scale).output
    group = heads // kv_heads
    mask = None if q_len == 1 else causal_mask(q_len, kv_len, queries.device).repeat(group, 1)
    output = functional.scaled_dot_product_attention(
        queries.reshape(batch, kv_heads, group * q_len, head_dim),
        keys,
        values,
        attn_mask=mask,
        scale=scale,
    )
    return output.reshape(batch, heads, q_len, head_dim)
