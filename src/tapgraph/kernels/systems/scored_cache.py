"""A base for methods that keep the tokens of highest score: they write the score, no more."""

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import (
    AttentionSystem,
    LayerAttention,
    LayerShape,
    Reading,
    Rotary,
)
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.masks import causal_mask
from tapgraph.kernels.quantized_store import open_store
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.token_store import TokenStore

__all__ = ["Held", "ScoredCache", "ScoredConfig", "ScoredLayer", "attention_weights"]


@dataclass(frozen=True, slots=True)
class ScoredConfig:
    """How much stays, and when the rest goes.

    Attributes:
        kept: tokens of each KV head that stay.
        room: in a reply the cache is compressed each time that it has grown by so many tokens; with
            1 each new token drops one.
        prompt: `whole`: a prompt is read densely, and compressed before the first token of the
            reply. `chunks`: it is compressed before each further chunk, so memory never holds more
            than `kept` tokens and a chunk.
    """

    kept: int = 1024
    room: int = 128
    prompt: Literal["whole", "chunks"] = "whole"

    def __post_init__(self) -> None:
        check_least(self, kept=1, room=1)
        check_choices(self)


@dataclass(frozen=True, slots=True)
class Held:
    """What a layer holds of one sequence; each KV head has tokens of its own, the oldest first.

    Attributes:
        shape: the layer.
        rotary: the model's.
        keys: after RoPE, `[kv_heads, tokens, head_dim]`.
        values: `[kv_heads, tokens, head_dim]`.
        queries: after RoPE, of the newest tokens, `[heads, queries, head_dim]`: of the call in
            `observe`, the last `recent_queries` (or fewer, if there were not so many) in `score`.
        tokens_seen: tokens of the sequence so far; the newest has position `tokens_seen - 1`.
        observed: what `observe` has returned last.
    """

    shape: LayerShape
    rotary: Rotary
    keys: Tensor
    values: Tensor
    queries: Tensor
    tokens_seen: int
    observed: Tensor | None


class ScoredCache(AttentionSystem):
    """Keeps `kept` tokens of each KV head, those of the highest score; the others are gone.

    A subclass has a `name`, an `about` and a `score`. Where it needs queries it says with
    `recent_queries` how many, and where it must follow all tokens it writes `observe` too. Tokens
    keep their positions. Scores are asked for once for each compression, not for each token.
    """

    croppable: ClassVar[bool] = False

    def __init__(self, config: ScoredConfig = ScoredConfig()) -> None:
        self.config = config

    @property
    def recent_queries(self) -> int:
        """How many of the newest queries `score` needs."""
        return 0

    @abstractmethod
    def score(self, held: Held) -> Tensor:
        """How much each token is worth keeping, `[kv_heads, tokens]`; no NaN.

        Of equal scores the older token stays; infinity keeps a token in any case.
        """

    def observe(self, held: Held) -> Tensor | None:  # noqa: ARG002
        """Called after each call's attention; what it returns comes back as `held.observed`.

        The result must be a new tensor or None. `held.observed` is what it returned before.
        """
        return None

    def keep_observed(self, observed: Tensor, chosen: Tensor) -> Tensor:  # noqa: ARG002
        """What is left of `observed` when only the tokens `chosen`, `[kv_heads, kept]`, stay."""
        return observed

    @property
    def dense_below(self) -> int:
        """While all tokens stay."""
        return self.config.kept + 1

    @property
    def chunk_tokens(self) -> int | None:
        """Half of what stays, where a prompt is compressed while it is read."""
        return max(1, self.config.kept // 2) if self.config.prompt == "chunks" else None

    def kept_tokens(self, shape: LayerShape, tokens: int) -> float:  # noqa: ARG002
        """What stays, and the room of a reply."""
        return min(tokens, self.config.kept + self.config.room)

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "ScoredLayer":
        """A layer with an empty past."""
        return ScoredLayer(shape, rotary, self)


@dataclass(frozen=True, slots=True)
class _Kept:
    """All that changes in a layer; its tensors are never changed in place.

    Attributes:
        store: keys and values; only its end is ever written to.
        tokens: how many of the store's.
        chosen: positions of the first tokens of the store, int64 `[kv_heads, chosen]`; those after
            them are the newest of the sequence.
        dropped: tokens of a KV head that are gone.
        queries: of the newest calls, each `[heads, tokens, head_dim]`.
        observed: the system's.
        is_after_prompt: whether the last call was a chunk of a prompt.
        scored: tokens whose keys the last call scored.
    """

    store: TokenStore
    tokens: int = 0
    chosen: Tensor | None = None
    dropped: int = 0
    queries: tuple[Tensor, ...] = ()
    observed: Tensor | None = None
    is_after_prompt: bool = False
    scored: int = 0


class ScoredLayer(LayerAttention):
    """One layer of a `ScoredCache`.

    It holds a `TokenStore` of the tokens that stayed and those since, a position of 8 bytes for
    each that was chosen, the newest queries, and what the system observes. A call first compresses
    what the calls before have left, if that is too much, and then attends to all that is held.
    """

    def __init__(self, shape: LayerShape, rotary: Rotary, system: ScoredCache) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._system = system
        self._kept = _Kept(open_store(shape.kept_bits))

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._kept.dropped + self._kept.tokens

    @property
    def reading(self) -> Reading:
        """All that was held when the last query came."""
        return Reading(attended=float(self._kept.tokens), scored=float(self._kept.scored))

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from a chunk to all that is held."""
        check_call(self.shape, queries, keys, values)
        is_bounded = self._system.config.prompt == "chunks"
        most = self._system.config.kept if is_bounded else self._kept.tokens
        return self._attend(queries, keys, values, most=most, is_prompt=True)

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from a token to all that is held."""
        check_call(self.shape, queries, keys, values)
        config = self._system.config
        is_first = self._kept.is_after_prompt and config.prompt == "whole"
        most = config.kept if is_first else config.kept + config.room - 1
        return self._attend(queries, keys, values, most=most, is_prompt=False)

    def kept_by_last_query(self) -> Tensor:
        """All that is held."""
        if not self.tokens_seen:
            raise UsageError("nothing was attended to yet")
        by_kv_head = listed(self._positions(), self.tokens_seen)
        return by_kv_head.repeat_interleave(self.shape.group, dim=0)

    def bytes_held(self) -> int:
        """Of keys, values, positions, queries and what the system observes."""
        kept = self._kept
        others = (kept.chosen, kept.observed, *kept.queries)
        return kept.store.bytes_held() + sum(one.nbytes for one in others if one is not None)

    def snapshot(self) -> object:
        """What is held now; nothing is copied."""
        return self._kept

    def restore(self, snapshot: object) -> None:
        """Go back to an earlier snapshot."""
        if not isinstance(snapshot, _Kept):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        snapshot.store.crop(snapshot.tokens)
        self._kept = snapshot

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = copy(self)
        twin._kept = replace(self._kept, store=self._kept.store.fork())
        return twin

    def crop(self, tokens: int) -> None:
        """Refused: what is kept depends on all that was seen.

        Raises:
            UsageError: always, unless nothing is to be forgotten.
        """
        if tokens != self.tokens_seen:
            raise UsageError(
                f"{self._system.name} cannot go back to {tokens} tokens; restore a snapshot instead"
            )

    def _attend(
        self, queries: Tensor, keys: Tensor, values: Tensor, *, most: int, is_prompt: bool
    ) -> Tensor:
        """Compress if more than `most` tokens are held, take new ones, attend from them."""
        scored = 0
        if self._kept.tokens > most:
            scored = self._kept.tokens
            self._compress()
        store = self._kept.store
        store.append(keys, values)
        output = attend_densely(queries, store.keys, store.values, scale=self.shape.scale)
        self._kept = replace(
            self._kept,
            tokens=store.tokens,
            queries=self._newest_queries(queries[0]),
            is_after_prompt=is_prompt,
            scored=scored,
        )
        self._kept = replace(self._kept, observed=self._system.observe(self._held(queries[0])))
        return output

    def _compress(self) -> None:
        newest = self._kept.queries
        empty = self._kept.store.keys.new_empty((self.shape.heads, 0, self.shape.head_dim))
        scores = self._system.score(self._held(torch.cat(newest, dim=1) if newest else empty))
        expected = (self.shape.kv_heads, self._kept.tokens)
        if scores.shape != expected:
            raise UsageError(
                f"the score of {self._system.name} must be {list(expected)}, "
                f"got {list(scores.shape)}"
            )
        chosen = top_k(scores, self._system.config.kept)
        places = chosen[None, :, :, None].expand(-1, -1, -1, self.shape.head_dim)
        old, observed = self._kept.store, self._kept.observed
        store = open_store(self.shape.kept_bits)
        store.append(old.keys.gather(2, places), old.values.gather(2, places))
        self._kept = replace(
            self._kept,
            store=store,
            tokens=store.tokens,
            chosen=self._positions().gather(1, chosen),
            dropped=self.tokens_seen - store.tokens,
            observed=None if observed is None else self._system.keep_observed(observed, chosen),
        )

    def _positions(self) -> Tensor:
        """Of all tokens held, int64 `[kv_heads, tokens]`."""
        kept = self._kept
        chosen = 0 if kept.chosen is None else kept.chosen.shape[1]
        newest = torch.arange(
            kept.dropped + chosen, self.tokens_seen, device=kept.store.keys.device
        ).expand(self.shape.kv_heads, -1)
        return newest if kept.chosen is None else torch.cat((kept.chosen, newest), dim=1)

    def _newest_queries(self, queries: Tensor) -> tuple[Tensor, ...]:
        missing = self._system.recent_queries
        newest: list[Tensor] = []
        for of_call in (queries, *reversed(self._kept.queries)):
            if missing <= 0:
                break
            # The model's own tensor, or a long one of which little is left, is not held on to.
            is_ours = bool(newest) and of_call.shape[1] <= missing
            newest.append(of_call if is_ours else of_call[:, -missing:].clone())
            missing -= newest[-1].shape[1]
        return tuple(reversed(newest))

    def _held(self, queries: Tensor) -> Held:
        store = self._kept.store
        return Held(
            self.shape,
            self._rotary,
            store.keys[0],
            store.values[0],
            queries,
            self.tokens_seen,
            self._kept.observed,
        )


def attention_weights(queries: Tensor, keys: Tensor, *, scale: float) -> Tensor:
    """How much of its attention each query pays to each key: causal softmax.

    Args:
        queries: of the last tokens, `[heads, queries, head_dim]`.
        keys: `[kv_heads, tokens, head_dim]`.
        scale: what the dot products are multiplied with.

    Returns:
        `[heads, queries, tokens]` in float32, or float64 for float64.
    """
    exact = torch.promote_types(queries.dtype, torch.float32)
    grouped = queries.reshape(len(keys), -1, queries.shape[2]).to(exact) * scale
    scores = grouped @ keys.to(exact).transpose(1, 2)
    scores = scores.view(*queries.shape[:2], keys.shape[1])
    seen = causal_mask(queries.shape[1], keys.shape[1], queries.device)
    return scores.masked_fill_(~seen, float("-inf")).softmax(dim=-1)
