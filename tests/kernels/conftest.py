"""Attention by plain loops over explicit index sets: what all kernels are compared with."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

IndexSets = Callable[[int, int, int], Iterable[int]]
"""The slots that a query sees, from its row, its head and its number in the call."""


class Expected(NamedTuple):
    """Attention output and log-sum-exp in float64."""

    output: Tensor
    log_sum_exp: Tensor


class Naive:
    """One query at a time, one key at a time."""

    def __call__(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        scale: float,
        sees: IndexSets,
        bias: Callable[[int, int, int], float] = lambda row, head, slot: 0.0,
    ) -> Expected:
        batch, heads, q_len, head_dim = queries.shape
        group = heads // keys.shape[1]
        output = torch.zeros(batch, heads, q_len, head_dim, dtype=torch.float64)
        normaliser = torch.full((batch, heads, q_len), -math.inf, dtype=torch.float64)
        for row in range(batch):
            for head in range(heads):
                kv_head = head // group
                for query in range(q_len):
                    total = 0.0
                    for slot in sees(row, head, query):
                        dot = torch.dot(
                            queries[row, head, query].double(), keys[row, kv_head, slot].double()
                        )
                        weight = math.exp(scale * float(dot) + bias(row, head, slot))
                        total += weight
                        output[row, head, query] += weight * values[row, kv_head, slot].double()
                    if total:
                        output[row, head, query] /= total
                        normaliser[row, head, query] = math.log(total)
        return Expected(output, normaliser)


@pytest.fixture
def naive() -> Naive:
    """Attention by loops; call it with queries, keys, values, scale and the index sets."""
    return Naive()


class RandomInputs:
    """Random queries, keys and values of tokens of which the queries are the last."""

    def __call__(
        self,
        q_len: int,
        kv_len: int,
        *,
        batch: int = 2,
        heads: int = 8,
        kv_heads: int = 2,
        head_dim: int = 6,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)

        def draw(heads: int, tokens: int) -> Tensor:
            shape = (batch, heads, tokens, head_dim)
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

        return draw(heads, q_len), draw(kv_heads, kv_len), draw(kv_heads, kv_len)


@pytest.fixture
def random_inputs() -> RandomInputs:
    """Queries `[2, 8, q_len, 6]`, keys and values `[2, 2, kv_len, 6]` in float64."""
    return RandomInputs()
