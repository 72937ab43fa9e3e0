"""Quest: in each step read the pages whose keys could fit the query best."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.config_checks import check_least
from tapgraph.kernels.indexed_decode import indexed_attention, indexed_scores
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.token_store import TokenStore

__all__ = ["Quest", "QuestConfig", "QuestLayer"]


@dataclass(frozen=True, slots=True)
class QuestConfig:
    """Settings of Quest; the defaults are those of the paper's LongBench runs (section 4.2).

    Attributes:
        kept: tokens that a step reads in each KV head.
        page: tokens of a page.
        dense_layers: first layers, whose attention is spread too evenly to choose; they stay dense.
        dense_below: with fewer tokens than this everything is read.
    """

    kept: int = 1024
    page: int = 16
    dense_layers: int = 2
    dense_below: int = 4096

    def __post_init__(self) -> None:
        check_least(self, dense_layers=0, dense_below=0, page=1)
        if self.kept < 2 * self.page:
            raise UsageError(f"kept must be at least two pages of {self.page}, got {self.kept!r}")


class Quest(AttentionSystem):
    """Reads whole pages in decode, chosen by an upper bound of their scores.

    Tang et al., "Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference", 2406.10774,
    section 3.3. A page's bound is the sum over channels of the larger of query * least key and
    query * greatest key. The best `kept / page - 1` pages are read, and the newest one. The prompt
    is read densely.

    Deviation: the query heads of a KV head read the same pages, those of the largest bound after
    a softmax over the pages (with one query head a KV head that is the paper's order).
    """

    name: ClassVar[str] = "quest"
    about: ClassVar[About] = About(
        paper="Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference, "
        "arXiv 2406.10774, 2024",
        saves="Time of a step. Memory is that of dense attention and an eighth of the keys' half.",
        needs="Nothing.",
        fails_when="What is needed is spread over many pages, or stands in a page whose keys hide "
        "it: bounds are loose. The prompt is as slow as with dense attention.",
    )

    def __init__(self, config: QuestConfig = QuestConfig()) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """As the config says; at least while the pages that are read cover everything."""
        return max(self.config.dense_below, self.config.kept + 1)

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "QuestLayer":  # noqa: ARG002
        """A layer with an empty past."""
        return QuestLayer(shape, self.config, self.dense_below)


class QuestLayer(FullCacheLayer):
    """One layer of Quest: all tokens, and the least and greatest key of each full page.

    The bounds are a `TokenStore` whose tokens are pages.
    """

    def __init__(self, shape: LayerShape, config: QuestConfig, dense_below: int) -> None:
        super().__init__(shape)
        self._config = config
        self._dense_until = dense_below
        self._bounds = TokenStore()

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Read a chunk of the prompt densely."""
        return self.attend_to_all(queries)

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Read the pages that fit the query best, and the newest."""
        config, tokens = self._config, self.tokens_seen
        if self.shape.index < config.dense_layers or tokens < self._dense_until:
            return self.attend_to_all(queries)
        page = config.page
        self._bound_full_pages()
        # The newest page is full only when a further one begins.
        full = (tokens - 1) // page
        pages = top_k(self._worth_of_pages(queries, full), config.kept // page - 1)
        newest = pages.new_full((len(pages), 1), full)
        names = torch.cat((pages, newest), dim=1)
        listed_tokens = names[:, :, None] * page + torch.arange(page, device=names.device)
        # The newest page stands last, and ends with the newest token.
        counts = names.new_full((1, len(names)), names.shape[1] * page - (full + 1) * page + tokens)
        output = indexed_attention(
            queries,
            self.keys,
            self.values,
            listed_tokens.flatten(1)[None],
            counts,
            scale=self.shape.scale,
        ).output
        kept = listed(names, full + 1).repeat_interleave(self.shape.group, dim=0)
        # Two vectors for each page.
        return SparseOutput(output, LastRead(kept, page, scored=2.0 * full))

    def crop_extra(self, tokens: int) -> None:
        """Forget the bounds of pages that are not full any more."""
        self._bounds.crop(min(self._bounds.tokens, tokens // self._config.page))

    def load_extra(self, extra: object) -> None:  # noqa: ARG002
        """As `crop_extra`: a page's bounds stay right while it is full."""
        self.crop_extra(self.tokens_seen)

    def fork(self) -> "QuestLayer":
        """A copy with memory of its own."""
        twin = super().fork()
        twin._bounds = self._bounds.fork()
        return twin

    def extra_bytes(self) -> int:
        """Of the bounds."""
        return self._bounds.bytes_held()

    def _bound_full_pages(self) -> None:
        page, known = self._config.page, self._bounds.tokens
        full = self.tokens_seen // page
        if full > known:
            new = self.keys[:, :, known * page : full * page]
            new = new.reshape(*new.shape[:2], full - known, page, -1)
            self._bounds.append(new.amin(dim=3), new.amax(dim=3))

    def _worth_of_pages(self, queries: Tensor, pages: int) -> Tensor:
        """`[kv_heads, pages]`."""
        asking, scale = queries[0, :, 0], self.shape.scale
        least, greatest = self._bounds.keys[0, :, :pages], self._bounds.values[0, :, :pages]
        bound = indexed_scores(asking.clamp(min=0), greatest, scale=scale)
        bound += indexed_scores(asking.clamp(max=0), least, scale=scale)
        return bound.softmax(dim=-1).amax(dim=1)
