import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.kernels.reference import dense_attention

from tapgraph.errors import UsageError

ROUNDING = 1e-12
"""Two float64 summation orders differ by less."""


def sees(first: int) -> Callable[[int, int, int], range]:
    return lambda row, head, query: range(first + query + 1)


@pytest.mark.parametrize(("q_len", "kv_len"), [(7, 7), (1, 9), (4, 9)])
def test_equals_loops_over_explicit_sets(
    naive: Any, random_inputs: Any, q_len: int, kv_len: int
) -> None:
    queries, keys, values = random_inputs(q_len, kv_len)
    expected = naive(queries, keys, values, 0.4, sees(kv_len - q_len))

    result = dense_attention(queries, keys, values, scale=0.4)

    torch.testing.assert_close(result.output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(result.log_sum_exp, expected.log_sum_exp, atol=ROUNDING, rtol=0)


def test_heads_mapped_by_remainder_fail(naive: Any, random_inputs: Any) -> None:
    queries, keys, values = random_inputs(7, 7)
    by_remainder = [head for kv in range(2) for head in range(kv, 8, 2)]
    expected = naive(queries, keys, values, 0.4, sees(0))

    wrong = dense_attention(queries[:, by_remainder], keys, values, scale=0.4)

    unmapped = wrong.output[:, torch.tensor(by_remainder).argsort()]
    assert not torch.allclose(unmapped, expected.output, atol=0.01)


def test_a_mask_takes_away_but_never_adds(naive: Any, random_inputs: Any) -> None:
    queries, keys, values = random_inputs(3, 8)
    mask = torch.zeros(1, 8, 1, 8, dtype=torch.bool)
    mask[:, ::2, :, ::2] = True
    mask[:, 1::2, :, 7] = True
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: [slot for slot in range(6 + query) if mask[0, head, 0, slot]],
    )

    result = dense_attention(queries, keys, values, scale=0.4, mask=mask)

    torch.testing.assert_close(result.output, expected.output, atol=ROUNDING, rtol=0)
    assert result.output[:, 1, 0].abs().max() == 0
    assert result.log_sum_exp[0, 1, 0] == -math.inf


def test_bfloat16_inputs_are_computed_in_float64(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(5, 5, dtype=torch.bfloat16)

    result = dense_attention(queries, keys, values, scale=0.4)
    exact = dense_attention(queries.double(), keys.double(), values.double(), scale=0.4)

    assert result.output.dtype == torch.float64
    assert torch.equal(result.output, exact.output)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, v: (q[0], k, v), r"^queries must be \[batch, heads, tokens, head_dim\]"),
        (lambda q, k, v: (q.float(), k, v), r"must have one dtype, got torch.float32, torch.fl"),
        (lambda q, k, v: (q, k, v[:, :, 1:]), r"^keys and values must have one shape, got \["),
        (lambda q, k, v: (q[:, :7], k, v), r"^heads must be a multiple of kv_heads, got 7 and 2$"),
        (lambda q, k, v: (q[:1], k, v), r"^queries and keys must agree in batch and head_dim"),
        (lambda q, k, v: (q.int(), k.int(), v.int()), r"^queries must be floating point, got"),
        (lambda q, k, v: (q, k[:, :, :3], v[:, :, :3]), r"at least as many keys as queries, g"),
    ],
)
def test_inputs_that_do_not_fit_are_named(random_inputs: Any, change: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        dense_attention(*change(*random_inputs(5, 5)), scale=1.0)
