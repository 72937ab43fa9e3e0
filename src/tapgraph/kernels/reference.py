"""Dense attention that is plainly right: what every other form is compared with."""

import torch
from torch import Tensor

from tapgraph.kernels.inputs import check_inputs, check_starts
from tapgraph.kernels.masks import visible
from tapgraph.kernels.merge import Partial

__all__ = ["dense_attention"]


def dense_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scale: float,
    starts: Tensor | None = None,
    mask: Tensor | None = None,
    dtype: torch.dtype = torch.float64,
) -> Partial:
    """Causal attention with all scores in memory at once, computed in `dtype`.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head h // group.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        scale: what the dot products are multiplied with.
        starts: int64 `[batch]`, the slot of each row's first real token; None means no padding.
        mask: bool, broadcastable to `[batch, heads, q_len, kv_len]`; what it forbids is not seen,
            what it allows is seen only if causality and padding allow it too.
        dtype: of the computation and of both results.

    Returns:
        A query that sees nothing gets a zero output and a log-sum-exp of -inf.

    Raises:
        UsageError: a shape or dtype does not fit.
    """
    group = check_inputs(queries, keys, values)
    batch, _, q_len, _ = queries.shape
    kv_len = keys.shape[2]
    if starts is None:
        starts = torch.zeros(batch, dtype=torch.int64, device=queries.device)
    check_starts(starts, batch, q_len, kv_len)
    allowed = visible(q_len, kv_len, starts)
    if mask is not None:
        allowed = allowed & mask
    keys = keys.to(dtype).repeat_interleave(group, dim=1)
    values = values.to(dtype).repeat_interleave(group, dim=1)
    scores = queries.to(dtype) @ keys.transpose(-1, -2) * scale
    scores = scores.masked_fill(~allowed, float("-inf"))
    log_sum_exp = torch.logsumexp(scores, dim=-1)
    weights = torch.exp(scores - torch.where(log_sum_exp.isinf(), 0.0, log_sum_exp)[..., None])
    return Partial(weights @ values, log_sum_exp)
