"""Continued pre-training for Recycled Attention: its pattern as a mask over whole sequences."""

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs, check_starts
from tapgraph.kernels.masks import visible
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.recycled_cache import GroupRule, row_importance

__all__ = ["recycled_training_attention", "recycled_training_mask"]


@torch.no_grad()
def recycled_training_mask(
    queries: Tensor,
    keys: Tensor,
    starts: Tensor,
    *,
    scale: float,
    kept: int,
    stride: int,
    group: GroupRule = "max",
) -> Tensor:
    """What each token of a training sequence may see (2411.05787 version 1).

    Let f(t) be the last multiple of `stride` up to position t. Token f(t) sees its whole past. Any
    other token sees what f(t) attended to most, `kept` tokens for each KV head, and everything
    after f(t) up to itself.

    Deviation: decode also drops one of the chosen tokens for each new one; here they stay, so a
    token sees up to `kept + stride - 1` tokens. The paper does not say which it trained with.

    Args:
        queries: `[batch, heads, tokens, head_dim]`, after the rotary embedding.
        keys: `[batch, kv_heads, tokens, head_dim]`, after the rotary embedding.
        starts: int64 `[batch]`, the slot of each row's first real token, which is position 0.
        scale: what the dot products are multiplied with.
        kept: at least 1.
        stride: at least 1; 1 is the causal mask.
        group: as in `RecycledConfig`.

    Returns:
        bool `[batch, heads, tokens, tokens]`, without gradient; all False for padding.

    Raises:
        UsageError: a shape does not fit, `kept` or `stride` is not at least 1.
    """
    heads_of_group = check_inputs(queries, keys, keys)
    batch, _, tokens, head_dim = queries.shape
    check_starts(starts, batch, tokens, keys.shape[2])
    if keys.shape[2] != tokens:
        raise UsageError(
            f"queries and keys must be of the same tokens, got {tokens} and {keys.shape[2]}"
        )
    for name, number in (("kept", kept), ("stride", stride)):
        if number < 1:
            raise UsageError(f"{name} must be at least 1, got {number!r}")
    slots = torch.arange(tokens, device=queries.device)
    causal = visible(tokens, tokens, starts)
    full_slots = starts[:, None] + slots[: -(-tokens // stride)] * stride
    full_slots = full_slots.clamp(max=tokens - 1)
    rows = full_slots[:, None, :, None].expand(-1, queries.shape[1], -1, head_dim)
    hidden = (slots > full_slots[..., None]) | (slots < starts[:, None, None])
    importance = row_importance(queries.gather(2, rows), keys, hidden, scale=scale, group=group)
    chosen = listed(top_k(importance, min(kept, tokens)), tokens) & ~hidden[:, None]
    step = (slots - starts[:, None]).clamp(min=0) // stride
    last_full = full_slots.gather(1, step)
    recycled = chosen.gather(2, step[:, None, :, None].expand(-1, chosen.shape[1], -1, tokens))
    recent = (slots > last_full[..., None])[:, None]
    is_full = (slots == last_full)[:, None, :, None]
    mask = (recycled | recent | is_full) & causal
    return mask.repeat_interleave(heads_of_group, dim=1)


def recycled_training_attention(
    queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor, *, scale: float, mask: Tensor
) -> Tensor:
    """Attention under a `recycled_training_mask`, with gradients for all but the choice.

    Args:
        queries: `[batch, heads, tokens, head_dim]`.
        keys: `[batch, kv_heads, tokens, head_dim]`.
        values: `[batch, kv_heads, tokens, head_dim]`.
        starts: int64 `[batch]`.
        scale: what the dot products are multiplied with.
        mask: bool `[batch, heads, tokens, tokens]`.

    Returns:
        `[batch, heads, tokens, head_dim]`, zeros for padding.
    """
    slots = torch.arange(queries.shape[2], device=queries.device)
    is_padding = (slots < starts[:, None])[:, None, :, None]
    # A softmax over nothing has no gradient that is a number, so padding sees itself.
    own = is_padding & (slots[:, None] == slots)
    output = functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask | own, scale=scale, enable_gqa=True
    )
    return output.masked_fill(is_padding, 0.0)
