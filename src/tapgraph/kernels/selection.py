"""Choosing: stable top-k, and sums of blocks."""

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError

__all__ = ["listed", "sum_blocks", "top_k"]


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


def sum_blocks(tensor: Tensor, block: int, *, dim: int = -1) -> Tensor:
    """The sum of each block of `block` neighbours along `dim`; the last block may be shorter.

    Args:
        tensor: of any shape.
        block: entries for one block, at least 1.
        dim: the axis.

    Returns:
        As `tensor`, with ceil(entries / block) entries along `dim`.

    >>> sum_blocks(torch.tensor([1.0, 2.0, 6.0]), 2).tolist()
    [3.0, 6.0]
    """
    last = tensor.movedim(dim, -1)
    padded = functional.pad(last, (0, -last.shape[-1] % block))
    return padded.reshape(*last.shape[:-1], -1, block).sum(dim=-1).movedim(-1, dim)


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
