"""Scores from int4 or int8 vectors, with the smoothing that makes few bits enough.

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
    "quantized_scores",
    "smooth",
    "token_groups",
]

Bits = Literal[4, 8]


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Vectors and what was taken from them.

    Attributes:
        vectors: `[batch, heads, tokens, head_dim]`, their mean over the real tokens is zero.
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


def smooth(vectors: Tensor, starts: Tensor | None = None) -> Smoothed:
    """Vectors without their mean over the tokens, in float32 (float64 for float64).

    Taken from keys, the mean shifts all scores of a query alike, which no softmax sees. Taken from
    queries, the term mean · key is lost and must be added to the scores again.

    Args:
        vectors: `[batch, heads, tokens, head_dim]`.
        starts: int64 `[batch]`, the slot of each row's first real token; padding does not count
            for the mean.
    """
    exact = torch.float64 if vectors.dtype == torch.float64 else torch.float32
    vectors = vectors.to(exact)
    if starts is None:
        mean = vectors.mean(dim=2, keepdim=True)
    else:
        slots = torch.arange(vectors.shape[2], device=vectors.device)
        real = (slots >= starts[:, None])[:, None, :, None]
        mean = (vectors * real).sum(dim=2, keepdim=True)
        mean = mean / real.sum(dim=2, keepdim=True).clamp(min=1)
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
    exact = torch.float64 if vectors.dtype == torch.float64 else torch.float32
    largest = 2 ** (bits - 1) - 1
    magnitudes = vectors.abs().amax(dim=-1).to(exact)
    count = int(groups.max()) + 1 if tokens else 0
    by_group = magnitudes.new_zeros((batch, heads, count)).scatter_reduce(
        2, groups.expand_as(magnitudes), magnitudes, "amax"
    )
    scales = (by_group / largest)[:, :, groups, None]
    codes = torch.round(vectors / torch.where(scales == 0, 1.0, scales))
    return Quantized(codes.clamp(-largest, largest).to(torch.int8), scales)


def quantized_scores(queries: Quantized, keys: Quantized, *, scale: float) -> Tensor:
    """Estimated scores, scale * query · key, `[batch, heads, q_len, kv_len]`; nothing is masked.

    The integer products are exact: torch multiplies matrices of integers slowly on a CPU, but
    float32 holds sums of up to 1,040 products of 8-bit codes without rounding.

    Args:
        queries: of `[batch, heads, q_len, head_dim]`.
        keys: of `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head h // group.
        scale: what the dot products are multiplied with.

    Raises:
        UsageError: heads are not divisible.
    """
    batch, heads, q_len, head_dim = queries.codes.shape
    kv_heads = keys.codes.shape[1]
    if heads % kv_heads:
        raise UsageError(f"heads must be a multiple of kv_heads, got {heads} and {kv_heads}")
    grouped = queries.codes.reshape(batch, kv_heads, -1, head_dim).to(torch.float32)
    products = grouped @ keys.codes.to(torch.float32).transpose(-1, -2)
    products = products.to(keys.scales.dtype) * keys.scales.transpose(-1, -2)
    return products.view(batch, heads, q_len, -1) * (queries.scales * scale)
