"""The newest tokens of several texts in one call."""

import pytest
import torch
from torch import Tensor

from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import (
    Dense,
    DenseLayer,
    can_decode_together,
    decode_together,
)
from tapgraph.kernels.token_store import PAGE_TOKENS

LENGTHS = (3, PAGE_TOKENS, 41, PAGE_TOKENS - 1)
"""One text needs a new page for its next token, one fills its page."""


def shape(heads: int, kv_heads: int, head_dim: int, kept_bits: int | None = None) -> LayerShape:
    return LayerShape(
        index=0, layers=1, heads=heads, kv_heads=kv_heads, head_dim=head_dim,
        scale=0.3, kept_bits=kept_bits,
    )  # fmt: skip


def drawn(of: LayerShape, tokens: int, seed: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Queries, keys and values in the layout in which a model gives them."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn((1, tokens, heads, of.head_dim), generator=generator).to(dtype).transpose(1, 2)
        for heads in (of.heads, of.kv_heads, of.kv_heads)
    )


def opened(of: LayerShape, dtype: torch.dtype) -> list[DenseLayer]:
    layers = []
    for seed, length in enumerate(LENGTHS):
        layer = Dense().open_layer(of, PlainRotary())
        layer.prefill(*drawn(of, length, seed, dtype))
        layers.append(layer)
    return layers


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("of", [shape(8, 2, 64), shape(3, 3, 20), shape(16, 1, 128)], ids=str)
def test_they_get_the_very_bits_that_each_gets_alone(
    of: LayerShape, dtype: torch.dtype, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    alone, together = opened(of, dtype), opened(of, dtype)
    for step in range(3):
        new = drawn(of, len(LENGTHS), 90 + step, dtype)
        assert can_decode_together(together, *new[:2])

        output = decode_together(together, *new)

        for place, layer in enumerate(alone):
            own = layer.decode(*(tensor[:, :, place : place + 1] for tensor in new))
            assert torch.equal(output[:, :, place : place + 1], own)
    for layer, twin in zip(alone, together, strict=True):
        assert torch.equal(layer.keys, twin.keys)
        assert torch.equal(layer.values, twin.values)
        assert layer.bytes_held() == twin.bytes_held()


@pytest.mark.parametrize(("dtype", "kept_bits"), [(torch.float64, None), (torch.float32, 8)])
def test_what_the_compiled_kernel_does_not_know_is_not_for_it(
    dtype: torch.dtype, kept_bits: int | None
) -> None:
    of = shape(8, 2, 64, kept_bits)

    assert not can_decode_together(opened(of, dtype), *drawn(of, len(LENGTHS), 90, dtype)[:2])
