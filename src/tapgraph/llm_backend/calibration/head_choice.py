"""Choosing heads by score, the same way on every machine."""

from typing import Literal

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["GroupRule", "best_heads", "heads_to_keep", "retrieval_kv_heads"]

GroupRule = Literal["any", "maximum"]


def heads_to_keep(share: float, heads: int) -> int:
    """How many of `heads` a share is, rounded up; 0 only for a share of 0.

    Raises:
        UsageError: the share is not in 0..1.

    >>> heads_to_keep(0.14, 32), heads_to_keep(0.5, 8), heads_to_keep(0.0, 8)
    (5, 4, 0)
    """
    if not 0 <= share <= 1:
        raise UsageError(f"a share of heads must be in 0..1, got {share!r}")
    # 0.07 * 100 is a little more than 7.
    return int(-(-round(share * heads, 9) // 1))


def best_heads(scores: Tensor, count: int) -> Tensor:
    """The `count` heads with the highest scores; of equal ones the earlier layer, then head.

    Args:
        scores: `[layers, heads]`.
        count: 0 to all heads.

    Returns:
        bool `[layers, heads]`.
    """
    order = scores.flatten().argsort(descending=True, stable=True)
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    chosen.view(-1)[order[:count]] = True
    return chosen


def retrieval_kv_heads(
    echo: Tensor,
    induction: Tensor,
    kv_heads: int,
    *,
    echo_share: float,
    induction_share: float,
    rule: GroupRule,
) -> Tensor:
    """The KV heads that RazorAttention protects, section 3.2 of the paper.

    Args:
        echo: score of each query head, `[layers, heads]`.
        induction: score of each query head, `[layers, heads]`.
        kv_heads: KV heads of a layer.
        echo_share: share of all heads taken by echo score.
        induction_share: share of all heads taken by induction score.
        rule: "any", the paper's: the shares are of the query heads, and a group is protected if
            one of its query heads is chosen, so a larger share of KV heads may be. "maximum": a KV
            head has its group's highest score, and the shares are of the KV heads.

    Returns:
        bool `[layers, kv_heads]`.
    """
    if rule not in {"any", "maximum"}:
        raise UsageError(f"rule must be 'any' or 'maximum', got {rule!r}")
    layers, heads = echo.shape
    chosen = []
    for scores, share in ((echo, echo_share), (induction, induction_share)):
        ranked = scores
        if rule == "maximum":
            ranked = scores.view(layers, kv_heads, heads // kv_heads).amax(dim=-1)
        chosen.append(best_heads(ranked, heads_to_keep(share, ranked.numel())))
    either = chosen[0] | chosen[1]
    return either.view(layers, kv_heads, -1).any(dim=-1)
