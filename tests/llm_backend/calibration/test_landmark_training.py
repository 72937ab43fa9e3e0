import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.landmark_softmax import grouped_softmax_attention, insert_landmarks
from tapgraph.llm_backend.calibration.landmark_training import (
    LANDMARK,
    LandmarkTraining,
    TrainingBatch,
    TrainingStep,
    add_landmark_token,
    fine_tune_landmarks,
    landmark_loss,
)

BLOCK = 4
LANDMARK_ID = 31


def model_of(layers: int = 2, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
    )
    model: Any = LlamaForCausalLM(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.to(dtype).eval()


def copies(*, count: int, seed: int = 0) -> list[Tensor]:
    """Texts that say everything twice, some at a time."""
    generator = torch.Generator().manual_seed(seed)
    said = [torch.randint(0, 10, (8, 12), generator=generator) for _ in range(count)]
    return [torch.cat((once, once), dim=1) for once in said]


def batches(count: int) -> list[TrainingBatch]:
    return [TrainingBatch(texts) for texts in copies(count=count)]


def loss_of(model: Any, token_ids: Tensor, weights: Tensor | None = None) -> Tensor:
    return landmark_loss(model, token_ids, block=BLOCK, landmark_id=LANDMARK_ID, weights=weights)


def test_a_few_steps_lower_the_loss_on_texts_that_were_not_trained_on() -> None:
    model = model_of(dtype=torch.float32)
    unseen = copies(count=1, seed=1)[0]
    with torch.no_grad():
        before = float(loss_of(model, unseen))
    seen: list[TrainingStep] = []
    fine_tune_landmarks(
        model,
        batches(30),
        landmark_id=LANDMARK_ID,
        training=LandmarkTraining(block=BLOCK, steps=30, learning_rate=1e-2),
        on_step=seen.append,
    )
    with torch.no_grad():
        after = float(loss_of(model, unseen))
    assert after < before - 0.2
    assert [one.step for one in seen] == list(range(30))
    assert seen[-1].loss < seen[0].loss - 0.2


def test_the_gradient_agrees_with_finite_differences() -> None:
    model = model_of()
    token_ids = copies(count=1)[0][:2]
    names = [name for name, _ in model.named_parameters() if "proj" in name]
    generator = torch.Generator().manual_seed(3)
    directions = {
        name: torch.randn(model.get_parameter(name).shape, generator=generator).double()
        for name in names
    }
    loss_of(model, token_ids).backward()  # type: ignore[no-untyped-call]
    for name in names:
        slope = float((model.get_parameter(name).grad * directions[name]).sum())
        losses = []
        for step in (1e-3, -1e-3):
            with torch.no_grad():
                model.get_parameter(name).add_(directions[name], alpha=step)
                losses.append(float(loss_of(model, token_ids)))
                model.get_parameter(name).sub_(directions[name], alpha=step)
        # Norms inside the model round to float32, which the quotient magnifies.
        assert (losses[0] - losses[1]) / 2e-3 == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_a_trained_model_runs_with_landmark_attention_as_it_was_trained() -> None:
    model = model_of()
    texts = copies(count=1)[0]
    marked = insert_landmarks(texts, block=BLOCK, landmark_id=LANDMARK_ID)
    with torch.no_grad():
        trained = float(loss_of(model, texts))
        system = Landmark(LandmarkConfig(block=BLOCK, retrieved=9, chunk=10, dense_below=0))
        with use_attention(model, system):
            logits = model(input_ids=marked.token_ids).logits
        dense = model(input_ids=marked.token_ids).logits
    told = logits[:, marked.positions[:-1]].flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(told, texts[:, 1:].ravel())
    assert float(loss) == pytest.approx(trained, abs=1e-6)
    assert (dense - logits).abs().max() > 0.01


def test_the_loss_of_one_layer_is_that_of_its_equations() -> None:
    model = model_of(layers=1)
    texts = copies(count=1)[0][:2]
    marked = insert_landmarks(texts, block=BLOCK, landmark_id=LANDMARK_ID)
    token_ids, slots = marked.token_ids, marked.token_ids.shape[1]
    with torch.no_grad():
        layer = model.model.layers[0]
        hidden = model.model.embed_tokens(token_ids)
        normed = layer.input_layernorm(hidden)

        def split(tensor: Tensor) -> Tensor:
            return tensor.view(2, slots, -1, 8).transpose(1, 2)

        attention, positions = layer.self_attn, torch.arange(slots).expand(2, -1)
        output = grouped_softmax_attention(
            PlainRotary()(split(attention.q_proj(normed)), positions),
            PlainRotary()(split(attention.k_proj(normed)), positions),
            split(attention.v_proj(normed)),
            block=BLOCK,
            scale=8**-0.5,
        )
        hidden = hidden + attention.o_proj(output.transpose(1, 2).reshape(2, slots, -1))
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        logits = model.lm_head(model.model.norm(hidden)).log_softmax(dim=-1)
        told = logits[:, marked.positions[:-1]]
        expected = -told.gather(2, texts[:, 1:, None]).mean()
        loss = loss_of(model, texts)
    # The model's own rotary table is float32.
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)


def test_weights_say_which_tokens_count_as_targets() -> None:
    model, texts = model_of(), copies(count=1)[0][:2]
    first, second = torch.zeros(texts.shape), torch.zeros(texts.shape)
    first[0, BLOCK], second[1, 9] = 1.0, 1.0
    with torch.no_grad():
        loss = loss_of(model, texts, first + 3 * second)
        alone = [float(loss_of(model, texts, one)) for one in (first, second)]
    assert float(loss) == pytest.approx((alone[0] + 3 * alone[1]) / 4)


def test_the_models_attention_is_as_before_afterwards() -> None:
    model: PreTrainedModel = model_of()
    before = model.config._attn_implementation
    loss_of(model, copies(count=1)[0])
    assert model.config._attn_implementation == before


def test_the_rate_rises_and_falls_to_a_tenth() -> None:
    training = LandmarkTraining(steps=101, learning_rate=1.0, warm_share=0.1)
    rates = [training.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx((1 + math.cos(0.8 * math.pi)) / 2)


def test_a_new_landmark_token_begins_at_the_mean(tiny: Any) -> None:
    checkpoint = tiny.load("llama")
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    before = model.get_input_embeddings().weight.clone()
    landmark_id = add_landmark_token(model, tokenizer)
    assert tokenizer.encode(LANDMARK, add_special_tokens=False) == [landmark_id]
    after = model.get_input_embeddings().weight
    assert torch.allclose(after[landmark_id], before[:landmark_id].mean(dim=0))
    assert torch.equal(after[:landmark_id], before[:landmark_id])
    trained = after[landmark_id].clone()
    assert add_landmark_token(model, tokenizer) == landmark_id
    assert torch.equal(model.get_input_embeddings().weight[landmark_id], trained)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"block": 0}, "block must be at least 1, got 0"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive, got 0.0"),
        ({"longest_gradient": -1.0}, "longest_gradient must be positive, got -1.0"),
        ({"warm_share": 1.0}, "warm_share must be at least 0 and below 1, got 1.0"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0, got -0.1"),
    ],
)
def test_bad_settings_are_named(settings: Any, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        LandmarkTraining(**settings)
    assert str(caught.value) == complaint


def test_what_cannot_be_trained_is_named() -> None:
    train: Callable[..., None] = fine_tune_landmarks
    with pytest.raises(UsageError, match=r"^landmark_id must be in 0..31, got 32$"):
        train(model_of(), batches(1), landmark_id=32)
    with pytest.raises(UsageError, match=r"^3 steps need as many batches, got 1$"):
        train(
            model_of(),
            batches(1),
            landmark_id=LANDMARK_ID,
            training=LandmarkTraining(block=BLOCK, steps=3),
        )
