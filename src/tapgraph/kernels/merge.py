"""Partial attention outputs and their exact merge."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Partial", "merge"]


@dataclass(frozen=True, slots=True)
class Partial:
    """Attention over a part of the keys.

    Attributes:
        output: `[batch, heads, tokens, head_dim]`, normalised over this part alone.
        log_sum_exp: `[batch, heads, tokens]`, natural logarithm of the softmax denominator; -inf
            where the part is empty (the output is zero there). Float32, or float64 for float64
            inputs.
    """

    output: Tensor
    log_sum_exp: Tensor


def merge(parts: Sequence[Partial]) -> Partial:
    """Attention over the union of disjoint parts.

    The denominator of the union is the sum of the parts' denominators, so each output is weighted
    with exp(log_sum_exp - log_sum_exp of the union) (FlashDecoding's split merge). These weights
    are a softmax: taken so they add up to 1 even where the log-sum-exps are large and coarse.
    Outputs are added in the precision of `log_sum_exp`.
    """
    normalisers = torch.stack([part.log_sum_exp for part in parts])
    total = torch.logsumexp(normalisers, dim=0)
    # Where all parts are empty the softmax is not a number.
    weights = torch.where(total.isneginf(), 0.0, torch.softmax(normalisers, dim=0))
    output = sum(
        (
            part.output.to(total.dtype) * weight.unsqueeze(-1)
            for part, weight in zip(parts, weights, strict=True)
        ),
        start=torch.zeros_like(parts[0].output, dtype=total.dtype),
    )
    return Partial(output.to(parts[0].output.dtype), total)
