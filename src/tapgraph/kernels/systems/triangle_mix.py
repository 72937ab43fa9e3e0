"""TriangleMix: in deep layers only the last queries read the middle of the prompt."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import (
    About,
    AttentionSystem,
    LayerAttention,
    LayerShape,
    Rotary,
)
from tapgraph.kernels.config_checks import check_least
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.sink_ring import SinkRing, attend_streaming
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput

__all__ = ["TriangleMix", "TriangleMixConfig", "TriangleMixLayer"]


@dataclass(frozen=True, slots=True)
class TriangleMixConfig:
    """The triangle; the defaults are those of the authors' code for Llama-3.1-8B.

    Attributes:
        sink_tokens: first tokens that every query reads.
        local_tokens: tokens before it, itself included, that every query reads.
        last_queries: queries at the end of a call that read everything.
        chunk: tokens of a prompt that are read at once.
        dense_share: the share of the layers, from the first on, that stay dense.
        dense_below: prompts shorter than this are read densely. Ours: the triangle pays on a CPU
            from about here on.
    """

    sink_tokens: int = 8
    local_tokens: int = 512
    last_queries: int = 128
    chunk: int = 4096
    dense_share: float = 0.5
    dense_below: int = 2048

    def __post_init__(self) -> None:
        check_least(self, sink_tokens=0, dense_below=0, local_tokens=1, last_queries=1, chunk=1)
        if not 0 <= self.dense_share <= 1:
            raise UsageError(f"dense_share must be in 0..1, got {self.dense_share!r}")


class TriangleMix(AttentionSystem):
    """Dense attention in shallow layers, triangle attention in deep ones, dense decode.

    He et al., "TriangleMix", 2507.21526, section 3: in deep layers what queries in the middle of
    the prompt read from the middle hardly matters for the answer; sink, window and the reading of
    the last queries do. Deviations:

    - A chunk does not know whether another one follows, so the last queries of every chunk read
      everything. With chunks of up to `last_queries` tokens the prompt is read densely.
    - The window is exact for each token, where the authors' kernel rounds it to blocks.
    """

    name: ClassVar[str] = "triangle_mix"
    about: ClassVar[About] = About(
        paper="TriangleMix: A Lossless and Efficient Attention Pattern for Long Context "
        "Prefilling, arXiv 2507.21526, 2025",
        saves="Time to read a long prompt, in half of the layers; no memory.",
        needs="Nothing: the pattern is fixed.",
        fails_when="The prompt comes in short chunks (nothing is gained), or what tokens in the "
        "middle learn from each other in deep layers is asked for.",
    )

    def __init__(self, config: TriangleMixConfig = TriangleMixConfig()) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """As its config says."""
        return self.config.dense_below

    @property
    def chunk_tokens(self) -> int:
        """As its config says."""
        return self.config.chunk

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> LayerAttention:  # noqa: ARG002
        """A dense layer, or one with the triangle."""
        if shape.index < self.config.dense_share * shape.layers:
            return DenseLayer(shape)
        return TriangleMixLayer(shape, self.config)


class TriangleMixLayer(FullCacheLayer):
    """One deep layer."""

    def __init__(self, shape: LayerShape, config: TriangleMixConfig) -> None:
        super().__init__(shape, dense_below=config.dense_below)
        self._config = config

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """All but the last queries read sink and window; the last one reads everything."""
        config, scale = self._config, self.shape.scale
        keys, values = self.keys, self.values
        q_len, kv_len = queries.shape[2], keys.shape[2]
        past, middle = kv_len - q_len, max(0, q_len - config.last_queries)
        parts = []
        if middle:
            ring = SinkRing(config.sink_tokens, config.local_tokens)
            if past:
                ring.append(keys[:, :, :past], values[:, :, :past])
            new = slice(past, past + middle)
            parts.append(
                attend_streaming(
                    ring,
                    queries[:, :, :middle],
                    keys[:, :, new],
                    values[:, :, new],
                    scale=scale,
                )
            )
        parts.append(attend_densely(queries[:, :, middle:], keys, values, scale=scale))
        return SparseOutput(torch.cat(parts, dim=2), LastRead())
