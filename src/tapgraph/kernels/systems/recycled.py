"""Recycled Attention: attend to a small cache, and choose it anew every now and then."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.indexed_decode import indexed_attention
from tapgraph.kernels.selection import listed
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.recycled_cache import GroupRule, RecycledCache, row_importance

__all__ = ["Recycled", "RecycledConfig", "RecycledLayer"]


@dataclass(frozen=True, slots=True)
class RecycledConfig:
    """Settings of Recycled Attention; the defaults are those of the paper's long-context tasks.

    Attributes:
        kept: tokens in the small cache of a KV head.
        stride: with the fixed schedule every so many steps one is full; 1 is dense attention.
        schedule: when a step is full: every `stride` steps, or when the query has turned away.
        compare_every: with the similarity schedule queries are compared every so many steps.
        similarity: the step is full where the cosine is below this.
        group: how the query heads of a KV head join their probabilities: with "max" a token that
            one head needs survives.
        dense_budgets: with fewer tokens than so many times `kept` all are read; with 1 they are as
            long as the small cache would hold them, as in the paper. Ours: right above that a step
            on a CPU costs more than it saves.
    """

    kept: int = 4096
    stride: int = 50
    schedule: Literal["fixed", "similarity"] = "fixed"
    compare_every: int = 5
    similarity: float = 0.8
    group: GroupRule = "max"
    dense_budgets: int = 2

    def __post_init__(self) -> None:
        check_least(self, kept=1, stride=1, compare_every=1, dense_budgets=1)
        check_choices(self)
        if not -1 <= self.similarity <= 1:
            raise UsageError(f"similarity must be in -1..1, got {self.similarity!r}")


class Recycled(AttentionSystem):
    """Full steps now and then; between them the tokens that the last full step attended to most.

    "Recycled Attention: Efficient inference for long-context language models", 2411.05787, version
    1 (version 2 is called RefreshKV). The prompt is read densely. The attention row of
    its last token chooses the `kept` tokens of each KV head with the largest probabilities
    exp(scale * query · key - log-sum-exp). A recycle step adds its own token to them, drops the one
    of lowest score, and attends to nothing else. A full step attends to everything and chooses
    anew with its own row. The full cache gets every token and loses none.

    What the paper, whose code is not public, leaves open is settled so:
        - Query heads of one KV head share a cache; a token's score is the largest of their
          probabilities, or their sum (`group`). Of equal scores the earlier token stays.
        - Tokens since the last full step have no score and are dropped only after all that have
          one, the oldest first.
        - The last prompt token counts as a full step: with the fixed schedule the steps number
          `stride`, 2 * `stride`, ... after it are full. A later chunk of prompt starts over.
        - With the similarity schedule every `compare_every` steps after a full one the query is
          compared with that step's: the cosine of both, after the rotary embedding, averaged over
          query heads. Each layer decides for itself.
        - While there are no more tokens than the small cache would hold, or fewer than
          `dense_budgets` such caches (ours), there is none and everything is read. The first step
          beyond that makes it, as the last full step and the tokens since then ask for.
        - The row is computed when a recycle step wants it, so a full step that another full step
          follows costs no more than dense attention.
        - After `crop` the next step is full.
    """

    name: ClassVar[str] = "recycled"
    about: ClassVar[About] = About(
        paper="Recycled Attention: Efficient inference for long-context language models, "
        "arXiv 2411.05787 (version 1), 2024",
        saves="Decode time: between full steps only the small cache is read. Memory stays dense.",
        needs="Nothing; continued pre-training with the same pattern helps.",
        fails_when="An answer needs tokens that the last full step did not look at, and outputs "
        "are too short for a full step in time. The prompt is as slow as with dense attention.",
    )

    def __init__(self, config: RecycledConfig = RecycledConfig()) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """As `dense_budgets` says; at least while the small cache would hold everything."""
        return max(self.config.kept + 1, self.config.dense_budgets * self.config.kept)

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "RecycledLayer":  # noqa: ARG002
        """A layer with an empty past."""
        return RecycledLayer(shape, self.config, self.dense_below)


@dataclass(frozen=True, slots=True)
class _FullStep:
    """The query that chooses, `[1, heads, 1, head_dim]`, and how many tokens it could see."""

    query: Tensor
    tokens: int


@dataclass(frozen=True, slots=True)
class _Extra:
    full_step: _FullStep | None
    steps: int
    cache: RecycledCache | None


class RecycledLayer(FullCacheLayer):
    """One layer of Recycled Attention.

    Beside the full cache it holds the query of the last full step and, from the first recycle step
    with `dense_below` tokens on, a `RecycledCache`.
    """

    def __init__(self, shape: LayerShape, config: RecycledConfig, dense_below: int) -> None:
        super().__init__(shape)
        self._config = config
        self._dense_until = dense_below
        self._full_step: _FullStep | None = None
        self._steps = 0
        self._cache: RecycledCache | None = None
        self._cache_is_shared = False

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Read a chunk of the prompt densely; its last token may choose what is recycled."""
        return self._attend_fully(queries)

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """A full step or a recycle step."""
        if self._full_step is None or self._is_time(queries, self._full_step):
            return self._attend_fully(queries)
        self._steps += 1
        scored = 0
        first_new = self.tokens_seen - 1
        if self._cache is None:
            if self.tokens_seen < self._dense_until:
                return self.attend_to_all(queries)
            self._cache = self._choose(self._full_step)
            self._cache_is_shared = False
            first_new = scored = self._full_step.tokens
        elif self._cache_is_shared:
            self._cache = self._cache.copy()
            self._cache_is_shared = False
        for token in range(first_new, self.tokens_seen):
            self._cache.add(token)
        names = self._cache.tokens[None]
        counts = names.new_full(names.shape[:2], names.shape[2])
        output = indexed_attention(
            queries, self.keys, self.values, names, counts, scale=self.shape.scale
        ).output
        return SparseOutput(output, LastRead(scored=scored))

    def kept_by_last_query(self) -> Tensor:
        """All tokens after a full step, those of the small cache after a recycle step."""
        if self._steps == 0 or self._cache is None:
            return super().kept_by_last_query()
        by_kv_head = listed(self._cache.tokens, self.tokens_seen)
        return by_kv_head.repeat_interleave(self.shape.group, dim=0)

    def save_extra(self) -> object:
        """The small cache is not copied before somebody changes it."""
        self._cache_is_shared = True
        return _Extra(self._full_step, self._steps, self._cache)

    def load_extra(self, extra: object) -> None:
        """Go back to a saved small cache."""
        if not isinstance(extra, _Extra):
            raise UsageError(f"not a snapshot of this layer: {extra!r}")
        self._full_step, self._steps, self._cache = extra.full_step, extra.steps, extra.cache
        self._cache_is_shared = True

    def crop_extra(self, tokens: int) -> None:  # noqa: ARG002
        """Forget what was chosen: the tokens that were dropped for the cropped ones are gone."""
        self._full_step, self._steps, self._cache = None, 0, None

    def extra_bytes(self) -> int:
        """Of the small cache and the query that chose it."""
        query = 0 if self._full_step is None else self._full_step.query.nbytes
        return query + (0 if self._cache is None else self._cache.tokens.nbytes)

    def _attend_fully(self, queries: Tensor) -> SparseOutput:
        self._full_step = _FullStep(queries[:, :, -1:].clone(), self.tokens_seen)
        self._steps = 0
        self._cache = None
        return self.attend_to_all(queries)

    def _is_time(self, queries: Tensor, last: _FullStep) -> bool:
        """Whether the coming step is full."""
        step = self._steps + 1
        if self._config.schedule == "fixed":
            return step >= self._config.stride
        if step % self._config.compare_every:
            return False
        exact = torch.promote_types(queries.dtype, torch.float32)
        cosines = functional.cosine_similarity(queries.to(exact), last.query.to(exact), dim=-1)
        return bool(cosines.mean() < self._config.similarity)

    def _choose(self, full_step: _FullStep) -> RecycledCache:
        """The small cache that the row of the last full step asks for."""
        importance = row_importance(
            full_step.query[0, :, 0],
            self.keys[0, :, : full_step.tokens],
            scale=self.shape.scale,
            group=self._config.group,
        )
        return RecycledCache(importance, self._config.kept)
