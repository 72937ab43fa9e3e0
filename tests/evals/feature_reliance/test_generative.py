import math

import numpy as np
import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.evals.feature_reliance.generative import (
    GenerativeTask,
    bias,
    optimal_reliance,
    probe_grid,
    reliance,
)
from tapgraph.evals.feature_reliance.trained_models import Kind, Training, bias_curve

TASK = GenerativeTask()
MANY = 200_000


def test_the_means_are_those_of_the_inverse_error_function() -> None:
    predictivities = torch.tensor([0.85, 0.9], dtype=torch.float64)
    expected = math.sqrt(2) * torch.erfinv(2 * predictivities - 1)
    assert TASK.means == pytest.approx(expected.numpy(), abs=1e-9)


def test_the_sign_of_a_latent_is_the_label_as_often_as_its_predictivity_says() -> None:
    sampled = TASK.sample(MANY, TASK.directions(0), seed=1)
    agreeing = np.mean(np.sign(sampled.latents) == sampled.labels[:, None], axis=0)
    assert agreeing == pytest.approx([0.85, 0.9], abs=0.005)
    noise = sampled.latents - sampled.labels[:, None] * TASK.means
    assert np.cov(noise.T) == pytest.approx(TASK.covariance, abs=0.02)


def test_availability_changes_the_input_and_not_the_latents() -> None:
    loud = GenerativeTask(availability_ratio=8.0)
    directions = TASK.directions(0)
    plain, amplified = TASK.sample(50, directions, seed=1), loud.sample(50, directions, seed=1)
    assert np.array_equal(plain.latents, amplified.latents)
    shares = amplified.inputs @ np.linalg.pinv(directions)
    assert shares == pytest.approx(plain.latents * loud.amplifications, abs=1e-9)
    assert loud.amplifications[0] / loud.amplifications[1] == pytest.approx(8.0)
    assert np.sum(loud.amplifications**2) == pytest.approx(2.0)


def test_reliance_is_the_mean_over_the_points_whose_features_disagree() -> None:
    grid = probe_grid(TASK)
    conflicts = grid[np.sign(grid[:, 0]) != np.sign(grid[:, 1])]
    answers = TASK.optimal(conflicts) * np.sign(conflicts[:, 0])
    assert optimal_reliance(TASK) == pytest.approx(float(np.mean(answers)))
    assert reliance(lambda z: np.sign(z[:, 0]), TASK) == 1.0
    assert reliance(lambda z: np.sign(z[:, 1]), TASK) == -1.0


def test_the_optimal_weights_are_those_of_the_closed_form() -> None:
    shortcut, core = TASK.means
    weights = np.array([shortcut - 0.6 * core, core - 0.6 * shortcut])
    grid = probe_grid(TASK)
    assert np.array_equal(TASK.optimal(grid), np.where(grid @ weights >= 0, 1.0, -1.0))
    assert bias(TASK.optimal, TASK) == 0.0


def test_the_optimum_never_goes_by_a_shortcut_that_predicts_too_little() -> None:
    assert optimal_reliance(GenerativeTask(shortcut_predictivity=0.75)) == -1.0


def test_an_early_model_goes_by_what_is_easy_to_see_and_not_without_the_difference() -> None:
    training = Training(points=800, width=16, measured_at=(300,))
    biases: dict[float, float] = {}
    for ratio in (1.0, 8.0):
        kind: Kind = "tanh"
        task = GenerativeTask(availability_ratio=ratio, dimensions=20)
        biases[ratio] = bias_curve(kind, task, training, seed=0).biases[0]
    assert biases[8.0] > biases[1.0] + 0.3


@pytest.mark.parametrize(
    "options",
    [
        {"shortcut_predictivity": 0.5},
        {"core_predictivity": 1.0},
        {"availability_ratio": 0.0},
        {"correlation": 1.0},
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        GenerativeTask(**options)  # type: ignore[arg-type]
