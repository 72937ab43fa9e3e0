"""The cache of a `transformers` model whose layers are a system's `LayerAttention`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import CacheLayerMixin

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention, Reading
from tapgraph.kernels.systems.window_layer import WindowLayer

__all__ = ["AttentionCache", "AttentionLayer", "CacheSnapshot", "NewTokens", "StackedCache"]


@dataclass(frozen=True, slots=True)
class NewTokens:
    """What a cache's `update` returns in the place of keys.

    The model hands it on to the attention function, so queries meet the cache there.
    """

    cache: "AttendingCache"
    layer: int
    keys: Tensor


class AttendingCache(Cache, ABC):
    """A cache that computes attention itself."""

    def update(  # type: ignore[override]
        self,
        key_states: Tensor,
        value_states: Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[NewTokens, Tensor]:
        """Hand the new keys, and itself, on to the attention function; nothing is stored yet."""
        return NewTokens(self, layer_idx, key_states), value_states

    @abstractmethod
    def attend(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor | None
    ) -> Tensor:
        """The attention output `[batch, heads, tokens, head_dim]` for new tokens.

        `starts` is int64 `[batch]`, or None where no mask was given.
        """


class AttentionLayer(CacheLayerMixin):
    """One layer of a cache: what `transformers` asks of it is answered by a `LayerAttention`."""

    supports_early_init = False

    def __init__(self, attention: LayerAttention) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.attention = attention

    def get_seq_length(self) -> int:
        """Slots seen, kept or not; positions and masks follow from it."""
        return self.attention.tokens_seen

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The length and offset of the mask: always all slots."""
        return self.attention.tokens_seen + query_length, 0

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to prepare."""

    def update(self, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Not the way in: the cache's own `update` is."""
        raise UsageError("keys and values enter through AttentionCache.update")


@dataclass(frozen=True, slots=True)
class CacheSnapshot:
    """A point that an `AttentionCache` can come back to."""

    layers: tuple[object, ...]
    starts: Tensor | None


class AttentionCache(AttendingCache):
    """The past of one batch of sequences, kept by an attention system.

    Row r of the batch begins at slot `starts[r]`, after its left padding.

    Attributes:
        system: whose layers it has.
        starts: int64 `[batch]`; None before the first tokens.
        layers: the layers; `layers[i].attention` is the system's `LayerAttention`.
    """

    layers: list[AttentionLayer]  # type: ignore[assignment]
    starts: Tensor | None

    def __init__(
        self, system: AttentionSystem, open_layers: Callable[[], Sequence[LayerAttention]]
    ) -> None:
        super().__init__(layers=[])
        self.system = system
        self._open_layers = open_layers
        self.reset()

    @classmethod
    def take_over(
        cls,
        cache: DynamicCache,
        system: AttentionSystem,
        open_layers: Callable[[], Sequence[LayerAttention]],
    ) -> None:
        """Make an empty cache, that a caller holds already, one of these."""
        cache.__class__ = cls  # type: ignore[assignment]
        cls.__init__(cache, system, open_layers)  # type: ignore[arg-type]

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far, kept or not."""
        return self.layers[0].attention.tokens_seen

    @property
    def croppable(self) -> bool:
        """Whether `crop` works at any length; where not, `snapshot` is the way back."""
        return self.system.croppable and not any(
            isinstance(layer.attention, WindowLayer) for layer in self.layers
        )

    @property
    def is_croppable(self) -> bool:
        """As `croppable`, in the words of `transformers`."""
        return self.croppable

    @property
    def reading(self) -> Reading:
        """What the last call read; mean over the layers."""
        readings = [layer.attention.reading for layer in self.layers]
        return Reading(
            attended=sum(reading.attended for reading in readings) / len(readings),
            scored=sum(reading.scored for reading in readings) / len(readings),
        )

    def bytes_held(self) -> int:
        """Bytes of all tensors that the layers hold of the past."""
        return sum(layer.attention.bytes_held() for layer in self.layers)

    def snapshot(self) -> CacheSnapshot:
        """A point to come back to with `restore`."""
        return CacheSnapshot(
            tuple(layer.attention.snapshot() for layer in self.layers), self.starts
        )

    def restore(self, snapshot: CacheSnapshot) -> None:
        """Go back to an earlier `snapshot` of this same cache; may be done many times.

        Snapshots that were taken after that one are void from then on.
        """
        for layer, kept in zip(self.layers, snapshot.layers, strict=True):
            layer.attention.restore(kept)
        self.starts = snapshot.starts

    def fork(self) -> "AttentionCache":
        """A copy that shares no changing state with this one."""
        twin = AttentionCache(self.system, self._open_layers)
        twin.layers = [AttentionLayer(layer.attention.fork()) for layer in self.layers]
        twin.starts = self.starts
        return twin

    def __deepcopy__(self, memo: dict[int, object]) -> "AttentionCache":
        """As `fork`, for callers who copy caches the way `transformers` tells them to."""
        return self.fork()

    def crop(self, tokens: int) -> None:
        """Forget the end: all after the first `tokens` slots, or the last `-tokens` of them.

        A negative number is how `transformers` says it; 0 changes nothing, as there.

        Raises:
            UsageError: the system has dropped what it would need.
        """
        if tokens == 0:
            return
        kept = tokens if tokens > 0 else self.tokens_seen + tokens
        if not 0 <= kept <= self.tokens_seen:
            raise UsageError(f"can keep 0 to {self.tokens_seen} tokens, got {kept}")
        for layer in self.layers:
            layer.attention.crop(kept)

    def reset(self) -> None:
        """Forget everything."""
        self.layers = [AttentionLayer(attention) for attention in self._open_layers()]
        self.starts = None

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was; int64 `[new batch]`."""
        if self.starts is None:
            return
        rows = rows.to(self.starts.device)
        self.starts = self.starts.index_select(0, rows)
        for layer in self.layers:
            layer.attention.select_rows(rows)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follow the beams."""
        self.select_rows(beam_idx)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row `repeats` times."""
        if self.starts is not None:
            self.select_rows(torch.arange(len(self.starts)).repeat_interleave(repeats))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Only some rows."""
        self.select_rows(indices)

    def attend(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor | None
    ) -> Tensor:
        """The layer's attention; a call without mask goes on with the padding known before.

        Raises:
            UsageError: the padding is not what it was in earlier calls.
        """
        if layer == 0:
            self.starts = self._next_starts(starts, keys)
        if self.starts is None:
            raise UsageError("the first layer must attend before the others")
        attention = self.layers[layer].attention
        call = attention.decode if queries.shape[2] == 1 else attention.prefill
        return call(queries, keys, values, self.starts)

    def _next_starts(self, starts: Tensor | None, keys: Tensor) -> Tensor:
        known, seen = self.starts, self.tokens_seen
        if known is None or seen == 0:
            batch = keys.shape[0]
            return keys.new_zeros(batch, dtype=torch.int64) if starts is None else starts
        if known.shape[0] != keys.shape[0]:
            raise UsageError(
                f"the cache holds {known.shape[0]} sequences, got new tokens for {keys.shape[0]}"
            )
        # A row of nothing but padding does not know yet where it starts.
        fits = starts is None or torch.equal(starts.clamp(max=seen), known.clamp(max=seen))
        if not fits:
            raise UsageError(
                "attention_mask must begin with the mask of the tokens in the cache: rows started "
                f"at {known.tolist()}, now at {starts.tolist() if starts is not None else None}"
            )
        return known if starts is None else starts


class StackedCache(AttendingCache):
    """Several one-sequence caches in one pass: their new tokens stand behind each other in a row.

    Attributes:
        caches: one for each sequence.
        counts: how many of the row's tokens belong to each.
    """

    def __init__(self, caches: Sequence[AttentionCache], counts: Sequence[int]) -> None:
        if not caches or len(caches) != len(counts) or min(counts) < 1:
            raise UsageError(f"{len(caches)} caches cannot take {list(counts)} tokens")
        super().__init__(layers=[])
        self.caches = tuple(caches)
        self.counts = list(counts)
        longest = max(caches, key=lambda cache: cache.tokens_seen)
        self.layers = list(longest.layers)

    def next_positions(self, device: torch.device) -> Tensor:
        """The positions of the new tokens, int64 `[1, tokens]`."""
        runs = []
        for cache, count in zip(self.caches, self.counts, strict=True):
            end = cache.tokens_seen - (0 if cache.starts is None else int(cache.starts[0]))
            runs.append(torch.arange(end, end + count, device=device))
        return torch.cat(runs)[None]

    def attend(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor | None
    ) -> Tensor:
        """Each sequence's own attention, one after the other.

        Raises:
            UsageError: a mask was given, or the tokens are not one row of as many as were told.
        """
        if starts is not None:
            raise UsageError("stacked caches have no padding of their own: pass no attention_mask")
        if keys.shape[0] != 1 or keys.shape[2] != sum(self.counts):
            raise UsageError(
                f"{sum(self.counts)} tokens in one row were told, "
                f"got {keys.shape[0]} rows of {keys.shape[2]}"
            )
        outputs, first = [], 0
        for cache, count in zip(self.caches, self.counts, strict=True):
            new = slice(first, first + count)
            outputs.append(
                cache.attend(layer, queries[:, :, new], keys[:, :, new], values[:, :, new], None)
            )
            first += count
        return torch.cat(outputs, dim=2)
