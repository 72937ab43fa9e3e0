"""Which columns of a prompt chosen heads attend to more than to the others, and by how much.

PASTA (Zhang et al., 2311.02262, equation 2): in a chosen head the attention on prompt tokens that
are not highlighted is multiplied with `alpha` and every row is normalised anew. That is the
softmax of scores with ln(alpha) added in these columns (AutoPASTA, 2409.10790, equation 3). Tokens
after the prompt keep their scores.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape

__all__ = ["Highlight", "Spans", "Steering"]

Spans = tuple[tuple[int, int], ...]
"""Where highlighted tokens begin, and one after their ends; ascending and apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Steering:
    """The heads that follow highlights.

    Attributes:
        heads: bool `[layers, heads]`, query heads; at least one.
        alpha: what attention on other prompt tokens is multiplied with; above 0, and 1 for nothing.
    """

    heads: Tensor
    alpha: float

    def __post_init__(self) -> None:
        if self.heads.dim() != 2 or self.heads.dtype != torch.bool or not bool(self.heads.any()):
            raise UsageError(
                "steered heads must be bool [layers, heads], at least one of them true, "
                f"got {self.heads.dtype} {list(self.heads.shape)}"
            )
        if not 0 < self.alpha <= 1:
            raise UsageError(f"alpha must be above 0 and at most 1, got {self.alpha!r}")

    def check(self, shape: LayerShape) -> None:
        """Raise unless it is for a model with this layer."""
        if self.heads.shape != (shape.layers, shape.heads):
            raise UsageError(
                f"steered heads must be [{shape.layers}, {shape.heads}] for this model, "
                f"got {list(self.heads.shape)}"
            )

    def heads_of(self, layer: int) -> tuple[int, ...]:
        """The steered query heads of a layer; none where nothing changes."""
        if self.alpha == 1:
            return ()
        return tuple(self.heads[layer].nonzero()[:, 0].tolist())

    @property
    def log_alpha(self) -> float:
        """What is added to the scores of other prompt tokens."""
        return math.log(self.alpha)


@dataclass(frozen=True, slots=True, eq=False)
class Highlight:
    """The highlighted tokens of one prompt.

    Attributes:
        steering: of the model.
        prompt_tokens: how long the prompt is; later tokens are neither favoured nor hindered.
        spans: see `Spans`; at least one, all inside the prompt.
    """

    steering: Steering
    prompt_tokens: int
    spans: Spans

    def __post_init__(self) -> None:
        edges = [edge for span in self.spans for edge in span]
        is_inside = bool(edges) and edges[0] >= 0 and edges[-1] <= self.prompt_tokens
        if not is_inside or edges != sorted(set(edges)):
            raise UsageError(
                f"highlighted spans must be inside the prompt of {self.prompt_tokens} tokens, "
                f"ascending and apart, got {list(self.spans)}"
            )

    @property
    def first(self) -> int:
        """The first highlighted token: whoever stands before it sees none, and is as without."""
        return self.spans[0][0]

    def columns(self) -> Tensor:
        """What is added to the scores of each prompt token, float64 `[prompt_tokens]`."""
        added = torch.full((self.prompt_tokens,), self.steering.log_alpha, dtype=torch.float64)
        for begin, end in self.spans:
            added[begin:end] = 0
        return added
