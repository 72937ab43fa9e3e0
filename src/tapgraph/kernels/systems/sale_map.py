"""Which blocks SALE keeps: 4-bit scores against a threshold relative to the sink and local keys.

"SALE: Low-bit Estimation for Efficient Sparse Attention in Long-context LLM Prefilling",
2505.24179, section 3.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.quantize import Bits, quantize, smooth, token_groups

__all__ = [
    "EstimatedScores",
    "SaleConfig",
    "SaleOutput",
    "choose_blocks",
    "key_groups",
    "near_blocks",
    "query_groups",
    "sale_attention",
    "score_bounds",
]

_SLAB_SCORES = 1 << 22
"""So many estimated scores are held at a time."""
_BEYOND_SCORES = 1e30


@dataclass(frozen=True, slots=True)
class SaleConfig:
    """Settings of SALE; the defaults are those of the paper, if nothing else is said.

    Attributes:
        threshold: of heads that have no calibrated one; the paper's calibration begins here.
        query_block: queries that share a list of key blocks.
        key_block: keys in a block; the first block is the sink.
        local_keys: a query block always sees its last `local_keys` to `2 * local_keys - 1` keys.
        bits: of the estimated scores.
        groups: which tokens share a scale of the quantisation: those that one GPU thread of the
            authors' kernel holds, or whole blocks.
        dense_threshold: a head with a smaller threshold is dense.
        chunk: tokens of a prompt that are read at once; each time all keys get new means and codes.
        dense_below: with fewer tokens than this all heads are dense. (Paper: 1024, where 4-bit
            products are quick. On a CPU the selection alone takes as long as half of dense
            attention, and all together takes as long from about here on.)
    """

    threshold: float = 0.008
    query_block: int = 64
    key_block: int = 32
    local_keys: int = 128
    bits: Bits = 4
    groups: Literal["thread", "block"] = "thread"
    dense_threshold: float = 1e-5
    chunk: int = 4096
    dense_below: int = 16_384

    def __post_init__(self) -> None:
        check_least(self, query_block=1, key_block=1, local_keys=1, chunk=1, dense_below=0)
        check_choices(self)
        if self.local_keys % self.key_block or self.local_keys < self.query_block:
            raise UsageError(
                f"local_keys must be a multiple of key_block {self.key_block} and at least "
                f"query_block {self.query_block}, got {self.local_keys!r}"
            )
        if not 0 <= self.threshold < 1:
            raise UsageError(f"threshold must be at least 0 and below 1, got {self.threshold!r}")
        if self.dense_threshold <= 0:
            raise UsageError(f"dense_threshold must be positive, got {self.dense_threshold!r}")


@dataclass(frozen=True, slots=True)
class SaleOutput:
    """What one pass of SALE over a chunk gave.

    Attributes:
        output: `[batch, heads, q_len, head_dim]` in the dtype of the queries.
        kept: bool `[batch, heads, query blocks, key blocks]`.
    """

    output: Tensor
    kept: Tensor


def sale_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    thresholds: Tensor,
    *,
    scale: float,
    config: SaleConfig,
) -> SaleOutput:
    """The two passes of SALE: a map of kept blocks, then attention over them.

    The sink and local keys are attended to once, in order to get the bound of each query, and
    merged with the rest.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        thresholds: `[heads]`, the smallest relative attention score worth keeping.
        scale: what the dot products are multiplied with.
        config: `dense_below` is not looked at.
    """
    batch, heads, q_len, _ = queries.shape
    kv_len = keys.shape[2]
    exact = torch.promote_types(queries.dtype, torch.float32)
    precise = queries.to(exact), keys.to(exact), values.to(exact)
    near, _ = near_blocks(q_len, kv_len, config, queries.device)

    def attend(kept: Tensor) -> Partial:
        return block_sparse_attention(
            *precise,
            kept,
            query_block=config.query_block,
            key_block=config.key_block,
            scale=scale,
        )

    nearby = attend(near.expand(batch, heads, -1, -1))
    bounds = score_bounds(nearby.log_sum_exp, thresholds, config)
    scores = EstimatedScores(precise[0], precise[1], scale=scale, config=config)
    chosen = choose_blocks(scores, bounds, config)
    output = merge((nearby, attend(chosen))).output.to(queries.dtype)
    return SaleOutput(output, chosen | near)


def near_blocks(
    q_len: int, kv_len: int, config: SaleConfig, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Key blocks that each query block always keeps, and those it may choose from.

    What lies between sink and local keys is scanned in whole segments of `local_keys` (section
    3.3); what is left over counts as local.

    Returns:
        Two bools `[query blocks, key blocks]`, disjoint. Blocks in neither hold only later keys.
    """
    block, segment = config.key_block, config.local_keys
    first = torch.arange(0, q_len, config.query_block, device=device)
    ends = kv_len - q_len + (first + config.query_block).clamp(max=q_len)
    segments = (ends - segment - block).clamp(min=0) // segment
    local = (block + segments * segment)[:, None]
    begins = torch.arange(0, kv_len, block, device=device)
    is_near = (begins < block) | (begins >= local)
    return is_near & (begins < ends[:, None]), (begins >= block) & (begins < local)


def score_bounds(log_sum_exp: Tensor, thresholds: Tensor, config: SaleConfig) -> Tensor:
    """The least score that is worth keeping, for each query.

    A relative attention score exp(S - m) / l is at least tau where S >= m + ln(tau * l), with m the
    maximum over sink and local keys and l their sum of exp(S - m) (section 3.2; the equation as
    printed there, ln(tau * l + m), does not follow). m + ln(l) is their log-sum-exp.

    Args:
        log_sum_exp: of sink and local keys, `[batch, heads, q_len]`.
        thresholds: `[heads]`.
        config: its `dense_threshold` decides which heads are dense: their bound is -inf.
    """
    thresholds = thresholds.to(log_sum_exp)
    logarithms = torch.where(
        thresholds < config.dense_threshold, -torch.inf, thresholds.clamp(min=1e-30).log()
    )
    return log_sum_exp + logarithms[:, None]


def query_groups(tokens: int, config: SaleConfig, device: torch.device | None = None) -> Tensor:
    """Which queries share a scale, int64 `[tokens]`.

    By thread: rows r and r + 8 of each tile of 16 rows.
    """
    if config.groups == "block":
        return token_groups(tokens, config.query_block, device)
    slots = torch.arange(tokens, device=device)
    return slots // 16 * 8 + slots % 8


def key_groups(tokens: int, config: SaleConfig, device: torch.device | None = None) -> Tensor:
    """Which keys share a scale, int64 `[tokens]`.

    By thread: of each block those with equal (j mod 8) // 2, so a block has 4 scales.
    """
    if config.groups == "block":
        return token_groups(tokens, config.key_block, device)
    slots = torch.arange(tokens, device=device)
    return slots // config.key_block * 4 + slots % 8 // 2


class EstimatedScores:
    """scale * query · key from codes of a few bits, with both means taken out and put back.

    Quantised are keys and queries without their means over the tokens. What a mean contributes is
    added in full precision: mean query · key (a number for each head and key), and query · mean
    key (a number for each query, so that estimates compare with exact scores). Both stand in
    channels of their own beside the codes, so that one matrix product gives all.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`.
        scale: what the dot products are multiplied with.
        config: bits and groups.
    """

    def __init__(self, queries: Tensor, keys: Tensor, *, scale: float, config: SaleConfig) -> None:
        batch, heads, q_len, head_dim = queries.shape
        _, kv_heads, kv_len, _ = keys.shape
        group = heads // kv_heads
        smooth_queries, smooth_keys = smooth(queries), smooth(keys)
        self.shape = (batch, heads, q_len, kv_len)
        few_bits_queries = quantize(
            smooth_queries.vectors, config.bits, query_groups(q_len, config, queries.device)
        )
        few_bits_keys = quantize(
            smooth_keys.vectors, config.bits, key_groups(kv_len, config, keys.device)
        )
        by_group = (batch, kv_heads, group, q_len)
        of_queries = queries.to(smooth_keys.mean.dtype).view(*by_group, head_dim)
        of_queries = of_queries @ smooth_keys.mean[:, :, None].transpose(-1, -2) * scale
        mean_queries = smooth_queries.mean.view(batch, kv_heads, group, head_dim)
        of_keys = smooth_keys.vectors @ mean_queries.transpose(-1, -2) * scale
        # Query channels: the codes, one 1 for the place of its head in the group, query · mean key.
        own = torch.eye(group, dtype=of_keys.dtype, device=keys.device)
        self._queries = torch.cat(
            (
                few_bits_queries.vectors().view(*by_group, head_dim) * scale,
                own[:, None].expand(*by_group, group),
                of_queries,
            ),
            dim=-1,
        )
        ones = torch.ones_like(of_keys[..., :1])
        self._keys = torch.cat((few_bits_keys.vectors(), of_keys, ones), dim=-1)

    def rows(self, first: int, last: int, keys: int, less: Tensor | None = None) -> Tensor:
        """Estimates of queries `first` to `last - 1` with the first `keys` keys.

        Args:
            first: query.
            last: query, not included.
            keys: how many.
            less: `[batch, heads, last - first]`, taken from all scores of a query.

        Returns:
            `[batch, heads, last - first, keys]`; nothing is masked.
        """
        batch, heads, _, _ = self.shape
        queries = self._queries[:, :, :, first:last]
        if less is not None:
            queries = queries.clone()
            queries[..., -1] -= less.view(queries.shape[:-1])
        scores = queries.flatten(2, 3) @ self._keys[:, :, :keys].transpose(-1, -2)
        return scores.view(batch, heads, last - first, keys)


def choose_blocks(scores: EstimatedScores, bounds: Tensor, config: SaleConfig) -> Tensor:
    """Blocks between sink and local keys in which any score reaches its query's bound.

    All keys of these blocks come before all queries of the query block, and none of the blocks is
    short.

    Args:
        scores: of all queries with all keys.
        bounds: `[batch, heads, q_len]`.
        config: the block sizes.

    Returns:
        bool `[batch, heads, query blocks, key blocks]`.
    """
    batch, heads, q_len, kv_len = scores.shape
    query_block, key_block = config.query_block, config.key_block
    _, middle = near_blocks(q_len, kv_len, config, bounds.device)
    kept = middle.expand(batch, heads, -1, -1).clone()
    # A finite number, for infinity times zero is no number.
    bounds = bounds.clamp(min=-_BEYOND_SCORES)
    slab = max(1, _SLAB_SCORES // (batch * heads * kv_len * query_block)) * query_block
    for first in range(0, q_len, slab):
        last = min(first + slab, q_len)
        blocks = slice(first // query_block, -(-last // query_block))
        count = int(middle[blocks].any(dim=0).sum()) + 1
        if count == 1:
            continue
        above = scores.rows(first, last, count * key_block, bounds[:, :, first:last])
        missing = (first - last) % query_block
        if missing:
            above = functional.pad(above, (0, 0, 0, missing), value=-torch.inf)
        folded = above.view(batch, heads, -1, query_block, count, key_block)
        kept[:, :, blocks, :count] &= folded.amax(dim=3).amax(dim=-1) >= 0
    return kept
