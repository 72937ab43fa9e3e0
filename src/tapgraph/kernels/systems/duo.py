"""DuoAttention: some KV heads keep everything, the others the first and the last tokens."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import (
    About,
    AttentionSystem,
    LayerShape,
    Reading,
    Rotary,
)
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.head_choice import best_share
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.sink_ring import SinkRing, attend_streaming
from tapgraph.kernels.systems.dense_first import DenseFirstLayer
from tapgraph.kernels.systems.part_layer import PartLayer
from tapgraph.kernels.systems.split_heads import (
    check_head_choice,
    kept_by_choice,
    split_by_choice,
)

__all__ = ["Duo", "DuoConfig", "DuoPrefill", "StreamingLayer"]

DuoPrefill = Literal["dense", "chunked", "strict"]


@dataclass(frozen=True, slots=True)
class DuoConfig:
    """Settings of DuoAttention.

    Attributes:
        sink: first tokens that a streaming head keeps.
        recent: tokens before the newest that a streaming head keeps.
        prefill: what streaming heads see while they read a prompt, see `StreamingLayer`.
        chunk_tokens: with "chunked", a prompt is read in pieces of so many tokens.
        dense_below: with "dense" streaming heads drop nothing and see everything while there are
            fewer tokens than this. Ours: below about this length two kinds of heads take longer
            than one on a CPU.
        share: of the KV heads, how many keep everything: those of the highest gates; None for as
            many as were chosen when the gates were learnt.
    """

    sink: int = 64
    recent: int = 256
    prefill: DuoPrefill = "dense"
    chunk_tokens: int = 32_000
    dense_below: int = 3072
    share: float | None = None

    def __post_init__(self) -> None:
        check_least(self, sink=0, recent=0, chunk_tokens=1, dense_below=0)
        check_choices(self)
        if self.share is not None and not 0 <= self.share <= 1:
            raise UsageError(f"share must be in 0..1, got {self.share!r}")


class Duo(AttentionSystem):
    """Retrieval heads see the whole past, streaming heads a sink and a window.

    Xiao et al., "DuoAttention", 2410.10819, section 2.3. Keys keep their absolute positions. The
    choice is made for each KV head; all query heads of its group follow it.

    Deviations from the authors' code:
        - weights are not reordered: heads are selected by index at run time;
        - a streaming head's buffer has a place for the newest token, so that decode reads it from
          there: what it sees is the same (sink, recent, itself);
        - below `dense_below` tokens all heads see everything;
        - the first prompt is dense in however many calls it comes, where the authors have it dense
          in the first call alone; and there are two other ways to read one, see `StreamingLayer`.

    Memory of a layer: while all see everything a `TokenStore` of all heads; then a `TokenStore` of
    the full heads, and a `SinkRing(sink, recent + 1)` of the others.

    Args:
        config: settings.
        full_heads: bool `[layers, kv_heads]`, the heads that keep everything.
        gates: `[layers, kv_heads]`, what `DuoConfig.share` chooses by.

    Raises:
        UsageError: there is a share and there are no gates.
    """

    name: ClassVar[str] = "duo"
    about: ClassVar[About] = About(
        paper="Xiao et al., DuoAttention, arXiv 2410.10819, 2024",
        saves="KV memory and decode reading of the streaming heads, which stop growing; half of "
        "all heads on models with grouped queries.",
        needs="Gates learnt once for each model (tapgraph kernels calibrate duo).",
        fails_when="What is asked for lies outside the window and the heads that would fetch it "
        "were made streaming heads; short contexts gain nothing.",
    )
    croppable: ClassVar[bool] = False

    def __init__(self, config: DuoConfig, full_heads: Tensor, gates: Tensor | None = None) -> None:
        if config.share is not None:
            if gates is None:
                raise UsageError("duo chooses a share of heads by their gates, and has none")
            full_heads = best_share(gates, config.share)
        check_head_choice(full_heads, "full_heads")
        self.config = config
        self.full_heads = full_heads

    @property
    def dense_below(self) -> int:
        """What `DuoConfig` says, and while streaming heads see everything anyway."""
        sees_everything = self.config.sink + self.config.recent + 2
        if self.config.prefill != "dense":
            return sees_everything
        return max(sees_everything, self.config.dense_below)

    @property
    def is_calibrated(self) -> bool:
        """The choice of heads is."""
        return True

    @property
    def chunk_tokens(self) -> int | None:
        """As its config says, where a prompt is chunked."""
        return self.config.chunk_tokens if self.config.prefill == "chunked" else None

    def kept_tokens(self, shape: LayerShape, tokens: int) -> float:
        """All of the full heads', sink and window of the others'."""
        streamed = self.config.sink + self.config.recent + 1
        if tokens < self.dense_below:
            return tokens
        return kept_by_choice(shape, self.full_heads, tokens, min(tokens, streamed))

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> DenseFirstLayer:  # noqa: ARG002
        """A layer that is dense, then has a dense part and a streaming part, or one of them.

        Raises:
            UsageError: `full_heads` is for a model of another shape.
        """
        check_head_choice(self.full_heads, "full_heads", shape)
        return DenseFirstLayer(
            shape,
            self.dense_below,
            lambda: split_by_choice(
                shape, self.full_heads, "full_heads", lambda part: StreamingLayer(part, self.config)
            ),
            dense_prompt=self.config.prefill == "dense",
        )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    ring: SinkRing
    sees_from: int


class StreamingLayer(PartLayer):
    """The streaming heads of one layer.

    In decode a token sees the sink, the `recent` tokens before it, and itself. In prefill:

    dense
        The authors' code, and their published accuracy: the first prompt is dense, and read before
        this layer is there. In a prompt after a reply every token sees the sink, the `recent`
        tokens before the call, and all earlier tokens of the call.
    chunked
        The first prompt is no exception: all of them are read so.
    strict
        Every token sees what it would see in decode. The result does not depend on the calls.
    """

    def __init__(self, shape: LayerShape, config: DuoConfig) -> None:
        super().__init__(shape)
        self._config = config
        self._ring = SinkRing(config.sink, config.recent + 1)
        self._sees_from = 0
        """The token from which on the last query saw everything."""

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._ring.tokens_seen

    @property
    def reading(self) -> Reading:
        """What the last query read."""
        return Reading(attended=float(self._kept().sum()))

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from a chunk as `DuoConfig.prefill` says, then keep its sink and its end."""
        check_call(self.shape, queries, keys, values)
        if self._config.prefill == "strict":
            return self._attend_in_window(queries, keys, values)
        return self._attend_past_and_chunk(queries, keys, values)

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from one token to the sink, the recent tokens and itself."""
        check_call(self.shape, queries, keys, values)
        return self._attend_in_window(queries, keys, values)

    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Keep sink and window of what was read already."""
        self._ring.append(keys, values)
        self._sees_from = self.tokens_seen - 1 - self._config.recent

    def kept_by_last_query(self) -> Tensor:
        """The sink, and the window or more of the chunk."""
        return self._kept().expand(self.shape.heads, -1)

    def bytes_held(self) -> int:
        """The ring's."""
        return self._ring.bytes_held()

    def snapshot(self) -> object:
        """A copy of the ring, which does not grow."""
        return _Snapshot(self._ring.fork(), self._sees_from)

    def restore(self, snapshot: object) -> None:
        """Go back to a copy of the ring."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._ring = snapshot.ring.fork()
        self._sees_from = snapshot.sees_from

    def fork(self) -> "StreamingLayer":
        """A copy with memory of its own."""
        twin = StreamingLayer(self.shape, self._config)
        twin.restore(self.snapshot())
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: a token has left the window already.
        """
        self._ring.crop(tokens)

    def _kept(self) -> Tensor:
        """Tokens that the last query saw, bool `[tokens_seen]`."""
        tokens = torch.arange(self.tokens_seen, device=self._ring.positions.device)
        return (tokens < self._config.sink) | (tokens >= self._sees_from)

    def _attend_in_window(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        output = attend_streaming(self._ring, queries, keys, values, scale=self.shape.scale)
        self._sees_from = self.tokens_seen - 1 - self._config.recent
        return output

    def _attend_past_and_chunk(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        seen_keys, seen_values = keys, values
        self._sees_from = self.tokens_seen - self._config.recent
        if self.tokens_seen:
            positions = self._ring.positions
            is_near = (positions >= self._sees_from) | (positions < self._config.sink)
            places = is_near.nonzero()[:, 0]
            seen_keys = torch.cat((self._ring.keys[:, :, places], keys), dim=2)
            seen_values = torch.cat((self._ring.values[:, :, places], values), dim=2)
        output = attend_densely(queries, seen_keys, seen_values, scale=self.shape.scale)
        self._ring.append(keys, values)
        return output
