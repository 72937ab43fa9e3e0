"""Rotary position embedding for those who have no model at hand."""

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import Rotary

__all__ = ["PlainRotary"]


class PlainRotary(Rotary):
    """RoPE as in Llama: channel i turns together with channel i + head_dim / 2.

    Su et al., "RoFormer", 2104.09864, section 3.2.2, with the halves instead of neighbours paired.
    Angles are computed in float64, so that a float64 test sees no other rounding.

    Args:
        base: the slowest channel pair turns by 1 radian in about `base` tokens.
    """

    def __init__(self, base: float = 10_000.0) -> None:
        if base <= 0:
            raise UsageError(f"base must be positive, got {base!r}")
        self.base = base

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Rotate vectors `[batch, heads, tokens, head_dim]`.

        Args:
            vectors: an even `head_dim`.
            positions: integers, `[batch, tokens]` or `[batch, heads, tokens]`.

        Raises:
            UsageError: `head_dim` is odd, or the positions have another shape.
        """
        batch, heads, tokens, head_dim = vectors.shape
        if head_dim % 2:
            raise UsageError(f"head_dim must be even, got {head_dim}")
        if positions.dim() == 2:
            positions = positions[:, None]
        if positions.shape not in {(batch, 1, tokens), (batch, heads, tokens)}:
            raise UsageError(
                f"positions must be [{batch}, {tokens}] or [{batch}, {heads}, {tokens}], "
                f"got {list(positions.shape)}"
            )
        exponents = torch.arange(0, head_dim, 2, dtype=torch.float64, device=vectors.device)
        frequencies = self.base ** (-exponents / head_dim)
        angles = positions[..., None].to(torch.float64) * frequencies
        cosines, sines = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
        first, second = vectors.chunk(2, dim=-1)
        return torch.cat(
            (first * cosines - second * sines, second * cosines + first * sines), dim=-1
        )

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """What `vectors` were before they were rotated; arguments and errors as in a call."""
        return self(vectors, -positions)
