import math

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.selection import sum_blocks, top_k


def expected_places(scores: list[float], count: int) -> list[int]:
    best = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:count]
    return sorted(best, key=lambda place: (scores[place] == -math.inf, place))


@pytest.mark.parametrize("count", [0, 1, 4, 9, 12, 13])
def test_ties_go_to_the_lowest_place(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    scores = torch.randint(0, 4, (3, 2, 13), generator=generator).double()
    scores[scores == 0] = -math.inf

    places = top_k(scores, count)

    assert places.shape == (3, 2, count)
    assert places.dtype == torch.int64
    for row in range(3):
        for head in range(2):
            assert places[row, head].tolist() == expected_places(scores[row, head].tolist(), count)


def test_nothing_but_minus_infinity_still_gives_places() -> None:
    assert top_k(torch.full((5,), -math.inf), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("count", [-1, 5])
def test_an_impossible_count_is_named(count: int) -> None:
    with pytest.raises(UsageError, match=rf"^count must be in 0..4, got {count}$"):
        top_k(torch.zeros(2, 4), count)


@pytest.mark.parametrize("block", [1, 3, 7, 20])
def test_blocks_are_summed_over_their_real_tokens(block: int) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(2, 7, 3, generator=generator, dtype=torch.float64)

    sums = sum_blocks(vectors, block, dim=-2)

    assert sums.shape == (2, -(-7 // block), 3)
    for row in range(2):
        for channel in range(3):
            column = vectors[row, :, channel].tolist()
            expected = [sum(column[first : first + block]) for first in range(0, 7, block)]
            assert sums[row, :, channel].tolist() == pytest.approx(expected)
    assert torch.equal(sum_blocks(vectors.transpose(1, 2), block), sums.transpose(1, 2))
