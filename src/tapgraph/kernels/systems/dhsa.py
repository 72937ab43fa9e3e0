"""DHSA: score chunks of a text against each other, then read the tokens of the best chunks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.indexed_decode import indexed_attention, lists_of
from tapgraph.kernels.systems.dhsa_boundaries import (
    BoundaryPredictor,
    choose_boundaries,
    fixed_boundaries,
)
from tapgraph.kernels.systems.dhsa_selection import (
    HeadMasks,
    Selection,
    TokenBudget,
    attend_selected,
    chunk_scores,
    pool_chunks,
    select,
)
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput

__all__ = ["Dhsa", "DhsaConfig", "DhsaLayer"]

_PIECE_QUERIES = 256
"""A longer chunk of queries is attended from in pieces, all with the chunk's scores."""


@dataclass(frozen=True, slots=True)
class DhsaConfig:
    """Settings of DHSA; the defaults are those of the paper and its code, if nothing else is said.

    Attributes:
        budget_tokens: tokens that a query reads.
        first_tokens: the first tokens are always among them.
        local_tokens: so are the last ones, the query's own included.
        masks: whether each query head chooses for itself. The authors' code averages queries and
            keys over the heads first, which gives all heads one mask.
        query_chunks: whether queries are cut where keys are (the paper) or every `block` queries
            (the authors' code).
        least_logit: a predicted boundary's logit is larger than this.
        boundary_distance: of two boundaries at most this far apart one goes.
        block: tokens for which there may be at most `boundaries_per_block` boundaries on average.
        boundaries_per_block: see `block`.
        instruction_tokens: a boundary is forced so many tokens before the prompt's end.
        fixed_chunk: length of all chunks when there is no predictor; it is the block length of the
            authors' second version, and nothing else here holds for that.
        chunk: tokens of a prompt that are read at once; after each chunk it is cut anew.
        dense_below: with fewer tokens than this, or no more than the budget, all is dense, and
            with fewer than twice as many decode is. Ours: about there each of them takes as long
            either way on a CPU.
    """

    budget_tokens: int = 2048
    first_tokens: int = 128
    local_tokens: int = 128
    masks: HeadMasks = "per_head"
    query_chunks: Literal["as_keys", "fixed"] = "as_keys"
    least_logit: float = 1.1
    boundary_distance: int = 8
    block: int = 64
    boundaries_per_block: int = 8
    instruction_tokens: int = 64
    fixed_chunk: int = 32
    chunk: int = 4096
    dense_below: int = 16_384

    def __post_init__(self) -> None:
        check_least(self, local_tokens=1, block=1, boundaries_per_block=1, fixed_chunk=1, chunk=1)
        check_least(self, first_tokens=0, boundary_distance=0, instruction_tokens=0, dense_below=0)
        check_choices(self)
        if self.budget_tokens < self.first_tokens + self.local_tokens:
            raise UsageError(
                "budget_tokens must be at least first_tokens + local_tokens = "
                f"{self.first_tokens + self.local_tokens}, got {self.budget_tokens!r}"
            )


class Dhsa(AttentionSystem):
    """Sparse prefill and decode over the best chunks of variable length, within a token budget.

    "Long-Context Modeling with Dynamic Hierarchical Sparse Attention for On-Device LLMs",
    2510.24606, version 1, section 3. A predictor cuts the prompt where attention changes (3.2);
    queries and keys of a chunk are pooled to one vector each, whose products are the scores of all
    their tokens (3.1). In decode the prompt keeps its chunks, generated tokens are one chunk more,
    and the current token is a chunk of its own.

    Deviations:
        - Each head has a mask of its own; `masks="head_average"` is as published.
        - The prompt may come in several calls. After each one it is cut anew as a whole, so earlier
          cuts may move; queries of one chunk in two calls are pooled for each call. Everything
          before the last such call counts as prompt, generated tokens of earlier turns included.
        - The queries of the instruction (the prompt's last tokens) choose like all others; the
          authors' code lets them attend densely.
        - Short texts are read densely (`dense_below`).
        - Of equal scores the earliest token wins; the paper leaves it open.

    Args:
        config: settings.
        predictor: trained for the model; None cuts every `config.fixed_chunk` tokens.
    """

    name: ClassVar[str] = "dhsa"
    about: ClassVar[About] = About(
        paper="Long-Context Modeling with Dynamic Hierarchical Sparse Attention for On-Device "
        "LLMs, arXiv 2510.24606 (version 1), 2025",
        saves="Attention time in prefill and decode: a query reads its budget of tokens, and one "
        "vector for each chunk. Memory stays dense.",
        needs="A boundary predictor, trained on the model's own attention in minutes; without it "
        "chunks have a fixed length.",
        fails_when="What is asked for is a small part of a chunk about something else, or lies in "
        "more chunks than the budget has room for.",
    )

    def __init__(
        self, config: DhsaConfig = DhsaConfig(), predictor: BoundaryPredictor | None = None
    ) -> None:
        self.config = config
        self.predictor = predictor

    @property
    def dense_below(self) -> int:
        """For a prompt; decode is dense below twice `DhsaConfig.dense_below`."""
        return max(self.config.dense_below, self.config.budget_tokens + 1)

    @property
    def is_calibrated(self) -> bool:
        """Whether boundaries are predicted; else all chunks are of one length."""
        return self.predictor is not None

    @property
    def chunk_tokens(self) -> int:
        """As its config says."""
        return self.config.chunk

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "DhsaLayer":  # noqa: ARG002
        """A layer with an empty past.

        Raises:
            UsageError: the predictor was made for keys of another width.
        """
        channels = shape.kv_heads * (shape.head_dim - shape.extra_channels)
        if self.predictor is not None and self.predictor.channels != channels:
            raise UsageError(
                f"the boundary predictor is for keys of {self.predictor.channels} channels, "
                f"this model's have {channels}"
            )
        return DhsaLayer(shape, self.config, self.predictor)


@dataclass(frozen=True, slots=True)
class _Chunks:
    """A text in chunks.

    Attributes:
        boundaries: int64 `[chunks + 1]`, from 0.
        keys: pooled, `[kv_heads, chunks, head_dim]`.
    """

    boundaries: Tensor
    keys: Tensor


@dataclass(frozen=True, slots=True)
class _Past:
    """What a layer keeps besides the tokens. Never changed in place.

    Attributes:
        prompt: tokens before this one are the prompt.
        chunks: of the prompt; None while nobody asked for them.
        logits: of the predictor, `[1, tokens]`, for the tokens from `window - 1` on.
        generated: how many tokens after the prompt are in `generated_sum`.
        generated_sum: of their keys, float64 `[kv_heads, head_dim]`.
    """

    prompt: int = 0
    chunks: _Chunks | None = None
    logits: Tensor | None = None
    generated: int = 0
    generated_sum: Tensor | None = None

    def tensors(self) -> Iterator[Tensor]:
        if self.chunks is not None:
            yield from (self.chunks.boundaries, self.chunks.keys)
        for tensor in (self.logits, self.generated_sum):
            if tensor is not None:
                yield tensor


class DhsaLayer(FullCacheLayer):
    """One layer of DHSA.

    Args:
        shape: the layer.
        config: settings.
        predictor: as for `Dhsa`.
    """

    def __init__(
        self, shape: LayerShape, config: DhsaConfig, predictor: BoundaryPredictor | None
    ) -> None:
        super().__init__(shape, dense_below=max(config.dense_below, config.budget_tokens + 1))
        self._config = config
        self._predictor = predictor
        self._budget = TokenBudget(config.budget_tokens, config.first_tokens, config.local_tokens)
        self._past = _Past()

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Store the chunk, which ends the prompt, and attend from it."""
        output = super().prefill(queries, keys, values)
        self._end_prompt()
        return output

    def boundaries(self) -> Tensor:
        """The prompt's, int64 `[chunks + 1]`."""
        return self._chunks().boundaries

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Choose and attend, chunk by chunk."""
        self._end_prompt()
        chunks, config = self._chunks(), self._config
        past = self.tokens_seen - queries.shape[2]
        if config.query_chunks == "fixed":
            edges = fixed_boundaries(queries.shape[2], config.block, queries.device) + past
        else:
            inner = chunks.boundaries[chunks.boundaries > past]
            edges = torch.cat((inner.new_tensor([past]), inner))
        pooled = pool_chunks(queries[0], edges - past)
        output = torch.empty_like(queries)
        tokens = torch.arange(self.tokens_seen, device=queries.device)
        for chunk, (begin, end) in enumerate(pairwise(edges.tolist())):
            scores = chunk_scores(pooled[:, chunk], chunks.keys, config.masks)
            for first in range(begin, end, _PIECE_QUERIES):
                last = min(first + _PIECE_QUERIES, end)
                chosen = select(scores, chunks.boundaries, tokens[first:last], self._budget)
                piece = slice(first - past, last - past)
                output[0, :, piece] = self._attend(queries[0, :, piece], chosen)
        return SparseOutput(output, _last_read(chosen, scores))

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Choose by the prompt's chunks, the chunk of generated tokens, and the token itself."""
        if self.tokens_seen < max(self._dense_below, 2 * self._config.dense_below):
            return self.attend_to_all(queries)
        chunks, since = self._chunks(), self._chunks_since_prompt()
        boundaries = torch.cat((chunks.boundaries, since.boundaries))
        last = torch.tensor([self.tokens_seen - 1], device=queries.device)
        query = queries[0, :, 0].to(chunks.keys.dtype)
        scores = torch.cat(
            [chunk_scores(query, part.keys, self._config.masks) for part in (chunks, since)], dim=1
        )
        chosen = select(scores, boundaries, last, self._budget)
        lists = lists_of(chosen.slots[None], chosen.allowed[None, :, 0])
        output = indexed_attention(
            queries, self.keys, self.values, *lists, scale=self.shape.scale
        ).output
        return SparseOutput(output, _last_read(chosen, scores))

    def save_extra(self) -> object:
        """Chunks, logits and the sum of generated keys; none of them ever changes."""
        return self._past

    def load_extra(self, extra: object) -> None:
        """Go back to what `save_extra` gave."""
        if not isinstance(extra, _Past):
            raise UsageError(f"not a snapshot of this layer: {extra!r}")
        self._past = extra

    def crop_extra(self, tokens: int) -> None:
        """Forget logits that looked further, and cut a shortened prompt anew when asked."""
        past = self._past
        logits = past.logits
        if logits is not None and self._predictor is not None:
            logits = logits[:, : max(0, tokens - 2 * self._predictor.window + 1)]
        if tokens < past.prompt:
            past = _Past(prompt=tokens)
        elif tokens < past.prompt + past.generated:
            past = replace(past, generated=0, generated_sum=None)
        self._past = replace(past, logits=logits)

    def extra_bytes(self) -> int:
        """Boundaries and pooled keys of the prompt, a logit for each token, and one sum."""
        return sum(tensor.nbytes for tensor in self._past.tensors())

    def _end_prompt(self) -> None:
        if self._past.prompt != self.tokens_seen:
            self._past = _Past(prompt=self.tokens_seen, logits=self._past.logits)

    def _attend(self, queries: Tensor, chosen: Selection) -> Tensor:
        scale = self.shape.scale
        return attend_selected(queries, self.keys[0], self.values[0], chosen, scale=scale)

    def _chunks(self) -> _Chunks:
        """The prompt's chunks, computed when first asked for."""
        if self._past.chunks is not None:
            return self._past.chunks
        logits, prompt = self._logits(), self._past.prompt
        boundaries = self._boundaries(None if logits is None else logits[0], prompt)
        chunks = _Chunks(boundaries, pool_chunks(self.keys[0, :, :prompt], boundaries))
        self._past = replace(self._past, chunks=chunks, logits=logits)
        return chunks

    def _boundaries(self, logits: Tensor | None, tokens: int) -> Tensor:
        config = self._config
        if logits is None:
            return fixed_boundaries(tokens, config.fixed_chunk, self.keys.device)
        return choose_boundaries(
            logits,
            tokens,
            least_logit=config.least_logit,
            distance=config.boundary_distance,
            most=tokens // config.block * config.boundaries_per_block,
            forced_before_end=config.instruction_tokens,
        )

    def _logits(self) -> Tensor | None:
        """The predictor's logits for the prompt; those of earlier calls are not computed again."""
        if self._predictor is None:
            return None
        known = self._past.logits
        first = 0 if known is None else known.shape[1]
        own = self.shape.head_dim - self.shape.extra_channels
        keys = self.keys[:, :, first : self._past.prompt, :own]
        with torch.no_grad():
            new = self._predictor.to(keys.device)(keys.movedim(1, 2).flatten(2))
        return new if known is None else torch.cat((known, new), dim=1)

    def _chunks_since_prompt(self) -> _Chunks:
        """In decode: one of the tokens since the prompt, if any, and the newest; where they end."""
        dtype, generated = self._chunks().keys.dtype, self.tokens_seen - 1 - self._past.prompt
        ends, pooled = [self.tokens_seen], [self.keys[0, :, -1:].to(dtype)]
        if generated:
            ends.insert(0, self.tokens_seen - 1)
            pooled.insert(0, (self._generated_sum(generated) / generated**0.5)[:, None].to(dtype))
        return _Chunks(torch.tensor(ends, device=self.keys.device), torch.cat(pooled, dim=1))

    def _generated_sum(self, count: int) -> Tensor:
        """Sum of the keys `[kv_heads, head_dim]` of so many tokens after the prompt."""
        past = self._past
        new = self.keys[0, :, past.prompt + past.generated : past.prompt + count]
        total = new.sum(dim=1, dtype=torch.float64)
        if past.generated_sum is not None:
            total = total + past.generated_sum
        self._past = replace(past, generated=count, generated_sum=total)
        return total


def _last_read(chosen: Selection, scores: Tensor) -> LastRead:
    """What the last query of a selection reads."""
    read = torch.where(chosen.allowed[:, -1], chosen.slots, -1)
    return LastRead(listed=read, scored=scores.shape[1])
