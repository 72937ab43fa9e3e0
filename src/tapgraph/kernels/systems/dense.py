"""Dense attention: everything is kept and everything is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tapgraph.kernels.attention_system import (
    About,
    AttentionSystem,
    LayerAttention,
    LayerShape,
    Rotary,
)
from tapgraph.kernels.compiled import attend_newest, can_compute
from tapgraph.kernels.systems.full_cache import FullCacheLayer, SparseOutput
from tapgraph.kernels.systems.part_layer import PartLayer
from tapgraph.kernels.token_store import TokenMemory, TokenStore

__all__ = ["Dense", "DenseConfig", "DenseLayer", "can_decode_together", "decode_together"]


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

    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Store tokens that were read already."""
        self._store.append(keys, values)

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Attend to everything that each query may see."""
        return self.attend_to_all(queries)

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Attend to everything."""
        return self.attend_sparsely(queries)

    @property
    def keeps_all_bits(self) -> bool:
        """Whether keys and values are kept as they come."""
        return type(self._store) is TokenStore

    def count_one(self, keys: Tensor) -> TokenMemory:
        """As `TokenStore.count_one`."""
        return self._store.count_one(keys)


def can_decode_together(layers: Sequence[LayerAttention], queries: Tensor, keys: Tensor) -> bool:
    """Whether `decode_together` knows such layers and such queries and keys."""
    lists = len(layers) * keys.shape[1]
    return can_compute(queries, keys, keys, lists) and all(
        type(layer) is DenseLayer and layer.keeps_all_bits for layer in layers
    )


def decode_together(
    layers: Sequence[LayerAttention], queries: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """What `decode` gives for the newest token of each of several texts, in one call.

    Args:
        layers: of one shape, one for each text.
        queries: `[1, heads, texts, head_dim]`.
        keys: `[1, kv_heads, texts, head_dim]`.
        values: as `keys`.

    Returns:
        `[1, heads, texts, head_dim]`.
    """
    pasts = [layer.count_one(keys) for layer in layers if isinstance(layer, DenseLayer)]
    return attend_newest(queries, keys, values, pasts, scale=layers[0].shape.scale)
