"""Weights in bfloat16 and in 8 bits."""

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from tapgraph.llm_backend.local.checkpoint import load_checkpoint, multiplies_bfloat16
from tapgraph.llm_backend.local.engine import EngineLimits
from tapgraph.llm_backend.local.int8_weights import Int8Linear, quantize_linear_layers
from tapgraph.llm_backend.local.opening import LocalSettings, open_engine

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 16, 17, 100])
def test_eight_bits_are_within_half_a_step_of_each_weight(rows: int, bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(64, 48, bias=bias).bfloat16()
    eight = Int8Linear(linear)
    steps = eight.scales.float()[:, None]
    kept = eight.weight.float() * steps
    # The scales are bfloat16 themselves: 8 bits of precision over up to 127 steps.
    assert bool(((kept - linear.weight.float()).abs() <= steps * (0.5 + 127 / 256)).all())
    inputs = torch.randn(2, rows, 64).bfloat16()
    wanted = nn.functional.linear(
        inputs.float(), kept, None if linear.bias is None else linear.bias.float()
    )
    got = eight(inputs)
    assert got.shape == (2, rows, 48)
    assert (got.float() - wanted).abs().max() < 0.05


def test_all_linear_layers_are_replaced(tiny: "Tiny") -> None:
    checkpoint = load_checkpoint(tiny.folder(), device="cpu", dtype="bfloat16")
    quantize_linear_layers(checkpoint.model)
    left = [one for one in checkpoint.model.modules() if isinstance(one, nn.Linear)]
    assert not left
    assert sum(isinstance(one, Int8Linear) for one in checkpoint.model.modules()) == 2 * 7 + 1


@pytest.mark.parametrize("attention", ["dense", "sink_window"])
def test_a_model_in_eight_bits_answers(attention: str, tiny: "Tiny") -> None:
    settings = LocalSettings(tiny.folder(), attention, device="cpu", dtype="int8")
    with open_engine(settings, EngineLimits()) as engine:
        reply = engine.submit(tiny.greedy(tiny.prompt(40), 10, min_tokens=10)).result()
    assert len(reply.tokens) == 10


def test_auto_is_what_the_processor_multiplies(tiny: "Tiny") -> None:
    loaded = load_checkpoint(tiny.folder(), device="cpu", dtype="auto")
    wanted = torch.bfloat16 if multiplies_bfloat16() else torch.float32
    assert loaded.model.dtype == wanted
