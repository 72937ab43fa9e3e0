"""HiP: a tree search for the best keys, then exact attention to them, the sink and a window."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.indexed_decode import indexed_attention, lists_of
from tapgraph.kernels.selection import listed
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.hip_search import (
    FoundKeys,
    HipConfig,
    gather_tokens,
    score_queries,
    search_tree,
)

__all__ = ["Hip", "HipConfig", "HipLayer", "HipOutput", "hip_attention"]

_DEFAULTS = HipConfig()
_SLAB_ELEMENTS = 1 << 22  # On a CPU a prompt takes three times as long with 4 times as many.


class Hip(AttentionSystem):
    """Exact attention to keys found by a tree search, to the sink and to a sliding window.

    "A Training-Free Sub-quadratic Cost Transformer Model Serving Framework with Hierarchically
    Pruned Attention", 2406.09827, section 3. `search_tree` describes the search. It costs
    2 * kept * log2(range / kept) scores for each query block, so a prompt of n tokens is read in
    O(n log n). Each query head searches for itself.

    What is searched ends where the window of the query block's first query begins, and each query
    of the block attends from there to itself: to `window` to `window + query_block - 1` keys. In
    decode likewise: what a step finds is used by `refresh_every` steps, which attend from where the
    window began when the search was done. So no key that leaves the window is lost before the next
    search can find it, and each key is attended to at most once.

    Deviations:
        - The sink is not searched (the paper finds it twice and removes duplicates).
        - The search stops when all chunks are single key blocks, after log2(range / kept) rounds;
          the paper's further rounds change nothing.
        - Ties are settled by position, so results are the same on every run.
        - Query blocks are counted from the first token of each call; so cutting a prompt into
          calls changes nothing if all but the last are of a multiple of `query_block`. The
          first decode step and the first step after `crop` search anew.
        - Queries are sub-sampled by 2 within a block as in the paper's fine-tuning settings; those
          of its measurements without training are not known to us. Scores use all channels.
        - No offloading of keys to CPU memory.

    Args:
        config: settings.
    """

    name: ClassVar[str] = "hip"
    about: ClassVar[About] = About(
        paper="A Training-Free Sub-quadratic Cost Transformer Model Serving Framework with "
        "Hierarchically Pruned Attention, arXiv 2406.09827, 2024",
        saves="Attention time in prefill and decode: keys read grow with the logarithm of the "
        "context. Memory stays dense.",
        needs="Nothing; the first layers are dense.",
        fails_when="One key alone holds the answer: neighbours must have similar scores over a "
        "first-level chunk (context / kept key blocks), or the search goes by.",
    )

    def __init__(self, config: HipConfig = _DEFAULTS) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """As its config says."""
        return self.config.dense_below

    @property
    def chunk_tokens(self) -> int:
        """Some whole query blocks."""
        return 16 * self.config.query_block

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "HipLayer | DenseLayer":  # noqa: ARG002
        """A layer with an empty past; one of the first layers is plainly dense."""
        if shape.index < self.config.dense_layers:
            return DenseLayer(shape)
        return HipLayer(shape, self.config)


@dataclass(frozen=True, slots=True)
class HipOutput:
    """What one pass of HiP over a chunk gave.

    Attributes:
        output: `[1, heads, q_len, head_dim]` in the dtype of the queries.
        kept: what the last query attended to, bool `[heads, kv_len]`.
        evaluations: scores of the last query block's search, mean over heads.
    """

    output: Tensor
    kept: Tensor
    evaluations: float


def hip_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scale: float,
    config: HipConfig,
    slab_elements: int = _SLAB_ELEMENTS,
) -> HipOutput:
    """Search and attention for a chunk of a prompt.

    Args:
        queries: `[1, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: `[1, kv_heads, kv_len, head_dim]`.
        values: `[1, kv_heads, kv_len, head_dim]`.
        scale: what the dot products are multiplied with.
        config: `refresh_every`, `dense_layers` and `dense_below` are not looked at.
        slab_elements: so many elements of gathered keys may be held at a time, if a single query
            block needs no more.
    """
    _, heads, q_len, head_dim = queries.shape
    kv_len, block = keys.shape[2], config.query_block
    width = config.window + block - 1
    read = max(2 * config.kept, config.sink + config.kept + width)
    slab = max(1, slab_elements // (heads * read * head_dim)) * block
    outputs = []
    for begin in range(0, q_len, slab):
        end = min(begin + slab, q_len)
        piece = queries[:, :, begin:end]
        own = torch.arange(kv_len - q_len + begin, kv_len - q_len + end, device=keys.device)
        window_from = (own[::block] - config.window + 1).clamp(min=config.sink)
        found = _search_before(window_from, score_queries(piece, config), keys, config)
        lists = _read_lists(found.slots, window_from, width, config.sink)
        padded = functional.pad(piece, (0, 0, 0, -piece.shape[2] % block))
        blocks = padded.view(1, heads, -1, block, head_dim)
        own = functional.pad(own, (0, -len(own) % block), value=kv_len - 1).view(-1, block)
        attended = _attend_to_lists(blocks, keys, values, lists, own, scale)
        outputs.append(attended.reshape(padded.shape)[:, :, : piece.shape[2]])
    evaluations = float(found.evaluations[:, :, -1].double().mean())
    return HipOutput(torch.cat(outputs, dim=2), _listed(lists[0, :, -1], kv_len), evaluations)


@dataclass(frozen=True, slots=True)
class _Found:
    """What decode uses until the next search; tensors are never changed in place.

    Attributes:
        slots: int64 `[1, heads, 1, kept]`, -1 for none.
        window_from: where the window began when it was found.
        steps: how many steps have used it.
    """

    slots: Tensor
    window_from: int
    steps: int


class HipLayer(FullCacheLayer):
    """One layer of HiP: all keys, and in decode the tokens that the last search found."""

    def __init__(self, shape: LayerShape, config: HipConfig) -> None:
        super().__init__(shape, dense_below=config.dense_below)
        self._config = config
        self._found: _Found | None = None

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Search for each query block; decode will search anew."""
        output = super().prefill(queries, keys, values)
        self._found = None
        return output

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Search and attend for each query block."""
        result = hip_attention(
            queries, self.keys, self.values, scale=self.shape.scale, config=self._config
        )
        scored = result.evaluations * self.shape.group
        return SparseOutput(result.output, LastRead(result.kept, scored=scored))

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Attend to what was found, the sink, and everything since the window of that search."""
        newest = self.tokens_seen - 1
        if newest + 1 < self._config.dense_below:
            return self.attend_to_all(queries)
        scored = 0.0
        if self._found is None or self._found.steps == self._config.refresh_every:
            self._found, scored = self._search(queries)
        self._found = replace(self._found, steps=self._found.steps + 1)
        lists = self._lists(self._found)[:, :, 0]
        is_read = (lists >= 0) & (lists <= newest)
        output = indexed_attention(
            queries, self.keys, self.values, *lists_of(lists, is_read), scale=self.shape.scale
        ).output
        return SparseOutput(output, LastRead(scored=scored))

    def kept_by_last_query(self) -> Tensor:
        """The tokens that the last query's list names."""
        if self._found is None:
            return super().kept_by_last_query()
        return _listed(self._lists(self._found)[0, :, 0], self.tokens_seen)

    def save_extra(self) -> object:
        """What was found; it is never changed in place."""
        return self._found

    def load_extra(self, extra: object) -> None:
        """Go back to what was found then."""
        if extra is not None and not isinstance(extra, _Found):
            raise UsageError(f"not a snapshot of this layer: {extra!r}")
        self._found = extra

    def crop_extra(self, tokens: int) -> None:  # noqa: ARG002
        """Forget what was found; the next step searches anew."""
        self._found = None

    def extra_bytes(self) -> int:
        """8 bytes for each token that was found."""
        return 0 if self._found is None else self._found.slots.nbytes

    def _search(self, queries: Tensor) -> tuple[_Found, float]:
        """What the newest query finds, and the scores it took for a KV head, mean over all."""
        window_from = max(self.tokens_seen - self._config.window, self._config.sink)
        before = torch.tensor([window_from], device=queries.device)
        found = _search_before(before, queries[:, :, None], self.keys, self._config)
        scored = float(found.evaluations.double().mean()) * self.shape.group
        return _Found(found.slots, window_from, 0), scored

    def _lists(self, found: _Found) -> Tensor:
        """`[1, heads, 1, most]`: what the step that has just used `found` reads."""
        width = max(0, self.tokens_seen - found.window_from)
        window_from = torch.tensor([found.window_from], device=found.slots.device)
        return _read_lists(found.slots, window_from, width, self._config.sink)


def _search_before(
    window_from: Tensor, queries: Tensor, keys: Tensor, config: HipConfig
) -> FoundKeys:
    """What `search_tree` finds between sink and window; int64 `[blocks]`, where that begins."""
    first = torch.full_like(window_from, config.sink)
    return search_tree(queries, keys, first[None], window_from[None], config)


def _listed(lists: Tensor, tokens: int) -> Tensor:
    """Which of the tokens lists name: bool `[heads, tokens]`."""
    return listed(torch.where(lists < tokens, lists, -1), tokens)


def _read_lists(found: Tensor, window_from: Tensor, width: int, sink: int) -> Tensor:
    """Sink, found keys and window of each query block, each token once, -1 for none.

    Args:
        found: int64 `[1, heads, blocks, kept]`.
        window_from: int64 `[blocks]`.
        width: tokens that a window may reach over; later ones than the query are listed too.
        sink: how many of the first tokens.

    Returns:
        int64 `[1, heads, blocks, most]`.
    """
    steps = torch.arange(max(sink, width), device=found.device)
    first = steps[:sink].expand(*found.shape[:3], -1)
    window = (window_from[:, None] + steps[:width]).expand(*found.shape[:3], -1)
    return torch.cat((first, found, window), dim=-1)


def _attend_to_lists(
    queries: Tensor, keys: Tensor, values: Tensor, lists: Tensor, own: Tensor, scale: float
) -> Tensor:
    """Attention of query blocks over their lists, causal.

    Args:
        queries: `[1, heads, blocks, queries, head_dim]`.
        keys: `[1, kv_heads, tokens, head_dim]`.
        values: `[1, kv_heads, tokens, head_dim]`.
        lists: int64 `[1, heads, blocks, most]`.
        own: which tokens the queries are, int64 `[blocks, queries]`.
        scale: what the dot products are multiplied with.
    """
    block, head_dim = queries.shape[3:]
    seen = (lists >= 0)[..., None, :] & (lists[..., None, :] <= own[..., None])
    parts = zip(
        queries.reshape(keys.shape[1], -1, 1, block, head_dim),
        gather_tokens(keys, lists),
        gather_tokens(values, lists),
        seen.reshape(keys.shape[1], -1, 1, block, lists.shape[-1]),
        strict=True,
    )
    outputs = [
        functional.scaled_dot_product_attention(
            part_queries,
            part_keys.flatten(0, 1)[:, None],
            part_values.flatten(0, 1)[:, None],
            attn_mask=part_seen,
            scale=scale,
        )
        for part_queries, part_keys, part_values, part_seen in parts
    ]
    return torch.stack(outputs).view(queries.shape)
