"""What DHSA's boundary predictor has to learn: where later tokens change their interest.

2510.24606 version 1, section 3.2.
"""

import torch
from torch import Tensor

__all__ = ["future_mass_ratios", "usable_entries"]

_EPSILON = 1e-6
_SLAB_PROBABILITIES = 1 << 22


def future_mass_ratios(queries: Tensor, keys: Tensor, *, scale: float, window: int) -> Tensor:
    """How unequally later tokens attend to the two sides of each possible boundary.

    For a boundary behind token p: the attention, averaged over heads, that the tokens from
    `p + window + 1` on give to the tokens p - window + 1..p and to the tokens p + 1..p + window;
    the larger over the smaller. An integral image over the whole attention matrix would give these
    sums of rectangles; they all end in the last row and begin near the diagonal, so the column sums
    and a band of `2 * window` diagonals do the same in memory that grows with the length only. All
    is computed in float64, for small sums are differences of large ones.

    Args:
        queries: of one text, `[heads, tokens, head_dim]`.
        keys: `[kv_heads, tokens, head_dim]`.
        scale: what the dot products are multiplied with.
        window: tokens on each side.

    Returns:
        Float64 `[tokens - 2 * window + 1]`, all at least 1, entries as those of
        `BoundaryPredictor`.
    """
    columns, band = _column_sums(queries, keys, scale, 2 * window)
    tokens = len(columns)
    # The attention that a token gets from the first rows of its own, itself included.
    early = torch.cat((band.new_zeros((tokens, 1)), band.cumsum(dim=1)), dim=1)
    entries = torch.arange(window - 1, tokens - window, device=columns.device)
    past, future = torch.zeros_like(columns[entries]), torch.zeros_like(columns[entries])
    for offset in range(window):
        token = entries - offset
        past += columns[token] - early[token, window + 1 + offset]
        token = entries + 1 + offset
        future += columns[token] - early[token, window - offset]
    larger, smaller = torch.maximum(past, future), torch.minimum(past, future)
    return (larger.clamp(min=0) + _EPSILON) / (smaller.clamp(min=0) + _EPSILON)


def usable_entries(entries: int, window: int) -> slice:
    """The entries to learn from: those about tokens at least `2 * window` from both ends."""
    return slice(window + 1, max(window + 1, entries - window))


def _column_sums(queries: Tensor, keys: Tensor, scale: float, width: int) -> tuple[Tensor, Tensor]:
    """The attention each token gets, averaged over heads, in float64.

    Returns:
        `[tokens]`, in all; and `[tokens, width]`, from itself and from each of the next tokens.
    """
    heads, tokens, _ = queries.shape
    columns = torch.zeros(tokens, dtype=torch.float64, device=queries.device)
    band = torch.zeros((tokens, width), dtype=torch.float64, device=queries.device)
    rows = max(1, _SLAB_PROBABILITIES // (heads * tokens))
    group = heads // keys.shape[0]
    precise = keys.to(torch.float64)
    steps = torch.arange(width, device=queries.device)
    for first in range(0, tokens, rows):
        last = min(first + rows, tokens)
        slots = torch.arange(first, last, device=queries.device)
        block = queries[:, first:last].to(torch.float64)
        grouped = block.reshape(-1, group, last - first, block.shape[-1])
        scores = grouped @ precise[:, None, :last].transpose(-1, -2) * scale
        future = torch.arange(last, device=queries.device) > slots[:, None]
        weights = scores.masked_fill(future, -torch.inf).softmax(dim=-1).mean(dim=(0, 1))
        columns[:last] += weights.sum(dim=0)
        targets = slots[:, None] - steps
        is_real = targets >= 0
        row = (slots - first)[:, None].expand_as(targets)[is_real]
        step = steps.expand_as(targets)[is_real]
        band[targets[is_real], step] = weights[row, targets[is_real]]
    return columns, band
