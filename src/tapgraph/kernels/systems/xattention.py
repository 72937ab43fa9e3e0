"""XAttention: blocks are scored by the sum of their strided antidiagonals."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.config_checks import check_least
from tapgraph.kernels.selection import sum_blocks
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput

__all__ = [
    "XAttention",
    "XAttentionConfig",
    "XAttentionLayer",
    "antidiagonal_scores",
    "smallest_sets",
]

_SCORES_AT_ONCE = 1 << 23


@dataclass(frozen=True, slots=True)
class XAttentionConfig:
    """The defaults are those of the paper.

    Attributes:
        mass: the share of the estimated attention that the kept blocks of a query block must
            have, above 0; 1 keeps everything.
        stride: one product in `stride` is taken for the estimate.
        block: tokens in a query block and in a key block, a multiple of `stride`.
        dense_below: with fewer tokens than this a prompt is read densely.
    """

    mass: float = 0.9
    stride: int = 8
    block: int = 128
    dense_below: int = 2048

    def __post_init__(self) -> None:
        check_least(self, stride=1, dense_below=0)
        if not 0 < self.mass <= 1:
            raise UsageError(f"mass must be above 0 and at most 1, got {self.mass!r}")
        if self.block < 1 or self.block % self.stride:
            raise UsageError(
                f"block must be a multiple of stride {self.stride!r}, got {self.block!r}"
            )


class XAttention(AttentionSystem):
    """Block-sparse reading of the prompt, dense decode.

    Xu et al., "XAttention: Block Sparse Attention with Antidiagonal Scoring", 2503.16428, section
    2. Deviations:

    - One `mass` for all heads; the paper's search for a threshold of each head is left out.
    - Query blocks are counted from the start of a call. If a chunk does not begin at a multiple
      of `stride`, its antidiagonals are shifted against those of a single call.
    - The first key block, and all that the query block itself stands in, are kept always and count
      for the mass, as in the authors' code with both of its options on.
    """

    name: ClassVar[str] = "xattention"
    about: ClassVar[About] = About(
        paper="XAttention: Block Sparse Attention with Antidiagonal Scoring, arXiv 2503.16428, "
        "2025",
        saves="Time to read a long prompt; no memory.",
        needs="Nothing; `mass` trades speed for accuracy.",
        fails_when="Attention is spread evenly (nothing is saved), or one token matters in a "
        "block whose other products are small. Below `dense_below` tokens nothing is gained.",
    )

    def __init__(self, config: XAttentionConfig = XAttentionConfig()) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """As its config says."""
        return self.config.dense_below

    @property
    def chunk_tokens(self) -> int:
        """Some whole blocks."""
        return 4 * self.config.block

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "XAttentionLayer":  # noqa: ARG002
        """A layer that keeps everything and chooses blocks of the prompt."""
        return XAttentionLayer(shape, self.config)


class XAttentionLayer(FullCacheLayer):
    """One layer."""

    def __init__(self, shape: LayerShape, config: XAttentionConfig) -> None:
        super().__init__(shape, dense_below=config.dense_below)
        self._config = config

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Score, choose, attend."""
        config, scale = self._config, self.shape.scale
        keys, kv_len = self.keys, self.tokens_seen
        scores = antidiagonal_scores(
            queries, keys, stride=config.stride, block=config.block, scale=scale
        )
        kept = smallest_sets(
            scores,
            config.mass,
            own=_own_blocks(queries.shape[2], kv_len, config.block, keys.device),
        )
        part = block_sparse_attention(
            queries,
            keys,
            self.values,
            kept,
            query_block=config.block,
            key_block=config.block,
            scale=scale,
        )
        last = LastRead(kept[0, :, -1].clone(), config.block, scored=kv_len / config.stride)
        return SparseOutput(part.output, last)


def antidiagonal_scores(
    queries: Tensor, keys: Tensor, *, stride: int, block: int, scale: float
) -> Tensor:
    """Estimated attention of each query block to each key block, summed over its strides.

    `stride` queries in reverse order, side by side, times `stride` keys side by side give the sum
    of an antidiagonal of their square; a softmax over all key strides that begin no later than the
    query stride ends turns it into a share of attention (the paper's algorithm 1).

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[batch, kv_heads, kv_len, head_dim]`
        stride: side of the squares.
        block: tokens in a block, a multiple of `stride`.
        scale: what the dot products are multiplied with.

    Returns:
        `[batch, heads, query blocks, key blocks]` in float32, or float64 for float64 inputs; 0
        where a key block comes after the query block.
    """
    exact = torch.promote_types(queries.dtype, torch.float32)
    batch, heads, q_len, _ = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    group, per_block = heads // kv_heads, block // stride
    key_blocks = -(-kv_len // block)
    sums = queries.new_zeros((batch, heads, -(-q_len // block), key_blocks), dtype=exact)
    lines = _strides(queries, stride, reverse=True)
    columns = _strides(keys, stride, reverse=False)
    ends = (torch.arange(lines.shape[2], device=keys.device) + 1) * stride - 1 + kv_len - q_len
    begins = torch.arange(columns.shape[2], device=keys.device) * stride
    at_once = max(1, _SCORES_AT_ONCE // (group * per_block * columns.shape[2])) * per_block
    for row in range(batch):
        for kv_head in range(kv_heads):
            head_columns = columns[row, kv_head].to(exact).T
            own = slice(kv_head * group, (kv_head + 1) * group)
            for first in range(0, lines.shape[2], at_once):
                piece = slice(first, first + at_once)
                seen = min(columns.shape[2], int(ends[piece][-1]) // stride + 1)
                scores = lines[row, own, piece].to(exact) @ head_columns[:, :seen]
                future = begins[:seen] > ends[piece, None]
                shares = (scores * (scale / stride)).masked_fill_(future, float("-inf"))
                shares = sum_blocks(shares.softmax(dim=-1), per_block)
                shares = sum_blocks(shares, per_block, dim=-2)
                at = first // per_block
                sums[row, own, at : at + shares.shape[1], : shares.shape[2]] = shares
    return sums


def smallest_sets(scores: Tensor, mass: float, own: Tensor) -> Tensor:
    """The fewest key blocks that hold a share `mass` of each query block's scores.

    Args:
        scores: `[batch, heads, query blocks, key blocks]`, at least 0.
        mass: above 0; 1 takes every block.
        own: bool `[query blocks, key blocks]`, kept always; so is the first key block.

    Returns:
        bool, as `scores`.
    """
    if mass >= 1:
        return torch.ones_like(scores, dtype=torch.bool)
    always = own.clone()
    always[:, 0] = True
    needed = mass * scores.sum(dim=-1, keepdim=True)
    others = scores.masked_fill(always, 0.0)
    best = others.sort(dim=-1, descending=True, stable=True)
    sure = (scores - others).sum(dim=-1, keepdim=True)
    before = sure + best.values.cumsum(dim=-1) - best.values
    chosen = (before < needed) & (best.values > 0)
    return torch.zeros_like(chosen).scatter_(-1, best.indices, chosen) | always


def _strides(vectors: Tensor, stride: int, *, reverse: bool) -> Tensor:
    """`stride` neighbours side by side: `[batch, heads, strides, stride * head_dim]`."""
    padded = functional.pad(vectors, (0, 0, 0, -vectors.shape[2] % stride))
    folded = padded.reshape(*padded.shape[:2], -1, stride, padded.shape[3])
    return (folded.flip(3) if reverse else folded).flatten(3)


def _own_blocks(q_len: int, kv_len: int, block: int, device: torch.device) -> Tensor:
    """Which key blocks a query block stands in itself: bool `[query blocks, key blocks]`."""
    firsts = torch.arange(kv_len - q_len, kv_len, block, device=device)
    lasts = (firsts + block - 1).clamp(max=kv_len - 1)
    key_blocks = torch.arange(-(-kv_len // block), device=device)
    return (key_blocks >= firsts[:, None] // block) & (key_blocks <= lasts[:, None] // block)
