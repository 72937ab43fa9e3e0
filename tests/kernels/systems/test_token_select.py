"""TokenSelect against loops over explicit lists and ranks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import torch
from tests.kernels.systems.rows import Rows, dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape, Rotary
from tapgraph.kernels.systems.token_select import (
    TokenSelect,
    TokenSelectConfig,
    soft_vote,
)
from tapgraph.kernels.token_store import PAGE_TOKENS

TOLERANCE = 1e-11
"""Float64; only the order of sums differs."""
sparse = partial(TokenSelectConfig, dense_budgets=1)
"""Settings with which a list is selected as soon as a row is longer than its budget."""
SHAPE = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=8, scale=0.6)


class ScaledRotary(Rotary):
    """Any fixed frequencies, and a factor on lengths: what default, linear, llama3 and yarn are."""

    def __init__(self, frequencies: list[float], factor: float = 1.0) -> None:
        self.frequencies = torch.tensor(frequencies, dtype=torch.float64)
        self.factor = factor

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        positions = positions[:, None] if positions.dim() == 2 else positions
        angles = positions[..., None] * self.frequencies
        first, second = vectors.double().chunk(2, dim=-1)
        turned = torch.complex(first, second) * torch.polar(torch.ones_like(angles), angles)
        return self.factor * torch.cat((turned.real, turned.imag), dim=-1).to(vectors)

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        return self(vectors, -positions) / self.factor**2


ROPES: Mapping[str, ScaledRotary] = {
    "default": ScaledRotary([1.0, 0.1, 0.01, 0.001]),
    "linear": ScaledRotary([0.5, 0.05, 0.005, 0.0005]),
    # High frequencies as they are, low ones slowed by 8, one in between.
    "llama3": ScaledRotary([1.0, 0.1, 0.006, 0.001 / 8]),
    # The same idea, and scores grow with the factor's square.
    "yarn": ScaledRotary([1.0, 0.08, 0.004, 0.001 / 4], factor=0.1 * math.log(4) + 1),
}
ROTARY = ROPES["default"]


@dataclass(frozen=True)
class Tokens:
    queries: Tensor
    keys: Tensor
    values: Tensor
    starts: Tensor

    def part(self, first: int, last: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        place = slice(first, last)
        return (
            self.queries[:, :, place],
            self.keys[:, :, place],
            self.values[:, :, place],
            (self.starts),
        )


def opened(config: TokenSelectConfig, rotary: Rotary = ROTARY) -> Rows:
    return Rows(lambda: TokenSelect(config).open_layer(SHAPE, rotary))


def tokens(count: int, starts: tuple[int, ...] = (0, 5), seed: int = 0) -> Tokens:
    generator = torch.Generator().manual_seed(seed)

    def draw(heads: int) -> Tensor:
        shape = (len(starts), heads, count, SHAPE.head_dim)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return Tokens(draw(4), draw(2), draw(2), torch.tensor(starts))


def run(layer: Rows, given: Tokens, calls: list[tuple[int, int]]) -> Tensor:
    outputs = []
    for first, last in calls:
        call = layer.decode if last - first == 1 else layer.prefill
        outputs.append(call(*given.part(first, last)))
    return torch.cat(outputs, dim=2)


def steps(first: int, last: int) -> list[tuple[int, int]]:
    return [(slot, slot + 1) for slot in range(first, last)]


def kv_head_of(head: int) -> int:
    return head // 2


@dataclass
class ByDefinition:
    """One row after the other: lists by voting with loops, attention over ranks."""

    config: TokenSelectConfig
    given: Tokens
    rotary: Rotary = ROTARY
    head_map: Callable[[int], int] = kv_head_of
    order: Callable[[list[int]], list[int]] = sorted
    lists: dict[int, list[int]] = field(default_factory=dict)
    selections: dict[int, tuple[Tensor, list[int], int, int]] = field(default_factory=dict)
    selected_at: list[tuple[int, int]] = field(default_factory=list)

    def prefill(self, first: int, last: int) -> Tensor:
        self.selections.clear()
        output = torch.zeros_like(self.given.queries[:, :, first:last])
        for row, start in enumerate(self.given.starts.tolist()):
            begin = max(start, first)
            for slot in range(begin, last, self.config.chunk):
                until = min(last, slot + self.config.chunk)
                listed = self._list(row, range(slot, until))
                for query in range(slot, until):
                    seen = listed[: len(listed) - (until - 1 - query)]
                    output[row, :, query - first] = self._attend(row, query, seen)
        return output

    def decode(self, slot: int) -> Tensor:
        output = torch.zeros_like(self.given.queries[:, :, :1])
        for row, start in enumerate(self.given.starts.tolist()):
            if slot < start:
                continue
            listed = self._list_or_last(row, slot)
            output[row, :, 0] = self._attend(row, slot, listed)
        return output

    def run(self, calls: list[tuple[int, int]]) -> Tensor:
        return torch.cat(
            [
                self.decode(first) if last - first == 1 else self.prefill(first, last)
                for first, last in calls
            ],
            dim=2,
        )

    def _list_or_last(self, row: int, slot: int) -> list[int]:
        start, query = int(self.given.starts[row]), self.given.queries[row, :, slot].flatten()
        if slot + 1 - start <= self.config.n_init + self.config.k + self.config.n_local:
            return self._list(row, range(slot, slot + 1))
        if row in self.selections and self.config.theta < 1:
            last, listed, local, age = self.selections[row]
            cosine = float(query @ last / query.norm() / last.norm())
            if cosine >= self.config.theta and age < self.config.n_local:
                self.selections[row] = (last, listed, local, age + 1)
                self.lists[row] = [*listed, *range(local, slot + 1)]
                return self.lists[row]
        listed = self._list(row, range(slot, slot + 1))
        local = slot + 1 - self.config.n_local
        chosen = [other for other in listed if other < local]
        self.selections[row] = (query, chosen, local, 0)
        self.selected_at.append((row, slot))
        return listed

    def _list(self, row: int, chunk: range) -> list[int]:
        start, end = int(self.given.starts[row]), chunk[-1] + 1
        config = self.config
        self.lists[row] = list(range(start, end))
        if end - start > config.n_init + config.k + config.n_local:
            candidates = range(start + config.n_init, end - config.n_local)
            votes = self._votes(row, chunk, candidates)
            best = sorted(candidates, key=lambda slot: (-votes[slot], slot))[: config.k]
            first, local = range(start, candidates[0]), range(end - config.n_local, end)
            self.lists[row] = [*first, *self.order(best), *local]
        return self.lists[row]

    def _votes(self, row: int, chunk: range, candidates: range) -> dict[int, float]:
        votes = dict.fromkeys(candidates, 0.0)
        for head in range(4):
            asking = torch.stack([
                self._rotated(self.given.queries[row, head, slot], self.config.n_local + number)
                for number, slot in enumerate(chunk)
            ]).mean(dim=0)
            keys = self.given.keys[row, self.head_map(head)]
            scale = SHAPE.scale if self.config.vote_scale == "attention" else 1.0
            shares = {slot: math.exp(scale * float(asking @ keys[slot])) for slot in candidates}
            total = sum(shares.values())
            for slot in candidates:
                votes[slot] += shares[slot] / total
        return votes

    def _rotated(self, vector: Tensor, position: int) -> Tensor:
        return self.rotary(vector.view(1, 1, 1, -1), torch.tensor([[position]])).flatten()

    def _attend(self, row: int, query: int, seen: list[int]) -> Tensor:
        ranks = torch.arange(len(seen))[None]
        keys = self.rotary(self.given.keys[row : row + 1, :, seen], ranks)[0]
        own = torch.tensor([[len(seen) - 1]])
        asking = self.rotary(self.given.queries[row : row + 1, :, query : query + 1], own)[0, :, 0]
        return torch.stack([
            torch.softmax(SHAPE.scale * keys[head // 2] @ asking[head], dim=0)
            @ self.given.values[row, head // 2, seen]
            for head in range(4)
        ])


CALLS = [(0, 23), (23, 26), (26, 49), *steps(49, 60)]
CONFIGS = {
    "selects for each token": sparse(n_init=2, k=4, n_local=6, theta=1, chunk=4),
    "uses lists again": sparse(n_init=2, k=4, n_local=6, theta=0.0, chunk=6),
    "selects seldom": sparse(n_init=3, k=5, n_local=4, theta=-1, chunk=3),
    "no first tokens": sparse(n_init=0, k=3, n_local=5, theta=0.0, chunk=5),
    "flat votes": sparse(2, 4, 6, 0.2, 4, vote_scale="attention"),
}


@pytest.mark.parametrize("rope", ROPES)
@pytest.mark.parametrize("name", CONFIGS)
def test_each_token_reads_the_list_of_its_chunk(name: str, rope: str) -> None:
    config, given = CONFIGS[name], tokens(60)
    reference = ByDefinition(config, given, ROPES[rope])
    expected = reference.run(CALLS)
    layer = opened(config, ROPES[rope])
    assert (run(layer, given, CALLS) - expected).abs().max() <= TOLERANCE
    kept = layer.kept_by_last_query()
    for row, listed in reference.lists.items():
        for head in range(4):
            assert kept[row, head].nonzero()[:, 0].tolist() == listed


@pytest.mark.parametrize("count", [11, 12, 13, 17, 18, 19])
def test_lengths_around_the_budget(count: int) -> None:
    config, given = CONFIGS["selects for each token"], tokens(count + 2)
    calls = [(0, count), *steps(count, count + 2)]
    expected = ByDefinition(config, given).run(calls)
    output = run(opened(config, ROTARY), given, calls)
    assert (output - expected).abs().max() <= TOLERANCE


@pytest.mark.parametrize("rope", ROPES)
def test_a_budget_that_just_covers_the_context_is_dense_attention(rope: str) -> None:
    given, rotary = tokens(30), ROPES[rope]
    config = sparse(n_init=10, k=12, n_local=8, chunk=8)
    layer = opened(config, rotary)
    output = run(layer, given, [(0, 7), (7, 28), *steps(28, 30)])
    positions = torch.arange(30) - given.starts[:, None]
    expected = dense_attention(
        rotary(given.queries, positions),
        rotary(given.keys, positions),
        given.values,
        scale=SHAPE.scale,
        starts=given.starts,
    )
    assert (output - expected.output).abs().max() <= TOLERANCE


def test_votes_by_remainder_of_heads_would_be_seen() -> None:
    config, given = CONFIGS["selects for each token"], tokens(60)
    layer = opened(config, ROTARY)
    output = run(layer, given, CALLS)
    wrong = ByDefinition(config, given, head_map=lambda head: head % 2)
    assert (wrong.run(CALLS) - output).abs().max() > 0.01
    kept = layer.kept_by_last_query()[0, 0].nonzero()[:, 0].tolist()
    assert wrong.lists[0] != kept


def test_unsorted_lists_would_be_seen() -> None:
    config, given = CONFIGS["selects for each token"], tokens(60)
    output = run(opened(config, ROTARY), given, CALLS)
    wrong = ByDefinition(config, given, order=list)
    assert (wrong.run(CALLS) - output).abs().max() > 0.01


def test_the_vote_is_the_sum_of_all_heads_softmaxes() -> None:
    given = tokens(20, starts=(0,))
    votes = soft_vote(given.queries[0, :, 0], given.keys[0, :, 2:15], scale=0.5)
    expected = torch.zeros(13, dtype=torch.float64)
    for head in range(4):
        logits = 0.5 * given.keys[0, head // 2, 2:15] @ given.queries[0, head, 0]
        expected += logits.exp() / logits.exp().sum()
    assert (votes - expected).abs().max() <= 1e-14


def test_of_equal_votes_the_earlier_token_wins() -> None:
    given = tokens(40, starts=(0,))
    alike = Tokens(given.queries, torch.ones_like(given.keys), given.values, given.starts)
    config = sparse(n_init=2, k=4, n_local=6, chunk=6)
    layer = opened(config, ROTARY)
    run(layer, alike, [(0, 39), (39, 40)])
    kept = layer.kept_by_last_query()[0]
    assert [row.nonzero()[:, 0].tolist() for row in kept] == [[*range(6), *range(34, 40)]] * 4


def test_a_list_is_the_same_for_all_heads_and_has_first_and_newest_tokens() -> None:
    config, given = CONFIGS["uses lists again"], tokens(60)
    layer = opened(config, ROTARY)
    for first, last in CALLS:
        run(layer, given, [(first, last)])
        kept = layer.kept_by_last_query()
        assert torch.equal(kept, kept[:, :1].expand_as(kept))
        for row, start in enumerate(given.starts.tolist()):
            slots = kept[row, 0].nonzero()[:, 0].tolist()
            assert set(range(start, min(last, start + config.n_init))) <= set(slots)
            assert set(range(max(start, last - config.n_local), last)) <= set(slots)
        assert layer.reading.attended == kept[:, 0].sum(dim=1).double().mean()


def scored_in(layer: Rows, given: Tokens, calls: list[tuple[int, int]]) -> list[bool]:
    """Whether each of some decode steps selected."""
    scored = []
    for first, last in calls:
        run(layer, given, [(first, last)])
        scored.append(layer.reading.scored > 0)
    return scored


def test_theta_1_selects_in_every_step_and_theta_minus_1_once_in_a_window() -> None:
    given = tokens(60, starts=(0,))
    always = opened(sparse(2, 4, 6, theta=1, chunk=6), ROTARY)
    seldom = opened(sparse(2, 4, 6, theta=-1, chunk=6), ROTARY)
    for layer in (always, seldom):
        run(layer, given, [(0, 40)])
    assert scored_in(always, given, steps(40, 60)) == [True] * 20
    in_turn = [True, *[False] * 6]
    assert scored_in(seldom, given, steps(40, 60)) == (in_turn * 3)[:20]


def test_a_query_like_the_last_uses_its_list_again() -> None:
    given = tokens(60, starts=(0,))
    near = given.queries.clone()
    near[:, :, 41:44] = near[:, :, 40:41] * torch.tensor([1.0, 2.0, 0.1])[:, None]
    near[:, :, 44] = -near[:, :, 40]
    config = sparse(2, 4, 6, theta=0.9, chunk=6)
    layer = opened(config, ROTARY)
    alike = Tokens(near, given.keys, given.values, given.starts)
    run(layer, alike, [(0, 40)])
    assert scored_in(layer, alike, steps(40, 45)) == [True, False, False, False, True]


def test_no_token_that_leaves_the_window_between_selections_is_lost() -> None:
    given = tokens(60, starts=(0, 3))
    config = sparse(n_init=2, k=4, n_local=6, theta=-1, chunk=6)
    layer = opened(config, ROTARY)
    run(layer, given, [(0, 40)])
    for slot in range(40, 60):
        run(layer, given, [(slot, slot + 1)])
        age = (slot - 40) % 7
        slots = layer.kept_by_last_query()[:, 0]
        assert slots[:, slot - 5 - age : slot + 1].all()
        assert slots.sum(dim=1).tolist() == [2 + 4 + 6 + age] * 2


def test_rows_select_for_themselves() -> None:
    given = tokens(60)
    turned = given.queries.clone()
    # The first row's query stays as it is, the second row's turns round.
    turned[0, :, 41] = turned[0, :, 40]
    turned[1, :, 41] = -turned[1, :, 40]
    mixed = Tokens(turned, given.keys, given.values, given.starts)
    layer = opened(sparse(2, 4, 6, chunk=6), ROTARY)
    run(layer, mixed, [(0, 40), (40, 41)])
    assert layer.reading.scored == ((41 - 8) + (36 - 8)) / 2
    run(layer, mixed, [(41, 42)])
    assert layer.reading.scored == (37 - 8) / 2


def test_chunks_of_whole_multiples_give_the_same_as_one_call() -> None:
    config, given = sparse(2, 4, 6, theta=1, chunk=5), tokens(60, starts=(0, 0))
    whole = run(opened(config, ROTARY), given, [(0, 58)])
    cut = run(opened(config, ROTARY), given, [(0, 20), (20, 35), (35, 58)])
    assert (whole - cut).abs().max() <= TOLERANCE


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"n_init": -1}, "n_init must be at least 0, got -1"),
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"n_local": 0}, "n_local must be at least 1, got 0"),
        ({"chunk": 0}, "chunk must be at least 1, got 0"),
        (
            {"chunk": 513},
            "chunk must be at most n_local = 512, for tokens of a chunk must see each other, "
            "got 513",
        ),
        ({"theta": 1.5}, "theta must be in -1..1, got 1.5"),
        ({"vote_scale": "half"}, "vote_scale must be 'one' or 'attention', got 'half'"),
    ],
)
def test_bad_settings_are_named(settings: Any, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        TokenSelectConfig(**settings)
    assert str(caught.value) == complaint


DENSE_FIRST = TokenSelectConfig(n_init=2, k=4, n_local=6, theta=1, chunk=4, dense_budgets=3)
"""Dense below 36 tokens."""


def as_dense(given: Tokens, count: int) -> Tensor:
    positions = torch.arange(count) - given.starts[:, None]
    queries, keys = (ROTARY(part[:, :, :count], positions) for part in (given.queries, given.keys))
    values = given.values[:, :, :count]
    return dense_attention(queries, keys, values, scale=SHAPE.scale, starts=given.starts).output


def test_it_is_dense_up_to_some_budgets_and_then_selects_as_if_it_had_always() -> None:
    given = tokens(50, starts=(0,))
    layer = opened(DENSE_FIRST, ROTARY)
    assert TokenSelect(DENSE_FIRST).dense_below == 36
    below = run(layer, given, [(0, 20), (20, 31), *steps(31, 35)])
    assert (below - as_dense(given, 35)).abs().max() <= TOLERANCE
    assert layer.kept_by_last_query()[0].all()
    above = run(layer, given, steps(35, 50))
    selecting = opened(CONFIGS["selects for each token"], ROTARY)
    run(selecting, given, [(0, 35)])
    assert (above - run(selecting, given, steps(35, 50))).abs().max() <= TOLERANCE
    assert torch.equal(layer.kept_by_last_query(), selecting.kept_by_last_query())


def test_it_can_come_back_over_the_border_by_snapshot_crop_and_fork() -> None:
    given = tokens(50)
    layer = opened(DENSE_FIRST, ROTARY)
    run(layer, given, [(0, 30)])
    point, twin = layer.snapshot(), layer.fork()
    first = run(layer, given, steps(30, 50))
    layer.restore(point)
    assert torch.equal(run(layer, given, steps(30, 50)), first)
    assert torch.equal(run(twin, given, steps(30, 50)), first)
    layer.crop(22)
    again = run(layer, given, [(22, 26), *steps(26, 35)])
    assert (again - as_dense(given, 35)[:, :, 22:]).abs().max() <= TOLERANCE
    layer.crop(10)
    layer.select_rows(torch.tensor([1, 0]))
    swapped = (part[[1, 0]] for part in (given.queries, given.keys, given.values, given.starts))
    turned = Tokens(*swapped)
    rest = run(layer, turned, [(10, 20), *steps(20, 35)])
    assert (rest - as_dense(turned, 35)[:, :, 10:]).abs().max() <= TOLERANCE


def test_it_holds_rotated_keys_below_the_border_and_a_list_above() -> None:
    given = tokens(50, starts=(0,))
    layer = opened(DENSE_FIRST, ROTARY)
    page = 2 * PAGE_TOKENS * SHAPE.head_dim * 8
    run(layer, given, [(0, 30)])
    assert layer.bytes_held() == 3 * page
    run(layer, given, steps(30, 36))
    listed, selection = 12 * 8, (4 * SHAPE.head_dim + 4) * 8
    assert layer.bytes_held() == 4 * page + listed + selection


def test_a_list_that_is_used_again_is_read_as_if_gathered_anew() -> None:
    given = tokens(60)
    config = sparse(n_init=2, k=4, n_local=6, theta=-1, chunk=6)
    kept, anew = (opened(config, ROTARY) for _ in range(2))
    for layer in (kept, anew):
        run(layer, given, [(0, 40)])
    for slot in range(40, 60):
        anew.restore(anew.snapshot())
        ours, theirs = (run(layer, given, [(slot, slot + 1)]) for layer in (kept, anew))
        assert (ours - theirs).abs().max() <= TOLERANCE
