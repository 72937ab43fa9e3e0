"""What all systems share that keep every token and choose blocks while they read the prompt."""

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerAttention, LayerShape, Reading
from tapgraph.kernels.dense import attend_densely, attend_unpadded
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.token_store import TokenStore

__all__ = ["FullCacheLayer", "LastRead", "SparseOutput", "UnpaddedLayer"]


@dataclass(frozen=True, slots=True)
class LastRead:
    """What the last query of a call read.

    Attributes:
        kept: bool `[batch, heads, key blocks]`; None means everything. Never changed in place.
            Blocks are counted from slot 0, in an `UnpaddedLayer` from a row's first real token.
        key_block: keys in a block; the last block may be shorter.
        scored: as in `Reading`.
    """

    kept: Tensor | None = None
    key_block: int = 1
    scored: float = 0.0


@dataclass(frozen=True, slots=True)
class SparseOutput:
    """The result of one call for some rows.

    Attributes:
        output: `[batch, heads, tokens, head_dim]`.
        last_read: what the last query of the call read.
    """

    output: Tensor
    last_read: LastRead


@dataclass(frozen=True, slots=True)
class _Snapshot:
    tokens: int
    last_read: LastRead
    extra: object


class FullCacheLayer(LayerAttention):
    """Keeps all keys and values; sparse while reading the prompt, dense in decode.

    A subclass writes `attend_sparsely`. It may replace `attend_to_one` (decode). If it keeps more
    than the tokens, it also replaces the five methods whose names speak of "extra".

    Args:
        shape: the layer.
        dense_below: with fewer slots than this a prompt is read densely.
    """

    def __init__(self, shape: LayerShape, *, dense_below: int = 0) -> None:
        super().__init__(shape)
        self._dense_below = dense_below
        self._store = TokenStore()
        self._starts: Tensor | None = None
        self._is_padded = False
        self._last_read = LastRead()

    @abstractmethod
    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend from the last `queries.shape[2]` of the stored tokens; choose what they read."""

    def attend_to_one(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend from the one newest token; dense unless a subclass knows better."""
        return self.attend_to_all(queries, starts)

    def attend_to_all(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend densely from the last `queries.shape[2]` of the stored tokens."""
        keys, values, scale = self.keys, self.values, self.shape.scale
        if self._is_padded:
            output = attend_densely(queries, keys, values, scale=scale, starts=starts)
        else:
            output = attend_unpadded(queries, keys, values, scale=scale)
        return SparseOutput(output, LastRead())

    def save_extra(self) -> object:
        """What a subclass keeps besides the tokens, for a snapshot; must never change later."""
        return None

    def load_extra(self, extra: object) -> None:
        """Go back to what `save_extra` gave; must not make it change."""

    def crop_extra(self, tokens: int) -> None:
        """Forget what belongs to slots after the first `tokens`."""

    def select_extra_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""

    def extra_bytes(self) -> int:
        """Bytes of what a subclass keeps besides the tokens."""
        return 0

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far; all are kept."""
        return self._store.tokens

    @property
    def keys(self) -> Tensor:
        """All keys, `[batch, kv_heads, tokens_seen, head_dim]`."""
        return self._store.keys

    @property
    def values(self) -> Tensor:
        """All values, `[batch, kv_heads, tokens_seen, head_dim]`."""
        return self._store.values

    @property
    def reading(self) -> Reading:
        """What the last query read; a key counts once for all query heads of its KV head."""
        kept = self.kept_by_last_query()
        by_kv_head = kept.reshape(len(kept), self.shape.kv_heads, self.shape.group, -1).any(dim=2)
        attended = by_kv_head.sum(dim=-1).double().mean()
        return Reading(attended=float(attended), scored=self._last_read.scored)

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Store the chunk and attend from it, sparsely if the cache is long enough."""
        self._store_tokens(queries, keys, values, starts)
        if self.tokens_seen < self._dense_below:
            return self._remembered(self.attend_to_all(queries, starts))
        return self._remembered(self.attend_sparsely(queries, starts))

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Store the token and attend from it."""
        self._store_tokens(queries, keys, values, starts)
        return self._remembered(self.attend_to_one(queries, starts))

    def kept_by_last_query(self) -> Tensor:
        """The slots of the last query's blocks, without padding."""
        if self._starts is None:
            raise UsageError("nothing was attended to yet")
        slots = torch.arange(self.tokens_seen, device=self._starts.device)
        positions = slots - self._starts[:, None]
        real = (positions >= 0)[:, None].expand(-1, self.shape.heads, -1)
        if self._last_read.kept is None:
            return real
        blocks = self._counted_from(slots, positions).clamp(min=0) // self._last_read.key_block
        return real & self._last_read.kept.gather(2, blocks[:, None].expand_as(real))

    def bytes_held(self) -> int:
        """`TokenStore`'s, a flag for each block of the last call, and what a subclass adds."""
        kept = self._last_read.kept
        flags = 0 if kept is None else kept.element_size() * kept.numel()
        return self._store.bytes_held() + flags + self.extra_bytes()

    def snapshot(self) -> object:
        """The number of tokens and the last choice; nothing is copied."""
        return _Snapshot(self.tokens_seen, self._last_read, self.save_extra())

    def restore(self, snapshot: object) -> None:
        """Forget what came after the snapshot."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._store.crop(snapshot.tokens)
        self._last_read = snapshot.last_read
        self.load_extra(snapshot.extra)

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = copy(self)
        twin._store = self._store.fork()
        twin.load_extra(self.save_extra())
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` slots."""
        self._store.crop(tokens)
        self.crop_extra(tokens)

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was."""
        self._store.select_rows(rows)
        self.select_extra_rows(rows)
        if self._starts is not None:
            self._note_starts(self._starts.index_select(0, rows))
        if self._last_read.kept is not None:
            self._last_read = replace(
                self._last_read, kept=self._last_read.kept.index_select(0, rows)
            )

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._store.append(keys, values)
        self._note_starts(starts)

    def _note_starts(self, starts: Tensor) -> None:
        # Caches give the same tensor in each call, and to look into it takes as long as a token.
        if starts is not self._starts:
            self._starts, self._is_padded = starts, bool(starts.any())

    def _remembered(self, result: SparseOutput) -> Tensor:
        self._last_read = result.last_read
        return result.output

    def _counted_from(self, slots: Tensor, positions: Tensor) -> Tensor:
        """What blocks are counted by, int64 `[batch, tokens]`."""
        return slots.expand_as(positions)


class UnpaddedLayer(FullCacheLayer):
    """A `FullCacheLayer` that never sees padding.

    A subclass writes `attend_rows`: rows with the same start are given to it together, from their
    first real token on, so that a row's blocks do not depend on the batch it is in.

    Args:
        shape: the layer.
        key_block: keys in the blocks that `attend_rows` chooses.
        dense_below: while a row has fewer tokens than this, its prompt is read densely.
    """

    def __init__(self, shape: LayerShape, *, key_block: int = 1, dense_below: int = 0) -> None:
        super().__init__(shape, dense_below=dense_below)
        self._key_block = key_block

    @abstractmethod
    def attend_rows(self, queries: Tensor, keys: Tensor, values: Tensor) -> SparseOutput:
        """Attend causally from the last tokens of rows without padding; choose what they read.

        Args:
            queries: `[rows, heads, q_len, head_dim]`, the last `q_len` of the tokens.
            keys: of all tokens, `[rows, kv_heads, kv_len, head_dim]`.
            values: of all tokens, `[rows, kv_heads, kv_len, head_dim]`.
        """

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Attend in each group of rows with one start by itself."""
        if not bool(starts.any()):
            return self.attend_rows(queries, self.keys, self.values)
        q_len = queries.shape[2]
        output = torch.zeros_like(queries)
        read: list[tuple[Tensor, LastRead]] = []
        for cut, rows in rows_by_start(starts):
            padded = max(0, cut - (self.tokens_seen - q_len))
            if padded < q_len:
                result = self._attend_from(cut, rows, queries[rows, :, padded:])
                output[rows, :, padded:] = result.output
                read.append((rows, result.last_read))
        return SparseOutput(output, self._joined(read, starts))

    def _joined(self, read: list[tuple[Tensor, LastRead]], starts: Tensor) -> LastRead:
        scored = sum(part.scored * len(rows) for rows, part in read) / len(starts)
        if all(part.kept is None for _, part in read):
            return LastRead(scored=scored)
        blocks = -(-(self.tokens_seen - int(starts.min())) // self._key_block)
        kept = starts.new_ones((len(starts), self.shape.heads, blocks), dtype=torch.bool)
        for rows, part in read:
            if part.kept is not None:
                kept[rows, :, : part.kept.shape[2]] = part.kept
        return LastRead(kept, self._key_block, scored)

    def _attend_from(self, cut: int, rows: Tensor, queries: Tensor) -> SparseOutput:
        keys, values = self.keys[rows, :, cut:], self.values[rows, :, cut:]
        if self.tokens_seen - cut >= self._dense_below:
            return self.attend_rows(queries, keys, values)
        starts = torch.zeros_like(rows)
        output = attend_densely(queries, keys, values, scale=self.shape.scale, starts=starts)
        return SparseOutput(output, LastRead())

    def _counted_from(self, slots: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG002
        return positions
