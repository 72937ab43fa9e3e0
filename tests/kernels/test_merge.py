import math
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import torch
from tests.kernels.reference import dense_attention

from tapgraph.kernels.merge import Partial, merge

ROUNDING = 1e-12


def part_of(inputs: Sequence[torch.Tensor], slots: Iterable[int]) -> Partial:
    mask = torch.zeros(1, 1, 1, 9, dtype=torch.bool)
    mask[..., list(slots)] = True
    return dense_attention(*inputs, scale=0.4, mask=mask)


@pytest.mark.parametrize(
    "sets",
    [
        [range(9)],
        [range(4), range(4, 9)],
        [range(0, 9, 2), range(1, 9, 2), []],
        [[slot] for slot in range(9)],
    ],
)
def test_the_parts_of_a_union_give_the_whole(
    random_inputs: Any, sets: Sequence[Iterable[int]]
) -> None:
    inputs = random_inputs(5, 9)
    whole = dense_attention(*inputs, scale=0.4)

    merged = merge([part_of(inputs, slots) for slots in sets])

    torch.testing.assert_close(merged.output, whole.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(merged.log_sum_exp, whole.log_sum_exp, atol=ROUNDING, rtol=0)


def test_overlapping_parts_do_not_give_the_whole(random_inputs: Any) -> None:
    inputs = random_inputs(5, 9)
    whole = dense_attention(*inputs, scale=0.4)

    merged = merge([part_of(inputs, range(5)), part_of(inputs, range(3, 9))])

    assert not torch.allclose(merged.output, whole.output, atol=0.01)


def test_large_scores_do_not_overflow() -> None:
    output = torch.tensor([[[[1.0]]], [[[3.0]]]])
    parts = [Partial(one[None], torch.full((1, 1, 1), 1e4)) for one in output]

    merged = merge(parts)

    assert merged.output.item() == 2.0
    assert merged.log_sum_exp.item() == pytest.approx(1e4 + math.log(2))


def test_nothing_seen_anywhere_gives_zeros() -> None:
    empty = Partial(torch.zeros(1, 1, 1, 2), torch.full((1, 1, 1), -math.inf))

    merged = merge([empty, empty])

    assert merged.output.tolist() == [[[[0.0, 0.0]]]]
    assert merged.log_sum_exp.item() == -math.inf


def test_the_output_keeps_its_dtype() -> None:
    part = Partial(torch.ones(1, 1, 1, 2, dtype=torch.bfloat16), torch.zeros(1, 1, 1))

    assert merge([part, part]).output.dtype == torch.bfloat16
    assert merge([part, part]).log_sum_exp.dtype == torch.float32
