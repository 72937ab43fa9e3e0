from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.kernels.reference import dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.landmark_softmax import (
    grouped_softmax_attention,
    grouped_softmax_attention_with_lse,
)

TOLERANCE = 1e-12
"""Float64; only the order of sums differs."""
SCALE = 0.4


def by_definition(
    grouped_weights: Any,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    block: int,
) -> Tensor:
    batch, heads, q_len, _ = queries.shape
    kv_len, group = keys.shape[2], heads // keys.shape[1]
    output = torch.zeros_like(queries)
    for row in range(batch):
        for head in range(heads):
            for query in range(q_len):
                slot = kv_len - q_len + query
                key = keys[row, head // group]
                logits = {
                    other: SCALE * float(queries[row, head, query] @ key[other])
                    for other in range(slot + 1)
                }
                weights = grouped_weights(logits, slot, block)
                for position, weight in weights.items():
                    value = values[row, head // group, position]
                    output[row, head, query] += weight * value
    return output


@pytest.mark.parametrize("block", [1, 3, 4, 30])
@pytest.mark.parametrize(("q_len", "kv_len"), [(17, 17), (16, 16), (5, 18), (1, 20), (1, 3)])
def test_it_is_the_published_definition(
    block: int, q_len: int, kv_len: int, random_inputs: Any, grouped_weights: Any
) -> None:
    queries, keys, values = random_inputs(q_len, kv_len, seed=block)
    expected = by_definition(grouped_weights, queries, keys, values, block)
    output = grouped_softmax_attention(queries, keys, values, block=block, scale=SCALE)
    assert (output - expected).abs().max() <= TOLERANCE


def test_weights_sum_to_one(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(26, 26)
    output = grouped_softmax_attention(queries, keys, torch.ones_like(values), block=4, scale=SCALE)
    assert (output - 1).abs().max() <= TOLERANCE


def test_a_landmark_attends_to_its_block_without_itself(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(1, 5)
    output = grouped_softmax_attention(queries, keys, values, block=4, scale=SCALE)
    expected = dense_attention(queries, keys[:, :, :4], values[:, :, :4], scale=SCALE).output
    assert (output - expected).abs().max() <= TOLERANCE


def test_a_landmark_as_likely_as_its_block_gives_dense_attention(random_inputs: Any) -> None:
    block, blocks = 3, 4
    queries, keys, values = random_inputs(1, blocks * (block + 1) + 2)
    is_landmark = torch.arange(keys.shape[2]) % (block + 1) == block
    for row in range(2):
        for kv_head in range(2):
            asking = queries[row, kv_head * 4 : kv_head * 4 + 4, 0]
            for landmark in is_landmark.nonzero()[:, 0].tolist():
                inside = keys[row, kv_head, landmark - block : landmark]
                wanted = torch.logsumexp(SCALE * asking @ inside.T, dim=1) / SCALE
                keys[row, kv_head, landmark] = torch.linalg.pinv(asking) @ wanted
    part = grouped_softmax_attention_with_lse(queries, keys, values, block=block, scale=SCALE)
    dense = dense_attention(queries, keys, values, scale=SCALE, mask=~is_landmark)
    assert (part.output - dense.output).abs().max() <= 1e-10
    assert (part.log_sum_exp - dense.log_sum_exp).abs().max() <= 1e-10


def test_a_map_of_heads_by_remainder_would_be_seen(
    random_inputs: Any, grouped_weights: Any
) -> None:
    queries, keys, values = random_inputs(12, 12)
    expected = by_definition(grouped_weights, queries, keys, values, 3)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    wrong = grouped_softmax_attention(queries[:, order], keys, values, block=3, scale=SCALE)
    assert (wrong[:, order.argsort()] - expected).abs().max() > 0.1


def test_gradients_agree_with_finite_differences(random_inputs: Any) -> None:
    queries, keys, values = (
        tensor.requires_grad_() for tensor in random_inputs(6, 8, heads=2, kv_heads=1, head_dim=2)
    )

    def output(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return grouped_softmax_attention(queries, keys, values, block=2, scale=SCALE)

    assert torch.autograd.gradcheck(output, (queries, keys, values))


def test_low_precision_is_computed_in_float32(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(9, 9, dtype=torch.bfloat16)
    part = grouped_softmax_attention_with_lse(queries, keys, values, block=3, scale=SCALE)
    exact = grouped_softmax_attention(
        queries.double(), keys.double(), values.double(), block=3, scale=SCALE
    )
    assert part.output.dtype == torch.bfloat16
    assert part.log_sum_exp.dtype == torch.float32
    # The output is rounded to 8 bits once.
    assert (part.output - exact).abs().max() <= 2**-8 * exact.abs().max()


def test_bad_input_is_named(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(5, 5)
    attend: Callable[..., Any] = grouped_softmax_attention
    with pytest.raises(UsageError, match=r"^block must be at least 1, got 0$"):
        attend(queries, keys, values, block=0, scale=SCALE)
    with pytest.raises(UsageError, match=r"^heads must be a multiple of kv_heads, got 7 and 2$"):
        attend(queries[:, :7], keys, values, block=2, scale=SCALE)
    with pytest.raises(UsageError, match=r"^there must be at least as many keys as queries, got 3"):
        attend(queries, keys[:, :, :3], values[:, :, :3], block=2, scale=SCALE)
