"""Training with perturbed attention: Attention AT and Attention iAT (arXiv 2009.12064).

The perturbation is added to the attention logits, not to the words. It makes the net's own weights
smooth; it is no defence against hostile text. Where the released code differs from the paper's
text, the text is followed: the perturbation raises the loss, and the directions of iAT lie within
one step.

Both warm up on clean steps first: from the start, perturbations as large as these keep the net from
learning anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tapgraph.tools.mobile.perception.outcome_net import OutcomeNet, StepBatch, batch_of
from tapgraph.tools.mobile.perception.outcome_text import EncodedStep

__all__ = ["Manner", "OutcomeTraining", "perturbation", "train_outcomes"]

Manner: TypeAlias = Literal["plain", "at", "iat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTraining:
    """How a net is trained.

    Attributes:
        manner: whether the attention is perturbed, and how.
        epsilon: L2 norm of the perturbation of a step.
        warm_up: epochs on clean steps before it.
        weight: lambda, of the loss under the perturbation.
        unknown_share: so many words are hidden in training, so that the net learns to compare the
            two texts in the place of learning an app's words by heart.
    """

    manner: Manner = "iat"
    epochs: int = 8
    warm_up: int = 4
    epsilon: float = 2.0
    weight: float = 1.0
    batch: int = 64
    learning_rate: float = 2e-3
    unknown_share: float = 0.3


def perturbation(manner: Manner, gradient: Tensor, logits: Tensor, is_word: Tensor) -> Tensor:
    """The direction `[batch, words]` in which the loss rises, of unit norm for each step.

    AT (equation 8 there): the gradient of the loss by the attention logits. iAT (equations 10 to
    13): only along differences of attention between words, which are not normalised one by one;
    with a_t - a_k as directions that weighs the gradient of word t by sum_k (a_t - a_k)^2.
    """
    raised = gradient.masked_fill(~is_word, 0.0)
    if manner == "iat":
        apart = (logits[:, :, None] - logits[:, None, :]) ** 2
        apart = apart.masked_fill(~is_word[:, None, :], 0.0).sum(dim=-1)
        raised = raised * apart
    length: Tensor = raised.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return raised / length


def train_outcomes(
    steps: Sequence[EncodedStep], labels: Sequence[int], training: OutcomeTraining, *, seed: int
) -> OutcomeNet:
    """A trained net, in evaluation mode; equal seeds give equal nets on one machine.

    Args:
        steps: what it reads.
        labels: indices in `VERDICTS`.
        training: how.
        seed: of the first weights, the order and what is hidden.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = OutcomeNet()
        optimizer = torch.optim.Adam(net.parameters(), lr=training.learning_rate, amsgrad=True)
        batches = -(-len(steps) // training.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, training.learning_rate, total_steps=batches * training.epochs
        )
        targets = torch.tensor(labels)
        for epoch in range(training.epochs):
            is_perturbed = training.manner != "plain" and epoch >= training.warm_up
            for rows in _similar_lengths(steps, training.batch):
                batch = _with_unknown(
                    batch_of([steps[row] for row in rows]), training.unknown_share
                )
                loss = _loss(net, batch, targets[rows], training, is_perturbed=is_perturbed)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
                schedule.step()
    return net.eval()


def _loss(
    net: OutcomeNet,
    batch: StepBatch,
    targets: Tensor,
    training: OutcomeTraining,
    *,
    is_perturbed: bool,
) -> Tensor:
    hidden, question = net.encode(batch)
    logits = net.attention_logits(hidden, question)
    clean = cross_entropy(net.classify(hidden, question, logits, batch.is_word), targets)
    if not is_perturbed:
        return clean
    (gradient,) = torch.autograd.grad(clean, logits, retain_graph=True)
    worst = training.epsilon * perturbation(
        training.manner, gradient, logits.detach(), batch.is_word
    )
    moved = net.classify(hidden, question, logits + worst, batch.is_word)
    return clean + training.weight * cross_entropy(moved, targets)


def _similar_lengths(steps: Sequence[EncodedStep], batch: int) -> list[Tensor]:
    """Batches in random order, of steps of about one length, which saves padding."""
    lengths = torch.tensor([float(len(step.changes)) for step in steps])
    order = torch.argsort(lengths + 10 * torch.rand(len(steps)))
    parts = [order[at : at + batch] for at in range(0, len(order), batch)]
    return [parts[place] for place in torch.randperm(len(parts))]


def _with_unknown(batch: StepBatch, share: float) -> StepBatch:
    question, changes = batch.question.clone(), batch.changes.clone()
    for words in (question, changes):
        words[..., 0][torch.rand(words.shape[:2]) < share] = 0
    return replace(batch, question=question, changes=changes)
