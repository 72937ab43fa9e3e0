"""Choosing: stable top-k and block pooling."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError

__all__ = ["Pooling", "listed", "pool_blocks", "top_k"]

Pooling = Literal["mean", "max", "sum"]


def top_k(scores: Tensor, count: int) -> Tensor:
    """The places of the `count` largest scores along the last axis.

    Of equal scores the one with the lowest place wins, so the result is the same on every machine.
    Places come in ascending order, those of scores that are -inf after all others (they are taken
    only when nothing else is left). There must be no NaN.

    Args:
        scores: `[..., tokens]`.
        count: 0 to `tokens`.

    Returns:
        int64 `[..., count]`.

    Raises:
        UsageError: `count` is negative or larger than `tokens`.

    >>> top_k(torch.tensor([1.0, 3.0, 3.0, 3.0, -float("inf")]), 2).tolist()
    [1, 2]
    """
    tokens = scores.shape[-1]
    if not 0 <= count <= tokens:
        raise UsageError(f"count must be in 0..{tokens}, got {count}")
    best = scores.topk(count, dim=-1, sorted=False)
    places = best.indices.sort(dim=-1).values
    if count == 0:
        return places
    least = best.values.amin(dim=-1, keepdim=True)
    if int((scores >= least).sum()) > places.numel():
        places = _lowest_of_equals(scores, least, count)
    if not bool(least.isneginf().any()):
        return places
    empty = scores.gather(-1, places).isneginf()
    return (places + empty * tokens).sort(dim=-1).values % tokens


def pool_blocks(tensor: Tensor, block: int, how: Pooling, *, dim: int = -1) -> Tensor:
    """One entry for each block of `block` neighbours along `dim`; the last block may be shorter.

    Args:
        tensor: scores `[..., tokens]` with `dim` -1, or vectors `[..., tokens, head_dim]` with
            `dim` -2.
        block: tokens for one block.
        how: over the real tokens of the block; a short last block's mean has its own length.
        dim: the axis of the tokens.

    Returns:
        As `tensor`, with ceil(tokens / block) entries along `dim`.

    Raises:
        UsageError: `block` is not at least 1.

    >>> pool_blocks(torch.tensor([1.0, 2.0, 6.0]), 2, "mean").tolist()
    [1.5, 6.0]
    """
    if block < 1:
        raise UsageError(f"block must be at least 1, got {block}")
    last = tensor.movedim(dim, -1)
    tokens = last.shape[-1]
    blocks = -(-tokens // block)
    fill = float("-inf") if how == "max" else 0.0
    folded = functional.pad(last, (0, blocks * block - tokens), value=fill)
    folded = folded.reshape(*last.shape[:-1], blocks, block)
    pooled = folded.amax(dim=-1) if how == "max" else folded.sum(dim=-1)
    if how == "mean":
        lengths = torch.full((blocks,), block, dtype=pooled.dtype, device=pooled.device)
        lengths[-1] = tokens - (blocks - 1) * block
        pooled = pooled / lengths
    return pooled.movedim(-1, dim)


def _lowest_of_equals(scores: Tensor, least: Tensor, count: int) -> Tensor:
    above = scores > least
    equal = scores == least
    room = count - above.sum(dim=-1, keepdim=True)
    kept = above | (equal & (equal.cumsum(dim=-1) <= room))
    return kept.nonzero()[:, -1].view(*scores.shape[:-1], count)


def listed(places: Tensor, tokens: int) -> Tensor:
    """Which tokens a list names: bool `[..., tokens]`.

    Args:
        places: int64 `[..., most]`; what is negative names nothing.
        tokens: how many tokens there are.

    >>> listed(torch.tensor([2, -1, 0]), 4).tolist()
    [True, False, True, False]
    """
    flags = torch.zeros((*places.shape[:-1], tokens + 1), dtype=torch.bool, device=places.device)
    flags.scatter_(-1, torch.where(places < 0, tokens, places), True)
    return flags[..., :tokens]
