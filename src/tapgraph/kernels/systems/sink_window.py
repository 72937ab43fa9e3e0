"""Sink and window: the first tokens and the last ones, nothing between."""

from dataclasses import dataclass
from typing import ClassVar

from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.config_checks import check_least
from tapgraph.kernels.systems.dense_first import DenseFirstLayer
from tapgraph.kernels.systems.duo import DuoConfig, StreamingLayer

__all__ = ["SinkWindow", "SinkWindowConfig"]


@dataclass(frozen=True, slots=True)
class SinkWindowConfig:
    """What stays; the defaults are the paper's 4 + 1,020 (section 4.1).

    Attributes:
        sink_tokens: first tokens of each row that stay for ever.
        recent_tokens: last tokens that stay, the newest included.
    """

    sink_tokens: int = 4
    recent_tokens: int = 1020

    def __post_init__(self) -> None:
        check_least(self, sink_tokens=0, recent_tokens=1)


class SinkWindow(AttentionSystem):
    """StreamingLLM's cache in all heads of all layers.

    Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2309.17453, section
    3.2. Deviations:

    - Tokens keep the positions they had in the text, where the paper counts them anew within the
      cache: this is a baseline for contexts that the model can number, not for endless ones.
    - The prompt is read with the same mask, each token with its own sink and window, so that the
      result does not depend on the chunks it comes in: what DuoAttention's streaming heads do
      when their prompt is read strictly, in all heads.

    Memory of a layer: a `TokenStore` of all tokens until one leaves the window, then a `SinkRing`.
    """

    name: ClassVar[str] = "sink_window"
    about: ClassVar[About] = About(
        paper="Efficient Streaming Language Models with Attention Sinks, arXiv 2309.17453, 2023",
        saves="Memory and time stop growing: only the first and the last tokens are kept.",
        needs="Nothing.",
        fails_when="An answer stands between the sink and the window: it is gone for good.",
    )
    croppable: ClassVar[bool] = False

    def __init__(self, config: SinkWindowConfig = SinkWindowConfig()) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """While nothing has left the window."""
        return self.config.sink_tokens + self.config.recent_tokens + 1

    def kept_tokens(self, shape: LayerShape, tokens: int) -> float:  # noqa: ARG002
        """Sink and window."""
        return min(tokens, self.dense_below - 1)

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> DenseFirstLayer:  # noqa: ARG002
        """A layer that is dense until something leaves the window, then a ring."""
        config, newest = self.config, 1
        streaming = DuoConfig(config.sink_tokens, config.recent_tokens - newest, prefill="strict")
        return DenseFirstLayer(shape, self.dense_below, lambda: StreamingLayer(shape, streaming))
