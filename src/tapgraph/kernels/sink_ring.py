"""The first tokens and the last ones, in memory that stops growing.

Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2309.17453, section 3.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.token_store import PAGE_TOKENS

__all__ = ["RingSnapshot", "SinkRing", "attend_streaming", "streaming_visible"]

SHORTEST_PIECE = 128
"""A chunk is taken in pieces of a quarter of the window, but not of fewer tokens than this: each
piece reads the whole window beside itself."""


@dataclass(frozen=True, slots=True)
class RingSnapshot:
    """What a `SinkRing` held at one time; its tensors are copies."""

    tokens_seen: int
    keys: Tensor | None
    values: Tensor | None
    positions: Tensor | None


class SinkRing:
    """Keys and values of each row's first `sink` and last `recent` tokens.

    Rows count from their own first real token; padding is never stored. A token at position p lies
    in place p while p < sink, later in place `sink + (p - sink) % recent`: places are in no order,
    so every place knows its token's position.

    The memory held is `2 * batch * kv_heads * places * head_dim` elements and `batch * places`
    int64, where `places` is `sink + recent`, or the smallest multiple of `PAGE_TOKENS` that has
    held the slots so far if that is less.

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
        """Slots given to it so far, kept or not, padding included."""
        return self._tokens_seen

    @property
    def keys(self) -> Tensor:
        """`[batch, kv_heads, places, head_dim]`; what stands in places that are not valid is 0."""
        return _stored(self._keys)

    @property
    def values(self) -> Tensor:
        """`[batch, kv_heads, places, head_dim]`; what stands in places that are not valid is 0."""
        return _stored(self._values)

    @property
    def positions(self) -> Tensor:
        """The token position in each place, int64 `[batch, places]`; -1 where it is empty."""
        return _stored(self._positions)

    @property
    def valid(self) -> Tensor:
        """Which places hold a token, bool `[batch, places]`."""
        return self.positions >= 0

    def append(self, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        """Store new tokens over those that leave the window.

        Args:
            keys: `[batch, kv_heads, new tokens, head_dim]`.
            values: `[batch, kv_heads, new tokens, head_dim]`.
            starts: int64 `[batch]`, the slot of each row's first real token, always the same.
        """
        self._make_room(keys, self._tokens_seen + keys.shape[2])
        if keys.shape[2] == 1:
            self._append_one(keys[:, :, 0], values[:, :, 0], starts)
            return
        places_keys, places_values, places_positions = self.keys, self.values, self.positions
        new = torch.arange(self._tokens_seen, self._tokens_seen + keys.shape[2], device=keys.device)
        self._tokens_seen += keys.shape[2]
        for row, start in enumerate(starts.tolist()):
            positions = new - start
            end = self._tokens_seen - start
            if end <= self.sink + self.recent:
                first = max(0, end - len(new))
                room = slice(first, max(first, end))
                taken = slice(len(new) - (room.stop - room.start), None)
                places_keys[row, :, room] = keys[row, :, taken]
                places_values[row, :, room] = values[row, :, taken]
                places_positions[row, room] = positions[taken]
                continue
            kept = (positions >= 0) & ((positions < self.sink) | (positions >= end - self.recent))
            positions = positions[kept]
            in_ring = self.sink + (positions - self.sink) % self.recent
            places = torch.where(positions < self.sink, positions, in_ring)
            places_keys[row].index_copy_(1, places, keys[row][:, kept])
            places_values[row].index_copy_(1, places, values[row][:, kept])
            places_positions[row].index_copy_(0, places, positions)

    def _append_one(self, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        slot, by_row = self._tokens_seen, starts.tolist()
        self._tokens_seen += 1
        alike = len(set(by_row)) == 1
        for row, start in enumerate(by_row[:1] if alike else by_row):
            position = place = slot - start
            if position < 0:
                continue
            if position >= self.sink:
                place = self.sink + (position - self.sink) % self.recent
            rows = slice(None) if alike else slice(row, row + 1)
            # Several times as quick as an assignment to an index.
            self.keys[rows].select(2, place).copy_(keys[rows])
            self.values[rows].select(2, place).copy_(values[rows])
            self.positions[rows].select(1, place).fill_(position)

    def snapshot(self) -> RingSnapshot:
        """A copy of everything it holds."""
        return RingSnapshot(
            self._tokens_seen, _copy(self._keys), _copy(self._values), _copy(self._positions)
        )

    def restore(self, snapshot: RingSnapshot) -> None:
        """Go back to an earlier `snapshot`; may be done many times."""
        self._tokens_seen = snapshot.tokens_seen
        self._keys = _copy(snapshot.keys)
        self._values = _copy(snapshot.values)
        self._positions = _copy(snapshot.positions)

    def fork(self) -> "SinkRing":
        """A copy with memory of its own."""
        twin = SinkRing(self.sink, self.recent)
        twin.restore(self.snapshot())
        return twin

    def crop(self, tokens: int, starts: Tensor) -> None:
        """Forget everything after the first `tokens` slots.

        Raises:
            UsageError: it cannot, because tokens left the window that would be in it again.
        """
        if not 0 <= tokens <= self._tokens_seen:
            raise UsageError(f"can keep 0 to {self._tokens_seen} tokens, got {tokens}")
        if tokens == self._tokens_seen or self._positions is None:
            return
        longest = self._tokens_seen - int(starts.min())
        if longest > self.sink + self.recent:
            raise UsageError(
                f"cannot go back to {tokens} tokens: the window of {self.recent} has already "
                "dropped what it would need; restore a snapshot instead"
            )
        self._positions[self._positions >= (tokens - starts)[:, None]] = -1
        self._tokens_seen = tokens

    def select_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""
        if self._tokens_seen:
            self._keys = self.keys.index_select(0, rows)
            self._values = self.values.index_select(0, rows)
            self._positions = self.positions.index_select(0, rows)

    def bytes_held(self) -> int:
        """Bytes of all its tensors."""
        return sum(
            part.element_size() * part.numel()
            for part in (self._keys, self._values, self._positions)
            if part is not None
        )

    def _make_room(self, like: Tensor, slots: int) -> None:
        places = min(self.sink + self.recent, -(-slots // PAGE_TOKENS) * PAGE_TOKENS)
        if self._positions is None:
            batch, kv_heads, _, head_dim = like.shape
            self._keys = like.new_zeros((batch, kv_heads, 0, head_dim))
            self._values = like.new_zeros((batch, kv_heads, 0, head_dim))
            self._positions = torch.empty((batch, 0), dtype=torch.int64, device=like.device)
        more = places - self.positions.shape[1]
        if more > 0:
            self._keys = functional.pad(self.keys, (0, 0, 0, more))
            self._values = functional.pad(self.values, (0, 0, 0, more))
            self._positions = functional.pad(self.positions, (0, more), value=-1)


def streaming_visible(
    query_positions: Tensor, key_positions: Tensor, *, sink: int, recent: int
) -> Tensor:
    """Which keys a query of a streaming head may see: bool `[batch, 1, q_len, kv_len]`.

    Args:
        query_positions: int64 `[batch, q_len]`; a negative one is padding and sees nothing.
        key_positions: int64 `[batch, kv_len]`; a negative one is padding or an empty place.
        sink: first tokens that everyone sees.
        recent: last tokens that a query sees, itself included.
    """
    distance = query_positions[:, :, None] - key_positions[:, None, :]
    near = (distance < recent) | (key_positions < sink)[:, None, :]
    return ((distance >= 0) & near & (key_positions >= 0)[:, None, :])[:, None]


def attend_streaming(
    ring: SinkRing,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    starts: Tensor,
    scale: float,
) -> Tensor:
    """Append new tokens to the ring and attend from each to the sink and its own window.

    Each query sees exactly its own sinks and window whatever the length of the chunk; time and
    memory grow linearly with it.

    Args:
        ring: what was kept of the past; changed.
        queries: `[batch, heads, tokens, head_dim]`.
        keys: of the same tokens, `[batch, kv_heads, tokens, head_dim]`.
        values: of the same tokens, `[batch, kv_heads, tokens, head_dim]`.
        starts: int64 `[batch]`, the slot of each row's first real token.
        scale: what the dot products are multiplied with.

    Returns:
        `[batch, heads, tokens, head_dim]`; queries that are padding get zeros.
    """
    check_inputs(queries, keys, values)
    if queries.shape[2] == 1:
        ring.append(keys, values, starts)
        return _attend_from_one(ring, queries, starts, scale)
    length = max(ring.recent // 4, SHORTEST_PIECE)
    pieces, whole = [], 0
    if not ring.tokens_seen:
        # So long nothing leaves the window, and dense attention needs no mask.
        whole = min(queries.shape[2], ring.sink + ring.recent)
        past = (part[:, :, :whole] for part in (queries, keys, values))
        pieces.append(attend_densely(*past, scale=scale, starts=starts))
        ring.append(keys[:, :, :whole], values[:, :, :whole], starts)
    for first in range(whole, queries.shape[2], length):
        piece = slice(first, first + length)
        new_keys, new_values = keys[:, :, piece], values[:, :, piece]
        count = new_keys.shape[2]
        slots = torch.arange(ring.tokens_seen, ring.tokens_seen + count, device=keys.device)
        new_positions = (slots - starts[:, None]).clamp(min=-1)
        all_keys, all_values, positions = new_keys, new_values, new_positions
        if ring.tokens_seen:
            all_keys = torch.cat((ring.keys, new_keys), dim=2)
            all_values = torch.cat((ring.values, new_values), dim=2)
            positions = torch.cat((ring.positions, new_positions), dim=1)
        mask = streaming_visible(new_positions, positions, sink=ring.sink, recent=ring.recent)
        pieces.append(_attend(queries[:, :, piece], all_keys, all_values, mask, scale))
        ring.append(new_keys, new_values, starts)
    return torch.cat(pieces, dim=2)


def _attend_from_one(ring: SinkRing, queries: Tensor, starts: Tensor, scale: float) -> Tensor:
    """Attention of the newest token, which is in the ring already, to all that it holds."""
    by_row = starts.tolist()
    # Places fill up from the front, so none after the longest row's count is in use yet.
    used = slice(0, max(1, ring.tokens_seen - min(by_row)))
    keys, values = ring.keys[:, :, used], ring.values[:, :, used]
    packed = queries.reshape(len(queries), keys.shape[1], -1, queries.shape[3])
    is_full = ring.tokens_seen - max(by_row) >= keys.shape[2]
    mask = None if is_full else ring.valid[:, None, None, used]
    output = functional.scaled_dot_product_attention(
        packed, keys, values, attn_mask=mask, scale=scale
    )
    return _without_blind(output, mask).reshape(queries.shape)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scale: float) -> Tensor:
    output = functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, scale=scale, enable_gqa=True
    )
    return _without_blind(output, mask)


def _without_blind(output: Tensor, mask: Tensor | None) -> Tensor:
    """Zeros for queries that see nothing: torch does not promise what they get."""
    if mask is None:
        return output
    return torch.where(mask.any(dim=-1, keepdim=True), output, torch.zeros_like(output))


def _stored(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise UsageError("nothing was stored yet")
    return tensor


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.clone()
