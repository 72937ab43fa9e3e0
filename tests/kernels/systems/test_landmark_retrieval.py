"""Attention to lists of blocks against a loop over lists."""

import pytest
import torch
from torch import Tensor

from tapgraph.kernels.systems.landmark_retrieval import attend_to_blocks

TOLERANCE = 1e-12
"""Float64; only the order of sums differs."""
SCALE = 0.4
HEAD_DIM = 6


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize(
    ("lists", "most", "blocks"), [(1, 1, 1), (1, 5, 9), (40, 3, 7), (300, 2, 2)]
)
def test_blocks_share_the_weight_of_their_landmark(
    block: int, lists: int, most: int, blocks: int
) -> None:
    queries = SCALE * draw(2 * lists, HEAD_DIM)
    askers = draw(lists, most, seed=4).argsort(dim=0) + lists // 2
    keys, values = (
        draw(blocks, block + 1, HEAD_DIM, seed=1),
        draw(blocks, block + 1, HEAD_DIM, seed=2),
    )
    order = draw(lists, blocks, seed=3).argsort(dim=1)
    chosen = order[:, :most].sort(dim=1).values
    asked: list[Tensor] = []

    def read(numbers: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(numbers)
        return keys[numbers], values[numbers]

    part = attend_to_blocks(queries, askers, chosen, read)
    for one in range(lists):
        gates, outputs = [], []
        for entry in range(most):
            logits = keys[chosen[one, entry]] @ queries[askers[one, entry]]
            gates.append(logits[-1])
            outputs.append(torch.softmax(logits[:-1], 0) @ values[chosen[one, entry], :-1])
        expected = torch.softmax(torch.stack(gates), 0) @ torch.stack(outputs)
        assert (part.output[one] - expected).abs().max() <= TOLERANCE
        assert abs(part.log_sum_exp[one] - torch.logsumexp(torch.stack(gates), 0)) <= TOLERANCE
    assert len(asked) == 1
    assert torch.equal(asked[0], torch.tensor(sorted(set(chosen.flatten().tolist()))))
