"""Tiny random models of each family that attention systems work in."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen3Config,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

SIZES: Mapping[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "max_position_embeddings": 512,
}
HEAD_DIM: Mapping[str, Any] = {**SIZES, "head_dim": 16}
MROPE: Mapping[str, Any] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
VISION: Mapping[str, Any] = {"depth": 1, "hidden_size": 32, "num_heads": 2, "out_hidden_size": 64}

CONFIGS: Mapping[str, Callable[[], Any]] = {
    "llama": lambda: LlamaConfig(**HEAD_DIM),
    "llama3_rope": lambda: LlamaConfig(
        **HEAD_DIM,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 1e4,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    ),
    "yarn_rope": lambda: LlamaConfig(
        **HEAD_DIM,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 4.0,
            "original_max_position_embeddings": 128,
        },
    ),
    "linear_rope": lambda: LlamaConfig(
        **HEAD_DIM, rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    ),
    "dynamic_rope": lambda: LlamaConfig(
        **HEAD_DIM, rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    ),
    "qwen2": lambda: Qwen2Config(**SIZES),
    "qwen2_window": lambda: Qwen2Config(
        **SIZES, use_sliding_window=True, sliding_window=9, max_window_layers=1
    ),
    "qwen3": lambda: Qwen3Config(**HEAD_DIM),
    "mistral": lambda: MistralConfig(**HEAD_DIM, sliding_window=None),
    "mistral_window": lambda: MistralConfig(**HEAD_DIM, sliding_window=9),
    "gemma": lambda: GemmaConfig(**HEAD_DIM),
    "gemma2": lambda: Gemma2Config(**HEAD_DIM),
    "gemma3": lambda: Gemma3TextConfig(
        **HEAD_DIM,
        sliding_window=9,
        layer_types=["sliding_attention", "full_attention"],
        query_pre_attn_scalar=20,
    ),
    "qwen2_5_vl": lambda: Qwen2_5_VLConfig(
        text_config={**SIZES, "rope_parameters": MROPE},
        vision_config={**VISION, "intermediate_size": 32},
    ),
    "qwen3_vl": lambda: Qwen3VLConfig(
        text_config={**HEAD_DIM, "rope_parameters": {**MROPE, "mrope_section": [4, 2, 2]}},
        vision_config={**VISION, "intermediate_size": 32, "deepstack_visual_indexes": [0]},
    ),
}


@pytest.fixture
def tiny_model() -> Callable[..., PreTrainedModel]:
    """Makes the model of a family in a dtype; always the same weights for the same family."""

    def make(family: str, dtype: torch.dtype = torch.float64) -> PreTrainedModel:
        torch.manual_seed(7)
        config = CONFIGS[family]()
        match family:
            case "gemma3":
                model: Any = Gemma3ForCausalLM(config)
            case "qwen2_5_vl":
                model = Qwen2_5_VLForConditionalGeneration(config)
            case "qwen3_vl":
                model = Qwen3VLForConditionalGeneration(config)
            case _:
                model = AutoModelForCausalLM.from_config(config)
        for parameter in model.parameters():
            # Larger weights than a fresh model's, so that attention is not almost uniform.
            torch.nn.init.normal_(parameter, std=0.15)
        made: PreTrainedModel = model.to(dtype).eval().requires_grad_(False)
        return made

    return make


@pytest.fixture
def prompts() -> Callable[..., dict[str, torch.Tensor]]:
    """Makes random prompts of different lengths, padded on the left."""

    def make(
        padding: tuple[int, ...] = (11, 3, 0), tokens: int = 40, seed: int = 1
    ) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(3, 96, (len(padding), tokens), generator=generator)
        mask = torch.ones_like(ids)
        for row, pads in enumerate(padding):
            mask[row, :pads] = 0
        return {"input_ids": ids * mask, "attention_mask": mask}

    return make


@pytest.fixture
def generated() -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """Generates six tokens; gives all tokens and the logits `[steps, batch, vocabulary]`.

    The logits are in the model's dtype; those that `generate()` returns are float32.
    """

    def generate(model: Any, **arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits: list[torch.Tensor] = []
        hook = model.lm_head.register_forward_hook(
            lambda _module, _inputs, output: logits.append(output[:, -1].clone())
        )
        tokens = model.generate(max_new_tokens=6, do_sample=False, **arguments)
        hook.remove()
        return tokens, torch.stack(logits[-6:])

    return generate
