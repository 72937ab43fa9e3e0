"""Vectors in int4 or int8, with the smoothing that makes few bits enough.

Zhang et al., "SageAttention2", 2411.10958, section 3.1: channels of keys (and queries) share large
offsets; without them the remaining differences need far fewer bits. Codes stay one to a byte here,
since torch has no type for half of one.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = [
    "Bits",
    "Quantized",
    "Smoothed",
    "quantize",
    "smooth",
    "token_groups",
]

Bits = Literal[4, 8]


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Vectors and what was taken from them.

    Attributes:
        vectors: `[batch, heads, tokens, head_dim]`, their mean over the tokens is zero.
        mean: `[batch, heads, 1, head_dim]`; `vectors + mean` are the original ones.
    """

    vectors: Tensor
    mean: Tensor


@dataclass(frozen=True, slots=True)
class Quantized:
    """Vectors as small integers.

    Attributes:
        codes: int8 `[batch, heads, tokens, head_dim]`, in -7..7 or -127..127.
        scales: `[batch, heads, tokens, 1]`; `codes * scales` approximates the vectors. Tokens of
            one group have the same.
    """

    codes: Tensor
    scales: Tensor

    def vectors(self) -> Tensor:
        """`[batch, heads, tokens, head_dim]` in the dtype of the scales."""
        return self.codes * self.scales


def smooth(vectors: Tensor) -> Smoothed:
    """Vectors without their mean over the tokens, in float32 (float64 for float64).

    Taken from keys, the mean shifts all scores of a query alike, which no softmax sees. Taken from
    queries, the term mean · key is lost and must be added to the scores again.

    Args:
        vectors: `[batch, heads, tokens, head_dim]`.
    """
    exact = torch.promote_types(vectors.dtype, torch.float32)
    vectors = vectors.to(exact)
    mean = vectors.mean(dim=2, keepdim=True)
    return Smoothed(vectors - mean, mean)


def token_groups(tokens: int, size: int, device: torch.device | None = None) -> Tensor:
    """Group numbers, int64 `[tokens]`, of neighbours in groups of `size`.

    >>> token_groups(5, 2).tolist()
    [0, 0, 1, 1, 2]
    """
    if size < 1:
        raise UsageError(f"a group must have at least 1 token, got {size}")
    return torch.arange(tokens, device=device) // size


def quantize(vectors: Tensor, bits: Bits, groups: Tensor) -> Quantized:
    """Symmetric quantisation: a group's largest magnitude becomes 7 (4 bits) or 127 (8 bits).

    Args:
        vectors: `[batch, heads, tokens, head_dim]`.
        bits: 4 or 8.
        groups: int64 `[tokens]`, which tokens share a scale; numbers from 0, in any order.

    Raises:
        UsageError: other bits, or not one group number for each token.
    """
    if bits not in {4, 8}:
        raise UsageError(f"bits must be 4 or 8, got {bits!r}")
    batch, heads, tokens, _ = vectors.shape
    if groups.shape != (tokens,):
        raise UsageError(f"groups must be [{tokens}], got {list(groups.shape)}")
    exact = torch.promote_types(vectors.dtype, torch.float32)
    largest = 2 ** (bits - 1) - 1
    magnitudes = vectors.abs().amax(dim=-1).to(exact)
    count = int(groups.max()) + 1 if tokens else 0
    by_group = magnitudes.new_zeros((batch, heads, count)).scatter_reduce(
        2, groups.expand_as(magnitudes), magnitudes, "amax"
    )
    scales = (by_group / largest)[:, :, groups, None]
    codes = torch.round(vectors / torch.where(scales == 0, 1.0, scales))
    return Quantized(codes.clamp(-largest, largest).to(torch.int8), scales)
