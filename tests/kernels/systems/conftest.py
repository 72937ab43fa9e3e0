"""Landmark attention's weights, straight from the definition."""

import math
from collections.abc import Callable, Mapping

import pytest

GroupedWeights = Callable[[Mapping[int, float], int, int], dict[int, float]]
"""From the logits of the positions that a query sees, its own position and the block size."""


def _grouped_weights(logits: Mapping[int, float], query: int, block: int) -> dict[int, float]:
    def block_of(position: int) -> int:
        return position // (block + 1)

    def is_landmark(position: int) -> bool:
        return position % (block + 1) == block

    groups: dict[int, int] = {}
    for position in logits:
        if not is_landmark(position):
            groups[position] = block_of(position)
        elif block_of(position) != block_of(query):
            groups[position] = block_of(query)
    softmax = {}
    for position, group in groups.items():
        total = sum(math.exp(logits[other]) for other in groups if groups[other] == group)
        softmax[position] = math.exp(logits[position]) / total
    weights = dict.fromkeys(logits, 0.0)
    for position in groups:
        if is_landmark(position):
            continue
        weights[position] = softmax[position]
        if block_of(position) != block_of(query):
            weights[position] *= softmax[block_of(position) * (block + 1) + block]
    return weights


@pytest.fixture
def grouped_weights() -> GroupedWeights:
    """Equations 2 to 4 of 2305.16300, one number at a time."""
    return _grouped_weights
