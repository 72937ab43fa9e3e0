"""Which past blocks Landmark Attention reads, and attention to them."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.kernels.attention_system import LayerShape, Rotary
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.selection import top_k
from tapgraph.kernels.systems.landmark_softmax import (
    grouped_softmax_attention_with_lse,
    share_out,
)
from tapgraph.kernels.token_store import TokenStore, VectorStore

__all__ = ["LandmarkRooms", "Piece", "attend_to_blocks"]

_SLAB_ENTRIES = 1 << 14
"""So many entries of lists of blocks are attended to at a time, if one query has no more."""
_LONGEST_TILE = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring tokens of one chunk.

    Attributes:
        first: of the tokens.
        end: the token after the last of them.
        finished: blocks before the block in which the chunk begins.
        near: the first token of that block.
    """

    first: int
    end: int
    finished: int
    near: int


class LandmarkRooms:
    """Attention from chunks with more past blocks than are retrieved, as `Landmark` places them.

    Keys are stored as if each block began at position 0. So a block is read as it is, wherever it
    is to stand, by a query that was rotated to its distance from there: each query is rotated once
    for each of the `retrieved` + 1 rooms and once for its own block, which comes after them.

    Beside the memory of the layer it holds the landmarks' keys in float64, in a `VectorStore`.

    Args:
        shape: of the layer.
        rotary: what rotates queries and keys.
        block: ordinary tokens before a landmark.
        retrieved: k, so many past blocks are read.
        together: along which axes of scores `[1, kv_heads, group, tokens, blocks]` there is one
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
        self._landmarks = VectorStore()

    def places(self, in_blocks: Tensor) -> Tensor:
        """How far tokens are from the first tokens of all rooms and of their piece's own block.

        Args:
            in_blocks: int64 `[...]`, how far from the first token of the own block.

        Returns:
            int64 `[..., rooms + 1]`, to rotate a query to.
        """
        return in_blocks[..., None] + self._before_own_block.to(in_blocks.device)

    def attend(self, memory: TokenStore, piece: Piece, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Attention of a chunk's tokens to each other, their blocks and what they retrieve.

        Args:
            memory: with the tokens in it.
            piece: the tokens; more than `retrieved` blocks are before them.
            queries: not rotated, scaled, `[1, heads, tokens, head_dim]`; float32 or float64.

        Returns:
            The output, like `queries`, and the blocks that the last query retrieved, int64
            `[heads, retrieved]`.
        """
        tokens = queries.shape[2]
        first, last = piece.first - piece.near, piece.end - piece.near
        places = self.places(torch.arange(first, last, device=queries.device))
        repeated = queries[:, :, :, None].expand(-1, -1, -1, places.shape[1], -1)
        asking = self._rotary(repeated.flatten(2, 3), places.flatten()[None])
        asking = asking.view(
            1, self._shape.kv_heads, self._shape.group, tokens, *places.shape[1:], -1
        )
        chosen = self._choose(memory, piece, asking)
        near = self._attend_near(memory, piece, asking[..., -1, :])
        output = merge([near, self._retrieve(memory, piece, asking, chosen)]).output
        return output, chosen[0, :, :, -1].flatten(0, 1)

    def attend_from_one(
        self, memory: TokenStore, piece: Piece, asking: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As `attend`, from one token.

        The weights of its own block's tokens and of landmarks come from one softmax.

        Args:
            memory: with the tokens in it.
            piece: the tokens; more than `retrieved` blocks are before them.
            asking: scaled, rotated to its `places`, `[1, heads, rooms + 1, head_dim]`;
                float32 or float64.

        Returns:
            The output `[1, heads, 1, head_dim]`, and the blocks that were retrieved.
        """
        kv_heads, head_dim = self._shape.kv_heads, asking.shape[3]
        asking = asking.reshape(1, kv_heads, self._shape.group, 1, -1, head_dim)
        chosen = self._choose(memory, piece, asking)
        askers, owners = self._entries(piece, asking, chosen)
        found_keys, found_values = self._blocks(memory, owners.flatten(), chosen.flatten())
        queries = asking.reshape(-1, head_dim).index_select(0, askers.flatten())
        logits = queries[:, None] @ found_keys.to(queries).mT
        # A landmark reads its block without itself.
        recent = slice(piece.near, min(piece.end, piece.near + self._block))
        near = asking[:, :, :, 0, -1] @ memory.keys[:, :, recent].to(queries).mT
        blocks = logits.view(-1, self._retrieved, self._stride)
        gates = blocks[..., -1].clone()
        blocks[..., -1] = float("-inf")
        near, inside, _ = share_out(near.flatten(0, 2), gates, blocks)
        values = found_values.to(queries).view(len(near), -1, head_dim)
        output = (inside.flatten(1)[:, None] @ values).view(1, kv_heads, -1, head_dim)
        recent_values = memory.values[:, :, recent].to(queries)
        output += near.view(1, kv_heads, self._shape.group, -1) @ recent_values
        return output.view(1, -1, 1, head_dim), chosen[0, :, :, 0].flatten(0, 1)

    def crop(self, tokens: int) -> None:
        """Forget landmarks after the first `tokens` tokens."""
        self._landmarks.crop(tokens // self._stride)

    def fork(self) -> "LandmarkRooms":
        """A copy with memory of its own."""
        twin = copy(self)
        twin._landmarks = self._landmarks.fork()
        return twin

    def bytes_held(self) -> int:
        """Bytes of landmarks."""
        return self._landmarks.bytes_held()

    def _choose(self, memory: TokenStore, piece: Piece, asking: Tensor) -> Tensor:
        """The best blocks in the order of the text, int64 `[1, kv_heads, group, tokens, k]`.

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

    def _landmarks_of(self, memory: TokenStore, piece: Piece) -> Tensor:
        """The keys of all finished blocks' landmarks, float64 `[1, kv_heads, blocks, head_dim]`."""
        kept, stride = self._landmarks, self._stride
        if kept.tokens < piece.finished:
            new = slice(kept.tokens * stride + self._block, piece.finished * stride, stride)
            kept.append(memory.keys[:, :, new].double())
        return kept.vectors[:, :, : piece.finished]

    def _blocks(
        self, memory: TokenStore, kv_heads: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys and values of whole blocks `[blocks, block + 1, head_dim]`, the landmark last."""
        return memory.runs(kv_heads, numbers * self._stride, self._stride)

    def _rooms_of(self, piece: Piece, chosen: Tensor) -> Tensor:
        """The r-th of a list stands in room r, in the one after it if it is one of the newest."""
        is_one_of_the_newest = chosen >= piece.finished - self._retrieved
        return is_one_of_the_newest + torch.arange(self._retrieved, device=chosen.device)

    def _entries(self, piece: Piece, asking: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Who asks for a block in a list, and whose block it is; both int64 `[lists, k]`.

        The first is a place in `asking` without its last axis, the other a KV head.
        """
        lists, queries = asking.shape[:4].numel(), asking.shape[:5].numel()
        firsts = torch.arange(0, queries, asking.shape[4], device=chosen.device)[:, None]
        askers = self._rooms_of(piece, chosen).reshape(lists, -1) + firsts
        owners = torch.arange(self._shape.kv_heads, device=chosen.device)
        return askers, owners[:, None, None, None].expand_as(chosen).reshape(askers.shape)

    def _attend_near(self, memory: TokenStore, piece: Piece, queries: Tensor) -> Partial:
        """Attention to the tokens after the finished blocks; later blocks than the own one move."""
        recent = slice(piece.near, piece.end)
        places = torch.arange(piece.end - piece.near, device=queries.device)[None]
        keys = self._rotary.undo(memory.keys[:, :, recent].to(queries), places % self._stride)
        return grouped_softmax_attention_with_lse(
            queries.flatten(1, 2),
            self._rotary(keys, places),
            memory.values[:, :, recent].to(queries),
            block=self._block,
            scale=1.0,
        )

    def _retrieve(
        self, memory: TokenStore, piece: Piece, asking: Tensor, chosen: Tensor
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
        self, memory: TokenStore, piece: Piece, asking: Tensor, chosen: Tensor
    ) -> Partial:
        """As `_retrieve`; each block is read once."""
        _, kv_heads, group, tokens, _, head_dim = asking.shape
        askers, owners = self._entries(piece, asking, chosen)
        numbers = owners * piece.finished + chosen.reshape(owners.shape)

        def read(numbers: Tensor) -> tuple[Tensor, Tensor]:
            return self._blocks(memory, numbers // piece.finished, numbers % piece.finished)

        attended = attend_to_blocks(asking.reshape(-1, head_dim), askers, numbers, read)
        output = attended.output.view(1, kv_heads * group, tokens, head_dim)
        return Partial(output, attended.log_sum_exp.view(output.shape[:3]))


def attend_to_blocks(
    queries: Tensor, askers: Tensor, lists: Tensor, read: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> Partial:
    """Attention through the grouped softmax to lists of blocks, none of them the query's own.

    The lists are turned round: each block is read once, and multiplied with tiles of the queries
    that ask it.

    Args:
        queries: scaled, `[queries, head_dim]`, float32 or float64; in their dtype all is computed.
        askers: int64 `[lists, most]`, which query asks an entry's block.
        lists: int64 `[lists, most]`, numbers of blocks.
        read: gives the keys and values `[blocks, block + 1, head_dim]`, the landmark last, of
            ascending numbers int64 `[blocks]`.

    Returns:
        The output `[lists, head_dim]` in the dtype of `queries`, and the log-sum-exp `[lists]`
        of the landmarks' logits.
    """
    wanted, order = lists.flatten().sort(stable=True)
    numbers, times = torch.unique_consecutive(wanted, return_counts=True)
    keys, values = read(numbers)
    tile = _tile_length(len(wanted) // len(numbers))
    tiles = (times + tile - 1) // tile
    of_tile = torch.arange(len(numbers), device=lists.device).repeat_interleave(tiles)
    # A block's tiles begin at a whole tile, its entries where those of the block before end.
    shift = (tiles.cumsum(0) - tiles) * tile - (times.cumsum(0) - times)
    places = torch.arange(len(wanted), device=lists.device) + shift.repeat_interleave(times)
    place_of_entry = torch.empty_like(places).scatter_(0, order, places)
    # Places that no entry has ask for query 0, and nobody looks there.
    query_of_place = places.new_zeros(len(of_tile) * tile)
    query_of_place.scatter_(0, places, askers.flatten().index_select(0, order))
    tiled = queries.index_select(0, query_of_place).view(-1, tile, queries.shape[1])
    logits = tiled @ keys.to(queries.dtype).index_select(0, of_tile).mT
    gates = logits[..., -1].flatten().index_select(0, place_of_entry).view(lists.shape)
    weights = logits[..., :-1].softmax(dim=-1)
    inside = weights @ values.to(queries.dtype).index_select(0, of_tile)[:, :-1]
    inside = inside.flatten(0, 1).index_select(0, place_of_entry).view(*lists.shape, -1)
    output = gates.softmax(dim=-1)[:, None] @ inside
    return Partial(output[:, 0], torch.logsumexp(gates, dim=-1))


def _tile_length(entries: int) -> int:
    """For so many entries a block: a power of two, so that half of the tiles' places are used."""
    return min(_LONGEST_TILE, 1 << max(0, entries.bit_length() - 1))
