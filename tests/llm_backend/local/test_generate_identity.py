"""Every attention system, with a budget that covers the context, equals dense attention."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from tapgraph.kernels.attention_system import LayerShape, Rotary
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.dense import Dense, DenseLayer
from tapgraph.kernels.systems.full_cache import LastRead, SparseOutput
from tapgraph.kernels.systems.landmark_softmax import grouped_softmax_attention

MakeModel = Callable[..., Any]
MakePrompts = Callable[..., dict[str, Tensor]]
Generate = Callable[..., tuple[Tensor, Tensor]]

PADDED = (0, 8, 20)
LENGTH = 46
NEW_TOKENS = 6

TOLERANCE = 1e-10
"""Float64; norms inside the models round to float32, which hides smaller differences."""
EVERY = pytest.mark.parametrize("name", [name for name in SYSTEMS if name != "landmark"])
"""Landmark attention is another function of its inputs (a grouped softmax) also when it is full."""


@EVERY
@pytest.mark.parametrize("chunk", [None, 7, 32])
@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_generate_gives_the_logits_of_dense_attention(
    name: str,
    family: str,
    chunk: int | None,
    tiny_model: MakeModel,
    attention_cases: ModuleType,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    model = tiny_model(family)
    tokens, logits = generated(model, **prompts(PADDED, LENGTH))
    with use_attention(model, attention_cases.COVERING[name]()):
        ours, our_logits = generated(model, **prompts(PADDED, LENGTH), prefill_chunk_size=chunk)
    assert torch.equal(ours, tokens)
    assert (our_logits - logits).abs().max() <= TOLERANCE


@pytest.mark.parametrize("chunk", [None, 7, 32])
@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_landmark_generates_as_the_full_grouped_softmax(
    family: str,
    chunk: int | None,
    tiny_model: MakeModel,
    attention_cases: ModuleType,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    landmark = attention_cases.COVERING["landmark"]()
    block: int = landmark.config.block

    class GroupedLayer(DenseLayer):
        def attend_sparsely(self, queries: Tensor) -> SparseOutput:
            output = grouped_softmax_attention(
                queries, self.keys, self.values, block=block, scale=self.shape.scale
            )
            return SparseOutput(output, LastRead())

    class Grouped(Dense):
        def open_layer(self, shape: LayerShape, rotary: Rotary) -> DenseLayer:
            return GroupedLayer(shape)

    model = tiny_model(family)
    with use_attention(model, Grouped()):
        tokens, logits = generated(model, **prompts(PADDED, LENGTH))
    with use_attention(model, landmark):
        ours, our_logits = generated(model, **prompts(PADDED, LENGTH), prefill_chunk_size=chunk)
    assert torch.equal(ours, tokens)
    assert (our_logits - logits).abs().max() <= TOLERANCE


@EVERY
@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_generate_gives_the_same_tokens_in_bfloat16(
    name: str,
    family: str,
    tiny_model: MakeModel,
    attention_cases: ModuleType,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    model = tiny_model(family, torch.bfloat16)
    clear = prompts(PADDED, LENGTH, seed=138)
    tokens, logits = generated(model, **clear)
    best, second = logits.double().topk(2, dim=-1).values.unbind(dim=-1)
    # A near tie may fall either way; these prompts have none.
    assert ((best - second) / best).min() > 3 * torch.finfo(torch.bfloat16).eps
    with use_attention(model, attention_cases.COVERING[name]()):
        ours, our_logits = generated(model, **clear)
    assert torch.equal(ours, tokens)
    assert our_logits.dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["dense", "duo", "token_select"])
@pytest.mark.parametrize(
    "family", ["qwen2", "mistral", "mistral_window", "gemma", "gemma3", "yarn_rope"]
)
def test_generate_gives_the_logits_of_dense_attention_in_other_families(
    name: str,
    family: str,
    tiny_model: MakeModel,
    attention_cases: ModuleType,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    model = tiny_model(family)
    tokens, logits = generated(model, **prompts(PADDED, LENGTH))
    with use_attention(model, attention_cases.COVERING[name]()):
        ours, our_logits = generated(model, **prompts(PADDED, LENGTH), prefill_chunk_size=7)
    assert torch.equal(ours, tokens)
    assert (our_logits - logits).abs().max() <= TOLERANCE


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_small_budget_generates_in_order(
    name: str,
    tiny_model: MakeModel,
    attention_cases: ModuleType,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    model = tiny_model("llama")
    with use_attention(model, attention_cases.TIGHT[name]()) as attention:
        cache = attention.new_cache()
        tokens, logits = generated(
            model, **prompts(PADDED, LENGTH), past_key_values=cache, prefill_chunk_size=7
        )
    assert tokens.shape == (3, LENGTH + NEW_TOKENS)
    assert logits.isfinite().all()
    assert {layer.get_seq_length() for layer in cache.layers} == {LENGTH + NEW_TOKENS - 1}
    assert 0 < cache.reading.attended <= LENGTH + NEW_TOKENS - 1


def test_a_map_of_heads_by_remainder_would_be_seen(
    tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    # Query heads of KV head 0 first, if head h belonged to KV head h % 2.
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])

    class ByRemainder(DenseLayer):
        def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            return super().prefill(queries[:, order], keys, values)[:, order.argsort()]

    class Wrong(Dense):
        def open_layer(self, shape: LayerShape, rotary: Rotary) -> DenseLayer:
            return ByRemainder(shape)

    model = tiny_model("llama")
    _, logits = generated(model, **prompts(PADDED, LENGTH))
    with use_attention(model, Wrong()):
        _, our_logits = generated(model, **prompts(PADDED, LENGTH))
    assert (our_logits - logits).abs().max() > 1e-3


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_row_beside_a_longer_one_is_what_it_is_alone(
    name: str,
    tiny_model: MakeModel,
    attention_cases: ModuleType,
    prompts: MakePrompts,
    generated: Generate,
) -> None:
    model = tiny_model("llama")
    padded = prompts((0, 47, 30), LENGTH + 20)
    with use_attention(model, attention_cases.TIGHT[name]()):
        tokens, together = generated(model, **padded, prefill_chunk_size=7)
        for row, padding in enumerate((0, 47, 30)):
            # The same chunks, so that what depends on them is alike.
            cache_of_row = {
                "input_ids": padded["input_ids"][row : row + 1],
                "attention_mask": padded["attention_mask"][row : row + 1],
            }
            alone_tokens, alone = generated(model, **cache_of_row, prefill_chunk_size=7)
            assert torch.equal(tokens[row], alone_tokens[0]), padding
            assert (together[:, row] - alone[:, 0]).abs().max() <= TOLERANCE


class CountingLayer(DenseLayer):
    """Says which calls were which."""

    calls: ClassVar[list[str]] = []

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        self.calls.append(f"prompt {queries.shape[2]}")
        return super().prefill(queries, keys, values)

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        self.calls.append("reply")
        return super().decode(queries, keys, values)


def test_the_last_chunk_of_a_prompt_is_prompt_even_if_it_is_one_token(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    class Counting(Dense):
        def open_layer(self, shape: LayerShape, rotary: Rotary) -> DenseLayer:
            return CountingLayer(shape) if shape.index == 0 else DenseLayer(shape)

    CountingLayer.calls.clear()
    model, inputs = tiny_model("llama"), prompts((0,), 15)
    with use_attention(model, Counting()):
        model.generate(**inputs, prefill_chunk_size=7, max_new_tokens=3, do_sample=False)
    assert CountingLayer.calls == ["prompt 7", "prompt 7", "prompt 1", "reply", "reply"]
    assert "prepare_inputs_for_generation" not in vars(model)
