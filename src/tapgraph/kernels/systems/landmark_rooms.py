"""Past blocks in a few rooms before the query: choosing them, placing them, attending to them."""

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.kernels.attention_system import LayerShape, Rotary
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.selection import top_k
from tapgraph.kernels.systems.landmark_retrieval import attend_to_blocks, distinct_blocks
from tapgraph.kernels.systems.landmark_softmax import grouped_softmax_attention
from tapgraph.kernels.systems.landmark_store import KeysAndValues, LandmarkStore
from tapgraph.kernels.token_store import VectorStore

__all__ = ["LandmarkRooms", "Piece"]

_SLAB_ENTRIES = 1 << 14
"""So many entries of lists of blocks are attended to at a time, if one query has no more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring tokens of one chunk, in rows that begin at the same slot.

    Attributes:
        rows: int64, which rows.
        start: the slot of their first real token.
        slot: of the first of the tokens.
        end: the slot after the last of them.
        finished: blocks before the block of the first token.
        near: the first slot of that block.
    """

    rows: Tensor
    start: int
    slot: int
    end: int
    finished: int
    near: int


@dataclass(frozen=True, slots=True)
class _Placed:
    """Rotated queries, and what they are near to.

    Attributes:
        queries: `[rows, kv_heads, group, tokens, head_dim]`.
        landmarks: of the newest blocks, `[rows, kv_heads, as many as are chosen, head_dim]`.
        keys: of the tokens after the finished blocks, `[rows, kv_heads, near, head_dim]`.
        values: of the same tokens.
    """

    queries: Tensor
    landmarks: Tensor
    keys: Tensor
    values: Tensor


class LandmarkRooms:
    """Attention from chunks, through the position map of `Landmark`.

    Beside the memory of the layer it holds the landmarks of old blocks, rotated, in float64: a
    `VectorStore` for each start of a row.

    Args:
        shape: of the layer.
        rotary: what rotates queries and keys.
        block: ordinary tokens before a landmark.
        retrieved: k, so many past blocks are read.
        together: along which axes of scores `[rows, kv_heads, group, tokens, blocks]` there is one
            list of blocks.
    """

    def __init__(
        self,
        shape: LayerShape,
        rotary: Rotary,
        block: int,
        retrieved: int,
        together: tuple[int, ...],
    ) -> None:
        self._shape = shape
        self._rotary = rotary
        self._block = block
        self._stride = block + 1
        self._retrieved = retrieved
        self._together = together
        self._old_landmarks: dict[int, VectorStore] = {}

    def attend(self, memory: LandmarkStore, piece: Piece, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Attention of a chunk's tokens to each other, their blocks and what they retrieve.

        Args:
            memory: with the tokens in it.
            piece: the tokens.
            queries: not rotated, `[rows, heads, tokens, head_dim]`; float32 or float64.

        Returns:
            The output, like `queries`, and the blocks that the last query retrieved, int64
            `[rows, heads, most]`.
        """
        placed = self._place(memory, piece, queries)
        if not piece.finished:
            attended = self._attend_near(placed)
            return attended.output, piece.rows.new_empty((*queries.shape[:2], 0))
        chosen = self._choose(memory, piece, placed)
        if queries.shape[2] == 1:
            output = self._attend_from_one(memory, piece, placed, chosen)
        else:
            retrieved = self._retrieve(memory, piece, placed.queries, chosen)
            output = merge([self._attend_near(placed), retrieved]).output
        return output, chosen[:, :, :, -1].flatten(1, 2)

    def crop(self, tokens: int) -> None:
        """Forget landmarks after the first `tokens` slots."""
        for start, kept in self._old_landmarks.items():
            kept.crop(max(0, tokens - start) // self._stride)

    def forget(self) -> None:
        """Forget all landmarks, for the rows are others now; they will be read again."""
        self._old_landmarks.clear()

    def fork(self) -> "LandmarkRooms":
        """A copy with memory of its own."""
        twin = copy(self)
        twin._old_landmarks = {start: kept.fork() for start, kept in self._old_landmarks.items()}
        return twin

    def bytes_held(self) -> int:
        """Bytes of rotated landmarks."""
        return sum(kept.bytes_held() for kept in self._old_landmarks.values())

    def _place(self, memory: LandmarkStore, piece: Piece, queries: Tensor) -> _Placed:
        """Rotate queries and what is at its true distance from them."""
        rooms, newest = self._rooms(piece), self._newest(piece)
        reserved = rooms * self._stride
        places = torch.arange(reserved + piece.end - piece.near, device=queries.device)
        of_landmarks = places[self._block : reserved : self._stride][rooms - newest :]
        places = torch.cat((of_landmarks, places[reserved:])).expand(len(piece.rows), -1)
        landmarks = memory.landmark_keys(
            piece.rows, piece.start, piece.finished - newest, piece.finished
        )
        recent = memory.recent(piece.rows, piece.near, piece.end)
        keys = torch.cat((landmarks, recent.keys), dim=2)
        keys = self._rotary(keys.to(queries), places)
        rotated = self._rotary(queries, places[:, -queries.shape[2] :])
        grouped = rotated.view(
            len(rotated), self._shape.kv_heads, self._shape.group, *rotated.shape[2:]
        )
        return _Placed(grouped, keys[:, :, :newest], keys[:, :, newest:], recent.values.to(queries))

    def _rooms(self, piece: Piece) -> int:
        return min(piece.finished, self._retrieved + 1)

    def _newest(self, piece: Piece) -> int:
        """So many finished blocks are scored at their true distance."""
        return min(piece.finished, self._retrieved)

    def _attend_near(self, placed: _Placed) -> Partial:
        return grouped_softmax_attention(
            placed.queries.flatten(1, 2),
            placed.keys,
            placed.values,
            block=self._block,
            scale=self._shape.scale,
        )

    def _choose(self, memory: LandmarkStore, piece: Piece, placed: _Placed) -> Tensor:
        """The best blocks in the order of the text, int64 `[rows, kv_heads, group, tokens, most]`.

        Only the newest blocks are at their distance; all older ones are in the first room, where
        landmarks can be equal (in the first layer of a model they always are). Then the first of
        them are chosen: their scores differ in the last bits of float64, as their columns lie
        differently in the product, and are equal in float32.
        """
        asking = placed.queries.flatten(2, 3).double()
        scores = asking @ placed.landmarks.double().mT
        if piece.finished > self._newest(piece):
            old = self._landmarks_in_first_room(memory, piece)
            scores = torch.cat((asking @ old.mT, scores), dim=-1)
        scores = scores.view(*placed.queries.shape[:4], -1)
        if self._together:
            scores = (scores * self._shape.scale).softmax(dim=-1)
            scores = scores.amax(dim=self._together, keepdim=True)
        return top_k(scores.float(), self._newest(piece)).expand(*placed.queries.shape[:4], -1)

    def _landmarks_in_first_room(self, memory: LandmarkStore, piece: Piece) -> Tensor:
        """Of all but the newest blocks, float64 `[rows, kv_heads, blocks, head_dim]`.

        They stand there whatever comes after them, so each is rotated once.
        """
        wanted = piece.finished - self._newest(piece)
        kept = self._old_landmarks.setdefault(piece.start, VectorStore())
        if kept.tokens < wanted:
            landmarks = memory.landmark_keys(piece.rows, piece.start, kept.tokens, wanted)
            landmarks = landmarks.to(torch.promote_types(landmarks.dtype, torch.float32))
            place = piece.rows.new_full((1, 1), self._block)
            alike = landmarks.flatten(0, 2)[None, :, None]
            kept.append(self._rotary(alike, place).view_as(landmarks).double())
        return kept.vectors[:, :, :wanted]

    def _rooms_of(self, piece: Piece, chosen: Tensor) -> Tensor:
        """The r-th of a list stands in room r, in the one after it if it is one of the newest."""
        rooms = torch.arange(chosen.shape[-1], device=chosen.device).expand_as(chosen)
        newest = piece.finished - self._retrieved
        return rooms if newest <= 0 else rooms + (chosen >= newest).to(rooms.dtype)

    def _attend_from_one(
        self, memory: LandmarkStore, piece: Piece, placed: _Placed, chosen: Tensor
    ) -> Tensor:
        """The output of one token for each row, `[rows, heads, 1, head_dim]`.

        Where query heads of a KV head want the same block in the same room it is read once. The
        weights of own tokens and of landmarks come from one softmax.
        """
        rows, kv_heads, group, _, most = chosen.shape
        rooms, device = self._rooms(piece), chosen.device
        lists = chosen.new_full((rooms, rows * kv_heads * group), -1)
        in_rooms = self._rooms_of(piece, chosen)
        lists.scatter_(0, in_rooms.reshape(-1, most).mT, chosen.reshape(-1, most).mT)
        lists = lists.view(rooms, rows * kv_heads, group)
        blocks = distinct_blocks(lists)
        owners = piece.rows[:, None] * kv_heads + torch.arange(kv_heads, device=device)
        owners = owners.view(-1, 1).expand_as(blocks).flatten()
        found = memory.blocks(owners, piece.start, blocks.clamp(min=0).flatten())
        queries = placed.queries[:, :, :, 0] * self._shape.scale
        places = torch.arange(rooms * self._stride, device=device).view(rooms, -1)
        keys = found.keys.to(queries).view(rooms, -1, *found.keys.shape[1:])
        keys = self._rotary(keys, places).view(rooms, rows * kv_heads, -1, keys.shape[-1])
        values = found.values.to(queries).view(keys.shape)
        logits = queries.flatten(0, 1) @ keys.mT
        logits = logits.view(*lists.shape, -1, self._stride)
        blocks = blocks[:, :, None]
        is_not_wanted = (lists[..., None] != blocks) | (blocks < 0)
        gates = logits[..., -1].masked_fill(is_not_wanted, float("-inf"))
        gates = gates.permute(1, 2, 0, 3).flatten(2)
        own = min(placed.keys.shape[2], self._block)
        near = (queries @ placed.keys[:, :, :own].mT).flatten(0, 1)
        weights = torch.cat((near, gates), dim=-1).softmax(dim=-1)
        shares = weights[..., own:].view(-1, group, rooms, logits.shape[3]).permute(2, 0, 1, 3)
        # A landmark has no weight of its own.
        logits[..., -1] = float("-inf")
        inside = (logits.softmax(dim=-1) * shares[..., None]).flatten(3)
        output = (inside @ values).sum(dim=0)
        output += weights[..., :own] @ placed.values.flatten(0, 1)[:, :own]
        return output.view(rows, kv_heads * group, 1, -1)

    def _retrieve(
        self, memory: LandmarkStore, piece: Piece, queries: Tensor, chosen: Tensor
    ) -> Partial:
        """Attention to the chosen blocks, of so many tokens at a time as memory should hold."""
        slab = max(1, _SLAB_ENTRIES // chosen[:, :, :, 0].numel())
        parts = [
            self._attend_to_chosen(memory, piece, some, theirs)
            for some, theirs in zip(
                torch.split(queries, slab, 3), torch.split(chosen, slab, 3), strict=True
            )
        ]
        return Partial(
            torch.cat([part.output for part in parts], dim=2),
            torch.cat([part.log_sum_exp for part in parts], dim=2),
        )

    def _attend_to_chosen(
        self, memory: LandmarkStore, piece: Piece, queries: Tensor, chosen: Tensor
    ) -> Partial:
        """As `_retrieve`; each block is read once for each room that it is to stand in."""
        rows, kv_heads, group, tokens, most = chosen.shape
        device = chosen.device
        owners = torch.arange(rows * kv_heads, device=device).view(rows, kv_heads, 1, 1, 1)
        blocks = rows * kv_heads * piece.finished
        numbers = self._rooms_of(piece, chosen) * blocks + owners * piece.finished + chosen

        def read(numbers: Tensor) -> KeysAndValues:
            owners = numbers % blocks // piece.finished
            owners = piece.rows[owners // kv_heads] * kv_heads + owners % kv_heads
            found = memory.blocks(owners, piece.start, numbers % piece.finished)
            per_room: list[int] = torch.bincount(numbers // blocks).tolist()
            keys = torch.split(found.keys.to(queries), per_room)
            rotated = [self._in_room(part, room) for room, part in enumerate(keys) if len(part)]
            return KeysAndValues(torch.cat(rotated), found.values)

        lists = rows * kv_heads * group * tokens
        attended = attend_to_blocks(
            queries.reshape(lists, -1), numbers.reshape(lists, most), read, scale=self._shape.scale
        )
        output = attended.output.view(rows, kv_heads * group, tokens, -1)
        return Partial(output, attended.log_sum_exp.view(output.shape[:3]))

    def _in_room(self, keys: Tensor, room: int) -> Tensor:
        """Keys `[blocks, block + 1, head_dim]` rotated to the places of a room."""
        places = torch.arange(room * self._stride, (room + 1) * self._stride, device=keys.device)
        return self._rotary(keys[None], places[None])[0]
