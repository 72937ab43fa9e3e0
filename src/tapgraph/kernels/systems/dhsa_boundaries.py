"""Where DHSA cuts a text into chunks: a small predictor over keys, and what is made of its logits.

"Long-Context Modeling with Dynamic Hierarchical Sparse Attention for On-Device LLMs", 2510.24606,
version 1, section 3.2.
"""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from tapgraph.errors import UsageError

__all__ = [
    "BoundaryPredictor",
    "choose_boundaries",
    "fixed_boundaries",
    "suppress_neighbours",
]

_SLAB_WINDOWS = 4096
"""So many windows are encoded at a time."""


class BoundaryPredictor(nn.Module):
    """Logits for a chunk ending at each token, from the keys to its left and right.

    One encoder (attention among the keys of a window, a residual, a layer norm, the mean) is shared
    by both sides; a window that is the right side of one token is the left side of another, so each
    is encoded once. The features [left, right, |left - right|, left * right, cosine] go
    through one hidden layer. One predictor serves all layers of a model.

    Args:
        channels: KV heads times head_dim; the keys of all KV heads lie behind each other.
        window: keys on each side.
        heads: of the encoder's attention; must divide `channels`.
        hidden: width of the hidden layer.
    """

    def __init__(
        self, channels: int, *, window: int = 4, heads: int = 4, hidden: int = 256
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise UsageError(f"heads must divide channels {channels}, got {heads!r}")
        if window < 1:
            raise UsageError(f"window must be at least 1, got {window!r}")
        self.channels = channels
        self.window = window
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.norm = nn.LayerNorm(channels)
        self.judge = nn.Sequential(
            nn.Linear(4 * channels + 1, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor], *, window: int, heads: int) -> Self:
        """The predictor with these weights, as `state_dict` gave them.

        Raises:
            UsageError: weights of something else.
        """
        try:
            channels, hidden = weights["norm.weight"].shape[0], weights["judge.0.weight"].shape[0]
            predictor = cls(channels, window=window, heads=heads, hidden=hidden)
            predictor.load_state_dict(dict(weights))
        except (KeyError, RuntimeError) as error:
            raise UsageError(f"not the weights of a boundary predictor: {error}") from error
        return predictor

    def forward(self, keys: Tensor) -> Tensor:
        """Logits of all tokens that have a whole window on both sides.

        Args:
            keys: `[batch, tokens, channels]`, after the rotary embedding.

        Returns:
            Float32 `[batch, tokens - 2 * window + 1]` (none for fewer tokens); entry i is about a
            boundary between the tokens `i + window - 1` and `i + window`.
        """
        batch, tokens, _ = keys.shape
        if tokens < 2 * self.window:
            return keys.new_zeros((batch, 0), dtype=torch.float32)
        logits = []
        for first in range(0, tokens - 2 * self.window + 1, _SLAB_WINDOWS):
            encoded = self._encode(keys[:, first : first + _SLAB_WINDOWS + 2 * self.window - 1])
            left, right = encoded[:, : -self.window], encoded[:, self.window :]
            cosine = functional.cosine_similarity(left, right, dim=-1)[..., None]
            features = torch.cat((left, right, (left - right).abs(), left * right, cosine), dim=-1)
            logits.append(self.judge(features)[..., 0])
        return torch.cat(logits, dim=1)

    def _encode(self, keys: Tensor) -> Tensor:
        """One vector for each window, `[batch, tokens - window + 1, channels]`."""
        windows = keys.to(torch.float32).unfold(1, self.window, 1).movedim(-1, 2)
        flat = windows.flatten(0, 1)
        attended, _ = self.attention(flat, flat, flat, need_weights=False)
        normed: Tensor = self.norm(flat + attended)
        return normed.mean(dim=1).view(*windows.shape[:2], -1)


def fixed_boundaries(tokens: int, chunk: int, device: torch.device | None = None) -> Tensor:
    """Boundaries of chunks of equal length; the last chunk may be shorter.

    >>> fixed_boundaries(7, 3).tolist()
    [0, 3, 6, 7]
    """
    inner = torch.arange(0, tokens, chunk, device=device)
    return torch.cat((inner, inner.new_tensor([tokens])))


def choose_boundaries(
    logits: Tensor,
    tokens: int,
    *,
    least_logit: float,
    distance: int,
    most: int,
    forced_before_end: int = 0,
) -> Tensor:
    """Boundaries where the predictor is sure enough, none near a better one.

    Args:
        logits: `[tokens - 2 * window + 1]`, as `BoundaryPredictor` gives them.
        tokens: length of the text.
        least_logit: a boundary's logit is larger than this.
        distance: of two boundaries at most this far apart the one with the smaller logit goes.
        most: so many of the best are kept.
        forced_before_end: a boundary stands so many tokens before the end in any case, if the text
            is longer; 0 for none.

    Returns:
        int64 `[chunks + 1]`, ascending from 0 to `tokens`: chunk c holds the tokens from entry c
        up to entry c + 1, without it.
    """
    window = (tokens - len(logits) + 1) // 2
    kept = suppress_neighbours(logits.masked_fill(logits <= least_logit, -torch.inf), distance)
    places = kept.nonzero()[:, 0]
    if len(places) > most:
        best = logits[places].argsort(descending=True, stable=True)[:most]
        places = places[best].sort().values
    is_boundary = torch.zeros(tokens + 1, dtype=torch.bool, device=logits.device)
    is_boundary[places + window] = True
    is_boundary[[0, tokens, max(0, tokens - forced_before_end)]] = True
    return is_boundary.nonzero()[:, 0]


def suppress_neighbours(scores: Tensor, distance: int) -> Tensor:
    """Greedy non-maximum suppression along one axis, all safe choices of a round at once.

    Args:
        scores: `[places]`; -inf can never be kept. Of equal ones the first is the better.
        distance: a kept place removes all others at most this far away.

    Returns:
        bool `[places]`.
    """
    ranks = torch.empty(len(scores), dtype=torch.float64, device=scores.device)
    order = scores.argsort(descending=True, stable=True)
    ranks[order] = torch.arange(len(scores), 0, -1, dtype=torch.float64, device=scores.device)
    ranks = ranks.masked_fill(scores.isneginf(), 0.0)
    kept = torch.zeros_like(scores, dtype=torch.bool)
    while bool((ranks > 0).any()):
        best = _highest_near(ranks, distance)
        new = (ranks == best) & (ranks > 0)
        kept |= new
        near_new = _highest_near(new.to(torch.float64), distance) > 0
        ranks = ranks.masked_fill(near_new, 0.0)
    return kept


def _highest_near(numbers: Tensor, distance: int) -> Tensor:
    pooled: Tensor = functional.max_pool1d(
        numbers[None], 2 * distance + 1, stride=1, padding=distance
    )
    return pooled[0]
