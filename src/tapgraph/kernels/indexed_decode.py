"""Attention over index lists, one for each KV head, each of its own length."""

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.merge import Partial

__all__ = ["indexed_attention"]


def indexed_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    indices: Tensor,
    counts: Tensor,
    *,
    scale: float,
) -> Partial:
    """Attention of all queries of a group over the tokens listed for its KV head.

    Only listed tokens are read. Nothing else is masked: the lists must hold no padding and nothing
    that comes after a query, and no token twice.

    Args:
        queries: `[batch, heads, q_len, head_dim]`.
        keys: `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head h // group.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        indices: int64 `[batch, kv_heads, most]`, slots among the `kv_len`.
        counts: int64 `[batch, kv_heads]`: so many from the front of each list are valid; the rest
            is never looked at.
        scale: what the dot products are multiplied with.

    Returns:
        The output in the dtype of `queries`, zeros (with a log-sum-exp of -inf) for an empty list.
        The log-sum-exp is float32, or float64 for float64 queries.

    Raises:
        UsageError: a shape or dtype does not fit, a count or a valid index is out of range.
    """
    group = check_inputs(queries, keys, values)
    batch, kv_heads, kv_len, _ = keys.shape
    _check_lists(indices, counts, batch, kv_heads)
    exact = torch.float64 if queries.dtype == torch.float64 else torch.float32
    output = torch.zeros_like(queries)
    normaliser = queries.new_full(queries.shape[:3], float("-inf"), dtype=exact)
    for row, row_counts in enumerate(counts.tolist()):
        for kv_head, count in enumerate(row_counts):
            if not count:
                continue
            listed = indices[row, kv_head, :count]
            if int(listed.min()) < 0 or int(listed.max()) >= kv_len:
                raise UsageError(
                    f"indices must be in 0..{kv_len - 1}, "
                    f"got {int(listed.min())}..{int(listed.max())}"
                )
            heads = slice(kv_head * group, (kv_head + 1) * group)
            grouped = queries[row, heads].to(exact).flatten(0, 1) * scale
            scores = grouped @ keys[row, kv_head].index_select(0, listed).to(exact).T
            total = torch.logsumexp(scores, dim=1)
            weights = torch.exp(scores - total[:, None])
            attended = weights @ values[row, kv_head].index_select(0, listed).to(exact)
            output[row, heads] = attended.view_as(queries[row, heads]).to(output.dtype)
            normaliser[row, heads] = total.view_as(normaliser[row, heads])
    return Partial(output, normaliser)


def _check_lists(indices: Tensor, counts: Tensor, batch: int, kv_heads: int) -> None:
    if indices.dim() != 3 or indices.shape[:2] != (batch, kv_heads):
        raise UsageError(f"indices must be [{batch}, {kv_heads}, most], got {list(indices.shape)}")
    if indices.dtype != torch.int64 or counts.dtype != torch.int64:
        raise UsageError(f"indices and counts must be int64, got {indices.dtype}, {counts.dtype}")
    if counts.shape != (batch, kv_heads):
        raise UsageError(f"counts must be [{batch}, {kv_heads}], got {list(counts.shape)}")
    most = indices.shape[2]
    if counts.numel() and (int(counts.min()) < 0 or int(counts.max()) > most):
        raise UsageError(
            f"counts must be in 0..{most}, got {int(counts.min())}..{int(counts.max())}"
        )
