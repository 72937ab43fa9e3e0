"""Linear, ReLU and tanh models trained on the generative task, and their bias as they learn.

Section 4 of arXiv 2310.16228: a linear model is about unbiased, one hidden layer is not. Optimiser
and widths of the paper are not known here; these are plain SGD on squared error, so the numbers
are of this setting. A single early number can show anything (a linear model is biased too while it
has not learnt), so that the bias is a curve over training steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from tapgraph.evals.feature_reliance.generative import Floats, GenerativeTask, bias

__all__ = ["BiasCurve", "Kind", "Training", "bias_curve"]

Kind: TypeAlias = Literal["linear", "relu", "tanh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Plain SGD on the squared error of the label.

    Attributes:
        hidden_layers: of the ReLU and tanh models, each `width` wide.
        measured_at: training steps after which the bias is read off.
    """

    hidden_layers: int = 1
    width: int = 128
    points: int = 3200
    batch: int = 64
    learning_rate: float = 0.03
    measured_at: Sequence[int] = (250, 500, 1000, 2500, 5000)


@dataclass(frozen=True, slots=True)
class BiasCurve:
    """The bias after so many steps, and the share of fresh points that the model got right."""

    steps: tuple[int, ...]
    biases: tuple[float, ...]
    accuracies: tuple[float, ...]


def bias_curve(kind: Kind, task: GenerativeTask, training: Training, *, seed: int) -> BiasCurve:
    """Train one model and measure it on the way; equal for equal seeds on one machine."""
    directions = task.directions(seed)
    drawn = task.sample(training.points, directions, seed=seed + 1)
    fresh = task.sample(1000, directions, seed=seed + 2)
    generator = torch.Generator().manual_seed(seed)
    model = _built(kind, task.dimensions, training, generator)
    inputs, labels = _tensor(drawn.inputs), _tensor(drawn.labels)
    optimizer = torch.optim.SGD(model.parameters(), lr=training.learning_rate)

    def predicted(latents: Floats) -> Floats:
        return _signs(model, task.embed(latents, directions))

    biases, accuracies = [], []
    for step in range(1, max(training.measured_at) + 1):
        rows = torch.randint(len(labels), (training.batch,), generator=generator)
        loss = ((model(inputs[rows]).squeeze(1) - labels[rows]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in training.measured_at:
            biases.append(bias(predicted, task))
            right = _signs(model, fresh.inputs) == fresh.labels
            accuracies.append(float(np.mean(right)))
    return BiasCurve(tuple(sorted(training.measured_at)), tuple(biases), tuple(accuracies))


def _built(
    kind: Kind, dimensions: int, training: Training, generator: torch.Generator
) -> nn.Sequential:
    layers: list[nn.Module] = []
    wide = dimensions
    if kind != "linear":
        for _ in range(training.hidden_layers):
            layers += [nn.Linear(wide, training.width), nn.ReLU() if kind == "relu" else nn.Tanh()]
            wide = training.width
    model = nn.Sequential(*layers, nn.Linear(wide, 1))
    for layer in model:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return model


def _signs(model: nn.Module, inputs: Floats) -> Floats:
    with torch.no_grad():
        scores = model(_tensor(inputs)).squeeze(1).double().numpy()
    signs: Floats = np.where(scores >= 0, 1.0, -1.0)
    return signs


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(values).float()
