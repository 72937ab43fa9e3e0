"""TOVA: keep what the newest token attends to."""

from typing import ClassVar

from torch import Tensor

from tapgraph.kernels.attention_system import About
from tapgraph.kernels.systems.scored_cache import Held, ScoredCache, attention_weights

__all__ = ["Tova"]


class Tova(ScoredCache):
    """A token is worth what the newest query pays to it, in the mean over all heads of the layer.

    Oren et al., "Transformers are Multi-State RNNs", 2401.06104, section 4.2: all heads keep the
    same tokens. There the cache drops one token in each step: `room=1`.
    """

    name: ClassVar[str] = "tova"
    about: ClassVar[About] = About(
        paper="Transformers are Multi-State RNNs, arXiv 2401.06104, 2024",
        saves="Memory, and time of a step: a fixed number of tokens stays in each layer.",
        needs="Nothing.",
        fails_when="A token is needed that the last query did not look at: it is gone.",
    )

    @property
    def recent_queries(self) -> int:
        """The newest."""
        return 1

    def score(self, held: Held) -> Tensor:
        """The newest query's attention, the same for all KV heads, `[kv_heads, tokens]`."""
        weights = attention_weights(held.queries, held.keys, scale=held.shape.scale)
        return weights.mean(dim=(0, 1)).expand(held.shape.kv_heads, -1)
