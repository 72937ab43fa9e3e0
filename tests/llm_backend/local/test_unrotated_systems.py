"""Systems that rotate keys themselves: right for every kind of RoPE with fixed frequencies."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tapgraph.kernels.attention_system import Rotary
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.in_models.text_decoder import TextDecoder
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig

TOLERANCE = 1e-10
"""Float64; norms inside the models round to float32, which hides smaller differences."""

FAMILIES = pytest.mark.parametrize("family", ["llama", "llama3_rope", "yarn_rope", "linear_rope"])


@FAMILIES
def test_token_select_that_reads_everything_is_the_model_itself(
    family: str, tiny_model: Any
) -> None:
    model = tiny_model(family)
    token_ids = torch.randint(3, 96, (2, 40), generator=torch.Generator().manual_seed(5))
    mask = torch.ones_like(token_ids)
    mask[1, :9] = 0
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    expected = model(input_ids=token_ids, attention_mask=mask, position_ids=positions).logits
    system = TokenSelect(TokenSelectConfig(n_init=8, k=20, n_local=12, chunk=8))
    with use_attention(model, system) as attention:
        cache = attention.new_cache()
        parts = [
            model(
                input_ids=token_ids[:, first:last],
                attention_mask=mask[:, :last],
                past_key_values=cache,
            ).logits
            for first, last in [(0, 17), (17, 38), (38, 39), (39, 40)]
        ]
    difference = (torch.cat(parts, dim=1) - expected).abs()
    assert difference[0].max() <= TOLERANCE
    assert difference[1, 9:].max() <= TOLERANCE


class ExactAngles(Rotary):
    """A model's frequencies, with angles in float64 where models have float32."""

    def __init__(self, module: Any) -> None:
        self._frequencies: Tensor = module.inv_freq.double()
        self._length: float = module.attention_scaling

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        angles = positions[:, None, :, None] * self._frequencies
        turned = torch.complex(*vectors.chunk(2, dim=-1)) * torch.exp(1j * angles)
        return self._length * torch.cat((turned.real, turned.imag), dim=-1)

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        return self(vectors, -positions) / self._length**2


@FAMILIES
def test_landmark_retrieves_the_same_with_a_models_rotary_as_with_exact_angles(
    family: str, tiny_model: Any
) -> None:
    model = tiny_model(family)
    attention = next(TextDecoder(model).attention_modules())
    shape = attention.shape
    generator = torch.Generator().manual_seed(5)
    queries, keys, values = (
        torch.randn((1, heads, 200, shape.head_dim), generator=generator, dtype=torch.float64)
        for heads in (shape.heads, shape.kv_heads, shape.kv_heads)
    )
    outputs = []
    for rotary in (attention.rotary, ExactAngles(model.model.rotary_emb)):
        config = LandmarkConfig(block=7, retrieved=3, chunk=20, dense_below=0)
        layer = Landmark(config).open_layer(shape, rotary)
        calls = [(0, 180), *[(slot, slot + 1) for slot in range(180, 200)]]
        outputs.append([
            (layer.prefill if last - first > 1 else layer.decode)(
                queries[:, :, first:last], keys[:, :, first:last], values[:, :, first:last]
            )
            for first, last in calls
        ])
    ours, exact = (torch.cat(parts, dim=2) for parts in outputs)
    # Float32 angles are off by 1e-7 for the positions of a few rooms.
    assert (ours - exact).abs().max() <= 1e-5
