"""The grouped softmax of Landmark Attention: landmarks weigh blocks, blocks weigh their tokens."""

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs, check_starts
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.merge import Partial

__all__ = ["check_block", "grouped_softmax_attention"]


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
    of its block's log-sum-exp. The scores of one block's queries are in memory at a time, with
    gradients all of them.

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


def check_block(block: int) -> None:
    """Raise unless there can be so many ordinary tokens before a landmark.

    Raises:
        UsageError: there is not at least one.
    """
    if block < 1:
        raise UsageError(f"block must be at least 1, got {block!r}")


def _attend(queries: Tensor, keys: Tensor, values: Tensor, block: int, scale: float) -> Partial:
    """As `grouped_softmax_attention`, without padding: the queries of one block at a time."""
    batch, _, q_len, head_dim = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    stride = block + 1
    exact = torch.promote_types(queries.dtype, torch.float32)
    keys, values = keys.to(exact).mT, values.to(exact)
    grouped = (queries.to(exact) * scale).view(batch, kv_heads, -1, q_len, head_dim)
    first = kv_len - q_len
    outputs, normalisers = [], []
    for own in range(first // stride, -(-kv_len // stride)):
        begin, end = max(own * stride, first), min((own + 1) * stride, kv_len)
        tile = grouped[:, :, :, begin - first : end - first]
        scores = tile.reshape(batch, kv_heads, -1, head_dim) @ keys[..., :end]
        scores = functional.pad(scores, (0, (own + 1) * stride - end), value=float("-inf"))
        scores = scores.view(*tile.shape[:-1], own + 1, stride)
        gates = scores[..., -1].clone()
        if end - begin > 1:
            slots = torch.arange(own * stride, (own + 1) * stride, device=keys.device)
            is_later = slots > slots[begin - own * stride : end - own * stride, None]
            scores[..., -1, :].masked_fill_(is_later, float("-inf"))
        # A landmark has no weight of its own.
        scores[..., -1] = float("-inf")
        gates[..., -1] = torch.logsumexp(scores[..., -1, :], dim=-1)
        weights = scores.softmax(dim=-1) * gates.softmax(dim=-1)[..., None]
        weights = weights.view(batch, kv_heads, -1, (own + 1) * stride)[..., :end]
        outputs.append((weights @ values[:, :, :end]).view(tile.shape).to(queries.dtype))
        normalisers.append(torch.logsumexp(gates, dim=-1))
    return Partial(
        torch.cat(outputs, dim=3).flatten(1, 2), torch.cat(normalisers, dim=3).flatten(1, 2)
    )
