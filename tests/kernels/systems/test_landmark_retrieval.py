"""Attention to lists of blocks against a loop over lists, and lists side by side."""

import pytest
import torch
from torch import Tensor

from tapgraph.kernels.systems.landmark_retrieval import attend_to_blocks, distinct_blocks
from tapgraph.kernels.systems.landmark_store import KeysAndValues

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
    queries = draw(lists, HEAD_DIM)
    keys, values = (
        draw(blocks, block + 1, HEAD_DIM, seed=1),
        draw(blocks, block + 1, HEAD_DIM, seed=2),
    )
    order = draw(lists, blocks, seed=3).argsort(dim=1)
    chosen = order[:, :most].sort(dim=1).values
    asked: list[Tensor] = []

    def read(numbers: Tensor) -> KeysAndValues:
        asked.append(numbers)
        return KeysAndValues(keys[numbers], values[numbers])

    part = attend_to_blocks(queries, chosen, read, scale=SCALE)
    for one in range(lists):
        gates, outputs = [], []
        for entry in range(most):
            logits = SCALE * keys[chosen[one, entry]] @ queries[one]
            gates.append(logits[-1])
            outputs.append(torch.softmax(logits[:-1], 0) @ values[chosen[one, entry], :-1])
        expected = torch.softmax(torch.stack(gates), 0) @ torch.stack(outputs)
        assert (part.output[one] - expected).abs().max() <= TOLERANCE
        assert abs(part.log_sum_exp[one] - torch.logsumexp(torch.stack(gates), 0)) <= TOLERANCE
    assert len(asked) == 1
    assert torch.equal(asked[0], torch.tensor(sorted(set(chosen.flatten().tolist()))))


@pytest.mark.parametrize("entries", [1, 2, 5])
def test_distinct_blocks_are_each_there_once(entries: int) -> None:
    lists = torch.randint(-1, 4, (3, 40, entries), generator=torch.Generator().manual_seed(0))
    found = distinct_blocks(lists)
    assert found.shape[:2] == lists.shape[:2]
    wanted = [sorted(set(entry)) for entry in lists.flatten(0, 1).tolist()]
    assert found.shape[2] == max(map(len, wanted))
    for got, expected in zip(found.flatten(0, 1).tolist(), wanted, strict=True):
        assert got == expected + [-1] * (len(got) - len(expected))
