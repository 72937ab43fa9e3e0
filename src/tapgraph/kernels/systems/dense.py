"""Dense attention: everything is kept and everything is read."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.masks import visible
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.part_layer import PartLayer, ReadPast

__all__ = ["Dense", "DenseConfig", "DenseLayer"]

_QUERY_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class DenseConfig:
    """Dense attention has no settings."""


class Dense(AttentionSystem):
    """Softmax over the whole past: what every other system is compared with."""

    name: ClassVar[str] = "dense"
    about: ClassVar[About] = About(
        paper="Attention Is All You Need, arXiv 1706.03762, 2017",
        saves="Nothing; but memory grows by pages, so that a new token copies no old ones.",
        needs="Nothing.",
        fails_when="Never wrong; time and memory grow with the context.",
    )
    same_in_chunks: ClassVar[bool] = True
    shares_pages: ClassVar[bool] = True

    def __init__(self, config: DenseConfig = DenseConfig()) -> None:
        self.config = config

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "DenseLayer":  # noqa: ARG002
        """A layer that keeps all keys and values as they come."""
        return DenseLayer(shape)


class DenseLayer(FullCacheLayer, PartLayer):
    """Dense attention of one layer, on request over a sliding window only.

    With a window the whole past is still kept, for those who want to see it (`observe_attention`);
    `WindowLayer` keeps the window only.

    Args:
        shape: the layer.
        window: how many tokens a query sees, itself included, in models whose own attention has
            a window; None for all of them.
    """

    def __init__(self, shape: LayerShape, window: int | None = None) -> None:
        super().__init__(shape)
        if window is not None and window < 1:
            raise UsageError(f"window must be at least 1, got {window!r}")
        self._window = window

    def adopt(self, past: ReadPast) -> None:
        """Store tokens that were read already."""
        self._store.append(past.keys, past.values)
        self._note_starts(past.starts)

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend to everything that each query may see."""
        if self._window is None:
            return self.attend_to_all(queries, starts)
        return SparseOutput(self._attend_in_window(queries, starts, self._window), LastRead())

    def attend_to_one(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend to everything that the newest token may see."""
        return self.attend_sparsely(queries, starts)

    def kept_by_last_query(self) -> Tensor:
        """All real slots, or those of the window."""
        kept = super().kept_by_last_query()
        if self._window is not None:
            kept = kept.clone()
            kept[..., : max(0, self.tokens_seen - self._window)] = False
        return kept

    def _reached(self, first: int, end: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the slots from `first` to `end`."""
        return self.keys[:, :, first:end], self.values[:, :, first:end]

    def _attend_in_window(self, queries: Tensor, starts: Tensor, window: int) -> Tensor:
        """Blocks of queries, each over the keys that its window reaches."""
        tokens = queries.shape[2]
        before = self.tokens_seen - tokens
        outputs = []
        for first in range(0, tokens, _QUERY_BLOCK):
            last = min(first + _QUERY_BLOCK, tokens)
            reach = slice(max(0, before + first - window + 1), before + last)
            keys, values = self._reached(reach.start, reach.stop)
            inner_starts = (starts - reach.start).clamp(min=0)
            # The one query of a decode step sees all that its window reaches.
            if tokens == 1:
                return attend_densely(
                    queries, keys, values, scale=self.shape.scale, starts=inner_starts
                )
            slots = torch.arange(keys.shape[2], device=keys.device)
            seen = visible(last - first, keys.shape[2], inner_starts) & (
                slots > slots[slots.numel() - (last - first) :, None] - window
            )
            outputs.append(
                functional.scaled_dot_product_attention(
                    queries[:, :, first:last],
                    keys,
                    values,
                    attn_mask=seen,
                    scale=self.shape.scale,
                    enable_gqa=True,
                )
            )
        slots = torch.arange(before, before + tokens, device=starts.device)
        is_padding = slots < starts[:, None]
        return torch.cat(outputs, dim=2).masked_fill(is_padding[:, None, :, None], 0.0)
