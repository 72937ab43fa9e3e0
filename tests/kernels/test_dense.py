from typing import Any

import pytest
import torch

from tapgraph.kernels.dense import attend_densely, attend_densely_with_lse, attend_in_window

ROUNDING = 1e-12


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
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: range(kv_len - q_len + query + 1),
    )

    output = attend_densely(queries, keys, values, scale=0.4)
    part = attend_densely_with_lse(queries, keys, values, scale=0.4)

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(part.output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(part.log_sum_exp, expected.log_sum_exp, atol=ROUNDING, rtol=0)


def test_a_long_chunk_in_pieces_equals_one_call(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(700, 700, batch=1)

    whole = attend_densely(queries, keys, values, scale=0.4)
    chunk = attend_densely(queries[:, :, 50:], keys, values, scale=0.4)

    torch.testing.assert_close(chunk, whole[:, :, 50:], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("window", [1, 3, 8, 40])
@pytest.mark.parametrize(("q_len", "kv_len"), [(19, 19), (1, 19), (7, 19)])
def test_a_window_equals_loops(
    naive: Any, random_inputs: Any, q_len: int, kv_len: int, window: int
) -> None:
    queries, keys, values = random_inputs(q_len, kv_len)

    def near(row: int, head: int, query: int) -> range:
        own = kv_len - q_len + query
        return range(max(0, own - window + 1), own + 1)

    expected = naive(queries, keys, values, 0.4, near)

    output = attend_in_window(queries, keys, values, window=window, scale=0.4)

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_output_has_the_dtype_of_the_queries(random_inputs: Any, dtype: torch.dtype) -> None:
    queries, keys, values = random_inputs(3, 9, dtype=dtype)

    assert attend_densely(queries, keys, values, scale=1.0).dtype == dtype
    part = attend_densely_with_lse(queries, keys, values, scale=1.0)
    assert (part.output.dtype, part.log_sum_exp.dtype) == (dtype, torch.float32)
