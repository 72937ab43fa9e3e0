"""Dense attention: everything is kept and everything is read."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.systems.full_cache import FullCacheLayer, SparseOutput
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
    shares_pages: ClassVar[bool] = True

    def __init__(self, config: DenseConfig = DenseConfig()) -> None:
        self.config = config

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "DenseLayer":  # noqa: ARG002
        """A layer that keeps all keys and values as they come."""
        return DenseLayer(shape)


class DenseLayer(FullCacheLayer, PartLayer):
    """Dense attention of one layer."""

    def adopt(self, past: ReadPast) -> None:
        """Store tokens that were read already."""
        self._store.append(past.keys, past.values)

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Attend to everything that each query may see."""
        return self.attend_to_all(queries)

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Attend to everything."""
        return self.attend_sparsely(queries)
