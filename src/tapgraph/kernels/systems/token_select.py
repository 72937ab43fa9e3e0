"""TokenSelect: attend to the first tokens, the newest, and those that all heads vote for."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.masks import positions_of, rows_by_start
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput
from tapgraph.kernels.systems.token_select_vote import TokenSelectConfig, soft_vote
from tapgraph.kernels.token_store import TokenStore, VectorStore

__all__ = ["TokenSelect", "TokenSelectConfig", "TokenSelectLayer", "soft_vote"]

_DEFAULTS = TokenSelectConfig()


class TokenSelect(AttentionSystem):
    """One list of tokens for all heads of a layer, chosen by a soft vote.

    "TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic
    Token-Level KV Cache Selection", 2411.02886, section 4. A row with up to n_init + k + n_local
    tokens reads all of them. Otherwise the queries of a chunk, or the query of a decode step,
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
    Rows of a batch select each for itself.

    Deviations:
        - A row is dense up to `dense_budgets` budgets; its keys are then kept rotated too.
        - Query head h votes with the keys of KV head h // group, as the formula says. The
          published code takes h % kv_heads.
        - Of equal votes the earlier token wins; votes are counted in float32 at least.
        - Chunks are counted from the first real token of each call. The first decode step after a
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
        """As `dense_budgets` says; a budget that covers a row gives dense attention in any case."""
        return max(self.config.budget + 1, self.config.dense_budgets * self.config.budget)

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "TokenSelectLayer":
        """A layer with an empty past."""
        return TokenSelectLayer(shape, rotary, self.config, self.dense_below)


@dataclass(frozen=True, slots=True)
class _Selection:
    """What decode steps use again; tensors are never changed in place.

    Attributes:
        query: `[batch, heads * head_dim]`, what the list was selected for.
        selected: slots, int64 `[batch, k]`, ascending; -1 in rows that read everything.
        local: where the local part of the list begins, int64 `[batch]`.
        age: steps since the selection, int64 `[batch]`; where it is `n_local` a new one is due.
    """

    query: Tensor
    selected: Tensor
    local: Tensor
    age: Tensor


class TokenSelectLayer(FullCacheLayer):
    """One layer of TokenSelect: all keys, not rotated, and the last selection.

    While every row has fewer than `dense_below` tokens, it holds rotated keys (a `VectorStore`)
    beside the full cache. From then on it holds 8 bytes for each slot that the last call's list
    names and, in decode, the selection and the list's own tokens: for each row a query of
    `heads * head_dim` elements and `k` + 2 numbers of 8 bytes, and a `TokenStore` as long as the
    longest list.
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
        self._lists: Tensor | None = None

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Select chunk by chunk, in rows with the same start together."""
        self._selection = self._read = None
        if self._rotated is not None:
            return self._attend_everywhere(queries, self._rotated, starts)
        output = torch.zeros_like(queries)
        first = self.tokens_seen - queries.shape[2]
        last_lists: list[tuple[Tensor, Tensor]] = []
        scored = 0
        for start, rows in rows_by_start(starts):
            for slot, end in self._pieces(start, max(start, first)):
                part = slice(slot - first, end - first)
                lists = self._lists_of_chunk(rows, start, queries[rows, :, part], end)
                output[rows, :, part] = self._attend(queries[rows, :, part], rows, lists)
                if end == self.tokens_seen:
                    last_lists.append((rows, lists))
                    scored += len(rows) * self._candidates(end - start)
        width = max((lists.shape[1] for _, lists in last_lists), default=0)
        self._lists = starts.new_full((len(starts), width), -1)
        for rows, lists in last_lists:
            self._lists[rows, width - lists.shape[1] :] = lists
        return SparseOutput(output, LastRead(scored=scored / len(starts)))

    def attend_to_one(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Use the last selection again where the query has not turned away from it."""
        if self._rotated is not None:
            self._selection = self._read = None
            return self._attend_everywhere(queries, self._rotated, starts)
        is_long = self.tokens_seen - starts > self._config.budget
        due = is_long & ~self._is_reusable(queries)
        selection = self._aged(queries, starts)
        if bool(due.any()):
            selection = self._renewed(selection, queries, starts, due)
            self._read = None
        self._selection = selection
        self._lists = self._lists_of_step(selection, starts)
        output = self._attend_to_lists(queries, self._lists)
        candidates = self.tokens_seen - starts - self._config.n_init - self._config.n_local
        scored = float(torch.where(due, candidates, 0).double().mean())
        return SparseOutput(output, LastRead(scored=scored))

    def kept_by_last_query(self) -> Tensor:
        """The slots of the last list, the same for all heads."""
        if self._lists is None:
            return super().kept_by_last_query()
        named = listed(self._lists, self.tokens_seen)
        return named[:, None].expand(-1, self.shape.heads, -1)

    def save_extra(self) -> object:
        """The selection and the last list; they are never changed in place."""
        return _Extra(self._selection, self._lists)

    def load_extra(self, extra: object) -> None:
        """Go back to an earlier selection."""
        if not isinstance(extra, _Extra):
            raise UsageError(f"not a snapshot of this layer: {extra!r}")
        self._selection, self._lists, self._read = extra.selection, extra.lists, None
        if self._rotated is not None:
            self._rotated.crop(self.tokens_seen)

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = super().fork()
        twin._rotated = None if self._rotated is None else self._rotated.fork()
        return twin

    def crop_extra(self, tokens: int) -> None:
        """Forget what was selected; the next step selects."""
        self._selection = self._lists = self._read = None
        if self._rotated is not None:
            self._rotated.crop(tokens)

    def select_extra_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""
        self._read = None
        if self._rotated is not None:
            self._rotated.select_rows(rows)
        if self._lists is not None:
            self._lists = self._lists.index_select(0, rows)
        if self._selection is not None:
            self._selection = _Selection(
                *(part.index_select(0, rows) for part in _tensors(self._selection))
            )

    def extra_bytes(self) -> int:
        """Of the rotated keys, or of the last list, its tokens and the selection."""
        held = [] if self._lists is None else [self._lists]
        held += [] if self._selection is None else _tensors(self._selection)
        stores = [store for store in (self._rotated, self._read) if store is not None]
        return sum(part.nbytes for part in held) + sum(store.bytes_held() for store in stores)

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        super()._store_tokens(queries, keys, values, starts)
        if self.tokens_seen - int(starts.min()) >= self._dense_until:
            self._rotated = None
            return
        self._rotated = self._rotated or VectorStore()
        missing = slice(self._rotated.tokens, self.tokens_seen - keys.shape[2])
        if missing.start < missing.stop:
            # A crop has made a long text short.
            positions = positions_of(missing, starts)
            self._rotated.append(self._rotary(self.keys[:, :, missing], positions))

    def _attend_everywhere(
        self, queries: Tensor, rotated: VectorStore, starts: Tensor
    ) -> SparseOutput:
        """Dense attention of the newest tokens, whose keys are rotated and stored first."""
        self._lists = None
        new = slice(rotated.tokens, self.tokens_seen)
        # One call, for the angles cost more than the products.
        both = torch.cat((queries, self.keys[:, :, new]), dim=1)
        both = self._rotary(both, positions_of(new, starts))
        rotated.append(both[:, self.shape.heads :])
        output = attend_densely(
            both[:, : self.shape.heads],
            rotated.vectors,
            self.values,
            scale=self.shape.scale,
            starts=starts,
        )
        return SparseOutput(output, LastRead())

    def _attend_to_lists(self, queries: Tensor, lists: Tensor) -> Tensor:
        """Attention of the newest tokens; a list that is used again is not gathered again."""
        gaps = (lists < 0).sum(dim=1)
        own = (lists.shape[1] - 1 - gaps)[:, None].clamp(min=0)
        if self._read is None:
            rows = torch.arange(len(lists), device=lists.device)
            keys, values = self._gathered(rows, lists)
            self._read = TokenStore()
        else:
            keys, values = self._rotary(self.keys[:, :, -1:], own), self.values[:, :, -1:]
        self._read.append(keys, values)
        return attend_densely(
            self._rotary(queries, own),
            self._read.keys,
            self._read.values,
            scale=self.shape.scale,
            starts=gaps,
        )

    def _candidates(self, tokens: int) -> int:
        """How many tokens are voted on when a row has so many."""
        if tokens <= self._config.budget:
            return 0
        return tokens - self._config.n_init - self._config.n_local

    def _pieces(self, start: int, first: int) -> list[tuple[int, int]]:
        """First slot and end of each chunk; chunks that read everything are one."""
        end, chunk = self.tokens_seen, self._config.chunk
        if first >= end:
            return []
        fitting = start + self._config.budget - first
        together = end - first if end - first <= fitting else max(0, fitting) // chunk * chunk
        cuts = [*range(first + together, end, chunk), end]
        if together:
            cuts.insert(0, first)
        return list(pairwise(cuts))

    def _lists_of_chunk(self, rows: Tensor, start: int, queries: Tensor, end: int) -> Tensor:
        """What the tokens of a chunk that ends before slot `end` read, `[rows, listed slots]`."""
        slots = torch.arange(start, end, device=rows.device)
        if len(slots) <= self._config.budget:
            return slots.expand(len(rows), -1)
        starts = torch.full_like(rows, start)
        selected = self._select(queries, rows, starts, end)
        first, local = slots[: self._config.n_init], slots[-self._config.n_local :]
        return torch.cat(
            (first.expand(len(rows), -1), selected, local.expand(len(rows), -1)), dim=1
        )

    def _select(self, queries: Tensor, rows: Tensor, starts: Tensor, end: int) -> Tensor:
        """The slots that queries `[rows, heads, tokens, head_dim]` vote for, `[rows, k]`."""
        positions = torch.arange(queries.shape[2], device=rows.device) + self._config.n_local
        rotated = self._rotary(queries, positions.expand(len(rows), -1))
        exact = torch.promote_types(queries.dtype, torch.float32)
        slots = torch.arange(end, device=rows.device)
        is_candidate = slots >= starts[:, None] + self._config.n_init
        is_candidate &= slots < end - self._config.n_local
        keys = self.keys[:, :, :end]
        votes = soft_vote(
            rotated.to(exact).mean(dim=2),
            keys if len(rows) == len(keys) else keys.index_select(0, rows),
            is_candidate,
            scale=1.0 if self._config.vote_scale == "one" else self.shape.scale,
        )
        return top_k(votes, self._config.k)

    def _is_reusable(self, queries: Tensor) -> Tensor:
        """In which rows the last selection may be used once more, bool `[batch]`."""
        last = self._selection
        if last is None or self._config.theta == 1:
            return queries.new_zeros(len(queries), dtype=torch.bool)
        exact = torch.promote_types(queries.dtype, torch.float32)
        cosines = functional.cosine_similarity(
            queries.flatten(1).to(exact), last.query.to(exact), dim=-1
        )
        is_near = cosines >= self._config.theta
        # Rounding must not make a cosine smaller than the smallest there is.
        is_near |= self._config.theta == -1
        return is_near & (last.selected[:, 0] >= 0) & (last.age < self._config.n_local)

    def _aged(self, queries: Tensor, starts: Tensor) -> _Selection:
        last = self._selection
        if last is not None:
            return replace(last, age=last.age + 1)
        return _Selection(
            query=queries.flatten(1).clone(),
            selected=starts.new_full((len(starts), self._config.k), -1),
            local=starts,
            age=torch.zeros_like(starts),
        )

    def _renewed(
        self, selection: _Selection, queries: Tensor, starts: Tensor, due: Tensor
    ) -> _Selection:
        """The selection with rows that are due selected anew."""
        rows = due.nonzero()[:, 0]
        selected = selection.selected.index_copy(
            0, rows, self._select(queries[rows], rows, starts[rows], self.tokens_seen)
        )
        return _Selection(
            query=torch.where(due[:, None], queries.flatten(1), selection.query),
            selected=selected,
            local=torch.where(due, self.tokens_seen - self._config.n_local, selection.local),
            age=torch.where(due, 0, selection.age),
        )

    def _lists_of_step(self, selection: _Selection, starts: Tensor) -> Tensor:
        """What each row's newest token reads, int64 `[batch, most]`, -1 in front of short lists."""
        slots = torch.arange(self.tokens_seen, device=starts.device)
        has_selected = (selection.selected[:, 0] >= 0).tolist()
        lists = []
        for row, (start, local) in enumerate(
            zip(starts.tolist(), selection.local.tolist(), strict=True)
        ):
            if has_selected[row]:
                first = slots[start : start + self._config.n_init]
                lists.append(torch.cat((first, selection.selected[row], slots[local:])))
            else:
                lists.append(slots[start:])
        most = max(map(len, lists))
        return torch.stack([functional.pad(one, (most - len(one), 0), value=-1) for one in lists])

    def _attend(self, queries: Tensor, rows: Tensor, lists: Tensor) -> Tensor:
        """Causal attention over lists of slots, each at the position of its rank.

        Args:
            queries: `[rows, heads, tokens, head_dim]`; they are the last of their lists.
            rows: int64, which rows.
            lists: int64 `[rows, most]`, ascending, -1 in front of short ones.
        """
        gaps = (lists < 0).sum(dim=1)
        if not lists.shape[1]:
            return torch.zeros_like(queries)
        keys, values = self._gathered(rows, lists)
        return attend_densely(
            self._rotary(queries, _ranks(lists)[:, -queries.shape[2] :]),
            keys,
            values,
            scale=self.shape.scale,
            starts=gaps,
        )

    def _gathered(self, rows: Tensor, lists: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `[rows, kv_heads, most, head_dim]` of lists, the keys at their ranks."""
        heads = torch.arange(self.shape.kv_heads, device=lists.device)
        place = (rows[:, None, None], heads[:, None], lists.clamp(min=0)[:, None])
        return self._rotary(self.keys[place], _ranks(lists)), self.values[place]


@dataclass(frozen=True, slots=True)
class _Extra:
    selection: _Selection | None
    lists: Tensor | None


def _tensors(selection: _Selection) -> list[Tensor]:
    return [selection.query, selection.selected, selection.local, selection.age]


def _ranks(lists: Tensor) -> Tensor:
    """Places in lists `[rows, most]`, counted behind the gaps in front of short ones."""
    gaps = (lists < 0).sum(dim=1)
    places = torch.arange(lists.shape[1], device=lists.device)
    return (places - gaps[:, None]).clamp(min=0)
