"""HiP's tree search: the key blocks with the best scores, without reading all keys.

"A Training-Free Sub-quadratic Cost Transformer Model Serving Framework with Hierarchically Pruned
Attention", 2406.09827, sections 3.1 and 3.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.compiled import can_compute, search_compiled
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.selection import top_k

__all__ = ["FoundKeys", "HipConfig", "gather_tokens", "score_queries", "search_tree"]

Representative = Literal["first", "middle", "last"]

_MOST_COMPILED = 8192
"""What more keys to find would need of a thread's stack is no longer small."""


@dataclass(frozen=True, slots=True)
class HipConfig:
    """Settings of HiP; the defaults are those of the paper, if nothing else is said.

    Attributes:
        kept: keys that the search finds for a query block.
        query_block: queries of a prompt that share one search.
        key_block: neighbouring keys that are found together.
        query_stride: every so many queries of a block take part in a score.
        key_stride: every so many keys of a representative block take part in a score.
        representative: which key block of a branch stands for it.
        sink: the first keys are always attended to.
        window: so are the last ones, the query's own included.
        refresh_every: in decode the search is repeated every so many steps; more drop answers.
        dense_layers: the first layers are dense; the paper has 3 for models of 7B, else 4.
        dense_below: with fewer tokens than this all is dense. Ours: on one CPU core prompts and
            decode are faster than dense from about there on.
    """

    kept: int = 512
    query_block: int = 32
    key_block: int = 2
    query_stride: int = 2
    key_stride: int = 1
    representative: Representative = "middle"
    sink: int = 16
    window: int = 256
    refresh_every: int = 1
    dense_layers: int = 3
    dense_below: int = 20480

    def __post_init__(self) -> None:
        check_least(
            self,
            query_block=1,
            key_block=1,
            query_stride=1,
            key_stride=1,
            window=1,
            refresh_every=1,
        )
        check_least(self, sink=0, dense_layers=0, dense_below=0)
        check_choices(self)
        if self.kept < 1 or self.kept % self.key_block:
            raise UsageError(
                f"kept must be a positive multiple of key_block {self.key_block}, got {self.kept!r}"
            )


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """What the search found for each query block.

    Attributes:
        slots: int64 `[batch, heads, blocks, kept]`, -1 for none.
        evaluations: keys whose scores were looked at, int64 `[batch, heads, blocks]`.
    """

    slots: Tensor
    evaluations: Tensor


def score_queries(queries: Tensor, config: HipConfig) -> Tensor:
    """The queries of each block that take part in scores.

    Args:
        queries: `[batch, heads, q_len, head_dim]`; the last block may be shorter.
        config: `query_block` and `query_stride`.

    Returns:
        `[batch, heads, blocks, queries, head_dim]`; a short block repeats its last one, which
        changes no maximum.
    """
    q_len = queries.shape[2]
    first = torch.arange(0, q_len, config.query_block, device=queries.device)
    within = torch.arange(0, config.query_block, config.query_stride, device=queries.device)
    lengths = (q_len - first).clamp(max=config.query_block)
    last = (lengths - 1) // config.query_stride * config.query_stride
    places = first[:, None] + torch.minimum(within, last[:, None])
    return queries[:, :, places]


def search_tree(
    queries: Tensor, keys: Tensor, first: Tensor, end: Tensor, config: HipConfig
) -> FoundKeys:
    """Find about `kept` keys with the largest products, for each query block (Algorithm 1).

    The range is cut into `kept / key_block` chunks of key blocks. Each chunk is split into two
    branches, and the best half of all branches are the next chunks, until every chunk is one key
    block. A branch's score is the largest product of a query of the block with a key of its
    representative key block. A range with fewer keys than `kept` is found whole, without scores.

    Of equal scores the earlier branch wins. Of an odd number of key blocks the left branch gets one
    more; chunk j begins at key block round(j * blocks / chunks), halves rounded up.

    Args:
        queries: `[batch, heads, blocks, queries, head_dim]`.
        keys: `[batch, kv_heads, tokens, head_dim]`; query head h reads KV head h // group.
        first: int64 `[batch, blocks]`, the first slot of the range of each query block.
        end: int64 `[batch, blocks]`, the slot after it; an empty range finds nothing.
        config: `kept`, `key_block`, `key_stride` and `representative`.
    """
    compiles = queries.shape[0] == 1 and config.kept <= _MOST_COMPILED
    if compiles and can_compute(queries[:, :, 0], keys, keys, queries.shape[1]):
        found, scored = search_compiled(
            queries[0],
            keys[0],
            first[0],
            end[0],
            chunks=config.kept // config.key_block,
            key_block=config.key_block,
            key_stride=config.key_stride,
            representative=get_args(Representative).index(config.representative),
        )
        blocks, evaluations = found[None], scored[None]
    else:
        blocks, evaluations = _search(queries, keys, first, end, config)
    within = torch.arange(config.key_block, device=keys.device)
    slots = first[:, None, :, None, None] + blocks[..., None] * config.key_block + within
    is_found = (blocks >= 0)[..., None] & (slots < end[:, None, :, None, None])
    return FoundKeys(torch.where(is_found, slots, -1).flatten(-2), evaluations)


def _search(
    queries: Tensor, keys: Tensor, first: Tensor, end: Tensor, config: HipConfig
) -> tuple[Tensor, Tensor]:
    """The rounds of `search_tree` in torch, with the results of `search_compiled` for each row."""
    heads, block = queries.shape[1], config.key_block
    chunks = config.kept // block
    leaves = (end - first + block - 1).clamp(min=0) // block
    places = torch.arange(chunks + 1, device=keys.device)
    edges = (2 * places * leaves[..., None] + chunks) // (2 * chunks)
    begins = edges[:, None, :, :-1].expand(-1, heads, -1, -1)
    lengths = edges.diff(dim=-1)[:, None].expand(-1, heads, -1, -1)
    evaluations = torch.zeros(lengths.shape[:3], dtype=torch.int64, device=keys.device)
    keys_for_branch = len(range(0, block, config.key_stride))
    while bool((is_open := (lengths > 1).any(dim=-1)).any()):
        left = (lengths + 1) // 2
        branch_begins = torch.stack((begins, begins + left), dim=-1).flatten(-2)
        branch_lengths = torch.stack((left, lengths - left), dim=-1).flatten(-2)
        scores = _branch_scores(queries, keys, branch_begins, branch_lengths, (first, end), config)
        best = top_k(scores, chunks)
        begins, lengths = branch_begins.gather(-1, best), branch_lengths.gather(-1, best)
        evaluations += (branch_lengths > 0).sum(dim=-1) * is_open * keys_for_branch
    return torch.where(lengths > 0, begins, -1), evaluations


def gather_tokens(tokens: Tensor, slots: Tensor) -> Iterator[Tensor]:
    """Keys or values by slot, for each row and KV head in turn.

    Row by row is many times faster on a CPU than indexing with all dimensions at once.

    Args:
        tokens: `[batch, kv_heads, tokens, head_dim]`.
        slots: int64 `[batch, heads, blocks, most]`; what is out of range gives any token.

    Yields:
        `[group, blocks, most, head_dim]`, `batch * kv_heads` times.
    """
    batch, kv_heads, length, head_dim = tokens.shape
    by_kv_head = slots.clamp(min=0, max=length - 1).view(batch, kv_heads, -1)
    for row in range(batch):
        for kv_head in range(kv_heads):
            gathered = tokens[row, kv_head].index_select(0, by_kv_head[row, kv_head])
            yield gathered.view(-1, *slots.shape[2:], head_dim)


def _branch_scores(
    queries: Tensor,
    keys: Tensor,
    begins: Tensor,
    lengths: Tensor,
    within: tuple[Tensor, Tensor],
    config: HipConfig,
) -> Tensor:
    """`[batch, heads, blocks, branches]`: the best product of each branch, -inf for empty ones."""
    first, end = (edge[:, None, :, None, None] for edge in within)
    inner = {"first": torch.zeros_like(lengths), "middle": lengths // 2, "last": lengths - 1}
    representative = begins + inner[config.representative].clamp(min=0)
    offsets = torch.arange(0, config.key_block, config.key_stride, device=keys.device)
    slots = first + representative[..., None] * config.key_block + offsets
    best = _best_products(queries, keys, slots.flatten(-2)).view(slots.shape)
    is_missing = (slots >= end) | (lengths == 0)[..., None]
    return best.masked_fill(is_missing, float("-inf")).amax(dim=-1)


def _best_products(queries: Tensor, keys: Tensor, slots: Tensor) -> Tensor:
    """The largest product of a block's queries with each key `[batch, heads, blocks, most]`."""
    exact = torch.promote_types(queries.dtype, torch.float32)
    grouped = queries.to(exact).reshape(-1, queries.shape[1] // keys.shape[1], *queries.shape[2:])
    return torch.stack([
        (own @ candidates.to(exact).transpose(-1, -2)).amax(dim=-2)
        for own, candidates in zip(grouped, gather_tokens(keys, slots), strict=True)
    ])
