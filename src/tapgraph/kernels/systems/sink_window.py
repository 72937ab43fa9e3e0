"""Sink and window: the first tokens and the last ones, nothing between."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import (
    About,
    AttentionSystem,
    LayerAttention,
    LayerShape,
    Reading,
    Rotary,
)
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.sink_ring import RingSnapshot, SinkRing, attend_streaming

__all__ = ["SinkWindow", "SinkWindowConfig", "SinkWindowLayer"]


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
        if self.sink_tokens < 0:
            raise UsageError(f"sink_tokens must be at least 0, got {self.sink_tokens!r}")
        if self.recent_tokens < 1:
            raise UsageError(f"recent_tokens must be at least 1, got {self.recent_tokens!r}")


class SinkWindow(AttentionSystem):
    """StreamingLLM's cache in all heads of all layers.

    Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2309.17453, section
    3.2. Deviations:

    - Tokens keep the positions they had in the text, where the paper counts them anew within the
      cache: this is a baseline for contexts that the model can number, not for endless ones.
    - The prompt is read with the same mask, each token with its own sink and window, so that the
      result does not depend on the chunks it comes in.
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

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "SinkWindowLayer":  # noqa: ARG002
        """A layer with an empty ring."""
        return SinkWindowLayer(shape, SinkRing(self.config.sink_tokens, self.config.recent_tokens))


class SinkWindowLayer(LayerAttention):
    """Sink and window of one layer."""

    def __init__(self, shape: LayerShape, ring: SinkRing) -> None:
        super().__init__(shape)
        self._ring = ring
        self._starts: Tensor | None = None

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far; few are kept."""
        return self._ring.tokens_seen

    @property
    def reading(self) -> Reading:
        """The tokens in the sink and the window."""
        return Reading(attended=float(self._kept().sum(dim=1).double().mean()))

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Attend from each token to its own sink and window."""
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._starts = starts
        return attend_streaming(
            self._ring, queries, keys, values, starts=starts, scale=self.shape.scale
        )

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Attend to the sink and the window."""
        return self.prefill(queries, keys, values, starts)

    def kept_by_last_query(self) -> Tensor:
        """The sink and the window, the same for all heads."""
        return self._kept()[:, None].expand(-1, self.shape.heads, -1)

    def bytes_held(self) -> int:
        """Those of a `SinkRing` of `sink_tokens` and `recent_tokens`."""
        return self._ring.bytes_held()

    def snapshot(self) -> object:
        """A copy of the ring."""
        return self._ring.snapshot()

    def restore(self, snapshot: object) -> None:
        """Go back to an earlier copy of the ring."""
        if not isinstance(snapshot, RingSnapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._ring.restore(snapshot)

    def fork(self) -> "SinkWindowLayer":
        """A copy with a ring of its own."""
        twin = SinkWindowLayer(self.shape, self._ring.fork())
        twin._starts = self._starts
        return twin

    def crop(self, tokens: int) -> None:
        """Refused: what left the window cannot come back.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"cannot go back to {tokens} tokens: a window has dropped what it would need; "
            "restore a snapshot instead"
        )

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was."""
        self._ring.select_rows(rows)
        if self._starts is not None:
            self._starts = self._starts.index_select(0, rows)

    def _kept(self) -> Tensor:
        if self._starts is None:
            raise UsageError("nothing was attended to yet")
        slots = torch.arange(self.tokens_seen, device=self._starts.device)
        positions = slots - self._starts[:, None]
        in_window = slots >= self.tokens_seen - self._ring.recent
        return (positions >= 0) & (in_window | (positions < self._ring.sink))
