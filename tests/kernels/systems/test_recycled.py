from dataclasses import dataclass

import pytest
import torch
from tests.kernels.systems.rows import Rows, dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.token_store import PAGE_TOKENS

EXACT = 1e-10
"""Float64 sums in another order."""
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=6**-0.5)


@dataclass(frozen=True)
class Tokens:
    queries: Tensor
    keys: Tensor
    values: Tensor
    starts: Tensor

    def slice(self, first: int, last: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        cut = slice(first, last)
        return self.queries[:, :, cut], self.keys[:, :, cut], self.values[:, :, cut], self.starts


def random_tokens(count: int, starts: tuple[int, ...] = (0,), seed: int = 0) -> Tokens:
    generator = torch.Generator().manual_seed(seed)

    def draw(heads: int) -> Tensor:
        sizes = (len(starts), heads, count, SHAPE.head_dim)
        return torch.randn(sizes, generator=generator, dtype=torch.float64) * 1.5

    return Tokens(
        draw(SHAPE.heads), draw(SHAPE.kv_heads), draw(SHAPE.kv_heads), torch.tensor(starts)
    )


def opened(config: RecycledConfig) -> Rows:
    return Rows(lambda: Recycled(config).open_layer(SHAPE, PlainRotary()))


def open_layer(**settings: object) -> Rows:
    """A layer that recycles as soon as there is anything to recycle, unless told otherwise."""
    config = RecycledConfig(**({"dense_budgets": 1} | settings))  # type: ignore[arg-type]
    return opened(config)


def feed(
    layer: Rows, tokens: Tokens, prompt: int, chunk: int | None = None
) -> tuple[Tensor, list[Tensor]]:
    """All outputs, and what each step kept."""
    step = chunk or prompt
    outputs = [
        layer.prefill(*tokens.slice(first, min(first + step, prompt)))
        for first in range(0, prompt, step)
    ]
    kept = []
    for slot in range(prompt, tokens.keys.shape[2]):
        outputs.append(layer.decode(*tokens.slice(slot, slot + 1)))
        kept.append(layer.kept_by_last_query())
    return torch.cat(outputs, dim=2), kept


def dense_output(tokens: Tokens) -> Tensor:
    return dense_attention(
        tokens.queries, tokens.keys, tokens.values, scale=SHAPE.scale, starts=tokens.starts
    ).output


@dataclass
class NaiveCache:
    """One row and KV head: scored slots with the best first, and slots since the full step."""

    kept: int
    scored: list[int]
    young: list[int]

    def add(self, slot: int, *, drop_young_first: bool = False) -> None:
        if len(self.scored) + len(self.young) == self.kept:
            if self.young and (drop_young_first or not self.scored):
                self.young.pop(0)
            else:
                self.scored.pop()
        self.young.append(slot)


def naive_decode(
    tokens: Tokens,
    prompt: int,
    config: RecycledConfig,
    *,
    head_map: str = "group",
    drop_young_first: bool = False,
) -> tuple[Tensor, list[list[list[set[int]]]]]:
    """Outputs of the decode steps, and the sets that they read [step][row][KV head]."""
    batch, heads, total, _ = tokens.queries.shape
    output = torch.zeros_like(tokens.queries[:, :, prompt:])
    sets: list[list[list[set[int]]]] = [[] for _ in range(prompt, total)]
    for row in range(batch):
        start = int(tokens.starts[row])
        for kv_head in range(SHAPE.kv_heads):
            mine = [
                head
                for head in range(heads)
                if (head // SHAPE.group if head_map == "group" else head % SHAPE.kv_heads)
                == kv_head
            ]

            def weights(
                head: int, slot: int, seen: list[int], row: int = row, kv: int = kv_head
            ) -> Tensor:
                query = tokens.queries[row, head, slot]
                scores = torch.stack([query @ tokens.keys[row, kv, j] for j in seen])
                return torch.softmax(scores * SHAPE.scale, dim=0)

            def choose(slot: int, heads_here: list[int] = mine, start: int = start) -> NaiveCache:
                seen = list(range(start, slot + 1))
                rows = torch.stack([weights(head, slot, seen) for head in heads_here])
                joined = rows.amax(0) if config.group == "max" else rows.sum(0)
                order = sorted(seen, key=lambda j: (-float(joined[j - start]), j))
                return NaiveCache(config.kept, order[: config.kept], [])

            cache = choose(prompt - 1)
            for slot in range(prompt, total):
                if (slot - prompt + 1) % config.stride == 0:
                    seen = list(range(start, slot + 1))
                    cache = choose(slot)
                else:
                    cache.add(slot, drop_young_first=drop_young_first)
                    seen = cache.scored + cache.young
                if kv_head == 0:
                    sets[slot - prompt].append([])
                sets[slot - prompt][row].append(set(seen))
                for head in mine:
                    weight = weights(head, slot, seen)
                    output[row, head, slot - prompt] = weight @ tokens.values[row, kv_head, seen]
    return output, sets


@pytest.mark.parametrize("stride", [1, 3, 50])
@pytest.mark.parametrize("chunk", [None, 7, 32])
def test_a_budget_that_covers_the_context_equals_dense_attention(
    stride: int, chunk: int | None
) -> None:
    tokens = random_tokens(52, starts=(0, 5, 36))
    output, _ = feed(open_layer(kept=52, stride=stride), tokens, 39, chunk)
    torch.testing.assert_close(output, dense_output(tokens), atol=EXACT, rtol=0)


@pytest.mark.parametrize("kept", [1, 4, 33])
def test_stride_one_equals_dense_attention(kept: int) -> None:
    tokens = random_tokens(40, starts=(0, 11))
    output, _ = feed(open_layer(kept=kept, stride=1), tokens, 31)
    torch.testing.assert_close(output, dense_output(tokens), atol=EXACT, rtol=0)


@pytest.mark.parametrize("group", ["max", "sum"])
@pytest.mark.parametrize(
    ("kept", "stride"), [(5, 3), (6, 7), (3, 8), (1, 3), (20, 3), (24, 5), (30, 6), (28, 30)]
)
def test_every_step_equals_a_loop_over_index_sets(kept: int, stride: int, group: str) -> None:
    tokens = random_tokens(38, starts=(0, 3, 17))
    config = RecycledConfig(kept=kept, stride=stride, group=group, dense_budgets=1)  # type: ignore[arg-type]
    output, kept_flags = feed(opened(config), tokens, 21)
    expected, sets = naive_decode(tokens, 21, config)
    torch.testing.assert_close(output[:, :, 21:], expected, atol=EXACT, rtol=0)
    for step, flags in enumerate(kept_flags):
        for row in range(3):
            for head in range(SHAPE.heads):
                found = set(flags[row, head].nonzero()[:, 0].tolist())
                assert found == sets[step][row][head // SHAPE.group]


def test_the_wrong_head_map_or_drop_rule_would_be_noticed() -> None:
    tokens = random_tokens(38)
    config = RecycledConfig(kept=5, stride=7, dense_budgets=1)
    output, _ = feed(opened(config), tokens, 21)
    modulo, _ = naive_decode(tokens, 21, config, head_map="modulo")
    young_first, _ = naive_decode(tokens, 21, config, drop_young_first=True)
    assert (output[:, :, 21:] - modulo).abs().max() > 1e-2
    assert (output[:, :, 21:] - young_first).abs().max() > 1e-2


def test_of_equal_scores_the_earlier_token_stays() -> None:
    tokens = random_tokens(12)
    keys = tokens.keys.clone()
    keys[:, :, :11] = keys[:, :, :1]
    same = Tokens(tokens.queries, keys, tokens.values, tokens.starts)
    _, kept = feed(open_layer(kept=4), same, 11)
    assert kept[0][0, 0].nonzero()[:, 0].tolist() == [0, 1, 2, 11]


@pytest.mark.parametrize("chunk", [1, 7, 40])
def test_the_full_cache_holds_every_token_exactly_once(chunk: int) -> None:
    tokens = random_tokens(70)
    rows = open_layer(kept=6, stride=4)
    feed(rows, tokens, 40, chunk)
    layer = rows.layers[0]
    assert layer.tokens_seen == 70
    assert torch.equal(layer.keys, tokens.keys)
    assert torch.equal(layer.values, tokens.values)


def test_a_row_in_a_padded_batch_gets_what_it_gets_alone() -> None:
    tokens = random_tokens(45, starts=(0, 13))
    together, _ = feed(open_layer(kept=9, stride=6), tokens, 30)
    row = slice(1, 2)
    alone = Tokens(
        tokens.queries[row, :, 13:],
        tokens.keys[row, :, 13:],
        tokens.values[row, :, 13:],
        torch.tensor([0]),
    )
    apart, _ = feed(open_layer(kept=9, stride=6), alone, 17)
    torch.testing.assert_close(together[1:, :, 13:], apart, atol=EXACT, rtol=0)
    assert not together[1, :, :13].any()


def needle_run(asked_from: int, asked_to: int) -> list[bool]:
    """Whether steps that ask for the needle in slot 3 get it; stride 4, last prompt token is 19."""
    tokens = random_tokens(32, seed=5)
    queries, keys, values = tokens.queries * 0.1, tokens.keys * 0.1, tokens.values * 0.1
    keys[:, :, 3, 0] = 60.0
    values[:, :, 3, 0] = 100.0
    queries[:, :, :, 0] = -1.0
    queries[:, :, asked_from:asked_to, 0] = 1.0
    output, _ = feed(open_layer(kept=4, stride=4), Tokens(queries, keys, values, tokens.starts), 20)
    return (output[0, :, asked_from:asked_to, 0] > 50).all(dim=0).tolist()


def test_a_needle_asked_for_at_a_full_step_is_found_for_the_whole_stride() -> None:
    assert needle_run(23, 27) == [True] * 4


def test_a_needle_asked_for_in_mid_stride_is_found_only_by_the_next_full_step() -> None:
    assert needle_run(25, 30) == [False, False, True, True, True]


def similarity_layer(**settings: object) -> Rows:
    return open_layer(kept=4, schedule="similarity", compare_every=3, similarity=0.5, **settings)


def full_steps(queries: Tensor, tokens: Tokens, layer: Rows, prompt: int) -> list[bool]:
    turned = Tokens(queries, tokens.keys, tokens.values, tokens.starts)
    _, kept = feed(layer, turned, prompt)
    return [bool(flags.sum(dim=-1).amax() > 4) for flags in kept]


def test_a_query_that_stays_is_never_followed_by_a_full_step() -> None:
    tokens = random_tokens(32)
    same = tokens.queries[:, :, :1].expand(-1, -1, 32, -1)
    assert not any(full_steps(same, tokens, similarity_layer(), 20))


def test_a_query_that_turns_away_brings_a_full_step_when_queries_are_next_compared() -> None:
    tokens = random_tokens(32)
    queries = tokens.queries[:, :, :1].repeat(1, 1, 32, 1)
    queries[:, :, 24:] *= -1
    steps = full_steps(queries, tokens, similarity_layer(), 20)
    assert [number for number, is_full in enumerate(steps, start=1) if is_full] == [6]


def test_the_cosine_is_averaged_over_query_heads() -> None:
    tokens = random_tokens(32)
    queries = tokens.queries[:, :, :1].repeat(1, 1, 32, 1)
    queries[:, :2, 20:] *= -1
    assert not any(full_steps(queries, tokens, similarity_layer(), 20)), "mean cosine is 0.5"
    queries[:, 2, 20:] *= -1
    assert full_steps(queries, tokens, similarity_layer(), 20)[2], "mean cosine is 0.25"


def test_a_row_that_turns_away_brings_no_other_row_a_full_step() -> None:
    tokens = random_tokens(32, starts=(0, 0))
    queries = tokens.queries[:, :, :1].repeat(1, 1, 32, 1)
    queries[1, :, 20:] *= -1
    turned = Tokens(queries, tokens.keys, tokens.values, tokens.starts)
    _, kept = feed(similarity_layer(), turned, 20)
    assert kept[2][1].all()
    assert not kept[2][0].all()


def test_going_back_to_a_snapshot_gives_the_same_steps_again() -> None:
    tokens = random_tokens(45, starts=(0, 4))
    layer = open_layer(kept=6, stride=5)
    expected, _ = feed(layer, tokens, 30)
    for point in (30, 33, 36):
        layer = open_layer(kept=6, stride=5)
        feed(layer, Tokens(*tokens.slice(0, point)), 30)
        snapshot = layer.snapshot()
        kept = layer.kept_by_last_query()
        for _ in range(2):
            again = [layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(point, 45)]
            torch.testing.assert_close(torch.cat(again, 2), expected[:, :, point:], atol=0, rtol=0)
            layer.restore(snapshot)
            assert torch.equal(layer.kept_by_last_query(), kept)


def test_a_fork_goes_its_own_way() -> None:
    tokens, others = random_tokens(45), random_tokens(45, seed=1)
    layer = open_layer(kept=6, stride=9)
    expected, _ = feed(layer, tokens, 30)
    layer = open_layer(kept=6, stride=9)
    feed(layer, Tokens(*tokens.slice(0, 34)), 30)
    twin = layer.fork()
    for slot in range(34, 40):
        twin.decode(*others.slice(slot, slot + 1))
    rest = [layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(34, 45)]
    torch.testing.assert_close(torch.cat(rest, 2), expected[:, :, 34:], atol=0, rtol=0)


def test_after_a_crop_the_next_step_is_full() -> None:
    tokens = random_tokens(45)
    layer = open_layer(kept=6, stride=9)
    feed(layer, tokens, 30)
    layer.crop(36)
    output = layer.decode(*tokens.slice(36, 37))
    torch.testing.assert_close(output, dense_output(tokens)[:, :, 36:37], atol=EXACT, rtol=0)
    layer.decode(*tokens.slice(37, 38))
    assert layer.reading.attended == 6


def test_rows_are_selected_with_their_small_caches() -> None:
    tokens = random_tokens(40, starts=(0, 8, 2))
    expected, _ = feed(open_layer(kept=6, stride=9), tokens, 30)
    layer = open_layer(kept=6, stride=9)
    feed(layer, Tokens(*tokens.slice(0, 33)), 30)
    rows = torch.tensor([2, 0, 2, 1])
    layer.select_rows(rows)
    picked = Tokens(*(part[rows] for part in tokens.slice(0, 40)))
    for slot in range(33, 40):
        output = layer.decode(*picked.slice(slot, slot + 1))
        torch.testing.assert_close(output, expected[rows, :, slot : slot + 1], atol=EXACT, rtol=0)


def test_bytes_are_those_of_the_full_cache_and_of_the_names_in_the_small_one() -> None:
    layer = open_layer(kept=10, stride=4)
    feed(layer, random_tokens(33, starts=(0, 2)), 30)
    vectors = 2 * 2 * SHAPE.kv_heads * SHAPE.head_dim * 8
    query = 2 * SHAPE.heads * SHAPE.head_dim * 8
    slots = 2 * SHAPE.kv_heads * 10 * 8
    assert layer.bytes_held() == vectors * PAGE_TOKENS + slots + query


def test_a_recycle_step_reads_the_small_cache_and_the_first_one_scores_all_keys() -> None:
    layer = open_layer(kept=10, stride=4)
    tokens = random_tokens(40, starts=(0, 4))
    readings = []
    layer.prefill(*tokens.slice(0, 30))
    for slot in range(30, 34):
        layer.decode(*tokens.slice(slot, slot + 1))
        readings.append((layer.reading.attended, layer.reading.scored))
    assert readings == [(10, 28), (10, 0), (10, 0), (32, 0)]


def test_bfloat16_is_as_near_to_dense_as_bfloat16_can_be() -> None:
    tokens = random_tokens(40)
    half = Tokens(
        tokens.queries.bfloat16(), tokens.keys.bfloat16(), tokens.values.bfloat16(), tokens.starts
    )
    output, _ = feed(open_layer(kept=64, stride=4), half, 30)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.double(), dense_output(half), atol=3e-2, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kept": 0}, "kept must be at least 1, got 0"),
        ({"stride": -1}, "stride must be at least 1, got -1"),
        ({"dense_budgets": 0}, "dense_budgets must be at least 1, got 0"),
        ({"schedule": "often"}, "schedule must be 'fixed' or 'similarity', got 'often'"),
        ({"similarity": 1.5}, r"similarity must be in -1..1, got 1.5"),
        ({"group": "mean"}, "group must be 'max' or 'sum', got 'mean'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RecycledConfig(**settings)  # type: ignore[arg-type]


def test_the_step_that_makes_the_small_cache_can_be_taken_again() -> None:
    tokens = random_tokens(40, starts=(0, 4))
    layer = open_layer(kept=26, stride=30)
    layer.prefill(*tokens.slice(0, 20))
    point, twin = layer.snapshot(), layer.fork()

    def replied(layer: Rows) -> Tensor:
        return torch.cat([layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(20, 40)], 2)

    first = replied(layer)
    dense = dense_output(tokens)[:, :, 20:]
    torch.testing.assert_close(first[:, :, :6], dense[:, :, :6], atol=EXACT, rtol=0)
    assert (first - dense)[0, :, 6:].abs().max() > 1e-3
    layer.restore(point)
    assert layer.bytes_held() == twin.bytes_held()
    assert torch.equal(replied(layer), first)
    assert torch.equal(replied(twin), first)


def test_all_is_read_below_so_many_budgets() -> None:
    tokens = random_tokens(40)
    layer = open_layer(kept=10, stride=50, dense_budgets=3)
    layer.prefill(*tokens.slice(0, 20))
    replied = torch.cat(
        [layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(20, 40)], dim=2
    )
    error = (replied - dense_output(tokens)[:, :, 20:]).abs().amax(dim=(0, 1, 3))
    # The 30th token is the first with three budgets.
    assert error[:9].max() <= EXACT
    assert error[9:].min() > 1e-3
