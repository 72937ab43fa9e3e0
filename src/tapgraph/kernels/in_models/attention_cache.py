"""The cache of a `transformers` model: each sequence of a batch has layers of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import Cache, DynamicCache
from transformers.cache_utils import CacheLayerMixin

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention, Reading
from tapgraph.kernels.highlighted_layer import HighlightedLayer, own_keys_and_values
from tapgraph.kernels.systems.dense import DenseLayer, can_decode_together, decode_together
from tapgraph.kernels.systems.window_layer import WindowLayer

__all__ = ["AttentionCache", "CacheSnapshot", "NewTokens", "Row", "StackedCache"]

OpenLayers = Callable[[int], Sequence[LayerAttention]]
"""The layers of a new sequence, from its place in the batch."""


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
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[NewTokens, Tensor]:
        """Hand the new keys, and itself, on to the attention function; nothing is stored yet."""
        return NewTokens(self, layer_idx, key_states), value_states

    @abstractmethod
    def attend(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor | None
    ) -> Tensor:
        """A layer's attention `[batch, heads, tokens, head_dim]` for new tokens.

        Args:
            layer: which.
            queries: `[batch, heads, tokens, head_dim]`.
            keys: `[batch, kv_heads, tokens, head_dim]`.
            values: as `keys`.
            starts: the slot of each row's first token, int64 `[batch]`; None where no mask was
                given: then none of the new tokens is padding.
        """

    @abstractmethod
    def attend_as_told(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, sees: Tensor
    ) -> Tensor:
        """As `attend`, for a text that is read whole, where tokens may see later ones.

        Args:
            layer: as for `attend`.
            queries: as for `attend`.
            keys: as for `attend`.
            values: as for `attend`.
            sees: which tokens each token sees, bool `[1, tokens, tokens]`.

        Raises:
            UsageError: the layer does not attend densely, or this is not the whole of one text.
        """


@dataclass(slots=True)
class Row:
    """One sequence of a batch, with what the system keeps of it in each layer.

    Attributes:
        layers: from the first to the last; they never see padding, nor another sequence.
        padding: slots of padding before its first token.
    """

    layers: Sequence[LayerAttention]
    padding: int = 0

    def slots(self, layer: int = 0) -> int:
        """Padding and tokens that the layer was given."""
        return self.padding + self.layers[layer].tokens_seen

    def fork(self) -> "Row":
        """A copy that shares no changing state with this one."""
        return Row([layer.fork() for layer in self.layers], self.padding)


class _CacheLayer(CacheLayerMixin):
    """What `transformers` asks of a layer of a cache."""

    supports_early_init = False

    def __init__(self, cache: "AttentionCache", index: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cache = cache
        self._index = index

    def get_seq_length(self) -> int:
        """Slots seen, kept or not; positions and masks follow from it."""
        return self._cache.rows[0].slots(self._index)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The length and offset of the mask: always all slots."""
        return self.get_seq_length() + query_length, 0

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

    rows: tuple[Row, ...]
    paddings: tuple[int, ...]
    layers: tuple[tuple[object, ...], ...]


class AttentionCache(AttendingCache):
    """The past of a batch of sequences, each kept for itself by an attention system.

    So a row is computed as if it were alone, whatever stands beside it and however long that is.
    Rows are padded on the left to one number of slots.

    Attributes:
        system: whose layers it has.
        rows: the sequences; one, empty, before the first tokens tell how many there are.
        reads_prompt: whether the next tokens belong to a prompt. None: if they are several, or the
            first.
    """

    layers: list[_CacheLayer]  # type: ignore[assignment]

    def __init__(self, system: AttentionSystem, open_layers: OpenLayers) -> None:
        super().__init__(layers=[])
        self.system = system
        self.reads_prompt: bool | None = None
        self._open_layers = open_layers
        self.rows = [Row(open_layers(0))]
        self.layers = [_CacheLayer(self, index) for index in range(len(self.rows[0].layers))]
        self._skipped = [0]

    @classmethod
    def take_over(
        cls, cache: DynamicCache, system: AttentionSystem, open_layers: OpenLayers
    ) -> None:
        """Make an empty cache, that a caller holds already, one of these."""
        cache.__class__ = cls  # type: ignore[assignment]
        cls.__init__(cache, system, open_layers)  # type: ignore[arg-type]

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far, kept or not."""
        return self.rows[0].slots()

    @property
    def croppable(self) -> bool:
        """Whether `crop` works at any length; where not, `snapshot` is the way back."""
        return self.system.croppable and not any(
            isinstance(layer, WindowLayer) for layer in self.rows[0].layers
        )

    @property
    def is_croppable(self) -> bool:
        """As `croppable`, in the words of `transformers`."""
        return self.croppable

    @property
    def reading(self) -> Reading:
        """What the last call read; mean over the layers and rows."""
        readings = [layer.reading for row in self.rows for layer in row.layers]
        return Reading(
            attended=sum(reading.attended for reading in readings) / len(readings),
            scored=sum(reading.scored for reading in readings) / len(readings),
        )

    def share_highlighted(self) -> float:
        """The share of highlighted tokens that the last queries of steered heads attended to.

        Mean over steered layers; 1 where nothing is highlighted. Less than 1 tells that the system
        has dropped or passed over some of them.
        """
        shares = [
            layer.share_kept()
            for row in self.rows
            for layer in row.layers
            if isinstance(layer, HighlightedLayer)
        ]
        return sum(shares) / len(shares) if shares else 1.0

    def bytes_held(self) -> int:
        """Bytes of all tensors that the layers hold of the past."""
        return sum(layer.bytes_held() for row in self.rows for layer in row.layers)

    def snapshot(self) -> CacheSnapshot:
        """A point to come back to with `restore`."""
        return CacheSnapshot(
            tuple(self.rows),
            tuple(row.padding for row in self.rows),
            tuple(tuple(layer.snapshot() for layer in row.layers) for row in self.rows),
        )

    def restore(self, snapshot: CacheSnapshot) -> None:
        """Go back to an earlier `snapshot` of this same cache; may be done many times.

        Snapshots that were taken after that one are void from then on.
        """
        self.rows = list(snapshot.rows)
        for row, padding, kept in zip(self.rows, snapshot.paddings, snapshot.layers, strict=True):
            row.padding = padding
            for layer, point in zip(row.layers, kept, strict=True):
                layer.restore(point)

    def fork(self) -> "AttentionCache":
        """A copy that shares no changing state with this one."""
        twin = AttentionCache(self.system, self._open_layers)
        twin.rows = [row.fork() for row in self.rows]
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
        for row in self.rows:
            for layer in row.layers:
                layer.crop(max(0, kept - row.padding))
            row.padding = min(row.padding, kept)

    def begin_as(self, other: "AttentionCache", tokens: int) -> None:
        """Take over the first tokens of another cache; this one has seen nothing yet.

        Both are of one sequence and keep all keys and values. Where this one has highlights, they
        begin after these tokens, or the other one has the same.

        Raises:
            UsageError: a layer keeps something else than keys and values.
        """
        if not tokens:
            return
        for layer, read in zip(self.rows[0].layers, other.rows[0].layers, strict=True):
            if not isinstance(read, DenseLayer | HighlightedLayer) or not isinstance(
                layer, DenseLayer | HighlightedLayer
            ):
                raise UsageError(f"a {type(read).__name__} is not keys and values of all tokens")
            keys, values = (held[:, :, :tokens] for held in own_keys_and_values(read))
            layer.adopt(keys, values)

    def reset(self) -> None:
        """Forget everything."""
        self.rows = [Row(self._open_layers(0))]

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was; int64 `[new batch]`."""
        if not self.tokens_seen:
            return
        taken: set[int] = set()
        chosen = []
        for index in rows.tolist():
            chosen.append(self.rows[index].fork() if index in taken else self.rows[index])
            taken.add(index)
        self.rows = chosen

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Follow the beams."""
        self.select_rows(beam_idx)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row `repeats` times."""
        self.select_rows(torch.arange(len(self.rows)).repeat_interleave(repeats))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Only some rows."""
        self.select_rows(indices)

    def attend(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor | None
    ) -> Tensor:
        """Each row's own attention, one after the other; padding gets 0.

        Raises:
            UsageError: the padding is not what it was in earlier calls.
        """
        if layer == 0:
            self._skipped = self._padding_of(starts, keys)
        outputs = []
        for index, (row, skipped) in enumerate(zip(self.rows, self._skipped, strict=True)):
            new = [tensor[index : index + 1, :, skipped:] for tensor in (queries, keys, values)]
            if not new[0].shape[2]:
                outputs.append(torch.zeros_like(queries[index : index + 1]))
                continue
            attention = row.layers[layer]
            is_prompt = self.reads_prompt
            if is_prompt is None:
                is_prompt = queries.shape[2] > 1 or not attention.tokens_seen
            if is_prompt:
                output = _read_in_chunks(attention, new, self.system.chunk_tokens)
            else:
                output = attention.decode(*new)
            outputs.append(functional.pad(output, (0, 0, skipped, 0)) if skipped else output)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def attend_as_told(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, sees: Tensor
    ) -> Tensor:
        """Dense attention, after which the layer has these keys and values."""
        attention = self.rows[0].layers[layer]
        if len(keys) != 1 or attention.tokens_seen:
            raise UsageError("pictures that see themselves whole are read with all of one text")
        if not isinstance(attention, DenseLayer | WindowLayer):
            raise UsageError(
                "pictures see themselves whole in this model, and the attention system "
                f"{self.system.name!r} is causal: use dense"
            )
        attention.adopt(keys, values)
        return functional.scaled_dot_product_attention(
            queries, keys, values, sees[:, None], scale=attention.shape.scale, enable_gqa=True
        )

    def _padding_of(self, starts: Tensor | None, keys: Tensor) -> list[int]:
        """How many of the new slots are padding, in each row; the rows are told."""
        batch, tokens, seen = keys.shape[0], keys.shape[2], self.tokens_seen
        if not seen and len(self.rows) == 1:
            self.rows += [Row(self._open_layers(row)) for row in range(1, batch)]
        if len(self.rows) != batch:
            raise UsageError(
                f"the cache holds {len(self.rows)} sequences, got new tokens for {batch}"
            )
        if starts is None:
            return [0] * batch
        given = starts.tolist()
        # A row of nothing but padding does not know yet where it starts.
        if any(
            min(start, seen) != row.padding for start, row in zip(given, self.rows, strict=True)
        ):
            raise UsageError(
                "attention_mask must begin with the mask of the tokens in the cache: rows started "
                f"at {[row.padding for row in self.rows]}, now at {given}"
            )
        skipped = [min(max(0, start - seen), tokens) for start in given]
        for row, more in zip(self.rows, skipped, strict=True):
            row.padding += more
        return skipped


def _read_in_chunks(attention: LayerAttention, new: Sequence[Tensor], chunk: int | None) -> Tensor:
    """Queries, keys and values of a prompt, up to each multiple of a chunk in turn."""
    seen, count = attention.tokens_seen, new[0].shape[2]
    if chunk is None or seen % chunk + count <= chunk:
        return attention.prefill(*new)
    edges = [0, *range(chunk - seen % chunk, count, chunk), count]
    return torch.cat(
        [
            attention.prefill(*(tensor[:, :, first:end] for tensor in new))
            for first, end in pairwise(edges)
        ],
        dim=2,
    )


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
        self._neighbours = _neighbours(self.caches, self.counts)

    def next_positions(self, device: torch.device) -> Tensor:
        """The positions of the new tokens, int64 `[1, tokens]`."""
        ends = [cache.rows[0].layers[0].tokens_seen for cache in self.caches]
        return torch.cat([
            torch.arange(end, end + count, device=device)
            for end, count in zip(ends, self.counts, strict=True)
        ])[None]

    def attend(
        self, layer: int, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor | None
    ) -> Tensor:
        """Each sequence's own attention; those with one new token together, where that can be.

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
        outputs: list[Tensor] = []
        first = 0
        for caches, counts in self._neighbours:
            new = slice(first, first + sum(counts))
            given = (queries[:, :, new], keys[:, :, new], values[:, :, new])
            layers = [cache.rows[0].layers[layer] for cache in caches]
            if len(caches) > 1 and can_decode_together(layers, *given[:2]):
                outputs.append(decode_together(layers, *given))
            else:
                each = [torch.split(tensor, counts, dim=2) for tensor in given]
                for cache, asking, key, value in zip(caches, *each, strict=True):
                    outputs.append(cache.attend(layer, asking, key, value, None))
            first = new.stop
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=2)

    def attend_as_told(self, *_: Any) -> Tensor:
        """Never.

        Raises:
            UsageError: always.
        """
        raise UsageError("pictures that see themselves whole are read with one text alone")


def _neighbours(
    caches: Sequence[AttentionCache], counts: Sequence[int]
) -> list[tuple[list[AttentionCache], list[int]]]:
    """Caches and their counts, with neighbours that take one token each put together."""
    runs: list[tuple[list[AttentionCache], list[int]]] = []
    for cache, count in zip(caches, counts, strict=True):
        if count == 1 and runs and runs[-1][1][-1] == 1:
            runs[-1][0].append(cache)
            runs[-1][1].append(count)
        else:
            runs.append(([cache], [count]))
    return runs
