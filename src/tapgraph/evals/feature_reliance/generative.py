"""A task with two features, one of which is easier to see: predictivity and availability apart.

Hermann, Mobahi, Fel and Mozer, "On the Foundations of Shortcut Learning" (arXiv 2310.16228),
section 3. A label y in {-1, +1} draws two latents z = (shortcut, core) around y mu_i with unit
variance and covariance r; mu_i follows from how often the sign of z_i is the label (predictivity).
An input is the sum of both latents along random unit directions, each lengthened by alpha_i
(availability). How far a model relies on the shortcut is read off a grid of latents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tapgraph.errors import UsageError

__all__ = ["GenerativeTask", "Sampled", "bias", "optimal_reliance", "probe_grid", "reliance"]

Floats: TypeAlias = NDArray[np.float64]
Predictor: TypeAlias = Callable[[Floats], Floats]
"""From latents `[points, 2]` to signs `[points]` in {-1, +1}."""

_GRID = 30
_GRID_REACH = 3.0


@dataclass(frozen=True, slots=True)
class Sampled:
    """Points of a task: `inputs [n, dimensions]`, `latents [n, 2]`, `labels [n]` in {-1, +1}."""

    inputs: Floats
    latents: Floats
    labels: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerativeTask:
    """How well each feature predicts, and how easy it is to see.

    Attributes:
        shortcut_predictivity: how often the sign of the shortcut is the label, 0.5 to 1.
        core_predictivity: the same for the core feature.
        availability_ratio: alpha of the shortcut over alpha of the core; the sum of their squares
            is 2, so that the energy of an input does not depend on it (a deviation: the paper sets
            both by themselves).
        correlation: of the two latents for a given label.
        dimensions: of an input.

    Raises:
        UsageError: a value is out of range.
    """

    shortcut_predictivity: float = 0.85
    core_predictivity: float = 0.9
    availability_ratio: float = 1.0
    correlation: float = 0.6
    dimensions: int = 100

    def __post_init__(self) -> None:
        for name in ("shortcut_predictivity", "core_predictivity"):
            value = getattr(self, name)
            if not 0.5 < value < 1:
                raise UsageError(f"{name} must be above 0.5 and below 1, got {value!r}")
        if self.availability_ratio <= 0:
            raise UsageError(f"availability_ratio must be above 0, got {self.availability_ratio!r}")
        if not -1 < self.correlation < 1:
            raise UsageError(f"correlation must be between -1 and 1, got {self.correlation!r}")

    @property
    def means(self) -> Floats:
        """Mu `[2]`: P(y = sign z_i) is the predictivity, as P(N(mu_i, 1) > 0) = Phi(mu_i)."""
        normal = NormalDist()
        return np.array([
            normal.inv_cdf(self.shortcut_predictivity),
            normal.inv_cdf(self.core_predictivity),
        ])

    @property
    def covariance(self) -> Floats:
        """`[2, 2]`, the same for both labels."""
        return np.array([[1.0, self.correlation], [self.correlation, 1.0]])

    @property
    def amplifications(self) -> Floats:
        """Alpha `[2]`."""
        core = np.sqrt(2 / (1 + self.availability_ratio**2))
        return np.array([self.availability_ratio * core, core])

    def directions(self, seed: int) -> Floats:
        """W `[2, dimensions]`: where the latents lie in the input, of unit length."""
        drawn = np.random.default_rng(seed).standard_normal((2, self.dimensions))
        unit: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return unit

    def embed(self, latents: Floats, directions: Floats) -> Floats:
        """The inputs `[n, dimensions]` of latents `[n, 2]`."""
        embedded: Floats = (latents * self.amplifications) @ directions
        return embedded

    def sample(self, n: int, directions: Floats, *, seed: int) -> Sampled:
        """So many points, half of each label."""
        rng = np.random.default_rng(seed)
        labels = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
        noise = rng.multivariate_normal(np.zeros(2), self.covariance, size=n)
        latents = labels[:, None] * self.means + noise
        return Sampled(self.embed(latents, directions), latents, labels)

    def optimal(self, latents: Floats) -> Floats:
        """The sign that linear discriminant analysis on the latents gives: `[n]`.

        With one covariance for both labels this is the Bayes rule.
        """
        weights = np.linalg.solve(self.covariance, self.means)
        signs: Floats = np.where(latents @ weights >= 0, 1.0, -1.0)
        return signs


def probe_grid(task: GenerativeTask) -> Floats:
    """Latents `[900, 2]` on a 30 x 30 grid over three means to both sides."""
    axes = [np.linspace(-_GRID_REACH * mean, _GRID_REACH * mean, _GRID) for mean in task.means]
    shortcut, core = np.meshgrid(*axes, indexing="ij")
    return np.stack([shortcut.ravel(), core.ravel()], axis=1)


def reliance(predict: Predictor, task: GenerativeTask) -> float:
    """The mean over the grid of y(z) (sign z_s - sign z_c), from -1 (core) to 1 (shortcut)."""
    grid = probe_grid(task)
    signs = np.sign(grid)
    return float(np.mean(predict(grid) * (signs[:, 0] - signs[:, 1])))


def optimal_reliance(task: GenerativeTask) -> float:
    """What the best classifier has, which weighs both features by how well they predict."""
    return reliance(task.optimal, task)


def bias(predict: Predictor, task: GenerativeTask) -> float:
    """Reliance beyond the optimal one: above 0 where the shortcut counts for too much."""
    return reliance(predict, task) - optimal_reliance(task)
