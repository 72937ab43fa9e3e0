"""Attention to retrieved blocks, each weighted by its landmark."""

from collections.abc import Callable

import torch
from torch import Tensor

from tapgraph.kernels.merge import Partial
from tapgraph.kernels.systems.landmark_store import KeysAndValues

__all__ = ["attend_to_blocks"]

_LONGEST_TILE = 64


def attend_to_blocks(
    queries: Tensor, askers: Tensor, lists: Tensor, read: Callable[[Tensor], KeysAndValues]
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
    found = read(numbers)
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
    logits = tiled @ found.keys.to(queries.dtype).index_select(0, of_tile).mT
    gates = logits[..., -1].flatten().index_select(0, place_of_entry).view(lists.shape)
    weights = logits[..., :-1].softmax(dim=-1)
    inside = weights @ found.values.to(queries.dtype).index_select(0, of_tile)[:, :-1]
    inside = inside.flatten(0, 1).index_select(0, place_of_entry).view(*lists.shape, -1)
    output = gates.softmax(dim=-1)[:, None] @ inside
    return Partial(output[:, 0], torch.logsumexp(gates, dim=-1))


def _tile_length(entries: int) -> int:
    """For so many entries a block: a power of two, so that half of the tiles' places are used."""
    return min(_LONGEST_TILE, 1 << max(0, entries.bit_length() - 1))
