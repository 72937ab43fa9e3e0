"""Which tokens DHSA reads: chunk vectors, chunk scores, and the best tokens within a budget.

2510.24606 version 1, section 3.1. All tensors belong to one row without padding.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.kernels.selection import top_k

__all__ = [
    "HeadMasks",
    "Selection",
    "TokenBudget",
    "attend_selected",
    "chunk_scores",
    "pool_chunks",
    "select",
]

HeadMasks = Literal["per_head", "head_average"]


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """How many tokens a query reads.

    Attributes:
        tokens: in all; at least `first + last`.
        first: the first tokens of the text are always among them.
        last: so are the last ones, the query's own included.
    """

    tokens: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Selection:
    """What the queries of one chunk read.

    Attributes:
        slots: int64 `[heads, most]`, tokens that any of the queries reads; filled up with slots
            that none is allowed to read.
        allowed: bool `[heads, q_len, most]`.
    """

    slots: Tensor
    allowed: Tensor


def pool_chunks(vectors: Tensor, boundaries: Tensor) -> Tensor:
    """Sum over each chunk, divided by the square root of its length (equation 3).

    The mean of a long chunk of independent vectors would be small, the sum large; this is neither.
    Sums are differences of prefix sums, which are taken in float64, one head at a time.

    Args:
        vectors: `[heads, tokens, head_dim]`.
        boundaries: int64 `[chunks + 1]`, strictly ascending, all in 0..tokens.

    Returns:
        `[heads, chunks, head_dim]` in float32, or float64 for float64.
    """
    exact = torch.promote_types(vectors.dtype, torch.float32)
    first, last = int(boundaries[0]), int(boundaries[-1])
    roots = boundaries.diff().to(torch.float64).sqrt()[:, None]
    pooled = []
    for head in vectors:
        prefix = head.new_zeros((last - first + 1, head.shape[1]), dtype=torch.float64)
        prefix[1:] = head[first:last].cumsum(dim=0, dtype=torch.float64)
        pooled.append((prefix[boundaries - first].diff(dim=0) / roots).to(exact))
    return torch.stack(pooled)


def chunk_scores(query_chunk: Tensor, key_chunks: Tensor, masks: HeadMasks) -> Tensor:
    """Scores of one chunk of queries with all chunks of keys, `[heads, chunks]`.

    Args:
        query_chunk: `[heads, head_dim]`.
        key_chunks: `[kv_heads, chunks, head_dim]`; query head h goes with KV head h // group.
        masks: with "head_average", queries and keys are averaged over their heads first, so that
            all heads get the same scores.
    """
    heads = query_chunk.shape[0]
    if masks == "head_average":
        return (key_chunks.mean(dim=0) @ query_chunk.mean(dim=0)).expand(heads, -1)
    grouped = query_chunk.view(key_chunks.shape[0], -1, query_chunk.shape[1])
    return (grouped @ key_chunks.transpose(-1, -2)).view(heads, -1)


def select(scores: Tensor, boundaries: Tensor, queries: Tensor, budget: TokenBudget) -> Selection:
    """The first and last tokens, and the best of those between, for each query of a chunk.

    A token has the score of its chunk. Of equal tokens the earliest is taken, so a chunk that fits
    the budget only in part gives its first tokens.

    Args:
        scores: of this chunk of queries, `[heads, chunks]`.
        boundaries: of the chunks of keys, int64 `[chunks + 1]`, from 0 to the number of keys.
        queries: the queries' slots, int64 `[q_len]`, ascending and next to each other.
        budget: for each query.
    """
    begins = boundaries[:-1].clamp(min=budget.first)
    ends = torch.minimum(boundaries[1:], queries[:, None] - budget.last + 1)
    sizes = (ends - begins).clamp(min=0)
    forced = (queries + 1).clamp(max=budget.first + budget.last)
    order = _best_first(scores, sizes, budget.tokens)
    ordered = sizes[:, order].movedim(1, 0)
    room = (budget.tokens - forced)[:, None] - (ordered.cumsum(dim=-1) - ordered)
    taken = torch.minimum(ordered, room.clamp(min=0))
    chunks, by_place = order.sort(dim=-1)
    taken = taken.gather(2, by_place[:, None].expand_as(taken))

    # What is among the last tokens of the first query is listed for all of them anyway.
    before_near = (queries[0] - budget.last + 1 - begins).clamp(min=0)
    far, is_far = _runs(begins[chunks], torch.minimum(taken.amax(dim=1), before_near[chunks]))
    last = int(queries[-1]) + 1
    near_begin = max(budget.first, int(queries[0]) - budget.last + 1)
    ends_of_text = torch.cat((
        torch.arange(min(budget.first, last), device=queries.device),
        torch.arange(min(near_begin, last), last, device=queries.device),
    ))
    listed = torch.cat((ends_of_text.expand(len(far), -1), far), dim=1)
    is_listed = functional.pad(is_far, (len(ends_of_text), 0), value=True)

    if len(queries) == 1:
        return Selection(listed, is_listed[:, None])
    chunk_of = torch.searchsorted(boundaries, listed, right=True) - 1
    rank = (listed - begins[chunk_of])[:, None]
    taken_here = taken.gather(2, chunk_of[:, None].expand(-1, len(queries), -1))
    slots, of_query = listed[:, None], queries[:, None]
    allowed = (slots < budget.first) | (slots > of_query - budget.last) | (rank < taken_here)
    return Selection(listed, allowed & (slots <= of_query) & is_listed[:, None])


def _best_first(scores: Tensor, sizes: Tensor, tokens: int) -> Tensor:
    """Chunks by falling score, int64 `[heads, most]`; of equals the earlier.

    Args:
        scores: `[heads, chunks]`.
        sizes: what each query can read of each chunk, `[q_len, chunks]`.
        tokens: the budget: of one query's chunks only so many are ordered as could fill it.
    """
    if len(sizes) > 1:
        return scores.argsort(dim=-1, descending=True, stable=True)
    some = sizes[0, sizes[0] > 0]
    smallest = some.sort().values.cumsum(dim=0)
    most = min(len(some), int(torch.searchsorted(smallest, tokens)) + 1)
    best = top_k(scores.masked_fill(sizes == 0, -torch.inf), most)
    ranks = scores.gather(1, best).argsort(dim=-1, descending=True, stable=True)
    return best.gather(1, ranks)


def _runs(begins: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """For each row the tokens of all its runs; filled up with 0, and which are real.

    Args:
        begins: of the runs, `[rows, runs]`.
        lengths: `[rows, runs]`.
    """
    flat = lengths.flatten()
    shift = (begins.flatten() - flat.cumsum(dim=0) + flat).repeat_interleave(flat)
    of_row = lengths.sum(dim=1)
    places = torch.arange(int(of_row.max()), device=lengths.device)
    is_real = places < of_row[:, None]
    tokens = shift + torch.arange(len(shift), device=lengths.device)
    return torch.zeros_like(is_real, dtype=torch.int64).masked_scatter(is_real, tokens), is_real


def attend_selected(
    queries: Tensor, keys: Tensor, values: Tensor, selection: Selection, *, scale: float
) -> Tensor:
    """Attention over the selected tokens, which alone are read.

    Args:
        queries: `[heads, q_len, head_dim]`.
        keys: `[kv_heads, tokens, head_dim]`.
        values: `[kv_heads, tokens, head_dim]`.
        selection: every query reads at least one token.
        scale: what the dot products are multiplied with.

    Returns:
        `[heads, q_len, head_dim]` in the dtype of `queries`; products are taken in float32
        (float64 for float64).
    """
    exact = torch.promote_types(queries.dtype, torch.float32)
    group = queries.shape[0] // keys.shape[0]
    output = torch.empty_like(queries)
    # Rows of one matrix are gathered several times as fast as rows of many.
    for head, (slots, allowed) in enumerate(zip(selection.slots, selection.allowed, strict=True)):
        read_keys = keys[head // group].index_select(0, slots).to(exact)
        read_values = values[head // group].index_select(0, slots).to(exact)
        scores = (queries[head].to(exact) * scale) @ read_keys.T
        output[head] = scores.masked_fill_(~allowed, -torch.inf).softmax(dim=-1) @ read_values
    return output
