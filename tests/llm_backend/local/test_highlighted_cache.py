"""Highlights in a model: one of its caches has them, and all others are as before."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.highlight import Highlight, Steering
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.dense import Dense

MakeModel = Callable[..., Any]
MakePrompts = Callable[..., dict[str, Tensor]]
Generate = Callable[..., tuple[Tensor, Tensor]]

TOLERANCE = 1e-10
"""Float64."""
PADDING = (11, 3, 0)
SPANS = (((5, 9),), ((5, 9), (20, 22)), ((36, 40),))
"""Of each row, without its padding."""


def steering(alpha: float = 0.01) -> Steering:
    heads = torch.zeros(2, 8, dtype=torch.bool)
    heads[0, 1] = heads[1, 6] = True
    return Steering(heads, alpha)


def highlights(steered: Steering) -> list[Highlight]:
    return [
        Highlight(steered, 40 - padding, spans)
        for padding, spans in zip(PADDING, SPANS, strict=True)
    ]


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma"])
def test_padded_rows_are_as_each_alone(
    family: str, tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model, inputs = tiny_model(family), prompts(PADDING)
    with use_attention(model, Dense()) as attention:
        marked = highlights(steering())
        together, logits = generated(model, **inputs, past_key_values=attention.new_cache(marked))
        plain, _ = generated(model, **inputs)
        for row, padding in enumerate(PADDING):
            alone, alone_logits = generated(
                model,
                input_ids=inputs["input_ids"][row : row + 1, padding:],
                past_key_values=attention.new_cache(marked[row : row + 1]),
            )
            steps = len(alone_logits)
            assert torch.equal(together[row, padding : 40 + steps], alone[0])
            assert (logits[:steps, row] - alone_logits[:, 0]).abs().max() <= TOLERANCE
    assert not torch.equal(plain, together)


def test_cached_steps_are_as_the_whole_text_read_at_once(
    tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model, ids = tiny_model("llama"), prompts()["input_ids"][2:]
    marked = [Highlight(steering(), 40, ((5, 9), (20, 22)))]
    with use_attention(model, Dense()) as attention:
        tokens, logits = generated(
            model, input_ids=ids, past_key_values=attention.new_cache(marked)
        )
        cache = attention.new_cache(marked)
        whole = model(tokens, past_key_values=cache).logits[0]
    assert (whole[39:-1] - logits[:, 0]).abs().max() <= TOLERANCE


@pytest.mark.parametrize("name", ["quest", "hip", "dhsa", "token_select", "snapkv"])
def test_other_systems_follow_highlights_in_a_model(
    name: str,
    tiny_model: MakeModel,
    prompts: MakePrompts,
    generated: Generate,
    attention_cases: ModuleType,
) -> None:
    model, ids = tiny_model("llama"), prompts()["input_ids"][2:]
    marked = [Highlight(steering(), 40, ((5, 9),))]
    logits = []
    for system in (Dense(), attention_cases.COVERING[name]()):
        with use_attention(model, system) as attention:
            cache = attention.new_cache(marked)
            logits.append(generated(model, input_ids=ids, past_key_values=cache)[1])
            assert cache.share_highlighted() == 1
    assert (logits[0] - logits[1]).abs().max() <= TOLERANCE


def test_alpha_of_1_changes_no_bit(
    tiny_model: MakeModel, prompts: MakePrompts, generated: Generate
) -> None:
    model, inputs = tiny_model("llama", torch.float32), prompts(PADDING)
    with use_attention(model, Dense()) as attention:
        cache = attention.new_cache(highlights(steering(alpha=1)))
        _, logits = generated(model, **inputs, past_key_values=cache)
        _, plain = generated(model, **inputs)
    assert torch.equal(logits, plain)


def test_heads_of_another_model_are_refused(tiny_model: MakeModel) -> None:
    wrong = Steering(torch.ones(3, 8, dtype=torch.bool), 0.1)
    with (
        use_attention(tiny_model("llama"), Dense()) as attention,
        pytest.raises(UsageError, match=r"\[2, 8\] for this model"),
    ):
        attention.new_cache([Highlight(wrong, 9, ((0, 2),))])


def test_layers_with_a_window_of_their_own_are_refused(tiny_model: MakeModel) -> None:
    with (
        use_attention(tiny_model("gemma3"), Dense()) as attention,
        pytest.raises(UsageError, match="cannot be steered"),
    ):
        attention.new_cache([Highlight(steering(), 9, ((0, 2),))])


def test_a_batch_with_more_rows_than_highlights_is_refused(
    tiny_model: MakeModel, prompts: MakePrompts
) -> None:
    with use_attention(model := tiny_model("llama"), Dense()) as attention:
        cache = attention.new_cache(highlights(steering())[:2])
        with pytest.raises(UsageError, match="one more sequence"):
            model(**prompts(PADDING), past_key_values=cache)
