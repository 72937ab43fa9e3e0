"""The grouped softmax of Landmark Attention: landmarks weigh blocks, blocks weigh their tokens."""

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs, check_starts
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.merge import Partial

__all__ = ["attend_to_blocks", "check_block", "grouped_softmax_attention"]


def grouped_softmax_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    block: int,
    scale: float,
    starts: Tensor | None = None,
) -> Partial:
    """Causal attention of queries to all tokens of their rows through the grouped softmax.

    Mohtashami and Jaggi, 2305.16300, equations 2 to 4. Every (block + 1)-th real slot of a row is
    a landmark. The tokens of another block share the weight that the block's landmark has beside
    the other landmarks and the tokens of the query's own block; landmarks themselves have no
    weight, and the landmark of the query's own block is not looked at, not even by itself.

    That is the merge of partial attention outputs (`merge`) with a landmark's logit in the place
    of its block's log-sum-exp. All scores are in memory at once. It has gradients.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: of all tokens, `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head
            h // group.
        values: of all tokens, `[batch, kv_heads, kv_len, head_dim]`; those of landmarks are not
            read.
        block: ordinary tokens before a landmark.
        scale: what the dot products are multiplied with.
        starts: int64 `[batch]`, the slot of each row's first real token; None means no padding.

    Returns:
        The output in the dtype of `queries`, and the log-sum-exp over own tokens and the
        landmarks of other blocks; zeros and -inf for queries that are padding.

    Raises:
        UsageError: a shape or dtype does not fit, or `block` is not at least 1.
    """
    check_block(block)
    check_inputs(queries, keys, values)
    batch, _, q_len, _ = queries.shape
    kv_len = keys.shape[2]
    if starts is None:
        starts = torch.zeros(batch, dtype=torch.int64, device=queries.device)
    check_starts(starts, batch, q_len, kv_len)
    if not bool(starts.any()):
        return _attend(queries, keys, values, block, scale)
    exact = torch.promote_types(queries.dtype, torch.float32)
    output = torch.zeros_like(queries)
    normaliser = queries.new_full(queries.shape[:3], float("-inf"), dtype=exact)
    for cut, rows in rows_by_start(starts):
        padded = max(0, cut - (kv_len - q_len))
        if padded < q_len:
            part = _attend(
                queries[rows, :, padded:], keys[rows, :, cut:], values[rows, :, cut:], block, scale
            )
            output[rows, :, padded:] = part.output
            normaliser[rows, :, padded:] = part.log_sum_exp
    return Partial(output, normaliser)


def attend_to_blocks(queries: Tensor, keys: Tensor, values: Tensor, *, scale: float) -> Partial:
    """Attention to finished blocks other than the query's own, each weighted by its landmark.

    Args:
        queries: `[batch, kv_heads, group, q_len, head_dim]`.
        keys: `[batch, kv_heads, group or 1, q_len or 1, blocks, block + 1, head_dim]`, the
            landmark last; 1 where all read the same blocks.
        values: as `keys`.
        scale: what the dot products are multiplied with.

    Returns:
        The output `[batch, heads, q_len, head_dim]` and the log-sum-exp of the landmarks' logits.
    """
    exact = torch.promote_types(queries.dtype, torch.float32)
    logits = torch.einsum("bhgqd,bhgqkld->bhgqkl", queries.to(exact), keys.to(exact)) * scale
    gates = logits[..., -1]
    weights = gates.softmax(dim=-1)[..., None] * logits[..., :-1].softmax(dim=-1)
    ordinary = values[..., :-1, :].to(exact)
    output = torch.einsum("bhgqkl,bhgqkld->bhgqd", weights, ordinary).to(queries.dtype)
    return Partial(output.flatten(1, 2), torch.logsumexp(gates, dim=-1).flatten(1, 2))


def check_block(block: int) -> None:
    """Raise unless there can be so many ordinary tokens before a landmark.

    Raises:
        UsageError: there is not at least one.
    """
    if block < 1:
        raise UsageError(f"block must be at least 1, got {block!r}")


def _attend(queries: Tensor, keys: Tensor, values: Tensor, block: int, scale: float) -> Partial:
    """As `grouped_softmax_attention`, without padding."""
    batch, heads, q_len, head_dim = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    exact = torch.promote_types(queries.dtype, torch.float32)
    blocks = -(-kv_len // (block + 1))
    grouped = queries.to(exact).reshape(batch, kv_heads, -1, head_dim)
    scores = grouped @ keys.to(exact).transpose(-1, -2) * scale
    scores = functional.pad(scores, (0, blocks * (block + 1) - kv_len))
    scores = scores.view(batch, heads, q_len, blocks, block + 1)
    slots = torch.arange(blocks * (block + 1), device=keys.device).view(blocks, block + 1)
    asking = torch.arange(kv_len - q_len, kv_len, device=keys.device)[:, None]
    own_block = asking // (block + 1)
    block_numbers = torch.arange(blocks, device=keys.device)
    is_own, is_later = block_numbers == own_block, block_numbers > own_block
    # Later blocks get no weight below; -inf for all their tokens would make gradients NaN.
    hidden = is_own[..., None] & (slots > asking[..., None])
    tokens = scores[..., :-1].masked_fill(hidden[..., :-1], float("-inf"))
    gates = torch.where(is_own, torch.logsumexp(tokens, dim=-1), scores[..., -1])
    gates = gates.masked_fill(is_later, float("-inf"))
    weights = gates.softmax(dim=-1)[..., None] * tokens.softmax(dim=-1)
    # A landmark's own weight is zero.
    weights = functional.pad(weights, (0, 1)).view(batch, kv_heads, -1, blocks * (block + 1))
    output = (weights[..., :kv_len] @ values.to(exact)).view(queries.shape).to(queries.dtype)
    return Partial(output, torch.logsumexp(gates, dim=-1))
