import math
from typing import Any

import pytest
import torch
from tests.kernels.systems.rows import Rows

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.xattention import (
    XAttention,
    XAttentionConfig,
    antidiagonal_scores,
    smallest_sets,
)

ROUNDING = 1e-12
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)
STARTS = [0, 6]
STRIDE, BLOCK = 2, 4


def estimates(
    queries: torch.Tensor, keys: torch.Tensor, *, reverse: bool = True
) -> list[list[float]]:
    """Block scores of one head, `[q_len, head_dim]` and `[kv_len, head_dim]`, by loops."""
    q_len, kv_len = len(queries), len(keys)
    sums = [[0.0] * -(-kv_len // BLOCK) for _ in range(-(-q_len // BLOCK))]
    for line in range(-(-q_len // STRIDE)):
        last_slot = kv_len - q_len + line * STRIDE + STRIDE - 1
        scores = {}
        for column in range(-(-kv_len // STRIDE)):
            if column * STRIDE > last_slot:
                continue
            total = 0.0
            for step in range(STRIDE):
                query = line * STRIDE + (STRIDE - 1 - step if reverse else step)
                key = column * STRIDE + step
                if query < q_len and key < kv_len:
                    total += float(queries[query] @ keys[key])
            scores[column] = math.exp(total * SHAPE.scale / STRIDE)
        for column, score in scores.items():
            share = score / sum(scores.values())
            sums[line * STRIDE // BLOCK][column * STRIDE // BLOCK] += share
    return sums


def chosen(scores: list[float], mass: float, always: set[int]) -> set[int]:
    kept = set(always)
    for block in sorted(range(len(scores)), key=lambda block: (-scores[block], block)):
        if sum(scores[one] for one in kept) >= mass * sum(scores):
            break
        kept.add(block)
    return kept


def head_sets(queries: torch.Tensor, keys: torch.Tensor, mass: float) -> list[set[int]]:
    q_len, kv_len = len(queries), len(keys)
    sets = []
    for block, scores in enumerate(estimates(queries, keys)):
        first = kv_len - q_len + block * BLOCK
        own = {slot // BLOCK for slot in range(first, min(first + BLOCK, kv_len))}
        sets.append(chosen(scores, mass, own | {0}))
    return sets


@pytest.mark.parametrize(("q_len", "kv_len"), [(16, 16), (19, 19), (7, 26), (8, 19)])
def test_scores_are_sums_of_antidiagonals(random_inputs: Any, q_len: int, kv_len: int) -> None:
    queries, keys, _ = random_inputs(q_len, kv_len)

    scores = antidiagonal_scores(queries, keys, stride=STRIDE, block=BLOCK, scale=SHAPE.scale)

    for row in range(2):
        for head in range(8):
            expected = torch.tensor(estimates(queries[row, head], keys[row, head // 4]))
            torch.testing.assert_close(scores[row, head], expected.double(), atol=1e-6, rtol=0)


def test_sums_of_diagonals_are_something_else(random_inputs: Any) -> None:
    queries, keys, _ = random_inputs(16, 16)

    scores = antidiagonal_scores(queries, keys, stride=STRIDE, block=BLOCK, scale=SHAPE.scale)

    diagonal = torch.tensor(estimates(queries[0, 0], keys[0, 0], reverse=False))
    assert not torch.allclose(scores[0, 0], diagonal.double(), atol=0.01)


@pytest.mark.parametrize("mass", [0.3, 0.7, 0.95, 1.0])
def test_the_smallest_set_with_the_mass_is_kept(mass: float) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(1, 3, 5, 9, generator=generator, dtype=torch.float64) ** 4
    own = torch.zeros(5, 9, dtype=torch.bool)
    own[torch.arange(5), torch.arange(4, 9)] = True

    kept = smallest_sets(scores, mass, own)

    for head in range(3):
        for block in range(5):
            expected = chosen(scores[0, head, block].tolist(), mass, {0, block + 4})
            assert set(kept[0, head, block].nonzero()[:, 0].tolist()) == expected


@pytest.mark.parametrize("chunks", [[27], [11, 16], [6, 14, 7]])
@pytest.mark.parametrize("mass", [0.2, 0.8])
def test_the_output_equals_loops_over_the_chosen_blocks(
    naive: Any, random_inputs: Any, mass: float, chunks: list[int]
) -> None:
    queries, keys, values = random_inputs(27, 27)
    config = XAttentionConfig(mass, STRIDE, BLOCK, dense_below=0)
    layer = Rows(lambda: XAttention(config).open_layer(SHAPE, PlainRotary()))
    end = 0
    for chunk in chunks:
        begin, end = end, end + chunk
        sets = {
            (row, head): head_sets(
                queries[row, head, max(begin, first) : end], keys[row, head // 4, first:end], mass
            )
            for row, first in enumerate(STARTS)
            for head in range(8)
        }

        def sees(row: int, head: int, query: int) -> list[int]:
            first, slot = STARTS[row], begin + query  # noqa: B023 (used within this turn)
            if slot < first:
                return []
            number = (slot - max(begin, first)) // BLOCK  # noqa: B023
            blocks = sets[row, head][number]  # noqa: B023
            return [at for at in range(first, slot + 1) if (at - first) // BLOCK in blocks]

        new = [tensor[:, :, begin:end] for tensor in (queries, keys, values)]
        expected = naive(new[0], keys, values, SHAPE.scale, sees)
        output = layer.prefill(*new, torch.tensor(STARTS))

        torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
        for row in range(2):
            for head in range(8):
                slots = layer.kept_by_last_query()[row, head].nonzero()[:, 0].tolist()
                assert slots == sees(row, head, chunk - 1)


def test_a_key_that_many_queries_want_is_found(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(64, 64, batch=1)
    keys[:, :, 21] = 4 * torch.ones(6, dtype=torch.float64)
    queries[:, :, 48:] = torch.ones(6, dtype=torch.float64)
    config = XAttentionConfig(0.5, STRIDE, BLOCK, dense_below=0)
    layer = Rows(lambda: XAttention(config).open_layer(SHAPE, PlainRotary()))

    layer.prefill(queries, keys, values, torch.tensor([0]))

    kept = layer.kept_by_last_query()
    assert kept[..., 21].all()
    assert kept.sum() < 8 * 32
    assert 12 <= layer.reading.attended < 32
    assert layer.reading.scored == 64 / STRIDE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mass": 0.0}, r"^mass must be above 0 and at most 1, got 0.0$"),
        ({"stride": 0}, r"^stride must be at least 1, got 0$"),
        ({"block": 20}, r"^block must be a multiple of stride 8, got 20$"),
        ({"dense_below": -1}, r"^dense_below must be at least 0, got -1$"),
    ],
)
def test_impossible_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        XAttentionConfig(**settings)
