"""A judge that may decline: how often it speaks, and how often it is wrong then."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.evals.stats import Estimate, wilson

__all__ = ["Curve", "Spared", "best_threshold", "curve_of", "fitted_temperature", "spared_at"]


@dataclass(frozen=True, slots=True)
class Spared:
    """What a threshold spares and lets through.

    Attributes:
        spared: share of the steps that are judged without the Reflector.
        wrong: share of those whose verdict is wrong.
        false_successes: share of those that are held for A and are not.
    """

    threshold: float
    spared: Estimate
    wrong: Estimate
    false_successes: Estimate


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of wrong verdicts among the surest steps, for so large parts of all."""

    parts: tuple[float, ...]
    wrong: tuple[float, ...]


def fitted_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature with the least negative log likelihood (Guo et al. 2017), of 0.5 to 5.

    Args:
        logits: `[steps, verdicts]`.
        labels: `[steps]`, indices.
    """
    grid = torch.linspace(0.5, 5.0, 91)
    losses = [torch.nn.functional.cross_entropy(logits / one, labels) for one in grid]
    return float(grid[int(torch.stack(losses).argmin())])


def spared_at(threshold: float, shares: Tensor, labels: Tensor) -> Spared:
    """What is spared where the likeliest verdict has at least this share.

    Args:
        threshold: from 0 to 1.
        shares: `[steps, verdicts]`, that sum to 1.
        labels: `[steps]`.
    """
    confidence, verdict = shares.max(dim=-1)
    is_spared = confidence >= threshold
    is_wrong = is_spared & (verdict != labels)
    spared = int(is_spared.sum())
    return Spared(
        threshold,
        wilson(spared, len(labels)),
        wilson(int(is_wrong.sum()), spared),
        wilson(int((is_wrong & (verdict == 0)).sum()), spared),
    )


def best_threshold(shares: Tensor, labels: Tensor, *, most_wrong: float) -> float:
    """The lowest confidence from which on at most this share of verdicts is wrong; 1 where none."""
    confidence, verdict = shares.max(dim=-1)
    order = confidence.argsort(descending=True)
    wrong = (verdict != labels)[order].cumsum(0) / torch.arange(1, len(labels) + 1)
    allowed = (wrong <= most_wrong).nonzero()
    return float(confidence[order][int(allowed[-1])]) if len(allowed) else 1.0


def curve_of(
    shares: Tensor, labels: Tensor, parts: Sequence[float] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
) -> Curve:
    """How wrong the surest parts are, whatever their confidence is called."""
    confidence, verdict = shares.max(dim=-1)
    wrong = (verdict != labels)[confidence.argsort(descending=True)].double()
    counts = [max(1, round(part * len(labels))) for part in parts]
    return Curve(tuple(parts), tuple(float(wrong[:count].mean()) for count in counts))
