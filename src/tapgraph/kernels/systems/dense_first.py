"""Dense while the text is short, another method from some length on."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerAttention, LayerShape, Reading
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.part_layer import PartLayer

__all__ = ["DenseFirstLayer"]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    layer: LayerAttention
    of_layer: object
    has_decoded: bool


class DenseFirstLayer(LayerAttention):
    """Plain dense attention in all heads, until there are `dense_below` tokens.

    The call that reaches that length is the first that the method takes; it is given all tokens
    before it. With a dense prompt that is a decode step, or a prompt after one. It holds either a
    `TokenStore` of all heads, or what the method holds. Snapshots from before the change keep the
    `TokenStore`.

    Args:
        shape: the layer.
        dense_below: with fewer tokens than this all heads see everything.
        open_method: an empty layer of the method.
        dense_prompt: the first prompt is dense, however long it is.
    """

    def __init__(
        self,
        shape: LayerShape,
        dense_below: int,
        open_method: Callable[[], PartLayer],
        *,
        dense_prompt: bool = False,
    ) -> None:
        super().__init__(shape)
        self._dense_below = dense_below
        self._open_method = open_method
        self._dense_prompt = dense_prompt
        self._layer: LayerAttention = DenseLayer(shape)
        self._has_decoded = False

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._layer.tokens_seen

    @property
    def reading(self) -> Reading:
        """What the last query read."""
        return self._layer.reading

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Read a chunk densely, or as the method does."""
        is_dense = self._dense_prompt and not self._has_decoded
        layer = self._layer if is_dense else self._layer_for(keys)
        return layer.prefill(queries, keys, values)

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Read a token densely, or as the method does."""
        output = self._layer_for(keys).decode(queries, keys, values)
        self._has_decoded = True
        return output

    def kept_by_last_query(self) -> Tensor:
        """Everything, or what the method says."""
        return self._layer.kept_by_last_query()

    def bytes_held(self) -> int:
        """Of the dense layer or of the method's, never of both."""
        return self._layer.bytes_held()

    def snapshot(self) -> object:
        """A snapshot of the layer that is at work."""
        return _Snapshot(self._layer, self._layer.snapshot(), self._has_decoded)

    def restore(self, snapshot: object) -> None:
        """Go back, to dense attention too."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        snapshot.layer.restore(snapshot.of_layer)
        self._layer = snapshot.layer
        self._has_decoded = snapshot.has_decoded

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = copy(self)
        twin._layer = self._layer.fork()
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: the method is at work and has dropped what it would need.
        """
        self._layer.crop(tokens)

    def _layer_for(self, keys: Tensor) -> LayerAttention:
        """The layer that takes the next tokens; what does not fit is for the layer to refuse."""
        dense = self._layer
        if not isinstance(dense, DenseLayer) or keys.dim() != 4:
            return dense
        if dense.tokens_seen + keys.shape[2] < self._dense_below:
            return dense
        method = self._open_method()
        if dense.tokens_seen:
            method.adopt(dense.keys, dense.values)
        self._layer = method
        return method
