"""Which heads a task embedding goes into, and how much: soft head selection."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.llm_backend.steering.prompt_pasts import PromptPasts
from tapgraph.llm_backend.steering.task_prompts import Example

__all__ = ["HeadTraining", "Lane", "LearntWeights", "Progress", "learn_weights"]


@dataclass(frozen=True, slots=True)
class HeadTraining:
    """How weights are learnt; the paper's numbers.

    Attributes:
        steps: of Adam, each over one prompt without demonstrations.
        learning_rate: of Adam.
        answer_tokens: so many first tokens of the answer are to become likely.
        validate_every: steps between looks at the validation loss.
    """

    steps: int = 400
    learning_rate: float = 0.2
    answer_tokens: int = 1
    validate_every: int = 50

    def __post_init__(self) -> None:
        for name, least in (("steps", 0), ("answer_tokens", 1), ("validate_every", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, got {getattr(self, name)!r}")
        if not self.learning_rate > 0:
            raise UsageError(f"learning_rate must be above 0, got {self.learning_rate!r}")


@dataclass(frozen=True, slots=True)
class Lane:
    """One embedding whose weights are learnt.

    Attributes:
        vectors: `[layers, heads, head_dim]`.
        train: prompts without demonstrations that gradients come from.
        validation: others, that the best step is chosen by.
        seed: of the order of `train`.
    """

    vectors: Tensor
    train: Sequence[Example]
    validation: Sequence[Example]
    seed: int


@dataclass(frozen=True, slots=True)
class LearntWeights:
    """The weights that were best in validation.

    Attributes:
        weights: 0..1, float32 `[layers, heads]`.
        step: after how many steps.
        loss: their validation loss, in nats a token; less is better.
        losses: of every look, in order; the first one is before any step.
    """

    weights: Tensor
    step: int
    loss: float
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: a step, and the mean validation loss of all lanes."""

    step: int
    loss: float


def learn_weights(
    pasts: PromptPasts,
    lanes: Sequence[Lane],
    training: HeadTraining,
    on_look: Callable[[Progress], None] = lambda _: None,
) -> list[LearntWeights]:
    """For each lane one weight `a` a head, so that prompts with the embedding are answered well.

    `a = sigmoid(theta)`, theta from 0 by Adam on the cross-entropy of the answer (Soft Injection,
    2507.20906, section 3.2). Lanes are learnt side by side, one row each: none depends on another.

    Deviations: the weights are those of the look with the least validation loss (the paper says so,
    its script keeps the last ones); `answer_tokens` above 1 lets later tokens of the answer count.

    Raises:
        UsageError: a lane has nothing to learn or to validate from.
    """
    for lane in lanes:
        if not lane.train or not lane.validation:
            raise UsageError("weights are learnt from at least one example and validated on one")
    vectors = torch.stack([lane.vectors for lane in lanes])
    theta = torch.zeros(vectors.shape[:-1], device=vectors.device, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=training.learning_rate)
    orders = [_endless(lane) for lane in lanes]
    looks: list[tuple[int, Tensor, list[float]]] = []
    for step in range(training.steps + 1):
        if step % training.validate_every == 0 or step == training.steps:
            weights = theta.detach().sigmoid()
            losses = [
                _validation_loss(pasts, lane, own, training)
                for lane, own in zip(lanes, weights, strict=True)
            ]
            looks.append((step, weights, losses))
            on_look(Progress(step, sum(losses) / len(losses)))
        if step < training.steps:
            optimizer.zero_grad()
            with torch.enable_grad():
                drawn = [next(order) for order in orders]
                loss = pasts.losses(
                    drawn, training.answer_tokens, vectors=vectors, weights=theta.sigmoid()
                )
                loss.sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return [_best(looks, place) for place in range(len(lanes))]


def _validation_loss(
    pasts: PromptPasts, lane: Lane, weights: Tensor, training: HeadTraining
) -> float:
    rows = len(lane.validation)
    with torch.no_grad():
        losses = pasts.losses(
            lane.validation,
            training.answer_tokens,
            vectors=lane.vectors.expand(rows, -1, -1, -1),
            weights=weights.expand(rows, -1, -1),
        )
    return float(losses.mean())


def _best(looks: Sequence[tuple[int, Tensor, list[float]]], lane: int) -> LearntWeights:
    step, weights, losses = min(looks, key=lambda look: look[2][lane])
    every = tuple(one[2][lane] for one in looks)
    return LearntWeights(weights[lane].float().cpu(), step, losses[lane], every)


def _endless(lane: Lane) -> Iterator[Example]:
    """All of `train` in a new order, again and again."""
    dice = random.Random(lane.seed)
    while True:
        yield from dice.sample(list(lane.train), len(lane.train))
