from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.kernels.reference import dense_attention

from tapgraph.errors import UsageError
from tapgraph.kernels.block_sparse import block_sparse_attention

ROUNDING = 1e-12
Inputs = Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


def random_map(q_len: int, kv_len: int, query_block: int, key_block: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    shape = (2, 8, -(-q_len // query_block), -(-kv_len // key_block))
    kept = torch.rand(shape, generator=generator) < 0.5
    kept[0, 0] = False
    kept[0, 1] = True
    return kept


@pytest.mark.parametrize(("query_block", "key_block"), [(4, 4), (8, 2), (3, 5), (1, 1), (64, 64)])
@pytest.mark.parametrize(("q_len", "kv_len"), [(19, 19), (6, 19), (1, 19)])
def test_equals_loops_over_the_kept_keys(
    naive: Any,
    random_inputs: Inputs,
    q_len: int,
    kv_len: int,
    query_block: int,
    key_block: int,
) -> None:
    queries, keys, values = random_inputs(q_len, kv_len)
    kept = random_map(q_len, kv_len, query_block, key_block)
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: [
            slot
            for slot in range(kv_len - q_len + query + 1)
            if kept[row, head, query // query_block, slot // key_block]
        ],
    )

    result = block_sparse_attention(
        queries,
        keys,
        values,
        kept,
        query_block=query_block,
        key_block=key_block,
        scale=0.4,
    )

    torch.testing.assert_close(result.output, expected.output, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(result.log_sum_exp, expected.log_sum_exp, atol=ROUNDING, rtol=0)


def test_a_full_map_is_dense_attention(random_inputs: Inputs) -> None:
    queries, keys, values = random_inputs(50, 83)
    kept = torch.ones(2, 8, 4, 6, dtype=torch.bool)

    result = block_sparse_attention(
        queries, keys, values, kept, query_block=16, key_block=16, scale=0.4
    )
    dense = dense_attention(queries, keys, values, scale=0.4)

    torch.testing.assert_close(result.output, dense.output, atol=ROUNDING, rtol=0)


def test_bfloat16_stays_close_to_float64(random_inputs: Inputs) -> None:
    inputs = random_inputs(50, 83, dtype=torch.bfloat16)
    kept = random_map(50, 83, 16, 16)
    options: dict[str, Any] = {"query_block": 16, "key_block": 16, "scale": 0.4}

    result = block_sparse_attention(*inputs, kept=kept, **options)
    queries, keys, values = (tensor.double() for tensor in inputs)
    exact = block_sparse_attention(queries, keys, values, kept=kept, **options)

    assert result.output.dtype == torch.bfloat16
    assert (result.output.double() - exact.output).abs().max() < 2**-6


@pytest.mark.parametrize(
    ("kept", "query_block", "message"),
    [
        (torch.ones(2, 8, 2, 3), 4, r"^kept must be bool \[2, 8, 3, 3\], got torch.float32 \[2, 8"),
        (torch.ones(2, 2, 3, 3).bool(), 4, r"^kept must be bool \[2, 8, 3, 3\], got torch.bool"),
        (torch.ones(2, 8, 3, 3).bool(), 0, r"^query_block and key_block must be at least 1, got"),
    ],
)
def test_a_map_that_does_not_fit_is_named(
    random_inputs: Inputs, kept: torch.Tensor, query_block: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        block_sparse_attention(
            *random_inputs(9, 9),
            kept=kept,
            query_block=query_block,
            key_block=4,
            scale=1.0,
        )
