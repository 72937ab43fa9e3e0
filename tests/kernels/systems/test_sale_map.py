"""SALE's map of kept blocks against loops over explicit sets of tokens, in float64."""

import math

import pytest
import torch
from tests.kernels.reference import dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.sale_map import (
    EstimatedScores,
    SaleConfig,
    choose_blocks,
    key_groups,
    near_blocks,
    query_groups,
    sale_attention,
    score_bounds,
)

SMALL = SaleConfig(query_block=16, key_block=8, local_keys=16, threshold=0.02, dense_below=0)
HEADS, KV_HEADS, HEAD_DIM, SCALE = 4, 2, 16, 0.25


def _inputs(
    q_len: int, kv_len: int, *, seed: int, head_dim: int = HEAD_DIM
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries and keys with large shared offsets, as real models have them."""
    generator = torch.Generator().manual_seed(seed)

    def normal(heads: int, tokens: int) -> Tensor:
        shape = (1, heads, tokens, head_dim)
        offset = 3 * torch.randn((1, heads, 1, head_dim), generator=generator, dtype=torch.float64)
        return torch.randn(shape, generator=generator, dtype=torch.float64) * 1.5 + offset

    return normal(HEADS, q_len), normal(KV_HEADS, kv_len), normal(KV_HEADS, kv_len)


def _int4(vectors: Tensor, sets: list[list[int]]) -> Tensor:
    """Vectors `[tokens, head_dim]` rounded to 15 levels, one scale for each set of tokens."""
    rounded = torch.zeros_like(vectors)
    for members in sets:
        step = max(abs(float(number)) for token in members for number in vectors[token]) / 7
        for token in members:
            if step:
                rounded[token] = torch.round(vectors[token] / step) * step
    return rounded


def _thread_sets(tokens: int, config: SaleConfig) -> tuple[list[list[int]], list[list[int]]]:
    query_sets: dict[tuple[int, int], list[int]] = {}
    key_sets: dict[tuple[int, int], list[int]] = {}
    for token in range(tokens):
        query_sets.setdefault((token // 16, token % 8), []).append(token)
        key_sets.setdefault((token // config.key_block, token % 8 // 2), []).append(token)
    return list(query_sets.values()), list(key_sets.values())


def _naive_estimates(queries: Tensor, keys: Tensor, config: SaleConfig) -> Tensor:
    """Scores of one query head `[q_len, head_dim]` with one KV head `[kv_len, head_dim]`."""
    mean_query, mean_key = queries.mean(0), keys.mean(0)
    few_bits_queries = _int4(queries - mean_query, _thread_sets(len(queries), config)[0])
    few_bits_keys = _int4(keys - mean_key, _thread_sets(len(keys), config)[1])
    estimates = torch.zeros(len(queries), len(keys), dtype=torch.float64)
    for i in range(len(queries)):
        products = few_bits_keys @ few_bits_queries[i] + (keys - mean_key) @ mean_query
        estimates[i] = SCALE * (products + queries[i] @ mean_key)
    return estimates


def _near_tokens(end: int, config: SaleConfig) -> tuple[set[int], set[int]]:
    """Near and middle keys of a query block whose last query stands in slot `end - 1`."""
    local = config.key_block
    while end - (local + config.local_keys) >= config.local_keys:
        local += config.local_keys
    near = {j for j in range(end) if j < config.key_block or j >= local}
    return near, set(range(end)) - near


def _naive_map(
    queries: Tensor, keys: Tensor, thresholds: list[float], config: SaleConfig
) -> list[list[set[int]]]:
    """For each head and query block the kept key blocks, by the definition of the score."""
    q_len, kv_len = queries.shape[2], keys.shape[2]
    kept: list[list[set[int]]] = []
    for head in range(HEADS):
        head_keys = keys[0, head // (HEADS // KV_HEADS)]
        estimates = _naive_estimates(queries[0, head], head_keys, config)
        rows: list[set[int]] = []
        for first in range(0, q_len, config.query_block):
            block_queries = range(first, min(first + config.query_block, q_len))
            near, middle = _near_tokens(kv_len - q_len + block_queries[-1] + 1, config)
            blocks = {j // config.key_block for j in near}
            for i in block_queries:
                own = sorted(j for j in near if j <= kv_len - q_len + i)
                exact = [SCALE * float(queries[0, head, i] @ head_keys[j]) for j in own]
                largest = max(exact)
                total = sum(math.exp(score - largest) for score in exact)
                for j in middle:
                    relative = math.exp(float(estimates[i, j]) - largest) / total
                    if thresholds[head] < 1e-5 or relative >= thresholds[head]:
                        blocks.add(j // config.key_block)
            rows.append(blocks)
        kept.append(rows)
    return kept


def _as_sets(kept: Tensor) -> list[list[set[int]]]:
    return [[set(row.nonzero()[:, 0].tolist()) for row in head] for head in kept[0]]


@pytest.mark.parametrize(
    ("q_len", "kv_len"),
    [(1, 1), (7, 7), (8, 8), (16, 17), (33, 33), (71, 71), (16, 80), (5, 79), (33, 96), (96, 96)],
)
def test_map_and_output_equal_loops_over_tokens(q_len: int, kv_len: int) -> None:
    queries, keys, values = _inputs(q_len, kv_len, seed=kv_len)
    thresholds = [0.05, 0.01, 0.0, 0.2]
    result = sale_attention(
        queries, keys, values, torch.tensor(thresholds), scale=SCALE, config=SMALL
    )
    expected = _naive_map(queries, keys, thresholds, SMALL)
    assert _as_sets(result.kept) == expected
    mask = torch.zeros(1, HEADS, q_len, kv_len, dtype=torch.bool)
    for head, rows in enumerate(expected):
        for i in range(q_len):
            for block in rows[i // SMALL.query_block]:
                mask[0, head, i, block * SMALL.key_block : (block + 1) * SMALL.key_block] = True
    dense = dense_attention(queries, keys, values, scale=SCALE, mask=mask)
    assert (result.output - dense.output).abs().max() < 1e-10


def test_map_equals_loops_at_the_block_sizes_of_the_paper() -> None:
    config = SaleConfig(dense_below=0)
    queries, keys, values = _inputs(70, 330, seed=3)
    thresholds = [0.1, 0.3, 0.5, 0.9]
    result = sale_attention(
        queries, keys, values, torch.tensor(thresholds), scale=SCALE, config=config
    )
    expected = _naive_map(queries, keys, thresholds, config)
    assert _as_sets(result.kept) == expected
    assert 0 < sum(len(blocks) for head in expected for blocks in head) < result.kept.numel()


def _middle_map(bounds: Tensor, scores: EstimatedScores, middle: Tensor) -> Tensor:
    return choose_blocks(scores, bounds, SMALL) & middle


def test_the_bound_agrees_with_the_definition_and_the_misprinted_one_does_not() -> None:
    threshold = 0.02
    queries, keys, values = _inputs(96, 96, seed=5)
    near, middle = near_blocks(96, 96, SMALL)
    by_token = near.repeat_interleave(16, 0).repeat_interleave(8, 1)
    sink_and_local = dense_attention(queries, keys, values, scale=SCALE, mask=by_token)
    scores = EstimatedScores(queries, keys, scale=SCALE, config=SMALL)
    own = (queries @ keys.repeat_interleave(2, dim=1).mT * SCALE).masked_fill(
        ~(by_token & torch.ones(96, 96, dtype=torch.bool).tril()), -torch.inf
    )
    largest = own.amax(dim=-1)
    total = torch.exp(own - largest[..., None]).sum(dim=-1)
    relative = torch.exp(scores.rows(0, 96, 96) - largest[..., None]) / total[..., None]
    defined = (relative >= threshold).view(1, HEADS, 6, 16, 12, 8)
    expected = defined.any(dim=5).any(dim=3) & middle
    thresholds = torch.full((HEADS,), threshold)
    right = score_bounds(sink_and_local.log_sum_exp, thresholds, SMALL)
    misprinted = torch.log((threshold * total + largest).clamp(min=1e-30))
    assert torch.equal(_middle_map(right, scores, middle), expected)
    assert not torch.equal(_middle_map(misprinted, scores, middle), expected)


def test_dropped_scores_have_a_true_probability_below_the_threshold() -> None:
    queries, keys, values = _inputs(96, 96, seed=6)
    config = SaleConfig(query_block=16, key_block=8, local_keys=16, bits=8, dense_below=0)
    thresholds = torch.full((HEADS,), 0.01)
    kept = sale_attention(queries, keys, values, thresholds, scale=SCALE, config=config).kept
    by_token = kept.repeat_interleave(16, 2).repeat_interleave(8, 3)
    scores = queries @ keys.repeat_interleave(2, dim=1).mT * SCALE
    causal = torch.ones(96, 96, dtype=torch.bool).tril()
    weights = scores.masked_fill(~causal, -torch.inf).softmax(dim=-1)
    dropped = weights[causal & ~by_token]
    assert len(dropped)
    # 8 bits of these inputs err by at most 5 % of a probability.
    assert float(dropped.max()) < 0.01 * 1.05


def test_threshold_zero_keeps_every_block_and_equals_dense_attention() -> None:
    queries, keys, values = _inputs(90, 131, seed=7)
    result = sale_attention(queries, keys, values, torch.zeros(HEADS), scale=SCALE, config=SMALL)
    dense = dense_attention(queries, keys, values, scale=SCALE).output
    assert (result.output - dense).abs().max() < 1e-10


def test_kept_blocks_only_fall_away_as_the_threshold_rises() -> None:
    queries, keys, values = _inputs(64, 200, seed=8)
    before = None
    counts = []
    for threshold in (0.0, 0.001, 0.01, 0.1, 0.9):
        thresholds = torch.full((HEADS,), threshold)
        kept = sale_attention(queries, keys, values, thresholds, scale=SCALE, config=SMALL).kept
        assert before is None or not bool((kept & ~before).any())
        before = kept
        counts.append(int(kept.sum()))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2] > counts[-1]


@pytest.mark.parametrize(("q_len", "kv_len"), [(1, 200), (64, 64), (65, 300), (300, 300)])
def test_every_query_block_has_sink_diagonal_and_128_to_255_local_keys(
    q_len: int, kv_len: int
) -> None:
    config = SaleConfig()
    near, middle = near_blocks(q_len, kv_len, config)
    for block, (own, open_to_choice) in enumerate(zip(near, middle, strict=True)):
        end = kv_len - q_len + min((block + 1) * 64, q_len)
        first_query = kv_len - q_len + block * 64
        assert bool(own[0])
        assert all(own[slot // 32] for slot in range(first_query, end))
        choice = open_to_choice.nonzero()[:, 0].tolist()
        local = end - (max(choice) + 1) * 32 if choice else None
        assert local is None or 128 <= local <= 255
        assert choice == list(range(1, len(choice) + 1))
        assert not bool((own & open_to_choice).any())
        assert int((own | open_to_choice).sum()) == -(-end // 32)


def test_estimates_without_the_mean_terms_are_far_off() -> None:
    queries, keys, _ = _inputs(64, 64, seed=9, head_dim=64)
    exact = queries @ keys.repeat_interleave(2, dim=1).mT * SCALE
    estimates = EstimatedScores(queries, keys, scale=SCALE, config=SMALL).rows(0, 64, 64)

    def error(scores: Tensor) -> float:
        return float((scores - exact).pow(2).mean().sqrt() / exact.std())

    mean_query = queries.mean(dim=2, keepdim=True)
    smooth_keys = keys - keys.mean(dim=2, keepdim=True)
    lost = SCALE * mean_query @ smooth_keys.repeat_interleave(2, dim=1).mT
    assert error(estimates) < 0.2
    assert error(estimates - lost) > 2 * error(estimates)


def test_groups_follow_the_layout_of_the_kernel() -> None:
    config = SaleConfig()
    queries, keys = query_groups(64, config).tolist(), key_groups(64, config).tolist()
    assert queries[3] == queries[11] != queries[19]
    assert keys[0] == keys[1] == keys[8] == keys[25] != keys[2]
    assert keys[0] != keys[32]
    assert len(set(keys[:32])) == 4


def test_constant_keys_do_not_divide_by_zero() -> None:
    queries, _, values = _inputs(48, 48, seed=10)
    queries, keys = torch.zeros_like(queries), torch.ones_like(values)
    thresholds = torch.full((HEADS,), 0.01)
    result = sale_attention(queries, keys, values, thresholds, scale=SCALE, config=SMALL)
    assert bool(result.output.isfinite().all())
    dense = dense_attention(queries, keys, values, scale=SCALE).output
    assert (result.output - dense).abs().max() < 1e-10


def test_a_map_of_4_bits_is_near_the_map_of_exact_scores() -> None:
    queries, keys, values = _inputs(256, 256, seed=11, head_dim=64)
    thresholds = torch.full((HEADS,), 0.02)
    four = SaleConfig(query_block=16, key_block=8, local_keys=16)
    eight = SaleConfig(query_block=16, key_block=8, local_keys=16, bits=8)
    _, middle = near_blocks(256, 256, four)
    scale = 1 / 16
    of_four = sale_attention(queries, keys, values, thresholds, scale=scale, config=four)
    of_eight = sale_attention(queries, keys, values, thresholds, scale=scale, config=eight)
    chosen, oracle = of_four.kept & middle, of_eight.kept & middle
    agreed = int((chosen & oracle).sum())
    assert agreed / int(oracle.sum()) > 0.9
    assert agreed / int(chosen.sum()) > 0.7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"query_block": 0}, "query_block must be at least 1, got 0"),
        ({"threshold": 1.0}, "threshold must be at least 0 and below 1, got 1.0"),
        ({"bits": 3}, "bits must be 4 or 8, got 3"),
        ({"groups": "warp"}, "groups must be 'thread' or 'block', got 'warp'"),
        ({"dense_below": -1}, "dense_below must be at least 0, got -1"),
        ({"dense_threshold": 0.0}, "dense_threshold must be positive, got 0.0"),
        (
            {"local_keys": 100},
            "local_keys must be a multiple of key_block 32 and at least query_block 64, got 100",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        SaleConfig(**settings)  # type: ignore[arg-type]


def test_scores_that_are_looked_at_in_slabs_give_the_map_of_all_at_once() -> None:
    queries, keys, _ = _inputs(600, 4100, seed=12)
    config = SaleConfig(groups="block")
    scores = EstimatedScores(queries, keys, scale=0.02, config=config)
    whole = scores.rows(0, 600, 4100)
    bounds = whole.amax(dim=-1) - 0.3
    reached = torch.zeros(1, HEADS, 10 * 64, 129 * 32, dtype=torch.bool)
    reached[:, :, :600, :4100] = whole >= bounds[..., None]
    expected = reached.view(1, HEADS, 10, 64, 129, 32).any(dim=5).any(dim=3)
    chosen = choose_blocks(scores, bounds, config)
    _, middle = near_blocks(600, 4100, config)
    assert torch.equal(chosen & middle, expected & middle)
    assert 0 < int((chosen & middle).sum()) < int(middle.sum()) * HEADS
