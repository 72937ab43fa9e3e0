"""SALE's calibration on a tiny random model, against attention computed here."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.kernels.reference import dense_attention
from transformers import LlamaConfig, LlamaForCausalLM

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import AttentionCall, observe_attention, use_attention
from tapgraph.kernels.systems.sale import Sale, SaleConfig
from tapgraph.kernels.systems.sale_map import sale_attention
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.calibration.sale_thresholds import (
    SaleCalibration,
    calibrate_sale,
    sale_errors,
)

CONFIG = SaleConfig(query_block=16, key_block=8, local_keys=16, dense_below=0)
FEW = SaleCalibration(first_threshold=0.8, least_threshold=0.05)


def _model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        initializer_range=0.3,
        dtype="float32",
    )
    model: LlamaForCausalLM = LlamaForCausalLM(config).eval()
    return model


def _texts(count: int, tokens: int, seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    texts: list[list[int]] = torch.randint(0, 64, (count, tokens), generator=generator).tolist()
    return texts


def _naive_errors(threshold: float, texts: list[list[int]], model: LlamaForCausalLM) -> Any:
    """Mean L1 errors `[texts][layer][head]` of one threshold in float64."""
    errors: list[dict[int, list[float]]] = []

    def observe(seen: AttentionCall) -> None:
        queries, keys, values = (x.double() for x in (seen.queries, seen.keys, seen.values))
        scale = seen.layer.scale
        dense = dense_attention(queries, keys, values, scale=scale).output
        thresholds = torch.full((4,), threshold)
        kept = sale_attention(queries, keys, values, thresholds, scale=scale, config=CONFIG).kept
        by_token = kept.repeat_interleave(16, 2).repeat_interleave(8, 3)
        mask = by_token[:, :, : queries.shape[2], : keys.shape[2]]
        sparse = dense_attention(queries, keys, values, scale=scale, mask=mask).output
        errors[-1][seen.layer.index] = [
            sum(float((row - other).abs().sum()) for row, other in zip(*heads, strict=True))
            / queries.shape[2]
            for heads in zip(sparse[0], dense[0], strict=True)
        ]

    with torch.no_grad(), observe_attention(model, observe):
        for text in texts:
            errors.append({})
            model(torch.tensor([text]), use_cache=True)
    return errors


def test_each_head_gets_the_largest_threshold_that_passes_on_every_sample() -> None:
    model, texts = _model(), _texts(2, 90, 0)
    by_candidate = {t: _naive_errors(t, texts, model) for t in FEW.candidates()}
    seen = [
        by_candidate[0.8][s][layer][head] for s in (0, 1) for layer in (0, 1) for head in range(4)
    ]
    bound = sorted(seen)[len(seen) // 2]
    settings = replace(FEW, error_bound=bound)
    calibration = calibrate_sale(model, texts, seed=0, settings=settings, config=CONFIG)
    thresholds = calibration.tensors["thresholds"]
    for layer in range(2):
        for head in range(4):
            expected = 0.0
            for candidate in reversed(FEW.candidates()):
                # The paper's loop ends at the first threshold, from above, without a failure.
                if all(by_candidate[candidate][s][layer][head] < bound for s in range(2)):
                    expected = candidate
            assert float(thresholds[layer, head]) == pytest.approx(expected)
    assert len(set(thresholds.flatten().tolist())) > 1
    assert calibration.model_fingerprint == fingerprint(model)
    assert calibration.settings["error_bound"] == bound


def test_errors_are_those_of_attention_computed_apart() -> None:
    model, texts = _model(), _texts(2, 90, 1)
    errors = sale_errors(model, torch.full((2, 4), 0.8), texts, config=CONFIG)
    expected = _naive_errors(0.8, texts, model)
    for text in range(2):
        for layer in range(2):
            for head in range(4):
                # Float32 against float64; a block may not flip at this threshold.
                assert float(errors[text, layer, head]) == pytest.approx(
                    expected[text][layer][head], abs=1e-4
                )


def test_calibrated_heads_keep_their_bound_on_the_samples() -> None:
    model, texts = _model(), _texts(3, 90, 2)
    calibration = calibrate_sale(model, texts, seed=0, settings=FEW, config=CONFIG)
    errors = sale_errors(model, calibration.tensors["thresholds"], texts, config=CONFIG)
    assert bool((errors < float(calibration.settings["error_bound"])).all())


def test_a_bound_that_nothing_keeps_makes_all_heads_dense() -> None:
    model, texts = _model(), _texts(1, 90, 3)
    settings = SaleCalibration(first_threshold=0.2, least_threshold=0.1, error_bound=1e-12)
    calibration = calibrate_sale(model, texts, seed=0, settings=settings, config=CONFIG)
    assert not bool(calibration.tensors["thresholds"].any())
    with torch.no_grad():
        expected = model(torch.tensor(texts)).logits
        with use_attention(model, Sale(CONFIG, calibration.tensors["thresholds"])):
            logits = model(torch.tensor(texts), use_cache=True).logits
    assert (logits - expected).abs().max() < 1e-4


def test_texts_too_short_to_leave_out_a_block_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^a text must have at least 40 tokens .* got 39$"):
        calibrate_sale(_model(), _texts(1, 39, 0), seed=0, config=CONFIG)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0}, "samples must be at least 1, got 0"),
        ({"error_bound": 0.0}, "error_bound must be positive, got 0.0"),
        ({"relative_bound": -1.0}, "relative_bound must be positive, got -1.0"),
        ({"least_threshold": 0.1}, "0 < least_threshold < first_threshold < 1, got 0.1 and 0.008"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SaleCalibration(**settings)
