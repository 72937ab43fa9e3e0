import pytest
import torch

from tapgraph.evals.outcomes.selective import (
    best_threshold,
    curve_of,
    fitted_temperature,
    spared_at,
)

SHARES = torch.tensor([
    [0.99, 0.01, 0.0],
    [0.95, 0.05, 0.0],
    [0.08, 0.92, 0.0],
    [0.85, 0.15, 0.0],
    [0.4, 0.6, 0.0],
])
LABELS = torch.tensor([0, 0, 1, 1, 0])
"""The surest three are right, the other two wrong."""


def test_a_threshold_spares_those_at_least_as_sure() -> None:
    found = spared_at(0.85, SHARES, LABELS)
    assert (found.spared.value, found.wrong.value) == (0.8, 0.25)
    assert found.false_successes.value == 0.25
    assert spared_at(0.9, SHARES, LABELS).wrong.value == 0.0


def test_the_best_threshold_is_the_lowest_that_is_right_enough() -> None:
    assert best_threshold(SHARES, LABELS, most_wrong=0.0) == pytest.approx(0.92)
    assert best_threshold(SHARES, LABELS, most_wrong=0.25) == pytest.approx(0.85)
    assert best_threshold(SHARES, 1 - LABELS, most_wrong=0.1) == 1.0


def test_a_curve_goes_from_the_surest_to_all() -> None:
    assert curve_of(SHARES, LABELS, (0.2, 0.6, 1.0)).wrong == pytest.approx((0.0, 0.0, 0.4))


def test_the_temperature_takes_back_what_logits_were_multiplied_by() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4000, 3) * 2
    labels = torch.multinomial(torch.softmax(logits, -1), 1).squeeze(1)
    assert fitted_temperature(logits * 3, labels) == pytest.approx(3.0, abs=0.3)
