"""TokenSelect: attend to the first tokens, the newest, and those that all heads vote for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.token_select_vote import TokenSelectConfig, soft_vote
from tapgraph.kernels.token_store import TokenStore, VectorStore

__all__ = ["TokenSelect", "TokenSelectConfig", "TokenSelectLayer", "soft_vote"]

_DEFAULTS = TokenSelectConfig()


class TokenSelect(AttentionSystem):
    """One list of tokens for all heads of a layer, chosen by a soft vote.

    "TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic
    Token-Level KV Cache Selection", 2411.02886, section 4. The tokens of a text of up to n_init + k
    + n_local read all of it. Otherwise the queries of a chunk, or the query of a decode step,
    select: rotated to the positions n_local, n_local + 1, ... they are averaged over the chunk and
    vote (`soft_vote`) for keys that are not rotated, so that every key looks n_local tokens away.
    The list is the first n_init tokens, the k best, in the order of the text, and the newest
    n_local (of which the chunk is a part). Attention over the list takes ranks in it for
    positions: no position is ever larger than n_init + k + 2 n_local.

    Selection Cache (decode only): the list is used again while the query has turned little since it
    was selected; the query is that of all heads of the layer, before the rotary embedding. So that
    no token is lost that leaves the local window between two selections, the local part of the
    list begins where it began at the selection and grows with each token. After `n_local` steps
    without a selection one is forced, so the list is never longer than n_init + k + 2 n_local.

    Deviations:
        - A text is dense up to `dense_budgets` budgets; its keys are then kept rotated too.
        - Query head h votes with the keys of KV head h // group, as the formula says. The
          published code takes h % kv_heads.
        - Of equal votes the earlier token wins; votes are counted in float32 at least.
        - Chunks are counted from the first token of each call. The first decode step after a
          prompt, and the first after `crop`, selects.
        - No max-pooling of votes, whose width the authors' scripts set for each data set.
        - A list is gathered and rotated in memory; there is no kernel that does it on the fly. In
          decode it is kept as long as it is used again.
    """

    name: ClassVar[str] = "token_select"
    about: ClassVar[About] = About(
        paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via "
        "Dynamic Token-Level KV Cache Selection, arXiv 2411.02886, 2024",
        saves="Attention time in prompt and decode; most in decode when queries turn slowly, for "
        "then no keys are scored. Memory stays dense. Works beyond the trained length.",
        needs="Nothing; a rotary embedding that can be applied to any position by itself.",
        fails_when="Heads need different tokens, so that one list for all is too short, or an "
        "answer needs order or distance of tokens that are far apart: positions are ranks.",
    )
    keys: ClassVar[Literal["rotated", "unrotated"]] = "unrotated"

    def __init__(self, config: TokenSelectConfig = _DEFAULTS) -> None:
        self.config = config

    @property
    def dense_below(self) -> int:
        """As `dense_budgets` says; a budget that covers a text is dense attention in any case."""
        return max(self.config.budget + 1, self.config.dense_budgets * self.config.budget)

    @property
    def chunk_tokens(self) -> int:
        """What selects together."""
        return self.config.chunk

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "TokenSelectLayer":
        """A layer with an empty past."""
        return TokenSelectLayer(shape, rotary, self.config, self.dense_below)


@dataclass(frozen=True, slots=True)
class _Selection:
    """What decode steps use again; tensors are never changed in place.

    Attributes:
        query: `[heads * head_dim]`, what the list was selected for.
        selected: tokens, int64 `[k]`, ascending.
        local: where the local part of the list begins.
        age: steps since the selection; at `n_local` a new one is due.
    """

    query: Tensor
    selected: Tensor
    local: int
    age: int


class TokenSelectLayer(FullCacheLayer):
    """One layer of TokenSelect: all keys, not rotated, and the last selection.

    Below `dense_below` tokens it holds rotated keys (a `VectorStore`) beside the full cache. From
    then on it holds 8 bytes for each token that the last call's list names and, in decode, the
    selection and the list's own tokens: a query of `heads * head_dim` elements and `k` numbers of 8
    bytes, and a `TokenStore` as long as the list.
    """

    def __init__(
        self, shape: LayerShape, rotary: Rotary, config: TokenSelectConfig, dense_below: int
    ) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._config = config
        self._dense_until = dense_below
        self._rotated: VectorStore | None = None
        self._read: TokenStore | None = None
        self._selection: _Selection | None = None
        self._list: Tensor | None = None

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        """Select chunk by chunk."""
        self._selection = self._read = None
        if self._rotated is not None:
            return self._attend_everywhere(queries, self._rotated)
        first = self.tokens_seen - queries.shape[2]
        outputs = []
        for begin, end in self._pieces(first):
            asking = queries[:, :, begin - first : end - first]
            self._list = self._list_of_chunk(asking, end)
            keys, values = self._gathered(self._list)
            outputs.append(self._attend(asking, keys, values))
        scored = float(self._candidates(self.tokens_seen))
        return SparseOutput(torch.cat(outputs, dim=2), LastRead(scored=scored))

    def attend_to_one(self, queries: Tensor) -> SparseOutput:
        """Use the last selection again where the query has not turned away from it."""
        if self._rotated is not None:
            self._selection = self._read = None
            return self._attend_everywhere(queries, self._rotated)
        last, scored = self._selection, 0
        tokens = torch.arange(self.tokens_seen, device=queries.device)
        if self.tokens_seen <= self._config.budget:
            self._selection, self._list = None, tokens
        else:
            if last is not None and self._is_reusable(queries, last):
                self._selection = last = replace(last, age=last.age + 1)
            else:
                selected = self._select(queries, self.tokens_seen)
                local = self.tokens_seen - self._config.n_local
                self._selection = last = _Selection(queries.flatten().clone(), selected, local, 0)
                self._read = None
                scored = self._candidates(self.tokens_seen)
            first = tokens[: self._config.n_init]
            self._list = torch.cat((first, last.selected, tokens[last.local :]))
        return SparseOutput(self._attend_to_list(queries, self._list), LastRead(scored=scored))

    def kept_by_last_query(self) -> Tensor:
        """The tokens of the last list, the same for all heads."""
        if self._list is None:
            return super().kept_by_last_query()
        return listed(self._list, self.tokens_seen).expand(self.shape.heads, -1)

    def save_extra(self) -> object:
        """The selection and the last list; they are never changed in place."""
        return _Extra(self._selection, self._list)

    def load_extra(self, extra: object) -> None:
        """Go back to an earlier selection."""
        if not isinstance(extra, _Extra):
            raise UsageError(f"not a snapshot of this layer: {extra!r}")
        self._selection, self._list, self._read = extra.selection, extra.list, None
        if self._rotated is not None:
            self._rotated.crop(self.tokens_seen)

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = super().fork()
        twin._rotated = None if self._rotated is None else self._rotated.fork()
        return twin

    def crop_extra(self, tokens: int) -> None:
        """Forget what was selected; the next step selects."""
        self._selection = self._list = self._read = None
        if self._rotated is not None:
            self._rotated.crop(tokens)

    def extra_bytes(self) -> int:
        """Of the rotated keys, or of the last list, its tokens and the selection."""
        selection, stores = self._selection, (self._rotated, self._read)
        held = 0 if self._list is None else self._list.nbytes
        if selection is not None:
            held += selection.query.nbytes + selection.selected.nbytes
        return held + sum(store.bytes_held() for store in stores if store is not None)

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor) -> None:
        super()._store_tokens(queries, keys, values)
        if self.tokens_seen >= self._dense_until:
            self._rotated = None
            return
        self._rotated = self._rotated or VectorStore()
        missing = slice(self._rotated.tokens, self.tokens_seen - keys.shape[2])
        if missing.start < missing.stop:
            # A crop has made a long text short.
            self._rotated.append(self._rotary(self.keys[:, :, missing], _positions(missing, keys)))

    def _attend_everywhere(self, queries: Tensor, rotated: VectorStore) -> SparseOutput:
        """Dense attention of the newest tokens, whose keys are rotated and stored first."""
        self._list = None
        new = slice(rotated.tokens, self.tokens_seen)
        # One call, for the angles cost more than the products.
        both = torch.cat((queries, self.keys[:, :, new]), dim=1)
        both = self._rotary(both, _positions(new, queries))
        rotated.append(both[:, self.shape.heads :])
        asking = both[:, : self.shape.heads]
        output = attend_densely(asking, rotated.vectors, self.values, scale=self.shape.scale)
        return SparseOutput(output, LastRead())

    def _attend_to_list(self, queries: Tensor, names: Tensor) -> Tensor:
        """Attention of the newest token; a list that is used again is not gathered again."""
        if self._read is None:
            self._read = TokenStore()
            self._read.append(*self._gathered(names))
        else:
            own = torch.tensor([[len(names) - 1]], device=names.device)
            self._read.append(self._rotary(self.keys[:, :, -1:], own), self.values[:, :, -1:])
        return self._attend(queries, self._read.keys, self._read.values)

    def _candidates(self, tokens: int) -> int:
        """How many tokens are voted on when there are so many."""
        if tokens <= self._config.budget:
            return 0
        return tokens - self._config.n_init - self._config.n_local

    def _pieces(self, first: int) -> Iterator[tuple[int, int]]:
        """First token and end of each chunk; chunks that read everything are one."""
        end, chunk = self.tokens_seen, self._config.chunk
        fitting = self._config.budget - first
        together = end - first if end - first <= fitting else max(0, fitting) // chunk * chunk
        cuts = [*range(first + together, end, chunk), end]
        if together:
            cuts.insert(0, first)
        return pairwise(cuts)

    def _list_of_chunk(self, queries: Tensor, end: int) -> Tensor:
        """What the tokens of a chunk that ends before token `end` read, ascending."""
        tokens = torch.arange(end, device=queries.device)
        if end <= self._config.budget:
            return tokens
        first, local = tokens[: self._config.n_init], tokens[-self._config.n_local :]
        return torch.cat((first, self._select(queries, end), local))

    def _select(self, queries: Tensor, end: int) -> Tensor:
        """The tokens that queries `[1, heads, tokens, head_dim]` vote for, `[k]`."""
        config = self._config
        positions = torch.arange(queries.shape[2], device=queries.device) + config.n_local
        rotated = self._rotary(queries, positions[None])
        exact = torch.promote_types(queries.dtype, torch.float32)
        votes = soft_vote(
            rotated[0].to(exact).mean(dim=1),
            self.keys[0, :, config.n_init : end - config.n_local],
            scale=1.0 if config.vote_scale == "one" else self.shape.scale,
        )
        return top_k(votes, config.k) + config.n_init

    def _is_reusable(self, queries: Tensor, last: _Selection) -> bool:
        """Whether the last selection may be used once more."""
        if self._config.theta == 1 or last.age >= self._config.n_local:
            return False
        exact = torch.promote_types(queries.dtype, torch.float32)
        cosine = functional.cosine_similarity(
            queries.flatten().to(exact), last.query.to(exact), dim=0
        )
        # Rounding must not make a cosine smaller than the smallest there is.
        return self._config.theta == -1 or bool(cosine >= self._config.theta)

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Causal attention over a list, each token at its rank; the queries are its last ones."""
        most = keys.shape[2]
        ranks = _positions(slice(most - queries.shape[2], most), queries)
        return attend_densely(self._rotary(queries, ranks), keys, values, scale=self.shape.scale)

    def _gathered(self, names: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `[1, kv_heads, listed, head_dim]`, the keys at their ranks."""
        keys, values = (part.index_select(2, names) for part in (self.keys, self.values))
        return self._rotary(keys, _positions(slice(0, len(names)), keys)), values


@dataclass(frozen=True, slots=True)
class _Extra:
    selection: _Selection | None
    list: Tensor | None


def _positions(tokens: slice, like: Tensor) -> Tensor:
    """The positions `[1, tokens]` of some tokens."""
    return torch.arange(tokens.start, tokens.stop, device=like.device)[None]
