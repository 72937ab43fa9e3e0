"""Dense attention: everything is kept and everything is read."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.dense import attend_in_window
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.part_layer import PartLayer, ReadPast

__all__ = ["Dense", "DenseConfig", "DenseLayer"]


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

    def __init__(self, config: DenseConfig = DenseConfig()) -> None:
        self.config = config

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "DenseLayer":  # noqa: ARG002
        """A layer that keeps all keys and values as they come."""
        return DenseLayer(shape)


class DenseLayer(FullCacheLayer, PartLayer):
    """Dense attention of one layer, on request over a sliding window only.

    With a window the whole past is still kept, so that it can be cropped at any length.

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

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Attend to everything that each query may see."""
        if self._window is None:
            return self.attend_to_all(queries)
        output = attend_in_window(
            queries, self.keys, self.values, window=self._window, scale=self.shape.scale
        )
        return SparseOutput(output, LastRead())

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Attend to everything that the newest token may see."""
        return self.attend_sparsely(queries)

    def kept_by_last_query(self) -> Tensor:
        """All tokens, or those of the window."""
        kept = super().kept_by_last_query()
        if self._window is not None:
            kept[:, : max(0, self.tokens_seen - self._window)] = False
        return kept
