"""The adapter alone, with dense attention: whatever differs from the model's own is its fault."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor
from transformers import (
    AttentionMaskInterface,
    GPT2Config,
    GPT2LMHeadModel,
)

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape, Rotary
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.in_models.attention import (
    AttentionCall,
    layer_shapes,
    observe_attention,
    replace_attention,
    use_attention,
)
from tapgraph.kernels.systems.dense import Dense, DenseLayer
from tapgraph.kernels.systems.full_cache import LastRead, SparseOutput

MakeModel = Callable[..., Any]
MakePrompts = Callable[..., dict[str, Tensor]]
Generate = Callable[..., tuple[Tensor, Tensor]]

FAMILIES = (
    "llama",
    "qwen2",
    "qwen2_window",
    "qwen3",
    "mistral",
    "mistral_window",
    "gemma",
    "gemma3",
    "qwen2_5_vl",
    "qwen3_vl",
)
TOLERANCE = 1e-10
"""Float64; norms inside the models round to float32, which hides smaller differences."""


class RotatingLayer(DenseLayer):
    """Dense attention that keeps keys unrotated and rotates all of them in every call."""

    def __init__(self, shape: LayerShape, rotary: Rotary) -> None:
        super().__init__(shape)
        self._rotary = rotary

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        positions = torch.arange(self.tokens_seen)[None]
        output = attend_densely(
            self._rotary(queries, positions[:, -queries.shape[2] :]),
            self._rotary(self.keys, positions),
            values=self.values,
            scale=self.shape.scale,
        )
        return SparseOutput(output, LastRead())


class Rotating(Dense):
    keys: ClassVar[Literal["rotated", "unrotated"]] = "unrotated"

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> RotatingLayer:
        return RotatingLayer(shape, rotary)


@pytest.mark.parametrize("chunk", [None, 7, 32])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_generates_as_with_its_own_attention(
    family: str, chunk: int | None, tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model = tiny_model(family)
    tokens, logits = generated(model, **prompts())
    with use_attention(model, Dense()):
        ours, our_logits = generated(model, **prompts(), prefill_chunk_size=chunk)
    assert torch.equal(ours, tokens)
    assert (our_logits - logits).abs().max() <= TOLERANCE


@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize(
    "family", ["llama", "llama3_rope", "yarn_rope", "linear_rope", "qwen3", "gemma", "gemma3"]
)
def test_a_system_can_rotate_by_itself_with_the_models_rotary_embedding(
    family: str, chunk: int | None, tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model = tiny_model(family)
    tokens, logits = generated(model, **prompts())
    with use_attention(model, Rotating()):
        ours, our_logits = generated(model, **prompts(), prefill_chunk_size=chunk)
    assert torch.equal(ours, tokens)
    assert (our_logits - logits).abs().max() <= TOLERANCE


def test_tokens_are_the_same_in_bfloat16_and_the_dtype_stays(
    tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model = tiny_model("llama", torch.bfloat16)
    tokens, _ = generated(model, **prompts())
    with use_attention(model, Dense()):
        ours, our_logits = generated(model, **prompts())
    assert torch.equal(ours, tokens)
    assert our_logits.dtype == torch.bfloat16


def test_without_a_registered_mask_function_padding_would_be_attended_to(
    tiny_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    model = tiny_model("llama")
    _, logits = generated(model, **prompts())
    with use_attention(model, Dense()):
        monkeypatch.delitem(AttentionMaskInterface._global_mapping, "tapgraph")
        _, our_logits = generated(model, **prompts())
    assert (our_logits - logits).abs().max() > 1e-3


def test_the_model_is_restored_after_an_error(
    tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model = tiny_model("llama")
    before = generated(model, **prompts())

    def fail_inside() -> None:
        with use_attention(model, Rotating()):
            assert model.config._attn_implementation == "tapgraph"
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail_inside()
    after = generated(model, **prompts())
    assert model.config._attn_implementation == "sdpa"
    assert all(not module._forward_pre_hooks for module in model.modules())
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


def test_the_vision_part_keeps_its_own_attention(tiny_model: MakeModel) -> None:
    model = tiny_model("qwen3_vl")
    with use_attention(model, Dense()):
        assert model.config.text_config._attn_implementation == "tapgraph"
        assert model.config.vision_config._attn_implementation == "sdpa"


def test_importing_the_adapter_changes_nothing_in_transformers() -> None:
    program = (
        "from transformers import AttentionInterface, AttentionMaskInterface\n"
        "before = [set(i._global_mapping) for i in (AttentionInterface, AttentionMaskInterface)]\n"
        "import tapgraph.kernels.in_models.attention\n"
        "after = [set(i._global_mapping) for i in (AttentionInterface, AttentionMaskInterface)]\n"
        "assert before == after\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_layer_shapes_are_those_of_the_model(tiny_model: MakeModel) -> None:
    assert layer_shapes(tiny_model("gemma3")) == tuple(
        LayerShape(index, 2, heads=8, kv_heads=2, head_dim=16, scale=20**-0.5) for index in (0, 1)
    )


@pytest.mark.parametrize("family", ["llama", "yarn_rope", "gemma3"])
def test_an_observer_sees_queries_and_keys_before_and_after_rope(
    family: str, tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model = tiny_model(family)
    seen: list[AttentionCall] = []
    ids = prompts((0, 0))["input_ids"]
    rows: list[Mapping[str, Tensor]] = []

    class Spy(RotatingLayer):
        def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            positions = torch.arange(40)[None]
            rows.append({
                "queries": queries,
                "keys": keys,
                "values": values,
                "rotated queries": self._rotary(queries, positions),
                "rotated keys": self._rotary(keys, positions),
            })
            return super().prefill(queries, keys, values)

    class Spying(Rotating):
        def open_layer(self, shape: LayerShape, rotary: Rotary) -> RotatingLayer:
            return Spy(shape, rotary)

    wanted = model(ids).logits
    with observe_attention(model, seen.append):
        logits = model(ids, use_cache=False).logits
    with use_attention(model, Spying()):
        model(ids)

    assert (logits - wanted).abs().max() <= TOLERANCE
    assert [call.layer.index for call in seen] == [0, 1]
    assert [call.window for call in seen] == ([9, None] if family == "gemma3" else [None, None])
    unrotated = [
        {name: torch.cat((first[name], second[name])) for name in first}
        for first, second in zip(rows[::2], rows[1::2], strict=True)
    ]
    for call, truth in zip(seen[-len(unrotated) :], unrotated, strict=True):
        check_call(call, truth)


def check_call(call: AttentionCall, truth: Mapping[str, Tensor]) -> None:
    for ours, theirs in (
        (call.queries, truth["rotated queries"]),
        (call.keys, truth["rotated keys"]),
        (call.values, truth["values"]),
        (call.queries_before_rotation(), truth["queries"]),
        (call.keys_before_rotation(), truth["keys"]),
    ):
        assert (ours - theirs).abs().max() <= TOLERANCE


def test_a_function_of_whole_texts_refuses_padding(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model = tiny_model("llama")
    with (
        replace_attention(model, AttentionCall.dense),
        pytest.raises(UsageError, match="give texts of one length"),
    ):
        model(**prompts(), use_cache=False)


@pytest.mark.parametrize("family", ["dynamic_rope", "qwen2_5_vl", "qwen3_vl"])
def test_rope_that_is_not_of_positions_alone_is_refused_for_unrotated_keys(
    family: str, tiny_model: MakeModel
) -> None:
    model = tiny_model(family)
    with (
        pytest.raises(UsageError, match="choose a system that takes rotated keys"),
        use_attention(model, Rotating()),
    ):
        pass
    assert model.config.get_text_config()._attn_implementation == "sdpa"


def test_soft_capped_scores_are_refused(tiny_model: MakeModel) -> None:
    with (
        pytest.raises(UsageError, match=r"soft-capped scores.*attn_logit_softcapping=50\.0"),
        use_attention(tiny_model("gemma2"), Dense()),
    ):
        pass


def test_a_model_of_another_kind_is_refused() -> None:
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=16))
    with (
        pytest.raises(UsageError, match="GPT2LMHeadModel is 'gpt2'"),
        use_attention(model, Dense()),
    ):
        pass


def test_a_model_that_keeps_its_own_attention_is_refused(
    tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    monkeypatch.setattr(
        type(model.model), "_can_set_attn_implementation", classmethod(lambda cls: False)
    )
    with (
        pytest.raises(UsageError, match="LlamaModel does not let its attention be chosen"),
        use_attention(model, Dense()),
    ):
        pass


def test_two_systems_cannot_be_in_use_at_once(tiny_model: MakeModel) -> None:
    model = tiny_model("llama")
    with (
        use_attention(model, Dense()),
        pytest.raises(UsageError, match="in use in this model already"),
        use_attention(model, Dense()),
    ):
        pass


def masks() -> dict[str, tuple[Tensor, str]]:
    holed, right, short = (torch.ones(1, 40, dtype=torch.int64) for _ in range(3))
    holed[0, 12] = 0
    right[0, -3:] = 0
    return {
        "holed": (holed, "padding must be on the left, row 0 has some after a real token"),
        "right": (right, "padding must be on the left, row 0 has some after a real token"),
        "short": (short[:, :30], "must cover the cache and the new tokens, 40 slots, got 30"),
        "four dimensions": (
            torch.ones(1, 1, 40, 40, dtype=torch.bool),
            r"attention_mask must be \[batch, tokens\], got \[1, 1, 40, 40\]",
        ),
    }


@pytest.mark.parametrize("kind", masks())
def test_masks_other_than_left_padding_are_refused(
    kind: str, tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model = tiny_model("llama")
    mask, complaint = masks()[kind]
    with use_attention(model, Dense()), pytest.raises(UsageError, match=complaint):
        model(prompts((0,))["input_ids"], attention_mask=mask)


def test_calls_without_a_cache_and_with_dropout_are_refused(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    model, ids = tiny_model("llama"), prompts((0,))["input_ids"]
    with use_attention(model, Dense()):
        with pytest.raises(UsageError, match="work through a cache: call with use_cache=True"):
            model(ids, labels=ids, use_cache=False)
        model.config.attention_dropout = 0.1
        for layer in model.model.layers:
            layer.self_attn.attention_dropout = 0.1
        with pytest.raises(UsageError, match=r"no dropout, got 0\.1: call model.eval\(\)"):
            model.train()(ids)
