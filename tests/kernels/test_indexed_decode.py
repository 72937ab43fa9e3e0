import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.indexed_decode import indexed_attention

ROUNDING = 1e-12
Inputs = Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
COUNTS = [[5, 0], [1, 11]]


def lists() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randperm(11, generator=generator) for _ in range(4)]
    return torch.stack(rows).view(2, 2, 11)


@pytest.mark.parametrize("q_len", [1, 3])
def test_ragged_lists_equal_loops(naive: Any, random_inputs: Inputs, q_len: int) -> None:
    queries, keys, values = random_inputs(q_len, 11)
    indices = lists()
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: indices[row, head // 4, : COUNTS[row][head // 4]].tolist(),
    )

    result = indexed_attention(queries, keys, values, indices, torch.tensor(COUNTS), scale=0.4)

    torch.testing.assert_close(result.output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(result.log_sum_exp, expected.log_sum_exp, atol=ROUNDING, rtol=0)


def test_an_empty_list_gives_zeros(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11)

    result = indexed_attention(queries, keys, values, lists(), torch.tensor(COUNTS), scale=0.4)

    assert result.output[0, 4:].abs().max() == 0
    assert result.log_sum_exp[0, 4:].max() == -math.inf


def test_what_stands_after_the_valid_part_is_never_read(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11)
    counts = torch.tensor(COUNTS)
    indices = lists()
    spoilt = indices.clone()
    for row in range(2):
        for kv_head in range(2):
            spoilt[row, kv_head, COUNTS[row][kv_head] :] = 10**9

    plain = indexed_attention(queries, keys, values, indices, counts, scale=0.4)
    result = indexed_attention(queries, keys, values, spoilt, counts, scale=0.4)

    assert torch.equal(result.output, plain.output)


def test_another_head_map_is_seen(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11)
    counts = torch.full((2, 2), 4)
    indices = lists()

    right = indexed_attention(queries, keys, values, indices, counts, scale=0.4)
    swapped = indexed_attention(queries, keys, values, indices.flip(1), counts, scale=0.4)

    assert not torch.allclose(right.output, swapped.output, atol=0.01)


def test_bfloat16_stays_close_to_float64(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(1, 11, dtype=torch.bfloat16)
    counts = torch.full((2, 2), 11)
    inputs = (queries.double(), keys.double(), values.double())

    result = indexed_attention(queries, keys, values, lists(), counts, scale=0.4)
    exact = indexed_attention(*inputs, indices=lists(), counts=counts, scale=0.4)

    assert result.output.dtype == torch.bfloat16
    assert (result.output.double() - exact.output).abs().max() < 2**-7


@pytest.mark.parametrize(
    ("indices", "counts", "message"),
    [
        (lists()[:, :1], torch.tensor(COUNTS), r"^indices must be \[2, 2, most\], got \[2, 1, 11"),
        (lists().int(), torch.tensor(COUNTS), r"^indices and counts must be int64, got torch.i"),
        (lists(), torch.tensor([1, 2]), r"^counts must be \[2, 2\], got \[2\]$"),
        (lists(), torch.tensor([[1, 2], [3, 12]]), r"^counts must be in 0..11, got 1..12$"),
        (lists(), torch.tensor([[1, 2], [-3, 2]]), r"^counts must be in 0..11, got -3..2$"),
        (lists() + 5, torch.full((2, 2), 11), r"^indices must be in 0..10, got 5..15$"),
    ],
)
def test_lists_that_do_not_fit_are_named(
    random_inputs: Inputs, indices: torch.Tensor, counts: torch.Tensor, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        indexed_attention(*random_inputs(1, 11), indices=indices, counts=counts, scale=1.0)
