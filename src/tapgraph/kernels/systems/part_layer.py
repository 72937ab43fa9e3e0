"""A layer that can go on where another one stopped."""

from abc import abstractmethod

from torch import Tensor

from tapgraph.kernels.attention_system import LayerAttention

__all__ = ["PartLayer"]


class PartLayer(LayerAttention):
    """A `LayerAttention` that can begin after tokens that somebody else has read densely."""

    @abstractmethod
    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Take over a past; only for a layer that was given nothing yet.

        Args:
            keys: `[1, kv_heads, tokens, head_dim]`, not to be kept: only copies.
            values: as `keys`.
        """

    @abstractmethod
    def fork(self) -> "PartLayer":
        """A copy that shares no changing state with this one."""
