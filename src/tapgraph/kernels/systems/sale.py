"""SALE: estimate all scores with 4 bits, then read only the blocks that matter."""

from typing import ClassVar

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.sale_map import SaleConfig, near_blocks, sale_attention

__all__ = ["Sale", "SaleConfig", "SaleLayer"]

_DEFAULTS = SaleConfig()


class Sale(AttentionSystem):
    """Sparse prefill over blocks whose estimated attention passes a threshold of their head.

    "SALE: Low-bit Estimation for Efficient Sparse Attention in Long-context LLM Prefilling",
    2505.24179. All scores of the prompt are estimated from 4-bit queries and keys (section 3.1); a
    block of keys is read by a block of queries if any of its scores is large relative to the sink
    and local keys (3.2, 3.3); thresholds are calibrated for each head (3.4). Decode is dense.

    Deviations:
        - The two-pass form alone: the threshold is not sharpened along the scan.
        - A chunk of the prompt may follow earlier ones. Its query blocks are counted from its own
          beginning, and means are those of the tokens seen so far, so the choice (never its
          guarantee) depends on the chunk length.
        - Codes are multiplied with their scales before the product, which is taken in float32
          (float64 for float64): torch has no 4-bit product.
        - Kept blocks are computed in the model's own precision, not in 8 bits.

    Args:
        config: settings.
        thresholds: `[layers, heads]`, calibrated; None takes `config.threshold` for all heads.

    Raises:
        UsageError: thresholds that are not `[layers, heads]` in 0..1.
    """

    name: ClassVar[str] = "sale"
    about: ClassVar[About] = About(
        paper="SALE: Low-bit Estimation for Efficient Sparse Attention in Long-context LLM "
        "Prefilling, arXiv 2505.24179, 2025",
        saves="Prefill time: only blocks of 64 queries and 32 keys that matter are computed. "
        "Memory and decode stay dense.",
        needs="A threshold for each head, calibrated on a few synthetic samples in minutes.",
        fails_when="All scores are still estimated, so below about 16K tokens, or on hardware "
        "without fast low-bit products, the selection costs what it saves; many small weights "
        "below the threshold can add up.",
    )

    def __init__(self, config: SaleConfig = _DEFAULTS, thresholds: Tensor | None = None) -> None:
        if thresholds is not None:
            if thresholds.dim() != 2 or not thresholds.is_floating_point():
                raise UsageError(
                    "thresholds must be floating point [layers, heads], "
                    f"got {thresholds.dtype} {list(thresholds.shape)}"
                )
            if not bool(((thresholds >= 0) & (thresholds < 1)).all()):
                raise UsageError("every threshold must be at least 0 and below 1")
        self.config = config
        self.thresholds = thresholds

    @property
    def dense_below(self) -> int:
        """As its config says."""
        return self.config.dense_below

    @property
    def is_calibrated(self) -> bool:
        """Whether each head has a threshold of its own."""
        return self.thresholds is not None

    @property
    def chunk_tokens(self) -> int:
        """As its config says."""
        return self.config.chunk

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "SaleLayer":  # noqa: ARG002
        """A layer with the thresholds of its heads.

        Raises:
            UsageError: the thresholds are another model's, or the keys carry a highlight.
        """
        if shape.extra_channels:
            raise UsageError(
                "attention 'sale' chooses by keys in 4 bits, which cannot hold a highlight beside "
                "a key; use another system"
            )
        if self.thresholds is None:
            thresholds = torch.full((shape.heads,), self.config.threshold)
        elif self.thresholds.shape != (shape.layers, shape.heads):
            raise UsageError(
                f"thresholds must be [{shape.layers}, {shape.heads}] for this model, "
                f"got {list(self.thresholds.shape)}"
            )
        else:
            thresholds = self.thresholds[shape.index]
        return SaleLayer(shape, self.config, thresholds)


class SaleLayer(FullCacheLayer):
    """One layer of SALE.

    Args:
        shape: the layer.
        config: settings.
        thresholds: `[heads]`.
    """

    def __init__(self, shape: LayerShape, config: SaleConfig, thresholds: Tensor) -> None:
        super().__init__(shape, dense_below=config.dense_below)
        self._config = config
        self._thresholds = thresholds
        self._is_sparse = thresholds >= config.dense_threshold

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Choose blocks by their estimated scores and attend to them."""
        if not bool(self._is_sparse.any()):
            return self.attend_to_all(queries)
        result = sale_attention(
            queries,
            self.keys,
            self.values,
            self._thresholds,
            scale=self.shape.scale,
            config=self._config,
        )
        scored = self._scored(queries.shape[2], self.tokens_seen)
        last_read = LastRead(result.kept[0, :, -1], self._config.key_block, scored)
        return SparseOutput(result.output, last_read)

    def _scored(self, q_len: int, kv_len: int) -> float:
        """Keys whose scores with the last query were estimated, mean over KV heads."""
        _, middle = near_blocks(q_len, kv_len, self._config)
        by_group = self._is_sparse.view(self.shape.kv_heads, self.shape.group).any(dim=1)
        return float(middle[-1].sum()) * self._config.key_block * float(by_group.double().mean())
