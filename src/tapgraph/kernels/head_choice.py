"""Choosing heads by score, the same way on every machine."""

from typing import Literal

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["GroupRule", "best_heads", "best_share", "heads_to_keep", "retrieval_kv_heads"]

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


def best_share(scores: Tensor, share: float) -> Tensor:
    """The share of heads with the highest scores, among those that can be chosen.

    Args:
        scores: `[layers, heads]`; -inf for heads of layers with a sliding window of their own,
            which keep that window whatever is chosen.
        share: 0..1 of the other heads, rounded up to whole ones.

    Returns:
        bool `[layers, heads]`.

    Raises:
        UsageError: the share is not in 0..1.

    >>> best_share(torch.tensor([[0.1, 0.9], [-torch.inf, -torch.inf]]), 0.5).tolist()
    [[False, True], [False, False]]
    """
    return best_heads(scores, heads_to_keep(share, int(scores.isfinite().sum())))


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
        echo: score of each query head, `[layers, heads]`; -inf as for `best_share`.
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
        chosen.append(best_share(ranked, share))
    either = chosen[0] | chosen[1]
    return either.view(layers, kv_heads, -1).any(dim=-1)
