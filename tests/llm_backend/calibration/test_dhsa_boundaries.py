"""Training DHSA's boundary predictor on a tiny random model."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.dhsa import Dhsa, DhsaConfig
from tapgraph.kernels.systems.dhsa_boundaries import BoundaryPredictor
from tapgraph.llm_backend.calibration.boundary_quality import boundary_quality
from tapgraph.llm_backend.calibration.calibration_file import (
    fingerprint,
    load_calibration,
    save_calibration,
)
from tapgraph.llm_backend.calibration.dhsa_boundaries import (
    LEAST_LOGIT,
    BoundaryTraining,
    LayerBoundaries,
    focal_loss,
    observe_boundaries,
    predictor_of,
    train_dhsa_boundaries,
)

SETTINGS = BoundaryTraining(epochs=6, learning_rate=3e-3, hidden=32)
STOP = 5


def _model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        initializer_range=0.3,
        rope_parameters={"rope_type": "default", "rope_theta": 1e8},
        dtype="float32",
    )
    model: LlamaForCausalLM = LlamaForCausalLM(config).eval()
    return model


def _texts(count: int, seed: int, tokens: int = 160) -> list[list[int]]:
    """Stretches of 12 to 20 tokens from one of two halves of the vocabulary, ended by a stop."""
    generator = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    texts = []
    for _ in range(count):
        text: list[int] = []
        while len(text) < tokens:
            low = 8 + 28 * number(0, 2)
            text += [*(number(low, low + 4) for _ in range(number(12, 21))), STOP]
        texts.append(text[:tokens])
    return texts


def _loop_loss(logits: Tensor, targets: Tensor, focus: float, weight: float) -> float:
    total = 0.0
    for logit, target in zip(logits.tolist(), targets.tolist(), strict=True):
        p = 1 / (1 + torch.exp(torch.tensor(-logit, dtype=torch.float64)))
        truth = p if target else 1 - p
        total += float(-((1 - truth) ** focus) * torch.log(truth)) * (weight if target else 1)
    return total / len(logits)


def test_focal_loss_equals_its_formula() -> None:
    logits = torch.tensor([-3.0, -0.5, 0.0, 0.7, 4.0], dtype=torch.float64)
    targets = torch.tensor([True, False, True, False, True])
    for focus, weight in ((2.0, 1.3), (0.0, 1.0)):
        loss = focal_loss(logits, targets, focus=focus, positive_weight=weight)
        assert float(loss) == pytest.approx(_loop_loss(logits, targets, focus, weight))


def test_training_beats_an_untrained_predictor_and_chance_on_held_out_texts() -> None:
    model = _model()
    calibration = train_dhsa_boundaries(model, _texts(24, 0), seed=0, settings=SETTINGS)
    torch.manual_seed(0)
    untrained = BoundaryPredictor(32, hidden=32)
    held_out = _texts(6, 1)

    def overlap(predictor: BoundaryPredictor) -> dict[str, float]:
        quality = boundary_quality(
            model, predictor, held_out, is_clause_end=lambda token: token == STOP, seed=0
        )
        return {name: each.overlap for name, each in quality.items()}

    trained = overlap(predictor_of(calibration))
    # A random model's attention is hard to foresee: 0.32 against 0.09, 0.13 and 0.08.
    assert trained["predictor"] > 2 * trained["random"]
    assert trained["predictor"] > 2 * trained["grid"]
    assert trained["predictor"] > 2 * overlap(untrained)["predictor"]


def test_the_cut_is_the_one_with_the_best_f1_on_the_held_out_texts() -> None:
    model, texts = _model(), _texts(16, 2)
    calibration = train_dhsa_boundaries(
        model, texts, seed=0, settings=BoundaryTraining(epochs=1, hidden=16)
    )
    predictor = predictor_of(calibration)
    logits: list[float] = []
    truths: list[bool] = []

    def see(seen: LayerBoundaries) -> None:
        logits.extend(predictor(seen.keys)[0, seen.usable].tolist())
        truths.extend(seen.is_boundary.tolist())

    for text in texts[::8]:
        observe_boundaries(model, text, see, SETTINGS)

    def f1(cut: float) -> float:
        called = [truth for logit, truth in zip(logits, truths, strict=True) if logit > cut]
        return 2 * sum(called) / (len(called) + sum(truths))

    best = max(f1(logit - 1e-6) for logit in logits)
    assert f1(LEAST_LOGIT) == pytest.approx(best)
    assert calibration.settings["held_out_f1"] == pytest.approx(best)


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone() -> None:
    model, texts = _model(), _texts(3, 3)
    settings = BoundaryTraining(epochs=1, hidden=8)
    torch.manual_seed(5)
    first = train_dhsa_boundaries(model, texts, seed=7, settings=settings)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
    second = train_dhsa_boundaries(model, texts, seed=7, settings=settings)
    other = train_dhsa_boundaries(model, texts, seed=8, settings=settings)
    weight = "judge.0.weight"
    assert torch.equal(first.tensors[weight], second.tensors[weight])
    assert not torch.equal(first.tensors[weight], other.tensors[weight])


def test_the_file_gives_the_predictor_that_the_system_uses(tmp_path: Path) -> None:
    model, texts = _model(), _texts(3, 4)
    settings = BoundaryTraining(epochs=1, hidden=8)
    calibration = train_dhsa_boundaries(model, texts, seed=0, settings=settings)
    save_calibration(calibration, tmp_path / "tapgraph-dhsa.safetensors")
    loaded = load_calibration(
        tmp_path / "tapgraph-dhsa.safetensors",
        system="dhsa",
        model_fingerprint=fingerprint(model),
    )
    keys = torch.randn((1, 40, 32), generator=torch.Generator().manual_seed(0))
    assert torch.equal(predictor_of(loaded)(keys), predictor_of(calibration)(keys))
    config = DhsaConfig(budget_tokens=40, first_tokens=8, local_tokens=16, dense_below=0)
    with torch.no_grad(), use_attention(model, Dhsa(config, predictor_of(loaded))):
        output = model(torch.tensor(texts[:1]), use_cache=True)
    assert bool(output.logits.isfinite().all())


def test_texts_that_teach_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^texts must be at least 2, one is held out, got 1$"):
        train_dhsa_boundaries(_model(), _texts(1, 0), seed=0)
    with pytest.raises(UsageError, match=r"^a text must have at least 17 tokens, got 16$"):
        train_dhsa_boundaries(_model(), _texts(2, 0, tokens=16), seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"texts": 1}, "texts must be at least 2, one is held out, got 1"),
        ({"least_ratio": 1.0}, "least_ratio must be above 1, got 1.0"),
        ({"learning_rate": 0.0}, "learning_rate and positive_weight must be positive"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BoundaryTraining(**settings)
