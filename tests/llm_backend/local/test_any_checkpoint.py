"""Checkpoints of every architecture reply as `generate()` does, or are refused in a sentence."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.sink_window import SinkWindow
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import GenerationRequest, Prompt, Sampling
from tapgraph.llm_backend.local.own_attention import OwnAttention

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

SIZES: dict[str, Any] = {
    "vocab_size": 369, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
USUAL = {**SIZES, "intermediate_size": 48, "max_position_embeddings": 512}
GROUPED = {**USUAL, "num_key_value_heads": 2}
EYES = {
    "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip
ROTATION = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}

FAMILIES: dict[str, dict[str, Any]] = {
    "bloom": SIZES,
    "codegen": {**SIZES, "n_positions": 512, "rotary_dim": 4},
    "cohere": GROUPED,
    "falcon": {**SIZES, "max_position_embeddings": 512},
    "falcon_mamba": {**SIZES, "state_size": 8},
    "gemma2": {**GROUPED, "head_dim": 8, "sliding_window": 16},
    "gpt2": {**SIZES, "n_positions": 512},
    "gpt_neox": {**USUAL, "rotary_pct": 0.5},
    "granite": GROUPED,
    "mamba": {**SIZES, "state_size": 8},
    "mixtral": {**GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2},
    "olmo2": GROUPED,
    "opt": {**USUAL, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "phi3": {**GROUPED, "original_max_position_embeddings": 512},
    "qwen2_moe": {**GROUPED, **EXPERTS, "num_experts": 4, "shared_expert_intermediate_size": 16},
    "recurrent_gemma": {**GROUPED, "lru_width": 32, "attention_window_size": 16},
    "stablelm": GROUPED,
    "starcoder2": GROUPED,
}
"""Of the models whose attention no attention system can stand in for."""


PICTURES: dict[str, dict[str, Any]] = {
    "llava": {"text_config": {"model_type": "llama", **GROUPED}, "vision_config": EYES},
    "paligemma": {
        "text_config": {"model_type": "gemma", **GROUPED, "head_dim": 8},
        "vision_config": {**EYES, "projection_dim": 32},
    },
    "qwen2_vl": {
        "text_config": {**GROUPED, "rope_parameters": ROTATION},
        "vision_config": {"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2},
    },
}
"""Of models that also take pictures; here they get words."""


@pytest.fixture
def checkpoint(family: str, tiny: "Tiny", tmp_path: Path) -> Checkpoint:
    sizes = FAMILIES.get(family)
    kind: Any = transformers.AutoModelForCausalLM
    if sizes is None:
        sizes, kind = PICTURES[family], transformers.AutoModelForImageTextToText
    config = transformers.AutoConfig.for_model(family, **sizes)
    config.eos_token_id = 2
    torch.manual_seed(1)
    model: Any = kind.from_config(config, dtype=torch.float32)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and "norm" not in name:
            # Spread logits, so that ties are rare.
            parameter.data.mul_(4.0)
    model.save_pretrained(tmp_path)
    for file in tiny.folder().glob("tokenizer*"):
        shutil.copy(file, tmp_path)
    return load_checkpoint(tmp_path, device="cpu", dtype="float32")


@pytest.mark.parametrize("family", sorted({*FAMILIES, *PICTURES} - {"recurrent_gemma"}))
def test_replies_equal_those_of_generate(checkpoint: Checkpoint, tiny: "Tiny") -> None:
    shared = tiny.prompt(300)
    prompts = [shared + tiny.prompt(7, seed=1), shared + tiny.prompt(20, seed=2), shared[:40]]
    model: Any = checkpoint.model
    expected = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        made = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=9,
            min_new_tokens=9,
            do_sample=False,
            suppress_tokens=list(tiny.nameless),
        )
        expected.append(tuple(made[0, len(prompt) :].tolist()))
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28)) as engine:
        has_own = isinstance(engine._forward, OwnAttention)
        assert has_own == (checkpoint.model.config.model_type != "llava")
        for _ in range(2):
            streams = [
                engine.submit(GenerationRequest(Prompt(prompt), 9, Sampling(0), min_tokens=9))
                for prompt in prompts
            ]
            assert [stream.result().tokens for stream in streams] == expected


@pytest.mark.parametrize("family", ["gpt2"])
def test_what_prompts_begin_with_is_read_once(checkpoint: Checkpoint, tiny: "Tiny") -> None:
    shared = tiny.prompt(400)
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28)) as engine:
        counts = [
            engine
            .submit(GenerationRequest(Prompt(prompt, (400,)), 2, Sampling(0)))
            .result()
            .finished.count.cached
            for prompt in ((*shared, 9), (*shared, 10), (*shared, 11))
        ]
    assert counts == [0, 256, 256]


@pytest.mark.parametrize("family", ["gpt2"])
def test_another_attention_system_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(UsageError, match=r"attention systems work in .* models"):
        Engine(checkpoint, SinkWindow())


@pytest.mark.parametrize("family", ["recurrent_gemma"])
def test_a_model_that_keeps_its_past_in_itself_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(UsageError, match="two replies would be mixed"):
        Engine(checkpoint)


@pytest.mark.parametrize(
    ("quantized", "told"),
    [
        ({"quant_method": "gptq", "bits": 4}, "need a library that is not installed: .*optimum"),
        ({"quant_method": "awq", "bits": 4}, "need a library that is not installed: .*gptqmodel"),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True},
            "need a library that is not installed: .*bitsandbytes",
        ),
    ],
)
def test_quantised_weights_name_the_library_that_they_need(
    quantized: dict[str, Any], told: str, tiny: "Tiny", tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": quantized}))
    with pytest.raises(UsageError, match=told):
        load_checkpoint(folder)


def test_a_model_that_reads_one_text_and_writes_another_is_refused(
    tiny: "Tiny", tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.folder(), tmp_path / "copy"))
    config = transformers.T5Config(d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    with pytest.raises(UsageError, match="cannot be loaded: Unrecognized configuration class"):
        load_checkpoint(folder)
