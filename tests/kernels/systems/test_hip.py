from dataclasses import dataclass

import pytest
import torch
from tests.kernels.systems.rows import Rows, dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.hip import Hip, HipConfig, HipLayer, hip_attention
from tapgraph.kernels.systems.hip_search import search_tree
from tapgraph.kernels.token_store import PAGE_TOKENS

EXACT = 1e-10
"""Float64 sums in another order."""
SHAPE = LayerShape(index=3, layers=4, heads=4, kv_heads=2, head_dim=6, scale=6**-0.5)
SMALL = HipConfig(
    kept=8, query_block=4, key_block=2, sink=3, window=6, refresh_every=3, dense_below=0
)


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


def open_layer(config: HipConfig) -> Rows:
    return Rows(lambda: Hip(config).open_layer(SHAPE, PlainRotary()))


def feed(layer: Rows, tokens: Tokens, prompt: int, chunk: int | None = None) -> Tensor:
    step = chunk or prompt
    outputs = [
        layer.prefill(*tokens.slice(first, min(first + step, prompt)))
        for first in range(0, prompt, step)
    ]
    total = tokens.keys.shape[2]
    outputs += [layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(prompt, total)]
    return torch.cat(outputs, dim=2)


def dense_output(tokens: Tokens) -> Tensor:
    return dense_attention(
        tokens.queries, tokens.keys, tokens.values, scale=SHAPE.scale, starts=tokens.starts
    ).output


def tree_slots(queries: Tensor, keys: Tensor, first: int, end: int, config: HipConfig) -> set[int]:
    """What the search finds for `queries` `[queries, head_dim]` among `keys` of one head."""
    found = search_tree(
        queries[None, None, None],
        keys[None, None],
        torch.tensor([[first]]),
        torch.tensor([[end]]),
        config,
    )
    return set(found.slots[found.slots >= 0].tolist())


def attend_to(tokens: Tokens, row: int, head: int, slot: int, seen: set[int]) -> Tensor:
    kv_head, listed_slots = head // SHAPE.group, sorted(seen)
    keys = tokens.keys[row, kv_head, listed_slots]
    weights = torch.softmax(keys @ tokens.queries[row, head, slot] * SHAPE.scale, dim=0)
    return weights @ tokens.values[row, kv_head, listed_slots]


def naive_sets(
    tokens: Tokens, chunks: list[int], config: HipConfig, *, head_map: str = "group"
) -> dict[tuple[int, int, int], set[int]]:
    """The slots that each (row, head, slot) reads: the tree is checked apart, all else is here."""
    sets: dict[tuple[int, int, int], set[int]] = {}
    for row, start in enumerate(tokens.starts.tolist()):
        for head in range(SHAPE.heads):
            kv_head = head // SHAPE.group if head_map == "group" else head % SHAPE.kv_heads
            keys, queries = tokens.keys[row, kv_head], tokens.queries[row, head]
            sink = set(range(start, start + config.sink))
            begin = 0
            for length in chunks:
                chunk_end = begin + length
                for first in range(max(begin, start), chunk_end, config.query_block):
                    last = min(first + config.query_block, chunk_end)
                    window = max(first - config.window + 1, start + config.sink)
                    found = tree_slots(
                        queries[first : last : config.query_stride],
                        keys,
                        start + config.sink,
                        window,
                        config,
                    )
                    for slot in range(first, last):
                        near = set(range(window, slot + 1))
                        sets[row, head, slot] = {j for j in sink | found | near if j <= slot}
                begin = chunk_end
            for step, slot in enumerate(range(begin, tokens.keys.shape[2])):
                if step % config.refresh_every == 0:
                    window = max(slot - config.window + 1, start + config.sink)
                    found = tree_slots(
                        queries[slot : slot + 1], keys, start + config.sink, window, config
                    )
                near = set(range(window, slot + 1))
                sets[row, head, slot] = {j for j in sink | found | near if j <= slot}
    return sets


def naive_output(tokens: Tokens, sets: dict[tuple[int, int, int], set[int]]) -> Tensor:
    output = torch.zeros_like(tokens.queries)
    for (row, head, slot), seen in sets.items():
        output[row, head, slot] = attend_to(tokens, row, head, slot, seen)
    return output


@pytest.mark.parametrize(
    "config",
    [
        HipConfig(kept=60, query_block=4, sink=2, window=3, refresh_every=3, dense_below=0),
        HipConfig(kept=4, query_block=4, sink=2, window=60, refresh_every=3, dense_below=0),
        HipConfig(kept=4, query_block=4, sink=60, window=1, refresh_every=3, dense_below=0),
        HipConfig(kept=4, sink=2, window=3, dense_below=60),
        HipConfig(kept=40, query_block=5, key_block=4, sink=0, window=12, dense_below=0),
    ],
)
@pytest.mark.parametrize("chunk", [None, 7, 32])
def test_a_budget_that_covers_the_context_equals_dense_attention(
    config: HipConfig, chunk: int | None
) -> None:
    tokens = random_tokens(52, starts=(0, 5, 36))
    output = feed(open_layer(config), tokens, 39, chunk)
    torch.testing.assert_close(output, dense_output(tokens), atol=EXACT, rtol=0)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 9, 10, 11, 17, 18, 25, 26, 47])
def test_prompts_of_any_length_equal_a_loop_over_index_sets(length: int) -> None:
    tokens = random_tokens(length, starts=(0, length // 3))
    layer = open_layer(SMALL)
    output = layer.prefill(*tokens.slice(0, length))
    sets = naive_sets(tokens, [length], SMALL)
    torch.testing.assert_close(output, naive_output(tokens, sets), atol=EXACT, rtol=0)
    kept = layer.kept_by_last_query()
    for row in range(2):
        for head in range(SHAPE.heads):
            assert set(kept[row, head].nonzero()[:, 0].tolist()) == sets[row, head, length - 1]


@pytest.mark.parametrize("refresh_every", [1, 3, 8])
@pytest.mark.parametrize("window", [1, 6])
def test_chunks_and_decode_equal_a_loop_over_index_sets(refresh_every: int, window: int) -> None:
    config = HipConfig(
        kept=8,
        query_block=4,
        key_block=2,
        sink=3,
        window=window,
        refresh_every=refresh_every,
        dense_below=0,
    )
    tokens = random_tokens(64, starts=(0, 4, 37))
    layer = open_layer(config)
    output = feed(layer, Tokens(*tokens.slice(0, 30)), 30, 17)
    sets = naive_sets(tokens, [17, 13, 13], config)
    expected = naive_output(tokens, sets)
    torch.testing.assert_close(output, expected[:, :, :30], atol=EXACT, rtol=0)
    output = layer.prefill(*tokens.slice(30, 43))
    torch.testing.assert_close(output, expected[:, :, 30:43], atol=EXACT, rtol=0)
    for slot in range(43, 64):
        output = layer.decode(*tokens.slice(slot, slot + 1))
        torch.testing.assert_close(output, expected[:, :, slot : slot + 1], atol=EXACT, rtol=0)
        kept = layer.kept_by_last_query()
        for row in range(3):
            for head in range(SHAPE.heads):
                assert set(kept[row, head].nonzero()[:, 0].tolist()) == sets[row, head, slot]


def test_the_modulo_head_map_would_be_noticed() -> None:
    tokens = random_tokens(47)
    wrong = naive_output(tokens, naive_sets(tokens, [47], SMALL, head_map="modulo"))
    output = open_layer(SMALL).prefill(*tokens.slice(0, 47))
    assert (output - wrong).abs().max() > 1e-2


def test_prompts_cut_at_query_blocks_give_the_same_as_whole_ones() -> None:
    tokens = random_tokens(50)
    whole = feed(open_layer(SMALL), tokens, 50)
    cut = feed(open_layer(SMALL), tokens, 50, chunk=12)
    torch.testing.assert_close(cut, whole, atol=EXACT, rtol=0)


def test_prompts_longer_than_a_slab_give_the_same() -> None:
    tokens = random_tokens(45)
    inputs = (tokens.queries, tokens.keys, tokens.values)
    whole = hip_attention(*inputs, scale=SHAPE.scale, config=SMALL)
    pieces = hip_attention(*inputs, scale=SHAPE.scale, config=SMALL, slab_elements=1)
    torch.testing.assert_close(pieces.output, whole.output, atol=EXACT, rtol=0)
    assert torch.equal(pieces.kept, whole.kept)


def test_a_search_at_every_step_keeps_nothing_of_the_step_before() -> None:
    config = HipConfig(kept=8, query_block=4, sink=3, window=6, refresh_every=1, dense_below=0)
    tokens = random_tokens(48)
    layer = open_layer(config)
    layer.prefill(*tokens.slice(0, 40))
    for slot in range(40, 48):
        fresh = open_layer(config)
        fresh.prefill(*tokens.slice(0, slot))
        token = tokens.slice(slot, slot + 1)
        torch.testing.assert_close(layer.decode(*token), fresh.decode(*token), atol=0, rtol=0)


def test_keys_that_leave_the_window_between_two_searches_are_still_read() -> None:
    config = HipConfig(kept=2, query_block=4, sink=0, window=4, refresh_every=8, dense_below=0)
    tokens = random_tokens(60)
    layer = open_layer(config)
    layer.prefill(*tokens.slice(0, 50))
    for slot in range(50, 58):
        layer.decode(*tokens.slice(slot, slot + 1))
        assert layer.kept_by_last_query()[:, :, 47 : slot + 1].all()
    layer.decode(*tokens.slice(58, 59))
    assert (layer.kept_by_last_query().sum(dim=-1) == 6).all()


def test_scores_are_counted_where_a_search_was_made() -> None:
    config = HipConfig(kept=4, key_block=2, sink=0, window=1, refresh_every=2, dense_below=0)
    tokens = random_tokens(40)
    layer = open_layer(config)
    layer.prefill(*tokens.slice(0, 32))
    readings = []
    for slot in range(32, 36):
        layer.decode(*tokens.slice(slot, slot + 1))
        readings.append(layer.reading.scored)
    assert readings[0] == 2 * 4 * 3 * SHAPE.group, "32 keys: 2 * kept scores on each of 3 levels"
    assert readings[1] == 0
    assert readings[2] > readings[0]
    assert readings[3] == 0


def test_the_first_layers_are_dense() -> None:
    first = LayerShape(index=2, layers=4, heads=4, kv_heads=2, head_dim=6, scale=1.0)
    assert isinstance(Hip().open_layer(first, PlainRotary()), DenseLayer)
    assert isinstance(Hip().open_layer(SHAPE, PlainRotary()), HipLayer)


def test_going_back_to_a_snapshot_gives_the_same_steps_again() -> None:
    tokens = random_tokens(52, starts=(0, 7))
    expected = feed(open_layer(SMALL), tokens, 40)
    for point in (40, 41, 44):
        layer = open_layer(SMALL)
        feed(layer, Tokens(*tokens.slice(0, point)), 40)
        snapshot, kept = layer.snapshot(), layer.kept_by_last_query()
        for _ in range(2):
            again = [layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(point, 52)]
            torch.testing.assert_close(torch.cat(again, 2), expected[:, :, point:], atol=0, rtol=0)
            layer.restore(snapshot)
            assert torch.equal(layer.kept_by_last_query(), kept)


def test_a_fork_goes_its_own_way() -> None:
    tokens, others = random_tokens(52), random_tokens(52, seed=1)
    expected = feed(open_layer(SMALL), tokens, 40)
    layer = open_layer(SMALL)
    feed(layer, Tokens(*tokens.slice(0, 44)), 40)
    twin = layer.fork()
    for slot in range(44, 50):
        twin.decode(*others.slice(slot, slot + 1))
    rest = [layer.decode(*tokens.slice(slot, slot + 1)) for slot in range(44, 52)]
    torch.testing.assert_close(torch.cat(rest, 2), expected[:, :, 44:], atol=0, rtol=0)


def test_after_a_crop_the_next_step_searches_anew() -> None:
    tokens = random_tokens(52)
    layer = open_layer(SMALL)
    feed(layer, tokens, 40)
    layer.crop(44)
    fresh = open_layer(SMALL)
    fresh.prefill(*tokens.slice(0, 44))
    for slot in range(44, 52):
        token = tokens.slice(slot, slot + 1)
        torch.testing.assert_close(layer.decode(*token), fresh.decode(*token), atol=0, rtol=0)


def test_rows_are_selected_with_what_they_found() -> None:
    tokens = random_tokens(52, starts=(0, 8, 2))
    expected = feed(open_layer(SMALL), tokens, 40)
    layer = open_layer(SMALL)
    feed(layer, Tokens(*tokens.slice(0, 44)), 40)
    rows = torch.tensor([2, 0, 2, 1])
    layer.select_rows(rows)
    picked = Tokens(*(part[rows] for part in tokens.slice(0, 52)))
    for slot in range(44, 52):
        output = layer.decode(*picked.slice(slot, slot + 1))
        torch.testing.assert_close(output, expected[rows, :, slot : slot + 1], atol=EXACT, rtol=0)


def test_bytes_are_those_of_the_cache_and_of_the_found_slots() -> None:
    layer = open_layer(SMALL)
    feed(layer, random_tokens(42, starts=(0, 2)), 40)
    vectors = 2 * 2 * SHAPE.kv_heads * SHAPE.head_dim * 8 * PAGE_TOKENS
    assert layer.bytes_held() == vectors + 8 * 2 * SHAPE.heads * SMALL.kept


def test_bfloat16_is_as_near_to_dense_as_bfloat16_can_be() -> None:
    tokens = random_tokens(40)
    half = Tokens(
        tokens.queries.bfloat16(), tokens.keys.bfloat16(), tokens.values.bfloat16(), tokens.starts
    )
    config = HipConfig(kept=40, query_block=4, sink=2, window=3, dense_below=0)
    output = feed(open_layer(config), half, 30)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.double(), dense_output(half), atol=3e-2, rtol=0)


def test_a_snapshot_of_another_kind_of_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="not a snapshot of this layer"):
        open_layer(SMALL).restore("elsewhere")
