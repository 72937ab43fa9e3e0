"""A layer that can go on where another one stopped."""

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor

from tapgraph.kernels.attention_system import LayerAttention

__all__ = ["PartLayer", "ReadPast"]


@dataclass(frozen=True, slots=True)
class ReadPast:
    """Tokens that were read densely.

    Attributes:
        keys: `[1, kv_heads, tokens, head_dim]`, not to be kept: only copies.
        values: as `keys`.
        has_decoded: whether there was a decode step among them.
    """

    keys: Tensor
    values: Tensor
    has_decoded: bool


class PartLayer(LayerAttention):
    """A `LayerAttention` that can begin after tokens that somebody else has read."""

    @abstractmethod
    def adopt(self, past: ReadPast) -> None:
        """Take over a past; only for a layer that was given nothing yet."""

    @abstractmethod
    def fork(self) -> "PartLayer":
        """A copy that shares no changing state with this one."""
