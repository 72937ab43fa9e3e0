"""DHSA against loops over sets of tokens, in float64; chunks, padding, decode, ways back."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

import pytest
import torch
from tests.kernels.systems.rows import Rows, dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.selection import top_k
from tapgraph.kernels.systems.dhsa import Dhsa, DhsaConfig
from tapgraph.kernels.systems.dhsa_boundaries import BoundaryPredictor
from tapgraph.kernels.systems.dhsa_selection import chunk_scores, pool_chunks

HEADS, KV_HEADS, HEAD_DIM = 8, 2, 8
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=8, scale=0.4)
SMALL = DhsaConfig(
    budget_tokens=24,
    first_tokens=4,
    local_tokens=6,
    least_logit=0.0,
    boundary_distance=2,
    block=16,
    boundaries_per_block=4,
    instruction_tokens=5,
    fixed_chunk=7,
    dense_below=0,
)
ALL_KEPT = DhsaConfig(budget_tokens=300, first_tokens=4, local_tokens=6, dense_below=0)
NO_PADDING = torch.zeros(2, dtype=torch.int64)

Tokens: TypeAlias = tuple[Tensor, Tensor, Tensor]


def _tokens(tokens: int, *, seed: int, batch: int = 2) -> Tokens:
    generator = torch.Generator().manual_seed(seed)
    queries, keys, values = (
        torch.randn((batch, heads, tokens, HEAD_DIM), generator=generator, dtype=torch.float64)
        for heads in (HEADS, KV_HEADS, KV_HEADS)
    )
    return queries, keys, values


def _part(tokens: Sequence[Tensor], first: int, last: int) -> Tokens:
    queries, keys, values = (tensor[:, :, first:last] for tensor in tokens)
    return queries, keys, values


def _predictor(seed: int = 0) -> BoundaryPredictor:
    torch.manual_seed(seed)
    return BoundaryPredictor(KV_HEADS * HEAD_DIM, window=2, heads=4, hidden=16)


def _open(config: DhsaConfig = SMALL, predictor: BoundaryPredictor | None = None) -> Rows:
    system = Dhsa(config, predictor)
    return Rows(lambda: system.open_layer(SHAPE, PlainRotary()))


def _cuts(rows: Rows) -> list[list[int]]:
    return [layer.boundaries().tolist() for layer in rows.layers]


def _chunk_of(boundaries: list[int], slot: int) -> int:
    return max(chunk for chunk, begin in enumerate(boundaries[:-1]) if begin <= slot)


def _naive_pool(vectors: Tensor, begin: int, end: int) -> Tensor:
    total = torch.zeros(vectors.shape[-1], dtype=torch.float64)
    for slot in range(begin, end):
        total += vectors[slot]
    return total / math.sqrt(end - begin)


def _naive_sets(
    queries: Tensor, keys: Tensor, boundaries: list[int], edges: list[int], config: DhsaConfig
) -> list[list[set[int]]]:
    """For each head and query the tokens it reads.

    Queries `[heads, q_len, head_dim]` are the last of the tokens and lie in chunks between `edges`.
    """
    past = keys.shape[1] - queries.shape[1]
    sets: list[list[set[int]]] = []
    for head in range(HEADS):
        of_head: list[set[int]] = []
        for begin, end in pairwise(edges):
            query_chunk = _naive_pool(queries[head], begin - past, end - past)
            head_keys = keys[head // (HEADS // KV_HEADS)]
            if config.masks == "head_average":
                mean = queries.mean(dim=0)
                query_chunk = _naive_pool(mean, begin - past, end - past)
                head_keys = keys.mean(dim=0)
            scores = [
                float(query_chunk @ _naive_pool(head_keys, first, last))
                for first, last in pairwise(boundaries)
            ]
            for slot in range(begin, end):
                visible = range(slot + 1)
                chosen = {j for j in visible if j < config.first_tokens}
                chosen |= {j for j in visible if j > slot - config.local_tokens}
                others = sorted(
                    set(visible) - chosen, key=lambda j: (-scores[_chunk_of(boundaries, j)], j)
                )
                of_head.append(chosen | set(others[: config.budget_tokens - len(chosen)]))
        sets.append(of_head)
    return sets


def _as_mask(sets: list[list[set[int]]], tokens: int) -> Tensor:
    mask = torch.zeros((1, HEADS, len(sets[0]), tokens), dtype=torch.bool)
    for head, of_head in enumerate(sets):
        for query, slots in enumerate(of_head):
            mask[0, head, query, sorted(slots)] = True
    return mask


def _edges(boundaries: list[int], past: int, tokens: int, config: DhsaConfig) -> list[int]:
    if config.query_chunks == "fixed":
        return [*range(past, tokens, config.block), tokens]
    return [past, *(boundary for boundary in boundaries if past < boundary <= tokens)]


@pytest.mark.parametrize("predicted", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"query_chunks": "fixed"},
        {"masks": "head_average"},
        {"budget_tokens": 10},
        {"first_tokens": 0},
        {"local_tokens": 1},
    ],
)
@pytest.mark.parametrize("ends", [(61,), (30, 37, 64), (25,)])
def test_prefill_equals_loops_over_tokens(
    predicted: bool, settings: dict[str, object], ends: tuple[int, ...]
) -> None:
    config = DhsaConfig(**{name: getattr(SMALL, name) for name in SMALL.__slots__} | settings)
    tokens = _tokens(ends[-1], seed=len(ends), batch=1)
    layer = _open(config, _predictor() if predicted else None)
    for past, end in pairwise((0, *ends)):
        output = layer.prefill(*_part(tokens, past, end), NO_PADDING[:1])
        queries, keys, values = tokens[0][:, :, past:end], *(t[:, :, :end] for t in tokens[1:])
        [boundaries] = _cuts(layer)
        sets = _naive_sets(
            queries[0], keys[0], boundaries, _edges(boundaries, past, end, config), config
        )
        mask = _as_mask(sets, end)
        expected = dense_attention(queries, keys, values, scale=SHAPE.scale, mask=mask).output
        assert (output - expected).abs().max() < 1e-10
        if end > config.budget_tokens:
            assert torch.equal(layer.kept_by_last_query(), mask[:, :, -1])
            assert int(mask[:, :, -1].sum(dim=-1).max()) == config.budget_tokens


@pytest.mark.parametrize("predicted", [False, True])
def test_decode_has_the_prompts_chunks_one_for_what_was_generated_and_the_token(
    predicted: bool,
) -> None:
    tokens = _tokens(50, seed=4, batch=1)
    layer = _open(SMALL, _predictor() if predicted else None)
    layer.prefill(*_part(tokens, 0, 40), NO_PADDING[:1])
    [prompt] = _cuts(layer)
    for slot in range(40, 50):
        output = layer.decode(*_part(tokens, slot, slot + 1), NO_PADDING[:1])
        generated = [slot] if slot > 40 else []
        boundaries = [*prompt, *generated, slot + 1]
        queries, keys, values = tokens[0][:, :, slot : slot + 1], *_part(tokens, 0, slot + 1)[1:]
        sets = _naive_sets(queries[0], keys[0], boundaries, [slot, slot + 1], SMALL)
        mask = _as_mask(sets, slot + 1)
        expected = dense_attention(queries, keys, values, scale=SHAPE.scale, mask=mask).output
        assert (output - expected).abs().max() < 1e-10
        assert torch.equal(layer.kept_by_last_query(), mask[:, :, -1])
        assert layer.reading.scored == len(boundaries) - 1


def test_uniform_boundaries_are_top_k_over_fixed_blocks_bit_for_bit() -> None:
    tokens = _tokens(64, seed=5, batch=1)
    config = DhsaConfig(
        budget_tokens=16, first_tokens=0, local_tokens=1, fixed_chunk=8, dense_below=0
    )
    layer = _open(config)
    layer.prefill(*tokens, NO_PADDING[:1])
    queries, keys = tokens[0][0], tokens[1][0].repeat_interleave(4, dim=0)
    blocks = [part.view(HEADS, 8, 8, HEAD_DIM).sum(dim=2) / 8**0.5 for part in (queries, keys)]
    scores = (blocks[0] @ blocks[1].mT)[:, -1].repeat_interleave(8, dim=1)
    # The last token is in any case among the 16.
    scores[:, -1] = torch.inf
    expected = torch.zeros((HEADS, 64), dtype=torch.bool).scatter(1, top_k(scores, 16), True)
    assert torch.equal(layer.kept_by_last_query()[0], expected)


def test_pooling_by_prefix_sums_is_the_sum_over_the_root_of_the_length() -> None:
    vectors = _tokens(40, seed=6, batch=1)[1][0]
    boundaries = [0, 1, 4, 17, 40]
    pooled = pool_chunks(vectors, torch.tensor(boundaries))
    for chunk, (begin, end) in enumerate(pairwise(boundaries)):
        for head in range(KV_HEADS):
            expected = _naive_pool(vectors[head], begin, end)
            assert (pooled[head, chunk] - expected).abs().max() < 1e-12


def test_pooled_lengths_do_not_depend_on_the_chunk_length_and_those_of_means_do() -> None:
    generator = torch.Generator().manual_seed(7)
    vectors = torch.randn((1, 8192, 64), generator=generator)
    short, long = torch.arange(0, 4097, 4), torch.arange(0, 8193, 256)
    spread = [float(pool_chunks(vectors, cuts).std()) for cuts in (short, long)]
    assert spread[0] == pytest.approx(spread[1], rel=0.1)
    mean = vectors.view(1, 32, 256, 64).mean(dim=2).std()
    assert float(mean) < 0.2 * spread[0]


def test_two_tokens_of_a_chunk_have_equal_scores() -> None:
    queries, keys, _ = _tokens(40, seed=8, batch=1)
    boundaries = torch.tensor([0, 3, 21, 40])
    scores = chunk_scores(queries[0, :, 0], pool_chunks(keys[0], boundaries), "per_head")
    by_token = scores.repeat_interleave(boundaries.diff(), dim=1)
    for begin, end in pairwise(boundaries.tolist()):
        assert bool((by_token[:, begin:end] == by_token[:, begin : begin + 1]).all())
    assert len(set(by_token[0].tolist())) == 3


@pytest.mark.parametrize("chunk", [7, 32, 131])
def test_a_budget_that_covers_the_text_is_dense_attention(chunk: int) -> None:
    tokens = _tokens(131, seed=9)
    starts = torch.tensor([0, 20])
    layer = _open(ALL_KEPT, _predictor())
    outputs = [
        layer.prefill(*_part(tokens, first, min(first + chunk, 130)), starts)
        for first in range(0, 130, chunk)
    ]
    outputs.append(layer.decode(*_part(tokens, 130, 131), starts))
    expected = dense_attention(*tokens, scale=SHAPE.scale, starts=starts).output
    assert (torch.cat(outputs, dim=2) - expected).abs().max() < 1e-10


def test_rows_with_fewer_real_tokens_than_the_budget_read_them_all() -> None:
    tokens = _tokens(40, seed=10)
    starts = torch.tensor([0, 25])
    layer = _open()
    output = layer.prefill(*tokens, starts)
    expected = dense_attention(*tokens, scale=SHAPE.scale, starts=starts).output
    assert (output - expected)[1].abs().max() < 1e-10
    assert (output - expected)[0].abs().max() > 1e-3
    assert layer.kept_by_last_query()[1].sum(dim=-1).tolist() == [15] * HEADS


@pytest.mark.parametrize("predicted", [False, True])
def test_a_padded_row_gives_what_it_gives_alone(predicted: bool) -> None:
    tokens = _tokens(100, seed=11)
    starts = torch.tensor([0, 33])
    predictor = _predictor() if predicted else None
    layer, alone = _open(SMALL, predictor), _open(SMALL, predictor)
    one = torch.zeros(1, dtype=torch.int64)
    own = [tensor[1:] for tensor in tokens]
    layer.prefill(*_part(tokens, 0, 20), starts)
    padded = layer.prefill(*_part(tokens, 20, 95), starts)
    expected = alone.prefill(*_part(own, 33, 95), one)
    assert not bool(padded[1, :, :13].any())
    assert (padded[1:, :, 13:] - expected).abs().max() < 1e-10
    for slot in range(95, 100):
        together = layer.decode(*_part(tokens, slot, slot + 1), starts)
        expected = alone.decode(*_part(own, slot, slot + 1), one)
        assert (together[1:] - expected).abs().max() < 1e-10
        assert torch.equal(layer.kept_by_last_query()[1:, :, 33:], alone.kept_by_last_query())


def test_snapshot_fork_crop_and_rows_lead_back_to_the_same_outputs() -> None:
    tokens = _tokens(90, seed=12)
    layer = _open(SMALL, _predictor())

    def go_on(layer: Rows) -> list[Tensor]:
        outputs = [layer.decode(*_part(tokens, t, t + 1), NO_PADDING) for t in range(63, 66)]
        outputs.append(layer.prefill(*_part(tokens, 66, 80), NO_PADDING))
        outputs += [layer.decode(*_part(tokens, t, t + 1), NO_PADDING) for t in range(80, 84)]
        return outputs

    def is_same(outputs: list[Tensor], others: list[Tensor]) -> bool:
        pairs = zip(outputs, others, strict=True)
        return all(bool((one - other).abs().max() < 1e-10) for one, other in pairs)

    layer.prefill(*_part(tokens, 0, 60), NO_PADDING)
    for slot in range(60, 63):
        layer.decode(*_part(tokens, slot, slot + 1), NO_PADDING)
    before, twin = layer.snapshot(), layer.fork()
    bytes_before = layer.bytes_held()
    first = go_on(layer)
    layer.restore(before)
    assert layer.bytes_held() == bytes_before
    assert is_same(go_on(layer), first)
    layer.restore(before)
    go_on(layer)
    layer.restore(before)
    layer.crop(62)
    layer.decode(*_part(tokens, 62, 63), NO_PADDING)
    assert is_same(go_on(layer), first)
    assert is_same(go_on(twin), first)
    swap = torch.tensor([1, 0])
    twin.crop(63)
    fresh = _open(SMALL, _predictor())
    fresh.prefill(*_part(tokens, 0, 63), NO_PADDING)
    assert is_same(
        [twin.decode(*_part(tokens, 63, 64), NO_PADDING)],
        [fresh.decode(*_part(tokens, 63, 64), NO_PADDING)],
    )
    fresh.select_rows(swap)
    twin.select_rows(swap)
    swapped = [tensor[swap] for tensor in _part(tokens, 64, 65)]
    assert is_same(
        [twin.decode(swapped[0], swapped[1], swapped[2], NO_PADDING)],
        [fresh.decode(swapped[0], swapped[1], swapped[2], NO_PADDING)],
    )


def test_a_prompt_in_two_calls_is_cut_as_in_one() -> None:
    tokens = _tokens(90, seed=13)
    one, two = _open(SMALL, _predictor()), _open(SMALL, _predictor())
    one.prefill(*tokens, NO_PADDING)
    two.prefill(*_part(tokens, 0, 33), NO_PADDING)
    two.prefill(*_part(tokens, 33, 90), NO_PADDING)
    assert _cuts(one) == _cuts(two)
    assert len(_cuts(one)[0]) > 5


def test_bytes_are_pages_a_list_chunks_logits_and_one_sum() -> None:
    tokens = _tokens(70, seed=14)
    layer = _open(SMALL, _predictor())
    layer.prefill(*_part(tokens, 0, 65), NO_PADDING)
    for slot in range(65, 70):
        layer.decode(*_part(tokens, slot, slot + 1), NO_PADDING)
    pages = 2 * 2 * KV_HEADS * 256 * HEAD_DIM * 8
    listed = 2 * HEADS * SMALL.budget_tokens * 8
    cuts = [len(row) for row in _cuts(layer)]
    chunks = sum(8 * cut + KV_HEADS * (cut - 1) * HEAD_DIM * 8 for cut in cuts)
    logits = 4 * 2 * (65 - 2 * 2 + 1)
    generated = 2 * KV_HEADS * HEAD_DIM * 8
    assert layer.bytes_held() == pages + listed + chunks + logits + generated


def test_each_head_chooses_for_itself_unless_heads_are_averaged() -> None:
    tokens = _tokens(64, seed=15)
    own, averaged = (
        _open(),
        _open(
            DhsaConfig(
                budget_tokens=24,
                first_tokens=4,
                local_tokens=6,
                dense_below=0,
                masks="head_average",
            )
        ),
    )
    own.prefill(*tokens, NO_PADDING)
    averaged.prefill(*tokens, NO_PADDING)
    assert len({tuple(row) for row in own.kept_by_last_query()[0].tolist()}) > 1
    assert len({tuple(row) for row in averaged.kept_by_last_query()[0].tolist()}) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"budget_tokens": 255},
            r"budget_tokens must be at least first_tokens \+ local_tokens = 256, got 255",
        ),
        ({"local_tokens": 0}, "local_tokens must be at least 1, got 0"),
        ({"first_tokens": -1}, "first_tokens must be at least 0, got -1"),
        ({"masks": "one"}, "masks must be 'per_head' or 'head_average', got 'one'"),
        ({"query_chunks": "all"}, "query_chunks must be 'as_keys' or 'fixed', got 'all'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        DhsaConfig(**settings)  # type: ignore[arg-type]


def test_a_predictor_of_another_model_is_refused() -> None:
    with pytest.raises(
        UsageError,
        match=r"^the boundary predictor is for keys of 12 channels, this model's have 16$",
    ):
        Dhsa(SMALL, BoundaryPredictor(12)).open_layer(SHAPE, PlainRotary())


def test_decode_is_dense_below_twice_the_length_from_which_prompts_are_sparse() -> None:
    tokens = _tokens(110, seed=15)
    layer = _open(replace(SMALL, dense_below=50))
    layer.prefill(*_part(tokens, 0, 60), NO_PADDING)
    assert not layer.kept_by_last_query().all()
    sparse = _open()
    sparse.prefill(*_part(tokens, 0, 60), NO_PADDING)
    dense = dense_attention(*tokens, scale=SHAPE.scale).output
    for slot in range(60, 110):
        token = _part(tokens, slot, slot + 1)
        output, sparsely = layer.decode(*token, NO_PADDING), sparse.decode(*token, NO_PADDING)
        expected = dense[:, :, slot : slot + 1] if slot < 99 else sparsely
        assert (output - expected).abs().max() <= 1e-12
        assert layer.kept_by_last_query().all() == (slot < 99)
