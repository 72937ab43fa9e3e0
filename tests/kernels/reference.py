"""Dense attention that is plainly right: what every other form is compared with."""

import torch
from torch import Tensor

from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.masks import causal_mask
from tapgraph.kernels.merge import Partial

__all__ = ["dense_attention"]


def dense_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scale: float,
    mask: Tensor | None = None,
    dtype: torch.dtype = torch.float64,
) -> Partial:
    """Causal attention with all scores in memory at once, computed in `dtype`.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head h // group.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        scale: what the dot products are multiplied with.
        mask: bool, broadcastable to `[batch, heads, q_len, kv_len]`; what it forbids is not seen,
            what it allows is seen only if causality allows it too.
        dtype: of the computation and of both results.

    Returns:
        A query that sees nothing gets a zero output and a log-sum-exp of -inf.

    Raises:
        UsageError: a shape or dtype does not fit.
    """
    group = check_inputs(queries, keys, values)
    allowed = causal_mask(queries.shape[2], keys.shape[2], queries.device)
    if mask is not None:
        allowed = allowed & mask
    keys = keys.to(dtype).repeat_interleave(group, dim=1)
    values = values.to(dtype).repeat_interleave(group, dim=1)
    scores = queries.to(dtype) @ keys.transpose(-1, -2) * scale
    scores = scores.masked_fill(~allowed, float("-inf"))
    log_sum_exp = torch.logsumexp(scores, dim=-1)
    weights = torch.exp(scores - torch.where(log_sum_exp.isinf(), 0.0, log_sum_exp)[..., None])
    return Partial(weights @ values, log_sum_exp)
