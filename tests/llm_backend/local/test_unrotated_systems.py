"""TokenSelect rotates keys itself: right for every kind of RoPE that has fixed frequencies."""

from typing import Any

import pytest
import torch

from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig
from tapgraph.llm_backend.local.attention import use_attention

TOLERANCE = 1e-10
"""Float64; norms inside the models round to float32, which hides smaller differences."""


@pytest.mark.parametrize("family", ["llama", "llama3_rope", "yarn_rope", "linear_rope"])
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
