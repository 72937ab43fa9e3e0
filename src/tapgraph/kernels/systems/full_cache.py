"""What all systems share that keep every token and choose what of them is read."""

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerAttention, LayerShape, Reading
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.quantized_store import open_store
from tapgraph.kernels.selection import listed

__all__ = ["FullCacheLayer", "LastRead", "SparseOutput"]


@dataclass(frozen=True, slots=True)
class LastRead:
    """What the last query of a call read; everything if nothing is said. Never changed in place.

    Attributes:
        kept: bool `[heads, key blocks]`.
        key_block: keys in a block; the last block may be shorter.
        listed: instead the tokens by their slots, int64 `[heads, most]`, -1 for none.
        scored: as in `Reading`.
    """

    kept: Tensor | None = None
    key_block: int = 1
    scored: float = 0.0
    listed: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Of what is held."""
        return sum(part.nbytes for part in (self.kept, self.listed) if part is not None)


@dataclass(frozen=True, slots=True)
class SparseOutput:
    """The result of one call.

    Attributes:
        output: `[1, heads, tokens, head_dim]`.
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
    than the tokens, it also replaces the four methods whose names speak of "extra".

    Args:
        shape: the layer.
        dense_below: with fewer tokens than this a prompt is read densely.
    """

    def __init__(self, shape: LayerShape, *, dense_below: int = 0) -> None:
        super().__init__(shape)
        self._dense_below = dense_below
        self._store = open_store(shape.kept_bits)
        self._last_read = LastRead()

    @abstractmethod
    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Attend from the last `queries.shape[2]` of the stored tokens; choose what they read."""

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Attend from the one newest token; dense unless a subclass knows better."""
        return self.attend_to_all(queries)

    def attend_to_all(self, queries: Tensor) -> SparseOutput:
        """Attend densely from the last `queries.shape[2]` of the stored tokens."""
        output = attend_densely(queries, self.keys, self.values, scale=self.shape.scale)
        return SparseOutput(output, LastRead())

    def save_extra(self) -> object:
        """What a subclass keeps besides the tokens, for a snapshot; must never change later."""
        return None

    def load_extra(self, extra: object) -> None:
        """Go back to what `save_extra` gave; must not make it change."""

    def crop_extra(self, tokens: int) -> None:
        """Forget what belongs to later tokens than the first `tokens`."""

    def extra_bytes(self) -> int:
        """Bytes of what a subclass keeps besides the tokens."""
        return 0

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far; all are kept."""
        return self._store.tokens

    @property
    def keys(self) -> Tensor:
        """All keys, `[1, kv_heads, tokens_seen, head_dim]`."""
        return self._store.keys

    @property
    def values(self) -> Tensor:
        """All values, `[1, kv_heads, tokens_seen, head_dim]`."""
        return self._store.values

    @property
    def reading(self) -> Reading:
        """What the last query read; a key counts once for all query heads of its KV head."""
        kept = self.kept_by_last_query()
        by_kv_head = kept.view(self.shape.kv_heads, self.shape.group, -1).any(dim=1)
        attended = by_kv_head.sum(dim=-1).double().mean()
        return Reading(attended=float(attended), scored=self._last_read.scored)

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Store the chunk and attend from it, sparsely if the cache is long enough."""
        self._store_tokens(queries, keys, values)
        if self.tokens_seen < self._dense_below:
            return self._remembered(self.attend_to_all(queries))
        return self._remembered(self.attend_sparsely(queries))

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Store the token and attend from it."""
        self._store_tokens(queries, keys, values)
        return self._remembered(self.attend_to_one(queries))

    def kept_by_last_query(self) -> Tensor:
        """The tokens of the last query's blocks or list."""
        kept, tokens = self._last_read.kept, self.tokens_seen
        if not tokens:
            raise UsageError("nothing was attended to yet")
        if self._last_read.listed is not None:
            return listed(self._last_read.listed, tokens)
        if kept is None:
            return self.keys.new_ones((self.shape.heads, tokens), dtype=torch.bool)
        return kept.repeat_interleave(self._last_read.key_block, dim=1)[:, :tokens]

    def bytes_held(self) -> int:
        """`TokenStore`'s, what the last query read, and what a subclass adds."""
        return self._store.bytes_held() + self._last_read.nbytes + self.extra_bytes()

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
        """Forget everything after the first `tokens` tokens."""
        self._store.crop(tokens)
        self._last_read = LastRead()
        self.crop_extra(tokens)

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor) -> None:
        check_call(self.shape, queries, keys, values)
        self._store.append(keys, values)

    def _remembered(self, result: SparseOutput) -> Tensor:
        self._last_read = result.last_read
        return result.output
