"""TokenSelect: attend to the first tokens, the newest, and those that all heads vote for."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.selection import listed, top_k
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput

__all__ = ["TokenSelect", "TokenSelectConfig", "TokenSelectLayer", "soft_vote"]


@dataclass(frozen=True, slots=True)
class TokenSelectConfig:
    """Settings of TokenSelect; the defaults are the authors'.

    Attributes:
        n_init: first tokens that are always read.
        k: tokens that are voted for.
        n_local: newest tokens that are always read.
        theta: in decode a list is used again while the cosine of the query with the one that it
            was selected for is at least this; with 1 each token selects for itself.
        chunk: tokens of a prompt that select together; at most `n_local`.
        vote_scale: what dot products are multiplied with in the vote: 1 as in the paper, or the
            attention's own scale, which gives flatter votes.
    """

    n_init: int = 128
    k: int = 2048
    n_local: int = 512
    theta: float = 0.9
    chunk: int = 512
    vote_scale: Literal["one", "attention"] = "one"

    def __post_init__(self) -> None:
        if self.n_init < 0:
            raise UsageError(f"n_init must be at least 0, got {self.n_init!r}")
        for name in ("k", "n_local", "chunk"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.chunk > self.n_local:
            raise UsageError(
                f"chunk must be at most n_local = {self.n_local}, for tokens of a chunk must see "
                f"each other, got {self.chunk!r}"
            )
        if not -1 <= self.theta <= 1:
            raise UsageError(f"theta must be in -1..1, got {self.theta!r}")
        if self.vote_scale not in {"one", "attention"}:
            raise UsageError(f"vote_scale must be 'one' or 'attention', got {self.vote_scale!r}")

    @property
    def budget(self) -> int:
        """Tokens that are read after a selection."""
        return self.n_init + self.k + self.n_local


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
        - Query head h votes with the keys of KV head h // group, as the formula says. The
          published code takes h % kv_heads.
        - Of equal votes the earlier token wins; votes are counted in float32 at least.
        - Chunks are counted from the first real token of each call. The first decode step after a
          prompt, and the first after `crop`, selects.
        - No max-pooling of votes, whose width the authors' scripts set for each data set.
        - A list is gathered and rotated in memory; there is no kernel that does it on the fly.
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

    def __init__(self, config: TokenSelectConfig = TokenSelectConfig()) -> None:
        self.config = config

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> "TokenSelectLayer":
        """A layer with an empty past."""
        return TokenSelectLayer(shape, rotary, self.config)


def soft_vote(queries: Tensor, keys: Tensor, candidates: Tensor, *, scale: float = 1.0) -> Tensor:
    """How much of all heads' attention each candidate gets (2411.02886, section 4.2).

    The sum over query heads h of softmax(scale * query of h · keys of KV head h // group), each
    over the candidates alone.

    Args:
        queries: `[batch, heads, head_dim]`.
        keys: `[batch, kv_heads, tokens, head_dim]`.
        candidates: bool `[batch, tokens]`, at least one in each row.
        scale: what the dot products are multiplied with.

    Returns:
        `[batch, tokens]` in float32, or float64 for float64; -inf for what is no candidate.
    """
    batch, heads, head_dim = queries.shape
    exact = torch.promote_types(queries.dtype, torch.float32)
    grouped = queries.to(exact).view(batch, keys.shape[1], -1, head_dim)
    scores = (grouped @ keys.to(exact).transpose(-1, -2)).view(batch, heads, -1) * scale
    shares = scores.masked_fill(~candidates[:, None], float("-inf")).softmax(dim=-1)
    return shares.sum(dim=1).masked_fill(~candidates, float("-inf"))


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

    Beside the full cache it holds 8 bytes for each slot that the last call's list names and, in
    decode, the selection: for each row a query of `heads * head_dim` elements and `k` + 2 numbers
    of 8 bytes.
    """

    def __init__(self, shape: LayerShape, rotary: Rotary, config: TokenSelectConfig) -> None:
        super().__init__(shape)
        self._rotary = rotary
        self._config = config
        self._selection: _Selection | None = None
        self._lists: Tensor | None = None

    def attend_sparsely(self, queries: Tensor, starts: Tensor) -> SparseOutput:
        """Select chunk by chunk, in rows with the same start together."""
        self._selection = None
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
        is_long = self.tokens_seen - starts > self._config.budget
        due = is_long & ~self._is_reusable(queries)
        selection = self._aged(queries, starts)
        if bool(due.any()):
            selection = self._renewed(selection, queries, starts, due)
        self._selection = selection
        self._lists = self._lists_of_step(selection, starts)
        rows = torch.arange(len(starts), device=starts.device)
        output = self._attend(queries, rows, self._lists)
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
        self._selection, self._lists = extra.selection, extra.lists

    def crop_extra(self, tokens: int) -> None:  # noqa: ARG002
        """Forget what was selected; the next step selects."""
        self._selection = self._lists = None

    def select_extra_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""
        if self._lists is not None:
            self._lists = self._lists.index_select(0, rows)
        if self._selection is not None:
            self._selection = _Selection(
                *(part.index_select(0, rows) for part in _tensors(self._selection))
            )

    def extra_bytes(self) -> int:
        """Of the last list and the selection."""
        held = [] if self._lists is None else [self._lists]
        held += [] if self._selection is None else _tensors(self._selection)
        return sum(part.element_size() * part.numel() for part in held)

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
        ranks = torch.arange(lists.shape[1], device=lists.device) - gaps[:, None]
        ranks = ranks.clamp(min=0)
        heads = torch.arange(self.shape.kv_heads, device=lists.device)
        place = (rows[:, None, None], heads[:, None], lists.clamp(min=0)[:, None])
        return attend_densely(
            self._rotary(queries, ranks[:, -queries.shape[2] :]),
            self._rotary(self.keys[place], ranks),
            self.values[place],
            scale=self.shape.scale,
            starts=gaps,
        )


@dataclass(frozen=True, slots=True)
class _Extra:
    selection: _Selection | None
    lists: Tensor | None


def _tensors(selection: _Selection) -> list[Tensor]:
    return [selection.query, selection.selected, selection.local, selection.age]
