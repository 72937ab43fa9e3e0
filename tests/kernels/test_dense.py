import math
from typing import Any

import pytest
import torch

from tapgraph.kernels.dense import attend_densely, attend_densely_with_lse

ROUNDING = 1e-12
STARTS = [0, 5, 12]


@pytest.mark.parametrize("kv_heads", [1, 2, 8])
@pytest.mark.parametrize(("q_len", "kv_len"), [(19, 19), (1, 19), (3, 19), (17, 19)])
def test_both_forms_equal_loops(
    naive: Any,
    random_inputs: Any,
    q_len: int,
    kv_len: int,
    kv_heads: int,
) -> None:
    queries, keys, values = random_inputs(q_len, kv_len, batch=3, kv_heads=kv_heads)
    starts = torch.tensor(STARTS)
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: range(STARTS[row], kv_len - q_len + query + 1),
    )

    output = attend_densely(queries, keys, values, scale=0.4, starts=starts)
    part = attend_densely_with_lse(queries, keys, values, scale=0.4, starts=starts)

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(part.output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(part.log_sum_exp, expected.log_sum_exp, atol=ROUNDING, rtol=0)


def test_a_long_chunk_in_pieces_equals_one_call(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(700, 700, batch=1)
    starts = torch.zeros(1, dtype=torch.int64)

    whole = attend_densely(queries, keys, values, scale=0.4, starts=starts)
    chunk = attend_densely(queries[:, :, 50:], keys, values, scale=0.4, starts=starts)

    torch.testing.assert_close(chunk, whole[:, :, 50:], atol=ROUNDING, rtol=0)


def test_a_row_of_padding_gives_zeros(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(2, 4)
    starts = torch.tensor([4, 0])

    assert attend_densely(queries, keys, values, scale=1.0, starts=starts)[0].abs().max() == 0
    part = attend_densely_with_lse(queries, keys, values, scale=1.0, starts=starts)
    assert part.log_sum_exp[0].max() == -math.inf


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_output_has_the_dtype_of_the_queries(random_inputs: Any, dtype: torch.dtype) -> None:
    queries, keys, values = random_inputs(3, 9, dtype=dtype)
    starts = torch.tensor([0, 2])

    assert attend_densely(queries, keys, values, scale=1.0, starts=starts).dtype == dtype
    part = attend_densely_with_lse(queries, keys, values, scale=1.0, starts=starts)
    assert (part.output.dtype, part.log_sum_exp.dtype) == (dtype, torch.float32)
