from collections.abc import Iterator
from itertools import islice, repeat

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.calibration.duo_gates import (
    DuoTraining,
    Progress,
    fit_gates,
    full_heads_of,
    gate_loss,
    train_duo_gates,
)
from tapgraph.llm_backend.calibration.passkeys import LabelledSequence, PasskeyData

TRAINING = DuoTraining(steps=50, learning_rate=0.05, sink=4, recent=16, full_share=0.25)
DATA = PasskeyData(passkeys=3, words=6, shortest=96, longest=160)


def random_model() -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = LlamaForCausalLM(config)
    # The norms of transformers compute in float32, too roughly for finite differences.
    model.model.norm = torch.nn.RMSNorm(32)
    for layer in model.model.layers:
        layer.input_layernorm = torch.nn.RMSNorm(32)
        layer.post_attention_layernorm = torch.nn.RMSNorm(32)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    made: LlamaForCausalLM = model.double().eval()
    return made


def random_sequence(tokens: int = 40) -> LabelledSequence:
    generator = torch.Generator().manual_seed(0)
    return LabelledSequence(torch.randint(64, (tokens,), generator=generator), tokens - 12)


def hidden_states(model: LlamaForCausalLM, sequence: LabelledSequence) -> Tensor:
    hidden = model.model(input_ids=sequence.token_ids[None], use_cache=True).last_hidden_state
    tail: Tensor = hidden[0, sequence.tail :]
    return tail


def test_the_gradient_of_the_gates_is_that_of_finite_differences() -> None:
    model, sequence = random_model().requires_grad_(False), random_sequence()
    training = DuoTraining(sink=2, recent=4)
    generator = torch.Generator().manual_seed(2)
    gates = 0.2 + 0.6 * torch.rand(2, 2, generator=generator, dtype=torch.float64)
    gates.requires_grad_(True)
    gate_loss(model, gates, sequence, training).backward()  # type: ignore[no-untyped-call]
    assert gates.grad is not None
    assert (gates.grad.abs() > 1e-4).all()
    for layer in range(2):
        for head in range(2):
            losses = []
            for step in (1e-5, -1e-5):
                moved = gates.detach().clone()
                moved[layer, head] += step
                losses.append(float(gate_loss(model, moved, sequence, training)))
            difference = (losses[0] - losses[1]) / 2e-5
            assert gates.grad[layer, head].item() == pytest.approx(difference, rel=1e-5)


def test_open_gates_are_dense_attention_and_closed_gates_are_streaming_attention() -> None:
    model, sequence = random_model().requires_grad_(False), random_sequence()
    training = DuoTraining(sink=2, recent=4)
    ones = torch.ones(2, 2, dtype=torch.float64)
    assert gate_loss(model, ones, sequence, training) == 0
    dense = hidden_states(model, sequence)
    none = torch.zeros(2, 2, dtype=torch.bool)
    system = Duo(DuoConfig(sink=2, recent=4, prefill="strict"), none)
    with use_attention(model, system):
        streaming = hidden_states(model, sequence)
    expected = (streaming - dense).square().mean()
    closed = gate_loss(model, none.double(), sequence, training)
    assert closed.item() == pytest.approx(expected.item(), rel=1e-10)
    assert closed > 1e-3


def test_an_open_gate_gives_the_dense_output_of_the_other_copy() -> None:
    """An error of the first layer does not reach a full head of the second."""
    model, sequence = random_model().requires_grad_(False), random_sequence()
    gates = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    taught = gate_loss(model, gates, sequence, DuoTraining(sink=2, recent=4))
    system = Duo(DuoConfig(sink=2, recent=4, prefill="strict"), gates.bool())
    dense = hidden_states(model, sequence)
    with use_attention(model, system):
        own = (hidden_states(model, sequence) - dense).square().mean()
    assert 0 < taught < own


def test_the_gate_weight_alone_makes_all_gates_fall() -> None:
    training = DuoTraining(steps=60, learning_rate=0.05, sink=4, recent=64)
    steps: list[Progress] = []
    gates = fit_gates(random_model(), repeat(random_sequence(), 60), training, on_step=steps.append)
    assert max(step.distance for step in steps) < 1e-20
    means = [step.mean_gate for step in steps]
    assert means == sorted(means, reverse=True)
    assert (gates == 0).all()


def test_without_the_gate_weight_gates_stay_open() -> None:
    training = DuoTraining(steps=5, gate_weight=0.0, sink=4, recent=64)
    gates = fit_gates(random_model(), repeat(random_sequence(), 5), training)
    assert (gates == 1).all()


def test_only_the_planted_induction_head_keeps_its_gate(
    planted_model: LlamaForCausalLM, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    """The echo head looks as far, but nothing depends on it; the first layer's looks near."""
    before = fingerprint(planted_model)
    calibration = train_duo_gates(
        planted_model, word_tokenizer, seed=0, training=TRAINING, data=DATA
    )
    gates = calibration.tensors["gates"]
    assert gates[1, 1] > 0.9
    assert gates.flatten()[:3].max() < 0.1
    assert calibration.tensors["full_heads"].tolist() == [[False, False], [False, True]]
    assert (calibration.system, calibration.seed) == ("duo", 0)
    assert calibration.settings["style"] == "tokens"
    assert calibration.model_fingerprint == before == fingerprint(planted_model)
    assert all(weight.requires_grad for weight in planted_model.parameters())
    assert all(weight.grad is None for weight in planted_model.parameters())


def test_training_leaves_no_attention_behind(
    planted_model: LlamaForCausalLM, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    training = DuoTraining(steps=1, sink=4, recent=16)
    before = planted_model.config._attn_implementation
    one, again, other = (
        train_duo_gates(planted_model, word_tokenizer, seed=seed, training=training, data=DATA)
        for seed in (5, 5, 6)
    )
    assert planted_model.config._attn_implementation == before
    assert one.data_sha256 == again.data_sha256 != other.data_sha256
    assert torch.equal(one.tensors["gates"], again.tensors["gates"])


def test_the_rate_rises_stays_and_falls() -> None:
    training = DuoTraining(steps=101, learning_rate=1.0, warm_share=0.2)
    rates = [training.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[20:81] == [1.0] * 61
    assert rates[100] == pytest.approx(0.1)
    assert rates[10] == pytest.approx(0.55)
    assert rates == pytest.approx(rates[::-1])


def test_equal_gates_are_chosen_in_a_fixed_order() -> None:
    gates = torch.tensor([[0.3, 0.7], [0.7, 0.7]])
    assert full_heads_of(gates, 0.5).tolist() == [[False, True], [True, False]]


def test_wrong_settings_and_too_few_sequences_are_refused() -> None:
    with pytest.raises(UsageError, match="steps must be at least 1, got 0"):
        DuoTraining(steps=0)
    with pytest.raises(UsageError, match=r"warm_share must be above 0 and at most 0\.5, got 0\.6"):
        DuoTraining(warm_share=0.6)
    with pytest.raises(UsageError, match=r"a share of heads must be in 0\.\.1, got 2"):
        DuoTraining(full_share=2)

    def two() -> Iterator[LabelledSequence]:
        yield from islice(repeat(random_sequence()), 2)

    with pytest.raises(UsageError, match="3 steps need as many sequences, got 2"):
        fit_gates(random_model(), two(), DuoTraining(steps=3))
