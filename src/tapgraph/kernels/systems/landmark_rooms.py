"""Past blocks in a few rooms before the query: choosing them and attending to them."""

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.kernels.attention_system import LayerShape, Rotary
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.selection import top_k
from tapgraph.kernels.systems.landmark_retrieval import attend_to_blocks
from tapgraph.kernels.systems.landmark_softmax import (
    grouped_softmax_attention_with_lse,
    share_out,
)
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


class LandmarkRooms:
    """Attention from chunks with more past blocks than are retrieved, as `Landmark` places them.

    Keys are stored as if each block began at position 0. So a block is read as it is, wherever it
    is to stand, by a query that was rotated to its distance from there: each query is rotated once
    for each of the `retrieved` + 1 rooms and once for its own block, which comes after them.

    Beside the memory of the layer it holds landmarks in float64: a `VectorStore` for each start of
    a row.

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
        self._before_own_block = torch.arange(retrieved + 1, -1, -1) * self._stride
        self._landmarks: dict[int, VectorStore] = {}

    def places(self, in_blocks: Tensor) -> Tensor:
        """How far tokens are from the first slots of all rooms and of their piece's own block.

        Args:
            in_blocks: int64 `[...]`, how far from the first slot of the own block.

        Returns:
            int64 `[..., rooms + 1]`, to rotate a query to.
        """
        return in_blocks[..., None] + self._before_own_block.to(in_blocks.device)

    def attend(self, memory: LandmarkStore, piece: Piece, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Attention of a chunk's tokens to each other, their blocks and what they retrieve.

        Args:
            memory: with the tokens in it.
            piece: the tokens; more than `retrieved` blocks are before them.
            queries: not rotated, scaled, `[rows, heads, tokens, head_dim]`; float32 or float64.

        Returns:
            The output, like `queries`, and the blocks that the last query retrieved, int64
            `[rows, heads, retrieved]`.
        """
        rows, _, tokens, _ = queries.shape
        first, last = piece.slot - piece.near, piece.end - piece.near
        places = self.places(torch.arange(first, last, device=queries.device))
        repeated = queries[:, :, :, None].expand(-1, -1, -1, places.shape[1], -1)
        asking = self._rotary(repeated.flatten(2, 3), places.flatten().expand(rows, -1))
        asking = asking.view(
            rows, self._shape.kv_heads, self._shape.group, tokens, *places.shape[1:], -1
        )
        chosen = self._choose(memory, piece, asking)
        near = self._attend_near(memory, piece, asking[..., -1, :])
        output = merge([near, self._retrieve(memory, piece, asking, chosen)]).output
        return output, chosen[:, :, :, -1].flatten(1, 2)

    def attend_from_one(
        self, memory: LandmarkStore, piece: Piece, asking: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As `attend`, from one token for each row.

        The weights of its own block's tokens and of landmarks come from one softmax.

        Args:
            memory: with the tokens in it.
            piece: the tokens; more than `retrieved` blocks are before them.
            asking: scaled, rotated to their `places`, `[rows, heads, rooms + 1, head_dim]`;
                float32 or float64.

        Returns:
            The output `[rows, heads, 1, head_dim]`, and the blocks that were retrieved.
        """
        rows, kv_heads, head_dim = len(asking), self._shape.kv_heads, asking.shape[3]
        asking = asking.reshape(rows, kv_heads, self._shape.group, 1, -1, head_dim)
        chosen = self._choose(memory, piece, asking)
        askers, owners = self._entries(piece, asking, chosen)
        found = memory.blocks(owners.flatten(), piece.start, chosen.flatten())
        queries = asking.reshape(-1, head_dim).index_select(0, askers.flatten())
        logits = queries[:, None] @ found.keys.to(queries).mT
        # A landmark reads its block without itself.
        recent = memory.recent(piece.rows, piece.near, min(piece.end, piece.near + self._block))
        near = asking[:, :, :, 0, -1] @ recent.keys.to(queries).mT
        near, inside, _ = share_out(
            near.flatten(0, 2), logits.view(-1, self._retrieved, self._stride)
        )
        values = found.values.to(queries).view(len(near), -1, head_dim)
        output = (inside.flatten(1)[:, None] @ values).view(rows, kv_heads, -1, head_dim)
        output += near.view(rows, kv_heads, self._shape.group, -1) @ recent.values.to(queries)
        return output.view(rows, -1, 1, head_dim), chosen[:, :, :, 0].flatten(1, 2)

    def crop(self, tokens: int) -> None:
        """Forget landmarks after the first `tokens` slots."""
        for start, kept in self._landmarks.items():
            kept.crop(max(0, tokens - start) // self._stride)

    def forget(self) -> None:
        """Forget all landmarks, for the rows are others now; they will be read again."""
        self._landmarks.clear()

    def fork(self) -> "LandmarkRooms":
        """A copy with memory of its own."""
        twin = copy(self)
        twin._landmarks = {start: kept.fork() for start, kept in self._landmarks.items()}
        return twin

    def bytes_held(self) -> int:
        """Bytes of landmarks."""
        return sum(kept.bytes_held() for kept in self._landmarks.values())

    def _choose(self, memory: LandmarkStore, piece: Piece, asking: Tensor) -> Tensor:
        """The best blocks in the order of the text, int64 `[rows, kv_heads, group, tokens, k]`.

        Only the newest blocks are at their distance; all older ones are in the first room, where
        landmarks can be equal (in the first layer of a model they always are). Then the first of
        them are chosen: their scores differ in the last bits of float64, as their columns lie
        differently in the product, and are equal in float32.
        """
        landmarks = self._landmarks_of(memory, piece)
        old, newest = landmarks[:, :, : -self._retrieved], landmarks[:, :, -self._retrieved :]
        of_old = asking[..., 0, :].flatten(2, 3).double() @ old.mT
        of_newest = asking[..., 1:-1, :].flatten(2, 3).movedim(3, 2) @ newest.to(asking)[..., None]
        scores = torch.cat((of_old, of_newest[..., 0].mT), dim=-1).view(*asking.shape[:4], -1)
        if self._together:
            scores = scores.softmax(dim=-1).amax(dim=self._together, keepdim=True)
        return top_k(scores.float(), self._retrieved).expand(*asking.shape[:4], -1)

    def _landmarks_of(self, memory: LandmarkStore, piece: Piece) -> Tensor:
        """Of all finished blocks, float64 `[rows, kv_heads, blocks, head_dim]`."""
        kept = self._landmarks.setdefault(piece.start, VectorStore())
        if kept.tokens < piece.finished:
            new = memory.landmark_keys(piece.rows, piece.start, kept.tokens, piece.finished)
            kept.append(new.double())
        return kept.vectors[:, :, : piece.finished]

    def _rooms_of(self, piece: Piece, chosen: Tensor) -> Tensor:
        """The r-th of a list stands in room r, in the one after it if it is one of the newest."""
        is_one_of_the_newest = chosen >= piece.finished - self._retrieved
        return is_one_of_the_newest + torch.arange(self._retrieved, device=chosen.device)

    def _entries(self, piece: Piece, asking: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Who asks for a block in a list, and whose block it is; both int64 `[lists, k]`.

        The first is a place in `asking` without its last axis, the other row * kv_heads + KV head.
        """
        lists, queries = asking.shape[:4].numel(), asking.shape[:5].numel()
        firsts = torch.arange(0, queries, asking.shape[4], device=chosen.device)[:, None]
        askers = self._rooms_of(piece, chosen).reshape(lists, -1) + firsts
        owners = torch.arange(self._shape.kv_heads, device=chosen.device)
        owners = owners + piece.rows[:, None] * self._shape.kv_heads
        return askers, owners[:, :, None, None, None].expand_as(chosen).reshape(askers.shape)

    def _attend_near(self, memory: LandmarkStore, piece: Piece, queries: Tensor) -> Partial:
        """Attention to the tokens after the finished blocks; later blocks than the own one move."""
        recent = memory.recent(piece.rows, piece.near, piece.end)
        places = torch.arange(piece.end - piece.near, device=queries.device)
        places = places.expand(len(piece.rows), -1)
        keys = self._rotary.undo(recent.keys.to(queries), places % self._stride)
        return grouped_softmax_attention_with_lse(
            queries.flatten(1, 2),
            self._rotary(keys, places),
            recent.values.to(queries),
            block=self._block,
            scale=1.0,
        )

    def _retrieve(
        self, memory: LandmarkStore, piece: Piece, asking: Tensor, chosen: Tensor
    ) -> Partial:
        """Attention to the chosen blocks, of so many tokens at a time as memory should hold."""
        slab = max(1, _SLAB_ENTRIES // chosen[:, :, :, 0].numel())
        parts = [
            self._attend_to_chosen(memory, piece, some, theirs)
            for some, theirs in zip(
                torch.split(asking, slab, 3), torch.split(chosen, slab, 3), strict=True
            )
        ]
        return Partial(
            torch.cat([part.output for part in parts], dim=2),
            torch.cat([part.log_sum_exp for part in parts], dim=2),
        )

    def _attend_to_chosen(
        self, memory: LandmarkStore, piece: Piece, asking: Tensor, chosen: Tensor
    ) -> Partial:
        """As `_retrieve`; each block is read once."""
        rows, kv_heads, group, tokens, _, head_dim = asking.shape
        askers, owners = self._entries(piece, asking, chosen)
        numbers = owners * piece.finished + chosen.reshape(owners.shape)

        def read(numbers: Tensor) -> KeysAndValues:
            return memory.blocks(numbers // piece.finished, piece.start, numbers % piece.finished)

        attended = attend_to_blocks(asking.reshape(-1, head_dim), askers, numbers, read)
        output = attended.output.view(rows, kv_heads * group, tokens, head_dim)
        return Partial(output, attended.log_sum_exp.view(output.shape[:3]))
