import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.razor_alibi import AlibiHeads, RazorAlibi, alibi_head_windows

TOLERANCE = 1e-12
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)
SLOPES = torch.tensor([2.0**-power for power in range(1, 9)], dtype=torch.float64)
STARTS = (0, 4)


def call(
    method: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    inputs: tuple[Tensor, Tensor, Tensor],
    first: int,
    last: int,
) -> Tensor:
    queries, keys, values = (tensor[:, :, first:last] for tensor in inputs)
    return method(queries, keys, values, torch.tensor(STARTS))


def some_heads(*, bias: bool) -> AlibiHeads:
    generator = torch.Generator().manual_seed(0)

    def weights(heads: int) -> Tensor:
        return torch.randn(heads, 6, 32, generator=generator, dtype=torch.float64) * 0.2

    return AlibiHeads(
        query_weights=weights(8),
        key_weights=weights(2),
        norm_weight=torch.full((32,), 0.3, dtype=torch.float64),
        norm_bias=torch.full((32,), 0.05, dtype=torch.float64) if bias else None,
        slopes=SLOPES,
        scale=0.4,
    )


@pytest.mark.parametrize("bias", [True, False])
def test_windows_are_the_bound_of_the_paper(bias: bool) -> None:
    heads = some_heads(bias=bias)
    windows = alibi_head_windows(heads, epsilon=1e-4)
    size = 32 * 0.3**2 + (32 * 0.05**2 if bias else 0)
    for head in range(8):
        product = heads.query_weights[head].T @ heads.key_weights[head // 4]
        norm = float(torch.linalg.svdvals(product)[0]) * 0.4
        assert windows[head] == math.ceil((2 * norm * size - math.log(1e-4)) / float(SLOPES[head]))


def test_what_lies_beyond_the_window_weighs_at_most_epsilon() -> None:
    heads, epsilon = some_heads(bias=False), 1e-3
    windows = alibi_head_windows(heads, epsilon=epsilon)
    generator = torch.Generator().manual_seed(1)
    tokens = int(windows[3]) + 20
    hidden = torch.randn(tokens, 32, generator=generator, dtype=torch.float64)
    normed = hidden / hidden.square().mean(dim=-1, keepdim=True).sqrt() * heads.norm_weight
    for head in range(4):
        queries = normed[-1] @ heads.query_weights[head].T
        scores = 0.4 * (normed @ heads.key_weights[0].T) @ queries
        scores -= SLOPES[head] * torch.arange(tokens - 1, -1, -1)
        weights = scores.softmax(dim=0)
        assert (weights[: tokens - int(windows[head])] <= epsilon).all()


@pytest.mark.parametrize("chunk", [7, 32])
def test_each_group_sees_its_longest_window_with_the_bias(
    chunk: int, naive: Any, random_inputs: Any
) -> None:
    inputs = random_inputs(43, 43)
    windows = torch.tensor([[3, 9, 2, 5, 20, 1, 13, 2]])
    layer = RazorAlibi(windows, SLOPES).open_layer(SHAPE, PlainRotary())
    for first in range(0, 42, chunk):
        call(layer.prefill, inputs, first, min(first + chunk, 42))
    output = call(layer.decode, inputs, 42, 43)

    def sees(row: int, head: int, query: int) -> Iterable[int]:
        return range(max(STARTS[row], 43 - (9 if head < 4 else 20)), 43)

    def bias(row: int, head: int, slot: int) -> float:
        return -float(SLOPES[head]) * (42 - slot)

    expected = naive(inputs[0][:, :, 42:], *inputs[1:], SHAPE.scale, sees, bias).output
    assert (output - expected).abs().max() <= TOLERANCE
    assert layer.kept_by_last_query().sum(dim=-1)[0].tolist() == [9] * 4 + [20] * 4
    without = naive(inputs[0][:, :, 42:], *inputs[1:], SHAPE.scale, sees).output
    assert (output - without).abs().max() > 0.1


def test_a_snapshot_brings_back_what_was_dropped(random_inputs: Any) -> None:
    inputs = random_inputs(40, 40)
    layer = RazorAlibi(torch.full((1, 8), 5), SLOPES).open_layer(SHAPE, PlainRotary())
    call(layer.prefill, inputs, 0, 30)
    point = layer.snapshot()
    first = call(layer.prefill, inputs, 30, 40)
    with pytest.raises(UsageError, match="cannot go back to 35 tokens"):
        layer.crop(35)
    layer.restore(point)
    again = call(layer.fork().prefill, inputs, 30, 40)
    assert torch.equal(first, again)


def test_wrong_slopes_and_windows_are_refused() -> None:
    heads = some_heads(bias=False)
    with pytest.raises(UsageError, match=r"epsilon must be between 0 and 1, got 0"):
        alibi_head_windows(heads, epsilon=0)
    with pytest.raises(UsageError, match=r"windows must be int64 \[layers, heads\]"):
        RazorAlibi(torch.zeros(1, 8, dtype=torch.int64), SLOPES)
    with pytest.raises(UsageError, match=r"slopes must be \[4\], got \[8\]"):
        RazorAlibi(torch.ones(1, 4, dtype=torch.int64), SLOPES)
    with pytest.raises(UsageError, match=r"windows must be \[1, 8\] for this model"):
        RazorAlibi(torch.ones(2, 8, dtype=torch.int64), SLOPES).open_layer(SHAPE, PlainRotary())
