"""The first tokens and the last ones, in memory that stops growing.

Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2309.17453, section 3.2.
"""

from copy import copy

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.token_store import PAGE_TOKENS

__all__ = ["SinkRing", "attend_streaming", "streaming_visible"]

SHORTEST_PIECE = 128
"""A chunk is taken in pieces of a quarter of the window, but not of fewer tokens than this: each
piece reads the whole window beside itself."""


class SinkRing:
    """Keys and values of a sequence's first `sink` and last `recent` tokens.

    A token at position p lies in place p while p < sink, later in place
    `sink + (p - sink) % recent`: places fill up from the front and are then in no order, so every
    place knows its token's position.

    The memory held is `2 * kv_heads * places * head_dim` elements and `places` int64, where
    `places` is `sink + recent`, or the smallest multiple of `PAGE_TOKENS` that has held the tokens
    so far if that is less.

    Args:
        sink: first tokens to keep, at least 0.
        recent: last tokens to keep, the newest included, at least 1.
    """

    def __init__(self, sink: int, recent: int) -> None:
        if sink < 0 or recent < 1:
            raise UsageError(
                f"sink must be at least 0 and recent at least 1, got {sink!r} and {recent!r}"
            )
        self.sink = sink
        self.recent = recent
        self._keys: Tensor | None = None
        self._values: Tensor | None = None
        self._positions: Tensor | None = None
        self._tokens_seen = 0

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._tokens_seen

    @property
    def keys(self) -> Tensor:
        """Of the tokens it holds, `[1, kv_heads, places in use, head_dim]`."""
        return _stored(self._keys)[:, :, : self._in_use()]

    @property
    def values(self) -> Tensor:
        """Of the tokens it holds, `[1, kv_heads, places in use, head_dim]`."""
        return _stored(self._values)[:, :, : self._in_use()]

    @property
    def positions(self) -> Tensor:
        """The position of the token in each place in use, int64 `[places in use]`."""
        return _stored(self._positions)[: self._in_use()]

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Store new tokens over those that leave the window.

        Args:
            keys: `[1, kv_heads, new tokens, head_dim]`.
            values: `[1, kv_heads, new tokens, head_dim]`.
        """
        first, new = self._tokens_seen, keys.shape[2]
        end = first + new
        self._make_room(keys, end)
        self._tokens_seen = end
        memory = _stored(self._keys), _stored(self._values)
        if new == 1:
            place = first if first < self.sink else self.sink + (first - self.sink) % self.recent
            # Several times as quick as an assignment to an index.
            for held, tokens in zip(memory, (keys, values), strict=True):
                held.select(2, place).copy_(tokens[:, :, 0])
            _stored(self._positions)[place] = first
            return
        kept: slice | Tensor = slice(None)
        places = positions = torch.arange(first, end, device=keys.device)
        if end > self.sink + self.recent:
            is_kept = (positions < self.sink) | (positions >= end - self.recent)
            kept = is_kept.nonzero()[:, 0]
            positions = positions[kept]
            in_ring = self.sink + (positions - self.sink) % self.recent
            places = torch.where(positions < self.sink, positions, in_ring)
        for held, tokens in zip(memory, (keys, values), strict=True):
            held.index_copy_(2, places, tokens[:, :, kept])
        _stored(self._positions).index_copy_(0, places, positions)

    def fork(self) -> "SinkRing":
        """A copy with memory of its own."""
        twin = copy(self)
        twin._keys, twin._values = _copy(self._keys), _copy(self._values)
        twin._positions = _copy(self._positions)
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: it cannot, because tokens left the window that would be in it again.
        """
        if not 0 <= tokens <= self._tokens_seen:
            raise UsageError(f"can keep 0 to {self._tokens_seen} tokens, got {tokens}")
        if tokens < self._tokens_seen and self._tokens_seen > self.sink + self.recent:
            raise UsageError(
                f"cannot go back to {tokens} tokens: the window of {self.recent} has already "
                "dropped what it would need; restore a snapshot instead"
            )
        self._tokens_seen = tokens

    def bytes_held(self) -> int:
        """Bytes of all its tensors."""
        held = (self._keys, self._values, self._positions)
        return sum(part.nbytes for part in held if part is not None)

    def _in_use(self) -> int:
        return min(self._tokens_seen, self.sink + self.recent)

    def _make_room(self, like: Tensor, tokens: int) -> None:
        if self._keys is None or self._values is None or self._positions is None:
            _, kv_heads, _, head_dim = like.shape
            self._keys = like.new_empty((1, kv_heads, 0, head_dim))
            self._values = self._keys.clone()
            self._positions = torch.empty(0, dtype=torch.int64, device=like.device)
        places = min(self.sink + self.recent, -(-tokens // PAGE_TOKENS) * PAGE_TOKENS)
        more = places - len(self._positions)
        if more > 0:
            self._keys = functional.pad(self._keys, (0, 0, 0, more))
            self._values = functional.pad(self._values, (0, 0, 0, more))
            self._positions = functional.pad(self._positions, (0, more))


def streaming_visible(
    query_positions: Tensor, key_positions: Tensor, *, sink: int, recent: int
) -> Tensor:
    """Which keys a query of a streaming head may see: bool `[q_len, kv_len]`.

    Args:
        query_positions: int64 `[q_len]`.
        key_positions: int64 `[kv_len]`.
        sink: first tokens that everyone sees.
        recent: last tokens that a query sees, itself included.
    """
    distance = query_positions[:, None] - key_positions
    return (distance >= 0) & ((distance < recent) | (key_positions < sink))


def attend_streaming(
    ring: SinkRing, queries: Tensor, keys: Tensor, values: Tensor, *, scale: float
) -> Tensor:
    """Append new tokens to the ring and attend from each to the sink and its own window.

    Each query sees exactly its own sinks and window whatever the length of the chunk; time and
    memory grow linearly with it.

    Args:
        ring: what was kept of the past; changed.
        queries: `[1, heads, tokens, head_dim]`.
        keys: of the same tokens, `[1, kv_heads, tokens, head_dim]`.
        values: of the same tokens, `[1, kv_heads, tokens, head_dim]`.
        scale: what the dot products are multiplied with.

    Returns:
        `[1, heads, tokens, head_dim]`.
    """
    check_inputs(queries, keys, values)
    if queries.shape[2] == 1:
        ring.append(keys, values)
        return attend_densely(queries, ring.keys, ring.values, scale=scale)
    length = max(ring.recent // 4, SHORTEST_PIECE)
    pieces, whole = [], 0
    if not ring.tokens_seen:
        # So long nothing leaves the window, and dense attention needs no mask.
        whole = min(queries.shape[2], ring.sink + ring.recent)
        past = (part[:, :, :whole] for part in (queries, keys, values))
        pieces.append(attend_densely(*past, scale=scale))
        ring.append(keys[:, :, :whole], values[:, :, :whole])
    for first in range(whole, queries.shape[2], length):
        piece = slice(first, first + length)
        new_keys, new_values = keys[:, :, piece], values[:, :, piece]
        seen = ring.tokens_seen
        new_positions = torch.arange(seen, seen + new_keys.shape[2], device=keys.device)
        positions = torch.cat((ring.positions, new_positions))
        pieces.append(
            functional.scaled_dot_product_attention(
                queries[:, :, piece],
                torch.cat((ring.keys, new_keys), dim=2),
                torch.cat((ring.values, new_values), dim=2),
                attn_mask=streaming_visible(
                    new_positions, positions, sink=ring.sink, recent=ring.recent
                ),
                scale=scale,
                enable_gqa=True,
            )
        )
        ring.append(new_keys, new_values)
    return torch.cat(pieces, dim=2)


def _stored(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise UsageError("nothing was stored yet")
    return tensor


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.clone()
